//! The thread that keeps the lookups of this log: it reads what the log publishes, as any other follower would.

use std::{
    sync::{
        Arc,
        mpsc::{RecvTimeoutError, Sender, channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use bytes::Bytes;
use lookup::{Entries, FollowError, Follower};
use parking_lot::Mutex;
use sequencer::reader::{ReadError, Reader};
use tlog::{
    Head, bundle,
    tile::{Bundle, Resource, WIDTH},
};

use crate::app::App;

/// How soon the thread looks again when there was nothing new.
const PAUSE: Duration = Duration::from_millis(50);

/// The log of this process, as its follower reads it: what is published.
struct Published(Reader);

/// Why the log of this process cannot be followed.
#[derive(Debug, thiserror::Error)]
enum PublishedError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("the bundle of entry {0} is not there, or is none")]
    Bundle(u64),
}

impl Entries for Published {
    type Error = PublishedError;

    fn head(&self) -> Result<Head, PublishedError> {
        Ok(self.0.published().head())
    }

    fn entries(&self, from: u64, max: u64, size: u64) -> Result<Vec<Bytes>, PublishedError> {
        let (mut entries, until) = (vec![], (from + max).min(size));
        while from + (entries.len() as u64) < until {
            let next = from + entries.len() as u64;
            let wrong = || PublishedError::Bundle(next);
            let place = Bundle::at(next / WIDTH, size).ok_or_else(wrong)?;
            let bytes = self.0.get(Resource::Bundle(place))?.ok_or_else(wrong)?;
            let whole = bundle::decode_all(&bytes).map_err(|_| wrong())?;
            let before = entries.len();
            entries.extend(whole.into_iter().skip((next % WIDTH) as usize).take((until - next) as usize));
            if entries.len() == before {
                return Err(wrong());
            }
        }
        Ok(entries)
    }
}

/// The lookups are kept as long as this is held.
pub struct Following {
    stop: Mutex<Option<Sender<()>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Following {
    /// Keeps the lookups of a log, if it has some.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn begin(app: &Arc<App>) -> std::io::Result<Self> {
        let (stop, stopped) = channel();
        let thread = app.lookups.clone().map(|lookups| {
            let (source, mut follower) = (Published(app.reader.clone()), Follower::new(lookups));
            let metrics = app.metrics.clone();
            std::thread::Builder::new().name("lookups".into()).spawn(move || {
                loop {
                    let pause = match follower.step(&source) {
                        Ok(progress) => {
                            metrics.lookups(progress.read, progress.folded);
                            if progress.is_done() { PAUSE } else { Duration::ZERO }
                        }
                        Err(error @ (FollowError::Source(_) | FollowError::WentBack { .. })) => {
                            tracing::warn!(%error, "the lookups stand still");
                            20 * PAUSE
                        }
                        Err(error) => {
                            tracing::error!(%error, "the lookups are no longer kept");
                            return;
                        }
                    };
                    if stopped.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
                        return;
                    }
                }
            })
        });
        let thread = Mutex::new(thread.transpose()?);
        Ok(Self { stop: Mutex::new(Some(stop)), thread })
    }

    /// Ends it, and waits until it has ended.
    pub fn end(&self) {
        drop(self.stop.lock().take());
        if let Some(thread) = self.thread.lock().take() {
            // One that panicked has nothing left to do.
            let _ = thread.join();
        }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.end();
    }
}
