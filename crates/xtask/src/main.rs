//! Developer verbs, one file each: `cargo xtask <verb>`.

mod background;
mod bench;
mod contender;
mod fill;
mod fuzz;
mod hammer;
mod interop;
mod loopback;
mod peers;
mod sample;
mod test;
mod tools;

use clap::Parser;
use std::fmt::Display;
use std::process::ExitCode;

/// Developer verbs of Deedbook
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Verb {
    Test(test::Args),
    Fuzz(fuzz::Args),
    Interop(interop::Args),
    Bench(bench::Args),
    Sample(sample::Args),
}

fn main() -> ExitCode {
    match Verb::parse() {
        Verb::Test(args) => report(test::run(&args)),
        Verb::Fuzz(args) => report(fuzz::run(&args)),
        Verb::Interop(args) => report(interop::run(&args)),
        Verb::Bench(args) => report(bench::run(&args)),
        Verb::Sample(args) => report(sample::run(&args)),
    }
}

fn report<E: Display>(outcome: Result<(), E>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
