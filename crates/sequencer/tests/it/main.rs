//! The sequencer as its callers see it: a log that is opened, fed, broken, opened again, and read as a whole after
//! every step.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "in tests a panic is the report")]
#![allow(unreachable_pub, reason = "one binary, its modules are its own")]

mod concurrency;
mod content;
mod damage;
mod directory;
mod evidence;
mod faults;
mod holds;
mod keys;
mod life;
mod publication;
mod reading;
mod shrinking;
mod simulation;
mod stops;
mod testlog;
mod witnesses;
