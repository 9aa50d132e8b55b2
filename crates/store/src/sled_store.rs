//! The embedded store: sled 0.34.7, with the durability that sled itself does not give.
//!
//! What was measured about sled, and what follows here:
//!
//! * `flush()` ends in `sync_file_range`, which saves neither the length of the file nor the disk's cache: a power
//!   cut loses what was "flushed". So every commit does its own `fsync` on an own descriptor of sled's file, before
//!   it returns. (An own descriptor, opened before the first write: the kernel reports a failed write-back once to
//!   each open descriptor, so sled's background thread cannot swallow an error meant for us.)
//! * Any error of `flush` or `fsync` is final: the pages may be gone from memory and not be on disk. The store
//!   takes no further commit until it is opened anew.
//! * Nodes over a quarter of a segment go to files of their own in `blobs/`, which nobody syncs, and which make
//!   every later open panic after a power cut. A node holds up to 17 values, 20 after a merge, and is written as a
//!   whole; so values are cut into rows of at most [`limits::ROW_BYTES_MAX`], and the arithmetic is checked when
//!   this file is compiled.
//! * A damaged file can make sled panic, when it is opened or read: caught, and told as an error.
//! * A process that ends, or a disk that is full, while sled writes a snapshot leaves a file behind that sled takes for
//!   a damaged snapshot at every later opening: removed before.
//! * Memory is bounded by the page cache's capacity, which defaults to 1 GB in sled and to 64 MB here.
//!
//! Each table is a sled tree of its own, so that the growing edge of one does not rewrite the pages of another; a
//! commit is one transaction over all trees, which sled recovers as a whole or not at all.

mod files;
mod guard;
pub mod limits;
mod rows;
#[cfg(test)]
mod tests;

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    time::{Duration, Instant},
};

use bytes::Bytes;
use parking_lot::Mutex;
use sled::{Transactional, Tree, transaction::ConflictableTransactionError};

use crate::{Batch, CommitError, Key, Store, StoreError, Table};

pub use guard::panics_are_caught;

/// How a store is opened.
#[derive(Clone, Debug)]
pub struct SledOptions {
    /// Most that the page cache holds in memory, in bytes.
    pub cache_bytes: u64,
    /// Ways to break the store on purpose.
    pub danger: Danger,
}

/// Ways to break the promises of the store, so that a test can show that they matter. Nothing but tests may set
/// them, and no command-line flag or configuration reaches them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Danger {
    /// All promises hold.
    #[default]
    None,
    /// Acknowledge after sled's `flush()`, without the `fsync`.
    NoFsync,
    /// Use segments so small that values spill into files of their own.
    SpillIntoBlobs,
}

impl Default for SledOptions {
    fn default() -> Self {
        Self { cache_bytes: limits::CACHE_BYTES, danger: Danger::None }
    }
}

/// The store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("{path} is in use by another process")]
    InUse {
        /// Directory of the store.
        path: PathBuf,
    },
    /// Its bytes are not what was written.
    #[error("{path} is damaged and cannot be opened: {what}")]
    Damaged {
        /// Directory of the store.
        path: PathBuf,
        /// What sled said.
        what: String,
    },
    /// The directory cannot be read or written.
    #[error("{path} cannot be opened: {source}")]
    Io {
        /// Directory of the store.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

/// A [`Store`] in a directory.
pub struct SledStore {
    trees: Vec<Tree>,
    head: Tree,
    /// Own descriptor of sled's file, for `fsync`.
    file: File,
    path: PathBuf,
    danger: Danger,
    /// Held during a commit: there is one writer at a time.
    committing: Mutex<rows::Compressor>,
    /// Set once a commit's outcome is not known.
    poisoned: AtomicBool,
    // Last, so that it is dropped last: dropping it closes sled.
    db: sled::Db,
}

const HEAD_KEY: &[u8] = b"head";
/// A store that was closed lets go of its file when sled's own threads have ended: that may take so long.
const LET_GO: Duration = Duration::from_secs(3);

impl SledStore {
    /// Opens the store in `path`, making it if nothing is there.
    pub fn open(path: &Path, options: &SledOptions) -> Result<Self, OpenError> {
        let io = |source| OpenError::Io { path: path.into(), source };
        std::fs::create_dir_all(path).map_err(io)?;
        files::remove_unfinished_snapshots(path).map_err(io)?;
        let segment = match options.danger {
            Danger::SpillIntoBlobs => limits::SEGMENT_BYTES / 32,
            Danger::None | Danger::NoFsync => limits::SEGMENT_BYTES,
        };
        let config = sled::Config::new().path(path).segment_size(segment).cache_capacity(options.cache_bytes);
        let opening = || {
            let db = config.open()?;
            let trees =
                Table::ALL.iter().map(|table| db.open_tree(table.name())).collect::<Result<Vec<_>, _>>()?;
            let head = db.open_tree("head")?;
            db.flush()?;
            Ok((db, trees, head))
        };
        let started = Instant::now();
        let (db, trees, head) = loop {
            match guard::catching(opening) {
                Ok(Ok(opened)) => break opened,
                Ok(Err(error)) if is_in_use(&error) && started.elapsed() < LET_GO => {
                    std::thread::sleep(LET_GO / 150);
                }
                Ok(Err(error)) => return Err(open_error(path, error)),
                Err(what) => return Err(OpenError::Damaged { path: path.into(), what }),
            }
        };
        let file = File::open(path.join("db")).map_err(io)?;
        // What was read may be in the page cache only: make sure of it before anything is built on it.
        files::sync_directory(path).map_err(io)?;
        let committing = Mutex::new(rows::Compressor::new().map_err(io)?);
        let poisoned = AtomicBool::new(false);
        Ok(Self { trees, head, file, path: path.into(), danger: options.danger, committing, poisoned, db })
    }

    /// Bytes on disk.
    pub fn disk_bytes(&self) -> Result<u64, StoreError> {
        self.db.size_on_disk().map_err(|error| StoreError::Io(error.into()))
    }

    /// Number of values that have spilled into files of their own: always 0, or the store is not durable.
    pub fn spilled_values(&self) -> io::Result<usize> {
        Ok(std::fs::read_dir(self.path.join("blobs"))?.count())
    }

    fn tree(&self, table: Table) -> &Tree {
        &self.trees[Table::ALL.iter().position(|each| *each == table).unwrap_or_default()]
    }

    /// Reads from sled, which may panic on what it finds.
    fn reading<T>(&self, read: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        guard::catching(read).unwrap_or_else(|what| {
            let what = format!("{} is damaged: {what}", self.path.join("db").display());
            Err(StoreError::Io(io::Error::new(io::ErrorKind::InvalidData, what).into()))
        })
    }

    /// The value that starts with this row; reads the rest of its pieces.
    fn assemble(&self, key: Key, first: &[u8]) -> Result<Bytes, StoreError> {
        let damaged = |what: &str| StoreError::Damaged { key, what: what.into() };
        let tree = self.tree(key.table());
        rows::assemble(first, |piece| tree.get(rows::key(&key, piece)).map_err(read_error))
            .and_then(|value| value.map_err(|what| damaged(&what)))
    }

    fn scan_rows(
        &self,
        table: Table,
        after: Option<&Key>,
        max: usize,
    ) -> Result<Vec<(Key, Bytes)>, StoreError> {
        let start = after.map(|key| rows::key(key, rows::PIECE_MAX)).unwrap_or_default();
        let mut found = vec![];
        for row in self.tree(table).range(start..) {
            if found.len() == max {
                break;
            }
            let (row_key, row) = row.map_err(read_error)?;
            match rows::parse_key(table, &row_key) {
                Some((key, 0)) => found.push((key, self.assemble(key, &row)?)),
                Some(_) => {}
                None => {
                    let what =
                        format!("a key that is none of ours among the {}s: {row_key:02x?}", table.name());
                    return Err(StoreError::Damaged { key: after.copied().unwrap_or(Key::Identity), what });
                }
            }
        }
        Ok(found)
    }

    fn transact(
        &self,
        expected: Option<&Bytes>,
        changes: &[rows::Changes],
        head: &Bytes,
    ) -> Result<(), CommitError> {
        if self.head.get(HEAD_KEY).map_err(unknown)?.as_deref() != expected.map(AsRef::as_ref) {
            return Err(CommitError::Conflict);
        }
        let trees: Vec<&Tree> = self.trees.iter().chain([&self.head]).collect();
        let done = trees[..].transaction(|views| {
            let (head_view, views) = views.split_last().ok_or(ConflictableTransactionError::Abort(()))?;
            for (view, changes) in views.iter().zip(changes) {
                for (key, row) in changes {
                    match row {
                        Some(row) => view.insert(key.as_slice(), row.as_slice())?,
                        None => view.remove(key.as_slice())?,
                    };
                }
            }
            head_view.insert(HEAD_KEY, head.as_ref())?;
            Ok::<_, ConflictableTransactionError<()>>(())
        });
        done.map_err(|error| unknown(io::Error::other(format!("{error:?}"))))
    }

    /// Makes all that was written survive a power cut.
    fn sync(&self) -> Result<(), CommitError> {
        self.db.flush().map_err(unknown)?;
        if self.danger == Danger::NoFsync {
            return Ok(());
        }
        self.file.sync_all().map_err(unknown)
    }
}

impl Store for SledStore {
    fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        self.reading(|| {
            let first = self.tree(key.table()).get(rows::key(key, 0)).map_err(read_error)?;
            first.map(|first| self.assemble(*key, &first)).transpose()
        })
    }

    fn part(&self, key: &Key, number: usize) -> Result<Option<Bytes>, StoreError> {
        self.reading(|| {
            let tree = self.tree(key.table());
            rows::part(number, |piece| tree.get(rows::key(key, piece)).map_err(read_error))?
                .map_err(|what| StoreError::Damaged { key: *key, what })
        })
    }

    fn floor(&self, key: &Key) -> Result<Option<(Key, Bytes)>, StoreError> {
        self.reading(|| {
            let upto = rows::key(key, rows::PIECE_MAX);
            let Some(last) = self.tree(key.table()).range(..=upto).next_back() else { return Ok(None) };
            let (row_key, row) = last.map_err(read_error)?;
            let (found, piece) = rows::parse_key(key.table(), &row_key).ok_or_else(|| {
                StoreError::Damaged { key: *key, what: "a key that is none of ours".into() }
            })?;
            let value = if piece == 0 { Some(self.assemble(found, &row)?) } else { self.get(&found)? };
            Ok(value.map(|value| (found, value)))
        })
    }

    fn scan(&self, table: Table, after: Option<&Key>, max: usize) -> Result<Vec<(Key, Bytes)>, StoreError> {
        self.reading(|| self.scan_rows(table, after, max))
    }

    fn head(&self) -> Result<Option<Bytes>, StoreError> {
        let head = self.reading(|| self.head.get(HEAD_KEY).map_err(read_error))?;
        Ok(head.map(|head| Bytes::copy_from_slice(&head)))
    }

    fn commit(&self, expected: Option<&Bytes>, batch: Batch, head: Bytes) -> Result<(), CommitError> {
        let mut compressor = self.committing.lock();
        if self.poisoned.load(SeqCst) {
            return Err(unknown(io::Error::other("an earlier commit failed")));
        }
        let old_row = |key: &Key, piece| self.tree(key.table()).get(rows::key(key, piece)).map_err(unknown);
        let changing = || rows::changes(batch, &mut compressor, old_row);
        let changes =
            guard::catching(changing).unwrap_or_else(|what| Err(unknown(io::Error::other(what))))?;
        let writing = || self.transact(expected, &changes, &head).and_then(|()| self.sync());
        let done = guard::catching(writing).unwrap_or_else(|what| Err(unknown(io::Error::other(what))));
        if let Err(CommitError::Unknown(error)) = &done {
            self.poisoned.store(true, SeqCst);
            tracing::error!(%error, path = %self.path.display(), "a commit failed; the store takes no further one");
        }
        done
    }
}

fn read_error(error: sled::Error) -> StoreError {
    StoreError::Io(error.into())
}

fn unknown(error: impl std::error::Error + Send + Sync + 'static) -> CommitError {
    CommitError::Unknown(Box::new(error))
}

fn is_in_use(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(error) if error.to_string().contains("could not acquire lock"))
}

fn open_error(path: &Path, error: sled::Error) -> OpenError {
    let path = path.to_path_buf();
    match error {
        error if is_in_use(&error) => OpenError::InUse { path },
        sled::Error::Io(source) => OpenError::Io { path, source },
        other => OpenError::Damaged { path, what: other.to_string() },
    }
}
