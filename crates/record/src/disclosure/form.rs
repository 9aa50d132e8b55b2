//! Which of the two forms a content takes, told from its pieces.

use crate::json::string;

/// How a content stands in a disclosure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// As a JSON string: UTF-8 without noncharacters.
    Text,
    /// As `{"base64url":"..."}`: everything else.
    Bytes,
}

impl Form {
    /// The form of this content.
    pub fn of(content: &[u8]) -> Self {
        let mut check = FormCheck::default();
        check.push(content);
        check.form()
    }
}

/// Bytes of the longest character in UTF-8.
const CHAR_BYTES_MAX: usize = 4;

/// Tells the form of a content that comes in pieces, cut anywhere.
#[derive(Debug, Clone, Default)]
pub struct FormCheck {
    /// The beginning of a character whose rest is in the next piece.
    begun: [u8; CHAR_BYTES_MAX],
    begun_bytes: usize,
    is_bytes: bool,
}

impl FormCheck {
    /// Takes in the next piece.
    pub fn push(&mut self, piece: &[u8]) {
        self.push_to(piece, |_| ());
    }

    /// The form of all pieces so far, as if no more came.
    pub fn form(&self) -> Form {
        if self.may_be_text() && self.begun_bytes == 0 { Form::Text } else { Form::Bytes }
    }

    /// Whether nothing so far forbids that all of it is text.
    pub(super) fn may_be_text(&self) -> bool {
        !self.is_bytes
    }

    /// As [`push`](Self::push), and hands on the whole characters of this piece and the one that began before it.
    pub(super) fn push_to(&mut self, piece: &[u8], mut each: impl FnMut(&str)) {
        let mut piece = piece;
        while self.begun_bytes > 0 && !self.is_bytes {
            let Some((&next, rest)) = piece.split_first() else { return };
            piece = rest;
            // One character is never longer than the room for it: four bytes are valid UTF-8 or invalid, not begun.
            self.begun[self.begun_bytes] = next;
            let begun = self.begun;
            let bytes = self.begun_bytes + 1;
            self.begun_bytes = 0;
            self.take(&begun[..bytes], &mut each);
        }
        if !self.is_bytes {
            self.take(piece, &mut each);
        }
    }

    /// Hands on the text in `bytes`, which start with a character; keeps the beginning of one at their end.
    fn take(&mut self, bytes: &[u8], each: &mut impl FnMut(&str)) {
        let (text, rest) = match simdutf8::compat::from_utf8(bytes) {
            Ok(text) => (text, &bytes[bytes.len()..]),
            Err(error) if error.error_len().is_none() => {
                let (whole, rest) = bytes.split_at(error.valid_up_to());
                (std::str::from_utf8(whole).unwrap_or_default(), rest)
            }
            Err(_) => {
                self.is_bytes = true;
                return;
            }
        };
        if string::noncharacter(text.as_bytes()).is_some() {
            self.is_bytes = true;
            return;
        }
        self.begun[..rest.len()].copy_from_slice(rest);
        self.begun_bytes = rest.len();
        if !text.is_empty() {
            each(text);
        }
    }
}
