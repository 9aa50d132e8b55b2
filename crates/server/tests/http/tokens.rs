//! Tokens made, listed and revoked over HTTP.

use std::sync::atomic::Ordering::Relaxed;

use serde_json::{Value, json};
use server::access::Role::{Admin, Auditor, Submitter};

use crate::{
    bearers::Bearers,
    served::{Served, Setup},
};

async fn log() -> (Served, Bearers) {
    let (setup, bearers) = Setup::records().under_tokens();
    (setup.serve().await, bearers)
}

fn new() -> Value {
    json!({
        "name": "crm-runtime",
        "roles": ["submitter", "auditor"],
        "bindings": {"producers": ["crm/host-7"], "agents": ["spiffe://a"], "principals": "*"},
        "expires": "2030-01-01T00:00:00.000Z",
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_shown_once_and_does_what_it_is_for() {
    let (served, bearers) = log().await;
    let admin = bearers.of(Admin);
    let made = served.ask_as(admin, "POST", "/v1/tokens", new().to_string().as_bytes()).await;
    assert_eq!((made.status, made.header("cache-control")), (200, Some("private, no-store")));
    let made = made.json();
    let token = made["token"].as_str().unwrap();
    assert!(token.starts_with("dbk_") && token.len() == 52, "{token}");
    let about = &made["about"];
    for member in ["name", "roles", "bindings", "expires"] {
        let sorted = if member == "roles" { json!(["submitter", "auditor"]) } else { new()[member].clone() };
        assert_eq!(about[member], sorted, "{member}");
    }
    assert_eq!(served.get_as(token, "/v1/records/999").await.status, 404, "let in");
    assert_eq!(served.get_as(token, "/v1/tokens").await.status, 403);

    let listed = served.get_as(admin, "/v1/tokens").await;
    assert!(!listed.text().contains("dbk_") && !listed.text().contains("sha256"), "{}", listed.text());
    assert_eq!(listed.json()["tokens"].as_array().unwrap().last(), Some(about));
    let kept = bearers.kept.text.lock().clone().unwrap();
    assert!(!String::from_utf8(kept).unwrap().contains(token));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_is_refused_from_then_on_and_stays_in_the_list() {
    let (served, bearers) = log().await;
    let (admin, auditor) = (bearers.of(Admin), bearers.of(Auditor));
    let listed = served.get_as(admin, "/v1/tokens").await.json();
    let listed =
        listed["tokens"].as_array().unwrap().iter().find(|token| token["roles"] == json!(["auditor"]));
    let target = format!("/v1/tokens/{}", listed.unwrap()["id"].as_str().unwrap());
    let revoked = served.ask_as(admin, "DELETE", &target, b"").await;
    assert_eq!(revoked.json()["revoked"], "2026-11-23T08:00:00.000Z");
    assert_eq!(served.get_as(auditor, "/v1/records/0").await.problem(401).kind, "bad-token");
    let again = served.ask_as(admin, "DELETE", &target, b"").await;
    assert_eq!(again.json(), revoked.json(), "once is for good");
    for unknown in ["/v1/tokens/00000000", "/v1/tokens/x", "/v1/tokens/0000000A"] {
        let answer = served.ask_as(admin, "DELETE", unknown, b"").await;
        assert_eq!(answer.problem(404).kind, "not-found", "{unknown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_a_token_is_refused_with_the_reason() {
    let (served, bearers) = log().await;
    let admin = bearers.of(Admin);
    let before = served.tokens().list().tokens().count();
    let without = |member: &str| {
        let mut new = new();
        new.as_object_mut().unwrap().remove(member);
        new
    };
    let with = |member: &str, value: Value| {
        let mut new = new();
        new[member] = value;
        new
    };
    for (new, why) in [
        (json!([]), "not what this takes"),
        (without("name"), "missing field `name`"),
        (with("name", json!("open")), "a token's name"),
        (with("roles", json!([])), "needs a role"),
        (with("roles", json!(["root"])), "unknown variant"),
        (without("bindings"), "for which producers"),
        (with("bindings", json!({"producers": "*", "agents": "*"})), "missing field `principals`"),
        (with("bindings", json!({"producers": "a", "agents": "*", "principals": "*"})), "exact values"),
        (with("bindings", json!({"producers": ["*"], "agents": "*", "principals": "*"})), "stands alone"),
        (with("roles", json!(["auditor"])), "with the role submitter"),
        (with("expires", json!("2020-01-01T00:00:00.000Z")), "already"),
        (with("expires", json!("2030-01-01")), "milliseconds"),
        (with("rolls", json!(1)), "unknown field"),
    ] {
        let answer = served.ask_as(admin, "POST", "/v1/tokens", new.to_string().as_bytes()).await;
        let problem = answer.problem(400);
        assert_eq!(problem.kind, "bad-request");
        assert!(problem.detail.contains(why), "{new}: {}", problem.detail);
    }
    let bearer = format!("Bearer {admin}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "text/plain")];
    let plain = served.ask("POST", "/v1/tokens", &headers, new().to_string().as_bytes()).await;
    assert_eq!(plain.problem(415).kind, "unsupported-media-type");
    let large = vec![b' '; server::limits::TOKEN_BODY_BYTES_MAX + 1];
    assert_eq!(served.ask_as(admin, "POST", "/v1/tokens", &large).await.problem(413).kind, "too-large");
    assert_eq!(served.ask_as(admin, "POST", "/v1/tokens?x=1", b"").await.problem(400).kind, "bad-query");
    assert_eq!(served.tokens().list().tokens().count(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_of_tokens_is_bounded() {
    let (served, bearers) = log().await;
    while served.tokens().list().tokens().count() < server::limits::TOKENS_MAX {
        crate::bearers::make(served.tokens(), &[Submitter], None);
    }
    let answer = served.ask_as(bearers.of(Admin), "POST", "/v1/tokens", new().to_string().as_bytes()).await;
    assert_eq!(answer.problem(409).kind, "tokens-full");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_cannot_be_kept_is_told_and_does_not_count() {
    let (served, bearers) = log().await;
    let (admin, auditor) = (bearers.of(Admin), bearers.of(Auditor));
    bearers.kept.full.store(true, Relaxed);
    let made = served.ask_as(admin, "POST", "/v1/tokens", new().to_string().as_bytes()).await;
    assert_eq!(made.problem(500).kind, "internal");
    let id = served.tokens().list().tokens().find(|token| token.roles.contains(&Auditor)).unwrap().id;
    assert_eq!(served.ask_as(admin, "DELETE", &format!("/v1/tokens/{id}"), b"").await.status, 500);
    assert_eq!(served.get_as(auditor, "/v1/records/999").await.status, 404, "still let in");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_served_open_has_no_tokens() {
    let served = Setup::records().serve().await;
    for (method, target) in [("GET", "/v1/tokens"), ("POST", "/v1/tokens"), ("DELETE", "/v1/tokens/00000000")]
    {
        let problem = served.ask_as("", method, target, b"{}").await.problem(404);
        assert!(problem.detail.contains("served open"), "{}", problem.detail);
    }
}
