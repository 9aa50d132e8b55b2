//! What everybody does by himself from time to time.

use monitor::watch::Input;

use super::cast::Node;
use super::watcher::Manner;
use super::wire::{Event, Request};
use super::world::World;

impl World {
    pub(super) fn publishes(&mut self, number: usize, life: u64) {
        if self.logs[number].life != life || self.down.contains(&Node::Log(number)) {
            return;
        }
        let (now, log) = (self.moment(), &mut self.logs[number]);
        if let Some((round, patience)) = log.publish(now) {
            self.wire.at(self.now + patience, Event::Deadline { log: number, round });
            for place in 0..self.logs[number].asks.len() {
                self.wake(number, place);
            }
            // There may be nobody to wait for.
            self.settle(number, None);
        } else if self.logs[number].council.is_none() {
            self.shows(number);
            let next = self.now + self.logs[number].habits.every;
            self.wire.at(next, Event::Publish { log: number, life });
        }
    }

    pub(super) fn polls(&mut self, number: usize) {
        self.wire.at(self.now + self.plan.poll, Event::Poll(number));
        let (me, log) = (Node::Monitor(number), Node::Log(self.log_of(Node::Monitor(number))));
        let looks =
            |call: &super::world::Call| call.from == me && matches!(call.request, Request::Checkpoint);
        if !self.down.contains(&me) && !self.calls.values().any(looks) {
            self.call(me, log, Request::Checkpoint);
        }
    }

    pub(super) fn ticks(&mut self, number: usize) {
        self.wire.at(self.now + self.plan.poll.max(500), Event::Tick(number));
        if !self.down.contains(&Node::Monitor(number)) {
            self.monitor_input(number, Input::Tick);
        }
    }

    /// Exchanges heads with everybody (`run/exchange.rs`).
    pub(super) fn gossips(&mut self, number: usize) {
        self.wire.at(self.now + self.plan.gossip, Event::Gossip(number));
        let me = Node::Monitor(number);
        if self.down.contains(&me) || !self.monitors[number].looked {
            return;
        }
        for partner in self.monitors[number].partners.clone() {
            if let Node::Witness(_) = partner {
                self.call(me, partner, Request::Cosigned);
                continue;
            }
            let watcher = &self.monitors[number];
            let honest = watcher.manner == Manner::Honest;
            let proven = watcher.memory().proven().filter(|_| honest);
            let push = proven.filter(|head| watcher.pushed.get(&partner) != Some(&head.head()));
            if let Some(push) = push {
                let note = push.bytes();
                self.call(me, partner, Request::HandIn(note));
            }
            self.call(me, partner, Request::Forks);
            self.call(me, partner, Request::Heads);
        }
    }

    pub(super) fn submits(&mut self, number: usize) {
        let pause = 1 + self.chance.below(2 * self.plan.submit);
        self.wire.at(self.now + pause, Event::Submit(number));
        if self.clients[number].is_idle {
            return;
        }
        self.entries += 1;
        let entry = format!("entry {} of client {number}", self.entries);
        let log = Node::Log(self.log_of(Node::Client(number)));
        self.call(Node::Client(number), log, Request::Submit(entry));
    }
}
