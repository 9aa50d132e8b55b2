//! A new store from entries, proven before it takes the place of the old one: what `rebuild` and `restore` have in common.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use client::copy::agree;
use client::{Source, SourceError};
use futures::stream::{self, StreamExt as _};
use sequencer::remake::{Remake, RemakeError};
use sequencer::stored::Stored;
use sequencer::{DataDirectory, LogIdentity};
use store::{SledOptions, SledStore, Store};
use tlog::bundle;
use tlog::checkpoint::SignedCheckpoint;
use tlog::key::VerifierKey;
use tlog::tile::{Bundle, bundles_of};
use tokio::sync::mpsc;

use crate::cli::Failure;
use crate::fsck::{self, Checked, off_thread};
use crate::print::Printer;
use crate::progress::Bar;

/// Bundles that are read at once, and that wait to be written.
const AT_ONCE: usize = 16;

/// What is to be made, and from what.
pub(crate) struct Making<'a> {
    pub(crate) directory: &'a DataDirectory,
    /// All that the log has and had.
    pub(crate) keys: &'a [VerifierKey],
    pub(crate) identity: &'a LogIdentity,
    /// Where the entries have to lead.
    pub(crate) checkpoint: &'a SignedCheckpoint,
    /// Where entries are read: from the first place where they agree with their hashes.
    pub(crate) sources: &'a [Source],
    /// What lies beside the log here, which no entry tells: it is carried over.
    pub(crate) beside: Option<Arc<Stored>>,
}

/// What was made.
pub(crate) struct Made {
    pub(crate) checked: Checked,
    /// Where the store is that was there before.
    pub(crate) old: Option<PathBuf>,
    /// Entries that were not read from the first place.
    pub(crate) helped: u64,
}

/// A store that is open for reading, and where its log stands.
pub(crate) struct Own {
    /// As a place to take entries from.
    pub(crate) source: Source,
    pub(crate) head: SignedCheckpoint,
    pub(crate) stored: Arc<Stored>,
}

impl Making<'_> {
    /// Makes a store beside the present one, checks every byte of it, and exchanges the two.
    pub(crate) async fn run(&self, printer: Printer) -> Result<Made, Failure> {
        let new = self.directory.path().join("store.new");
        remove(&new)?;
        let helped = self.fill(&new, printer).await?;
        let checked = fsck::check(self.directory, &new, self.keys, self.identity, printer).await?;
        if checked.wrong > 0 {
            return Err(Failure::does_not_hold(format!(
                "the new store does not stand its check ({} things are wrong); it is left in {}",
                checked.wrong,
                new.display()
            )));
        }
        if checked.content_wrong > 0 {
            tracing::warn!(
                wrong = checked.content_wrong,
                "content beside the log is damaged, and entries do not tell it; deedbook fsck names it"
            );
        }
        let old = exchange(self.directory, &new)?;
        Ok(Made { checked, old, helped })
    }

    async fn fill(&self, path: &Path, printer: Printer) -> Result<u64, Failure> {
        let store = SledStore::open(path, &SledOptions::default()).map_err(Failure::could_not_tell)?;
        let (sender, receiver) = mpsc::channel(AT_ONCE);
        let (identity, checkpoint, beside) =
            (self.identity.clone(), self.checkpoint.clone(), self.beside.clone());
        let writing = off_thread(move || {
            write(&store, &identity, receiver, &checkpoint, beside.as_deref().map(Stored::store))
        });
        let reading = self.read(sender, printer);
        let (read, written) = tokio::join!(reading, writing);
        // A reader that failed is why the writer came to no end.
        let (helped, doubtful) = match (read, &written) {
            (Ok(read), _) => read,
            (Err(_), Ok(Err(error @ (RemakeError::Commit(_) | RemakeError::Entry { .. })))) => {
                return Err(Failure::does_not_hold(error));
            }
            (Err(failure), _) => return Err(failure),
        };
        written?.map_err(|error| Failure::does_not_hold(format!("{error}{}", doubts(&doubtful))))?;
        Ok(helped)
    }

    /// Reads all bundles in order. Answers how many entries were not taken from the first place, and which bundles agree
    /// with their hashes nowhere.
    async fn read(
        &self,
        sender: mpsc::Sender<Vec<Bytes>>,
        printer: Printer,
    ) -> Result<(u64, Vec<Bundle>), Failure> {
        let size = self.checkpoint.size();
        let bar = Bar::new(printer, "entries");
        let mut bundles = stream::iter(bundles_of(size).map(|bundle| self.bundle(bundle))).buffered(AT_ONCE);
        let (mut done, mut helped, mut doubtful) = (0, 0, vec![]);
        while let Some(read) = bundles.next().await {
            let Found { entries, place, doubt } = read?;
            done += entries.len() as u64;
            helped += if place > 0 { entries.len() as u64 } else { 0 };
            doubtful.extend(doubt);
            if sender.send(entries).await.is_err() {
                break;
            }
            bar.at(done, size);
        }
        Ok((helped, doubtful))
    }

    /// The entries of a bundle from the first place where they agree with their hashes. If they do so nowhere it may be
    /// the hashes that are damaged: then the first that can be read, and the root will tell.
    async fn bundle(&self, bundle: Bundle) -> Result<Found, Failure> {
        let (mut why, mut readable) = (String::new(), None);
        for (place, source) in self.sources.iter().enumerate() {
            let (bytes, tile) = match pair(source, bundle).await {
                Ok(pair) => pair,
                Err(error) => {
                    why = format!("{why}\n  {error}");
                    continue;
                }
            };
            let entries = bytes.as_ref().and_then(|bytes| bundle::decode(bytes, bundle.width().into()).ok());
            let Some(entries) = entries else {
                why = format!("{why}\n  {source} does not have them");
                continue;
            };
            if bytes.zip(tile).is_some_and(|(bytes, tile)| agree(bundle, &bytes, &tile)) {
                return Ok(Found { entries, place, doubt: None });
            }
            readable.get_or_insert(Found { entries, place, doubt: Some(bundle) });
        }
        readable.ok_or_else(|| Failure::does_not_hold(format!("{} cannot be had:{why}", name(bundle))))
    }
}

/// The entries of one bundle, and where they are from.
struct Found {
    entries: Vec<Bytes>,
    place: usize,
    doubt: Option<Bundle>,
}

fn name(bundle: Bundle) -> String {
    format!("entries {} to {}", bundle.first(), bundle.first() + u64::from(bundle.width()) - 1)
}

/// Where it was altered, if the hashes beside the entries are right.
fn doubts(doubtful: &[Bundle]) -> String {
    let names: Vec<_> = doubtful.iter().take(5).map(|bundle| name(*bundle)).collect();
    match doubtful.len() {
        0 => String::new(),
        1..=5 => format!("\nnot in accord with their hashes: {}", names.join(", ")),
        more => {
            format!("\nnot in accord with their hashes: {} and {} more stretches", names.join(", "), more - 5)
        }
    }
}

/// A bundle and the hashes of its entries, as far as they are there.
async fn pair(source: &Source, bundle: Bundle) -> Result<(Option<Bytes>, Option<Bytes>), SourceError> {
    futures::future::try_join(source.bundle(bundle), source.tile(bundle.tile())).await
}

/// Writes what comes, to the end.
fn write(
    store: &SledStore,
    identity: &LogIdentity,
    mut entries: mpsc::Receiver<Vec<Bytes>>,
    checkpoint: &SignedCheckpoint,
    beside: Option<&dyn Store>,
) -> Result<(), RemakeError> {
    let mut remake = Remake::begin(store, identity)?;
    while let Some(entries) = entries.blocking_recv() {
        remake.push(entries)?;
    }
    if remake.size() != checkpoint.size() {
        return Ok(());
    }
    let left_out = beside.map_or(Ok(0), |beside| remake.carry(beside))?;
    if left_out > 0 {
        tracing::warn!(left_out, "values of content beside the log are damaged, and were left out");
    }
    remake.finish(checkpoint)
}

/// Puts the new store in the place of the old one in one step, and keeps the old one under another name.
fn exchange(directory: &DataDirectory, new: &Path) -> Result<Option<PathBuf>, Failure> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    let failed = |error: std::io::Error| Failure::could_not_tell(format!("{}: {error}", new.display()));
    let store = directory.store_path();
    let mut old = None;
    if store.exists() {
        renameat_with(CWD, new, CWD, &store, RenameFlags::EXCHANGE).map_err(|error| failed(error.into()))?;
        let kept = jiff::Timestamp::now().strftime("store.old-%Y%m%dT%H%M%S%3fZ").to_string();
        let kept = directory.path().join(kept);
        std::fs::rename(new, &kept).map_err(failed)?;
        old = Some(kept);
    } else {
        std::fs::rename(new, &store).map_err(failed)?;
    }
    std::fs::File::open(directory.path()).and_then(|file| file.sync_all()).map_err(failed)?;
    Ok(old)
}

/// What an earlier attempt left behind.
fn remove(path: &Path) -> Result<(), Failure> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::could_not_tell(format!("{}: {error}", path.display())))
        }
        _ => Ok(()),
    }
}

/// The store of a log, open for reading.
pub(crate) fn own_source(directory: &DataDirectory, keys: &[VerifierKey]) -> Result<Own, Failure> {
    let path = directory.store_path();
    let store = Arc::new(fsck::open_store(&path)?);
    let stored = Stored::open(store, keys)
        .map_err(|error| Failure::does_not_hold(format!("{}: {error}", path.display())))?;
    let (head, stored) = (stored.head().clone(), Arc::new(stored));
    Ok(Own { source: crate::store_source::source(stored.clone(), &path), head, stored })
}
