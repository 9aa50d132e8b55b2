//! `cargo xtask simulate`: the whole network in one process, through every bad day, seed after seed.

use std::path::PathBuf;
use std::time::Instant;

use trials::TrialError;
use trials::network::{SCENARIOS, Scenario};

use crate::trial::say;

/// Lead a whole network through its bad days in a simulator, by seed after seed
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many seeds, of each bad day
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// The first of them
    #[arg(long, default_value_t = 0, value_name = "SEED")]
    from: u64,
    /// This seed alone
    #[arg(long, value_name = "SEED", conflicts_with_all = ["seeds", "from"])]
    seed: Option<u64>,
    /// These bad days alone, by name
    #[arg(long, value_name = "NAME", value_parser = named)]
    only: Vec<&'static Scenario>,
    /// Write here what happened, a line each; of one bad day by one seed
    #[arg(long, value_name = "FILE", requires = "seed")]
    transcript: Option<PathBuf>,
    /// Name the bad days, and say what must hold on each
    #[arg(long)]
    list: bool,
}

fn named(name: &str) -> Result<&'static Scenario, String> {
    Scenario::named(name).ok_or_else(|| "no bad day has this name; --list names them".to_owned())
}

/// Lives through them; the first broken promise is told, with how to see it again.
pub(crate) fn run(args: &Args) -> Result<(), TrialError> {
    if args.list {
        SCENARIOS.iter().for_each(|scenario| say(&format!("{}: {}", scenario.name, scenario.what)));
        return Ok(());
    }
    let (from, seeds) = args.seed.map_or((args.from, args.seeds), |seed| (seed, 1));
    let all: Vec<&Scenario> =
        if args.only.is_empty() { SCENARIOS.iter().collect() } else { args.only.clone() };
    for scenario in &all {
        let (started, mut happened) = (Instant::now(), 0);
        for seed in from..from.saturating_add(seeds) {
            let course = scenario.run(seed).map_err(|error| again(scenario, seed, error))?;
            happened += course.transcript.lines().count();
            if let Some(path) = &args.transcript {
                std::fs::write(path, &course.transcript).map_err(TrialError::failed)?;
            }
        }
        let took = started.elapsed().as_secs_f64();
        say(&format!("{}: held, {happened} things happened, {took:.1} s", scenario.name));
    }
    say(&format!("{} bad days by {seeds} seeds from {from}: every promise was kept", all.len()));
    Ok(())
}

/// The same, with how to see it again.
fn again(scenario: &Scenario, seed: u64, error: TrialError) -> TrialError {
    let name = scenario.name;
    let told = |what: String| {
        format!("{name}, seed {seed}: {what}\nagain: cargo xtask simulate --only {name} --seed {seed}")
    };
    match error {
        TrialError::Broken(what) => TrialError::Broken(told(what)),
        TrialError::Failed(what) => TrialError::Failed(told(what)),
    }
}
