//! Where submissions wait for the next commit: bounded, so that overload is an answer and not a queue.

#[cfg(test)]
mod tests;

use parking_lot::{Condvar, Mutex};
use tlog::integrate::Entry;
use tokio::sync::oneshot;

use crate::{
    beside::Rows,
    ids::{Identity, Outcome},
    log::Committed,
};

/// Bounds of the pool and of one commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Entries that may wait.
    pub pool_entries_max: usize,
    /// Bytes of entries, and of content beside them, that may wait.
    pub pool_bytes_max: usize,
    /// Entries of one commit at most (a group is never cut, so one that is larger is a commit of its own).
    pub batch_entries_max: usize,
    /// Bytes of entries, and of content beside them, of one commit at most.
    pub batch_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            pool_entries_max: 131_072,
            pool_bytes_max: 64 << 20,
            batch_entries_max: 16_384,
            batch_bytes_max: 16 << 20,
        }
    }
}

/// One entry to be logged.
#[derive(Clone, Debug)]
pub struct Submission {
    /// The entry, hashed.
    pub entry: Entry,
    /// What makes it unique; `None` on a log of raw entries.
    pub identity: Option<Identity>,
    /// What is committed with the entry, if and only if it is new.
    pub rows: Rows,
}

impl Submission {
    /// An entry with nothing beside it.
    pub fn new(entry: Entry, identity: Option<Identity>) -> Self {
        Self { entry, identity, rows: Rows::default() }
    }
}

/// The answer to a group of submissions.
#[derive(Clone, Debug)]
pub struct Answer {
    /// What became of each, in the order submitted.
    pub outcomes: Vec<Outcome>,
    /// The log as it was committed: durable, signed, and containing every index of the outcomes.
    pub committed: std::sync::Arc<Committed>,
}

/// Why a group was not logged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Too much is waiting already; nothing of this group was taken. Try again later.
    #[error("the log is busy: {waiting} entries are waiting, which is as many as may")]
    PoolFull {
        /// Entries waiting.
        waiting: usize,
    },
    /// The log takes no entries.
    #[error("the log takes no entries: {0}")]
    NotWriting(String),
    /// The key that this group's content was sealed under was destroyed meanwhile; nothing of the group was logged.
    #[error(
        "the key of this content was destroyed while it was submitted, nothing was logged; submit it again"
    )]
    Overtaken,
    /// What this group asks for must not be, for this reason; nothing of it was logged.
    #[error("nothing was logged: {0}")]
    NotAllowed(String),
    /// The commit failed; whether this group is in the log is not known until the log is opened anew. Submitting
    /// it again under the same ids is safe.
    #[error("the log failed while committing; whether this was logged is not known, submit it again later")]
    Unknown,
}

/// What the submitter of a group is answered with.
pub type Reply = Result<Answer, Refusal>;

/// Submissions that are answered together.
pub(crate) struct Group {
    pub(crate) submissions: Vec<Submission>,
    pub(crate) reply: oneshot::Sender<Reply>,
}

impl Group {
    fn bytes(&self) -> usize {
        let bytes = |submission: &Submission| submission.entry.bytes().len() + submission.rows.bytes();
        self.submissions.iter().map(bytes).sum()
    }
}

pub(crate) struct Pool {
    limits: Limits,
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Default)]
struct State {
    groups: std::collections::VecDeque<(Group, usize)>,
    entries: usize,
    bytes: usize,
    closed: Option<String>,
}

impl Pool {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, state: Mutex::default(), arrived: Condvar::new() }
    }

    /// Takes a group in, or hands back why not.
    pub(crate) fn put(&self, submissions: Vec<Submission>) -> Result<oneshot::Receiver<Reply>, Refusal> {
        let (reply, receiver) = oneshot::channel();
        let group = Group { submissions, reply };
        let (entries, bytes) = (group.submissions.len(), group.bytes());
        let mut state = self.state.lock();
        if let Some(why) = &state.closed {
            return Err(Refusal::NotWriting(why.clone()));
        }
        let full = state.entries + entries > self.limits.pool_entries_max
            || state.bytes + bytes > self.limits.pool_bytes_max;
        if full && state.entries > 0 {
            return Err(Refusal::PoolFull { waiting: state.entries });
        }
        state.entries += entries;
        state.bytes += bytes;
        let was_empty = state.groups.is_empty();
        state.groups.push_back((group, bytes));
        drop(state);
        if was_empty {
            self.arrived.notify_one();
        }
        Ok(receiver)
    }

    /// Takes out what fits one commit, in order; waits for the first. `None` once the pool is closed and empty.
    pub(crate) fn take(&self) -> Option<Vec<Group>> {
        let mut state = self.state.lock();
        while state.groups.is_empty() {
            if state.closed.is_some() {
                return None;
            }
            self.arrived.wait(&mut state);
        }
        let (mut taken, mut entries, mut bytes) = (vec![], 0, 0);
        while let Some((group, group_bytes)) = state.groups.front() {
            let more = (entries + group.submissions.len(), bytes + group_bytes);
            let fits = more.0 <= self.limits.batch_entries_max && more.1 <= self.limits.batch_bytes_max;
            if !fits && !taken.is_empty() {
                break;
            }
            (entries, bytes) = more;
            taken.extend(state.groups.pop_front().map(|(group, _)| group));
        }
        state.entries -= entries;
        state.bytes -= bytes;
        Some(taken)
    }

    /// Refuses all further groups, for this reason; those that wait are still taken out.
    pub(crate) fn close(&self, why: &str) {
        self.state.lock().closed.get_or_insert_with(|| why.into());
        self.arrived.notify_all();
    }

    /// Entries waiting.
    pub(crate) fn waiting(&self) -> usize {
        self.state.lock().entries
    }
}
