//! The text that a caller shows: 256 random bits, and a checksum that tells a cut copy from an unknown token.
//!
//! `dbk_` and 48 characters of base64url: 32 random bytes, then the first 4 bytes of their SHA-256. Only the SHA-256 of
//! the whole text is ever kept. A slow hash is for passwords, which can be guessed; 256 random bits cannot, however fast
//! each guess is checked.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// What every token begins with, so that a person or a scanner for leaks knows one.
const PREFIX: &str = "dbk_";
/// Random bytes.
const RANDOM_BYTES: usize = 32;
/// Bytes of the checksum.
const CHECK_BYTES: usize = 4;

/// A token's text. Wiped when it is dropped, and never shown by `Debug`.
pub struct Secret(Zeroizing<String>);

/// A text that is no token: another thing, or a copy that was cut or altered on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no token of a log (dbk_ and 48 characters); copy it again, whole")]
pub struct NotAToken;

impl Secret {
    /// A token from 32 bytes of good randomness, which are the caller's to fetch (and to wipe).
    pub fn new(random: &[u8; RANDOM_BYTES]) -> Self {
        let mut bytes = Zeroizing::new([0; RANDOM_BYTES + CHECK_BYTES]);
        bytes[..RANDOM_BYTES].copy_from_slice(random);
        bytes[RANDOM_BYTES..].copy_from_slice(&check_of(random));
        // Room for all of it at once: a text that grows leaves copies behind.
        let mut text = Zeroizing::new(String::with_capacity(PREFIX.len() + 48));
        text.push_str(PREFIX);
        BASE64_URL_SAFE_NO_PAD.encode_string(*bytes, &mut text);
        Self(text)
    }

    /// Reads a token.
    ///
    /// # Errors
    /// It is none, or not a whole one.
    pub fn parse(text: &str) -> Result<Self, NotAToken> {
        let encoded = text.strip_prefix(PREFIX).ok_or(NotAToken)?;
        let bytes = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.decode(encoded).map_err(|_| NotAToken)?);
        let (random, check) = bytes.split_first_chunk::<RANDOM_BYTES>().ok_or(NotAToken)?;
        if check == check_of(random) { Ok(Self(Zeroizing::new(text.to_owned()))) } else { Err(NotAToken) }
    }

    /// The text, to be handed to whoever is to show it.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    pub fn digest(&self) -> [u8; 32] {
        digest_of(self.0.as_bytes())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// SHA-256 of what a caller shows.
pub(crate) fn digest_of(shown: &[u8]) -> [u8; 32] {
    Sha256::digest(shown).into()
}

fn check_of(random: &[u8; RANDOM_BYTES]) -> [u8; CHECK_BYTES] {
    let [a, b, c, d, ..] = digest_of(random);
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_back_and_a_bent_or_cut_one_is_not() {
        let secret = Secret::new(&[7; 32]);
        let text = secret.text().to_owned();
        assert_eq!((text.len(), &text[..4]), (52, PREFIX));
        assert_eq!(Secret::parse(&text).unwrap().digest(), secret.digest());
        for at in 0..text.len() {
            assert_eq!(Secret::parse(&text[..at]).map(drop), Err(NotAToken), "cut at {at}");
            let mut bent = text.clone().into_bytes();
            bent[at] = if bent[at] == b'x' { b'y' } else { b'x' };
            assert_eq!(
                Secret::parse(std::str::from_utf8(&bent).unwrap()).map(drop),
                Err(NotAToken),
                "bent at {at}"
            );
        }
        assert_eq!(Secret::parse(&format!("{text}\n")).map(drop), Err(NotAToken));
        assert_eq!(format!("{secret:?}"), "Secret");
    }

    #[test]
    fn the_text_of_a_token_is_as_documented() {
        let known = "dbk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABmaHqt";
        assert_eq!(
            Secret::new(&[0; 32]).text(),
            known,
            "and `printf %s TOKEN | sha256sum` begins with its id"
        );
    }
}
