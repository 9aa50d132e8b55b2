//! Searches and sessions: exact answers, whatever somebody has put into a field.

use serde_json::{Value, json};
use server::access::Role::{Auditor, Investigator, Submitter};
use url::form_urlencoded::byte_serialize;

use crate::{
    records::{ndjson, record},
    served::{Served, Setup},
};

/// A target of a search.
fn target(pairs: &[(&str, &str)]) -> String {
    let value = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let pairs: Vec<String> = pairs.iter().map(|(name, text)| format!("{name}={}", value(text))).collect();
    format!("/v1/records?{}", pairs.join("&"))
}

async fn found(served: &Served, pairs: &[(&str, &str)]) -> Value {
    let size = served.size().to_string();
    let answer = served.get(&target(&[pairs, &[("at_least", size.as_str())]].concat())).await;
    assert_eq!(answer.status, 200, "{pairs:?}: {}", answer.text());
    answer.json()
}

fn indexes(found: &Value) -> Vec<u64> {
    found["records"].as_array().unwrap().iter().map(|record| record["index"].as_u64().unwrap()).collect()
}

async fn log_of(records: impl IntoIterator<Item = Value>) -> Served {
    let served = Setup::records().serve().await;
    let answer = served.post("/v1/records?wait=published", "application/x-ndjson", ndjson(records)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let items = answer.json()["items"].clone();
    assert!(items.as_array().unwrap().iter().all(|item| item["status"] == "logged"), "{items}");
    served
}

fn of(n: u64, tool: &str, sub: &str, session: &str) -> Value {
    let mut record = record(n);
    record["action"]["tool"] = json!(tool);
    record["principal"] = json!({"iss": "https://idp.example", "sub": sub, "name": format!("{sub}@example")});
    record["session"]["id"] = json!(session);
    record["act"] = json!({"sub": "agent:tests", "act": {"sub": "agent:planner"}});
    record
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_finds_what_has_all_that_is_asked_for_and_nothing_else() {
    let tools = ["read", "write"];
    let people = ["alice", "bob", "carol"];
    let all: Vec<Value> = (0..60)
        .map(|n| of(n, tools[n as usize % 2], people[n as usize % 3], if n < 30 { "s-1" } else { "s-2" }))
        .collect();
    let served = log_of(all).await;
    for (pairs, expected) in [
        (&[("user", "alice")][..], (0..60).filter(|n| n % 3 == 0).collect::<Vec<u64>>()),
        (
            &[("principal", "https://idp.example|bob"), ("tool", "write")],
            (0..60).filter(|n| n % 6 == 1).collect(),
        ),
        (
            &[("name", "carol@example"), ("session", "s-2"), ("tool", "read")],
            (30..60).filter(|n| n % 6 == 2).collect(),
        ),
        (&[("actor", "agent:planner"), ("first", "10"), ("end", "12")], vec![10, 11]),
        (&[("agent", "agent:planner")], vec![]),
        (&[("user", "Alice")], vec![]),
        (&[("user", "alic")], vec![]),
        (&[("type", "action.requested"), ("action", "call-7")], vec![7]),
        (&[("producer", "tests/host-1"), ("end", "2")], vec![0, 1]),
        (&[("record", &crate::records::id(41))], vec![41]),
        (&[("finding", "coverage_undeclared"), ("end", "1")], vec![0]),
        (&[("finding", "no_such_rule")], vec![]),
    ] {
        let pairs = [pairs, &[("order", "oldest"), ("limit", "1000")]].concat();
        assert_eq!(indexes(&found(&served, &pairs).await), expected, "{pairs:?}");
    }
    let newest = found(&served, &[("user", "alice"), ("limit", "3")]).await;
    assert_eq!(
        (indexes(&newest), &newest["cursor"], &newest["behind"]),
        (vec![57, 54, 51], &json!(51), &json!(0))
    );
    let next = found(&served, &[("user", "alice"), ("limit", "3"), ("cursor", "51")]).await;
    assert_eq!(indexes(&next), [48, 45, 42]);
    let last = found(&served, &[("user", "alice"), ("cursor", "3")]).await;
    assert_eq!((indexes(&last), last.get("cursor")), (vec![0], None));
    let entry: Value = serde_json::from_str(last["records"][0]["entry"].as_str().unwrap()).unwrap();
    assert_eq!(entry["record"]["principal"]["sub"], "alice");
    assert!(last["records"][0]["findings"].as_array().unwrap().contains(&json!("coverage_undeclared")));
}

/// What somebody puts into a field is a value, and never anything else.
#[tokio::test(flavor = "multi_thread")]
async fn a_value_is_a_value_whatever_is_in_it() {
    let evil = [
        "'; DROP TABLE records; --",
        "\" OR 1=1",
        "../../etc/passwd",
        "%00",
        "a\u{0}b",
        "\u{1b}[2J\u{7}",
        "\u{202e}ecila",
        "аlice",
        "*",
        "a|b|c",
        "\n",
        " ",
        "x&user=bob",
        "💥",
    ];
    let records = (0..).zip(evil).map(|(n, text)| {
        let mut record = of(n, text, text, text);
        for (object, member) in [
            ("action", "server"),
            ("action", "target"),
            ("agent", "sub"),
            ("principal", "name"),
            ("producer", "id"),
        ] {
            record[object][member] = json!(text);
        }
        record["approval"] = json!({"mode": "human", "approver": {"sub": text}});
        record
    });
    let served = log_of(records).await;
    for (n, text) in (0..).zip(evil) {
        for field in
            ["user", "name", "agent", "actor", "session", "tool", "server", "target", "approver", "producer"]
        {
            assert_eq!(indexes(&found(&served, &[(field, text)]).await), [n], "{field}={text:?}");
        }
        for field in ["outcome", "finding", "trace", "approval", "type", "action", "record", "principal"] {
            assert!(indexes(&found(&served, &[(field, text)]).await).is_empty(), "{field}={text:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_is_none_is_refused_and_a_size_is_waited_for() {
    let served = log_of([of(0, "t", "alice", "s")]).await;
    for query in [
        "usr=alice",
        "limit=0",
        "limit=1001",
        "limit=x",
        "order=sideways",
        "from=yesterday",
        "to=2026-11-23",
        "cursor=-1",
        "user=alice&user=bob",
    ] {
        let problem = served.get(&format!("/v1/records?{query}")).await.problem(400);
        assert_eq!(problem.kind, "bad-query", "{query}");
    }
    let received = testkit::stamp::rfc3339(testkit::sample::START_MS);
    let later = testkit::stamp::rfc3339(testkit::sample::START_MS + 1);
    assert_eq!(indexes(&found(&served, &[("from", &received), ("to", &later)]).await), [0]);
    assert!(indexes(&found(&served, &[("from", &later)]).await).is_empty());
    let waited = served.get("/v1/records?at_least=1000000").await.problem(503);
    assert_eq!(waited.kind, "busy");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_told_with_its_findings() {
    let mut opened = of(0, "t", "alice", "s-9");
    opened["type"] = json!("session.opened");
    opened["scope"] = json!("crm:read");
    opened["purpose"] = json!("tidy up");
    opened["action"] = Value::Null;
    let opened: Value = opened
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    let mut call = of(1, "crm.update", "alice", "s-9");
    call["action"]["requires"] = json!("crm:write");
    let served = log_of([opened, call, of(2, "t", "bob", "s-other")]).await;
    found(&served, &[]).await;
    let told = served.get("/v1/sessions/s-9").await;
    assert_eq!(told.status, 200, "{}", told.text());
    let told = told.json();
    assert_eq!((&told["size"], &told["findings_size"]), (&json!(3), &json!(3)));
    let story = &told["story"];
    assert_eq!(
        (&story["records"], &story["purpose"], &story["scope"]),
        (&json!(2), &json!("tidy up"), &json!("crm:read"))
    );
    assert_eq!(story["principals"][0]["sub"], "alice");
    assert_eq!(story["completeness"], "CANNOT TELL");
    let rules: Vec<&Value> =
        story["calls"][0]["findings"].as_array().unwrap().iter().map(|found| &found["rule"]).collect();
    assert!(rules.contains(&&json!("out_of_scope")), "{story}");
    assert_eq!(served.get("/v1/sessions/none").await.problem(404).kind, "not-found");
    assert_eq!(served.get("/v1/sessions/s-9?x=1").await.problem(400).kind, "bad-query");
}

/// An approver has a session of his own: what it binds says which call it is about, whatever call it names.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_tells_what_was_decided_elsewhere_about_its_calls() {
    let requested = |n: u64, session: &str| {
        let mut requested = of(n, "crm.delete", "alice", session);
        requested["type"] = json!("action.requested");
        requested["action"]["id"] = json!("a1");
        requested.as_object_mut().unwrap().remove("outcome");
        requested
    };
    let decided = |n: u64, session: Option<&str>, bound: &Value| {
        let mut decided = of(n, "crm.delete", "alice", session.unwrap_or_default());
        decided["type"] = json!("approval.decided");
        decided["action"] = json!({"id": "x7"});
        decided["approval"] = json!({"mode": "human", "decision": "approved", "approver": {"sub": "bea"},
            "binds": {"record": bound["id"]}});
        decided.as_object_mut().unwrap().remove("outcome");
        if session.is_none() {
            decided.as_object_mut().unwrap().remove("session");
        }
        decided
    };
    let (ours, other) = (requested(1, "s-9"), requested(2, "s-other"));
    // By its own word of our call; but it binds a request that nobody logged.
    let mut named = decided(7, Some("s-9"), &requested(99, "s-9"));
    named["action"]["id"] = json!("a1");
    let served = log_of([
        // Before the request: no call can rest on it.
        decided(0, Some("desk-of-bea"), &ours),
        ours.clone(),
        other.clone(),
        decided(3, Some("desk-of-bea"), &ours),
        decided(4, Some("desk-of-bea"), &other),
        decided(5, None, &ours),
        decided(6, Some("s-9"), &ours),
        named,
    ])
    .await;
    found(&served, &[]).await;
    let story = served.get("/v1/sessions/s-9").await.json()["story"].clone();
    assert_eq!((&story["records"], story["calls"].as_array().unwrap().len()), (&json!(3), 1), "{story}");
    let decisions = story["calls"][0]["decisions"].as_array().unwrap();
    let told: Vec<_> =
        decisions.iter().map(|one| (&one["index"], &one["session"], &one["binds_request"])).collect();
    let yes = &json!(true);
    assert_eq!(
        told,
        [
            (&json!(3), &json!("desk-of-bea"), yes),
            (&json!(5), &Value::Null, yes),
            (&json!(6), &Value::Null, yes),
            (&json!(7), &Value::Null, &json!(false))
        ]
    );
    let desk = served.get("/v1/sessions/desk-of-bea").await.json()["story"].clone();
    assert_eq!(
        (&desk["records"], &desk["calls"][0]["decisions"][0]["binds_request"]),
        (&json!(3), &json!(false))
    );
}

/// What was decided elsewhere counts too: a story leaves none of it out in silence.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_with_more_decisions_than_one_answer_tells_is_refused() {
    let mut requested = of(0, "crm.delete", "alice", "s-9");
    requested["type"] = json!("action.requested");
    requested.as_object_mut().unwrap().remove("outcome");
    let decided = |n: u64| {
        let mut decided = of(n, "crm.delete", "alice", "desk-of-bea");
        decided["type"] = json!("approval.decided");
        decided["approval"] = json!({"mode": "human", "decision": "approved", "approver": {"sub": "bea"},
            "binds": {"record": requested["id"]}});
        decided.as_object_mut().unwrap().remove("outcome");
        decided
    };
    let most = server::limits::SESSION_RECORDS_MAX as u64;
    let served = log_of([requested.clone()].into_iter().chain((1..most).map(decided))).await;
    found(&served, &[("limit", "1")]).await;
    let told = served.get("/v1/sessions/s-9").await;
    assert_eq!(told.json()["story"]["calls"][0]["decisions"].as_array().unwrap().len() as u64, most - 1);
    let one_more =
        served.post("/v1/records?wait=published", "application/x-ndjson", ndjson([decided(most)])).await;
    assert_eq!(one_more.status, 200);
    found(&served, &[("limit", "1")]).await;
    assert_eq!(served.get("/v1/sessions/s-9").await.problem(413).kind, "too-large");
}

#[tokio::test(flavor = "multi_thread")]
async fn searching_needs_a_role_and_is_noted() {
    let (setup, bearers) = Setup::records().under_tokens();
    let served = setup.serve().await;
    let asked = "/v1/records?user=alice";
    assert_eq!(served.get(asked).await.status, 401);
    assert_eq!(served.get_as(bearers.of(Submitter), asked).await.status, 403);
    assert_eq!(served.get_as(bearers.of(Submitter), "/v1/sessions/s").await.status, 403);
    for role in [Auditor, Investigator] {
        assert_eq!(served.get_as(bearers.of(role), asked).await.status, 200);
    }
    // What it covers, its key, and two looks.
    assert_eq!(served.size(), 4);
    let raw = Setup::raw().serve().await;
    assert_eq!(raw.get(asked).await.problem(404).kind, "not-found");
    assert_eq!(raw.get("/v1/sessions/s").await.problem(404).kind, "not-found");
}
