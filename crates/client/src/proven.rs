//! Entries of a log, read bundle by bundle, each proven to belong to a signed tree before it is handed on.
//!
//! The auditor hashes everything and compares the root in the end; whoever keeps what he reads, or hands it on, wants to know
//! at once. What proves a bundle are tiles of the levels above, of which there is one for 256 bundles, and those on the edge.

use std::collections::BTreeMap;

use bytes::Bytes;
use tlog::hash::root_of;
use tlog::integrate::Entry;
use tlog::mirror::{Package, Span};
use tlog::plan::{PlanError, SubtreePlan, SubtreeProof};
use tlog::tile::{Bundle, Tile};
use tlog::{Hash, Head, bundle};
use tokio::sync::Mutex;

use crate::follow::{Broken, FollowError};
use crate::source::Source;

/// Tiles that are kept at hand.
const TILES_MAX: usize = 256;

/// Reads the bundles of one tree.
#[derive(Debug)]
pub struct Proven<'a> {
    source: &'a Source,
    head: Head,
    /// None of them is believed: what is made from them is checked against the head.
    tiles: Mutex<BTreeMap<Tile, Bytes>>,
}

impl<'a> Proven<'a> {
    /// Of the tree with this head, which the caller has verified.
    pub fn new(source: &'a Source, head: Head) -> Self {
        Self { source, head, tiles: Mutex::default() }
    }

    /// The entries of a bundle, as wide as it is in this tree, with their hashes.
    ///
    /// # Errors
    /// [`Broken::Entries`], [`Broken::Bundle`] and [`Broken::MissingBundle`] for entries that are not those that were signed, or
    /// not there; [`Broken::Tiles`] and [`Broken::MissingTile`] where the tiles do not show it; or it could not be read.
    pub async fn bundle(&self, bundle: Bundle) -> Result<Vec<Entry>, FollowError> {
        let entries = self.entries(bundle).await?.into_iter().map(Entry::new).collect::<Result<Vec<_>, _>>();
        let entries = entries.map_err(|cause| Broken::Bundle { bundle, cause })?;
        let root = root_of(&entries.iter().map(Entry::leaf).collect::<Vec<_>>());
        if root == self.root(bundle).await? { Ok(entries) } else { Err(Broken::Entries(bundle).into()) }
    }

    /// A tile, as wide as it is in this tree.
    ///
    /// # Errors
    /// [`Broken::Tiles`] and [`Broken::MissingTile`] for hashes that do not lead to the head, or not there; or it could not be read.
    pub async fn tile(&self, tile: Tile) -> Result<Bytes, FollowError> {
        let bytes = self.source.tile(tile).await?.ok_or(Broken::MissingTile(tile))?;
        let other = || Broken::from(PlanError::Inconsistent { size: self.head.size });
        let root = root_of(&tile.hashes(&bytes).ok_or_else(other)?);
        let below = 8 * u32::from(tile.level());
        let first = tile.index() << (below + 8);
        let end = first + (u64::from(tile.width()) << below);
        let plan = SubtreePlan::new(first, end, self.head).map_err(Broken::from)?;
        if self.prove(plan).await?.hash == root { Ok(bytes) } else { Err(other().into()) }
    }

    /// Entries with the proof that goes with them, to be pushed to a mirror of this tree.
    ///
    /// # Errors
    /// As [`Self::bundle`].
    pub async fn package(&self, span: Span) -> Result<Package, FollowError> {
        let plan = span.plan(self.head).map_err(Broken::from)?;
        let behind = PlanError::Inconsistent { size: self.head.size };
        let bundle = Bundle::at(span.bundle(), self.head.size).ok_or(Broken::from(behind))?;
        let entries = self.entries(bundle).await?;
        Ok(Package::new(span, &entries, self.prove(plan).await?).map_err(|_| Broken::Entries(bundle))?)
    }

    /// What the source has as the entries of a bundle.
    async fn entries(&self, bundle: Bundle) -> Result<Vec<Bytes>, FollowError> {
        let bytes = self.source.bundle(bundle).await?.ok_or(Broken::MissingBundle(bundle))?;
        let entries = bundle::decode(&bytes, usize::from(bundle.width()));
        Ok(entries.map_err(|cause| Broken::Bundle { bundle, cause })?)
    }

    /// The hash of the tree over these entries alone, as it is part of the signed one.
    async fn root(&self, bundle: Bundle) -> Result<Hash, FollowError> {
        let end = bundle.first() + u64::from(bundle.width());
        let plan = SubtreePlan::new(bundle.first(), end, self.head).map_err(Broken::from)?;
        Ok(self.prove(plan).await?.hash)
    }

    async fn prove(&self, plan: SubtreePlan) -> Result<SubtreeProof, FollowError> {
        let proof = plan.finish(&self.tiles(plan.tiles()).await?);
        if matches!(proof, Err(PlanError::Inconsistent { .. })) {
            // A tile may have been damaged on its way: the next attempt fetches all of them.
            self.tiles.lock().await.clear();
        }
        Ok(proof.map_err(Broken::from)?)
    }

    /// One at a time fetches what is missing: the others want the same.
    async fn tiles(&self, wanted: &[Tile]) -> Result<Vec<Bytes>, FollowError> {
        let mut there = self.tiles.lock().await;
        let mut tiles = vec![];
        for tile in wanted {
            if let Some(bytes) = there.get(tile) {
                tiles.push(bytes.clone());
                continue;
            }
            let bytes = self.source.tile(*tile).await?.ok_or(Broken::MissingTile(*tile))?;
            if there.len() >= TILES_MAX {
                there.clear();
            }
            there.insert(*tile, bytes.clone());
            tiles.push(bytes);
        }
        Ok(tiles)
    }
}

#[cfg(test)]
mod tests {
    use tlog::tile::{bundles_of, tiles_of};

    use super::*;
    use crate::testlog::{TestLog, entry};

    #[tokio::test]
    async fn every_bundle_of_a_log_is_proven_and_none_that_was_bent() {
        for size in [1, 255, 256, 257, 1_300] {
            let log = TestLog::of_size(size);
            let head = log.signed().head();
            let source = Source::directory(log.path()).unwrap();
            for bundle in bundles_of(size) {
                let read = Proven::new(&source, head).bundle(bundle).await.unwrap();
                let first = bundle.first();
                let there: Vec<Bytes> = (first..first + u64::from(bundle.width())).map(entry).collect();
                let read: Vec<_> = read.iter().map(|entry| entry.bytes().clone()).collect();
                assert_eq!(read, there, "{bundle} of {size}");
            }
            let last = bundles_of(size).last().unwrap();
            log.flip(&last.to_string(), 4);
            let refused = Proven::new(&source, head).bundle(last).await.unwrap_err();
            assert!(
                matches!(refused, FollowError::DoesNotHold(Broken::Entries(at)) if at == last),
                "{refused}"
            );
            std::fs::remove_file(log.file(&last.to_string())).unwrap();
            let gone = Proven::new(&source, head).bundle(last).await.unwrap_err();
            assert!(
                matches!(gone, FollowError::DoesNotHold(Broken::MissingBundle(at)) if at == last),
                "{gone}"
            );
        }
    }

    #[tokio::test]
    async fn every_tile_of_a_log_is_proven_and_none_that_was_bent() {
        for size in [1, 255, 256, 700, 66_000] {
            let log = TestLog::of_size(size);
            let source = Source::directory(log.path()).unwrap();
            let proven = || Proven::new(&source, log.signed().head());
            let some = tiles_of(size)
                .filter(|tile| tile.level() > 0 || tile.index() % 100 == 0 || tile.width() < 256);
            for tile in some {
                assert_eq!(
                    proven().tile(tile).await.unwrap(),
                    log.read(&tile.to_string()),
                    "{tile} of {size}"
                );
                log.flip(&tile.to_string(), 5);
                proven().tile(tile).await.unwrap_err();
                log.flip(&tile.to_string(), 5);
            }
        }
    }

    #[tokio::test]
    async fn tiles_of_another_tree_prove_nothing() {
        let log = TestLog::of_size(1_300);
        let mut fork = TestLog::of_size(0);
        fork.grow((0..1_300).map(|index| if index == 900 { "other".into() } else { entry(index) }));
        let source = Source::directory(log.path()).unwrap();
        let proven = Proven::new(&source, fork.signed().head());
        let refused = proven.bundle(Bundle::at(0, 1_300).unwrap()).await.unwrap_err();
        assert!(matches!(refused, FollowError::DoesNotHold(Broken::Tiles(_))), "{refused}");
    }
}
