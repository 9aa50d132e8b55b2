//! `cargo xtask fuzz`: the targets of `fuzz/` under libFuzzer, from seeds that are made of the test vectors.
//!
//! cargo-fuzz is installed when it is missing. No sanitizer is used: what is fuzzed has no unsafe code, and without one a
//! stable toolchain will do. Where the targets cannot be built (libFuzzer is C++) the property tests that drive the same
//! functions run instead, with many more cases, and the run says so.

mod seeds;

use std::io::{self, Write as _};
use std::process::Command;

use clap::Args as ClapArgs;
use thiserror::Error;

use crate::peers::{repository, shown, target_dir};
use crate::tools::{Tool, cargo, run as run_command};

const CARGO_FUZZ: Tool = Tool { name: "cargo-fuzz", version: "0.13.2" };

/// One for each parser, and one for proofs; each is a file in `fuzz/fuzz_targets`.
pub(crate) const TARGETS: [&str; 29] = [
    "note",
    "checkpoint",
    "vkey",
    "policy",
    "tlog_proof",
    "path",
    "bundle",
    "cosignature",
    "prove",
    "add_checkpoint",
    "sign_subtree",
    "witness_answer",
    "witness_reply",
    "fork_proof",
    "gossip",
    "add_entries",
    "mirror_info",
    "submission",
    "entry",
    "handed",
    "split",
    "disclosure",
    "findings",
    "signatures",
    "secret",
    "id_page",
    "receipt",
    "evidence",
    "lookup_page",
];

/// One input may take this long before it counts as a fault.
const INPUT_SECONDS: u64 = 10;

/// Bytes of an input at most: two entries of the largest size do not fit, everything else does.
const INPUT_BYTES: usize = 1 << 16;

/// Cases of each property test where libFuzzer is not to be had, for each second that was asked for.
const CASES_A_SECOND: u64 = 400;

/// Fuzz the parsers, and proofs from made to bent
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  cargo xtask fuzz note --seconds 600\n\n\
    What was found lies in fuzz/artifacts/TARGET; `cargo fuzz run TARGET FILE` runs it again.")]
pub(crate) struct Args {
    /// One target alone [default: all of them, one after the other]
    target: Option<String>,
    /// How long each target runs
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u64,
}

/// Why the run did not say that all holds.
#[derive(Debug, Error)]
pub(crate) enum FuzzError {
    /// A name that is no target.
    #[error("there is no target {0:?}; the targets are {list}", list = TARGETS.join(", "))]
    NoSuchTarget(String),
    /// The seeds could not be written.
    #[error("cannot write the seeds: {0}")]
    Seeds(io::Error),
    /// libFuzzer says which input; it lies in fuzz/artifacts.
    #[error("{0}")]
    Found(String),
}

/// Runs what was asked for.
pub(crate) fn run(args: &Args) -> Result<(), FuzzError> {
    match &args.target {
        None => drop(all(args.seconds)?),
        Some(target) if !TARGETS.contains(&target.as_str()) => {
            return Err(FuzzError::NoSuchTarget(target.clone()));
        }
        Some(target) => drop(some(&[target], args.seconds)?),
    }
    Ok(())
}

/// Every target for so long; how it was done.
pub(crate) fn all(seconds: u64) -> Result<String, FuzzError> {
    some(&TARGETS, seconds)
}

fn some(targets: &[&str], seconds: u64) -> Result<String, FuzzError> {
    seeds::write(&repository().join("fuzz/corpus")).map_err(FuzzError::Seeds)?;
    if let Err(why) = build() {
        say(&format!("libFuzzer is not to be had here ({why}): property tests run instead"));
        return property_tests(seconds).map_err(FuzzError::Found);
    }
    for target in targets {
        say(&format!("--- {target}"));
        let limits = [
            format!("-max_total_time={seconds}"),
            format!("-timeout={INPUT_SECONDS}"),
            format!("-max_len={INPUT_BYTES}"),
            "-print_final_stats=1".into(),
            "-verbosity=0".into(),
        ];
        run_command(cargo_fuzz("run").arg(target).arg("--").args(limits)).map_err(FuzzError::Found)?;
    }
    Ok(format!("{} targets under libFuzzer, {seconds} s each", targets.len()))
}

/// All targets, or why they cannot be built.
fn build() -> Result<(), String> {
    CARGO_FUZZ.install()?;
    run_command(&mut cargo_fuzz("build"))
}

/// `cargo fuzz VERB`, without a sanitizer, with the tool that was installed.
fn cargo_fuzz(verb: &str) -> Command {
    let mut fuzz = cargo();
    let own = target_dir().join("tools/bin");
    let others = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(own).chain(std::env::split_paths(&others)));
    fuzz.env("PATH", path.unwrap_or(others)).args(["fuzz", verb, "--sanitizer", "none"]);
    fuzz
}

/// The tests that drive the functions of the targets, by the words in their names.
fn property_tests(seconds: u64) -> Result<String, String> {
    let cases = (seconds * CASES_A_SECOND).max(256);
    let mut tests = cargo();
    tests.args(["test", "--locked", "--package", "tlog", "--package", "record"]);
    tests.args(["--package", "sequencer", "--package", "client", "--package", "evidence"]);
    tests.args(["--package", "lookup", "--package", "monitor", "--package", "witnessing", "--"]);
    tests.args(["any_bytes", "nearly", "bent", "back", "bodies"]).env("PROPTEST_CASES", cases.to_string());
    say(&shown(&tests));
    run_command(&mut tests)
        .map(|()| format!("property tests, {cases} cases each: libFuzzer is not to be had"))
}

fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_and_their_files_are_the_same() {
        let files = std::fs::read_dir(repository().join("fuzz/fuzz_targets")).unwrap();
        let mut files: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        let mut targets = TARGETS.map(|target| format!("{target}.rs"));
        files.sort();
        targets.sort();
        assert_eq!(files, targets);
    }

    #[test]
    fn every_target_has_seeds() {
        let home = tempfile::tempdir().unwrap();
        seeds::write(home.path()).unwrap();
        for target in TARGETS {
            let count = std::fs::read_dir(home.path().join(target)).unwrap().count();
            assert!(count > 1, "{target} has {count} seeds");
        }
    }
}
