//! Content beside the log, as `deedbook fsck`, `rebuild` and `restore` treat it: each is opened where the keys are at hand,
//! and none is lost when a store is made anew.

use std::sync::Arc;

use sequencer::beside::{Digest, Subject};
use sequencer::ids::Identity;
use sequencer::pool::Submission;
use sequencer::{DataDirectory, Kind, Log, Options};
use store::{SledOptions, SledStore};
use tlog::integrate::Entry;
use vault::{Belongs, Fresh, Vault};

use crate::fsck::{Stopped, backup, flip};

const TEXTS: [&str; 2] = ["the first disclosure", "the second"];

/// What a server does, without a server: the log opened, and what is done with it.
fn with_log<T>(stopped: &Stopped, work: impl FnOnce(&Log, &Vault) -> T) -> T {
    let directory = DataDirectory::open_existing(&stopped.data).unwrap();
    let store = SledStore::open(&directory.store_path(), &SledOptions::default()).unwrap();
    let signer = directory.signer().unwrap().unwrap();
    let evidence = Box::new(directory.head_file());
    let log = Log::open(Arc::new(store), Kind::Records, signer, evidence, Options::default()).unwrap();
    let vault = Vault::open(&directory.content_keys_path()).unwrap();
    work(&log, &vault)
}

/// Logs a record with two disclosures beside it.
fn add_content(stopped: &Stopped) {
    let sample = testkit::sample::typical_ndjson(9_000, 1, &mut testkit::Chance::seeded(9));
    let submission = ::record::Submission::parse(sample.trim_ascii_end()).unwrap();
    let vouched = ::record::Vouched::asserted("2026-11-23T08:14:03.201Z", "open", [7; 16]);
    let entry = ::record::seal(&submission, None, &vouched).unwrap();
    let identity = Identity { key: submission.key(), digest: submission.digest() };
    let belongs = Belongs {
        owner: Subject::Principal { iss: "i".into(), sub: "alice".into() },
        session: None,
        secret: false,
    };
    with_log(stopped, |log, vault| {
        let mut submission = Submission::new(Entry::new(entry.into_bytes()).unwrap(), Some(identity));
        let seal = |text| vault.seal(text, &belongs, Fresh::new([5; 32])).unwrap();
        submission.rows.payloads = TEXTS.map(seal).into();
        log.submit(vec![submission]).unwrap().blocking_recv().unwrap().unwrap();
    });
}

/// All that can be read of a disclosure.
fn read(stopped: &Stopped, text: &str) -> Option<String> {
    with_log(stopped, |log, vault| {
        let (reader, digest) = (log.reader(), Digest::of(text));
        let info = reader.payload(digest).unwrap()?;
        let mut opener = vault.opener(digest, &info).unwrap();
        let sealed = (0..info.pieces).map(|number| reader.payload_piece(digest, number).unwrap());
        let opened = sealed.map(|sealed| opener.next(&sealed?).ok());
        Some(String::from_utf8(opened.collect::<Option<Vec<_>>>()?.concat()).unwrap())
    })
}

#[test]
fn content_is_checked_and_outlives_a_store_that_is_made_anew() {
    let log = Stopped::of_records(300);
    let copy = backup(&log);
    add_content(&log);
    let ran = log.run("fsck", &[]).expect(0).json();
    assert_eq!((&ran["contents"], &ran["opened"]), (&2.into(), &true.into()), "{ran}");
    log.run("rebuild", &[]).expect(0);
    TEXTS.iter().for_each(|text| assert_eq!(read(&log, text).as_deref(), Some(*text)));

    // The copy is older than what is here, so nothing is replaced by it, content least of all.
    let from = copy.to_str().unwrap();
    let refused = crate::run::deedbook(["restore", from, "--data", log.data.to_str().unwrap()]).expect(1);
    assert!(refused.err.contains("nothing was changed"), "{}", refused.err);

    // A copy that reaches as far has the entries; what lies beside the log here is carried over.
    let copy = backup(&log);
    let (from, data) = (copy.to_str().unwrap(), log.data.to_str().unwrap());
    crate::run::deedbook(["restore", from, "--data", data]).expect(0);
    TEXTS.iter().for_each(|text| assert_eq!(read(&log, text).as_deref(), Some(*text)));

    // A bit of a sealed piece: found only with the keys. Entries do not tell it, and a rebuild keeps the rest.
    log.with_tree("piece", flip(20));
    let ran = log.run("fsck", &[]).expect(1).json();
    assert_eq!((&ran["wrong"], &ran["content_wrong"]), (&0.into(), &1.into()), "{ran}");
    assert!(ran["private"][0].as_str().unwrap().contains("is not the one that was sealed"), "{ran}");
    log.run("rebuild", &[]).expect(0);
    let readable = TEXTS.iter().filter(|text| read(&log, text).as_deref() == Some(**text)).count();
    assert_eq!(readable, 1);

    // Without the keys it is not opened, which is said.
    let keys = log.data.join("content-keys");
    std::fs::rename(&keys, log.data.join("elsewhere")).unwrap();
    let ran = log.run("fsck", &[]).expect(0).json();
    assert_eq!((&ran["contents"], &ran["opened"]), (&2.into(), &false.into()), "{ran}");
    std::fs::rename(log.data.join("elsewhere"), &keys).unwrap();

    // A row that is damaged in the store is left out.
    log.with_tree("payload", |tree| drop(tree.pop_min().unwrap().unwrap()));
    log.run("fsck", &[]).expect(1);
    log.run("rebuild", &[]).expect(0);
}
