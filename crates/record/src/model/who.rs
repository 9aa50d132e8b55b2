//! Who: the principal, the agent, whoever acts, and the program that wrote the record.

use schemars::JsonSchema;
use serde::Deserialize;

use super::text::{Masked, Text};
use crate::limits::ACTORS_MAX;

/// The human or service on whose behalf something is done
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
pub struct Principal<'a> {
    /// Who vouches for `sub`: the issuer (RFC 7519, section 4.1.1).
    #[serde(borrow)]
    pub iss: Text<'a>,
    /// The principal's name there; a pseudonym will do.
    #[serde(borrow)]
    pub sub: Text<'a>,
    /// What people call it. It stays in the log for good unless it is hidden.
    #[serde(default, borrow)]
    pub name: Option<Masked<'a>>,
}

/// The agent that acts
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
pub struct Agent<'a> {
    /// Its name, the same in every run.
    #[serde(borrow)]
    pub sub: Text<'a>,
    /// Version of its code.
    #[serde(default, borrow)]
    pub version: Option<Text<'a>>,
    /// This run of it.
    #[serde(default, borrow)]
    pub run: Option<Text<'a>>,
    /// The model that decides for it.
    #[serde(default, borrow)]
    pub model: Option<Text<'a>>,
}

/// Who acts now, and inside it who acted before on whose behalf (RFC 8693, section 4.1)
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
pub struct Actor<'a> {
    /// The actor's name.
    #[serde(borrow)]
    pub sub: Text<'a>,
    /// Who vouches for `sub`.
    #[serde(default, borrow)]
    pub iss: Option<Text<'a>>,
    /// The actor before this one.
    #[serde(default, borrow)]
    pub act: Option<Box<Actor<'a>>>,
}

impl<'a> Actor<'a> {
    /// The chain: who acts now first, who was first to act last. Stops after [`ACTORS_MAX`]; longer ones are refused.
    pub fn chain(&self) -> impl Iterator<Item = &Actor<'a>> {
        std::iter::successors(Some(self), |actor| actor.act.as_deref()).take(ACTORS_MAX + 1)
    }
}

/// The program that wrote the record
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
pub struct Producer<'a> {
    /// Its name; with the record's id the idempotency key.
    #[serde(borrow)]
    pub id: Text<'a>,
    /// The record's number among all of this producer, without gaps.
    #[serde(default)]
    pub seq: Option<u64>,
}
