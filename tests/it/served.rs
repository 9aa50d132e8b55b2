//! `deedbook serve` as a process of its own, on a port of its own, for as long as a test needs it.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use sequencer::Kind;

/// A log that is served until this is dropped.
pub(crate) struct Served {
    pub(crate) url: String,
    pub(crate) data: PathBuf,
    pub(crate) vkey: String,
    /// What the server said of itself at the start.
    pub(crate) said: serde_json::Value,
    child: Child,
}

impl Served {
    /// Serves the log in a directory, made if it is not there.
    pub(crate) fn start(data: &Path, kind: Kind) -> Self {
        let kind = match kind {
            Kind::Records => "records",
            Kind::Raw => "raw",
        };
        Self::start_with(data, &["--kind", kind])
    }

    /// The same with other options.
    pub(crate) fn start_with(data: &Path, options: &[&str]) -> Self {
        Self::start_as(Command::new(env!("CARGO_BIN_EXE_deedbook")), data, options)
    }

    /// The same in a process that may have so many files and sockets open; what it remarks goes to a file.
    pub(crate) fn start_with_descriptors(data: &Path, most: u32, remarks: std::fs::File) -> Self {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &format!("ulimit -n {most} && exec \"$0\" \"$@\"")]);
        command.arg(env!("CARGO_BIN_EXE_deedbook")).stderr(remarks);
        Self::start_as(command, data, &["--kind", "raw"])
    }

    fn start_as(mut command: Command, data: &Path, options: &[&str]) -> Self {
        command.args(["serve", "--json", "--listen", "127.0.0.1:0", "--publish-every", "0.05", "--data"]);
        command.arg(data).args(options).env_clear();
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: serde_json::Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("the server said {line:?}"));
        let text =
            |name: &str| said[name].as_str().unwrap_or_else(|| panic!("no {name} in {said}")).to_owned();
        Self { url: text("url"), vkey: text("vkey"), data: data.to_owned(), said, child }
    }

    /// Ends it as a service manager would, and waits until it has drained.
    pub(crate) fn stop(mut self) -> ExitStatus {
        self.signal(rustix::process::Signal::TERM);
        self.child.wait().unwrap()
    }

    /// Ends it in the middle of whatever it does.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let process = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(process, signal).unwrap();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.signal(rustix::process::Signal::TERM);
            let _ = self.child.wait();
        }
    }
}
