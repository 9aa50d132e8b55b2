//! Watches under time and network that the test holds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "in tests a panic is the report")]

mod simulation;
mod table;
mod world;
