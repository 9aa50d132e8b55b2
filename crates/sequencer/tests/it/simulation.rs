//! A long life by chance: groups, faults, restarts, evidence that fails, all decided by one seed.
//!
//! `DEEDBOOK_SIM_STEPS=100000 cargo test -p sequencer simulation` runs longer lives, `DEEDBOOK_SEED=0x…` another
//! one. There is one submitter, and commits are held until all that belongs to them was handed in, so the same seed
//! leads to the same log to the last byte.

use std::time::Duration;

use bytes::Bytes;
use sequencer::{log::Status, pool::Refusal};
use store::Fault;
use testkit::Chance;
use tlog::tile::WIDTH;

use crate::testlog::{Made, TestLog};

const STEPS_VARIABLE: &str = "DEEDBOOK_SIM_STEPS";
const STEPS: u64 = 2_000;

/// How a life went, to know that all of it was tried.
#[derive(Debug, Default, PartialEq, Eq)]
struct Course {
    head: Bytes,
    kept: u64,
    lost: u64,
    slow: u64,
    restarts: u64,
    together: u64,
    unpublished: u64,
    /// Failures one after the other, at most.
    in_a_row: u64,
    /// Failures of a commit that would close a bundle, which was there after all.
    kept_closing: u64,
    /// And which was not there.
    lost_closing: u64,
}

/// A log, and what happens to it.
pub struct Life {
    pub log: TestLog,
    chance: Chance,
    next_id: u64,
    course: Course,
    failures_in_a_row: u64,
}

impl Life {
    pub fn new(seed: u64) -> Self {
        let (log, chance) = (TestLog::new(), Chance::seeded(seed));
        Self { log, chance, next_id: 0, course: Course::default(), failures_in_a_row: 0 }
    }

    fn live(seed: u64, steps: u64) -> Course {
        let mut life = Self::new(seed);
        for step in 0..steps {
            life.step();
            if step % 1_000 == 999 || step + 1 == steps {
                life.log.check(life.log.model.size());
            }
        }
        life.log.close();
        life.log.open().unwrap();
        life.log.check(life.log.model.size());
        life.course.head = life.log.reader().published().bytes().clone();
        life.course
    }

    fn step(&mut self) {
        match self.chance.below(100) {
            0..66 => self.one_group(),
            66..89 => self.groups_together(),
            89..92 => self.restart(),
            92..93 => {
                let group = self.bulk();
                self.submit(vec![group]);
            }
            93..95 => self.close_without_evidence(),
            _ => self.log.glance(self.log.model.size()),
        }
    }

    fn one_group(&mut self) {
        let group = self.group();
        self.submit(vec![group]);
    }

    fn groups_together(&mut self) {
        let groups = (0..=self.chance.below(4)).map(|_| self.group()).collect();
        self.submit(groups);
    }

    /// New ids mostly; some known, some twice in the group, some with other bytes.
    fn group(&mut self) -> Vec<Made> {
        (0..=self.chance.below(12)).map(|_| self.made()).collect()
    }

    fn made(&mut self) -> Made {
        let producer = self.chance.below(2) as u8;
        let version = u8::from(self.chance.one_in(6));
        if self.next_id > 0 && self.chance.one_in(4) {
            // Ids lie apart, so that a page is sometimes split in its middle by `below`, which is no multiple.
            return Made::by(producer, self.chance.below(self.next_id * 16), version);
        }
        self.next_id += 1;
        Made::by(producer, self.next_id * 16, version)
    }

    /// Enough to close a bundle, or several.
    fn bulk(&mut self) -> Vec<Made> {
        (0..200 + self.chance.below(300)).map(|_| self.made()).collect()
    }

    /// Submits, with a fault now and then.
    fn submit(&mut self, groups: Vec<Vec<Made>>) {
        if self.chance.one_in(8) {
            let slow = Fault::Slow(Duration::from_micros(200));
            let fault = *self.chance.pick(&[Fault::Lost, Fault::Lost, Fault::Kept, Fault::Kept, slow]);
            self.course.slow += u64::from(fault == slow);
            // The commit of the plug, or the one of the groups, or one that comes after a restart.
            self.log.faults().fail_commit(self.chance.below(3), fault);
        }
        self.submit_until_answered(groups);
    }

    /// Submits groups, several of them in one commit. What nobody knows of is settled by a restart, and submitted
    /// again.
    pub fn submit_until_answered(&mut self, groups: Vec<Vec<Made>>) {
        // A commit of several groups needs one before it that is held; a single group goes in alone.
        let commits: Vec<Vec<Vec<Made>>> =
            if groups.len() == 1 { vec![groups] } else { vec![vec![vec![self.plug()]], groups] };
        let replies = match &commits[..] {
            [plug, groups] => {
                self.course.together += 1;
                self.log.try_as_one_commit(&plug[0][0], groups)
            }
            _ => vec![self.log.try_submit(&commits[0][0])],
        };
        let groups: Vec<Vec<Made>> = commits.iter().flatten().cloned().collect();
        let answered = replies.iter().take_while(|reply| reply.is_ok()).count();
        for (group, reply) in groups.iter().zip(&replies[..answered]) {
            self.log.settle(group, reply.clone());
        }
        if answered == replies.len() {
            self.failures_in_a_row = 0;
            return;
        }
        assert!(replies[answered..].iter().all(|reply| *reply.as_ref().unwrap_err() == Refusal::Unknown));
        // The first commit that was not answered is there as a whole or not at all; those after it never were tried.
        let of_first = if answered == 0 { commits[0].len() } else { groups.len() - answered };
        self.after_a_failure(&groups[answered..], of_first);
    }

    /// A record that is surely new, so that it surely commits.
    fn plug(&mut self) -> Made {
        self.next_id += 1;
        Made::by(9, self.next_id * 16, 0)
    }

    fn after_a_failure(&mut self, unknown: &[Vec<Made>], of_first: usize) {
        assert!(matches!(self.log.status(), Status::Failed(_)));
        let before = self.log.model.size();
        let after = self.log.model.size_after(&unknown[..of_first]);
        assert!(after > before, "a commit without anything new does not fail");
        assert_eq!(self.log.size(), before, "nothing of it is shown");
        self.log.restart();
        self.failures_in_a_row += 1;
        self.course.in_a_row = self.course.in_a_row.max(self.failures_in_a_row);
        let closing = u64::from(before / WIDTH < after / WIDTH);
        if self.log.size() == before {
            self.course.lost += 1;
            self.course.lost_closing += closing;
        } else {
            assert_eq!(self.log.size(), after, "all of the commit, or none");
            unknown[..of_first].iter().for_each(|group| drop(self.log.model.log(group)));
            self.course.kept += 1;
            self.course.kept_closing += closing;
        }
        self.log.glance(self.log.model.size());
        // Whoever was not answered submits again, until it is.
        for group in unknown {
            self.submit_until_answered(vec![group.clone()]);
        }
    }

    pub fn restart(&mut self) {
        self.course.restarts += 1;
        self.log.restart();
        assert_eq!(self.log.status(), Status::Writing);
    }

    /// The evidence falls behind the store, and the next opening brings it up.
    pub fn close_without_evidence(&mut self) {
        self.course.unpublished += 1;
        self.log.setup.evidence.break_notes(true);
        self.log.close();
        assert!(self.log.open().is_err(), "what cannot be noted is not shown");
        self.log.setup.evidence.break_notes(false);
        self.restart();
    }
}

fn steps() -> u64 {
    std::env::var(STEPS_VARIABLE).map_or(STEPS, |text| text.parse().expect("a number of steps"))
}

#[test]
fn a_long_life() {
    let seed = Chance::from_env_or(0x5eed).seed();
    let course = Life::live(seed, steps());
    eprintln!("seed {seed:#x}: {course:?}");
    let tried = [course.kept, course.lost, course.slow, course.restarts, course.together, course.unpublished];
    assert!(tried.iter().all(|times| *times > 0), "not everything was tried: {course:?}");
}

#[test]
fn the_same_seed_leads_to_the_same_bytes() {
    let lives = [7, 7, 8].map(|seed| Life::live(seed, STEPS / 5));
    assert_eq!(lives[0], lives[1]);
    assert_ne!(lives[0].head, lives[2].head);
}

/// A seed, how many steps, what has to happen in them, in words and as a condition.
type Kept = (u64, u64, &'static str, fn(&Course) -> bool);

/// Short lives in which something rare happens. One that goes wrong anywhere is added here.
const KEPT: [Kept; 5] = [
    (0x01, 20, "two failures in a row, one commit kept that closes a bundle", |c| {
        c.in_a_row == 2 && c.kept_closing == 1
    }),
    (0x26, 20, "a commit lost that closes a bundle", |c| c.lost_closing == 1),
    (0x17, 80, "commits that close a bundle, kept and lost", |c| c.kept_closing > 0 && c.lost_closing > 0),
    (0x8f, 80, "two commits lost that close a bundle, and two failures in a row", |c| {
        c.lost_closing == 2 && c.in_a_row == 2
    }),
    (0x1a, 150, "two commits kept that close a bundle", |c| c.kept_closing == 2),
];

#[test]
fn seeds_that_are_kept() {
    for (seed, steps, why, happened) in KEPT {
        let course = Life::live(seed, steps);
        assert!(happened(&course), "seed {seed:#x} no longer has {why}: choose another: {course:?}");
    }
}
