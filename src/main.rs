//! The one binary: `deedbook`. Each verb has a file; this one finds the file for the verb.

mod admission;
mod ask_witnesses;
mod audit;
mod backup;
mod cli;
mod completions;
mod demo;
mod erase;
mod evidence;
mod fsck;
mod hammer;
mod hold;
mod key;
mod keyring;
mod lookup;
mod mirror;
mod monitor;
mod payload;
mod place;
mod print;
mod progress;
mod rebuild;
mod record;
mod remake;
mod restore;
mod search;
mod serve;
mod session;
mod store_source;
mod token;
mod trust;
mod verify;
mod watched;
mod whole_log;
mod witness;

use std::process::ExitCode;

use clap::Parser as _;

use cli::{Cli, Failure, Verb, Verdict};
use print::Printer;

/// Why not the system's: docs/decisions/0035-allocator.md.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse_from(cli::in_order(std::env::args_os()));
    cli.options.start_tracing();
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        // One that the store catches is told as an error, in a sentence.
        if store::panics_are_caught() {
            tracing::debug!(%panic, "caught");
        } else {
            usual(panic);
        }
    }));
    let printer = cli.options.printer();
    let result = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(run(cli.verb, printer)),
        Err(error) => Err(Failure::could_not_tell(format!("no threads to run on: {error}"))),
    };
    match result {
        Ok(verdict) => verdict.into(),
        Err(failure) => {
            printer.failure(&failure);
            failure.verdict.into()
        }
    }
}

/// One line a verb.
async fn run(verb: Verb, printer: Printer) -> Result<Verdict, Failure> {
    match verb {
        Verb::Demo(args) => demo::run(args, printer).await,
        Verb::Serve(args) => serve::run(args, printer).await,
        Verb::Record(args) => record::run(args, printer).await,
        Verb::Verify(args) => verify::run(&args, printer),
        Verb::Audit(args) => audit::run(args, printer).await,
        Verb::Monitor(args) => monitor::run(*args, printer).await,
        Verb::Search(args) => search::run(*args, printer).await,
        Verb::Payload(args) => payload::run(args, printer).await,
        Verb::Erase(args) => erase::run(args, printer).await,
        Verb::Hold(args) => hold::run(args, printer).await,
        Verb::Session(args) => session::run(args, printer).await,
        Verb::Evidence(args) => evidence::run(args, printer).await,
        Verb::Backup(args) => backup::run(args, printer).await,
        Verb::Fsck(args) => fsck::run(args, printer).await,
        Verb::Rebuild(args) => rebuild::run(args, printer).await,
        Verb::Restore(args) => restore::run(args, printer).await,
        Verb::Lookup(args) => lookup::run(args, printer).await,
        Verb::Key(args) => key::run(args, printer).await,
        Verb::Token(args) => token::run(args, printer).await,
        Verb::Witness(args) => witness::run(args, printer).await,
        Verb::Mirror(args) => mirror::run(args, printer).await,
        Verb::Hammer(args) => hammer::run(args, printer).await,
        Verb::Completions(args) => completions::run(&args),
        Verb::Man(args) => completions::man(&args),
    }
}
