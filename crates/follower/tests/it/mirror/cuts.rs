//! The disk fails, or the power goes, at every step there is.

use follower::mirror::log::FinishError;
use testkit::Chance;

use super::world::{Copying, Disk, Fault, Log};

const SIZES: [u64; 5] = [3, 256, 300, 700, 1_300];

fn log() -> Log {
    Log::of(&SIZES, |index| format!("entry {index}"))
}

/// Follows the log through all sizes, as far as it comes.
fn life(copying: &Copying, log: &Log) -> Result<(), String> {
    SIZES.into_iter().filter(|size| *size > copying.shown()).try_for_each(|size| copying.follow(log, size))
}

/// Steps of a life without faults.
fn steps(log: &Log) -> u64 {
    let copying = Copying::new();
    life(&copying, log).unwrap();
    copying.disk.steps()
}

/// Lives in which the power goes at each step in turn, several times with other luck; in how many of them what is shown then is
/// not there.
fn broken_after_cuts(log: &Log, sync: bool) -> u64 {
    let mut broken = 0;
    for step in 0..steps(log) {
        for luck in 0..4 {
            let copying = Copying::new();
            if !sync {
                copying.disk.lie();
            }
            copying.disk.fail(step, Fault::Cut);
            // Only what removes things that nobody needs may fail unnoticed.
            let _ = life(&copying, log);
            let promised = copying.shown();
            let (disk, store) = copying.end();
            disk.power(&mut Chance::seeded(step * 16 + luck));
            let copying = match Copying::open(disk, store) {
                Ok(copying) => copying,
                Err(error) => panic!("step {step}: {error}"),
            };
            let harmed = copying.is_broken(log) || copying.shown() < promised;
            broken += u64::from(harmed);
            if sync {
                assert!(!harmed, "step {step}, luck {luck}: {promised} was shown, now {}", copying.shown());
                copying.is_whole(log);
                life(&copying, log).unwrap_or_else(|error| panic!("step {step}, luck {luck}: {error}"));
                copying.is_whole(log);
            }
        }
    }
    broken
}

#[test]
fn a_power_cut_between_any_two_steps_leaves_every_byte_of_what_is_shown() {
    let log = log();
    assert!(steps(&log) > 50, "there are steps to cut between");
    assert_eq!(broken_after_cuts(&log, true), 0);
}

/// The test above would see it: without syncs, cuts do harm.
#[test]
fn without_syncs_power_cuts_do_harm() {
    assert!(broken_after_cuts(&log(), false) > 10);
}

#[test]
fn a_step_that_fails_once_changes_nothing_and_may_be_tried_again() {
    let log = log();
    for step in 0..steps(&log) {
        let copying = Copying::new();
        copying.disk.fail(step, Fault::Once);
        let before = life(&copying, &log);
        copying.is_whole(&log);
        if let Err(why) = before {
            assert!(
                why.contains("no storage space") || why.contains("nothing that is served has changed"),
                "{why}"
            );
        }
        life(&copying, &log).unwrap_or_else(|error| panic!("step {step}: {error}"));
        copying.is_whole(&log);
        assert_eq!(copying.shown(), 1_300);
    }
}

/// A checkpoint that is in its place, and of which the disk does not say that it lasts, may have been read: none goes behind it.
#[test]
fn a_checkpoint_that_may_have_been_seen_is_not_gone_back_behind() {
    let log = Log::of(&[100, 300, 700], |index| format!("entry {index}"));
    let mut seen = 0;
    for step in 0..40 {
        let copying = Copying::new();
        copying.follow(&log, 100).unwrap();
        copying.pend(&log.request(100, 300)).unwrap();
        copying.pend(&log.request(300, 700)).unwrap();
        copying.log().keep(100, &log.hashed(100, 700)).unwrap();
        copying.disk.fail(copying.disk.steps() + step, Fault::Once);
        if copying.finish(700).is_ok() {
            continue;
        }
        let in_place = copying.disk.get("checkpoint").unwrap().starts_with(log.signed(700).bytes());
        assert_eq!(copying.shown(), 100, "it is not served");
        if in_place {
            seen += 1;
            assert!(matches!(copying.finish(300), Err(FinishError::Behind { shown: 700 })), "step {step}");
        }
        copying.follow(&log, 700).unwrap();
        copying.is_whole(&log);
    }
    assert_eq!(seen, 1, "the sync after the rename");
}

#[test]
fn a_disk_that_is_full_from_the_start_says_so() {
    let disk = Disk::new();
    disk.fail(0, Fault::Cut);
    let copying = Copying::open(disk, std::sync::Arc::new(store::MemoryStore::new())).unwrap();
    let why = copying.follow(&log(), 3).unwrap_err();
    assert!(why.contains("nothing that is served has changed"), "{why}");
}
