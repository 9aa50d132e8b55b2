//! Content from its arrival to its end, with the built binary: shown, held, released, erased; and what stays.

use std::cell::Cell;
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
