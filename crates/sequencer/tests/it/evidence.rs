//! A log that does not stand where the evidence says it should: readable, and signing nothing.

use std::{fs, path::Path};

use sequencer::{
    Kind,
    log::Status,
    pool::Refusal,
    publisher::Evidence as _,
    recover::{RecoverError, Standing},
};
use tempfile::TempDir;
use testkit::keys;
use tlog::{
    Hash, Head,
    checkpoint::{Checkpoint, SignedCheckpoint},
};

use crate::testlog::{Made, Place, Setup, TestEvidence, TestLog, signer};

/// A checkpoint of the log's own key, of whatever tree.
fn signed(key: keys::TestKey, size: u64, root: Hash) -> SignedCheckpoint {
    let signer = signer(key);
    Checkpoint::new(signer.name().clone(), Head { size, root }).unwrap().sign(&signer).unwrap()
}

/// A closed log with so many entries, and what its evidence holds.
fn closed(setup: Setup, size: u64) -> TestLog {
    let mut log = TestLog::with(setup);
    log.submit(&Made::records(0..size));
    log.close();
    log
}

fn head_file(log: &TestLog) -> std::path::PathBuf {
    let Place::Sled(dir) = &log.setup.place else { panic!("in memory") };
    dir.path().join("head")
}

/// Opens the log, and demands that it answers reads, refuses entries with the sentence, and writes nothing at all.
fn is_read_only(log: &mut TestLog, expected: &Standing) {
    let evidence = log.setup.evidence.newest().unwrap();
    let notes = log.setup.evidence.notes();
    log.open().unwrap();
    assert_eq!(log.status(), Status::ReadOnly(expected.clone()));
    let refused = log.send(&Made::records(5_000..5_001)).unwrap_err();
    assert_eq!(refused, Refusal::NotWriting(expected.to_string()));
    assert!(refused.to_string().starts_with("the log takes no entries: "));
    log.check(log.model.size());
    assert_eq!(log.store().commits(), 0, "nothing is written");
    assert_eq!(log.setup.evidence.notes(), notes, "nothing is published");
    log.close();
    assert_eq!(log.setup.evidence.newest().unwrap(), evidence, "closing publishes nothing either");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(file.file_name());
        if file.file_type().unwrap().is_dir() {
            copy(&file.path(), &target);
        } else {
            fs::copy(file.path(), target).unwrap();
        }
    }
}

/// Yesterday's copy of the store beside today's head.
#[test]
fn a_restored_old_copy_signs_nothing() {
    for (yesterday, today) in [(0, 1), (100, 101), (250, 300), (300, 301)] {
        let mut log = TestLog::with(Setup::on_disk());
        if yesterday > 0 {
            log.submit(&Made::records(0..yesterday));
        }
        log.close();
        let Place::Sled(dir) = &log.setup.place else { unreachable!() };
        let (store, kept) = (dir.path().join("store"), dir.path().join("kept"));
        copy(&store, &kept);

        log.open().unwrap();
        log.submit(&Made::records(yesterday..today));
        log.close();
        fs::remove_dir_all(&store).unwrap();
        fs::rename(&kept, &store).unwrap();

        // A model of yesterday, which has seen today's checkpoints as well, would rightly cry out.
        let mut old = TestLog::closed(Setup {
            place: std::mem::replace(&mut log.setup.place, Setup::default().place),
            evidence: log.setup.evidence.clone(),
            ..Setup::default()
        });
        old.model.log(&Made::records(0..yesterday));
        let behind = Standing::Behind { stored: yesterday, known: today };
        is_read_only(&mut old, &behind);
        is_read_only(&mut old, &behind);
        let sentence = behind.to_string();
        assert!(sentence.contains("old copy") && sentence.contains("restore"), "{sentence}");
    }
}

#[test]
fn a_log_without_its_evidence_signs_nothing() {
    let mut log = closed(Setup::on_disk(), 300);
    let path = head_file(&log);
    let head = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    is_read_only(&mut log, &Standing::EvidenceMissing { stored: 300 });
    assert!(!path.exists());
    fs::write(&path, head).unwrap();
    log.open().unwrap();
    log.submit(&Made::records(300..301));
    log.check(301);
}

/// Whatever is wrong with the head file is named; it is never written over.
#[test]
fn evidence_that_is_no_checkpoint_of_this_log() {
    let mut log = closed(Setup::on_disk(), 300);
    let path = head_file(&log);
    let good = fs::read(&path).unwrap();
    let root = Hash::from_bytes(log.model.tree.root(300));
    let flipped = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("empty", vec![]),
        ("garbage", b"\x00\xffgarbage".to_vec()),
        ("cut short", good[..good.len() - 10].to_vec()),
        ("a byte of the root flipped", flipped(keys::LOG.name.len() + 10)),
        ("a byte of the signature flipped", flipped(good.len() - 10)),
        ("a line more", [&good[..], b"more\n"].concat()),
        ("the same name, another key", signed(keys::IMPOSTOR, 300, root).bytes().to_vec()),
        ("another log", signed(keys::OTHER_LOG, 300, root).bytes().to_vec()),
    ];
    for (bend, bytes) in cases {
        fs::write(&path, &bytes).unwrap();
        log.open().unwrap();
        let Status::ReadOnly(standing @ Standing::EvidenceUnreadable { .. }) = log.status() else {
            panic!("{bend}: {:?}", log.status())
        };
        log.close();
        is_read_only(&mut log, &standing);
        assert_eq!(fs::read(&path).unwrap(), bytes, "{bend}");
    }
    fs::write(&path, good).unwrap();
    log.open().unwrap();
    assert_eq!(log.status(), Status::Writing);
}

#[test]
fn a_head_that_the_store_does_not_contain_is_a_fork() {
    for size in [1, 100, 255, 256, 257, 299, 300] {
        let mut log = closed(Setup::default(), 300);
        log.setup.evidence.note(&signed(log.key, size, Hash::leaf(b"another history"))).unwrap();
        is_read_only(&mut log, &Standing::Fork { size });
    }
    let mut log = closed(Setup::default(), 300);
    log.setup.evidence.note(&signed(log.key, 0, Hash::EMPTY)).unwrap();
    log.open().unwrap();
    assert_eq!(log.status(), Status::Writing, "every log contains the empty one");
}

/// The same records in another order: a store of the same size and another root, all of it well signed.
#[test]
fn a_store_of_another_history_is_a_fork() {
    let mut one = closed(Setup::default(), 300);
    let mut other = TestLog::new();
    other.submit(&Made::records(1..300));
    other.submit(&Made::records(0..1));
    other.close();
    std::mem::swap(&mut one.setup.evidence, &mut other.setup.evidence);
    is_read_only(&mut one, &Standing::Fork { size: 300 });
    is_read_only(&mut other, &Standing::Fork { size: 300 });
}

/// Every head that was ever published is a good one to have as evidence, at any later size.
#[test]
fn every_earlier_head_is_good_evidence() {
    let mut log = TestLog::new();
    let mut heads = vec![];
    for size in [0, 1, 2, 255, 256, 257, 511, 512, 700] {
        let from = log.model.size();
        log.submit(&Made::records(from..size));
        log.close();
        heads.push(log.setup.evidence.newest().unwrap().unwrap());
        for head in &heads {
            let head = SignedCheckpoint::open(head.clone(), log.signer().verifier_key()).unwrap();
            log.setup.evidence.note(&head).unwrap();
            log.open().unwrap();
            assert_eq!(log.status(), Status::Writing, "{} of {size}", head.size());
            log.close();
        }
        log.open().unwrap();
        log.check(size);
    }
}

#[test]
fn a_store_that_is_gone_is_not_made_anew() {
    for size in [1, 300] {
        let mut log = closed(Setup::on_disk(), size);
        let Place::Sled(dir) = &log.setup.place else { unreachable!() };
        fs::remove_dir_all(dir.path().join("store")).unwrap();
        let error = log.open().unwrap_err();
        assert!(matches!(error, RecoverError::StoreGone { known } if known == size), "{error}");
        assert!(error.to_string().contains("never starts again under the same origin"));
        let error = log.open().unwrap_err();
        assert!(matches!(error, RecoverError::StoreGone { .. }), "the first attempt left nothing: {error}");
    }
}

#[test]
fn a_store_that_is_gone_beside_a_head_that_nobody_can_read() {
    let mut log = closed(Setup::on_disk(), 3);
    fs::write(head_file(&log), "garbage").unwrap();
    let Place::Sled(dir) = &log.setup.place else { unreachable!() };
    fs::remove_dir_all(dir.path().join("store")).unwrap();
    let error = log.open().unwrap_err();
    assert!(matches!(error, RecoverError::Evidence(_)), "{error}");
    assert!(error.to_string().contains("`head`"), "{error}");
}

#[test]
fn a_log_of_another_kind_or_name_or_key_is_refused() {
    let mut log = closed(Setup::default(), 3);
    log.setup.kind = Kind::Raw;
    let error = log.open().unwrap_err();
    assert!(matches!(error, RecoverError::WrongLog { found: Kind::Records, format: 1, .. }), "{error}");
    log.setup.kind = Kind::Records;

    log.key = keys::OTHER_LOG;
    let RecoverError::WrongLog { origin, .. } = log.open().unwrap_err() else { panic!("opened") };
    assert_eq!(origin, keys::LOG.name);

    log.key = keys::IMPOSTOR;
    let error = log.open().unwrap_err();
    assert!(matches!(error, RecoverError::Head(_)), "{error}");

    log.key = keys::LOG;
    log.open().unwrap();
    log.check(3);
}

/// Evidence is read before anything else: when it cannot be, nothing is opened.
#[test]
fn evidence_that_cannot_be_read_at_all() {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("head")).unwrap();
    let mut log = TestLog::closed(Setup { evidence: TestEvidence::in_file(dir.path()), ..Setup::default() });
    assert!(matches!(log.open(), Err(RecoverError::Evidence(_))));
}
