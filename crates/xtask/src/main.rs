//! Developer verbs, one file each: `cargo xtask <verb>`.

mod background;
mod bench;
mod contender;
mod crash;
mod crowd;
mod fill;
mod fuzz;
mod hammer;
mod interop;
mod loopback;
mod peers;
mod powercut;
mod sample;
mod simulate;
mod test;
mod tools;
mod trial;
mod witness;

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
    Crash(crash::Args),
    Powercut(powercut::Args),
    Crowd(crowd::Args),
    Simulate(simulate::Args),
    Bench(bench::Args),
    BenchBulk(bench::bulk::Args),
    BenchGrowth(bench::grown::Args),
    BenchLookup(bench::lookups::Args),
    BenchFollow(bench::following::Args),
    BenchPublish(bench::publish::Args),
    BenchWitness(bench::witness::Args),
    BenchMonitor(bench::monitoring::Args),
    Sample(sample::Args),
    #[command(hide = true)]
    ServeBroken(powercut::BrokenArgs),
}

fn main() -> ExitCode {
    match Verb::parse() {
        Verb::Test(args) => report(test::run(&args)),
        Verb::Fuzz(args) => report(fuzz::run(&args)),
        Verb::Interop(args) => report(interop::run(&args)),
        Verb::Crash(args) => report(crash::run(&args)),
        Verb::Powercut(args) => report(powercut::run(&args)),
        Verb::Crowd(args) => report(crowd::run(&args)),
        Verb::Simulate(args) => report(simulate::run(&args)),
        Verb::Bench(args) => report(bench::run(&args)),
        Verb::BenchBulk(args) => report(bench::bulk::run(&args)),
        Verb::BenchGrowth(args) => report(bench::grown::run(&args)),
        Verb::BenchLookup(args) => report(bench::lookups::run(&args)),
        Verb::BenchFollow(args) => report(bench::following::run(&args)),
        Verb::BenchPublish(args) => report(bench::publish::run(&args)),
        Verb::BenchWitness(args) => report(bench::witness::run(&args)),
        Verb::BenchMonitor(args) => report(bench::monitoring::run(&args)),
        Verb::Sample(args) => report(sample::run(&args)),
        Verb::ServeBroken(args) => report(powercut::serve_broken(&args)),
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
