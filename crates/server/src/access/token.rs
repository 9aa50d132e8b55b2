//! What the log keeps of a token, and what may be asked for.

use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use utoipa::ToSchema;

use super::{Bindings, Moment, OPEN_SUBMITTER, RESERVED, Role};
use crate::clerk::SUBMITTER;
use crate::limits::{BINDING_BYTES_MAX, BINDINGS_PER_TOKEN_MAX, TOKEN_NAME_BYTES_MAX};

/// The public name of a token: the first eight hexadecimal digits of its SHA-256.
///
/// So whoever finds a token somewhere can tell which one leaked: `printf %s TOKEN | sha256sum`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId([u8; 4]);

impl TokenId {
    /// The name of the token with this digest.
    pub fn of(digest: &[u8; 32]) -> Self {
        let [a, b, c, d, ..] = *digest;
        Self([a, b, c, d])
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", u32::from_be_bytes(self.0))
    }
}

/// A text that is no id of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the id of a token is eight hexadecimal digits, such as 0a1b2c3d")]
pub struct NotAnId;

impl FromStr for TokenId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let id = Self(u32::from_str_radix(text, 16).map_err(|_| NotAnId)?.to_be_bytes());
        if id.to_string() == text { Ok(id) } else { Err(NotAnId) }
    }
}

impl Serialize for TokenId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TokenId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// A token as everybody may see it who manages tokens
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Token {
    /// The first eight hexadecimal digits of the token's SHA-256.
    #[schema(value_type = String, example = "0a1b2c3d")]
    pub id: TokenId,
    /// Who has it: what is noted as `log.submitter` in entries.
    pub name: String,
    /// What it is for.
    pub roles: BTreeSet<Role>,
    /// For whom it may speak; on submitters only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bindings: Option<Bindings>,
    /// When it was made: RFC 3339, UTC, milliseconds.
    #[schema(value_type = String)]
    pub created: Moment,
    /// From when on it is not taken any more, if there is such a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub expires: Option<Moment>,
    /// When it was revoked, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub revoked: Option<Moment>,
}

impl Token {
    /// Whether its time is over.
    pub fn is_expired(&self, now: Moment) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    /// Whether it is neither revoked nor expired.
    pub fn is_valid(&self, now: Moment) -> bool {
        self.revoked.is_none() && !self.is_expired(now)
    }
}

/// What a token is to be
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// Who is to have it: what will be noted as `log.submitter` in entries. Several tokens may have one name, so that
    /// a new one can be in use before the old one is revoked.
    pub name: String,
    /// What it is for; one role or more.
    pub roles: BTreeSet<Role>,
    /// For whom it may speak; must be said for a submitter, and for nobody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bindings: Option<Bindings>,
    /// From when on it is not taken any more: RFC 3339, UTC, milliseconds; never, if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub expires: Option<Moment>,
}

/// Why there cannot be such a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadToken {
    /// A name that cannot stand in an entry.
    #[error(
        "a token's name has 1 to {TOKEN_NAME_BYTES_MAX} bytes, no control characters and no noncharacters, and is neither \
         {OPEN_SUBMITTER:?}, which stands for nobody, nor {SUBMITTER:?}, which is the log itself"
    )]
    Name,
    /// No role.
    #[error("a token needs a role: submitter, investigator, auditor or admin")]
    NoRole,
    /// A submitter that may speak for nobody knows whom.
    #[error(
        "a submitter's token must say for which producers, agents and principals it may speak: lists, or \"*\""
    )]
    Unbound,
    /// Somebody who does not submit, and may speak for somebody.
    #[error("producers, agents and principals are for tokens with the role submitter")]
    NotASubmitter,
    /// `*` beside other values, or in a list.
    #[error("* stands alone, for everybody; it cannot be one of several values")]
    Star,
    /// A value of no length, or too long.
    #[error("a producer, agent or principal has 1 to {BINDING_BYTES_MAX} bytes")]
    Binding,
    /// Too many values.
    #[error("a token is bound to at most {BINDINGS_PER_TOKEN_MAX} producers, agents or principals each")]
    TooManyBindings,
    /// A token that was never good for anything.
    #[error("the token would have expired already")]
    Expired,
}

impl NewToken {
    /// Whether there can be such a token.
    pub(crate) fn check(&self, now: Moment) -> Result<(), BadToken> {
        check(&self.name, &self.roles, self.bindings.as_ref())?;
        if self.expires.is_some_and(|expires| expires <= now) { Err(BadToken::Expired) } else { Ok(()) }
    }
}

/// What holds for every token.
pub(crate) fn check(name: &str, roles: &BTreeSet<Role>, bindings: Option<&Bindings>) -> Result<(), BadToken> {
    if name.len() > TOKEN_NAME_BYTES_MAX || RESERVED.contains(&name) || !record::is_submitter(name) {
        return Err(BadToken::Name);
    }
    if roles.is_empty() {
        return Err(BadToken::NoRole);
    }
    match bindings {
        None if roles.contains(&Role::Submitter) => Err(BadToken::Unbound),
        Some(_) if !roles.contains(&Role::Submitter) => Err(BadToken::NotASubmitter),
        Some(bindings) => bindings.check(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(change: impl FnOnce(&mut NewToken)) -> Result<(), BadToken> {
        let roles = [Role::Submitter].into();
        let mut new = NewToken { name: "crm".into(), roles, bindings: Some(Bindings::ANY), expires: None };
        change(&mut new);
        new.check(Moment::from_ms(1_000))
    }

    #[test]
    fn what_a_token_may_be() {
        assert_eq!(asked(|_| {}), Ok(()));
        assert_eq!(asked(|new| new.expires = Some(Moment::from_ms(1_001))), Ok(()));
        assert_eq!(asked(|new| new.expires = Some(Moment::from_ms(1_000))), Err(BadToken::Expired));
        assert_eq!(asked(|new| new.bindings = None), Err(BadToken::Unbound));
        assert_eq!(asked(|new| new.roles = [Role::Auditor].into()), Err(BadToken::NotASubmitter));
        assert_eq!(asked(|new| new.roles.clear()), Err(BadToken::NoRole));
        for name in ["", "open", "deedbook", "a\nb", "\u{ffff}", &"x".repeat(TOKEN_NAME_BYTES_MAX + 1)] {
            assert_eq!(asked(|new| new.name = name.into()), Err(BadToken::Name), "{name:?}");
        }
    }

    #[test]
    fn an_id_has_one_spelling() {
        let id = TokenId([0, 0x1b, 0x2c, 0x3d]);
        assert_eq!((id.to_string().as_str(), "001b2c3d".parse()), ("001b2c3d", Ok(id)));
        for bent in ["1b2c3d", "001B2C3D", "+01b2c3d", "001b2c3d0", "", "0x1b2c3d"] {
            assert_eq!(bent.parse::<TokenId>(), Err(NotAnId), "{bent}");
        }
    }
}
