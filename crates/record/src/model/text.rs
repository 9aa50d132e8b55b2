//! Strings and times of the typed record.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::limits::NAME_BYTES_MAX;
use crate::time;

/// A string that is not empty and at most [`NAME_BYTES_MAX`] bytes long; borrowed where it has no escapes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text<'a>(Cow<'a, str>);

impl Text<'_> {
    /// The string.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for Text<'_> {
    fn eq(&self, other: &str) -> bool {
        *self.0 == *other
    }
}

impl PartialEq<&str> for Text<'_> {
    fn eq(&self, other: &&str) -> bool {
        *self.0 == **other
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

struct TextVisitor;

impl TextVisitor {
    fn check<E: de::Error>(text: &str) -> Result<(), E> {
        match text.len() {
            0 => Err(E::custom("this string must not be empty")),
            1..=NAME_BYTES_MAX => Ok(()),
            long => Err(E::custom(format_args!(
                "this string has {long} bytes, and {NAME_BYTES_MAX} are allowed; content goes into input or output"
            ))),
        }
    }
}

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Text<'de>, E> {
        Self::check(text)?;
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Text<'de>, E> {
        Self::check(text)?;
        Ok(Text(Cow::Owned(text.to_owned())))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor)
    }
}

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl JsonSchema for Text<'_> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1, "maxLength": NAME_BYTES_MAX })
    }
}

/// A string that may stand beside the log: itself, or the digest of its disclosure
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Masked<'a> {
    /// In the record, for good.
    Plain(#[serde(borrow)] Text<'a>),
    /// Beside the log.
    Hidden(#[serde(borrow)] Hidden<'a>),
}

impl Masked<'_> {
    /// The string, where it stands in the record.
    pub fn plain(&self) -> Option<&str> {
        match self {
            Self::Plain(text) => Some(text),
            Self::Hidden(_) => None,
        }
    }
}

/// The digest of a disclosure in the place of what it discloses (RFC 9901, section 4.2.3)
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
pub struct Hidden<'a> {
    /// base64url(SHA-256(disclosure)), 43 characters.
    #[serde(borrow)]
    pub sd: Text<'a>,
}

/// A moment: RFC 3339, UTC, exactly milliseconds, such as `2026-11-23T08:14:03.118Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant {
    ms: i64,
}

impl Instant {
    /// Milliseconds since 1970-01-01T00:00:00Z; before it negative.
    pub const fn unix_ms(self) -> i64 {
        self.ms
    }

    /// The moment that many milliseconds after 1970-01-01T00:00:00Z, where it has a spelling: years 0 to 9999.
    pub fn from_unix_ms(ms: i64) -> Option<Self> {
        time::spell(ms).map(|_| Self { ms })
    }

    /// The moment in its one spelling.
    pub fn parse(text: &str) -> Option<Self> {
        time::unix_ms(text.as_bytes()).map(|ms| Self { ms })
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What was made here has a spelling.
        f.write_str(&time::spell(self.ms).unwrap_or_default())
    }
}

struct InstantVisitor;

impl Visitor<'_> for InstantVisitor {
    type Value = Instant;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Instant, E> {
        Instant::parse(text).ok_or_else(|| {
            E::custom("the time must be a real UTC time with exactly milliseconds, such as 2026-11-23T08:14:03.118Z")
        })
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(InstantVisitor)
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Instant {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Instant".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": "date-time",
            "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$"
        })
    }
}
