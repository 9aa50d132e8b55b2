//! Making a store anew from entries: after damage, from a backup, from a mirror.
//!
//! Everything but the entries is computed again, and the result is only given a head once it leads to the root of a
//! checkpoint that the log has signed. Until then the store's head is a mark that nobody can take for one, so a store
//! that was left half made is never opened as a log. Nothing is signed here.

use bytes::Bytes;
use store::{Batch, CommitError, Key, Store, StoreError, Table};
use tlog::{
    Head,
    bundle::BundleError,
    checkpoint::SignedCheckpoint,
    integrate::{Edge, Entry, IntegrateError},
};

use crate::{
    beside,
    ids::{self, Identity, IdsError, Outcome},
    log::{Kind, LogIdentity},
    writer,
};

/// The head of a store that is not made yet.
const MARK: &[u8] = b"deedbook: this store is being remade\n";
/// Entries of one commit.
const COMMIT_ENTRIES: usize = 8_192;

/// Values of content that are carried over in one commit.
const CARRY_VALUES: usize = 256;

/// The entries do not make the log.
#[derive(Debug, thiserror::Error)]
pub enum RemakeError {
    /// The store failed.
    #[error("the new store cannot be written: {0}")]
    Commit(#[from] CommitError),
    /// The store that content is carried over from cannot be read.
    #[error(transparent)]
    Read(#[from] StoreError),
    /// The id table failed.
    #[error(transparent)]
    Ids(#[from] IdsError),
    /// An entry does not fit.
    #[error("entry {index}: {source}")]
    Entry {
        /// Its index.
        index: u64,
        /// In which way.
        source: BundleError,
    },
    /// An entry that is not a record in its envelope.
    #[error("entry {index} is no record: {source}")]
    NoRecord {
        /// Its index.
        index: u64,
        /// In which way.
        source: record::Refusal,
    },
    /// Two entries for one record, which no log of this kind makes.
    #[error("entries {first} and {index} are of the same record, of which a log has one")]
    Twice {
        /// Index of the first.
        first: u64,
        /// Index of the second.
        index: u64,
    },
    /// The tree failed.
    #[error(transparent)]
    Integrate(#[from] IntegrateError),
    /// The entries lead elsewhere.
    #[error("the {size} entries lead to another root than the signed one")]
    OtherRoot {
        /// Number of entries.
        size: u64,
    },
}

/// A store that is being made.
pub struct Remake<'a> {
    store: &'a dyn Store,
    kind: Kind,
    edge: Edge,
    waiting: Vec<Entry>,
}

impl<'a> Remake<'a> {
    /// Begins in an empty store.
    pub fn begin(store: &'a dyn Store, identity: &LogIdentity) -> Result<Self, RemakeError> {
        let puts = vec![(Key::Identity, identity.to_bytes())];
        store.commit(None, Batch::puts(puts), Bytes::from_static(MARK))?;
        Ok(Self { store, kind: identity.kind, edge: Edge::default(), waiting: vec![] })
    }

    /// Entries so far.
    pub fn size(&self) -> u64 {
        self.edge.size() + self.waiting.len() as u64
    }

    /// Adds entries.
    pub fn push(&mut self, entries: Vec<Bytes>) -> Result<(), RemakeError> {
        for bytes in entries {
            let index = self.size();
            self.waiting.push(Entry::new(bytes).map_err(|source| RemakeError::Entry { index, source })?);
        }
        if self.waiting.len() >= COMMIT_ENTRIES { self.commit() } else { Ok(()) }
    }

    /// Carries over all that lies beside the log in another store of it: sealed content, holds, erasures. It does not follow
    /// from the entries. A value that is damaged there is left out; answers how many were.
    pub fn carry(&self, from: &dyn Store) -> Result<u64, RemakeError> {
        let mark = Bytes::from_static(MARK);
        let mut left_out = 0;
        for table in Table::BESIDE {
            let (mut after, mut step) = (None, CARRY_VALUES);
            loop {
                match from.scan(table, after.as_ref(), step) {
                    Ok(puts) => {
                        let Some((last, _)) = puts.last() else { break };
                        (after, step) = (Some(*last), CARRY_VALUES);
                        self.store.commit(Some(&mark), Batch::puts(puts), mark.clone())?;
                    }
                    // One by one up to the damaged value, past it, and on as before.
                    Err(StoreError::Damaged { .. }) if step > 1 => step = 1,
                    Err(StoreError::Damaged { key, .. })
                        if key.table() == table && after.is_none_or(|at| at < key) =>
                    {
                        left_out += 1;
                        (after, step) = (Some(key), CARRY_VALUES);
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(left_out)
    }

    /// Gives the store its head, if this is where the entries lead.
    pub fn finish(mut self, checkpoint: &SignedCheckpoint) -> Result<(), RemakeError> {
        self.commit()?;
        if self.head() != checkpoint.head() {
            return Err(RemakeError::OtherRoot { size: self.edge.size() });
        }
        self.store.commit(Some(&Bytes::from_static(MARK)), Batch::default(), checkpoint.bytes().clone())?;
        Ok(())
    }

    fn head(&self) -> Head {
        self.edge.head()
    }

    fn commit(&mut self) -> Result<(), RemakeError> {
        let entries = std::mem::take(&mut self.waiting);
        if entries.is_empty() {
            return Ok(());
        }
        let pages = match self.kind {
            Kind::Raw => vec![],
            Kind::Records => self.id_pages(&entries)?,
        };
        let (edge, batch) = writer::to_batch(self.edge.integrate(&entries)?, pages);
        let mark = Bytes::from_static(MARK);
        self.store.commit(Some(&mark), batch, mark.clone())?;
        self.edge = edge;
        Ok(())
    }

    fn id_pages(&self, entries: &[Entry]) -> Result<Vec<(Key, Bytes)>, RemakeError> {
        let first = self.edge.size();
        let mut announced = vec![];
        let identity = |(index, entry): (u64, &Entry)| {
            let opened = record::open(entry.bytes());
            let opened = opened.map_err(|source| RemakeError::NoRecord { index, source })?;
            if record::announces_key(&opened.record_type()) {
                announced.push(beside::announced_row(index));
            }
            // What was submitted cannot be told from an entry whose content stands beside the log: no retry is the same.
            Ok(Some(Identity { key: opened.key(), digest: opened.digest().unwrap_or_default() }))
        };
        let identities = (first..).zip(entries).map(identity).collect::<Result<Vec<_>, RemakeError>>()?;
        let (outcomes, mut pages) = ids::admit(self.store, &identities, first)?;
        pages.extend(announced);
        for (index, outcome) in (first..).zip(outcomes) {
            if outcome != (Outcome::Logged { index }) {
                return Err(RemakeError::Twice { first: outcome.index(), index });
            }
        }
        Ok(pages)
    }
}
