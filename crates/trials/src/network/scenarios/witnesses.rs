//! Witnesses that are wrong, away, or lie.

use std::time::Duration;

use monitor::event::Kind;
use sequencer::recover::Standing;
use tlog::checkpoint::SignedCheckpoint;
use tlog::note::Note;
use tlog::note::VerifiedSignature;
use witnessing::Cause;

use super::{Scenario, all_see, in_time, nobody_saw, quiet};
use crate::TrialError;
use crate::network::cast::{Node, vkey};
use crate::network::notary::Temper;
use crate::network::operator::{Habits, request};
use crate::network::world::{Plan, World};

const MONITORS: [usize; 3] = [0, 1, 2];
/// Seconds that a witness's clock may be ahead of the log's.
const CLOCK_SKEW_MAX: u64 = 300;

/// Who has cosigned a note, and when.
fn cosigners(note: &SignedCheckpoint) -> Vec<(usize, u64)> {
    let Ok(parsed) = Note::parse(note.bytes()) else { return vec![] };
    let time = |number: &usize| {
        let keys = [vkey(*number)];
        let opened = parsed.open(&keys).ok()?;
        opened.signatures().iter().find_map(VerifiedSignature::time)
    };
    (0..3).filter_map(|number| Some((number, time(&number)?.seconds()))).collect()
}

fn is_cosigned_by(world: &World, witness: usize) -> bool {
    let published = &world.logs[0].published;
    published.size() == world.logs[0].size() && cosigners(published).iter().any(|(by, _)| *by == witness)
}

pub(super) const CLOCK: Scenario = Scenario {
    name: "wrong-clock",
    what: "a witness's clock is behind, ahead, or jumps back: the log goes on, no note says a time that is not yet, and what \
           a witness says never goes back",
    run: clock,
};

fn clock(seed: u64) -> Result<World, TrialError> {
    let mut world = World::new(Plan::new(seed));
    world.pass(5_000)?;
    let wrong = (seed / 3 % 3) as usize;
    match seed % 3 {
        0 => world.witnesses[wrong].skew = -86_400,
        1 => world.witnesses[wrong].skew = 3_600,
        _ => world.witnesses[wrong].skew = 100,
    }
    for _ in 0..20 {
        world.pass(1_000)?;
        let latest = world.seconds() + CLOCK_SKEW_MAX;
        let times = cosigners(&world.logs[0].published);
        let ahead = times.iter().find(|(_, time)| *time > latest);
        world.hold(ahead.is_none(), || format!("a time that is not yet: {ahead:?}"))?;
        world.hold(times.len() >= 2, || "no quorum".to_owned())?;
    }
    // That no witness says an earlier time than before is looked at all the time.
    world.witnesses[wrong].skew = -7_200;
    world.pass(10_000)?;
    quiet(&mut world);
    let moves = world.until(3_000, |world| world.logs[0].published.size() == world.logs[0].size())?;
    in_time(&world, moves, "a publication of all")?;
    if seed % 3 == 1 {
        let trouble = world.logs[0].council.as_ref().and_then(|council| council.trouble(wrong));
        world.hold(trouble == Some(Cause::BadAnswer), || {
            format!("a clock that is ahead is not told of: {trouble:?}")
        })?;
    } else {
        let took = world.until(5_000, |world| is_cosigned_by(world, wrong))?;
        in_time(&world, took, "the cosignature of the witness whose clock is wrong")?;
    }
    world.hold(nobody_saw(&world, &[Kind::SplitView, Kind::TwoHistoriesCosigned]), || {
        "an accusation".to_owned()
    })?;
    Ok(world)
}

pub(super) const A_DAY_AWAY: Scenario = Scenario {
    name: "witness-away",
    what: "a witness is down for a day: the other two are enough, and it cosigns again within half a minute of its return",
    run: a_day_away,
};

fn a_day_away(seed: u64) -> Result<World, TrialError> {
    let habits = Habits { every: 300_000, refresh: Duration::from_hours(1), ..Plan::new(seed).habits };
    let plan = Plan { habits, poll: 600_000, gossip: 3_600_000, submit: 600_000, ..Plan::new(seed) };
    let limits = monitor::watch::Limits { delay: 1_800_000, ..plan.limits };
    let mut world = World::new(Plan { limits, ..plan });
    let away = (seed % 3) as usize;
    world.pass(400_000)?;
    world.outage(Node::Witness(away));
    for _ in 0..24 {
        world.pass(3_600_000)?;
        let took = world.until(600_000, |world| cosigners(&world.logs[0].published).len() == 2)?;
        in_time(&world, took, "two cosignatures")?;
    }
    world.outage(Node::Witness(away));
    quiet(&mut world);
    let trouble = |world: &World| world.logs[0].council.as_ref().and_then(|council| council.trouble(away));
    let took = world.until(40_000, |world| trouble(world).is_none())?;
    in_time(&world, took, "that it cosigns again")?;
    // What comes late is on the next publication.
    let took = world.until(2 * world.plan.habits.every, |world| is_cosigned_by(world, away))?;
    in_time(&world, took, "its cosignature on what is published")?;
    world.hold(nobody_saw(&world, &Kind::ALL), || "an incident".to_owned())?;
    Ok(world)
}

pub(super) const TWO_FACED: Scenario = Scenario {
    name: "two-faced-witness",
    what: "a witness cosigns two histories of one log: every monitor accuses it and the log with a proof, and nobody else",
    run: two_faced,
};

fn two_faced(seed: u64) -> Result<World, TrialError> {
    let mut world = World::new(Plan::new(seed));
    // With it each history has a quorum: as many liars as this are too many for those who look at cosignatures alone.
    world.onlooker.no_quorum_holds = true;
    world.onlooker.log_lies();
    world.onlooker.witness_lies(2);
    world.pass(4_000)?;
    let branch = world.trees[0].branch(world.logs[0].size());
    world.witnesses[2].temper = Temper::TwoFaced;
    let second = world.one_more_log(branch, vec![1, 2]);
    world.logs[0].asks = vec![0, 2];
    world.restart(0);
    world.shown.insert(Node::Client(1), second);
    world.shown.insert(Node::Monitor(1), second);
    let both = world.until(30_000, |world| {
        let shows = |log: usize| {
            let note = &world.logs[log].published;
            cosigners(note).iter().any(|(by, _)| *by == 2)
                && world.trees.iter().filter(|tree| tree.contains(note.head())).count() == 1
        };
        shows(0) && shows(1)
    })?;
    in_time(&world, both, "two witnessed histories")?;
    let patience = world.plan.poll + 3 * world.plan.gossip;
    let took = world.until(patience, |world| {
        all_see(world, &MONITORS, Kind::SplitView) && all_see(world, &MONITORS, Kind::TwoHistoriesCosigned)
    })?;
    in_time(&world, took, "the accusation of the witness by each monitor")?;
    let accused = |number: usize| {
        let mut incidents = world.monitors[number].memory().incidents().iter();
        incidents.any(|each| each.kind == Kind::TwoHistoriesCosigned && each.subject == vkey(2).to_string())
    };
    world.hold(MONITORS.iter().all(|number| accused(*number)), || "another was accused".to_owned())?;
    Ok(world)
}

pub(super) const ONE_AHEAD: Scenario = Scenario {
    name: "one-witness-ahead",
    what: "one of three witnesses says that it has seen more than there is: an alarm, and the log goes on",
    run: |seed| ahead(seed, 1),
};

pub(super) const TWO_AHEAD: Scenario = Scenario {
    name: "two-witnesses-ahead",
    what: "two of three say so, and without them there is no quorum: the log stands down and signs nothing more",
    run: |seed| ahead(seed, 2),
};

fn ahead(seed: u64, liars: usize) -> Result<World, TrialError> {
    let mut world = World::new(Plan::new(seed));
    world.pass(5_000)?;
    let first = (seed % 3) as usize;
    for liar in 0..liars {
        world.witnesses[(first + liar) % 3].temper = Temper::Ahead(1_000_000 + world.chance.below(1_000));
    }
    let took = world.until(5_000, |world| {
        let council = world.logs[0].council.as_ref();
        council.is_some_and(|council| {
            (0..liars).all(|liar| council.trouble((first + liar) % 3) == Some(Cause::Ahead))
        })
    })?;
    in_time(&world, took, "the alarm")?;
    world.pass(2_000)?;
    let before = world.logs[0].size();
    world.pass(10_000)?;
    let stands = matches!(world.logs[0].standing, Some(Standing::WitnessesAhead { .. }));
    world.hold(stands == (liars == 2), || {
        format!("{liars} witnesses are ahead, and the log stands: {stands}")
    })?;
    let moved = world.logs[0].size() > before && world.logs[0].published.size() > before;
    world.hold(moved != stands, || {
        "the log moves where it should not, or does not where it should".to_owned()
    })?;
    world.hold(nobody_saw(&world, &[Kind::SplitView, Kind::TwoHistoriesCosigned]), || {
        "an accusation".to_owned()
    })?;
    Ok(world)
}

pub(super) const AT_ONCE: Scenario = Scenario {
    name: "at-once",
    what: "a witness is asked for many checkpoints at once, of two histories, some of them twice: what it cosigns is one \
           history, and it says of each of the others which size it has",
    run: at_once,
};

fn at_once(seed: u64) -> Result<World, TrialError> {
    let mut world =
        World::new(Plan { clients: 0, asks: false, witnesses_are_asked: false, ..Plan::new(seed) });
    world.onlooker.log_lies();
    for entry in 0..40 {
        world.trees[0].append(&format!("entry {entry}"));
    }
    let mut other = world.trees[0].branch(10);
    (0..30).for_each(|entry| other.append(&format!("another {entry}")));
    let (mut held, mut seconds) = (0, world.seconds());
    let mut cosigned = vec![];
    for _ in 0..100 {
        if held == 40 {
            break;
        }
        let mut bodies = vec![];
        for _ in 0..12 {
            let tree = if held >= 10 && world.chance.one_in(3) { &other } else { &world.trees[0] };
            let size = held + world.chance.below(41 - held);
            let newest = crate::network::cast::sign(tree.head_at(size));
            bodies.extend(request(tree, held, &newest).map(|body| body.to_vec()));
        }
        seconds += 1;
        let answers = world.witnesses[0].add_checkpoints(&bodies, seconds);
        for (body, answer) in bodies.iter().zip(&answers) {
            let asked = tlog::witness::AddCheckpoint::parse(body).map_err(TrialError::failed)?;
            world.note(format_args!("{:?} = {}", asked.head(), answer.status));
            if answer.status == 200 {
                cosigned.push(asked.head());
            }
        }
        let shown = world.witnesses[0].shown(0).ok_or_else(|| world.broken("it shows nothing"))?;
        let shown = follower::witness::keeper::Held::parse(shown).map_err(TrialError::failed)?.head();
        world.hold(shown.size >= held, || format!("it went back from {held} to {}", shown.size))?;
        held = shown.size;
    }
    world.trees.push(other);
    for pair in cosigned.windows(2) {
        let one = crate::network::onlooker::in_one_history(&world.trees, pair[0], pair[1]);
        world.hold(one, || format!("it cosigned {:?} and {:?}", pair[0], pair[1]))?;
    }
    world.hold(held == 40, || format!("it came to size {held} and no further"))?;
    Ok(world)
}
