//! Events that wait until they were told.

use std::collections::BTreeMap;

use follower::witness::keeper::OriginId;

use super::Watch;
use crate::event::{Event, Found, Millis, What, rfc3339};

/// Events that wait, at most.
pub const EVENTS_MAX: usize = 1_000;
/// Pairs of rule and identity that are counted apart, at most.
const COUNTS_MAX: usize = 1_000;
/// Under what all others are counted.
const OTHERS: &str = "(others)";

impl Watch {
    /// Events that nobody has taken yet, in their order.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.memory.events.iter()
    }

    /// Forgets events: those up to `told`; of those that are no alerts, also those up to `printed`.
    pub fn forget(&mut self, now: Millis, printed: u64, told: u64) {
        let before = self.memory.events.len();
        self.memory
            .events
            .retain(|event| event.number > printed || (event.number > told && event.what.is_alert()));
        if self.memory.lost > 0 && self.memory.events.len() < before {
            let count = std::mem::take(&mut self.memory.lost);
            self.tell(now, What::Lost { count });
        }
    }

    /// Takes note of an event to be told. Where too many wait, the oldest goes that is told again anyway, or else the oldest.
    pub(super) fn tell(&mut self, now: Millis, what: What) {
        let memory = &mut self.memory;
        if memory.events.len() >= EVENTS_MAX {
            let again =
                |event: &Event| !matches!(event.what, What::Finding(_) | What::Over(_) | What::Lost { .. });
            let at = memory.events.iter().position(again).unwrap_or(0);
            memory.events.remove(at);
            memory.lost += 1;
        }
        let number = memory.next;
        memory.next += 1;
        let origin = self.trust.origin();
        let id = format!("{:.16}-{number}", OriginId::of(origin).to_string());
        let event = Event { id, number, time: rfc3339(now), log: origin.to_string(), what };
        self.memory.events.push_back(event);
    }

    pub(super) fn started(&mut self, now: Millis) {
        let size = self.memory.verified.as_ref().map_or(0, crate::heard::Heard::size);
        self.tell(now, What::Started { size });
        self.tell_all_again(now);
    }

    /// Tells what the rules found in entries that were not judged before, and counts it.
    pub(super) fn found(&mut self, now: Millis, findings: Vec<Found>, through: u64) {
        let judged = self.memory.judged;
        for found in findings.into_iter().filter(|found| found.index >= judged) {
            let all: usize = self.memory.counts.values().map(BTreeMap::len).sum();
            let of_rule = self.memory.counts.entry(found.rule.clone()).or_default();
            let agent = found.agent.clone().unwrap_or_default();
            let known = of_rule.contains_key(&agent) || all < COUNTS_MAX;
            *of_rule.entry(if known { agent } else { OTHERS.to_owned() }).or_default() += 1;
            self.tell(now, What::Finding(found));
        }
        self.memory.judged = judged.max(through);
    }
}
