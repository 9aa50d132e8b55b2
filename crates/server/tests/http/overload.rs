//! More than the server can do at once: it says so, loses nothing that it took, and is well afterwards.

use std::{sync::Arc, time::Duration};

use sequencer::pool::Limits;
use store::Fault;
use tokio::io::AsyncWriteExt as _;

use crate::{
    asking::{Answer, read_to_end, request},
    records::{ndjson, record},
    served::{Setup, until},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_full_pool_is_told_to_come_back_and_what_was_taken_is_logged() {
    let limits = Limits { pool_entries_max: 2, ..Limits::default() };
    let (setup, store) = Setup { limits, ..Setup::raw() }.faulty();
    let served = Arc::new(setup.serve().await);
    store.fail_commit(0, Fault::Slow(Duration::from_millis(500)));
    let add = |n: u32| {
        let served = served.clone();
        tokio::spawn(async move { served.post("/add", "text/plain", format!("entry {n}")).await })
    };
    let before = store.commits();
    let mut taken = vec![add(0)];
    until("the first is being committed", || store.commits() > before).await;
    taken.push(add(1));
    taken.push(add(2));
    until("two are waiting", || served.app.log().waiting() == 2).await;
    let answer = served.post("/add", "text/plain", "one too many").await;
    assert_eq!(answer.problem(503).kind, "busy");
    assert_eq!(answer.header("retry-after"), Some("1"));
    let mut indexes = vec![];
    for answer in taken {
        let answer = answer.await.unwrap();
        assert_eq!(answer.status, 200);
        indexes.push(answer.text().trim().parse::<u64>().unwrap());
    }
    indexes.sort_unstable();
    assert_eq!((indexes, served.size()), (vec![0, 1, 2], 3));
    assert_eq!(served.add("later").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_taken_whole_or_not_at_all() {
    let limits = Limits { pool_entries_max: 5, ..Limits::default() };
    let (setup, store) = Setup { limits, ..Setup::records() }.faulty();
    let served = Arc::new(setup.serve().await);
    store.fail_commit(0, Fault::Slow(Duration::from_millis(500)));
    let submit = |from: u64, to: u64| {
        let served = served.clone();
        let lines = ndjson((from..to).map(record));
        tokio::spawn(async move { served.post("/v1/records", "application/x-ndjson", lines).await })
    };
    let before = store.commits();
    let first = submit(0, 3);
    until("the first is being committed", || store.commits() > before).await;
    let second = submit(3, 6);
    until("three are waiting", || served.app.log().waiting() == 3).await;
    assert_eq!(submit(6, 9).await.unwrap().problem(503).kind, "busy");
    assert_eq!((first.await.unwrap().status, second.await.unwrap().status), (200, 200));
    assert_eq!(served.size(), 6, "of the third group not one");
    assert_eq!(submit(6, 9).await.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_connections_than_there_is_room_for_are_refused_and_the_rest_goes_on() {
    let served = Setup { connections_max: 4, ..Setup::raw() }.serve().await;
    let mut held = vec![];
    for _ in 0..4 {
        let mut stream = served.connect().await;
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n").await.unwrap();
        held.push(stream);
    }
    let refused = served.exchange(&request("GET", "/healthz", &[], b"")).await;
    let answer = Answer::parse(&refused, "GET");
    assert_eq!(answer.problem(503).kind, "busy");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert_eq!((answer.header("retry-after"), answer.header("connection")), (Some("1"), Some("close")));
    // Far more than are even told so: each is closed, and none is left waiting.
    let mut crowd = vec![];
    for _ in 0..200 {
        crowd.push(served.connect().await);
    }
    for mut stream in crowd {
        let _ = stream.write_all(&request("GET", "/healthz", &[], b"")).await;
        let heard = read_to_end(&mut stream).await;
        assert!(
            heard.is_empty() || heard.starts_with(b"HTTP/1.1 503 "),
            "{:?}",
            String::from_utf8_lossy(&heard)
        );
    }
    for mut stream in held {
        stream.write_all(b"connection: close\r\n\r\n").await.unwrap();
        assert!(read_to_end(&mut stream).await.ends_with(b"ok\n"), "who was there is served");
    }
    assert_eq!(served.add("entry").await, 0);
    assert!(served.metric("deedbook_refused_connections_total").await >= 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_who_hang_up_hurt_nobody() {
    let (setup, store) = Setup::raw().faulty();
    let served = setup.serve().await;
    let whole = request("POST", "/add", &[], b"an entry of a caller in a hurry");
    for nth in 0..60 {
        if nth % 10 == 0 {
            store.fail_commit(0, Fault::Slow(Duration::from_millis(20)));
        }
        let mut stream = served.connect().await;
        let part = if nth % 3 == 0 { whole.len() } else { whole.len() * (nth % 20) / 20 };
        stream.write_all(&whole[..part]).await.unwrap();
        if nth % 2 == 0 {
            // Gone without a goodbye: the other side sees a reset.
            stream.set_zero_linger().unwrap();
        }
    }
    let index = served.add("the entry of one who waits").await;
    assert!(index <= 20, "only whole entries are logged, and each at most once: {index}");
    served.published(index + 1).await;
    let last = served.get(&format!("/v1/records/{index}")).await.json();
    assert_eq!(last["entry"], "the entry of one who waits");
}
