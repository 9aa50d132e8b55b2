//! Developer verbs, one file each: `cargo xtask <verb>`.

mod background;
mod bench;
mod contender;
mod fill;
mod hammer;
mod interop;
mod loopback;
mod peers;
mod sample;

use clap::Parser;
use std::fmt::Display;
use std::process::ExitCode;

/// Developer verbs of Deedbook
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Verb {
    Bench(bench::Args),
    BenchBulk(bench::bulk::Args),
    BenchGrowth(bench::grown::Args),
    Interop(interop::Args),
    Sample(sample::Args),
}

fn main() -> ExitCode {
    match Verb::parse() {
        Verb::Bench(args) => report(bench::run(&args)),
        Verb::BenchBulk(args) => report(bench::bulk::run(&args)),
        Verb::BenchGrowth(args) => report(bench::grown::run(&args)),
        Verb::Interop(args) => report(interop::run(&args)),
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
