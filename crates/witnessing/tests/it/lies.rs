//! Witnesses that lie, are wrong, or want to do harm: nothing of theirs is kept, and the others are enough.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use sequencer::{
    log::Status,
    recover::Standing,
    witnesses::WhenUnwitnessed::{Hold, Publish},
};
use tlog::witness::AddCheckpoint;
use tokio::sync::Semaphore;
use witnessing::Cause;

use crate::{
    stand_in::Mood,
    world::{World, cosigners},
};

#[test]
fn one_that_lies_in_any_way_is_done_without_and_told_of() {
    let text = "text/plain; charset=utf-8";
    for (mood, cause) in [
        (Mood::OtherHead, Cause::BadAnswer),
        (Mood::OtherKey, Cause::BadAnswer),
        (Mood::OtherTime, Cause::BadAnswer),
        (Mood::says(200, text, ""), Cause::BadAnswer),
        (Mood::says(200, text, "\u{2014} x y\n"), Cause::BadAnswer),
        (Mood::says(200, text, &"x".repeat(50 << 20)), Cause::BadAnswer),
        (Mood::says(409, text, "3\n"), Cause::OtherRoot),
        (Mood::says(409, "text/x.tlog.size", "many\n"), Cause::BadAnswer),
        (Mood::says(422, text, "no"), Cause::ProofRefused),
        (Mood::says(400, text, "no"), Cause::Malformed),
        (Mood::says(403, text, "no"), Cause::KeyRefused),
        (Mood::says(404, text, "no"), Cause::NotEnrolled),
        (Mood::says(429, text, "no"), Cause::Busy),
        (Mood::says(500, text, "no"), Cause::ServerError),
        (Mood::has(0), Cause::Inconsistent),
        (Mood::has(1 << 40), Cause::Ahead),
        (
            Mood::Says {
                status: 307,
                headers: vec![("location", "http://127.0.0.1:1/elsewhere")],
                body: String::new(),
            },
            Cause::BadAnswer,
        ),
        (
            Mood::Says { status: 200, headers: vec![("content-encoding", "br")], body: "x".into() },
            Cause::BadAnswer,
        ),
    ] {
        let mut world = World::new(Hold);
        world.witnesses[1].is(mood.clone());
        world.open();
        let size = world.submit(3);
        let note = world.witnessed(size);
        assert_eq!(cosigners(&note), ["witness-a.test", "witness-c.test"]);
        world.until("trouble", |world| world.trouble(1).is_some());
        assert_eq!(world.trouble(1), Some(cause), "{:.200}", format!("{mood:?}"));
        assert_eq!(world.log().status(), Status::Writing);
        let warnings = world.asking().report().warnings();
        assert_eq!(warnings.len(), usize::from(!cause.passes()), "{warnings:?}");
    }
}

#[test]
fn one_that_hangs_or_drips_costs_nobody_anything() {
    for mood in [Mood::Hanging, Mood::Dripping] {
        let mut world = World::new(Hold);
        world.witnesses[0].is(mood);
        world.open();
        for _ in 0..5 {
            let size = world.submit(2);
            let note = world.witnessed(size);
            assert_eq!(cosigners(&note), ["witness-b.test", "witness-c.test"]);
        }
        assert_eq!(world.witnesses[0].asked().len(), 1, "one request at a time");
        let start = Instant::now();
        world.close();
        assert!(start.elapsed() < Duration::from_secs(2), "nor does it keep the log from ending");
    }
}

#[test]
fn a_witness_that_is_ahead_is_asked_no_more() {
    let mut world = World::new(Hold);
    world.witnesses[2].is(Mood::has(7_000));
    world.open();
    world.until("the alarm", |world| world.trouble(2) == Some(Cause::Ahead));
    let asked = world.witnesses[2].asked().len();
    for _ in 0..3 {
        let size = world.submit(1);
        world.witnessed(size);
    }
    assert_eq!(world.witnesses[2].asked().len(), asked);
    let warnings = world.asking().report().warnings();
    assert!(warnings.len() == 1 && warnings[0].contains("larger tree"), "{warnings:?}");
}

/// Every commit is signed and answered with, so a submitter may be faster than the log.
#[test]
fn one_that_somebody_else_has_shown_more_of_the_log_is_not_ahead() {
    let mut world = World::open_with(Hold);
    world.submit(1);
    world.until("all three", |world| world.witnesses.iter().all(|witness| witness.stored() == 1));
    let leave = Arc::new(Semaphore::new(0));
    for witness in &world.witnesses {
        witness.is(Mood::Held(leave.clone()));
    }
    world.submit(2);
    let all_asked = |world: &World, what| world.witnesses.iter().all(|it| it.asked().last() == Some(&what));
    world.until("requests", |world| all_asked(world, (1, 3)));
    let size = world.submit(2);
    let committed = world.reader().committed();
    let proof = world.reader().consistency(1, committed.head()).unwrap().hashes;
    let request = AddCheckpoint::new(1, proof, &committed.checkpoint).unwrap();
    for witness in &world.witnesses {
        assert_eq!(witness.shown(&request), 200);
        witness.is(Mood::Honest);
    }
    leave.add_permits(3);
    world.until("answers", |world| {
        all_asked(world, (size, size)) || (0..3).any(|place| world.trouble(place) == Some(Cause::Ahead))
    });
    assert_eq!(world.log().status(), Status::Writing, "{:?}", world.asking().report());
    world.witnessed(size);
}

/// An old copy of the whole directory is in accord with itself; the witnesses are the evidence on other machines.
#[test]
fn an_old_copy_of_everything_signs_nothing() {
    for choice in [Hold, Publish] {
        let mut witnesses = World::open_with(choice);
        let size = witnesses.submit(9);
        witnesses.until("all three", |world| world.witnesses.iter().all(|witness| witness.stored() == size));
        witnesses.close();
        // A log with the same key that has nothing of it: what an old copy looks like from outside.
        let mut old = World::new(choice);
        std::mem::swap(&mut old.witnesses, &mut witnesses.witnesses);
        old.open();
        let standing = Standing::WitnessesAhead { stored: 0, known: size };
        assert_eq!(old.log().status(), Status::ReadOnly(standing.clone()), "{choice:?}");
        assert!(standing.to_string().contains("cosigned 9"), "{standing}");
        assert_eq!(old.reader().committed().head().size, 0, "before it has signed anything");
    }
}

#[test]
fn fewer_liars_than_a_quorum_needs_do_not_stop_a_log_and_more_do() {
    for (liars, stops) in [(1, false), (2, true)] {
        let mut world = World::new(Publish);
        for witness in &world.witnesses[..liars] {
            witness.is(Mood::has(1_000));
        }
        world.open();
        world.until("alarms", |world| (0..liars).all(|place| world.trouble(place) == Some(Cause::Ahead)));
        world.until("its standing", |world| {
            stops == matches!(world.log().status(), Status::ReadOnly(Standing::WitnessesAhead { .. }))
        });
        if !stops {
            let size = world.submit(1);
            world.witnessed(size);
        }
    }
}

#[test]
fn retry_after_is_kept() {
    let mut world = World::new(Hold);
    let wait = vec![("retry-after", "2")];
    world.witnesses[1].is(Mood::Says { status: 429, headers: wait, body: String::new() });
    world.open();
    let start = Instant::now();
    world.until("trouble", |world| world.trouble(1) == Some(Cause::Busy));
    world.witnesses[1].is(Mood::Honest);
    while start.elapsed() < Duration::from_millis(1_500) {
        let size = world.submit(1);
        world.witnessed(size);
    }
    assert_eq!(world.witnesses[1].asked().len(), 1, "it was left alone");
    world.until("its cosignature", |world| cosigners(&world.reader().published()).len() == 3);
}
