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
mod pushing;
mod reading;

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use tlog::{
    Head, SIZE_MAX,
    checkpoint::SignedCheckpoint,
    cosignature::Timestamp,
    integrate::{Edge, Entry},
    key::{KeyName, VerifierKey},
    note::SignatureLine,
    tile::{Bundle, Resource, Tile, WIDTH, items_at, levels_of},
    witness::{Answer, ToCosign, WitnessKeys},
};

use super::files::Files;
use crate::witness::{keeper::Held, service::time_by};

pub use error::{FinishError, KeepError, OpenError};
pub use pushing::Seen;

/// Heads that may be pending at one time; the smallest makes way for another.
pub const PENDING_MAX: usize = 16;

/// One log, mirrored. All of it but reading blocks on the disk, and one call at a time is worked on.
pub struct MirroredLog {
    origin: KeyName,
    files: Box<dyn Files>,
    state: Mutex<State>,
    shown: RwLock<Option<Arc<Shown>>>,
}

struct State {
    /// Everything that is held; `None` where what is on the disk does not lead to the checkpoint.
    edge: Option<Edge>,
    /// Ascending in size.
    pending: Vec<Pending>,
}

/// A head that may be cosigned once all of it is held.
struct Pending {
    allowed: ToCosign,
    /// Cosignatures by others that were verified.
    witnesses: Vec<SignatureLine>,
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
    /// only damaged is opened, see [`MirroredLog::is_damaged`].
    pub fn open<'a>(
        origin: KeyName,
        files: Box<dyn Files>,
        held: Option<&Held>,
        keys: impl IntoIterator<Item = &'a VerifierKey>,
    ) -> Result<Self, OpenError> {
        let shown = opening::shown(&origin, &*files, held, keys)?.map(Arc::new);
        let edge = opening::edge(&*files, shown.as_deref())?;
        let state = State { edge, pending: vec![] };
        Ok(Self { origin, files, state: Mutex::new(state), shown: RwLock::new(shown) })
    }

    /// Reads again what is on the disk: it was mended. What is held beyond the checkpoint counts only if `all`.
    ///
    /// # Errors
    /// [`KeepError::Files`], and [`KeepError::Damaged`] if it still does not lead to the checkpoint.
    pub fn reopen(&self, all: bool) -> Result<u64, KeepError> {
        let mut state = self.state.lock();
        let shown = self.shown();
        state.edge = if all {
            opening::edge(&*self.files, shown.as_deref())?
        } else {
            opening::edge_of(&*self.files, shown.as_deref())?
        };
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

    /// Index of the first entry that is not held.
    ///
    /// # Errors
    /// [`KeepError::Damaged`].
    pub fn next(&self) -> Result<u64, KeepError> {
        self.state.lock().edge.as_ref().map(Edge::size).ok_or(KeepError::Damaged)
    }

    /// The sizes that may be finished, ascending.
    pub fn pending(&self) -> Vec<u64> {
        self.state.lock().pending.iter().map(|pending| pending.allowed.head().size).collect()
    }

    /// The pending head of this size.
    pub fn pending_head(&self, size: u64) -> Option<Head> {
        let state = self.state.lock();
        let heads = state.pending.iter().map(|pending| pending.allowed.head());
        heads.into_iter().find(|head| head.size == size)
    }

    /// A head that may be cosigned once all of it is held; the keeper has it durably. `witnesses` are lines by others that were
    /// verified: they go onto the mirror's checkpoint.
    pub(super) fn expect(&self, allowed: ToCosign, witnesses: Vec<SignatureLine>) {
        let mut state = self.state.lock();
        let size = allowed.head().size;
        state.pending.retain(|pending| pending.allowed.head().size != size);
        state.pending.push(Pending { allowed, witnesses });
        state.pending.sort_by_key(|pending| pending.allowed.head().size);
        if state.pending.len() > PENDING_MAX {
            state.pending.remove(0);
        }
    }

    /// Keeps entries, of which the first has this index, durably with the full tiles above them. Those that are held already are
    /// passed over. Answers the index of the first entry that is not held then.
    ///
    /// The caller has proven that they are entries of a pending head; that they lead to its root is checked when it is finished.
    ///
    /// # Errors
    /// Nothing more is held than before; the same may be tried again.
    pub fn keep(&self, first: u64, entries: &[Bytes]) -> Result<u64, KeepError> {
        let mut state = self.state.lock();
        let edge = state.edge.as_ref().ok_or(KeepError::Damaged)?;
        let next = edge.size();
        let over = next.checked_sub(first).ok_or(KeepError::Gap { first, next })?;
        let new = usize::try_from(over).ok().and_then(|over| entries.get(over..)).unwrap_or(&[]);
        if new.is_empty() {
            return Ok(next);
        }
        let new = new.iter().cloned().map(Entry::new).collect::<Result<Vec<_>, _>>();
        let growth = edge.integrate(&new.map_err(tlog::integrate::IntegrateError::from)?)?;
        let mut writing = Writing::new(&*self.files);
        for (bundle, bytes) in &growth.bundles {
            writing.put(Resource::Bundle(*bundle), bytes)?;
        }
        for (tile, bytes) in &growth.tiles {
            writing.put(Resource::Tile(*tile), bytes)?;
        }
        if let Some((bundle, bytes)) = last_bundle(&growth.edge) {
            writing.put(Resource::Bundle(bundle), &bytes)?;
            writing.tile(&growth.edge, bundle.tile())?;
        }
        writing.sync()?;
        let next = growth.edge.size();
        state.edge = Some(growth.edge);
        Ok(next)
    }

    /// Finishes the pending head of this size: all of it is on the disk and leads to its root, so it is cosigned and shown.
    /// `now` is the mirror's clock; the time of its cosignatures of a log never goes back.
    ///
    /// # Errors
    /// What is shown is as it was. After [`FinishError::OtherRoot`] what was held beyond the checkpoint is forgotten.
    pub fn finish(&self, size: u64, keys: &WitnessKeys, now: Timestamp) -> Result<Complete, FinishError> {
        let mut state = self.state.lock();
        let shown = self.shown();
        if let Some(shown) = shown.as_ref().filter(|shown| shown.head.size > size) {
            return Err(FinishError::Behind { shown: shown.head.size });
        }
        let at = state.pending.iter().position(|pending| pending.allowed.head().size == size);
        let at = at.ok_or(FinishError::NotPending { size })?;
        let edge = self.edge_at(&state, size)?;
        if edge.head() != state.pending[at].allowed.head() {
            state.edge = opening::edge_of(&*self.files, shown.as_deref()).map_err(KeepError::from)?;
            return Err(FinishError::OtherRoot { size });
        }
        self.write_partials(&edge).map_err(KeepError::from)?;
        let pending = state.pending.remove(at);
        let time = shown.as_ref().map_or(now, |shown| now.max(time_by(&shown.note, keys.verifier_keys())));
        let cosigned = keys.cosign(pending.allowed, time)?;
        let signed = with_witnesses(cosigned.checkpoint(), pending.witnesses, keys);
        let mut writing = Writing::new(&*self.files);
        writing.put(Resource::Checkpoint, signed.bytes()).map_err(KeepError::from)?;
        writing.sync().map_err(KeepError::from)?;
        let now_shown = Arc::new(Shown { head: signed.head(), note: signed.bytes().clone() });
        *self.shown.write() = Some(now_shown.clone());
        state.pending.retain(|pending| pending.allowed.head().size > size);
        self.remove_partials(shown.map_or(0, |shown| shown.head.size));
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

    /// The tiles of the edge, and the last bundle: all that a log of this size has beside what is full.
    fn write_partials(&self, edge: &Edge) -> std::io::Result<()> {
        let mut writing = Writing::new(&*self.files);
        if let Some((bundle, bytes)) = last_bundle(edge) {
            writing.put(Resource::Bundle(bundle), &bytes)?;
        }
        for tile in edge_tiles(edge.size()) {
            writing.tile(edge, tile)?;
        }
        writing.sync()
    }

    /// Removes the partial tiles and bundles of which a log of `size` entries has full ones: whoever knows this checkpoint, or a
    /// later one, needs none of them. What stays behind after a failure does no harm.
    fn remove_partials(&self, size: u64) {
        for folder in (0..levels_of(size)).flat_map(groups_with_full(size)) {
            for name in self.files.list(&folder).unwrap_or_default() {
                let Some(full) = name.strip_suffix(".p") else { continue };
                let level_and_index = match Resource::parse(&format!("{folder}/{full}")) {
                    Ok(Resource::Tile(tile)) => (tile.level(), tile.index()),
                    Ok(Resource::Bundle(bundle)) => (0, bundle.index()),
                    _ => continue,
                };
                if level_and_index.1 >= items_at(level_and_index.0, size) / WIDTH {
                    continue;
                }
                if let Err(error) = self.files.remove(&format!("{folder}/{name}")) {
                    tracing::debug!(%error, "partial tiles that nobody needs could not be removed");
                }
            }
        }
    }
}

/// The folders of the last full tiles of a level, and of the bundles, in a log of this size.
fn groups_with_full(size: u64) -> impl Fn(u8) -> BTreeSet<String> {
    move |level| {
        let full = items_at(level, size) / WIDTH;
        let around = [full.checked_sub(1), Some(full)].into_iter().flatten();
        let names = around.flat_map(|index| {
            let tile = Tile::at(level, index, SIZE_MAX).map(|tile| tile.full().to_string());
            let bundle = Bundle::at(index, SIZE_MAX).map(|bundle| bundle.full().to_string());
            tile.into_iter().chain(bundle.filter(|_| level == 0))
        });
        names.filter_map(|name| name.rsplit_once('/').map(|(folder, _)| folder.to_owned())).collect()
    }
}

/// The checkpoint with the cosignatures of others after the mirror's own, unless they do not go onto one note.
fn with_witnesses(
    signed: &SignedCheckpoint,
    witnesses: Vec<SignatureLine>,
    keys: &WitnessKeys,
) -> SignedCheckpoint {
    let mut lines: Vec<SignatureLine> = vec![];
    for line in witnesses {
        let ours = keys.verifier_keys().any(|key| line.claims(key));
        if !ours && !signed.signatures().contains(&line) && !lines.contains(&line) {
            lines.push(line);
        }
    }
    signed.with_signatures(lines).unwrap_or_else(|_| signed.clone())
}

/// The bundle that is not full.
fn last_bundle(edge: &Edge) -> Option<(Bundle, Bytes)> {
    let bundle = Bundle::at(edge.size() / WIDTH, edge.size())?;
    edge.bundle(bundle).map(|bytes| (bundle, bytes))
}

/// The tiles of a log of this size that are not full.
fn edge_tiles(size: u64) -> impl Iterator<Item = Tile> {
    (0..levels_of(size)).filter_map(move |level| Tile::at(level, items_at(level, size) / WIDTH, size))
}

/// Files that are written together.
struct Writing<'a> {
    files: &'a dyn Files,
    names: Vec<String>,
}

impl<'a> Writing<'a> {
    fn new(files: &'a dyn Files) -> Self {
        Self { files, names: vec![] }
    }

    fn put(&mut self, resource: Resource, bytes: &[u8]) -> std::io::Result<()> {
        let name = resource.to_string();
        self.files.write(&name, bytes)?;
        self.names.push(name);
        Ok(())
    }

    fn tile(&mut self, edge: &Edge, tile: Tile) -> std::io::Result<()> {
        edge.tile(tile).map_or(Ok(()), |bytes| self.put(Resource::Tile(tile), &bytes))
    }

    fn sync(self) -> std::io::Result<()> {
        if self.names.is_empty() { Ok(()) } else { self.files.sync(&self.names) }
    }
}
