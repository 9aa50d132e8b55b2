//! Whole-system tests.

mod audit;
mod run;
#[path = "../../crates/client/src/testlog.rs"]
#[allow(dead_code, reason = "shared with the unit tests of crates/client, which use more of it")]
mod testlog;
mod verify;
