//! What a witness's answer means (C2SP tlog-witness, add-checkpoint).

use std::time::Duration;

use client::http::AsItCame;
use tlog::{
    checkpoint::SignedCheckpoint,
    cosignature::Timestamp,
    key::VerifierKey,
    witness::{Answer, AnswerError, Cosignature, SIZE_CONTENT_TYPE, parse_size},
};

/// How far a witness's clock may be ahead of ours.
pub(crate) const CLOCK_SKEW_MAX: Duration = Duration::from_mins(5);

/// Characters of what a witness did not do, at most, before those are spelled out that cannot be shown.
const WORDS_MAX: usize = 400;

/// What came of asking a witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// It cosigned: at least one line by its keys, each verified, with a time.
    Cosigned(Vec<Cosignature>),
    /// The newest head of this log that it has cosigned has this size, not the one that was sent.
    Stored(u64),
    /// It did not cosign, for this reason.
    Failed {
        /// Which.
        cause: Cause,
        /// It wants to be left alone for so long.
        wait: Option<Duration>,
        /// In more words, for the operator's log.
        what: String,
    },
}

/// Why a witness did not cosign. Names appear in metrics and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// No answer in time.
    TimedOut,
    /// No connection, or it broke.
    Unreachable,
    /// It asks to come back later (429, 503).
    Busy,
    /// It failed (any other 5xx).
    ServerError,
    /// It does not follow this log (404).
    NotEnrolled,
    /// It knows another key of this log (403).
    KeyRefused,
    /// It does not understand the request (400).
    Malformed,
    /// It refuses the proof: the proof is wrong, or the log has forked (422).
    ProofRefused,
    /// It has another root at the same size (409 without a size): the log has forked.
    OtherRoot,
    /// It has cosigned a larger tree than this log has: entries are gone here, or there are two logs.
    Ahead,
    /// It has forgotten what it cosigned.
    WentBack,
    /// It contradicts itself: it names sizes that it does not keep to.
    Inconsistent,
    /// Its answer is not one, or its cosignature does not hold.
    BadAnswer,
    /// The proof that it needs could not be made here.
    NoProof,
}

impl Cause {
    /// All of them, for the documentation.
    pub const ALL: [Self; 14] = [
        Self::TimedOut,
        Self::Unreachable,
        Self::Busy,
        Self::ServerError,
        Self::NotEnrolled,
        Self::KeyRefused,
        Self::Malformed,
        Self::ProofRefused,
        Self::OtherRoot,
        Self::Ahead,
        Self::WentBack,
        Self::Inconsistent,
        Self::BadAnswer,
        Self::NoProof,
    ];

    /// Its name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::TimedOut => "timed_out",
            Self::Unreachable => "unreachable",
            Self::Busy => "busy",
            Self::ServerError => "server_error",
            Self::NotEnrolled => "not_enrolled",
            Self::KeyRefused => "key_refused",
            Self::Malformed => "malformed",
            Self::ProofRefused => "proof_refused",
            Self::OtherRoot => "other_root",
            Self::Ahead => "ahead",
            Self::WentBack => "went_back",
            Self::Inconsistent => "inconsistent",
            Self::BadAnswer => "bad_answer",
            Self::NoProof => "no_proof",
        }
    }

    /// Whether it passes by itself, as far as one can tell: asking again soon is of use, and nobody need be woken for it.
    pub fn passes(self) -> bool {
        matches!(self, Self::TimedOut | Self::Unreachable | Self::Busy | Self::ServerError)
    }

    /// What it means, for whoever runs the log.
    pub fn words(self) -> &'static str {
        match self {
            Self::TimedOut => "it does not answer in time",
            Self::Unreachable => "it cannot be reached",
            Self::Busy => "it asks to come back later",
            Self::ServerError => "it fails",
            Self::NotEnrolled => "it does not follow this log; ask its operator to enrol it",
            Self::KeyRefused => "it knows another key of this log; give its operator the present one",
            Self::Malformed => "it does not understand what it is asked",
            Self::ProofRefused => {
                "it refuses the proof that this log continues what it cosigned: this log may have forked"
            }
            Self::OtherRoot => "it has cosigned another tree of the same size: this log has forked",
            Self::Ahead => {
                "it has cosigned a larger tree than this log has: entries are gone here, or somebody else signs as this log"
            }
            Self::WentBack => "it has forgotten what it cosigned of this log",
            Self::Inconsistent => "it contradicts itself about what it has cosigned of this log",
            Self::BadAnswer => "its answer cannot be used, or its cosignature does not hold",
            Self::NoProof => "the proof that it needs cannot be made here; run deedbook fsck",
        }
    }
}

/// Says what an answer to the request for a cosignature over `checkpoint` means. `keys` are the witness's, `now` is our
/// clock.
pub(crate) fn understand(
    answered: &AsItCame,
    checkpoint: &SignedCheckpoint,
    keys: &[VerifierKey],
    now: Timestamp,
) -> Reply {
    let failed = |cause| Reply::Failed { cause, wait: answered.retry_after, what: words_of(answered) };
    match answered.status {
        200 => match cosignatures(&answered.body, checkpoint, keys, now) {
            Ok(lines) => Reply::Cosigned(lines),
            Err(error) => bad_answer(&error),
        },
        // Compared byte for byte: without the type it is no size but the word that the roots differ.
        409 if answered.content_type.as_deref() == Some(SIZE_CONTENT_TYPE) => {
            match parse_size(&answered.body) {
                Ok(size) => Reply::Stored(size),
                Err(error) => bad_answer(&error),
            }
        }
        409 => failed(Cause::OtherRoot),
        422 => failed(Cause::ProofRefused),
        400 => failed(Cause::Malformed),
        403 => failed(Cause::KeyRefused),
        404 => failed(Cause::NotEnrolled),
        429 | 503 => failed(Cause::Busy),
        500..=599 => failed(Cause::ServerError),
        _ => failed(Cause::BadAnswer),
    }
}

fn cosignatures(
    body: &[u8],
    checkpoint: &SignedCheckpoint,
    keys: &[VerifierKey],
    now: Timestamp,
) -> Result<Vec<Cosignature>, AnswerError> {
    let latest = Timestamp::from_seconds(now.seconds().saturating_add(CLOCK_SKEW_MAX.as_secs()));
    Answer::parse(body)?.take(checkpoint, keys, latest)
}

fn bad_answer(error: &AnswerError) -> Reply {
    Reply::Failed { cause: Cause::BadAnswer, wait: None, what: printable(&error.to_string()) }
}

/// A sentence that may hold names which the witness has chosen, safe to be shown, and not too long.
fn printable(words: &str) -> String {
    let plain = |c: char| c == ' ' || c.is_ascii_graphic();
    let shown = words
        .chars()
        .take(WORDS_MAX)
        .map(|c| if plain(c) { c.to_string() } else { c.escape_debug().to_string() });
    shown.collect()
}

/// Status and the first line of the body, safe to be shown.
fn words_of(answered: &AsItCame) -> String {
    let text = String::from_utf8_lossy(&answered.body);
    let line: String =
        text.lines().next().unwrap_or_default().chars().filter(|c| !c.is_control()).take(200).collect();
    if line.is_empty() {
        format!("status {}", answered.status)
    } else {
        format!("status {}: {line:?}", answered.status)
    }
}

#[cfg(test)]
mod tests;
