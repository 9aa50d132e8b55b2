//! `deedbook serve` as a process of its own, on a port of its own, for as long as a test needs it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use sequencer::Kind;
use testkit::Chance;

use crate::run::{Ran, deedbook};

/// A log that is served until this is dropped.
pub(crate) struct Served {
    pub(crate) url: String,
    pub(crate) data: PathBuf,
    pub(crate) vkey: String,
    /// What the server said of itself at the start.
    pub(crate) said: serde_json::Value,
    words: tempfile::NamedTempFile,
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
        Self::start_under_tokens(data, &[&["--open"], options].concat())
    }

    /// The same, and whoever asks needs a token.
    pub(crate) fn start_under_tokens(data: &Path, options: &[&str]) -> Self {
        Self::try_start(Self::program(), data, options)
            .unwrap_or_else(|ran| panic!("the server said {ran:#?}"))
    }

    /// Serves a log for raw entries in a process that may have so many files and sockets open.
    pub(crate) fn start_with_descriptors(data: &Path, most: u32) -> Self {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &format!("ulimit -n {most} && exec \"$0\" \"$@\"")]);
        command.arg(env!("CARGO_BIN_EXE_deedbook"));
        Self::try_start(command, data, &["--open", "--kind", "raw"])
            .unwrap_or_else(|ran| panic!("the server said {ran:#?}"))
    }

    /// The built binary.
    pub(crate) fn program() -> Command {
        Command::new(env!("CARGO_BIN_EXE_deedbook"))
    }

    /// Starts a command that leads to the binary; how it ended, if it does not serve.
    pub(crate) fn try_start(mut command: Command, data: &Path, options: &[&str]) -> Result<Self, Ran> {
        let words = tempfile::NamedTempFile::new().unwrap();
        command.args(["serve", "--json", "--listen", "127.0.0.1:0", "--publish-every", "0.05", "--data"]);
        command.arg(data).args(options).env_clear();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(words.reopen().unwrap());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
        let text = |name: &str| said[name].as_str().map(str::to_owned);
        if let (Some(url), Some(vkey)) = (text("url"), text("vkey")) {
            return Ok(Self { url, vkey, data: data.to_owned(), said, words, child });
        }
        let code = child.wait().unwrap().code().unwrap_or(-1);
        Err(Ran { code, out: line, err: std::fs::read_to_string(words.path()).unwrap() })
    }

    /// Status and body of one request; `None` if the connection breaks.
    pub(crate) fn exchange(
        &self,
        method: &str,
        path: &str,
        media: &str,
        body: &[u8],
    ) -> Option<(u16, String)> {
        exchange(&self.url, method, path, media, body)
    }

    /// Puts so many records into the log, and waits until all are published.
    pub(crate) fn submit(&self, from: u64, count: u64) {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("records");
        std::fs::write(&file, testkit::sample::typical_ndjson(from, count, &mut Chance::seeded(from)))
            .unwrap();
        deedbook(["record", file.to_str().unwrap(), "--url", &self.url, "--vkey", &self.vkey, "--published"])
            .expect(0);
    }

    /// What it has written to standard error.
    pub(crate) fn words(&self) -> String {
        std::fs::read_to_string(self.words.path()).unwrap()
    }

    /// Ends it as a service manager would, and waits until it has drained.
    pub(crate) fn stop(self) -> ExitStatus {
        self.stop_and_hear().0
    }

    /// The same; how it ended, and what it wrote to standard error.
    pub(crate) fn stop_and_hear(mut self) -> (ExitStatus, String) {
        self.signal(rustix::process::Signal::TERM);
        let status = self.child.wait().unwrap();
        (status, self.words())
    }

    /// Ends it in the middle of whatever it does.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// What the kernel says of its memory, all in all.
    pub(crate) fn memory(&self) -> String {
        std::fs::read_to_string(format!("/proc/{}/smaps_rollup", self.child.id())).unwrap()
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let process = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(process, signal).unwrap();
    }
}

/// Status and body of one request to a server at this URL; `None` if the connection breaks.
pub(crate) fn exchange(
    url: &str,
    method: &str,
    path: &str,
    media: &str,
    body: &[u8],
) -> Option<(u16, String)> {
    let address = url.strip_prefix("http://")?;
    let mut stream = TcpStream::connect(address).ok()?;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: {media}\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    // Who is refused may be answered before all is sent.
    let sent = stream.write_all(&[head.as_bytes(), body].concat());
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    if answer.is_empty() {
        sent.ok()?;
    }
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.signal(rustix::process::Signal::TERM);
            let _ = self.child.wait();
        }
    }
}
