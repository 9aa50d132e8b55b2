//! `deedbook fsck`: the operator's check of every byte in a log's store.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use client::audit::{Counted, Finding, Visit, check_tree};
use sequencer::beside::{Digest, Info};
use sequencer::check::{self, Faults, RowSum};
use sequencer::recover::{self, RecoverError, Standing};
use sequencer::stored::Stored;
use sequencer::{DataDirectory, Kind, LogIdentity};
use serde::Serialize;
use store::{SledOptions, SledStore};
use tlog::Hash;
use tlog::key::VerifierKey;
use vault::Vault;

use crate::audit::{bytes, cores};
use crate::cli::{Failure, Verdict};
use crate::keyring::Keyring;
use crate::print::{Printer, Table, count, things};
use crate::progress::Bar;
use crate::{place, store_source};

/// Findings that are shown.
const SHOWN_MAX: usize = 20;

/// Check every byte of a log's store, also what only the operator sees; the log must be stopped
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  deedbook fsck --data /var/lib/deedbook\n\n\
    Reads every entry, hash and id, computes the tree again, and compares it with the head that was signed and with the\n\
    newest published one. Changes nothing. What it finds wrong, deedbook rebuild mends from the entries that are there,\n\
    or with the help of a copy.")]
pub(crate) struct Args {
    /// The log's directory
    #[arg(long, value_name = "DIR", env = "DEEDBOOK_DATA", default_value = crate::serve::DATA)]
    data: PathBuf,
}

/// What was found in a store.
#[derive(Debug, Serialize)]
pub(crate) struct Checked {
    pub(crate) origin: String,
    pub(crate) size: u64,
    root: String,
    pub(crate) counted: Counted,
    /// Rows of the id table; `None` for a log of raw entries.
    ids: Option<u64>,
    /// Contents beside the log; each was opened, if the keys were at hand.
    contents: u64,
    opened: bool,
    disk_bytes: u64,
    /// Of the public log: what an auditor would find.
    public: Vec<Finding>,
    /// Of the store: what only the operator can see.
    private: Vec<String>,
    /// What follows from the entries, and can be had again from them or from a copy.
    pub(crate) wrong: u64,
    /// What is beside the log, and follows from nothing.
    pub(crate) content_wrong: u64,
}

pub(crate) async fn run(args: Args, printer: Printer) -> Result<Verdict, Failure> {
    let start = Instant::now();
    let directory = DataDirectory::open_existing(&args.data).map_err(Failure::could_not_tell)?;
    let (keyring, identity) = who(&directory)?;
    let keys = keyring.all();
    let mut checked = check(&directory, &directory.store_path(), &keys, &identity, printer).await?;
    let bad = match standing(&directory, &keys).await {
        Ok(Standing::Good) => None,
        Ok(other) => Some(other.to_string()),
        Err(failure) => Some(failure.words),
    };
    checked.wrong += u64::from(bad.is_some());
    checked.private.extend(bad);
    let verdict = if checked.all_wrong() == 0 { Verdict::Holds } else { Verdict::DoesNotHold };
    printer.result(verdict, &checked.headline(), &checked.table(start), &checked);
    Ok(verdict)
}

/// Keys and identity of the log in a directory, by its own files.
pub(crate) fn who(directory: &DataDirectory) -> Result<(Keyring, LogIdentity), Failure> {
    let keyring = Keyring::read(directory.path())?;
    let identity = directory.identity().map_err(Failure::could_not_tell)?.ok_or_else(|| {
        Failure::could_not_tell(
            "log.json is missing, which says what the log takes; put it back from a backup",
        )
    })?;
    Ok((keyring, identity))
}

/// Opens a store that should be there.
pub(crate) fn open_store(path: &Path) -> Result<SledStore, Failure> {
    if !path.join("db").exists() {
        return Err(Failure::does_not_hold(format!(
            "{} holds no store; its entries can be had back from a backup or a mirror (deedbook restore)",
            path.display()
        )));
    }
    SledStore::open(path, &SledOptions::default()).map_err(place::cannot_open)
}

/// Checks a store as a whole.
pub(crate) async fn check(
    directory: &DataDirectory,
    path: &Path,
    keys: &[VerifierKey],
    identity: &LogIdentity,
    printer: Printer,
) -> Result<Checked, Failure> {
    let store = Arc::new(open_store(path)?);
    let (disk_bytes, spilled) =
        (store.disk_bytes().unwrap_or_default(), store.spilled_values().unwrap_or_default());
    let stored = Stored::open(store.clone(), keys)
        .map_err(|error| Failure::does_not_hold(format!("{}: {error}", path.display())))?;
    let stored = Arc::new(stored);
    let mut faults = Faults::default();
    if spilled > 0 {
        faults.add("blobs", None, format!("{spilled} values lie in files that are never synced"));
    }
    match recover::read_identity(&*store) {
        Ok(found) if found == *identity => {}
        Ok(found) => faults.add("identity", None, format!("log.json says {identity:?}, the store {found:?}")),
        Err(error) => faults.add("identity", None, error.to_string()),
    }
    let rows = Arc::new(Rows { kind: identity.kind, sum: RowSum::default(), faults: Mutex::default() });
    let bar = Bar::new(printer, "entries");
    let source = store_source::source(stored.clone(), path);
    let tree = check_tree(&source, stored.head().head(), cores(), Some(rows.clone()), &bar).await;
    bar.finish();
    let (counted, findings) = tree.map_err(Failure::could_not_tell)?;
    let keys = directory.content_keys_path();
    let (faults, ids, contents, of_content, opened) = off_thread({
        let (stored, rows) = (stored.clone(), rows.clone());
        move || {
            check::keys(&stored, &mut faults)?;
            let ids = match rows.kind {
                Kind::Raw => None,
                Kind::Records => Some(check::id_table(&stored, &rows.sum, &mut faults)?),
            };
            let mut of_content = Faults::default();
            let vault = at_hand(&keys, &mut of_content);
            let open = |digest: Digest, info: &Info, pieces: Vec<Bytes>| match &vault {
                Some(vault) => vault.check(digest, info, &pieces).map_err(|error| error.to_string()),
                None => Ok(()),
            };
            let contents = check::content::check(stored.store(), Some(&open), &mut of_content)?;
            Ok::<_, store::StoreError>((faults, ids, contents, of_content, vault.is_some()))
        }
    })
    .await?
    .map_err(Failure::does_not_hold)?;
    let of_records = rows.faults.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok(Checked {
        origin: identity.origin.clone(),
        size: stored.head().size(),
        root: stored.head().root().to_string(),
        counted,
        ids,
        contents,
        opened,
        disk_bytes,
        public: findings.first,
        private: {
            let all = faults.first.iter().chain(&of_records.first).chain(&of_content.first);
            all.map(words).collect()
        },
        wrong: findings.total + faults.total + of_records.total,
        content_wrong: of_content.total,
    })
}

/// The keys of content, if they are where they lie by default.
fn at_hand(keys: &Path, faults: &mut Faults) -> Option<Vault> {
    if !keys.is_dir() {
        return None;
    }
    Vault::open(keys).map_err(|error| faults.add("content keys", None, error.to_string())).ok()
}

/// How the store stands to what is noted beside it of what was published.
pub(crate) async fn standing(directory: &DataDirectory, keys: &[VerifierKey]) -> Result<Standing, Failure> {
    let (path, evidence) = (directory.store_path(), directory.head_file());
    let keys = keys.to_owned();
    off_thread(move || {
        let store = open_store(&path)?;
        recover::standing(&store, &keys, &evidence).map_err(|error| match error {
            RecoverError::Evidence(_) => Failure::could_not_tell(error),
            other => Failure::does_not_hold(other),
        })
    })
    .await?
}

pub(crate) async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.map_err(Failure::could_not_tell)
}

/// Adds up the rows that the entries make, as the tree check shows them.
struct Rows {
    kind: Kind,
    sum: RowSum,
    faults: Mutex<Faults>,
}

impl Visit for Rows {
    fn entry(&self, index: u64, entry: &[u8], _leaf: Hash) {
        if self.kind == Kind::Raw {
            return;
        }
        match ::record::open(entry) {
            Ok(opened) => self.sum.add_entry(&opened, index),
            Err(error) => {
                let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
                faults.add("entry", Some(index), format!("it is no record: {error}"));
            }
        }
    }
}

fn words(fault: &check::Fault) -> String {
    match fault.index {
        Some(index) => format!("{}, entry {index}: {}", fault.place, fault.what),
        None => format!("{}: {}", fault.place, fault.what),
    }
}

impl Checked {
    fn all_wrong(&self) -> u64 {
        self.wrong + self.content_wrong
    }

    fn headline(&self) -> String {
        match self.all_wrong() {
            0 => format!("{} at size {}, every byte of its store", self.origin, count(self.size)),
            n => format!("{}: {} in its store", self.origin, things(n, "thing is wrong", "things are wrong")),
        }
    }

    fn table(&self, start: Instant) -> Table {
        let counted = self.counted;
        let seconds = start.elapsed().as_secs_f64();
        let mut table = Table::default().row("root", &self.root).row(
            "checked",
            format!(
                "{}, {}, {} in {seconds:.1} s",
                things(counted.entries, "entry", "entries"),
                things(counted.tiles, "tile", "tiles"),
                bytes(counted.bytes)
            ),
        );
        table = table
            .maybe(
                "id table",
                self.ids.map(|rows| format!("{}, one for each record", things(rows, "row", "rows"))),
            )
            .maybe(
                "content",
                (self.contents > 0).then(|| {
                    let how = if self.opened { "each opened" } else { "not opened, the keys are not here" };
                    format!("{} beside the log, {how}", things(self.contents, "disclosure", "disclosures"))
                }),
            )
            .row("on disk", bytes(self.disk_bytes));
        for finding in self.public.iter().take(SHOWN_MAX) {
            table = table.row("wrong", finding);
        }
        for fault in self.private.iter().take(SHOWN_MAX) {
            table = table.row("wrong", fault);
        }
        let shown = self.public.len().min(SHOWN_MAX) + self.private.len().min(SHOWN_MAX);
        let more = self.all_wrong().saturating_sub(shown as u64);
        table.maybe("", (more > 0).then(|| format!("and {} more", count(more))))
    }
}
