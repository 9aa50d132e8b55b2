//! One `approval.decided`, and whether it covers a call that ran.

use super::Seen;
use super::call::Requested;
use crate::id::RecordId;
use crate::model::{Content, Decision as Word, Instant, Mode, Record};

/// What is remembered of a decision.
#[derive(Debug)]
pub(super) struct Decision {
    pub(super) index: u64,
    pub(super) id: RecordId,
    /// Whether whoever acts decided for itself.
    pub(super) by_actor: bool,
    approver: String,
    mode: Mode,
    word: Word,
    binds: Option<(String, Option<String>)>,
    expires: Option<Instant>,
    max_uses: u64,
    uses: Vec<u64>,
}

/// A call that ran: what an approval is held against.
pub(super) struct Attempt {
    request: String,
    /// What went in: by the outcome's own word, or else as requested.
    sd: Option<String>,
    requested_sd: Option<String>,
    /// When it began, by the producer's word.
    began: Instant,
}

/// Why a decision does not cover a call.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Somebody or something else would have had to decide.
    OtherMode,
    /// Whoever acts decided for itself.
    OwnYes,
    /// It binds another request.
    OtherCall,
    /// It binds another input.
    OtherInput,
    /// It had expired at that moment.
    Expired(Instant),
    /// It was good for so many calls.
    Spent(u64),
}

impl Attempt {
    pub(super) fn of(record: &Record<'_>, request: &Requested) -> Self {
        let ran = record.executed.as_ref().or(record.input.as_ref()).and_then(Content::sd);
        let took = record.outcome.as_ref().and_then(|outcome| outcome.ms).unwrap_or(0);
        let began = record.time.unix_ms().saturating_sub_unsigned(took);
        Self {
            request: request.id.to_string(),
            sd: ran.map(str::to_owned).or_else(|| request.sd.clone()),
            requested_sd: request.sd.clone(),
            began: Instant::from_unix_ms(began).unwrap_or(record.time),
        }
    }
}

impl Decision {
    pub(super) fn of(seen: &Seen<'_>) -> Option<Self> {
        let approval = seen.record.approval.as_ref()?;
        let binds = approval.binds.as_ref();
        Some(Self {
            index: seen.index,
            id: seen.record.id,
            by_actor: false,
            approver: approval.approver.as_ref().map_or("", |party| &party.sub).to_owned(),
            mode: approval.mode?,
            word: approval.decision?,
            binds: binds.map(|to| (to.record.as_str().to_owned(), to.sd.as_deref().map(str::to_owned))),
            expires: approval.expires,
            max_uses: approval.max_uses.unwrap_or(1),
            uses: Vec::new(),
        })
    }

    pub(super) fn bound_request(&self) -> Option<RecordId> {
        self.binds.as_ref()?.0.parse().ok()
    }

    pub(super) fn approver(&self) -> &str {
        &self.approver
    }

    pub(super) fn approves(&self) -> bool {
        self.word == Word::Approved
    }

    pub(super) fn is_human(&self) -> bool {
        self.mode == Mode::Human
    }

    pub(super) fn is_by(&self, actors: &[String]) -> bool {
        actors.contains(&self.approver)
    }

    /// Seen from another call: where it is, and why that call cannot rest on it.
    pub(super) fn elsewhere(&self) -> (u64, Fault) {
        let spent = self.uses.len() as u64 >= self.max_uses;
        (self.index, if spent { Fault::Spent(self.max_uses) } else { Fault::OtherCall })
    }

    /// Whether this covers the call; one use is spent if it does.
    pub(super) fn cover(&mut self, wanted: Mode, attempt: &Attempt, index: u64) -> Result<(), Fault> {
        // A human may always say what a rule could.
        if self.mode != wanted && self.mode != Mode::Human {
            return Err(Fault::OtherMode);
        }
        if self.by_actor {
            return Err(Fault::OwnYes);
        }
        let Some((record, sd)) = self.binds.as_ref().filter(|_| self.approves()) else {
            return Err(Fault::OtherCall);
        };
        if *record != attempt.request {
            return Err(Fault::OtherCall);
        }
        if *sd != attempt.sd || *sd != attempt.requested_sd {
            return Err(Fault::OtherInput);
        }
        if let Some(end) = self.expires.filter(|end| attempt.began > *end) {
            return Err(Fault::Expired(end));
        }
        if self.uses.len() as u64 >= self.max_uses {
            return Err(Fault::Spent(self.max_uses));
        }
        self.uses.push(index);
        Ok(())
    }
}
