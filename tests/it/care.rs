//! Content from its arrival to its end, with the built binary: shown, held, released, erased; and what stays.

use std::cell::Cell;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::run::{Ran, deedbook, deedbook_fed};
use crate::served::Served;

/// Where the records come from.
pub(crate) const ISS: &str = "https://idp.example";

/// A log under tokens, and its admin.
pub(crate) struct Desk {
    pub(crate) home: tempfile::TempDir,
    pub(crate) served: Served,
    /// Entries of the log, at least.
    size: Cell<u64>,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    pub(crate) fn with(options: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let served = Served::start_under_tokens(&home.path().join("data"), options);
        let desk = Self { home, served, size: Cell::new(0) };
        let anybody = ["--producer", "*", "--agent", "*", "--principal", "*"];
        let out = desk.path("submitter.token");
        let words = ["token", "create", "crm", "--role", "submitter", "--out", out.to_str().unwrap()];
        desk.admin(&[&words[..], &anybody].concat()).expect(0);
        desk
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// A verb, as the admin.
    pub(crate) fn admin(&self, words: &[&str]) -> Ran {
        let token = self.served.data.join("admin.token");
        let place = ["--url", &self.served.url, "--token-file", token.to_str().unwrap()];
        deedbook(words.iter().chain(&place))
    }

    /// Puts records into the log; their file, and the file of their receipts.
    pub(crate) fn record(&self, name: &str, records: &[Value]) -> (PathBuf, PathBuf) {
        let (file, token) = (self.path(name), self.path("submitter.token"));
        let lines: Vec<String> = records.iter().map(ToString::to_string).collect();
        std::fs::write(&file, lines.join("\n")).unwrap();
        let words =
            ["record", file.to_str().unwrap(), "--url", &self.served.url, "--vkey", &self.served.vkey];
        deedbook(words.iter().chain(&["--published", "--token-file", token.to_str().unwrap()])).expect(0);
        let receipts = self.path(&format!("{name}.receipts.ndjson"));
        let last = std::fs::read_to_string(&receipts).unwrap();
        let last: Value = serde_json::from_str(last.lines().last().unwrap()).unwrap();
        self.size.set(last["index"].as_u64().unwrap() + 1);
        (file, receipts)
    }

    /// The receipts of a file, checked offline.
    pub(crate) fn verify(&self, (file, receipts): &(PathBuf, PathBuf)) -> Ran {
        let (file, receipts) = (file.to_str().unwrap(), receipts.to_str().unwrap());
        deedbook(["verify", receipts, "--records", file, "--vkey", &self.served.vkey])
    }

    /// The entry of call `n`, as soon as the lookups have followed to it.
    pub(crate) fn logged(&self, n: u64) -> Value {
        let size = self.size.get().to_string();
        let words = ["search", "--json", "--record", &id(n), "--wait-for", &size];
        let found = self.admin(&words).expect(0).json();
        let entry = found["records"][0]["entry"].as_str().unwrap_or_else(|| panic!("{found}"));
        serde_json::from_str(entry).unwrap()
    }

    /// The digest of a record's input.
    pub(crate) fn sd(&self, n: u64) -> String {
        self.logged(n)["record"]["input"]["sd"].as_str().unwrap().to_owned()
    }

    pub(crate) fn audit(&self) -> Ran {
        self.admin_audit(&self.served.data.join("admin.token"))
    }

    fn admin_audit(&self, token: &Path) -> Ran {
        let words = ["audit", &self.served.url, "--vkey", &self.served.vkey, "--token-file"];
        deedbook(words.iter().chain(&[token.to_str().unwrap()]))
    }
}

pub(crate) fn id(n: u64) -> String {
    format!("0198f0c2-7d1e-7c3a-9a54-{n:012x}")
}

/// Call `n` of a session on behalf of somebody, with this input.
pub(crate) fn call(n: u64, session: &str, sub: &str, content: &str) -> Value {
    json!({
        "id": id(n), "time": "2026-11-23T08:14:03.118Z", "type": "action.requested", "delivery": "backfill",
        "producer": {"id": "crm-runtime"}, "agent": {"sub": "spiffe://acme.example/agent/crm"},
        "principal": {"iss": ISS, "sub": sub}, "session": {"id": session},
        "action": {"id": format!("call-{n}"), "tool": "crm.update"}, "input": {"content": content},
    })
}

#[test]
fn content_is_shown_held_released_and_erased_and_the_proofs_hold() {
    let desk = Desk::new();
    let calls = [
        call(0, "s-1", "alice", "{\"a\": 1}\n\u{1b}[2J\u{202e}"),
        call(1, "s-1", "bob", "two"),
        call(2, "s-2", "alice", "three"),
    ];
    let files = desk.record("calls", &calls);
    let sds = [0, 1, 2].map(|n| desk.sd(n));

    let shown = desk.admin(&["payload", &sds[0]]).expect(0).out;
    assert_eq!(shown, "{\"a\": 1}\n\\u{1b}[2J\\u{202e}\n");
    let out = desk.path("content");
    desk.admin(&["payload", &sds[0], "--out", out.to_str().unwrap()]).expect(0);
    assert_eq!(std::fs::read_to_string(&out).unwrap(), "{\"a\": 1}\n\u{1b}[2J\u{202e}");
    desk.admin(&["payload", &sds[0], "--out", out.to_str().unwrap()]).expect(2);
    assert_eq!(desk.admin(&["payload", &sds[1], "--json"]).expect(0).json()["content"], "two");
    let unknown = record::Sd::of("nothing").to_string();
    assert!(desk.admin(&["payload", &unknown]).expect(2).err.contains("never handed in"));
    let stranger = ["payload", &sds[0], "--url", &desk.served.url];
    assert!(deedbook(stranger).expect(2).err.contains("needs a token"));

    desk.admin(&["hold", "place", "case 7/2026", "--session", "s-1", "--ground", "litigation"]).expect(0);
    let twice =
        desk.admin(&["hold", "place", "case 7/2026", "--session", "s-2", "--ground", "again"]).expect(1);
    assert!(twice.err.contains("give this one another name"), "{}", twice.err);
    let erase = |words: &[&str]| desk.admin(&[&["erase", "--ground", "request 7", "--yes"], words].concat());
    let held = erase(&["--sd", &sds[0]]).expect(1);
    assert!(held.err.contains("is held by \"case 7/2026\""), "{}", held.err);
    desk.admin(&["payload", &sds[0]]).expect(0);
    // What is not held goes; the hold is named for the rest, and the key stays.
    let some = erase(&["--principal", ISS, "alice"]).expect(1).out;
    assert!(some.contains("1 content of the principal alice (https://idp.example) erased"), "{some}");
    assert!(
        some.contains("kept      1 content, held by case 7/2026") && some.contains("NOT destroyed"),
        "{some}"
    );
    desk.admin(&["payload", &sds[0]]).expect(0);
    assert!(desk.admin(&["payload", &sds[2]]).expect(1).err.contains("was erased"));

    let listed = desk.admin(&["hold", "list"]).expect(0).out;
    assert!(
        listed.starts_with("1 hold, 1 of them hold\n  case 7/2026  holds  the session s-1\n"),
        "{listed}"
    );
    desk.admin(&["hold", "release", "case 7/2026", "--ground", "closed"]).expect(0);
    desk.admin(&["hold", "release", "case 7/2026", "--ground", "closed"]).expect(1);
    let listed = desk.admin(&["hold", "list", "--json"]).expect(0).json();
    assert_eq!(listed["holds"][0]["released"]["ground"], "closed", "{listed}");

    let rest = erase(&["--principal", ISS, "alice", "--json"]).expect(0).json();
    assert_eq!((&rest["verdict"], &rest["key_destroyed"]), (&json!("holds"), &json!(true)), "{rest}");
    assert_eq!(rest["erased"][0]["sd"], json!(sds[0]));
    assert!(desk.admin(&["payload", &sds[0]]).expect(1).err.contains("was erased"));
    assert!(erase(&["--sd", &sds[0]]).expect(1).err.contains("was erased already"));
    assert_eq!(
        desk.admin(&["payload", &sds[1]]).expect(0).out,
        "two\n",
        "another principal's content is untouched"
    );

    // The records are where they were, and so is every proof.
    assert_eq!(desk.sd(0), sds[0]);
    desk.verify(&files).expect(0);
    desk.audit().expect(0);
    let data = desk.served.data.clone();
    assert!(desk.served.stop().success());
    deedbook(["fsck", "--data", data.to_str().unwrap()]).expect(0);
}

#[test]
fn nothing_is_erased_without_a_word_or_without_the_right_to() {
    let desk = Desk::new();
    desk.record("calls", &[call(0, "s-1", "alice", "one")]);
    let sd = desk.sd(0);
    let (url, admin) = (desk.served.url.as_str(), desk.served.data.join("admin.token"));
    let erase = |token: &Path, more: &[&str]| {
        let words =
            ["erase", "--sd", &sd, "--ground", "g", "--url", url, "--token-file", token.to_str().unwrap()];
        deedbook_fed(words.iter().chain(more), &[], "yes\n")
    };
    let unasked = erase(&admin, &[]).expect(2);
    assert!(unasked.err.contains("say --yes"), "{}", unasked.err);
    let submitter = erase(&desk.path("submitter.token"), &["--yes"]).expect(2);
    assert!(submitter.err.contains("it lacks the role admin"), "{}", submitter.err);
    assert!(desk.admin(&["erase", "--ground", "g", "--yes"]).expect(2).err.contains("--sd"));
    assert!(
        desk.admin(&["erase", "--ground", "a\nb", "--yes", "--sd", &sd]).expect(2).err.contains("`ground`")
    );
    desk.admin(&["payload", &sd]).expect(0);
    let nobody = desk.admin(&["erase", "--ground", "g", "--yes", "--session", "s-none"]).expect(0);
    assert!(nobody.out.contains("0 contents of the session s-none erased"), "{}", nobody.out);
}

/// A server that gives these answers, one a connection, and then is gone.
pub(crate) fn scripted(answers: Vec<String>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for body in answers {
            let mut stream = listener.accept().unwrap().0;
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut line, mut length) = (String::new(), 0);
            while reader.read_line(&mut line).unwrap() > 2 {
                let (name, value) = line.split_once(':').unwrap_or_default();
                if name.eq_ignore_ascii_case("content-length") {
                    length = value.trim().parse().unwrap();
                }
                line.clear();
            }
            std::io::copy(&mut reader.take(length), &mut std::io::sink()).unwrap();
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n";
            write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        }
    });
    url
}

#[test]
fn erasing_goes_on_while_there_is_more_and_ends_when_nothing_comes_of_it() {
    let part = |erased: &[u64], more: bool| {
        let erased: Vec<Value> =
            erased.iter().map(|n| json!({"sd": format!("sd-{n}"), "index": n})).collect();
        json!({"erased": erased, "kept": [], "key_destroyed": !more, "more": more}).to_string()
    };
    let erase = |url: &str| {
        deedbook(["erase", "--yes", "--json", "--ground", "g", "--principal", "i", "s", "--url", url])
    };
    let whole = scripted(vec![part(&[1, 2], true), part(&[3], true), part(&[4], false)]);
    let done = erase(&whole).expect(0).json();
    assert_eq!(
        (done["erased"].as_array().unwrap().len(), &done["key_destroyed"]),
        (4, &json!(true)),
        "{done}"
    );
    // A session's content may be sealed under several keys: some of them are still there.
    let some = scripted(vec![part(&[1, 2], true), part(&[3], false)]);
    let words = ["erase", "--yes", "--json", "--ground", "g", "--session", "s", "--url", &some];
    assert_eq!(deedbook(words).expect(0).json()["key_destroyed"], false);
    let stuck = scripted(vec![part(&[1], true), part(&[], true)]);
    let done = erase(&stuck).expect(1).json();
    assert_eq!((done["erased"].as_array().unwrap().len(), &done["more"]), (1, &json!(true)), "{done}");
}

#[test]
fn a_log_that_shows_another_content_is_not_believed() {
    let made = record::Disclosure::make([1; 16], "input", b"another one").unwrap();
    let url = scripted(vec![made.text().to_owned(), "no disclosure at all".to_owned()]);
    let asked = record::Sd::of("what was asked for").to_string();
    let ran = deedbook(["payload", &asked, "--url", &url]).expect(1);
    assert!(ran.err.contains("cannot be relied on") && ran.out.is_empty(), "{ran:?}");
    let of_text = record::Sd::of("no disclosure at all").to_string();
    let ran = deedbook(["payload", &of_text, "--url", &url]).expect(1);
    assert!(ran.err.contains("is no disclosure") && ran.out.is_empty(), "{ran:?}");
}

/// Records of the log's own: who may, who looked, what is held and erased.
#[test]
fn what_the_log_itself_writes_is_audited_with_the_rest_and_no_finding_is_its_own() {
    let desk = Desk::new();
    let opened = |n: u64, kind: &str| {
        let mut record = call(n, "s-1", "alice", "x");
        record["type"] = json!(kind);
        record["delivery"] = json!("live");
        record.as_object_mut().unwrap().retain(|member, _| !matches!(member.as_str(), "action" | "input"));
        record
    };
    desk.record("calls", &[opened(0, "session.opened"), call(1, "s-1", "alice", "one")]);
    let sd = desk.sd(1);
    // Every kind of look and of change, and a reader who comes again.
    for _ in 0..3 {
        desk.admin(&["payload", &sd]).expect(0);
        desk.admin(&["search", "--session", "s-1"]).expect(0);
        desk.admin(&["hold", "list"]).expect(0);
        desk.admin(&["token", "list"]).expect(0);
        desk.audit().expect(0);
    }
    desk.admin(&["hold", "place", "case-7", "--sd", &sd, "--ground", "g"]).expect(0);
    desk.admin(&["erase", "--yes", "--sd", &sd, "--ground", "g"]).expect(1);
    desk.admin(&["hold", "release", "case-7", "--ground", "g"]).expect(0);
    desk.admin(&["erase", "--yes", "--sd", &sd, "--ground", "g"]).expect(0);
    let made = desk.admin(&["token", "create", "brief", "--role", "auditor", "--json"]).expect(0).json();
    desk.admin(&["token", "revoke", made["about"]["id"].as_str().unwrap()]).expect(0);

    // Stopped, so that what is counted is written; and opened once more.
    let Desk { home, served, .. } = desk;
    let data = served.data.clone();
    assert!(served.stop().success());
    let checked = deedbook(["fsck", "--json", "--data", data.to_str().unwrap()]).expect(0).json();
    let size = checked["size"].as_u64().unwrap();
    let desk = Desk { home, served: Served::start_under_tokens(&data, &[]), size: Cell::new(size) };
    desk.audit().expect(0);

    let size = size.to_string();
    let own = ["search", "--json", "--producer", "deedbook", "--limit", "1000", "--wait-for", &size];
    let own = desk.admin(&own).expect(0).json();
    let own = own["records"].as_array().unwrap();
    let kinds: std::collections::BTreeSet<String> = own
        .iter()
        .map(|found| serde_json::from_str::<Value>(found["entry"].as_str().unwrap()).unwrap())
        .map(|entry| entry["record"]["type"].as_str().unwrap().to_owned())
        .collect();
    let written = [
        "access.granted",
        "access.read",
        "access.revoked",
        "coverage.declared",
        "hold.placed",
        "hold.released",
        "key.registered",
        "payload.erased",
    ];
    assert_eq!(kinds.iter().map(String::as_str).collect::<Vec<_>>(), written);
    for found in own {
        assert!(found.get("findings").is_none(), "{}: {}", found["findings"], found["entry"]);
    }
    // And by the fold of whoever reads the log: what is found is about the agent's records alone.
    let token = desk.served.data.join("admin.token");
    let words = ["session", &desk.served.url, "--json", "--vkey", &desk.served.vkey, "--token-file"];
    let sessions = deedbook(words.iter().chain(&[token.to_str().unwrap()])).expect(1).json();
    let sessions = sessions["sessions"].as_array().unwrap();
    assert_eq!((sessions.len(), &sessions[0]["session"]), (1, &json!("s-1")));
    assert_eq!(sessions[0]["rules"], json!(["received_late", "coverage_undeclared"]), "{sessions:?}");
}

#[test]
fn fields_that_are_said_to_be_sensitive_stand_beside_the_log_and_the_receipts_hold() {
    let desk = Desk::with(&["--sensitive", "purpose,target,name"]);
    let mut record = call(0, "s-1", "alice", "one");
    record["principal"]["name"] = json!("Alice \u{1b}[2J");
    record["action"]["target"] = json!("contact/42");
    record["purpose"] = json!("tidy up");
    let files = desk.record("calls", &[record]);
    let entry = desk.logged(0);
    assert_eq!(entry["log"]["disclosed"].as_array().unwrap().len(), 4, "{entry}");
    let record = &entry["record"];
    for (field, text) in [
        (&record["principal"]["name"], "Alice \\u{1b}[2J\n"),
        (&record["action"]["target"], "contact/42\n"),
        (&record["purpose"], "tidy up\n"),
        (&record["input"], "one\n"),
    ] {
        assert_eq!(desk.admin(&["payload", field["sd"].as_str().unwrap()]).expect(0).out, text);
    }
    desk.verify(&files).expect(0);
    // What is beside the log is not searched, and shown to be there.
    for words in [["--target", "contact/42"], ["--name", "Alice \u{1b}[2J"]] {
        assert!(
            desk.admin(&["search", words[0], words[1]]).expect(0).out.starts_with("0 records"),
            "{words:?}"
        );
    }
    let shown = desk.admin(&["search", "--user", "alice"]).expect(0).out;
    assert!(
        shown.contains("crm.update (") && shown.contains("alice") && !shown.contains("contact/42"),
        "{shown}"
    );
    desk.admin(&["erase", "--yes", "--ground", "g", "--principal", ISS, "alice"]).expect(0);
    assert!(
        desk.admin(&["payload", record["purpose"]["sd"].as_str().unwrap()]).expect(1).err.contains("erased")
    );
    desk.verify(&files).expect(0);
    desk.audit().expect(0);
}
