//! What a witness remembers: through restarts, through wrong clocks, when many ask at once, when its list changes.

use std::sync::Arc;

use store::{Fault, FaultyStore, MemoryStore, Store};
use testkit::keys::{LOG, OTHER_LOG};

use super::served::{START, Setup, enrolled, grown, honest, signer};
use crate::history::History;

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_that_was_started_again_goes_on_where_it_was() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let start = || Setup { store: store.clone(), ..Setup::default() };
    let witness = start().serve().await;
    assert_eq!(witness.add(honest(0, 10)).await.status, 200);
    let forked = History::honest().forked_at(5);
    assert_eq!(witness.add(grown(&forked, 10, 10, LOG)).await.status, 422);
    let shown = witness.monitor(LOG.name).await.body;
    witness.stop().await;
    let again = start().serve().await;
    assert_eq!(again.monitor(LOG.name).await.body, shown, "byte for byte");
    assert_eq!(again.metric("deedbook_witness_forks").await, 1);
    assert_eq!(again.add(honest(0, 20)).await.text(), "10\n");
    assert_eq!(again.add(grown(&forked, 10, 20, LOG)).await.status, 422);
    assert_eq!(again.add(honest(10, 20)).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_never_goes_back_and_without_one_nothing_is_cosigned() {
    let witness = Setup::default().serve().await;
    let times = async |old, new, clock: u64| {
        witness.clock.set(clock * 1_000);
        let answer = witness.add(honest(old, new)).await;
        witness.times(&answer, &History::honest().signed(new, &signer(LOG)))
    };
    assert_eq!(times(0, 1, START).await, [START; 2]);
    assert_eq!(times(1, 2, START - 9_000).await, [START; 2], "an hour back");
    assert_eq!(times(2, 2, START + 1).await, [START + 1; 2]);
    let unsure = Setup { clock: testkit::Clock::at(0), ..Setup::default() }.serve().await;
    let answer = unsure.add(honest(0, 1)).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{answer:?}");
    assert_eq!(unsure.stored(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_lead_through_one_history() {
    let (witness, history) = (Arc::new(Setup::default().serve().await), History::honest());
    let forked = history.forked_at(3);
    assert_eq!(witness.add(honest(0, 4)).await.status, 200);
    let ask = |body: String| {
        let witness = witness.clone();
        tokio::spawn(async move { witness.add(body).await.status })
    };
    let honest_ones: Vec<_> = (5..80).map(|new| ask(honest(4, new))).collect();
    let forks: Vec<_> = (5..80).map(|new| ask(grown(&forked, 4, new, LOG))).collect();
    let mut grew = 0;
    for one in honest_ones {
        let status = one.await.unwrap();
        assert!([200, 409].contains(&status), "{status}");
        grew += u32::from(status == 200);
    }
    assert_eq!(grew, 1, "one of them, and the others came too late");
    for one in forks {
        assert!([409, 422].contains(&one.await.unwrap()));
    }
    let size = witness.stored().unwrap().size;
    assert_eq!(witness.stored(), Some(history.head(size)));
}

/// A commit that fails gives no cosignature; the witness says that it is not ready until it is started again.
#[tokio::test(flavor = "multi_thread")]
async fn no_cosignature_without_a_commit() {
    let store = Arc::new(FaultyStore::new(MemoryStore::new()));
    let witness = Setup { store: store.clone(), ..Setup::default() }.serve().await;
    assert_eq!(witness.add(honest(0, 10)).await.status, 200);
    assert_eq!(witness.get("/readyz").await.status, 200);
    store.fail_commit(0, Fault::Kept);
    let answer = witness.add(honest(10, 20)).await;
    assert!(answer.status == 503 && !answer.text().contains('—'), "{answer:?}");
    assert_eq!(witness.monitor(LOG.name).await.text().lines().nth(1), Some("10"), "what is known to be kept");
    assert_eq!(witness.add(honest(10, 20)).await.status, 503);
    assert_eq!(witness.get("/readyz").await.status, 503);
    assert_eq!(witness.metric("deedbook_witness_failed").await, 1);
    witness.stop().await;
    store.reopen();
    let again = Setup { store, ..Setup::default() }.serve().await;
    assert_eq!(again.add(honest(10, 30)).await.text(), "20\n", "it was kept after all, and is not forgotten");
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_come_and_go_while_it_runs_and_are_not_forgotten() {
    let witness = Setup::default().serve().await;
    let key = |of| signer(of).verifier_key().clone();
    let others = |new| grown(&History::honest(), 0, new, OTHER_LOG);
    assert_eq!(witness.add(others(3)).await.status, 404);
    witness.app.witness().enrol(enrolled(&[key(LOG), key(OTHER_LOG)], 100));
    assert_eq!(witness.add(others(3)).await.status, 200);
    assert_eq!(witness.metric("deedbook_witness_enrolled").await, 2);
    witness.app.witness().enrol(enrolled(&[key(LOG)], 100));
    assert_eq!(witness.add(others(3)).await.status, 404);
    assert_eq!(witness.monitor(OTHER_LOG.name).await.status, 200, "what was cosigned stays to be seen");
    witness.app.witness().enrol(enrolled(&[key(OTHER_LOG)], 100));
    assert_eq!(witness.add(others(9)).await.text(), "3\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_asks_too_often_is_told_when_to_come_back() {
    let list = enrolled(&[signer(LOG).verifier_key().clone()], 86_400);
    let witness = Setup { logs: list, ..Setup::default() }.serve().await;
    assert_eq!(witness.add(honest(0, 1)).await.status, 200);
    // Ten minutes' worth of the same again.
    for _ in 0..600 {
        assert_eq!(witness.add(honest(1, 1)).await.status, 200);
    }
    let answer = witness.add(honest(1, 1)).await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("1")), "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(
        witness.add(honest(1, 2)).await.status,
        200,
        "whoever repeats it does not keep it from growing"
    );
    witness.clock.set((START + 1) * 1_000);
    assert_eq!(witness.add(honest(2, 2)).await.status, 200);
}
