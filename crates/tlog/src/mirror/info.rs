//! What a mirror answers to who has to go on: from where, and to which size.

use std::fmt;

use bytes::Bytes;

use super::TICKET_LEN_MAX;
use crate::encoding::{self, EncodingError};

/// Content type of [`Info`], with status 202 or 409.
pub const INFO_CONTENT_TYPE: &str = "text/x.tlog.mirror-info";

/// Longest text of an [`Info`] in bytes: two numbers, and the longest ticket in base64.
pub const INFO_LEN_MAX: usize = 2 * 20 + TICKET_LEN_MAX.div_ceil(3) * 4 + 1;

/// Where an upload is to go on.
///
/// ```text
/// decimal LF         size of a pending checkpoint
/// decimal LF         the first entry that the mirror does not have
/// base64 LF          ticket, may be empty
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// Size of a checkpoint that the mirror knows.
    pub size: u64,
    /// Index of the first entry that it does not have.
    pub next: u64,
    /// What it wants to be sent along.
    pub ticket: Bytes,
}

impl Info {
    /// Without a ticket, as the mirrors of this program are.
    pub fn new(size: u64, next: u64) -> Self {
        Self { size, next, ticket: Bytes::new() }
    }

    /// Reads the body of an answer. What is accepted prints back to the same bytes.
    ///
    /// # Errors
    /// The mirror is at fault.
    pub fn parse(body: &[u8]) -> Result<Self, InfoError> {
        if body.len() > INFO_LEN_MAX {
            return Err(InfoError::TooLong { have: body.len() });
        }
        let text = std::str::from_utf8(body).map_err(|_| InfoError::Lines)?;
        let lines: Vec<_> = text.strip_suffix('\n').ok_or(InfoError::Lines)?.split('\n').collect();
        let [size, next, ticket] = lines[..] else { return Err(InfoError::Lines) };
        let number =
            |line, text| encoding::parse_decimal(text).map_err(|cause| InfoError::Line { line, cause });
        let ticket = encoding::parse_base64(ticket).map_err(|cause| InfoError::Line { line: 3, cause })?;
        Ok(Self { size: number(1, size)?, next: number(2, next)?, ticket: ticket.into() })
    }
}

/// The body of the answer.
impl fmt::Display for Info {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n{}\n", self.size, self.next, encoding::base64(&self.ticket))
    }
}

/// Why bytes do not say where an upload goes on. The mirror is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InfoError {
    /// More than [`INFO_LEN_MAX`] bytes.
    #[error("an answer of a mirror has at most {INFO_LEN_MAX} bytes, this one has {have}")]
    TooLong {
        /// Bytes found.
        have: usize,
    },
    /// Not three lines of text.
    #[error("the answer is to be three lines: a size, the next entry, a ticket")]
    Lines,
    /// A line that is not what it should be.
    #[error("line {line} of the answer: {cause}")]
    Line {
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        #[source]
        cause: EncodingError,
    },
}
