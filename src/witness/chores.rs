//! What a running witness does beside answering: it takes up changes of the list, copies what was found to where people find
//! it, and notes how far it is.
//!
//! None of it stops the witness. If one of them fails, or panics, that is told on standard error and tried again; as long as the
//! list is not read, the metrics say so too. A mirror does all of it but the list.

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use follower::witness::enrolled::Enrolled;
use follower::witness::keeper::Keeper;
use server::witness::App;
use tokio::time::{Interval, MissedTickBehavior};

use super::answered::Notes;
use super::forks::Copies;
use super::list::Watched;
use crate::cli::Failure;

/// How often the list of logs is looked at, and what was found is copied.
pub(super) const EVERY: Duration = Duration::from_secs(1);

/// Whoever remembers, in a store, what it has answered for.
pub(crate) trait Keeps: Clone + Send + 'static {
    /// What remembers it.
    fn keeper(&self) -> &Keeper;
}

impl Keeps for Arc<App> {
    fn keeper(&self) -> &Keeper {
        self.witness().keeper()
    }
}

/// What is made of a store for people, and as evidence beside it: what a witness and a mirror do alike.
pub(crate) struct Kept {
    data: PathBuf,
    copies: Copies,
    notes: Notes,
    /// What was told last about each, so that it is not told every second.
    said: [Option<String>; 2],
}

impl Kept {
    /// Of whoever has this directory.
    pub(crate) fn new(data: &Path, copies: Copies) -> Self {
        Self { data: data.to_owned(), copies, notes: Notes::default(), said: [None, None] }
    }

    /// Copies the proofs that were found to files, and notes how far it is.
    pub(crate) async fn make(mut self, of: &impl Keeps) -> Self {
        let keeps = of.clone();
        let (copies, made) = work(self.copies, move |copies: &mut Copies| copies.make(keeps.keeper())).await;
        self.copies = copies.unwrap_or_else(|| Copies::new(&self.data));
        let failed = made.and_then(|made| made).err();
        tell(failed, "a fork proof is kept and could not be copied to a file", &mut self.said[0]);
        let (keeps, data) = (of.clone(), self.data.clone());
        let (notes, made) =
            work(self.notes, move |notes: &mut Notes| notes.make(&data, keeps.keeper())).await;
        self.notes = notes.unwrap_or_default();
        let failed = made.and_then(|made| made).err();
        tell(failed, "how much was answered for could not be noted", &mut self.said[1]);
        self
    }

    /// The same again and again, until it is told to stop; it ends when nothing is under way any more.
    pub(crate) async fn look_after(mut self, of: impl Keeps, stop: impl Future<Output = ()>) {
        let mut turns = Turns::new(EVERY, stop);
        while turns.next().await {
            self = self.make(&of).await;
        }
    }
}

/// Turns that come again and again, until it is told to stop.
struct Turns<S> {
    ticks: Interval,
    stop: Pin<Box<S>>,
}

impl<S: Future<Output = ()>> Turns<S> {
    fn new(every: Duration, stop: S) -> Self {
        let mut ticks = tokio::time::interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { ticks, stop: Box::pin(stop) }
    }

    /// Waits for the next turn; `false` if there is none any more.
    async fn next(&mut self) -> bool {
        tokio::select! {
            _ = self.ticks.tick() => true,
            () = &mut self.stop => false,
        }
    }
}

/// The list that is watched, and what is made of the store.
pub(super) struct Chores {
    data: PathBuf,
    list: Watched,
    kept: Kept,
    /// What was told last about the list.
    said: Option<String>,
}

impl Chores {
    /// Of the witness in this directory.
    pub(super) fn new(data: &Path, list: Watched, copies: Copies) -> Self {
        Self { data: data.to_owned(), list, kept: Kept::new(data, copies), said: None }
    }

    /// Looks after all, again and again, until it is told to stop; it ends when nothing is under way any more.
    pub(super) async fn look_after(mut self, app: Arc<App>, every: Duration, stop: impl Future<Output = ()>) {
        let mut turns = Turns::new(every, stop);
        while turns.next().await {
            let (list, found) = work(self.list, Watched::look).await;
            self.list = list.unwrap_or_else(|| Watched::unread(&self.data));
            if let Some(found) = found.unwrap_or_else(|panicked| Some(Err(panicked))) {
                take_up(&app, found, &mut self.said);
            }
            self.kept = self.kept.make(&app).await;
        }
    }
}

/// Does a piece of work on a thread that may block. Of what a panic left behind nothing is used again.
async fn work<S: Send + 'static, T: Send + 'static>(
    mut state: S,
    work: impl FnOnce(&mut S) -> T + Send + 'static,
) -> (Option<S>, Result<T, Failure>) {
    let working = tokio::task::spawn_blocking(move || {
        let done = work(&mut state);
        (state, done)
    });
    match working.await {
        Ok((state, done)) => (Some(state), Ok(done)),
        // What has panicked, and where, was told by the panic itself.
        Err(_) => {
            (None, Err(Failure::could_not_tell("this program has a fault (a panic); please report it")))
        }
    }
}

/// A list that was read, or why it was not.
fn take_up(app: &App, found: Result<Enrolled, Failure>, said: &mut Option<String>) {
    app.metrics().list_read(found.is_ok());
    let failed = match found {
        Ok(enrolled) => {
            if enrolled != *app.witness().enrolled() {
                tracing::info!(logs = enrolled.logs().len(), "the list of logs has changed");
                app.witness().enrol(enrolled);
            }
            None
        }
        Err(failure) => Some(failure),
    };
    tell(failed, "the list of logs cannot be read; the one before is used", said);
}

/// Tells what failed, once as long as it fails in the same way.
fn tell(failed: Option<Failure>, what: &str, said: &mut Option<String>) {
    let words = failed.map(|failure| failure.words);
    if let Some(why) = words.as_ref().filter(|_| words != *said) {
        tracing::error!(why, "{what}");
    }
    *said = words;
}

#[cfg(test)]
mod tests;
