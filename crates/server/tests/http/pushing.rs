//! A log that is pushed to a mirror over HTTP (C2SP tlog-mirror): the answers, and what is left of requests that break off.

use std::{io::Write as _, net::SocketAddr, sync::Arc, time::Duration};

use flate2::{Compression, write::GzEncoder};
use follower::{
    mirror::{
        files::{Directory, Files},
        push::Pushes,
        service::Mirror,
    },
    witness::keeper::{Keeper, Limits, OriginId},
};
use server::{
    Capacity,
    limits::Timeouts,
    mirror::{self, Entries, Push, Standing, Standings},
};
use store::MemoryStore;
use tempfile::TempDir;
use testkit::keys::{LOG, OTHER_LOG, WITNESSES};
use tlog::{
    Hash, bundle,
    checkpoint::{Checkpoint, SignedCheckpoint},
    cosignature::Cosigner,
    mirror::{ENTRIES_CONTENT_TYPE, INFO_CONTENT_TYPE, Upload},
    plan::ConsistencyPlan,
    tile::{Bundle, bundles_of, tiles_of},
    witness::{AddCheckpoint, Answer as Cosignatures, WitnessKeys},
};
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};

use crate::{
    asking::{Answer, exchange, read_to_end, request},
    bundles::Bundles,
    served::PATIENCE,
    witness::served::{START, Told, enrolled, signer},
};

struct Nobody;

impl Standings for Nobody {
    fn all(&self) -> Vec<Standing> {
        vec![]
    }
}

/// A mirror to which [`LOG`] may push, served until this is dropped.
struct Mirroring {
    mirror: Arc<Mirror>,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
    _home: TempDir,
}

impl Mirroring {
    async fn serve(timeouts: Timeouts) -> Self {
        let home = tempfile::tempdir().unwrap();
        let keys = WitnessKeys::new(vec![key()]).unwrap();
        let keeper = Keeper::open(Arc::new(MemoryStore::new()), Limits::default()).unwrap();
        let files: Box<dyn Files> = Box::new(Directory::open(home.path()).unwrap());
        let origin = LOG.name.parse().unwrap();
        let mirror = Arc::new(Mirror::open(keeper, keys, [(origin, files)]).unwrap());
        let logs = enrolled(&[signer(LOG).verifier_key().clone()], 100_000);
        let pushes = Arc::new(Pushes::new(mirror.clone(), logs));
        let clock = Arc::new(Told(testkit::Clock::at(START * 1_000)));
        let metrics = mirror::Metrics::new();
        let push = Push::new(pushes, clock, timeouts);
        let app = mirror::App::new(
            mirror.clone(),
            Entries::Everybody,
            Arc::new(Nobody),
            metrics.clone(),
            Some(push),
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let capacity = Capacity { connections_max: 1_000, timeouts };
        let router = mirror::routes::router(app);
        let serving = tokio::spawn(server::serve(listener, router, metrics, capacity, None, async move {
            let _ = stopped.await;
        }));
        Self { mirror, address, stop, serving, _home: home }
    }

    async fn ask(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        Answer::parse(&exchange(self.address, &request(method, target, headers, body)).await, method)
    }

    async fn add_checkpoint(&self, log: &Bundles, old: u64, new: u64) -> Answer {
        let proof = if old == 0 { vec![] } else { consistency(log, old, new) };
        let request = AddCheckpoint::new(old, proof, &signed(log, new)).unwrap().to_string();
        self.ask("POST", "/add-checkpoint", &[], request.as_bytes()).await
    }

    async fn add_entries(&self, body: &[u8]) -> Answer {
        let answer = self.ask("POST", "/add-entries", &[("content-type", ENTRIES_CONTENT_TYPE)], body).await;
        assert_eq!(answer.header("accept-encoding"), Some("gzip"));
        answer
    }

    fn next(&self) -> u64 {
        self.mirror.log(&OriginId::of(&LOG.name.parse().unwrap())).unwrap().next().unwrap()
    }

    /// Sends the start of a request to push entries, of which the body has not all arrived.
    async fn begin(&self, body: &[u8], length: usize) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let head = format!(
            "POST /add-entries HTTP/1.1\r\nhost: m\r\ncontent-type: {ENTRIES_CONTENT_TYPE}\r\n\
             content-length: {length}\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
        stream
    }

    /// Waits until so many entries are held.
    async fn holds(&self, next: u64) {
        let held = async {
            while self.next() < next {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(PATIENCE, held).await.expect("what has arrived is taken");
    }

    async fn stop(self) {
        let _ = self.stop.send(());
        tokio::time::timeout(PATIENCE, self.serving).await.unwrap().unwrap();
    }
}

fn key() -> Cosigner {
    Cosigner::from_seed(WITNESSES[0].name.parse().unwrap(), &WITNESSES[0].seed)
}

fn signed(log: &Bundles, size: u64) -> SignedCheckpoint {
    Checkpoint::new(LOG.name.parse().unwrap(), log.head(size)).unwrap().sign(&signer(LOG)).unwrap()
}

fn consistency(log: &Bundles, old: u64, new: u64) -> Vec<Hash> {
    let plan = ConsistencyPlan::new(old, log.head(new)).unwrap();
    let tiles: Vec<_> = plan.tiles().iter().map(|tile| log.tile(*tile)).collect();
    plan.finish(&tiles).unwrap().hashes
}

/// A request with the first `packages` packages.
fn body(log: &Bundles, start: u64, end: u64, packages: usize) -> Vec<u8> {
    let upload = Upload::new(LOG.name.parse().unwrap(), start, end, bytes::Bytes::new()).unwrap();
    let packages = upload.spans().take(packages).map(|span| log.package(span, end).encode());
    std::iter::once(upload.encode()).chain(packages).flatten().collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(vec![], Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[track_caller]
fn says(answer: &Answer, status: u16, text: &str) {
    assert_eq!((answer.status, answer.text()), (status, text), "{answer:?}");
    assert_eq!(answer.header("content-type"), Some(INFO_CONTENT_TYPE), "byte for byte");
}

#[track_caller]
fn cosigned(answer: &Answer, log: &Bundles, size: u64) {
    assert_eq!(answer.status, 200, "{answer:?}");
    let taken = Cosignatures::parse(&answer.body).unwrap();
    assert_eq!(taken.take(&signed(log, size), &[key().verifier_key().clone()], None).unwrap().len(), 1);
}

/// Two checkpoints, in requests of one package and of many, packed and not; then everything is there, byte for byte.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_pushed_is_served_byte_for_byte() {
    let (log, mirror) = (Bundles::of(1_100), Mirroring::serve(Timeouts::default()).await);
    let empty = mirror.add_checkpoint(&log, 0, 600).await;
    assert_eq!((empty.status, empty.body.as_ref()), (200, b"".as_slice()));
    says(&mirror.add_entries(&body(&log, 0, 600, 1)).await, 202, "600\n256\n\n");
    let packed = gzip(&body(&log, 256, 600, 9));
    let headers = [("content-type", ENTRIES_CONTENT_TYPE), ("content-encoding", "gzip")];
    cosigned(&mirror.ask("POST", "/add-entries", &headers, &packed).await, &log, 600);
    assert_eq!(mirror.add_checkpoint(&log, 600, 1_100).await.status, 200);
    cosigned(&mirror.add_entries(&body(&log, 600, 1_100, 9)).await, &log, 1_100);
    let prefix = format!("/{}", OriginId::of(&LOG.name.parse().unwrap()));
    let checkpoint = mirror.ask("GET", &format!("{prefix}/checkpoint"), &[], b"").await;
    assert!(checkpoint.body.starts_with(signed(&log, 1_100).bytes()), "{checkpoint:?}");
    for tile in tiles_of(1_100) {
        assert_eq!(
            mirror.ask("GET", &format!("{prefix}/{tile}"), &[], b"").await.body,
            log.tile(tile),
            "{tile}"
        );
    }
    let entries = |bundle: &Bundle| {
        bundle::encode(log.entries(bundle.first()..bundle.first() + u64::from(bundle.width())))
    };
    for bundle in bundles_of(1_100) {
        let served = mirror.ask("GET", &format!("{prefix}/{bundle}"), &[], b"").await;
        assert_eq!(served.body, entries(&bundle).unwrap(), "{bundle}");
    }
    mirror.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answers_of_the_specification() {
    let (log, mirror) = (Bundles::of(600), Mirroring::serve(Timeouts::default()).await);
    let all = body(&log, 0, 600, 9);
    assert_eq!(mirror.add_entries(&all).await.status, 422, "nothing is pending");
    assert_eq!(mirror.add_checkpoint(&log, 0, 600).await.status, 200);
    let stale = mirror.add_checkpoint(&log, 0, 600).await;
    assert_eq!((stale.status, stale.text()), (409, "600\n"));
    assert_eq!(stale.header("content-type"), Some("text/x.tlog.size"));
    let other = Upload::new(OTHER_LOG.name.parse().unwrap(), 0, 600, bytes::Bytes::new()).unwrap();
    assert_eq!(mirror.add_entries(&other.encode()).await.status, 404);
    says(&mirror.add_entries(&body(&log, 0, 0, 0)).await, 409, "600\n0\n\n");
    says(&mirror.add_entries(&body(&log, 256, 600, 9)).await, 409, "600\n0\n\n");
    for cut in [0, 1, 20, all.len() / 4] {
        assert_eq!(mirror.add_entries(&all[..cut]).await.status, 400, "{cut} bytes");
    }
    let mut forged = all.clone();
    *forged.last_mut().unwrap() ^= 1;
    assert_eq!(mirror.add_entries(&forged).await.status, 422);
    assert_eq!(mirror.next(), 512, "the packages before it were taken");
    says(&mirror.add_entries(&all[..all.len() - 1]).await, 202, "600\n512\n\n");
    cosigned(&mirror.add_entries(&[all.as_slice(), b"and more"].concat()).await, &log, 600);
    cosigned(&mirror.add_entries(&body(&log, 600, 600, 0)).await, &log, 600);
    mirror.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_kinds_of_bodies_are_refused() {
    let (log, mirror) = (Bundles::of(3), Mirroring::serve(Timeouts::default()).await);
    mirror.add_checkpoint(&log, 0, 3).await;
    let good = body(&log, 0, 3, 1);
    for headers in [
        &[][..],
        &[("content-type", "text/plain")],
        &[("content-type", ENTRIES_CONTENT_TYPE), ("content-encoding", "br")],
        &[("content-type", ENTRIES_CONTENT_TYPE), ("content-encoding", "gzip, gzip")],
        &[("content-type", ENTRIES_CONTENT_TYPE), ("content-encoding", "gzip"), ("content-encoding", "gzip")],
    ] {
        let answer = mirror.ask("POST", "/add-entries", headers, &good).await;
        assert_eq!(answer.problem(415).kind, "unsupported-media-type", "{headers:?}");
        assert_eq!(answer.header("accept-encoding"), Some("gzip"), "{headers:?}");
    }
    let packed = [("content-type", "APPLICATION/octet-stream"), ("content-encoding", "gzip")];
    let answer = mirror.ask("POST", "/add-entries", &packed, &good).await;
    assert_eq!(answer.problem(400).detail.split(':').next(), Some("The body is not gzip"));
    let cut = gzip(&good);
    let answer = mirror.ask("POST", "/add-entries", &packed, &cut[..12]).await;
    assert_eq!(answer.status, 400);
    for path in ["/add-entries", "/add-checkpoint"] {
        assert_eq!(mirror.ask("GET", path, &[], b"").await.problem(405).kind, "method-not-allowed");
    }
    cosigned(&mirror.ask("POST", "/add-entries", &packed, &cut).await, &log, 3);
    mirror.stop().await;
}

/// A client that goes away in the middle of a package, and one that falls silent.
#[tokio::test(flavor = "multi_thread")]
async fn of_a_request_that_breaks_off_what_was_whole_counts() {
    let short = Duration::from_millis(300);
    let (log, mirror) =
        (Bundles::of(1_100), Mirroring::serve(Timeouts { body: short, ..Timeouts::default() }).await);
    mirror.add_checkpoint(&log, 0, 1_100).await;
    let all = body(&log, 0, 1_100, 9);
    let one = body(&log, 0, 1_100, 1).len();
    drop(mirror.begin(&all[..one + 100], all.len()).await);
    mirror.holds(256).await;
    says(&mirror.add_entries(&body(&log, 512, 1_100, 1)).await, 409, "1100\n256\n\n");
    let rest = body(&log, 256, 1_100, 9);
    let two = body(&log, 256, 1_100, 1).len();
    let mut silent = mirror.begin(&rest[..two + 100], rest.len()).await;
    says(&Answer::parse(&read_to_end(&mut silent).await, "POST"), 202, "1100\n512\n\n");
    let mut silent = mirror.begin(&body(&log, 512, 1_100, 0), rest.len()).await;
    assert_eq!(Answer::parse(&read_to_end(&mut silent).await, "POST").problem(408).kind, "body-timeout");
    cosigned(&mirror.add_entries(&body(&log, 512, 1_100, 9)).await, &log, 1_100);
    mirror.stop().await;
}

/// All in all a request has so much time, however steadily it comes; what has come until then counts.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_has_its_time() {
    let timeouts = Timeouts { upload: Duration::from_millis(500), ..Timeouts::default() };
    let (log, mirror) = (Bundles::of(600), Mirroring::serve(timeouts).await);
    mirror.add_checkpoint(&log, 0, 600).await;
    let all = body(&log, 0, 600, 9);
    let mut slow = mirror.begin(&body(&log, 0, 600, 1), all.len()).await;
    let (mut reading, mut writing) = slow.split();
    let trickle = async {
        while writing.write_all(b"\0").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        std::future::pending::<()>().await;
    };
    let mut bytes = vec![];
    tokio::select! {
        read = tokio::time::timeout(PATIENCE, tokio::io::AsyncReadExt::read_to_end(&mut reading, &mut bytes)) => drop(read.unwrap()),
        () = trickle => {}
    }
    says(&Answer::parse(&bytes, "POST"), 202, "600\n256\n\n");
    mirror.stop().await;
}

/// What the head of a request decides is answered before the rest is sent.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_does_not_wait_for_the_body() {
    let (log, mirror) = (Bundles::of(600), Mirroring::serve(Timeouts::default()).await);
    mirror.add_checkpoint(&log, 0, 600).await;
    let mut early = mirror.begin(&body(&log, 256, 600, 0), 100_000_000).await;
    says(&Answer::parse(&read_to_end(&mut early).await, "POST"), 409, "600\n0\n\n");
    mirror.stop().await;
}

/// What comes behind the last package is read too, so that the connection can be used again.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_kept_for_the_next_request() {
    let (log, mirror) = (Bundles::of(600), Mirroring::serve(Timeouts::default()).await);
    mirror.add_checkpoint(&log, 0, 600).await;
    let all = body(&log, 0, 600, 9);
    let head = format!(
        "POST /add-entries HTTP/1.1\r\nhost: m\r\ncontent-type: {ENTRIES_CONTENT_TYPE}\r\ncontent-length: {}\r\n\r\n",
        all.len() + 8
    );
    let mut stream = TcpStream::connect(mirror.address).await.unwrap();
    stream.write_all(&[head.as_bytes(), &all].concat()).await.unwrap();
    mirror.holds(600).await;
    let answered = tokio::time::timeout(Duration::from_millis(300), stream.readable()).await;
    assert!(answered.is_err(), "an answer now would end the connection");
    stream.write_all(b"the tail").await.unwrap();
    let next =
        request("POST", "/add-entries", &[("content-type", ENTRIES_CONTENT_TYPE)], &body(&log, 600, 600, 0));
    stream.write_all(&next).await.unwrap();
    let said = String::from_utf8(read_to_end(&mut stream).await).unwrap();
    assert_eq!(said.matches("HTTP/1.1 200 OK\r\n").count(), 2, "{said}");
    mirror.stop().await;
}
