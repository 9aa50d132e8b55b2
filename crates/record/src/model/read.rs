//! From canonical bytes to the typed record; what does not fit is refused with the field's name.

use std::fmt::{self, Write as _};

use serde::de::{self, Deserializer, Visitor};
use serde_path_to_error::{Path, Segment};

use super::{Record, check};
use crate::id::RecordId;
use crate::limits::TYPED_DEPTH_MAX;
use crate::refusal::{Cause, Refusal, push_name};

impl<'a> Record<'a> {
    /// Reads a record from its canonical bytes (RFC 8785); fields that are not known are left alone.
    ///
    /// # Errors
    /// A known field that holds something else, an unknown type, or a record that lacks what its type needs, each with
    /// the path of the field.
    pub fn read(canonical: &'a [u8]) -> Result<Self, Refusal> {
        let Ok(record) = serde_json::from_slice::<Self>(canonical) else {
            return Err(why_not(canonical));
        };
        check::check(&record)?;
        Ok(record)
    }
}

/// Reads once more, slowly, to tell the field.
fn why_not(canonical: &[u8]) -> Refusal {
    let mut deserializer = serde_json::Deserializer::from_slice(canonical);
    let (path, error) = match serde_path_to_error::deserialize::<_, Record<'_>>(&mut deserializer) {
        // Both readings are of the same bytes; were they ever to disagree, refusing is the safe side.
        Ok(_) => return Refusal::new(Cause::NotCanonical, "", 0),
        Err(error) => (pointer(error.path()), error.into_inner()),
    };
    // serde_json counts lines and columns from 1, and canonical bytes are one line.
    let offset = error.column().saturating_sub(1);
    let mut why = error.to_string();
    if let Some(at) = why.rfind(" at line ") {
        why.truncate(at);
    }
    match why.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
        Some(field) => missing(&path, field, offset),
        None => Refusal::new(Cause::BadField { why }, path, offset),
    }
}

fn missing(path: &str, field: &str, offset: usize) -> Refusal {
    let mut path = path.to_owned();
    push_name(&mut path, field);
    let why = "this field is missing, and every such record needs it".to_owned();
    Refusal::new(Cause::BadField { why }, path, offset)
}

/// The path as a JSON pointer (RFC 6901), not deeper than the typed record goes.
fn pointer(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path.iter().take(TYPED_DEPTH_MAX) {
        match segment {
            Segment::Map { key } => push_name(&mut pointer, key),
            // Writing to a String cannot fail.
            Segment::Seq { index } => drop(write!(pointer, "/{index}")),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

/// `v`: 1.
pub(super) fn version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    match serde::Deserialize::deserialize(deserializer)? {
        1 => Ok(1),
        other => {
            Err(de::Error::custom(format_args!("version {other} of a record is not known here; send 1")))
        }
    }
}

/// `id`.
pub(super) fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RecordId, D::Error> {
    struct Id;
    impl Visitor<'_> for Id {
        type Value = RecordId;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a UUID")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<RecordId, E> {
            RecordId::read(text.as_bytes()).ok_or_else(|| E::custom(Cause::BadId))
        }
    }
    deserializer.deserialize_str(Id)
}
