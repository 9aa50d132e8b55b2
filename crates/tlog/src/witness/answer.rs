//! What a witness answers, and what a log takes of it.

use std::fmt;

use super::BODY_LEN_MAX;
use crate::checkpoint::SignedCheckpoint;
use crate::cosignature::{Subtree, Timestamp};
use crate::encoding::{self, EncodingError};
use crate::key::{KeyName, VerifierKey};
use crate::note::{self, Note, NoteError, OpenError, SignatureError, SignatureLine};

/// Content type of the size that comes with status 409. Clients compare it byte for byte.
pub const SIZE_CONTENT_TYPE: &str = "text/x.tlog.size";

/// The body of a 409: the size of the newest head that the witness has of this log.
pub fn print_size(size: u64) -> String {
    format!("{size}\n")
}

/// Reads the body of a 409 with content type [`SIZE_CONTENT_TYPE`].
///
/// # Errors
/// [`AnswerError::Size`].
pub fn parse_size(body: &[u8]) -> Result<u64, AnswerError> {
    let text = std::str::from_utf8(body).ok().and_then(|text| text.strip_suffix('\n'));
    let text = text.ok_or(AnswerError::Size(EncodingError::Decimal))?;
    encoding::parse_decimal(text).map_err(AnswerError::Size)
}

/// The body of a 200: one or more signature lines, none of them verified yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer(Vec<SignatureLine>);

impl Answer {
    /// An answer of lines that were just made.
    pub(super) fn of(lines: Vec<SignatureLine>) -> Self {
        Self(lines)
    }

    /// Reads an answer of at most [`BODY_LEN_MAX`] bytes. What is accepted prints back to the same bytes.
    ///
    /// # Errors
    /// [`AnswerError::TooLong`], [`AnswerError::NotUtf8`] and [`AnswerError::Lines`].
    pub fn parse(body: &[u8]) -> Result<Self, AnswerError> {
        if body.len() > BODY_LEN_MAX {
            return Err(AnswerError::TooLong { have: body.len() });
        }
        let text = std::str::from_utf8(body).map_err(|_| AnswerError::NotUtf8)?;
        let lines = note::parse_lines(text)?;
        note::check_signatures(&lines)?;
        Ok(Self(lines))
    }

    /// The lines, none of them verified.
    pub fn lines(&self) -> &[SignatureLine] {
        &self.0
    }

    /// The cosignatures of this checkpoint by the witness's `keys`, of which there is at least one. Lines by other keys are
    /// ignored; one by a known key that does not hold spoils the answer.
    ///
    /// Each must say a time, and with `latest` none after it: that is the reader's clock, and what clocks may differ. The
    /// lines go onto the checkpoint with [`SignedCheckpoint::with_signatures`].
    ///
    /// # Errors
    /// [`AnswerError::Open`], [`AnswerError::NoTime`] and [`AnswerError::Ahead`]. The witness is at fault, or its key is
    /// another than was thought.
    pub fn take(
        &self,
        checkpoint: &SignedCheckpoint,
        keys: &[VerifierKey],
        latest: Option<Timestamp>,
    ) -> Result<Vec<Cosignature>, AnswerError> {
        let note = Note::new(checkpoint.checkpoint().to_string(), self.0.clone())?;
        let keys = keys.iter().filter(|key| key.key_type().cosigns());
        let opened = note.open(keys)?;
        let signatures = opened.signatures().iter();
        signatures
            .map(|by| self.cosignature(by.key(), by.time().unwrap_or(Timestamp::NONE), latest))
            .collect()
    }

    fn cosignature(
        &self,
        key: &VerifierKey,
        time: Timestamp,
        latest: Option<Timestamp>,
    ) -> Result<Cosignature, AnswerError> {
        let witness = || key.name().clone();
        if time == Timestamp::NONE {
            return Err(AnswerError::NoTime { witness: witness() });
        }
        if let Some(latest) = latest.filter(|latest| time > *latest) {
            return Err(AnswerError::Ahead { witness: witness(), time, latest });
        }
        let line = self.0.iter().find(|line| line.claims(key)).ok_or(OpenError::NoKnownSignature)?;
        Ok(Cosignature { key: key.clone(), time, line: line.clone() })
    }

    /// The cosignatures of this subtree by the witness's `keys`, of which there is at least one.
    ///
    /// # Errors
    /// [`AnswerError::Open`].
    pub fn take_subtree(
        &self,
        subtree: &Subtree<'_>,
        keys: &[VerifierKey],
    ) -> Result<Vec<Cosignature>, AnswerError> {
        let mut taken = Vec::new();
        for line in &self.0 {
            let Some(key) = keys.iter().find(|key| line.claims(key)) else { continue };
            let time = subtree.verify(line, key).map_err(|cause| bad(line, cause))?;
            taken.push(Cosignature { key: key.clone(), time, line: line.clone() });
        }
        if taken.is_empty() { Err(OpenError::NoKnownSignature.into()) } else { Ok(taken) }
    }
}

fn bad(line: &SignatureLine, cause: SignatureError) -> OpenError {
    OpenError::BadSignature { name: line.name().clone(), id: line.id(), cause }
}

/// The body of the answer.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|line| fmt::Display::fmt(line, f))
    }
}

/// A cosignature that was verified. Made by [`Answer::take`] and [`Answer::take_subtree`] only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosignature {
    key: VerifierKey,
    time: Timestamp,
    line: SignatureLine,
}

impl Cosignature {
    /// Who cosigned.
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// When, by the witness's own clock.
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// The line, to be added to the checkpoint.
    pub fn line(&self) -> &SignatureLine {
        &self.line
    }
}

/// Why an answer cannot be read, or is not taken. The witness is at fault, or whoever configured its key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// More than [`BODY_LEN_MAX`] bytes.
    #[error("an answer has at most {BODY_LEN_MAX} bytes, this one has {have}")]
    TooLong {
        /// Bytes found.
        have: usize,
    },
    /// Not UTF-8.
    #[error("the answer is not UTF-8 text")]
    NotUtf8,
    /// Something else than signature lines, or lines that no note can have.
    #[error("the answer is to be signature lines: {0}")]
    Lines(#[from] NoteError),
    /// The size that comes with status 409.
    #[error("the answer is to be a size and a line feed: {0}")]
    Size(#[source] EncodingError),
    /// No line by the witness's keys, or one that does not hold.
    #[error("the witness's cosignature: {0}")]
    Open(#[from] OpenError),
    /// A cosignature of a checkpoint that does not say when it was made.
    #[error("the cosignature by {witness} says no time; a witness has to say when it saw a checkpoint")]
    NoTime {
        /// Name of the witness.
        witness: KeyName,
    },
    /// A cosignature from the future.
    #[error(
        "the cosignature by {witness} is of the time {time}, and it is not after {latest} here; one of the clocks is wrong"
    )]
    Ahead {
        /// Name of the witness.
        witness: KeyName,
        /// What it says.
        time: Timestamp,
        /// The latest time that is believed.
        latest: Timestamp,
    },
}
