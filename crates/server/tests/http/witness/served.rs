//! A witness, served in this process on a real socket, over a store that outlives it.

use std::{net::SocketAddr, sync::Arc};

use follower::witness::{
    enrolled::Enrolled,
    keeper::{Keeper, Limits, OriginId},
    service::Witness,
};
use server::{Capacity, Clock, limits::Timeouts, witness};
use store::{MemoryStore, Store};
use testkit::keys::{LOG, TestKey, WITNESSES};
use tlog::{
    Head,
    checkpoint::SignedCheckpoint,
    cosignature::Cosigner,
    key::{Signer, VerifierKey},
    witness::{AddCheckpoint, Answer as Cosignatures, WitnessKeys},
};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

use crate::{
    asking::{Answer, exchange, request},
    history::History,
    served::PATIENCE,
};

/// When it starts, in seconds.
pub(crate) const START: u64 = 1_767_225_600;
/// Enough for every test that is not about that.
const PLENTY: u32 = 1_000_000;

pub(crate) fn signer(key: TestKey) -> Signer {
    Signer::from_seed(key.name.parse().unwrap(), &key.seed)
}

/// A list of these logs.
pub(crate) fn enrolled(logs: &[VerifierKey], qpd: u32) -> Enrolled {
    let log = |key: &VerifierKey| format!("\nvkey {key}\nqpd {qpd}\ncontact nobody\n");
    format!("logs/v0\n{}", logs.iter().map(log).collect::<String>()).parse().unwrap()
}

/// How a witness is set up.
pub(crate) struct Setup {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: testkit::Clock,
    pub(crate) logs: Enrolled,
    pub(crate) timeouts: Timeouts,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            store: Arc::new(MemoryStore::new()),
            clock: testkit::Clock::at(START * 1_000),
            logs: enrolled(&[signer(LOG).verifier_key().clone()], PLENTY),
            timeouts: Timeouts::default(),
        }
    }
}

impl Setup {
    pub(crate) fn of(logs: &[VerifierKey]) -> Self {
        Self { logs: enrolled(logs, PLENTY), ..Self::default() }
    }

    pub(crate) async fn serve(self) -> Witnessing {
        let [ed25519, ml_dsa, _] = WITNESSES;
        let keys = WitnessKeys::new(vec![
            Cosigner::from_seed(ed25519.name.parse().unwrap(), &ed25519.seed),
            Cosigner::ml_dsa_44(ml_dsa.name.parse().unwrap(), &ml_dsa.seed),
        ]);
        let keeper = Keeper::open(self.store, Limits::default()).unwrap();
        let witness = Witness::new(keeper, keys.unwrap(), self.logs).rationed();
        let metrics = witness::Metrics::new();
        let app =
            witness::App::new(witness, Arc::new(Told(self.clock.clone())), metrics.clone(), self.timeouts);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let capacity = Capacity { connections_max: 1_000, timeouts: self.timeouts };
        let router = witness::routes::router(app.clone());
        let serving = tokio::spawn(server::serve(listener, router, metrics, capacity, None, async move {
            let _ = stopped.await;
        }));
        Witnessing { app, address, clock: self.clock, stop, serving }
    }
}

/// A witness that is served until this is dropped.
pub(crate) struct Witnessing {
    pub(crate) app: Arc<witness::App>,
    pub(crate) address: SocketAddr,
    pub(crate) clock: testkit::Clock,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Witnessing {
    pub(crate) async fn ask(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let request = request(method, target, headers, body);
        Answer::parse(&exchange(self.address, &request).await, method)
    }

    pub(crate) async fn get(&self, target: &str) -> Answer {
        self.ask("GET", target, &[], b"").await
    }

    /// A request to `add-checkpoint`.
    pub(crate) async fn add(&self, body: impl AsRef<[u8]>) -> Answer {
        self.ask("POST", witness::routes::ADD_CHECKPOINT, &[], body.as_ref()).await
    }

    pub(crate) async fn sign_subtree(&self, body: impl AsRef<[u8]>) -> Answer {
        self.ask("POST", witness::routes::SIGN_SUBTREE, &[], body.as_ref()).await
    }

    /// What monitors see of a log.
    pub(crate) async fn monitor(&self, origin: &str) -> Answer {
        self.get(&format!("/{}/checkpoint", OriginId::of(&origin.parse().unwrap()))).await
    }

    pub(crate) async fn metric(&self, name: &str) -> u64 {
        let answer = self.get("/metrics").await;
        let line =
            answer.text().lines().find_map(|line| line.strip_prefix(&format!("{name} ")).map(str::to_owned));
        line.unwrap_or_else(|| panic!("no {name} in {}", answer.text())).parse().unwrap()
    }

    pub(crate) fn keys(&self) -> Vec<VerifierKey> {
        self.app.witness().verifier_keys().cloned().collect()
    }

    pub(crate) fn stored(&self) -> Option<Head> {
        self.app.witness().keeper().get(&LOG.name.parse().unwrap()).map(|held| held.head())
    }

    /// The times of a good answer, one by each key.
    pub(crate) fn times(&self, answer: &Answer, checkpoint: &SignedCheckpoint) -> Vec<u64> {
        assert_eq!(answer.status, 200, "{answer:?}");
        let taken = Cosignatures::parse(&answer.body).unwrap().take(checkpoint, &self.keys(), None).unwrap();
        assert_eq!(taken.len(), 2, "one by each key");
        taken.iter().map(|by| by.time().seconds()).collect()
    }

    /// Stops it; what it kept is in its store.
    pub(crate) async fn stop(self) {
        let _ = self.stop.send(());
        tokio::time::timeout(PATIENCE, self.serving).await.unwrap().unwrap();
    }
}

/// A request of a log with this history.
pub(crate) fn grown(history: &History, old: u64, new: u64, log: TestKey) -> String {
    let proof = if old == 0 || old > new { vec![] } else { history.consistency(old, new).hashes };
    AddCheckpoint::new(old, proof, &history.signed(new, &signer(log))).unwrap().to_string()
}

/// An honest one of [`LOG`].
pub(crate) fn honest(old: u64, new: u64) -> String {
    grown(&History::honest(), old, new, LOG)
}

pub(crate) struct Told(pub(crate) testkit::Clock);

impl Clock for Told {
    fn now_ms(&self) -> i64 {
        self.0.now_ms().cast_signed()
    }
}
