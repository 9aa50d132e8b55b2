//! How often a log is cosigned for: what the list grants it a day (`qpd`), some of it at once.
//!
//! What is counted is what costs a commit. A request that is refused costs little more than to say that there were too many,
//! and is not counted: whoever has no key of a log cannot use up what it may do.
//!
//! That leaves what the log has signed, which anybody can send who has it. The last checkpoint once more is a legal wish for a
//! newer time, as often as somebody likes. So a log has its number twice a day: for checkpoints that are larger than the last
//! one, and for the same one again, and repeats never keep it from growing.
//!
//! Only the log can sign a larger one, but it may have given it away before it publishes it (a durable receipt carries one).
//! Each can be counted once, as the last one is larger or the same from then on. So growth is used up no faster than the log
//! signs heads: one that signs more a day than it may make requests, for people it does not trust, can be kept waiting by them.

use std::collections::HashMap;

use tlog::cosignature::Timestamp;

use super::{enrolled::Enrolled, keeper::OriginId};

/// Seconds of a day. A request costs as many credits, and a second brings a log as many as it may make requests a day.
const DAY: u64 = 86_400;
/// A log may make at once what it may make in so many seconds.
const BURST_SECONDS: u64 = 600;
/// And so many at least.
pub const BURST_MIN: u64 = 16;

/// What a request would have cosigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// A checkpoint that is larger than the last one, or the first.
    Growth,
    /// The last one once more.
    Again,
}

/// That a log has made too many requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this log has made more requests than its {qpd} a day allow; ask again in {seconds} s")]
pub struct TooMany {
    /// What it may make a day.
    pub qpd: u32,
    /// Seconds until the next one is allowed.
    pub seconds: u64,
}

/// What each log has left. Two small numbers for each log that is enrolled and was cosigned for, and nothing for others.
#[derive(Debug, Default)]
pub struct Rations(HashMap<OriginId, [Credit; 2]>);

impl Rations {
    /// Takes one request of a log that may make `qpd` a day, at this time.
    ///
    /// # Errors
    /// [`TooMany`]; nothing was taken.
    pub fn take(&mut self, log: OriginId, wish: Wish, qpd: u32, now: Timestamp) -> Result<(), TooMany> {
        let credits = self.0.entry(log).or_insert_with(|| [Credit::full(qpd, now); 2]);
        let [growth, again] = credits;
        let credit = match wish {
            Wish::Growth => growth,
            Wish::Again => again,
        };
        credit.take(qpd, now)
    }

    /// Forgets all logs that are not on this list.
    pub fn keep_only(&mut self, enrolled: &Enrolled) {
        let ids: std::collections::HashSet<_> =
            enrolled.logs().iter().map(|log| OriginId::of(log.origin())).collect();
        self.0.retain(|log, _| ids.contains(log));
    }
}

/// What is left of one kind of request.
#[derive(Clone, Copy, Debug)]
struct Credit {
    /// In parts of a request, [`DAY`] to one.
    left: u64,
    at: Timestamp,
}

/// The most that can be left.
fn most(qpd: u32) -> u64 {
    (u64::from(qpd) * BURST_SECONDS).max(BURST_MIN * DAY)
}

impl Credit {
    fn full(qpd: u32, now: Timestamp) -> Self {
        Self { left: most(qpd), at: now }
    }

    /// A clock that went back brings nothing, and starts anew from there: else nothing would come until it is where it was.
    fn take(&mut self, qpd: u32, now: Timestamp) -> Result<(), TooMany> {
        let passed = now.seconds().saturating_sub(self.at.seconds());
        let came = u64::from(qpd).saturating_mul(passed);
        (self.left, self.at) = (self.left.saturating_add(came).min(most(qpd)), now);
        let Some(left) = self.left.checked_sub(DAY) else {
            let seconds = (DAY - self.left).div_ceil(u64::from(qpd.max(1)));
            return Err(TooMany { qpd, seconds });
        };
        self.left = left;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LOG: OriginId = OriginId::from_bytes([1; 32]);
    const OTHER: OriginId = OriginId::from_bytes([2; 32]);

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_seconds(seconds).unwrap()
    }

    /// How many are let through at one moment.
    fn burst(rations: &mut Rations, log: OriginId, wish: Wish, qpd: u32, now: u64) -> u64 {
        (0..100_000).take_while(|_| rations.take(log, wish, qpd, at(now)).is_ok()).count() as u64
    }

    #[test]
    fn a_burst_and_then_as_many_as_come_in_a_day() {
        let mut rations = Rations::default();
        assert_eq!(burst(&mut rations, LOG, Wish::Growth, 86_400, 1_000), 600, "ten minutes' worth");
        let too_many = rations.take(LOG, Wish::Growth, 86_400, at(1_000));
        assert_eq!(too_many, Err(TooMany { qpd: 86_400, seconds: 1 }));
        assert_eq!(burst(&mut rations, LOG, Wish::Growth, 86_400, 1_001), 1);
        assert_eq!(burst(&mut rations, LOG, Wish::Growth, 86_400, 1_060), 59);
        assert_eq!(burst(&mut rations, LOG, Wish::Growth, 86_400, 90_000), 600, "and not more than that");
        assert_eq!(
            burst(&mut rations, OTHER, Wish::Growth, 24, 90_000),
            BURST_MIN,
            "another log has its own"
        );
        assert_eq!(
            rations.take(OTHER, Wish::Growth, 24, at(90_000)),
            Err(TooMany { qpd: 24, seconds: 3_600 })
        );
    }

    #[test]
    fn whoever_repeats_what_a_log_published_does_not_keep_it_from_growing() {
        let mut rations = Rations::default();
        assert_eq!(burst(&mut rations, LOG, Wish::Again, 1, 5), BURST_MIN);
        assert!(rations.take(LOG, Wish::Again, 1, at(6)).is_err());
        assert!(rations.take(LOG, Wish::Growth, 1, at(6)).is_ok());
    }

    #[test]
    fn a_clock_that_goes_back_starts_anew_from_there() {
        let mut rations = Rations::default();
        burst(&mut rations, LOG, Wish::Growth, 86_400, 1_000_000);
        assert!(rations.take(LOG, Wish::Growth, 86_400, at(10)).is_err());
        assert_eq!(burst(&mut rations, LOG, Wish::Growth, 86_400, 15), 5);
    }

    #[test]
    fn logs_that_are_taken_off_the_list_are_forgotten() {
        let mut rations = Rations::default();
        rations.take(LOG, Wish::Growth, 1, at(1)).unwrap();
        assert_eq!(rations.0.len(), 1);
        rations.keep_only(&Enrolled::default());
        assert!(rations.0.is_empty());
    }

    proptest! {
        /// Whatever the times: never more than a burst and what came since the first request.
        #[test]
        fn never_more_than_granted(qpd in 1..=u32::MAX >> 1, steps in prop::collection::vec(0..5_000_u64, 1..200)) {
            let mut rations = Rations::default();
            let (mut now, mut taken) = (7, 0_u64);
            for step in steps {
                now += step;
                taken += u64::from(rations.take(LOG, Wish::Growth, qpd, at(now)).is_ok());
            }
            let granted = most(qpd) / DAY + (now - 7).saturating_mul(u64::from(qpd)) / DAY;
            prop_assert!(taken <= granted + 1);
        }
    }
}
