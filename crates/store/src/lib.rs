//! Where a log keeps its bytes: values at keys, and one head that moves by an atomic, durable, conditional commit.
//!
//! The contract is [`Store`]. It knows nothing of what it holds: no entry, hash or checkpoint is ever parsed here.
//! [`SledStore`] is the embedded implementation, [`MemoryStore`] the one for tests and short lives,
//! [`FaultyStore`] makes either of them fail on purpose. [`conformance`] is the suite that each of them passes and
//! that a new implementation has to pass.
//!
//! Out of scope: what the keys mean together (crate `sequencer`), and who may read them (crate `server`).

pub mod conformance;
mod contract;
mod faulty;
mod key;
mod memory;
mod sled_store;

pub use contract::{Batch, CommitError, PART_BYTES_MAX, PARTS_MAX, Store, StoreError};
pub use faulty::{Fault, FaultyStore};
pub use key::{Key, Table};
pub use memory::MemoryStore;
pub use sled_store::{Danger, OpenError, SledOptions, SledStore, limits, panics_are_caught};
