//! Entries, as they are read.

use client::audit::Place;

use super::incident::Sight;
use super::{Bad, Reading, Watch};
use crate::event::{Kind, Millis, What};
use crate::heard::Heard;

/// The longest wait before a log is read again that is not what it signed.
const WRONG_WAIT_MAX: Millis = 300_000;
/// Bad resources that are noted of one reading, at most.
const BAD_MAX: usize = 16;

impl Watch {
    /// There are records among the entries that were hashed: there is something to be judged.
    pub fn note_records(&mut self) {
        self.memory.records = true;
    }

    pub(super) fn reached(&mut self, place: Place) {
        if let Some(under) = &mut self.memory.under {
            under.place = Some(place);
        }
    }

    pub(super) fn read(&mut self, now: Millis, to: Heard, outcome: Reading) {
        self.flying.reading = false;
        match outcome {
            Reading::Holds => {
                self.flying.wrong = 0;
                self.end(now, Kind::Tampered, |_| true);
                self.verify(now, to);
            }
            Reading::Wrong(bad) => {
                self.flying.wrong += 1;
                let wait = self.limits.retry.saturating_mul(1 << self.flying.wrong.min(20));
                self.flying.read_again = now + wait.min(WRONG_WAIT_MAX);
                self.memory.under = None;
                bad.into_iter().take(BAD_MAX).for_each(|bad| self.see(now, bad.sight()));
            }
            Reading::CouldNotTell => self.flying.read_again = now + self.limits.retry,
        }
    }

    /// All entries up to here were hashed.
    pub(super) fn verify(&mut self, now: Millis, to: Heard) {
        let before = self.memory.verified.as_ref().map(Heard::size);
        let (size, root) = (to.size(), to.head().root.to_string());
        self.memory.under = None;
        self.memory.verified = Some(to);
        if before != Some(size) {
            let entries = size.saturating_sub(before.unwrap_or(0));
            self.tell(now, What::Verified { size, root, entries });
        }
    }
}

impl Bad {
    fn sight(self) -> Sight {
        let at = self.index.map(|index| format!(", entry {index}")).unwrap_or_default();
        Sight::new(Kind::Tampered, self.path.clone(), format!("{}{at}: {}", self.path, self.why))
    }
}
