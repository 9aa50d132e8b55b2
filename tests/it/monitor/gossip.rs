//! Heads handed in, asked for, and handed on between monitors.

use super::*;

#[test]
fn heads_are_handed_in_and_asked_for() {
    use crate::served::exchange;
    let home = tempfile::tempdir().unwrap();
    let mut log = TestLog::of_size(900);
    let key = vkey(&log);
    let listen = ["--gossip-listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"];
    let monitored = Monitored::start(&home.path().join("data"), log.path(), &key, &listen);
    let (gossip, metrics) = (monitored.place_of("gossip"), monitored.place_of("metrics"));
    monitored.wait(|event| event["event"] == "verified" && event["size"] == 900);
    let old = TestLog::of_size(300).signed();
    let ahead = TestLog::of_size(1_000).signed();
    let mut fork = TestLog::of_size(0);
    fork.grow((0..800).map(|i| if i == 600 { "another".into() } else { entry(i) }));
    let other_log =
        std::str::from_utf8(old.bytes()).unwrap().replace("deedbook.test/raw", "deedbook.test/rav");
    let bent = std::str::from_utf8(old.bytes()).unwrap().replace("\n300\n", "\n301\n");
    for (what, note, status) in [
        ("one of the past", &old.bytes()[..], 202),
        ("one that is known by now", log.signed().bytes(), 200),
        ("one that is ahead", ahead.bytes(), 202),
        ("one of another history", fork.signed().bytes(), 202),
        ("of another log", other_log.as_bytes(), 404),
        ("not signed", bent.as_bytes(), 403),
        ("nothing", b"", 400),
        ("no checkpoint", b"deedbook.test/raw\nhello\n", 400),
        ("too long", &vec![b'a'; 600_000], 413),
    ] {
        let answer = exchange(&gossip, "POST", "/gossip/checkpoint", "text/plain", note).unwrap();
        assert_eq!(answer.0, status, "{what}: {answer:?}");
    }
    // What announces itself as too long is refused before it is sent.
    let mut stream = std::net::TcpStream::connect(gossip.trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = "POST /gossip/checkpoint HTTP/1.1\r\nhost: x\r\ncontent-length: 600000\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut status = String::new();
    BufReader::new(&stream).read_line(&mut status).unwrap();
    assert!(status.starts_with("HTTP/1.1 413 "), "{status}");
    let split = monitored.wait(|event| event["incident"] == "split-view");
    let answer =
        exchange(&gossip, "POST", "/gossip/checkpoint", "text/plain", fork.signed().bytes()).unwrap();
    assert_eq!(answer.0, 409, "{answer:?}");
    let id = follower::witness::keeper::OriginId::of(log.signed().origin());
    let ask =
        |path: &str| exchange(&gossip, "GET", &format!("/gossip/{id}/{path}"), "text/plain", b"").unwrap();
    let (status, list) = ask("checkpoints");
    let notes = monitor::gossip::decode(list.as_bytes());
    assert_eq!((status, notes.len()), (200, 3), "its own, the other, and the one that waits: {list}");
    assert_eq!(notes[0], log.signed().bytes());
    let name = split["proof"].as_str().unwrap();
    assert_eq!(ask("forks"), (200, format!("{name}\n")));
    let proof = ask(&format!("forks/{name}")).1;
    assert!(ForkProof::parse(proof.as_bytes()).unwrap().verify().unwrap().log_is_guilty());
    assert_eq!(ask("forks/..%2F..%2Fstate.json").0, 404);
    let elsewhere = format!("/gossip/{}/checkpoints", "0".repeat(64));
    assert_eq!(exchange(&gossip, "GET", &elsewhere, "text/plain", b"").unwrap().0, 404);
    let (_, page) = exchange(&metrics, "GET", "/metrics", "text/plain", b"").unwrap();
    let line = "deedbook_monitor_incidents{log=\"deedbook.test/raw\",kind=\"split-view\"} 1\n";
    assert!(page.contains(line) && page.ends_with("# EOF\n"), "{page}");
    let line = "deedbook_monitor_http_requests_total{route=\"/gossip/checkpoint\",status=\"403\"} 1\n";
    assert!(page.contains(line), "its own requests are counted: {page}");
    let flood: Vec<_> = (0..100)
        .map(|_| exchange(&gossip, "POST", "/gossip/checkpoint", "text/plain", old.bytes()).unwrap().0)
        .collect();
    assert!(flood.contains(&200) && flood.contains(&429), "{flood:?}");
    log.grow((900..1_000).map(entry));
    monitored.wait(|event| event["event"] == "verified" && event["size"] == 1_000);
}

#[test]
fn a_fork_that_only_one_was_shown_is_known_to_both_within_two_exchanges() {
    let home = tempfile::tempdir().unwrap();
    let log = TestLog::of_size(900);
    let mut fork = TestLog::of_size(0);
    fork.grow((0..500).map(|i| if i == 100 { "another".into() } else { entry(i) }));
    let key = vkey(&log);
    let listen = ["--gossip-listen", "127.0.0.1:0", "--gossip-every", "1"];
    let honest = Monitored::start(&home.path().join("a"), log.path(), &key, &listen);
    let peer = honest.place_of("gossip");
    honest.wait(|event| event["event"] == "verified");
    let fooled = Monitored::start(
        &home.path().join("b"),
        fork.path(),
        &key,
        &["--peer", &peer, "--gossip-every", "1"],
    );
    fooled.wait(|event| event["event"] == "verified" && event["size"] == 500);
    let start = Instant::now();
    // The head that was handed in is proven wrong by the tiles of the honest history; the proof comes back.
    honest.wait(|event| event["incident"] == "split-view");
    fooled.wait(|event| event["incident"] == "split-view");
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}
