//! Does a text hold a bearer token, a private key or somebody's API key?
//!
//! Such strings are refused in the fields of a record, which stay in the log for good; content that holds one is marked
//! and shown to few. Both need an answer that is seldom wrong: a digest, a UUID, a signature or a word like `task-force`
//! that were taken for a secret would refuse an honest record. So nothing is guessed from randomness alone. Every secret
//! that is known here begins with a mark that its issuer or its format gave it; what follows the mark must have the
//! alphabet and the length of the real thing, and be as varied (`ghp_xxxx…` in a manual is no token). A secret without a
//! mark, a password for instance, is not seen: this is a net, not a proof.
//!
//! Not taken for secrets: digests and public keys where a record names them ([`DIGEST_MEMBERS`]), an AWS access key id
//! alone (it is a name; CloudTrail shows it), public keys in PEM, certificates, the first line of a private key without
//! the key, UUIDs without `Bearer` before them.
//!
//! [`find`] looks for all marks in one pass and judges what follows each, looking no further ahead than a few hundred
//! bytes, or than a JWT's own length. What was found is told by kind and place; the secret itself is in no result.

mod fields;
mod http;
mod key;
mod rules;
mod shape;

use std::fmt;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, Input, MatchKind, Span, packed};

pub use fields::{CONTENT_MEMBERS, DIGEST_MEMBERS, find_in_fields};

/// What a secret looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A JSON Web Token (RFC 7519), or another object in the compact form of RFC 7515 or RFC 7516.
    Jwt,
    /// A private key: PEM (RFC 7468), OpenSSH, OpenPGP, age, minisign, signed note.
    PrivateKey,
    /// `Bearer` and a token (RFC 6750), or an `Authorization` with credentials (RFC 9110, section 11.6.2).
    Authorization,
    /// An API key or token with the mark of this issuer.
    ApiKey(&'static str),
    /// A token of Deedbook itself.
    DeedbookToken,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Jwt => f.write_str("a JSON Web Token"),
            Self::PrivateKey => f.write_str("a private key"),
            Self::Authorization => f.write_str("an authorization header or bearer token"),
            Self::ApiKey(issuer) => write!(f, "an API key or token of {issuer}"),
            Self::DeedbookToken => f.write_str("a token of this log"),
        }
    }
}

/// A secret that was found: what it looks like and where its mark begins, counted in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// What it looks like.
    pub kind: Kind,
    /// The byte at which its mark begins.
    pub at: usize,
}

/// The first secret in `text`.
pub fn find(text: &str) -> Option<Found> {
    find_in_bytes(text.as_bytes())
}

/// The first secret in `bytes`, which need not be text: content is whatever a producer saw.
pub fn find_in_bytes(bytes: &[u8]) -> Option<Found> {
    marks(bytes).find_map(|Mark { rule, from, to }| {
        let kind = rules::RULES[rule].judge(bytes, from, to)?;
        Some(Found { kind, at: from })
    })
}

/// A place where a secret may begin: the mark of a rule.
#[derive(Clone, Copy)]
struct Mark {
    rule: usize,
    from: usize,
    to: usize,
}

/// All marks in `bytes`, also those inside others.
fn marks(bytes: &[u8]) -> impl Iterator<Item = Mark> {
    let mut next = 0;
    std::iter::from_fn(move || {
        let found = SEARCHER.find(bytes, next)?;
        next = found.from + 1;
        Some(found)
    })
}

static SEARCHER: LazyLock<Searcher> = LazyLock::new(Searcher::new);

/// Looks for all marks at once: many bytes at a time where the processor can, else byte by byte.
struct Searcher {
    wide: Option<packed::Searcher>,
    narrow: AhoCorasick,
}

impl Searcher {
    #[allow(clippy::expect_used, reason = "the marks are constants, and a test searches for each")]
    fn new() -> Self {
        let marks = || rules::RULES.iter().map(|rule| rule.mark);
        let wide = packed::Config::new().heuristic_pattern_limits(false).builder().extend(marks()).build();
        let narrow = AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(marks());
        Self { wide, narrow: narrow.expect("a few dozen short marks make a searcher") }
    }

    /// The first mark that begins at `from` or later.
    fn find(&self, bytes: &[u8], from: usize) -> Option<Mark> {
        let found = match &self.wide {
            Some(wide) => wide.find_in(bytes, Span { start: from, end: bytes.len() }),
            None => self.narrow.find(Input::new(bytes).range(from..)),
        }?;
        Some(Mark { rule: found.pattern().as_usize(), from: found.start(), to: found.end() })
    }
}

#[cfg(test)]
mod tests {
    use testkit::airline;

    use super::*;

    #[test]
    fn a_mark_that_begins_inside_another_is_not_missed() {
        let found: Vec<_> = marks(b"eyAKIA-sk-sk-").map(|mark| mark.from).collect();
        assert_eq!(found, [0, 2, 7, 10]);
    }

    /// A processor without wide instructions finds the same.
    #[test]
    fn both_ways_to_search_find_the_same_marks() {
        let wide = Searcher::new();
        let narrow = Searcher { wide: None, ..Searcher::new() };
        let every_mark: Vec<_> = rules::RULES.iter().map(|rule| rule.mark).collect();
        for text in [airline::ndjson(), &every_mark.concat(), &every_mark.join(" "), "sk", ""] {
            let all = |searcher: &Searcher| {
                let mut next = 0;
                let found = std::iter::from_fn(|| {
                    let mark = searcher.find(text.as_bytes(), next)?;
                    next = mark.from + 1;
                    Some((mark.rule, mark.from, mark.to))
                });
                found.collect::<Vec<_>>()
            };
            assert_eq!(all(&wide), all(&narrow));
        }
    }
}
