//! A server that does nothing, on the HTTP stack that Deedbook stands on: the ceiling of that stack.
//!
//! `POST /add` reads the body, forgets it and answers with a growing number; `POST /v1/records` reads lines, counts them
//! and answers with as many items, each as long as a log's. What a log achieves beside this server, in
//! the same run on the same machine, is what the log itself costs; the rest is the load tool, the kernel and axum.
//!
//! ```text
//! idle [--listen 127.0.0.1:0] [--sleep-ms N]     prints "http://ADDRESS/" and serves until it is stopped
//! ```
//!
//! `--sleep-ms` waits that long before each answer, as a log waits for its disk: with few connections the wait, and not
//! the stack, bounds the rate.
//!
//! Two checkpoints are served. `GET /checkpoint` has the number of answers as its size, so that a rate is read from
//! here as it is read from a log; its root is all zeros and its signature is another's, nobody can verify it.
//! `GET /still/checkpoint` is a correctly signed checkpoint of an empty log, for a load tool that insists on one and
//! would ask for consistency proofs if it ever grew ([`STILL_VKEY`] is its key).

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::{get, post};

/// The vkey (C2SP signed-note) under which `/still/checkpoint` verifies. A test key: its seed is public.
pub const STILL_VKEY: &str = "example.com/idle+6ba8a705+AdueEF3u8MmkLtn9Ihife4BxtaUjeBkGxNSyAde9c03g";

/// The checkpoint of an empty log: origin, size, root, and the signature by [`STILL_VKEY`].
const STILL_CHECKPOINT: &str = "example.com/idle\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n\
    — example.com/idle a6inBVpdyoJG994XAoRPbhi3URHYe4px66v6j0E83m3tFbqIgSCv0+wAFp565xdLpe3/vfPDZl0f4e2k1xTH9FTKKwg=\n";

/// Bytes of a request body that are taken, as by the log.
const BODY_BYTES_MAX: usize = 32 << 20;

/// One item of an answer to records: as long as a real one.
const ITEM: &str = r#"{"status":"logged","index":1000000,"id":"00000000-0000-7000-8000-000000000000","leaf_hash":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","log":{"agent":"asserted","principal":"asserted","received":"2026-01-01T00:00:00.000Z","salt":"AAAAAAAAAAAAAAAAAAAAAA","submitter":"open","v":1}}"#;

/// How many adds were answered, and how long each answer waits.
struct Idle {
    answered: AtomicU64,
    sleep: Duration,
}

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
struct Options {
    listen: SocketAddr,
    sleep: Duration,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(why) => return refuse(&why),
    };
    match serve(&options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => refuse(&format!("cannot serve on {}: {why}", options.listen)),
    }
}

fn refuse(why: &str) -> ExitCode {
    eprintln!("idle: {why}");
    ExitCode::from(2)
}

async fn serve(options: &Options) -> std::io::Result<()> {
    use std::io::Write as _;
    let listener = tokio::net::TcpListener::bind(options.listen).await?;
    writeln!(std::io::stdout(), "http://{}/", listener.local_addr()?)?;
    axum::serve(listener, router(options.sleep)).await
}

fn router(sleep: Duration) -> Router {
    let idle = Arc::new(Idle { answered: AtomicU64::new(0), sleep });
    Router::new()
        .route("/add", post(add))
        .route("/v1/records", post(records).layer(DefaultBodyLimit::max(BODY_BYTES_MAX)))
        .route("/checkpoint", get(checkpoint))
        .route("/still/checkpoint", get(async || STILL_CHECKPOINT))
        .with_state(idle)
}

/// The body is taken in whole, as a log must, and dropped.
async fn add(State(idle): State<Arc<Idle>>, _body: Bytes) -> String {
    if !idle.sleep.is_zero() {
        tokio::time::sleep(idle.sleep).await;
    }
    format!("{}\n", idle.answered.fetch_add(1, Ordering::Relaxed))
}

/// The body is taken in whole; each line feed in it is an add.
async fn records(State(idle): State<Arc<Idle>>, body: Bytes) -> impl IntoResponse {
    let lines = memchr::memchr_iter(b'\n', &body).count();
    if !idle.sleep.is_zero() {
        tokio::time::sleep(idle.sleep).await;
    }
    let size = idle.answered.fetch_add(lines as u64, Ordering::Relaxed) + lines as u64;
    let answer = format!(r#"{{"size":{size},"checkpoint":"","items":[{}]}}"#, vec![ITEM; lines].join(","));
    ([(CONTENT_TYPE, "application/json")], answer)
}

async fn checkpoint(State(idle): State<Arc<Idle>>) -> String {
    let (size, root) = (idle.answered.load(Ordering::Relaxed), "A".repeat(43));
    let signature = STILL_CHECKPOINT.lines().last().unwrap_or_default();
    format!("example.com/idle\n{size}\n{root}=\n\n{signature}\n")
}

impl Options {
    fn parse(mut args: impl Iterator<Item = String>) -> Result<Options, String> {
        let mut options = Options { listen: SocketAddr::from(([127, 0, 0, 1], 0)), sleep: Duration::ZERO };
        while let Some(name) = args.next() {
            let value = args.next().ok_or_else(|| format!("{name} needs a value"))?;
            let wrong = |what: &str| format!("{name} {value}: not {what}");
            match name.as_str() {
                "--listen" => options.listen = value.parse().map_err(|_| wrong("an address with a port"))?,
                "--sleep-ms" => {
                    options.sleep =
                        value.parse().map(Duration::from_millis).map_err(|_| wrong("a whole number"))?;
                }
                _ => return Err(format!("{name}: only --listen and --sleep-ms are known")),
            }
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Options, String> {
        Options::parse(args.iter().map(ToString::to_string))
    }

    #[test]
    fn options_have_defaults_and_refuse_what_they_do_not_know() {
        let loopback = parse(&[]).unwrap();
        assert!(loopback.listen.ip().is_loopback() && loopback.sleep.is_zero());
        assert_eq!(parse(&["--sleep-ms", "5"]).unwrap().sleep, Duration::from_millis(5));
        for bad in [&["--sleep-ms"][..], &["--sleep-ms", "-1"], &["--listen", "here"], &["--fast", "1"]] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }

    #[tokio::test]
    async fn each_add_counts_one_and_the_checkpoint_says_how_many() {
        let idle = Arc::new(Idle { answered: AtomicU64::new(0), sleep: Duration::ZERO });
        assert_eq!(add(State(idle.clone()), Bytes::from_static(b"a")).await, "0\n");
        assert_eq!(add(State(idle.clone()), Bytes::from_static(b"b")).await, "1\n");
        let text = checkpoint(State(idle)).await;
        assert_eq!(text.lines().nth(1), Some("2"));
        assert_eq!(text.lines().count(), STILL_CHECKPOINT.lines().count());
    }

    #[tokio::test]
    async fn each_line_of_a_body_is_answered_with_an_item_and_counts_one() {
        let idle = Arc::new(Idle { answered: AtomicU64::new(5), sleep: Duration::ZERO });
        let answer = records(State(idle), Bytes::from_static(b"{}\n{}\n{}\n")).await.into_response();
        let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        let text = std::str::from_utf8(&body).unwrap();
        assert_eq!(text.matches(r#""status":"logged""#).count(), 3);
        assert!(text.starts_with(r#"{"size":8,"#) && text.ends_with("}]}"), "{text}");
    }
}
