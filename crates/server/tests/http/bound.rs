//! For whom a token may speak, and what the log vouches for then.

use serde_json::{Value, json};
use server::access::{Bindings, Moment, Named, NewToken, Role, TokenId, Tokens};

use crate::{
    asking::Problem,
    records::{ndjson, record},
    served::{Served, Setup},
};

const IDP: &str = "https://idp.acme.example";

fn only(values: &[&str]) -> Named {
    Named::of(values.iter().map(|value| (*value).to_owned())).unwrap()
}

/// A submitter's token that is bound so.
fn bind(tokens: &Tokens, producers: Named, agents: Named, principals: Named) -> String {
    let new = NewToken {
        name: "crm".into(),
        roles: [Role::Submitter].into(),
        bindings: Some(Bindings { producers, agents, principals }),
        expires: None,
    };
    tokens.make(&new, Moment::from_ms(0)).unwrap().secret.text().to_owned()
}

async fn log() -> Served {
    Setup::records().under_tokens().0.serve().await
}

/// Record `n` with these names in it; an empty one is nobody.
fn naming(n: u64, producer: &str, agent: &str, iss: &str, sub: &str) -> Value {
    let mut named = record(n);
    named["producer"] = if producer.is_empty() { Value::Null } else { json!({"id": producer}) };
    named["agent"] = if agent.is_empty() { Value::Null } else { json!({"sub": agent}) };
    named["principal"] = if iss.is_empty() { Value::Null } else { json!({"iss": iss, "sub": sub}) };
    // An event that may have neither agent nor principal.
    if agent.is_empty() || iss.is_empty() {
        named["type"] = json!("x-tests.event");
    }
    named.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    named
}

async fn submit(served: &Served, token: &str, record: &Value) -> crate::asking::Answer {
    served.ask_as(token, "POST", "/v1/records", record.to_string().as_bytes()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_names_another_is_refused_with_the_field() {
    let served = log().await;
    let principal = format!("{IDP}|u-1");
    let token = bind(served.tokens(), only(&["p1", "p2"]), only(&["a1"]), only(&[&principal]));
    for (n, (named, path, shown)) in [
        (naming(1, "p3", "a1", IDP, "u-1"), "/producer/id", "the producer \"p3\""),
        (naming(2, "P1", "a1", IDP, "u-1"), "/producer/id", "the producer \"P1\""),
        (naming(3, "", "a1", IDP, "u-1"), "/producer/id", "no producer"),
        (naming(4, "p1", "a2", IDP, "u-1"), "/agent/sub", "the agent \"a2\""),
        (naming(5, "p1", "a1", IDP, "u-2"), "/principal", "u-2"),
        (naming(6, "p1", "a1", "https://other", "u-1"), "/principal", "https://other|u-1"),
        (naming(7, "p1", "*", IDP, "u-1"), "/agent/sub", "\"*\""),
    ]
    .into_iter()
    .enumerate()
    {
        let problem = submit(&served, &token, &named).await.problem(403);
        assert_eq!(
            (problem.kind.as_str(), &problem.json["path"]),
            ("not-yours", &json!(path)),
            "{n}: {named}"
        );
        assert!(problem.detail.contains(shown), "{n}: {}", problem.detail);
    }
    assert_eq!(served.size(), 0);
    assert_eq!(submit(&served, &token, &naming(8, "p2", "a1", IDP, "u-1")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_records_only_those_that_name_others_are_refused() {
    let served = log().await;
    let token = bind(served.tokens(), only(&["p1"]), Named::ANY, Named::ANY);
    let body = ndjson([
        naming(1, "p1", "a", IDP, "u"),
        naming(2, "p2", "a", IDP, "u"),
        naming(3, "p1", "b", IDP, "v"),
    ]);
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/x-ndjson")];
    let answer = served.ask("POST", "/v1/records", &headers, body.as_bytes()).await.json();
    let statuses: Vec<_> =
        answer["items"].as_array().unwrap().iter().map(|item| item["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["logged", "rejected", "logged"]);
    let problem = Problem::of(answer["items"][1]["problem"].clone());
    assert_eq!((problem.kind.as_str(), &problem.json["status"]), ("not-yours", &json!(403)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_vouches_for_whom_an_explicit_list_names_and_for_nobody_else() {
    let served = log().await;
    let principal = format!("{IDP}|u-1");
    let named = bind(served.tokens(), Named::ANY, only(&["a1", "a2"]), only(&[&principal]));
    let agents = bind(served.tokens(), Named::ANY, only(&["a1"]), Named::ANY);
    let anybody = bind(served.tokens(), only(&["p"]), Named::ANY, Named::ANY);
    let (verified, asserted) = ("verified", "asserted");
    for (n, token, record, agent, principal) in [
        (1, &named, naming(1, "p", "a2", IDP, "u-1"), verified, verified),
        (2, &named, naming(2, "p", "", IDP, "u-1"), asserted, verified),
        (3, &named, naming(3, "p", "a1", "", ""), verified, asserted),
        (4, &agents, naming(4, "p", "a1", IDP, "u-9"), verified, asserted),
        (5, &anybody, naming(5, "p", "a1", IDP, "u-1"), asserted, asserted),
    ] {
        let answer = submit(&served, token, &record).await;
        assert_eq!(answer.status, 200, "{n}: {answer:?}");
        let log = &answer.json()["items"][0]["log"];
        assert_eq!((&log["agent"], &log["principal"]), (&json!(agent), &json!(principal)), "{n}");
        assert_eq!(log["submitter"], "crm", "{n}");
    }
}

/// `a|b` of `c` and `a` of `b|c` would be one name, if a bar could stand in an issuer.
#[tokio::test(flavor = "multi_thread")]
async fn a_bar_in_an_issuer_makes_nobody_somebody_else() {
    let served = log().await;
    let token = bind(served.tokens(), Named::ANY, Named::ANY, only(&["idp|x|u"]));
    let rightly = submit(&served, &token, &naming(1, "p", "a", "idp", "x|u")).await;
    assert_eq!(rightly.json()["items"][0]["log"]["principal"], "verified");
    let problem = submit(&served, &token, &naming(2, "p", "a", "idp|x", "u")).await.problem(403);
    assert_eq!(problem.json["path"], "/principal/iss");
    let anybody = bind(served.tokens(), Named::ANY, Named::ANY, Named::ANY);
    let said = submit(&served, &anybody, &naming(3, "p", "a", "idp|x", "u")).await;
    assert_eq!(said.json()["items"][0]["log"]["principal"], "asserted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_revoked_speaks_for_nobody() {
    let served = log().await;
    let token = bind(served.tokens(), Named::ANY, Named::ANY, Named::ANY);
    let one = naming(1, "p", "a", IDP, "u");
    assert_eq!(submit(&served, &token, &one).await.status, 200);
    let id: TokenId = served.tokens().list().tokens().last().unwrap().id;
    served.tokens().revoke(id, Moment::from_ms(1)).unwrap();
    assert_eq!(submit(&served, &token, &one).await.problem(401).kind, "bad-token");
}
