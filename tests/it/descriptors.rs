//! A server that runs out of descriptors is busy, and nothing worse.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::served::Served;

/// Adds one entry over a connection of its own; the answer, empty where there was none.
fn add(served: &Served, entry: &str) -> String {
    let mut answer = String::new();
    let Ok(mut stream) = TcpStream::connect(served.url.trim_start_matches("http://")) else { return answer };
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let length = entry.len();
    let request = format!(
        "POST /add HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{entry}"
    );
    let _ = stream.write_all(request.as_bytes());
    let _ = stream.read_to_string(&mut answer);
    answer
}

/// Adds one entry as soon as the server lets us, and answers its index.
fn add_patiently(served: &Served, entry: &str) -> u64 {
    let start = Instant::now();
    loop {
        let answer = add(served, entry);
        if answer.starts_with("HTTP/1.1 200 ") {
            return answer.lines().last().unwrap().parse().unwrap();
        }
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 503 "), "{answer}");
        assert!(start.elapsed() < Duration::from_secs(30), "the server does not come back: {answer}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn accepting_fails_and_is_tried_again_until_there_are_descriptors() {
    let home = tempfile::tempdir().unwrap();
    let served = Served::start_with_descriptors(&home.path().join("data"), 64);
    assert_eq!(add_patiently(&served, "before"), 0);

    // Three hundred callers who say nothing: more than there are descriptors, let alone connections.
    let address = served.url.trim_start_matches("http://");
    let crowd: Vec<_> = (0..300).map_while(|_| TcpStream::connect(address).ok()).collect();
    let start = Instant::now();
    while !served.words().contains("could not be accepted; trying again") {
        assert!(start.elapsed() < Duration::from_secs(30), "{}", served.words());
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(crowd);

    assert_eq!(add_patiently(&served, "afterwards"), 1);
    assert!(served.stop().success());
}
