use std::sync::Mutex;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

/// A server that gives the answers of a script, one a connection, and keeps what it was asked.
struct Script {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Script {
    async fn of(answers: Vec<Vec<u8>>) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), answers)
    }

    fn on(listener: TcpListener, answers: Vec<Vec<u8>>) -> Self {
        let url = format!("http://{}/log", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(vec![]));
        let notes = asked.clone();
        tokio::spawn(async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = vec![];
                while !request.windows(4).any(|four| four == b"\r\n\r\n") {
                    assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0, "the request was cut off");
                }
                notes.lock().unwrap().push(String::from_utf8_lossy(&request).into_owned());
                stream.write_all(&answer).await.unwrap();
                stream.shutdown().await.unwrap();
            }
        });
        Self { url, asked }
    }

    fn http(&self) -> Http {
        let options = HttpOptions {
            timeout: Duration::from_secs(5),
            token: Some(Bearer::new("secret").unwrap()),
            ..HttpOptions::default()
        };
        Http::new(&self.url, &options).unwrap()
    }

    fn requests(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n");
    [head.as_bytes(), body].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(vec![], flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// What is durable and not witnessed is told at once, and not waited for six times.
#[tokio::test]
async fn what_was_waited_for_in_vain_is_told_in_the_logs_words() {
    for kind in ["not-published", "not-witnessed"] {
        let problem =
            format!(r#"{{"type":"urn:deedbook:problem:{kind}","title":"t","detail":"durable, but"}}"#);
        let script = Script::of(vec![
            answer("503 Service Unavailable", "Retry-After: 1\r\n", problem.as_bytes()),
            answer("200 OK", "", b"again"),
        ]);
        let script = script.await;
        let error = script.http().post("v1/records", "text/plain", Bytes::new(), 10).await.unwrap_err();
        assert!(matches!(error, HttpError::InVain { .. }), "{error}");
        assert!(error.to_string().ends_with(": durable, but"), "{error}");
        assert_eq!(script.requests(), 1);
    }
}

#[tokio::test]
async fn only_404_says_that_something_is_not_there() {
    let script = Script::of(vec![
        answer("404 Not Found", "", b"none"),
        answer("403 Forbidden", "", br#"{"type":"urn:x","title":"no","detail":"a token is needed"}"#),
        answer("204 No Content", "", b""),
    ])
    .await;
    let http = script.http();
    assert_eq!(http.get("tile/0/000", 10).await.unwrap(), None);
    let error = http.get("tile/0/000", 10).await.unwrap_err();
    assert!(error.to_string().ends_with("refused with status 403 Forbidden: a token is needed"), "{error}");
    assert!(matches!(http.get("tile/0/000", 10).await, Err(HttpError::Refused { .. })));
    let asked = script.asked.lock().unwrap();
    let first = asked[0].to_lowercase();
    assert!(first.starts_with("get /log/tile/0/000 http/1.1\r\n"), "{first}");
    assert!(first.contains("authorization: bearer secret\r\n"), "{first}");
    assert!(first.contains("accept-encoding: gzip, identity\r\n"), "{first}");
}

#[tokio::test]
async fn a_busy_log_is_asked_again_when_it_said() {
    let script = Script::of(vec![
        answer("503 Service Unavailable", "Retry-After: 1\r\n", b""),
        answer("429 Too Many Requests", "", b""),
        answer("500 Internal Server Error", "", b""),
        answer("200 OK", "", b"there"),
    ])
    .await;
    let start = std::time::Instant::now();
    assert_eq!(script.http().get("checkpoint", 10).await.unwrap().unwrap(), "there");
    assert!(start.elapsed() >= Duration::from_secs(1), "Retry-After was not kept");
    assert_eq!(script.requests(), 4);
}

#[tokio::test]
async fn a_log_that_asks_for_too_much_patience_is_given_up_at_once() {
    let script =
        Script::of(vec![answer("503 Service Unavailable", "Retry-After: 3600\r\n", b"full\n")]).await;
    let error = script.http().get("checkpoint", 10).await.unwrap_err();
    assert!(matches!(error, HttpError::Busy { wait: Some(wait), .. } if wait.as_secs() == 3600), "{error}");
    assert!(error.to_string().contains(": full"), "{error}");
    assert_eq!(script.requests(), 1);
}

#[tokio::test]
async fn a_connection_that_breaks_in_the_body_is_tried_again() {
    let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf".to_vec();
    let script = Script::of(vec![cut, answer("200 OK", "", b"whole")]).await;
    assert_eq!(script.http().get("checkpoint", 200).await.unwrap().unwrap(), "whole");
}

#[tokio::test]
async fn gzip_is_undone_and_what_it_grows_to_is_bounded() {
    let script = Script::of(vec![
        answer("200 OK", "Content-Encoding: gzip\r\n", &gzip(b"some words")),
        answer("200 OK", "Content-Encoding: gzip\r\n", &gzip(&vec![0; 10_000_000])),
        answer("200 OK", "Content-Encoding: gzip\r\n", b"not gzip"),
        answer("200 OK", "Content-Encoding: br\r\n", b"x"),
        answer("200 OK", "", &[b'x'; 5_000]),
    ])
    .await;
    let http = script.http();
    assert_eq!(http.get("a", 100).await.unwrap().unwrap(), "some words");
    assert_eq!(
        http.get("a", 100).await.unwrap().unwrap().len(),
        101,
        "one byte too many shows that it is wrong"
    );
    assert!(matches!(http.get("a", 100).await, Err(HttpError::BadCoding { .. })));
    assert!(matches!(http.get("a", 100).await, Err(HttpError::BadCoding { .. })));
    assert_eq!(http.get("a", 100).await.unwrap().unwrap().len(), 101);
}

#[tokio::test]
async fn a_submission_is_not_redirected_and_a_read_is() {
    let elsewhere = Script::of(vec![answer("200 OK", "", b"moved")]).await;
    let to = format!("Location: {}/checkpoint\r\n", elsewhere.url);
    let script =
        Script::of(vec![answer("307 Temporary Redirect", &to, b""), answer("302 Found", &to, b"")]).await;
    let http = script.http();
    let error = http.post("add", "text/plain", Bytes::from_static(b"x"), 10).await.unwrap_err();
    assert!(matches!(error, HttpError::Refused { status, .. } if status == 307), "{error}");
    assert_eq!(elsewhere.requests(), 0);
    assert_eq!(http.get("checkpoint", 10).await.unwrap().unwrap(), "moved");
}

/// Whether a request carried the token.
fn has_token(request: &str) -> bool {
    request.to_lowercase().contains("\r\nauthorization:") || request.contains("secret")
}

#[tokio::test]
async fn the_token_goes_to_the_logs_own_origin_and_to_nobody_else() {
    let away = Script::of(vec![answer("200 OK", "", b"away"), answer("200 OK", "", b"by its name")]).await;
    let to_away = format!("Location: {}/checkpoint\r\n", away.url);
    let by_name = to_away.replace("127.0.0.1", "localhost");
    let home = Script::of(vec![
        answer("302 Found", "Location: /log/elsewhere\r\n", b""),
        answer("308 Permanent Redirect", &to_away, b""),
        answer("302 Found", &by_name, b""),
    ])
    .await;
    let http = home.http();
    assert_eq!(http.get("checkpoint", 10).await.unwrap().unwrap(), "away");
    assert_eq!(http.get("checkpoint", 20).await.unwrap().unwrap(), "by its name");
    let (at_home, away) = (home.asked.lock().unwrap().clone(), away.asked.lock().unwrap().clone());
    assert_eq!(at_home.iter().map(|request| has_token(request)).collect::<Vec<_>>(), [true, true, true]);
    assert!(at_home[1].starts_with("GET /log/elsewhere "), "a redirect at home is followed with the token");
    assert_eq!(away.iter().map(|request| has_token(request)).collect::<Vec<_>>(), [false, false]);
}

#[tokio::test]
async fn who_was_sent_back_home_from_elsewhere_comes_without_the_token() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let home = format!("http://{}", listener.local_addr().unwrap());
    let back = format!("Location: {home}/back\r\n");
    let away = Script::of(vec![answer("302 Found", &back, b"")]).await;
    let to_away = format!("Location: {}/x\r\n", away.url);
    let script =
        Script::on(listener, vec![answer("302 Found", &to_away, b""), answer("200 OK", "", b"back")]);
    assert_eq!(script.http().get("checkpoint", 10).await.unwrap().unwrap(), "back");
    let asked = script.asked.lock().unwrap();
    assert_eq!(asked.iter().map(|request| has_token(request)).collect::<Vec<_>>(), [true, false]);
}

#[tokio::test]
async fn nothing_is_followed_in_circles_or_to_where_no_log_can_be() {
    let circle = vec![answer("302 Found", "Location: /log/checkpoint\r\n", b""); REDIRECTS_MAX + 1];
    for (answers, requests) in [
        (circle, REDIRECTS_MAX + 1),
        (vec![answer("302 Found", "Location: file:///etc/passwd\r\n", b"")], 1),
        (vec![answer("302 Found", "", b"")], 1),
    ] {
        let script = Script::of(answers).await;
        let error = script.http().get("checkpoint", 10).await.unwrap_err();
        assert!(matches!(error, HttpError::Redirects { .. }), "{error}");
        assert_eq!(script.requests(), requests);
    }
}

#[test]
fn the_same_host_without_tls_or_on_another_port_is_another_origin() {
    let origin = |url: &str| Url::parse(url).unwrap().origin();
    assert_eq!(origin("https://log.example.org/a/"), origin("https://log.example.org:443/b"));
    for other in ["http://log.example.org:443/", "https://log.example.org:8443/", "https://example.org/"] {
        assert_ne!(origin("https://log.example.org/"), origin(other), "{other}");
    }
}

#[test]
fn authorities_are_certificates_in_pem() {
    for bad in [&b""[..], b"hello", b"-----BEGIN CERTIFICATE-----\nAA\n"] {
        assert_eq!(Authorities::from_pem(bad).map(drop), Err(BadUrl::Certificates));
    }
}

#[tokio::test]
async fn a_submission_brings_home_what_the_log_decided() {
    let script = Script::of(vec![
        answer("503 Service Unavailable", "Retry-After: 0\r\n", b""),
        answer("409 Conflict", "", b"{}"),
        answer("200 OK", "", &[b'x'; 100]),
    ])
    .await;
    let http = script.http();
    let decided = http.post("add", "text/plain", Bytes::from_static(b"x"), 10).await.unwrap();
    assert_eq!((decided.status.as_u16(), &decided.body[..]), (409, &b"{}"[..]));
    let error = http.post("add", "text/plain", Bytes::from_static(b"x"), 10).await.unwrap_err();
    assert!(matches!(error, HttpError::TooLarge { limit: 10, .. }), "{error}");
}

#[tokio::test]
async fn nobody_at_home_is_said_plainly() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let options = HttpOptions { attempts: 2, ..HttpOptions::default() };
    let error =
        Http::new(&format!("http://{free}"), &options).unwrap().get("checkpoint", 1).await.unwrap_err();
    assert!(error.to_string().contains("no answer: Connection refused"), "{error}");
}

#[test]
fn a_prefix_has_one_meaning_with_and_without_its_slash() {
    for (prefix, want) in [
        ("http://log.example.org", Some("http://log.example.org/tile/0/000")),
        ("https://log.example.org/a", Some("https://log.example.org/a/tile/0/000")),
        ("https://log.example.org/a/", Some("https://log.example.org/a/tile/0/000")),
        ("https://log.example.org/a?b", None),
        ("https://log.example.org/a#b", None),
        ("ftp://log.example.org/", None),
        ("log.example.org", None),
        ("http://", None),
        ("", None),
    ] {
        let url = parse_prefix(prefix).ok().map(|prefix| prefix.join("tile/0/000").unwrap().to_string());
        assert_eq!(url.as_deref(), want, "{prefix:?}");
    }
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    assert_eq!(retry_after("7"), Some(Duration::from_secs(7)));
    assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO), "in the past: now");
    let ahead = retry_after("Fri, 01 Jan 2123 00:00:00 GMT").unwrap();
    assert!(ahead > Duration::from_hours(80 * 365 * 24), "{ahead:?}");
    assert_eq!(retry_after("soon"), None);
    assert_eq!(retry_after("-1"), None);
}

#[tokio::test]
async fn a_content_is_shown_hidden_withheld_or_erased_and_never_another_one() {
    use crate::payload::{Payload, PayloadError, payload};
    let made = record::Disclosure::make([1; 16], "input", b"abc").unwrap();
    let script = Script::of(vec![
        answer("200 OK", "", made.text().as_bytes()),
        answer("404 Not Found", "", b""),
        answer("403 Forbidden", "", b""),
        answer("410 Gone", "", b""),
        answer("200 OK", "", b"WyJvdGhlciJd"),
        answer("401 Unauthorized", "", b""),
    ])
    .await;
    let http = script.http();
    for wanted in
        [Payload::Shown(made.text().to_owned()), Payload::Hidden, Payload::Withheld, Payload::Erased]
    {
        assert_eq!(payload(&http, &made.sd()).await.unwrap(), wanted);
    }
    let other = payload(&http, &made.sd()).await;
    assert!(matches!(other, Err(PayloadError::OtherDigest(sd)) if sd == made.sd()), "{other:?}");
    assert!(matches!(payload(&http, &made.sd()).await, Err(PayloadError::Http(_))));
    let asked = script.asked.lock().unwrap()[0].clone();
    assert!(asked.starts_with(&format!("GET /log/v1/payloads/{} ", made.sd())), "{asked}");
}
