//! What a monitor has told, and that everybody is told in the end.

use super::*;

/// The folder of the only log.
fn folder(data: &Path) -> std::path::PathBuf {
    std::fs::read_dir(data.join("logs")).unwrap().next().unwrap().unwrap().path()
}

fn ids(ran: &Ran) -> Vec<String> {
    events(ran).iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_lost_or_damaged_file_swallows_no_event_and_no_id_is_used_again() {
    let home = tempfile::tempdir().unwrap();
    let mut log = TestLog::of_size(300);
    let look = |log: &TestLog| look(home.path(), log.path(), &vkey(log), &[]).expect(0);
    let mut told = ids(&look(&log));
    let old = std::fs::read(folder(home.path()).join("state.json")).unwrap();
    // Files of former times, and what a power cut leaves of a file that was being written.
    for name in ["told.json", "told.json.new", "state.json.new"] {
        std::fs::write(folder(home.path()).join(name), "").unwrap();
    }
    log.grow((300..400).map(entry));
    told.extend(ids(&look(&log)));
    std::fs::write(folder(home.path()).join("state.json"), old).unwrap();
    let again = look(&log);
    assert!(events(&again).iter().any(|event| event["size"] == 400 && event["event"] == "verified"));
    told.extend(ids(&again));
    std::fs::remove_file(folder(home.path()).join("state.json")).unwrap();
    let anew = look(&log);
    assert!(events(&anew).iter().any(|event| event["size"] == 400 && event["entries"] == 400), "{anew:#?}");
    told.extend(ids(&anew));
    let distinct: std::collections::BTreeSet<_> = told.iter().collect();
    assert_eq!(distinct.len(), told.len(), "{told:#?}");
}

#[test]
fn one_look_ends_when_the_webhook_has_taken_what_is_wrong() {
    let home = tempfile::tempdir().unwrap();
    let (data, secret) = (home.path().join("data"), home.path().join("secret"));
    std::fs::write(&secret, "secret").unwrap();
    let log = TestLog::of_size(300);
    log.flip("tile/0/000", 0);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let more = ["--webhook", &url, "--webhook-secret-file", secret.to_str().unwrap()];
    std::thread::scope(|scope| {
        let taking = scope.spawn(|| {
            let (busy, _) = answer(&listener, Some("503 Service Unavailable"));
            let (taken, _) = answer(&listener, Some("200 OK"));
            (busy, taken)
        });
        let ran = look(&data, log.path(), &vkey(&log), &more).expect(1);
        let (busy, taken) = taking.join().unwrap();
        let id = incidents(&ran)[0]["id"].as_str().unwrap().to_owned();
        assert!(busy.contains(&id) && taken.contains(&id), "{busy}\n{taken}");
    });
    let state: Value =
        serde_json::from_slice(&std::fs::read(folder(&data).join("state.json")).unwrap()).unwrap();
    assert_eq!(state["events"], serde_json::json!([]), "all is told");
}

#[test]
fn a_stop_while_the_log_does_not_answer_is_orderly() {
    let home = tempfile::tempdir().unwrap();
    // It takes every request, and answers none.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let key = vkey(&TestLog::of_size(0));
    let mut monitored = Monitored::start_at(home.path(), &url, &key, &[]);
    let (stream, _) = listener.accept().unwrap();
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line).unwrap();
    assert!(line.starts_with("GET /checkpoint "), "{line}");
    let stopped = Command::new("kill").arg(monitored.child.id().to_string()).status().unwrap();
    assert!(stopped.success());
    assert_eq!(monitored.child.wait().unwrap().code(), Some(0));
    let words: Vec<_> = monitored.words.iter().collect();
    assert_eq!(words, ["deedbook.test/raw: verified up to 0 entries; nothing is wrong"]);
}

#[test]
fn a_key_that_was_followed_is_believed_after_the_next_start_too() {
    use crate::served::{Served, exchange};
    let home = tempfile::tempdir().unwrap();
    let (data, kept) = (home.path().join("log"), home.path().join("kept"));
    let place = data.to_str().unwrap();
    let served = Served::start(&data, sequencer::Kind::Records);
    let first = served.vkey.clone();
    drop(served);
    deedbook(["key", "rotate", "--data", place]).expect(0);
    drop(Served::start(&data, sequencer::Kind::Records));
    deedbook(["key", "retire", "--data", place]).expect(0);
    let served = Served::start(&data, sequencer::Kind::Records);
    let (url, (status, note)) =
        (served.url.clone(), served.exchange("GET", "/checkpoint", "text/plain", b"").unwrap());
    assert_eq!(status, 200);
    look(&kept, Path::new(&url), &first, &[]).expect(0);
    drop(served);
    // The log is not there, so nothing is followed anew.
    let again = |more: &[&str]| {
        let listen = ["--gossip-listen", "127.0.0.1:0"];
        let monitored = Monitored::start_at(&kept, &url, &first, &[&listen, more].concat());
        let gossip = monitored.place_of("gossip");
        exchange(&gossip, "POST", "/gossip/checkpoint", "text/plain", note.as_bytes()).unwrap()
    };
    assert_eq!(again(&[]).0, 200);
    assert_eq!(again(&["--pin-key"]).0, 403, "who follows no change has followed none");
}
