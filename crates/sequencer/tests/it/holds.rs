//! A hold wins: over an erasure, over the destruction of a key, and in a race.

use std::sync::Arc;

use sequencer::{
    beside::{Decision, Digest, Hold, PlaceHold, ReleaseHold, Scope},
    pool::Refusal,
};

use crate::{
    content::{destroy, erase, payload, who, with},
    testlog::{At, Made, TestLog, answer},
};

pub fn place(id: &str, scopes: Vec<Scope>) -> Arc<dyn Decision> {
    Arc::new(PlaceHold(Hold { id: id.into(), scopes, placed: who("a suit"), released: None }))
}

fn release(id: &str) -> Arc<dyn Decision> {
    Arc::new(ReleaseHold { id: id.into(), who: who("settled") })
}

pub fn named(text: &str) -> Scope {
    Scope::Contents(vec![Digest::of(text).to_string()])
}

fn principal(sub: &str) -> Scope {
    Scope::Principal { iss: "i".into(), sub: sub.into() }
}

impl TestLog {
    /// What a decision is refused with.
    fn refused(&self, decision: Arc<dyn Decision>) -> String {
        match self.try_submissions(vec![with(&Made::record(9_999, 0), vec![], vec![decision])]) {
            Err(Refusal::NotAllowed(why)) => why,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn what_is_held_is_not_erased_until_it_is_released() {
    for scope in [named("x"), Scope::Session("s".into()), principal("alice")] {
        let mut log = TestLog::new();
        let held = payload("x", "alice", Some("s"), 1);
        let free = payload("y", "bob", None, 2);
        log.log_with(&Made::record(0, 0), vec![held.clone(), free.clone()], vec![]);
        log.log_with(&Made::record(1, 0), vec![], vec![place("case-7", vec![scope.clone()])]);
        let why = log.refused(erase("x"));
        assert!(why.contains("case-7") && why.contains(&Digest::of("x").to_string()), "{why}");
        assert!(log.holds_content(&held));
        log.log_with(&Made::record(2, 0), vec![], vec![erase("y")]);
        assert!(!log.holds_content(&free), "no hold covers it");

        log.restart();
        assert!(log.refused(erase("x")).contains("case-7"), "also after a restart");
        log.log_with(&Made::record(3, 0), vec![], vec![release("case-7")]);
        log.log_with(&Made::record(4, 0), vec![], vec![erase("x"), destroy("alice", 1)]);
        assert!(!log.holds_content(&held));
        let [hold] = &log.reader().holds().unwrap()[..] else { panic!("one hold, as history") };
        assert_eq!((&*hold.id, &hold.scopes, hold.placed.index), ("case-7", &vec![scope], 1));
        let released = hold.released.as_ref().unwrap();
        assert_eq!((released.index, &*released.ground), (3, "settled"));
        log.check_content(0);
        log.check(5);
    }
}

/// Content that came to a held session by another record, of another owner.
#[test]
fn a_hold_covers_content_that_a_later_record_brought_into_its_scope() {
    let mut log = TestLog::new();
    log.log_with(&Made::record(0, 0), vec![payload("x", "alice", None, 1)], vec![]);
    log.log_with(&Made::record(1, 0), vec![], vec![place("h", vec![Scope::Session("s".into())])]);
    log.log_with(&Made::record(2, 0), vec![payload("x", "bob", Some("s"), 2)], vec![]);
    assert!(log.refused(erase("x")).contains("\"h\""));
    assert!(log.refused(destroy("alice", 1)).contains("still sealed"));
    // What comes after the hold is held too.
    log.log_with(&Made::record(3, 0), vec![payload("z", "carol", Some("s"), 3)], vec![]);
    assert!(log.refused(erase("z")).contains("\"h\""));
    log.check_content(2);
}

#[test]
fn a_key_of_a_held_owner_is_not_destroyed() {
    let mut log = TestLog::new();
    log.log_with(&Made::record(0, 0), vec![payload("x", "alice", None, 1)], vec![erase("x")]);
    log.log_with(&Made::record(1, 0), vec![], vec![place("h", vec![principal("alice")])]);
    assert!(log.refused(destroy("alice", 1)).contains("\"h\""));
    assert_eq!(log.reader().destructions().unwrap(), []);
    log.log_with(&Made::record(2, 0), vec![], vec![destroy("bob", 2)]);
    log.log_with(&Made::record(3, 0), vec![], vec![release("h"), destroy("alice", 1)]);
    assert_eq!(log.reader().destructions().unwrap().len(), 2);
}

#[test]
fn a_hold_that_makes_no_sense_is_refused_in_words() {
    let mut log = TestLog::new();
    log.log_with(&Made::record(0, 0), vec![payload("x", "alice", None, 1)], vec![erase("x")]);
    log.log_with(&Made::record(1, 0), vec![], vec![place("h", vec![principal("bob")])]);
    for (decision, words) in [
        (place("h", vec![principal("carol")]), "already"),
        (place("i", vec![]), "covers nothing"),
        (place("i", vec![named("x")]), "was erased already"),
        (place("i", vec![Scope::Contents(vec!["?".into()])]), "is not the digest"),
        (release("i"), "no hold"),
    ] {
        let why = log.refused(decision);
        assert!(why.contains(words), "{why}");
    }
    log.log_with(&Made::record(2, 0), vec![], vec![release("h")]);
    assert!(log.refused(release("h")).contains("no hold"), "released once");
    assert!(log.refused(place("h", vec![principal("bob")])).contains("already"), "a name is used once");
    log.check(3);
}

/// In one commit: the first of the two is done, the other refused.
#[test]
fn a_hold_and_an_erasure_of_one_commit_are_decided_in_their_order() {
    for hold_first in [true, false] {
        let mut log = TestLog::new();
        let content = payload("x", "alice", None, 1);
        log.log_with(&Made::record(0, 0), vec![content.clone()], vec![]);
        let decisions = if hold_first {
            [place("h", vec![named("x")]), erase("x")]
        } else {
            [erase("x"), place("h", vec![named("x")])]
        };
        log.store().hold(At::Start);
        let plug = log.send(&[Made::record(1, 0)]).unwrap();
        log.store().wait_until_held();
        let send =
            |(id, decision)| log.log().submit(vec![with(&Made::record(id, 0), vec![], vec![decision])]);
        let both: Vec<_> = (2..).zip(decisions).map(|one| send(one).unwrap()).collect();
        log.store().release();
        log.settle(&[Made::record(1, 0)], answer(plug));
        let replies: Vec<_> = both.into_iter().map(answer).collect();
        log.settle(&[Made::record(2, 0)], replies[0].clone());
        assert!(matches!(replies[1], Err(Refusal::NotAllowed(_))), "{:?}", replies[1]);
        assert_eq!(log.holds_content(&content), hold_first);
        assert_eq!(log.reader().holds().unwrap().len(), usize::from(hold_first));
        log.check(3);
    }
}

/// From two threads, many times: never both, never neither.
#[test]
fn a_hold_and_an_erasure_that_race_are_never_both_done() {
    let mut log = TestLog::new();
    let texts: Vec<String> = (0..60).map(|n| n.to_string()).collect();
    for (id, text) in (0..).zip(&texts) {
        log.log_with(&Made::record(id, 0), vec![payload(text, "alice", None, 1)], vec![]);
    }
    let go = |id: u64, decision| {
        let reply = log.try_submissions(vec![with(&Made::record(id, 0), vec![], vec![decision])]);
        match reply {
            Ok(_) => true,
            Err(Refusal::NotAllowed(_)) => false,
            Err(other) => panic!("{other}"),
        }
    };
    let barrier = std::sync::Barrier::new(2);
    let (held, erased): (Vec<bool>, Vec<bool>) = std::thread::scope(|scope| {
        let holding = scope.spawn(|| {
            let hold = |(id, text): (u64, &String)| {
                barrier.wait();
                go(id, place(text, vec![named(text)]))
            };
            (1_000..).zip(&texts).map(hold).collect()
        });
        let erasing = scope.spawn(|| {
            let erase = |(id, text): (u64, &String)| {
                barrier.wait();
                go(id, erase(text))
            };
            (2_000..).zip(&texts).map(erase).collect()
        });
        (holding.join().unwrap(), erasing.join().unwrap())
    });
    for ((held, erased), text) in held.iter().zip(&erased).zip(&texts) {
        assert!(held != erased, "{text}: held {held}, erased {erased}");
        assert_eq!(log.holds_content(&payload(text, "alice", None, 1)), *held);
    }
    log.check_content(held.iter().filter(|held| **held).count() as u64);
}
