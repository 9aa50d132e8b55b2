//! The witnesses of a log, asked: a task for each, and a round that waits for enough of them.
//!
//! ```text
//! publisher thread                    tasks, one a witness
//! cosign(newest) -- offer, wake -->   Table::next -> POST add-checkpoint -> reply::understand
//!   waits  <--------- wake --------   Table::heard
//! ```
//!
//! The tasks go on after a round has ended: what comes late is on the next publication. Decisions are made in [`Table`] and
//! below it; here are clocks, sockets and locks. A lock is never held while anything is awaited.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use client::Authorities;
use parking_lot::{Condvar, Mutex};
use sequencer::{
    reader::Reader,
    witnesses::{Cosigners, Round},
};
use tlog::{
    checkpoint::SignedCheckpoint, cosignature::Timestamp, key::VerifierKey, policy::Policy,
    witness::AddCheckpoint,
};
use tokio::{runtime::Handle, sync::watch, task::JoinHandle};

use crate::{
    address::{Address, WitnessesError, addresses},
    http,
    party::News,
    reply::{Cause, Reply, understand},
    report::{Observer, Report, WitnessReport},
    table::{Next, Request, Table},
};

/// How the witnesses are asked.
#[derive(Clone)]
pub struct Options {
    /// How long a publication waits for enough cosignatures.
    pub timeout: Duration,
    /// How often an unchanged head is cosigned anew, so that its cosignatures do not grow old.
    pub refresh: Duration,
    /// The only authorities whose word for a witness's name is taken; those of the system, if there are none.
    pub authorities: Option<Authorities>,
    /// Who is told.
    pub observer: Arc<dyn Observer>,
}

/// The witnesses of a log.
pub struct Witnesses {
    asking: Arc<Asking>,
    runtime: Handle,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

/// What the publisher and the tasks share.
struct Asking {
    options: Options,
    addresses: Vec<Address>,
    table: Mutex<Table>,
    changed: Condvar,
    wanted: watch::Sender<u64>,
    reader: Mutex<Option<Reader>>,
}

impl Witnesses {
    /// The witnesses of this policy, for the log with this key. They are asked on the threads of `runtime`, from the moment
    /// that the log is open.
    ///
    /// # Errors
    /// The log cannot work by this policy.
    pub fn new(
        policy: Policy,
        log: &VerifierKey,
        options: Options,
        runtime: Handle,
    ) -> Result<Self, WitnessesError> {
        if !policy.logs().iter().any(|named| named.key == *log) {
            return Err(WitnessesError::OtherLog { vkey: Box::new(log.clone()) });
        }
        let addresses = addresses(&policy, options.authorities.as_ref())?;
        let keys = addresses.iter().map(|address| address.keys.clone()).collect();
        let table = Table::new(policy, keys);
        let asking = Asking {
            options,
            addresses,
            table: Mutex::new(table),
            changed: Condvar::new(),
            wanted: watch::Sender::new(0),
            reader: Mutex::default(),
        };
        Ok(Self { asking: Arc::new(asking), runtime, tasks: Mutex::default() })
    }

    /// The policy that they make possible.
    pub fn policy(&self) -> Policy {
        self.asking.table.lock().gathered.policy().clone()
    }

    /// How things stand.
    pub fn report(&self) -> Report {
        let table = self.asking.table.lock();
        let witnesses = self.asking.addresses.iter().zip(&table.parties).map(|(address, party)| {
            WitnessReport { name: address.name.clone(), stored: party.stored(), trouble: party.trouble() }
        });
        Report {
            witnesses: witnesses.collect(),
            met: table.gathered.met(),
            unmet: table.unmet.map(|(since, rounds)| (since.elapsed(), rounds)),
            cosigned_age: table.cosigned_age(Instant::now()),
            refresh: self.asking.options.refresh,
        }
    }
}

impl Cosigners for Witnesses {
    fn begin(&self, reader: Reader, published: &SignedCheckpoint) {
        *self.asking.reader.lock() = Some(reader);
        let mut table = self.asking.table.lock();
        table.restore(published, Instant::now(), now());
        for place in 0..self.asking.addresses.len() {
            let (asking, wanted) = (self.asking.clone(), self.asking.wanted.subscribe());
            self.tasks.lock().push(self.runtime.spawn(ask_for_ever(asking, place, wanted)));
        }
    }

    fn cosign(&self, newest: &SignedCheckpoint) -> Round {
        self.asking.round(newest)
    }

    fn end(&self) {
        self.tasks.lock().drain(..).for_each(|task| task.abort());
        *self.asking.reader.lock() = None;
    }
}

impl Drop for Witnesses {
    fn drop(&mut self) {
        self.end();
    }
}

impl Asking {
    fn round(&self, newest: &SignedCheckpoint) -> Round {
        let started = Instant::now();
        let deadline = started + self.options.timeout;
        let mut table = self.table.lock();
        let first = table.is_new();
        if table.begin(newest, self.options.refresh, started) {
            self.wanted.send_replace(table.gathered.epoch());
        }
        while !table.settled(first, Instant::now(), deadline) {
            self.changed.wait_until(&mut table, deadline);
        }
        let (round, met) = table.end(newest, started);
        self.options.observer.round(started.elapsed(), met);
        round
    }

    /// Does the next thing about one witness; `None` if there is nothing to do but to wait for other things to happen.
    async fn step(&self, place: usize) -> Option<Instant> {
        let next = self.table.lock().next(place, Instant::now());
        match next {
            Next::Rest => None,
            Next::Wait(moment) => Some(moment),
            Next::Ask(request) => {
                let (reply, took) = self.ask(place, &request).await;
                self.heard(place, &reply, took);
                Some(Instant::now())
            }
        }
    }

    /// Asks one witness for its cosignature.
    async fn ask(&self, place: usize, Request { old, newest, .. }: &Request) -> (Reply, Duration) {
        let address = &self.addresses[place];
        let request = match self.request(*old, newest).await {
            Ok(request) => request,
            Err(what) => {
                return (Reply::Failed { cause: Cause::NoProof, wait: None, what }, Duration::ZERO);
            }
        };
        let (answer, took) = http::send(&address.http, &request).await;
        let reply =
            answer.map_or_else(|failure| failure, |came| understand(&came, newest, &address.keys, now()));
        (reply, took)
    }

    async fn request(&self, old: u64, newest: &SignedCheckpoint) -> Result<AddCheckpoint, String> {
        let head = newest.head();
        let hashes = if old == 0 || old == head.size {
            vec![]
        } else {
            let reader = self.reader.lock().clone().ok_or("the log is closed")?;
            let proof = tokio::task::spawn_blocking(move || reader.consistency(old, head)).await;
            let proof = proof.map_err(|error| error.to_string())?;
            proof.map_err(|error| error.to_string())?.hashes
        };
        AddCheckpoint::new(old, hashes, newest).map_err(|error| error.to_string())
    }

    /// Takes in what came of it, and wakes who waits.
    fn heard(&self, place: usize, reply: &Reply, took: Duration) {
        // Read now that the answer is here: whatever anybody else was shown of this log was committed before.
        let Some(size) = self.reader.lock().as_ref().map(|reader| reader.committed().head().size) else {
            return;
        };
        let mut table = self.table.lock();
        let news = table.heard(place, reply, size, Instant::now());
        let trouble = table.parties[place].trouble();
        drop(table);
        self.changed.notify_all();
        let name = &self.addresses[place].name;
        let cause = match reply {
            Reply::Cosigned(_) => None,
            Reply::Failed { cause, .. } => Some(*cause),
            Reply::Stored(_) => match news {
                News::Trouble(cause) => Some(cause),
                _ => return,
            },
        };
        self.options.observer.asked(name, took, cause);
        say(name, news, trouble, reply);
    }
}

/// Tells the operator's log what changed.
fn say(witness: &str, news: News, trouble: Option<Cause>, reply: &Reply) {
    let what = match reply {
        Reply::Failed { what, .. } => what.clone(),
        Reply::Stored(size) => format!("it names the size {size}"),
        Reply::Cosigned(_) => String::new(),
    };
    match (news, trouble) {
        (News::Nothing, _) => {}
        (News::Well, _) => tracing::info!(witness, "the witness cosigns again"),
        (News::Trouble(cause), _) if cause.passes() => {
            tracing::warn!(
                witness,
                what,
                cause = cause.name(),
                "the witness did not cosign: {}",
                cause.words()
            );
        }
        (News::Trouble(cause), _) => {
            tracing::error!(
                witness,
                what,
                cause = cause.name(),
                "the witness did not cosign: {}",
                cause.words()
            );
        }
    }
}

/// Brings one witness to whatever is wanted, until the log is closed.
async fn ask_for_ever(asking: Arc<Asking>, place: usize, mut wanted: watch::Receiver<u64>) {
    loop {
        wanted.mark_unchanged();
        let pause = asking.step(place).await;
        let woken = match pause {
            None => wanted.changed().await,
            Some(moment) => tokio::time::timeout_at(moment.into(), wanted.changed()).await.unwrap_or(Ok(())),
        };
        if woken.is_err() {
            return;
        }
    }
}

/// The machine's clock.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_seconds(since.as_secs()).unwrap_or(Timestamp::NONE)
}
