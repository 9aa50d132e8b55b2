//! Whole-system tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "in tests a panic is the report")]

mod audit;
mod backup;
mod bad_days;
mod care;
mod content;
mod demo;
mod descriptors;
mod evidence;
mod fsck;
mod hammer;
mod lookups;
mod monitor;
mod readme;
mod record;
mod restore;
mod rotation;
mod run;
mod search;
mod serve;
mod served;
mod session;
#[path = "../../crates/client/src/testlog.rs"]
#[allow(dead_code, reason = "shared with the unit tests of crates/client, which use more of it")]
mod testlog;
mod tls;
mod tokens;
mod verify;
