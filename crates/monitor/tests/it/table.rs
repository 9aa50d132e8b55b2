//! One case after the other: what is shown, and what is told.

use monitor::event::{Kind, What};
use monitor::heard::{HearError, Trust};
use monitor::watch::{Input, Limits, OTHERS_MAX, Taken, WAITING_MAX, WAITING_OF_ONE_MAX, Whom};
use tlog::checkpoint::Checkpoint;
use tlog::fork::ForkProof;

use crate::world::{History, LIMITS, Monitored, done, handed, sign, trust, witness};

fn from(who: &str) -> Whom {
    Whom::Peer(who.to_owned())
}

#[test]
fn an_honest_log_is_followed_and_nothing_is_told_but_that() {
    let (history, mut monitored) = (History::of(1_000), Monitored::new());
    for size in [0, 1, 255, 256, 257, 1_000] {
        monitored.shown(1, &history, size);
        assert_eq!(monitored.verified(), size as u64);
    }
    for size in [1, 3, 256, 999] {
        monitored.settle(1, &history, Input::Heard { heard: history.heard(size, &[0]), from: from("p") });
    }
    assert!(monitored.watch.memory().is_settled());
    assert!(monitored.events.iter().all(|event| matches!(event.what, What::Verified { .. })));
}

#[test]
fn two_roots_of_one_size_are_a_split_view_at_once() {
    let (history, mut monitored) = (History::of(20), Monitored::new());
    monitored.shown(1, &history, 20);
    let fork = history.fork(10, 20);
    let (taken, effects) = monitored.watch.hear(2, fork.heard(20, &[]), from("p"));
    assert_eq!(taken, Taken::Contradicts);
    monitored.kept(2, effects);
    let proof = ForkProof::parse(monitored.proofs[0].1.as_bytes()).unwrap().verify().unwrap();
    assert!(proof.log_is_guilty());
    assert_eq!(monitored.open(Kind::SplitView), 1);
    // It is told once, counted each time, and never over.
    for moment in 3..10 {
        monitored.settle(moment, &history, Input::Heard { heard: fork.heard(20, &[]), from: from("q") });
    }
    assert_eq!(monitored.events.iter().filter(|event| matches!(event.what, What::Incident(_))).count(), 1);
    assert_eq!(monitored.watch.memory().incidents()[0].times, 8);
}

#[test]
fn a_smaller_and_a_larger_head_of_another_history_are_proven_by_the_tiles_of_ours() {
    let mut history = History::of(300);
    let mut monitored = Monitored::new();
    monitored.shown(1, &history, 300);
    let fork = history.fork(100, 400);
    monitored.settle(2, &history, Input::Heard { heard: fork.heard(280, &[]), from: from("p") });
    assert_eq!(monitored.open(Kind::SplitView), 1, "smaller");
    monitored.settle(3, &history, Input::Heard { heard: fork.heard(390, &[]), from: from("p") });
    assert_eq!(monitored.open(Kind::SplitView), 1, "a larger one has to wait for our log to grow");
    assert_eq!(monitored.watch.memory().waiting().len(), 1);
    history.grow((300..400).map(|index| format!("entry {index}")));
    monitored.shown(4, &history, 400);
    monitored.settle(2_000, &history, Input::Tick);
    assert_eq!(monitored.open(Kind::SplitView), 2);
    assert_eq!(monitored.open(Kind::Unconnected), 0);
    assert_eq!(monitored.verified(), 400, "the watch goes on");
}

#[test]
fn a_log_that_turns_to_another_history_is_caught_by_its_own_tiles() {
    let (history, mut monitored) = (History::of(300), Monitored::new());
    monitored.shown(1, &history, 300);
    let fork = history.fork(100, 400);
    monitored.shown(2, &fork, 400);
    assert_eq!((monitored.open(Kind::SplitView), monitored.verified()), (1, 300));
    for size in 301..400 {
        monitored.shown(3, &fork, size);
    }
    let kept =
        monitored.watch.memory().incidents().iter().filter(|each| each.kind == Kind::SplitView).count();
    assert_eq!(
        (kept, monitored.proofs.len()),
        (OTHERS_MAX, OTHERS_MAX),
        "the first ones are kept, the rest is counted"
    );
}

#[test]
fn a_head_that_nobody_can_connect_is_told_after_the_delay_and_not_before() {
    let mut history = History::of(100);
    let mut monitored = Monitored::new();
    monitored.shown(0, &history, 100);
    history.grow((100..120).map(|index| format!("entry {index}")));
    let receipt = history.heard(120, &[]);
    let shown = History { leaves: history.leaves[..100].to_vec(), bent: None };
    monitored.settle(
        0,
        &shown,
        Input::Heard { heard: receipt.clone(), from: Whom::Client("10.0.0.1".into()) },
    );
    monitored.settle(LIMITS.delay - 1, &shown, Input::Tick);
    assert_eq!(monitored.open(Kind::Unconnected), 0, "a receipt may be ahead of what is published");
    monitored.settle(LIMITS.delay, &shown, Input::Tick);
    assert_eq!(monitored.open(Kind::Unconnected), 1);
    monitored.shown(LIMITS.delay + 1, &history, 120);
    assert_eq!(monitored.open(Kind::Unconnected), 0);
    let kept = &monitored.watch.memory().incidents()[0];
    assert_eq!((kept.kind, kept.is_open()), (Kind::Unconnected, false), "it is over, and not forgotten");
}

#[test]
fn a_log_may_show_less_for_as_long_as_the_delay() {
    let (history, mut monitored) = (History::of(100), Monitored::new());
    monitored.shown(0, &history, 100);
    monitored.shown(1, &history, 90);
    monitored.shown(LIMITS.delay, &history, 90);
    assert_eq!(monitored.open(Kind::WentBack), 0, "another machine of the log may be behind");
    monitored.shown(LIMITS.delay + 1, &history, 90);
    assert_eq!(monitored.open(Kind::WentBack), 1);
    monitored.shown(LIMITS.delay + 2, &history, 100);
    assert_eq!((monitored.open(Kind::WentBack), monitored.open(Kind::SplitView)), (0, 0));
}

#[test]
fn silence_and_standing_still_are_told_and_over_when_they_are() {
    let (history, limits) = (History::of(100), Limits { stall: 50_000, ..LIMITS });
    let mut monitored = Monitored::with(limits);
    monitored.shown(0, &history, 90);
    for moment in [1, 10_000, 10_001] {
        monitored.settle(moment, &history, Input::Silent { why: "no answer".into() });
        assert_eq!(monitored.open(Kind::Unreachable), usize::from(moment > 10_000));
    }
    monitored.shown(49_999, &history, 90);
    assert_eq!((monitored.open(Kind::Unreachable), monitored.open(Kind::StandsStill)), (0, 0));
    monitored.settle(50_000, &history, Input::Tick);
    assert_eq!(monitored.open(Kind::StandsStill), 1);
    monitored.shown(50_001, &history, 91);
    assert_eq!(monitored.open(Kind::StandsStill), 0);
}

#[test]
fn a_bent_entry_is_told_and_the_watch_goes_on_with_what_can_be_proven() {
    let mut history = History::of(300);
    history.bent = Some(200);
    let mut monitored = Monitored::new();
    monitored.shown(0, &history, 250);
    assert_eq!((monitored.open(Kind::Tampered), monitored.verified()), (1, 0));
    monitored.shown(100, &history, 300);
    assert_eq!(monitored.watch.memory().proven().map(monitor::heard::Heard::size), Some(300), "proofs go on");
    let fork = history.fork(10, 280);
    monitored.settle(200, &history, Input::Heard { heard: fork.heard(280, &[]), from: from("p") });
    assert_eq!(monitored.open(Kind::SplitView), 1);
    history.bent = None;
    monitored.settle(1_000_000, &history, Input::Tick);
    assert_eq!((monitored.open(Kind::Tampered), monitored.verified()), (0, 300));
}

#[test]
fn a_witness_that_cosigns_two_histories_is_named_and_no_other() {
    let (history, mut monitored) = (History::of(300), Monitored::new());
    monitored.shown(0, &history, 300);
    // Witnesses 0 and 1 have cosigned heads of ours that are not the newest.
    for (number, size) in [(0, 190), (1, 200)] {
        let heard = history.heard(size, &[number]);
        monitored.settle(1, &history, Input::Heard { heard, from: Whom::Witness("w".into()) });
    }
    let fork = history.fork(100, 250);
    monitored.settle(2, &history, Input::Heard { heard: fork.heard(180, &[]), from: from("p") });
    assert_eq!(monitored.open(Kind::TwoHistoriesCosigned), 0);
    // Witness 0 has cosigned the other history too, as turns out later, from two notes of one head; witness 2 only that one.
    monitored.settle(3, &history, Input::Heard { heard: fork.heard(180, &[2]), from: from("q") });
    monitored.settle(4, &history, Input::Heard { heard: fork.heard(180, &[0]), from: from("q") });
    let accused: Vec<_> = monitored
        .watch
        .memory()
        .incidents()
        .iter()
        .filter(|each| each.kind == Kind::TwoHistoriesCosigned)
        .map(|each| each.subject.clone())
        .collect();
    assert_eq!(accused, [witness(0).verifier_key().to_string()]);
}

#[test]
fn a_fork_proof_that_is_handed_on_is_believed_by_keys_and_not_by_who_brings_it() {
    let (history, mut teller) = (History::of(300), Monitored::new());
    teller.shown(0, &history, 300);
    let fork = history.fork(100, 250);
    teller.settle(1, &history, Input::Heard { heard: fork.heard(180, &[1]), from: from("p") });
    let text = teller.proofs[0].1.clone();
    // Who was shown the other history alone cannot prove it: the tiles of ours are not there.
    let mut monitored = Monitored::new();
    monitored.shown(0, &fork, 180);
    monitored.settle(1, &fork, Input::Heard { heard: history.heard(300, &[]), from: from("p") });
    assert_eq!(monitored.open(Kind::SplitView), 0);
    for bent in
        [text.replace("root ", "root A"), text.replacen("deedbook.test", "deedbook.tset", 1), String::new()]
    {
        monitored.settle(2, &fork, handed(bent));
        assert_eq!(monitored.open(Kind::SplitView), 0);
    }
    for _ in 0..3 {
        monitored.settle(3, &fork, handed(text.clone()));
        assert_eq!((monitored.open(Kind::SplitView), monitored.proofs.len()), (1, 1));
    }
}

#[test]
fn a_fork_proof_by_strangers_accuses_nobody() {
    let (history, fork) = (History::of(20), History::of(20).fork(10, 20));
    let mut monitored = Monitored::new();
    monitored.shown(0, &history, 20);
    let name: tlog::key::KeyName = trust().origin().clone();
    let stranger = tlog::key::Signer::from_seed(name.clone(), &[77; 32]);
    let sign = |head| Checkpoint::new(name.clone(), head).unwrap().sign(&stranger).unwrap();
    let heads = [sign(history.head(20)), sign(fork.head(20))];
    let keys = [stranger.verifier_key().clone()];
    let proof = ForkProof::make([heads[0].bytes(), heads[1].bytes()], &keys, None).unwrap();
    monitored.settle(1, &history, handed(proof.to_string()));
    assert!(monitored.watch.memory().incidents().is_empty());
}

#[test]
fn a_head_of_the_past_is_tried_before_anybody_is_alarmed() {
    let (history, mut monitored) = (History::of(300), Monitored::with(Limits { delay: 0, ..LIMITS }));
    monitored.shown(0, &history, 300);
    monitored.settle(1, &history, Input::Heard { heard: history.heard(100, &[]), from: from("p") });
    assert!(monitored.watch.memory().incidents().is_empty(), "{:?}", monitored.watch.memory().incidents());
}

#[test]
fn only_what_the_log_signed_is_heard() {
    let (history, trust) = (History::of(20), trust());
    let good = history.note(20, &[0, 1]);
    let text = std::str::from_utf8(&good).unwrap();
    let (head, lines) = text.split_once("\n\n").unwrap();
    let lines: Vec<_> = lines.lines().collect();
    let note = |lines: &[&str]| format!("{head}\n\n{}\n", lines.join("\n"));
    let heard = trust.hear(&good).unwrap();
    assert_eq!((heard.size(), heard.bytes()), (20, good.clone()));
    let unknown = format!("— somebody.else/x {}", lines[1].split(' ').next_back().unwrap());
    assert_eq!(
        trust.hear(note(&[&lines[..], &[&unknown]].concat()).as_bytes()).unwrap(),
        heard,
        "strangers are dropped"
    );
    assert!(matches!(trust.hear(note(&lines[1..]).as_bytes()), Err(HearError::NotSigned { size: 20, .. })));
    assert!(matches!(trust.hear(note(&[&unknown]).as_bytes()), Err(HearError::NotSigned { .. })));
    let bent = text.replacen("20", "21", 1);
    assert!(matches!(trust.hear(bent.as_bytes()), Err(HearError::BadSignature(_))));
    let other = text.replacen("deedbook", "doodbook", 1);
    assert!(matches!(trust.hear(other.as_bytes()), Err(HearError::OtherLog { .. })));
    assert!(matches!(trust.hear(head.as_bytes()), Err(HearError::NotACheckpoint(_))));
    // A key that made way for another counts for the past alone.
    let key = trust.policy().logs()[0].key.clone();
    let next = tlog::key::Signer::from_seed(trust.origin().clone(), &[78; 32]);
    let policy = trust.policy().clone().succeed(&key, next.verifier_key(), 19).unwrap();
    let after = Trust::new(trust.origin().clone(), policy);
    assert!(matches!(after.hear(&good), Err(HearError::NotSigned { .. })));
    assert!(after.hear(&history.note(19, &[])).is_ok());
}

#[test]
fn a_flood_of_one_takes_no_room_from_others() {
    let (history, mut monitored) = (History::of(500), Monitored::new());
    monitored.shown(0, &history, 10);
    // The log signs whatever somebody wants, and shows none of it.
    let head = |size: usize, who: usize| {
        let root = tlog::Hash::leaf(format!("{who} {size}").as_bytes());
        trust().hear(sign(tlog::Head { size: size as u64, root }, &[]).bytes()).unwrap()
    };
    let taken: Vec<_> =
        (0..100).map(|number| monitored.watch.hear(1, head(1_000 + number, 0), from("liar")).0).collect();
    assert_eq!(taken.iter().filter(|taken| **taken == Taken::Waits).count(), WAITING_OF_ONE_MAX);
    assert_eq!(taken.last(), Some(&Taken::Full));
    assert_eq!(monitored.watch.hear(1, head(2_000, 1), from("another")).0, Taken::Waits);
    for who in 0..1_000 {
        monitored.watch.hear(1, head(3_000 + who, who), from(&format!("address {who}")));
        assert!(monitored.watch.memory().waiting().len() <= WAITING_MAX + 2);
    }
    let of = |name: &str| {
        monitored.watch.memory().waiting().iter().filter(|waiting| waiting.from == from(name)).count()
    };
    assert!(of("another") == 1 && of("liar") >= 1, "the first of each stay");
    monitored.shown(2, &history, 500);
    assert_eq!(monitored.verified(), 500, "and the log itself is heard");
}

#[test]
fn events_that_nobody_takes_are_bounded_and_their_loss_is_told() {
    let (mut history, mut monitored) = (History::of(1), Monitored::new());
    for size in 1..1_200 {
        let effects = monitored.watch.step(size, Input::Shown(history.heard(size as usize, &[])));
        let mut effects = effects;
        while let Some(effect) = effects.pop() {
            let input = done(&history, effect);
            effects.extend(monitored.watch.step(size, input));
        }
        history.grow([format!("entry {size}")]);
    }
    assert_eq!(monitored.watch.events().count(), monitor::watch::EVENTS_MAX);
    monitored.watch.printed(u64::MAX);
    monitored.watch.forget(2_000, std::iter::empty());
    let left: Vec<_> = monitored.watch.events().map(|event| event.what.clone()).collect();
    assert_eq!(left, [What::Lost { count: 199 }]);
}
