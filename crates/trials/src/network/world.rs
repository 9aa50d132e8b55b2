//! The network: who is there, what is under way, and the time, which moves from one thing that happens to the next.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Display, Write as _};
use std::time::{Duration, Instant};

use monitor::event::Millis;
use monitor::watch::Limits;
use sequencer::witnesses::WhenUnwitnessed;
use testkit::Chance;
use tlog::cosignature::Timestamp;

use super::cast::{NOBODY, Node, TWO_OF_THREE, WITNESSES_MAX, policy, trust};
use super::client::Client;
use super::notary::Notary;
use super::onlooker::Onlooker;
use super::operator::{Habits, Operator};
use super::tree::Tree;
use super::watcher::Watcher;
use super::weather::Weather;
use super::wire::{Answer, Event, Faults, Request, TIMEOUT, Wire};
use crate::TrialError;

/// When it all begins.
const BIRTH: Millis = 1_700_000_000_000;

/// Lines of what happened last that are told of a broken promise.
const LAST: usize = 25;

/// Who is there, and how often each does what.
#[derive(Clone, Copy)]
pub(super) struct Plan {
    pub(super) seed: u64,
    /// Of the log and of whoever reads it.
    pub(super) quorum: &'static str,
    /// Whether the log asks its witnesses.
    pub(super) asks: bool,
    pub(super) monitors: usize,
    pub(super) clients: usize,
    /// Whether monitors ask witnesses what they have cosigned.
    pub(super) witnesses_are_asked: bool,
    pub(super) faults: Faults,
    pub(super) habits: Habits,
    pub(super) limits: Limits,
    pub(super) poll: Millis,
    pub(super) gossip: Millis,
    pub(super) submit: Millis,
}

impl Plan {
    /// A log that asks three witnesses, of which two are enough; three monitors, two clients, and a network without faults.
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            quorum: TWO_OF_THREE,
            asks: true,
            monitors: 3,
            clients: 2,
            witnesses_are_asked: true,
            faults: Faults::NONE,
            habits: Habits {
                every: 1_000,
                refresh: Duration::from_mins(10),
                when_unwitnessed: WhenUnwitnessed::Hold,
            },
            limits: Limits { delay: 15_000, stall: 0, again: 3_600_000, retry: 1_000 },
            poll: 1_000,
            gossip: 5_000,
            submit: 700,
        }
    }

    /// The same, of a log that asks no witnesses.
    pub(super) fn without_witnesses(self) -> Self {
        Self { quorum: NOBODY, asks: false, witnesses_are_asked: false, ..self }
    }
}

/// A question that is not answered yet.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) from: Node,
    pub(super) to: Node,
    pub(super) request: Request,
}

pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) chance: Chance,
    pub(super) now: Millis,
    pub(super) wire: Wire,
    pub(super) trees: Vec<Tree>,
    pub(super) logs: Vec<Operator>,
    pub(super) witnesses: Vec<Notary>,
    pub(super) monitors: Vec<Watcher>,
    pub(super) clients: Vec<Client>,
    /// Which of the logs somebody is shown; the first, if nothing is said.
    pub(super) shown: BTreeMap<Node, usize>,
    /// Who is not running.
    pub(super) down: BTreeSet<Node>,
    pub(super) weather: Option<Weather>,
    pub(super) onlooker: Onlooker,
    pub(super) calls: BTreeMap<u64, Call>,
    pub(super) entries: u64,
    /// What liars call fork proofs, by name.
    pub(super) lies: BTreeMap<String, String>,
    transcript: String,
    called: u64,
    base: Instant,
}

impl World {
    pub(super) fn new(plan: Plan) -> Self {
        let trees = vec![Tree::new()];
        let asks = (0..if plan.asks { WITNESSES_MAX } else { 0 }).collect();
        let log = Operator::new(0, &trees, policy(plan.quorum), asks, plan.habits);
        let mut world = Self {
            plan,
            chance: Chance::seeded(plan.seed),
            now: BIRTH,
            wire: Wire::new(Faults::NONE),
            trees,
            logs: vec![log],
            witnesses: (0..WITNESSES_MAX).map(Notary::new).collect(),
            monitors: vec![],
            clients: (0..plan.clients).map(|_| Client::default()).collect(),
            shown: BTreeMap::new(),
            down: BTreeSet::new(),
            weather: None,
            onlooker: Onlooker::default(),
            calls: BTreeMap::new(),
            entries: 0,
            lies: BTreeMap::new(),
            transcript: String::new(),
            called: 0,
            base: Instant::now(),
        };
        world.begin(0);
        // The log is born before anybody looks.
        world.step_to(BIRTH + 500);
        world.monitors = (0..plan.monitors).map(|number| world.watcher(number)).collect();
        for number in 0..plan.monitors {
            world.monitor_starts(number);
            world.wire.at(world.now + number as Millis, Event::Poll(number));
            world.wire.at(world.now + 100 + number as Millis, Event::Gossip(number));
            world.wire.at(world.now + 50 + number as Millis, Event::Tick(number));
        }
        for number in 0..plan.clients {
            world.wire.at(world.now + 200, Event::Submit(number));
        }
        world.wire.at(world.now + 1_000, Event::Weather);
        world.wire.faults = plan.faults;
        world
    }

    fn watcher(&self, number: usize) -> Watcher {
        let others = (0..self.plan.monitors).filter(|other| *other != number).map(Node::Monitor);
        let witnesses = (0..WITNESSES_MAX).filter(|_| self.plan.witnesses_are_asked).map(Node::Witness);
        Watcher::new(trust(self.plan.quorum), self.plan.limits, others.chain(witnesses).collect())
    }

    /// One more log under the same key, which has this history.
    pub(super) fn one_more_log(&mut self, tree: Tree, asks: Vec<usize>) -> usize {
        self.trees.push(tree);
        let (tree, quorum) = (self.trees.len() - 1, self.plan.quorum);
        self.logs.push(Operator::new(tree, &self.trees, policy(quorum), asks, self.plan.habits));
        self.begin(self.logs.len() - 1);
        self.logs.len() - 1
    }

    /// Opens a log, and lets it publish from now on.
    pub(super) fn begin(&mut self, log: usize) {
        let (now, clock) = (self.moment(), self.clock());
        self.logs[log].start(now, clock);
        let life = self.logs[log].life;
        self.wire.at(self.now, Event::Publish { log, life });
    }

    /// Which log somebody is shown.
    pub(super) fn log_of(&self, node: Node) -> usize {
        self.shown.get(&node).copied().unwrap_or(0)
    }

    pub(super) fn moment(&self) -> Instant {
        self.base + Duration::from_millis(self.now - BIRTH)
    }

    pub(super) fn millis(&self, moment: Instant) -> Millis {
        BIRTH + moment.saturating_duration_since(self.base).as_millis() as Millis
    }

    /// The clock of a log.
    pub(super) fn clock(&self) -> Timestamp {
        Timestamp::from_seconds(self.seconds()).unwrap_or(Timestamp::NONE)
    }

    pub(super) fn seconds(&self) -> u64 {
        self.now / 1_000
    }

    /// Goes on for so long.
    ///
    /// # Errors
    /// A promise was broken.
    pub(super) fn pass(&mut self, time: Millis) -> Result<(), TrialError> {
        self.step_to(self.now + time);
        self.verdict()
    }

    /// Goes on until something is so, at most so long; how long it took, `None` if it did not come to be.
    pub(super) fn until(
        &mut self,
        most: Millis,
        so: impl Fn(&Self) -> bool,
    ) -> Result<Option<Millis>, TrialError> {
        let (begun, step) = (self.now, (self.plan.poll / 10).min(10_000));
        while !so(self) {
            if self.now >= begun + most {
                return self.verdict().map(|()| None);
            }
            self.step_to(self.now + step);
        }
        self.verdict().map(|()| Some(self.now - begun))
    }

    /// What was broken so far.
    pub(super) fn verdict(&self) -> Result<(), TrialError> {
        match &self.onlooker.broken {
            Some(what) => Err(self.broken(what)),
            None => Ok(()),
        }
    }

    /// That a promise was broken, with what happened last.
    pub(super) fn broken(&self, what: impl Display) -> TrialError {
        let lines: Vec<_> = self.transcript.lines().collect();
        let last = lines[lines.len().saturating_sub(LAST)..].join("\n");
        TrialError::broken(format!("{what}\nwhat happened last:\n{last}"))
    }

    /// Holds the world to something.
    pub(super) fn hold(&self, so: bool, what: impl FnOnce() -> String) -> Result<(), TrialError> {
        if so { Ok(()) } else { Err(self.broken(what())) }
    }

    /// All that happened.
    pub(super) fn into_transcript(self) -> String {
        self.transcript
    }

    pub(super) fn note(&mut self, what: impl Display) {
        let at = self.now - BIRTH;
        // A string takes all that is written.
        let _ = writeln!(self.transcript, "{at:>9} {what}");
    }

    fn step_to(&mut self, until: Millis) {
        while let Some((time, event)) = self.wire.next(until) {
            self.now = time;
            self.happens(event);
        }
        self.now = until;
    }

    /// Asks somebody something.
    pub(super) fn call(&mut self, from: Node, to: Node, request: Request) {
        self.called += 1;
        let call = self.called;
        self.calls.insert(call, Call { from, to, request: request.clone() });
        self.wire.at(self.now + TIMEOUT, Event::Timeout { call });
        let event = Event::Arrives { call, from, to, request };
        self.wire.send(self.now, &mut self.chance, &event);
    }

    /// What is under way for somebody is gone with him.
    pub(super) fn forget_calls(&mut self, of: Node) {
        self.calls.retain(|_, call| call.from != of);
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Arrives { call, from, to, request } => self.arrives(call, from, to, &request),
            Event::Answered { call, answer } => self.answered(call, Some(answer)),
            Event::Timeout { call } => self.answered(call, None),
            Event::Publish { log, life } => self.publishes(log, life),
            Event::Deadline { log, round } => self.settle(log, Some(round)),
            Event::Wake { log, place } => self.wake(log, place),
            Event::Poll(number) => self.polls(number),
            Event::Gossip(number) => self.gossips(number),
            Event::Tick(number) => self.ticks(number),
            Event::Submit(number) => self.submits(number),
            Event::Weather => self.weather(),
        }
    }

    fn arrives(&mut self, call: u64, from: Node, to: Node, request: &Request) {
        if self.wire.is_apart(from, to) {
            return;
        }
        let answer =
            if self.down.contains(&to) { Some(Answer::Unreachable) } else { self.serve(from, to, request) };
        let said = answer.as_ref().map_or_else(|| "killed".to_owned(), ToString::to_string);
        self.note(format_args!("{from} > {to}: {request} = {said}"));
        // Of somebody who is killed the connection breaks.
        let answer = answer.unwrap_or(Answer::Unreachable);
        self.wire.send(self.now, &mut self.chance, &Event::Answered { call, answer });
    }

    fn answered(&mut self, call: u64, answer: Option<Answer>) {
        let Some(Call { from, to, .. }) = self.calls.get(&call) else { return };
        if answer.is_some() && self.wire.is_apart(*from, *to) {
            return;
        }
        let Some(Call { from, to, request }) = self.calls.remove(&call) else { return };
        self.came(from, to, request, answer);
    }
}
