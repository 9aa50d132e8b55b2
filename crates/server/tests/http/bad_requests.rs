//! Requests that cannot be answered: each has its status and its stable type, and says what to do about it.

use serde_json::json;
use server::limits::{ENTRY_BYTES_MAX, HEADER_BYTES_MAX, HEADERS_MAX};
use tokio::io::AsyncWriteExt as _;

use crate::{
    asking::{Answer, Problem, read_to_end, request},
    public_log::raw_log,
    records::{id, record, record_of},
    served::Setup,
};

#[tokio::test(flavor = "multi_thread")]
async fn content_types_other_than_the_two_are_refused() {
    let served = Setup::records().serve().await;
    let body = record(0).to_string();
    for content_type in ["text/plain", "application/xml", "application/jsonx", "*/*", ""] {
        let problem = served.post("/v1/records", content_type, &body).await.problem(415);
        assert_eq!(problem.kind, "unsupported-media-type", "{content_type:?}");
        assert!(problem.detail.contains("application/x-ndjson"), "{}", problem.detail);
    }
    let unnamed = served.ask("POST", "/v1/records", &[], body.as_bytes()).await;
    assert_eq!(unnamed.problem(415).kind, "unsupported-media-type");
    assert_eq!(served.size(), 0);
    for content_type in ["application/json", "Application/JSON; charset=UTF-8"] {
        assert_eq!(served.post("/v1/records", content_type, &body).await.status, 200, "{content_type}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn query_parameters_that_are_unknown_repeated_or_malformed_are_refused() {
    let served = Setup::records().serve().await;
    for query in [
        "?wait=witnessed",
        "?wait=",
        "?wait",
        "?wait=Durable",
        "?proof=1",
        "?proof=yes",
        "?proof",
        "?x=1",
        "?wait=durable&x=1",
        "?wait=durable&wait=durable",
        "?proof=true&proof=false",
        "?%ff=1",
        "?wait=%ff",
    ] {
        let problem = served.submit(query, record(0).to_string()).await.problem(400);
        assert_eq!(problem.kind, "bad-query", "{query}");
    }
    assert_eq!(served.size(), 0, "none of them was logged");
    served.submit("?wait=published", record(0).to_string()).await;
    for target in [
        "/v1/records/0?proof=maybe",
        "/v1/records/0?x=",
        "/v1/records/0?proof=true&proof=true",
        "/v1/log?x=1",
        "/v1/records/0?producer=p",
        "/v1/proofs/inclusion",
        "/v1/proofs/inclusion?index=",
        "/v1/proofs/inclusion?index=-1",
        "/v1/proofs/inclusion?index=%2B0",
        "/v1/proofs/inclusion?index=00",
        "/v1/proofs/inclusion?index=0x0",
        "/v1/proofs/inclusion?index=0.0",
        "/v1/proofs/inclusion?index=18446744073709551616",
        "/v1/proofs/inclusion?index=0&index=0",
        "/v1/proofs/inclusion?index=0&old=0",
        "/v1/proofs/consistency",
        "/v1/proofs/consistency?new=1",
        "/v1/proofs/consistency?old=1&new=one",
    ] {
        assert_eq!(served.get(target).await.problem(400).kind, "bad-query", "{target}");
    }
    let raw = Setup::raw().serve().await;
    assert_eq!(raw.post("/add?wait=published", "", "entry").await.problem(400).kind, "bad-query");
    assert_eq!(raw.size(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn proofs_of_what_is_not_there_are_refused() {
    let served = raw_log(5).await;
    for target in [
        "/v1/proofs/inclusion?index=5",
        "/v1/proofs/inclusion?index=9223372036854775807",
        "/v1/proofs/inclusion?index=0&size=0",
        "/v1/proofs/inclusion?index=2&size=2",
        "/v1/proofs/inclusion?index=0&size=6",
        "/v1/proofs/consistency?old=6",
        "/v1/proofs/consistency?old=3&new=2",
        "/v1/proofs/consistency?old=0&new=6",
        "/v1/proofs/consistency?old=9223372036854775807&new=5",
    ] {
        let problem = served.get(target).await.problem(400);
        assert_eq!(problem.kind, "bad-query", "{target}");
    }
    let empty = served.get("/v1/proofs/consistency?old=0").await.json();
    assert_eq!(empty["hashes"], json!([]), "every tree continues the empty one");
    let nothing = Setup::raw().serve().await;
    assert_eq!(nothing.get("/v1/proofs/inclusion?index=0").await.problem(400).kind, "bad-query");
    assert_eq!(nothing.get("/v1/proofs/consistency?old=0&new=0").await.json()["hashes"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_not_there_or_not_named_is_told_apart() {
    let served = Setup::records().serve().await;
    let records = json!([record(0), record_of("tests/host-2", 0), record(1)]).to_string();
    served.submit("?wait=published", records).await;
    for name in ["3".to_owned(), "4".into(), "9223372036854775807".into(), id(2)] {
        assert_eq!(served.get(&format!("/v1/records/{name}")).await.problem(404).kind, "not-found", "{name}");
    }
    let shouted = id(1).to_uppercase();
    for name in [
        "00",
        "+1",
        "-1",
        "9223372036854775808",
        "x",
        "%2e%2e",
        shouted.as_str(),
        &id(1).replace('-', ""),
        "%ff",
    ] {
        let problem = served.get(&format!("/v1/records/{name}")).await.problem(400);
        assert_eq!(problem.kind, "bad-request", "{name}");
    }
    let problem = served.get(&format!("/v1/records/{}", id(0))).await.problem(409);
    assert_eq!(problem.kind, "ambiguous");
    assert!([json!(0), json!(1)].contains(&problem.json["index"]), "one of the two: {}", problem.json);
    let of = |producer: &str| format!("/v1/records/{}?producer={producer}", id(0));
    assert_eq!(served.get(&of("tests/host-2")).await.json()["index"], 1);
    assert_eq!(served.get(&of("tests%2Fhost-1")).await.json()["index"], 0);
    assert_eq!(served.get(&of("nobody")).await.problem(404).kind, "not-found");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_log_takes_its_own_kind_of_entry() {
    let (records, raw) = (Setup::records().serve().await, Setup::raw().serve().await);
    let problem = records.post("/add", "text/plain", "entry").await.problem(404);
    assert!(problem.detail.contains("/v1/records"), "{}", problem.detail);
    let problem = raw.submit("", record(0).to_string()).await.problem(404);
    assert!(problem.detail.contains("/add"), "{}", problem.detail);
    assert_eq!((records.size(), raw.size()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_over_its_limits_is_refused() {
    let served = Setup::raw().serve().await;
    // `host` and `connection` are there already.
    let fields =
        |count: usize| (0..count - 2).map(|n| (format!("x-{n}"), "1".to_owned())).collect::<Vec<_>>();
    let large = |bytes: usize| vec![("x-large".to_owned(), "x".repeat(bytes))];
    for (fields, target, limit) in [
        (fields(HEADERS_MAX + 1), "/healthz".into(), HEADERS_MAX),
        (large(HEADER_BYTES_MAX), "/healthz".into(), HEADER_BYTES_MAX),
        (vec![], format!("/checkpoint?{}", "x".repeat(HEADER_BYTES_MAX)), HEADER_BYTES_MAX),
    ] {
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let problem = served.ask("GET", &target, &fields, b"").await.problem(431);
        assert_eq!((problem.kind.as_str(), &problem.json["limit"]), ("header-too-large", &json!(limit)));
    }
    let most = fields(HEADERS_MAX);
    let most: Vec<_> = most.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(served.ask("GET", "/healthz", &most, b"").await.status, 200);
    // What is far beyond is not read to its end: the HTTP library says 431 without a body, and closes.
    let endless = [b"GET / HTTP/1.1\r\nx: ".to_vec(), vec![b'x'; 1 << 20]].concat();
    let answer = served.exchange(&endless).await;
    assert!(
        answer.is_empty() || answer.starts_with(b"HTTP/1.1 431 "),
        "{:?}",
        String::from_utf8_lossy(&answer)
    );
    assert_eq!(served.get("/healthz").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_http_is_closed() {
    let served = Setup::raw().serve().await;
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00"[..],
        b"hello\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
    ] {
        let answer = served.exchange(bytes).await;
        assert!(
            answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"),
            "{:?}",
            String::from_utf8_lossy(&answer)
        );
    }
    // Two lengths, or a length and chunks, are how requests are smuggled past a proxy.
    for length in [
        "content-length: 1\r\ncontent-length: 2",
        "content-length: 0x1",
        "content-length: -1",
        "transfer-encoding: gzip",
    ] {
        let bytes = format!("POST /add HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{length}\r\n\r\n12");
        let answer = served.exchange(bytes.as_bytes()).await;
        assert!(answer.starts_with(b"HTTP/1.1 4"), "{length}: {:?}", String::from_utf8_lossy(&answer));
    }
    assert_eq!(served.size(), 0, "nothing of it is an entry");
    assert_eq!(served.add("entry").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_breaks_off_is_no_entry() {
    let served = Setup::raw().serve().await;
    for (framing, sent) in [
        ("content-length: 100", "short"),
        ("transfer-encoding: chunked", "5\r\nshort\r\n"),
        ("transfer-encoding: chunked", "zz\r\nshort\r\n0\r\n\r\n"),
        ("transfer-encoding: chunked", "ffffffffffffffffff\r\nshort\r\n0\r\n\r\n"),
    ] {
        let mut stream = served.connect().await;
        let request =
            format!("POST /add HTTP/1.1\r\nhost: log.test\r\nconnection: close\r\n{framing}\r\n\r\n{sent}");
        stream.write_all(request.as_bytes()).await.unwrap();
        // The caller can still hear, it only has no more to say.
        stream.shutdown().await.unwrap();
        let answer = read_to_end(&mut stream).await;
        let problem = Answer::parse(&answer, "POST").problem(400);
        assert_eq!(problem.kind, "bad-request", "{framing}");
    }
    assert_eq!(served.size(), 0, "a part of an entry is none");
    assert_eq!(served.add(vec![1; ENTRY_BYTES_MAX]).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_requests_on_one_connection_are_answered_in_order() {
    let served = Setup::raw().serve().await;
    let open = |entry: &str| {
        format!("POST /add HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{entry}", entry.len())
    };
    let all = [open("a"), open("bb"), open(""), "GET /nowhere HTTP/1.1\r\nhost: x\r\n\r\n".into()].concat();
    let last = request("GET", "/healthz", &[], b"");
    let text = String::from_utf8(served.exchange(&[all.as_bytes(), &last].concat()).await).unwrap();
    let statuses: Vec<_> = text.match_indices("HTTP/1.1 ").map(|(at, _)| &text[at + 9..at + 12]).collect();
    assert_eq!(statuses, ["200", "200", "200", "404", "200"], "{text}");
    assert!(text.ends_with("ok\n"));
    assert_eq!(served.size(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_problem_has_one_status_and_one_title() {
    let mut names = std::collections::BTreeSet::new();
    for code in server::problem::Code::ALL {
        let problem = server::problem::Problem::new(code, "what happened");
        let json = serde_json::to_value(&problem).unwrap();
        crate::contract::follows_schema(&json);
        assert_eq!((&json["status"], &json["title"]), (&json!(code.status().as_u16()), &json!(code.title())));
        assert_eq!(Problem::of(json).kind, code.name());
        assert!(code.status().is_client_error() || code.status().is_server_error());
        assert!(names.insert(code.name()), "{} twice", code.name());
    }
}
