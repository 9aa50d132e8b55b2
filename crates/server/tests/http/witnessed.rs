//! A log that asks witnesses, as its callers and its operator see it.

use std::{sync::Arc, time::Duration};

use sequencer::witnesses::WhenUnwitnessed::{self, Hold, Publish};
use serde_json::json;
use server::{limits::Timeouts, metrics::Metrics};
use testkit::keys::{LOG, WITNESSES};
use tlog::policy::Policy;
use witnessing::{Options, Witnesses};

use crate::{
    records::record,
    served::{Served, Setup, signer, until},
    stand_in::{Mood, StandIn},
};

/// Three witnesses of which two are enough, and the policy that says so.
fn three() -> (Vec<StandIn>, Policy) {
    let log = signer(LOG).verifier_key().clone();
    let witnesses: Vec<StandIn> = WITNESSES.iter().map(|key| StandIn::start(*key, &log)).collect();
    let lines: String =
        witnesses.iter().enumerate().map(|(place, witness)| witness.line(&format!("w{place}"))).collect();
    let text = format!("log {log}\n{lines}group g 2 w0 w1 w2\nquorum g\n");
    (witnesses, Policy::parse(text.as_bytes()).unwrap())
}

async fn serve(policy: &Policy, choice: WhenUnwitnessed, timeouts: Timeouts) -> Served {
    let setup = Setup { timeouts, metrics: Metrics::with_witnesses(), ..Setup::records() };
    let options = Options {
        timeout: Duration::from_millis(300),
        refresh: Duration::from_hours(1),
        authorities: None,
        observer: setup.metrics.clone(),
    };
    let runtime = tokio::runtime::Handle::current();
    let witnesses = Witnesses::new(policy.clone(), signer(LOG).verifier_key(), options, runtime).unwrap();
    Setup { witnesses: Some((Arc::new(witnesses), choice)), ..setup }.serve().await
}

fn impatient() -> Timeouts {
    Timeouts { publish: Duration::from_millis(200), ..Timeouts::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_the_witnesses_gets_a_receipt_that_satisfies_the_policy() {
    let (_witnesses, policy) = three();
    let served = serve(&policy, Hold, Timeouts::default()).await;
    let answer = served.submit("?wait=witnessed&proof=true", json!([record(0), record(1)]).to_string()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let json = answer.json();
    assert_eq!(json["witnessed"], true);
    policy.verify(json["checkpoint"].as_str().unwrap().to_owned()).unwrap();
    for item in json["items"].as_array().unwrap() {
        let proof = tlog::tlog_proof::TlogProof::parse(item["proof"].as_str().unwrap().to_owned()).unwrap();
        assert!(policy.verify(proof.checkpoint().clone()).unwrap().witnesses().len() >= 2);
    }
    let public = served.get("/checkpoint").await;
    policy.verify(public.body.clone()).unwrap();
    let found = served.get("/v1/records/1?proof=true").await.json();
    assert_eq!(found["witnessed"], true);
    let proof = tlog::tlog_proof::TlogProof::parse(found["proof"].as_str().unwrap().to_owned()).unwrap();
    policy.verify(proof.checkpoint().clone()).unwrap();

    let durable = served.submit("?wait=durable", record(2).to_string()).await.json();
    assert_eq!(durable["witnessed"], false, "a commit is not witnessed");
    let info = served.get("/v1/log").await.json();
    assert_eq!(info["witnesses"]["policy"], String::from_utf8(policy.to_bytes()).unwrap());
    assert_eq!(info["witnesses"]["when_unwitnessed"], "hold");
    assert!(info["witnesses"]["size"].as_u64().unwrap() >= 2);
}

/// Another cosignature, or another checkpoint, may come while an answer is made: what is said is said of the one in it.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_answer_says_of_its_checkpoint_is_true_of_that_one() {
    let (_witnesses, policy) = three();
    let served = serve(&policy, Publish, Timeouts::default()).await;
    for round in 0..20_u64 {
        let records: Vec<_> = (0..100).map(|n| record(100 * round + n)).collect();
        for (wait, said) in [("witnessed", Some(true)), ("published", None), ("durable", Some(false))] {
            let path = format!("?wait={wait}&proof=true");
            let answer = served.submit(&path, json!(records).to_string()).await.json();
            let witnessed = policy.verify(answer["checkpoint"].as_str().unwrap().to_owned()).is_ok();
            assert_eq!(answer["witnessed"], said.unwrap_or(witnessed), "{wait} in round {round}");
            assert_eq!(answer["witnessed"], witnessed, "{wait} in round {round}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_asks_nobody_says_so() {
    let served = Setup::records().serve().await;
    let problem = served.submit("?wait=witnessed", record(0).to_string()).await.problem(400);
    assert_eq!(problem.kind, "bad-query");
    assert_eq!(served.size(), 0, "nothing was logged");
    let answer = served.submit("?wait=published", record(0).to_string()).await.json();
    assert!(answer.get("witnessed").is_none());
    assert!(served.get("/v1/log").await.json().get("witnesses").is_none());
    let ready = served.get("/readyz").await;
    assert_eq!((ready.status, ready.text()), (200, r#"{"ready":true}"#));
    assert!(
        !served.get("/metrics").await.text().contains("witness"),
        "nor is anything counted that is not there"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_witnessed_in_time_is_said_to_be_durable() {
    for (choice, published) in [(Hold, 0), (Publish, 1)] {
        let (mut witnesses, policy) = three();
        witnesses[0].down();
        witnesses[1].is(Mood::Hanging);
        let served = serve(&policy, choice, impatient()).await;
        let refused = served.submit("?wait=witnessed&proof=true", record(0).to_string()).await;
        assert_eq!(refused.header("retry-after"), Some("1"));
        let problem = refused.problem(503);
        assert_eq!(problem.kind, "not-witnessed");
        assert!(problem.detail.contains("durable"), "{}", problem.detail);
        assert_eq!(served.size(), 1);
        let reader = served.app.log().reader();
        until("it is as was chosen", || reader.published().size() == published).await;
        let found = served.get("/v1/records/0").await.json();
        assert_eq!(found["witnessed"], false);

        witnesses[0].up();
        until("the quorum", || reader.witnessed().is_some_and(|note| note.size() == 1)).await;
        let again = served.submit("?wait=witnessed&proof=true", record(0).to_string()).await.json();
        assert_eq!((&again["items"][0]["status"], &again["witnessed"]), (&json!("duplicate"), &json!(true)));
        policy.verify(again["checkpoint"].as_str().unwrap().to_owned()).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_and_metrics_tell_of_a_quorum_that_is_missing() {
    for (choice, status) in [(Hold, 503), (Publish, 200)] {
        let (mut witnesses, policy) = three();
        let served = serve(&policy, choice, impatient()).await;
        served.submit("?wait=witnessed", record(0).to_string()).await;
        let metrics = served.get("/metrics").await;
        assert!(metrics.text().contains("deedbook_witness_quorum_met 1"), "{}", metrics.text());
        assert_eq!(served.get("/readyz").await.status, 200);
        witnesses[0].down();
        witnesses[1].is(Mood::says(404, "text/plain", "who?"));
        served.submit("", record(1).to_string()).await;
        let asked = |report: witnessing::Report| report.unmet_for(3).is_some();
        until("three publications", || asked(served.witnesses.as_ref().unwrap().report())).await;
        let ready = served.get("/readyz").await;
        assert_eq!(ready.status, status, "{choice:?}: {ready:?}");
        let text = ready.text();
        assert!(text.contains("too few witnesses") && text.contains("enrol"), "{text}");
        assert_eq!(ready.json()["ready"], status == 200);
        let metrics = served.get("/metrics").await;
        crate::operations::parse(metrics.text());
        for line in [
            "deedbook_witness_quorum_met 0",
            "deedbook_witness_size{witness=\"witness-c.test\"} 2",
            "deedbook_witness_alarm{witness=\"witness-b.test\",cause=\"not_enrolled\"} 1",
            "deedbook_witness_failures_total{witness=\"witness-b.test\",cause=\"not_enrolled\"}",
            "deedbook_unwitnessed_age_seconds 0.",
            "deedbook_witness_round_seconds_count",
            "deedbook_witness_ask_seconds_count{witness=\"witness-a.test\"}",
            "deedbook_cosigned_age_seconds ",
        ] {
            assert!(metrics.text().contains(line), "{line}\n{}", metrics.text());
        }
        witnesses[1].is(Mood::Honest);
        // Not before the next publication is the log ready again.
        until("all is well", || served.witnesses.as_ref().unwrap().report().unmet.is_none()).await;
        let metrics = served.get("/metrics").await;
        assert!(!metrics.text().contains("deedbook_witness_alarm{"), "{}", metrics.text());
        let ready = served.get("/readyz").await;
        assert_eq!(ready.status, 200, "{}", ready.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_witness_that_is_ahead_is_a_warning_and_two_end_the_writing() {
    let (witnesses, policy) = three();
    witnesses[0].is(Mood::has(5_000));
    let served = serve(&policy, Hold, impatient()).await;
    let witnessed = served.submit("?wait=witnessed", record(0).to_string()).await;
    assert_eq!(witnessed.status, 200, "{witnessed:?}");
    until("the alarm", || !served.witnesses.as_ref().unwrap().report().warnings().is_empty()).await;
    let ready = served.get("/readyz").await;
    assert_eq!(ready.status, 200);
    assert!(ready.json()["warnings"][0].as_str().unwrap().contains("larger tree"), "{}", ready.text());
    witnesses[1].is(Mood::has(6_000));
    served.submit("", record(1).to_string()).await;
    until("the end", || served.app.log().status() != sequencer::log::Status::Writing).await;
    let ready = served.get("/readyz").await;
    assert_eq!(ready.status, 503);
    assert!(ready.json()["why"].as_str().unwrap().contains("cosigned 6000"), "{}", ready.text());
    assert_eq!(served.submit("", record(2).to_string()).await.problem(503).kind, "not-writing");
    assert_eq!(served.get("/checkpoint").await.status, 200);
}
