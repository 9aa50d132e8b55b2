//! `cargo xtask test`: the whole suite with one command, which installs or builds what it needs.
//!
//! The steps are in [`steps`], one function each. All of them run, whatever became of those before; a table at the end says
//! what each found and how long it took. What this machine cannot run is skipped, and the table says why.

mod deny;
mod purity;
mod steps;

use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use clap::Args as ClapArgs;
use thiserror::Error;

use steps::{STEPS, Step};

/// Run the whole test suite: every check that this repository has
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  cargo xtask test --fast\n  cargo xtask test --only tests --only doc")]
pub(crate) struct Args {
    /// Run this step alone; may be given more than once
    #[arg(long, value_name = "STEP")]
    only: Vec<String>,
    /// Leave out what takes minutes: other builds, fuzzing, other programs
    #[arg(long)]
    fast: bool,
    /// List the steps and run none
    #[arg(long)]
    list: bool,
}

/// What a step found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All holds; a few words on what was run.
    Passed(String),
    /// This machine cannot run it, and why.
    Skipped(String),
    /// Something does not hold, or could not be run though it should.
    Failed(String),
}

/// Why the suite did not say that all holds.
#[derive(Debug, Error)]
pub(crate) enum TestError {
    /// A name that is no step.
    #[error("there is no step {0:?}; `cargo xtask test --list` lists them")]
    NoSuchStep(String),
    /// The table says which.
    #[error("{0} of {1} steps failed")]
    Failed(usize, usize),
}

/// A step that was run.
struct Ran {
    name: &'static str,
    outcome: Outcome,
    took: Duration,
}

/// Runs the steps that were asked for and prints the table; an error when one failed.
pub(crate) fn run(args: &Args) -> Result<(), TestError> {
    let chosen = choose(args)?;
    if args.list {
        for step in chosen {
            say(&format!("{:<12} {}", step.name, step.what));
        }
        return Ok(());
    }
    let mut ran = Vec::new();
    for (at, step) in chosen.iter().enumerate() {
        say(&format!("\n=== {} ({} of {}): {}", step.name, at + 1, chosen.len(), step.what));
        let started = Instant::now();
        let outcome = (step.run)();
        ran.push(Ran { name: step.name, outcome, took: started.elapsed() });
    }
    say(&table(&ran));
    let failed = ran.iter().filter(|ran| matches!(ran.outcome, Outcome::Failed(_))).count();
    if failed == 0 { Ok(()) } else { Err(TestError::Failed(failed, ran.len())) }
}

fn choose(args: &Args) -> Result<Vec<&'static Step>, TestError> {
    if let Some(unknown) = args.only.iter().find(|name| STEPS.iter().all(|step| step.name != **name)) {
        return Err(TestError::NoSuchStep(unknown.clone()));
    }
    let asked = |step: &&Step| {
        if args.only.is_empty() {
            !(args.fast && step.slow)
        } else {
            args.only.iter().any(|name| name == step.name)
        }
    };
    Ok(STEPS.iter().filter(asked).collect())
}

/// A line for each step, and the line that counts them.
fn table(ran: &[Ran]) -> String {
    let mut lines = vec![String::new(), "| step | result | seconds | |".into(), "|---|---|---:|---|".into()];
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for Ran { name, outcome, took } in ran {
        let (word, more) = match outcome {
            Outcome::Passed(what) => (count(&mut passed, "passed"), what),
            Outcome::Skipped(why) => (count(&mut skipped, "skipped"), why),
            Outcome::Failed(why) => (count(&mut failed, "**FAILED**"), why),
        };
        let more = more.lines().next().unwrap_or_default();
        lines.push(format!("| {name} | {word} | {:.0} | {more} |", took.as_secs_f64()));
    }
    let left = if skipped > 0 { format!(", {skipped} skipped") } else { String::new() };
    lines.push(format!("\n{passed} passed, {failed} failed{left}"));
    lines.join("\n")
}

fn count(counter: &mut u32, word: &'static str) -> &'static str {
    *counter += 1;
    word
}

fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(only: &[&str], fast: bool) -> Args {
        Args { only: only.iter().map(|name| (*name).to_owned()).collect(), fast, list: false }
    }

    #[test]
    fn steps_are_chosen_by_name_and_run_in_their_order() {
        let names = |args: &Args| choose(args).unwrap().iter().map(|step| step.name).collect::<Vec<_>>();
        assert_eq!(names(&args(&["tests", "fmt"], false)), ["fmt", "tests"]);
        assert_eq!(names(&args(&["interop"], true)), ["interop"], "a step that is named runs");
        let (all, fast) = (names(&args(&[], false)), names(&args(&[], true)));
        assert_eq!(all.len(), STEPS.len());
        assert!(fast.contains(&"tests") && !fast.contains(&"interop"));
        assert!(
            matches!(choose(&args(&["none"], false)), Err(TestError::NoSuchStep(name)) if name == "none")
        );
    }

    #[test]
    fn no_two_steps_have_one_name() {
        let mut names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), STEPS.len());
    }

    #[test]
    fn the_last_line_counts_the_steps() {
        let ran = |outcome| Ran { name: "x", outcome, took: Duration::from_secs(2) };
        let passed = || ran(Outcome::Passed("all".into()));
        assert!(table(&[passed(), passed()]).ends_with("\n2 passed, 0 failed"));
        let failed = ran(Outcome::Failed("why\nand more".into()));
        let lines = table(&[passed(), ran(Outcome::Skipped("no Go".into())), failed]);
        assert!(lines.ends_with("\n1 passed, 1 failed, 1 skipped"), "{lines}");
        assert!(lines.contains("| x | skipped | 2 | no Go |"), "{lines}");
        assert!(lines.contains("| x | **FAILED** | 2 | why |"), "{lines}");
    }
}
