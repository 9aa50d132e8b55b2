//! The follower: reads what the log shows everybody, proves it, and only then takes it.

mod read;
mod tidy;

use std::sync::Arc;
use std::sync::Weak;
use std::sync::atomic::Ordering::SeqCst;

use bytes::Bytes;
use record::findings::{Fold, Parameters};
use store::{Batch, Store};
use tlog::Hash;
use tlog::policy::{Policy, VerifiedCheckpoint};
use tlog::range::CompactRange;
use tlog::tile::Resource;

use crate::head::{Head, SegmentId, Shape};
use crate::limits::{BLOCK, STEP_BUNDLES};
use crate::lookups::Lookups;
use crate::merge::Merge;
use crate::state::{Layout, Shared};
use crate::tail::Tail;
use crate::{FollowError, LookupError};

/// Where the follower reads the log: the public resources, as everybody gets them. Reading may block.
pub trait Entries {
    /// The bytes of a resource; `None` if it is not there.
    ///
    /// # Errors
    /// It could not be told whether it is there.
    fn read(&self, resource: Resource) -> Result<Option<Bytes>, Box<dyn std::error::Error + Send + Sync>>;
}

/// How far a step came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Records that the lookups speak for.
    pub size: u64,
    /// Size of the checkpoint.
    pub published: u64,
    /// Records that the fold has seen.
    pub folded: u64,
    /// Whether another step has something to do at once.
    pub more: bool,
}

/// Walks behind a log and fills its lookups. The only one that writes to its store.
pub struct Follower<E> {
    entries: E,
    policy: Policy,
    shared: Arc<Shared>,
    head: Head,
    /// The head as it is in the store.
    stored: Option<Bytes>,
    /// Over all that the fold has seen.
    range: CompactRange,
    fold: Fold,
    merge: Option<Merge>,
    /// Layouts that somebody may still be reading by.
    old: Vec<Weak<Layout>>,
}

impl<E: Entries> Follower<E> {
    /// Opens the lookups in a store of their own, or begins them. The fold of the findings begins at the first record,
    /// whatever is there: [`Follower::step`] catches up before it takes anything new.
    ///
    /// # Errors
    /// The store cannot be read, or what is there is not what this program wrote.
    pub fn open(
        store: Arc<dyn Store>,
        entries: E,
        policy: Policy,
        shape: Shape,
    ) -> Result<Self, FollowError> {
        let stored = store.head()?;
        let head = stored.as_ref().map(|bytes| Head::decode(bytes, shape)).transpose()?;
        let head = head.unwrap_or_else(|| Head::new(shape));
        let clearing = head.clearing;
        let counted = if clearing { Head::new(shape) } else { head.clone() };
        let shared = Arc::new(Shared::open(store, &counted)?);
        let range = CompactRange::new();
        let fold = Fold::new(Parameters::default());
        let mut opened =
            Self { entries, policy, shared, head, stored, range, fold, merge: None, old: vec![] };
        if clearing {
            opened.clear()?;
        }
        Ok(opened)
    }

    /// Deletes whatever is there and begins anew.
    ///
    /// # Errors
    /// The store fails.
    pub fn rebuild(
        store: Arc<dyn Store>,
        entries: E,
        policy: Policy,
        shape: Shape,
    ) -> Result<Self, FollowError> {
        let stored = store.head()?;
        let head = Head { clearing: true, ..Head::new(shape) }.encode();
        store.commit(stored.as_ref(), Batch::default(), head)?;
        Self::open(store, entries, policy, shape)
    }

    /// The handle for whoever asks.
    pub fn lookups(&self) -> Lookups {
        Lookups::new(self.shared.clone())
    }

    /// Reads the checkpoint, takes the next entries up to it, and tidies up a little. May block.
    ///
    /// # Errors
    /// What the log shows does not hold, or something cannot be read or written. Nothing that was not proven is taken; the
    /// same step may be tried again.
    pub fn step(&mut self) -> Result<Step, FollowError> {
        if self.tail_end() - self.head.size == self.head.shape.stretch {
            self.write_stretch()?; // An earlier attempt failed.
        }
        let checkpoint = self.checkpoint()?;
        let signed = checkpoint.signed();
        let (from, size) = (self.range.size(), signed.size());
        let refolding = from < self.head.size;
        let end = if refolding { self.head.size } else { size };
        let to = end.min((from / BLOCK + STEP_BUNDLES) * BLOCK);
        if from < to {
            let entries = self.read_entries(from..to, size)?;
            let leaves: Vec<Hash> = entries.iter().map(|entry| Hash::leaf(entry)).collect();
            let mut range = self.range.clone();
            leaves.iter().for_each(|leaf| range.append(*leaf));
            if refolding {
                self.check_refold(&range)?;
                read::added(from, &entries, &mut self.fold);
                self.range = range;
            } else {
                self.prove(&range, signed.head())?;
                self.take(from, &entries, &leaves)?;
            }
            self.shared.folded.store(self.range.size(), SeqCst);
        } else if from == size {
            self.prove(&self.range, signed.head())?;
        }
        let tidying = self.tidy()?;
        let folded = self.range.size();
        Ok(Step { size: self.tail_end(), published: size, folded, more: folded < size || tidying })
    }

    /// Steps until there is nothing to do: the lookups speak for the whole checkpoint, and all merges are done.
    ///
    /// # Errors
    /// As [`Follower::step`].
    pub fn catch_up(&mut self) -> Result<Step, FollowError> {
        loop {
            let step = self.step()?;
            if !step.more {
                return Ok(step);
            }
        }
    }

    fn tail_end(&self) -> u64 {
        self.shared.state.read().tail.end()
    }

    /// The newest checkpoint, verified, of this log, and not older than what was followed.
    fn checkpoint(&mut self) -> Result<VerifiedCheckpoint, FollowError> {
        let bytes = self.read(Resource::Checkpoint)?.ok_or(FollowError::Missing(Resource::Checkpoint))?;
        let checkpoint = self.policy.verify(bytes)?;
        let signed = checkpoint.signed();
        let origin = signed.checkpoint().origin();
        if let Some(have) = self.head.origin.as_ref().filter(|have| **have != origin.to_string()) {
            let have =
                have.parse().map_err(|_| LookupError::Damaged("the head names no origin of a log"))?;
            return Err(FollowError::OtherLog { have, shown: origin.clone() });
        }
        let followed = self.range.size().max(self.head.size).max(self.tail_end());
        if signed.size() < followed {
            return Err(FollowError::WentBack { followed, shown: signed.size() });
        }
        self.head.origin.get_or_insert_with(|| origin.to_string());
        self.shared.published.store(signed.size(), SeqCst);
        Ok(checkpoint)
    }

    /// What is folded again was proven once: it must have the root that was stored then.
    fn check_refold(&self, range: &CompactRange) -> Result<(), FollowError> {
        let proven = self.head.range()?;
        if range.size() == proven.size() && *range != proven {
            let (size, computed, signed) = (range.size(), range.root(), proven.root());
            return Err(FollowError::Root { size, computed, signed });
        }
        Ok(())
    }

    /// Takes entries that were proven.
    fn take(&mut self, from: u64, entries: &[Bytes], leaves: &[Hash]) -> Result<(), FollowError> {
        let added = read::added(from, entries, &mut self.fold);
        let mut taken = added.into_iter().zip(leaves).peekable();
        while taken.peek().is_some() {
            let mut state = self.shared.state.write();
            // A block at a time, so that nobody waits for long.
            let room = self.head.size + self.head.shape.stretch - state.tail.end();
            for (added, leaf) in taken.by_ref().take(room.min(BLOCK) as usize) {
                state.tail.push(added);
                self.range.append(*leaf);
            }
            let full = state.tail.end() - self.head.size == self.head.shape.stretch;
            drop(state);
            self.shared.tell_size();
            if full {
                self.write_stretch()?;
            }
        }
        Ok(())
    }

    /// Writes the tail, a full stretch, as a segment.
    fn write_stretch(&mut self) -> Result<(), FollowError> {
        let shape = self.head.shape;
        let id = SegmentId { level: 0, stretch: self.head.size / shape.stretch };
        let state = self.shared.state.read();
        let puts = state.tail.segment(id, &shape);
        let mut spans = state.layout.spans.clone();
        spans.push(state.tail.times().all());
        drop(state);
        let mut head = self.head.clone();
        head.set_range(&self.range);
        head.segments.insert(id);
        self.commit(Batch { puts, deletes: vec![] }, head)?;
        let tail = Tail::new(self.head.size);
        self.show(spans, Some(tail));
        Ok(())
    }

    fn commit(&mut self, batch: Batch, head: Head) -> Result<(), FollowError> {
        let bytes = head.encode();
        self.shared.store.commit(self.stored.as_ref(), batch, bytes.clone())?;
        self.head = head;
        self.stored = Some(bytes);
        Ok(())
    }

    /// Shows readers the segments of the head, and a new tail.
    fn show(&mut self, spans: Vec<crate::times::Span>, tail: Option<Tail>) {
        let layout = Arc::new(Layout::new(&self.head, spans));
        let mut state = self.shared.state.write();
        let old = std::mem::replace(&mut state.layout, layout);
        let old_tail = tail.map(|tail| std::mem::replace(&mut state.tail, tail));
        drop(state);
        drop(old_tail);
        self.old.push(Arc::downgrade(&old));
    }
}
