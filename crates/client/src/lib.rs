//! A log read over HTTP or from files, always verified; records submitted, and what the log answers checked.
//!
//! * [`Source`] reads the public resources of a log (C2SP tlog-tiles) from a URL prefix or from a directory.
//! * [`follow`] fetches a checkpoint, verifies it under a policy, and proves it consistent with the last one seen.
//! * [`keys`] is a log's key history: who trusts one of its keys comes to trust the next.
//! * [`audit`] hashes every entry, recomputes every tile and the root, and keeps what it verified in a small file.
//! * [`submit`] sends records and verifies every answer offline: [`Receipt`]s come out, or what is wrong.
//! * [`copy`] makes a directory that is a copy of a log, proven before its checkpoint is replaced.
//! * [`proven`] reads entries bundle by bundle, each proven before it is handed on.
//! * [`push`] brings a log to a mirror that takes it.
//! * [`search`] asks which records speak of whom.
//! * [`payload`] asks for the content beside a log, and checks that it is the one that was asked for.
//! * [`care`] erases such content, and holds it.
//! * [`webhook`] tells events to whoever wants to be called.
//! * [`load`] puts a log under load, keeps what was acknowledged, and checks the promise afterwards.
//!
//! Two kinds of failure are kept apart everywhere: what *does not hold* (with the evidence inside, so that the report
//! stands without the log) and what *could not be told* (network, files, a missing resource that nobody promised).
//!
//! This crate prints nothing and reads neither environment nor configuration. It is the only crate of the workspace
//! that knows an HTTP client.

pub mod audit;
pub mod care;
pub mod copy;
pub mod evidence;
pub mod follow;
mod fs;
#[doc(hidden)]
pub mod fuzzing;
pub mod http;
pub mod keys;
pub mod load;
pub mod payload;
pub mod proven;
pub mod push;
pub mod receipt;
pub mod search;
pub mod source;
pub mod submit;
pub mod webhook;

#[cfg(test)]
mod testlog;

pub use http::{Authorities, Bearer, Http, HttpError, HttpOptions};
pub use receipt::Receipt;
pub use source::{Resources, Source, SourceError};
