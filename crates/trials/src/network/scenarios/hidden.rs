//! A log that shows one history to auditors and another to agents.

use monitor::event::{Kind, Millis};
use monitor::watch::WAITING_OF_ONE_MAX;

use super::{Scenario, all_see, in_time, nobody_saw, quiet};
use crate::TrialError;
use crate::network::cast::Node;
use crate::network::watcher::Manner;
use crate::network::world::{Plan, World};

/// For what is on its way when the second interval ends.
const ON_ITS_WAY: Millis = 1_000;

/// So many monitors of a log that asks no witnesses, and its second history: agent 1 is shown that, and these monitors.
fn two_histories(seed: u64, monitors: usize, shown_the_second: &[usize]) -> Result<World, TrialError> {
    let mut world = World::new(Plan { monitors, ..Plan::new(seed).without_witnesses() });
    world.onlooker.log_lies();
    // They come later, and have seen nothing of the first one.
    shown_the_second.iter().for_each(|monitor| world.outage(Node::Monitor(*monitor)));
    world.pass(5_000)?;
    let size = world.logs[0].size();
    let at = size - world.chance.below(size.min(8));
    let branch = world.trees[0].branch(at);
    let second = world.one_more_log(branch, vec![]);
    world.shown.insert(Node::Client(1), second);
    for monitor in shown_the_second {
        world.shown.insert(Node::Monitor(*monitor), second);
        world.outage(Node::Monitor(*monitor));
    }
    Ok(world)
}

/// Two gossip intervals, as long as each of these monitors has been shown what it is shown.
fn two_intervals(world: &World) -> Millis {
    2 * world.plan.gossip + ON_ITS_WAY
}

/// Those who watch the second history have to have seen of it what the first does not have.
fn until_both_are_seen(world: &mut World) -> Result<(), TrialError> {
    let seen = world.until(30_000, |world| {
        let of = |log: usize| {
            let tree = &world.trees[world.logs[log].tree];
            let mut watchers =
                (0..world.monitors.len()).filter(|each| world.log_of(Node::Monitor(*each)) == log);
            watchers.any(|each| {
                let proven = world.monitors[each].memory().proven();
                let other = &world.trees[world.logs[1 - log].tree];
                proven.is_some_and(|heard| tree.contains(heard.head()) && !other.contains(heard.head()))
            })
        };
        of(0) && of(1)
    })?;
    in_time(world, seen, "that each history was shown to somebody").map(drop)
}

pub(super) const ONE_MONITOR: Scenario = Scenario {
    name: "hidden-one-monitor",
    what: "a hidden history and one monitor: it cannot know, until an agent hands in the receipt; then it has the proof as \
           soon as the log it watches is as large",
    run: one_monitor,
};

fn one_monitor(seed: u64) -> Result<World, TrialError> {
    let mut world = two_histories(seed, 1, &[])?;
    world.pass(30_000)?;
    world.hold(world.monitors[0].open().next().is_none(), || "it knows what it cannot know".to_owned())?;
    world.hold(!world.clients[1].receipts.is_empty(), || "the agent has no receipt".to_owned())?;
    world.clients[1].hands_in = vec![0];
    let took = world.until(world.plan.limits.delay + 5_000, |world| {
        world.monitors[0].sees(Kind::SplitView) || world.monitors[0].sees(Kind::Unconnected)
    })?;
    in_time(&world, took, "notice")?;
    world.clients[1].is_idle = true;
    let took = world.until(60_000, |world| world.monitors[0].sees(Kind::SplitView))?;
    in_time(&world, took, "the proof")?;
    Ok(world)
}

pub(super) const TWO_MONITORS: Scenario = Scenario {
    name: "hidden-two-monitors",
    what: "each history was shown to one of two monitors: both have the proof within two gossip intervals",
    run: |seed| noticed(two_histories(seed, 2, &[1])?, &[0, 1]),
};

pub(super) const THREE_MONITORS: Scenario = Scenario {
    name: "hidden-three-monitors",
    what: "one of three monitors was shown another history: all three have the proof within two gossip intervals",
    run: |seed| {
        let odd = (seed % 3) as usize;
        noticed(two_histories(seed, 3, &[odd])?, &[0, 1, 2])
    },
};

fn noticed(mut world: World, monitors: &[usize]) -> Result<World, TrialError> {
    until_both_are_seen(&mut world)?;
    if world.chance.one_in(2) {
        // One of them stands still: whoever watches that one needs the proof from who watches the other.
        let still = world.chance.below(2) as usize;
        world.clients[still].is_idle = true;
    }
    let took = world.until(two_intervals(&world), |world| all_see(world, monitors, Kind::SplitView))?;
    in_time(&world, took, "a proof with each monitor")?;
    Ok(world)
}

pub(super) const PARTED: Scenario = Scenario {
    name: "hidden-parted",
    what: "the monitors that were shown different histories are apart: a third in between brings them together; without one \
           nobody knows, until two gossip intervals after they find together again",
    run: parted,
};

fn parted(seed: u64) -> Result<World, TrialError> {
    let bridged = seed.is_multiple_of(2);
    let mut world = two_histories(seed, 3, &[1])?;
    world.wire.part(Node::Monitor(0), Node::Monitor(1));
    if bridged {
        // What one of them was shown goes to the third, and its proof from there to the other.
        until_both_are_seen(&mut world)?;
        let took = world.until(two_intervals(&world), |world| all_see(world, &[0, 1, 2], Kind::SplitView))?;
        in_time(&world, took, "a proof with each monitor, by the third one")?;
        return Ok(world);
    }
    world.wire.part(Node::Monitor(1), Node::Monitor(2));
    world.pass(60_000)?;
    world.hold(nobody_saw(&world, &[Kind::SplitView, Kind::Unconnected]), || {
        "somebody knows what nobody told".into()
    })?;
    world.wire.heal();
    let took = world.until(two_intervals(&world), |world| all_see(world, &[0, 1, 2], Kind::SplitView))?;
    in_time(&world, took, "a proof with each monitor, once they are together")?;
    Ok(world)
}

pub(super) const LIAR_BETWEEN: Scenario = Scenario {
    name: "hidden-liar",
    what: "the same, and a third monitor keeps to itself what it sees, or hands on what it never saw: the honest ones have \
           the proof within two gossip intervals all the same",
    run: |seed| {
        let mut world = two_histories(seed, 3, &[1])?;
        world.monitors[2].manner = *world.chance.pick(&[Manner::Silent, Manner::Liar]);
        noticed(world, &[0, 1])
    },
};

pub(super) const NEVER_PUBLISHED: Scenario = Scenario {
    name: "never-published",
    what: "a log acknowledges, signs, and never publishes: whoever hands the receipt in hears of it after the publication \
           delay, and not before",
    run: never_published,
};

fn never_published(seed: u64) -> Result<World, TrialError> {
    let mut world = two_histories(seed, 2, &[])?;
    // From now on what is shown stands still, and what the agent is promised is beyond it.
    quiet(&mut world);
    world.pass(12_000)?;
    let branch = world.trees[0].branch(world.logs[0].size());
    let hidden = world.one_more_log(branch, vec![]);
    world.pass(1_000)?;
    world.shown.insert(Node::Client(1), hidden);
    (world.clients[1].is_idle, world.clients[1].hands_in) = (false, vec![0]);
    let begun = world.clients[1].words.len();
    let taken = world.until(10_000, |world| world.clients[1].words.len() > begun)?;
    in_time(&world, taken, "that the receipt was heard")?;
    world.hold(world.clients[1].words[begun..].contains(&"waits"), || "it does not wait".to_owned())?;
    quiet(&mut world);
    let delay = world.plan.limits.delay;
    world.pass(delay - 3_000)?;
    world.hold(!world.monitors[0].sees(Kind::Unconnected), || {
        "it is told before the delay is over".to_owned()
    })?;
    let took = world.until(5_000, |world| world.monitors[0].sees(Kind::Unconnected))?;
    in_time(&world, took, "that the head is nowhere")?;
    let took =
        world.until(world.plan.gossip + delay + 3_000, |world| world.monitors[1].sees(Kind::Unconnected))?;
    in_time(&world, took, "that the other monitor knows it too")?;
    let waiting = world.monitors[0].memory().waiting().len();
    world.hold(waiting <= 2 * WAITING_OF_ONE_MAX, || format!("{waiting} heads wait"))?;
    Ok(world)
}

pub(super) const WITNESSED_BY_NOBODY: Scenario = Scenario {
    name: "hidden-from-witnesses",
    what: "a log that has witnesses shows agents a history that it does not show to them: nobody who demands the quorum \
           believes it, and a monitor that is shown it says so at its first look",
    run: witnessed_by_nobody,
};

fn witnessed_by_nobody(seed: u64) -> Result<World, TrialError> {
    let mut world = World::new(Plan::new(seed));
    world.onlooker.log_lies();
    world.pass(5_000)?;
    let branch = world.trees[0].branch(world.logs[0].size());
    let second = world.one_more_log(branch, vec![]);
    world.shown.insert(Node::Client(1), second);
    world.pass(3_000)?;
    world.shown.insert(Node::Monitor(1), second);
    let took = world.until(3 * world.plan.poll, |world| world.monitors[1].sees(Kind::Checkpoint))?;
    in_time(&world, took, "that the checkpoint is not one to be believed")?;
    let took = world.until(two_intervals(&world), |world| all_see(world, &[0, 1, 2], Kind::SplitView))?;
    in_time(&world, took, "a proof with each monitor")?;
    Ok(world)
}
