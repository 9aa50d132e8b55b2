//! Logs that have two histories because somebody was careless: two with one key, and copies of yesterday.

use monitor::event::Kind;
use sequencer::recover::Standing;

use super::{Scenario, all_see, in_time, quiet};
use crate::TrialError;
use crate::network::cast::Node;
use crate::network::world::{Plan, World};

const MONITORS: [usize; 3] = [0, 1, 2];

pub(super) const TWO_LOGS: Scenario = Scenario {
    name: "two-logs",
    what: "two logs with one key ask the same witnesses: one history at most is witnessed, and with a receipt of each in hand \
           every monitor has the proof",
    run: two_logs,
};

fn two_logs(seed: u64) -> Result<World, TrialError> {
    let mut world = World::new(Plan::new(seed));
    world.pass(10_000)?;
    world.onlooker.log_lies();
    let branch = world.trees[0].branch(world.logs[0].size());
    let second = world.one_more_log(branch, vec![0, 1, 2]);
    world.shown.insert(Node::Client(1), second);
    let monitor = world.chance.below(3) as usize;
    world.shown.insert(Node::Monitor(monitor), second);
    world.clients[0].hands_in = vec![0, 1, 2];
    world.clients[1].hands_in = vec![0, 1, 2];
    let took = world.until(60_000, |world| all_see(world, &MONITORS, Kind::SplitView))?;
    in_time(&world, took, "a proof with each monitor")?;
    // That no two histories are witnessed is looked at all the time.
    world.pass(20_000)?;
    let evidence = world.witnesses.iter().any(|witness| !witness.evidence().is_empty());
    let stands = world.logs.iter().any(|log| matches!(log.standing, Some(Standing::WitnessesAhead { .. })));
    world.hold(evidence || stands, || "no witness has kept a proof, and no log stands down".to_owned())?;
    Ok(world)
}

pub(super) const OLD_COPY: Scenario = Scenario {
    name: "old-copy",
    what: "a log is restored from a copy of yesterday, and its witnesses can be reached: it stands down before it signs \
           anything, nobody is accused, and monitors tell that it went back",
    run: old_copy,
};

fn old_copy(seed: u64) -> Result<World, TrialError> {
    let mut world = World::new(Plan::new(seed));
    put_back(&mut world)?;
    let before = world.logs[0].size();
    let took = world.until(5_000, |world| world.logs[0].standing.is_some())?;
    in_time(&world, took, "standing down")?;
    world.hold(world.logs[0].size() == before, || "an old copy has signed something".to_owned())?;
    let took =
        world.until(world.plan.limits.delay + 3_000, |world| all_see(world, &MONITORS, Kind::WentBack))?;
    in_time(&world, took, "that the log went back, with each monitor")?;
    Ok(world)
}

/// A copy, some more entries that are published, and the copy in the place of all.
fn put_back(world: &mut World) -> Result<(), TrialError> {
    world.pass(10_000)?;
    let copy = world.logs[0].copy();
    let more = 5_000 + world.chance.below(10_000);
    world.pass(more)?;
    let seen = world.until(10_000, |world| {
        world.logs[0].published.size() > copy.size()
            && world.monitors.iter().all(|watcher| watcher.verified() > copy.size())
    })?;
    in_time(world, seen, "entries after the copy")?;
    world.note("the copy is put back");
    world.onlooker.put_back(0);
    world.logs[0].put_back(&copy, &mut world.trees);
    world.restart(0);
    Ok(())
}

pub(super) const OLD_COPY_ALONE: Scenario = Scenario {
    name: "old-copy-alone",
    what: "the same while its witnesses cannot be reached: it goes on, and shows nothing new; monitors tell that it went \
           back, and have the proof once a receipt is larger than what they were shown. Once the witnesses are reached it stands down, or, if it has outgrown what they \
           have seen, they refuse it and keep the proof",
    run: old_copy_alone,
};

fn old_copy_alone(seed: u64) -> Result<World, TrialError> {
    let mut world = World::new(Plan::new(seed));
    world.onlooker.log_lies();
    put_back(&mut world)?;
    let (shown, seen) = (world.logs[0].published.size(), world.monitors[0].verified());
    for number in 0..3 {
        world.wire.part(Node::Log(0), Node::Witness(number));
    }
    let outgrows = seed.is_multiple_of(2);
    let so_far = if outgrows { seen } else { world.logs[0].size() + 2 };
    let grown = world.until(120_000, |world| world.logs[0].size() >= so_far)?;
    in_time(&world, grown, "growth")?;
    if outgrows {
        world.clients[0].hands_in = MONITORS.to_vec();
        world.pass(4_000)?;
    }
    quiet(&mut world);
    // Of what is not larger than what they have seen the log has no tiles any more that would prove it.
    let notice = if outgrows { Kind::SplitView } else { Kind::WentBack };
    let took = world.until(world.plan.limits.delay + 3_000, |world| all_see(world, &MONITORS, notice))?;
    in_time(&world, took, "notice with each monitor")?;
    world.hold(world.logs[0].standing.is_none(), || "it cannot know yet".to_owned())?;
    world.hold(world.logs[0].published.size() == shown, || "it shows what no witness has seen".to_owned())?;
    world.wire.heal();
    // A witness that could not be reached is asked again after half a minute at most, one that refused after one.
    let took = world.until(100_000, |world| {
        let refused = world.witnesses.iter().all(|witness| !witness.evidence().is_empty());
        if outgrows { refused } else { world.logs[0].standing.is_some() }
    })?;
    in_time(&world, took, "standing down, or a proof with each witness")?;
    world.hold(world.logs[0].published.size() == shown, || "it shows what was refused".to_owned())?;
    Ok(world)
}

pub(super) const OLD_COPY_UNWITNESSED: Scenario = Scenario {
    name: "old-copy-unwitnessed",
    what: "the same of a log that asks no witnesses: it does not notice; every monitor does, by its tiles as soon as it has \
           outgrown what was shown, and before that because it shows less",
    run: old_copy_unwitnessed,
};

fn old_copy_unwitnessed(seed: u64) -> Result<World, TrialError> {
    let mut world = World::new(Plan::new(seed).without_witnesses());
    world.onlooker.log_lies();
    put_back(&mut world)?;
    let slow = world.chance.one_in(2);
    if slow {
        quiet(&mut world);
    }
    let patience = world.plan.limits.delay + 3_000;
    let took = world.until(patience, |world| {
        MONITORS.iter().all(|number| {
            let watcher = &world.monitors[*number];
            watcher.sees(Kind::SplitView) || watcher.sees(Kind::WentBack)
        })
    })?;
    in_time(&world, took, "notice with each monitor")?;
    world.clients.iter_mut().for_each(|client| client.is_idle = false);
    let took = world.until(60_000, |world| all_see(world, &MONITORS, Kind::SplitView))?;
    in_time(&world, took, "a proof with each monitor")?;
    Ok(world)
}

pub(super) const TAMPERED: Scenario = Scenario {
    name: "tampered",
    what: "a log serves an entry that is not the one it signed: every monitor tells so when it reads it",
    run: tampered,
};

fn tampered(seed: u64) -> Result<World, TrialError> {
    let mut world = World::new(Plan::new(seed));
    world.pass(10_000)?;
    world.trees[0].bent = Some(world.logs[0].size() + world.chance.below(5));
    let took = world.until(20_000, |world| all_see(world, &MONITORS, Kind::Tampered))?;
    in_time(&world, took, "the altered entry with each monitor")?;
    world.trees[0].bent = None;
    let took = world
        .until(60_000, |world| MONITORS.iter().all(|number| !world.monitors[*number].sees(Kind::Tampered)))?;
    in_time(&world, took, "the end of it")?;
    Ok(world)
}
