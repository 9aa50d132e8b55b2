//! `cargo xtask crash`: the server killed under load, again and again, and held to everything that it acknowledged.

use std::time::Duration;

use trials::crash::{Crash, Crashed};
use trials::served::Program;
use trials::{Kind, TrialError};

use crate::trial::{self, TrialArgs, beneath, say};

/// Often, so that heads are signed and shown that nobody may take back.
const PUBLISH_EVERY: Duration = Duration::from_millis(50);

/// Kill the server under load, again and again, and hold it to everything it acknowledged
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Kills of each of two logs: one of records, one of raw entries
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    kills: u32,
    #[command(flatten)]
    trial: TrialArgs,
}

/// Runs both campaigns and prints a table.
pub(crate) fn run(args: &Args) -> Result<(), TrialError> {
    let (binary, home, seed) = (args.trial.binary()?, args.trial.home()?, args.trial.seed());
    say(&format!("{} kills of each log, seed {seed}", args.kills));
    for kind in [Kind::Records, Kind::Raw] {
        let home = beneath(home.path(), &kind.to_string())?;
        let program = Program::deedbook(&binary, PUBLISH_EVERY);
        let crash = Crash { program, home, kind, kills: args.kills, seed };
        let crashed = trial::run(crash.run(&mut |line| say(&format!("{kind}: {line}"))))?;
        tell(kind, &crashed);
    }
    Ok(())
}

fn tell(kind: Kind, crashed: &Crashed) {
    let Crashed { kills, while_opening, totals, size, kept, slowest_opening } = crashed;
    say(&format!("a log of {kind}: every promise was kept"));
    trial::table(&[
        ("kills", format!("{kills}, {while_opening} of them while the log was being opened")),
        ("acknowledged", format!("{} entries, of which {kept} are proven at the end", totals.acknowledged)),
        ("broken off", format!("{} requests", totals.broken_off)),
        (
            "sent again",
            format!("{} records, {} of them in the log already", totals.resent, totals.duplicates),
        ),
        ("size", format!("{size} entries")),
        ("opening", format!("{:.2} s at most", slowest_opening.as_secs_f64())),
    ]);
}
