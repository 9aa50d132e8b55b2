//! The Go programs that Deedbook is held against, installed by name from the Go module proxy at pinned versions.
//!
//! Tessera's load tool, fsck, POSIX server and an example that asks witnesses, and our own `verifylog` (tests/interop), which reads a log with
//! golang.org/x/mod and torchwood. They live in `target/peers/bin`; what is there at the right version stays.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use thiserror::Error;

/// The release of github.com/transparency-dev/tessera that the programs below are built from.
pub(crate) const TESSERA_VERSION: &str = "v1.0.4";

/// Tessera's programs: the name of the binary and its package. `go install PACKAGE@VERSION` builds a main package of
/// another module even below `internal/`, because the module is then the main one.
const TESSERA_TOOLS: [(&str, &str); 4] = [
    ("hammer", "github.com/transparency-dev/tessera/internal/hammer"),
    ("fsck", "github.com/transparency-dev/tessera/cmd/fsck"),
    ("posix", "github.com/transparency-dev/tessera/cmd/conformance/posix"),
    ("posix-oneshot", "github.com/transparency-dev/tessera/cmd/examples/posix-oneshot"),
];

/// Where each program is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Peers {
    /// Tessera's load tool.
    pub(crate) hammer: PathBuf,
    /// Tessera's fsck: reads every bundle and tile of a log and recomputes them.
    pub(crate) fsck: PathBuf,
    /// Tessera's conformance server on POSIX files.
    pub(crate) posix: PathBuf,
    /// Tessera's example of a log in files, which asks witnesses.
    pub(crate) oneshot: PathBuf,
    /// tests/interop: x/mod and torchwood read a log.
    pub(crate) verifylog: PathBuf,
}

/// Either the programs are there, or this machine cannot have them.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    /// All programs, at the pinned versions.
    Ready(Peers),
    /// Nothing was tried, and why.
    Skipped(Skip),
}

/// Why the Go programs are skipped; `Display` is the sentence that the suite prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum Skip {
    /// There is no `go` on the search path.
    #[error("skipped: no Go on this machine")]
    NoGo,
}

/// Go is here and yet a program could not be built.
#[derive(Debug, Error)]
pub(crate) enum PeersError {
    /// A process could not be started or a directory not be made.
    #[error("cannot {what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// `go` refused; most often the module proxy could not be reached.
    #[error("`{command}` failed, is the Go module proxy reachable?\n{stderr}")]
    Go {
        /// The command line.
        command: String,
        /// What it wrote to standard error.
        stderr: String,
    },
}

/// Why this machine cannot have them; `None` when it can.
pub(crate) fn missing() -> Option<Skip> {
    let go = Command::new("go").arg("version").output();
    matches!(go, Err(error) if error.kind() == io::ErrorKind::NotFound).then_some(Skip::NoGo)
}

/// Installs what is missing or of another version.
pub(crate) fn install() -> Result<Outcome, PeersError> {
    if let Some(skip) = missing() {
        return Ok(Outcome::Skipped(skip));
    }
    let bin = target_dir().join("peers/bin");
    std::fs::create_dir_all(&bin).map_err(|source| io_error(&format!("make {}", bin.display()), source))?;
    for (name, package) in TESSERA_TOOLS {
        let version = format!("github.com/transparency-dev/tessera\t{TESSERA_VERSION}\t");
        if !module_line(&bin.join(name)).contains(&version) {
            let pinned = format!("{package}@{TESSERA_VERSION}");
            go(Command::new("go").args(["install", "-buildvcs=false", &pinned]).env("GOBIN", &bin))?;
        }
    }
    let verifylog = bin.join("verifylog");
    go(Command::new("go")
        .args(["build", "-buildvcs=false", "-mod=readonly", "-o"])
        .arg(&verifylog)
        .arg(".")
        .current_dir(verifylog_source()))?;
    let [hammer, fsck, posix, oneshot] = TESSERA_TOOLS.map(|(name, _)| bin.join(name));
    Ok(Outcome::Ready(Peers { hammer, fsck, posix, oneshot, verifylog }))
}

/// The directory of the Go module tests/interop.
pub(crate) fn verifylog_source() -> PathBuf {
    repository().join("tests/interop")
}

/// The root of the repository.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Cargo's target directory: `CARGO_TARGET_DIR`, or `target` in the repository.
pub(crate) fn target_dir() -> PathBuf {
    let own = || repository().join("target");
    let dir = std::env::var_os("CARGO_TARGET_DIR").map_or_else(own, PathBuf::from);
    std::path::absolute(&dir).unwrap_or(dir)
}

/// What `go version -m` says of a binary, empty when there is none. Its `mod` line names module and version.
pub(crate) fn module_line(binary: &Path) -> String {
    let said = Command::new("go").args(["version", "-m"]).arg(binary).output();
    said.map(|said| String::from_utf8_lossy(&said.stdout).into_owned()).unwrap_or_default()
}

/// Runs `go`, without cgo so that no C compiler is asked for.
pub(crate) fn go(command: &mut Command) -> Result<Output, PeersError> {
    command.env("CGO_ENABLED", "0");
    let shown = shown(command);
    let output = command.output().map_err(|source| io_error(&format!("run `{shown}`"), source))?;
    if output.status.success() {
        return Ok(output);
    }
    let said = [output.stdout, output.stderr].concat();
    Err(PeersError::Go { command: shown, stderr: String::from_utf8_lossy(&said).into_owned() })
}

fn io_error(what: &str, source: io::Error) -> PeersError {
    PeersError::Io { what: what.to_owned(), source }
}

/// A command line as a person would type it.
pub(crate) fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
