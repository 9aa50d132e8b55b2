//! Content beside the log: with its entry or not at all, once, and never back.

use std::sync::Arc;

use bytes::Bytes;
use sequencer::{
    beside::{
        Decision, Declined, DestroyKey, Destruction, Digest, Erase, Info, KeyId, Payload, Rows, Subject, Tag,
        View, Who,
    },
    check::{Faults, content},
    ids::Outcome,
    pool::{Limits, Refusal, Submission},
    remake::Remake,
};
use store::{Batch, Fault, Key, MemoryStore, Store, StoreError, Table};

use crate::{
    faults::{grown, places},
    holds::{named, place},
    testlog::{Made, Setup, TestLog, answer},
};

pub fn owner(name: &str) -> Tag {
    Subject::Principal { iss: "i".into(), sub: name.into() }.tag()
}

pub fn session(name: &str) -> Tag {
    Subject::Session(name.into()).tag()
}

/// A content: what is at rest is whatever bytes here.
pub fn payload(text: &str, of: &str, in_session: Option<&str>, key: u8) -> Payload {
    let pieces: Vec<Bytes> = (0..3).map(|n| Bytes::from(format!("{n} {key} {text}"))).collect();
    let (owner, session) = (owner(of), in_session.map(session));
    let length = text.len() as u32;
    let info = Info { owner, session, key: KeyId([key; 32]), length, pieces: 3, secret: false };
    Payload::new(Digest::of(text), info, pieces).unwrap()
}

pub fn with(made: &Made, payloads: Vec<Payload>, decisions: Vec<Arc<dyn Decision>>) -> Submission {
    Submission { rows: Rows { payloads, decisions }, ..made.submission() }
}

pub fn erase(text: &str) -> Arc<dyn Decision> {
    Arc::new(Erase { digest: Digest::of(text), who: who("erasure") })
}

pub fn destroy(of: &str, key: u8) -> Arc<dyn Decision> {
    Arc::new(DestroyKey(Destruction { owner: owner(of), key: KeyId([key; 32]) }))
}

pub fn who(ground: &str) -> Who {
    Who { by: "admin".into(), ground: ground.into(), at: "2026-11-23T08:14:03.118Z".into(), index: 0 }
}

impl TestLog {
    /// Logs one record with what is beside it.
    pub fn log_with(&mut self, made: &Made, payloads: Vec<Payload>, decisions: Vec<Arc<dyn Decision>>) {
        let reply = self.try_submissions(vec![with(made, payloads, decisions)]);
        self.settle(std::slice::from_ref(made), reply);
    }

    /// All of a content is there.
    pub fn holds_content(&self, payload: &Payload) -> bool {
        let reader = self.reader();
        let Some(info) = reader.payload(payload.digest()).unwrap() else { return false };
        assert_eq!(info, *payload.info());
        for (number, piece) in (0..).zip(payload.pieces()) {
            assert_eq!(reader.payload_piece(payload.digest(), number).unwrap().as_ref(), Some(piece));
        }
        assert!(info.subjects().all(|subject| reader.concerns(payload.digest(), subject).unwrap()));
        true
    }

    /// Nothing is wrong with, and nothing is left over of, anything beside the log.
    pub fn check_content(&self, contents: u64) {
        let mut faults = Faults::default();
        assert_eq!(content::check(self.store(), None, &mut faults).unwrap(), contents);
        assert_eq!(faults.first, []);
    }
}

fn rows(store: &dyn Store) -> Vec<(Key, Bytes)> {
    Table::BESIDE.iter().flat_map(|table| store.scan(*table, None, usize::MAX).unwrap()).collect()
}

/// Each fault of a commit at each place where a commit matters.
#[test]
fn an_entry_and_its_content_are_there_together_or_not_at_all() {
    for place in places() {
        for (fault, kept) in [(Fault::Lost, false), (Fault::Kept, true)] {
            eprintln!("{}: {fault:?}", place.name);
            let mut log = grown(&place);
            let bringing = |n: usize| payload(&n.to_string(), "alice", Some("s"), 1);
            let submissions = || {
                let each = |(n, made): (usize, &Made)| with(made, vec![bringing(n)], vec![]);
                place.group.iter().enumerate().map(each).collect::<Vec<_>>()
            };
            log.faults().fail_commit(0, fault);
            assert_eq!(log.try_submissions(submissions()).unwrap_err(), Refusal::Unknown);
            log.restart();
            let outcomes = log.model.log(&place.group);
            let new: Vec<bool> =
                outcomes.iter().map(|outcome| matches!(outcome, Outcome::Logged { .. })).collect();
            if kept {
                log.check(log.model.size());
            } else {
                assert_eq!(rows(log.store()), [], "nothing of it");
                assert_eq!(log.try_submissions(submissions()).unwrap().outcomes, outcomes);
            }
            // Submitted again, all of it was there before.
            let again = log.try_submissions(submissions()).unwrap();
            assert!(!again.outcomes.iter().any(|outcome| matches!(outcome, Outcome::Logged { .. })));
            for (n, new) in new.iter().enumerate() {
                assert_eq!(log.holds_content(&bringing(n)), *new, "{n}: of new entries, and of no others");
            }
            log.check_content(new.iter().filter(|new| **new).count() as u64);
            log.glance(log.model.size());
        }
    }
}

#[test]
fn what_stands_first_stays_and_a_later_record_adds_whom_it_concerns() {
    let mut log = TestLog::new();
    let first = payload("same", "alice", Some("s-1"), 1);
    let second = payload("same", "bob", Some("s-2"), 2);
    // In one commit, and in two.
    let group = Made::records(0..2);
    let reply = log.try_submissions(vec![
        with(&group[0], vec![first.clone()], vec![]),
        with(&group[1], vec![second.clone()], vec![]),
    ]);
    log.settle(&group, reply);
    log.log_with(&Made::record(2, 0), vec![payload("same", "carol", None, 3)], vec![]);
    assert!(log.holds_content(&first));
    for subject in [owner("alice"), session("s-1"), owner("bob"), session("s-2"), owner("carol")] {
        assert!(log.reader().concerns(first.digest(), subject).unwrap());
        assert_eq!(log.reader().contents_of(subject, None, 10).unwrap(), [first.digest()]);
        assert_eq!(log.reader().contents_of(subject, Some(first.digest()), 10).unwrap(), []);
    }
    assert_eq!(log.reader().contents_of(owner("dave"), None, 10).unwrap(), []);
    log.check_content(1);
    log.check(3);
}

#[test]
fn what_was_erased_never_comes_back() {
    let mut log = TestLog::new();
    let content = payload("x", "alice", Some("s"), 1);
    log.log_with(&Made::record(0, 0), vec![content.clone(), payload("y", "alice", None, 1)], vec![]);
    log.log_with(&Made::record(1, 0), vec![], vec![erase("x")]);
    assert!(!log.holds_content(&content));
    let erasure = log.reader().erasure(content.digest()).unwrap().unwrap();
    assert_eq!((erasure.who.index, &*erasure.who.ground), (1, "erasure"));
    assert_eq!(log.reader().contents_of(owner("alice"), None, 9).unwrap(), [Digest::of("y")]);
    // The record is logged, its content is not kept; also within the commit that erases it.
    log.log_with(&Made::record(2, 0), vec![content.clone()], vec![]);
    let group = Made::records(3..5);
    let reply = log.try_submissions(vec![
        with(&group[0], vec![], vec![erase("y")]),
        with(&group[1], vec![payload("y", "bob", None, 2)], vec![]),
    ]);
    log.settle(&group, reply);
    assert!(!log.holds_content(&content) && !log.holds_content(&payload("y", "bob", None, 2)));
    log.check_content(0);
    // Again, or of what never was: refused, in words.
    for (text, words) in [("x", "was erased already"), ("z", "is not beside this log")] {
        let refused = log.try_submissions(vec![with(&Made::record(9, 0), vec![], vec![erase(text)])]);
        let Err(Refusal::NotAllowed(why)) = refused else { panic!("{refused:?}") };
        assert!(why.contains(words), "{why}");
    }
    log.restart();
    log.check(5);
}

#[test]
fn a_key_is_destroyed_when_nothing_is_left_under_it_and_seals_nothing_more() {
    let mut log = TestLog::new();
    let (old, other) = (payload("x", "alice", None, 1), payload("y", "alice", None, 2));
    log.log_with(&Made::record(0, 0), vec![old.clone(), other.clone()], vec![]);
    let refused = log.try_submissions(vec![with(&Made::record(1, 0), vec![], vec![destroy("alice", 1)])]);
    let Err(Refusal::NotAllowed(why)) = refused else { panic!("{refused:?}") };
    assert!(why.contains("still sealed under this key"), "{why}");
    // The last erasure and the destruction, with one entry: what the first changes, the second sees.
    log.log_with(&Made::record(1, 0), vec![], vec![erase("x"), destroy("alice", 1)]);
    let destroyed = Destruction { owner: owner("alice"), key: KeyId([1; 32]) };
    assert_eq!(log.reader().destructions().unwrap(), [destroyed]);
    let late = vec![with(&Made::record(2, 0), vec![payload("z", "alice", None, 1)], vec![])];
    assert_eq!(log.try_submissions(late).unwrap_err(), Refusal::Overtaken);
    assert!(log.holds_content(&other), "another key of the owner");
    // A record that is there already is answered so, whatever became of its key.
    let again = vec![with(&Made::record(0, 0), vec![old], vec![])];
    assert_eq!(log.try_submissions(again).unwrap().outcomes, [Outcome::Duplicate { index: 0 }]);
    log.log_with(&Made::record(2, 0), vec![payload("z", "alice", None, 3)], vec![]);
    log.check_content(2);
    log.check(3);
}

/// A group that is refused leaves nothing behind; those before and after it in the same commit are logged in a row, and its
/// ids are free.
#[test]
fn a_refused_group_leaves_no_trace_in_its_commit() {
    let mut log = TestLog::new();
    log.log_with(
        &Made::record(0, 0),
        vec![payload("x", "alice", None, 1)],
        vec![erase("x"), destroy("alice", 1)],
    );
    log.store().hold(crate::testlog::At::Start);
    let plug = Made::record(1, 0);
    let first = log.send(std::slice::from_ref(&plug)).unwrap();
    log.store().wait_until_held();
    let send = |group: Vec<Submission>| log.log().submit(group).unwrap();
    let good = [payload("a", "bob", None, 2), payload("b", "bob", None, 2)];
    let receivers = [
        send(vec![with(&Made::record(2, 0), vec![good[0].clone()], vec![])]),
        send(vec![
            with(
                &Made::record(3, 0),
                vec![payload("c", "carol", None, 4)],
                vec![place("never", vec![named("a")])],
            ),
            with(&Made::record(4, 0), vec![payload("d", "alice", None, 1)], vec![]),
        ]),
        // The same ids once more: as if the refused group had never come.
        send(vec![with(&Made::record(3, 0), vec![good[1].clone()], vec![])]),
        send(vec![with(&Made::record(5, 0), vec![], vec![erase("nothing")])]),
        send(vec![with(&Made::record(6, 0), vec![], vec![erase("a")])]),
    ];
    log.store().release();
    log.settle(std::slice::from_ref(&plug), answer(first));
    let replies = receivers.map(answer);
    for (reply, id) in [(&replies[0], 2), (&replies[2], 3), (&replies[4], 6)] {
        log.settle(&[Made::record(id, 0)], reply.clone());
    }
    assert_eq!(*replies[1].as_ref().unwrap_err(), Refusal::Overtaken);
    assert!(matches!(replies[3], Err(Refusal::NotAllowed(_))));
    assert!(!log.holds_content(&payload("c", "carol", None, 4)), "of the refused group");
    assert!(log.holds_content(&good[1]) && !log.holds_content(&good[0]));
    assert_eq!(log.reader().holds().unwrap(), [], "and no hold of the refused group kept anything");
    log.check_content(1);
    log.check(5);
}

/// What a decision may touch is beside the log, not the log.
#[test]
fn a_decision_changes_nothing_but_what_is_beside_the_log() {
    struct Bad(Key, bool);
    impl Decision for Bad {
        fn decide(&self, _: &View<'_>, _: u64) -> Result<Batch, Declined> {
            let (key, puts) = (self.0, self.1);
            Ok(Batch {
                puts: if puts { vec![(key, Bytes::new())] } else { vec![] },
                deletes: if puts { vec![] } else { vec![key] },
                ..Batch::default()
            })
        }
    }
    let mut log = TestLog::new();
    log.submit(&Made::records(0..300));
    for key in [Key::Identity, Key::Bundle { index: 0 }, Key::Run { first: 256 }, Key::Id { from: [0; 32] }] {
        for puts in [true, false] {
            let refused = log.try_submissions(vec![with(
                &Made::record(999, 0),
                vec![],
                vec![Arc::new(Bad(key, puts))],
            )]);
            assert!(matches!(refused, Err(Refusal::NotAllowed(_))), "{key:?}: {refused:?}");
        }
    }
    log.check(300);
}

/// A store that cannot be read is a failure of the log, not a refusal.
#[test]
fn a_decision_that_cannot_read_stops_the_log() {
    struct Unread;
    impl Decision for Unread {
        fn decide(&self, _: &View<'_>, _: u64) -> Result<Batch, Declined> {
            let (key, what) = (Key::Hold { id: [0; 32] }, "torn".to_owned());
            Err(Declined::Store(StoreError::Damaged { key, what }))
        }
    }
    let mut log = TestLog::new();
    let reply = log.try_submissions(vec![with(&Made::record(0, 0), vec![], vec![Arc::new(Unread)])]);
    assert_eq!(reply.unwrap_err(), Refusal::Unknown);
    log.restart();
    log.check(0);
}

/// Bytes of content count as bytes of entries do; a group over every bound passes alone, and others pass after it.
#[test]
fn content_counts_in_the_bounds_and_the_largest_passes() {
    let piece = Bytes::from(vec![7; 6_000]);
    let content = |pieces: u32, text: &str| {
        let (key, owner) = (KeyId([1; 32]), owner("alice"));
        let info = Info { owner, session: None, key, length: 1, pieces, secret: false };
        Payload::new(Digest::of(text), info, vec![piece.clone(); pieces as usize]).unwrap()
    };
    let limits = Limits { pool_bytes_max: 25_000, batch_bytes_max: 12_500, ..Limits::default() };
    let mut log = TestLog::with(Setup { limits, ..Setup::default() });
    log.store().hold(crate::testlog::At::Start);
    let plug = log.send(&[Made::record(0, 0)]).unwrap();
    log.store().wait_until_held();
    let send = |id: u64, pieces| {
        log.log().submit(vec![with(&Made::record(id, 0), vec![content(pieces, &id.to_string())], vec![])])
    };
    // 22 MiB: far over the bound, and it waits alone.
    let large = send(1, 3_840).unwrap();
    assert_eq!(send(2, 1).unwrap_err(), Refusal::PoolFull { waiting: 1 });
    log.store().release();
    log.settle(&[Made::record(0, 0)], answer(plug));
    log.settle(&[Made::record(1, 0)], answer(large));
    let before = log.store().commits();
    log.store().hold(crate::testlog::At::Start);
    let plug = log.send(&[Made::record(2, 0)]).unwrap();
    log.store().wait_until_held();
    let send = |id: u64| {
        log.log().submit(vec![with(&Made::record(id, 0), vec![content(1, &id.to_string())], vec![])])
    };
    let small: Vec<_> = (3..7).map(|id| send(id).unwrap()).collect();
    assert_eq!(send(7).unwrap_err(), Refusal::PoolFull { waiting: 4 }, "five times 6,000 bytes");
    log.store().release();
    log.settle(&[Made::record(2, 0)], answer(plug));
    for (id, receiver) in (3..).zip(small) {
        log.settle(&[Made::record(id, 0)], answer(receiver));
    }
    assert_eq!(log.store().commits() - before, 3, "the plug, and two and two");
    log.check_content(5);
    log.check(7);
}

/// What a check of a store finds beside the log, and what a store that is made anew carries over.
#[test]
fn content_is_checked_and_carried_over() {
    let mut log = TestLog::new();
    let contents = ["x", "y", "z"].map(|text| payload(text, "alice", Some("s"), 1));
    log.log_with(&Made::record(0, 0), contents.to_vec(), vec![]);
    log.log_with(&Made::record(1, 0), vec![payload("e", "alice", None, 1)], vec![erase("e")]);
    let (before, identity) = (rows(log.store()), log.reader().identity().clone());
    let remade = MemoryStore::new();
    let remake = Remake::begin(&remade, &identity).unwrap();
    assert_eq!(remake.carry(log.store()).unwrap(), 0);
    assert_eq!(rows(&remade), before);

    let digest = contents[0].digest().0;
    let of = |text: &str| Digest::of(text);
    let piece = |number| Key::Piece { digest, number };
    let stray = Key::Piece { digest: [9; 32], number: 0 };
    let (none, some) =
        (|key| (key, None), |key, value: &'static [u8]| (key, Some(Bytes::from_static(value))));
    for (change, what) in [
        (none(piece(1)), "piece 1 of 3 is missing"),
        (some(piece(3), b"more"), "no content has this piece"),
        (some(stray, b"stray"), "no content has this piece"),
        (none(Key::Payload { digest }), "no content has this piece"),
        (some(Key::Payload { digest }, b"bent"), "damaged"),
        (none(Key::Subject { subject: session("s").0, digest }), "no row says whom it concerns"),
        (
            some(Key::Erasure { digest }, br#"{"by":"a","ground":"g","at":"t","index":1}"#),
            "was erased, and is still",
        ),
        (some(Key::Erasure { digest: of("q").0 }, b"?"), "expected value"),
        (some(Key::Hold { id: [1; 32] }, b"?"), "expected value"),
        (some(Key::Destroyed { key: [1; 32] }, b"?"), "names no owner"),
    ] {
        let store = MemoryStore::new();
        store.commit(None, Batch::puts(before.clone()), "1".into()).unwrap();
        let (key, value) = change;
        let batch = match value {
            Some(value) => Batch::puts(vec![(key, value)]),
            None => Batch::deletes(vec![key]),
        };
        store.commit(Some(&"1".into()), batch, "2".into()).unwrap();
        let mut faults = Faults::default();
        content::check(&store, None, &mut faults).unwrap();
        assert!(
            faults.total > 0 && faults.first.iter().all(|f| f.what.contains(what)),
            "{key:?}: {faults:?}"
        );
    }
    // With keys at hand, each content is opened.
    let mut faults = Faults::default();
    let open = |digest: Digest, info: &Info, pieces: Vec<Bytes>| {
        assert_eq!(pieces.len(), info.pieces as usize);
        if digest == of("y") { Err("it is another".to_owned()) } else { Ok(()) }
    };
    assert_eq!(content::check(log.store(), Some(&open), &mut faults).unwrap(), 3);
    assert_eq!(faults.first.iter().map(|fault| &*fault.what).collect::<Vec<_>>(), ["it is another"]);
}
