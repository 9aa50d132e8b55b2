//! A witness and a monitor, killed between each two of their steps. The seed says where.

use monitor::event::Kind;

use super::{Scenario, in_time, is_settled, quiet};
use crate::TrialError;
use crate::network::cast::Node;
use crate::network::notary;
use crate::network::watcher;
use crate::network::world::{Plan, World};

pub(super) const WITNESS: Scenario = Scenario {
    name: "witness-killed",
    what: "a witness is killed between two steps of an answer (decided, kept, answered): it cosigns one history, and all three \
           have cosigned the newest head soon after",
    run: witness_killed,
};

fn witness_killed(seed: u64) -> Result<World, TrialError> {
    let mut world = World::new(Plan { monitors: 1, ..Plan::new(seed) });
    let (point, number) = (seed % 3, (seed / 3 % 3) as usize);
    world.pass(1_000 * (seed / 9 % 4))?;
    for _ in 0..6 {
        world.witnesses[number].kill = Some(notary::Kill::ALL[point as usize]);
        world.pass(1_500)?;
    }
    world.witnesses[number].kill = None;
    world.hold(world.witnesses[number].kills > 1, || "it was not killed".to_owned())?;
    quiet(&mut world);
    let took = world.until(90_000, |world| {
        is_settled(world, 0, &[0]) && world.logs[0].published.signatures().len() == 4
    })?;
    in_time(&world, took, "three cosignatures of the newest head")?;
    Ok(world)
}

pub(super) const MONITOR: Scenario = Scenario {
    name: "monitor-killed",
    what: "a monitor is killed between two steps (judged, proofs kept, remembered, told) while it finds out that a log has two \
           histories: it finds out all the same, forgets nothing, and tells nothing twice under two numbers",
    run: monitor_killed,
};

fn monitor_killed(seed: u64) -> Result<World, TrialError> {
    let mut world = World::new(Plan { monitors: 2, ..Plan::new(seed).without_witnesses() });
    world.onlooker.log_lies();
    world.pass(3_000)?;
    let branch = world.trees[0].branch(world.logs[0].size());
    let second = world.one_more_log(branch, vec![]);
    world.shown.insert(Node::Client(1), second);
    world.shown.insert(Node::Monitor(1), second);
    let point = watcher::Kill::ALL[(seed % 4) as usize];
    for step in 0..40 {
        world.monitors[0].kill = Some(point);
        world.pass(450 + 31 * (step % (1 + seed / 4 % 5)))?;
    }
    world.monitors[0].kill = None;
    world.hold(world.monitors[0].kills > 10, || "it was not killed".to_owned())?;
    for _ in 0..3 {
        // Where the proof is found, too.
        world.monitors[0].kill_at_proof = Some(point);
        world.pass(world.plan.gossip)?;
    }
    world.monitors[0].kill_at_proof = None;
    let took = world.until(3 * world.plan.gossip, |world| world.monitors[0].sees(Kind::SplitView))?;
    in_time(&world, took, "the proof")?;
    let incidents = world.monitors[0].memory().incidents().to_vec();
    world.monitors[0].kill = Some(watcher::Kill::Told);
    world.pass(3_000)?;
    let left = world.monitors[0].memory().incidents();
    let kept = incidents.iter().all(|one| left.iter().any(|other| other.subject == one.subject));
    world.hold(kept, || "it has forgotten what was wrong".to_owned())?;
    Ok(world)
}
