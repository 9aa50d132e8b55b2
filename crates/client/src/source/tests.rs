//! The same log over HTTP and from its directory.

use std::io::Write as _;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};

use http_body_util::Full;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::*;
use crate::audit::{Audit, Scope, Silent, Wrong};
use crate::copy::Copy;
use crate::follow::Changes;
use crate::testlog::{TestLog, entry};

/// A static web server, as a bucket or a CDN would be: files, gzip on bundles, a failure now and then.
struct Web {
    url: String,
    asked: Arc<AtomicU64>,
}

impl Web {
    async fn serve(directory: &Path, fail_every: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/a/log", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicU64::new(0));
        let (counter, directory) = (asked.clone(), directory.to_owned());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (counter, directory) = (counter.clone(), directory.clone());
                let service = service_fn(move |request| {
                    let number = counter.fetch_add(1, Ordering::Relaxed);
                    let failing = fail_every > 0 && number % fail_every == fail_every - 1;
                    let answer = answer(&directory, failing, &request);
                    async move { Ok::<_, std::convert::Infallible>(answer) }
                });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        Self { url, asked }
    }

    fn source(&self) -> Source {
        Source::open(&self.url, &HttpOptions::default()).unwrap()
    }
}

fn answer(
    directory: &Path,
    failing: bool,
    request: &Request<hyper::body::Incoming>,
) -> Response<Full<Bytes>> {
    let status = |code: u16| Response::builder().status(code);
    if failing {
        return status(503).header("Retry-After", "0").body(Full::default()).unwrap();
    }
    let path = request.uri().path().strip_prefix("/a/log/").unwrap();
    match std::fs::read(directory.join(path)) {
        Err(_) => status(404).body(Full::default()).unwrap(),
        Ok(bytes) if path.starts_with("tile/entries/") => {
            let mut gzip = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
            gzip.write_all(&bytes).unwrap();
            let body = Full::from(gzip.finish().unwrap());
            status(200).header("Content-Encoding", "gzip").body(body).unwrap()
        }
        Ok(bytes) => status(200).body(Full::from(bytes)).unwrap(),
    }
}

fn audit(source: Source, log: &TestLog) -> Audit {
    let threads = NonZeroUsize::new(2).unwrap();
    Audit {
        source,
        policy: log.policy(),
        changes: Changes::Followed,
        state: None,
        scope: Scope::Full,
        threads,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_over_http_says_what_one_of_the_directory_says() {
    let log = TestLog::of_size(3_000);
    let web = Web::serve(log.path(), 0).await;
    let report = audit(web.source(), &log).run(&Silent).await.unwrap();
    assert!(report.holds(), "{:?}", report.findings);
    assert_eq!(report.counted.entries, 3_000);
    assert_eq!(web.asked.load(Ordering::Relaxed), 1 + 12 + 12 + 1, "each resource is asked for once");

    log.flip("tile/entries/004", 3);
    std::fs::remove_file(log.file("tile/0/007")).unwrap();
    let there = audit(Source::directory(log.path()).unwrap(), &log).run(&Silent).await.unwrap();
    let over_http = audit(web.source(), &log).run(&Silent).await.unwrap();
    assert_eq!(over_http.findings, there.findings);
    let wrong: Vec<_> = there.findings.first.iter().map(|finding| finding.wrong).collect();
    assert_eq!(wrong, [Wrong::Entry, Wrong::Missing]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_fails_now_and_then_changes_nothing() {
    let log = TestLog::of_size(5_000);
    let web = Web::serve(log.path(), 7).await;
    let report = audit(web.source(), &log).run(&Silent).await.unwrap();
    assert!(report.holds(), "{:?}", report.findings);
    assert!(web.asked.load(Ordering::Relaxed) > 45, "some were asked for twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_over_http_is_the_log_uncompressed() {
    let mut log = TestLog::of_size(1_000);
    let web = Web::serve(log.path(), 11).await;
    let home = tempfile::tempdir().unwrap();
    let copy = |directory: &Path| Copy {
        source: web.source(),
        policy: log.policy(),
        changes: Changes::Followed,
        directory: directory.to_owned(),
        threads: NonZeroUsize::MIN,
    };
    let (first, second) = (copy(home.path()), copy(home.path()));
    assert_eq!(first.run(&Silent).await.unwrap().written, 4 + 4 + 1);
    log.grow((1_000..1_300).map(entry));
    let copied = second.run(&Silent).await.unwrap();
    assert_eq!((copied.continues, copied.size, copied.counted.entries), (Some(1_000), 1_300, 1_300));
    for resource in
        ["checkpoint", "tile/entries/002", "tile/entries/005.p/20", "tile/0/005.p/20", "tile/1/000.p/5"]
    {
        assert_eq!(std::fs::read(home.path().join(resource)).unwrap(), log.read(resource), "{resource}");
    }
}

#[tokio::test]
async fn a_partial_is_taken_from_the_full_one_and_never_longer_than_asked() {
    let mut log = TestLog::of_size(10);
    log.grow((10..300).map(entry));
    let source = Source::directory(log.path()).unwrap();
    let (tile, bundle) = (Tile::at(0, 0, 7).unwrap(), Bundle::at(0, 7).unwrap());
    assert!(!log.file(&tile.to_string()).exists());
    assert_eq!(source.tile(tile).await.unwrap().unwrap(), log.read("tile/0/000")[..7 * 32]);
    assert_eq!(source.bundle(bundle).await.unwrap().unwrap(), log.read("tile/entries/000")[..7 * 9]);
    assert_eq!(source.tile(Tile::at(0, 5, 2_000).unwrap()).await.unwrap(), None);
    assert_eq!(
        source.tile(Tile::at(1, 0, 1_000).unwrap()).await.unwrap(),
        None,
        "no full tile to take it from"
    );
}

#[test]
fn a_place_is_a_url_or_a_directory() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().to_str().unwrap();
    let open = |place: &str| Source::open(place, &HttpOptions::default()).map(|source| source.to_string());
    assert_eq!(open(path).unwrap(), path);
    assert_eq!(open(&format!("file://{path}")).unwrap(), path);
    assert_eq!(open("http://log.example.org/x").unwrap(), "http://log.example.org/x/");
    assert!(matches!(open("http://"), Err(SourceError::Http(_))));
    assert!(matches!(open("/nowhere/at/all"), Err(SourceError::File { .. })));
    assert!(matches!(open("log.example.org"), Err(SourceError::File { .. })));
}
