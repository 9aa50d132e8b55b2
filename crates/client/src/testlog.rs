//! Logs in directories for the tests of this crate, made by `tlog` alone.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use tlog::Hash;
use tlog::checkpoint::{Checkpoint, SignedCheckpoint};
use tlog::integrate::{Edge, Entry};
use tlog::key::Signer;
use tlog::policy::Policy;
use tlog::tile::{Bundle, bundles_of, tiles_of};

/// A log that lives in a temporary directory and grows.
pub(crate) struct TestLog {
    directory: tempfile::TempDir,
    signer: Signer,
    pub(crate) edge: Edge,
}

pub(crate) fn entry(index: u64) -> Bytes {
    Bytes::from(format!("entry {index}"))
}

pub(crate) fn signer(key: testkit::keys::TestKey) -> Signer {
    Signer::from_seed(key.name.parse().unwrap(), &key.seed)
}

impl TestLog {
    /// A log of `entry(0)`, `entry(1)`, … with a checkpoint.
    pub(crate) fn of_size(size: u64) -> Self {
        let mut log = Self {
            directory: tempfile::tempdir().unwrap(),
            signer: signer(testkit::keys::RAW_LOG),
            edge: Edge::default(),
        };
        log.grow((0..size).map(entry));
        log
    }

    /// Adds entries and publishes.
    pub(crate) fn grow(&mut self, entries: impl IntoIterator<Item = Bytes>) {
        let entries: Vec<_> = entries.into_iter().map(|bytes| Entry::new(bytes).unwrap()).collect();
        let growth = self.edge.integrate(&entries).unwrap();
        for (tile, bytes) in &growth.tiles {
            self.write(&tile.to_string(), bytes);
        }
        for (bundle, bytes) in &growth.bundles {
            self.write(&bundle.to_string(), bytes);
        }
        self.edge = growth.edge;
        let size = self.edge.size();
        for tile in tiles_of(size).filter(|tile| !tile.is_full()) {
            self.write(&tile.to_string(), &self.edge.tile(tile).unwrap());
        }
        for bundle in bundles_of(size).filter(|bundle| !bundle.is_full()) {
            self.write(&bundle.to_string(), &self.edge.bundle(bundle).unwrap());
        }
        self.publish();
    }

    pub(crate) fn publish(&self) {
        self.write("checkpoint", self.signed().bytes());
    }

    pub(crate) fn signed(&self) -> SignedCheckpoint {
        self.sign(self.edge.head())
    }

    pub(crate) fn sign(&self, head: tlog::Head) -> SignedCheckpoint {
        Checkpoint::new(self.signer.name().clone(), head).unwrap().sign(&self.signer).unwrap()
    }

    pub(crate) fn policy(&self) -> Policy {
        Policy::log_only(self.signer.verifier_key().clone()).unwrap()
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn file(&self, resource: &str) -> PathBuf {
        self.path().join(resource)
    }

    pub(crate) fn write(&self, resource: &str, bytes: &[u8]) {
        let path = self.file(resource);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    pub(crate) fn read(&self, resource: &str) -> Vec<u8> {
        std::fs::read(self.file(resource)).unwrap()
    }

    /// Flips one bit of a resource.
    pub(crate) fn flip(&self, resource: &str, byte: usize) {
        let mut bytes = self.read(resource);
        bytes[byte] ^= 1;
        self.write(resource, &bytes);
    }

    /// Where the bytes of an entry start in its bundle.
    pub(crate) fn offset_in_bundle(&self, index: u64) -> usize {
        let first = Bundle::at(index / 256, self.edge.size()).unwrap().first();
        (first..index).map(|i| 2 + entry(i).len()).sum::<usize>() + 2
    }
}

pub(crate) fn leaf(index: u64) -> Hash {
    Hash::leaf(&entry(index))
}
