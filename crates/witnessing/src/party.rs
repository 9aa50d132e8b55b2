//! What a log believes of one witness, and what it asks it next.
//!
//! A pure state machine: [`Party::next`] says what is to be done, [`Party::heard`] takes in what came of it. One request is
//! under way at a time; whoever drives this keeps to that.
//!
//! What is believed of the stored size is a hint. It is wrong after a restart of either side, and after a request whose
//! answer was lost; the witness's 409 puts it right. It may be larger than the head that was sent: every commit is signed and
//! answered with, and whoever has it can take it to the witness first. A witness that names a larger size than the log has
//! when its answer is judged is asked no more: entries are gone here, or somebody else signs as this log, and whatever is
//! signed from here on may be a fork.

use std::time::{Duration, Instant};

use crate::reply::{Cause, Reply};

/// Wait after the first failure that passes by itself; it doubles with each further one.
const PASSING_FIRST: Duration = Duration::from_millis(50);
/// Longest such wait.
const PASSING_MAX: Duration = Duration::from_secs(30);
/// Wait after the first failure that somebody has to mend; it doubles with each further one.
const LASTING_FIRST: Duration = Duration::from_secs(1);
/// Longest such wait.
const LASTING_MAX: Duration = Duration::from_mins(1);
/// Longest wait that a witness may ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_mins(10);
/// So many times in a row it may name another stored size before it is taken for inconsistent.
const SIZES_IN_A_ROW: u32 = 3;

/// What is to be cosigned, and for which time of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Task {
    /// Counts heads and refreshes; grows.
    pub(crate) epoch: u64,
    /// Size of the head.
    pub(crate) size: u64,
}

/// What to do about a witness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing: it has answered for this epoch, or it has cosigned more of this log than the head that is to be cosigned.
    Rest,
    /// Nothing before this moment.
    Wait(Instant),
    /// Ask for a cosignature, with a proof from this size.
    Ask {
        /// The size that it is believed to have stored; 0 without a proof.
        old: u64,
    },
    /// Nothing any more: it is ahead of this log.
    Stop,
}

/// News about a witness that its operator's counterpart should hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// Nothing changed.
    Nothing,
    /// It did not cosign, for this reason, and it is not the reason of before.
    Trouble(Cause),
    /// It cosigns again.
    Well,
}

/// That a witness claims to have cosigned more than the log had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ahead {
    /// The size of the log when the answer was judged.
    pub(crate) stored: u64,
    /// The size that the witness named.
    pub(crate) known: u64,
}

/// One witness, as the log sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Party {
    stored: Option<u64>,
    answered: u64,
    not_before: Option<Instant>,
    failures: u32,
    sizes: u32,
    trouble: Option<Cause>,
    ahead: Option<Ahead>,
}

impl Party {
    /// A witness of which nothing is known, or of which a cosignature over a head of this size is at hand.
    pub(crate) fn new(stored: Option<u64>) -> Self {
        Self { stored, ..Self::default() }
    }

    /// The size that it is believed to have stored.
    pub(crate) fn stored(&self) -> Option<u64> {
        self.stored
    }

    /// Why it did not cosign when it was last asked; `None` if it did, or was not asked yet.
    pub(crate) fn trouble(&self) -> Option<Cause> {
        self.trouble
    }

    /// Whether it claims to have cosigned more than there is.
    pub(crate) fn ahead(&self) -> Option<Ahead> {
        self.ahead
    }

    /// Whether it has cosigned for this epoch.
    pub(crate) fn has_answered(&self, epoch: u64) -> bool {
        self.answered >= epoch
    }

    /// What to do now about this task.
    pub(crate) fn next(&self, task: Task, now: Instant) -> Step {
        if self.ahead.is_some() {
            return Step::Stop;
        }
        let old = self.stored.unwrap_or(0);
        if self.has_answered(task.epoch) || old > task.size {
            return Step::Rest;
        }
        match self.not_before {
            Some(moment) if moment > now => Step::Wait(moment),
            _ => Step::Ask { old },
        }
    }

    /// Whether a round that ends then may wait for it: it is to be asked, or is again soon for a reason that passes.
    pub(crate) fn may_answer(&self, task: Task, now: Instant, deadline: Instant) -> bool {
        match self.next(task, now) {
            Step::Ask { .. } => true,
            Step::Wait(moment) => moment < deadline && self.trouble.is_none_or(Cause::passes),
            Step::Rest | Step::Stop => false,
        }
    }

    /// Takes in what came of asking for `task` with a proof from `old`. `log` is the size of the log now that it came.
    pub(crate) fn heard(&mut self, task: Task, old: u64, reply: &Reply, log: u64, now: Instant) -> News {
        match reply {
            Reply::Cosigned(_) => self.cosigned(task),
            Reply::Stored(size) if *size > log => self.is_ahead(Ahead { stored: log, known: *size }),
            Reply::Stored(size) => self.named(task, old, *size, now),
            Reply::Failed { cause, wait, .. } => {
                if matches!(cause, Cause::ProofRefused | Cause::OtherRoot | Cause::BadAnswer) {
                    // What it has stored is anybody's guess; its 409 will tell.
                    self.stored = None;
                }
                self.failed(*cause, *wait, now)
            }
        }
    }

    fn cosigned(&mut self, task: Task) -> News {
        let news = if self.trouble.is_some() { News::Well } else { News::Nothing };
        *self = Self { stored: Some(task.size), answered: task.epoch, ..Self::default() };
        news
    }

    fn is_ahead(&mut self, ahead: Ahead) -> News {
        self.stored = Some(ahead.known);
        self.ahead = Some(ahead);
        self.in_trouble(Cause::Ahead)
    }

    /// It names the size that it has stored, and the log has as much.
    fn named(&mut self, task: Task, old: u64, size: u64, now: Instant) -> News {
        let before = self.stored.replace(size);
        if size > task.size {
            // Somebody else has shown it more of this log. The next publication is of as much at least.
            return News::Nothing;
        }
        self.sizes += 1;
        if size == old || self.sizes > SIZES_IN_A_ROW {
            return self.failed(Cause::Inconsistent, None, now);
        }
        // It is asked again at once, with a proof from there.
        self.not_before = None;
        if before.is_some_and(|before| size < before) {
            self.in_trouble(Cause::WentBack)
        } else {
            News::Nothing
        }
    }

    fn failed(&mut self, cause: Cause, wait: Option<Duration>, now: Instant) -> News {
        let (first, most) =
            if cause.passes() { (PASSING_FIRST, PASSING_MAX) } else { (LASTING_FIRST, LASTING_MAX) };
        let pause = first.saturating_mul(2_u32.saturating_pow(self.failures)).min(most);
        let asked_for = wait.unwrap_or_default().min(RETRY_AFTER_MAX);
        self.failures = self.failures.saturating_add(1);
        self.sizes = 0;
        self.not_before = Some(now + pause.max(asked_for));
        self.in_trouble(cause)
    }

    fn in_trouble(&mut self, cause: Cause) -> News {
        if self.trouble.replace(cause) == Some(cause) { News::Nothing } else { News::Trouble(cause) }
    }
}

#[cfg(test)]
mod tests;
