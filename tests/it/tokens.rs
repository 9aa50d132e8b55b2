//! Tokens from the first start to the last refusal, with the built binary: made, used, leaked nowhere, revoked.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use testkit::Chance;

use crate::run::{Ran, deedbook, deedbook_fed};
use crate::served::Served;

const ANYBODY: [&str; 6] = ["--producer", "*", "--agent", "*", "--principal", "*"];

/// A log under tokens, and the files that people keep theirs in.
struct Log {
    home: tempfile::TempDir,
    served: Served,
}

impl Log {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let served = Served::start_under_tokens(&home.path().join("data"), &[]);
        Self { home, served }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn admin(&self) -> PathBuf {
        self.served.data.join("admin.token")
    }

    /// `deedbook token` by the admin.
    fn token(&self, words: &[&str]) -> Ran {
        let place = ["--json", "--url", &self.served.url, "--token-file", self.admin().to_str().unwrap()]
            .map(str::to_owned);
        deedbook(["token"].iter().chain(words).map(|word| (*word).to_owned()).chain(place))
    }

    /// A token of this role, in a file of this name.
    fn make(&self, role: &str, options: &[&str]) -> PathBuf {
        let path = self.path(role);
        let words = ["create", role, "--role", role, "--out", path.to_str().unwrap()];
        self.token(&[&words[..], options].concat()).expect(0);
        path
    }

    /// `deedbook record` of so many records, with the token in this file or with none.
    fn record(&self, count: u64, token: Option<&Path>) -> Ran {
        let file = self.path("records");
        std::fs::write(&file, testkit::sample::typical_ndjson(0, count, &mut Chance::seeded(7))).unwrap();
        let _ = std::fs::remove_file(self.path("records.receipts.ndjson"));
        let words = ["record", file.to_str().unwrap(), "--url", &self.served.url, "--published", "--vkey"];
        with_token(words.iter().copied().chain([self.served.vkey.as_str()]), token)
    }

    fn audit(&self, token: Option<&Path>) -> Ran {
        with_token(["audit", &self.served.url, "--vkey", &self.served.vkey], token)
    }
}

/// By the second line of a checkpoint.
fn size_of(checkpoint: &[u8]) -> u64 {
    std::str::from_utf8(checkpoint).unwrap().lines().nth(1).unwrap().parse().unwrap()
}

fn with_token<'a>(words: impl IntoIterator<Item = &'a str>, token: Option<&'a Path>) -> Ran {
    let token = token.into_iter().flat_map(|path| ["--token-file", path.to_str().unwrap()]);
    deedbook(words.into_iter().chain(token))
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap().trim().to_owned()
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_first_start_puts_an_admins_token_into_a_file_and_shows_it_nowhere() {
    let log = Log::new();
    let admin = text(&log.admin());
    assert!(admin.starts_with("dbk_") && admin.len() == 52, "{admin}");
    assert_eq!((mode(&log.admin()), mode(&log.served.data.join("tokens.json"))), (0o600, 0o600));
    assert_eq!(log.served.said["admin_token"], log.admin().to_str().unwrap());
    assert_eq!(log.served.said["open"], false);
    let listed = log.token(&["list"]).expect(0).json();
    assert_eq!(
        (&listed["tokens"][0]["name"], &listed["tokens"][1]),
        (&"first-admin".into(), &serde_json::Value::Null)
    );
    let kept = text(&log.served.data.join("tokens.json"));
    let Log { home, served } = log;
    let (said, data) = (served.said.to_string(), served.data.clone());
    let (_, heard) = served.stop_and_hear();
    for place in [&kept, &said, &heard] {
        assert!(!place.contains(&admin), "{place}");
    }
    // The next start makes no other, and one that was taken away is not made again.
    std::fs::remove_file(data.join("admin.token")).unwrap();
    let served = Served::start_under_tokens(&data, &[]);
    assert!(served.said.get("admin_token").is_none() && !data.join("admin.token").exists());
    let taken = home.path().join("taken");
    std::fs::write(&taken, admin).unwrap();
    let words = ["token", "list", "--url", &served.url, "--token-file", taken.to_str().unwrap()];
    assert!(deedbook(words).expect(0).out.contains("first-admin"));
}

#[test]
fn each_does_what_its_token_is_for_and_is_told_so_where_it_is_not() {
    let log = Log::new();
    let none = log.record(3, None).expect(2);
    assert!(none.err.contains("needs a token with the role submitter"), "{}", none.err);
    let submitter = log.make("submitter", &ANYBODY);
    let auditor = log.make("auditor", &["--days", "30"]);
    assert_eq!((mode(&submitter), mode(&auditor)), (0o600, 0o600));
    let wrong = log.record(3, Some(&auditor)).expect(2);
    assert!(wrong.err.contains("it lacks the role submitter"), "{}", wrong.err);
    log.record(3, Some(&submitter)).expect(0);
    for (token, why) in
        [(None, "needs a token with the role"), (Some(submitter.as_path()), "it lacks the role")]
    {
        let refused = log.audit(token).expect(2);
        assert!(refused.err.contains(why), "{}", refused.err);
    }
    log.audit(Some(&auditor)).expect(0);
    let (url, dest) = (log.served.url.as_str(), log.path("backup"));
    let words = ["backup", dest.to_str().unwrap(), "--url", url, "--data", log.served.data.to_str().unwrap()];
    deedbook_fed(words, &[], "").expect(2);
    deedbook_fed(words, &[("DEEDBOOK_TOKEN_FILE", auditor.to_str().unwrap())], "").expect(0);

    let receipts = std::fs::read_to_string(log.path("records.receipts.ndjson")).unwrap();
    assert!(receipts.lines().all(|line| line.contains(r#""submitter":"submitter""#)), "{receipts}");
}

#[test]
fn a_revoked_token_is_refused_and_the_list_says_so() {
    let log = Log::new();
    let auditor = log.make("auditor", &[]);
    log.audit(Some(&auditor)).expect(0);
    let listed = log.token(&["list"]).expect(0).json();
    let id = listed["tokens"][1]["id"].as_str().unwrap().to_owned();
    log.token(&["revoke", &id]).expect(0);
    let submitter = log.make("submitter", &ANYBODY);
    log.record(1, Some(&submitter)).expect(0);
    let refused = log.audit(Some(&auditor)).expect(2);
    assert!(refused.err.contains("This token was revoked"), "{}", refused.err);
    let place = ["--url", &log.served.url, "--token-file", log.admin().to_str().unwrap()].map(str::to_owned);
    let table = deedbook(["token", "list"].map(str::to_owned).into_iter().chain(place)).expect(0).out;
    assert!(table.starts_with("3 tokens, 2 valid\n"), "{table}");
    assert!(table.lines().any(|line| line.contains(&id) && line.contains("revoked")), "{table}");
    assert!(log.token(&["revoke", "00000000"]).expect(2).out.contains("no token with this id"));
}

/// What `token create` prints is the token itself, and its id is what `sha256sum` says of it.
#[test]
fn a_token_is_shown_once_and_named_by_its_digest() {
    let log = Log::new();
    let made = log.token(&["create", "ops", "--role", "admin", "--role", "auditor"]).expect(0).json();
    let token = made["token"].as_str().unwrap();
    let sum = deedbook_sha256(token);
    assert_eq!(made["about"]["id"].as_str().unwrap(), &sum[..8]);
    assert!(!log.token(&["list"]).expect(0).out.contains(token));
    for (words, why) in [
        (&["create", "a", "--role", "submitter"][..], "for whom may this submitter speak"),
        (&["create", "a", "--role", "auditor", "--agent", "x"], "for tokens with the role submitter"),
        (&["create", "open", "--role", "auditor"], "stands for nobody"),
    ] {
        let refused = log.token(words).expect(2);
        assert!(refused.out.contains(why), "{refused:?}");
    }
    let there = log.path("there");
    std::fs::write(&there, "mine").unwrap();
    log.token(&["create", "a", "--role", "auditor", "--out", there.to_str().unwrap()]).expect(2);
    assert_eq!(text(&there), "mine", "no file is written over");
    assert_eq!(
        log.token(&["list"]).expect(0).json()["tokens"].as_array().unwrap().len(),
        2,
        "and no token was made"
    );
}

fn deedbook_sha256(text: &str) -> String {
    let script = format!("printf %s '{text}' | sha256sum");
    String::from_utf8(Command::new("sh").args(["-c", &script]).output().unwrap().stdout).unwrap()
}

#[test]
fn the_tokens_of_a_stopped_log_are_managed_in_its_directory() {
    let log = Log::new();
    let data = log.served.data.to_str().unwrap().to_owned();
    let at =
        |words: &[&str]| deedbook(["token"].iter().chain(words).copied().chain(["--json", "--data", &data]));
    let busy = at(&["create", "ops", "--role", "admin"]).expect(2);
    assert!(busy.out.contains("in use by another deedbook process"), "{busy:?}");
    let Log { home, served } = log;
    served.stop();
    let admin = at(&["list"]).expect(0).json()["tokens"][0]["id"].as_str().unwrap().to_owned();
    at(&["revoke", &admin]).expect(0);
    let path = home.path().join("ops.token");
    at(&["create", "ops", "--role", "admin", "--out", path.to_str().unwrap()]).expect(0);
    let served = Served::start_under_tokens(Path::new(&data), &[]);
    let list = |token: &Path| {
        deedbook(["token", "list", "--url", &served.url, "--token-file", token.to_str().unwrap()])
    };
    list(&path).expect(0);
    assert!(list(&served.data.join("admin.token")).expect(2).err.contains("revoked"));
    let nowhere = deedbook(["token", "list", "--data", home.path().join("none").to_str().unwrap()]).expect(2);
    assert!(nowhere.err.contains("holds no log"), "{}", nowhere.err);
    assert!(deedbook(["token", "list"]).expect(2).err.contains("which log?"));
}

#[test]
fn no_line_of_any_log_shows_a_token_however_much_is_said() {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new("/usr/bin/env");
    command.args(["RUST_LOG=trace", env!("CARGO_BIN_EXE_deedbook")]);
    let served = Served::try_start(command, &home.path().join("data"), &[]).unwrap();
    let log = Log { home, served };
    let (submitter, auditor) = (log.make("submitter", &ANYBODY), log.make("auditor", &[]));
    let mut said = String::new();
    let mut loud = |words: &[&str], token: &Path, code: i32| {
        let words = words.iter().copied().chain(["--token-file", token.to_str().unwrap()]);
        let ran = deedbook_fed(words, &[("RUST_LOG", "trace")], "").expect(code);
        assert!(ran.err.len() > 1_000, "it says much: {}", ran.err);
        said += &(ran.out + &ran.err);
    };
    let file = log.path("records");
    std::fs::write(&file, testkit::sample::typical_ndjson(0, 3, &mut Chance::seeded(7))).unwrap();
    let (file, url, vkey) = (file.to_str().unwrap(), log.served.url.as_str(), log.served.vkey.as_str());
    loud(&["record", file, "--url", url, "--vkey", vkey, "--published"], &submitter, 0);
    loud(&["audit", url, "--vkey", vkey], &auditor, 0);
    loud(&["audit", url, "--vkey", vkey], &submitter, 2);
    loud(
        &["hammer", "--url", url, "--vkey", vkey, "--requests", "4", "--workers", "2", "--no-verify"],
        &submitter,
        0,
    );
    loud(&["token", "list", "--url", url], &log.admin(), 0);
    let nothing = ::record::Sd::of("nothing").to_string();
    loud(&["search", "--url", url, "--user", "x"], &auditor, 0);
    loud(&["search", "--url", url], &submitter, 2);
    loud(&["payload", &nothing, "--url", url], &auditor, 2);
    let erase = ["erase", "--yes", "--ground", "g", "--url", url];
    loud(&[&erase[..], &["--sd", &nothing]].concat(), &log.admin(), 2);
    loud(&[&erase[..], &["--session", "s"]].concat(), &auditor, 2);
    loud(&["hold", "place", "h", "--session", "s", "--ground", "g", "--url", url], &log.admin(), 0);
    loud(&["hold", "release", "h", "--ground", "g", "--url", url], &submitter, 2);
    loud(&["hold", "list", "--url", url], &auditor, 0);
    let guess = log.path("guess");
    std::fs::write(&guess, server::access::Secret::new(&[9; 32]).text()).unwrap();
    loud(&["search", "--url", url], &guess, 2);
    loud(&[&erase[..], &["--session", "s"]].concat(), &guess, 2);
    let admin = text(&log.admin());
    let tokens = [text(&submitter), text(&auditor), admin, text(&guess)];
    let (_, heard) = log.served.stop_and_hear();
    assert!(heard.lines().count() > 100, "the server says much: {heard}");
    for (at, token) in tokens.iter().enumerate() {
        // Not even a good part of it.
        for shown in [&token[..16], &token[30..46]] {
            assert!(!said.contains(shown), "a client showed token {at}");
            assert!(!heard.contains(shown), "the server showed token {at}");
        }
    }
}

/// A server that answers every request with a redirect, or with 404 if there is nowhere to lead; and what it was asked.
fn astray(to: Option<String>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(vec![]));
    let notes = asked.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut request = String::new();
            while reader.read_line(&mut request).unwrap() > 2 {}
            notes.lock().unwrap().push(request);
            let answer = match &to {
                Some(to) => format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: {to}\r\n"),
                None => "HTTP/1.1 404 Not Found\r\n".to_owned(),
            };
            let _ = write!(stream, "{answer}Content-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    (url, asked)
}

#[test]
fn a_redirect_takes_nobodys_token_along() {
    let log = Log::new();
    let (auditor, submitter) = (log.make("auditor", &[]), log.make("submitter", &ANYBODY));
    let (thief, stolen) = astray(None);
    let (url, asked) = astray(Some(format!("{thief}/checkpoint")));
    let vkey = log.served.vkey.as_str();
    with_token(["audit", &url, "--vkey", vkey], Some(&auditor)).expect(2);
    assert!(asked.lock().unwrap()[0].contains(&text(&auditor)), "the log itself is shown the token");
    let was_led = stolen.lock().unwrap().clone();
    assert!(!was_led.is_empty(), "the reader was led astray");
    assert!(was_led.iter().all(|request| !request.to_lowercase().contains("authorization")), "{was_led:?}");

    let file = log.path("records");
    std::fs::write(&file, testkit::sample::typical_ndjson(0, 1, &mut Chance::seeded(7))).unwrap();
    with_token(["record", file.to_str().unwrap(), "--url", &url, "--vkey", vkey], Some(&submitter)).expect(2);
    let was_led = stolen.lock().unwrap().clone();
    assert!(
        was_led.iter().all(|request| request.starts_with("GET ")),
        "a submission is not led astray at all: {was_led:?}"
    );

    let sd = ::record::Sd::of("nothing").to_string();
    with_token(["search", "--url", &url], Some(&auditor)).expect(2);
    with_token(["payload", &sd, "--url", &url], Some(&auditor)).expect(2);
    with_token(["hold", "list", "--url", &url], Some(&log.admin())).expect(2);
    assert!(
        asked.lock().unwrap().last().unwrap().contains(&text(&log.admin())),
        "the log itself is shown it"
    );
    let was_led = stolen.lock().unwrap().clone();
    assert!(was_led.iter().all(|request| !request.to_lowercase().contains("authorization")), "{was_led:?}");
    let erase = ["erase", "--yes", "--ground", "g", "--session", "s", "--url", &url];
    with_token(erase, Some(&log.admin())).expect(2);
    let place = ["hold", "place", "h", "--ground", "g", "--session", "s", "--url", &url];
    with_token(place, Some(&log.admin())).expect(2);
    assert_eq!(
        stolen.lock().unwrap().len(),
        was_led.len(),
        "what changes something is not led astray at all"
    );
}

#[test]
fn a_backup_brings_the_tokens_back_and_not_the_first_admins() {
    let log = Log::new();
    let auditor = log.make("auditor", &[]);
    let backup = log.path("backup");
    // That the tokens were made is in the log: once it is published, an auditor has something to read.
    let audit = |url: &str, vkey: &str, token| with_token(["audit", url, "--vkey", vkey], token);
    let start = std::time::Instant::now();
    while audit(&log.served.url, &log.served.vkey, Some(&auditor)).out.contains("at size 0") {
        assert!(start.elapsed().as_secs() < 30, "nothing is published");
    }
    let words = [
        "backup",
        backup.to_str().unwrap(),
        "--url",
        &log.served.url,
        "--data",
        log.served.data.to_str().unwrap(),
    ];
    with_token(words, Some(&auditor)).expect(0);
    assert!(!backup.join("private/admin.token").exists());
    assert!(!backup.join("public/tokens.json").exists());
    // The log goes on: what was published since is known, and not in the backup.
    let (data, newest) = (log.path("restored"), log.served.data.join("head"));
    log.make("investigator", &[]);
    let copied = std::fs::read(backup.join("public/checkpoint")).unwrap();
    while size_of(&std::fs::read(&newest).unwrap()) <= size_of(&copied) {
        assert!(start.elapsed().as_secs() < 60, "nothing more is published");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let (from, newest) = (backup.to_str().unwrap(), newest.to_str().unwrap());
    let ran = deedbook(["restore", from, "--data", data.to_str().unwrap(), "--newest", newest]).expect(0);
    assert!(ran.out.contains("revoke again what was revoked since"), "{}", ran.out);
    assert_eq!(mode(&data.join("tokens.json")), 0o600);
    let served = Served::start_under_tokens(&data, &[]);
    assert!(served.said.get("admin_token").is_none());
    // The token is taken; but who looks is to be written, and this log writes nothing before it is complete.
    let ran = audit(&served.url, &served.vkey, Some(&auditor)).expect(2);
    assert!(ran.err.contains("the log takes no entries"), "{}", ran.err);
    let other = audit(&served.url, &served.vkey, None).expect(2);
    assert!(!other.err.contains("the log takes no entries"), "{}", other.err);
}

/// Whoever backs a log up is a record in it: the backup is nonetheless one that a log goes on from.
#[test]
fn a_log_goes_on_from_the_one_backup_that_was_made_of_it() {
    let log = Log::new();
    let auditor = log.make("auditor", &[]);
    let backup = log.path("backup");
    let (to, data) = (backup.to_str().unwrap(), log.served.data.to_str().unwrap());
    with_token(["backup", to, "--url", &log.served.url, "--data", data], Some(&auditor)).expect(0);
    let (restored, newest) = (log.path("restored"), backup.join("public/checkpoint"));
    let (restored_to, newest) = (restored.to_str().unwrap(), newest.to_str().unwrap());
    let ran = deedbook(["restore", to, "--data", restored_to, "--newest", newest, "--json"]).expect(0).json();
    assert_eq!(ran["read_only"], serde_json::Value::Null, "{ran}");
    let served = Served::start_under_tokens(&restored, &[]);
    let listed = with_token(["audit", &served.url, "--vkey", &served.vkey], Some(&auditor));
    listed.expect(0);
}
