//! Publication with witnesses: what is shown while there are enough cosignatures and while there are not, what is noted
//! before whom, and what a restart brings back. The witnesses are a script here; real ones are in the crate `witnessing`.

mod ahead;
mod noted;

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use sequencer::{
    log::Status,
    publisher::Evidence as _,
    reader::Reader,
    recover::Standing,
    witnesses::{Cosigners, Round, WhenUnwitnessed, Witnessing},
};
use testkit::keys;
use tlog::{
    Hash, Head,
    checkpoint::{Checkpoint, SignedCheckpoint},
    cosignature::{Cosigner, Timestamp},
};

use crate::testlog::{Made, NEVER, Setup, TestEvidence, TestLog, signer};

/// Witnesses that do as they are told.
struct Script {
    evidence: TestEvidence,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Whether the next heads get cosignatures.
    willing: bool,
    stop: Option<Standing>,
    witnessed: Option<SignedCheckpoint>,
    /// What was shown when the log was opened.
    begun: Vec<SignedCheckpoint>,
    asked: Vec<u64>,
    time: u64,
    ended: u64,
    reader: Option<Reader>,
}

impl Cosigners for Script {
    fn begin(&self, reader: Reader, published: &SignedCheckpoint) {
        let noted = self.evidence.published().unwrap();
        assert_eq!(noted.as_ref(), Some(published.bytes()), "noted before a newer head is");
        let mut state = self.state.lock();
        state.begun.push(published.clone());
        state.reader = Some(reader);
    }

    fn cosign(&self, newest: &SignedCheckpoint) -> Round {
        assert_eq!(
            self.evidence.newest().unwrap().as_ref(),
            Some(newest.bytes()),
            "noted before it is shown"
        );
        let mut state = self.state.lock();
        state.asked.push(newest.size());
        if state.willing {
            state.time += 1;
            let witness = Cosigner::from_seed("w.example".parse().unwrap(), &[9; 32]);
            let line = witness.cosign(newest.checkpoint(), Timestamp::from_seconds(state.time).unwrap());
            state.witnessed = Some(newest.with_signatures([line]).unwrap());
        }
        let witnessed = state.witnessed.clone();
        let newest = witnessed.clone().filter(|note| note.head() == newest.head()).unwrap_or(newest.clone());
        Round { newest, witnessed, stop: state.stop.clone() }
    }

    fn end(&self) {
        let mut state = self.state.lock();
        state.ended += 1;
        state.reader = None;
    }
}

/// A log on disk, and its witnesses.
fn log_with(when_unwitnessed: WhenUnwitnessed, willing: bool) -> (TestLog, Arc<Script>) {
    let mut setup = Setup { publish_every: NEVER, ..Setup::on_disk() };
    let state = Mutex::new(State { willing, ..State::default() });
    let script = Arc::new(Script { evidence: setup.evidence.clone(), state });
    setup.witnessing = Some(Witnessing { cosigners: script.clone(), when_unwitnessed });
    (TestLog::with(setup), script)
}

impl Script {
    fn willing(&self, willing: bool) {
        self.state.lock().willing = willing;
    }

    /// As a restart of the process: what was gathered is gone.
    fn forget(&self) {
        self.state.lock().witnessed = None;
    }
}

fn lines(checkpoint: &SignedCheckpoint) -> usize {
    checkpoint.signatures().len()
}

fn checkpoint(size: u64) -> SignedCheckpoint {
    let root = if size == 0 { Hash::EMPTY } else { Hash::leaf(&size.to_be_bytes()) };
    let signer = signer(keys::LOG);
    Checkpoint::new(signer.name().clone(), Head { size, root }).unwrap().sign(&signer).unwrap()
}

#[test]
fn what_is_shown_never_goes_back() {
    use WhenUnwitnessed::{Hold, Publish};
    for (choice, newest, witnessed, before, shown) in [
        (Hold, 5, Some(5), 3, 5),
        (Publish, 5, Some(5), 3, 5),
        (Hold, 5, None, 3, 3),
        (Publish, 5, None, 3, 5),
        (Hold, 5, Some(4), 3, 4),
        (Publish, 5, Some(4), 3, 5),
        // The choice was another one before.
        (Hold, 5, Some(3), 4, 4),
        (Hold, 0, None, 0, 0),
    ] {
        let round = Round { newest: checkpoint(newest), witnessed: witnessed.map(checkpoint), stop: None };
        let told = format!("{choice:?}: {newest} is newest, {witnessed:?} witnessed, {before} shown");
        assert_eq!(choice.to_show(&round, &checkpoint(before)).size(), shown, "{told}");
    }
}

#[test]
fn what_enough_have_cosigned_is_shown_with_their_cosignatures_and_again_after_a_restart() {
    for choice in [WhenUnwitnessed::Hold, WhenUnwitnessed::Publish] {
        let (mut log, script) = log_with(choice, true);
        log.submit(&Made::records(0..10));
        log.close();
        let shown = script.state.lock().witnessed.clone().unwrap();
        assert_eq!((shown.size(), lines(&shown)), (10, 2));
        assert_eq!(log.setup.evidence.published().unwrap().as_ref(), Some(shown.bytes()));

        script.willing(false);
        script.forget();
        log.open().unwrap();
        assert_eq!(script.state.lock().begun.last(), Some(&shown), "the witnesses hear what was shown");
        let published = log.reader().published();
        match choice {
            WhenUnwitnessed::Hold => assert_eq!(published, shown, "byte for byte"),
            // The script has forgotten its cosignatures, which real witnesses are reminded of (crate `witnessing`).
            WhenUnwitnessed::Publish => assert_eq!(published.head(), shown.head()),
        }
        log.check(10);
    }
}

#[test]
fn without_enough_the_public_log_stands_still_or_goes_on_as_was_chosen() {
    for (choice, at) in [(WhenUnwitnessed::Hold, 4), (WhenUnwitnessed::Publish, 9)] {
        let (mut log, script) = log_with(choice, true);
        log.submit(&Made::records(0..4));
        log.restart();
        assert_eq!(log.reader().witnessed().unwrap().size(), 4);
        script.willing(false);
        log.submit(&Made::records(4..9));
        log.restart();
        assert_eq!(log.status(), Status::Writing);
        assert_eq!(log.reader().published().size(), at, "{choice:?}");
        assert_eq!(log.reader().committed().head().size, 9, "what was acknowledged is there");
        assert_eq!(log.reader().witnessed().map(|note| note.size()), Some(4));
        let head = log.setup.evidence.newest().unwrap().unwrap();
        assert!(
            head.starts_with(format!("{}\n9\n", keys::LOG.name).as_bytes()),
            "the witnesses were shown it"
        );
        // With another choice after a restart nothing goes back.
        let witnessing = log.setup.witnessing.as_mut().unwrap();
        witnessing.when_unwitnessed = WhenUnwitnessed::Hold;
        log.restart();
        assert_eq!(log.reader().published().size(), at);
        script.willing(true);
        log.restart();
        assert_eq!((log.reader().published().size(), lines(&log.reader().published())), (9, 2));
        log.check(9);
    }
}

#[test]
fn a_log_that_never_had_enough_shows_what_it_showed_before_it_asked() {
    let mut setup = Setup { publish_every: NEVER, ..Setup::on_disk() };
    let evidence = setup.evidence.clone();
    setup.witnessing = None;
    let mut log = TestLog::with(setup);
    log.submit(&Made::records(0..6));
    log.close();
    let script = Arc::new(Script { evidence, state: Mutex::default() });
    let when_unwitnessed = WhenUnwitnessed::Hold;
    log.setup.witnessing = Some(Witnessing { cosigners: script, when_unwitnessed });
    log.open().unwrap();
    log.submit(&Made::records(6..8));
    log.restart();
    assert_eq!((log.reader().published().size(), log.reader().witnessed()), (6, None));
    log.check(8);
}

/// Killed between any two steps, the next opening shows what was shown, or what was about to be.
#[test]
fn a_stop_between_the_steps_of_a_publication_takes_nothing_back() {
    let (mut log, script) = log_with(WhenUnwitnessed::Hold, true);
    log.submit(&Made::records(0..3));
    log.restart();
    let shown = log.reader().published();
    assert_eq!((shown.size(), lines(&shown)), (3, 2));
    for (head_fails, published_fails) in [(true, false), (false, true)] {
        log.setup.evidence.break_notes(head_fails);
        log.setup.evidence.break_published(published_fails);
        let size = log.size();
        log.submit(&Made::records(size..size + 2));
        log.close();
        log.setup.evidence.break_notes(false);
        log.setup.evidence.break_published(false);
        script.willing(false);
        script.forget();
        log.open().unwrap();
        assert_eq!(log.reader().published(), shown, "head fails: {head_fails}");
        assert_eq!(log.status(), Status::Writing);
        script.willing(true);
    }
    log.check(7);
}

#[test]
fn a_held_log_is_confirmed_at_the_interval() {
    let (mut log, script) = log_with(WhenUnwitnessed::Hold, false);
    log.close();
    log.setup.publish_every = Duration::from_millis(5);
    log.open().unwrap();
    let asked = script.state.lock().asked.len();
    let start = std::time::Instant::now();
    while script.state.lock().asked.len() < asked + 5 {
        assert!(start.elapsed() < crate::testlog::PATIENCE);
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(log.observed.published.lock().iter().all(|shown| shown.size() == 0));
}
