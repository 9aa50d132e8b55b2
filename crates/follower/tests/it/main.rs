//! What a witness and a mirror know and remember, on good days and bad ones.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "in tests a panic is the report")]
#![allow(unreachable_pub, reason = "one binary, its modules are its own")]

mod contradictions;
mod faults;
#[path = "../../../tlog/tests/it/history.rs"]
mod history;
mod life;
mod list;
mod mirror;
mod opening;
mod queue;
mod races;
mod service;
mod setup;
mod visible;
