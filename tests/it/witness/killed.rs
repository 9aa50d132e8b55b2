//! The witness killed while logs grow, again and again: what it has answered it stands by.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use testkit::Chance;
use testkit::keys::{LOG, OTHER_LOG, RAW_LOG, TestKey};
use tlog::cosignature::Timestamp;
use tlog::note::{Note, VerifiedSignature};
use tlog::witness::Answer;

use super::process::{Witness, enrol, grown, signer, until};
use crate::history::{History, SIZE_MAX};

const LOGS: [TestKey; 3] = [LOG, OTHER_LOG, RAW_LOG];

/// The last cosignature that a log was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Given {
    size: u64,
    time: u64,
}

/// Grows a log entry by entry until the witness is gone; what was given last.
fn grow(witness: &Witness, log: TestKey, from: Given, over: &AtomicBool) -> Given {
    let (history, keys) = (History::honest(), witness.vkeys());
    let (mut given, mut old) = (from, from.size);
    while !over.load(Relaxed) {
        let new = (old + 1).min(SIZE_MAX);
        let Some((status, body)) = witness.add(&grown(&history, old, new, log)) else { break };
        match status {
            200 => {
                let answer = Answer::parse(body.as_bytes()).unwrap();
                let taken = answer.take(&history.signed(new, &signer(log)), &keys, None).unwrap();
                let time = taken.iter().map(|by| by.time().seconds()).max().unwrap();
                assert!((new, time) >= (given.size, given.time), "{given:?}, then {new} at {time}");
                (given, old) = (Given { size: new, time }, new);
            }
            // A commit that nobody was told of.
            409 => {
                let size = tlog::witness::parse_size(body.as_bytes()).unwrap();
                assert!(size > old, "asked from {old}, and the witness has {size}");
                old = size;
            }
            other => panic!("{other}: {body}"),
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    given
}

/// What the witness shows to monitors.
fn shown(witness: &Witness, log: TestKey) -> Given {
    let Some(text) = witness.monitor(log) else { return Given::default() };
    let size = text.lines().nth(1).unwrap().parse().unwrap();
    let (note, keys) = (Note::parse(text.as_bytes()).unwrap(), witness.vkeys());
    let opened = note.open(&keys).unwrap();
    let times = opened.signatures().iter().filter_map(VerifiedSignature::time).map(Timestamp::seconds);
    Given { size, time: times.max().unwrap() }
}

#[test]
fn what_was_cosigned_is_stood_by_however_often_the_witness_is_killed() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("w");
    let mut witness = Witness::try_start(&data, &["--name", "witness.test/w1", "--ml-dsa"]).unwrap();
    LOGS.into_iter().for_each(|log| enrol(&data, log));
    until("the logs are taken up", || witness.metric("deedbook_witness_enrolled") == 3);
    let mut chance = Chance::from_env_or(3);
    let mut given = [Given::default(); 3];
    for number in 0..8 {
        let (over, life) = (AtomicBool::new(false), Duration::from_millis(20 + chance.below(150)));
        let running = &witness;
        given = std::thread::scope(|scope| {
            let growing: Vec<_> = LOGS
                .into_iter()
                .zip(given)
                .map(|(log, from)| {
                    scope.spawn({
                        let over = &over;
                        move || grow(running, log, from, over)
                    })
                })
                .collect();
            std::thread::sleep(life);
            running.kill_now();
            over.store(true, Relaxed);
            let ends: Vec<_> = growing.into_iter().map(|log| log.join().unwrap()).collect();
            ends.try_into().unwrap()
        });
        witness.gone();
        witness = Witness::try_start(&data, &[]).unwrap();
        for (log, given) in LOGS.into_iter().zip(given) {
            let shown = shown(&witness, log);
            assert!(
                shown >= given,
                "kill {number}: {} was given {given:?}, and shown is {shown:?}",
                log.name
            );
            if given.size < 6 {
                continue;
            }
            let forked = History::honest().forked_at(given.size - 5);
            let fork = grown(&forked, shown.size, shown.size, log);
            assert_eq!(witness.status(&fork), 422, "kill {number}: never a second history");
        }
    }
    assert!(given.iter().all(|given| given.size > 8), "{given:?}: there was something to lose");
}
