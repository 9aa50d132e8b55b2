//! Which numbers of a sequence were seen, as ranges.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// A set of numbers that is mostly without holes.
#[derive(Debug, Default, Clone)]
pub(super) struct Intervals {
    /// First to last number of each run; no two touch.
    runs: BTreeMap<u64, u64>,
}

impl Intervals {
    /// Adds a number; false if it was there.
    pub(super) fn insert(&mut self, n: u64) -> bool {
        let before = self.runs.range(..=n).next_back().map(|(&first, &last)| (first, last));
        if before.is_some_and(|(_, last)| n <= last) {
            return false;
        }
        let after = n.checked_add(1).and_then(|next| self.runs.remove(&next));
        let last = after.unwrap_or(n);
        match before {
            Some((first, end)) if end.checked_add(1) == Some(n) => self.runs.insert(first, last),
            _ => self.runs.insert(n, last),
        };
        true
    }

    /// The greatest number seen.
    pub(super) fn last(&self) -> Option<u64> {
        self.runs.last_key_value().map(|(_, &last)| last)
    }

    /// The numbers that the arrival of `n` would leave missing: between it and the nearest end of what was seen.
    pub(super) fn opened_by(&self, n: u64) -> Option<RangeInclusive<u64>> {
        let (first, last) = (*self.runs.keys().next()?, self.last()?);
        let hole = if n > last { last + 1..=n - 1 } else { n.checked_add(1)?..=first.checked_sub(1)? };
        (!hole.is_empty()).then_some(hole)
    }

    /// What is missing of `range`.
    pub(super) fn holes_within(&self, range: &RangeInclusive<u64>) -> Vec<RangeInclusive<u64>> {
        let mut holes = Vec::new();
        let mut from = *range.start();
        for (&first, &last) in self.runs.range(range.clone()) {
            if first > from {
                holes.push(from..=first - 1);
            }
            match last.checked_add(1) {
                Some(next) => from = next,
                None => return holes,
            }
        }
        if from <= *range.end() {
            holes.push(from..=*range.end());
        }
        holes
    }

    /// What is missing between the first number seen and the last.
    pub(super) fn holes(&self) -> impl Iterator<Item = RangeInclusive<u64>> {
        // Two runs never touch, so that neither sum nor difference leaves the range.
        self.runs.iter().zip(self.runs.keys().skip(1)).map(|((_, &last), &next)| last + 1..=next - 1)
    }

    /// What is missing from 1 to the first number seen.
    pub(super) fn before_first(&self) -> Option<RangeInclusive<u64>> {
        self.runs.keys().next().filter(|&&first| first > 1).map(|&first| 1..=first - 1)
    }
}

/// The numbers as words.
pub(super) fn words(hole: &RangeInclusive<u64>) -> String {
    match (hole.start(), hole.end()) {
        (first, last) if first == last => format!("number {first}"),
        (first, last) => format!("numbers {first} to {last}"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn as_a_plain_set_has_it(numbers in proptest::collection::vec(0_u64..40, 0..60)) {
            let (mut intervals, mut set) = (Intervals::default(), BTreeSet::new());
            for &n in &numbers {
                prop_assert_eq!(intervals.insert(n), set.insert(n));
            }
            let missing: Vec<u64> = intervals.holes().flatten().collect();
            let (first, last) = (set.first().copied().unwrap_or(0), set.last().copied().unwrap_or(0));
            let wanted: Vec<u64> = (first..=last).filter(|n| !set.is_empty() && !set.contains(n)).collect();
            prop_assert_eq!(missing, wanted);
            prop_assert_eq!(intervals.last(), set.last().copied());
        }
    }

    #[test]
    fn the_ends_of_the_range_are_numbers_too() {
        let mut intervals = Intervals::default();
        assert!(intervals.insert(u64::MAX) && intervals.insert(0) && !intervals.insert(u64::MAX));
        assert_eq!(intervals.holes().collect::<Vec<_>>(), [1..=u64::MAX - 1]);
        assert_eq!(intervals.before_first(), None);
    }
}
