//! What was asked of a log.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use record::model::Record;
use serde::{Deserialize, Serialize};

use crate::limits::{ASKED_MAX, SIZE_MAX, TEXT_BYTES_MAX};

/// What a file answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Question {
    /// Everything of one session.
    Session(String),
    /// The entries at these indexes: ranges that ascend and do not touch.
    Entries(Vec<Range>),
    /// The records with these ids, ascending.
    Records(Vec<String>),
    /// What a search found: names of its parameters and their values.
    Query(BTreeMap<String, String>),
}

/// Entries from an index to another, both of them included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Range(pub u64, pub u64);

impl Question {
    /// The question for these ranges, brought into order and joined where they touch.
    pub fn entries(mut ranges: Vec<Range>) -> Self {
        ranges.sort_unstable();
        let mut joined: Vec<Range> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match joined.last_mut() {
                Some(last) if range.0 <= last.1.saturating_add(1) => last.1 = last.1.max(range.1),
                _ => joined.push(range),
            }
        }
        Self::Entries(joined)
    }

    /// The question for these ids, each once and in order.
    pub fn records(mut ids: Vec<String>) -> Self {
        ids.sort_unstable();
        ids.dedup();
        Self::Records(ids)
    }

    /// Whether this entry is among what was asked; of a query that cannot be told.
    pub fn asks_for(&self, index: u64, record: &Record<'_>) -> Option<bool> {
        match self {
            Self::Session(id) => {
                Some(record.session.as_ref().is_some_and(|session| session.id == *id.as_str()))
            }
            Self::Entries(ranges) => Some(ranges.iter().any(|range| (range.0..=range.1).contains(&index))),
            Self::Records(ids) => Some(ids.binary_search(&record.id.to_string()).is_ok()),
            Self::Query(_) => None,
        }
    }

    /// Whether the question is one, in its one spelling.
    ///
    /// # Errors
    /// Why not, in words.
    pub fn check(&self) -> Result<(), &'static str> {
        let fits = |text: &str| (1..=TEXT_BYTES_MAX).contains(&text.len());
        let some = |count: usize| (1..=ASKED_MAX).contains(&count);
        let sound = match self {
            Self::Session(id) => fits(id),
            Self::Entries(ranges) => {
                let apart = ranges.is_sorted_by(|a, b| a.1.saturating_add(1) < b.0);
                some(ranges.len())
                    && apart
                    && ranges.iter().all(|range| range.0 <= range.1 && range.1 < SIZE_MAX)
            }
            Self::Records(ids) => {
                let ids_are = ids.iter().all(|id| id.parse::<record::RecordId>().is_ok());
                some(ids.len()) && ids_are && ids.is_sorted_by(|a, b| a < b)
            }
            Self::Query(pairs) => {
                some(pairs.len()) && pairs.iter().all(|(name, value)| is_name(name) && fits(value))
            }
        };
        if sound { Ok(()) } else { Err("what was asked is not in order, or not within the limits") }
    }
}

fn is_name(name: &str) -> bool {
    let plain = name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_');
    plain && (1..=64).contains(&name.len())
}

impl FromStr for Range {
    type Err = &'static str;

    /// `7` or `7-12`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "an index is a number, and a range two of them, the smaller first: 7 or 7-12";
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
            text.parse::<u64>().ok().filter(|index| digits && *index < SIZE_MAX).ok_or(WRONG)
        };
        let (from, to) = text.split_once('-').unwrap_or((text, text));
        let range = Self(number(from)?, number(to)?);
        if range.0 <= range.1 { Ok(range) } else { Err(WRONG) }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == self.1 { write!(f, "{}", self.0) } else { write!(f, "{} to {}", self.0, self.1) }
    }
}

/// The question in words; what others wrote is shown safely.
impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |items: Vec<String>| items.join(", ");
        match self {
            Self::Session(id) => write!(f, "all records of session \"{}\"", record::visible(id)),
            Self::Entries(ranges) => {
                write!(f, "the entries at {}", list(ranges.iter().map(ToString::to_string).collect()))
            }
            Self::Records(ids) => write!(f, "the records {}", ids.join(", ")),
            Self::Query(pairs) => {
                let pair =
                    |(name, value): (&String, &String)| format!("{name} \"{}\"", record::visible(value));
                write!(f, "the records found by {}", list(pairs.iter().map(pair).collect()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_strictly_and_joined() {
        let read = |text: &str| text.parse::<Range>();
        assert_eq!((read("7"), read("7-12")), (Ok(Range(7, 7)), Ok(Range(7, 12))));
        for wrong in ["", "-", "7-", "-7", "12-7", "+7", "7-12-13", "9007199254740991", "x", " 7"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        let joined = Question::entries(vec![Range(9, 9), Range(1, 3), Range(4, 5), Range(2, 3)]);
        assert_eq!(joined, Question::Entries(vec![Range(1, 5), Range(9, 9)]));
        assert_eq!((joined.check(), joined.to_string()), (Ok(()), "the entries at 1 to 5, 9".to_owned()));
    }

    #[test]
    fn what_is_not_in_its_one_spelling_is_no_question() {
        let query = |name: &str, value: &str| Question::Query([(name.into(), value.into())].into());
        for wrong in [
            Question::Session(String::new()),
            Question::Entries(vec![]),
            Question::Entries(vec![Range(3, 2)]),
            Question::Entries(vec![Range(1, 2), Range(3, 4)]),
            Question::Records(vec!["x".into()]),
            query("", "x"),
            query("Agent", "x"),
            query("agent", ""),
        ] {
            assert!(wrong.check().is_err(), "{wrong:?}");
        }
        assert!(query("agent", "x").check().is_ok());
    }
}
