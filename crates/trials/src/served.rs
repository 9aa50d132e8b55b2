//! A server as a process of its own: started, signalled, killed, and never left behind.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use sequencer::Kind;
use testkit::Chance;

use crate::TrialError;

/// How long a server may take to open its log.
const PATIENCE: Duration = Duration::from_mins(2);
/// How long the threads of a process may take to stop.
const STOPS_WITHIN: Duration = Duration::from_mins(1);

/// How a server is started; it is also told `--data`, `--listen` and `--kind`.
#[derive(Clone, Debug)]
pub struct Program {
    words: Vec<OsString>,
}

/// A server that was started and has not said yet that it serves.
pub struct Starting {
    child: Guard,
    data: PathBuf,
    words: File,
}

/// A server that serves.
pub struct Served {
    /// Where it is reached.
    pub url: String,
    /// The log's public key.
    pub vkey: String,
    /// Why it takes no entries, if it does not.
    pub read_only: Option<String>,
    child: Guard,
    words: File,
}

impl Program {
    /// `deedbook serve --open`, publishing at this interval.
    pub fn deedbook(binary: &Path, publish_every: Duration) -> Self {
        let seconds = publish_every.as_secs_f64().to_string();
        Self::new(binary, &["serve", "--open", "--json", "--publish-every", &seconds])
    }

    /// Some other server that prints the same line when it is up.
    pub fn new(binary: &Path, words: &[&str]) -> Self {
        Self { words: std::iter::once(binary.into()).chain(words.iter().map(OsString::from)).collect() }
    }

    /// The same, started by a shell that allows it so many descriptors.
    #[must_use]
    pub fn with_descriptors(&self, descriptors: u64) -> Self {
        let shell = format!("ulimit -n {descriptors} && exec \"$0\" \"$@\"");
        let mut words: Vec<OsString> = vec!["sh".into(), "-c".into(), shell.into()];
        words.extend(self.words.iter().cloned());
        Self { words }
    }

    /// Starts it on a log's directory, which it makes if it is not there.
    ///
    /// # Errors
    /// There is no such program.
    pub fn start(&self, data: &Path, kind: Kind, listen: SocketAddr) -> Result<Starting, TrialError> {
        let words = tempfile::tempfile().map_err(TrialError::failed)?;
        let stderr = words.try_clone().map_err(TrialError::failed)?;
        let mut all = self.words.iter();
        let mut command = tied(all.next().map_or(OsStr::new(""), OsString::as_os_str));
        command.args(all).args(["--kind", &kind.to_string(), "--listen", &listen.to_string(), "--data"]);
        command.arg(data).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr);
        let child = command.spawn();
        let child = child
            .map_err(|error| TrialError::failed(format!("{:?} cannot be started: {error}", self.words)))?;
        Ok(Starting { child: Guard(child), data: data.to_owned(), words })
    }
}

impl Starting {
    /// Waits until it serves.
    ///
    /// # Errors
    /// Its own words, when it ends instead.
    pub fn up(mut self) -> Result<Served, String> {
        let Some(stdout) = self.child.0.stdout.take() else {
            return Err("it has no standard output".to_owned());
        };
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = BufReader::new(stdout).read_line(&mut line);
            // Whoever waited may have lost patience.
            let _ = sender.send(read.map(|_| line));
        });
        let line = match receiver.recv_timeout(PATIENCE) {
            Ok(Ok(line)) => line,
            Ok(Err(error)) => return Err(error.to_string()),
            Err(_) => return Err(format!("it said nothing for {PATIENCE:?}")),
        };
        let said: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
        let text = |name: &str| said[name].as_str().map(str::to_owned);
        let (Some(url), Some(vkey)) = (text("url"), text("vkey")) else {
            let _ = self.child.0.wait();
            return Err(self.why(&said));
        };
        let Self { child, words, .. } = self;
        Ok(Served { url, vkey, read_only: text("read_only"), child, words })
    }

    /// Its own sentence, or else the last line that it wrote to standard error.
    fn why(&mut self, said: &serde_json::Value) -> String {
        let words = last_words(&mut self.words);
        let last = words.lines().next_back().unwrap_or("it said nothing");
        format!("{}: {}", self.data.display(), said["error"].as_str().unwrap_or(last))
    }

    /// Ends it in the middle of opening the log.
    pub fn kill(self) {
        drop(self.child);
    }
}

impl Served {
    /// Ends it in the middle of whatever it does.
    pub fn kill(&mut self) {
        self.child.end();
    }

    /// Holds it where it is: none of its threads goes on.
    ///
    /// # Errors
    /// It is gone.
    pub fn freeze(&self) -> Result<(), TrialError> {
        freeze(&self.child.0)
    }

    /// Ends it as a service manager would, and waits until it has drained.
    ///
    /// # Errors
    /// It does not end well.
    pub fn stop(&mut self) -> Result<(), TrialError> {
        let process = Pid::from_child(&self.child.0);
        kill_process(process, Signal::TERM).map_err(TrialError::failed)?;
        let status: ExitStatus = self.child.0.wait().map_err(TrialError::failed)?;
        if status.success() {
            return Ok(());
        }
        Err(TrialError::broken(format!("a stop ended with {status}: {}", last_words(&mut self.words))))
    }

    /// Whether the process is there.
    pub fn runs(&mut self) -> bool {
        matches!(self.child.0.try_wait(), Ok(None))
    }

    /// Most memory that it ever held (`VmHWM`), in bytes; 0 where the system does not say.
    pub fn memory_max(&self) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.child.0.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
        let kib = line.split_whitespace().next().and_then(|number| number.parse::<u64>().ok());
        kib.unwrap_or(0) * 1024
    }

    /// Descriptors that it has open.
    pub fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.0.id())).map_or(0, Iterator::count)
    }
}

/// A child process that is not left behind.
pub(crate) struct Guard(pub(crate) Child);

impl Guard {
    /// Kills and waits. One that is gone already is as good.
    pub(crate) fn end(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.end();
    }
}

/// A program that dies with this process even if this one is killed, where `setpriv` (util-linux) is at hand.
pub(crate) fn tied(program: impl AsRef<OsStr>) -> Command {
    let setpriv = Path::new("/usr/bin/setpriv");
    if !setpriv.exists() {
        return Command::new(program);
    }
    let mut command = Command::new(setpriv);
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// Holds a process where it is, and waits until none of its threads goes on.
pub(crate) fn freeze(child: &Child) -> Result<(), TrialError> {
    let process = Pid::from_child(child);
    kill_process(process, Signal::STOP).map_err(TrialError::failed)?;
    let asked = Instant::now();
    while !is_stopped(process) {
        if asked.elapsed() > STOPS_WITHIN {
            return Err(TrialError::failed(format!("a process does not stop within {STOPS_WITHIN:?}")));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// Whether all threads of a process are stopped, by their own signal or by who traces them.
fn is_stopped(process: Pid) -> bool {
    let tasks = PathBuf::from(format!("/proc/{}/task", process.as_raw_nonzero()));
    let Ok(tasks) = std::fs::read_dir(tasks) else { return true };
    tasks.flatten().all(|task| {
        let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
        state.is_none_or(|state| matches!(state, 'T' | 't' | 'Z' | 'X'))
    })
}

fn last_words(words: &mut File) -> String {
    let mut text = String::new();
    let _ = words.rewind().and_then(|()| words.read_to_string(&mut text));
    text
}

/// A port of the loopback address that is free, and that no client is given as its own: a client that calls a server
/// which is down, from the very port that it calls, would be connected to itself.
///
/// # Errors
/// None of many is free.
pub fn port(chance: &mut Chance) -> Result<SocketAddr, TrialError> {
    let tried =
        (0..1_000).map(|_| SocketAddr::from((Ipv4Addr::LOCALHOST, 20_000 + chance.below(12_000) as u16)));
    let mut free = tried.filter(|address| TcpListener::bind(address).is_ok());
    free.next().ok_or_else(|| TrialError::failed("no free port"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_of_its_threads_goes_on_once_a_process_is_frozen() {
        let busy = tied("sh").args(["-c", "while :; do :; done"]).spawn();
        let busy = Guard(busy.unwrap());
        let process = Pid::from_child(&busy.0);
        for _ in 0..100 {
            freeze(&busy.0).unwrap();
            assert!(is_stopped(process));
            kill_process(process, Signal::CONT).unwrap();
        }
    }
}
