//! Disclosures taken apart.

use std::borrow::Cow;
use std::fmt;

use super::error::within_limit;
use super::writer::{BYTES_MEMBER, check_name};
use super::{Disclosure, DisclosureError, SALT_BYTES, Sd};
use crate::base64url;
use crate::json::{self, Value, string};
use crate::limits::{CONTENT_BYTES_MAX, DISCLOSURE_BYTES_MAX, DISCLOSURE_SALT_BYTES_MAX};

/// What a disclosure says.
#[derive(Clone, PartialEq, Eq)]
pub struct Opened {
    salt: Vec<u8>,
    name: String,
    content: Vec<u8>,
}

impl Opened {
    /// The salt: 16 bytes where it was made here, else 16 to
    /// [`DISCLOSURE_SALT_BYTES_MAX`].
    pub fn salt(&self) -> &[u8] {
        &self.salt
    }

    /// Which member of the record this is the content of.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The exact bytes of the content.
    pub fn content(&self) -> &[u8] {
        &self.content
    }

    /// The exact bytes of the content, taken.
    pub fn into_content(self) -> Vec<u8> {
        self.content
    }

    /// Whether [`Disclosure::make`] makes the same text of what it says, which no other text does.
    pub fn is_as_made_here(&self, text: &str) -> bool {
        let salt: Result<[u8; SALT_BYTES], _> = self.salt.as_slice().try_into();
        let made = salt.ok().and_then(|salt| Disclosure::make(salt, &self.name, &self.content).ok());
        made.is_some_and(|made| made.text() == text)
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opened({:?}, content of {} bytes)", self.name, self.content.len())
    }
}

/// Opens a disclosure, if it is the one whose digest the record holds.
///
/// # Errors
/// [`DisclosureError::OtherDigest`], before anything in the text is looked at; else as [`open`].
pub fn verify(text: &str, sd: &Sd) -> Result<Opened, DisclosureError> {
    within_limit("disclosure", text.len(), DISCLOSURE_BYTES_MAX)?;
    if Sd::of(text) != *sd {
        return Err(DisclosureError::OtherDigest);
    }
    open(text)
}

/// Opens a disclosure of an object's member, made by any implementation of RFC 9901.
///
/// # Errors
/// What the module's documentation excludes; [`DisclosureError::TooLarge`] for a text or a content over the
/// [limits](crate::limits).
pub fn open(text: &str) -> Result<Opened, DisclosureError> {
    within_limit("disclosure", text.len(), DISCLOSURE_BYTES_MAX)?;
    let json = base64url::decode(text.as_bytes()).ok_or(DisclosureError::NotBase64Url)?;
    let mut reader = Reader { json: &json, at: 0 };
    reader.mark(b'[', "`[`")?;
    let salt = read_salt(&reader.string("the salt, a string,")?)?;
    reader.mark(b',', "`,`")?;
    let name = reader.string("the name, a string,")?.into_owned();
    check_name(&name)?;
    reader.mark(b',', "`,`")?;
    let content = reader.content()?;
    reader.mark(b']', "`]`")?;
    reader.end()?;
    within_limit("content", content.len(), CONTENT_BYTES_MAX)?;
    Ok(Opened { salt, name, content })
}

fn read_salt(text: &str) -> Result<Vec<u8>, DisclosureError> {
    let salt = base64url::decode(text.as_bytes()).ok_or(DisclosureError::BadSalt)?;
    if (SALT_BYTES..=DISCLOSURE_SALT_BYTES_MAX).contains(&salt.len()) {
        return Ok(salt);
    }
    Err(DisclosureError::BadSalt)
}

/// Walks over the JSON of a disclosure, which is known by its shape: nothing else is ever built in memory.
struct Reader<'a> {
    json: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn content(&mut self) -> Result<Vec<u8>, DisclosureError> {
        const EXPECTED: &str = "the content, a string or {\"base64url\":\"...\"},";
        if self.peek() != Some(b'{') {
            return Ok(self.string(EXPECTED)?.into_owned().into_bytes());
        }
        self.at += 1;
        let member_at = self.at;
        if self.string(EXPECTED)? != BYTES_MEMBER {
            return Err(DisclosureError::NotATriple { expected: EXPECTED, at: member_at });
        }
        self.mark(b':', "`:`")?;
        let text = self.string("a string of base64url")?;
        self.mark(b'}', "`}`")?;
        base64url::decode(text.as_bytes()).ok_or(DisclosureError::BadContent)
    }

    fn string(&mut self, expected: &'static str) -> Result<Cow<'a, str>, DisclosureError> {
        if self.peek() != Some(b'"') {
            return Err(self.not_a_triple(expected));
        }
        let (from, to) = (self.at, self.string_end());
        self.at = to;
        match json::parse(&self.json[from..to]) {
            Ok(Value::String(text)) => Ok(text),
            Ok(_) => Err(DisclosureError::NotATriple { expected, at: from }),
            Err(refusal) => Err(DisclosureError::NotJson(refusal.within("", from))),
        }
    }

    /// The byte after the closing quote of the string that starts here; or the end of the JSON.
    fn string_end(&self) -> usize {
        let mut at = self.at + 1;
        loop {
            at = string::stop(self.json, at.min(self.json.len()));
            match self.json.get(at) {
                None => return at,
                Some(b'"') => return at + 1,
                Some(b'\\') => at += 2,
                Some(_) => at += 1,
            }
        }
    }

    fn mark(&mut self, byte: u8, expected: &'static str) -> Result<(), DisclosureError> {
        if self.peek() != Some(byte) {
            return Err(self.not_a_triple(expected));
        }
        self.at += 1;
        Ok(())
    }

    fn end(&mut self) -> Result<(), DisclosureError> {
        if self.peek().is_some() { Err(self.not_a_triple("the end")) } else { Ok(()) }
    }

    /// The next byte that is not white space.
    fn peek(&mut self) -> Option<u8> {
        while matches!(self.json.get(self.at), Some(b' ' | b'\n' | b'\t' | b'\r')) {
            self.at += 1;
        }
        self.json.get(self.at).copied()
    }

    fn not_a_triple(&self, expected: &'static str) -> DisclosureError {
        DisclosureError::NotATriple { expected, at: self.at }
    }
}
