//! Where the processes of the demo run: this program, started again and again, all in one folder.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use super::super::cannot_write;
use crate::cli::Failure;

/// How long anybody may take for anything.
const PATIENCE: Duration = Duration::from_mins(1);

/// A folder, and the program that runs in it.
pub(super) struct Stage {
    program: PathBuf,
    home: PathBuf,
}

impl Stage {
    pub(super) fn at(home: &Path) -> Result<Self, Failure> {
        let program = std::env::current_exe().map_err(Failure::could_not_tell)?;
        let home = std::path::absolute(home).map_err(Failure::could_not_tell)?;
        Ok(Self { program, home })
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.home.join(name)
    }

    pub(super) fn write(&self, name: &str, text: &str) -> Result<(), Failure> {
        let path = self.path(name);
        std::fs::write(&path, text).map_err(|error| cannot_write(&path, &error))
    }

    pub(super) fn read(&self, name: &str) -> Result<String, Failure> {
        let path = self.path(name);
        let failed = |error| Failure::could_not_tell(format!("{}: {error}", path.display()));
        std::fs::read_to_string(&path).map_err(failed)
    }

    /// A file of this name, anywhere below a folder.
    pub(super) fn find(&self, folder: &str, name: &str) -> Result<PathBuf, Failure> {
        let mut folders = vec![self.path(folder)];
        while let Some(folder) = folders.pop() {
            if folder.join(name).is_file() {
                return Ok(folder.join(name));
            }
            let inside = std::fs::read_dir(&folder).map_err(Failure::could_not_tell)?;
            folders.extend(inside.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()));
        }
        Err(Failure::does_not_hold(format!("{name} is not kept in {folder}")))
    }

    /// Runs a verb to its end: its exit code, and what it printed.
    pub(super) async fn run(&self, words: &str) -> Result<(Option<i32>, String), Failure> {
        let ran = timeout(PATIENCE, self.command(words).output()).await;
        let ran = ran.map_err(|_| late(words))?.map_err(|error| cannot_start(words, &error))?;
        let said = String::from_utf8_lossy(&ran.stdout) + String::from_utf8_lossy(&ran.stderr);
        Ok((ran.status.code(), said.into_owned()))
    }

    /// Runs a verb that has to succeed.
    pub(super) async fn done(&self, words: &str) -> Result<String, Failure> {
        match self.run(words).await? {
            (Some(0), said) => Ok(said),
            (_, said) => Err(Failure::does_not_hold(format!("deedbook {words}: {said}"))),
        }
    }

    /// Starts a verb that goes on and prints JSON, one value a line. What it has to say besides is in a file of this name.
    pub(super) fn start(&self, name: &str, words: &str) -> Result<Player, Failure> {
        let notes = self.path(&format!("{name}.stderr"));
        let file = std::fs::File::create(&notes).map_err(|error| cannot_write(&notes, &error))?;
        let mut command = self.command(words);
        let mut child = command.stderr(file).spawn().map_err(|error| cannot_start(words, &error))?;
        let said = child.stdout.take().ok_or_else(|| Failure::could_not_tell("no standard output"))?;
        Ok(Player { child, said: BufReader::new(said).lines(), words: words.to_owned(), notes })
    }

    /// No word has a blank in it.
    fn command(&self, words: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.args(words.split(' ')).current_dir(&self.home).env_clear();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }
}

/// A process that plays its part until it is told to stop; killed where the story breaks off.
pub(super) struct Player {
    child: Child,
    said: Lines<BufReader<ChildStdout>>,
    words: String,
    notes: PathBuf,
}

impl Player {
    /// The next thing that it says which is what is waited for.
    pub(super) async fn says(&mut self, which: impl Fn(&Value) -> bool) -> Result<Value, Failure> {
        let heard = async {
            let mut last = Value::Null;
            while let Some(line) = self.said.next_line().await.map_err(Failure::could_not_tell)? {
                let value: Value = serde_json::from_str(&line).unwrap_or_default();
                if which(&value) {
                    return Ok(value);
                }
                last = value;
            }
            let why = last["error"].as_str().unwrap_or_default();
            Err(Failure::could_not_tell(format!("deedbook {} ended: {why}{}", self.words, self.notes())))
        };
        let heard = timeout(PATIENCE, heard).await;
        heard.map_err(|_| late(&self.words))?
    }

    /// What follows these words in a line of its notes.
    pub(super) async fn notes_after(&self, words: &str) -> Result<String, Failure> {
        let noted = async {
            loop {
                let notes = self.notes();
                if let Some(rest) = notes.lines().find_map(|line| line.strip_prefix(words)) {
                    return rest.to_owned();
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, noted).await.map_err(|_| late(&self.words))
    }

    fn notes(&self) -> String {
        std::fs::read_to_string(&self.notes).unwrap_or_default()
    }

    /// Ends it as a service manager would, and waits until it has: its exit code.
    pub(super) async fn end(mut self) -> Result<Option<i32>, Failure> {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(id) = id {
            // Who is gone already has ended.
            let _ = kill_process(id, Signal::TERM);
        }
        let ended = timeout(PATIENCE, self.child.wait()).await.map_err(|_| late(&self.words))?;
        ended.map(|status| status.code()).map_err(Failure::could_not_tell)
    }
}

fn cannot_start(words: &str, error: &std::io::Error) -> Failure {
    Failure::could_not_tell(format!("deedbook {words}: {error}"))
}

fn late(words: &str) -> Failure {
    Failure::could_not_tell(format!("deedbook {words}: it takes more than {} seconds", PATIENCE.as_secs()))
}
