//! Monitors that hand heads to each other over a network that loses, holds, repeats and swaps what is sent, with a liar
//! among them and kills at any time. The seed decides everything: it makes the same bytes each time.

use std::collections::BTreeMap;

use monitor::event::{Kind, Millis};
use monitor::gossip::{decode, encode, heads};
use monitor::watch::{Effect, Input, WAITING_MAX, Whom};
use testkit::Chance;
use tlog::fork::ForkProof;

use crate::world::{History, Monitored, done, trust};

const POLL: Millis = 1_000;
const GOSSIP: Millis = 5_000;
const STEP: Millis = 100;
const MONITORS: usize = 3;

/// Something on its way to a monitor.
enum Sent {
    Result(Effect),
    List { from: Whom, list: Vec<u8> },
    Fork(String),
}

struct Network {
    chance: Chance,
    now: Millis,
    /// By arrival and number, so that the order is one.
    sent: BTreeMap<(Millis, u64), (usize, Sent)>,
    number: u64,
    monitors: Vec<Monitored>,
    /// What each monitor is shown.
    histories: Vec<History>,
    published: Vec<usize>,
    /// Nobody reaches this one.
    cut_off: Option<usize>,
    delay_max: Millis,
    faults: bool,
}

impl Network {
    fn new(seed: u64, history: &History, faults: bool) -> Self {
        let monitors = (0..MONITORS).map(|_| Monitored::new()).collect();
        Self {
            chance: Chance::seeded(seed),
            now: 0,
            sent: BTreeMap::new(),
            number: 0,
            monitors,
            histories: vec![history.clone(); MONITORS],
            published: vec![0; MONITORS],
            cut_off: None,
            delay_max: if faults { 3_000 } else { 200 },
            faults,
        }
    }

    fn send(&mut self, to: usize, sent: Sent) {
        let at = self.now + 1 + self.chance.below(self.delay_max);
        self.number += 1;
        self.sent.insert((at, self.number), (to, sent));
    }

    fn step_one(&mut self, at: usize, input: Input) {
        let effects = self.monitors[at].step(self.now, input);
        effects.into_iter().for_each(|effect| self.send(at, Sent::Result(effect)));
        assert!(self.monitors[at].watch.memory().waiting().len() <= WAITING_MAX + 2);
    }

    fn arrive(&mut self, to: usize, sent: Sent) {
        match sent {
            Sent::Result(effect) => {
                let input = done(&self.histories[to], effect);
                self.step_one(to, input);
            }
            Sent::Fork(text) => self.step_one(to, Input::Fork { text, from: Whom::Peer("a monitor".into()) }),
            Sent::List { from, list } => {
                for heard in decode(&list).iter().filter_map(|note| trust().hear(note).ok()) {
                    self.step_one(to, Input::Heard { heard, from: from.clone() });
                }
            }
        }
    }

    fn gossip(&mut self, from: usize) {
        let list = encode(heads(self.monitors[from].watch.memory())).into_bytes();
        for to in (0..MONITORS).filter(|to| *to != from) {
            let apart = self.cut_off.is_some_and(|apart| apart == to || apart == from);
            if apart || (self.faults && self.chance.one_in(5)) {
                continue;
            }
            let times = if self.faults && self.chance.one_in(5) { 2 } else { 1 };
            for _ in 0..times {
                for text in
                    self.monitors[from].proofs.iter().map(|(_, text)| text.clone()).collect::<Vec<_>>()
                {
                    self.send(to, Sent::Fork(text));
                }
                self.send(to, Sent::List { from: Whom::Peer(format!("monitor {from}")), list: list.clone() });
            }
        }
    }

    /// Replays, repeats, swaps, bends and floods; signs nothing, for it has no key.
    fn lie(&mut self, to: usize) {
        let mut lists = vec![];
        for _ in 0..=self.chance.below(20) {
            let history = self.histories[to].clone();
            let size = self.chance.below(history.size() as u64 + 1) as usize;
            let mut note = history.note(size, &[0]).to_vec();
            if self.chance.one_in(3) {
                let at = self.chance.below(note.len() as u64) as usize;
                note[at] ^= 1 << self.chance.below(7);
            }
            lists.push(note);
        }
        let list = lists.join(&b'\n');
        self.send(to, Sent::List { from: Whom::Peer("liar".into()), list });
    }

    fn run(&mut self, until: Millis, mut each: impl FnMut(&mut Self)) {
        while self.now < until {
            self.now += STEP;
            while let Some(first) = self.sent.first_entry().filter(|first| first.key().0 <= self.now) {
                let (to, sent) = first.remove();
                self.arrive(to, sent);
            }
            for at in 0..MONITORS {
                if self.now.is_multiple_of(POLL) {
                    let heard = self.histories[at].heard(self.published[at], &[0, 1]);
                    self.step_one(at, Input::Shown(heard));
                }
                if self.now.is_multiple_of(GOSSIP) {
                    self.gossip(at);
                }
                self.step_one(at, Input::Tick);
            }
            each(self);
        }
    }

    fn told(&self) -> Vec<String> {
        let all = self.monitors.iter().flat_map(|monitored| &monitored.events);
        all.map(|event| serde_json::to_string(event).unwrap()).collect()
    }
}

/// A minute of an honest log under all that a network and a liar can do.
fn honest(seed: u64) -> Network {
    let history = History::of(800);
    let mut network = Network::new(seed, &history, true);
    network.run(60_000, |network| {
        for at in 0..MONITORS {
            if network.chance.one_in(20) {
                let size = network.published[at] + network.chance.below(30) as usize;
                network.published[at] = size.min(800);
            }
            if network.chance.one_in(50) {
                network.lie(at);
            }
            if network.chance.one_in(100) {
                // What was under way is gone with the process.
                network.sent.retain(|_, (to, sent)| *to != at || !matches!(sent, Sent::Result(_)));
                let effects = network.monitors[at].kill(network.now);
                effects.into_iter().for_each(|effect| network.send(at, Sent::Result(effect)));
            }
        }
        if network.chance.one_in(50) {
            network.cut_off =
                network.chance.one_in(2).then(|| network.chance.below(MONITORS as u64) as usize);
        }
    });
    network.published = vec![800; MONITORS];
    network.run(75_000, |_| {});
    network
}

#[test]
fn an_honest_log_is_never_accused_whatever_the_network_and_a_liar_do() {
    for seed in 0..6 {
        let network = honest(seed);
        for monitored in &network.monitors {
            let grave: Vec<_> =
                monitored.watch.memory().incidents().iter().filter(|each| each.is_open()).collect();
            assert!(grave.is_empty(), "seed {seed}: {grave:?}");
            for kind in [Kind::SplitView, Kind::Tampered, Kind::TwoHistoriesCosigned] {
                assert!(
                    monitored.watch.memory().incidents().iter().all(|each| each.kind != kind),
                    "seed {seed}"
                );
            }
            assert_eq!(monitored.verified(), 800, "seed {seed}");
            let ids: std::collections::BTreeSet<_> = monitored.events.iter().map(|event| &event.id).collect();
            assert_eq!(ids.len(), monitored.events.len(), "seed {seed}: an id for each event");
        }
    }
}

#[test]
fn the_same_seed_tells_the_same_bytes() {
    let told = honest(3).told();
    assert!(!told.is_empty() && told == honest(3).told());
    assert_ne!(told, honest(4).told());
}

#[test]
fn a_fork_that_one_of_three_was_shown_is_proven_by_all_within_two_exchanges() {
    for seed in 0..12 {
        let history = History::of(800);
        let mut network = Network::new(seed, &history, false);
        let at = 1 + network.chance.below(600) as usize;
        let liar_size = at + 1 + network.chance.below((700 - at) as u64) as usize;
        network.histories[2] = history.fork(at, liar_size);
        network.published = vec![800, 800, liar_size];
        network.run(POLL, |_| {});
        // All three have been shown a head; from now on two exchanges are time enough.
        network.run(POLL + 2 * GOSSIP, |_| {});
        for (number, monitored) in network.monitors.iter().enumerate() {
            let of = monitored.watch.memory().incidents().iter().filter(|each| each.kind == Kind::SplitView);
            assert!(of.count() >= 1, "seed {seed}: monitor {number} has not seen it");
            for (_, text) in &monitored.proofs {
                let fork = ForkProof::parse(text.as_bytes()).unwrap().verify().unwrap();
                assert!(fork.log_is_guilty(), "seed {seed}");
            }
            // Witnesses 0 and 1 have cosigned both.
            assert!(monitored.open(Kind::TwoHistoriesCosigned) == 2, "seed {seed}: monitor {number}");
        }
    }
}
