//! What stands around the bytes of the public log: content types, caching, compression, other origins, methods.

use std::io::Read as _;

use flate2::read::GzDecoder;

use crate::{asking::Answer, public_log::raw_log};

const IMMUTABLE: &str = "public, max-age=604800, immutable";

#[tokio::test(flavor = "multi_thread")]
async fn types_caching_and_origins_are_those_of_the_specification() {
    let served = raw_log(257).await;
    for (path, content_type, caching, vary) in [
        ("/checkpoint", "text/plain; charset=utf-8", "no-store", None),
        ("/tile/0/000", "application/octet-stream", IMMUTABLE, None),
        ("/tile/0/001.p/1", "application/octet-stream", IMMUTABLE, None),
        ("/tile/1/000.p/1", "application/octet-stream", IMMUTABLE, None),
        ("/tile/entries/000", "application/octet-stream", IMMUTABLE, Some("accept-encoding")),
        ("/tile/entries/001.p/1", "application/octet-stream", IMMUTABLE, Some("accept-encoding")),
    ] {
        let answer = served.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("content-type"), Some(content_type), "{path}");
        assert_eq!(answer.header("cache-control"), Some(caching), "{path}");
        assert_eq!(answer.header("vary"), vary, "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{path}");
        assert_eq!(answer.header("content-encoding"), None, "{path}: nobody asked for it");
    }
    for path in
        ["/v1/log", "/v1/proofs/inclusion?index=0", "/v1/proofs/consistency?old=1", "/v1/proofs/inclusion"]
    {
        let answer = served.get(path).await;
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{path}");
    }
    for path in ["/v1/records/0", "/metrics", "/readyz"] {
        let answer = served.get(path).await;
        assert_eq!(answer.header("access-control-allow-origin"), None, "{path} is not of the public log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bundles_alone_are_compressed_and_only_if_asked() {
    let served = raw_log(257).await;
    let asking = async |path: &str, accepted: &str| -> Answer {
        served.ask("GET", path, &[("accept-encoding", accepted)], b"").await
    };
    for path in ["/tile/entries/000", "/tile/entries/000.p/200", "/tile/entries/001.p/1"] {
        let plain = served.get(path).await;
        let packed = asking(path, "br, gzip;q=0.5").await;
        assert_eq!(packed.header("content-encoding"), Some("gzip"), "{path}");
        assert_eq!(packed.header("vary"), Some("accept-encoding"), "{path}");
        assert_eq!(packed.header("cache-control"), Some(IMMUTABLE), "{path}");
        let mut unpacked = vec![];
        GzDecoder::new(&packed.body[..]).read_to_end(&mut unpacked).unwrap();
        assert_eq!(plain.body, unpacked, "{path}");
        assert_eq!(packed.body, asking(path, "gzip").await.body, "{path}: the same bytes each time");
        for refused in ["identity", "gzip;q=0", "br", ""] {
            let answer = asking(path, refused).await;
            assert_eq!((answer.header("content-encoding"), &answer.body), (None, &plain.body), "{refused:?}");
        }
    }
    for path in ["/checkpoint", "/tile/0/000", "/tile/0/001.p/1", "/tile/entries/009", "/tile/entries/000?"] {
        assert_eq!(asking(path, "gzip").await.header("content-encoding"), None, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn head_answers_as_get_does_without_the_body() {
    let served = raw_log(257).await;
    for path in
        ["/checkpoint", "/tile/0/000", "/tile/entries/001.p/1", "/tile/0/009", "/v1/log", "/v1/log/keys"]
    {
        let get = served.get(path).await;
        let head = served.ask("HEAD", path, &[], b"").await;
        assert_eq!(head.status, get.status, "{path}");
        let without_date = |answer: &Answer| {
            let mut headers = answer.headers.clone();
            headers.retain(|(name, _)| name != "date");
            headers.sort();
            headers
        };
        assert_eq!(without_date(&head), without_date(&get), "{path}: also the length");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_method_is_refused_and_told_which_are_taken() {
    let served = raw_log(1).await;
    for (method, path, allowed) in [
        ("POST", "/checkpoint", "GET,HEAD"),
        ("PUT", "/tile/0/000.p/1", "GET,HEAD"),
        ("DELETE", "/tile/entries/000.p/1", "GET,HEAD"),
        ("PATCH", "/v1/log", "GET,HEAD"),
        ("GET", "/add", "POST"),
        ("PUT", "/v1/records", "POST,GET,HEAD"),
        ("DELETE", "/v1/records/0", "GET,HEAD"),
    ] {
        let answer = served.ask(method, path, &[], b"").await;
        assert_eq!(answer.problem(405).kind, "method-not-allowed", "{method} {path}");
        assert_eq!(answer.header("allow"), Some(allowed), "{method} {path}");
    }
}

/// A page that reads the log sends plain GETs. Those need no preflight (Fetch, "CORS-safelisted"), also with an
/// `Origin`; a page that wants to send more than that is told no.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_origin_reads_the_log_and_does_no_more() {
    let served = raw_log(1).await;
    for path in ["/checkpoint", "/tile/0/000.p/1", "/tile/entries/000.p/1", "/tile/0/000"] {
        let answer = served.ask("GET", path, &[("origin", "https://auditor.example")], b"").await;
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{path}");
        assert_eq!(answer.header("access-control-allow-credentials"), None, "{path}");
    }
    let asked = [("origin", "https://evil.example"), ("access-control-request-method", "POST")];
    let answer = served.ask("OPTIONS", "/add", &asked, b"").await;
    assert_eq!(answer.problem(405).kind, "method-not-allowed");
    assert_eq!(answer.header("access-control-allow-origin"), None);
}
