//! From a submission to a durable, signed place in the log: pool, integrate, commit, publish.
//!
//! * Submissions wait in a bounded [`pool`]; a full pool refuses, with a reason.
//! * One [`writer`] thread takes all that wait, decides what is new ([`ids`]), integrates it purely
//!   (`tlog::integrate`), signs the new head and commits everything in one atomic, durable step; while that syncs,
//!   the pool gathers the next batch. Only then are the submitters answered.
//! * What lies [`beside`] an entry (sealed content, erasures, holds) is committed in the same step as the entry.
//! * The [`publisher`] moves the public checkpoint at an interval, and notes it in a small file outside the store. Where
//!   there are [`witnesses`], they are asked first.
//! * [`recover`] is the one road on which a log is opened, on a normal day and after a crash: what is stored is
//!   compared with its own signed head and with every other head that is at hand. Where they do not agree the log
//!   is readable, and signs nothing.
//!
//! Out of scope: what an entry means (crate `record`), who may submit (crate `server`).

pub mod beside;
pub mod check;
pub mod directory;
pub mod halves;
pub mod ids;
pub mod keys;
pub mod log;
pub mod pool;
pub mod publisher;
pub mod reader;
pub mod recover;
pub mod remake;
pub mod stored;
pub mod witnesses;
pub mod writer;

pub use directory::DataDirectory;
pub use keys::LogKeys;
pub use log::{Committed, Kind, Log, LogIdentity, Options};
