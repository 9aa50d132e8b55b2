//! A log that is pushed to a mirror: everything arrives, whatever breaks off in between, and nothing else does.

use bytes::Bytes;
use follower::{
    mirror::push::Pushes,
    witness::{enrolled::Enrolled, service::Reply},
};
use testkit::Chance;
use tlog::{
    mirror::{INFO_CONTENT_TYPE, Info, Package, Span, Upload},
    witness::Answer,
};

use super::world::{Copying, Fault, Log, at, mirror_vkey, origin, signer};
use crate::setup::wait;

const SIZES: [u64; 6] = [0, 3, 256, 300, 700, 1_300];

fn log() -> Log {
    Log::of(&SIZES, |index| format!("entry {index}"))
}

/// A mirror to which the log may push.
pub struct Pushed {
    pub copying: Copying,
    pub pushes: Pushes,
}

impl Pushed {
    pub fn new() -> Self {
        Self::to(Copying::new())
    }

    fn to(copying: Copying) -> Self {
        Self::rationed(copying, 100_000)
    }

    /// So many checkpoints a day.
    pub fn rationed(copying: Copying, qpd: u32) -> Self {
        let pushes = Pushes::new(copying.mirror.clone(), list(qpd));
        wait(pushes.resume());
        Self { copying, pushes }
    }

    /// As after the process has ended, however it did.
    fn again(self) -> Self {
        Self::to(self.copying.again())
    }

    fn next(&self) -> u64 {
        self.copying.log().next().unwrap()
    }

    fn shown(&self) -> Option<u64> {
        Some(self.copying.log().shown()?.head().size)
    }

    pub fn add(&self, log: &Log, old: u64, new: u64) -> Reply {
        wait(self.pushes.add_checkpoint(log.request(old, new).to_string().as_bytes(), at(1_000)))
    }

    /// A request with the first `packages` packages.
    pub fn push(&self, log: &Log, start: u64, end: u64, packages: usize) -> Reply {
        let upload = upload(start, end);
        let mut intake = match self.pushes.begin(&upload) {
            Ok(intake) => intake,
            Err(reply) => return reply,
        };
        for span in upload.spans().take(packages) {
            if let Err(reply) = intake.take(package(log, span, end)) {
                return reply;
            }
        }
        intake.end(None, at(1_000))
    }
}

/// The list of a mirror to which the log may push so many checkpoints a day.
pub fn list(qpd: u32) -> Enrolled {
    let list = format!("logs/v0\nvkey {}\nqpd {qpd}\ncontact nobody\n", signer().verifier_key());
    list.parse().unwrap()
}

pub fn upload(start: u64, end: u64) -> Upload {
    Upload::new(origin(), start, end, Bytes::new()).unwrap()
}

pub fn package(log: &Log, span: Span, end: u64) -> Package {
    let plan = span.plan(log.head(end)).unwrap();
    let tiles: Vec<_> = plan.tiles().iter().map(|tile| log.bytes(&tile.to_string())).collect();
    Package::new(span, log.entries(span.bundle_start(), span.end()), plan.finish(&tiles).unwrap()).unwrap()
}

/// That an answer says where to go on.
#[track_caller]
fn says(reply: &Reply, status: u16, size: u64, next: u64) {
    assert_eq!((reply.status, reply.content_type), (status, INFO_CONTENT_TYPE), "{reply:?}");
    assert_eq!(Info::parse(reply.body.as_bytes()), Ok(Info::new(size, next)));
}

/// That an answer is the mirror's cosignature of the log at this size.
#[track_caller]
pub fn cosigned(reply: &Reply, log: &Log, size: u64) {
    assert_eq!(reply.status, 200, "{reply:?}");
    let answer = Answer::parse(reply.body.as_bytes()).unwrap();
    assert_eq!(answer.take(&log.signed(size), &[mirror_vkey()], None).unwrap().len(), 1);
}

/// Pushes the log up to a size, so many packages at a time; how many requests with entries it took.
fn push_all(pushed: &Pushed, log: &Log, size: u64, packages: usize) -> u64 {
    for requests in 1.. {
        let start = pushed.next().min(size);
        let reply = pushed.push(log, start, size, packages);
        if reply.status == 200 {
            cosigned(&reply, log, size);
            return requests;
        }
        says(&reply, 202, size, (start / 256 + packages as u64) * 256);
    }
    unreachable!()
}

#[test]
fn a_log_is_pushed_piece_by_piece() {
    for packages in [1, 2, 100] {
        let (log, mut pushed) = (log(), Pushed::new());
        let (mut old, mut requests) = (0, 0);
        for size in SIZES {
            let added = pushed.add(&log, old, size);
            assert_eq!((added.status, added.body.as_str()), (200, ""));
            assert!(pushed.shown().is_none_or(|shown| shown <= old), "what is pending is not signed");
            requests += push_all(&pushed, &log, size, packages);
            assert_eq!(pushed.shown(), Some(size));
            pushed.copying.is_whole(&log);
            pushed = pushed.again();
            assert_eq!((pushed.shown(), pushed.next()), (Some(size), size));
            old = size;
        }
        // One for nothing; else one for each bundle that is begun or gone on with, and in one piece one for each size.
        assert_eq!(requests, [10, 7, 6][packages.min(3) - 1]);
    }
}

/// The answers to a checkpoint: those of a witness, but that nothing is signed.
#[test]
fn a_checkpoint_is_judged_as_by_a_witness() {
    let (log, pushed) = (log(), Pushed::new());
    assert_eq!(wait(pushed.pushes.add_checkpoint(b"old 0\n", at(1))).status, 400);
    let body = log.request(0, 3).to_string();
    let other = body.replace(origin().as_str(), "another.example/log");
    assert_eq!(wait(pushed.pushes.add_checkpoint(other.as_bytes(), at(1))).status, 404);
    let unsigned = body.replacen("\n3\n", "\n4\n", 1);
    assert_eq!(wait(pushed.pushes.add_checkpoint(unsigned.as_bytes(), at(1))).status, 403);
    assert_eq!(pushed.push(&log, 0, 0, 0).status, 422, "nothing is pending yet");
    assert_eq!(pushed.add(&log, 0, 256).status, 200);
    let stale = pushed.add(&log, 0, 300);
    let size = ("text/x.tlog.size", "256\n");
    assert_eq!((stale.status, (stale.content_type, stale.body.as_str())), (409, size));
    let forked = Log::of(&SIZES, |index| format!("other {index}"));
    assert_eq!(pushed.add(&forked, 256, 256).status, 422);
    assert_eq!(pushed.copying.mirror.keeper().contradictions().len(), 1, "the proof is kept");
    assert_eq!(pushed.add(&forked, 256, 300).status, 422);
    assert_eq!(pushed.add(&log, 256, 256).status, 200, "once more");
    assert_eq!(pushed.shown(), None, "nothing is signed");
}

#[test]
fn whoever_asks_is_told_where_to_go_on() {
    let (log, pushed) = (log(), Pushed::new());
    pushed.add(&log, 0, 300);
    pushed.add(&log, 300, 1_300);
    says(&pushed.push(&log, 0, 0, 0), 409, 1_300, 0);
    says(&pushed.push(&log, 3, 300, 9), 409, 300, 0);
    assert_eq!(pushed.push(&log, 0, 1_300, 0).status, 400, "no package");
    says(&pushed.push(&log, 0, 1_300, 1), 202, 1_300, 256);
    cosigned(&pushed.push(&log, 250, 300, 9), &log, 300);
    says(&pushed.push(&log, 256, 256, 0), 409, 1_300, 300);
    cosigned(&pushed.push(&log, 300, 1_300, 9), &log, 1_300);
    says(&pushed.push(&log, 300, 300, 0), 409, 1_300, 1_300);
    pushed.copying.is_whole(&log);
}

/// With no entries: for the sake of a newer time, if the log asks for that, and else what was cosigned before.
#[test]
fn what_is_shown_is_cosigned_once_more() {
    let (log, pushed) = (log(), Pushed::new());
    pushed.add(&log, 0, 300);
    let first = pushed.push(&log, 0, 300, 9);
    assert_eq!(pushed.push(&log, 300, 300, 0), first, "what it answered before");
    pushed.add(&log, 300, 300);
    let intake = pushed.pushes.begin(&upload(300, 300)).unwrap();
    let later = intake.end(None, at(5_000));
    cosigned(&later, &log, 300);
    assert_ne!(later, first);
}

#[test]
fn what_was_pending_still_is_after_a_restart() {
    let (log, mut pushed) = (log(), Pushed::new());
    pushed.add(&log, 0, 1_300);
    says(&pushed.push(&log, 0, 1_300, 2), 202, 1_300, 512);
    pushed = pushed.again();
    says(&pushed.push(&log, 600, 1_300, 9), 409, 1_300, 512);
    cosigned(&pushed.push(&log, 512, 1_300, 9), &log, 1_300);
    pushed.copying.is_whole(&log);
}

/// Two uploads side by side, in all orders of their packages.
#[test]
fn two_who_push_at_one_time_do_not_disturb_each_other() {
    let log = log();
    for order in 0..1 << 5 {
        let pushed = Pushed::new();
        pushed.add(&log, 0, 700);
        pushed.add(&log, 700, 1_300);
        let mut uploads = [700, 1_300].map(|end| {
            let (upload, spans) = (upload(0, end), upload(0, end).spans().collect::<Vec<_>>());
            (end, pushed.pushes.begin(&upload).unwrap(), spans.into_iter())
        });
        for turn in (0..8).map(|turn| order >> turn & 1) {
            let (end, intake, spans) = &mut uploads[turn];
            if let Some(span) = spans.next() {
                intake.take(package(&log, span, *end)).unwrap();
            }
        }
        for (end, intake, spans) in &mut uploads {
            spans.for_each(|span| intake.take(package(&log, span, *end)).unwrap());
        }
        let [(_, one, _), (_, other, _)] = &uploads;
        if order % 2 == 0 {
            cosigned(&one.end(None, at(1_000)), &log, 700);
            cosigned(&other.end(None, at(1_000)), &log, 1_300);
        } else {
            cosigned(&other.end(None, at(1_000)), &log, 1_300);
            says(&one.end(None, at(1_000)), 409, 1_300, 1_300);
        }
        pushed.copying.is_whole(&log);
        assert_eq!(pushed.shown(), Some(1_300));
    }
}

#[test]
fn entries_of_another_log_change_nothing() {
    let (log, other) = (log(), Log::of(&SIZES, |index| format!("other {index}")));
    let pushed = Pushed::new();
    pushed.add(&log, 0, 1_300);
    says(&pushed.push(&log, 0, 1_300, 1), 202, 1_300, 256);
    let before = pushed.copying.disk.names();
    let refused = pushed.push(&other, 256, 1_300, 9);
    assert_eq!((refused.status, refused.content_type), (422, "text/plain; charset=utf-8"), "{refused:?}");
    assert_eq!((pushed.copying.disk.names(), pushed.next()), (before, 256));
    // Entries that are here already are proven all the same.
    let mut intake = pushed.pushes.begin(&upload(200, 1_300)).unwrap();
    assert_eq!(
        intake.take(package(&other, upload(200, 1_300).spans().next().unwrap(), 1_300)).unwrap_err().status,
        422
    );
    cosigned(&pushed.push(&log, 200, 1_300, 9), &log, 1_300);
    pushed.copying.is_whole(&log);
}

#[test]
fn a_log_grows_as_often_as_the_list_grants() {
    let sizes: Vec<u64> = (0..=20).collect();
    let log = Log::of(&sizes, |index| format!("entry {index}"));
    let pushed = Pushed::rationed(Copying::new(), 1);
    let replies: Vec<_> = (1..=20).map(|size| pushed.add(&log, size - 1, size)).collect();
    assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 16);
    let refused = &replies[16];
    assert!(refused.status == 429 && refused.retry_after.is_some(), "{refused:?}");
}

/// At each step of a life the power goes, or the disk is full: what was answered for is there, what is shown is whole, and the
/// upload goes on.
#[test]
fn whatever_the_disk_does_nothing_that_was_answered_for_is_lost() {
    let log = log();
    let steps = {
        let pushed = Pushed::new();
        assert_eq!(life(&pushed, &log), (1_300, 1_300));
        pushed.copying.disk.steps()
    };
    assert!(steps > 25, "{steps}");
    for (step, fault) in (0..steps).flat_map(|step| [(step, Fault::Cut), (step, Fault::Once)]) {
        let pushed = Pushed::new();
        pushed.copying.disk.fail(step, fault);
        let (next, shown) = life(&pushed, &log);
        let (disk, store) = pushed.copying.end();
        disk.power(&mut Chance::seeded(step));
        let pushed = Pushed::to(Copying::open(disk, store).unwrap());
        assert!(pushed.next() >= next && pushed.shown().unwrap_or(0) >= shown, "step {step}, {fault:?}");
        pushed.copying.is_whole(&log);
        assert_eq!(life(&pushed, &log), (1_300, 1_300), "step {step}, {fault:?}");
        pushed.copying.is_whole(&log);
    }
}

/// Pushes the log up to 700 and to 1,300 entries, until something is not taken; the entries and the size that were answered for.
fn life(pushed: &Pushed, log: &Log) -> (u64, u64) {
    let (mut next, mut shown) = (0, 0);
    for size in [700, 1_300] {
        let held = pushed.copying.mirror.keeper().get(&origin()).map_or(0, |held| held.head().size);
        if held < size {
            pushed.add(log, held, size);
        }
        while shown < size && pushed.shown().unwrap_or(0) <= size {
            let reply = pushed.push(log, pushed.next().min(size), size, 1);
            match reply.status {
                200 => (next, shown) = (next.max(size), size),
                202 => next = Info::parse(reply.body.as_bytes()).unwrap().next,
                503 => return (next, shown),
                409 => break,
                _ => panic!("{reply:?}"),
            }
        }
    }
    (next, shown)
}
