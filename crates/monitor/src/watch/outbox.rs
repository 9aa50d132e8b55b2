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
    /// Events that somebody is still to be told, in their order.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.memory.events.iter()
    }

    /// Events up to this number were printed.
    pub fn printed(&mut self, through: u64) {
        self.memory.printed = self.memory.printed.max(through);
    }

    /// A webhook has taken the event of this number.
    pub fn taken(&mut self, webhook: &str, number: u64) {
        self.memory.taken.insert(webhook.to_owned(), number);
    }

    /// Forgets the events that were printed and, if they are alerts, taken by each of these webhooks.
    pub fn forget<'w>(&mut self, now: Millis, webhooks: impl Iterator<Item = &'w str>) {
        let (before, printed) = (self.memory.events.len(), self.memory.printed);
        let told = webhooks.map(|webhook| self.memory.taken(webhook)).min().unwrap_or(u64::MAX);
        self.memory
            .events
            .retain(|event| event.number > printed || (event.number > told && event.what.is_alert()));
        if self.memory.lost > 0 && self.memory.events.len() < before {
            let count = std::mem::take(&mut self.memory.lost);
            self.tell(now, What::Lost { count });
        }
    }

    /// Takes note of an event to be told. Where too many wait, the oldest of those goes that are missed least.
    pub(super) fn tell(&mut self, now: Millis, what: What) {
        let memory = &mut self.memory;
        if memory.events.len() >= EVENTS_MAX {
            memory.lost += 1;
            let weights = memory.events.iter().map(|event| event.what.weight()).enumerate();
            match weights.min_by_key(|(at, weight)| (*weight, *at)) {
                Some((_, least)) if what.weight() < least => return,
                at => memory.events.remove(at.map_or(0, |(at, _)| at)),
            };
        }
        let number = memory.next;
        memory.next += 1;
        let origin = self.trust.origin();
        let id = format!("{:.16}-{}-{number}", OriginId::of(origin).to_string(), memory.life);
        let event = Event { id, number, time: rfc3339(now), log: origin.to_string(), what };
        self.memory.events.push_back(event);
    }

    pub(super) fn started(&mut self, now: Millis, now_and_then: bool) {
        self.wake(now, now_and_then);
        self.memory.life = now.max(self.memory.life.saturating_add(1));
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

impl What {
    /// How much it is missed by whoever is not told: least, what shows in what is told later; most, what is told once.
    fn weight(&self) -> u8 {
        match self {
            Self::Started { .. } | Self::Verified { .. } => 0,
            Self::Finding(_) => 1,
            Self::Incident(told) if told.again => 2,
            Self::Incident(_) | Self::Over(_) | Self::Lost { .. } => 3,
        }
    }
}
