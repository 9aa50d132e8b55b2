//! Following one log: a look now and then, sooner or later as it goes.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use client::audit::Progress;
use futures::future::join;
use server::{Clock as _, SystemClock};
use tlog::Head;
use tlog::key::KeyName;
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};

use super::pull::{Pull, Turn};
use super::standing::Board;
use super::trouble::Trouble;
use crate::cli::{Failure, Verdict};
use crate::print::{count, remark, things};
use crate::progress::Bar;

/// The longest wait after looks that were in vain.
const PATIENCE: Duration = Duration::from_mins(5);

/// When to look again. Pure.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    every: Duration,
    /// Looks in vain, one after the other.
    vain: u32,
}

impl Pace {
    pub(super) fn new(every: Duration) -> Self {
        Self { every, vain: 0 }
    }

    /// How long to wait after a look that went well, or did not: each time twice as long.
    pub(super) fn after(&mut self, well: bool) -> Duration {
        if well {
            self.vain = 0;
            return self.every;
        }
        let wait = self.every.saturating_mul(1 << self.vain.min(16)).min(PATIENCE.max(self.every));
        self.vain = self.vain.saturating_add(1);
        wait
    }
}

/// How a log is followed.
#[derive(Clone, Copy)]
pub(super) struct How {
    pub(super) every: Duration,
    /// Read everything again that was held at the start.
    pub(super) check: bool,
    /// Look once.
    pub(super) once: bool,
}

/// What is heard of a log that is followed, once that has ended.
pub(super) type Following = oneshot::Receiver<Verdict>;

/// One log.
pub(super) struct Follower {
    pub(super) pull: Pull,
    pub(super) board: Arc<Board>,
    pub(super) bar: Bar,
    pub(super) how: How,
}

impl Follower {
    /// Follows the log until told to stop, on a thread of its own: what reads logs may not move from thread to thread.
    /// Not one of the runtime's: it has only so many, and whoever holds one here waits for others that write.
    pub(super) fn start(self, stop: watch::Receiver<bool>) -> io::Result<Following> {
        let (runtime, (told, following)) = (Handle::current(), oneshot::channel());
        let follow = move || {
            // Nobody may be waiting any more.
            let _ = told.send(runtime.block_on(self.run(stop)));
        };
        std::thread::Builder::new().name("mirror".to_owned()).spawn(follow).map(|_| following)
    }

    async fn run(self, mut stop: watch::Receiver<bool>) -> Verdict {
        tokio::select! {
            verdict = self.follow() => verdict,
            // Whatever is under way is taken up at the next start.
            _ = stop.wait_for(|stopped| *stopped) => Verdict::Holds,
        }
    }

    async fn follow(&self) -> Verdict {
        let held = self.pull.log.shown().map(|shown| shown.head());
        // Damage at the edge is mended before anything else is done.
        let held = held.filter(|_| self.how.check && !self.pull.log.is_damaged());
        if self.how.once {
            return self.once(held).await;
        }
        // What was copied long ago is read again beside what is new: that may take hours.
        let (never, ()) = join(self.watch(), self.check_in_peace(held)).await;
        never
    }

    /// What is held is read first: nothing is cosigned before it is known to be right.
    async fn once(&self, held: Option<Head>) -> Verdict {
        let checked = match held {
            Some(head) => self.check(head).await,
            None => Ok(()),
        };
        let outcome = match checked {
            Ok(()) => self.look().await,
            Err(trouble) => Err(trouble),
        };
        self.tell(&outcome);
        verdict(&outcome)
    }

    async fn watch(&self) -> Verdict {
        let mut pace = Pace::new(self.how.every);
        loop {
            let outcome = self.look().await;
            self.tell(&outcome);
            tokio::time::sleep(pace.after(outcome.is_ok())).await;
        }
    }

    /// Reads everything up to this head again until all of it is right.
    async fn check_in_peace(&self, held: Option<Head>) {
        let mut pace = Pace::new(self.how.every);
        while let Some(head) = held {
            let checked = self.check(head).await;
            self.board.checked(self.pull.log.origin(), checked.as_ref().err());
            match checked {
                Ok(()) => return,
                Err(trouble) => tracing::error!(origin = %self.pull.log.origin(), "{trouble}"),
            }
            tokio::time::sleep(pace.after(false)).await;
        }
    }

    /// Looks at the log, after damage that is in the way was mended.
    async fn look(&self) -> Result<Turn, Trouble> {
        if let Some(shown) = self.pull.log.shown().filter(|_| self.pull.log.is_damaged()) {
            self.check(shown.head()).await?;
        }
        let seen = Seen { bar: &self.bar, board: &self.board, origin: self.pull.log.origin() };
        let outcome = self.pull.turn(&seen, || SystemClock.timestamp()).await;
        self.bar.finish();
        outcome
    }

    async fn check(&self, head: Head) -> Result<(), Trouble> {
        let mended = self.pull.check(head, &self.bar).await;
        self.bar.finish();
        match mended? {
            0 => {}
            mended => {
                let files = things(mended, "file", "files");
                tracing::warn!(origin = %self.pull.log.origin(), "{files} of the copy were damaged, and were copied anew");
            }
        }
        Ok(())
    }

    fn tell(&self, outcome: &Result<Turn, Trouble>) {
        let (origin, held) = (self.pull.log.origin(), self.pull.log.shown().map(|shown| shown.head()));
        let new = self.board.looked(origin, held, outcome, &jiff::Timestamp::now().to_string());
        match outcome {
            Err(trouble) if new && trouble.is_broken() => {
                tracing::error!(%origin, "{trouble}; what was copied before is served on");
            }
            Err(trouble) if new => tracing::warn!(%origin, "{trouble}"),
            Ok(turn) if turn.copied > 0 => {
                tracing::info!(%origin, size = turn.shown, copied = turn.copied, "copied");
            }
            _ => {}
        }
        if self.how.once {
            let size = held.map_or(0, |head| head.size);
            match outcome {
                Ok(turn) => {
                    remark(&format!("{origin}: size {}, {} of them new", count(size), count(turn.copied)));
                }
                Err(trouble) => remark(&format!("{origin}: size {}; {trouble}", count(size))),
            }
        }
    }
}

/// Shows how far a copy has come to whoever looks: at the terminal, or later.
struct Seen<'a> {
    bar: &'a Bar,
    board: &'a Board,
    origin: &'a KeyName,
}

impl Progress for Seen<'_> {
    fn entries(&self, done: u64, of: u64) {
        self.bar.at(done, of);
        self.board.copying(self.origin, done, of);
    }

    fn note(&self, words: &str) {
        self.bar.note(words);
    }
}

fn verdict(outcome: &Result<Turn, Trouble>) -> Verdict {
    match outcome {
        Ok(_) => Verdict::Holds,
        Err(trouble) if trouble.is_broken() => Verdict::DoesNotHold,
        Err(_) => Verdict::CouldNotTell,
    }
}

/// Waits for all of them; the worst verdict.
pub(super) async fn all(following: Vec<Following>) -> Result<Verdict, Failure> {
    let mut worst = Verdict::Holds;
    for log in following {
        worst = worst.max(
            log.await.map_err(|_| Failure::could_not_tell("a thread that followed a log has panicked"))?,
        );
    }
    Ok(worst)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_in_vain_come_ever_more_seldom_and_one_that_goes_well_ends_it() {
        let mut pace = Pace::new(Duration::from_secs(5));
        let waits: Vec<u64> = (0..8).map(|_| pace.after(false).as_secs()).collect();
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(pace.after(true).as_secs(), 5);
        assert_eq!(pace.after(false).as_secs(), 5);
        for _ in 0..100 {
            pace.after(false);
        }
        let mut slow = Pace::new(Duration::from_hours(1));
        assert_eq!([slow.after(false), slow.after(false)].map(|wait| wait.as_secs()), [3_600, 3_600]);
    }
}
