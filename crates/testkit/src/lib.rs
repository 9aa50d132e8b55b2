//! For tests, benchmarks and developer verbs only: a clock that obeys, chance that repeats, keys that are no
//! secret, the vectors and the sample records of this repository.
//!
//! Nothing here ships. The crate knows no other crate of the workspace, so each of them may use it in its
//! tests. Its functions panic where a test would: a missing vector is a broken checkout, not a case to handle.
//!
//! ```
//! use testkit::{Chance, Clock, keys};
//! let clock = Clock::at(1_700_000_000_000);
//! let mut chance = Chance::seeded(7);
//! let record = testkit::sample::typical_record(0, &mut chance);
//! assert!(record.starts_with(b"{\"action\":"));
//! clock.set(clock.now_ms() - 5_000); // the clock jumps back
//! assert_ne!(keys::LOG.seed, keys::OTHER_LOG.seed);
//! ```
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "this crate runs in tests, where a panic is the report"
)]

pub mod airline;
mod canonical;
mod chance;
mod clock;
pub mod keys;
pub mod sample;
pub mod stamp;
pub mod vectors;

pub use canonical::canonical;
pub use chance::Chance;
pub use clock::Clock;
