//! The algebra of a tiled transparency log: hashes, proofs, tiles, entry bundles, signed notes, checkpoints,
//! proofs in a file.
//!
//! In scope: every computation that a log, its clients and its auditors have in common, each in a module named
//! after the specification it follows. Out of scope: files, sockets, clocks, randomness, threads. Time and
//! chance are arguments, bytes come in and go out, and nothing here blocks; that is why the same code runs in
//! the server, in the command line and, in principle, in a browser.
//!
//! Strictness: every parser here refuses what does not print back to the same bytes, so no second spelling of
//! anything can live.

pub mod bundle;
pub mod checkpoint;
pub mod cosignature;
pub mod encoding;
pub mod fork;
#[doc(hidden)]
pub mod fuzzing_mirror;
#[doc(hidden)]
pub mod fuzzing_network;
#[doc(hidden)]
pub mod fuzzing_note;
#[doc(hidden)]
pub mod fuzzing_tree;
pub mod group;
pub mod hash;
pub mod integrate;
pub mod key;
pub mod mirror;
pub mod note;
pub mod plan;
pub mod policy;
pub mod proof;
pub mod range;
pub mod subtree;
pub mod tile;
pub mod tlog_proof;
pub mod witness;

#[cfg(test)]
mod reference;

pub use hash::Hash;

/// Sizes and indexes stay below this: Go readers of the same bytes hold them in a signed 64-bit integer.
pub const SIZE_MAX: u64 = (1 << 63) - 1;

/// What a checkpoint says about a tree: how many entries it holds, and the hash over all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Number of entries.
    pub size: u64,
    /// Root hash of the tree of that many entries.
    pub root: Hash,
}

impl Head {
    /// The head of the empty log.
    pub const EMPTY: Self = Self { size: 0, root: Hash::EMPTY };
}
