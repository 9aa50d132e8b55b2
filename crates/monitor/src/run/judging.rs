//! The rules of a log of records, applied to its entries in their order, as they are verified (docs/findings.md).
//!
//! What the rules have to remember is not kept on the disk: after a start the entries are read again from the first one, and
//! what was told before is not told again. Entries are judged only as far as they lead to the head that was verified.
//! A log among whose entries no record was ever seen is not read a second time.

use std::collections::VecDeque;

use bytes::Bytes;
use client::Source;
use client::follow::{self, FollowError};
use record::Logged;
use record::findings::{Finding, Fold, Parameters};
use tlog::range::CompactRange;
use tlog::tile::{Bundle, WIDTH};
use tlog::{Hash, Head, bundle};

use super::Mail;
use crate::event::Found;

/// Bundles that are judged in one turn.
const BUNDLES: u64 = 64;
/// Findings that are told at once, but for those of one entry.
const TOLD_AT_ONCE: usize = 200;

/// Applies the rules to one log.
pub(crate) struct Judge {
    fold: Fold,
    range: CompactRange,
    /// Entries before it were told of before.
    told: u64,
    /// What was found and is not told yet.
    waiting: VecDeque<Found>,
}

/// What came of one turn.
pub(crate) struct Judged {
    /// The judge; `None` if it has to begin anew.
    pub(crate) judge: Option<Box<Judge>>,
    /// What was found.
    pub(crate) found: Vec<Found>,
    /// Entries before it are judged, and what was found in them is told with this.
    pub(crate) through: u64,
}

impl Judge {
    /// One that has seen nothing, where all before `told` is told.
    pub(super) fn new(told: u64) -> Self {
        Self {
            fold: Fold::new(Parameters::default()),
            range: CompactRange::new(),
            told,
            waiting: VecDeque::new(),
        }
    }

    /// Whether there is something to do, up to this head.
    pub(super) fn is_due(&self, head: Head) -> bool {
        self.range.size() < head.size || !self.waiting.is_empty()
    }

    /// One turn: entries up to the head, as many as one turn takes; or what waits to be told.
    pub(super) async fn turn(mut self: Box<Self>, source: Source, head: Head) -> Mail {
        if self.waiting.is_empty()
            && let Err(why) = self.read(&source, head).await
        {
            tracing::warn!(%source, why, "entries are not judged; it is begun again");
            return Mail::Judged(Judged { judge: None, found: vec![], through: 0 });
        }
        let mut found = vec![];
        while let Some(next) = self.waiting.front() {
            let last = found.last().map(|each: &Found| each.index);
            if found.len() >= TOLD_AT_ONCE && last != Some(next.index) {
                break;
            }
            found.extend(self.waiting.pop_front());
        }
        let through = self.waiting.front().map_or(self.range.size(), |next| next.index);
        Mail::Judged(Judged { judge: Some(self), found, through })
    }

    async fn read(&mut self, source: &Source, head: Head) -> Result<(), String> {
        let from = self.range.size();
        let until = (from / WIDTH * WIDTH + BUNDLES * WIDTH).min(head.size);
        for index in from / WIDTH..until.div_ceil(WIDTH) {
            let place = Bundle::at(index, head.size).ok_or("there is no such bundle")?;
            let bytes = source.bundle(place).await.map_err(|error| error.to_string())?;
            let bytes = bytes.ok_or_else(|| format!("{place} is not there"))?;
            let entries =
                bundle::decode(&bytes, usize::from(place.width())).map_err(|error| error.to_string())?;
            for (index, entry) in (place.first()..).zip(&entries).skip_while(|(index, _)| *index < from) {
                self.judge(index, entry);
            }
        }
        // A full turn ends inside of the tree: what was judged must be its beginning.
        let root = if self.range.size() == head.size {
            head.root
        } else {
            let proof = follow::consistency(source, self.range.size(), head).await;
            proof.map_err(|error: FollowError| error.to_string())?.old.root
        };
        if root == self.range.root() {
            Ok(())
        } else {
            Err("entries are not those that were verified".to_owned())
        }
    }

    /// Judges one entry. One among records that is none is for the auditor to find.
    fn judge(&mut self, index: u64, entry: &Bytes) {
        self.range.append(Hash::leaf(entry));
        let Ok(logged) = Logged::read(index, entry) else { return };
        let findings = self.fold.take(&logged.seen());
        if index >= self.told {
            self.waiting.extend(findings.into_iter().map(|finding| found(finding, &logged)));
        }
    }
}

fn found(finding: Finding, logged: &Logged<'_>) -> Found {
    let record = logged.record();
    let principal = record.principal.as_ref();
    Found {
        rule: finding.rule.to_string(),
        index: finding.index,
        record: finding.id.to_string(),
        session: finding.session,
        agent: record.agent.as_ref().map(|agent| agent.sub.as_str().to_owned()),
        principal: principal.map(|who| format!("{}|{}", who.iss.as_str(), who.sub.as_str())),
        detail: finding.why,
        rests_on: finding.rests_on,
    }
}
