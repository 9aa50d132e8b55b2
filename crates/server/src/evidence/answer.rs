//! Which entries belong into a file, found by the lookups.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use evidence::{Gathered, Gathering, Lead, Question, Range, TooMany};
use lookup::{Entry, Lookups, Order, Query, keys::Kind};
use sequencer::{beside::Digest, reader::Reader};

use super::Asked;
use crate::{
    limits::EVIDENCE_ENTRIES_MAX,
    problem::{Code, Problem},
    search,
};

/// Entries by their indexes.
type Numbered = BTreeMap<u64, Bytes>;

/// Looks through the first `size` entries of a log.
pub(super) struct Finding<'a> {
    pub(super) lookups: &'a Lookups,
    pub(super) reader: &'a Reader,
    pub(super) size: u64,
}

impl Finding<'_> {
    /// The answer, and all that it rests on. Blocks.
    pub(super) fn gather(&self, asked: &Asked) -> Result<Gathered, Box<Problem>> {
        let answer = self.answer(asked)?;
        if answer.is_empty() {
            let detail = format!("The log of {} entries does not hold {}.", self.size, asked.question());
            return Err(Problem::new(Code::NotFound, detail));
        }
        let findings = self.lookups.findings_of(answer.keys().copied());
        let of_answer = answer.iter().map(|(index, entry)| (*index, &entry[..]));
        let gathering = Gathering::answered(asked.question().clone(), of_answer, findings, self.size);
        self.rest(gathering.map_err(too_many)?)
    }

    /// Follows every lead, and those that come up on the way.
    fn rest(&self, mut gathering: Gathering) -> Result<Gathered, Box<Problem>> {
        let (mut followed, mut found) = (BTreeSet::new(), Numbered::new());
        loop {
            let new: Vec<Lead> = gathering.leads().difference(&followed).cloned().collect();
            if new.is_empty() {
                return Ok(gathering.finish());
            }
            for lead in &new {
                found.extend(self.follow(lead)?);
                within(found.len())?;
            }
            followed.extend(new);
            for (index, entry) in &found {
                gathering.take(*index, entry).map_err(too_many)?;
            }
        }
    }

    fn answer(&self, asked: &Asked) -> Result<Numbered, Box<Problem>> {
        match asked {
            Asked::Plain(Question::Session(id)) => self.all(&[(Kind::Session, id)]),
            Asked::Plain(Question::Entries(ranges)) => self.ranges(ranges),
            Asked::Plain(Question::Records(ids)) => {
                let mut all = Numbered::new();
                for id in ids {
                    let found = self.all(&[(Kind::Record, id)])?;
                    if found.is_empty() {
                        let detail = format!("The log of {} entries holds no record {id}.", self.size);
                        return Err(Problem::new(Code::NotFound, detail));
                    }
                    all.extend(found);
                }
                Ok(all)
            }
            Asked::Search(_, query) => self.every((**query).clone()),
            Asked::Plain(Question::Query(_)) => Ok(Numbered::new()),
        }
    }

    fn ranges(&self, ranges: &[Range]) -> Result<Numbered, Box<Problem>> {
        let asked = ranges.iter().fold(0_u64, |sum, range| sum.saturating_add(range.1 - range.0 + 1));
        within(usize::try_from(asked).unwrap_or(usize::MAX))?;
        let mut all = Numbered::new();
        for index in ranges.iter().flat_map(|range| range.0..=range.1) {
            let entry = self.entry(index)?.ok_or_else(|| {
                let detail = format!("The log of {} entries holds no entry {index} (yet).", self.size);
                Problem::new(Code::NotFound, detail)
            })?;
            all.insert(index, entry);
        }
        Ok(all)
    }

    fn follow(&self, lead: &Lead) -> Result<Numbered, Box<Problem>> {
        match lead {
            Lead::Key(kid) => self.all(&[(Kind::Key, kid)]),
            Lead::KeysOf(party) => self.all(&[(Kind::Party, party)]),
            Lead::Coverage(producer) => self.types(&[(Kind::Producer, producer)], &["coverage.declared"]),
            Lead::Authority(session) => {
                let types = ["session.opened", "delegation.granted", "delegation.revoked"];
                self.types(&[(Kind::Session, session)], &types)
            }
            Lead::Call { session, id } if session.is_empty() => self.all(&[(Kind::Action, id)]),
            Lead::Call { session, id } => self.all(&[(Kind::Session, session), (Kind::Action, id)]),
            Lead::Bound(id) => self.all(&[(Kind::Bound, id)]),
            Lead::Record(id) => self.all(&[(Kind::Record, id)]),
            Lead::Erasure(sd) => self.erasure(sd),
            Lead::Entry(index) => self.numbered(*index),
        }
    }

    fn erasure(&self, sd: &str) -> Result<Numbered, Box<Problem>> {
        let Ok(sd) = sd.parse::<record::Sd>() else { return Ok(Numbered::new()) };
        let erasure = self.reader.erasure(Digest(sd.to_bytes()));
        match erasure.map_err(|error| Problem::internal(&error))? {
            Some(erasure) => self.numbered(erasure.who.index),
            None => Ok(Numbered::new()),
        }
    }

    fn numbered(&self, index: u64) -> Result<Numbered, Box<Problem>> {
        Ok(self.entry(index)?.map(|entry| (index, entry)).into_iter().collect())
    }

    fn entry(&self, index: u64) -> Result<Option<Bytes>, Box<Problem>> {
        if index >= self.size {
            return Ok(None);
        }
        self.reader.entry(index).map_err(|error| Problem::internal(&error))
    }

    /// What has these keys, and one of these types.
    fn types(&self, keys: &[(Kind, &str)], types: &[&str]) -> Result<Numbered, Box<Problem>> {
        let mut all = Numbered::new();
        for name in types {
            all.extend(self.all(&[keys, &[(Kind::Type, name)]].concat())?);
        }
        Ok(all)
    }

    fn all(&self, keys: &[(Kind, &str)]) -> Result<Numbered, Box<Problem>> {
        let all = keys.iter().map(|(kind, value)| (*kind, (*value).to_owned())).collect();
        self.every(Query { all, order: Order::Oldest, ..Query::default() })
    }

    /// All that a query finds, page by page.
    fn every(&self, mut query: Query) -> Result<Numbered, Box<Problem>> {
        query.indexes.end = query.indexes.end.min(self.size);
        // What was understood of an entry is not needed here, and larger than the entry.
        let kept = |entry: Entry| (entry.index(), entry.into_bytes());
        let found = search::every(self.lookups, self.reader, query, EVIDENCE_ENTRIES_MAX, kept)?;
        let (found, _) = found.ok_or_else(|| too_many(TooMany))?;
        Ok(found.into_iter().collect())
    }
}

fn within(count: usize) -> Result<(), Box<Problem>> {
    if count <= EVIDENCE_ENTRIES_MAX { Ok(()) } else { Err(too_many(TooMany)) }
}

fn too_many(_: TooMany) -> Box<Problem> {
    let detail = format!(
        "More than {EVIDENCE_ENTRIES_MAX} entries bear on this; ask for less, or make the file from the whole log with \
         deedbook evidence."
    );
    Problem::new(Code::TooLarge, detail).limit(EVIDENCE_ENTRIES_MAX)
}
