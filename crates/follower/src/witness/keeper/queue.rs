//! Where requests wait for the next commit: bounded, so that overload is an answer and not a queue.

use std::{collections::VecDeque, mem::size_of};

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};
use tlog::Head;
use tokio::sync::oneshot;

use super::{AdvanceError, ContradictionId, Held, Kept, Owner, Refusal};

/// Bounds of the queue and of one commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests that may wait; one more is refused.
    pub waiting_max: usize,
    /// Bytes of them that may wait. An empty queue takes any one.
    pub waiting_bytes_max: usize,
    /// Requests of one commit at most.
    pub batch_max: usize,
    /// Bytes of them in one commit at most; a larger one is a commit of its own.
    pub batch_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { waiting_max: 16_384, waiting_bytes_max: 32 << 20, batch_max: 4_096, batch_bytes_max: 8 << 20 }
    }
}

/// Something to keep, and who waits for it.
pub(super) enum Request {
    /// A log's head is to move.
    Advance { from: Option<Head>, to: Held, reply: oneshot::Sender<Result<(), AdvanceError>> },
    /// A contradiction is to be kept.
    Contradiction { id: ContradictionId, text: Bytes, reply: oneshot::Sender<Result<Kept, Refusal>> },
    /// The store belongs to this witness.
    Own { owner: Owner, reply: oneshot::Sender<Result<(), Refusal>> },
}

impl Request {
    fn bytes(&self) -> usize {
        let value = match self {
            Self::Advance { to, .. } => to.note().len(),
            Self::Contradiction { text, .. } => text.len(),
            // Two hashes and a name.
            Self::Own { .. } => 0,
        };
        size_of::<Self>() + value
    }

    /// Answers that nothing was done.
    pub(super) fn refuse(self, why: Refusal) {
        // Whoever does not wait any more is not told.
        match self {
            Self::Advance { reply, .. } => drop(reply.send(Err(why.into()))),
            Self::Contradiction { reply, .. } => drop(reply.send(Err(why))),
            Self::Own { reply, .. } => drop(reply.send(Err(why))),
        }
    }
}

pub(super) struct Queue {
    limits: Limits,
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Default)]
struct State {
    requests: VecDeque<Request>,
    bytes: usize,
    closed: Option<String>,
}

impl Queue {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, state: Mutex::default(), arrived: Condvar::new() }
    }

    /// Takes a request in, or says why not.
    pub(super) fn put(&self, request: Request) -> Result<(), Refusal> {
        let bytes = request.bytes();
        let mut state = self.state.lock();
        if let Some(why) = &state.closed {
            return Err(Refusal::Stopped(why.clone()));
        }
        let waiting = state.requests.len();
        let full = waiting >= self.limits.waiting_max || state.bytes + bytes > self.limits.waiting_bytes_max;
        if full && waiting > 0 {
            return Err(Refusal::Busy { waiting });
        }
        state.bytes += bytes;
        state.requests.push_back(request);
        drop(state);
        if waiting == 0 {
            self.arrived.notify_one();
        }
        Ok(())
    }

    /// Takes out what fits one commit, in order; waits for the first. `None` once the queue is closed and empty.
    pub(super) fn take(&self) -> Option<Vec<Request>> {
        let mut state = self.state.lock();
        while state.requests.is_empty() {
            if state.closed.is_some() {
                return None;
            }
            self.arrived.wait(&mut state);
        }
        let (mut taken, mut bytes) = (vec![], 0);
        while let Some(request) = state.requests.front() {
            let more = bytes + request.bytes();
            let fits = taken.len() < self.limits.batch_max && more <= self.limits.batch_bytes_max;
            if !fits && !taken.is_empty() {
                break;
            }
            bytes = more;
            taken.extend(state.requests.pop_front());
        }
        state.bytes -= bytes;
        Some(taken)
    }

    /// Refuses all further requests, for this reason; those that wait are still taken out.
    pub(super) fn close(&self, why: &str) {
        self.state.lock().closed.get_or_insert_with(|| why.into());
        self.arrived.notify_all();
    }

    /// Why nothing is taken in any more.
    pub(super) fn closed(&self) -> Option<String> {
        self.state.lock().closed.clone()
    }

    /// Requests waiting.
    pub(super) fn waiting(&self) -> usize {
        self.state.lock().requests.len()
    }
}
