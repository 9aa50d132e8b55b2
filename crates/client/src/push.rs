//! A log pushed to a mirror (C2SP tlog-mirror, the log's side): its checkpoint first, then the entries that the mirror lacks, in
//! requests of bounded size, until it cosigns.
//!
//! The mirror says where to go on, so nothing is remembered here, and a push that was broken off is taken up by the next one.
//! Nothing is sent that was not proven to be part of the checkpoint: a log whose files are damaged is told so before its mirror
//! finds out.

use bytes::{Bytes, BytesMut};
use reqwest::StatusCode;
use tlog::checkpoint::SignedCheckpoint;
use tlog::key::VerifierKey;
use tlog::mirror::{ENTRIES_CONTENT_TYPE, INFO_LEN_MAX, Info, InfoError, PACKAGES_MAX, Upload, UploadError};
use tlog::note::{Note, NoteError};
use tlog::tile::WIDTH;
use tlog::witness::{AddCheckpoint, Answer, AnswerError, Cosignature, RequestError, parse_size};

use crate::audit::Progress;
use crate::follow::{self, FollowError};
use crate::http::{self, Http, HttpError};
use crate::proven::Proven;
use crate::source::Source;

/// Bytes of a request after which no further package is put into it.
const REQUEST_BYTES: usize = 4 << 20;
/// How often the mirror may say something that leads nowhere.
const PATIENCE: u32 = 4;
/// Bytes of a sentence that the mirror answers, that are shown.
const WORDS_MAX: usize = 300;

/// A log, and the mirror that is to have it.
pub struct Push<'a> {
    /// Where the log is read.
    pub source: &'a Source,
    /// What the mirror is to cosign.
    pub checkpoint: &'a SignedCheckpoint,
    /// Keys of the log, one of which signed it.
    pub log_keys: &'a [VerifierKey],
    /// The mirror's submission prefix.
    pub mirror: &'a Http,
    /// Keys of the mirror.
    pub mirror_keys: &'a [VerifierKey],
}

/// That a mirror has all of the log.
#[derive(Debug)]
pub struct Pushed {
    /// Its cosignatures of the checkpoint, verified.
    pub cosignatures: Vec<Cosignature>,
    /// Entries that were sent; some of them perhaps more than once.
    pub entries: u64,
    /// Requests with entries that it took.
    pub requests: u64,
}

/// Why a mirror does not have all of the log, or did not say so.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// The log could not be read, or its files do not lead to its checkpoint.
    #[error(transparent)]
    Log(#[from] FollowError),
    /// The mirror could not be asked.
    #[error(transparent)]
    Http(HttpError),
    /// It says "not now".
    #[error("{url}: the mirror is busy, or cannot keep anything at present (status {status}){words}")]
    Busy {
        /// What was asked.
        url: String,
        /// The status.
        status: u16,
        /// What it says.
        words: String,
    },
    /// It refuses what it was sent.
    #[error("the mirror refuses {what} with status {status}: {words}")]
    Refused {
        /// What.
        what: &'static str,
        /// The status.
        status: u16,
        /// What it says.
        words: String,
    },
    /// It has been shown a later checkpoint, and does not go back.
    #[error("the mirror knows a checkpoint of size {known} already; push the log's newest one")]
    Superseded {
        /// Its size.
        known: u64,
    },
    /// Its answer, or that of somebody in between, is none to a checkpoint.
    #[error("the mirror refuses the checkpoint with status 409 and does not say which one it knows: {0}")]
    NoSize(AnswerError),
    /// It says things that lead nowhere.
    #[error("the mirror does not go on: it has taken the entries before {next} and says so again and again")]
    Stuck {
        /// What it says to lack.
        next: u64,
    },
    /// It does not say where to go on.
    #[error("the mirror does not say where to go on: {0}")]
    Info(#[from] InfoError),
    /// It does not cosign what it was sent.
    #[error("what the mirror answers: {0}")]
    Answer(#[from] AnswerError),
    /// The checkpoint makes no request.
    #[error("the checkpoint cannot be sent: {0}")]
    Checkpoint(String),
}

impl From<HttpError> for PushError {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Busy { url, status, problem, .. } => {
                let words = problem.map(|problem| format!(": {problem}")).unwrap_or_default();
                Self::Busy { url, status: status.as_u16(), words }
            }
            error => Self::Http(error),
        }
    }
}

impl From<RequestError> for PushError {
    fn from(error: RequestError) -> Self {
        Self::Checkpoint(error.to_string())
    }
}

impl From<NoteError> for PushError {
    fn from(error: NoteError) -> Self {
        Self::Checkpoint(error.to_string())
    }
}

impl From<UploadError> for PushError {
    fn from(error: UploadError) -> Self {
        Self::Checkpoint(error.to_string())
    }
}

/// What came of a request with entries.
enum Sent {
    Cosigned(Vec<Cosignature>),
    GoOn(Info),
}

impl Push<'_> {
    /// Brings the mirror to the checkpoint.
    ///
    /// # Errors
    /// [`PushError`]. What the mirror has taken until then it keeps.
    pub async fn run(&self, progress: &dyn Progress) -> Result<Pushed, PushError> {
        let size = self.checkpoint.size();
        let proven = Proven::new(self.source, self.checkpoint.head());
        self.announce().await?;
        // The first request has no entries: the answer tells what is lacking, if anything is.
        let (mut start, mut entries, mut requests) = (size, 0, 0);
        let (mut most, mut in_vain) = (None, 0);
        loop {
            let (body, sent) = self.request(&proven, start).await?;
            let answer = self.send(body).await?;
            (entries, requests) = (entries + sent, requests + u64::from(sent > 0));
            let info = match answer {
                Sent::Cosigned(cosignatures) => return Ok(Pushed { cosignatures, entries, requests }),
                Sent::GoOn(info) => info,
            };
            // To go on is to come to the end of another bundle: a few entries at a time would take for ever.
            let bundles = Some(info.next.div_ceil(WIDTH));
            in_vain = if most < bundles { 0 } else { in_vain + 1 };
            most = most.max(bundles);
            if in_vain > PATIENCE {
                return Err(PushError::Stuck { next: info.next });
            }
            progress.entries(info.next.min(size), size);
            // It knows no such checkpoint: it may have ended meanwhile, or have been shown many others.
            if info.size != size && !self.announce().await? {
                return Err(PushError::Superseded { known: info.size });
            }
            start = info.next.min(size);
        }
    }

    /// Makes the checkpoint one that the mirror may cosign; `false` if it was shown a later one, beside which it may know this
    /// one too.
    async fn announce(&self) -> Result<bool, PushError> {
        let own = self.own_lines()?;
        let mut old = 0;
        for _ in 0..=PATIENCE {
            let proof = match old {
                0 => vec![],
                old => follow::consistency(self.source, old, own.head()).await?.hashes,
            };
            // With the cosignatures on it, which a policy there may demand; without them where they are too long.
            let request = match AddCheckpoint::new(old, proof.clone(), self.checkpoint) {
                Ok(request) => request,
                Err(_) => AddCheckpoint::new(old, proof, &own)?,
            };
            let body = request.to_string().into();
            let answer =
                self.mirror.post("add-checkpoint", "text/plain", body, http::PROBLEM_BYTES_MAX).await?;
            match answer.status {
                StatusCode::OK => return Ok(true),
                StatusCode::CONFLICT => old = parse_size(&answer.body).map_err(PushError::NoSize)?,
                status => return Err(refused("the checkpoint", status, &answer.body)),
            }
            if old > own.size() {
                return Ok(false);
            }
        }
        Err(PushError::Stuck { next: old })
    }

    /// The checkpoint under the log's own signatures alone.
    fn own_lines(&self) -> Result<SignedCheckpoint, PushError> {
        let lines = self.checkpoint.signatures().iter();
        let own = lines.filter(|line| self.log_keys.iter().any(|key| line.claims(key))).cloned().collect();
        let note = Note::new(self.checkpoint.checkpoint().to_string(), own)?;
        SignedCheckpoint::open_any(note.to_string(), self.log_keys)
            .map_err(|error| PushError::Checkpoint(error.to_string()))
    }

    /// A request with the entries from `start` on, as many as fit; and how many they are.
    async fn request(&self, proven: &Proven<'_>, start: u64) -> Result<(Bytes, u64), PushError> {
        let upload =
            Upload::new(self.checkpoint.origin().clone(), start, self.checkpoint.size(), Bytes::new())?;
        let mut body = BytesMut::from(upload.encode());
        let mut sent = 0;
        for span in upload.spans().take(PACKAGES_MAX as usize) {
            if body.len() >= REQUEST_BYTES {
                break;
            }
            body.extend_from_slice(&proven.package(span).await?.encode());
            sent += span.width() as u64;
        }
        Ok((body.freeze(), sent))
    }

    async fn send(&self, body: Bytes) -> Result<Sent, PushError> {
        let answer =
            self.mirror.post_packed("add-entries", ENTRIES_CONTENT_TYPE, &body, INFO_LEN_MAX).await?;
        match answer.status {
            StatusCode::OK => Ok(Sent::Cosigned(Answer::parse(&answer.body)?.take(
                self.checkpoint,
                self.mirror_keys,
                None,
            )?)),
            StatusCode::ACCEPTED | StatusCode::CONFLICT => Ok(Sent::GoOn(Info::parse(&answer.body)?)),
            status => Err(refused("entries", status, &answer.body)),
        }
    }
}

fn refused(what: &'static str, status: StatusCode, body: &[u8]) -> PushError {
    let words = http::problem_of(body).unwrap_or_else(|| {
        let text = String::from_utf8_lossy(body);
        text.lines().next().unwrap_or_default().chars().filter(|c| !c.is_control()).take(WORDS_MAX).collect()
    });
    PushError::Refused { what, status: status.as_u16(), words }
}

#[cfg(test)]
mod tests;
