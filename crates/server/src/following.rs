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
use lookup::{Bundles, FollowError, Follower, FromBundles};
use parking_lot::Mutex;
use sequencer::reader::{ReadError, Reader};
use tlog::{
    Head,
    tile::{Bundle, Resource},
};

use crate::app::App;

/// How soon the thread looks again when there was nothing new.
const PAUSE: Duration = Duration::from_millis(50);

/// The log of this process, as its follower reads it: what is published.
struct Published(Reader);

impl Bundles for Published {
    type Error = ReadError;

    fn head(&self) -> Result<Head, ReadError> {
        Ok(self.0.published().head())
    }

    fn bundle(&self, place: Bundle) -> Result<Option<Bytes>, ReadError> {
        self.0.get(Resource::Bundle(place))
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
            let source = FromBundles(Published(app.reader.clone()));
            let mut follower = Follower::new(lookups.clone());
            let metrics = app.metrics.clone();
            std::thread::Builder::new().name("lookups".into()).spawn(move || {
                loop {
                    let pause = match follower.step(&source) {
                        Ok(progress) => {
                            metrics.lookups(lookups.size(), progress.folded);
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
