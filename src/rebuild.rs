//! `deedbook rebuild`: a log's store made anew from its entries.

use std::path::PathBuf;

use client::Source;
use sequencer::DataDirectory;
use serde::Serialize;

use crate::cli::{Failure, Verdict};
use crate::fsck::who;
use crate::print::{Printer, Table, count, things};
use crate::remake::{Making, Own, own_source};
use crate::trust::HttpArgs;

/// Make a log's store anew from its own entries, with the help of a copy where they are damaged
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    deedbook rebuild --data /var/lib/deedbook\n  \
    deedbook rebuild --data /var/lib/deedbook --from /backup/deedbook/public\n\n\
    Hashes, tiles and the id table are computed again; the result has to lead to the head that the log signed last, and\n\
    every byte of it is checked before it takes the old store's place. Content beside the log is carried over. The old store is kept beside it. A store that\n\
    cannot be opened at all is made anew by deedbook restore.")]
pub(crate) struct Args {
    /// The log's directory
    #[arg(long, value_name = "DIR", env = "DEEDBOOK_DATA", default_value = crate::serve::DATA)]
    data: PathBuf,
    /// Where entries are had that are damaged here: a backup's public directory, or the URL prefix of a mirror
    #[arg(long, value_name = "DIR|URL")]
    from: Option<String>,
    #[command(flatten)]
    http: HttpArgs,
}

#[derive(Serialize)]
struct Rebuilt {
    origin: String,
    size: u64,
    helped: u64,
    old: Option<PathBuf>,
}

pub(crate) async fn run(args: Args, printer: Printer) -> Result<Verdict, Failure> {
    let directory = DataDirectory::open_existing(&args.data).map_err(Failure::could_not_tell)?;
    let (keyring, identity) = who(&directory)?;
    let keys = keyring.all();
    let Own { source, head: checkpoint, stored } = own_source(&directory, &keys)?;
    let mut sources = vec![source];
    if let Some(from) = &args.from {
        sources.push(Source::open(from, &args.http.options()?).map_err(Failure::could_not_tell)?);
    }
    let making = Making {
        directory: &directory,
        keys: &keys,
        identity: &identity,
        checkpoint: &checkpoint,
        sources: &sources,
        beside: Some(stored),
    };
    let made = making.run(printer).await.map_err(|failure| hint(failure, args.from.is_some()))?;
    let rebuilt =
        Rebuilt { origin: made.checked.origin, size: made.checked.size, helped: made.helped, old: made.old };
    let headline =
        format!("the store of {} at size {} is made anew and checked", rebuilt.origin, count(rebuilt.size));
    let table = Table::default()
        .maybe("from the copy", (rebuilt.helped > 0).then(|| things(rebuilt.helped, "entry", "entries")))
        .maybe(
            "the old store",
            rebuilt.old.as_ref().map(|path| format!("{} (remove it when you are sure)", path.display())),
        );
    printer.result(Verdict::Holds, &headline, &table, &rebuilt);
    Ok(Verdict::Holds)
}

fn hint(failure: Failure, had_copy: bool) -> Failure {
    if had_copy || failure.verdict != Verdict::DoesNotHold {
        return failure;
    }
    let words = format!(
        "{}\nnothing was changed; a copy may have what is damaged here: --from DIR|URL",
        failure.words
    );
    Failure { words, ..failure }
}
