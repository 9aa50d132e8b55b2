//! What a verification says: sentences, and the records where they may be shown.

use std::collections::BTreeMap;

use record::findings::Finding;
use record::story::Story;
use serde::Serialize;

use crate::form::{Made, Role};
use crate::question::Question;
use crate::sentence::{Class, Sentence};
use crate::standing::Standing;

/// What was found out about a file.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// What was asked, by the file's word.
    pub asked: Question,
    /// How the file came about, by its maker's word.
    pub made: Made,
    /// What holds, what does not, what cannot be told.
    pub sentences: Vec<Sentence>,
    /// The records: only where the checkpoint holds and each entry is proven to be under it.
    pub verified: Option<Verified>,
}

/// What is proven to be in a log.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Verified {
    /// Name of the log.
    pub origin: String,
    /// Number of its entries under the checkpoint.
    pub size: u64,
    /// Its root hash, base64.
    pub root: String,
    /// The key that signed, as a vkey.
    pub key: String,
    /// Witnesses of the policy whose cosignatures hold, and when they saw the checkpoint (seconds since 1970).
    pub witnesses: Vec<(String, u64)>,
    /// Whether a key from outside of the file was given; without one, the file only agrees with itself.
    pub trusted: bool,
    /// Whether the file carries every entry of the log.
    pub whole: bool,
    /// Number of entries in the file.
    pub entries: usize,
    /// The records that were read, in log order.
    pub records: Vec<Listed>,
    /// Findings on the answer, recomputed.
    pub findings: Vec<Judged>,
    /// Each place of a content beside the log.
    pub contents: Vec<Content>,
    /// The contents that are shown, by digest.
    pub shown: BTreeMap<String, Shown>,
    /// Each session in the answer, as a story.
    pub sessions: Vec<Story>,
}

/// A record in a line.
#[derive(Debug, Clone, Serialize)]
pub struct Listed {
    /// Index of the entry.
    pub index: u64,
    /// What it is in the file for.
    pub role: Role,
    /// Type of the record.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its id.
    pub id: String,
    /// When it happened, by the producer's word.
    pub time: String,
    /// When it arrived, by the log's word.
    pub received: String,
    /// Its session.
    pub session: Option<String>,
    /// How many signatures it carries.
    pub signatures: usize,
}

/// A finding, and what it is worth.
#[derive(Debug, Clone, Serialize)]
pub struct Judged {
    /// The rule.
    pub rule: &'static str,
    /// Its version.
    pub version: u32,
    /// The entry that shows it.
    pub index: u64,
    /// What is wrong.
    pub why: String,
    /// Name and value of the rule's parameter.
    pub parameter: Option<(&'static str, i64)>,
    /// The other entries that it rests on.
    pub rests_on: Vec<u64>,
    /// Whether what is not in the file could undo it.
    pub standing: Standing,
}

impl Judged {
    pub(crate) fn of(finding: &Finding, standing: Standing) -> Self {
        Self {
            rule: finding.rule.as_str(),
            version: finding.rule.version(),
            index: finding.index,
            why: finding.why.clone(),
            parameter: finding.parameter,
            rests_on: finding.rests_on.clone(),
            standing,
        }
    }
}

/// A place where a record holds the digest of a content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Content {
    /// Index of the entry.
    pub index: u64,
    /// Where in the record: a JSON pointer.
    pub path: &'static str,
    /// The digest.
    pub sd: String,
    /// Its length, by the record's word.
    pub bytes: Option<u64>,
    /// Its media type, by the record's word.
    pub media: Option<String>,
    /// Whether the log saw what looks like a secret in it.
    pub secret: bool,
    /// What this file says of it.
    #[serde(flatten)]
    pub state: State,
}

/// What a file says of a content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// It is shown, and is what the record names.
    Shown,
    /// It is not shown.
    Hidden,
    /// It is not shown, and a record in this file says that it was erased.
    Erased {
        /// Index of that record.
        at: u64,
        /// By whom.
        by: String,
        /// On which ground.
        ground: String,
    },
}

/// A content that is shown.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// Which member of a record it was disclosed as.
    pub name: String,
    /// How many bytes.
    pub bytes: usize,
    /// The content, where it is text.
    pub text: Option<String>,
    /// The content as base64url, where it is not.
    pub base64url: Option<String>,
}

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Shown({:?}, {} bytes)", self.name, self.bytes)
    }
}

impl Report {
    /// The worst of what was checked. What no file can tell does not count.
    pub fn class(&self) -> Class {
        let counted = self.sentences.iter().filter(|sentence| !sentence.general);
        counted.map(|sentence| sentence.class).max().unwrap_or(Class::CannotTell)
    }

    /// The sentences of a class, in the order in which they were found.
    pub fn of_class(&self, class: Class) -> impl Iterator<Item = &Sentence> {
        self.sentences.iter().filter(move |sentence| sentence.class == class)
    }
}

impl Verified {
    /// What a finding of a story is worth.
    pub fn standing(&self, rule: &str, index: u64) -> Option<Standing> {
        let mut same = self.findings.iter().filter(|found| found.rule == rule && found.index == index);
        same.next().map(|found| found.standing)
    }
}
