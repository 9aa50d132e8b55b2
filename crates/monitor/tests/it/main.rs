//! Watches under time and network that the test holds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "in tests a panic is the report")]

mod clocks;
mod forks;
mod large;
mod outbox;
mod running;
mod simulation;
mod table;
#[path = "../../../client/src/testlog.rs"]
#[allow(dead_code, reason = "shared with the unit tests of crate client, which use more of it")]
mod testlog;
mod world;
