//! Content beside the tree: disclosures in the form of RFC 9901, section 4.2.1, and their digests.
//!
//! ```text
//! disclosure = base64url( JSON [salt, name, value] )         the text that is stored, shown, withheld or erased
//! sd         = base64url( SHA-256( disclosure ) )            what a record holds instead of the content
//! ```
//!
//! `salt` is 128 random bits as 22 characters of base64url, so that nobody confirms a guess about the content. `name` says
//! which member of the record the content belongs to. `value` is the content, exact to the byte: a JSON string where the
//! bytes are UTF-8 that I-JSON can hold, else `{"base64url":"..."}`. UTF-8 with noncharacters (RFC 7493, section 2.1) is
//! not such a text, so it takes the second form and comes back as it was.
//!
//! # Made strictly, opened by the standard
//!
//! What is made here has one spelling: canonical JSON (RFC 8785) and the first [form](Form) that fits. What is opened may
//! have been made by any implementation of RFC 9901: other white space and escapes, longer salts. The digest is over the
//! text as given and nothing is ever printed again, so that no spelling can change what a digest stands for. Not opened
//! are: salts of fewer than 128 bits, the names `_sd` and `...` (RFC 9901, section 4.2.1), values of another kind than the
//! two, disclosures of array elements, and what this crate refuses in any JSON.
//!
//! No whole content is ever printed in `Debug` or in an error.

mod error;
mod form;
mod opened;
mod writer;

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::base64url;
use crate::limits::CONTENT_BYTES_MAX;

use error::within_limit;

pub use error::DisclosureError;
pub use form::{Form, FormCheck};
pub use opened::{Opened, open, verify};
pub use writer::DisclosureWriter;

/// Bytes of the salt of a disclosure that is made here.
pub const SALT_BYTES: usize = 16;

/// What a record holds in the place of content: SHA-256 of the disclosure's text. Its own text is 43 characters of
/// base64url.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sd([u8; 32]);

impl Sd {
    /// The digest of a disclosure, whatever is in it.
    pub fn of(disclosure: &str) -> Self {
        Self(Sha256::digest(disclosure).into())
    }

    /// The digest that is these 32 bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn to_bytes(self) -> [u8; 32] {
        self.0
    }
}

impl fmt::Display for Sd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(&self.0))
    }
}

impl fmt::Debug for Sd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sd({self})")
    }
}

impl FromStr for Sd {
    type Err = DisclosureError;

    fn from_str(text: &str) -> Result<Self, DisclosureError> {
        base64url::decode_array(text).map(Self).ok_or(DisclosureError::BadSd)
    }
}

/// The salt of a disclosure that was made here, in base64url, from the beginning of its text: 36 characters are enough.
pub fn salt_in(text: &str) -> Option<String> {
    let json = base64url::decode(text.get(..36)?.as_bytes())?;
    let salt = json.strip_prefix(b"[\"")?.get(..22)?;
    let salt = std::str::from_utf8(salt).ok()?;
    base64url::decode_array::<SALT_BYTES>(salt)?;
    Some(salt.to_owned())
}

/// A disclosure that was made here, and its digest.
#[derive(Clone, PartialEq, Eq)]
pub struct Disclosure {
    text: String,
    sd: Sd,
}

impl Disclosure {
    /// Discloses `content` as the member `name`. `salt` must be random, and never used for another content.
    ///
    /// # Errors
    /// [`DisclosureError::TooLarge`] for a content over [`CONTENT_BYTES_MAX`];
    /// [`DisclosureError::BadName`].
    pub fn make(salt: [u8; SALT_BYTES], name: &str, content: &[u8]) -> Result<Self, DisclosureError> {
        within_limit("content", content.len(), CONTENT_BYTES_MAX)?;
        let mut text = String::with_capacity(content.len() / 3 * 4 + 256);
        let mut writer = DisclosureWriter::new(salt, name, Form::of(content), &mut text)?;
        writer.write(content, &mut text)?;
        let sd = writer.finish(&mut text)?;
        Ok(Self { text, sd })
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text, taken.
    pub fn into_text(self) -> String {
        self.text
    }

    /// Its digest.
    pub fn sd(&self) -> Sd {
        self.sd
    }
}

impl fmt::Debug for Disclosure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Disclosure({} bytes, sd {})", self.text.len(), self.sd)
    }
}
