//! `POST /v1/records`: each record is answered on its own, in order, and once.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use server::limits::Timeouts;
use store::Fault;

use crate::{
    asking::{Answer, Problem},
    records::{altered, id, ndjson, record, record_of},
    served::{Setup, until},
};

/// Statuses and indexes of the items of an answer.
fn outcomes(answer: &Answer) -> Vec<(String, Option<u64>)> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let json = answer.json();
    let outcome = |item: &Value| (item["status"].as_str().unwrap().to_owned(), item["index"].as_u64());
    json["items"].as_array().unwrap().iter().map(outcome).collect()
}

fn logged(index: u64) -> (String, Option<u64>) {
    ("logged".into(), Some(index))
}

fn duplicate(index: u64) -> (String, Option<u64>) {
    ("duplicate".into(), Some(index))
}

fn rejected() -> (String, Option<u64>) {
    ("rejected".into(), None)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_an_array_and_lines_are_logged_in_their_order() {
    let served = Setup::records().serve().await;
    assert_eq!(outcomes(&served.submit("", record(0).to_string()).await), [logged(0)]);
    let array = json!([record(1), record(2), record(3)]).to_string();
    let answer = served.submit("", array).await;
    assert_eq!(outcomes(&answer), [logged(1), logged(2), logged(3)]);
    let ids: Vec<_> =
        answer.json()["items"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect();
    assert_eq!(ids, [id(1), id(2), id(3)]);
    let lines = format!("\n{}\r\n \n", ndjson([record(5), record(4)]));
    let answer = served.post("/v1/records", "application/x-ndjson; charset=utf-8", lines).await;
    assert_eq!(outcomes(&answer), [logged(4), logged(5)]);
    assert_eq!(answer.json()["size"], 6);
    assert_eq!(answer.json()["items"][0]["id"], id(5));
    assert_eq!(served.size(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_refused_does_not_spoil_the_others() {
    let served = Setup::records().serve().await;
    let lines = [
        record(0).to_string(),
        "{\"id\":".into(),
        record(1).to_string(),
        record(0).to_string(),
        altered(1).to_string(),
        "17".into(),
        record_of("tests/host-2", 0).to_string(),
    ];
    let answer = served.post("/v1/records", "application/x-ndjson", lines.join("\n")).await;
    let expected = [logged(0), rejected(), logged(1), duplicate(0), rejected(), rejected(), logged(2)];
    assert_eq!(outcomes(&answer), expected, "the same id of another producer is another record");
    let items = answer.json()["items"].clone();
    let problem = |at: usize| {
        crate::contract::follows_schema(&items[at]["problem"]);
        Problem::of(items[at]["problem"].clone())
    };
    assert_eq!((problem(1).kind.as_str(), problem(1).code()), ("bad-record", "unexpected-end"));
    assert_eq!((problem(4).kind.as_str(), &problem(4).json["index"]), ("id-taken", &json!(1)));
    assert_eq!((problem(5).kind.as_str(), problem(5).code()), ("bad-record", "wrong-type"));
    assert_eq!(served.size(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_logged_once_however_often_it_comes() {
    let served = Setup::records().serve().await;
    let twice = json!([record(0), record(0)]).to_string();
    let first = served.submit("", &twice).await;
    assert_eq!(outcomes(&first), [logged(0), duplicate(0)]);
    let items = first.json()["items"].clone();
    assert_eq!(items[0]["leaf_hash"], items[1]["leaf_hash"], "the entry that stands");
    assert_eq!(items[0]["log"], items[1]["log"], "its salt and its time, not those of the repetition");
    // Other spaces and another order of members are the same record.
    let spaced = serde_json::to_string_pretty(&record(0)).unwrap();
    let later = served.submit("?proof=true", spaced).await;
    assert_eq!(outcomes(&later), [duplicate(0)]);
    assert_eq!(later.json()["items"][0]["log"], items[0]["log"]);
    assert_eq!(served.size(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn repetitions_in_flight_join_the_first() {
    let (setup, store) = Setup::records().faulty();
    let served = Arc::new(setup.serve().await);
    store.fail_commit(0, Fault::Slow(Duration::from_millis(300)));
    let asking = (0..8).map(|_| {
        let served = served.clone();
        tokio::spawn(async move { outcomes(&served.submit("", record(7).to_string()).await) })
    });
    let mut all = vec![];
    for answer in asking.collect::<Vec<_>>() {
        all.extend(answer.await.unwrap());
    }
    all.sort();
    assert_eq!(all[7], logged(0));
    assert!(all[..7].iter().all(|outcome| *outcome == duplicate(0)), "{all:?}");
    assert_eq!(served.size(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_bytes_under_an_id_are_refused_and_told_where_the_first_stand() {
    let served = Setup::records().serve().await;
    served.submit("", json!([record(5), record(6)]).to_string()).await;
    let problem = served.submit("", altered(6).to_string()).await.problem(409);
    assert_eq!((problem.kind.as_str(), &problem.json["index"]), ("id-taken", &json!(1)));
    assert!(problem.detail.contains(&id(6)), "{}", problem.detail);
    assert_eq!(served.size(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_submitted_is_answered_with_nothing() {
    let served = Setup::records().serve().await;
    for (content_type, body) in [
        ("application/json", "[]"),
        ("application/json", " [ \n] "),
        ("application/x-ndjson", ""),
        ("application/x-ndjson", "\n \r\n\t\n"),
    ] {
        let answer = served.post("/v1/records?wait=published&proof=true", content_type, body).await;
        assert_eq!(outcomes(&answer), [], "{body:?}");
        assert_eq!(answer.json()["size"], 0);
        served.policy.verify(answer.json()["checkpoint"].as_str().unwrap().to_owned()).unwrap();
    }
    assert_eq!(served.size(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_publication_is_answered_under_a_checkpoint_that_everybody_sees() {
    let served = Setup { publish_every: Duration::from_millis(150), ..Setup::records() }.serve().await;
    let answer = served.submit("?wait=durable", record(0).to_string()).await;
    assert_eq!(outcomes(&answer), [logged(0)]);
    let answer = served.submit("?wait=published", json!([record(1), record(0)]).to_string()).await;
    assert_eq!(outcomes(&answer), [logged(1), duplicate(0)]);
    let public = served.app.log().reader().published();
    assert!(public.size() >= 2, "published when answered");
    assert_eq!(answer.json()["checkpoint"], served.get("/checkpoint").await.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_published_in_time_is_said_to_be_durable() {
    let timeouts = Timeouts { publish: Duration::from_millis(100), ..Timeouts::default() };
    let served = Setup { publish_every: Duration::from_hours(1), timeouts, ..Setup::records() }.serve().await;
    let problem = served.submit("?wait=published", record(0).to_string()).await.problem(503);
    assert_eq!(problem.kind, "not-published");
    assert!(problem.detail.contains("durable"), "{}", problem.detail);
    until("the record is durable", || served.size() == 1).await;
    assert_eq!(outcomes(&served.submit("", record(0).to_string()).await), [duplicate(0)]);
}
