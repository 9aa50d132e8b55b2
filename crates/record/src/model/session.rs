//! Sessions, the authority they run under, and what was decided about it.

use schemars::JsonSchema;
use serde::Deserialize;

use super::action::Effect;
use super::approval::Mode;
use super::text::{Instant, Text};
use super::who::Actor;

/// A record's place in a session
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
pub struct SessionRef<'a> {
    /// The session.
    #[serde(borrow)]
    pub id: Text<'a>,
    /// The record's number in it, from 1, without gaps.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub seq: Option<u64>,
}

/// Somebody who decides, gives or takes: an issuer's word is optional
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
pub struct Party<'a> {
    /// The party's name.
    #[serde(borrow)]
    pub sub: Text<'a>,
    /// Who vouches for it.
    #[serde(default, borrow)]
    pub iss: Option<Text<'a>>,
}

/// Claims of a token (RFC 7519, RFC 8693), and the token's digest. The token itself goes nowhere.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
pub struct Token<'a> {
    /// Issuer.
    #[serde(default, borrow)]
    pub iss: Option<Text<'a>>,
    /// Subject.
    #[serde(default, borrow)]
    pub sub: Option<Text<'a>>,
    /// Client it was issued to.
    #[serde(default, borrow)]
    pub azp: Option<Text<'a>>,
    /// Its id.
    #[serde(default, borrow)]
    pub jti: Option<Text<'a>>,
    /// End of its life, in seconds since 1970 (RFC 7519, section 4.1.4).
    #[serde(default)]
    pub exp: Option<u64>,
    /// Who acts.
    #[serde(default, borrow)]
    pub act: Option<Actor<'a>>,
    /// base64url(SHA-256(token)).
    #[serde(default, borrow)]
    pub sha256: Option<Text<'a>>,
}

/// Which calls of a session need an approval, and whose
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
pub struct ApprovalPolicy<'a> {
    /// Whose; a human's where nothing is said.
    #[serde(default)]
    pub mode: Option<Mode>,
    /// Calls of these tools.
    #[serde(default, borrow)]
    pub tools: Vec<Text<'a>>,
    /// Calls with these effects.
    #[serde(default)]
    pub effects: Vec<Effect>,
}

/// How a session ended
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
pub struct Closed<'a> {
    /// Records of the session before this one.
    #[serde(default)]
    pub records: Option<u64>,
    /// base64url(SHA-256) of the canonical form of the last of them, as it was sent.
    #[serde(default, borrow)]
    pub last_sha256: Option<Text<'a>>,
    /// Why.
    #[serde(default, borrow)]
    pub reason: Option<Text<'a>>,
}

/// Authority handed from one actor to another
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
pub struct Delegation<'a> {
    /// Who gives.
    #[serde(borrow)]
    pub from: Party<'a>,
    /// Who receives.
    #[serde(borrow)]
    pub to: Party<'a>,
    /// What: words of the giver's own scope.
    #[serde(default, borrow)]
    pub scope: Option<Text<'a>>,
    /// Until when.
    #[serde(default)]
    pub expires: Option<Instant>,
    /// How the receiver was checked, in the producer's words.
    #[serde(default, borrow)]
    pub verified: Option<Text<'a>>,
}

/// Who denied a call, and why
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
pub struct Denial<'a> {
    /// Who.
    #[serde(default, borrow)]
    pub by: Option<Party<'a>>,
    /// Why, as a code.
    #[serde(borrow)]
    pub reason: Text<'a>,
}

/// What a policy decided
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
pub struct PolicyDecision<'a> {
    /// The answer.
    pub decision: PolicyOutcome,
    /// Which policy.
    #[serde(default, borrow)]
    pub id: Option<Text<'a>>,
    /// Its version.
    #[serde(default, borrow)]
    pub version: Option<Text<'a>>,
    /// How old the facts were that it looked at, in milliseconds.
    #[serde(default)]
    pub inputs_age_ms: Option<u64>,
}

/// The answer of a policy
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PolicyOutcome {
    /// Let through.
    Allow,
    /// Stopped.
    Deny,
    /// Let through, changed.
    Modify,
    /// A human has to be asked.
    Ask,
    /// Somebody else decides.
    Defer,
}
