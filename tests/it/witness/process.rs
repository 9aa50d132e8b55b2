//! A witness that runs, and requests to it.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use follower::witness::keeper::OriginId;
use testkit::keys::TestKey;
use tlog::key::{Signer, VerifierKey};
use tlog::witness::AddCheckpoint;

use crate::history::History;
use crate::run::{Ran, deedbook};
use crate::served::exchange;

/// Its name.
pub(crate) const NAME: &str = "witness.test/w1";

/// A witness that runs until this is dropped.
pub(crate) struct Witness {
    pub(crate) url: String,
    /// What it said of itself at the start.
    pub(crate) said: serde_json::Value,
    words: tempfile::NamedTempFile,
    child: Child,
}

impl Witness {
    /// Runs the witness in a directory, made if it is not there.
    pub(crate) fn start(data: &Path) -> Self {
        Self::try_start(data, &["--name", NAME]).unwrap_or_else(|ran| panic!("the witness said {ran:#?}"))
    }

    /// The same with other options; how it ended, if it does not run.
    pub(crate) fn try_start(data: &Path, options: &[&str]) -> Result<Self, Ran> {
        let (mut child, words) = Self::spawn(data, options);
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
        if let Some(url) = said["url"].as_str().map(str::to_owned) {
            return Ok(Self { url, said, words, child });
        }
        let code = child.wait().unwrap().code().unwrap_or(-1);
        Err(Ran { code, out: line, err: std::fs::read_to_string(words.path()).unwrap() })
    }

    /// Starts it and does not wait until it runs.
    pub(crate) fn spawn(data: &Path, options: &[&str]) -> (Child, tempfile::NamedTempFile) {
        let words = tempfile::NamedTempFile::new().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_deedbook"));
        command.args(["witness", "run", "--json", "--listen", "127.0.0.1:0", "--data"]).arg(data);
        command.args(options).env_clear();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(words.reopen().unwrap());
        (command.spawn().unwrap(), words)
    }

    pub(crate) fn vkeys(&self) -> Vec<VerifierKey> {
        let vkeys = self.said["vkeys"].as_array().unwrap().iter();
        vkeys.map(|vkey| vkey.as_str().unwrap().parse().unwrap()).collect()
    }

    /// Status and body of a request to `add-checkpoint`; `None` if the connection breaks.
    pub(crate) fn add(&self, body: &str) -> Option<(u16, String)> {
        exchange(&self.url, "POST", "/add-checkpoint", "text/plain", body.as_bytes())
    }

    /// The status alone.
    pub(crate) fn status(&self, body: &str) -> u16 {
        self.add(body).unwrap().0
    }

    /// What monitors see of a log.
    pub(crate) fn monitor(&self, log: TestKey) -> Option<String> {
        let path = format!("/{}/checkpoint", OriginId::of(&log.name.parse().unwrap()));
        let (status, body) = exchange(&self.url, "GET", &path, "text/plain", b"").unwrap();
        (status == 200).then_some(body)
    }

    pub(crate) fn metric(&self, name: &str) -> u64 {
        let (_, text) = exchange(&self.url, "GET", "/metrics", "text/plain", b"").unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")).map(str::to_owned));
        value.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
    }

    /// What it has written to standard error.
    pub(crate) fn words(&self) -> String {
        std::fs::read_to_string(self.words.path()).unwrap()
    }

    /// Ends it as a service manager would.
    pub(crate) fn stop(mut self) -> ExitStatus {
        let process = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap()
    }

    /// Ends it in the middle of whatever it does, while others talk to it.
    pub(crate) fn kill_now(&self) {
        let process = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(process, rustix::process::Signal::KILL).unwrap();
    }

    /// Waits until a process that was killed is gone.
    pub(crate) fn gone(&mut self) {
        self.child.wait().unwrap();
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A verb of the witness in a directory.
pub(crate) fn verb(data: &Path, words: &[&str]) -> Ran {
    deedbook([&["witness"], words, &["--data", data.to_str().unwrap()]].concat())
}

pub(crate) fn signer(log: TestKey) -> Signer {
    Signer::from_seed(log.name.parse().unwrap(), &log.seed)
}

/// Puts a log on the list.
pub(crate) fn enrol(data: &Path, log: TestKey) {
    let vkey = signer(log).verifier_key().to_string();
    verb(data, &["enrol", &vkey, "--contact", "nobody", "--qpd", "10000000"]).expect(0);
}

/// A request of a log with this history.
pub(crate) fn grown(history: &History, old: u64, new: u64, log: TestKey) -> String {
    let proof = if old == 0 { vec![] } else { history.consistency(old, new).hashes };
    AddCheckpoint::new(old, proof, &history.signed(new, &signer(log))).unwrap().to_string()
}

/// Waits until something holds.
#[track_caller]
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(30), "{what} did not happen");
        std::thread::sleep(Duration::from_millis(20));
    }
}
