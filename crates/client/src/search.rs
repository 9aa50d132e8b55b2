//! Records by who, what and when: `GET /v1/records?...`, asked and read.
//!
//! What comes back is the log's word. A receipt (`GET /v1/records/{index}`), a session told from verified entries or an
//! evidence file says whether it is to be believed.

use bytes::Bytes;
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use crate::http::{Http, HttpError};

/// Records that one answer holds, at most.
pub const LIMIT_MAX: u64 = 1_000;
/// Records that one answer holds if nobody says.
const LIMIT: u64 = 50;
/// Bytes of an answer for each record, at most: an entry of 65,535 bytes as a JSON string, and what stands around it.
const RECORD_BYTES_MAX: usize = 2 * 65_535 + 4_096;

macro_rules! fields {
    ($($(#[$doc:meta])* $name:ident $word:literal,)*) => {
        /// What a record is found by.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Field {
            $($(#[$doc])* $name,)*
        }

        impl Field {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The parameter.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }
        }
    };
}

fields! {
    /// On whose behalf: `iss|sub` of the principal.
    Principal "principal",
    /// `sub` of the principal, whoever vouches for it.
    User "user",
    /// What a principal is called.
    Name "name",
    /// The agent that acts.
    Agent "agent",
    /// Anybody in the chain of actors.
    Actor "actor",
    /// The session.
    Session "session",
    /// The tool.
    Tool "tool",
    /// Who offers the tool.
    Server "server",
    /// What a call is about.
    Target "target",
    /// Who approved or denied.
    Approver "approver",
    /// The mode of an approval.
    Approval "approval",
    /// How a call ended.
    Outcome "outcome",
    /// A rule that the record breaks.
    Finding "finding",
    /// The program that wrote the record.
    Producer "producer",
    /// The type of the record.
    Type "type",
    /// The trace id.
    Trace "trace",
    /// The call's name within its session.
    Action "action",
    /// The record's id.
    Record "record",
    /// The id of the record that an approval binds.
    Bound "bound",
    /// Whose a key is that comes, changes or goes.
    Party "party",
    /// A key that comes, changes or goes, by its id.
    Key "key",
}

/// In which order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// The newest first.
    #[default]
    Newest,
    /// The oldest first.
    Oldest,
}

/// What is asked: all of it must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Question {
    /// Fields, and the value that each must have.
    pub all: Vec<(Field, String)>,
    /// Received at or after this moment (RFC 3339, UTC, milliseconds).
    pub from: Option<String>,
    /// Received before this moment.
    pub to: Option<String>,
    /// From this entry on.
    pub first: Option<u64>,
    /// Before this entry.
    pub end: Option<u64>,
    /// In which order.
    pub order: Order,
    /// So many at most; the log's own default if left out.
    pub limit: Option<u64>,
    /// Where the answer before ended.
    pub cursor: Option<u64>,
    /// Wait until the lookups answer for so many entries.
    pub at_least: Option<u64>,
}

/// What the log answers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Found {
    /// Entries of the log that the answer speaks for.
    pub size: u64,
    /// Entries that are published and not in the lookups yet.
    pub behind: u64,
    /// What was found, in the order asked for.
    pub records: Vec<FoundRecord>,
    /// Where to go on; `None` where there is no more.
    #[serde(default)]
    pub cursor: Option<u64>,
}

/// One record that was found.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FoundRecord {
    /// Index of the entry.
    pub index: u64,
    /// The entry as text: the record in its envelope.
    pub entry: String,
    /// Rules that it breaks, as far as findings are known.
    #[serde(default)]
    pub findings: Vec<String>,
}

/// An answer: as it was read, and as it was served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// What it says.
    pub found: Found,
    /// Its bytes.
    pub body: Bytes,
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// No useful answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// There is nothing to ask.
    #[error("there is no search at {0}: it is a log of raw entries, or another kind of server")]
    NoSearch(String),
    /// The answer is none.
    #[error("the log's answer cannot be read: {0}")]
    Answer(String),
}

impl Question {
    /// The query, without the `?`. What is in a value stays a value.
    pub fn query(&self) -> String {
        let mut query = Serializer::new(String::new());
        for (field, value) in &self.all {
            query.append_pair(field.as_str(), value);
        }
        for (name, moment) in [("from", &self.from), ("to", &self.to)] {
            query.extend_pairs(moment.iter().map(|moment| (name, moment)));
        }
        if self.order == Order::Oldest {
            query.append_pair("order", "oldest");
        }
        let numbers = [
            ("first", self.first),
            ("end", self.end),
            ("limit", self.limit),
            ("cursor", self.cursor),
            ("at_least", self.at_least),
        ];
        for (name, number) in numbers {
            query.extend_pairs(number.map(|number| (name, number.to_string())));
        }
        query.finish()
    }

    /// Bytes of its answer, at most.
    fn answer_bytes_max(&self) -> usize {
        let records = self.limit.unwrap_or(LIMIT).min(LIMIT_MAX) as usize;
        (records + 1) * RECORD_BYTES_MAX
    }
}

/// Asks a log.
///
/// # Errors
/// See [`SearchError`].
pub async fn search(http: &Http, question: &Question) -> Result<Answered, SearchError> {
    let (path, limit) = (format!("v1/records?{}", question.query()), question.answer_bytes_max());
    let body = http.get(&path, limit).await?;
    let body = body.ok_or_else(|| SearchError::NoSearch(http.prefix().to_string()))?;
    if body.len() > limit {
        return Err(HttpError::TooLarge { url: http.prefix().to_string(), limit }.into());
    }
    let found = serde_json::from_slice(&body).map_err(|error| SearchError::Answer(error.to_string()))?;
    Ok(Answered { found, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_a_value_stays_in_it() {
        for evil in ["x&user=bob", "a=b", "#", "?", "../../etc/passwd", "\u{0}\n", "%00", "+ ", "💥", ""] {
            let question = Question {
                all: vec![(Field::Target, evil.to_owned()), (Field::Type, "t".to_owned())],
                limit: Some(7),
                ..Question::default()
            };
            let query = question.query();
            let read: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).collect();
            let pairs = [("target", evil), ("type", "t"), ("limit", "7")];
            assert_eq!(read, pairs.map(|(name, value)| (name.into(), value.into())), "{query}");
            assert!(
                query.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#' && byte != b'?'),
                "{query}"
            );
        }
    }

    #[test]
    fn every_part_of_a_question_is_asked() {
        let question = Question {
            all: vec![],
            from: Some("2026-11-23T08:14:03.118Z".into()),
            to: Some("2026-11-24T00:00:00.000Z".into()),
            first: Some(1),
            end: Some(2),
            order: Order::Oldest,
            limit: Some(3),
            cursor: Some(4),
            at_least: Some(5),
        };
        assert_eq!(
            question.query(),
            "from=2026-11-23T08%3A14%3A03.118Z&to=2026-11-24T00%3A00%3A00.000Z&order=oldest&first=1&end=2&limit=3&cursor=4&at_least=5"
        );
        assert_eq!(Question::default().query(), "");
    }
}
