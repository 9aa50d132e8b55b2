//! Bad weather: whom it strikes, and how often. The seed decides.

use testkit::Chance;

use super::cast::Node;
use super::notary;
use super::watcher;
use super::wire::Event;
use super::world::World;

/// One in so many seconds; 0 is never.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Weather {
    /// A witness is killed in the middle of its next answer.
    pub(super) kill_witness: u64,
    /// A monitor is killed in the middle of its next step.
    pub(super) kill_monitor: u64,
    /// The log is started again.
    pub(super) restart_log: u64,
    /// Somebody stops for a while, or comes back.
    pub(super) outage: u64,
    /// Two who were together are apart, or everybody finds together again.
    pub(super) partition: u64,
    /// The clock of a witness is set.
    pub(super) clock: u64,
}

impl Weather {
    /// All of it, often.
    pub(super) const ROUGH: Self =
        Self { kill_witness: 4, kill_monitor: 4, restart_log: 20, outage: 10, partition: 6, clock: 15 };
}

fn strikes(chance: &mut Chance, times: u64) -> bool {
    times > 0 && chance.one_in(times)
}

impl World {
    pub(super) fn weather(&mut self) {
        self.wire.at(self.now + 1_000, Event::Weather);
        let Some(weather) = self.weather else { return };
        let witness = self.chance.below(self.witnesses.len() as u64) as usize;
        let monitor = self.chance.below(self.monitors.len() as u64) as usize;
        if strikes(&mut self.chance, weather.kill_witness) {
            self.witnesses[witness].kill = Some(*self.chance.pick(&notary::Kill::ALL));
        }
        if strikes(&mut self.chance, weather.kill_monitor) {
            self.monitors[monitor].kill = Some(*self.chance.pick(&watcher::Kill::ALL));
        }
        if strikes(&mut self.chance, weather.restart_log) {
            self.restart(0);
        }
        if strikes(&mut self.chance, weather.outage) {
            let all = [Node::Witness(witness), Node::Monitor(monitor)];
            let node = *self.chance.pick(&all);
            self.outage(node);
        }
        if strikes(&mut self.chance, weather.partition) {
            if self.chance.one_in(3) {
                self.wire.heal();
            } else {
                let others = [
                    Node::Log(0),
                    Node::Witness(witness),
                    Node::Monitor((monitor + 1) % self.monitors.len()),
                ];
                let other = *self.chance.pick(&others);
                self.wire.part(Node::Monitor(monitor), other);
                self.wire.part(Node::Log(0), Node::Witness(witness));
            }
        }
        if strikes(&mut self.chance, weather.clock) {
            // Of one witness alone: one whose clock was ahead is of no use until that time has come.
            let skew = self.chance.below(7_200).cast_signed() - 3_600;
            self.witnesses[0].skew = skew;
            self.note(format_args!("the clock of witness-0 is off by {skew} s"));
        }
    }

    /// Somebody stops, or comes back with nothing but what he has kept.
    pub(super) fn outage(&mut self, node: Node) {
        if !self.down.remove(&node) {
            self.down.insert(node);
            self.forget_calls(node);
            self.note(format_args!("{node} is down"));
            return;
        }
        self.note(format_args!("{node} is back"));
        match node {
            Node::Witness(number) => self.witnesses[number].restart(),
            Node::Monitor(number) => {
                self.monitors[number].kill = Some(watcher::Kill::Judged);
                self.monitor_input(number, monitor::watch::Input::Tick);
            }
            Node::Log(number) => self.restart(number),
            Node::Client(_) => {}
        }
    }

    /// Starts a log again.
    pub(super) fn restart(&mut self, number: usize) {
        self.note(format_args!("log-{number} is started again"));
        self.forget_calls(Node::Log(number));
        self.begin(number);
    }

    /// The weather is over, everybody is there, every clock is right.
    pub(super) fn clear_up(&mut self) {
        self.weather = None;
        self.wire.faults = super::wire::Faults::NONE;
        self.wire.heal();
        for node in self.down.clone() {
            self.outage(node);
        }
        self.witnesses.iter_mut().for_each(|witness| witness.skew = 0);
    }
}
