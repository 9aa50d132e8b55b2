//! The witnesses in Go, at pinned versions, each with its key and its memory in a directory: litewitness (torchwood), which
//! keeps its key in an ssh-agent, and omniwitness (transparency-dev).

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::InteropError;
use crate::background::Background;
use crate::loopback;
use crate::peers::{self, PeersError, shown};

/// Name of the binary, package, version.
const TOOLS: [(&str, &str, &str); 3] = [
    ("litewitness", "filippo.io/torchwood/cmd/litewitness", "v0.9.0"),
    ("omniwitness", "github.com/transparency-dev/witness/cmd/omniwitness", OMNIWITNESS),
    ("generate_keys", "github.com/transparency-dev/witness/cmd/generate_keys", OMNIWITNESS),
];
const OMNIWITNESS: &str = "v0.0.0-20260720115447-2e1c6971d19e";
/// Programs that litewitness is kept with, which most machines have.
const NEEDED: [&str; 4] = ["ssh-agent", "ssh-add", "ssh-keygen", "sqlite3"];
/// How long a witness may take until it listens.
const START_PATIENCE: Duration = Duration::from_secs(20);
/// The root of a log without entries, as litewitness keeps it.
const EMPTY_ROOT: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

/// What litewitness needs and is not on this machine.
pub(super) fn missing() -> Option<&'static str> {
    let there = |name: &&str| {
        let paths = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&paths).any(|path| path.join(name).exists())
    };
    NEEDED.into_iter().find(|name| !there(name))
}

/// Installs what is missing or of another version; where the programs are.
pub(super) fn install() -> Result<PathBuf, PeersError> {
    let bin = peers::target_dir().join("peers/bin");
    std::fs::create_dir_all(&bin)
        .map_err(|source| PeersError::Io { what: format!("make {}", bin.display()), source })?;
    for (name, package, version) in TOOLS {
        if !peers::module_line(&bin.join(name)).contains(&format!("\t{version}\t")) {
            let pinned = format!("{package}@{version}");
            peers::go(Command::new("go").args(["install", "-buildvcs=false", &pinned]).env("GOBIN", &bin))?;
        }
    }
    Ok(bin)
}

/// Which program it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    Lite,
    Omni,
}

impl Which {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Lite => "litewitness",
            Self::Omni => "omniwitness",
        }
    }
}

/// A witness: up, or down with what it remembers.
pub(super) struct GoWitness {
    which: Which,
    command: Command,
    address: SocketAddr,
    dir: PathBuf,
    vkey: String,
    process: Option<Background>,
    _agent: Option<Background>,
}

impl GoWitness {
    /// Makes its key, brings it up, and enrols the log with this vkey.
    pub(super) fn start(which: Which, bin: &Path, dir: &Path, log: &str) -> Result<Self, InteropError> {
        let dir = dir.join(which.name());
        std::fs::create_dir_all(&dir).map_err(io_error("make a directory"))?;
        let port = loopback::free_port().map_err(io_error("find a free port"))?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let (command, vkey, agent) = match which {
            Which::Lite => lite(bin, &dir, address)?,
            Which::Omni => omni(bin, &dir, address, log)?,
        };
        let mut witness = Self { which, command, address, dir, vkey, process: None, _agent: agent };
        witness.up()?;
        if which == Which::Lite {
            let origin = log.split('+').next().unwrap_or_default();
            witness.sql(&format!(
                "insert into log values('{origin}',0,'{EMPTY_ROOT}'); insert into key values('{origin}','{log}');"
            ))?;
        }
        Ok(witness)
    }

    pub(super) fn which(&self) -> Which {
        self.which
    }

    /// Its line in a policy.
    pub(super) fn line(&self) -> String {
        format!("witness {} {} http://{}/\n", self.which.name(), self.vkey, self.address)
    }

    pub(super) fn up(&mut self) -> Result<(), InteropError> {
        let process = Background::start(&self.command, self.dir.join("log"));
        let mut process = process.map_err(io_error("start a witness"))?;
        let deadline = Instant::now() + START_PATIENCE;
        while TcpStream::connect(self.address).is_err() {
            if Instant::now() > deadline || !process.runs() {
                let words = process.last_words();
                return Err(InteropError::Witness { who: self.which.name(), words });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.process = Some(process);
        Ok(())
    }

    /// Kills it; what it has stored stays.
    pub(super) fn down(&mut self) {
        self.process = None;
    }

    /// Changes what litewitness has stored, or asks for it.
    pub(super) fn sql(&self, statement: &str) -> Result<String, InteropError> {
        run(Command::new("sqlite3").arg(self.dir.join("db")).arg(".timeout 5000").arg(statement))
    }
}

fn lite(
    bin: &Path,
    dir: &Path,
    address: SocketAddr,
) -> Result<(Command, String, Option<Background>), InteropError> {
    let (key, socket) = (dir.join("key"), dir.join("agent"));
    run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key))?;
    let mut agent = Command::new("ssh-agent");
    agent.arg("-D").arg("-a").arg(&socket);
    let agent = Background::start(&agent, dir.join("agent.log")).map_err(io_error("start ssh-agent"))?;
    let deadline = Instant::now() + START_PATIENCE;
    while !socket.exists() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
    run(Command::new("ssh-add").arg("-q").arg(&key).env("SSH_AUTH_SOCK", &socket))?;
    let fingerprint = run(Command::new("ssh-keygen").arg("-lf").arg(dir.join("key.pub")))?;
    let fingerprint = fingerprint.split(' ').nth(1).unwrap_or_default().to_owned();
    let public = std::fs::read_to_string(dir.join("key.pub")).map_err(io_error("read a key"))?;
    let blob = STANDARD.decode(public.split(' ').nth(1).unwrap_or_default()).unwrap_or_default();
    let name = "witness.example.net/lite";
    let mut command = Command::new(bin.join("litewitness"));
    command.arg("-db").arg(dir.join("db")).args(["-name", name]).arg("-ssh-agent").arg(&socket);
    command.args(["-key", &fingerprint, "-listen", &address.to_string()]);
    Ok((command, vkey(name, &blob), Some(agent)))
}

fn omni(
    bin: &Path,
    dir: &Path,
    address: SocketAddr,
    log: &str,
) -> Result<(Command, String, Option<Background>), InteropError> {
    let (secret, public, logs) = (dir.join("key"), dir.join("key.pub"), dir.join("logs.yaml"));
    let name = "witness.example.com/omni";
    run(Command::new(bin.join("generate_keys"))
        .args(["--origin", name, "--out_priv"])
        .arg(&secret)
        .arg("--out_pub")
        .arg(&public))?;
    let public = std::fs::read_to_string(public).map_err(io_error("read a key"))?;
    let key = STANDARD.decode(public.trim().splitn(3, '+').nth(2).unwrap_or_default()).unwrap_or_default();
    let origin = log.split('+').next().unwrap_or_default();
    let yaml =
        format!("Logs:\n  - Origin: {origin}\n    PublicKey: {log}\n    URL: http://log.example.net/\n");
    std::fs::write(&logs, yaml).map_err(io_error("write a list of logs"))?;
    let mut command = Command::new(bin.join("omniwitness"));
    command.args(["--listen", &address.to_string(), "--metrics_listen", ""]);
    command.arg("--db_file").arg(dir.join("db")).arg("--private_key_path").arg(&secret);
    command.arg("--additional_logs").arg(&logs);
    Ok((command, vkey(name, &key), None))
}

/// The vkey of type 0x04 (C2SP tlog-cosignature) whose 32 bytes are the last ones of `key`.
fn vkey(name: &str, key: &[u8]) -> String {
    let typed = [&[4][..], &key[key.len().saturating_sub(32)..]].concat();
    let id = Sha256::new().chain_update(name).chain_update([b'\n']).chain_update(&typed).finalize();
    let id: Vec<String> = id.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("{name}+{}+{}", id.concat(), STANDARD.encode(typed))
}

/// Runs a command to its end; what it wrote.
fn run(command: &mut Command) -> Result<String, InteropError> {
    let output = command.output().map_err(io_error("run a program"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let words = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    Err(InteropError::Program { command: shown(command), words })
}

fn io_error(what: &'static str) -> impl FnOnce(io::Error) -> InteropError {
    move |why| InteropError::Io(what, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_becomes_the_vkey_of_a_witness() {
        let key = tlog::cosignature::Cosigner::from_seed("w.example/1".parse().unwrap(), &[7; 32]);
        let text = key.verifier_key().to_string();
        let bytes = STANDARD.decode(text.splitn(3, '+').nth(2).unwrap()).unwrap();
        assert_eq!(vkey("w.example/1", &bytes), text);
    }
}
