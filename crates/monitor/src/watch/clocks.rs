//! Clocks that go only while somebody looks: how long a log shows less, cannot be read, or lets a head wait.

use super::Watch;
use crate::event::Millis;

/// How often it is noted that somebody looks, while a clock goes.
const NOTED_EVERY: Millis = 60_000;

impl Watch {
    /// Somebody looks again. Unless he looks now and then by intention, nothing is known of the time in between: clocks go on
    /// from where they stood.
    pub(super) fn wake(&mut self, now: Millis, now_and_then: bool) {
        let memory = &mut self.memory;
        if !now_and_then {
            let awake = memory.awake;
            let clocks = memory.behind.iter_mut().chain(memory.silent.iter_mut().map(|(since, _)| since));
            let clocks = clocks.chain(memory.waiting.iter_mut().map(|waiting| &mut waiting.since));
            clocks.for_each(|since| *since = resumed(*since, awake, now));
        }
        memory.awake = now;
    }

    /// Nobody looks from now on, as far as that is known beforehand.
    pub fn rest(&mut self, now: Millis) {
        if self.is_clocked() {
            self.memory.awake = now;
        }
    }

    pub(super) fn note_awake(&mut self, now: Millis) {
        if self.is_clocked() && self.memory.awake.saturating_add(NOTED_EVERY) <= now {
            self.memory.awake = now;
        }
    }

    fn is_clocked(&self) -> bool {
        let memory = &self.memory;
        memory.behind.is_some() || memory.silent.is_some() || !memory.waiting.is_empty()
    }
}

/// When a clock would have begun, if it had not stood still from `stopped` until now.
pub(super) fn resumed(since: Millis, stopped: Millis, now: Millis) -> Millis {
    now.saturating_sub(stopped.saturating_sub(since))
}
