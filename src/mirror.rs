//! `deedbook mirror`: full copies of logs, each entry proven before it is kept, cosigned when all of it is on the disk, and
//! served as the log itself serves it (C2SP tlog-mirror).

mod follow;
mod logs;
mod plan;
mod pull;
mod push;
mod pushed;
mod run;
mod standing;
mod trouble;

use std::path::PathBuf;

use crate::cli::{Failure, Verdict};
use crate::print::Printer;
use crate::witness::directory::{self, MIRROR};

/// Where a mirror is if nobody says.
const DATA: &str = "deedbook-mirror";

/// Keep full copies of logs: proven, cosigned, and served to whoever may read them
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    deedbook mirror run --data /var/lib/mirror --name mirror.example.org/m1 --log https://log.example.org/agents --vkey-file log.vkey\n  \
    deedbook mirror run --data /var/lib/mirror --policy policy.txt --once\n  \
    deedbook mirror keys --data /var/lib/mirror\n  \
    deedbook mirror logs --data /var/lib/mirror\n  \
    deedbook mirror push --log http://127.0.0.1:2026 --vkey-file log.vkey --to https://mirror.example.org/m1 --mirror-keys mirror.vkeys\n\n\
    DIR/logs/HASH is the copy of one log (HASH: SHA-256 of its origin): any static web server can serve it, and deedbook audit,\n\
    restore and rebuild --from read it. DIR/store is what the mirror may cosign: never put an older copy of it back.")]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Run(Box<plan::Args>),
    Keys(KeysArgs),
    Logs(logs::Args),
    Push(Box<push::Args>),
}

/// Which mirror.
#[derive(Debug, clap::Args)]
struct PlaceArgs {
    /// The mirror's directory
    #[arg(long, value_name = "DIR", env = "DEEDBOOK_MIRROR_DATA", default_value = DATA)]
    data: PathBuf,
}

/// Show the mirror's public keys (vkeys), for the policies of those who believe it
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  deedbook mirror keys --data /var/lib/mirror > mirror.vkeys")]
struct KeysArgs {
    #[command(flatten)]
    place: PlaceArgs,
}

pub(crate) async fn run(args: Args, printer: Printer) -> Result<Verdict, Failure> {
    match args.what {
        What::Run(args) => run::run(*args, printer).await,
        What::Keys(args) => directory::show_keys(&MIRROR, &args.place.data, printer),
        What::Logs(args) => logs::run(&args, printer),
        What::Push(args) => push::run(*args, printer).await,
    }
}
