//! A witness as it answers: each answer of the protocol, and what it has kept when it gives one.

use std::sync::Arc;

use follower::witness::{
    enrolled::Enrolled,
    keeper::{Keeper, Limits, OriginId},
    service::{Reply, Witness},
};
use store::{Fault, FaultyStore, MemoryStore, Store};
use testkit::keys::{LOG, OTHER_LOG, TestKey, WITNESSES};
use tlog::{
    Head,
    checkpoint::SignedCheckpoint,
    cosignature::{Cosigner, Timestamp},
    fork::{ForkProof, Statement},
    key::{Signer, VerifierKey},
    note::Note,
    witness::{AddCheckpoint, Answer, Cosignature, SIZE_CONTENT_TYPE, SignSubtree, WitnessKeys},
};

use crate::history::History;
use crate::setup::{Watched, together, wait};

fn signer(key: TestKey) -> Signer {
    Signer::from_seed(key.name.parse().unwrap(), &key.seed)
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_seconds(seconds).unwrap()
}

fn enrolled(logs: &[TestKey]) -> Enrolled {
    let log = |key: &TestKey| format!("\nvkey {}\nqpd 86400\ncontact nobody\n", signer(*key).verifier_key());
    format!("logs/v0\n{}", logs.iter().map(log).collect::<String>()).parse().unwrap()
}

/// A witness with a key of each type, of the log [`LOG`].
fn witness(store: Arc<impl Store + 'static>) -> Witness {
    let [a, b, _] = WITNESSES;
    let keys = vec![
        Cosigner::from_seed(a.name.parse().unwrap(), &a.seed),
        Cosigner::ml_dsa_44(b.name.parse().unwrap(), &b.seed),
    ];
    let keeper = Keeper::open(store, Limits::default()).unwrap();
    Witness::new(keeper, WitnessKeys::new(keys).unwrap(), enrolled(&[LOG]))
}

fn fresh() -> Witness {
    witness(Arc::new(MemoryStore::new()))
}

fn request(history: &History, old: u64, new: u64, log: TestKey) -> String {
    let proof = if old == 0 { vec![] } else { history.consistency(old, new).hashes };
    AddCheckpoint::new(old, proof, &history.signed(new, &signer(log))).unwrap().to_string()
}

/// What the witness answers to an honest growth of [`LOG`].
fn grow(witness: &Witness, old: u64, new: u64, now: u64) -> Reply {
    wait(witness.add_checkpoint(request(&History::honest(), old, new, LOG).as_bytes(), at(now)))
}

fn keys(witness: &Witness) -> Vec<VerifierKey> {
    witness.verifier_keys().cloned().collect()
}

/// The times of a good answer, which is one by each key.
fn times(witness: &Witness, reply: &Reply, checkpoint: &SignedCheckpoint) -> Vec<u64> {
    assert_eq!((reply.status, reply.content_type), (200, "text/plain; charset=utf-8"), "{}", reply.body);
    let taken = Answer::parse(reply.body.as_bytes()).unwrap().take(checkpoint, &keys(witness), None).unwrap();
    assert_eq!(taken.len(), 2, "one by each key");
    taken.iter().map(|by| by.time().seconds()).collect()
}

fn stored(witness: &Witness) -> Option<Head> {
    witness.keeper().get(&LOG.name.parse().unwrap()).map(|held| held.head())
}

#[test]
fn a_log_is_cosigned_as_it_grows_and_shown_to_monitors_as_it_was_cosigned() {
    let (witness, honest) = (fresh(), History::honest());
    let id = OriginId::of(&LOG.name.parse().unwrap());
    assert_eq!(witness.checkpoint(&id), None);
    for (old, new, now) in [(0, 1, 100), (1, 7, 101), (7, 7, 160), (7, 200, 161)] {
        let reply = grow(&witness, old, new, now);
        let signed = honest.signed(new, &signer(LOG));
        assert_eq!(times(&witness, &reply, &signed), [now, now]);
        assert_eq!(stored(&witness), Some(honest.head(new)));
        let shown = witness.checkpoint(&id).unwrap();
        let note = Note::parse(&shown).unwrap();
        assert_eq!(note.signatures().len(), 3, "the log's line and its own");
        let all: Vec<VerifierKey> =
            keys(&witness).into_iter().chain([signer(LOG).verifier_key().clone()]).collect();
        assert_eq!(note.open(&all).unwrap().signatures().len(), 3, "and all hold");
    }
    assert_eq!(witness.checkpoint(&OriginId::from_bytes([7; 32])), None);
}

/// Each answer that is no cosignature, and that nothing has changed after it.
#[test]
fn what_is_refused_is_refused_as_the_protocol_says() {
    let (witness, honest) = (fresh(), History::honest());
    let forked = honest.forked_at(5);
    let plain = "text/plain; charset=utf-8";
    assert_eq!(grow(&witness, 0, 0, 100).status, 200, "a log without entries has a head too");
    assert_eq!(grow(&witness, 0, 10, 100).status, 200);
    let garbage = |text: String| {
        let (before, after) = text.rsplit_once("— ").unwrap();
        let (name, _) = after.split_once(' ').unwrap();
        let (_, line) =
            request(&forked, 0, 10, LOG).rsplit_once("— ").map(|(a, b)| (a.len(), b.to_owned())).unwrap();
        assert!(line.starts_with(name));
        format!("{before}— {line}")
    };
    let wrong_proof = {
        let good = request(&honest, 10, 20, LOG);
        let other = request(&honest, 10, 21, LOG);
        let hashes = |text: &str| text.split("\n\n").next().unwrap().to_owned();
        good.replace(&hashes(&good), &hashes(&other))
    };
    let ahead = request(&honest, 10, 20, LOG).replacen("old 10", "old 30", 1);
    for (what, body, status, kind) in [
        ("a stale size", request(&honest, 5, 20, LOG), 409, SIZE_CONTENT_TYPE),
        ("as if never seen", request(&honest, 0, 20, LOG), 409, SIZE_CONTENT_TYPE),
        ("an unknown log", request(&honest, 0, 20, OTHER_LOG), 404, plain),
        ("another key under its name", request(&honest, 10, 20, testkit::keys::IMPOSTOR), 403, plain),
        ("its name and another's bytes", garbage(request(&honest, 10, 20, LOG)), 403, plain),
        ("a wrong proof", wrong_proof, 422, plain),
        ("a fork of the same size", request(&forked, 10, 10, LOG), 422, plain),
        ("a rewritten log", request(&forked, 10, 20, LOG), 422, plain),
        ("an old size beyond the new one", ahead, 400, plain),
        ("no request", "hello\n".to_owned(), 400, plain),
        ("nothing", String::new(), 400, plain),
        ("too much", "old 10\n".to_owned() + &"x".repeat(200_000), 400, plain),
    ] {
        let reply = wait(witness.add_checkpoint(body.as_bytes(), at(200)));
        assert_eq!((reply.status, reply.content_type), (status, kind), "{what}: {}", reply.body);
        if status == 409 {
            assert_eq!(reply.body, "10\n", "{what}");
        } else {
            assert!(reply.body.ends_with('\n') && !reply.body.contains('—'), "{what}: {}", reply.body);
        }
        assert_eq!(stored(&witness), Some(honest.head(10)), "{what}");
    }
}

/// What proves a fork is kept as a proof that anybody can check; what proves nothing takes no room.
#[test]
fn the_proof_of_a_fork_is_kept_and_nothing_else() {
    let (witness, honest) = (fresh(), History::honest());
    let forked = honest.forked_at(5);
    assert_eq!(grow(&witness, 0, 10, 100).status, 200);
    let garbled = request(&honest, 10, 20, LOG).replacen(
        "old 10\n",
        "old 10\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        1,
    );
    for body in [garbled, request(&honest, 5, 20, LOG), request(&forked, 10, 10, OTHER_LOG)] {
        wait(witness.add_checkpoint(body.as_bytes(), at(101)));
        assert_eq!(witness.keeper().contradictions(), []);
    }
    for (kept, size) in [(1, 10), (2, 20), (2, 20)] {
        let reply = wait(witness.add_checkpoint(request(&forked, 10, size, LOG).as_bytes(), at(102)));
        assert_eq!(reply.status, 422);
        assert_eq!(witness.keeper().contradictions().len(), kept);
    }
    for id in witness.keeper().contradictions() {
        let text = witness.keeper().contradiction(&id).unwrap().unwrap();
        let fork = ForkProof::parse(text.as_bytes()).unwrap().verify().unwrap();
        let guilty: Vec<&VerifierKey> = fork.guilty().map(Statement::key).collect();
        assert_eq!(guilty, [signer(LOG).verifier_key()], "the log, and not the witness that refused");
    }
    assert_eq!(grow(&witness, 10, 30, 103).status, 200, "the first history goes on");
}

#[test]
fn the_time_never_goes_back_for_a_log() {
    let witness = fresh();
    let signed = |size| History::honest().signed(size, &signer(LOG));
    let mut given = vec![];
    for (old, new, clock) in [(0, 1, 1_000), (1, 2, 900), (2, 2, 999), (2, 3, 1_001), (3, 4, 1)] {
        given.extend(times(&witness, &grow(&witness, old, new, clock), &signed(new)));
    }
    assert_eq!(given, [1_000, 1_000, 1_000, 1_000, 1_000, 1_000, 1_001, 1_001, 1_001, 1_001]);
    let without = fresh();
    let reply =
        wait(without.add_checkpoint(request(&History::honest(), 0, 1, LOG).as_bytes(), Timestamp::NONE));
    assert_eq!((reply.status, stored(&without)), (503, None), "no clock, no cosignature");
}

/// Whatever comes in whatever order at once: one history, and each cosignature is for a head that was kept.
#[test]
fn many_at_once_lead_through_one_history() {
    let (store, honest) = (Watched::new(MemoryStore::new()), History::honest());
    let witness = witness(store.clone());
    let forked = honest.forked_at(3);
    assert_eq!(grow(&witness, 0, 4, 100).status, 200);
    let held = store.hold();
    let bodies: Vec<String> = (5..60)
        .flat_map(|new| {
            [request(&honest, 4, new, LOG), request(&forked, 4, new, LOG), request(&honest, 4, 4, LOG)]
        })
        .collect();
    let replies = std::thread::scope(|scope| {
        scope.spawn(|| {
            held.wait();
            drop(held);
        });
        together(bodies.iter().map(|body| witness.add_checkpoint(body.as_bytes(), at(200))))
    });
    let grown: Vec<&Reply> = replies.iter().step_by(3).filter(|reply| reply.status == 200).collect();
    assert_eq!(grown.len(), 1, "one of them grew the log from 4");
    let size = stored(&witness).unwrap().size;
    assert_eq!(stored(&witness), Some(honest.head(size)));
    times(&witness, grown[0], &honest.signed(size, &signer(LOG)));
    assert!(replies.iter().skip(1).step_by(3).all(|reply| [409, 422].contains(&reply.status)));
    assert!(replies.iter().skip(2).step_by(3).all(|reply| [200, 409].contains(&reply.status)));
}

/// A cosignature is out only once it is kept: a commit that fails gives none, and what was given is there afterwards.
#[test]
fn no_cosignature_without_a_commit() {
    for fault in [Fault::Lost, Fault::Kept] {
        let store = Arc::new(FaultyStore::new(MemoryStore::new()));
        let before = witness(store.clone());
        assert_eq!(grow(&before, 0, 10, 100).status, 200);
        store.fail_commit(0, fault);
        let reply = grow(&before, 10, 20, 101);
        assert_eq!(reply.status, 503, "{fault:?}");
        assert!(!reply.body.contains('—'), "{}", reply.body);
        assert_eq!(
            stored(&before),
            Some(History::honest().head(10)),
            "what is shown is what is known to be kept"
        );
        assert_eq!(grow(&before, 10, 20, 102).status, 503, "nothing more until it is opened anew");
        drop(before);
        store.reopen();
        let again = witness(store);
        let size = stored(&again).unwrap().size;
        assert_eq!(size, if fault == Fault::Kept { 20 } else { 10 });
        assert_eq!(grow(&again, size, 30, 103).status, 200);
    }
}

/// What happens while a log's first request waits for its commit; then that is answered.
fn while_a_commit_is_waited_for(then: impl FnOnce(&Witness)) {
    let store = Watched::new(MemoryStore::new());
    let witness = Arc::new(witness(store.clone()));
    let held = store.hold();
    let answering = std::thread::spawn({
        let witness = witness.clone();
        move || grow(&witness, 0, 10, 100)
    });
    held.wait();
    then(&witness);
    assert!(!answering.is_finished());
    drop(held);
    assert_eq!(answering.join().unwrap().status, 200);
}

#[test]
fn a_commit_is_waited_for_before_the_answer() {
    while_a_commit_is_waited_for(|witness| {
        assert!(stored(witness).is_none(), "written, and not known to be durable");
    });
}

#[test]
fn a_log_that_is_taken_off_the_list_is_not_forgotten() {
    let witness = fresh();
    assert_eq!(grow(&witness, 0, 10, 100).status, 200);
    witness.enrol(enrolled(&[OTHER_LOG]));
    assert_eq!(grow(&witness, 10, 20, 101).status, 404);
    witness.enrol(enrolled(&[OTHER_LOG, LOG]));
    assert_eq!(grow(&witness, 0, 20, 102).status, 409);
    assert_eq!(grow(&witness, 10, 20, 103).status, 200);
}

/// What is counted is what is cosigned, and a log that grows and one that is repeated are counted apart.
#[test]
fn a_log_is_cosigned_for_as_often_as_the_list_grants() {
    let witness = fresh().rationed();
    let one_a_day = enrolled(&[LOG]).to_string().replace("qpd 86400", "qpd 1").parse().unwrap();
    witness.enrol(one_a_day);
    let burst = follower::witness::ration::BURST_MIN;
    for new in 1..=burst {
        assert_eq!(grow(&witness, new - 1, new, 50).status, 200);
        assert_eq!(grow(&witness, new + 1, new + 2, 50).status, 409, "what is refused is not counted");
    }
    let too_many = grow(&witness, burst, burst + 1, 51);
    assert_eq!((too_many.status, too_many.retry_after), (429, Some(86_399)), "{}", too_many.body);
    assert_eq!(stored(&witness), Some(History::honest().head(burst)));
    for _ in 0..burst {
        assert_eq!(grow(&witness, burst, burst, 51).status, 200, "the same again is counted apart");
    }
    assert_eq!(grow(&witness, burst, burst, 51).status, 429);
    assert_eq!(grow(&witness, burst, burst + 1, 50 + 86_400).status, 200, "a day later one more");
    assert_eq!(grow(&witness, burst + 1, burst + 2, 50 + 86_400).status, 429);
}

/// What a log has left is forgotten with it.
#[test]
fn a_log_that_comes_back_to_the_list_begins_with_a_full_ration() {
    let witness = fresh().rationed();
    let one_a_day = || enrolled(&[LOG]).to_string().replace("qpd 86400", "qpd 1").parse().unwrap();
    witness.enrol(one_a_day());
    let burst = follower::witness::ration::BURST_MIN;
    (1..=burst).for_each(|new| assert_eq!(grow(&witness, new - 1, new, 50).status, 200));
    witness.enrol(one_a_day());
    assert_eq!(grow(&witness, burst, burst + 1, 50).status, 429, "it was on the list all the time");
    witness.enrol(enrolled(&[OTHER_LOG]));
    witness.enrol(one_a_day());
    assert_eq!(grow(&witness, burst, burst + 1, 50).status, 200);
}

/// While one request waits for its commit, others of the log stand in line, and those that nobody signed do not.
#[test]
fn who_has_no_signature_of_the_log_does_not_stand_in_its_line() {
    while_a_commit_is_waited_for(|witness| {
        let unsigned = request(&History::honest(), 0, 20, testkit::keys::IMPOSTOR);
        assert_eq!(wait(witness.add_checkpoint(unsigned.as_bytes(), at(100))).status, 403);
    });
}

#[test]
fn subtrees_of_what_was_cosigned_are_signed_and_no_others() {
    let (witness, honest) = (fresh(), History::honest());
    let reply = grow(&witness, 0, 200, 100);
    let plain = honest.signed(200, &signer(LOG));
    let lines = Answer::parse(reply.body.as_bytes()).unwrap().lines().to_vec();
    let cosigned = plain.clone().with_signatures(lines).unwrap();
    let body = |start, end, reference: &SignedCheckpoint| {
        SignSubtree::new(honest.subtree(start, end, 200), reference).unwrap().to_string()
    };
    let reply = witness.sign_subtree(body(64, 128, &cosigned).as_bytes());
    assert_eq!(reply.status, 200, "{}", reply.body);
    let request = SignSubtree::parse(body(64, 128, &cosigned).as_bytes()).unwrap();
    let taken = Answer::parse(reply.body.as_bytes()).unwrap();
    let taken = taken.take_subtree(&request.subtree(), &keys(&witness)).unwrap();
    assert_eq!(taken.iter().map(Cosignature::time).collect::<Vec<_>>(), [Timestamp::NONE]);
    for (what, body, status) in [
        ("a checkpoint that it did not cosign", body(64, 128, &plain), 403),
        ("beyond the checkpoint", body(64, 128, &cosigned).replacen("64 128", "128 256", 1), 400),
        ("no entries", body(64, 128, &cosigned).replacen("64 128", "64 64", 1), 400),
        ("another range", body(64, 128, &cosigned).replacen("64 128", "0 64", 1), 422),
        ("no request", "subtree\n".to_owned(), 400),
    ] {
        let reply = witness.sign_subtree(body.as_bytes());
        assert_eq!(reply.status, status, "{what}: {}", reply.body);
    }
    witness.enrol(enrolled(&[OTHER_LOG]));
    assert_eq!(witness.sign_subtree(body(64, 128, &cosigned).as_bytes()).status, 404);
}
