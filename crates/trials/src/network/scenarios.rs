//! The bad days.

mod gossip;
mod hidden;
mod histories;
mod kills;
mod rough;
mod witnesses;

use std::panic::{AssertUnwindSafe, catch_unwind};

use monitor::event::{Kind, Millis};

use super::watcher::Manner;
use super::world::World;
use crate::TrialError;

/// A bad day, and what must hold at its end.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// What it is called.
    pub name: &'static str,
    /// What happens, and what must hold.
    pub what: &'static str,
    run: fn(u64) -> Result<World, TrialError>,
}

/// How a bad day went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Course {
    /// Everything that happened, a line each.
    pub transcript: String,
}

/// All of them.
pub const SCENARIOS: &[Scenario] = &[
    rough::HONEST,
    histories::TWO_LOGS,
    histories::OLD_COPY,
    histories::OLD_COPY_ALONE,
    histories::OLD_COPY_UNWITNESSED,
    histories::TAMPERED,
    hidden::ONE_MONITOR,
    hidden::TWO_MONITORS,
    hidden::THREE_MONITORS,
    hidden::PARTED,
    hidden::LIAR_BETWEEN,
    hidden::NEVER_PUBLISHED,
    hidden::WITNESSED_BY_NOBODY,
    witnesses::CLOCK,
    witnesses::A_DAY_AWAY,
    witnesses::TWO_FACED,
    witnesses::ONE_AHEAD,
    witnesses::TWO_AHEAD,
    witnesses::AT_ONCE,
    gossip::AGAIN_AND_AGAIN,
    gossip::FLOOD,
    kills::WITNESS,
    kills::MONITOR,
];

impl Scenario {
    /// The one with this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        SCENARIOS.iter().find(|scenario| scenario.name == name)
    }

    /// Lives through it, as the seed decides.
    ///
    /// # Errors
    /// A promise was broken.
    pub fn run(&self, seed: u64) -> Result<Course, TrialError> {
        let day = AssertUnwindSafe(|| {
            let mut world = (self.run)(seed)?;
            close(&mut world)?;
            Ok(Course { transcript: world.into_transcript() })
        });
        catch_unwind(day).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default();
            Err(TrialError::broken(format!("something panicked: {text}")))
        })
    }
}

/// What has to be so at the end of every day.
fn close(world: &mut World) -> Result<(), TrialError> {
    for number in 0..world.witnesses.len() {
        for text in world.witnesses[number].evidence() {
            world.onlooker.proof(&format!("witness {number}"), &text);
        }
    }
    for number in 0..world.monitors.len() {
        let texts: Vec<_> = world.monitors[number].proofs().values().cloned().collect();
        texts.iter().for_each(|text| world.onlooker.proof(&format!("monitor {number}"), text));
        let accused = world.monitors[number].memory().incidents().iter().flat_map(|each| &each.guilty);
        let innocent = accused.clone().find(|key| !world.onlooker.is_liar(key));
        world.hold(innocent.is_none(), || format!("monitor {number} accuses {innocent:?}, who is honest"))?;
    }
    world.verdict()
}

/// The monitors that keep to the rules.
fn honest(world: &World) -> impl Iterator<Item = usize> {
    (0..world.monitors.len()).filter(|number| world.monitors[*number].manner == Manner::Honest)
}

/// Whether each of these monitors sees something of this kind now.
fn all_see(world: &World, monitors: &[usize], kind: Kind) -> bool {
    monitors.iter().all(|number| world.monitors[*number].sees(kind))
}

/// Whether nobody has ever seen anything of these kinds.
fn nobody_saw(world: &World, kinds: &[Kind]) -> bool {
    world.monitors.iter().all(|watcher| kinds.iter().all(|kind| !watcher.has_seen(*kind)))
}

/// Whether a log is where it should be: all of it published, and each of these monitors has hashed all that is published.
fn is_settled(world: &World, log: usize, monitors: &[usize]) -> bool {
    let size = world.logs[log].size();
    world.logs[log].published.size() == size
        && monitors.iter().all(|number| {
            world.monitors[*number].verified() == size && world.monitors[*number].open().next().is_none()
        })
}

/// Holds the world to that something came to be in time.
fn in_time(world: &World, took: Option<Millis>, what: &str) -> Result<Millis, TrialError> {
    took.ok_or_else(|| world.broken(format!("{what} did not come to be in time")))
}

/// Nobody submits any more.
fn quiet(world: &mut World) {
    world.clients.iter_mut().for_each(|client| client.is_idle = true);
}
