//! What anybody can do who has what a log has signed, and cannot.

use std::{
    io,
    sync::{Arc, mpsc},
    time::Duration,
};

use bytes::Bytes;
use follower::{
    mirror::{files::Files, push::Pushes, service::Mirror},
    witness::keeper::OriginId,
};
use futures::FutureExt as _;
use parking_lot::Mutex;
use store::MemoryStore;
use testkit::keys::WITNESSES;
use tlog::{
    cosignature::{Cosigner, Timestamp},
    key::VerifierKey,
    note::{Note, VerifiedSignature},
    policy::Policy,
    witness::AddCheckpoint,
};

use super::{
    pushing::{Pushed, cosigned, list, package, upload},
    world::{Copying, Disk, Log, OnDisk, at, mirror_keys, mirror_vkey, origin, signer},
};
use crate::setup::{Watched, open, together, wait};

/// How long something may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

fn log() -> Log {
    Log::of(&[0, 3, 300, 700], |index| format!("entry {index}"))
}

fn witness() -> Cosigner {
    Cosigner::from_seed(WITNESSES[0].name.parse().unwrap(), &WITNESSES[0].seed)
}

fn key() -> [VerifierKey; 1] {
    [signer().verifier_key().clone()]
}

/// The times of the mirror's and of the witness's cosignature on what is shown.
fn times(copying: &Copying) -> [Option<Timestamp>; 2] {
    let shown = copying.log().shown().unwrap();
    let note = Note::parse(shown.note()).unwrap();
    [mirror_vkey(), witness().verifier_key().clone()].map(|key| {
        let opened = note.open([&key]).ok()?;
        opened.signatures().iter().find_map(VerifiedSignature::time)
    })
}

#[test]
fn who_shows_a_checkpoint_without_its_witnesses_takes_nothing_away() {
    let (log, pushed) = (log(), Pushed::new());
    let line = witness().cosign(log.signed(300).checkpoint(), at(5));
    let pend = |old| {
        wait(pushed.copying.mirror.pend(&log.request(old, 300), &key(), vec![line.clone()])).unwrap();
    };
    pend(0);
    assert_eq!(pushed.add(&log, 300, 300).status, 200, "while it is pending");
    cosigned(&pushed.push(&log, 0, 300, 9), &log, 300);
    assert_eq!(times(&pushed.copying), [Some(at(1_000)), Some(at(5))]);
    assert_eq!(pushed.add(&log, 300, 300).status, 200, "while it is shown");
    pushed.pushes.begin(&upload(300, 300)).unwrap().end(None, at(2_000));
    assert_eq!(times(&pushed.copying), [Some(at(2_000)), Some(at(5))]);
    // A newer one of the same witness takes the place of the old one.
    let newer = witness().cosign(log.signed(300).checkpoint(), at(7));
    wait(pushed.copying.mirror.pend(&log.request(300, 300), &key(), vec![newer])).unwrap();
    pushed.copying.finish(300).unwrap();
    assert_eq!(times(&pushed.copying), [Some(at(2_000)), Some(at(7))]);
}

#[test]
fn under_a_policy_what_is_pushed_must_satisfy_it() {
    let log = log();
    let text = format!("log {}\nwitness w {}\nquorum w\n", signer().verifier_key(), witness().verifier_key());
    let policy = Policy::parse(text.as_bytes()).unwrap();
    let copying = Copying::new();
    let under = |copying: Copying| {
        let pushes = Pushes::new(copying.mirror.clone(), list(100_000)).under([(origin(), policy.clone())]);
        wait(pushes.resume());
        Pushed { copying, pushes }
    };
    let pushed = under(copying);
    assert_eq!(pushed.add(&log, 0, 300).status, 403);
    assert!(pushed.copying.mirror.keeper().get(&origin()).is_none(), "nothing was done");
    let with = |line| {
        let signed = log.signed(300).with_signatures([line]).unwrap();
        let request = AddCheckpoint::new(0, vec![], &signed).unwrap().to_string();
        wait(pushed.pushes.add_checkpoint(request.as_bytes(), at(1_000))).status
    };
    assert_eq!(with(witness().cosign(log.signed(3).checkpoint(), at(5))), 403, "of another checkpoint");
    assert_eq!(with(witness().cosign(log.signed(300).checkpoint(), at(5))), 200);
    cosigned(&pushed.push(&log, 0, 300, 9), &log, 300);
    assert_eq!(times(&pushed.copying), [Some(at(1_000)), Some(at(5))]);
    assert_eq!(pushed.add(&log, 300, 300).status, 403);
    // What was pending is so no more: the cosignatures were not kept.
    wait(pushed.copying.mirror.pend(&log.request(300, 700), &key(), vec![])).unwrap();
    let again = under(pushed.copying.again());
    assert_eq!(again.copying.log().pending(), [0; 0]);
}

/// However often what is pending or shown is sent again, it costs no commit, and nobody is told to wait.
#[test]
fn who_repeats_a_checkpoint_keeps_nobody_from_pushing_it() {
    let (log, pushed) = (log(), Pushed::rationed(Copying::new(), 1));
    assert_eq!(pushed.add(&log, 0, 300).status, 200);
    let commits = pushed.copying.mirror.keeper().commits();
    for _ in 0..40 {
        assert_eq!(pushed.add(&log, 300, 300).status, 200);
    }
    cosigned(&pushed.push(&log, 0, 300, 9), &log, 300);
    // What is shown is cosigned anew as often as the list grants, and shown as it is after that.
    let mut last = at(1_000);
    let mut anew = 0;
    for second in 1_001..1_041 {
        assert_eq!(pushed.add(&log, 300, 300).status, 200);
        let again = pushed.pushes.begin(&upload(300, 300)).unwrap().end(None, at(second));
        cosigned(&again, &log, 300);
        let time = times(&pushed.copying)[0].unwrap();
        anew += u64::from(time > last);
        last = time;
    }
    assert_eq!(anew, 16);
    assert_eq!(pushed.copying.mirror.keeper().commits(), commits);
    assert_eq!(pushed.add(&log, 300, 700).status, 200, "nor from growing");
}

/// Copies of one request that come at one time use up what one of them does.
#[test]
fn copies_of_one_request_use_up_as_much_as_one() {
    let (log, store) = (log(), Watched::new(MemoryStore::new()));
    let files: Box<dyn Files> = Box::new(OnDisk(Disk::new()));
    let mirror = Mirror::open(open(&store), mirror_keys(), [(origin(), files)]).unwrap();
    let pushes = Pushes::new(Arc::new(mirror), list(1));
    let add = |old, new| {
        let request = log.request(old, new).to_string();
        let pushes = &pushes;
        Box::pin(async move { pushes.add_checkpoint(request.as_bytes(), at(1_000)).await })
    };
    let held = store.hold();
    let mut copies: Vec<_> = (0..60).map(|_| add(0, 3)).collect();
    assert!(copies.iter_mut().all(|copy| copy.now_or_never().is_none()), "none is judged before the first");
    drop(held);
    let replies = together(copies);
    assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 1);
    assert!(replies.iter().all(|reply| [200, 409].contains(&reply.status)), "{replies:?}");
    assert_eq!(wait(add(3, 300)).status, 200);
}

/// Who goes away while a checkpoint is kept leaves one that the next one makes pending, without a share of the log's.
#[test]
fn a_checkpoint_that_was_kept_for_somebody_who_left_is_pending_once_it_is_sent_again() {
    let (log, store) = (log(), Watched::new(MemoryStore::new()));
    let files: Box<dyn Files> = Box::new(OnDisk(Disk::new()));
    let mirror = Mirror::open(open(&store), mirror_keys(), [(origin(), files)]).unwrap();
    let mirror = Arc::new(mirror);
    let pushes = Pushes::new(mirror.clone(), list(1));
    let request = log.request(0, 300).to_string();
    let held = store.hold();
    let mut leaving = Box::pin(pushes.add_checkpoint(request.as_bytes(), at(1_000)));
    assert!((&mut leaving).now_or_never().is_none());
    held.wait();
    drop(leaving);
    drop(held);
    let again = log.request(300, 300).to_string();
    while mirror.keeper().get(&origin()).is_none() {
        std::thread::yield_now();
    }
    let commits = store.commits();
    for _ in 0..40 {
        assert_eq!(wait(pushes.add_checkpoint(again.as_bytes(), at(1_000))).status, 200);
    }
    assert_eq!(mirror.log(&OriginId::of(&origin())).unwrap().pending(), [300]);
    assert_eq!(store.commits(), commits);
}

/// Rot below what is pushed is the mirror's own trouble: who pushes is not blamed for it.
#[test]
fn what_the_disk_has_lost_is_not_blamed_on_who_pushes() {
    let (log, pushed) = (log(), Pushed::new());
    pushed.add(&log, 0, 300);
    cosigned(&pushed.push(&log, 0, 300, 9), &log, 300);
    pushed.add(&log, 300, 700);
    let disk = &pushed.copying.disk;
    let spoil = |name: &str| {
        let good = disk.get(name).unwrap();
        let mut bytes = good.to_vec();
        bytes[40] ^= 1;
        disk.put(name, bytes);
        (name.to_owned(), good)
    };
    let first = |start| {
        let mut intake = pushed.pushes.begin(&upload(start, 700)).unwrap();
        intake.take(package(&log, upload(start, 700).spans().next().unwrap(), 700))
    };
    for name in ["tile/0/000", "tile/entries/000"] {
        let (name, good) = spoil(name);
        assert_eq!(first(200).unwrap_err().status, 503, "{name}");
        disk.put(&name, good);
        assert_eq!(first(200), Ok(()));
    }
    // The last bundle is in memory.
    spoil("tile/0/001.p/44");
    cosigned(&pushed.push(&log, 300, 700, 9), &log, 700);
}

/// A disk of which each sync is told, and waits until it is let go.
struct Slow {
    disk: OnDisk,
    told: Mutex<mpsc::Sender<()>>,
    go: Mutex<mpsc::Receiver<()>>,
}

impl Files for Slow {
    fn read(&self, name: &str) -> io::Result<Option<Bytes>> {
        self.disk.read(name)
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        self.disk.list(folder)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.disk.write(name, bytes)
    }

    fn sync(&self, names: &[String]) -> io::Result<()> {
        let _ = self.told.lock().send(());
        // Let go for good once nobody holds it.
        let _ = self.go.lock().recv();
        self.disk.sync(names)
    }

    fn remove(&self, folder: &str) -> io::Result<()> {
        self.disk.remove(folder)
    }

    fn set_aside(&self, name: &str) -> io::Result<()> {
        self.disk.set_aside(name)
    }
}

#[test]
fn a_checkpoint_becomes_pending_while_the_disk_is_busy() {
    let (log, (told, busy), (release, go)) = (log(), mpsc::channel(), mpsc::channel());
    let disk = OnDisk(Disk::new());
    let files = Box::new(Slow { disk, told: Mutex::new(told), go: Mutex::new(go) }) as Box<dyn Files>;
    let mirror = Mirror::open(open(&Arc::new(MemoryStore::new())), mirror_keys(), [(origin(), files)]);
    let mirror = Arc::new(mirror.unwrap());
    let copy = mirror.log(&OriginId::of(&origin())).unwrap().clone();
    let keeping = std::thread::spawn({
        let entries = log.hashed(0, 300);
        move || copy.keep(0, &entries)
    });
    busy.recv_timeout(PATIENCE).unwrap();
    let (done, pending) = mpsc::channel();
    let request = log.request(0, 300);
    std::thread::spawn(move || done.send(wait(mirror.pend(&request, &key(), vec![])).is_ok()));
    assert_eq!(pending.recv_timeout(PATIENCE), Ok(true), "it waits for the disk");
    drop(release);
    assert_eq!(keeping.join().unwrap().unwrap(), 300);
}
