//! `sequence_gap` and `sequence_fork`: places in a sequence that nobody or more than one has.

use std::collections::{HashMap, VecDeque};
use std::ops::RangeInclusive;

use super::intervals::{Intervals, words};
use super::{Found, Rule};

/// How many places are remembered with the entry that has them, for the finding to rest on.
const PLACES_REMEMBERED: usize = 4_096;

/// One numbering of records.
#[derive(Debug, Default)]
pub(super) struct Sequence {
    seen: Intervals,
    entries: HashMap<u64, u64>,
    /// Holes that are waited for, and after how many records what is left of them is told.
    awaited: VecDeque<(RangeInclusive<u64>, u64)>,
    taken: u64,
}

impl Sequence {
    /// Takes the next number; tells a fork. Holes are waited for where there is a `patience`.
    pub(super) fn take(&mut self, n: u64, patience: Option<u64>, of: &str, found: &mut Found<'_, '_>) {
        self.taken += 1;
        let opened = self.seen.opened_by(n);
        if self.seen.insert(n) {
            if self.entries.len() < PLACES_REMEMBERED {
                self.entries.insert(n, found.seen.index);
            }
            let due = patience.map(|patience| self.taken.saturating_add(patience));
            self.awaited.extend(opened.zip(due));
            return;
        }
        let rests_on: Vec<u64> = self.entries.get(&n).copied().into_iter().collect();
        found.push(Rule::SequenceFork, &rests_on, format!("number {n} of {of} is taken by another record"));
    }

    /// Tells holes that are still open after `patience` further records; each is told once, as it is then.
    pub(super) fn tell_old_holes(&mut self, patience: u64, of: &str, found: &mut Found<'_, '_>) {
        let parameter = Some(("gap_patience", i64::try_from(patience).unwrap_or(i64::MAX)));
        while let Some((hole, _)) = self.awaited.pop_front_if(|(_, due)| *due <= self.taken) {
            for left in self.seen.holes_within(&hole) {
                let why = format!("{} of {of} did not arrive", words(&left));
                found.push_with(Rule::SequenceGap, parameter, &[], why);
            }
        }
    }

    /// Tells every number from 1 to the last that is missing.
    pub(super) fn tell_all_holes(&self, of: &str, found: &mut Found<'_, '_>) {
        for hole in self.seen.before_first().into_iter().chain(self.seen.holes()) {
            found.push(Rule::SequenceGap, &[], format!("{} of {of} did not arrive", words(&hole)));
        }
    }

    /// Whether any number was given.
    pub(super) fn is_used(&self) -> bool {
        self.seen.last().is_some()
    }
}
