//! A log asks its witnesses to cosign what it publishes (C2SP tlog-witness, the log's side).
//!
//! * `reply` says what a witness's answer means; a cosignature is one only after it was verified.
//! * `party` is what the log believes of one witness: what it has stored, what to ask it next, when, and whether to ask it
//!   at all. A pure state machine: answers and time go in.
//! * `gather` keeps the verified cosignatures of the newest heads and puts the note together. Pure too.
//! * `table` looks at all of them together: whether a round is over, and whether the log may go on. Pure.
//! * `address` is where they are asked, and `http` how.
//! * `asking` joins all that with sockets and threads, and is what the sequencer's publisher asks ([`Witnesses`]).
//! * `report` is what the operator sees of it.
//!
//! Everything that a witness says is only its word, but its cosignatures: a note is kept where `Policy::verify` accepts it.

mod address;
mod asking;
#[doc(hidden)]
pub mod fuzzing;
mod gather;
mod http;
mod party;
mod reply;
mod report;
#[doc(hidden)]
pub mod simulating;
mod table;

#[cfg(test)]
mod testing;

pub use address::WitnessesError;
pub use asking::{Options, Witnesses};
pub use reply::Cause;
pub use report::{Observer, Report, WitnessReport};
