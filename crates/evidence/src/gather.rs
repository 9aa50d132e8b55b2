//! Which entries of a log belong into a file: the log is shown twice, first to find the answer, then to find what the
//! answer rests on. So no more of the log is held than goes into the file.

use record::{Logged, Sd};
use std::collections::{BTreeMap, BTreeSet};

use record::findings::{Finding, Fold, Parameters};

use crate::check::parameters;
use crate::contents::named;
use crate::form::Role;
use crate::leads::Lead;
use crate::limits::ENTRIES_MAX;
use crate::make::Show;
use crate::needs::Needs;
use crate::question::Question;

/// Takes the entries of a log in order, twice.
///
/// ```text
/// let mut first = Gathering::of(question);       each entry: first.take(index, entry)
/// let mut second = first.again();                each entry: second.take(index, entry)
/// let gathered = second.finish();
/// ```
///
/// Whoever has lookups need not show the whole log: to [`Gathering::answered`] he shows what its [`leads`](Self::leads)
/// lead to, until there are no new ones.
#[derive(Debug)]
pub struct Gathering {
    asked: Question,
    pass: Pass,
    /// How many entries the log has, as far as it was shown.
    size: u64,
    kept: BTreeMap<u64, (Role, Vec<u8>)>,
    needs: Needs,
    /// What the whole log shows on the answer.
    findings: Vec<Finding>,
}

#[derive(Debug)]
enum Pass {
    Answer(Box<Fold>),
    Rest,
}

/// What belongs into a file.
#[derive(Debug)]
pub struct Gathered {
    /// The entries, ascending, and what each is there for.
    pub entries: Vec<(u64, Role, Vec<u8>)>,
    /// How many entries were looked at.
    pub looked_at: u64,
    /// Findings on the answer that the whole log shows and these entries alone do not.
    pub lost: Vec<Finding>,
}

impl Gathered {
    /// The contents that a choice asks for, by digest; of those that are chosen by name, each that may have it.
    pub fn wanted(&self, show: &Show) -> BTreeSet<Sd> {
        let logged = self.entries.iter().filter_map(|(index, _, entry)| Logged::read(*index, entry).ok());
        let all = logged.flat_map(|logged| named(&logged));
        all.filter(|one| one.is_wanted(show)).map(|one| one.sd).collect()
    }
}

/// More entries than a file may have belong into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more than {ENTRIES_MAX} entries would be in the file, which is the limit; ask for less")]
pub struct TooMany;

impl Gathering {
    /// The first look.
    pub fn of(asked: Question) -> Self {
        let (needs, fold) = (Needs::of(&asked), Fold::new(Parameters::default()));
        let pass = Pass::Answer(Box::new(fold));
        Self { asked, pass, size: 0, kept: BTreeMap::new(), needs, findings: Vec::new() }
    }

    /// The second look, after the first has seen the whole log.
    pub fn again(self) -> Self {
        Self { pass: Pass::Rest, size: 0, ..self }
    }

    /// The second look at a log of `size` entries of which the answer is known: its entries, and what the whole log shows
    /// on them.
    ///
    /// # Errors
    /// More entries than a file may have.
    pub fn answered<'e>(
        asked: Question,
        answer: impl IntoIterator<Item = (u64, &'e [u8])>,
        findings: Vec<Finding>,
        size: u64,
    ) -> Result<Self, TooMany> {
        let needs = Needs::of(&asked);
        let mut second = Self { asked, pass: Pass::Rest, size, kept: BTreeMap::new(), needs, findings };
        for (index, entry) in answer {
            if let Ok(logged) = Logged::read(index, entry) {
                second.needs.add(&logged);
            }
            second.keep(index, Role::Answer, entry)?;
        }
        second.findings.iter().for_each(|finding| second.needs.add_indexes(&finding.rests_on));
        Ok(second)
    }

    /// Where the rest may be: whatever these lead to is to be taken, ascending; what is not needed is left out. What is
    /// taken may bring new leads.
    pub fn leads(&self) -> BTreeSet<Lead> {
        self.needs.leads()
    }

    /// How many entries belong into the file so far.
    pub fn found(&self) -> usize {
        self.kept.len()
    }

    /// Takes the next entry.
    ///
    /// # Errors
    /// More entries than a file may have.
    pub fn take(&mut self, index: u64, entry: &[u8]) -> Result<(), TooMany> {
        self.size = self.size.max(index + 1);
        let role = match (&mut self.pass, Logged::read(index, entry)) {
            (Pass::Answer(fold), Ok(logged)) => {
                let found = fold.take(&logged.seen());
                self.asked.asks_for(index, logged.record()).unwrap_or(false).then(|| {
                    self.needs.add(&logged);
                    found.iter().for_each(|finding| self.needs.add_indexes(&finding.rests_on));
                    self.findings.extend(found);
                    Role::Answer
                })
            }
            // An entry that is no record here can be asked for by its index.
            (Pass::Answer(_), Err(_)) => {
                let Question::Entries(ranges) = &self.asked else { return Ok(()) };
                ranges.iter().any(|range| (range.0..=range.1).contains(&index)).then_some(Role::Answer)
            }
            (Pass::Rest, Ok(_)) if self.kept.contains_key(&index) => None,
            (Pass::Rest, Ok(logged)) => self.needs.wants(&logged),
            (Pass::Rest, Err(_)) => None,
        };
        role.map_or(Ok(()), |role| self.keep(index, role, entry))
    }

    fn keep(&mut self, index: u64, role: Role, entry: &[u8]) -> Result<(), TooMany> {
        if self.kept.len() >= ENTRIES_MAX {
            return Err(TooMany);
        }
        self.kept.insert(index, (role, entry.to_vec()));
        Ok(())
    }

    /// What was found.
    pub fn finish(self) -> Gathered {
        let whole = self.kept.len() as u64 == self.size;
        let mut fold = Fold::new(parameters(whole));
        let mut again: Vec<Finding> = Vec::new();
        for (index, (role, entry)) in &self.kept {
            let Ok(logged) = Logged::read(*index, entry) else { continue };
            let found = fold.take(&logged.seen());
            if *role == Role::Answer {
                again.extend(found);
            }
        }
        let same = |finding: &Finding| {
            again.iter().any(|other| (other.rule, other.index) == (finding.rule, finding.index))
        };
        let lost = self.findings.into_iter().filter(|finding| !same(finding)).collect();
        let entries = self.kept.into_iter().map(|(index, (role, entry))| (index, role, entry)).collect();
        Gathered { entries, looked_at: self.size, lost }
    }
}
