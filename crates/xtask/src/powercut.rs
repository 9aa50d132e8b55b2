//! `cargo xtask powercut`: the power fails under load, again and again, and the log is held to everything that it
//! acknowledged. Then the same with the `fsync` taken out, and with values that spill: there the cuts must do harm, or
//! the test could not see what it is for. At last the same with a monitor, and with one whose `fsync` does nothing.
//!
//! All mounts are made in a mount namespace of their own, which ends with the processes in it, however they end.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use trials::broken::{self, Broken};
use trials::disk::Disk;
use trials::powercut::{Fates, Powercut};
use trials::served::Program;
use trials::watchcut::{self, Forgotten, Watchcut};
use trials::{Danger, Kind, TrialError};

use crate::trial::{self, TrialArgs, beneath, say};

/// Set in the process that runs in the mount namespace.
const INSIDE: &str = "DEEDBOOK_POWERCUT_INSIDE";

/// Cut the power under load, again and again, and hold the log to everything it acknowledged, a monitor to what it told
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Cuts of the log as it is
    #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..))]
    cuts: u32,
    /// Cuts, at most, of each log whose promises are broken on purpose
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..))]
    broken_cuts: u32,
    #[command(flatten)]
    trial: TrialArgs,
}

/// Serve a log whose promises are broken on purpose
#[derive(Debug, clap::Args)]
pub(crate) struct BrokenArgs {
    #[arg(long)]
    danger: String,
    #[arg(long)]
    data: PathBuf,
    #[arg(long)]
    listen: SocketAddr,
    #[arg(long)]
    kind: String,
}

/// Runs the three campaigns in a mount namespace; says why not where that is not allowed.
pub(crate) fn run(args: &Args) -> Result<(), TrialError> {
    if std::env::var_os(INSIDE).is_some() {
        return run_inside(args);
    }
    let myself = std::env::current_exe().map_err(TrialError::failed)?;
    let unshare = |command: &mut Command| {
        command.args(["--mount", "--propagation", "private", "--"]).arg(&myself);
        command.args(std::env::args_os().skip(1)).env(INSIDE, "1").status()
    };
    let possible = Command::new("unshare").args(["--mount", "--", "true"]).output();
    if !possible.is_ok_and(|output| output.status.success()) {
        say("skipped: a mount namespace cannot be made here (unshare --mount needs root)");
        return Ok(());
    }
    let status = unshare(&mut Command::new("unshare")).map_err(TrialError::failed)?;
    if status.success() {
        Ok(())
    } else {
        Err(TrialError::failed("the campaign in the mount namespace failed"))
    }
}

fn run_inside(args: &Args) -> Result<(), TrialError> {
    let home = args.trial.home()?;
    if let Err(why) = Disk::fresh(&beneath(home.path(), "try")?) {
        say(&format!("skipped: an image cannot be mounted here ({why})"));
        return Ok(());
    }
    let (binary, seed) = (args.trial.binary()?, args.trial.seed());
    say(&format!("{} cuts, seed {seed}", args.cuts));
    let mut table = vec![];
    for danger in [Danger::None, Danger::NoFsync, Danger::SpillIntoBlobs] {
        let (name, home) = (broken::name(danger), beneath(home.path(), broken::name(danger))?);
        let program = program(danger, &binary)?;
        let cuts = if danger == Danger::None { args.cuts } else { args.broken_cuts };
        let campaign = Powercut { program, home, cuts, seed };
        let label = if danger == Danger::None { "as it is" } else { name };
        let fates = trial::run(campaign.run(&mut |line| say(&format!("{label}: {line}"))))?;
        judge(danger, &fates)?;
        table.push((label, tell(&fates)));
    }
    for without_fsync in [false, true] {
        table.push(watched(args, &binary, seed, home.path(), without_fsync)?);
    }
    trial::table(&table);
    Ok(())
}

/// A monitor, as it is or without its fsync: a line of the table.
fn watched(
    args: &Args,
    binary: &Path,
    seed: u64,
    home: &Path,
    without_fsync: bool,
) -> Result<(&'static str, String), TrialError> {
    let label = if without_fsync { "monitor, no-fsync" } else { "monitor" };
    if without_fsync && !watchcut::can_be_broken() {
        say("skipped: a monitor without its fsync: strace is not on this machine");
        return Ok((label, "skipped".to_owned()));
    }
    let cuts = if without_fsync { args.broken_cuts } else { args.cuts };
    let home = beneath(home, &label.replace(", ", "-"))?;
    let campaign = Watchcut { binary: binary.to_owned(), home, cuts, seed, without_fsync };
    let fates = trial::run(campaign.run(&mut |line| say(&format!("{label}: {line}"))))?;
    judge_monitor(without_fsync, &fates)?;
    let Forgotten { sound, harmed, told, .. } = fates;
    Ok((label, format!("{cuts} cuts: {sound} sound; {harmed} forgot what was told; {told} heads told")))
}

fn judge_monitor(without_fsync: bool, fates: &Forgotten) -> Result<(), TrialError> {
    match (without_fsync, &fates.first_trouble) {
        (false, Some(trouble)) => Err(TrialError::broken(trouble)),
        (false, None) if fates.told == 0 => Err(TrialError::failed("the monitor told nothing")),
        (true, None) => Err(TrialError::failed(format!(
            "without its fsync a monitor survived all of {} cuts: the test cannot see what it is for",
            fates.sound
        ))),
        _ => Ok(()),
    }
}

/// The real server, or the same with a broken promise.
fn program(danger: Danger, binary: &Path) -> Result<Program, TrialError> {
    if danger == Danger::None {
        return Ok(Program::deedbook(binary, Duration::from_secs(1)));
    }
    let myself = std::env::current_exe().map_err(TrialError::failed)?;
    Ok(Program::new(&myself, &["serve-broken", "--danger", broken::name(danger)]))
}

/// The log as it is comes through every cut; one with a broken promise must be seen to come to harm.
fn judge(danger: Danger, fates: &Fates) -> Result<(), TrialError> {
    match (danger, fates.sound == fates.cuts()) {
        (Danger::None, true) | (Danger::NoFsync | Danger::SpillIntoBlobs, false) => Ok(()),
        (Danger::None, false) => {
            Err(TrialError::broken(fates.first_trouble.as_deref().unwrap_or("a cut did harm")))
        }
        (Danger::NoFsync | Danger::SpillIntoBlobs, true) => Err(TrialError::failed(format!(
            "with the danger `{}` all of {} cuts were survived: the test cannot see what it is for",
            broken::name(danger),
            fates.cuts()
        ))),
    }
}

fn tell(fates: &Fates) -> String {
    format!(
        "{} cuts: {} sound; {} lost acknowledged entries (up to {}); {} did not open; {} opened read-only; {} entries \
         acknowledged",
        fates.cuts(),
        fates.sound,
        fates.lost,
        fates.lost_max,
        fates.unopened,
        fates.read_only,
        fates.totals.acknowledged
    )
}

/// Serves until it is killed.
pub(crate) fn serve_broken(args: &BrokenArgs) -> Result<(), TrialError> {
    let danger = broken::named(&args.danger).ok_or_else(|| TrialError::failed("no such danger"))?;
    let kind = if args.kind == "raw" { Kind::Raw } else { Kind::Records };
    let broken = Broken { data: args.data.clone(), listen: args.listen, kind, danger };
    trial::run(broken::serve(&broken, say))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harm_fails_the_log_as_it_is_and_its_absence_fails_the_others() {
        let sound = Fates { sound: 3, ..Fates::default() };
        let harmed = Fates { sound: 2, lost: 1, ..Fates::default() };
        let told = |danger, fates: &Fates| judge(danger, fates).map_err(|error| error.to_string());
        assert_eq!(told(Danger::None, &sound), Ok(()));
        assert!(told(Danger::None, &harmed).unwrap_err().contains("a promise was broken"));
        for danger in [Danger::NoFsync, Danger::SpillIntoBlobs] {
            assert_eq!(told(danger, &harmed), Ok(()));
            assert!(told(danger, &sound).unwrap_err().contains("cannot see what it is for"));
        }
    }

    #[test]
    fn a_monitor_is_judged_in_the_same_way() {
        let sound = Forgotten { sound: 3, told: 9, ..Forgotten::default() };
        let harmed = Forgotten { first_trouble: Some("it forgot".to_owned()), ..sound.clone() };
        let told = |without, fates: &Forgotten| judge_monitor(without, fates).is_ok();
        assert!(told(false, &sound) && told(true, &harmed));
        assert!(!told(false, &harmed) && !told(true, &sound));
        assert!(!told(false, &Forgotten { told: 0, ..sound }), "nothing was tried");
    }

    #[test]
    fn a_danger_is_found_by_its_name() {
        for danger in [Danger::None, Danger::NoFsync, Danger::SpillIntoBlobs] {
            assert_eq!(broken::named(broken::name(danger)), Some(danger));
        }
        assert_eq!(broken::named("fire"), None);
    }
}
