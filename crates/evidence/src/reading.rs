//! An entry of the log, read: the one place that knows how an entry is taken apart.

use record::findings::Seen;
use record::model::{Instant, Record};
use record::story::Told;
use record::{Grade, Refusal, Signature};

/// A record as it stands in the log.
#[derive(Debug, Clone)]
pub(crate) struct Reading<'e> {
    pub(crate) index: u64,
    pub(crate) received: Instant,
    pub(crate) principal: Grade,
    pub(crate) agent: Grade,
    pub(crate) record: Record<'e>,
    pub(crate) canonical: &'e [u8],
    pub(crate) signatures: Vec<Signature>,
}

impl<'e> Reading<'e> {
    /// Takes an entry apart.
    pub(crate) fn of(index: u64, entry: &'e [u8]) -> Result<Self, Refusal> {
        let opened = record::open(entry)?;
        let record = Record::read(opened.record())?;
        // What opened has a time of arrival in its one spelling.
        let received = Instant::parse(opened.received()).unwrap_or(record.time);
        let (principal, agent) = (opened.principal(), opened.agent());
        Ok(Self {
            index,
            received,
            principal,
            agent,
            record,
            canonical: opened.record(),
            signatures: Vec::new(),
        })
    }

    /// For the fold.
    pub(crate) fn seen(&self) -> Seen<'_> {
        Seen {
            index: self.index,
            received: self.received,
            record: &self.record,
            canonical: self.canonical,
            rewritten: false,
            signatures: &self.signatures,
        }
    }

    /// For a story.
    pub(crate) fn told(&self) -> Told<'e> {
        Told {
            index: self.index,
            received: self.received,
            principal: self.principal,
            agent: self.agent,
            record: self.record.clone(),
        }
    }

    pub(crate) fn session(&self) -> Option<&str> {
        self.record.session.as_ref().map(|session| session.id.as_str())
    }
}
