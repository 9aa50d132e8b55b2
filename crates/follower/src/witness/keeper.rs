//! What a witness has answered for, kept so that it never answers for a fork.
//!
//! A witness may cosign a checkpoint only once nobody can make it forget that it did. So [`Keeper::advance`] returns when the
//! move from one head of a log to the next is durable, and it moves only from the head that the caller has judged by
//! (C2SP tlog-witness: compared and set in one step). Between two commits stands one thread, as for a log's entries: it
//! takes all that wait, decides each, writes what is new in one commit and answers.
//!
//! * What is not durable is not shown: [`Keeper::get`] answers from memory, which changes after a commit.
//! * A log's size never goes back, and no size has two roots, whatever the caller asks for: the keeper's own guard, behind
//!   that of the decision.
//! * The queue is bounded; what is over it is refused ([`Refusal::Busy`]), so that overload is an answer.
//! * After a commit that failed nothing is moved any more until the store is opened anew; reading goes on.
//!
//! Not checked here: signatures and proofs. Whoever calls has verified the note, and found that it follows.

mod held;
mod memory;
mod opening;
mod owner;
mod queue;
mod writer;

use std::{sync::Arc, thread::JoinHandle};

use parking_lot::{Mutex, RwLock};
use store::{Key, Store, StoreError};
use tlog::{Head, key::KeyName};
use tokio::sync::oneshot;

use memory::Memory;
use queue::{Queue, Request};

pub use held::{Held, OriginId, OriginIdError};
pub use memory::{ContradictionId, Kept};
pub use opening::OpenError;
pub use owner::{OwnedKey, Owner};
pub use queue::Limits;

/// Most contradictions of one log that are kept: the first ones.
pub const CONTRADICTIONS_MAX: usize = 32;
/// Longest text of a contradiction in bytes.
pub const CONTRADICTION_LEN_MAX: usize = 65_536;

/// Why nothing was taken, or nobody knows whether it was. None of it is the log's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Too much is waiting already; nothing was taken. Try again later.
    #[error("the witness is busy: {waiting} requests are waiting, which is as many as may")]
    Busy {
        /// Requests waiting.
        waiting: usize,
    },
    /// The keeper takes nothing any more; nothing was taken.
    #[error("the witness takes nothing: {0}")]
    Stopped(String),
    /// The commit failed; whether it took place is not known until the store is opened anew. No cosignature may be given
    /// out for it.
    #[error("the witness failed while it wrote; whether this was kept is not known, try again later")]
    Unknown,
}

/// Why a log's head was not moved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdvanceError {
    /// The head is another than the caller judged by: somebody was faster. Judge again from the stored one, or answer with
    /// its size (409 in C2SP tlog-witness).
    #[error("the log's head has moved meanwhile")]
    Raced {
        /// What is kept now, durably; `None` for a log that was never answered for.
        stored: Option<Head>,
    },
    /// The new head does not come after the stored one: it is smaller, or as large with another root. The caller's
    /// judgement is at fault.
    #[error("a log's head never goes back: size {} is kept already", stored.size)]
    NotAhead {
        /// What is kept, durably.
        stored: Head,
    },
    /// Nothing was taken, or nobody knows.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// Why a contradiction was not kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContradictsError {
    /// More than [`CONTRADICTION_LEN_MAX`] bytes; nothing was taken.
    #[error("a contradiction has at most {CONTRADICTION_LEN_MAX} bytes, this one has {have}")]
    TooLong {
        /// Bytes handed in.
        have: usize,
    },
    /// Nothing was taken, or nobody knows.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Logs that were answered for.
    pub logs: usize,
    /// Contradictions, of all logs together.
    pub contradictions: usize,
}

/// What the keeper's thread shares with all others.
struct Shared {
    store: Arc<dyn Store>,
    queue: Queue,
    /// What is durable. The lock is never held while the store works.
    memory: RwLock<Memory>,
}

/// The durable state of a witness. Dropping it commits what was taken, and waits for that.
pub struct Keeper {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Keeper {
    /// Opens what a witness has kept in a store of its own, or begins in an empty one. Reads every note, and checks that it
    /// is one of the log that it lies under. Blocks on the disk.
    pub fn open(store: Arc<dyn Store>, limits: Limits) -> Result<Self, OpenError> {
        let opened = opening::open(&*store)?;
        let shared =
            Arc::new(Shared { store, queue: Queue::new(limits), memory: RwLock::new(opened.memory) });
        let thread = std::thread::Builder::new().name("keeper".into()).spawn({
            let shared = shared.clone();
            move || writer::run(&shared, opened.head)
        });
        Ok(Self { shared, thread: Mutex::new(Some(thread.map_err(OpenError::Thread)?)) })
    }

    /// What is kept of a log, durably; `None` if it was never answered for. Does not wait for the disk.
    pub fn get(&self, origin: &KeyName) -> Option<Held> {
        self.find(&OriginId::of(origin))
    }

    /// The same for whoever has only the hash of the origin (the monitoring path of C2SP tlog-witness).
    pub fn find(&self, origin: &OriginId) -> Option<Held> {
        self.shared.memory.read().held(origin).cloned()
    }

    /// Every log that was answered for and its head, durably, in the order of the origins.
    pub fn all(&self) -> Vec<(KeyName, Head)> {
        let mut all: Vec<_> =
            self.shared.memory.read().all().map(|held| (held.origin().clone(), held.head())).collect();
        all.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        all
    }

    /// How many logs were answered for, durably, and how many contradictions of them are kept.
    pub fn counts(&self) -> Counts {
        let memory = self.shared.memory.read();
        Counts { logs: memory.origins(), contradictions: memory.contradictions_len() }
    }

    /// Moves a log's head from the one that the caller has judged by (`None`: never seen) to the new one, with its note.
    /// Returns when that is durable. The same head with another note is a move too (a newer time, say).
    ///
    /// Taken when it is polled first; whoever stops to wait then (a client that went away) takes nothing back.
    pub async fn advance(&self, from: Option<Head>, to: Held) -> Result<(), AdvanceError> {
        self.put_advance(from, to)?.await.unwrap_or(Err(AdvanceError::Refused(Refusal::Unknown)))
    }

    /// [`Keeper::advance`] for a thread that may wait; it must not be one of an async runtime.
    pub fn advance_blocking(&self, from: Option<Head>, to: Held) -> Result<(), AdvanceError> {
        let answer = self.put_advance(from, to)?;
        answer.blocking_recv().unwrap_or(Err(AdvanceError::Refused(Refusal::Unknown)))
    }

    /// Keeps what shows that a log contradicts itself, under the note that does. Returns when it is durable.
    /// What is there already stays as it is; of one log the first [`CONTRADICTIONS_MAX`] are kept. Taken as by
    /// [`Keeper::advance`].
    pub async fn contradicts(&self, id: ContradictionId, text: String) -> Result<Kept, ContradictsError> {
        self.put_contradiction(id, text)?.await.unwrap_or(Err(Refusal::Unknown)).map_err(Into::into)
    }

    /// [`Keeper::contradicts`] for a thread that may wait; it must not be one of an async runtime.
    pub fn contradicts_blocking(&self, id: ContradictionId, text: String) -> Result<Kept, ContradictsError> {
        let answer = self.put_contradiction(id, text)?;
        answer.blocking_recv().unwrap_or(Err(Refusal::Unknown)).map_err(Into::into)
    }

    /// Which contradictions are kept, durably, those of one log together. Does not wait for the disk.
    pub fn contradictions(&self) -> Vec<ContradictionId> {
        self.shared.memory.read().contradictions().collect()
    }

    /// The text of a contradiction that is kept; `None` if it is none of [`Keeper::contradictions`]. Blocks on the disk.
    pub fn contradiction(&self, id: &ContradictionId) -> Result<Option<String>, StoreError> {
        if !self.shared.memory.read().is_kept(id) {
            return Ok(None);
        }
        let key = id.key();
        let damaged = |what: &str| StoreError::Damaged { key, what: what.into() };
        let text = self.shared.store.get(&key)?.ok_or_else(|| damaged("it is not there any more"))?;
        String::from_utf8(text.into()).map(Some).map_err(|_| damaged("it is not UTF-8"))
    }

    /// How often was committed, durably; never goes back. Does not wait for the disk.
    pub fn commits(&self) -> u64 {
        self.shared.memory.read().commits()
    }

    /// Whose store it is, durably; `None` if it was never told. Does not wait for the disk.
    pub fn owner(&self) -> Option<Owner> {
        self.shared.memory.read().owner().cloned()
    }

    /// Tells the store whose it is, from now on. Returns when that is durable. For a thread that may wait; it must not be one
    /// of an async runtime.
    pub fn own_blocking(&self, owner: Owner) -> Result<(), Refusal> {
        let (reply, answer) = oneshot::channel();
        self.shared.queue.put(Request::Own { owner, reply })?;
        answer.blocking_recv().unwrap_or(Err(Refusal::Unknown))
    }

    /// Why nothing is taken any more; `None` as long as it is.
    pub fn stopped(&self) -> Option<String> {
        self.shared.queue.closed()
    }

    /// Requests waiting for a commit.
    pub fn waiting(&self) -> usize {
        self.shared.queue.waiting()
    }

    /// Takes nothing more and waits until what was taken is committed.
    pub fn close(&self) {
        self.shared.queue.close("it is shutting down");
        if let Some(thread) = self.thread.lock().take() {
            // A thread that panicked has nothing left to commit.
            let _ = thread.join();
        }
    }

    fn put_advance(
        &self,
        from: Option<Head>,
        to: Held,
    ) -> Result<oneshot::Receiver<Result<(), AdvanceError>>, Refusal> {
        let (reply, answer) = oneshot::channel();
        self.shared.queue.put(Request::Advance { from, to, reply })?;
        Ok(answer)
    }

    fn put_contradiction(
        &self,
        id: ContradictionId,
        text: String,
    ) -> Result<oneshot::Receiver<Result<Kept, Refusal>>, ContradictsError> {
        if text.len() > CONTRADICTION_LEN_MAX {
            return Err(ContradictsError::TooLong { have: text.len() });
        }
        let (reply, answer) = oneshot::channel();
        self.shared.queue.put(Request::Contradiction { id, text: text.into(), reply })?;
        Ok(answer)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.close();
    }
}

impl OriginId {
    fn key(self) -> Key {
        Key::Witnessed { origin: *self.as_bytes() }
    }
}

impl ContradictionId {
    fn key(&self) -> Key {
        Key::Contradiction { origin: *self.origin.as_bytes(), note: self.note }
    }
}
