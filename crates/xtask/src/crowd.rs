//! `cargo xtask crowd`: more clients than the server has descriptors for.

use trials::TrialError;
use trials::crowd::{self, Crowd, Crowded};

use crate::trial::{self, TrialArgs, say};

/// Send more clients than the server has descriptors for
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Clients, each with a connection
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=25_000))]
    connections: u32,
    /// Descriptors that the server may open
    #[arg(long, default_value_t = 20_000)]
    descriptors: u64,
    /// For how long requests are begun
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=600))]
    seconds: u32,
    #[command(flatten)]
    trial: TrialArgs,
}

/// Runs it and prints a table.
pub(crate) fn run(args: &Args) -> Result<(), TrialError> {
    if !crowd::allowed_here() {
        say("skipped: the hard limit of descriptors (ulimit -Hn) is too low for a crowd");
        return Ok(());
    }
    let (binary, home) = (args.trial.binary()?, args.trial.home()?);
    let Args { connections, descriptors, seconds, .. } = *args;
    let crowd = Crowd { binary, home: home.path().to_owned(), connections, descriptors, seconds };
    let crowded = trial::run(crowd.run(&mut say))?;
    tell(&crowded);
    Ok(())
}

fn tell(crowded: &Crowded) {
    let pairs = |counts: &std::collections::BTreeMap<String, u64>| {
        let pairs: Vec<_> = counts.iter().map(|(kind, count)| format!("{kind}: {count}")).collect();
        if pairs.is_empty() { "none".to_owned() } else { pairs.join(", ") }
    };
    say("the server lived, was ready afterwards, and kept every promise");
    trial::table(&[
        ("answers", pairs(&crowded.statuses)),
        ("no answer", pairs(&crowded.unanswered)),
        ("acknowledged", format!("{} entries, all proven", crowded.acknowledged)),
        ("descriptors", format!("{} open at most", crowded.descriptors_max)),
        ("memory", format!("{} MB at most", crowded.memory_max >> 20)),
    ]);
}
