//! What can happen: the types of records.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer};

use super::text::Text;

/// One line a type: the name here, the word in a record, its group.
macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident $word:literal $group:ident,)*) => {
        /// The type of a record.
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Kind<'a> {
            $($(#[$doc])* $name,)*
            /// A type of the user's own, which begins with `x-`.
            Own(Text<'a>),
        }

        impl Kind<'_> {
            /// The words of all types but the users' own.
            pub const WORDS: &'static [&'static str] = &[$($word),*];

            /// The word in the record.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$name => $word,)*
                    Self::Own(word) => word,
                }
            }

            /// Which fields such a record needs.
            pub fn group(&self) -> Group {
                match self {
                    $(Self::$name => Group::$group,)*
                    Self::Own(_) => Group::Own,
                }
            }

            fn known(word: &str) -> Option<Kind<'static>> {
                match word {
                    $($word => Some(Kind::$name),)*
                    _ => None,
                }
            }
        }
    };
}

kinds! {
    /// A session begins.
    SessionOpened "session.opened" Session,
    /// A session ends.
    SessionClosed "session.closed" Session,
    /// Authority is handed on.
    DelegationGranted "delegation.granted" Delegation,
    /// Authority is taken back.
    DelegationRevoked "delegation.revoked" Delegation,
    /// A call is about to be made: written before it runs.
    ActionRequested "action.requested" Action,
    /// A call has ended.
    ActionCompleted "action.completed" Action,
    /// A call was not let through.
    ActionDenied "action.denied" Action,
    /// Somebody was asked.
    ApprovalRequested "approval.requested" Approval,
    /// Somebody answered.
    ApprovalDecided "approval.decided" Approval,
    /// A policy answered.
    PolicyDecided "policy.decided" Policy,
    /// A producer says what it records.
    CoverageDeclared "coverage.declared" Coverage,
    /// A producer says what it lost.
    GapDeclared "gap.declared" Coverage,
    /// A key is known from now on.
    KeyRegistered "key.registered" Key,
    /// A key takes another's place.
    KeyRotated "key.rotated" Key,
    /// A key counts no longer.
    KeyRevoked "key.revoked" Key,
    /// Somebody looked.
    AccessRead "access.read" Oversight,
    /// Somebody took evidence away.
    AccessExported "access.exported" Oversight,
    /// Somebody may submit or look from now on.
    AccessGranted "access.granted" Oversight,
    /// He may no longer.
    AccessRevoked "access.revoked" Oversight,
    /// Content was erased.
    PayloadErased "payload.erased" Oversight,
    /// Content must be kept.
    HoldPlaced "hold.placed" Oversight,
    /// It need not be kept any longer.
    HoldReleased "hold.released" Oversight,
    /// A retention rule ran.
    RetentionApplied "retention.applied" Oversight,
}

/// Whether a record of this type announces, replaces or revokes a key.
pub fn announces_key(word: &str) -> bool {
    Kind::known(word).is_some_and(|kind| kind.group() == Group::Key)
}

/// What types of records have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Group {
    /// Sessions.
    Session,
    /// Authority handed on.
    Delegation,
    /// Calls.
    Action,
    /// Approvals.
    Approval,
    /// Decisions of policies.
    Policy,
    /// What producers promise and lose.
    Coverage,
    /// Keys.
    Key,
    /// Looking, erasing, holding.
    Oversight,
    /// The users' own.
    Own,
}

impl fmt::Display for Kind<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Kind<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = Text::deserialize(deserializer)?;
        match Kind::known(&word) {
            Some(kind) => Ok(kind),
            None if word.starts_with("x-") => Ok(Kind::Own(word)),
            None => Err(de::Error::custom("no such type of record; types of your own begin with x-")),
        }
    }
}

impl JsonSchema for Kind<'_> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Kind".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "enum": Kind::WORDS }, { "type": "string", "pattern": "^x-." }] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_the_type_it_names() {
        for word in Kind::WORDS {
            let json = format!("\"{word}\"");
            let kind: Kind<'_> = serde_json::from_str(&json).unwrap();
            assert_eq!((kind.as_str(), kind.group() == Group::Own), (*word, false));
        }
        let own: Kind<'_> = serde_json::from_str("\"x-lunch\"").unwrap();
        assert_eq!((own.as_str(), own.group()), ("x-lunch", Group::Own));
    }

    #[test]
    fn other_words_are_none() {
        for word in ["", "lunch", "Action.requested", "action.requested ", "action", "xx-lunch", "X-lunch"] {
            assert!(serde_json::from_str::<Kind<'_>>(&format!("\"{word}\"")).is_err(), "{word}");
        }
    }
}
