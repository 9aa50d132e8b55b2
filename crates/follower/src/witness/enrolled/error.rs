//! Why a text is no log list.

use std::fmt;

use tlog::{
    encoding::EncodingError,
    key::{KeyError, KeyName, KeyNameError, KeyType},
};

use super::{CONTACT_LEN_MAX, LIST_LEN_MAX, LOGS_MAX, QPD_MAX};

/// Why a list cannot be read. Whoever wrote it is at fault; correct the line, or take that log out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnrolledError {
    /// More than [`LIST_LEN_MAX`] bytes.
    #[error("a log list has at most {LIST_LEN_MAX} bytes, this one has {have}")]
    TooLong {
        /// Bytes found.
        have: usize,
    },
    /// One line is wrong.
    #[error("line {line} of the log list: {fault}")]
    Line {
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        fault: EnrolledFault,
    },
    /// Nothing but comments and blank lines.
    #[error("the log list is empty; it begins with a line logs/v0")]
    NoHeader,
    /// The end was reached within a log.
    #[error("the log list ends where the {want} of its last log should stand")]
    Unfinished {
        /// The line that is missing.
        want: Keyword,
    },
}

/// What begins a line of a log list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keyword {
    /// The log's key.
    Vkey,
    /// The log's origin, where it is not the name of the key.
    Origin,
    /// Requests a day.
    Qpd,
    /// How people reach the operator.
    Contact,
}

impl Keyword {
    /// The word of the list.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Vkey => "vkey",
            Self::Origin => "origin",
            Self::Qpd => "qpd",
            Self::Contact => "contact",
        }
    }
}

impl fmt::Display for Keyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What is wrong with a line of a log list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnrolledFault {
    /// Not UTF-8.
    #[error("it is not UTF-8")]
    NotText,
    /// A control character that is no tab.
    #[error("it holds a control character (byte 0x{0:02x})")]
    Byte(u8),
    /// The first line that counts is another than the header.
    #[error("the list must begin with a line logs/v0")]
    Header,
    /// Another line than the order demands.
    #[error(
        "here stands the {want} of a log, as \"{want} VALUE\" with one space; the order is vkey, origin (may be left out), qpd, contact"
    )]
    Order {
        /// The line that was expected.
        want: Keyword,
    },
    /// The key of a log.
    #[error("the log's key: {0}")]
    Key(#[from] KeyError),
    /// A key that is not one of a log.
    #[error("a log signs with a key of type 0x01 (Ed25519), this one is {0}")]
    KeyType(KeyType),
    /// An origin that no checkpoint can have here.
    #[error("the origin: {0}; this witness cannot read the checkpoints of such a log")]
    Origin(#[from] KeyNameError),
    /// The number of requests is not spelt as a number.
    #[error("the number of requests a day is {0}")]
    QpdText(#[from] EncodingError),
    /// The number of requests is out of bounds.
    #[error("a log may make 1 to {QPD_MAX} requests a day, not {0}")]
    Qpd(u64),
    /// A contact of more than [`CONTACT_LEN_MAX`] bytes.
    #[error("a contact has at most {CONTACT_LEN_MAX} bytes, this one has {have}")]
    ContactTooLong {
        /// Bytes found.
        have: usize,
    },
    /// An earlier log has this origin.
    #[error("a log with the origin {0} was listed before")]
    DuplicateOrigin(KeyName),
    /// An earlier log has this public key.
    #[error("the log {0} was listed with the same public key before")]
    DuplicateKey(KeyName),
    /// One log too many.
    #[error("a log list has at most {LOGS_MAX} logs")]
    TooManyLogs,
}
