//! What stands around the answers: methods, paths, caching, other origins, slow callers, metrics, the documentation.

use std::time::Duration;

use follower::witness::keeper::OriginId;
use server::{
    limits::{self, Timeouts},
    witness::routes,
};
use testkit::keys::LOG;
use tokio::io::AsyncWriteExt as _;

use super::served::{Setup, honest};
use crate::asking::{Answer, read_to_end};

#[tokio::test(flavor = "multi_thread")]
async fn monitors_read_it_from_any_page_and_no_cache_keeps_it() {
    let witness = Setup::default().serve().await;
    witness.add(honest(0, 5)).await;
    let shown = witness.monitor(LOG.name).await;
    assert_eq!(shown.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(shown.header("cache-control"), Some("no-store"));
    assert_eq!(shown.header("access-control-allow-origin"), Some("*"));
    let id = OriginId::of(&LOG.name.parse().unwrap()).to_string();
    let head = witness.ask("HEAD", &format!("/{id}/checkpoint"), &[], b"").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    for bad in [id.to_uppercase(), id[1..].to_owned(), "0".repeat(64), "%30".repeat(64), LOG.name.into()] {
        let answer = witness.get(&format!("/{bad}/checkpoint")).await;
        assert_eq!(answer.problem(404).kind, "not-found", "{bad}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{bad}");
    }
}

/// No path leads to another one: a redirected POST would come as a GET.
#[tokio::test(flavor = "multi_thread")]
async fn methods_and_paths_that_are_none() {
    let witness = Setup::default().serve().await;
    let id = OriginId::of(&LOG.name.parse().unwrap());
    for (method, path, allow) in [
        ("GET", "/add-checkpoint".to_owned(), "POST"),
        ("PUT", "/add-checkpoint".to_owned(), "POST"),
        ("OPTIONS", "/sign-subtree".to_owned(), "POST"),
        ("POST", format!("/{id}/checkpoint"), "GET,HEAD"),
        ("DELETE", "/metrics".to_owned(), "GET,HEAD"),
        ("POST", "/readyz".to_owned(), "GET,HEAD"),
    ] {
        let answer = witness.ask(method, &path, &[], b"").await;
        assert_eq!(answer.problem(405).kind, "method-not-allowed", "{method} {path}");
        assert_eq!(answer.header("allow"), Some(allow), "{method} {path}");
    }
    for path in ["/add-checkpoint/", "//add-checkpoint", "/add_checkpoint", "/", "/checkpoint", "/x/y/z"] {
        let answer = witness.ask("POST", path, &[], honest(0, 1).as_bytes()).await;
        assert_eq!(answer.problem(404).kind, "not-found", "{path}");
    }
    assert_eq!(witness.stored(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_arrive_is_not_waited_for() {
    let timeouts = Timeouts { body: Duration::from_millis(100), ..Timeouts::default() };
    let witness = Setup { timeouts, ..Setup::default() }.serve().await;
    let mut stream = tokio::net::TcpStream::connect(witness.address).await.unwrap();
    let head = "POST /add-checkpoint HTTP/1.1\r\nhost: w\r\ncontent-length: 1000\r\nconnection: close\r\n\r\nold 0\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = Answer::parse(&read_to_end(&mut stream).await, "POST");
    assert_eq!(answer.problem(408).kind, "body-timeout");
}

/// What announces itself as too large is refused before it is sent; a header over its limits as well.
#[tokio::test(flavor = "multi_thread")]
async fn too_much_is_refused_before_it_is_here() {
    let witness = Setup::default().serve().await;
    let mut stream = tokio::net::TcpStream::connect(witness.address).await.unwrap();
    let length = limits::WITNESS_BODY_BYTES_MAX + 1;
    let head = format!(
        "POST /sign-subtree HTTP/1.1\r\nhost: w\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(Answer::parse(&read_to_end(&mut stream).await, "POST").problem(413).kind, "too-large");
    let long = "x".repeat(limits::HEADER_BYTES_MAX);
    let answer = witness.ask("POST", "/add-checkpoint", &[("x-long", &long)], b"").await;
    assert_eq!(answer.problem(431).kind, "header-too-large");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_counted() {
    let witness = Setup::default().serve().await;
    assert_eq!(witness.get("/healthz").await.text(), "ok\n");
    assert_eq!(witness.get("/readyz").await.json(), serde_json::json!({"ready": true}));
    witness.add(honest(0, 5)).await;
    witness.add(honest(0, 5)).await;
    for n in 0..20 {
        witness.get(&format!("/{n}/checkpoint")).await;
    }
    for (name, value) in [
        (r#"deedbook_http_requests_total{route="/add-checkpoint",status="200"}"#, 1),
        (r#"deedbook_http_requests_total{route="/add-checkpoint",status="409"}"#, 1),
        (r#"deedbook_http_requests_total{route="/{origin}/checkpoint",status="404"}"#, 20),
        ("deedbook_witness_cosigned_seconds_count", 1),
        ("deedbook_witness_enrolled", 1),
        ("deedbook_witness_logs", 1),
        ("deedbook_witness_forks", 0),
        ("deedbook_witness_waiting", 0),
        ("deedbook_witness_failed", 0),
        ("deedbook_witness_list_failed", 0),
    ] {
        assert_eq!(witness.metric(name).await, value, "{name}");
    }
    // Those of the questions before may not have ended yet.
    let start = std::time::Instant::now();
    while witness.metric("deedbook_connections").await != 1 {
        assert!(start.elapsed().as_secs() < 10, "one connection, that of the question itself");
    }
    let type_of = witness.get("/metrics").await.header("content-type").unwrap().to_owned();
    assert!(type_of.starts_with("application/openmetrics-text"), "{type_of}");
}

#[test]
fn every_route_and_limit_is_told_in_the_documentation() {
    let page = include_str!("../../../../../docs/http-api.md");
    let (_, told) = page.split_once("\n## A witness\n").unwrap();
    let told = told.split("\n## ").next().unwrap();
    for route in routes::ALL {
        let rows = told.lines().filter(|line| line.starts_with("| `")).filter(|line| line.contains(route));
        assert_eq!(rows.count(), 1, "{route} in the table");
    }
    for limit in ["131,072 bytes", "1,024 checkpoints", "64 subtrees", "2 of these"] {
        assert!(told.contains(limit), "{limit}");
    }
    assert_eq!((limits::WITNESS_BODY_BYTES_MAX, limits::WITNESS_AT_ONCE), (131_072, 1_024));
    assert_eq!((limits::SUBTREES_WAITING_MAX, limits::SUBTREES_AT_ONCE), (64, 2));
}
