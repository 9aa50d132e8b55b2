//! A copy that grows with its log.

use std::sync::Arc;

use follower::mirror::{
    log::{FinishError, KeepError, PENDING_MAX},
    service::PendError,
};
use store::MemoryStore;
use testkit::keys::WITNESSES;
use tlog::{
    cosignature::Cosigner,
    key::VerifierKey,
    note::{Note, VerifiedSignature},
    tile::{Resource, Tile},
};

use super::world::{Copying, Disk, Log, at, mirror_vkey, origin, signer};
use crate::setup::wait;

const SIZES: [u64; 11] = [1, 2, 255, 256, 257, 300, 512, 700, 1_300, 65_536, 66_000];

fn entry(index: u64) -> String {
    format!("entry {index}")
}

#[test]
fn at_every_size_the_copy_is_the_log_byte_for_byte() {
    let log = Log::of(&SIZES, entry);
    let mut copying = Copying::new();
    copying.is_whole(&log);
    copying.follow(&log, 0).unwrap();
    copying.is_whole(&log);
    for size in SIZES {
        copying.follow(&log, size).unwrap();
        copying.is_whole(&log);
        copying = copying.again();
        assert_eq!((copying.shown(), copying.log().next().unwrap()), (size, size));
        copying.is_whole(&log);
    }
}

#[test]
fn partial_tiles_of_any_width_are_served_and_none_beyond_the_checkpoint() {
    let log = Log::of(&[300, 700], entry);
    let copying = Copying::new();
    copying.follow(&log, 300).unwrap();
    copying.pend(&log.request(300, 700)).unwrap();
    copying.log().keep(300, &log.hashed(300, 700)).unwrap();
    let read = |path: &str| copying.log().read(Resource::parse(path).unwrap()).unwrap();
    for width in 1..=44 {
        let tile = read(&format!("tile/0/001.p/{width}")).unwrap();
        assert_eq!(tile, log.bytes("tile/0/001")[..32 * width], "{width}");
        let bundle = read(&format!("tile/entries/001.p/{width}")).unwrap();
        assert_eq!(bundle, super::world::bundle_of(log.entries(256, 256 + width as u64)));
    }
    for beyond in [
        "tile/0/001.p/45",
        "tile/0/001",
        "tile/entries/001",
        "tile/entries/002.p/1",
        "tile/1/000.p/2",
        "tile/2/000.p/1",
    ] {
        assert_eq!(read(beyond), None, "{beyond} is held, and not promised yet");
    }
    copying.finish(700).unwrap();
    assert_eq!(read("tile/0/001.p/45").unwrap(), log.bytes("tile/0/001")[..32 * 45]);
}

/// What the checkpoint before the last one needed and the last one has whole, goes; all that the last one needs is there.
#[test]
fn partial_tiles_go_one_checkpoint_after_the_full_one_came() {
    let sizes = [200, 250, 300, 350, 600, 601];
    let log = Log::of(&sizes, entry);
    let mut copying = Copying::new();
    let partials =
        |copying: &Copying| copying.disk.names().into_iter().filter(|name| name.contains("/000.p/")).count();
    let mut counted = vec![];
    for size in sizes {
        copying.follow(&log, size).unwrap();
        copying.is_whole(&log);
        counted.push(partials(&copying));
        // Each size by a process of its own, as a timer would have it.
        copying = copying.again();
    }
    // Two of level 0 at 200 and at 250, and that of level 1 at each size where it has another width.
    assert_eq!(counted, [2, 4, 5, 1, 2, 2]);
    assert_eq!(copying.disk.get("tile/0/001.p/44"), None, "gone once 601 was shown");
}

#[test]
fn entries_come_in_order_and_twice_does_no_harm() {
    let log = Log::of(&[700], entry);
    let copying = Copying::new();
    copying.pend(&log.request(0, 700)).unwrap();
    assert!(matches!(copying.log().keep(1, &log.hashed(1, 2)), Err(KeepError::Gap { first: 1, next: 0 })));
    assert_eq!(copying.log().keep(0, &log.hashed(0, 300)).unwrap(), 300);
    assert_eq!(copying.log().keep(100, &log.hashed(100, 200)).unwrap(), 300, "they are there");
    assert_eq!(copying.log().keep(256, &log.hashed(256, 512)).unwrap(), 512, "half of them are");
    assert!(matches!(copying.finish(700), Err(FinishError::NotHeld { next: 512 })));
    assert_eq!(copying.log().keep(512, &log.hashed(512, 700)).unwrap(), 700);
    copying.finish(700).unwrap();
    copying.is_whole(&log);
}

#[test]
fn what_was_kept_is_found_again_wherever_the_process_ended() {
    let log = Log::of(&[100, 66_000], entry);
    let mut copying = Copying::new();
    copying.follow(&log, 100).unwrap();
    copying.pend(&log.request(100, 66_000)).unwrap();
    for until in [101, 200, 256, 600, 65_536, 65_600, 65_601] {
        let next = copying.log().next().unwrap();
        copying.log().keep(next, &log.hashed(next, until)).unwrap();
        copying = copying.again();
        assert_eq!((copying.shown(), copying.log().next().unwrap()), (100, until));
        copying.is_whole(&log);
    }
    copying.follow(&log, 66_000).unwrap();
    copying.is_whole(&log);
}

#[test]
fn several_heads_may_be_pending_and_an_older_one_is_finished_first() {
    let log = Log::of(&[100, 300, 400, 700], entry);
    let copying = Copying::new();
    for (old, new) in [(0, 100), (100, 300), (300, 400), (400, 700)] {
        copying.pend(&log.request(old, new)).unwrap();
    }
    assert_eq!(copying.log().pending(), [100, 300, 400, 700]);
    copying.log().keep(0, &log.hashed(0, 350)).unwrap();
    copying.finish(300).unwrap();
    copying.is_whole(&log);
    assert_eq!((copying.shown(), copying.log().pending()), (300, vec![400, 700]));
    assert!(matches!(copying.finish(100), Err(FinishError::Behind { shown: 300 })), "never backwards");
    assert!(matches!(copying.finish(350), Err(FinishError::NotPending { size: 350 })), "nobody decided that");
    copying.log().keep(350, &log.hashed(350, 700)).unwrap();
    copying.finish(400).unwrap();
    copying.is_whole(&log);
    // After a restart the newest is decided anew; the others are gone with the process.
    let copying = copying.again();
    assert_eq!((copying.shown(), copying.log().pending()), (400, vec![]));
    copying.follow(&log, 700).unwrap();
    copying.is_whole(&log);
}

#[test]
fn of_many_pending_heads_the_newest_are_known() {
    let sizes: Vec<u64> = (1..=PENDING_MAX as u64 + 3).collect();
    let log = Log::of(&sizes, entry);
    let copying = Copying::new();
    for size in &sizes {
        copying.pend(&log.request(size - 1, *size)).unwrap();
    }
    assert_eq!(copying.log().pending(), sizes[3..]);
}

#[test]
fn a_second_history_is_refused_and_the_proof_kept() {
    let log = Log::of(&[300, 700, 800], entry);
    let fork =
        Log::of(&[300, 700, 800], |index| if index < 500 { entry(index) } else { format!("other {index}") });
    let copying = Copying::new();
    copying.follow(&log, 700).unwrap();
    for (request, what) in
        [(fork.request(700, 700), "of equal size"), (fork.request(700, 800), "a larger one")]
    {
        let refused = copying.pend(&request).unwrap_err();
        assert!(matches!(refused, PendError::Refused { proven: true, .. }), "{what}: {refused:?}");
    }
    assert_eq!(copying.mirror.keeper().counts().contradictions, 2);
    let shorter = copying.pend(&log.request(300, 300)).unwrap_err();
    assert!(
        matches!(&shorter, PendError::Refused { proven: false, refusal } if refusal.status() == 409),
        "{shorter:?}"
    );
    copying.follow(&log, 800).unwrap();
    copying.is_whole(&log);
}

/// A head that became pending binds the mirror, though it never was cosigned: it may be in others' hands.
#[test]
fn what_is_pending_is_stood_by_after_a_restart() {
    let log = Log::of(&[300, 700], entry);
    let fork =
        Log::of(&[300, 700], |index| if index < 300 { entry(index) } else { format!("other {index}") });
    let copying = Copying::new();
    copying.follow(&log, 300).unwrap();
    copying.pend(&log.request(300, 700)).unwrap();
    let copying = copying.again();
    assert!(matches!(copying.pend(&fork.request(300, 700)), Err(PendError::Refused { .. })));
    copying.follow(&log, 700).unwrap();
    copying.is_whole(&log);
}

#[test]
fn cosignatures_of_others_stay_on_and_the_time_never_goes_back() {
    let log = Log::of(&[300], entry);
    let copying = Copying::new();
    let witness = Cosigner::from_seed(WITNESSES[0].name.parse().unwrap(), &WITNESSES[0].seed);
    let line = witness.cosign(log.signed(300).checkpoint(), at(5));
    let pend = |old: u64| {
        let keys = [signer().verifier_key().clone()];
        wait(copying.mirror.pend(&log.request(old, 300), &keys, vec![line.clone(), line.clone()])).unwrap();
    };
    let times = || {
        let note = copying.log().shown().unwrap().note().clone();
        let keys: [VerifierKey; 2] = [mirror_vkey(), witness.verifier_key().clone()];
        let note = Note::parse(&note).unwrap();
        let opened = note.open(&keys).unwrap();
        opened
            .signatures()
            .iter()
            .filter_map(VerifiedSignature::time)
            .map(tlog::cosignature::Timestamp::seconds)
            .collect::<Vec<_>>()
    };
    pend(0);
    copying.log().keep(0, &log.hashed(0, 300)).unwrap();
    copying.mirror.finish(copying.log(), 300, at(1_000)).unwrap();
    for (now, shown) in [(2_000, 2_000), (1_500, 2_000), (2_001, 2_001)] {
        pend(300);
        let done = copying.mirror.finish(copying.log(), 300, at(now)).unwrap();
        assert_eq!(done.answer.lines().len(), 1, "its own line alone is its answer");
        let mut times = times();
        times.sort_unstable();
        assert_eq!(times, [5, shown]);
    }
    assert!(copying.log().pending().is_empty());
}

#[test]
fn a_mirror_of_another_log_knows_nothing_of_this_one() {
    let copying = Copying::open(Disk::new(), Arc::new(MemoryStore::new())).unwrap();
    let log = Log::of(&[3], entry);
    let other = tlog::key::Signer::from_seed("other.test/log".parse().unwrap(), &[3; 32]);
    let checkpoint = tlog::checkpoint::Checkpoint::new(other.name().clone(), log.head(3)).unwrap();
    let request = tlog::witness::AddCheckpoint::new(0, vec![], &checkpoint.sign(&other).unwrap()).unwrap();
    assert!(matches!(copying.pend(&request), Err(PendError::Unknown { .. })));
    assert_eq!(copying.log().origin(), &origin());
    assert!(Tile::at(0, 0, copying.shown()).is_none());
}

/// What was kept is on the disk already when its checkpoint is finished, and only then.
#[test]
fn the_last_entries_are_written_once_unless_the_files_were_read_again() {
    let log = Log::of(&[300], entry);
    for (reopened, wanted) in [(false, 1), (true, 2)] {
        let copying = Copying::new();
        copying.pend(&log.request(0, 300)).unwrap();
        copying.log().keep(0, &log.hashed(0, 300)).unwrap();
        if reopened {
            copying.log().reopen().unwrap();
        }
        copying.finish(300).unwrap();
        for name in ["tile/entries/001.p/44", "tile/0/001.p/44"] {
            assert_eq!(copying.disk.written(name), wanted, "{name}");
        }
    }
}
