//! Evidence files that the log makes: what whoever reads the whole log would make, and no more than he may see.

use evidence::{Class, Evidence, Gathering, Question, Range, State};
use serde_json::{Value, json};
use server::access::Role::{Admin, Auditor, Submitter};
use server::limits::{EVIDENCE_BODY_BYTES_MAX, EVIDENCE_ENTRIES_MAX};
use store::Fault;

use crate::{
    asking::Answer,
    bearers::Bearers,
    records::{id, ndjson, record},
    served::{Served, Setup},
    signed::{key, registration, signed},
};

async fn airline(records: usize) -> Served {
    let served = Setup::records().serve().await;
    let lines: Vec<&str> = testkit::airline::lines().take(records).collect();
    let answer = served.post("/v1/records?wait=published", "application/x-ndjson", lines.join("\n")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    served
}

async fn asked(served: &Served, body: &Value) -> Answer {
    served.post("/v1/evidence", "application/json", body.to_string()).await
}

async fn file(served: &Served, body: &Value) -> Evidence {
    let answer = asked(served, body).await;
    assert_eq!(answer.status, 200, "{body}: {}", answer.text());
    assert_eq!(answer.header("content-type"), Some(evidence::MEDIA_TYPE));
    Evidence::parse(&answer.body).unwrap()
}

/// What whoever reads the whole log finds: each entry and what it is there for.
async fn found_by_reading(served: &Served, asked: Question, size: u64) -> Vec<(u64, &'static str)> {
    let mut entries = vec![];
    for index in 0..size {
        let found = served.get(&format!("/v1/records/{index}")).await.json();
        entries.push(found["entry"].as_str().unwrap().to_owned());
    }
    let mut gathering = Gathering::of(asked);
    for again in [false, true] {
        gathering = if again { gathering.again() } else { gathering };
        for (index, entry) in (0..).zip(&entries) {
            gathering.take(index, entry.as_bytes()).unwrap();
        }
    }
    gathering.finish().entries.iter().map(|(index, role, _)| (*index, role.as_str())).collect()
}

fn carried(served: &Served, file: &Evidence) -> Vec<(u64, &'static str)> {
    let report = file.verify(Some(&served.policy));
    assert_eq!(report.of_class(Class::DoesNotHold).count(), 0, "{:?}", report.sentences);
    let verified = report.verified.unwrap();
    assert!(verified.trusted);
    verified.records.iter().map(|record| (record.index, record.role.as_str())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_the_logs_is_the_one_that_the_whole_log_gives() {
    let served = airline(260).await;
    let session = |id: &str| (json!({"session": id}), Question::Session(id.to_owned()));
    let questions = [
        session("airline-trial0-task00"),
        session("airline-trial0-task03"),
        (json!({"entries": [[252, 255], [3, 3]]}), Question::entries(vec![Range(252, 255), Range(3, 3)])),
    ];
    for (body, question) in questions {
        let file = file(&served, &body).await;
        let whole = found_by_reading(&served, question, served.size()).await;
        assert_eq!(carried(&served, &file), whole, "{body}");
        let report = file.verify(Some(&served.policy));
        assert_eq!((report.made.looked_at, report.made.by.contains("the log itself")), (260, true));
    }
    // By its id, a record brings what it brings by its index.
    let record = served.get("/v1/records/255").await.json();
    let (by_id, by_index) = (json!({"records": [record["id"]]}), json!({"entries": [[255, 255]]}));
    let (by_id, by_index) = (file(&served, &by_id).await, file(&served, &by_index).await);
    assert_eq!(carried(&served, &by_id), carried(&served, &by_index));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_brings_what_it_finds_and_the_file_says_that_it_cannot_repeat_it() {
    let served = airline(260).await;
    let query = json!({"query": {"type": "action.completed", "end": "256"}});
    let file = file(&served, &query).await;
    let answers: Vec<u64> = carried(&served, &file)
        .into_iter()
        .filter(|(_, role)| *role == "answer")
        .map(|(index, _)| index)
        .collect();
    let found = served.get("/v1/records?type=action.completed&end=256&order=oldest&limit=1000").await;
    let found: Vec<u64> =
        found.json()["records"].as_array().unwrap().iter().map(|r| r["index"].as_u64().unwrap()).collect();
    assert!(found.len() > 2 && found.contains(&255), "{found:?}");
    assert_eq!(answers, found);
    let report = file.verify(Some(&served.policy));
    let told = report.of_class(Class::CannotTell).any(|said| said.words.contains("a search is not repeated"));
    assert!(told, "{:?}", report.sentences);
    assert!(report.verified.unwrap().findings.iter().any(|found| found.rule == "approval_missing"));
}

fn states(served: &Served, file: &Evidence) -> Vec<(String, State)> {
    let verified = file.verify(Some(&served.policy)).verified.unwrap();
    verified.contents.into_iter().map(|content| (content.path.to_owned(), content.state)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn contents_are_shown_that_were_chosen_and_no_others() {
    let served = airline(30).await;
    let with = |show: &str| json!({"session": "airline-trial0-task00", "disclose": show});
    let shown = |all: &[(String, State)], path: &str| {
        all.iter().all(|(at, state)| (*state == State::Shown) == (path == "*" || at == path))
    };
    for (show, path) in [("all", "*"), ("none", "-"), ("output", "/output"), ("input", "/input")] {
        let states = states(&served, &file(&served, &with(show)).await);
        assert!(states.len() > 8 && shown(&states, path), "{show}: {states:?}");
    }
    let states_of_none = states(&served, &file(&served, &json!({"session": "airline-trial0-task00"})).await);
    assert!(shown(&states_of_none, "-"), "nothing is shown unless somebody says so");
    let none = asked(&served, &with("executed")).await;
    assert_eq!(none.problem(404).kind, "not-found");
}

async fn under_tokens() -> (Served, Bearers) {
    let (setup, bearers) = Setup::records().under_tokens();
    (setup.serve().await, bearers)
}

async fn asked_as(served: &Served, token: &str, body: &Value) -> Answer {
    served.ask_as(token, "POST", "/v1/evidence", body.to_string().as_bytes()).await
}

/// A record with content, submitted; the digest of its input.
async fn with_input(served: &Served, bearers: &Bearers, n: u64, content: &str) -> String {
    let mut record = record(n);
    record["input"] = json!({"content": content});
    let body = record.to_string();
    let answer =
        served.ask_as(bearers.of(Submitter), "POST", "/v1/records?wait=published", body.as_bytes()).await;
    let index = answer.json()["items"][0]["index"].clone();
    let found = served.get_as(bearers.of(Auditor), &format!("/v1/records/{index}")).await.json();
    let entry: Value = serde_json::from_str(found["entry"].as_str().unwrap()).unwrap();
    entry["record"]["input"]["sd"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_looks_like_a_secret_is_for_admins_who_name_it() {
    let (served, bearers) = under_tokens().await;
    let sd =
        with_input(&served, &bearers, 0, "key sk-aB3dE5gH7jK9mN1pQ2rS4tU6vW8xY0zA1bC3dE5fG7hJ9kL2").await;
    let with = |show: &str| json!({"records": [id(0)], "disclose": show});
    for (role, show, shown) in [(Auditor, "all", false), (Admin, "all", false), (Admin, &sd, true)] {
        let answer = asked_as(&served, bearers.of(role), &with(show)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let file = Evidence::parse(&answer.body).unwrap();
        assert_eq!(
            states(&served, &file),
            [("/input".into(), if shown { State::Shown } else { State::Hidden })]
        );
    }
    assert_eq!(asked_as(&served, bearers.of(Auditor), &with(&sd)).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_erased_is_said_to_be_with_the_record_that_erased_it() {
    let (served, bearers) = under_tokens().await;
    let sd = with_input(&served, &bearers, 0, "the customer's name").await;
    let erase = json!({"ground": "request 7", "sd": sd}).to_string();
    let erased = served.ask_as(bearers.of(Admin), "POST", "/v1/erasures", erase.as_bytes()).await.json();
    let at = erased["erased"][0]["index"].as_u64().unwrap();
    served.published(at + 1).await;
    let answer =
        asked_as(&served, bearers.of(Auditor), &json!({"records": [id(0)], "disclose": "all"})).await;
    let file = Evidence::parse(&answer.body).unwrap();
    let states = states(&served, &file);
    let [(_, State::Erased { at: said, ground, .. })] = &states[..] else { panic!("{states:?}") };
    assert_eq!((*said, ground.as_str()), (at, "request 7"));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_takes_something_away_is_in_the_log_before_he_has_it() {
    let (served, bearers) = under_tokens().await;
    with_input(&served, &bearers, 0, "x").await;
    let body = json!({"session": "s-1", "disclose": "all"});
    assert_eq!(asked_as(&served, bearers.of(Submitter), &body).await.status, 403);
    let before = served.size();
    let answer = asked_as(&served, bearers.of(Auditor), &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let noted = served.size();
    assert!(noted > before, "{noted} entries");
    let found = served.get_as(bearers.of(Auditor), &format!("/v1/records/{}", noted - 1)).await.json();
    let entry: Value = serde_json::from_str(found["entry"].as_str().unwrap()).unwrap();
    let record = &entry["record"];
    assert_eq!((&record["type"], &record["access"]["kind"]), (&json!("access.exported"), &json!("evidence")));
    assert!(record["access"]["reader"].as_str().unwrap().starts_with("the auditor ("), "{record}");
    let sd = record["access"]["query"]["sd"].as_str().unwrap();
    let told = served.get_as(bearers.of(Admin), &format!("/v1/payloads/{sd}")).await;
    let opened = record::disclosure::open(told.text()).unwrap();
    assert_eq!(opened.content(), br#"all records of session "s-1"; shown: all"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_it_cannot_be_noted_nothing_is_taken_away() {
    let (setup, store) = Setup::records().faulty();
    let (setup, bearers) = setup.under_tokens();
    let served = setup.serve().await;
    with_input(&served, &bearers, 0, "x").await;
    store.fail_commit(0, Fault::Lost);
    let answer = asked_as(&served, bearers.of(Auditor), &json!({"session": "s-1"})).await;
    assert!(answer.status >= 500, "{answer:?}");
    assert!(!answer.text().contains("checkpoint"), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_is_none_is_refused_by_name() {
    let served = Setup::records().serve().await;
    served.post("/v1/records?wait=published", "application/json", record(0).to_string()).await;
    let wide = json!({"entries": [[0, EVIDENCE_ENTRIES_MAX as u64]]});
    for (body, status, code) in [
        (json!({}), 400, "bad-request"),
        (json!({"disclose": "all"}), 400, "bad-request"),
        (json!({"session": "s-1", "records": [id(0)]}), 400, "bad-request"),
        (json!({"session": ""}), 400, "bad-request"),
        (json!({"session": "s-1", "disclose": ""}), 400, "bad-request"),
        (json!({"entries": [[2, 1]]}), 400, "bad-request"),
        (json!({"entries": []}), 400, "bad-request"),
        (json!({"records": ["x"]}), 400, "bad-request"),
        (json!({"query": {}}), 400, "bad-request"),
        (json!({"query": {"limit": "1"}}), 400, "bad-query"),
        (json!({"query": {"colour": "red"}}), 400, "bad-query"),
        (json!({"query": {"from": "yesterday"}}), 400, "bad-query"),
        (json!({"session": "s-1", "colour": "red"}), 400, "bad-request"),
        (json!({"session": "no such"}), 404, "not-found"),
        (json!({"entries": [[0, 1]]}), 404, "not-found"),
        (json!({"records": [id(0), id(1)]}), 404, "not-found"),
        (json!({"query": {"tool": "no.such"}}), 404, "not-found"),
        (wide, 413, "too-large"),
        (json!({"session": "x".repeat(EVIDENCE_BODY_BYTES_MAX)}), 413, "too-large"),
    ] {
        let answer = asked(&served, &body).await;
        assert_eq!(answer.problem(status).kind, code, "{body:.80}");
    }
    let plain = served.post("/v1/evidence", "text/plain", json!({"session": "s-1"}).to_string()).await;
    assert_eq!(plain.status, 415);
    let raw = Setup::raw().serve().await;
    assert_eq!(asked(&raw, &json!({"entries": [[0, 0]]})).await.status, 404);
}

const SD: &str = "aAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// An approval from another session, which names the request it binds and nothing else of it.
#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_found_by_what_it_binds() {
    let served = Setup::records().serve().await;
    let opened = json!({"id": id(0), "type": "session.opened", "time": record(0)["time"], "session": {"id": "s-1"},
        "producer": {"id": "tests/host-1"}, "agent": {"sub": "agent:tests"}, "approval_policy": {"mode": "human", "effects": ["write"]}});
    let mut asked_for = record(1);
    asked_for["action"]["effect"] = json!("write");
    asked_for["input"] = json!({"sd": SD, "bytes": 9});
    let decided = json!({"id": id(2), "type": "approval.decided", "time": record(0)["time"],
        "session": {"id": "the desk"}, "producer": {"id": "approvals"}, "agent": {"sub": "agent:desk"}, "action": {"id": "x7"},
        "approval": {"mode": "human", "decision": "approved", "approver": {"sub": "bea"}, "binds": {"record": id(1), "sd": SD}}});
    let mut done = record(3);
    done["action"] = asked_for["action"].clone();
    done["type"] = json!("action.completed");
    done["outcome"] = json!({"status": "ok"});
    let answer = served
        .post(
            "/v1/records?wait=published",
            "application/x-ndjson",
            ndjson([opened, asked_for, decided, done]),
        )
        .await;
    assert!(
        answer.json()["items"].as_array().unwrap().iter().all(|i| i["status"] == "logged"),
        "{}",
        answer.text()
    );
    let file = file(&served, &json!({"session": "s-1"})).await;
    assert!(carried(&served, &file).contains(&(2, "approval")));
    let verified = file.verify(Some(&served.policy)).verified.unwrap();
    assert!(
        verified.findings.iter().all(|found| found.rule != "approval_missing"),
        "{:?}",
        verified.findings
    );
    let found = served.get(&format!("/v1/records?bound={}", id(1))).await.json();
    assert_eq!(found["records"][0]["index"], 2);
}

/// A signed record brings the key that it is signed with, and what became of that key; other keys stay out.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_found_by_its_id_and_by_whose_it_is() {
    let served = Setup::records().serve().await;
    let kid = |n| ::record::PublicKey::of(&key(n)).id().to_string();
    let mut other = registration(1, &key(2));
    other["key"]["party"]["sub"] = json!("tests/host-2");
    let revoked = json!({"id": id(3), "type": "key.revoked", "time": record(0)["time"],
        "key": {"kid": kid(1), "reason": "lost"}});
    for one in [registration(0, &key(1)), other, signed(&served, record(2), &[&key(1)]), revoked] {
        let answer = served.submit("?wait=published", one.to_string()).await;
        assert_eq!(answer.status, 200, "{one}: {}", answer.text());
    }
    let file = file(&served, &json!({"records": [id(2)]})).await;
    assert_eq!(carried(&served, &file), [(0, "key"), (2, "answer"), (3, "key")]);
    for (query, expected) in [
        (format!("key={}", kid(1)), json!([3, 0])),
        (format!("key={}", kid(2)), json!([1])),
        ("party=tests/host-2".to_owned(), json!([1])),
    ] {
        let found = served.get(&format!("/v1/records?{query}")).await.json();
        let indexes: Vec<&Value> =
            found["records"].as_array().unwrap().iter().map(|record| &record["index"]).collect();
        assert_eq!(json!(indexes), expected, "{query}");
    }
}
