//! A disclosure made piece by piece.

use sha2::{Digest, Sha256};

use super::error::within_limit;
use super::{DisclosureError, Form, FormCheck, SALT_BYTES, Sd};
use crate::base64url;
use crate::json::string;
use crate::limits::{CONTENT_BYTES_MAX, DISCLOSURE_NAME_BYTES_MAX};

/// Content is turned into text in steps of so many bytes, which bounds what is held besides what was asked for.
const STEP_BYTES: usize = 32 * 1024;

/// The one member of a value that is not text.
pub(super) const BYTES_MEMBER: &str = "base64url";

/// Makes the text of a disclosure from a content that comes in pieces, as pieces that can be stored as they come: the
/// whole is never held.
///
/// Each function appends to `out`, which may be emptied between two calls; all that was appended, in order, is the text.
/// The form must be known from the first byte on: [`Form::of`] tells it of a content that lies in memory, [`FormCheck`] of
/// one that is read twice. A wrong one is refused at the end, so a content has one disclosure for each salt and name.
/// After an error the text so far is worthless.
///
/// ```
/// use record::disclosure::{Disclosure, DisclosureWriter, Form};
///
/// let mut text = String::new();
/// let mut writer = DisclosureWriter::new([7; 16], "input", Form::Text, &mut text)?;
/// writer.write(b"{\"user_", &mut text)?;
/// writer.write(b"id\":42}", &mut text)?;
/// let sd = writer.finish(&mut text)?;
/// let at_once = Disclosure::make([7; 16], "input", b"{\"user_id\":42}")?;
/// assert_eq!((text.as_str(), sd), (at_once.text(), at_once.sd()));
/// # Ok::<(), record::disclosure::DisclosureError>(())
/// ```
pub struct DisclosureWriter {
    form: Form,
    check: FormCheck,
    content_bytes: usize,
    /// Content on its way into the JSON, where the form is bytes.
    value: Groups,
    /// JSON on its way into the text.
    json: Groups,
    digest: Sha256,
}

impl DisclosureWriter {
    /// Begins a disclosure. `salt` must be random, and never used for another content.
    ///
    /// # Errors
    /// [`DisclosureError::BadName`].
    pub fn new(
        salt: [u8; SALT_BYTES],
        name: &str,
        form: Form,
        out: &mut String,
    ) -> Result<Self, DisclosureError> {
        check_name(name)?;
        let mut json = Vec::with_capacity(name.len() + 64);
        json.extend_from_slice(b"[\"");
        json.extend_from_slice(base64url::encode(&salt).as_bytes());
        json.extend_from_slice(b"\",");
        string::print(name, &mut json);
        json.extend_from_slice(match form {
            Form::Text => b",\"",
            Form::Bytes => b",{\"base64url\":\"",
        });
        let mut writer = Self {
            form,
            check: FormCheck::default(),
            content_bytes: 0,
            value: Groups::default(),
            json: Groups::default(),
            digest: Sha256::new(),
        };
        writer.put(&json, out);
        Ok(writer)
    }

    /// Takes in the next piece of the content, cut anywhere.
    ///
    /// # Errors
    /// [`DisclosureError::TooLarge`]; [`DisclosureError::NotText`].
    pub fn write(&mut self, piece: &[u8], out: &mut String) -> Result<(), DisclosureError> {
        self.content_bytes = self.content_bytes.saturating_add(piece.len());
        within_limit("content", self.content_bytes, CONTENT_BYTES_MAX)?;
        for step in piece.chunks(STEP_BYTES) {
            match self.form {
                Form::Text => self.write_text(step, out)?,
                Form::Bytes => self.write_bytes(step, out),
            }
        }
        Ok(())
    }

    fn write_text(&mut self, step: &[u8], out: &mut String) -> Result<(), DisclosureError> {
        let mut quoted = Vec::with_capacity(step.len() + 16);
        let mut pieces = Vec::with_capacity(2);
        self.check.push_to(step, |text| {
            let from = quoted.len();
            string::print(text, &mut quoted);
            pieces.push(from + 1..quoted.len() - 1);
        });
        if !self.check.may_be_text() {
            return Err(DisclosureError::NotText);
        }
        pieces.into_iter().for_each(|inside| self.put(&quoted[inside], out));
        Ok(())
    }

    fn write_bytes(&mut self, step: &[u8], out: &mut String) {
        self.check.push(step);
        let mut json = String::with_capacity(step.len() / 3 * 4 + 8);
        self.value.push(step, &mut json);
        self.put(json.as_bytes(), out);
    }

    /// Ends the disclosure, and tells the digest of all that was appended.
    ///
    /// # Errors
    /// [`DisclosureError::NotText`] or [`DisclosureError::IsText`] for a content that has the other form.
    pub fn finish(mut self, out: &mut String) -> Result<Sd, DisclosureError> {
        match (self.form, self.check.form()) {
            (Form::Text, Form::Text) => self.put(b"\"]", out),
            (Form::Bytes, Form::Bytes) => {
                let mut json = String::new();
                std::mem::take(&mut self.value).finish(&mut json);
                json.push_str("\"}]");
                self.put(json.as_bytes(), out);
            }
            (Form::Text, Form::Bytes) => return Err(DisclosureError::NotText),
            (Form::Bytes, Form::Text) => return Err(DisclosureError::IsText),
        }
        let from = out.len();
        std::mem::take(&mut self.json).finish(out);
        self.digest.update(&out.as_bytes()[from..]);
        Ok(Sd::from_bytes(self.digest.finalize().into()))
    }

    fn put(&mut self, json: &[u8], out: &mut String) {
        let from = out.len();
        self.json.push(json, out);
        self.digest.update(&out.as_bytes()[from..]);
    }
}

impl std::fmt::Debug for DisclosureWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DisclosureWriter({:?}, {} bytes so far)", self.form, self.content_bytes)
    }
}

/// Refuses a name that no disclosure has.
pub(super) fn check_name(name: &str) -> Result<(), DisclosureError> {
    let fits = (1..=DISCLOSURE_NAME_BYTES_MAX).contains(&name.len());
    if !fits || matches!(name, "_sd" | "...") || string::noncharacter(name.as_bytes()).is_some() {
        return Err(DisclosureError::BadName);
    }
    Ok(())
}

/// Base64url of bytes that come in pieces: three bytes are four characters, and fewer wait for the next piece.
#[derive(Debug, Default)]
struct Groups {
    waiting: [u8; 3],
    waiting_bytes: usize,
}

impl Groups {
    fn push(&mut self, bytes: &[u8], out: &mut String) {
        let wanted = (3 - self.waiting_bytes) % 3;
        let (first, rest) = bytes.split_at(wanted.min(bytes.len()));
        self.wait(first);
        if self.waiting_bytes == 3 {
            base64url::encode_into(&self.waiting, out);
            self.waiting_bytes = 0;
        }
        let (whole, last) = rest.split_at(rest.len() / 3 * 3);
        base64url::encode_into(whole, out);
        self.wait(last);
    }

    fn wait(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.waiting[self.waiting_bytes] = byte;
            self.waiting_bytes += 1;
        }
    }

    fn finish(self, out: &mut String) {
        base64url::encode_into(&self.waiting[..self.waiting_bytes], out);
    }
}
