//! Days on which witnesses answer, late or not at all.

use std::time::{Duration, Instant};

use sequencer::witnesses::WhenUnwitnessed::{Hold, Publish};
use witnessing::{Cause, WitnessesError};

use crate::{
    stand_in::Mood,
    world::{World, cosigners, signer},
};

const ALL: [&str; 3] = ["witness-a.test", "witness-b.test", "witness-c.test"];

#[test]
fn what_is_published_is_cosigned_and_satisfies_the_policy() {
    let mut world = World::open_with(Hold);
    for entries in [1, 1, 3, 250, 7] {
        let size = world.submit(entries);
        let note = world.witnessed(size);
        assert!(cosigners(&note).len() >= 2, "{}", String::from_utf8_lossy(note.bytes()));
    }
    assert!(world.heard.failures.lock().is_empty(), "{:?}", world.heard.failures.lock());
    let report = world.asking().report();
    assert!(report.met && report.unmet.is_none() && report.warnings().is_empty());
    // Each was asked once for each head, from where it was.
    for witness in &world.witnesses {
        let asked = witness.asked();
        assert_eq!(asked[0].0, 0, "first contact");
        let chained = asked.windows(2).all(|two| two[1].0 == two[0].1 && two[1].1 > two[0].1);
        assert!(chained, "{asked:?}");
    }
}

#[test]
fn cosignatures_that_come_after_the_quorum_are_on_the_next_publication() {
    let mut world = World::new(Hold);
    world.witnesses[1].is(Mood::Slow(Duration::from_millis(300)));
    world.open();
    let size = world.submit(5);
    world.until("the quorum", |world| world.reader().published().size() == size);
    assert_eq!(cosigners(&world.look()), ["witness-a.test", "witness-c.test"], "nobody waits for the third");
    world.until("the third", |world| cosigners(&world.reader().published()).len() == 3);
    assert_eq!(cosigners(&world.witnessed(size)), ALL, "in the order of the policy");
    let rounds = world.heard.rounds.lock().clone();
    assert!(rounds.iter().all(|(took, _)| *took < Duration::from_millis(250)), "{rounds:?}");
}

#[test]
fn a_witness_that_is_down_is_done_without_and_comes_back() {
    let mut world = World::open_with(Hold);
    let size = world.submit(3);
    world.witnessed(size);
    world.witnesses[2].down();
    let size = world.submit(3);
    assert_eq!(cosigners(&world.witnessed(size)), ALL[..2]);
    world.until("trouble", |world| world.trouble(2).is_some());
    assert!(matches!(world.trouble(2), Some(Cause::Unreachable)), "{:?}", world.trouble(2));
    world.witnesses[2].up();
    world.until("the third again", |world| cosigners(&world.reader().published()).len() == 3);
    assert_eq!(world.trouble(2), None);
}

#[test]
fn without_a_quorum_the_public_log_is_held_and_catches_up() {
    let mut world = World::open_with(Hold);
    let held = world.submit(4);
    let before = world.witnessed(held);
    world.witnesses[0].down();
    world.witnesses[1].is(Mood::says(503, "text/plain", "not now"));
    let size = world.submit(6);
    world.pass(5);
    assert_eq!(world.look().head(), before.head(), "the last one that has enough");
    let report = world.asking().report();
    assert!(!report.met && report.unmet.is_some_and(|(_, rounds)| rounds >= 4), "{report:?}");
    let sentence = report.unmet_for(3).unwrap();
    assert!(sentence.contains("witness-a.test, witness-b.test"), "{sentence}");
    assert_eq!(report.unmet_for(1_000), None);
    world.witnesses[1].is(Mood::Honest);
    let note = world.witnessed(size);
    assert_eq!(cosigners(&note), ALL[1..]);
    world.until("all is well", |world| world.asking().report().unmet.is_none());
}

#[test]
fn without_a_quorum_the_newest_is_published_with_what_there_is_if_that_was_chosen() {
    let mut world = World::open_with(Publish);
    let witnessed = world.submit(4);
    world.witnessed(witnessed);
    world.witnesses[0].down();
    world.witnesses[1].down();
    let size = world.submit(6);
    world.until("publication", |world| world.reader().published().size() == size);
    world.until("the one", |world| cosigners(&world.reader().published()).len() == 1);
    let note = world.look();
    assert_eq!(cosigners(&note), ALL[2..]);
    world.policy().verify(note.bytes().clone()).unwrap_err();
    assert_eq!(world.reader().witnessed().map(|note| note.size()), Some(witnessed));
    world.witnesses[0].up();
    assert_eq!(cosigners(&world.witnessed(size)), ["witness-a.test", "witness-c.test"]);
}

#[test]
fn a_round_ends_at_the_deadline_or_when_nobody_is_left_to_wait_for() {
    let mut world = World::new(Publish);
    world.timeout = Duration::from_millis(300);
    for witness in &world.witnesses {
        witness.is(Mood::Hanging);
    }
    world.open();
    let size = world.submit(1);
    let start = Instant::now();
    world.until("publication", |world| world.reader().published().size() == size);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    let (took, met) = world.heard.rounds.lock()[0];
    assert!(!met && took >= world.timeout && took < world.timeout * 3, "{took:?}");

    let mut world = World::new(Publish);
    world.timeout = Duration::from_secs(20);
    for witness in &world.witnesses {
        witness.unenrol();
    }
    world.open();
    let (took, met) = world.heard.rounds.lock()[0];
    assert!(
        !met && took < Duration::from_millis(1_500),
        "three say at once that they do not follow it: {took:?}"
    );
    world.until("three warnings", |world| world.asking().report().warnings().len() == 3);
    let warnings = world.asking().report().warnings();
    assert!(warnings[0].contains("enrol"), "{warnings:?}");
}

#[test]
fn late_cosignatures_complete_a_head_that_was_overtaken() {
    let mut world = World::new(Hold);
    world.timeout = Duration::from_millis(50);
    world.witnesses[0].down();
    for place in [1, 2] {
        world.witnesses[place].is(Mood::Slow(Duration::from_millis(200)));
    }
    world.open();
    let start = Instant::now();
    // The log grows at each publication, so that no head is the newest one for as long as the witnesses take.
    while start.elapsed() < Duration::from_secs(2) {
        world.submit(1);
        std::thread::sleep(Duration::from_millis(20));
        world.look();
    }
    let published = world.reader().published();
    assert!(published.size() > 1, "the public log moves all the same");
    world.policy().verify(published.bytes().clone()).unwrap();
}

#[test]
fn a_quiet_log_is_cosigned_anew() {
    let mut world = World::new(Hold);
    world.refresh = Duration::from_millis(1_200);
    world.open();
    let size = world.submit(3);
    world.witnessed(size);
    let time = |world: &World| {
        let note = world.reader().published();
        let verified = world.policy().verify(note.bytes().clone()).unwrap();
        verified.witnesses().iter().map(|witness| witness.time().seconds()).max().unwrap()
    };
    let first = time(&world);
    world.until("a later time", |world| time(world) > first + 1);
    let asked = world.witnesses[0].asked();
    assert_eq!(asked.last(), Some(&(size, size)), "an equal size");
    // Nobody waits for a refresh.
    assert_eq!(world.look().size(), size);
}

#[test]
fn a_refresh_that_fails_takes_nothing_away_and_is_told() {
    let mut world = World::new(Hold);
    world.refresh = Duration::from_millis(100);
    world.open();
    let size = world.submit(3);
    world.witnessed(size);
    for witness in &mut world.witnesses {
        witness.down();
    }
    for _ in 0..2 {
        world.until("the age", |world| !world.asking().report().warnings().is_empty());
        let report = world.asking().report();
        assert!(report.met && report.warnings()[0].contains("not renewed"), "{:?}", report.warnings());
        world.witnessed(size);
        // Nor does a restart make them younger.
        world.restart();
    }
}

#[test]
fn with_a_quorum_of_nobody_what_comes_is_taken_along() {
    let mut world = World::new(Publish);
    world.quorum = "quorum none\n";
    world.open();
    let size = world.submit(3);
    world.until("three lines", |world| cosigners(&world.witnessed(size)).len() == 3);
    for witness in &world.witnesses {
        witness.is(Mood::has(1_000));
    }
    let size = world.submit(3);
    world.witnessed(size);
    world.until("alarms", |world| (0..3).all(|place| world.trouble(place) == Some(Cause::Ahead)));
    world.submit(1);
}

#[test]
fn a_policy_that_a_log_cannot_work_by_is_refused() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = World::new(Hold);
    let (log, line) = (signer().verifier_key().clone(), world.witnesses[0].line("w"));
    let no_url: String = line.split(' ').take(3).collect::<Vec<_>>().join(" ");
    let bad_url = format!("{no_url} ftp://w/\n");
    for (text, why) in [
        (format!("{line}quorum w\n"), "does not name this log's key"),
        (format!("log {log}\nquorum none\n"), "nobody to ask"),
        (format!("log {log}\n{no_url}\nquorum w\n"), "no URL"),
        (format!("log {log}\n{bad_url}quorum w\n"), "not the URL"),
    ] {
        let policy = tlog::policy::Policy::parse(text.as_bytes()).unwrap();
        let options = witnessing::Options {
            timeout: world.timeout,
            refresh: world.refresh,
            authorities: None,
            observer: world.heard.clone(),
        };
        let made = witnessing::Witnesses::new(policy, &log, options, runtime.handle().clone());
        let error: WitnessesError = made.err().unwrap();
        assert!(error.to_string().contains(why), "{text}: {error}");
    }
}
