//! The server over real sockets: what each route answers, to good and bad requests, on good and bad days.
//!
//! Everything is real but the disk: sequencer, router and sockets run in this process over a store in memory, which can
//! be told to be slow or to fail. Requests are written byte by byte ([`asking`]), and every answer that any test receives
//! is held against the description of the API ([`contract`]).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "in tests a panic is the report")]

mod access;
mod asking;
mod bad_records;
mod bad_requests;
mod bearers;
mod bound;
#[path = "../../../tlog/tests/it/bundles.rs"]
mod bundles;
mod content;
mod contract;
mod documents;
mod exporting;
mod failures;
mod headers;
#[path = "../../../tlog/tests/it/history.rs"]
mod history;
mod openapi;
mod operations;
mod overload;
mod public_log;
mod pushing;
mod receipts;
mod records;
mod searching;
mod served;
mod signed;
mod slow;
#[path = "../../../witnessing/tests/it/stand_in.rs"]
#[allow(
    unreachable_pub,
    dead_code,
    reason = "shared with the tests of crate witnessing, which need more of it"
)]
mod stand_in;
mod stopping;
mod submitting;
mod tls;
mod tokens;
mod witness;
mod witnessed;
