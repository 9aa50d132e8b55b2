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
}

struct Life {
    log: TestLog,
    chance: Chance,
    next_id: u64,
    course: Course,
}

impl Life {
    fn live(seed: u64, steps: u64) -> Course {
        let log = TestLog::new();
        let chance = Chance::seeded(seed);
        let mut life = Self { log, chance, next_id: 0, course: Course::default() };
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

    /// Submits, with a fault now and then; what nobody knows of is settled by a restart, and submitted again.
    fn submit(&mut self, groups: Vec<Vec<Made>>) {
        let faulty = self.chance.one_in(8);
        if faulty {
            let slow = Fault::Slow(Duration::from_micros(200));
            let fault = *self.chance.pick(&[Fault::Lost, Fault::Lost, Fault::Kept, Fault::Kept, slow]);
            self.course.slow += u64::from(fault == slow);
            // The commit of the plug, or the one of the groups, or one that comes after a restart.
            self.log.faults().fail_commit(self.chance.below(3), fault);
        }
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
        if self.log.size() == before {
            self.course.lost += 1;
        } else {
            assert_eq!(self.log.size(), after, "all of the commit, or none");
            unknown[..of_first].iter().for_each(|group| drop(self.log.model.log(group)));
            self.course.kept += 1;
        }
        self.log.glance(self.log.model.size());
        // Whoever was not answered submits again, until it is.
        for group in unknown {
            self.submit(vec![group.clone()]);
        }
    }

    fn restart(&mut self) {
        self.course.restarts += 1;
        self.log.restart();
        assert_eq!(self.log.status(), Status::Writing);
    }

    /// The evidence falls behind the store, and the next opening brings it up.
    fn close_without_evidence(&mut self) {
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

/// Lives that once went wrong, or that went through something rare.
#[test]
fn seeds_that_are_kept() {
    for (seed, steps, why) in KEPT {
        eprintln!("seed {seed:#x}: {why}");
        Life::live(*seed, *steps);
    }
}

const KEPT: &[(u64, u64, &str)] = &[(0x1, 200, "an ordinary short life")];
