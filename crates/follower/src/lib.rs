//! All that walks behind a log, and judges it from what it publishes.
//!
//! What a [`witness`] (C2SP tlog-witness) needs below HTTP: which logs it knows, and what it has answered for. And what a
//! [`mirror`] (C2SP tlog-mirror) does: full copies, and which heads it may cosign.
//!
//! Out of scope: whether a checkpoint follows from the one before, and the texts of the protocol (crate `tlog`), keys and
//! requests (whoever serves the witness).

pub mod mirror;
pub mod witness;
