//! What an auditor remembers: one JSON file, replaced as a whole.
//!
//! ```json
//! {"format": "deedbook-audit-state/1",
//!  "verified": {"checkpoint": "<signed note>", "at": "2026-11-24T08:00:00Z", "since": "…", "full": "…"},
//!  "keys": {<the key history that was followed, if any>},
//!  "unfinished": {"base": 0, "levels": ["<base64 of a partial tile>", …], "started": "…"}}
//! ```
//!
//! The checkpoint is verified again whenever the file is opened. What an interrupted audit had computed is used only if
//! it is the beginning of the tree that the present checkpoint signs.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tlog::checkpoint::SignedCheckpoint;
use tlog::encoding;
use tlog::policy::{Policy, PolicyError};

use super::Scope;
use super::tree::Resume;
use crate::fs;
use crate::keys::{History, KeysError, follow_keys};

const FORMAT: &str = "deedbook-audit-state/1";
/// Bytes of a state file, at most.
const BYTES_MAX: usize = 4 << 20;

/// Why an auditor's memory cannot be used. Never overwritten in that case: it may be evidence.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// It cannot be read or written.
    #[error("the state file {}: {cause}", .path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// It is no state file.
    #[error("{} is not a state file of an audit ({why}); name another file, or move it away", .path.display())]
    Format {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// What it remembers does not satisfy the policy given now: another log, or another key.
    #[error("the state file {} does not belong to this log and policy: {cause}", .path.display())]
    OtherLog {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: PolicyError,
    },
    /// The key history that it remembers does not start from a key of the policy given now.
    #[error("the state file {} does not belong to this log and policy: {cause}", .path.display())]
    OtherKeys {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: Box<KeysError>,
    },
}

/// What was verified last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The checkpoint under which everything held.
    pub checkpoint: SignedCheckpoint,
    /// When that was found (RFC 3339).
    pub verified: String,
    /// When this auditor verified the log for the first time; every checkpoint since continues the one before.
    pub since: String,
    /// When every byte was read last.
    pub full: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    format: String,
    verified: Option<VerifiedText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keys: Option<serde_json::Value>,
    unfinished: Option<UnfinishedText>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct VerifiedText {
    checkpoint: String,
    at: String,
    since: String,
    full: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UnfinishedText {
    base: u64,
    levels: Vec<String>,
    started: String,
}

/// An auditor's memory and where it is kept.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
    state: Option<State>,
    keys: Option<History>,
    unfinished: Option<UnfinishedText>,
}

impl StateFile {
    /// Opens the file; one that is not there yet remembers nothing.
    ///
    /// # Errors
    /// It cannot be read, is no state file, or is one of another log or key.
    pub fn open(path: &Path, policy: &Policy) -> Result<Self, StateError> {
        let bytes = match fs::read_bounded(path, BYTES_MAX) {
            Ok(bytes) => bytes,
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self { path: path.to_owned(), state: None, keys: None, unfinished: None });
            }
            Err(cause) => return Err(StateError::File { path: path.to_owned(), cause }),
        };
        let format = |why: String| StateError::Format { path: path.to_owned(), why };
        let text: Text = serde_json::from_slice(&bytes).map_err(|error| format(error.to_string()))?;
        if text.format != FORMAT {
            return Err(format(format!("its format is {:?}", text.format)));
        }
        let keys = text.keys.map(|keys| History::parse(keys.to_string().as_bytes())).transpose();
        let keys = keys.map_err(|error| format(error.to_string()))?;
        let policy = match &keys {
            Some(keys) => {
                let followed = follow_keys(policy, keys).map_err(Box::new);
                followed.map_err(|cause| StateError::OtherKeys { path: path.to_owned(), cause })?.policy
            }
            None => policy.clone(),
        };
        let state = text.verified.map(|verified| verified.open(path, &policy)).transpose()?;
        Ok(Self { path: path.to_owned(), state, keys, unfinished: text.unfinished })
    }

    /// The key history that was followed.
    pub fn keys(&self) -> Option<&History> {
        self.keys.as_ref()
    }

    /// What was verified last.
    pub fn state(&self) -> Option<&State> {
        self.state.as_ref()
    }

    /// The checkpoint that was verified last.
    pub fn seen(&self) -> Option<&SignedCheckpoint> {
        self.state.as_ref().map(|state| &state.checkpoint)
    }

    /// Where an interrupted audit had come to, if there was one; `Err` if what was saved makes no sense.
    pub(super) fn progress(&self) -> Option<Result<Resume, &'static str>> {
        let unfinished = self.unfinished.as_ref()?;
        let levels: Result<Vec<_>, _> =
            unfinished.levels.iter().map(|level| encoding::parse_base64(level).map(Bytes::from)).collect();
        let resume = levels.ok().and_then(|levels| Resume::from_parts(unfinished.base, &levels));
        Some(resume.ok_or("what it had saved is damaged"))
    }

    /// Remembers how far an audit has come.
    pub(super) fn save_progress(&self, resume: &Resume, started: &str) -> Result<(), StateError> {
        let Some(levels) = resume.parts() else { return Ok(()) };
        let levels = levels.iter().map(|level| encoding::base64(level)).collect();
        self.write(Some(UnfinishedText { base: resume.first(), levels, started: started.to_owned() }))
    }

    /// Remembers that everything held under this checkpoint.
    pub(super) fn save_verified(
        &mut self,
        checkpoint: &SignedCheckpoint,
        scope: Scope,
        keys: Option<History>,
    ) -> Result<(), StateError> {
        self.keys = keys;
        let now = now();
        let before = self.state.take();
        let full = match scope {
            Scope::Full => Some(now.clone()),
            Scope::Incremental => before.as_ref().and_then(|state| state.full.clone()),
        };
        self.state = Some(State {
            checkpoint: checkpoint.clone(),
            since: before.map_or_else(|| now.clone(), |state| state.since),
            verified: now,
            full,
        });
        self.unfinished = None;
        self.write(None)
    }

    fn write(&self, unfinished: Option<UnfinishedText>) -> Result<(), StateError> {
        let verified = self.state.as_ref().map(|state| VerifiedText {
            checkpoint: String::from_utf8_lossy(state.checkpoint.bytes()).into_owned(),
            at: state.verified.clone(),
            since: state.since.clone(),
            full: state.full.clone(),
        });
        let keys = self.keys.as_ref().and_then(|keys| serde_json::from_slice(&keys.to_bytes()).ok());
        let text = Text { format: FORMAT.to_owned(), verified, keys, unfinished };
        let mut json = serde_json::to_vec_pretty(&text).unwrap_or_default();
        json.push(b'\n');
        fs::write_durably(&self.path, &json)
            .map_err(|cause| StateError::File { path: self.path.clone(), cause })
    }
}

impl VerifiedText {
    fn open(self, path: &Path, policy: &Policy) -> Result<State, StateError> {
        let verified = policy
            .verify(self.checkpoint)
            .map_err(|cause| StateError::OtherLog { path: path.to_owned(), cause })?;
        Ok(State {
            checkpoint: verified.signed().clone(),
            verified: self.at,
            since: self.since,
            full: self.full,
        })
    }
}

/// The time by this machine's clock, to the second.
pub(super) fn now() -> String {
    let now = jiff::Timestamp::now();
    jiff::Timestamp::from_second(now.as_second()).unwrap_or(now).to_string()
}
