//! The one thread that writes: batch by batch, each all or nothing.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

use store::CommitError;
use tokio::sync::oneshot;

use super::{
    AdvanceError, Kept, Refusal, Shared,
    memory::{Changes, Memory},
    opening::StoreHead,
    queue::Request,
};

/// Why a batch could not be committed. Each is fatal: what is stored is the truth, and only opening it anew reads it.
#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error(transparent)]
    Commit(#[from] CommitError),
    #[error("the keeper panicked: {0}")]
    Panic(String),
}

/// Commits batches until the queue is closed and empty, or one fails.
pub(super) fn run(shared: &Shared, mut head: Option<StoreHead>) {
    while let Some(requests) = shared.queue.take() {
        let (answers, changes) = decide(&shared.memory.read(), requests);
        // sled panics where it might answer an error: those who wait are to be answered all the same. What is shared is
        // either as before the commit or as after it.
        let committing = AssertUnwindSafe(|| commit(shared, head.as_ref(), changes));
        match catch_unwind(committing).unwrap_or_else(|panic| Err(WriteError::Panic(text_of(&*panic)))) {
            Ok(moved) => {
                head = moved.or(head);
                answers.into_iter().for_each(Answer::give);
            }
            Err(error) => {
                let why = error.to_string();
                tracing::error!(why, "the witness stops moving");
                shared.queue.close(&why);
                answers.into_iter().for_each(Answer::take_back);
                break;
            }
        }
    }
    // Only after a failure is anything left: nobody will commit it.
    while let Some(requests) = shared.queue.take() {
        let why = shared.queue.closed().unwrap_or_default();
        requests.into_iter().for_each(|request| request.refuse(Refusal::Stopped(why.clone())));
    }
}

/// Decides all requests in their order.
fn decide(memory: &Memory, requests: Vec<Request>) -> (Vec<Answer>, Changes) {
    let mut changes = Changes::default();
    let mut answer = |request| match request {
        Request::Advance { from, to, reply } => Answer::Advance(reply, changes.advance(memory, from, to)),
        Request::Contradiction { id, text, reply } => {
            Answer::Contradiction(reply, changes.contradicts(memory, id, text))
        }
        Request::Own { owner, reply } => {
            changes.own(owner);
            Answer::Own(reply)
        }
    };
    let answers = requests.into_iter().map(&mut answer).collect();
    (answers, changes)
}

/// The commit point: the store's head after it, `None` if there was nothing to write. What is shown changes after it.
fn commit(
    shared: &Shared,
    before: Option<&StoreHead>,
    changes: Changes,
) -> Result<Option<StoreHead>, WriteError> {
    if changes.is_empty() {
        return Ok(None);
    }
    let after = {
        let memory = shared.memory.read();
        let origins = memory.origins() + changes.new_origins(&memory);
        StoreHead::after(before, origins, changes.owner(&memory))
    };
    shared.store.commit(before.map(StoreHead::to_bytes).as_ref(), changes.batch(), after.to_bytes())?;
    let mut memory = shared.memory.write();
    memory.apply(changes);
    memory.count(after.commits());
    drop(memory);
    Ok(Some(after))
}

/// What was decided, and for whom. It is true once the batch is committed.
enum Answer {
    Advance(oneshot::Sender<Result<(), AdvanceError>>, Result<(), AdvanceError>),
    Contradiction(oneshot::Sender<Result<Kept, Refusal>>, Kept),
    Own(oneshot::Sender<Result<(), Refusal>>),
}

impl Answer {
    /// Gives the answer. Whoever does not wait any more is not told.
    fn give(self) {
        match self {
            Self::Advance(reply, decided) => drop(reply.send(decided)),
            Self::Contradiction(reply, decided) => drop(reply.send(Ok(decided))),
            Self::Own(reply) => drop(reply.send(Ok(()))),
        }
    }

    /// Answers that nobody knows whether the batch was committed.
    fn take_back(self) {
        match self {
            Self::Advance(reply, _) => drop(reply.send(Err(Refusal::Unknown.into()))),
            Self::Contradiction(reply, _) => drop(reply.send(Err(Refusal::Unknown))),
            Self::Own(reply) => drop(reply.send(Err(Refusal::Unknown))),
        }
    }
}

fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it does not say why").into()
}
