//! All tokens of a log: found, added, revoked; and the text of the file that keeps them.
//!
//! A list never changes: what changes it makes another one. The file is JSON, strict, with the version 1.

use std::{collections::HashMap, fmt::Write as _, sync::Arc};

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use super::{BadToken, Denied, Moment, NewToken, Token, TokenId, secret::digest_of, token};
use crate::limits::TOKENS_MAX;

/// The version of the file that this program writes and reads.
const VERSION: u32 = 1;

/// The tokens of a log, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenList {
    tokens: Vec<Kept>,
    /// Places in `tokens`.
    places: HashMap<TokenId, usize>,
}

/// A token and what its bearer must show.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Kept {
    digest: [u8; 32],
    token: Arc<Token>,
}

/// Why the list cannot be changed so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// There cannot be such a token.
    #[error(transparent)]
    Bad(#[from] BadToken),
    /// All places are taken by tokens that are valid.
    #[error("the log has {TOKENS_MAX} tokens that are valid, and cannot hold more; revoke one first")]
    Full,
    /// Another token has this id; a new draw is another id.
    #[error("another token has this id")]
    IdTaken,
    /// There is no token with this id.
    #[error("the log has no token with this id")]
    Unknown,
}

/// Why a text is no list of tokens.
#[derive(Debug, thiserror::Error)]
pub enum BadList {
    /// Not JSON of this shape.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// Of another version.
    #[error("its version is {0}, and this program reads {VERSION}")]
    Version(u32),
    /// A digest that is none.
    #[error("a sha256 in it is not 64 hexadecimal digits, in lower case")]
    Digest,
    /// Two tokens with one id.
    #[error("two tokens in it have the id {0}")]
    Twice(TokenId),
    /// More than there may be.
    #[error("it has more than {TOKENS_MAX} tokens")]
    TooMany,
    /// One that cannot be.
    #[error("token {0} in it: {1}")]
    Token(TokenId, BadToken),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileText {
    v: u32,
    tokens: Vec<KeptText>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptText {
    /// SHA-256 of the token's text; its first eight digits are the token's id.
    sha256: String,
    name: String,
    roles: std::collections::BTreeSet<super::Role>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bindings: Option<super::Bindings>,
    created: Moment,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<Moment>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revoked: Option<Moment>,
}

impl TokenList {
    /// Every token, oldest first.
    pub fn tokens(&self) -> impl Iterator<Item = &Arc<Token>> {
        self.tokens.iter().map(|kept| &kept.token)
    }

    /// The token that a caller shows, if it is valid now.
    ///
    /// Found by its id, which is no secret; then all of its digest is compared, in the same time whatever it is.
    ///
    /// # Errors
    /// It is unknown, revoked or expired.
    pub fn bearer_of(&self, shown: &[u8], now: Moment) -> Result<Arc<Token>, Denied> {
        let digest = digest_of(shown);
        let place = self.places.get(&TokenId::of(&digest)).ok_or(Denied::Unknown)?;
        let kept = self.tokens.get(*place).ok_or(Denied::Unknown)?;
        if !bool::from(kept.digest.ct_eq(&digest)) {
            return Err(Denied::Unknown);
        }
        match &kept.token {
            token if token.revoked.is_some() => Err(Denied::Revoked),
            token if token.is_expired(now) => Err(Denied::Expired),
            token => Ok(token.clone()),
        }
    }

    /// The list with one token more. Where there is no room, the oldest one that is not valid any more is forgotten.
    ///
    /// # Errors
    /// There cannot be such a token, or no more of them.
    pub fn with(
        &self,
        new: NewToken,
        digest: [u8; 32],
        now: Moment,
    ) -> Result<(Self, Arc<Token>), ListError> {
        new.check(now)?;
        let id = TokenId::of(&digest);
        if self.places.contains_key(&id) {
            return Err(ListError::IdTaken);
        }
        let mut tokens = self.tokens.clone();
        if tokens.len() >= TOKENS_MAX {
            let over = tokens.iter().position(|kept| !kept.token.is_valid(now)).ok_or(ListError::Full)?;
            tokens.remove(over);
        }
        let NewToken { name, roles, bindings, expires } = new;
        let token = Arc::new(Token { id, name, roles, bindings, created: now, expires, revoked: None });
        tokens.push(Kept { digest, token: token.clone() });
        Ok((Self::of(tokens), token))
    }

    /// The list with this token revoked. One that was revoked before stays as it is.
    ///
    /// # Errors
    /// There is no such token.
    pub fn without(&self, id: TokenId, now: Moment) -> Result<(Self, Arc<Token>), ListError> {
        let place = *self.places.get(&id).ok_or(ListError::Unknown)?;
        let mut tokens = self.tokens.clone();
        let kept = tokens.get_mut(place).ok_or(ListError::Unknown)?;
        let revoked = kept.token.revoked.or(Some(now));
        kept.token = Arc::new(Token { revoked, ..Token::clone(&kept.token) });
        let token = kept.token.clone();
        Ok((Self::of(tokens), token))
    }

    fn of(tokens: Vec<Kept>) -> Self {
        let places = tokens.iter().enumerate().map(|(place, kept)| (kept.token.id, place)).collect();
        Self { tokens, places }
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// It is not what [`to_text`](Self::to_text) writes.
    pub fn parse(text: &[u8]) -> Result<Self, BadList> {
        let file: FileText = serde_json::from_slice(text)?;
        if file.v != VERSION {
            return Err(BadList::Version(file.v));
        }
        if file.tokens.len() > TOKENS_MAX {
            return Err(BadList::TooMany);
        }
        let list = Self::of(file.tokens.into_iter().map(KeptText::read).collect::<Result<_, _>>()?);
        let mut seen = std::collections::HashSet::new();
        let twice = list.tokens().map(|token| token.id).find(|id| !seen.insert(*id));
        twice.map_or(Ok(list), |id| Err(BadList::Twice(id)))
    }

    /// The text of the file.
    pub fn to_text(&self) -> Vec<u8> {
        let file = FileText { v: VERSION, tokens: self.tokens.iter().map(KeptText::of).collect() };
        // Maps with other keys than strings, which this has not, are all that cannot be written.
        let mut text = serde_json::to_vec_pretty(&file).unwrap_or_default();
        text.push(b'\n');
        text
    }
}

impl KeptText {
    fn of(kept: &Kept) -> Self {
        let Token { name, roles, bindings, created, expires, revoked, .. } = Token::clone(&kept.token);
        Self { sha256: hex(&kept.digest), name, roles, bindings, created, expires, revoked }
    }

    fn read(self) -> Result<Kept, BadList> {
        let digest = unhex(&self.sha256).ok_or(BadList::Digest)?;
        let id = TokenId::of(&digest);
        token::check(&self.name, &self.roles, self.bindings.as_ref())
            .map_err(|bad| BadList::Token(id, bad))?;
        let Self { name, roles, bindings, created, expires, revoked, .. } = self;
        Ok(Kept { digest, token: Arc::new(Token { id, name, roles, bindings, created, expires, revoked }) })
    }
}

fn hex(digest: &[u8; 32]) -> String {
    digest.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Lower case only.
fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() || pairs.len() != digest.len() {
        return None;
    }
    for (byte, pair) in digest.iter_mut().zip(pairs) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    (hex(&digest) == text).then_some(digest)
}

#[cfg(test)]
mod tests;
