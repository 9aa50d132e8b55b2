//! An honest network under everything that can happen to it.

use monitor::event::Kind;

use super::{Scenario, honest, in_time, is_settled, nobody_saw, quiet};
use crate::TrialError;
use crate::network::watcher::Manner;
use crate::network::weather::Weather;
use crate::network::wire::Faults;
use crate::network::world::{Plan, World};

/// How long the weather is bad.
const ROUGH: u64 = 90_000;
/// Soon enough after it has cleared up: a witness that was refused is asked again after a minute at most.
const SOON: u64 = 90_000;

pub(super) const HONEST: Scenario = Scenario {
    name: "honest",
    what: "an honest network under all faults, with kills, partitions, a wrong clock and a monitor that lies: nobody is \
           accused, and all is well soon after",
    run: in_rough_weather,
};

fn in_rough_weather(seed: u64) -> Result<World, TrialError> {
    let mut world = World::new(Plan { faults: Faults::MANY, ..Plan::new(seed) });
    world.weather = Some(Weather::ROUGH);
    world.monitors[2].manner = Manner::Liar;
    world.clients[0].hands_in = vec![0, 1];
    world.clients[1].hands_in = vec![1];
    world.pass(ROUGH)?;
    world.clear_up();
    quiet(&mut world);
    let took = world.until(SOON, |world| {
        let honest: Vec<_> = honest(world).collect();
        is_settled(world, 0, &honest)
    })?;
    in_time(&world, took, "a settled network")?;
    world.hold(world.logs[0].size() > 0, || "nothing was logged".to_owned())?;
    let grave = [Kind::SplitView, Kind::TwoHistoriesCosigned, Kind::Tampered];
    world.hold(nobody_saw(&world, &grave), || "an honest log was accused".to_owned())?;
    Ok(world)
}
