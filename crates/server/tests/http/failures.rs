//! The store fails, the log stands behind what it signed, the clock jumps: the answers stay true.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use server::limits::Timeouts;
use store::{Fault, MemoryStore};
use tlog::{Hash, Head, checkpoint::Checkpoint};

use crate::{
    records::record,
    served::{PATIENCE, Served, Setup, signer, until},
};

/// Fills the first bundle, so that some reads need the store.
async fn fill(served: &Served) {
    for index in 0..256 {
        served.add(format!("entry {index}")).await;
    }
    served.published(256).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_fails_is_told_to_those_who_wait_and_reads_go_on() {
    for fault in [Fault::Lost, Fault::Kept, Fault::Torn] {
        let (setup, store) = Setup::raw().faulty();
        let served = Arc::new(setup.serve().await);
        fill(&served).await;
        store.fail_commit(0, Fault::Slow(Duration::from_millis(300)));
        store.fail_commit(1, fault);
        let add = |n: u32| {
            let served = served.clone();
            tokio::spawn(async move { served.post("/add", "text/plain", format!("more {n}")).await })
        };
        let before = store.commits();
        let first = add(0);
        until("the first is being committed", || store.commits() > before).await;
        let waiting = [add(1), add(2), add(3)];
        until("three are waiting", || served.app.log().waiting() == 3).await;
        assert_eq!(first.await.unwrap().status, 200);
        for answer in waiting {
            let problem = answer.await.unwrap().problem(503);
            assert_eq!(problem.kind, "outcome-unknown", "{fault:?}");
            assert!(problem.detail.contains("not known"), "{}", problem.detail);
        }
        let problem = add(4).await.unwrap().problem(503);
        assert_eq!(problem.kind, "not-writing", "{fault:?}");
        let ready = served.get("/readyz").await;
        assert_eq!((ready.status, &ready.json()["ready"]), (503, &false.into()));
        assert!(ready.json()["why"].as_str().unwrap().contains("stopped after a failure"));
        assert!(served.metric("deedbook_failed").await > 0.0);
        reads_work(&served, 257).await;
    }
}

async fn reads_work(served: &Served, size: u64) {
    let last = format!("/v1/records/{}?proof=true", size - 1);
    for target in [
        "/healthz",
        "/checkpoint",
        "/tile/0/000",
        "/tile/entries/000",
        "/v1/records/0?proof=true",
        "/v1/log",
        &last,
    ] {
        assert_eq!(served.get(target).await.status, 200, "{target}");
    }
    assert_eq!(served.get(&format!("/v1/records/{size}")).await.status, 404, "what was not acknowledged");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_cannot_be_read_is_the_operators_business() {
    let (setup, store) = Setup::raw().faulty();
    let served = setup.serve().await;
    fill(&served).await;
    store.break_reads(true);
    for target in [
        "/tile/0/000",
        "/tile/entries/000",
        "/tile/entries/000.p/3",
        "/v1/records/7",
        "/v1/proofs/inclusion?index=3",
    ] {
        let problem = served.get(target).await.problem(500);
        assert_eq!(problem.kind, "internal", "{target}");
    }
    assert_eq!(served.get("/checkpoint").await.status, 200, "this is at hand");
    store.break_reads(false);
    reads_work(&served, 256).await;
    assert_eq!(served.add("entry").await, 256, "a raw log needs no reads to go on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_behind_what_it_signed_is_read_only_and_says_why() {
    let store = Arc::new(MemoryStore::new());
    let before = Setup { store: store.clone(), ..Setup::records() }.serve().await;
    before.submit("?wait=published", record(0).to_string()).await;
    before.app.log().close();
    before.stopped().await;

    let key = signer(testkit::keys::LOG);
    let later = Head { size: 9, root: Hash::leaf(b"nobody knows") };
    let later = Checkpoint::new(key.name().clone(), later).unwrap().sign(&key).unwrap();
    let served = Setup { store, evidence: Some(later.bytes().clone()), ..Setup::records() }.serve().await;
    let problem = served.submit("", record(1).to_string()).await.problem(503);
    assert_eq!(problem.kind, "not-writing");
    assert!(problem.detail.contains("a head of 9 was signed"), "{}", problem.detail);
    let ready = served.get("/readyz").await;
    assert_eq!(ready.status, 503);
    assert!(ready.json()["why"].as_str().unwrap().contains("a head of 9 was signed"));
    reads_work_on_records(&served).await;
    // The sizes are those of the log, whether or not anything was committed since it was opened.
    assert!((served.metric("deedbook_size").await - 1.0).abs() < 0.1);
    assert!((served.metric("deedbook_published_size").await - 1.0).abs() < 0.1);
    assert!(served.metric("deedbook_failed").await.abs() < 0.1, "refusing to sign is no failure");
}

async fn reads_work_on_records(served: &Served) {
    for target in [
        "/healthz",
        "/checkpoint",
        "/tile/0/000.p/1",
        "/v1/records/0?proof=true",
        "/v1/proofs/inclusion?index=0",
    ] {
        assert_eq!(served.get(target).await.status, 200, "{target}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_back_is_counted_and_entries_are_logged() {
    let setup = Setup::records();
    let clock = setup.clock.clone();
    let served = setup.serve().await;
    let received = async |n: u64| {
        let answer = served.submit("?entry=true", record(n).to_string()).await.json();
        let entry = answer["items"][0]["entry"].as_str().unwrap().to_owned();
        record::open(entry.as_bytes()).unwrap().received().to_owned()
    };
    let went_back = async || served.metric("deedbook_clock_went_back_total").await;
    let first = received(0).await;
    clock.jump_back(Duration::from_millis(900));
    let second = received(1).await;
    assert!(second < first, "it is the clock's word: {second}");
    assert!(went_back().await.abs() < 0.1, "less than a second is forgiven");
    clock.jump_back(Duration::from_hours(1));
    let third = received(2).await;
    assert!(third < second, "{third}");
    assert!((went_back().await - 1.0).abs() < 0.1);
    clock.advance(Duration::from_hours(2));
    assert!(received(3).await > first);
    assert!((went_back().await - 1.0).abs() < 0.1, "forward is the direction of clocks");
    assert_eq!(served.size(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_publishes_no_more_is_not_ready_and_takes_entries() {
    let timeouts = Timeouts { publication_age: Duration::from_millis(200), ..Timeouts::default() };
    let setup = Setup { timeouts, ..Setup::raw() };
    let unnotable = setup.unnotable.clone();
    let served = setup.serve().await;
    served.add("first").await;
    served.published(1).await;
    assert_eq!(served.get("/readyz").await.status, 200);
    unnotable.store(true, Relaxed);
    let ready = served.ready(503).await;
    assert!(ready["why"].as_str().unwrap().contains("last published"), "{ready}");
    assert_eq!(served.add("second").await, 1, "durable without a publication");
    assert_eq!(served.get("/checkpoint").await.text().lines().nth(1), Some("1"));
    unnotable.store(false, Relaxed);
    served.ready(200).await;
    served.published(2).await;
}

impl Served {
    /// Waits until the readiness has this status.
    async fn ready(&self, status: u16) -> serde_json::Value {
        let start = Instant::now();
        loop {
            let answer = self.get("/readyz").await;
            if answer.status == status {
                return answer.json();
            }
            assert!(start.elapsed() < PATIENCE, "{answer:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
