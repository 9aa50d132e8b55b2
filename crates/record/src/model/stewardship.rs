//! What keeps the log honest: coverage, gaps, keys, and who looked, erased or held.

use schemars::JsonSchema;
use serde::Deserialize;

use super::action::Content;
use super::session::Party;
use super::text::{Instant, Text};
use super::{Kind, Record};

/// What a producer promises to record
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
pub struct Coverage<'a> {
    /// The agents it speaks for; all that it names where the list is left out.
    #[serde(default, borrow)]
    pub agents: Vec<Text<'a>>,
    /// What it records: types of records, or words of the producer's own.
    #[serde(borrow)]
    pub records: Vec<Text<'a>>,
    /// What it cannot see.
    #[serde(default, borrow)]
    pub cannot_see: Vec<Text<'a>>,
}

/// What a producer lost
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
pub struct Gap<'a> {
    /// How many records.
    pub lost: u64,
    /// Why.
    #[serde(borrow)]
    pub reason: Text<'a>,
    /// Since when.
    #[serde(default)]
    pub from: Option<Instant>,
    /// Until when.
    #[serde(default)]
    pub to: Option<Instant>,
}

/// A key that came, changed or went
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
pub struct KeyChange<'a> {
    /// base64url(SHA-256(raw public key)).
    #[serde(borrow)]
    pub kid: Text<'a>,
    /// The raw public key, base64url; for keys that come.
    #[serde(default, borrow)]
    pub public: Option<Text<'a>>,
    /// `EdDSA`.
    #[serde(default, borrow)]
    pub alg: Option<Text<'a>>,
    /// Whose key it is.
    #[serde(default, borrow)]
    pub party: Option<Party<'a>>,
    /// As what the party signs with it.
    #[serde(default)]
    pub role: Option<KeyRole>,
    /// The key that it takes the place of.
    #[serde(default, borrow)]
    pub replaces: Option<Text<'a>>,
    /// Why it went.
    #[serde(default, borrow)]
    pub reason: Option<Text<'a>>,
}

impl Record<'_> {
    /// Whether it announces another key of the log itself, which signs checkpoints: nobody's records are judged by it, and
    /// whether it counts is for whoever follows the log's keys from one that they trust.
    pub fn announces_log_key(&self) -> bool {
        let role = self.key.as_ref().and_then(|change| change.role);
        self.kind == Kind::KeyRotated && role == Some(KeyRole::Log)
    }
}

/// As what a party signs
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyRole {
    /// As an agent.
    Agent,
    /// As one who approves.
    Approver,
    /// As a program that writes records.
    Producer,
    /// As the log.
    Log,
}

/// Who looked, or exported
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
pub struct Access<'a> {
    /// The credential.
    #[serde(borrow)]
    pub reader: Text<'a>,
    /// What kind of look.
    #[serde(borrow)]
    pub kind: Text<'a>,
    /// How often in this minute.
    pub count: u64,
    /// What was asked, beside the log.
    #[serde(default, borrow)]
    pub query: Option<Content<'a>>,
}

/// Who may submit or look, by which credential
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
pub struct Grant<'a> {
    /// The credential's public name; never the credential.
    #[serde(borrow)]
    pub credential: Text<'a>,
    /// Who has it.
    #[serde(borrow)]
    pub holder: Text<'a>,
    /// What it is for.
    #[serde(default, borrow)]
    pub roles: Vec<Text<'a>>,
    /// By whom it was given or taken.
    #[serde(borrow)]
    pub by: Text<'a>,
    /// When it ends by itself.
    #[serde(default)]
    pub expires: Option<Instant>,
}

/// What content was erased
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
pub struct Erased<'a> {
    /// Its digest.
    #[serde(borrow)]
    pub sd: Text<'a>,
    /// On which ground.
    #[serde(borrow)]
    pub ground: Text<'a>,
    /// By whom.
    #[serde(borrow)]
    pub by: Text<'a>,
}

/// What must not be erased
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
pub struct Hold<'a> {
    /// The hold's name.
    #[serde(borrow)]
    pub id: Text<'a>,
    /// On which ground.
    #[serde(borrow)]
    pub ground: Text<'a>,
    /// By whom.
    #[serde(borrow)]
    pub by: Text<'a>,
    /// Digests of the content it protects.
    #[serde(default, borrow)]
    pub sds: Vec<Text<'a>>,
    /// Or all content of this session.
    #[serde(default, borrow)]
    pub session: Option<Text<'a>>,
}

/// What a retention rule took
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
pub struct Retention<'a> {
    /// The rule.
    #[serde(borrow)]
    pub class: Text<'a>,
    /// Content of records before this moment.
    pub before: Instant,
    /// How many contents.
    pub count: u64,
}
