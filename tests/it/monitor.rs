//! `deedbook monitor` as a process: what it tells, what it remembers, and that nothing stops it from noticing.

mod gossip;
mod told;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;
use tlog::fork::ForkProof;

use crate::run::{Ran, deedbook};
use crate::testlog::{TestLog, entry};

const TESSERA_VKEY: &str = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx";
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) fn vkey(log: &TestLog) -> String {
    log.policy().logs()[0].key.to_string()
}

/// One look at a log.
fn look(data: &Path, place: &Path, vkey: &str, more: &[&str]) -> Ran {
    let fixed = ["monitor", "--once", "--data", data.to_str().unwrap(), "--vkey", vkey];
    deedbook([&fixed[..], &["--log", place.to_str().unwrap()][..], more].concat())
}

fn events(ran: &Ran) -> Vec<Value> {
    ran.out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{ran:#?}"))).collect()
}

fn incidents(ran: &Ran) -> Vec<Value> {
    events(ran).into_iter().filter(|event| event["event"] == "incident").collect()
}

/// The fork proof that an incident names.
pub(crate) fn proof_of(data: &Path, incident: &Value) -> ForkProof {
    let name = format!("{}.fork-proof", incident["proof"].as_str().unwrap());
    let logs = std::fs::read_dir(data.join("logs")).unwrap();
    let path = logs.map(|log| log.unwrap().path().join("forks").join(&name)).find(|path| path.exists());
    ForkProof::parse(&std::fs::read(path.unwrap()).unwrap()).unwrap()
}

#[test]
fn the_test_log_of_tessera_is_followed_as_it_grew() {
    let original = testkit::vectors::path("tessera-testlog/testdata/log");
    let home = tempfile::tempdir().unwrap();
    let copy = home.path().join("log");
    let copied = Command::new("cp").args(["-r"]).arg(&original).arg(&copy).status().unwrap();
    assert!(copied.success());
    let data = home.path().join("data");
    for size in 0..=15 {
        std::fs::copy(copy.join(format!("checkpoint.{size}")), copy.join("checkpoint")).unwrap();
        let ran = look(&data, &copy, TESSERA_VKEY, &[]).expect(0);
        let events = events(&ran);
        let kinds: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["started", "verified"], "{ran:#?}");
        assert_eq!((&events[1]["size"], &events[1]["entries"]), (&size.into(), &u64::from(size > 0).into()));
        assert_eq!(events[1]["log"], "example.com/log/testdata");
    }
    let again = look(&data, &copy, TESSERA_VKEY, &[]).expect(0);
    assert_eq!(events(&again).len(), 1, "nothing is new: {again:#?}");
}

#[test]
fn whatever_is_bent_is_told_with_its_place() {
    let log = TestLog::of_size(66_000);
    let home = tempfile::tempdir().unwrap();
    let in_bundle = log.offset_in_bundle(4_500);
    let checkpoint = log.read("checkpoint");
    let root = checkpoint.iter().position(|byte| *byte == b'\n').unwrap() + 7;
    for (number, (path, byte, kind, index)) in [
        ("tile/entries/017", in_bundle, "tampered", Some(4_500)),
        ("tile/0/017", 32 * 148, "tampered", Some(4_500)),
        ("tile/1/000", 32 * 200, "tampered", Some(51_200)),
        ("tile/0/257.p/208", 0, "tampered", Some(65_792)),
        ("tile/1/001.p/1", 0, "tampered", Some(65_536)),
        ("checkpoint", root, "checkpoint", None),
        ("checkpoint", checkpoint.len() - 20, "checkpoint", None),
    ]
    .into_iter()
    .enumerate()
    {
        log.flip(path, byte);
        let data = home.path().join(number.to_string());
        let ran = look(&data, log.path(), &vkey(&log), &[]).expect(1);
        let found = incidents(&ran);
        assert_eq!(found[0]["incident"], kind, "{path}: {ran:#?}");
        if let Some(index) = index {
            assert_eq!(found[0]["subject"], path, "{ran:#?}");
            assert!(
                found[0]["detail"].as_str().unwrap().contains(&format!("{path}, entry {index}: ")),
                "{ran:#?}"
            );
        }
        let still = look(&data, log.path(), &vkey(&log), &[]).expect(1);
        assert_eq!(incidents(&still)[0]["again"], true, "{still:#?}");
        log.flip(path, byte);
        let mended = look(&data, log.path(), &vkey(&log), &[]).expect(0);
        assert!(events(&mended).iter().any(|event| event["event"] == "over"), "{mended:#?}");
    }
}

#[test]
fn two_histories_are_proven_and_the_watch_goes_on() {
    let home = tempfile::tempdir().unwrap();
    let mut log = TestLog::of_size(1_000);
    let key = vkey(&log);
    for (name, size) in [("equal", 1_000), ("larger", 1_100), ("smaller", 990)] {
        let data = home.path().join(name);
        look(&data, log.path(), &key, &[]).expect(0);
        let mut fork = TestLog::of_size(0);
        fork.grow((0..size).map(|i| if i == 950 { "another".into() } else { entry(i) }));
        let ran = look(&data, fork.path(), &key, &["--delay", "0"]).expect(1);
        let found = incidents(&ran);
        let split = found.iter().find(|each| each["incident"] == "split-view");
        if name == "smaller" {
            // The log shows less, and no tile of the tree that was seen: who has both heads proves it.
            assert!(found.iter().any(|each| each["incident"] == "went-back"), "{ran:#?}");
            assert!(found.iter().any(|each| each["incident"] == "unconnected"), "{ran:#?}");
        } else {
            let split = split.unwrap_or_else(|| panic!("{name}: {ran:#?}"));
            let fork = proof_of(&data, split).verify().unwrap();
            assert!(fork.log_is_guilty());
            assert_eq!(split["guilty"][0], key);
        }
        let ran = look(&data, log.path(), &key, &["--delay", "0"]).expect(1);
        let split = incidents(&ran).into_iter().find(|each| each["incident"] == "split-view");
        let split = split.unwrap_or_else(|| panic!("the honest log convicts all of them: {ran:#?}"));
        assert!(proof_of(&data, &split).verify().unwrap().log_is_guilty());
        log.grow((1_000..1_010).map(entry));
        let ran = look(&data, log.path(), &key, &[]).expect(1);
        assert!(
            events(&ran).iter().any(|each| each["event"] == "verified" && each["size"] == 1_010),
            "{ran:#?}"
        );
        assert!(incidents(&ran).iter().any(|each| each["incident"] == "split-view" && each["again"] == true));
        log = TestLog::of_size(1_000);
    }
}

#[test]
fn a_log_that_went_back_is_told_and_when_it_is_there_again() {
    let home = tempfile::tempdir().unwrap();
    let mut log = TestLog::of_size(300);
    let old = log.signed();
    log.grow((300..900).map(entry));
    let look = |more: &[&str]| look(home.path(), log.path(), &vkey(&log), more);
    look(&[]).expect(0);
    log.write("checkpoint", old.bytes());
    let ran = look(&["--delay", "0"]).expect(1);
    assert_eq!(incidents(&ran)[0]["incident"], "went-back", "{ran:#?}");
    assert_eq!(incidents(&ran).len(), 1, "an old head of the same history is no fork: {ran:#?}");
    log.publish();
    let ran = look(&[]).expect(0);
    assert!(
        events(&ran).iter().any(|each| each["event"] == "over" && each["incident"] == "went-back"),
        "{ran:#?}"
    );
}

#[test]
fn what_cannot_be_told_is_not_called_wrong() {
    let home = tempfile::tempdir().unwrap();
    let log = TestLog::of_size(3);
    let key = vkey(&log);
    let gone = home.path().join("gone");
    std::fs::create_dir(&gone).unwrap();
    let data = home.path().join("data");
    look(&data, &gone, &key, &[]).expect(2);
    look(&data, &home.path().join("nowhere"), &key, &[]).expect(2);
    look(&data, log.path(), "hello", &[]).expect(2);
    let other = home.path().join("other");
    look(&other, log.path(), &key, &[]).expect(0);
    let held = Monitored::start(&other, log.path(), &key, &[]);
    held.wait(|event| event["event"] == "started");
    let ran = look(&other, log.path(), &key, &[]).expect(2);
    assert!(ran.err.contains("in use by another monitor"), "{ran:#?}");
    drop(held);
    let folder = std::fs::read_dir(other.join("logs")).unwrap().next().unwrap().unwrap().path();
    std::fs::write(folder.join("state.json"), "{}").unwrap();
    let ran = look(&other, log.path(), &key, &[]).expect(2);
    assert!(ran.err.contains("move it away"), "{ran:#?}");
}

/// A monitor that runs until this is dropped.
pub(crate) struct Monitored {
    child: Child,
    lines: Receiver<Value>,
    words: Receiver<String>,
}

impl Monitored {
    pub(crate) fn start(data: &Path, place: &Path, vkey: &str, more: &[&str]) -> Self {
        Self::start_at(data, place.to_str().unwrap(), vkey, more)
    }

    fn start_at(data: &Path, place: &str, vkey: &str, more: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_deedbook"));
        command
            .args(["monitor", "--poll", "0.05", "--vkey", vkey, "--log", place, "--data"])
            .arg(data)
            .args(more);
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (sender, lines) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                // A kill may cut the last line.
                let Ok(event) = serde_json::from_str(&line) else { return };
                if sender.send(event).is_err() {
                    return;
                }
            }
        });
        let (sender, words) = channel();
        let err = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || err.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, lines, words }
    }

    /// Where it says that something is.
    fn place_of(&self, what: &str) -> String {
        let prefix = format!("{what} on ");
        loop {
            let line = self.words.recv_timeout(PATIENCE).expect("it never said where");
            if let Some(place) = line.strip_prefix(&prefix) {
                return place.to_owned();
            }
        }
    }

    /// The next event that fits.
    pub(crate) fn wait(&self, which: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let event = self.lines.recv_timeout(left).expect("no such event came");
            if which(&event) {
                return event;
            }
        }
    }

    pub(crate) fn kill(mut self) -> Vec<Value> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.lines.iter().collect()
    }
}

impl Drop for Monitored {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn killed_between_any_two_steps_it_goes_on_where_it_was() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let mut log = TestLog::of_size(0);
    let key = vkey(&log);
    let mut chance = testkit::Chance::from_env_or(11);
    let (mut events, mut size) = (vec![], 0);
    for _ in 0..12 {
        let more = 1 + chance.below(2_000);
        log.grow((size..size + more).map(entry));
        size += more;
        let monitored = Monitored::start(&data, log.path(), &key, &[]);
        std::thread::sleep(Duration::from_millis(chance.below(400)));
        events.extend(monitored.kill());
    }
    log.grow([entry(size)]);
    size += 1;
    let monitored = Monitored::start(&data, log.path(), &key, &[]);
    let end = |event: &Value| event["event"] == "verified" && event["size"] == size;
    loop {
        let event = monitored.wait(|_| true);
        events.push(event);
        if events.last().is_some_and(end) {
            break;
        }
    }
    // What was told is remembered: no number is used again for something else.
    let numbered = |event: &Value| (event["number"].as_u64(), event.to_string());
    let told: std::collections::BTreeSet<_> = events.iter().map(numbered).collect();
    let numbers: std::collections::BTreeSet<_> = told.iter().map(|(number, _)| number).collect();
    assert_eq!(numbers.len(), told.len(), "one number names one event: {told:#?}");
    let is_head = |event: &&Value| event["event"] == "verified";
    let mut heads: Vec<_> = events.iter().filter(is_head).collect();
    heads.sort_by_key(|event| event["number"].as_u64());
    heads.dedup();
    // No entry was skipped, and none was told twice: what is new in each is what lies between them.
    let mut before = 0;
    for event in &heads {
        assert_eq!(
            event["size"].as_u64().unwrap(),
            before + event["entries"].as_u64().unwrap(),
            "{heads:#?}"
        );
        before = event["size"].as_u64().unwrap();
    }
    assert_eq!(before, size);
}

/// Takes one request and answers it, or holds it.
fn answer(listener: &TcpListener, status: Option<&str>) -> (String, Option<std::net::TcpStream>) {
    listener.set_nonblocking(true).unwrap();
    let until = Instant::now() + PATIENCE;
    let mut stream = loop {
        match listener.accept() {
            Ok((stream, _)) => break stream,
            Err(_) if Instant::now() < until => std::thread::sleep(Duration::from_millis(5)),
            Err(error) => panic!("nobody called: {error}"),
        }
    };
    stream.set_nonblocking(false).unwrap();
    let mut request = String::new();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        request.push_str(&line);
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    request.push_str(&String::from_utf8(body).unwrap());
    let Some(status) = status else { return (request, Some(stream)) };
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    stream.write_all(answer.as_bytes()).unwrap();
    (request, None)
}

#[test]
fn a_webhook_that_hangs_or_fails_holds_up_nothing_and_is_told_in_the_end() {
    let home = tempfile::tempdir().unwrap();
    let (data, secret) = (home.path().join("data"), home.path().join("secret"));
    std::fs::write(&secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let more = ["--webhook", &url, "--webhook-secret-file", secret.to_str().unwrap()];
    let mut log = TestLog::of_size(300);
    let monitored = Monitored::start(&data, log.path(), &vkey(&log), &more);
    monitored.wait(|event| event["event"] == "verified" && event["size"] == 300);
    let good = log.read("checkpoint");
    log.flip("checkpoint", good.len() - 20);
    let told = monitored.wait(|event| event["event"] == "incident");
    let (first, held) = answer(&listener, None);
    assert!(first.contains(told["id"].as_str().unwrap()), "{first}");
    // It hangs; the watch goes on.
    log.grow((300..400).map(entry));
    monitored.wait(|event| event["event"] == "over");
    monitored.wait(|event| event["event"] == "verified" && event["size"] == 400);
    // The process ends while nobody has taken the event: it is sent by the next one, which is told "no" first.
    monitored.kill();
    drop(held);
    let monitored = Monitored::start(&data, log.path(), &vkey(&log), &more);
    let (second, _) = answer(&listener, Some("503 Service Unavailable"));
    let (third, _) = answer(&listener, Some("204 No Content"));
    let (fourth, _) = answer(&listener, Some("200 OK"));
    for request in [&first, &second, &third] {
        assert!(request.contains(told["id"].as_str().unwrap()), "{request}");
        assert!(request.contains("webhook-signature: v1,"), "{request}");
    }
    assert!(fourth.contains("\"over\""), "in their order: {fourth}");
    drop(monitored);
}

#[test]
fn a_served_log_is_followed_while_it_grows() {
    let home = tempfile::tempdir().unwrap();
    let served = crate::served::Served::start(&home.path().join("log"), sequencer::Kind::Raw);
    let monitored = Monitored::start_at(&home.path().join("data"), &served.url, &served.vkey, &[]);
    monitored.wait(|event| event["event"] == "verified" && event["size"] == 0);
    for number in 0..300 {
        served.exchange("POST", "/add", "text/plain", format!("entry {number}").as_bytes()).unwrap();
    }
    monitored.wait(|event| event["event"] == "verified" && event["size"] == 300);
    assert!(monitored.kill().iter().all(|event| event["event"] != "incident"));
}

#[test]
fn findings_of_a_log_of_records_are_told_once_and_counted() {
    let home = tempfile::tempdir().unwrap();
    let served = crate::served::Served::start(&home.path().join("log"), sequencer::Kind::Records);
    let airline = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/airline/records.ndjson");
    let records: String =
        std::fs::read_to_string(airline).unwrap().lines().take(800).flat_map(|line| [line, "\n"]).collect();
    served.exchange("POST", "/v1/records", "application/x-ndjson", records.as_bytes()).unwrap();
    let data = home.path().join("data");
    let look = || {
        deedbook([
            "monitor",
            "--once",
            "--data",
            data.to_str().unwrap(),
            "--log",
            &served.url,
            "--vkey",
            &served.vkey,
        ])
    };
    let until = Instant::now() + PATIENCE;
    let mut told = vec![];
    while !told.iter().any(|event: &Value| event["event"] == "verified" && event["size"] == 800) {
        assert!(Instant::now() < until, "{told:#?}");
        told.extend(events(&look().expect(0)));
    }
    let found: Vec<_> = told.iter().filter(|event| event["event"] == "finding").collect();
    assert!(
        found
            .iter()
            .any(|event| event["rule"] == "approval_missing" && event["agent"] == "tau-bench:airline-agent")
    );
    assert!(events(&look().expect(0)).iter().all(|event| event["event"] != "finding"), "each once");
    // What a fold over the same entries finds.
    let copy = home.path().join("copy");
    let log = home.path().join("log");
    deedbook(["backup", copy.to_str().unwrap(), "--url", &served.url, "--data", log.to_str().unwrap()])
        .expect(0);
    let mut fold = record::findings::Fold::new(record::findings::Parameters::default());
    let mut expected = vec![];
    let mut all = vec![];
    for place in tlog::tile::bundles_of(800) {
        let bytes = std::fs::read(copy.join("public").join(place.to_string())).unwrap();
        let entries = tlog::bundle::decode_all(&bytes.into()).unwrap();
        for (index, entry) in (place.first()..).zip(&entries) {
            let logged = record::Logged::read(index, entry).unwrap();
            expected.extend(
                fold.take(&logged.seen()).into_iter().map(|each| (each.rule.to_string(), each.index)),
            );
            all.push(entry.clone());
        }
    }
    let found = found
        .iter()
        .map(|event| (event["rule"].as_str().unwrap().to_owned(), event["index"].as_u64().unwrap()));
    assert_eq!(found.collect::<Vec<_>>(), expected);
    // The same behind an entry that is none silences nobody.
    let mut log = TestLog::of_size(0);
    log.grow(["junk".into()].into_iter().chain(all));
    let ran = self::look(&home.path().join("junk"), log.path(), &vkey(&log), &[]).expect(0);
    let found = events(&ran).into_iter().filter(|event| event["event"] == "finding");
    assert_eq!(found.count(), expected.len());
}
