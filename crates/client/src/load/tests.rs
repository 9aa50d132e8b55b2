//! A log of raw entries that lies only when told to, behind a few lines of HTTP.

use std::num::NonZeroUsize;
use std::sync::Mutex;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::*;
use crate::audit::Silent;
use crate::source::Source;
use crate::testlog::TestLog;

/// How the log misbehaves.
#[derive(Clone, Copy, PartialEq)]
enum Lie {
    None,
    /// Answers "not now" to every third request.
    Busy,
    /// Acknowledges and forgets every tenth entry.
    Forgets,
    /// Logs other bytes than were sent, once.
    Alters,
    /// Names one index twice.
    Repeats,
    /// Breaks every fifth connection before it answers.
    Breaks,
}

struct RawLog {
    url: Url,
    log: Arc<Mutex<TestLog>>,
    home: tempfile::TempDir,
}

impl RawLog {
    async fn start(lie: Lie) -> Self {
        let log = Arc::new(Mutex::new(TestLog::of_size(300)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/prefix/", listener.local_addr().unwrap()).parse().unwrap();
        let (shared, asked) = (log.clone(), Arc::new(AtomicU64::new(0)));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (shared, asked) = (shared.clone(), asked.clone());
                let service = service_fn(move |request| add(lie, shared.clone(), asked.clone(), request));
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        Self { url, log, home: tempfile::tempdir().unwrap() }
    }

    fn load(&self) -> Load {
        Load {
            url: self.url.clone(),
            token: None,
            payload: Payload::Raw { run: 1, bytes: 50 },
            per_request: 1,
            workers: 4,
            rate: None,
            duration: Duration::from_secs(20),
            requests_max: Some(200),
            acks: self.home.path().join("acks"),
            timeout: Duration::from_secs(5),
        }
    }

    async fn promises(&self) -> Checked {
        let (source, policy) = {
            let log = self.log.lock().unwrap();
            (Source::directory(log.path()).unwrap(), log.policy())
        };
        let promises = Promises { source, policy, wait: Duration::ZERO, threads: NonZeroUsize::MIN };
        promises.verify(&self.home.path().join("acks"), &Silent).await.unwrap()
    }
}

async fn add(
    lie: Lie,
    log: Arc<Mutex<TestLog>>,
    asked: Arc<AtomicU64>,
    request: Request<hyper::body::Incoming>,
) -> Result<Response<Full<Bytes>>, std::io::Error> {
    assert_eq!(request.uri().path(), "/prefix/add");
    let mut entry = request.into_body().collect().await.unwrap().to_bytes();
    let number = asked.fetch_add(1, Ordering::Relaxed);
    if lie == Lie::Busy && number % 3 == 2 {
        let busy = Response::builder().status(503).header("Retry-After", "0");
        return Ok(busy.body(Full::default()).unwrap());
    }
    if lie == Lie::Breaks && number % 5 == 4 {
        return Err(std::io::ErrorKind::ConnectionReset.into());
    }
    if lie == Lie::Alters && number == 50 {
        entry = Bytes::from_static(b"something else");
    }
    let mut log = log.lock().unwrap();
    let index = log.edge.size();
    if !(lie == Lie::Forgets && number % 10 == 9) {
        log.grow([entry]);
    }
    let index = if lie == Lie::Repeats && number == 70 { index - 1 } else { index };
    Ok(Response::new(Full::from(format!("{index}\n"))))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_honest_log_acknowledged_is_there_and_is_proven() {
    let log = RawLog::start(Lie::None).await;
    let loaded = log.load().run(&Silent).await.unwrap();
    assert_eq!((loaded.requests, loaded.acknowledged), (200, 200));
    assert_eq!(loaded.statuses, BTreeMap::from([(200, 200)]));
    assert!(loaded.errors.is_empty(), "{:?}", loaded.errors);
    let latencies = loaded.latencies;
    assert!(
        0.0 < latencies.p50_ms
            && latencies.p50_ms <= latencies.p99_ms
            && latencies.p99_ms <= latencies.max_ms
    );
    let checked = log.promises().await;
    assert!(checked.holds(), "{:?}", checked.broken);
    assert_eq!((checked.acknowledged, checked.kept, checked.size), (200, 200, 500));
    assert!(checked.proofs >= 50, "{} proofs", checked.proofs);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_log_is_asked_again_and_a_broken_connection_promises_nothing() {
    let log = RawLog::start(Lie::Busy).await;
    let loaded = log.load().run(&Silent).await.unwrap();
    assert_eq!(loaded.acknowledged, 200);
    assert!(loaded.statuses[&503] >= 90, "{:?}", loaded.statuses);
    assert!(log.promises().await.holds());

    let log = RawLog::start(Lie::Breaks).await;
    let loaded = log.load().run(&Silent).await.unwrap();
    assert_eq!(loaded.acknowledged + loaded.errors["connection broken"], 200);
    assert!(loaded.errors["connection broken"] >= 30, "{:?}", loaded.errors);
    assert!(log.promises().await.holds());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_broken_promise_is_found() {
    for (lie, broken, words) in [
        (Lie::Forgets, 20..=200, "acknowledged"),
        (Lie::Alters, 1..=1, "acknowledged with the hash"),
        (Lie::Repeats, 1..=1, "acknowledged with the hash"),
    ] {
        let log = RawLog::start(lie).await;
        log.load().run(&Silent).await.unwrap();
        let checked = log.promises().await;
        assert!(broken.contains(&checked.broken_total), "{:?}", checked.broken);
        assert!(checked.broken[0].contains(words), "{:?}", checked.broken);
        assert_eq!(checked.kept + checked.broken_total, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_loses_its_end_has_broken_its_promise() {
    let log = RawLog::start(Lie::None).await;
    let before = log.log.lock().unwrap().signed();
    log.load().run(&Silent).await.unwrap();
    log.log.lock().unwrap().write("checkpoint", before.bytes());
    let checked = log.promises().await;
    assert_eq!((checked.broken_total, checked.kept, checked.size), (200, 0, 300));
    assert!(checked.broken[0].contains("still at size 300"), "{:?}", checked.broken);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_loop_keeps_its_rate_and_counts_from_when_a_request_was_due() {
    let log = RawLog::start(Lie::None).await;
    let load =
        Load { rate: Some(400.0), requests_max: None, duration: Duration::from_millis(500), ..log.load() };
    let loaded = load.run(&Silent).await.unwrap();
    assert_eq!(loaded.requests, 200, "as many as were due, no more");
    assert!(loaded.seconds >= 0.49, "{}", loaded.seconds);

    // 10,000 a second through a single connection to a log that takes its time: the later are late before they begin.
    let slow = RawLog::start(Lie::None).await;
    let load = Load {
        rate: Some(10_000.0),
        workers: 1,
        requests_max: Some(400),
        duration: Duration::from_secs(20),
        ..slow.load()
    };
    let loaded = load.run(&Silent).await.unwrap();
    let behind = loaded.seconds * 1_000.0 - 40.0;
    assert!(loaded.latencies.max_ms >= behind * 0.8, "{:?} in {} s", loaded.latencies, loaded.seconds);
}

#[tokio::test]
async fn what_cannot_be_loaded_is_refused_before_anything_is_sent() {
    let log = RawLog::start(Lie::None).await;
    let https = Load { url: "https://log.example.org/".parse().unwrap(), ..log.load() };
    assert!(matches!(https.run(&Silent).await, Err(LoadError::Url(_))));
    let bulk = Load { per_request: 2, ..log.load() };
    assert!(matches!(bulk.run(&Silent).await, Err(LoadError::PerRequest)));
    std::fs::write(log.home.path().join("acks"), "precious").unwrap();
    assert!(matches!(log.load().run(&Silent).await, Err(LoadError::Acks(_))));
    assert_eq!(std::fs::read(log.home.path().join("acks")).unwrap(), b"precious");
}
