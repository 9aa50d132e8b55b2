//! Witnessing (C2SP tlog-witness): the texts that a log and its witness exchange, and what a witness may put its name to.
//!
//! A witness remembers, for each log, the largest head that it has cosigned, and cosigns nothing that is not shown to
//! continue it. That is one decision, [`decide`], and what it allows is the only thing that [`WitnessKeys`] sign: whoever
//! serves as a witness keeps its keys in there.
//!
//! ```text
//! POST <prefix>/add-checkpoint    AddCheckpoint -> decide -> 200 Answer
//!                                                         -> 409 the stored size (print_size)
//!                                                         -> 400, 403, 404, 422 a sentence
//! POST <prefix>/sign-subtree      SignSubtree -> decide_subtree -> 200 Answer, or 400, 403, 404, 422
//! ```
//!
//! A witness stores the new head, conditional on the one that the decision was made for ([`ToCosign::stored`]), before it
//! answers; two requests that were judged side by side could take it back otherwise.
//!
//! Strict where programs differ: canonical numbers and base64, at most [`PROOF_LEN_MAX`] hashes, checkpoints of three
//! lines; a body with anything else is malformed (400), also where the base64 of a signature is what is not canonical, for
//! which others say 403. The status of a fork at equal size is 422, as the specification has it since July 2026; it was 409
//! before, without the content type of a size.

mod add;
mod answer;
mod decision;
mod error;
mod keys;
mod refusal;
mod sign;

pub use add::AddCheckpoint;
pub use answer::{Answer, AnswerError, Cosignature, SIZE_CONTENT_TYPE, parse_size, print_size};
pub use decision::{ToCosign, ToCosignSubtree, decide, decide_subtree};
pub use error::RequestError;
pub use keys::{CosignError, Cosigned, KEYS_MAX, WitnessKeys, WitnessKeysError};
pub use refusal::{Evidence, Reason, Refusal};
pub use sign::SignSubtree;

use crate::Hash;
use crate::encoding;
use crate::proof::PROOF_LEN_MAX;

/// Longest body of a request or an answer, in bytes: what fits some thirty ML-DSA-44 cosignatures.
pub const BODY_LEN_MAX: usize = 128 * 1024;

/// The lines before the first blank line, and the note after it.
fn split(body: &[u8]) -> Result<(&str, &[u8]), RequestError> {
    if body.len() > BODY_LEN_MAX {
        return Err(RequestError::TooLong { have: body.len() });
    }
    let (head, note) = encoding::split_at_first_blank_line(body).ok_or(RequestError::NoBlankLine)?;
    Ok((std::str::from_utf8(head).map_err(|_| RequestError::NotUtf8)?, note))
}

/// The hashes of a proof, of which the first stands on line `first` of the request.
fn parse_proof<'a>(lines: impl Iterator<Item = &'a str>, first: usize) -> Result<Vec<Hash>, RequestError> {
    let hashes: Vec<_> = (first..)
        .zip(lines.take(PROOF_LEN_MAX + 1))
        .map(|(line, text)| parse_hash(line, text))
        .collect::<Result<_, _>>()?;
    check_length(&hashes).map(|()| hashes)
}

fn parse_hash(line: usize, text: &str) -> Result<Hash, RequestError> {
    let bytes = encoding::parse_base64_array(text).map_err(|cause| RequestError::Hash { line, cause })?;
    Ok(Hash::from_bytes(bytes))
}

fn check_length(proof: &[Hash]) -> Result<(), RequestError> {
    if proof.len() > PROOF_LEN_MAX { Err(RequestError::TooManyHashes) } else { Ok(()) }
}
