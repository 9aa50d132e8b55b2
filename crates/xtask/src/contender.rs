//! The servers that are measured and compared, and how each is started on a fresh directory.
//!
//! Every detail of a command line is here and nowhere else.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::background::Background;
use crate::loopback;
use crate::peers::{Peers, PeersError, go};

/// The origin of every log that is made here.
const ORIGIN: &str = "example.com/interop";

/// The directory of a server's data, in the directory it was given.
const DATA: &str = "log";

/// How long a server may take until it answers.
const START_PATIENCE: Duration = Duration::from_mins(2);

/// How often it is asked whether it answers.
const START_POLL: Duration = Duration::from_millis(5);

/// The vkey of `/still/checkpoint` of crates/idle.
const IDLE_VKEY: &str = "example.com/idle+6ba8a705+AdueEF3u8MmkLtn9Ihife4BxtaUjeBkGxNSyAde9c03g";

/// `deedbook serve --open` on a port that the system chooses; the log takes `raw` entries or `records`.
fn deedbook_serve(binary: &Path, data: &Path, kind: &str) -> Command {
    let mut command = Command::new(binary);
    command.arg("serve").arg("--data").arg(data);
    command.args(["--open", "--listen", "127.0.0.1:0", "--kind", kind, "--origin", ORIGIN]);
    command
}

/// `deedbook key`: the vkey on standard output.
fn deedbook_key(binary: &Path, data: &Path) -> Command {
    let mut command = Command::new(binary);
    command.arg("key").arg("--data").arg(data);
    command
}

/// `deedbook backup`: the running log at `base`, whose directory is `data`; `to`/public is in the C2SP layout.
fn deedbook_backup(binary: &Path, base: &str, data: &Path, to: &Path) -> Command {
    let mut command = Command::new(binary);
    command.arg("backup").arg(to).args(["--url", base]).arg("--data").arg(data);
    command
}

/// Tessera's conformance server has no flag for its batches: 256 entries or 1 s, a checkpoint every 1 s, in-memory
/// deduplication, fsync of every file are what it is built with. These are all of its flags that matter.
fn tessera_serve(peers: &Peers, data: &Path, skey: &Path, port: u16) -> Command {
    let mut command = Command::new(&peers.posix);
    command.arg("--storage_dir").arg(data).arg("--private_key").arg(skey);
    command.arg("--listen").arg(format!("127.0.0.1:{port}"));
    command
}

/// One of the servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Contender {
    /// Ours on a log for raw entries, by the path of the binary.
    Deedbook(PathBuf),
    /// Ours on a log for records, by the path of the binary.
    Records(PathBuf),
    /// Tessera's conformance server on POSIX files.
    Tessera(Peers),
    /// crates/idle by the path of the binary, and how many milliseconds it sleeps before each answer.
    Idle(PathBuf, u32),
}

impl fmt::Display for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Contender::Deedbook(_) | Contender::Records(_) => write!(f, "deedbook"),
            Contender::Tessera(_) => write!(f, "tessera"),
            Contender::Idle(_, 0) => write!(f, "idle"),
            Contender::Idle(_, sleep) => write!(f, "idle-{sleep}ms"),
        }
    }
}

/// A server that answers. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    /// The process.
    pub(crate) process: Background,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// A file with the vkey of its checkpoints.
    pub(crate) vkey: PathBuf,
    /// The directory it was given, with its data and what belongs to it.
    dir: PathBuf,
}

/// A server could not be brought up, or not be asked for something.
#[derive(Debug, Error)]
pub(crate) enum ContenderError {
    /// A file or a process.
    #[error("cannot {what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// It ended, or kept silent for longer than a server may take to start.
    #[error("{who} does not answer; its last words:\n{last_words}")]
    Silent {
        /// Which server.
        who: String,
        /// The end of its output.
        last_words: String,
    },
    /// A command line that belongs to it was refused.
    #[error("`{command}` failed:\n{said}")]
    Command {
        /// The command line.
        command: String,
        /// What it wrote.
        said: String,
    },
    /// Go could not run.
    #[error(transparent)]
    Peers(#[from] PeersError),
}

impl Running {
    /// `http://ADDRESS/`
    pub(crate) fn base(&self) -> String {
        format!("http://{}/", self.address)
    }
}

impl Contender {
    /// Starts it on a directory that is empty, or that ours was started on before; waits until it serves a checkpoint.
    pub(crate) fn start(&self, dir: &Path) -> Result<Running, ContenderError> {
        let (data, vkey) = (dir.join(DATA), dir.join("vkey"));
        let port = loopback::free_port().map_err(io_error("find a free port"))?;
        let command = match self {
            Contender::Deedbook(binary) => deedbook_serve(binary, &data, "raw"),
            Contender::Records(binary) => deedbook_serve(binary, &data, "records"),
            Contender::Tessera(peers) => {
                let mut keygen = Command::new(&peers.verifylog);
                go(keygen.args(["keygen", "--name", ORIGIN]).arg("--dir").arg(dir))?;
                tessera_serve(peers, &data, &dir.join("skey"), port)
            }
            Contender::Idle(binary, sleep) => {
                write(&vkey, IDLE_VKEY)?;
                let mut command = Command::new(binary);
                command.args(["--listen", &format!("127.0.0.1:{port}"), "--sleep-ms", &sleep.to_string()]);
                command
            }
        };
        let process = Background::start(&command, dir.join("server.log"))
            .map_err(io_error(&format!("start {}", command.get_program().display())))?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut running = Running { process, address, vkey, dir: dir.to_owned() };
        self.wait_until_it_answers(&mut running)?;
        if let Contender::Deedbook(binary) | Contender::Records(binary) = self {
            write(&running.vkey, &run(&mut deedbook_key(binary, &data))?)?;
        }
        Ok(running)
    }

    /// Ours chooses its port and prints it; the others listen where they were told.
    fn wait_until_it_answers(&self, running: &mut Running) -> Result<(), ContenderError> {
        let deadline = Instant::now() + START_PATIENCE;
        while Instant::now() < deadline && running.process.runs() {
            if matches!(self, Contender::Deedbook(_) | Contender::Records(_)) {
                let Some(address) = printed_address(&running.process.said()) else {
                    std::thread::sleep(START_POLL);
                    continue;
                };
                running.address = address;
            }
            let connection = loopback::Connection::open(running.address);
            if connection.is_ok_and(|mut connection| loopback::published_size(&mut connection).is_ok()) {
                return Ok(());
            }
            std::thread::sleep(START_POLL);
        }
        Err(ContenderError::Silent { who: self.to_string(), last_words: running.process.last_words() })
    }

    /// The log as files in the C2SP layout: for ours a backup into `to`, for Tessera what it writes anyway. `None` for
    /// a server that keeps nothing.
    pub(crate) fn as_files(&self, running: &Running, to: &Path) -> Result<Option<PathBuf>, ContenderError> {
        match self {
            Contender::Deedbook(binary) | Contender::Records(binary) => {
                run(&mut deedbook_backup(binary, &running.base(), &running.dir.join(DATA), to))?;
                Ok(Some(to.join("public")))
            }
            Contender::Tessera(_) => Ok(Some(running.dir.join(DATA))),
            Contender::Idle(..) => Ok(None),
        }
    }

    /// The URL that a load tool reads checkpoints from: the idle server has one that it can verify.
    pub(crate) fn read_url(&self, running: &Running) -> String {
        match self {
            Contender::Idle(..) => format!("{}still/", running.base()),
            Contender::Deedbook(_) | Contender::Records(_) | Contender::Tessera(_) => running.base(),
        }
    }
}

/// The first `http://127.0.0.1:PORT` in what a server printed.
fn printed_address(said: &str) -> Option<SocketAddr> {
    let (_, after) = said.split_once("http://127.0.0.1:")?;
    let port: String = after.chars().take_while(char::is_ascii_digit).collect();
    let complete = after.len() > port.len(); // else the line may still be on its way
    Some(SocketAddr::from(([127, 0, 0, 1], port.parse().ok().filter(|_| complete)?)))
}

/// Runs a command to its end; what it wrote to standard output.
fn run(command: &mut Command) -> Result<String, ContenderError> {
    let shown = crate::peers::shown(command);
    let output = command.output().map_err(io_error(&format!("run `{shown}`")))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    Err(ContenderError::Command { command: shown, said })
}

fn write(path: &Path, text: &str) -> Result<(), ContenderError> {
    std::fs::write(path, text).map_err(io_error(&format!("write {}", path.display())))
}

fn io_error(what: &str) -> impl FnOnce(io::Error) -> ContenderError {
    let what = what.to_owned();
    move |source| ContenderError::Io { what, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_once_its_line_is_complete() {
        let found = |said| printed_address(said).map(|address| address.port());
        assert_eq!(found("log x, listening on http://127.0.0.1:8080/ (open)\n"), Some(8080));
        assert_eq!(found("listening on http://127.0.0.1:4317\n"), Some(4317));
        assert_eq!(found("listening on http://127.0.0.1:43"), None);
        assert_eq!(found("listening on port 80\n"), None);
    }
}
