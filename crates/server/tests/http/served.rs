//! A whole log, served in this process on a real socket, with whatever a test wants to be different.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use lookup::Lookups;
use parking_lot::Mutex;
use record::Places;
use sequencer::{
    Kind, Log, Options,
    pool::Limits,
    publisher::Evidence,
    witnesses::{WhenUnwitnessed, Witnessing},
};
use server::{
    App, Capacity, Clerk, Clock, Config, Custody, Following, Tls, access::Access, limits::Timeouts,
    metrics::Metrics,
};
use store::{FaultyStore, MemoryStore, Store};
use testkit::keys::{self, TestKey};
use tlog::{checkpoint::SignedCheckpoint, key::Signer, policy::Policy};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use vault::Vault;
use witnessing::Witnesses;
use zeroize::Zeroizing;

/// How long a test waits for what must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// How the log is set up.
pub(crate) struct Setup {
    pub(crate) kind: Kind,
    pub(crate) key: TestKey,
    pub(crate) store: Arc<dyn Store>,
    /// What was noted outside the store before the log is opened.
    pub(crate) evidence: Option<Bytes>,
    /// While this is true nothing can be noted outside the store, and so nothing be published.
    pub(crate) unnotable: Arc<AtomicBool>,
    pub(crate) limits: Limits,
    pub(crate) publish_every: Duration,
    pub(crate) clock: testkit::Clock,
    pub(crate) timeouts: Timeouts,
    pub(crate) connections_max: usize,
    pub(crate) access: Access,
    pub(crate) tls: Option<Tls>,
    pub(crate) sensitive: Places,
    pub(crate) metrics: Arc<Metrics>,
    /// Who is asked to cosign what is published, and what is published without.
    pub(crate) witnesses: Option<(Arc<Witnesses>, WhenUnwitnessed)>,
}

impl Setup {
    pub(crate) fn records() -> Self {
        Self {
            kind: Kind::Records,
            key: keys::LOG,
            store: Arc::new(MemoryStore::new()),
            evidence: None,
            unnotable: Arc::default(),
            limits: Limits::default(),
            publish_every: Duration::from_millis(10),
            clock: testkit::Clock::at(testkit::sample::START_MS),
            timeouts: Timeouts::default(),
            connections_max: 1000,
            access: Access::Open,
            tls: None,
            sensitive: Places::NONE,
            metrics: Metrics::new(),
            witnesses: None,
        }
    }

    pub(crate) fn raw() -> Self {
        Self { kind: Kind::Raw, key: keys::RAW_LOG, ..Self::records() }
    }

    /// The same over a store whose commits and reads fail when it is told to.
    pub(crate) fn faulty(self) -> (Self, Arc<FaultyStore<MemoryStore>>) {
        let store = Arc::new(FaultyStore::new(MemoryStore::new()));
        (Self { store: store.clone(), ..self }, store)
    }

    pub(crate) async fn serve(self) -> Served {
        let metrics = self.metrics;
        let witnesses = self.witnesses.as_ref().map(|(witnesses, _)| witnesses.clone());
        let witnessing =
            self.witnesses.map(|(cosigners, when_unwitnessed)| Witnessing { cosigners, when_unwitnessed });
        let options = Options {
            limits: self.limits,
            publish_every: self.publish_every,
            observer: metrics.clone(),
            witnessing,
        };
        let signer = signer(self.key);
        let policy = Policy::log_only(signer.verifier_key().clone()).unwrap();
        let evidence = Box::new(NotedInMemory {
            newest: Mutex::new(self.evidence),
            published: Mutex::default(),
            unnotable: self.unnotable,
        });
        // Opening waits for witnesses, if there are any.
        let log = tokio::task::block_in_place(|| Log::open(self.store, self.kind, signer, evidence, options));
        let log = log.unwrap();
        let clock = Arc::new(Told(self.clock));
        let keys = tempfile::tempdir().unwrap();
        let custody = (self.kind == Kind::Records).then(|| {
            let vault = Vault::open(&keys.path().join("content-keys")).unwrap();
            Custody::new(vault, Clerk::new(&Zeroizing::new([5; 32])), self.sensitive)
        });
        let config = Config {
            metrics: metrics.clone(),
            clock,
            publish_every: self.publish_every,
            access: self.access,
            custody,
            lookups: (self.kind == Kind::Records)
                .then(|| Lookups::open(Arc::new(MemoryStore::new()), key_name(self.key)).unwrap()),
            witnesses: witnesses.clone(),
            timeouts: self.timeouts,
        };
        let app = App::new(log, config).unwrap();
        let following = Following::begin(&app).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let capacity = Capacity { connections_max: self.connections_max, timeouts: self.timeouts };
        let router = server::routes::router(app.clone());
        let serving =
            tokio::spawn(server::serve(listener, router, metrics.clone(), capacity, self.tls, async move {
                let _ = stopped.await;
            }));
        Served {
            app,
            address,
            policy,
            metrics,
            witnesses,
            stop: Some(stop),
            serving,
            _keys: keys,
            _following: following,
        }
    }
}

fn key_name(key: TestKey) -> &'static str {
    key.name
}

pub(crate) fn signer(key: TestKey) -> Signer {
    Signer::from_seed(key.name.parse().unwrap(), &key.seed)
}

/// A log that is served until this is dropped.
pub(crate) struct Served {
    pub(crate) app: Arc<App>,
    pub(crate) address: SocketAddr,
    pub(crate) policy: Policy,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) witnesses: Option<Arc<Witnesses>>,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
    _keys: tempfile::TempDir,
    _following: Following,
}

impl Served {
    /// Tells the server to stop; what is under way goes on.
    pub(crate) fn begin_to_stop(&mut self) {
        let _ = self.stop.take().map(|stop| stop.send(()));
    }

    /// Waits until it has stopped.
    pub(crate) async fn stopped(mut self) {
        self.begin_to_stop();
        tokio::time::timeout(PATIENCE, self.serving).await.unwrap().unwrap();
    }

    /// Entries that are durable.
    pub(crate) fn size(&self) -> u64 {
        self.app.log().reader().committed().head().size
    }

    /// Waits until this many entries are served to everybody.
    pub(crate) async fn published(&self, size: u64) {
        let mut watching = self.app.log().reader().watch_published();
        let seen = watching.wait_for(|checkpoint| checkpoint.size() >= size);
        tokio::time::timeout(PATIENCE, seen).await.unwrap().unwrap();
    }
}

/// Waits until something holds.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "{what} did not happen");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

struct Told(testkit::Clock);

impl Clock for Told {
    fn now_ms(&self) -> i64 {
        self.0.now_ms().cast_signed()
    }
}

struct NotedInMemory {
    newest: Mutex<Option<Bytes>>,
    published: Mutex<Option<Bytes>>,
    unnotable: Arc<AtomicBool>,
}

impl Evidence for NotedInMemory {
    fn newest(&self) -> io::Result<Option<Bytes>> {
        Ok(self.newest.lock().clone())
    }

    fn note(&self, checkpoint: &SignedCheckpoint) -> io::Result<()> {
        if self.unnotable.load(Relaxed) {
            return Err(io::Error::other("injected fault"));
        }
        *self.newest.lock() = Some(checkpoint.bytes().clone());
        Ok(())
    }

    fn published(&self) -> io::Result<Option<Bytes>> {
        Ok(self.published.lock().clone())
    }

    fn note_published(&self, checkpoint: &SignedCheckpoint) -> io::Result<()> {
        *self.published.lock() = Some(checkpoint.bytes().clone());
        Ok(())
    }
}
