//! `cargo xtask interop`: Go programs that other logs are read with read and verify ours.
//!
//! One server, one raw log, grown through the sizes where tiles begin and end. At each size Tessera's fsck reads it over
//! HTTP and as files, and `verifylog` (tests/interop: x/mod and torchwood) does too and compares what was acknowledged
//! with what is there. Then Tessera's load tool writes and reads it, and all is read once more. Our witness stands under a log
//! of Tessera's ([`witness`]), our monitor follows one ([`monitored`]), and our log asks witnesses in Go to cosign it
//! ([`witnesses`]).
//!
//! `--against tessera` runs the same on Tessera's own server, which tells a fault of ours from one of this driver.

mod go_witnesses;
mod monitored;
mod witness;
mod witnesses;

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use clap::{Args as ClapArgs, ValueEnum};
use thiserror::Error;

use crate::background::Background;
use crate::contender::{Contender, ContenderError, Running};
use crate::fill::{self, Acks, FillError};
use crate::hammer::{self, Hammer};
use crate::peers::{self, Outcome, Peers, PeersError};

/// Sizes on both sides of where a tile, a level and a partial begin.
const SIZES: [u64; 12] = [0, 1, 2, 255, 256, 257, 511, 513, 65_535, 65_536, 65_537, 70_000];

/// Connections that fill the log: more than a bundle, so that batches fill up.
const CONNECTIONS: u64 = 512;

/// How long the checkpoint may take to show what was acknowledged.
const PUBLISH_PATIENCE: Duration = Duration::from_secs(15);

/// How long one reader may take over the largest log.
const TOOL_PATIENCE: Duration = Duration::from_mins(2);

/// How long the load tool writes and reads.
const HAMMER_SECONDS: u64 = 10;

/// Have Go programs read and verify our log at the sizes where tiles begin and end
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// The server to test [default: target/release/deedbook]
    #[arg(long, value_name = "PATH")]
    log_binary: Option<PathBuf>,
    /// Whose log is read: ours, or Tessera's own to test this driver
    #[arg(long, value_enum, default_value = "deedbook")]
    against: Against,
    /// Stop at this size
    #[arg(long, value_name = "SIZE", default_value_t = SIZES[SIZES.len() - 1])]
    up_to: u64,
    /// Only this part [default: all]
    #[arg(long, value_enum)]
    part: Option<Part>,
}

impl Default for Args {
    fn default() -> Self {
        Self { log_binary: None, against: Against::Deedbook, up_to: SIZES[SIZES.len() - 1], part: None }
    }
}

/// What is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Go programs read our log, and our witness cosigns one of theirs
    Readers,
    /// Our monitor follows a log that Tessera writes
    Monitor,
    /// Our log asks witnesses in Go
    Witnesses,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Against {
    Deedbook,
    Tessera,
}

/// Why the run did not say that all holds.
#[derive(Debug, Error)]
pub(crate) enum InteropError {
    /// The programs could not be built.
    #[error(transparent)]
    Peers(#[from] PeersError),
    /// The server could not be brought up or backed up.
    #[error(transparent)]
    Contender(#[from] ContenderError),
    /// The log did not grow as asked.
    #[error(transparent)]
    Fill(#[from] FillError),
    /// A file or a process.
    #[error("cannot {0}: {1}")]
    Io(&'static str, io::Error),
    /// A witness, or the log that asks it, did not come up.
    #[error("{who} does not come up; its last words:\n{words}")]
    Witness {
        /// Which.
        who: &'static str,
        /// The end of its output.
        words: String,
    },
    /// A program that a witness needs failed.
    #[error("`{command}` failed:\n{words}")]
    Program {
        /// The command line.
        command: String,
        /// What it wrote.
        words: String,
    },
    /// The policy over the witnesses' keys is none.
    #[error("the policy that was made of the witnesses' keys: {0}")]
    Policy(String),
    /// The verdicts are in the table above.
    #[error("{0} of {1} checks failed")]
    Failed(usize, usize),
}

/// One line of the table.
struct Check {
    size: u64,
    tool: &'static str,
    /// What it read, or what it found wrong.
    verdict: Result<String, String>,
    seconds: f64,
}

/// Runs everything and prints the table as it grows; an error when a check failed. Without Go it says so and holds.
pub(crate) fn run(args: &Args) -> Result<(), InteropError> {
    let peers = match peers::install()? {
        Outcome::Ready(peers) => peers,
        Outcome::Skipped(why) => {
            say(&format!("interop: {why}"));
            return Ok(());
        }
    };
    let mut checks = if args.part == Some(Part::Witnesses) { vec![] } else { read_by_peers(args, &peers)? };
    if !matches!(args.part, Some(Part::Readers | Part::Monitor)) {
        checks.extend(cosigned_by_peers(args)?);
    }
    let failed = checks.iter().filter(|check| check.verdict.is_err()).count();
    match failed {
        0 => Ok(()),
        _ => Err(InteropError::Failed(failed, checks.len())),
    }
}

/// Our server, unless another one is named.
fn ours(args: &Args) -> PathBuf {
    args.log_binary.clone().unwrap_or_else(|| peers::target_dir().join("release/deedbook"))
}

/// Our log asks witnesses in Go. Where a program that they need is missing it is skipped, and said so.
fn cosigned_by_peers(args: &Args) -> Result<Vec<Check>, InteropError> {
    if let Some(program) = go_witnesses::missing() {
        say(&format!("interop: skipped: the witnesses in Go need {program}, and it is not on this machine"));
        return Ok(vec![]);
    }
    let bin = go_witnesses::install()?;
    let dir = tempfile::tempdir().map_err(|why| InteropError::Io("make a temporary directory", why))?;
    say("\ninterop: deedbook, cosigned by litewitness and omniwitness\n");
    say("| size | check | verdict | seconds |\n|---:|---|---|---:|");
    witnesses::run(&ours(args), &bin, dir.path())
}

fn read_by_peers(args: &Args, peers: &Peers) -> Result<Vec<Check>, InteropError> {
    let contender = match args.against {
        Against::Tessera => Contender::Tessera(peers.clone()),
        Against::Deedbook => Contender::Deedbook(ours(args)),
    };
    let mut test_verifylog = Command::new("go");
    peers::go(test_verifylog.args(["test", "./..."]).current_dir(peers::verifylog_source()))?;
    let dir = tempfile::tempdir().map_err(|why| InteropError::Io("make a temporary directory", why))?;
    let running = contender.start(dir.path())?;
    let mut suite = Suite {
        peers,
        contender: &contender,
        running,
        dir: dir.path(),
        acks: Acks::new(),
        checks: Vec::new(),
    };
    say(&format!("interop: {contender}, read by Tessera {}, x/mod and torchwood\n", peers::TESSERA_VERSION));
    say("| size | tool | verdict | seconds |\n|---:|---|---|---:|");
    if args.part != Some(Part::Monitor) {
        suite.grow(args.up_to)?;
        suite.hammer()?;
    }
    if let Contender::Deedbook(binary) = &contender {
        if args.part != Some(Part::Monitor) {
            suite.witnesses(binary)?;
        }
        if args.part != Some(Part::Readers) {
            suite.monitored(binary)?;
        }
    }
    Ok(suite.checks)
}

/// One line of the table.
fn say_check(check: &Check) {
    let verdict = match &check.verdict {
        Ok(read) => format!("holds: {read}"),
        Err(fault) => format!("**FAILED**: {}", fault.replace('\n', " ")),
    };
    say(&format!("| {} | {} | {verdict} | {:.2} |", check.size, check.tool, check.seconds));
}

struct Suite<'a> {
    peers: &'a Peers,
    contender: &'a Contender,
    running: Running,
    dir: &'a Path,
    acks: Acks,
    checks: Vec<Check>,
}

impl Suite<'_> {
    /// Through all sizes, each read by everybody. The files are one backup that is brought up to date each time.
    fn grow(&mut self, up_to: u64) -> Result<(), InteropError> {
        let mut from = 0;
        for size in SIZES.into_iter().filter(|size| *size <= up_to) {
            fill::fill(self.running.address, from, size, CONNECTIONS, &mut self.acks)?;
            fill::wait_published(self.running.address, size, PUBLISH_PATIENCE)?;
            self.read_by_everybody(size, &self.dir.join("backup"))?;
            from = size;
        }
        Ok(())
    }

    /// Tessera's load tool, then everybody again, on a new backup.
    fn hammer(&mut self) -> Result<(), InteropError> {
        let before = fill::wait_still(self.running.address, PUBLISH_PATIENCE)?;
        let load = Hammer { writers: 200, readers: 4, seconds: HAMMER_SECONDS };
        let command = load.command(self.peers, self.contender, &self.running);
        let started = Instant::now();
        let (said, ended) = self.tool(&command, Duration::from_secs(HAMMER_SECONDS) + TOOL_PATIENCE)?;
        let after = fill::wait_still(self.running.address, PUBLISH_PATIENCE)?;
        let verdict = match hammer::Findings::read(&said) {
            _ if !ended => Err("it did not end".to_owned()),
            findings if !findings.clean() => Err(findings.to_string()),
            _ if after <= before => Err("the log did not grow".to_owned()),
            findings => Ok(format!("wrote {} entries, {findings}", after - before)),
        };
        self.note(after, "hammer", verdict, started);
        self.read_by_everybody(after, &self.dir.join("backup-after-hammer"))
    }

    fn read_by_everybody(&mut self, size: u64, backup: &Path) -> Result<(), InteropError> {
        let over_http = self.running.base();
        self.fsck(size, "fsck http", &over_http)?;
        self.verifylog(size, "verifylog http", &over_http)?;
        let started = Instant::now();
        match self.contender.as_files(&self.running, backup) {
            Ok(None) => {}
            Ok(Some(files)) => {
                self.fsck(size, "fsck files", &format!("file://{}/", files.display()))?;
                self.verifylog(size, "verifylog files", &files.display().to_string())?;
            }
            Err(why) => self.note(size, "backup", Err(why.to_string()), started),
        }
        Ok(())
    }

    /// Tessera's fsck ends with 0 even when it found a fault, so its own words decide.
    fn fsck(&mut self, size: u64, tool: &'static str, url: &str) -> Result<(), InteropError> {
        let mut command = Command::new(&self.peers.fsck);
        command.args(["--ui=false", "-v=1", "--N=8"]).arg(format!("--storage_url={url}"));
        command.arg(format!("--public_key={}", self.running.vkey.display()));
        let started = Instant::now();
        let (said, _) = self.tool(&command, TOOL_PATIENCE)?;
        self.note(size, tool, fsck_verdict(&said, size), started);
        Ok(())
    }

    fn verifylog(&mut self, size: u64, tool: &'static str, log: &str) -> Result<(), InteropError> {
        let acks = self.dir.join("acks");
        std::fs::write(&acks, fill::as_lines(&self.acks))
            .map_err(|why| InteropError::Io("write the acknowledgements", why))?;
        let mut command = Command::new(&self.peers.verifylog);
        command.args(["log", "--log", log, "--size", &size.to_string()]);
        command.arg("--vkey").arg(&self.running.vkey).arg("--acks").arg(&acks);
        let started = Instant::now();
        let (said, _) = self.tool(&command, TOOL_PATIENCE)?;
        self.note(size, tool, verifylog_verdict(&said, size), started);
        Ok(())
    }

    /// Runs a reader; all it wrote, and whether it came to its end.
    fn tool(&self, command: &Command, patience: Duration) -> Result<(String, bool), InteropError> {
        let failed = |why| InteropError::Io("run a Go program", why);
        let mut tool = Background::start(command, self.dir.join("tool.log")).map_err(failed)?;
        let ended = tool.wait(patience).map_err(failed)?.is_some();
        Ok((tool.said(), ended))
    }

    fn note(&mut self, size: u64, tool: &'static str, verdict: Result<String, String>, started: Instant) {
        let check = Check { size, tool, verdict, seconds: started.elapsed().as_secs_f64() };
        say_check(&check);
        self.checks.push(check);
    }
}

/// Good only with the sentence that fsck logs at its end, with the size that is due, and no failure beside it.
fn fsck_verdict(said: &str, size: u64) -> Result<String, String> {
    let sentence = format!("Successfully fsck'd log with size {size} ");
    let fault = said.lines().find(|line| line.contains("fsck failed") || line.starts_with("panic:"));
    match fault {
        Some(fault) => Err(fault.chars().take(300).collect()),
        None if said.contains(&sentence) => Ok("every bundle, tile and the root".to_owned()),
        None => Err(format!("it said neither yes nor no: {}", said.lines().last().unwrap_or_default())),
    }
}

/// A key, as a file has it.
fn read_key(path: &Path) -> Result<String, InteropError> {
    let text = std::fs::read_to_string(path).map_err(|why| InteropError::Io("read a key", why))?;
    Ok(text.trim().to_owned())
}

/// The JSON of tests/interop: `ok`, and that it read the size that is due and each entry twice.
fn verifylog_verdict(said: &str, size: u64) -> Result<String, String> {
    let report: serde_json::Value =
        serde_json::from_str(said).map_err(|why| format!("no JSON ({why}): {}", said.trim()))?;
    let number = |field: &str| report.get(field).and_then(serde_json::Value::as_u64).unwrap_or(0);
    if report.get("ok").and_then(serde_json::Value::as_bool) != Some(true) {
        return Err(report.get("error").and_then(|why| why.as_str()).unwrap_or("no reason given").to_owned());
    }
    if [number("size"), number("entries_x_mod"), number("entries_torchwood")] != [size; 3] {
        return Err(format!("it did not read all {size} entries: {}", said.trim()));
    }
    let (inclusion, consistency) = (number("inclusion_proofs"), number("consistency_proofs"));
    Ok(format!(
        "{inclusion} inclusion and {consistency} consistency proofs, {} acknowledgements",
        number("acks")
    ))
}

fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fsck_is_judged_by_its_words_because_it_always_ends_with_zero() {
        let good = "I1124 fsck.go:161] Successfully fsck'd log with size 15 and root rKb=\n";
        assert!(fsck_verdict(good, 15).is_ok());
        assert!(fsck_verdict(good, 1).is_err(), "15 is not 1");
        assert!(fsck_verdict(&format!("{good}E1124 main.go:85] fsck failed: tile/0/000\n"), 15).is_err());
        assert!(fsck_verdict("panic: index out of range\n", 0).is_err());
        assert!(fsck_verdict("", 0).is_err());
    }

    #[test]
    fn verifylog_must_have_read_everything_twice() {
        let good = r#"{"ok":true,"size":2,"entries_x_mod":2,"entries_torchwood":2}"#;
        assert!(verifylog_verdict(good, 2).is_ok());
        assert!(verifylog_verdict(r#"{"ok":true,"size":0}"#, 0).is_ok());
        for bad in [
            good.replace("true", "false"),
            good.replace("torchwood\":2", "torchwood\":1"),
            good.replace("size\":2", "size\":3"),
            String::new(),
        ] {
            assert!(verifylog_verdict(&bad, 2).is_err(), "{bad}");
        }
    }
}
