//! The same server over TLS: certificates made here, real handshakes, and peers that do not finish theirs.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use client::{Authorities, Bearer, Http, HttpError, HttpOptions};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use server::{Tls, TlsError, access::Role, limits::Timeouts};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{
    asking::{Answer, read_to_end, request},
    records::record,
    served::{PATIENCE, Served, Setup, until},
};

const LIMIT: Duration = Duration::from_millis(300);

/// A certificate for 127.0.0.1 that vouches for itself, and its key; both PEM.
struct Pair {
    certificate: String,
    key: String,
}

impl Pair {
    fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        Self { certificate: made.cert.pem(), key: made.signing_key.serialize_pem() }
    }

    fn tls(&self) -> Tls {
        Tls::new(self.certificate.as_bytes(), self.key.as_bytes()).unwrap()
    }

    /// A connection to the server that believes this certificate alone and offers these protocols.
    async fn connect(&self, served: &Served, protocols: &[&[u8]]) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.certificate.as_bytes()).unwrap()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, served.connect().await).await
    }

    fn options(&self) -> HttpOptions {
        HttpOptions {
            authorities: Some(Authorities::from_pem(self.certificate.as_bytes()).unwrap()),
            attempts: 1,
            ..HttpOptions::default()
        }
    }
}

async fn raw_log(pair: &Pair, timeouts: Timeouts, connections_max: usize) -> Served {
    Setup { tls: Some(pair.tls()), timeouts, connections_max, ..Setup::raw() }.serve().await
}

/// Makes the first bundle of the log one entry, over and over.
async fn fill(served: &Served, entry: Vec<u8>) {
    let entry = tlog::integrate::Entry::new(entry.into()).unwrap();
    let submission = || sequencer::pool::Submission::new(entry.clone(), None);
    let all = std::iter::repeat_with(submission).take(256).collect();
    served.app.log().submit(all).unwrap().await.unwrap().unwrap();
}

fn short() -> Timeouts {
    Timeouts { header: LIMIT, stall: LIMIT, linger: LIMIT, ..Timeouts::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_believes_the_authority_submits_and_reads() {
    let pair = Pair::new();
    let (setup, bearers) = Setup { tls: Some(pair.tls()), ..Setup::records() }.under_tokens();
    let served = setup.serve().await;
    let url = format!("https://{}", served.address);
    let submitter = Some(Bearer::new(bearers.of(Role::Submitter)).unwrap());
    let http = Http::new(&url, &HttpOptions { token: submitter, ..pair.options() }).unwrap();
    let body = record(0).to_string().into_bytes().into();
    let answer = http.post("v1/records?wait=published", "application/json", body, 1 << 20).await.unwrap();
    assert_eq!(answer.status, 200);
    assert!(http.get("checkpoint", 1 << 20).await.unwrap().is_some());

    let other = Http::new(&url, &Pair::new().options()).unwrap();
    let error = other.get("checkpoint", 1 << 20).await.unwrap_err();
    assert!(matches!(error, HttpError::Unreachable { .. }), "another certificate is not believed: {error}");
    let plain = Http::new(&format!("http://{}", served.address), &pair.options()).unwrap();
    assert!(plain.get("checkpoint", 1 << 20).await.is_err(), "what is no TLS is not answered");
}

#[tokio::test(flavor = "multi_thread")]
async fn http_1_is_what_is_spoken_and_nothing_else() {
    let pair = Pair::new();
    let served = raw_log(&pair, Timeouts::default(), 10).await;
    for offered in [&[&b"h2"[..], b"http/1.1"][..], &[]] {
        let mut stream = pair.connect(&served, offered).await.unwrap();
        let agreed = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
        assert_eq!(agreed, (!offered.is_empty()).then(|| b"http/1.1".to_vec()));
        stream.write_all(&request("GET", "/healthz", &[], b"")).await.unwrap();
        let mut heard = vec![];
        stream.read_to_end(&mut heard).await.unwrap();
        assert_eq!(Answer::parse(&heard, "GET").text(), "ok\n", "and the end was said, not cut");
    }
    assert!(pair.connect(&served, &[b"h2"]).await.is_err(), "who speaks HTTP/2 alone is not misunderstood");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_has_a_limit_and_a_place_like_any_connection() {
    let pair = Pair::new();
    let served = raw_log(&pair, short(), 1).await;
    let start = Instant::now();
    let mut silent = served.connect().await;
    until("the silent one has the place", || served.connections() == 1).await;
    assert!(pair.connect(&served, &[]).await.is_err(), "there is no other place");
    assert!(start.elapsed() < LIMIT, "nobody waited for the silent one: {:?}", start.elapsed());
    assert!(read_to_end(&mut silent).await.is_empty());
    assert!(start.elapsed() >= LIMIT, "{:?}", start.elapsed());
    until("the place is free again", || served.connections() == 0).await;
    pair.connect(&served, &[]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_that_hangs_does_not_hold_up_the_end() {
    let pair = Pair::new();
    let served = raw_log(&pair, Timeouts::default(), 10).await;
    let _silent = served.connect().await;
    until("it is there", || served.connections() == 1).await;
    let start = Instant::now();
    served.stopped().await;
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_never_takes_its_answer_is_cut_off_over_tls_too() {
    let pair = Pair::new();
    let served = raw_log(&pair, Timeouts { header: Duration::from_secs(30), ..short() }, 10).await;
    fill(&served, testkit::Chance::seeded(1).next_u64().to_le_bytes().repeat(8_000)).await;
    let mut stream = pair.connect(&served, &[]).await.unwrap();
    let bundle = String::from_utf8(request("GET", "/tile/entries/000", &[], b"")).unwrap();
    stream.write_all(bundle.replace("connection: close\r\n", "").repeat(4).as_bytes()).await.unwrap();
    until("it is cut off", || served.connections() == 0).await;
}

#[test]
fn files_that_cannot_be_used_are_told() {
    let (one, other) = (Pair::new(), Pair::new());
    let tls = |certificate: &str, key: &str| Tls::new(certificate.as_bytes(), key.as_bytes());
    assert!(tls(&format!("{}{}", one.certificate, other.certificate), &one.key).is_ok(), "a chain");
    let cut = &one.certificate[..one.certificate.len() / 2];
    let bent = one.key.replace("MIG", "!!!");
    assert!(matches!(tls("", &one.key), Err(TlsError::NoCertificate)));
    assert!(matches!(tls(&one.key, &one.key), Err(TlsError::NoCertificate)), "the files are swapped");
    assert!(matches!(tls(cut, &one.key), Err(TlsError::BadCertificate(_))));
    assert!(matches!(tls(&one.certificate, &one.certificate), Err(TlsError::NoKey)));
    assert!(matches!(tls(&one.certificate, &bent), Err(TlsError::BadKey)), "{bent}");
    assert!(matches!(tls(&one.certificate, &other.key), Err(TlsError::Pair(_))));
}

impl Served {
    /// Connections that are open, asked of nobody.
    fn connections(&self) -> u64 {
        self.metrics.connections()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_slowly_and_steadily_gets_everything_over_tls_too() {
    let pair = Pair::new();
    let served = raw_log(&pair, Timeouts { stall: LIMIT, ..Timeouts::default() }, 10).await;
    fill(&served, vec![7; 60_000]).await;
    let mut stream = pair.connect(&served, &[]).await.unwrap();
    stream.write_all(&request("GET", "/tile/entries/000", &[], b"")).await.unwrap();
    let (start, mut total, mut part) = (Instant::now(), 0, vec![0; 256 << 10]);
    loop {
        assert!(start.elapsed() < PATIENCE);
        let length = stream.read(&mut part).await.unwrap();
        if length == 0 {
            break;
        }
        total += length;
        if start.elapsed() < 2 * LIMIT {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    assert!(total > 256 * 60_002, "{total}");
    assert!(start.elapsed() > LIMIT, "slower than one stall would be forgiven");
}

/// The same host, the same port, but no TLS any more: whoever is on the way would read the token.
#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_from_tls_to_plain_http_takes_no_token_along() {
    let pair = Pair::new();
    let chain = vec![CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap()];
    let key = rustls::pki_types::PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
    let builder = rustls::ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(builder.with_single_cert(chain, key).unwrap()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let mut first = acceptor.accept(listener.accept().await.unwrap().0).await.unwrap();
        let over_tls = head(&mut first).await;
        let answer = format!(
            "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://{address}/x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
        first.write_all(answer.as_bytes()).await.unwrap();
        let mut second = listener.accept().await.unwrap().0;
        let plain = head(&mut second).await;
        second
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok")
            .await
            .unwrap();
        (over_tls, plain)
    });
    let token = Some(Bearer::new("dbk_secret").unwrap());
    let http = Http::new(&format!("https://{address}"), &HttpOptions { token, ..pair.options() }).unwrap();
    assert_eq!(http.get("checkpoint", 10).await.unwrap().unwrap(), "ok");
    let (over_tls, plain) = server.await.unwrap();
    assert!(over_tls.contains("dbk_secret"), "{over_tls}");
    assert!(plain.starts_with("GET /x ") && !plain.contains("dbk_secret"), "{plain}");
}

/// The head of a request.
async fn head(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let mut head = vec![];
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}
