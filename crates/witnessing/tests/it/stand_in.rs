//! A witness on a real socket, honest or not: the one of crate `follower` behind a router of a few lines.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    time::{Duration, SystemTime},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::post,
};
use follower::witness::{
    enrolled::Enrolled,
    keeper::{Keeper, Limits},
    service::Witness,
};
use parking_lot::Mutex;
use store::MemoryStore;
use testkit::keys::TestKey;
use tlog::{
    cosignature::{Cosigner, Timestamp},
    key::VerifierKey,
    witness::{AddCheckpoint, WitnessKeys},
};
use tokio::{runtime::Runtime, sync::Semaphore};

/// How a witness behaves.
#[derive(Clone, Debug)]
pub enum Mood {
    /// As the specification has it.
    Honest,
    /// As that, later.
    Slow(Duration),
    /// As that, once it is let.
    Held(Arc<Semaphore>),
    /// It takes the request and never answers.
    Hanging,
    /// It begins to answer and never ends.
    Dripping,
    /// Whatever it is asked, it answers this.
    Says { status: u16, headers: Vec<(&'static str, &'static str)>, body: String },
    /// It signs another head than it was shown.
    OtherHead,
    /// It signs with a key that nobody named.
    OtherKey,
    /// It signs with a clock that is an hour ahead.
    OtherTime,
}

impl Mood {
    pub fn says(status: u16, content_type: &'static str, body: &str) -> Self {
        Self::Says { status, headers: vec![("content-type", content_type)], body: body.to_owned() }
    }

    /// It claims to have this size.
    pub fn has(size: u64) -> Self {
        Self::says(409, "text/x.tlog.size", &format!("{size}\n"))
    }
}

struct Inside {
    key: TestKey,
    log: VerifierKey,
    witness: Mutex<Arc<Witness>>,
    mood: Mutex<Mood>,
    /// Old size and size of each request.
    asked: Mutex<Vec<(u64, u64)>>,
    /// Requests after which it cosigned.
    accepted: Mutex<Vec<Bytes>>,
}

/// How many were started: each has an address of its own, so that nobody else can have the port while it is down.
static STARTED: AtomicU16 = AtomicU16::new(0);

/// A witness that is served until this is dropped.
pub struct StandIn {
    inside: Arc<Inside>,
    address: SocketAddr,
    runtime: Option<Runtime>,
}

impl StandIn {
    /// Serves a witness with this key, which follows the log with this one.
    pub fn start(key: TestKey, log: &VerifierKey) -> Self {
        let inside = Inside {
            key,
            log: log.clone(),
            witness: Mutex::new(Arc::new(fresh(key, log))),
            mood: Mutex::new(Mood::Honest),
            asked: Mutex::default(),
            accepted: Mutex::default(),
        };
        let [high, low] = STARTED.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let address = SocketAddr::from(([127, 1, high, low], 0));
        let mut stand_in = Self { inside: Arc::new(inside), address, runtime: None };
        stand_in.up();
        stand_in
    }

    /// Goes up, at the address where it was before.
    pub fn up(&mut self) {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = bind(self.address);
        listener.set_nonblocking(true).unwrap();
        self.address = listener.local_addr().unwrap();
        let router =
            Router::new().route("/add-checkpoint", post(add_checkpoint)).with_state(self.inside.clone());
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, router).await
        });
        self.runtime = Some(runtime);
    }

    /// Goes down as after a power cut, with every connection; what it has stored stays.
    pub fn down(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }

    pub fn is(&self, mood: Mood) {
        *self.inside.mood.lock() = mood;
    }

    /// Is put back to what it had stored after so many cosignatures; or before the first of these that was stored while it went
    /// [down](Self::down), whose request is not known.
    pub fn put_back(&self, cosignatures: usize) {
        let witness = fresh(self.inside.key, &self.inside.log);
        let mut bodies: Vec<Bytes> = self.inside.accepted.lock().drain(..).take(cosignatures).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let taken = |body: &Bytes| runtime.block_on(witness.add_checkpoint(body, now())).status == 200;
        bodies.truncate(bodies.iter().take_while(|body| taken(body)).count());
        *self.inside.accepted.lock() = bodies;
        *self.inside.witness.lock() = Arc::new(witness);
    }

    /// Is asked by somebody else than the log, whatever its mood; the status of its answer.
    pub fn shown(&self, request: &AddCheckpoint) -> u16 {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let witness = self.inside.witness.lock().clone();
        runtime.block_on(witness.add_checkpoint(request.to_string().as_bytes(), now())).status
    }

    /// Follows another log, and no more the one that it was made for.
    pub fn unenrol(&self) {
        self.inside.witness.lock().enrol("logs/v0\n".parse().unwrap());
    }

    /// Its line in a policy.
    pub fn line(&self, name: &str) -> String {
        format!("witness {name} {} http://{}/\n", self.vkey(), self.address)
    }

    pub fn vkey(&self) -> VerifierKey {
        cosigner(self.inside.key).verifier_key().clone()
    }

    /// Old size and size of each request so far.
    pub fn asked(&self) -> Vec<(u64, u64)> {
        self.inside.asked.lock().clone()
    }

    /// The size that it has stored.
    pub fn stored(&self) -> u64 {
        let witness = self.inside.witness.lock().clone();
        witness.keeper().get(self.inside.log.name()).map_or(0, |held| held.head().size)
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.down();
    }
}

/// What listened here before may not be gone quite yet.
fn bind(address: SocketAddr) -> std::net::TcpListener {
    for _ in 0..1_000 {
        match std::net::TcpListener::bind(address) {
            Ok(listener) => return listener,
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
    panic!("{address} stays in use")
}

fn cosigner(key: TestKey) -> Cosigner {
    Cosigner::from_seed(key.name.parse().unwrap(), &key.seed)
}

fn fresh(key: TestKey, log: &VerifierKey) -> Witness {
    let keeper = Keeper::open(Arc::new(MemoryStore::new()), Limits::default()).unwrap();
    let enrolled: Enrolled = format!("logs/v0\n\nvkey {log}\nqpd 86400\ncontact nobody\n").parse().unwrap();
    Witness::new(keeper, WitnessKeys::new(vec![cosigner(key)]).unwrap(), enrolled)
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Timestamp::from_seconds(since.as_secs()).unwrap()
}

async fn add_checkpoint(State(inside): State<Arc<Inside>>, body: Bytes) -> Response {
    let request = AddCheckpoint::parse(&body).unwrap();
    assert!(body.len() <= 10 * 1024, "witnesses in use take no more");
    inside.asked.lock().push((request.old(), request.head().size));
    let mood = inside.mood.lock().clone();
    let honest = async || {
        let witness = inside.witness.lock().clone();
        let reply = witness.add_checkpoint(&body, now()).await;
        if reply.status == 200 {
            inside.accepted.lock().push(body.clone());
        }
        let status = StatusCode::from_u16(reply.status).unwrap();
        (status, [(header::CONTENT_TYPE, reply.content_type)], reply.body).into_response()
    };
    match mood {
        Mood::Honest => honest().await,
        Mood::Slow(time) => {
            tokio::time::sleep(time).await;
            honest().await
        }
        Mood::Held(leave) => {
            leave.acquire().await.unwrap().forget();
            honest().await
        }
        Mood::Hanging => std::future::pending().await,
        Mood::Dripping => Body::from_stream(dripping()).into_response(),
        Mood::Says { status, headers, body } => {
            let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
            response.headers_mut().remove(header::CONTENT_TYPE);
            for (name, value) in headers {
                response.headers_mut().insert(name, value.parse().unwrap());
            }
            response
        }
        Mood::OtherHead => signed(&cosigner(inside.key), &request, 1, now()),
        Mood::OtherKey => {
            let other = TestKey { seed: testkit::keys::seed(99), ..inside.key };
            signed(&cosigner(other), &request, 0, now())
        }
        Mood::OtherTime => {
            let later = Timestamp::from_seconds(now().seconds() + 3600).unwrap();
            signed(&cosigner(inside.key), &request, 0, later)
        }
    }
}

/// A cosignature of the head that was shown, or of one that is larger.
fn signed(by: &Cosigner, request: &AddCheckpoint, more: u64, time: Timestamp) -> Response {
    let head = tlog::Head { size: request.head().size + more, ..request.head() };
    let head = if head.size == 0 { tlog::Head::EMPTY } else { head };
    let checkpoint = tlog::checkpoint::Checkpoint::new(request.origin().clone(), head).unwrap();
    by.cosign(&checkpoint, time).to_string().into_response()
}

fn dripping() -> impl futures::Stream<Item = Result<Bytes, std::io::Error>> {
    futures::stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Some((Ok(Bytes::from_static(b"x")), ()))
    })
}
