//! What a log takes in: a record that can be understood, without secrets in its fields.

use crate::model::Record;
use crate::refusal::{Cause, Refusal};
use crate::secret::{CONTENT_MEMBERS, find_in_fields};
use crate::submission::Submission;

/// Reads a submitted record as a log does that is to keep it: it says what its type needs, and no field holds what looks
/// like a token or a private key. In content such a thing does not stop a record, or an agent could hide a call by putting a
/// secret into it.
///
/// # Errors
/// As [`Record::read`]; and [`Cause::Secret`] with the path of the field, never with what it holds.
pub fn admit(submission: &Submission) -> Result<Record<'_>, Refusal> {
    let record = Record::read(submission.canonical())?;
    no_secret(submission.canonical())?;
    Ok(record)
}

/// Refuses a record with a secret in a field that is no content.
pub(crate) fn no_secret(canonical: &[u8]) -> Result<(), Refusal> {
    match find_in_fields(canonical, &CONTENT_MEMBERS) {
        None => Ok(()),
        Some((path, kind)) => Err(Refusal::new(Cause::Secret { kind }, path, 0)),
    }
}
