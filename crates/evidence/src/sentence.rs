//! What is said of a file: sentences in three classes.

use serde::Serialize;

/// What a sentence says of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// It was checked, and holds.
    Holds,
    /// It cannot be told from this file.
    CannotTell,
    /// It was checked, and does not hold.
    DoesNotHold,
}

/// What a sentence is about. Stable words for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// Whose word is believed.
    Trust,
    /// The signed checkpoint.
    Checkpoint,
    /// The log's keys that the file names.
    Keys,
    /// The policy that the file names.
    Policy,
    /// That the entries are in the log.
    Inclusion,
    /// That the entries are what was asked for.
    Answer,
    /// The records in the entries.
    Records,
    /// The contents.
    Disclosures,
    /// Signatures over records.
    Signatures,
    /// How complete the session is.
    Completeness,
    /// What the file may leave out.
    Omission,
    /// When things happened.
    Time,
    /// Who somebody is.
    Identity,
    /// Whether everybody is shown the same log.
    Witnesses,
}

/// A sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sentence {
    /// Its class.
    pub class: Class,
    /// What it is about.
    pub about: About,
    /// Whether no evidence file can tell it: such a sentence says nothing about this one.
    pub general: bool,
    /// The sentence, on one line, safe to be shown.
    pub words: String,
}

/// Sentences as they come.
#[derive(Debug, Default)]
pub(crate) struct Sentences(pub(crate) Vec<Sentence>);

impl Sentences {
    pub(crate) fn holds(&mut self, about: About, words: impl AsRef<str>) {
        self.push(Class::Holds, about, false, words.as_ref());
    }

    pub(crate) fn wrong(&mut self, about: About, words: impl AsRef<str>) {
        self.push(Class::DoesNotHold, about, false, words.as_ref());
    }

    pub(crate) fn cannot_tell(&mut self, about: About, words: impl AsRef<str>) {
        self.push(Class::CannotTell, about, false, words.as_ref());
    }

    /// What no file can tell.
    pub(crate) fn limit(&mut self, about: About, words: impl AsRef<str>) {
        self.push(Class::CannotTell, about, true, words.as_ref());
    }

    fn push(&mut self, class: Class, about: About, general: bool, words: &str) {
        // Whatever a record, a key or a file calls itself.
        self.0.push(Sentence { class, about, general, words: record::visible(words) });
    }
}

/// "1 record", "2 records".
pub(crate) fn things(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}
