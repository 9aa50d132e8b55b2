//! cargo-deny: licences, duplicates and sources by deny.toml; advisories where their database can be fetched.

use std::process::Command;
use std::time::Duration;

use super::Outcome;
use crate::background::Background;
use crate::peers::repository;
use crate::tools::{Tool, run};

const CARGO_DENY: Tool = Tool { name: "cargo-deny", version: "0.20.2" };

/// How long the clone of the advisory database may take.
const FETCH_PATIENCE: Duration = Duration::from_mins(1);

/// What needs the lock file and the packages alone.
pub(super) fn check() -> Outcome {
    let checks = ["bans", "licenses", "sources"];
    match command(&checks).and_then(|mut command| run(&mut command)) {
        Ok(()) => Outcome::Passed(checks.join(", ")),
        Err(why) => Outcome::Failed(why),
    }
}

/// Known faults, from the RustSec database, which is a git repository.
pub(super) fn advisories() -> Outcome {
    let run = command(&["advisories"]).and_then(|command| bounded(&command).map_err(|why| why.to_string()));
    match run {
        Ok((Some(true), _)) => Outcome::Passed(String::new()),
        Ok((Some(false), said)) if !said.contains("failed to fetch advisory database") => {
            Outcome::Failed(format!("cargo-deny found something:\n{said}"))
        }
        Ok(_) => {
            Outcome::Skipped("the RustSec database (a git repository) cannot be fetched from here".into())
        }
        Err(why) => Outcome::Failed(why),
    }
}

/// Whether it ended well, if it ended in time, and all it said.
fn bounded(command: &Command) -> std::io::Result<(Option<bool>, String)> {
    let dir = tempfile::tempdir()?;
    let mut process = Background::start(command, dir.path().join("said"))?;
    let ended = process.wait(FETCH_PATIENCE)?;
    Ok((ended.map(|status| status.success()), process.said()))
}

fn command(checks: &[&str]) -> Result<Command, String> {
    let mut command = Command::new(CARGO_DENY.install()?);
    command.arg("--manifest-path").arg(repository().join("Cargo.toml"));
    command.args(["--locked", "check"]).args(checks);
    Ok(command)
}
