//! A log and its witnesses on real sockets, on good days and bad ones.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "in tests a panic is the report")]
#![allow(unreachable_pub, reason = "one binary, its modules are its own")]

mod days;
mod lies;
mod restarts;
mod stand_in;
mod world;
