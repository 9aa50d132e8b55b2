//! The text formats of a log, against published and generated vectors and against bad input.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what tests share fails by panicking"
)]

mod bent;
mod bundles;
mod checkpoint;
mod codecs;
mod cosignature;
mod fork;
mod fork_text;
mod grown;
mod history;
mod key;
mod merkle;
mod mirror;
mod mirror_bodies;
mod mirror_packages;
mod network;
mod note;
mod policy;
mod policy_text;
mod succession;
mod tlog_proof;
mod vectors;
mod witness;
mod witness_keys;
mod witness_life;
mod witness_texts;
