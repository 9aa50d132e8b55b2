//! Shutting down: what was accepted is answered, what is new is not taken.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use server::limits::Timeouts;
use store::Fault;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::{
    asking::{Answer, read_to_end, request},
    served::{PATIENCE, Setup, until},
};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_accepted_is_answered_and_the_new_is_refused() {
    let (setup, store) = Setup::raw().faulty();
    let mut served = setup.serve().await;
    let app = served.app.clone();
    store.fail_commit(0, Fault::Slow(Duration::from_millis(700)));
    let mut under_way = served.connect().await;
    under_way.write_all(&request("POST", "/add", &[], b"accepted")).await.unwrap();
    let mut half = served.connect().await;
    half.write_all(b"POST /add HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 4\r\n\r\nha")
        .await
        .unwrap();
    let mut idle = served.connect().await;
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;

    served.begin_to_stop();
    until("nobody new is taken", || std::net::TcpStream::connect(served.address).is_err()).await;
    let idle = read_to_end(&mut idle).await;
    assert!(idle.ends_with(b"ok\n"), "a connection that waits for nothing is closed at once");
    half.write_all(b"lf").await.unwrap();
    served.stopped().await;
    let reader = app.log().reader();
    assert_eq!(reader.committed().head().size, 2, "the server has not stopped before it was done");
    for answer in [&mut under_way, &mut half].map(read_to_end) {
        let answer = Answer::parse(&answer.await, "POST");
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    app.log().close();
    assert_eq!(reader.published().size(), 2, "what is durable is published");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_does_not_end_does_not_hold_up_the_end() {
    let timeouts = Timeouts { drain: Duration::from_millis(300), ..Timeouts::default() };
    let served = Setup { timeouts, ..Setup::raw() }.serve().await;
    let mut endless = served.connect().await;
    endless.write_all(b"POST /add HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nstill").await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let start = Instant::now();
    served.stopped().await;
    assert!((Duration::from_millis(300)..PATIENCE / 2).contains(&start.elapsed()), "{:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_closed_under_the_server_refuses_and_is_read() {
    let served = Setup::raw().serve().await;
    served.add("entry").await;
    served.app.log().close();
    let problem = served.post("/add", "text/plain", "late").await.problem(503);
    assert_eq!(problem.kind, "not-writing");
    assert!(problem.detail.contains("shutting down"), "{}", problem.detail);
    assert_eq!(served.get("/readyz").await.json()["why"], "the log is shutting down");
    assert_eq!(
        served.get("/checkpoint").await.text().lines().nth(1),
        Some("1"),
        "published to the last entry"
    );
}

/// A load balancer that keeps asking while the server goes away sees answers or nothing, never half of one.
#[tokio::test(flavor = "multi_thread")]
async fn under_load_every_answer_is_whole_and_every_acknowledged_entry_is_there() {
    let served = Setup::raw().serve().await;
    let (app, address) = (served.app.clone(), served.address);
    let acknowledged = Arc::new(parking_lot::Mutex::new(vec![]));
    let callers = (0..8).map(|_| {
        let acknowledged = acknowledged.clone();
        tokio::spawn(async move {
            while let Ok(mut stream) = TcpStream::connect(address).await {
                let _ = stream.write_all(&request("POST", "/add", &[], b"entry")).await;
                let answer = read_to_end(&mut stream).await;
                if !answer.is_empty() {
                    let answer = Answer::parse(&answer, "POST");
                    assert_eq!(answer.status, 200, "{answer:?}");
                    acknowledged.lock().push(answer.text().trim().parse::<u64>().unwrap());
                }
            }
        })
    });
    let callers: Vec<_> = callers.collect();
    until("there is load", || acknowledged.lock().len() > 50).await;
    served.stopped().await;
    for caller in callers {
        caller.await.unwrap();
    }
    app.log().close();
    let mut indexes = acknowledged.lock().clone();
    indexes.sort_unstable();
    indexes.dedup();
    assert_eq!(indexes.len(), acknowledged.lock().len(), "no index twice");
    assert!(*indexes.last().unwrap() < app.log().reader().published().size());
}
