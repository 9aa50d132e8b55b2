//! The steps of the suite, in the order in which they run: what is quick and likely to fail comes first.
//!
//! A step is a function from nothing to an [`Outcome`]. Those that need a build use the profile and features of a step
//! before them where they can, so that on a cold machine everything is built three times: for tests, optimised for the
//! programs that read our server, and instrumented for fuzzing.

use std::process::{Command, Stdio};

use super::Outcome;
use super::{deny, purity};
use crate::peers;
use crate::tools::{cargo, run};
use crate::trial::say;
use crate::{fuzz, interop};

/// One of the checks of this repository.
pub(super) struct Step {
    /// What `--only` takes.
    pub(super) name: &'static str,
    /// What it shows, for `--list` and for the heading.
    pub(super) what: &'static str,
    /// Whether `--fast` leaves it out.
    pub(super) slow: bool,
    /// Runs it.
    pub(super) run: fn() -> Outcome,
}

/// How long each fuzz target runs here. `cargo xtask fuzz` runs them for as long as it is told.
const FUZZ_SECONDS: u64 = 5;

/// All of them. The last ones are campaigns on the whole server; each has a verb of its own, with more to set.
pub(super) const STEPS: &[Step] = &[
    Step { name: "fmt", what: "every file is formatted", slow: false, run: fmt },
    Step {
        name: "clippy",
        what: "no lint speaks up, tests and benchmarks included",
        slow: false,
        run: clippy,
    },
    Step {
        name: "tests",
        what: "unit, property, whole-system and documentation tests",
        slow: false,
        run: tests,
    },
    Step { name: "doc", what: "the documentation builds without a warning", slow: false, run: doc },
    Step {
        name: "purity",
        what: "tlog and what it uses ask for no clock, chance or system",
        slow: false,
        run: purity::check,
    },
    Step {
        name: "wasm",
        what: "tlog is checked for wasm32-unknown-unknown",
        slow: false,
        run: purity::check_wasm,
    },
    Step {
        name: "deny",
        what: "licences, duplicates and sources of what is used",
        slow: true,
        run: deny::check,
    },
    Step {
        name: "advisories",
        what: "nothing that is used has a known fault",
        slow: true,
        run: deny::advisories,
    },
    Step { name: "fuzz", what: "each fuzz target for a few seconds", slow: true, run: fuzz_smoke },
    Step { name: "interop", what: "Go programs read and verify our log", slow: true, run: interop },
    Step {
        name: "crash",
        what: "nothing acknowledged is lost when the server is killed",
        slow: true,
        run: crash,
    },
    Step {
        name: "powercut",
        what: "nothing acknowledged is lost when the power is cut; without the fsync it is",
        slow: true,
        run: powercut,
    },
    Step { name: "crowd", what: "20,000 connections are busy, and nothing worse", slow: true, run: crowd },
];

fn fmt() -> Outcome {
    outcome(cargo().args(["fmt", "--all", "--check"]), "")
}

fn clippy() -> Outcome {
    outcome(cargo().args(["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"]), "")
}

fn tests() -> Outcome {
    outcome(cargo().args(["test", "--locked", "--workspace", "--no-fail-fast"]), "counts are above")
}

fn doc() -> Outcome {
    let mut doc = cargo();
    doc.args(["doc", "--locked", "--workspace", "--no-deps", "--document-private-items"]);
    outcome(doc.env("RUSTDOCFLAGS", "-D warnings"), "")
}

fn fuzz_smoke() -> Outcome {
    match fuzz::all(FUZZ_SECONDS) {
        Ok(how) => Outcome::Passed(how),
        Err(why) => Outcome::Failed(why.to_string()),
    }
}

fn interop() -> Outcome {
    if let Some(skip) = peers::missing() {
        return Outcome::Skipped(skip.to_string());
    }
    if let Err(why) = build_release() {
        return Outcome::Failed(why);
    }
    match interop::run(&interop::Args::default()) {
        Ok(()) => Outcome::Passed("at every size to 70,000, and after Tessera's load tool".into()),
        Err(why) => Outcome::Failed(why.to_string()),
    }
}

fn crash() -> Outcome {
    campaign("crash")
}

fn powercut() -> Outcome {
    campaign("powercut")
}

fn crowd() -> Outcome {
    campaign("crowd")
}

/// A verb of this program in a process of its own, on the optimised build. One that cannot be run here says so.
fn campaign(verb: &str) -> Outcome {
    if let Err(why) = build_release() {
        return Outcome::Failed(why);
    }
    let myself = match std::env::current_exe() {
        Ok(path) => path,
        Err(error) => return Outcome::Failed(error.to_string()),
    };
    let output = match Command::new(myself).arg(verb).stderr(Stdio::inherit()).output() {
        Ok(output) => output,
        Err(error) => return Outcome::Failed(error.to_string()),
    };
    let said = String::from_utf8_lossy(&output.stdout);
    say(&said);
    let skipped = said.lines().find_map(|line| line.strip_prefix("skipped: "));
    match skipped {
        _ if !output.status.success() => Outcome::Failed(format!("cargo xtask {verb}")),
        Some(why) => Outcome::Skipped(why.to_owned()),
        None => Outcome::Passed(said.lines().last().unwrap_or_default().to_owned()),
    }
}

/// What is measured and killed is what is shipped.
fn build_release() -> Result<(), String> {
    run(cargo().args(["build", "--locked", "--release", "--package", "deedbook"]))
}

/// What became of a command.
fn outcome(command: &mut Command, passed: &str) -> Outcome {
    match run(command) {
        Ok(()) => Outcome::Passed(passed.into()),
        Err(why) => Outcome::Failed(why),
    }
}
