//! A monitor whose machine loses its power while it follows a log, again and again: it must remember all that it told.
//!
//! The log is on another disk, and grows. The same is run with a monitor whose `fsync` does nothing: there a cut must do harm,
//! or the campaign could not see what it is for.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use sequencer::Kind;
use serde_json::Value;
use testkit::Chance;

use crate::disk::Disk;
use crate::ledger::{Ledger, Pace};
use crate::served::{self, Guard, Program, Served};
use crate::{Say, TrialError};

/// Longest time before a cut.
const LIFE_MAX_MS: u64 = 700;
/// How long a monitor may take to look once.
const PATIENCE: Duration = Duration::from_mins(1);
/// How the log grows meanwhile.
const PACE: Pace = Pace { workers: 4, per_request: 4, rate: 400.0 };

/// A campaign of power cuts of a monitor.
pub struct Watchcut {
    /// `deedbook`, which is both the log and the monitor.
    pub binary: PathBuf,
    /// A directory for the log, the disk and the books; nothing is in it yet.
    pub home: PathBuf,
    /// Cuts in all.
    pub cuts: u32,
    /// Decides when.
    pub seed: u64,
    /// Whether the monitor's `fsync` does nothing (by strace).
    pub without_fsync: bool,
}

/// What the cuts did.
#[derive(Clone, Debug, Default)]
pub struct Forgotten {
    /// Cuts after which the monitor remembered all that it had told.
    pub sound: u32,
    /// Cuts after which it did not, or would not start.
    pub harmed: u32,
    /// The first trouble, in words.
    pub first_trouble: Option<String>,
    /// Heads that were told as verified, in all.
    pub told: u64,
}

impl Watchcut {
    /// Runs it.
    ///
    /// # Errors
    /// What kept the campaign from going on.
    pub async fn run(&self, say: &mut Say<'_>) -> Result<Forgotten, TrialError> {
        let mut chance = Chance::seeded(self.seed);
        let log = self.log(&mut chance)?;
        let books = self.home.join("books");
        let mut ledger = Ledger::new(books, Kind::Raw, &log.vkey, chance.next_u64() >> 32)?;
        let mut all = Forgotten::default();
        let mut disk = Disk::fresh(&self.home.join("disk"))?;
        for cut in 1..=self.cuts {
            let after = Duration::from_millis(50 + chance.below(LIFE_MAX_MS));
            let load = ledger.load(&log.url, PACE, after)?;
            let mut monitor = self.start(&log, &disk)?;
            let loaded = load.run(&client::audit::Silent).await.map_err(TrialError::failed)?;
            ledger.enter(&loaded)?;
            served::freeze(&monitor.child.0)?;
            disk.copy()?;
            let told = monitor.end()?;
            disk.become_the_copy()?;
            all.told += told.len() as u64;
            let told = told.last().copied().unwrap_or(0);
            let trouble = self.remembered(&log, &disk, told).await?;
            let words = trouble.as_deref().unwrap_or("sound");
            say(&format!(
                "cut {cut} (after {:.2} s, {told} entries told as verified): {words}",
                after.as_secs_f64()
            ));
            match trouble {
                None => all.sound += 1,
                Some(trouble) => {
                    all.harmed += 1;
                    all.first_trouble.get_or_insert(trouble);
                    drop(disk);
                    disk = Disk::fresh(&self.home.join(format!("disk-{cut}")))?;
                }
            }
        }
        Ok(all)
    }

    /// The log, where no power is cut.
    fn log(&self, chance: &mut Chance) -> Result<Served, TrialError> {
        let program = Program::deedbook(&self.binary, Duration::from_millis(20));
        let log = program.start(&self.home.join("log"), Kind::Raw, served::port(chance)?)?;
        log.up().map_err(TrialError::failed)
    }

    fn start(&self, log: &Served, disk: &Disk) -> Result<Monitor, TrialError> {
        let said = self.home.join("said");
        let file = File::create(&said).map_err(TrialError::failed)?;
        let mut command = self.monitor(log, disk);
        command.args(["--poll", "0.01"]).stdout(file);
        let child = command.spawn().map_err(TrialError::failed)?;
        Ok(Monitor { child: Guard(child), said })
    }

    fn monitor(&self, log: &Served, disk: &Disk) -> Command {
        let mut command = if self.without_fsync {
            // The tracer stands beside: the process that is started is the monitor itself.
            let mut command = served::tied("strace");
            command.args(["-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync"]);
            command.args(["-e", "inject=fsync,fdatasync:retval=0"]).arg(&self.binary);
            command
        } else {
            served::tied(&self.binary)
        };
        command.args(["monitor", "--vkey", &log.vkey, "--log", &log.url, "--data"]);
        command.arg(disk.path().join("data")).stdin(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// What is wrong with what a monitor remembers that has told so much.
    async fn remembered(&self, log: &Served, disk: &Disk, told: u64) -> Result<Option<String>, TrialError> {
        let mut command = self.monitor(log, disk);
        let looking = tokio::task::spawn_blocking(move || command.arg("--once").output());
        let looked = tokio::time::timeout(PATIENCE, looking).await.map_err(TrialError::failed)?;
        let looked = looked.map_err(TrialError::failed)?.map_err(TrialError::failed)?;
        let said = String::from_utf8_lossy(&looked.stdout).into_owned();
        let started = events(&said, "started").next();
        Ok(match (looked.status.code(), started) {
            (Some(0), Some(size)) if size >= told => None,
            (Some(0), Some(size)) => {
                Some(format!("it told {told} entries as verified, and remembers {size}"))
            }
            (code, _) => Some(format!("it ended with {code:?}: {said}")),
        })
    }
}

/// A monitor that runs; killed when it is dropped.
struct Monitor {
    child: Guard,
    said: PathBuf,
}

impl Monitor {
    /// Kills it; the sizes that it has told as verified.
    fn end(&mut self) -> Result<Vec<u64>, TrialError> {
        self.child.end();
        let said = std::fs::read_to_string(&self.said).map_err(TrialError::failed)?;
        Ok(events(&said, "verified").collect())
    }
}

/// Sizes in the events of this name.
fn events<'s>(said: &'s str, name: &str) -> impl Iterator<Item = u64> + use<'s> {
    let name = name.to_owned();
    let all = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    all.filter(move |event| event["event"] == name.as_str()).filter_map(|event| event["size"].as_u64())
}

/// Whether the campaign can be run without fsync here.
pub fn can_be_broken() -> bool {
    Command::new("strace").arg("-V").stdout(Stdio::null()).status().is_ok_and(|status| status.success())
}
