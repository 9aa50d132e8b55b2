//! What is durable, in memory, and what a batch of requests would change about it. Pure.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use store::Batch;
use tlog::{Head, key::KeyName};

use super::{AdvanceError, CONTRADICTIONS_MAX, Held, OriginId, Owner};

/// Under what a contradiction is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContradictionId {
    /// The log that contradicts itself.
    pub origin: OriginId,
    /// SHA-256 of the note that contradicts what was answered for.
    pub note: [u8; 32],
}

impl ContradictionId {
    /// The id of what a note shows, which a log with this origin signed.
    pub fn of(origin: &KeyName, note: &[u8]) -> Self {
        Self { origin: OriginId::of(origin), note: Sha256::digest(note).into() }
    }
}

/// The hash of the note alone, which tells contradictions apart: 64 lowercase hexadecimal digits.
impl fmt::Display for ContradictionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.note.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What became of a contradiction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is kept now.
    New,
    /// One with this note was kept before, and stays as it was.
    There,
    /// As many of this log are kept as may; this one is not.
    Full,
}

/// What is durable.
#[derive(Debug, Default)]
pub(super) struct Memory {
    held: HashMap<OriginId, Held>,
    contradictions: BTreeSet<ContradictionId>,
    owner: Option<Owner>,
    commits: u64,
}

impl Memory {
    pub(super) fn held(&self, origin: &OriginId) -> Option<&Held> {
        self.held.get(origin)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Held> {
        self.held.values()
    }

    pub(super) fn contradictions(&self) -> impl Iterator<Item = ContradictionId> {
        self.contradictions.iter().copied()
    }

    pub(super) fn is_kept(&self, id: &ContradictionId) -> bool {
        self.contradictions.contains(id)
    }

    /// Logs that were answered for.
    pub(super) fn origins(&self) -> usize {
        self.held.len()
    }

    pub(super) fn contradictions_len(&self) -> usize {
        self.contradictions.len()
    }

    /// Commits so far.
    pub(super) fn commits(&self) -> u64 {
        self.commits
    }

    pub(super) fn count(&mut self, commits: u64) {
        self.commits = commits;
    }

    pub(super) fn owner(&self) -> Option<&Owner> {
        self.owner.as_ref()
    }

    pub(super) fn belong(&mut self, owner: Owner) {
        self.owner = Some(owner);
    }

    pub(super) fn hold(&mut self, origin: OriginId, held: Held) {
        self.held.insert(origin, held);
    }

    pub(super) fn keep(&mut self, id: ContradictionId) {
        self.contradictions.insert(id);
    }

    /// Follows a commit of these changes.
    pub(super) fn apply(&mut self, changes: Changes) {
        changes.moved.into_iter().for_each(|(origin, held)| self.hold(origin, held));
        changes.found.into_keys().for_each(|id| self.keep(id));
        self.owner = changes.owner.or(self.owner.take());
    }

    fn of_origin(&self, origin: OriginId) -> impl Iterator<Item = &ContradictionId> {
        self.contradictions.range(range_of(origin))
    }
}

/// What a batch of requests changes: each log and each contradiction once.
#[derive(Debug, Default)]
pub(super) struct Changes {
    moved: BTreeMap<OriginId, Held>,
    found: BTreeMap<ContradictionId, Bytes>,
    owner: Option<Owner>,
}

impl Changes {
    /// Decides one move, after those that were decided before: it must start where they have led, and lead on.
    pub(super) fn advance(
        &mut self,
        memory: &Memory,
        from: Option<Head>,
        to: Held,
    ) -> Result<(), AdvanceError> {
        let origin = OriginId::of(to.origin());
        let stored = self.moved.get(&origin).or_else(|| memory.held(&origin)).map(Held::head);
        if stored != from {
            return Err(AdvanceError::Raced { stored });
        }
        if let Some(stored) = stored.filter(|stored| !leads_on(*stored, to.head())) {
            return Err(AdvanceError::NotAhead { stored });
        }
        self.moved.insert(origin, to);
        Ok(())
    }

    /// Decides whether a contradiction is kept.
    pub(super) fn contradicts(&mut self, memory: &Memory, id: ContradictionId, text: Bytes) -> Kept {
        if memory.is_kept(&id) || self.found.contains_key(&id) {
            return Kept::There;
        }
        let count = memory.of_origin(id.origin).count() + self.found.range(range_of(id.origin)).count();
        if count >= CONTRADICTIONS_MAX {
            return Kept::Full;
        }
        self.found.insert(id, text);
        Kept::New
    }

    /// Whoever says it last is the owner.
    pub(super) fn own(&mut self, owner: Owner) {
        self.owner = Some(owner);
    }

    /// Whose the store is once this is written.
    pub(super) fn owner(&self, memory: &Memory) -> Option<Owner> {
        self.owner.clone().or_else(|| memory.owner.clone())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.moved.is_empty() && self.found.is_empty() && self.owner.is_none()
    }

    /// Logs that were never answered for before.
    pub(super) fn new_origins(&self, memory: &Memory) -> usize {
        self.moved.keys().filter(|origin| memory.held(origin).is_none()).count()
    }

    /// What is to be written.
    pub(super) fn batch(&self) -> Batch {
        let moved = self.moved.iter().map(|(origin, held)| (origin.key(), held.note().clone()));
        let found = self.found.iter().map(|(id, text)| (id.key(), text.clone()));
        Batch::puts(moved.chain(found).collect())
    }
}

/// Whether a log may have gone from one head to another, as far as sizes and roots tell.
fn leads_on(from: Head, to: Head) -> bool {
    to.size > from.size || to == from
}

fn range_of(origin: OriginId) -> std::ops::RangeInclusive<ContradictionId> {
    ContradictionId { origin, note: [0; 32] }..=ContradictionId { origin, note: [0xff; 32] }
}
