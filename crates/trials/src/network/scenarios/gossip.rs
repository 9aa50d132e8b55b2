//! Gossip that is repeated, held, swapped, or too much.

use monitor::event::{Kind, What};
use monitor::watch::{EVENTS_MAX, OTHERS_MAX, WAITING_MAX, WAITING_OF_ONE_MAX};

use super::{Scenario, all_see, in_time};
use crate::TrialError;
use crate::network::cast::Node;
use crate::network::watcher::Manner;
use crate::network::wire::Faults;
use crate::network::world::{Plan, World};

pub(super) const AGAIN_AND_AGAIN: Scenario = Scenario {
    name: "again-and-again",
    what: "everything is sent twice, held, swapped, and a liar replays what is old: a split view is proven by all, and each \
           thing is told once",
    run: again_and_again,
};

fn again_and_again(seed: u64) -> Result<World, TrialError> {
    let faults = Faults { lost: 10, twice: 1, held: 4, delay: 3_000 };
    let mut world = World::new(Plan { faults, ..Plan::new(seed).without_witnesses() });
    world.onlooker.log_lies();
    world.monitors[2].manner = Manner::Liar;
    world.pass(10_000)?;
    let branch = world.trees[0].branch(world.logs[0].size());
    let second = world.one_more_log(branch, vec![]);
    world.shown.insert(Node::Client(1), second);
    world.shown.insert(Node::Monitor(1), second);
    world.clients[1].hands_in = vec![0, 1];
    let took = world.until(120_000, |world| all_see(world, &[0, 1], Kind::SplitView))?;
    in_time(&world, took, "a proof with each honest monitor")?;
    world.pass(30_000)?;
    for number in [0, 1] {
        let told = world.monitors[number].told.iter().filter_map(|event| match &event.what {
            What::Incident(told) if !told.again && told.incident == Kind::SplitView => Some(&told.subject),
            _ => None,
        });
        let mut subjects: Vec<_> = told.collect();
        let all = subjects.len();
        subjects.sort_unstable();
        subjects.dedup();
        world.hold(subjects.len() == all, || format!("monitor {number} told a split view twice"))?;
    }
    Ok(world)
}

pub(super) const FLOOD: Scenario = Scenario {
    name: "flood",
    what: "many addresses and another monitor flood a monitor with heads that the log signs for them: what it remembers stays \
           bounded, the log is followed, and another's receipt of a hidden history is heard and proven",
    run: flood,
};

/// Bytes that a monitor remembers, at most: of heads that wait, of other histories, of events.
const MEMORY_MAX: usize = (WAITING_MAX + OTHERS_MAX) * 1_500 + EVENTS_MAX * 1_000;

fn flood(seed: u64) -> Result<World, TrialError> {
    let mut world = World::new(Plan::new(seed).without_witnesses());
    world.onlooker.log_lies();
    world.pass(5_000)?;
    let branch = world.trees[0].branch(world.logs[0].size());
    let second = world.one_more_log(branch, vec![]);
    let flooder = Node::Client(7);
    world.monitors[1].manner = Manner::Flood;
    for round in 0..4 {
        world.flood(flooder, 0, 50);
        if round % 3 == 0 {
            // And some from each of many addresses.
            (100..170).for_each(|other| world.flood(Node::Client(other), 0, 2));
        }
        world.pass(1_000)?;
        let memory = world.monitors[0].memory();
        let (waiting, bytes) = (memory.waiting().len(), memory.to_bytes().len());
        let most = memory
            .waiting()
            .iter()
            .map(|one| memory.waiting().iter().filter(|each| each.from == one.from).count())
            .max();
        world.hold(most <= Some(WAITING_OF_ONE_MAX), || format!("{most:?} heads of one source wait"))?;
        world.hold(waiting <= WAITING_MAX + 2, || format!("{waiting} heads wait"))?;
        world.hold(bytes <= MEMORY_MAX, || format!("{bytes} bytes are remembered"))?;
    }
    // A few receipts, of a size that the log has reached already.
    world.shown.insert(Node::Client(1), second);
    world.clients[1].hands_in = vec![0];
    for _ in 0..4 {
        world.flood(flooder, 0, 20);
        world.pass(1_000)?;
    }
    world.hold(world.clients[1].words.contains(&"waits"), || "another is not heard".to_owned())?;
    let took = world.until(2 * world.plan.gossip, |world| world.monitors[0].sees(Kind::SplitView))?;
    in_time(&world, took, "the proof from another's receipt")?;
    let shown = world.logs[0].published.size();
    let took = world.until(5_000, |world| world.monitors[0].verified() >= shown)?;
    in_time(&world, took, "that the log is followed")?;
    Ok(world)
}
