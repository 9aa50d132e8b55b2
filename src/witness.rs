//! `deedbook witness`: somebody who watches logs grow, cosigns what continues, and keeps what shows that one has forked
//! (C2SP tlog-witness).

pub(crate) mod answered;
pub(crate) mod chores;
pub(crate) mod directory;
pub(crate) mod forks;
mod keys;
pub(crate) mod list;
mod logs;
mod run;

use std::path::PathBuf;

use crate::cli::{Failure, Verdict};
use crate::print::Printer;

/// Where a witness is if nobody says.
const DATA: &str = "deedbook-witness";

/// Be a witness of logs: cosign what continues what was cosigned before, and nothing else
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    deedbook witness run --data /var/lib/witness --name witness.example.org/w1\n  \
    deedbook witness keys --data /var/lib/witness\n  \
    deedbook witness enrol \"$(cat log.vkey)\" --contact ops@log.example.org --data /var/lib/witness\n  \
    deedbook witness logs --data /var/lib/witness\n  \
    deedbook witness forks --data /var/lib/witness\n\n\
    What a witness has answered for is in DIR/store. Never put an older copy of it back: it would cosign a second history.\n\
    Whoever has lost the store, or part of it, takes a new key and a new name.")]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Run(Box<run::Args>),
    Keys(KeysArgs),
    Enrol(list::EnrolArgs),
    Forget(list::ForgetArgs),
    Logs(logs::Args),
    Forks(forks::Args),
}

/// Which witness.
#[derive(Debug, clap::Args)]
struct PlaceArgs {
    /// The witness's directory
    #[arg(long, value_name = "DIR", env = "DEEDBOOK_WITNESS_DATA", default_value = DATA)]
    data: PathBuf,
}

/// Show the witness's public keys (vkeys), for the policies of those who believe it
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  deedbook witness keys --data /var/lib/witness > witness.vkeys")]
struct KeysArgs {
    #[command(flatten)]
    place: PlaceArgs,
}

pub(crate) async fn run(args: Args, printer: Printer) -> Result<Verdict, Failure> {
    match args.what {
        What::Run(args) => run::run(*args, printer).await,
        What::Keys(args) => directory::show_keys(&directory::WITNESS, &args.place.data, printer),
        What::Enrol(args) => list::enrol(&args, printer),
        What::Forget(args) => list::forget(&args, printer),
        What::Logs(args) => logs::run(args, printer).await,
        What::Forks(args) => forks::run(args, printer).await,
    }
}
