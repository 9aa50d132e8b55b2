//! Whom a content concerns: its owner, under whose key it is sealed, and its session.

use std::fmt;

use record::model::Record;
use sha2::{Digest as _, Sha256};

/// Somebody or something that content concerns.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// The human or service on whose behalf.
    Principal {
        /// Who vouches for `sub`.
        iss: String,
        /// Its name there.
        sub: String,
    },
    /// A session.
    Session(String),
    /// The program that wrote the record.
    Producer(String),
    /// The log itself, for a record that names none of them.
    Log,
}

/// SHA-256 of a subject's stable text: what stands for it in keys, in rows and in file names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(pub [u8; 32]);

impl Subject {
    /// Whose the content of a record is: its principal's, else its session's, else its producer's.
    pub fn owner_of(record: &Record<'_>) -> Self {
        if let Some(principal) = &record.principal {
            return Self::Principal { iss: principal.iss.to_string(), sub: principal.sub.to_string() };
        }
        let producer = record.producer.as_ref().map(|producer| Self::Producer(producer.id.to_string()));
        Self::session_of(record).or(producer).unwrap_or(Self::Log)
    }

    /// The session of a record.
    pub fn session_of(record: &Record<'_>) -> Option<Self> {
        record.session.as_ref().map(|session| Self::Session(session.id.to_string()))
    }

    /// SHA-256 of the stable text.
    pub fn tag(&self) -> Tag {
        Tag(Sha256::digest(self.to_string()).into())
    }
}

/// The stable text. Lengths stand before what is named, so that no two subjects have one text.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Principal { iss, sub } => write!(f, "principal:{}:{iss}|{sub}", iss.len()),
            Self::Session(id) => write!(f, "session:{id}"),
            Self::Producer(id) => write!(f, "producer:{id}"),
            Self::Log => f.write_str("log"),
        }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tag({self})")
    }
}
