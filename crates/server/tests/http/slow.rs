//! Peers that take their time: each has a limit, and holds nothing after it.

use std::time::{Duration, Instant};

use server::limits::Timeouts;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    asking::{Answer, read_to_end, request},
    served::{PATIENCE, Served, Setup},
};

const LIMIT: Duration = Duration::from_millis(300);

fn short() -> Timeouts {
    Timeouts { header: LIMIT, body: LIMIT, stall: LIMIT, linger: LIMIT, ..Timeouts::default() }
}

async fn raw_log(timeouts: Timeouts) -> Served {
    Setup { timeouts, ..Setup::raw() }.serve().await
}

/// Sends byte after byte, slowly, until the server has closed or has answered; what it answered.
async fn drip(mut stream: TcpStream, bytes: &[u8]) -> Vec<u8> {
    let start = Instant::now();
    let mut heard = vec![];
    for byte in bytes.iter().cycle() {
        assert!(start.elapsed() < PATIENCE, "the server listens for ever");
        let gone = stream.write_all(&[*byte]).await.is_err();
        let mut part = [0; 1024];
        match tokio::time::timeout(Duration::from_millis(10), stream.read(&mut part)).await {
            Ok(Ok(0) | Err(_)) => break,
            Ok(Ok(length)) => heard.extend_from_slice(&part[..length]),
            Err(_) if gone => break,
            Err(_) => {}
        }
    }
    heard
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_that_drips_in_ends_after_its_limit() {
    let served = raw_log(short()).await;
    let start = Instant::now();
    let heard = drip(served.connect().await, b"GET / HTTP/1.1\r\nx: 1\r\nx: 2\r\ny: 3\r\nz: 4").await;
    assert!(heard.is_empty(), "{:?}", String::from_utf8_lossy(&heard));
    assert!(start.elapsed() >= LIMIT, "{:?}", start.elapsed());
    let silent = served.exchange(b"").await;
    assert!(silent.is_empty(), "a connection that says nothing ends in the same way");
    served.alone().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_kept_open_and_not_used_ends_after_the_same_limit() {
    let served = raw_log(short()).await;
    let start = Instant::now();
    let answer = served.exchange(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(answer.ends_with(b"ok\n") && start.elapsed() >= LIMIT, "answered at once, closed later");
    served.alone().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_drips_in_is_told_that_it_is_late() {
    let served = raw_log(Timeouts { header: Duration::from_secs(30), ..short() }).await;
    for framing in ["content-length: 60000", "transfer-encoding: chunked"] {
        let start = Instant::now();
        let mut stream = served.connect().await;
        let head = format!("POST /add HTTP/1.1\r\nhost: log.test\r\nconnection: close\r\n{framing}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let heard = drip(stream, b"1\r\nx\r\n").await;
        let answer = Answer::parse(&heard, "POST");
        crate::contract::check("POST", "/add", &answer);
        let problem = answer.problem(408);
        assert_eq!(problem.kind, "body-timeout");
        assert!(problem.detail.contains("0.3 seconds"), "{}", problem.detail);
        assert!(start.elapsed() >= LIMIT, "{:?}", start.elapsed());
    }
    assert_eq!(served.size(), 0);
    served.alone().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_never_takes_its_answer_is_cut_off() {
    let served = raw_log(Timeouts { header: Duration::from_secs(30), ..short() }).await;
    for n in 0..256_u32 {
        let entry = testkit::Chance::seeded(n.into()).next_u64().to_le_bytes().repeat(8_000);
        served.add(entry).await;
    }
    let mut stream = served.connect().await;
    // More than the buffers of both sides hold; not a byte of it is read.
    let bundles = request("GET", "/tile/entries/000", &[], b"");
    let keep = String::from_utf8(bundles).unwrap().replace("connection: close\r\n", "");
    stream.write_all(keep.repeat(4).as_bytes()).await.unwrap();
    served.alone().await;
    let heard = read_to_end(&mut stream).await;
    assert!(heard.len() < 4 * 256 * 64_000, "cut off before the end");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_slowly_and_steadily_gets_everything() {
    let stall = Duration::from_secs(1);
    let served = raw_log(Timeouts { stall, ..Timeouts::default() }).await;
    for _ in 0..256 {
        served.add(vec![7; 60_000]).await;
    }
    let mut stream = served.connect().await;
    stream.write_all(&request("GET", "/tile/entries/000", &[], b"")).await.unwrap();
    let (start, mut total, mut part) = (Instant::now(), 0, vec![0; 256 << 10]);
    loop {
        let length = stream.read(&mut part).await.unwrap();
        if length == 0 {
            break;
        }
        total += length;
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert!(total > 256 * 60_002, "{total}");
    assert!(start.elapsed() > stall, "slower than one stall would be forgiven");
}

impl Served {
    /// Waits until the only connection is the one that asks.
    async fn alone(&self) {
        let start = Instant::now();
        while self.metric("deedbook_connections").await > 1.0 {
            assert!(start.elapsed() < PATIENCE, "a connection is held for good");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
