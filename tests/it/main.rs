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
#[path = "../../crates/tlog/tests/it/history.rs"]
#[allow(dead_code, reason = "shared with the tests of crates/tlog, which use more of it")]
mod history;
mod lookups;
mod mirror;
mod monitor;
mod published;
mod readme;
mod record;
mod restore;
mod rotation;
mod run;
mod search;
mod serve;
mod served;
mod session;
#[path = "../../crates/witnessing/tests/it/stand_in.rs"]
#[allow(
    unreachable_pub,
    dead_code,
    reason = "shared with the tests of crate witnessing, which need more of it"
)]
mod stand_in;
#[path = "../../crates/client/src/testlog.rs"]
#[allow(dead_code, reason = "shared with the unit tests of crates/client, which use more of it")]
mod testlog;
mod threat_model;
mod tls;
mod tokens;
mod verify;
mod witness;
mod witnesses;
