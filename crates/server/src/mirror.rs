//! A mirror (C2SP tlog-mirror) over HTTP: the full copies of logs, each below the hash of its origin, byte for byte and with the
//! headers of the log's own resources.
//!
//! What is held and shown is decided below ([`follower::mirror`]), how far each log was followed is told by whoever follows
//! ([`Standings`]). Nobody needs a token here. So whether entries are handed out, which the log itself may show only to some, is
//! the operator's explicit choice ([`Entries`]).

mod answer;
mod arriving;
pub mod metrics;
pub mod push;
pub mod routes;

use std::{net::SocketAddr, sync::Arc};

use follower::mirror::service::Mirror;

pub use metrics::Metrics;
pub use push::Push;

use crate::problem::{Code, Problem};

/// Who is given entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entries {
    /// Everybody: their operator says that they are public.
    Everybody,
    /// Whoever asks on this machine, under a name of this machine: no page of another site, by whatever name it calls us, and no
    /// shared cache.
    ThisMachine,
    /// Nobody.
    Nobody,
}

impl Entries {
    /// What holds for a mirror that listens on this address, where the operator has said that entries are `public` or has not.
    pub fn of(listen: SocketAddr, public: bool) -> Self {
        match (public, listen.ip().is_loopback()) {
            (true, _) => Self::Everybody,
            (false, true) => Self::ThisMachine,
            (false, false) => Self::Nobody,
        }
    }
}

/// How a log was followed, when it was looked at last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Name of the log.
    pub origin: String,
    /// Size of the mirror's checkpoint; `None` before the first.
    pub size: Option<u64>,
    /// Entries that the log has shown beyond it.
    pub behind: u64,
    /// What is wrong, if anything.
    pub problem: Option<String>,
    /// Whether it is the log that is to blame: it has forked, went back, or shows what it did not sign.
    pub broken: bool,
    /// Whether it is the mirror's own disk or store.
    pub cannot_keep: bool,
}

/// Whoever knows how the logs stand.
pub trait Standings: Send + Sync {
    /// All of them.
    fn all(&self) -> Vec<Standing>;
}

/// A mirror and how it is served.
pub struct App {
    mirror: Arc<Mirror>,
    entries: Entries,
    standings: Arc<dyn Standings>,
    metrics: Arc<Metrics>,
    push: Option<Push>,
}

impl App {
    /// Serves this mirror, and takes what is pushed to it, if anything may be.
    pub fn new(
        mirror: Arc<Mirror>,
        entries: Entries,
        standings: Arc<dyn Standings>,
        metrics: Arc<Metrics>,
        push: Option<Push>,
    ) -> Arc<Self> {
        Arc::new(Self { mirror, entries, standings, metrics, push })
    }

    /// What is pushed.
    fn push(&self) -> Result<&Push, Box<Problem>> {
        let none = || Problem::new(Code::NotFound, "Nothing can be pushed to this mirror.");
        self.push.as_ref().ok_or_else(none)
    }

    /// The mirror.
    pub fn mirror(&self) -> &Arc<Mirror> {
        &self.mirror
    }

    /// What is counted.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }
}
