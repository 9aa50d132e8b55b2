//! Signed notes (C2SP signed-note): a text that people can read, and signatures over it by named keys.
//!
//! ```text
//! note     = text LF 1*100( sig-line )             text is not empty and ends with LF
//! sig-line = "— " name " " base64( key id[4] ‖ signature ) LF
//! ```
//!
//! What is signed is the text with its final LF and without the blank line. The text may hold blank lines: the
//! last one divides. Strict where programs differ: base64 must be canonical (Go takes non-zero bits after the last
//! byte, which makes two notes of one meaning), and one (name, key id) may not sign twice (Go looks at the first
//! only, others at the last). The limits on text and lines are those of Go's `sumdb/note`.

mod error;

use std::fmt::{self, Write as _};

use crate::cosignature::Timestamp;
use crate::encoding;
use crate::key::{KeyId, KeyName, Signer, VerifierKey};

pub use error::{NoteError, OpenError, SignatureError, SignatureLineError};

/// Longest text of a note, in bytes.
pub const TEXT_LEN_MAX: usize = 1_000_000;
/// Most signature lines on a note.
pub const SIGNATURES_MAX: usize = 100;

/// A text and the signatures that are claimed for it; nothing is verified yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<SignatureLine>,
}

impl Note {
    /// A note from its parts, under the same rules as [`Note::parse`].
    pub fn new(text: String, signatures: Vec<SignatureLine>) -> Result<Self, NoteError> {
        check_characters(text.as_bytes())?;
        check_text(&text)?;
        check_signatures(&signatures)?;
        Ok(Self { text, signatures })
    }

    /// A note with one signature.
    pub fn sign(text: String, signer: &Signer) -> Result<Self, NoteError> {
        let line = signer.sign(&text);
        Self::new(text, vec![line])
    }

    /// Reads a note. What is accepted prints back to the same bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        let note = std::str::from_utf8(bytes).map_err(|_| NoteError::NotUtf8)?;
        check_characters(bytes)?;
        let (text, lines) = split_at_last_blank_line(note)?;
        check_text(text)?;
        let signatures = parse_lines(lines)?;
        check_signatures(&signatures)?;
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// What is signed; ends with LF.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signature lines in their order, none of them verified.
    pub fn signatures(&self) -> &[SignatureLine] {
        &self.signatures
    }

    /// Checks the note against the keys one trusts.
    ///
    /// Lines by other keys are ignored. A line by a known (name, key id) that does not verify spoils the whole
    /// note, and at least one line must be by a known key (C2SP signed-note, verifying).
    pub fn open<'a>(
        &'a self,
        keys: impl IntoIterator<Item = &'a VerifierKey>,
    ) -> Result<OpenedNote<'a>, OpenError> {
        let keys: Vec<_> = keys.into_iter().collect();
        let mut signatures = Vec::new();
        for line in &self.signatures {
            if let Some(key) = line.key_among(&keys)? {
                let time = key.verify(&self.text, &line.signature).map_err(|cause| {
                    OpenError::BadSignature { name: line.name.clone(), id: line.id, cause }
                })?;
                signatures.push(VerifiedSignature { key, time });
            }
        }
        if signatures.is_empty() {
            return Err(OpenError::NoKnownSignature);
        }
        Ok(OpenedNote { text: &self.text, signatures })
    }
}

/// The note's bytes.
impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        f.write_char('\n')?;
        self.signatures.iter().try_for_each(|line| fmt::Display::fmt(line, f))
    }
}

/// One line under a note: who is said to have signed, and the signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureLine {
    name: KeyName,
    id: KeyId,
    signature: Vec<u8>,
}

impl SignatureLine {
    /// How each line starts: U+2014 EM DASH and a space.
    const PREFIX: &str = "\u{2014} ";

    /// A line by a key of which the signature is known not to be empty.
    pub(crate) fn by(key: &VerifierKey, signature: Vec<u8>) -> Self {
        Self { name: key.name().clone(), id: key.id(), signature }
    }

    /// Reads one line, given without its LF.
    pub fn parse(line: &str) -> Result<Self, SignatureLineError> {
        let line = line.strip_prefix(Self::PREFIX).ok_or(SignatureLineError::Prefix)?;
        let (name, blob) = line.split_once(' ').ok_or(SignatureLineError::Parts)?;
        let blob = encoding::parse_base64(blob)?;
        match blob.split_first_chunk() {
            Some((id, signature)) if !signature.is_empty() => {
                Ok(Self { name: name.parse()?, id: KeyId::from_bytes(*id), signature: signature.to_vec() })
            }
            _ => Err(SignatureLineError::TooShort { have: blob.len() }),
        }
    }

    /// Name of the key that is said to have signed.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// Id of the key that is said to have signed.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The bytes after the key id; what they mean depends on the type of the key.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// Whether the line claims to be by this key. What it claims is not checked here.
    pub fn claims(&self, key: &VerifierKey) -> bool {
        self.is_by(key.name(), key.id())
    }

    fn is_by(&self, name: &KeyName, id: KeyId) -> bool {
        self.id == id && self.name == *name
    }

    /// The one key among those known that the line claims.
    fn key_among<'a>(&self, keys: &[&'a VerifierKey]) -> Result<Option<&'a VerifierKey>, OpenError> {
        let mut claimed = keys.iter().filter(|key| self.claims(key));
        match (claimed.next(), claimed.next()) {
            (Some(key), Some(other)) if key != other => {
                Err(OpenError::AmbiguousKey { name: self.name.clone(), id: self.id })
            }
            (key, _) => Ok(key.copied()),
        }
    }
}

/// The line with its LF.
impl fmt::Display for SignatureLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let blob = [self.id.as_bytes(), self.signature.as_slice()].concat();
        writeln!(f, "{}{} {}", Self::PREFIX, self.name, encoding::base64(&blob))
    }
}

/// A note of which at least one signature was verified. Made by [`Note::open`] only.
#[derive(Clone, Debug)]
pub struct OpenedNote<'a> {
    text: &'a str,
    signatures: Vec<VerifiedSignature<'a>>,
}

impl<'a> OpenedNote<'a> {
    /// What was signed; ends with LF.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// The verified signatures in the order of their lines; never empty.
    pub fn signatures(&self) -> &[VerifiedSignature<'a>] {
        &self.signatures
    }

    /// The verified signature by `key`, if there is one.
    pub fn signature_by(&self, key: &VerifierKey) -> Option<VerifiedSignature<'a>> {
        self.signatures.iter().find(|signature| signature.key == key).copied()
    }
}

/// A signature that was verified. Made by [`Note::open`] only.
#[derive(Clone, Copy, Debug)]
pub struct VerifiedSignature<'a> {
    key: &'a VerifierKey,
    time: Option<Timestamp>,
}

impl<'a> VerifiedSignature<'a> {
    /// Who signed.
    pub fn key(&self) -> &'a VerifierKey {
        self.key
    }

    /// When, by the signer's own clock; cosignatures only.
    pub fn time(&self) -> Option<Timestamp> {
        self.time
    }
}

/// Reads signature lines, each with its LF; how many there are, and whether two are by one key, is not checked.
pub(crate) fn parse_lines(lines: &str) -> Result<Vec<SignatureLine>, NoteError> {
    let lines = lines.strip_suffix('\n').ok_or(NoteError::NoSignatures)?;
    // One more line than is allowed is enough to know.
    (1..)
        .zip(lines.split('\n').take(SIGNATURES_MAX + 1))
        .map(|(line, text)| {
            SignatureLine::parse(text).map_err(|cause| NoteError::SignatureLine { line, cause })
        })
        .collect()
}

/// DEL and C1 controls are not excluded by the specification.
fn check_characters(bytes: &[u8]) -> Result<(), NoteError> {
    match bytes.iter().position(|b| *b < b' ' && *b != b'\n') {
        Some(at) => Err(NoteError::ControlCharacter { at, byte: bytes[at] }),
        None => Ok(()),
    }
}

/// The text keeps the first LF of the two, the lines start after the second.
fn split_at_last_blank_line(note: &str) -> Result<(&str, &str), NoteError> {
    let at = note.rfind("\n\n").ok_or(NoteError::NoBlankLine)?;
    Ok((&note[..=at], &note[at + 2..]))
}

fn check_text(text: &str) -> Result<(), NoteError> {
    if !text.ends_with('\n') {
        return Err(NoteError::TextUnfinished);
    }
    if text.len() > TEXT_LEN_MAX {
        return Err(NoteError::TextTooLong { have: text.len() });
    }
    Ok(())
}

pub(crate) fn check_signatures(lines: &[SignatureLine]) -> Result<(), NoteError> {
    if lines.is_empty() {
        return Err(NoteError::NoSignatures);
    }
    if lines.len() > SIGNATURES_MAX {
        return Err(NoteError::TooManySignatures);
    }
    for (at, line) in lines.iter().enumerate() {
        if lines[..at].iter().any(|earlier| earlier.is_by(&line.name, line.id)) {
            return Err(NoteError::DuplicateSignature { name: line.name.clone(), id: line.id });
        }
    }
    Ok(())
}
