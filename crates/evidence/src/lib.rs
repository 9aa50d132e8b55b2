//! An **evidence file**: one document that outlives the server. It carries the records that answer a question, those that
//! the findings on them rest on, the contents that are meant to be shown, one proof that all of it is in the log, the signed
//! checkpoint, the log's keys, and what was asked.
//!
//! [`Evidence::make`] makes one from material that was verified, [`Evidence::parse`] reads one, [`Evidence::verify`] checks
//! it under keys that the caller trusts and nothing else: only the [`Report`] that comes out holds records. [`Gathering`]
//! finds in a log what belongs into a file, [`html::page`] tells a report to people. The form is in `docs/evidence.md`.
//!
//! This crate has no I/O, no clock and no randomness.

mod check;
mod contents;
mod form;
#[doc(hidden)]
pub mod fuzzing;
mod gather;
pub mod html;
mod leads;
pub mod limits;
mod make;
mod needs;
mod question;
mod report;
mod sentence;
mod sessions;
mod standing;

pub use form::{Evidence, EvidenceError, LogKey, Made, Role};
pub use gather::{Gathered, Gathering, TooMany};
pub use leads::Lead;
pub use make::{Choice, MakeError, Material, Show};
pub use needs::Needs;
pub use question::{Question, Range};
pub use report::{Content, Judged, Listed, Report, State, Verified};
pub use sentence::{About, Class, Sentence};
pub use standing::Standing;

/// Media type of an evidence file.
pub const MEDIA_TYPE: &str = "application/vnd.deedbook.evidence+json";

/// How the name of an evidence file ends.
pub const EXTENSION: &str = "evidence.json";
