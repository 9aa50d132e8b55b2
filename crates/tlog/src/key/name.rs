//! Names of keys, which are also the origins of logs.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Name of a key: the origin of a log, or the name of a witness (C2SP signed-note).
///
/// Not empty, at most 255 bytes of UTF-8, without Unicode white space, `+` or control characters. Names look like
/// URLs without a scheme, but are only ever compared, never fetched. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(Arc<str>);

impl KeyName {
    /// Longest name in bytes. An ML-DSA cosignature holds the length in one byte (C2SP tlog-cosignature).
    pub const LEN_MAX: usize = 255;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyName {
    type Err = KeyNameError;

    fn from_str(name: &str) -> Result<Self, KeyNameError> {
        if name.is_empty() {
            return Err(KeyNameError::Empty);
        }
        if name.len() > Self::LEN_MAX {
            return Err(KeyNameError::TooLong { have: name.len() });
        }
        match name.chars().find(|c| c.is_whitespace() || *c < ' ' || *c == '+') {
            Some(found) => Err(KeyNameError::Character { found }),
            None => Ok(Self(name.into())),
        }
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Why a text cannot be the name of a key. Whoever chose the name is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyNameError {
    /// No characters.
    #[error("a name must not be empty")]
    Empty,
    /// More than [`KeyName::LEN_MAX`] bytes.
    #[error("a name has at most {max} bytes, this one has {have}", max = KeyName::LEN_MAX)]
    TooLong {
        /// Bytes found.
        have: usize,
    },
    /// White space, `+`, or a control character below U+0020.
    #[error("a name must not contain {found:?}")]
    Character {
        /// The first character that is not allowed.
        found: char,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_divide_or_vanish_are_refused() {
        for (name, found) in [
            ("a b", ' '),
            ("a+b", '+'),
            ("a\tb", '\t'),
            ("a\nb", '\n'),
            ("a\rb", '\r'),
            ("a\0b", '\0'),
            ("a\u{1b}b", '\u{1b}'),
            ("a\u{85}b", '\u{85}'),
            ("a\u{a0}b", '\u{a0}'),
            ("a\u{2003}b", '\u{2003}'),
            ("a\u{3000}b", '\u{3000}'),
        ] {
            assert_eq!(name.parse::<KeyName>(), Err(KeyNameError::Character { found }), "{name:?}");
        }
        assert_eq!("".parse::<KeyName>(), Err(KeyNameError::Empty));
        assert_eq!("x".repeat(256).parse::<KeyName>(), Err(KeyNameError::TooLong { have: 256 }));
    }

    #[test]
    fn odd_names_that_stay_one_word_are_taken() {
        for name in [
            "PeterNeumann",
            "log.example.org/agents-1",
            "Prüfer.example",
            "a—b",
            "oid/1.3.6.1",
            &"x".repeat(255),
        ] {
            assert_eq!(name.parse::<KeyName>().map(|n| n.to_string()).as_deref(), Ok(name));
        }
    }
}
