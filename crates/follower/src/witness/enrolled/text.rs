//! The text of a log list, read line by line.

use std::collections::HashMap;

use tlog::{
    encoding,
    key::{KeyName, KeyType, VerifierKey},
};

use super::{
    CONTACT_LEN_MAX, Enrolled, EnrolledError, EnrolledFault, EnrolledLog, Keyword, LIST_LEN_MAX, LOGS_MAX,
    QPD_MAX,
};

/// The first line that counts.
pub(super) const HEADER: &str = "logs/v0";

pub(super) fn parse(list: &[u8]) -> Result<Enrolled, EnrolledError> {
    if list.len() > LIST_LEN_MAX {
        return Err(EnrolledError::TooLong { have: list.len() });
    }
    let mut draft = Draft::default();
    for (line, bytes) in (1..).zip(list.split(|byte| *byte == b'\n')) {
        draft.take_line(bytes).map_err(|fault| EnrolledError::Line { line, fault })?;
    }
    match draft.next {
        Next::Header => Err(EnrolledError::NoHeader),
        Next::Vkey => Ok(draft.enrolled),
        Next::OriginOrQpd { .. } | Next::Qpd { .. } => Err(EnrolledError::Unfinished { want: Keyword::Qpd }),
        Next::Contact { .. } => Err(EnrolledError::Unfinished { want: Keyword::Contact }),
    }
}

/// A list of which some lines were read.
#[derive(Default)]
struct Draft {
    next: Next,
    enrolled: Enrolled,
    /// Whose each public key is.
    owners: HashMap<Vec<u8>, KeyName>,
}

/// Which line may come next, and what is known of the log that it belongs to.
#[derive(Clone, Default)]
enum Next {
    #[default]
    Header,
    Vkey,
    OriginOrQpd {
        key: VerifierKey,
    },
    Qpd {
        key: VerifierKey,
        origin: KeyName,
    },
    Contact {
        key: VerifierKey,
        origin: KeyName,
        qpd: u32,
    },
}

impl Draft {
    fn take_line(&mut self, line: &[u8]) -> Result<(), EnrolledFault> {
        if let Some(byte) = line.iter().find(|byte| byte.is_ascii_control() && **byte != b'\t') {
            return Err(EnrolledFault::Byte(*byte));
        }
        let line = std::str::from_utf8(line).map_err(|_| EnrolledFault::NotText)?.trim_matches([' ', '\t']);
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        self.next = match std::mem::take(&mut self.next) {
            Next::Header if line == HEADER => Next::Vkey,
            Next::Header => return Err(EnrolledFault::Header),
            Next::Vkey => Next::OriginOrQpd { key: self.new_key(wanted(Keyword::Vkey, line)?)? },
            Next::OriginOrQpd { key } => {
                if let Some(origin) = value(Keyword::Origin, line) {
                    Next::Qpd { origin: self.new_origin(origin.parse()?)?, key }
                } else {
                    let origin = self.new_origin(key.name().clone())?;
                    Next::Contact { key, origin, qpd: parse_qpd(wanted(Keyword::Qpd, line)?)? }
                }
            }
            Next::Qpd { key, origin } => {
                Next::Contact { key, origin, qpd: parse_qpd(wanted(Keyword::Qpd, line)?)? }
            }
            Next::Contact { key, origin, qpd } => {
                let contact = parse_contact(wanted(Keyword::Contact, line)?)?;
                self.owners.insert(key.public_key().to_vec(), origin.clone());
                self.enrolled.add(EnrolledLog { key, origin, qpd, contact });
                Next::Vkey
            }
        };
        Ok(())
    }

    /// The key of one log more, which no earlier log has.
    fn new_key(&self, vkey: &str) -> Result<VerifierKey, EnrolledFault> {
        if self.enrolled.logs.len() == LOGS_MAX {
            return Err(EnrolledFault::TooManyLogs);
        }
        let key: VerifierKey = vkey.parse()?;
        if key.key_type() != KeyType::Ed25519 {
            return Err(EnrolledFault::KeyType(key.key_type()));
        }
        match self.owners.get(key.public_key()) {
            Some(owner) => Err(EnrolledFault::DuplicateKey(owner.clone())),
            None => Ok(key),
        }
    }

    fn new_origin(&self, origin: KeyName) -> Result<KeyName, EnrolledFault> {
        match self.enrolled.get(&origin) {
            Some(_) => Err(EnrolledFault::DuplicateOrigin(origin)),
            None => Ok(origin),
        }
    }
}

/// What follows a keyword and one space; `None` for a line with another beginning.
fn value(keyword: Keyword, line: &str) -> Option<&str> {
    let value = line.strip_prefix(keyword.word())?.strip_prefix(' ')?;
    (!value.starts_with([' ', '\t'])).then_some(value)
}

fn wanted(keyword: Keyword, line: &str) -> Result<&str, EnrolledFault> {
    value(keyword, line).ok_or(EnrolledFault::Order { want: keyword })
}

fn parse_qpd(text: &str) -> Result<u32, EnrolledFault> {
    let number = encoding::parse_decimal(text)?;
    u32::try_from(number).ok().filter(|qpd| (1..=QPD_MAX).contains(qpd)).ok_or(EnrolledFault::Qpd(number))
}

fn parse_contact(text: &str) -> Result<String, EnrolledFault> {
    if text.len() > CONTACT_LEN_MAX {
        return Err(EnrolledFault::ContactTooLong { have: text.len() });
    }
    Ok(text.to_owned())
}
