//! An entry of the log with all that is to be understood of it.

use crate::findings::Seen;
use crate::model::{Instant, Record};
use crate::opened::{Opened, open};
use crate::refusal::{Cause, Refusal};
use crate::signature::{Signature, Signatures};
use crate::story::Told;

/// An entry, taken apart and understood: what the fold, the stories and the lookups go by. Borrows from its bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Logged<'a> {
    index: u64,
    opened: Opened<'a>,
    received: Instant,
    record: Record<'a>,
}

impl<'a> Logged<'a> {
    /// Takes the entry at this index apart, and reads its record.
    ///
    /// # Errors
    /// As [`open`] and [`Record::read`].
    pub fn read(index: u64, entry: &'a [u8]) -> Result<Self, Refusal> {
        let opened = open(entry)?;
        let record = Record::read(opened.record()).map_err(|refusal| refusal.within("/record", 0))?;
        let received = Instant::parse(opened.received())
            .ok_or_else(|| Refusal::new(Cause::BadTime, "/log/received", 0))?;
        Ok(Self { index, opened, received, record })
    }

    /// Index of the entry.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The entry, taken apart.
    pub fn opened(&self) -> &Opened<'a> {
        &self.opened
    }

    /// Its record.
    pub fn record(&self) -> &Record<'a> {
        &self.record
    }

    /// When the log received it.
    pub fn received(&self) -> Instant {
        self.received
    }

    /// The signatures over the record; nobody has checked them yet.
    pub fn signatures(&self) -> &[Signature] {
        self.opened.signatures().map(Signatures::as_slice).unwrap_or_default()
    }

    /// As the fold of the findings takes it.
    pub fn seen(&self) -> Seen<'_> {
        Seen {
            index: self.index,
            received: self.received,
            record: &self.record,
            canonical: self.opened.record(),
            rewritten: !self.opened.disclosed().is_empty(),
            signatures: self.signatures(),
        }
    }

    /// As a story takes it.
    pub fn told(&self) -> Told<'_> {
        Told {
            index: self.index,
            received: self.received,
            principal: self.opened.principal(),
            agent: self.opened.agent(),
            record: &self.record,
        }
    }
}
