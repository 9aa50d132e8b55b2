//! What a running witness does beside answering: it takes up changes of the list, copies what was found to where people find
//! it, and notes how far it is.
//!
//! None of it stops the witness. If one of them fails, or panics, that is told on standard error and tried again; as long as the
//! list is not read, the metrics say so too.

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use follower::witness::enrolled::Enrolled;
use server::witness::App;

use super::answered::Notes;
use super::forks::Copies;
use super::list::Watched;
use crate::cli::Failure;

/// The list that is watched, the copies and the notes that are made.
pub(super) struct Chores {
    data: PathBuf,
    list: Watched,
    copies: Copies,
    notes: Notes,
    /// What was told last about each, so that it is not told every second.
    said: [Option<String>; 3],
}

impl Chores {
    /// Of the witness in this directory.
    pub(super) fn new(data: &Path, list: Watched, copies: Copies) -> Self {
        Self { data: data.to_owned(), list, copies, notes: Notes::default(), said: [None, None, None] }
    }

    /// Looks after all, again and again, until it is told to stop; it ends when nothing is under way any more.
    pub(super) async fn look_after(mut self, app: Arc<App>, every: Duration, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        let mut ticks = tokio::time::interval(every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = &mut stop => return,
            }
            let (list, found) = work(self.list, Watched::look).await;
            self.list = list.unwrap_or_else(|| Watched::unread(&self.data));
            if let Some(found) = found.unwrap_or_else(|panicked| Some(Err(panicked))) {
                take_up(&app, found, &mut self.said[0]);
            }
            let looking = app.clone();
            let (copies, made) =
                work(self.copies, move |copies: &mut Copies| copies.make(looking.witness().keeper())).await;
            self.copies = copies.unwrap_or_else(|| Copies::new(&self.data));
            let failed = made.and_then(|made| made).err();
            tell(failed, "a fork proof is kept and could not be copied to a file", &mut self.said[1]);
            let (looking, data) = (app.clone(), self.data.clone());
            let (notes, made) =
                work(self.notes, move |notes: &mut Notes| notes.make(&data, looking.witness().keeper()))
                    .await;
            self.notes = notes.unwrap_or_default();
            let failed = made.and_then(|made| made).err();
            tell(failed, "how far the witness is could not be noted", &mut self.said[2]);
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
