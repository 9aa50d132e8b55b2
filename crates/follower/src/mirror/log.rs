//! The full copy of one log: what is held, what is pending, and what is shown.
//!
//! ```text
//! checkpoint        what is shown: the log's own lines, those of witnesses, the mirror's
//! tile/entries/...  bundles
//! tile/<L>/...      hash tiles
//! ```
//!
//! Entries come in at the end ([`MirroredLog::keep`]) and are durable, with the full tiles above them, before the answer. A
//! checkpoint is finished ([`MirroredLog::finish`]) in this order, so that a power cut between any two steps leaves a directory
//! that is right:
//!
//! 1. what is held leads to its root, or nothing more is done;
//! 2. the partial tiles and the partial bundle of its size are written, and their names made to last;
//! 3. it is cosigned, which only a decision lets happen ([`ToCosign`]);
//! 4. `checkpoint` is replaced, and its name made to last;
//! 5. it is shown, and its cosignature given out;
//! 6. partial tiles are removed of which the checkpoint *before* had full ones. So a reader who has that one in hand finds all of
//!    its tiles, and the directory does not fill with partial ones.
//!
//! Whatever is held beyond the checkpoint stays where it is when the process ends, and is read again when it starts.

mod error;
mod opening;
mod pending;
mod pushing;
mod reading;
mod writing;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use tlog::{
    Head,
    checkpoint::SignedCheckpoint,
    cosignature::Timestamp,
    integrate::{Edge, Entry},
    key::{KeyName, VerifierKey},
    note::{Note, SignatureLine},
    tile::Resource,
    witness::{Answer, ToCosign, WitnessKeys},
};

use pending::{PendingHeads, add_missing};
use writing::{Writing, last_bundle};

use super::files::Files;
use crate::witness::{keeper::Held, service::time_by};

pub use error::{FinishError, KeepError, OpenError};
pub use pending::PENDING_MAX;
pub use pushing::Seen;

/// One log, mirrored. All of it but reading blocks on the disk, and one call at a time is worked on.
pub struct MirroredLog {
    origin: KeyName,
    files: Box<dyn Files>,
    state: Mutex<State>,
    pending: PendingHeads,
    shown: RwLock<Option<Arc<Shown>>>,
    /// Files below what is shown are known to be wrong or gone.
    lacks: AtomicBool,
}

struct State {
    /// Everything that is held; `None` where what is on the disk does not lead to the checkpoint.
    edge: Option<Edge>,
    /// The size with which the last bundle and its hashes were written, durably, since the files were read.
    written: Option<u64>,
    /// The newest checkpoint that was written, or perhaps written: where its name could not be made to last, it is not shown.
    newest: Option<Arc<Shown>>,
}

/// The checkpoint of a mirror.
#[derive(Debug)]
pub struct Shown {
    head: Head,
    note: Bytes,
}

impl Shown {
    /// Size and root.
    pub fn head(&self) -> Head {
        self.head
    }

    /// The signed note.
    pub fn note(&self) -> &Bytes {
        &self.note
    }
}

/// A checkpoint that was cosigned, all of it durable.
#[derive(Debug)]
pub struct Complete {
    /// The mirror's own lines.
    pub answer: Answer,
    /// What is shown from now on.
    pub shown: Arc<Shown>,
}

impl MirroredLog {
    /// Opens what is kept of a log, or begins. `held` is what the keeper has of it, and `keys` are the mirror's own.
    ///
    /// # Errors
    /// The files belong to another mirror, or the keeper remembers less than they show; or they cannot be read. A copy that is
    /// only damaged is opened, see [`MirroredLog::is_damaged`]; a damaged checkpoint is set aside.
    pub fn open<'a>(
        origin: KeyName,
        files: Box<dyn Files>,
        held: Option<&Held>,
        keys: impl IntoIterator<Item = &'a VerifierKey>,
    ) -> Result<Self, OpenError> {
        let shown = match opening::shown(&origin, &*files, held, keys) {
            // Nothing depends on it: what may be cosigned is in the keeper, and what is held is read again from its beginning.
            Err(OpenError::Checkpoint { origin, cause }) => {
                files.set_aside("checkpoint")?;
                tracing::error!(%origin, "the mirror's checkpoint was damaged ({cause}), and is kept as checkpoint.damaged; the next one takes its place");
                None
            }
            shown => shown?.map(Arc::new),
        };
        let edge = opening::edge(&*files, shown.as_deref())?;
        let state = Mutex::new(State { edge, written: None, newest: shown.clone() });
        Ok(Self {
            origin,
            files,
            state,
            pending: PendingHeads::default(),
            shown: RwLock::new(shown),
            lacks: AtomicBool::new(false),
        })
    }

    /// Reads again what is on the disk: it was mended. Answers the index of the first entry that is not held.
    ///
    /// # Errors
    /// [`KeepError::Files`], and [`KeepError::Damaged`] if it still does not lead to the checkpoint.
    pub fn reopen(&self) -> Result<u64, KeepError> {
        let mut state = self.state.lock();
        (state.edge, state.written) = (opening::edge(&*self.files, self.shown().as_deref())?, None);
        state.edge.as_ref().map(Edge::size).ok_or(KeepError::Damaged)
    }

    /// Name of the log.
    pub fn origin(&self) -> &KeyName {
        &self.origin
    }

    /// The mirror's checkpoint; `None` before the first one is complete.
    pub fn shown(&self) -> Option<Arc<Shown>> {
        self.shown.read().clone()
    }

    /// Whether what is on the disk does not lead to the checkpoint that is shown: nothing is kept until it was mended.
    pub fn is_damaged(&self) -> bool {
        self.state.lock().edge.is_none()
    }

    /// Notes what came of reading the copy again: whether files of it are wrong or gone, wherever. While they are, entries are
    /// kept and no checkpoint is finished: its cosignature would say that all of them are here.
    pub fn found_lacking(&self, lacks: bool) {
        self.lacks.store(lacks, Ordering::SeqCst);
    }

    /// Whether all that is shown is here, as far as is known.
    pub fn is_whole(&self) -> bool {
        !self.lacks.load(Ordering::SeqCst) && !self.is_damaged()
    }

    /// Index of the first entry that is not held.
    ///
    /// # Errors
    /// [`KeepError::Damaged`].
    pub fn next(&self) -> Result<u64, KeepError> {
        self.state.lock().edge.as_ref().map(Edge::size).ok_or(KeepError::Damaged)
    }

    /// The sizes that may be finished, ascending. Does not block.
    pub fn pending(&self) -> Vec<u64> {
        self.pending.heads().into_iter().map(|head| head.size).collect()
    }

    /// The pending head of this size. Does not block.
    pub fn pending_head(&self, size: u64) -> Option<Head> {
        self.pending.of_size(size)
    }

    /// A head that may be cosigned once all of it is held; the keeper has it durably. `witnesses` are lines by others that were
    /// verified: they go onto the mirror's checkpoint. Does not block.
    pub(super) fn expect(&self, allowed: ToCosign, witnesses: Vec<SignatureLine>) {
        self.pending.expect(allowed, witnesses);
    }

    /// Keeps entries, of which the first has this index, durably with the full tiles above them. Those that are held already are
    /// passed over. Answers the index of the first entry that is not held then.
    ///
    /// The caller has proven that they are entries of a pending head; that they lead to its root is checked when it is finished.
    ///
    /// # Errors
    /// Nothing more is held than before; the same may be tried again.
    pub fn keep(&self, first: u64, entries: &[Entry]) -> Result<u64, KeepError> {
        let mut state = self.state.lock();
        let edge = state.edge.as_ref().ok_or(KeepError::Damaged)?;
        let next = edge.size();
        let over = next.checked_sub(first).ok_or(KeepError::Gap { first, next })?;
        let new = usize::try_from(over).ok().and_then(|over| entries.get(over..)).unwrap_or(&[]);
        if new.is_empty() {
            return Ok(next);
        }
        let growth = edge.integrate(new)?;
        let mut writing = Writing::new(&*self.files);
        for (bundle, bytes) in &growth.bundles {
            writing.put(Resource::Bundle(*bundle), bytes.clone());
        }
        for (tile, bytes) in &growth.tiles {
            writing.put(Resource::Tile(*tile), bytes.clone());
        }
        if let Some((bundle, bytes)) = last_bundle(&growth.edge) {
            writing.put(Resource::Bundle(bundle), bytes);
            writing.tile(&growth.edge, bundle.tile());
        }
        writing.finish()?;
        let next = growth.edge.size();
        (state.edge, state.written) = (Some(growth.edge), Some(next));
        Ok(next)
    }

    /// Finishes the pending head of this size: all of it is on the disk and leads to its root, so it is cosigned and shown.
    /// `now` is the mirror's clock; the time of its cosignatures of a log never goes back as long as the
    /// last checkpoint is there.
    ///
    /// # Errors
    /// What is shown is as it was. After [`FinishError::OtherRoot`] what was held beyond the checkpoint is forgotten.
    pub fn finish(&self, size: u64, keys: &WitnessKeys, now: Timestamp) -> Result<Complete, FinishError> {
        let mut state = self.state.lock();
        let (shown, newest) = (self.shown(), state.newest.clone());
        if let Some(newest) = newest.as_ref().filter(|newest| newest.head.size > size) {
            return Err(FinishError::Behind { shown: newest.head.size });
        }
        let head = self.pending.of_size(size).ok_or(FinishError::NotPending { size })?;
        if self.lacks.load(Ordering::SeqCst) {
            return Err(FinishError::Lacking);
        }
        let edge = self.edge_at(&state, size)?;
        if edge.head() != head {
            let edge = opening::edge_of(&*self.files, shown.as_deref()).map_err(KeepError::from)?;
            (state.edge, state.written) = (edge, None);
            return Err(FinishError::OtherRoot { size });
        }
        writing::partials(&*self.files, &edge, state.written == Some(size)).map_err(KeepError::from)?;
        let pending = self.pending.take(head).ok_or(FinishError::NotPending { size })?;
        let newest = newest.as_deref();
        let time = newest.map_or(now, |newest| now.max(time_by(&newest.note, keys.verifier_keys())));
        let cosigned = keys.cosign(pending.allowed, time)?;
        let before = newest.filter(|newest| newest.head == head);
        let signed = with_witnesses(cosigned.checkpoint(), pending.witnesses, before, keys);
        let now_shown = Arc::new(Shown { head: signed.head(), note: signed.bytes().clone() });
        state.newest = Some(now_shown.clone());
        let mut writing = Writing::new(&*self.files);
        writing.put(Resource::Checkpoint, signed.bytes().clone());
        writing.finish().map_err(KeepError::from)?;
        *self.shown.write() = Some(now_shown.clone());
        self.pending.forget_before(size);
        writing::remove_partials(&*self.files, shown.map_or(0, |shown| shown.head.size));
        Ok(Complete { answer: cosigned.answer().clone(), shown: now_shown })
    }

    /// The bytes of a resource of the log as it was when the checkpoint that is shown was signed; `None` if it had no such thing.
    /// Partial ones of any width are made from wider ones. Blocks on the disk.
    ///
    /// # Errors
    /// The disk.
    pub fn read(&self, resource: Resource) -> std::io::Result<Option<Bytes>> {
        match (resource, self.shown()) {
            (_, None) => Ok(None),
            (Resource::Checkpoint, Some(shown)) => Ok(Some(shown.note.clone())),
            (resource, Some(shown)) => reading::read(&*self.files, resource, shown.head.size),
        }
    }

    /// Another file beside the log, such as its key history.
    ///
    /// # Errors
    /// The disk.
    pub fn read_file(&self, name: &str) -> std::io::Result<Option<Bytes>> {
        self.files.read(name)
    }

    /// Replaces such a file, durably.
    ///
    /// # Errors
    /// The disk.
    pub fn write_file(&self, name: &str, bytes: &[u8]) -> std::io::Result<()> {
        self.files.write(name, bytes)?;
        self.files.sync(&[name.to_owned()])
    }

    /// What is held up to this size, as if nothing was behind it.
    fn edge_at(&self, state: &State, size: u64) -> Result<Edge, FinishError> {
        let edge = state.edge.as_ref().ok_or(KeepError::Damaged)?;
        match edge.size() {
            next if next < size => Err(FinishError::NotHeld { next }),
            next if next == size => Ok(edge.clone()),
            _ => {
                // The last bundle may be part of the one that is not full now, which the files have in its present width.
                let read = |resource| match resource {
                    Resource::Bundle(bundle) if edge.bundle(bundle).is_some() => Ok(edge.bundle(bundle)),
                    resource => reading::read(&*self.files, resource, size),
                };
                Ok(opening::restore(read, size).map_err(KeepError::from)?.ok_or(KeepError::Damaged)?)
            }
        }
    }
}

/// The checkpoint with the cosignatures of others after the mirror's own, unless they do not go onto one note. Those that were on
/// it `before` stay: who shows it without them takes nothing away.
fn with_witnesses(
    signed: &SignedCheckpoint,
    witnesses: Vec<SignatureLine>,
    before: Option<&Shown>,
    keys: &WitnessKeys,
) -> SignedCheckpoint {
    let before = before.and_then(|shown| Note::parse(&shown.note).ok());
    let mut lines = signed.signatures().to_vec();
    for line in witnesses {
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    add_missing(&mut lines, before.as_ref().map_or(&[], Note::signatures));
    let ours = |line: &SignatureLine| keys.verifier_keys().any(|key| line.claims(key));
    lines.retain(|line| !signed.signatures().contains(line) && !ours(line));
    signed.with_signatures(lines).unwrap_or_else(|_| signed.clone())
}
