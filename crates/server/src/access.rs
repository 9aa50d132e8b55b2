//! Who asks, and what a token is for.
//!
//! A log is served either [`Access::Open`], which asks nobody who they are and is for trying out, or under tokens. A
//! [`Secret`] is what a caller shows; the log keeps its digest and what it is for, a [`Token`], in a [`TokenList`]. Which
//! route needs which [`Role`] is in one table, [`crate::rights`]; the layer `guard` holds every request against
//! it.
//!
//! Everything here but [`Tokens`] is a pure function: time and chance are arguments.

mod bindings;
mod list;
mod moment;
mod role;
mod secret;
mod token;
mod tokens;

use std::sync::Arc;

use axum::http::{HeaderMap, header};

pub use bindings::{Anybody, Bindings, Named};
pub use list::{BadList, ListError, TokenList};
pub use moment::Moment;
pub use role::Role;
pub(crate) use role::any_of;
pub use secret::{NotAToken, Secret};
pub use token::{BadToken, NewToken, Token, TokenId};
pub use tokens::{Keep, Made, Tokens, TokensError};

/// The submitter that is noted where nobody is asked who they are. No token has this name.
pub const OPEN_SUBMITTER: &str = "open";

/// Whom a log is served to.
pub enum Access {
    /// To whoever reaches it.
    Open,
    /// To whoever shows a token with the right role; what needs none, to everybody.
    Tokens(Tokens),
}

/// Who asks.
#[derive(Clone, Debug)]
pub enum Caller {
    /// Somebody, where nobody is asked who they are.
    Anybody,
    /// The bearer of this token.
    Bearer(Arc<Token>),
}

/// Why a request is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Denied {
    /// It shows no token.
    None,
    /// It shows one that the log does not know.
    Unknown,
    /// It shows one whose time is over.
    Expired,
    /// It shows one that was revoked.
    Revoked,
    /// It shows one that has none of the roles that are needed.
    Role,
}

impl Denied {
    /// The stable name, for metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Unknown => "unknown",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Role => "role",
        }
    }
}

impl Access {
    /// Lets a caller in who has one of these roles.
    ///
    /// # Errors
    /// Why not.
    pub fn let_in(&self, headers: &HeaderMap, roles: &[Role], now: Moment) -> Result<Caller, Denied> {
        let Self::Tokens(tokens) = self else { return Ok(Caller::Anybody) };
        let token = tokens.list().bearer_of(shown(headers)?, now)?;
        if token.roles.iter().any(|role| roles.contains(role)) {
            Ok(Caller::Bearer(token))
        } else {
            Err(Denied::Role)
        }
    }
}

impl Caller {
    /// The submitter that is noted for what this caller submits.
    pub fn submitter(&self) -> &str {
        match self {
            Self::Anybody => OPEN_SUBMITTER,
            Self::Bearer(token) => &token.name,
        }
    }

    /// Whether he is shown content that holds what looks like a secret.
    pub(crate) fn sees_secrets(&self) -> bool {
        match self {
            Self::Anybody => true,
            Self::Bearer(token) => token.roles.contains(&Role::Admin),
        }
    }

    /// Who looks, as it is noted: the holder of the token, and which token.
    pub(crate) fn reader(&self) -> String {
        match self {
            Self::Anybody => OPEN_SUBMITTER.to_owned(),
            Self::Bearer(token) => format!("{} ({})", token.name, token.id),
        }
    }
}

/// Names that no token has: they stand for nobody, and for the log itself.
pub(crate) const RESERVED: [&str; 2] = [OPEN_SUBMITTER, crate::clerk::SUBMITTER];

/// The token that a request shows (RFC 6750 section 2.1). Two are none: which one would count?
fn shown(headers: &HeaderMap) -> Result<&[u8], Denied> {
    let mut fields = headers.get_all(header::AUTHORIZATION).iter();
    let field = fields.next().ok_or(Denied::None)?.as_bytes();
    let (scheme, token) = field.split_at_checked(b"Bearer ".len()).ok_or(Denied::None)?;
    if !scheme.eq_ignore_ascii_case(b"Bearer ") {
        return Err(Denied::None);
    }
    if fields.next().is_some() { Err(Denied::Unknown) } else { Ok(token) }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_request_shows_one_token_after_the_word_bearer() {
        for (fields, expected) in [
            (&["Bearer abc"][..], Ok(&b"abc"[..])),
            (&["bearer abc"], Ok(b"abc")),
            (&[], Err(Denied::None)),
            (&["Basic YTpi"], Err(Denied::None)),
            (&["abc"], Err(Denied::None)),
            (&["Bearerabc"], Err(Denied::None)),
            (&["Bearer "], Ok(b"")),
            (&["Bearer abc", "Bearer abc"], Err(Denied::Unknown)),
        ] {
            let mut headers = HeaderMap::new();
            for field in fields {
                headers.append(header::AUTHORIZATION, HeaderValue::from_static(field));
            }
            assert_eq!(shown(&headers), expected, "{fields:?}");
        }
    }
}
