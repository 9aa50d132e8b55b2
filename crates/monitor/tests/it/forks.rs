//! What proofs of forks are made and kept: enough to accuse everybody who is guilty, and no more.

use std::collections::BTreeSet;

use monitor::event::Kind;
use monitor::watch::{Input, OTHERS_MAX, SPLITS_MAX, Whom};
use tlog::fork::ForkProof;
use tlog::{Hash, Head};

use crate::world::{History, Monitored, handed, sign, trust, witness};

fn from(who: &str) -> Whom {
    Whom::Peer(who.to_owned())
}

fn heard(size: u64, name: u64, witnesses: &[usize]) -> monitor::heard::Heard {
    let root = Hash::leaf(&name.to_be_bytes());
    trust().hear(sign(Head { size, root }, witnesses).bytes()).unwrap()
}

fn incidents(monitored: &Monitored, kind: Kind) -> Vec<(String, Option<String>)> {
    let of = monitored.watch.memory().incidents().iter().filter(|each| each.kind == kind);
    of.map(|each| (each.subject.clone(), each.proof.clone())).collect()
}

fn accused(monitored: &Monitored) -> BTreeSet<String> {
    incidents(monitored, Kind::TwoHistoriesCosigned).into_iter().map(|(subject, _)| subject).collect()
}

fn keys<const N: usize>(witnesses: [usize; N]) -> BTreeSet<String> {
    witnesses.iter().map(|number| witness(*number).verifier_key().to_string()).collect()
}

/// A proof by two heads of these histories, as another monitor would hand it on.
fn proof(history: &History, fork: &History, sizes: (usize, usize), by: &[usize]) -> String {
    proof_by(history, fork, sizes, [by, by])
}

/// The same, with the lines of other witnesses on each of both.
fn proof_by(
    history: &History,
    fork: &History,
    (ours, other): (usize, usize),
    [by_ours, by_other]: [&[usize]; 2],
) -> String {
    let (ours, other) = (history.heard(ours, by_ours), fork.heard(other, by_other));
    let grown = (ours.size() != other.size()).then(|| {
        let (smaller, larger, tiles) =
            if ours.size() < other.size() { (&ours, &other, fork) } else { (&other, &ours, history) };
        match tiles.prove(smaller, larger) {
            monitor::watch::Proof::Root(proof) => proof,
            other => panic!("{other:?}"),
        }
    });
    ForkProof::make([&ours.bytes(), &other.bytes()], &trust().keys(), grown).unwrap().to_string()
}

#[test]
fn a_witness_that_cosigned_two_heads_of_one_size_is_accused_whenever_that_turns_out() {
    let (history, mut monitored) = (History::of(300), Monitored::new());
    monitored.shown(0, &history, 300);
    let ours = Input::Heard { heard: history.heard(200, &[0]), from: from("w") };
    monitored.settle(1, &history, ours);
    let fork = history.fork(100, 300);
    monitored.settle(2, &history, Input::Heard { heard: fork.heard(200, &[]), from: from("p") });
    assert_eq!((monitored.open(Kind::SplitView), accused(&monitored)), (1, keys([])));
    monitored.settle(3, &history, Input::Heard { heard: fork.heard(200, &[0]), from: from("q") });
    assert_eq!(accused(&monitored), keys([0]));
    let made = monitored.proofs.len();
    monitored.settle(4, &history, Input::Heard { heard: fork.heard(200, &[0]), from: from("q") });
    monitored.settle(5, &history, Input::Tick);
    assert_eq!(monitored.proofs.len(), made, "once");
    // The same at the size of the largest head.
    monitored.settle(6, &history, Input::Heard { heard: fork.heard(300, &[]), from: from("p") });
    monitored.settle(7, &history, Input::Heard { heard: fork.heard(300, &[1]), from: from("p") });
    monitored.settle(8, &history, Input::Heard { heard: history.heard(300, &[1]), from: from("p") });
    assert_eq!(accused(&monitored), keys([0, 1]));
}

#[test]
fn a_log_that_forks_each_second_fills_no_memory_and_no_disk() {
    let (history, mut monitored) = (History::of(300), Monitored::new());
    monitored.shown(0, &history, 100);
    let (mut name, mut first) = (0, None);
    let mut size = 0;
    for second in 1..60 {
        // Two heads of one size that nobody can connect, another pair each second, by the log itself and by others.
        for whom in [Whom::Log, Whom::LogRefused, from("p"), Whom::Log] {
            name += 1;
            let heard = heard(400 + second % 3, name, &[]);
            let input =
                if whom == Whom::Log { Input::Shown(heard) } else { Input::Heard { heard, from: whom } };
            monitored.settle(second * 1_000, &History::of(0), input);
        }
        if second == 30 {
            first = Some(monitored.proofs.iter().cloned().collect::<BTreeSet<_>>().len());
            size = monitored.watch.memory().to_bytes().len();
        }
    }
    let kept: BTreeSet<_> = monitored.proofs.iter().cloned().collect();
    assert!(kept.len() <= SPLITS_MAX + OTHERS_MAX, "{}", kept.len());
    assert_eq!(Some(kept.len()), first, "those of the beginning are kept");
    assert!(incidents(&monitored, Kind::SplitView).len() <= SPLITS_MAX + OTHERS_MAX);
    assert!(monitored.watch.memory().to_bytes().len() < 2 * size, "nor does anything else grow");
    let times: u64 = monitored.watch.memory().incidents().iter().map(|each| each.times).sum();
    assert!(times > 150, "it is counted: {times}");
    // Every proof is named by something that is told.
    let named: BTreeSet<_> =
        incidents(&monitored, Kind::SplitView).into_iter().filter_map(|each| each.1).collect();
    assert!(kept.iter().all(|(name, _)| named.contains(name)));
    // And who is guilty besides is accused though there is no room.
    monitored.settle(500_000, &history, Input::Heard { heard: heard(401, 1_000_000, &[2]), from: from("q") });
    monitored.settle(500_001, &history, Input::Heard { heard: heard(401, 1_000_001, &[2]), from: from("r") });
    assert_eq!(accused(&monitored), keys([2]));
}

#[test]
fn beyond_the_first_forks_a_witness_that_was_not_accused_before_still_is() {
    let (history, mut monitored) = (History::of(300), Monitored::new());
    monitored.shown(0, &history, 300);
    let ours = Input::Heard { heard: history.heard(300, &[0, 1]), from: from("w") };
    monitored.settle(0, &history, ours);
    let fork = history.fork(10, 300);
    for size in 100..200 {
        monitored.settle(1, &history, Input::Heard { heard: fork.heard(size, &[]), from: from("p") });
    }
    assert_eq!((monitored.proofs.len(), accused(&monitored)), (OTHERS_MAX, keys([])));
    for size in 200..250 {
        monitored.settle(2, &history, Input::Heard { heard: fork.heard(size, &[1]), from: from("p") });
    }
    assert_eq!((monitored.proofs.len(), accused(&monitored)), (OTHERS_MAX + 1, keys([1])));
    let [(_, Some(name))] = &incidents(&monitored, Kind::TwoHistoriesCosigned)[..] else { panic!() };
    assert!(monitored.proofs.iter().any(|(kept, _)| kept == name));
}

#[test]
fn a_handed_on_proof_names_the_head_that_is_not_ours() {
    let (history, fork) = (History::of(300), History::of(300).fork(100, 300));
    let subject = |head: Head| format!("{} {}", head.size, head.root);
    // Ours is the smaller one, and known.
    let mut monitored = Monitored::new();
    monitored.shown(0, &history, 200);
    monitored.settle(1, &history, handed(proof(&history, &fork, (200, 250), &[])));
    assert_eq!(incidents(&monitored, Kind::SplitView)[0].0, subject(fork.head(250)));
    // Ours is the larger one, and has not been seen; of the size of the smaller one there is one of ours.
    let mut monitored = Monitored::new();
    monitored.shown(0, &history, 200);
    monitored.shown(1, &history, 210);
    let ours = Input::Heard { heard: history.heard(150, &[0]), from: from("w") };
    monitored.settle(1, &history, ours);
    monitored.settle(2, &history, handed(proof(&history, &fork, (205, 150), &[])));
    assert_eq!(incidents(&monitored, Kind::SplitView)[0].0, subject(fork.head(150)));
    // Neither was seen before: the tiles of ours tell.
    let mut monitored = Monitored::new();
    monitored.shown(0, &history, 210);
    monitored.settle(1, &history, handed(proof(&history, &fork, (205, 150), &[])));
    assert_eq!(incidents(&monitored, Kind::SplitView)[0].0, subject(fork.head(150)));
    assert_eq!(monitored.open(Kind::SplitView), 1);
    // They do not, and then the larger one is named.
    for answers in [true, false] {
        let mut monitored = Monitored::new();
        monitored.shown(0, &history, 210);
        if !answers {
            monitored.settle(1, &history, Input::Silent { why: "no answer".into() });
        }
        let nothing = History::of(0);
        monitored.settle(1, &nothing, handed(proof(&history, &fork, (205, 150), &[])));
        monitored.settle(2, &nothing, handed(proof(&history, &fork, (205, 150), &[])));
        monitored.settle(10_000, &nothing, Input::Tick);
        assert_eq!(monitored.open(Kind::SplitView), usize::from(answers));
        monitored.settle(10_001, &nothing, Input::Tick);
        assert_eq!(incidents(&monitored, Kind::SplitView)[0].0, subject(history.head(205)));
    }
    let mut monitored = Monitored::new();
    monitored.settle(1, &history, handed(proof(&history, &fork, (205, 150), &[])));
    assert_eq!(monitored.open(Kind::SplitView), 1, "nothing of the log was seen");
    // One that is known to be of another history.
    let mut monitored = Monitored::new();
    monitored.shown(0, &history, 200);
    monitored.settle(1, &history, Input::Heard { heard: fork.heard(180, &[]), from: from("p") });
    monitored.settle(2, &history, handed(proof(&history, &fork, (190, 180), &[])));
    assert_eq!(monitored.open(Kind::SplitView), 1, "{:?}", incidents(&monitored, Kind::SplitView));
}

#[test]
fn of_handed_on_proofs_eight_wait_and_what_one_more_shows_is_not_lost() {
    let (history, fork) = (History::of(300), History::of(300).fork(100, 300));
    let mut monitored = Monitored::new();
    monitored.shown(0, &history, 210);
    let by: [&[usize]; 8] = [&[], &[0], &[1], &[2], &[0, 1], &[0, 2], &[1, 2], &[0, 1, 2]];
    let texts = by.map(|by| proof_by(&history, &fork, (205, 150), [by, &[]]));
    for text in &texts {
        monitored.step(1, handed(text.clone()));
    }
    monitored.step(1, handed(texts[0].clone()));
    assert_eq!(monitored.open(Kind::SplitView), 0, "all wait until it is known which head is not ours");
    monitored.step(1, handed(proof(&history, &fork, (205, 150), &[0])));
    assert_eq!((monitored.open(Kind::SplitView), accused(&monitored)), (1, keys([0])));
}

#[test]
fn a_handed_on_proof_that_accuses_one_witness_more_is_kept_and_others_are_not() {
    let (history, fork) = (History::of(300), History::of(300).fork(100, 300));
    let mut monitored = Monitored::new();
    monitored.shown(0, &history, 300);
    for (by, accuses, kept) in
        [(&[0][..], keys([0]), 1), (&[], keys([0]), 1), (&[0], keys([0]), 1), (&[1], keys([0, 1]), 2)]
    {
        monitored.settle(1, &history, handed(proof(&history, &fork, (300, 250), by)));
        assert_eq!((accused(&monitored), monitored.proofs.len()), (accuses, kept), "{by:?}");
    }
    // Also where there is no room for more.
    for size in 101..200 {
        monitored.settle(2, &history, handed(proof(&history, &fork, (300, size), &[])));
    }
    assert_eq!(incidents(&monitored, Kind::SplitView).len(), SPLITS_MAX);
    let kept = monitored.proofs.len();
    monitored.settle(3, &history, handed(proof(&history, &fork, (300, 250), &[1, 2])));
    assert_eq!((accused(&monitored), monitored.proofs.len()), (keys([0, 1, 2]), kept + 1));
}
