//! Bodies that are no records: each is told what is wrong with it, and none is logged.

use record::limits::{DEPTH_MAX, RECORD_BYTES_MAX};
use serde_json::{Value, json};
use server::limits::{BODY_BYTES_MAX, ENTRY_BYTES_MAX, RECORDS_PER_REQUEST_MAX};
use tokio::io::AsyncWriteExt as _;

use crate::{
    asking::{Answer, read_to_end, request},
    records::{record, with_member},
    served::Setup,
};

/// From RFC 7519, section 3.1.
const JWT: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// From RFC 8410, section 10.3, as a JSON string.
const PEM: &str = "-----BEGIN PRIVATE KEY-----\\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\\n-----END PRIVATE KEY-----";

/// A key as some vendors make them, put together here so that no scanner takes this file for a leak.
fn sk() -> String {
    ["sk-proj-", "Ab3dEf6hIj9kLm2nOp5q", "T3BlbkFJ", "Rs8tUv1wXy4zAb7cDe0f"].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_in_content_does_not_stop_a_record() {
    let served = Setup::records().serve().await;
    for (n, content) in [JWT, PEM].into_iter().enumerate() {
        let member = format!("\"input\":{{\"content\":\"{content}\"}}");
        assert_eq!(served.submit("", with_member(n as u64, &member)).await.status, 200, "{content}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_record_is_refused_and_told_why() {
    let served = Setup::records().serve().await;
    let replaced = |from: &str, to: &str| record(0).to_string().replacen(from, to, 1);
    let nested = |depth: usize| with_member(0, &format!("\"x\":{}{}", "[".repeat(depth), "]".repeat(depth)));
    let cases: Vec<(Vec<u8>, &str, &str)> = vec![
        (b"".into(), "unexpected-end", ""),
        (b" ".into(), "unexpected-end", ""),
        (b"{".into(), "unexpected-end", ""),
        (b"not json".into(), "syntax", ""),
        (b"{'id':1}".into(), "syntax", ""),
        (b"{}".into(), "missing-field", ""),
        (b"17".into(), "wrong-type", ""),
        (b"null".into(), "wrong-type", ""),
        (format!("{} x", record(0)).into(), "trailing-bytes", ""),
        (format!("{}{}", record(0), record(1)).into(), "trailing-bytes", ""),
        (format!("\u{feff}{}", record(0)).into(), "byte-order-mark", ""),
        (with_member(0, "\"n\":1").into(), "duplicate-key", "/n"),
        (with_member(0, "\"x\":{\"a\":1,\"a\":2}").into(), "duplicate-key", "/x/a"),
        (with_member(0, "\"x\":NaN").into(), "syntax", "/x"),
        (with_member(0, "\"x\":-Infinity").into(), "syntax", "/x"),
        (with_member(0, "\"x\":1e400").into(), "number-out-of-range", "/x"),
        (with_member(0, "\"x\":9007199254740992").into(), "number-out-of-range", "/x"),
        (with_member(0, "\"x\":-9007199254740993").into(), "number-out-of-range", "/x"),
        (with_member(0, "\"x\":-0").into(), "negative-zero", "/x"),
        (with_member(0, "\"x\":\"\\ud800\"").into(), "lone-surrogate", "/x"),
        (nested(DEPTH_MAX).into(), "too-deep", ""),
        (nested(100_000).into(), "too-deep", ""),
        (replaced("\"id\":\"01", "\"id\":7,\"y\":\"01").into(), "wrong-type", "/id"),
        (replaced("\"agent\":{", "\"x-agent\":{").into(), "bad-field", "/agent"),
        (replaced("\"tool\":", "\"x-tool\":").into(), "bad-field", "/action/tool"),
        (replaced("action.requested", "action.invented").into(), "bad-field", "/type"),
        (with_member(0, "\"approval\":{\"mode\":\"always\"}").into(), "bad-field", "/approval/mode"),
        (with_member(0, "\"outcome\":\"ok\"").into(), "bad-field", "/outcome"),
        (with_member(0, &format!("\"x\":{{\"a\":[{{\"b\":\"{JWT}\"}}]}}")).into(), "secret", "/x/a/0/b"),
        (with_member(0, &format!("\"x\":{{\"{}\":1}}", sk())).into(), "secret", ""),
        (with_member(0, &format!("\"x\":\"{PEM}\"")).into(), "secret", "/x"),
        (replaced("\"type\":\"action.requested\"", "\"type\":[]").into(), "wrong-type", "/type"),
        (replaced("\"producer\":{", "\"producer\":1,\"y\":{").into(), "wrong-type", "/producer"),
        (replaced("Z\"", "\"").into(), "bad-time", "/time"),
        (
            record(0).to_string().to_uppercase().to_lowercase().replace("\"id\":\"0", "\"id\":\"x").into(),
            "bad-id",
            "/id",
        ),
        ([&b"{\"id\":\"\xff\""[..], b"}"].concat(), "invalid-utf8", ""),
    ];
    for (body, code, path) in cases {
        let problem = served.submit("", &body).await.problem(422);
        let told = problem.json.to_string();
        assert!(code != "secret" || !told.contains("eyJ") && !told.contains("MC4C"), "{told}");
        let shown = String::from_utf8_lossy(&body[..body.len().min(300)]).into_owned();
        assert_eq!((problem.kind.as_str(), problem.code()), ("bad-record", code), "{shown}");
        let found = problem.json["path"].as_str().unwrap();
        assert!(path.is_empty() || found == path, "{found} for {shown}");
        assert!(problem.json["offset"].as_u64().unwrap() <= body.len() as u64, "{shown}");
        assert!(code != "too-deep" || problem.json["limit"] == DEPTH_MAX, "{}", problem.json);
        // Among others the same record is refused for the same reason, and the others are not.
        let lines = [&body[..], b"\n", record(1).to_string().as_bytes()].concat();
        let answer = served.post("/v1/records", "application/x-ndjson", lines).await.json();
        let items = answer["items"].as_array().unwrap();
        assert_ne!(items.last().unwrap()["status"], "rejected", "{shown}: {answer}");
    }
    assert_eq!(served.size(), 1, "the good neighbour, once");
}

#[tokio::test(flavor = "multi_thread")]
async fn deep_nesting_inside_the_limit_is_taken() {
    let served = Setup::records().serve().await;
    let depth = DEPTH_MAX - 1;
    let deep = with_member(0, &format!("\"x\":{}{}", "[".repeat(depth), "]".repeat(depth)));
    assert_eq!(served.submit("", deep).await.status, 200);
}

/// A record of so many bytes in canonical form.
fn record_of_bytes(n: u64, bytes: usize) -> String {
    let empty = with_member(n, "\"x\":\"\"").len();
    with_member(n, &format!("\"x\":\"{}\"", "y".repeat(bytes - empty)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_may_be_as_large_as_an_entry_holds() {
    let served = Setup::records().serve().await;
    // What the server adds says `open` for the submitter, which is three bytes more than the shortest name.
    let most = RECORD_BYTES_MAX - 3;
    assert_eq!(served.submit("", record_of_bytes(0, most)).await.status, 200);
    for (n, bytes, limit) in [
        (1, most + 1, ENTRY_BYTES_MAX),
        (2, RECORD_BYTES_MAX + 1, RECORD_BYTES_MAX),
        (3, 65_536, RECORD_BYTES_MAX),
        (4, 600_000, RECORD_BYTES_MAX),
    ] {
        let problem = served.submit("", record_of_bytes(n, bytes)).await.problem(413);
        assert_eq!((problem.kind.as_str(), problem.code()), ("too-large", "too-large"), "{bytes}");
        assert_eq!(problem.json["limit"], limit, "{bytes}: {}", problem.json);
        assert!(problem.detail.contains(&limit.to_string()), "{}", problem.detail);
    }
    assert_eq!(served.size(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_raw_entry_may_have_no_byte_and_at_most_65535() {
    let served = Setup::raw().serve().await;
    assert_eq!(served.add([]).await, 0);
    assert_eq!(served.add(vec![7; ENTRY_BYTES_MAX]).await, 1);
    let problem = served.post("/add", "text/plain", vec![7; ENTRY_BYTES_MAX + 1]).await.problem(413);
    assert_eq!((problem.kind.as_str(), &problem.json["limit"]), ("too-large", &json!(ENTRY_BYTES_MAX)));
    assert_eq!(served.size(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_may_hold_ten_thousand_records() {
    let served = Setup::records().serve().await;
    let array = |count: usize| format!("[{}]", vec!["{}"; count].join(","));
    let answer = served.submit("", array(RECORDS_PER_REQUEST_MAX)).await;
    assert_eq!(answer.json()["items"].as_array().map(Vec::len), Some(RECORDS_PER_REQUEST_MAX));
    for body in [array(RECORDS_PER_REQUEST_MAX + 1), array(1_000_000)] {
        let problem = served.submit("", &body).await.problem(413);
        assert_eq!((problem.kind.as_str(), problem.code()), ("too-many", "too-many"));
        assert_eq!(problem.json["limit"], RECORDS_PER_REQUEST_MAX);
    }
    let lines = "{}\n".repeat(RECORDS_PER_REQUEST_MAX + 1);
    let answer = served.post("/v1/records", "application/x-ndjson", lines).await;
    assert_eq!(answer.problem(413).kind, "too-many");
    assert_eq!(served.size(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_array_that_is_none_is_refused_as_a_whole() {
    let served = Setup::records().serve().await;
    let good = record(0).to_string();
    for (body, code) in [
        ("[".to_owned(), "unexpected-end"),
        (format!("[{good},]"), "syntax"),
        (format!("[{good},,{good}]"), "syntax"),
        (format!("[{good}"), "unexpected-end"),
        (format!("[{good}] x"), "trailing-bytes"),
        ("[".repeat(1_000_000), "unexpected-end"),
    ] {
        let problem = served.submit("", &body).await.problem(422);
        assert_eq!((problem.kind.as_str(), problem.code()), ("bad-record", code), "{body:.60}");
    }
    assert_eq!(served.size(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_over_the_limit_is_refused_announced_or_not() {
    let served = Setup::records().serve().await;
    let head = "POST /v1/records HTTP/1.1\r\nhost: log.test\r\nconnection: close\r\ncontent-type: application/x-ndjson\r\n";
    // Announced: refused although not a byte of it is ever sent.
    let announced = format!("{head}content-length: {}\r\n\r\n", BODY_BYTES_MAX + 1);
    // In chunks: refused once it is over, although the caller goes on sending.
    let chunk = [b"100000\r\n".to_vec(), vec![b' '; 1 << 20], b"\r\n".to_vec()].concat();
    let chunked =
        [format!("{head}transfer-encoding: chunked\r\n\r\n").into_bytes(), chunk.repeat(36)].concat();
    // And one that announces too much and sends it all the same.
    let sent = request("POST", "/v1/records", &[("content-type", "application/json")], &vec![b' '; 36 << 20]);
    for bytes in [announced.into_bytes(), chunked, sent] {
        let mut stream = served.connect().await;
        // Who is refused can send on, and is not reset before the answer is read.
        stream.write_all(&bytes).await.unwrap();
        let answer = Answer::parse(&read_to_end(&mut stream).await, "POST");
        let problem = answer.problem(413);
        assert_eq!((problem.kind.as_str(), &problem.json["limit"]), ("too-large", &json!(BODY_BYTES_MAX)));
        crate::contract::check("POST", "/v1/records", &answer);
    }
    let most = [vec![b' '; BODY_BYTES_MAX - 2], b"[]".to_vec()].concat();
    assert_eq!(served.submit("", most).await.json()["items"], Value::Array(vec![]));
}
