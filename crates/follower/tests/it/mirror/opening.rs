//! What a mirror finds when it starts, and with what it must not go on.

use std::sync::Arc;

use follower::mirror::log::{FinishError, KeepError, OpenError};
use store::MemoryStore;
use tlog::{
    checkpoint::Checkpoint,
    key::Signer,
    tile::{Bundle, Resource, Tile},
};

use super::world::{Copying, Log, bundle_of};

fn log() -> Log {
    Log::of(&[100, 300, 700], |index| format!("entry {index}"))
}

#[test]
fn a_mirror_goes_on_only_with_what_it_made_and_remembers() {
    let log = log();
    let made = || {
        let copying = Copying::new();
        copying.follow(&log, 300).unwrap();
        copying.end()
    };
    let (disk, _) = made();
    let gone = Copying::open(disk, Arc::new(MemoryStore::new())).map(|_| ()).unwrap_err();
    assert!(matches!(gone, OpenError::Forgot { shown: 300, held: None, .. }), "{gone:?}");

    // The store as it was when the log had 100 entries, beside files of 300.
    let old = Copying::new();
    old.follow(&log, 100).unwrap();
    let (_, store) = old.end();
    let (disk, _) = made();
    let behind = Copying::open(disk, store).map(|_| ()).unwrap_err();
    assert!(matches!(behind, OpenError::Forgot { shown: 300, held: Some(100), .. }), "{behind:?}");
    assert!(behind.to_string().contains("an older copy of its store was put back"), "{behind}");

    let (disk, store) = made();
    disk.put("checkpoint", log.signed(300).bytes().clone());
    let bare = Copying::open(disk.clone(), store.clone()).map(|_| ()).unwrap_err();
    assert!(matches!(bare, OpenError::NotOurs { .. }), "{bare:?}");
    let other = Signer::from_seed("other.test/log".parse().unwrap(), &[3; 32]);
    let checkpoint = Checkpoint::new(other.name().clone(), log.head(300)).unwrap().sign(&other).unwrap();
    disk.put("checkpoint", checkpoint.bytes().clone());
    let other = Copying::open(disk, store).map(|_| ()).unwrap_err();
    assert!(matches!(other, OpenError::WrongOrigin { .. }), "{other:?}");
}

/// It is set aside, and the log is followed on: to nothing that is behind what was cosigned, or of another history.
#[test]
fn a_damaged_checkpoint_is_set_aside_and_the_next_one_takes_its_place() {
    let log = log();
    for bend in ["no note", "the log's name", "the mirror's signature"] {
        let copying = Copying::new();
        copying.follow(&log, 300).unwrap();
        let (disk, store) = copying.end();
        let mut rotten = disk.get("checkpoint").unwrap().to_vec();
        let end = rotten.len() - 9;
        match bend {
            "no note" => rotten.truncate(20),
            "the log's name" => rotten[2] ^= 1,
            _ => rotten[end] = if rotten[end] == b'A' { b'B' } else { b'A' },
        }
        disk.put("checkpoint", rotten.clone());
        let copying = Copying::open(disk.clone(), store).unwrap();
        assert!(copying.log().shown().is_none() && disk.get("checkpoint").is_none(), "{bend}");
        assert_eq!(disk.get("checkpoint.damaged").unwrap(), rotten);
        assert_eq!(copying.log().next().unwrap(), 300, "what was copied is there");
        assert!(copying.pend(&log.request(100, 300)).is_err() && copying.pend(&log.request(0, 100)).is_err());
        copying.follow(&log, 700).unwrap();
        copying.is_whole(&log);
    }
}

/// What is known to be gone is not said to be here.
#[test]
fn nothing_is_cosigned_while_something_is_known_to_be_lacking() {
    let log = log();
    let copying = Copying::new();
    copying.follow(&log, 300).unwrap();
    copying.log().found_lacking(true);
    assert!(copying.follow(&log, 700).unwrap_err().contains("nothing new is cosigned"));
    assert_eq!((copying.shown(), copying.log().next().unwrap()), (300, 700), "it is kept nevertheless");
    assert!(!copying.log().is_whole());
    copying.log().found_lacking(false);
    copying.finish(700).unwrap();
    copying.is_whole(&log);
}

/// A store that was put back, and entries of another history that were kept beyond the checkpoint.
#[test]
fn what_was_kept_for_another_history_is_not_served() {
    let log = log();
    let other = Log::of(&[700], |index| format!("other {index}"));
    let copying = Copying::new();
    copying.follow(&log, 300).unwrap();
    let full = Bundle::at(1, 700).unwrap();
    for name in [full.to_string(), full.tile().to_string()] {
        copying.disk.put(&name, other.bytes(&name).clone());
    }
    let (last, narrow) = (Bundle::at(1, 300).unwrap(), Bundle::at(1, 266).unwrap());
    let read = |resource| copying.log().read(resource).unwrap().unwrap();
    assert_eq!(read(Resource::Bundle(last)), bundle_of(log.entries(256, 300)));
    assert_eq!(read(Resource::Bundle(narrow)), bundle_of(log.entries(256, 266)));
    let hashes = log.bytes(&last.tile().to_string()).slice(..320);
    assert_eq!(read(Resource::Tile(narrow.tile())), hashes);
}

/// The files as they were when the log had 100 entries, beside a store that remembers 300: nothing is lost but time.
#[test]
fn an_old_copy_of_the_files_is_brought_up_and_to_no_other_history() {
    let log = log();
    let old = Copying::new();
    old.follow(&log, 100).unwrap();
    let (disk, _) = old.end();
    let new = Copying::new();
    new.follow(&log, 300).unwrap();
    let (_, store) = new.end();
    let copying = Copying::open(disk, store).unwrap();
    assert_eq!(copying.shown(), 100);
    let fork =
        Log::of(&[100, 700], |index| if index < 100 { format!("entry {index}") } else { "other".into() });
    assert!(copying.pend(&fork.request(100, 700)).is_err());
    copying.follow(&log, 700).unwrap();
    copying.is_whole(&log);
}

#[test]
fn damage_at_the_edge_is_noticed_at_once_and_mended_files_are_taken_up() {
    let log = log();
    for bent in ["tile/0/000", "tile/entries/001.p/44"] {
        let copying = Copying::new();
        copying.follow(&log, 300).unwrap();
        let (disk, store) = copying.end();
        let good = disk.get(bent).unwrap();
        let mut bad = good.to_vec();
        bad[9] ^= 1;
        disk.put(bent, bad);
        let copying = Copying::open(disk.clone(), store).unwrap();
        assert!(copying.log().is_damaged(), "{bent}");
        assert!(matches!(copying.log().keep(300, &log.hashed(300, 301)), Err(KeepError::Damaged)));
        assert!(copying.follow(&log, 300).unwrap_err().contains("have to be mended"), "{bent}");
        assert!(matches!(copying.log().reopen(), Err(KeepError::Damaged)));
        disk.take(bent);
        assert!(matches!(copying.log().reopen(), Err(KeepError::Damaged)), "{bent} is gone");
        disk.put(bent, good);
        assert_eq!(copying.log().reopen().unwrap(), 300);
        copying.follow(&log, 700).unwrap();
        copying.is_whole(&log);
    }
}

/// Files beyond the checkpoint that agree with each other and are not the log's: the root tells, and they are copied anew.
#[test]
fn what_does_not_lead_to_the_root_is_not_cosigned_and_is_copied_anew() {
    let log = log();
    let other = Log::of(&[700], |index| if index == 600 { "other".into() } else { format!("entry {index}") });
    let copying = Copying::new();
    copying.follow(&log, 300).unwrap();
    copying.pend(&log.request(300, 700)).unwrap();
    copying.log().keep(300, &log.hashed(300, 650)).unwrap();
    let (disk, store) = copying.end();
    let last = Bundle::at(2, 650).unwrap();
    disk.put(&last.to_string(), bundle_of(other.entries(512, 650)));
    let leaves = other.bytes(&Tile::at(0, 2, 700).unwrap().to_string()).slice(..32 * 138);
    disk.put(&last.tile().to_string(), leaves);
    let copying = Copying::open(disk, store).unwrap();
    assert_eq!(copying.log().next().unwrap(), 650);
    copying.pend(&log.request(700, 700)).unwrap();
    copying.log().keep(650, &log.hashed(650, 700)).unwrap();
    assert!(matches!(copying.finish(700), Err(FinishError::OtherRoot { size: 700 })));
    assert_eq!((copying.shown(), copying.log().next().unwrap()), (300, 300));
    copying.is_whole(&log);
    copying.follow(&log, 700).unwrap();
    copying.is_whole(&log);
}

#[test]
fn what_is_half_written_beyond_the_checkpoint_is_copied_anew() {
    let log = log();
    for (bend, name) in [("a tile is gone", "tile/0/001"), ("a bundle is gone", "tile/entries/001")] {
        let copying = Copying::new();
        copying.follow(&log, 100).unwrap();
        copying.pend(&log.request(100, 700)).unwrap();
        copying.log().keep(100, &log.hashed(100, 700)).unwrap();
        let (disk, store) = copying.end();
        disk.take(name);
        let copying = Copying::open(disk.clone(), store.clone()).unwrap();
        assert_eq!(copying.log().next().unwrap(), 256, "{bend}");
        let mut cut = log.bytes(name).to_vec();
        cut.truncate(cut.len() - 1);
        copying.end();
        disk.put(name, cut);
        let copying = Copying::open(disk, store).unwrap();
        assert_eq!(copying.log().next().unwrap(), 256, "{bend}: or cut off");
        copying.follow(&log, 700).unwrap();
        copying.is_whole(&log);
    }
}
