//! `deedbook witness` as it is started here: every detail of its command lines.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::background::Background;
use crate::contender::ContenderError;

/// How long it may take until it listens.
const PATIENCE: Duration = Duration::from_mins(1);

/// A witness that runs. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Witness {
    /// The process.
    pub(crate) process: Background,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Its Ed25519 key.
    pub(crate) vkey: String,
}

/// How it is started.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// The program.
    pub(crate) binary: PathBuf,
    /// The witness's directory.
    pub(crate) data: PathBuf,
    /// Its name.
    pub(crate) name: String,
    /// Whether it has an ML-DSA-44 key too.
    pub(crate) ml_dsa: bool,
}

impl Plan {
    /// Starts it on a port (0: a free one) and waits until it listens.
    pub(crate) fn start(&self, port: u16) -> Result<Witness, ContenderError> {
        let mut command = Command::new(&self.binary);
        command.args(["witness", "run", "--json", "--name", &self.name, "--data"]).arg(&self.data);
        command.args(["--listen", &format!("127.0.0.1:{port}")]);
        if self.ml_dsa {
            command.arg("--ml-dsa");
        }
        let failed = |source| ContenderError::Io { what: format!("start {}", self.binary.display()), source };
        let process = Background::start(&command, self.data.with_extension("log")).map_err(failed)?;
        let started = Instant::now();
        let mut witness =
            Witness { process, address: SocketAddr::from(([127, 0, 0, 1], port)), vkey: String::new() };
        while started.elapsed() < PATIENCE && witness.process.runs() {
            if let Some((address, vkey)) = said(&witness.process.said()) {
                return Ok(Witness { address, vkey, ..witness });
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Err(ContenderError::Silent {
            who: "deedbook witness".into(),
            last_words: witness.process.last_words(),
        })
    }

    /// Puts a log on its list.
    pub(crate) fn enrol(&self, vkey: &str) -> Result<(), ContenderError> {
        let mut command = Command::new(&self.binary);
        command.args(["witness", "enrol", vkey, "--contact", "nobody", "--qpd", "1000000", "--data"]);
        self.run(command)
    }

    /// Writes the only fork proof that it has kept to a file; an error if there is none, or not one alone.
    pub(crate) fn write_fork(&self, file: &Path) -> Result<(), ContenderError> {
        let mut command = Command::new(&self.binary);
        // Every id begins with nothing.
        command.args(["witness", "forks", "", "--output"]).arg(file).arg("--data");
        self.run(command)
    }

    /// Runs a verb, whose last word is the directory.
    fn run(&self, mut command: Command) -> Result<(), ContenderError> {
        let failed = |source: io::Error| ContenderError::Io { what: "run deedbook witness".into(), source };
        let output = command.arg(&self.data).output().map_err(failed)?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        Err(ContenderError::Command { command: crate::peers::shown(&command), said })
    }
}

impl Witness {
    /// Ends it as a service manager would, and waits until it is gone.
    pub(crate) fn stop(mut self) -> io::Result<()> {
        self.process.terminate()?;
        match self.process.wait(PATIENCE)? {
            Some(status) if status.success() => Ok(()),
            _ => Err(io::Error::other(format!("it did not end well: {}", self.process.last_words()))),
        }
    }
}

/// Address and key in the line that it prints when it is up.
fn said(output: &str) -> Option<(SocketAddr, String)> {
    let line: serde_json::Value = output.lines().find_map(|line| serde_json::from_str(line).ok())?;
    let address = line["url"].as_str()?.strip_prefix("http://")?.parse().ok()?;
    Some((address, line["vkeys"][0].as_str()?.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_first_line_says_where_it_listens() {
        let line = r#"{"name":"w","vkeys":["w+00000000+BA","x"],"url":"http://127.0.0.1:2027","prefix":"https://w"}"#;
        let (address, vkey) = said(&format!("a remark\n{line}\n")).unwrap();
        assert_eq!((address.port(), vkey.as_str()), (2027, "w+00000000+BA"));
        assert_eq!(said("could not tell: no\n"), None);
    }
}
