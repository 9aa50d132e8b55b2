//! `deedbook lookup`: the lookups of a stopped log, which answer searches: how far they are, and made anew.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use ::lookup::{Bundles, BundlesError, FollowError, Follower, FromBundles};
use bytes::Bytes;
use sequencer::stored::Stored;
use sequencer::{DataDirectory, Kind};
use serde::Serialize;
use store::{SledStore, StoreError};
use tlog::Head;
use tlog::tile::{Bundle, Resource};

use crate::audit::bytes;
use crate::cli::{Failure, Verdict};
use crate::fsck::{off_thread, open_store, who};
use crate::place::open_lookups;
use crate::print::{Printer, Table, count, things};
use crate::progress::Bar;

/// How far a log's lookups are, and make them anew; the log must be stopped
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    deedbook lookup status --data /var/lib/deedbook\n  \
    deedbook lookup rebuild --data /var/lib/deedbook\n\n\
    Lookups say which records speak of whom. They follow from the log alone, and may be deleted at any time: a server\n\
    makes them anew while it serves, rebuild does so beforehand, on the same road: every entry is hashed, and they have\n\
    to lead to the head that the log signed. They are kept in stretches of 65,536 entries; those after the last full one\n\
    are read again at each start. A running log says how far it is in /metrics, and in every search.")]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Remove the lookups, and make them anew from all entries
    Rebuild(PlaceArgs),
    /// Say how far they are
    Status(PlaceArgs),
}

#[derive(Debug, clap::Args)]
struct PlaceArgs {
    /// The log's directory
    #[arg(long, value_name = "DIR", env = "DEEDBOOK_DATA", default_value = crate::serve::DATA)]
    data: PathBuf,
}

/// What is said of lookups.
#[derive(Debug, Serialize)]
struct Shown {
    origin: String,
    /// Entries of the log.
    size: u64,
    /// Entries in full stretches, proven; what was found in them is known for as many.
    entries: u64,
    findings: u64,
    /// Entries that are read again when the log is served.
    behind: u64,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_per_record: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
}

/// A log that is stopped, and the hold on its directory.
struct Stopped {
    directory: DataDirectory,
    origin: String,
    stored: Arc<Stored>,
}

pub(crate) async fn run(args: Args, printer: Printer) -> Result<Verdict, Failure> {
    off_thread(move || match args.what {
        What::Status(args) => status(&args.data, printer),
        What::Rebuild(args) => rebuild(&args.data, printer),
    })
    .await?
}

fn status(data: &Path, printer: Printer) -> Result<Verdict, Failure> {
    let log = Stopped::open(data)?;
    if !log.directory.lookups_path().join("db").exists() {
        return Err(Failure::could_not_tell(format!(
            "{} has no lookups yet; they are made when it is served, or by deedbook lookup rebuild",
            data.display()
        )));
    }
    let shown = log.shown(None)?;
    let headline = format!("the lookups of {} are there", shown.origin);
    printer.result(Verdict::Holds, &headline, &shown.table(), &shown);
    Ok(Verdict::Holds)
}

fn rebuild(data: &Path, printer: Printer) -> Result<Verdict, Failure> {
    let log = Stopped::open(data)?;
    let path = log.directory.lookups_path();
    if path.exists() {
        std::fs::remove_dir_all(&path)
            .map_err(|error| Failure::could_not_tell(format!("{}: {error}", path.display())))?;
    }
    let start = Instant::now();
    log.follow(printer)?;
    let shown = log.shown(Some(start.elapsed().as_secs_f64()))?;
    let headline = format!("the lookups of {} are made anew from all its entries", shown.origin);
    printer.result(Verdict::Holds, &headline, &shown.table(), &shown);
    Ok(Verdict::Holds)
}

impl Stopped {
    fn open(data: &Path) -> Result<Self, Failure> {
        let directory = DataDirectory::open_existing(data).map_err(Failure::could_not_tell)?;
        let (keyring, identity) = who(&directory)?;
        if identity.kind == Kind::Raw {
            return Err(Failure::could_not_tell(format!(
                "{} takes raw entries; there is nothing in them to look up",
                identity.origin
            )));
        }
        let path = directory.store_path();
        let stored = Stored::open(Arc::new(open_store(&path)?), &keyring.all())
            .map_err(|error| Failure::does_not_hold(format!("{}: {error}", path.display())))?;
        Ok(Self { directory, origin: identity.origin, stored: Arc::new(stored) })
    }

    /// Follows the log to its head, as its server does.
    fn follow(&self, printer: Printer) -> Result<(), Failure> {
        let (lookups, _) = self.lookups()?;
        let (source, mut follower) = (FromBundles(InStore(self.stored.clone())), Follower::new(lookups));
        let bar = Bar::new(printer, "entries");
        loop {
            let progress = follower.step(&source).map_err(failure)?;
            bar.at(progress.read, progress.size);
            if progress.is_done() {
                return Ok(());
            }
        }
    }

    /// What is on disk.
    fn shown(&self, seconds: Option<f64>) -> Result<Shown, Failure> {
        let (lookups, store) = self.lookups()?;
        let (size, entries) = (self.stored.head().size(), lookups.size());
        let bytes = store.disk_bytes().map_err(Failure::could_not_tell)?;
        Ok(Shown {
            origin: self.origin.clone(),
            size,
            entries,
            findings: lookups.findings_size(),
            behind: size.saturating_sub(entries),
            bytes,
            bytes_per_record: (entries > 0).then(|| bytes as f64 / entries as f64),
            seconds,
        })
    }

    fn lookups(&self) -> Result<(::lookup::Lookups, Arc<SledStore>), Failure> {
        open_lookups(&self.directory).map_err(|why| {
            Failure::does_not_hold(format!("{}: {why}", self.directory.lookups_path().display()))
        })
    }
}

/// The bundles of a stopped log, and the head that it signed.
struct InStore(Arc<Stored>);

impl Bundles for InStore {
    type Error = StoreError;

    fn head(&self) -> Result<Head, StoreError> {
        Ok(self.0.head().head())
    }

    fn bundle(&self, place: Bundle) -> Result<Option<Bytes>, StoreError> {
        self.0.resource(Resource::Bundle(place))
    }
}

/// Entries that are not those that were signed are a finding; what cannot be read or written is not.
fn failure(error: FollowError<BundlesError<StoreError>>) -> Failure {
    let words = format!("{error}; deedbook fsck says what is wrong with the log");
    match error {
        FollowError::OtherRoot { .. }
        | FollowError::Source(BundlesError::Bundle(_) | BundlesError::Source(StoreError::Damaged { .. })) => {
            Failure::does_not_hold(words)
        }
        other => Failure::could_not_tell(other),
    }
}

impl Shown {
    fn table(&self) -> Table {
        let rate = |seconds: f64| {
            let rate = self.size as f64 / seconds.max(0.001);
            format!("{} in {seconds:.1} s, {rate:.0} a second", things(self.size, "entry", "entries"))
        };
        let each = self.bytes_per_record.map(|each| format!("{each:.1} a record"));
        let kept = things(self.entries, "entry", "entries");
        Table::default()
            .row("log", format!("{}, {}", self.origin, things(self.size, "entry", "entries")))
            .maybe("read", self.seconds.map(rate))
            .row("kept", format!("{kept} in full stretches, findings of {}", count(self.findings)))
            .row("behind", format!("{}, read when it is served", things(self.behind, "entry", "entries")))
            .row(
                "on disk",
                format!("{}{}", bytes(self.bytes), each.map_or(String::new(), |each| format!(", {each}"))),
            )
    }
}
