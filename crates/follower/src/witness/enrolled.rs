//! Which logs a witness knows: a log list (C2SP tlog-list).
//!
//! ```text
//! list = "logs/v0" LF *log
//! log  = "vkey " vkey LF ["origin " origin LF] "qpd " number LF "contact " text LF
//! ```
//!
//! Spaces and tabs around a line, blank lines and lines that start with `#` count for nothing. The order within a log is
//! strict. Where it is more than the specification demands, that is said:
//!
//! * Each origin is of one log and each log has one key (as specified). A log that changes its key signs with both for a
//!   while, and in that while the list is changed.
//! * Each public key is of one log (more than specified): two logs with one key are a mistake of somebody's.
//! * An origin must be fit for the name of a key (more than specified), as everywhere in this program: a checkpoint with
//!   another could not be read ([`tlog::checkpoint`]). Where the line is left out, it is the name of the log's key.
//! * One space after a keyword, and no control characters but tabs (more than specified).

mod error;
mod text;

use std::{collections::HashMap, fmt, str::FromStr};

use tlog::key::{KeyName, VerifierKey};

pub use error::{EnrolledError, EnrolledFault, Keyword};

/// Longest list in bytes.
pub const LIST_LEN_MAX: usize = 64 << 20;
/// Most logs of a list.
pub const LOGS_MAX: usize = 100_000;
/// Longest contact in bytes.
pub const CONTACT_LEN_MAX: usize = 1_000;
/// The greatest number of requests a day that a list can grant.
pub const QPD_MAX: u32 = (1 << 31) - 1;

/// A log that a witness knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrolledLog {
    key: VerifierKey,
    origin: KeyName,
    qpd: u32,
    contact: String,
}

impl EnrolledLog {
    /// The key that signs its checkpoints, of type 0x01.
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// First line of its checkpoints; the name of the key, unless the list says otherwise.
    pub fn origin(&self) -> &KeyName {
        &self.origin
    }

    /// Requests (add-checkpoint) that it may make a day: 1 to [`QPD_MAX`].
    pub fn qpd(&self) -> u32 {
        self.qpd
    }

    /// How people reach its operator.
    pub fn contact(&self) -> &str {
        &self.contact
    }
}

/// The logs that a witness knows, each under its origin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Enrolled {
    logs: Vec<EnrolledLog>,
    /// Positions in `logs`.
    by_origin: HashMap<KeyName, usize>,
}

impl Enrolled {
    /// Reads a log list. Whoever wrote the list is at fault if it cannot be read; the error names the line.
    pub fn parse(list: &[u8]) -> Result<Self, EnrolledError> {
        text::parse(list)
    }

    /// The log with this origin.
    pub fn get(&self, origin: &KeyName) -> Option<&EnrolledLog> {
        self.by_origin.get(origin).and_then(|at| self.logs.get(*at))
    }

    /// All logs, in the order of the list.
    pub fn logs(&self) -> &[EnrolledLog] {
        &self.logs
    }

    /// Takes a log in whose origin no other has.
    fn add(&mut self, log: EnrolledLog) {
        self.by_origin.insert(log.origin.clone(), self.logs.len());
        self.logs.push(log);
    }
}

impl FromStr for Enrolled {
    type Err = EnrolledError;

    fn from_str(list: &str) -> Result<Self, EnrolledError> {
        Self::parse(list.as_bytes())
    }
}

/// The list in its plainest form: no comments, and no origin where it is the name of the key.
impl fmt::Display for Enrolled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", text::HEADER)?;
        self.logs.iter().try_for_each(|log| write!(f, "\n{log}"))
    }
}

/// The lines of one log.
impl fmt::Display for EnrolledLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}", Keyword::Vkey, self.key)?;
        if self.origin != *self.key.name() {
            writeln!(f, "{} {}", Keyword::Origin, self.origin)?;
        }
        writeln!(f, "{} {}\n{} {}", Keyword::Qpd, self.qpd, Keyword::Contact, self.contact)
    }
}
