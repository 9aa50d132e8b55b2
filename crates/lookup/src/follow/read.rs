//! Reading entries, proving them, and what each of them adds.

use std::ops::Range;
use std::thread;

use bytes::Bytes;
use record::Logged;
use record::findings::Fold;
use tlog::plan::ConsistencyPlan;
use tlog::range::CompactRange;
use tlog::tile::{Bundle, Resource, TILE_BYTES, Tile};
use tlog::{Head, bundle};

use super::{Entries, Follower};
use crate::FollowError;
use crate::keys::{KeyHash, Kind, keys_of};
use crate::limits::BLOCK;
use crate::tail::Added;

/// Threads that take records apart: more do not help, the fold is one.
const THREADS_MAX: usize = 4;

impl<E: Entries> Follower<E> {
    pub(super) fn read(&self, resource: Resource) -> Result<Option<Bytes>, FollowError> {
        self.entries.read(resource).map_err(FollowError::Source)
    }

    /// The entries of a range in a log of `size`.
    pub(super) fn read_entries(&self, range: Range<u64>, size: u64) -> Result<Vec<Bytes>, FollowError> {
        let mut entries = Vec::with_capacity((range.end - range.start) as usize);
        for index in range.start / BLOCK..range.end.div_ceil(BLOCK) {
            let Some(place) = Bundle::at(index, size) else { continue };
            let bytes = self.bundle(place)?;
            let all = bundle::decode(&bytes, place.width().into())
                .map_err(|error| FollowError::Bundle(Resource::Bundle(place), error))?;
            let here = (place.first()..).zip(all).filter(|(index, _)| range.contains(index));
            entries.extend(here.map(|(_, entry)| entry));
        }
        Ok(entries)
    }

    /// A bundle; from the full one if the partial one is gone, as C2SP tlog-tiles allows.
    fn bundle(&self, place: Bundle) -> Result<Bytes, FollowError> {
        if let Some(bytes) = self.read(Resource::Bundle(place))? {
            return Ok(bytes);
        }
        let full = self.read(Resource::Bundle(place.full()))?;
        let prefix = full.and_then(|full| bundle::prefix(&full, place.width().into()));
        prefix.ok_or(FollowError::Missing(Resource::Bundle(place)))
    }

    fn tile(&self, tile: Tile) -> Result<Bytes, FollowError> {
        if let Some(bytes) = self.read(Resource::Tile(tile))? {
            return Ok(bytes);
        }
        let full = self.read(Resource::Tile(tile.full()))?.filter(|full| full.len() == TILE_BYTES);
        full.map(|full| full.slice(..tile.bytes())).ok_or(FollowError::Missing(Resource::Tile(tile)))
    }

    /// Proves that the tree that was signed begins with these leaves.
    pub(super) fn prove(&self, range: &CompactRange, signed: Head) -> Result<(), FollowError> {
        let root = if range.size() == signed.size {
            signed.root
        } else {
            let plan = ConsistencyPlan::new(range.size(), signed)?;
            let tiles = plan.tiles().iter().map(|tile| self.tile(*tile)).collect::<Result<Vec<_>, _>>()?;
            plan.finish(&tiles)?.old.root
        };
        let computed = range.root();
        if computed == root {
            Ok(())
        } else {
            Err(FollowError::Root { size: range.size(), computed, signed: root })
        }
    }
}

/// What each entry adds. Records are taken apart by several threads, and folded by one, in the order of the log. An entry
/// that is no record adds nothing.
pub(super) fn added(from: u64, entries: &[Bytes], fold: &mut Fold) -> Vec<Added> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
    let share = entries.len().div_ceil(threads).max(BLOCK as usize);
    let shares = (from..).step_by(share).zip(entries.chunks(share));
    let read: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = shares.map(|(from, part)| scope.spawn(move || parts(from, part))).collect();
        // A worker that panicked has no records; the panic was reported, and reading is total.
        workers.into_iter().map(|worker| worker.join().unwrap_or_default()).collect()
    });
    read.into_iter().flatten().map(|(logged, added)| with_findings(logged, added, fold)).collect()
}

fn parts(from: u64, entries: &[Bytes]) -> Vec<(Option<Logged<'_>>, Added)> {
    let one = |(index, entry)| {
        let Ok(logged) = Logged::read(index, entry) else { return (None, Added::default()) };
        let keys = keys_of(logged.record(), &[]);
        let hashes = keys.iter().map(|(kind, value)| KeyHash::of(*kind, value)).collect();
        let received = Some(logged.received().unix_ms());
        (Some(logged), Added { hashes, received })
    };
    (from..).zip(entries.iter().map(|entry| &entry[..])).map(one).collect()
}

fn with_findings(logged: Option<Logged<'_>>, mut added: Added, fold: &mut Fold) -> Added {
    let Some(logged) = logged else { return added };
    let findings = fold.take(&logged.seen());
    let rules = findings.iter().map(|finding| KeyHash::of(Kind::Finding, finding.rule.as_str()));
    added.hashes.extend(rules);
    // Two keys of one record may share a hash.
    added.hashes.sort_unstable();
    added.hashes.dedup();
    added
}
