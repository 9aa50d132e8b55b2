//! Whom entries are handed out to.

use super::process::{Mirror, audit, copy_of, get, id, once, size_in};
use crate::served::{Served, exchange};
use crate::testlog::TestLog;
use crate::witness::process::until;

fn mirror(home: &std::path::Path, log: &TestLog, options: &[&str]) -> Mirror {
    let vkey = log.policy().logs()[0].key.to_string();
    let mirror = Mirror::start(&home.join("mirror"), log.path().to_str().unwrap(), &vkey, options);
    let origin = log.signed().origin().to_string();
    until("there is a copy", || mirror.size(&origin) == Some(300));
    mirror
}

/// The port is reached on this machine; what the mirror was told to listen on decides.
fn reached(mirror: &Mirror) -> String {
    mirror.url.replace("0.0.0.0", "127.0.0.1")
}

#[test]
fn paths_and_methods_that_are_none_are_answered_as_the_logs_server_does() {
    let log = TestLog::of_size(300);
    let home = tempfile::tempdir().unwrap();
    let mirror = mirror(home.path(), &log, &[]);
    let id = id(log.signed().origin().as_str());
    for path in [
        "/",
        "/checkpoint",
        "/x/checkpoint",
        &format!("/{}/checkpoint", "0".repeat(64)),
        &format!("/{id}/tile/0/000/"),
    ] {
        let got = get(&mirror.url, path, &[]);
        assert_eq!((got.status, got.header("cache-control")), (404, Some("no-store")), "{path}");
    }
    for path in [format!("/{id}/checkpoint"), format!("/{id}/tile/0/000"), "/readyz".into()] {
        let (status, body) = exchange(&mirror.url, "POST", &path, "text/plain", b"").unwrap();
        assert!(status == 405 && body.contains("GET,HEAD"), "{path}: {status} {body}");
        let (status, body) = exchange(&mirror.url, "HEAD", &path, "text/plain", b"").unwrap();
        assert_eq!((status, body.as_str()), (200, ""), "{path}");
    }
    assert_eq!(get(&mirror.url, "/healthz", &[]).body, b"ok\n");
}

#[test]
fn entries_are_for_this_machine_unless_the_operator_says_that_they_are_for_everybody() {
    let log = TestLog::of_size(300);
    let below = format!("/{}", id(log.signed().origin().as_str()));
    let (bundle, tile) = (format!("{below}/tile/entries/000"), format!("{below}/tile/0/000"));

    let home = tempfile::tempdir().unwrap();
    let local = mirror(home.path(), &log, &[]);
    assert_eq!(local.said["entries"], "this-machine");
    let got = get(&local.url, &bundle, &[]);
    assert_eq!((got.status, got.body), (200, log.read("tile/entries/000")));
    let got = get(&local.url, &bundle, &[]);
    assert_eq!(got.header("cache-control"), Some("private, no-store"));
    assert_eq!(got.header("access-control-allow-origin"), None, "no page of another site may read it");
    // A name that somebody has lead to this machine, or a proxy that hands on what it was asked.
    let foreign = get(&local.url, &bundle, &[("Host", "log.evil.example:2029")]);
    assert_eq!(foreign.status, 403);
    assert!(String::from_utf8_lossy(&foreign.body).contains("entries-withheld"));
    let hashes = get(&local.url, &tile, &[("Host", "mirror.example.org")]);
    assert_eq!((hashes.status, hashes.header("access-control-allow-origin")), (200, Some("*")));
    drop(local);

    let home = tempfile::tempdir().unwrap();
    let open = mirror(home.path(), &log, &["--listen", "0.0.0.0:0"]);
    assert_eq!(open.said["entries"], "nobody");
    assert_eq!(get(&reached(&open), &bundle, &[]).status, 403);
    assert_eq!(get(&reached(&open), &tile, &[]).status, 200);
    drop(open);

    let home = tempfile::tempdir().unwrap();
    let open = mirror(home.path(), &log, &["--listen", "0.0.0.0:0", "--serve-entries"]);
    assert_eq!(open.said["entries"], "everybody");
    let got = get(&reached(&open), &bundle, &[("Host", "mirror.example.org")]);
    assert_eq!((got.status, got.header("access-control-allow-origin")), (200, Some("*")));
    assert_eq!(got.header("cache-control"), Some("public, max-age=604800, immutable"));
}

/// A log that shows entries under tokens only: the mirror needs one, and it is nowhere in what the mirror keeps or says.
#[test]
fn a_log_under_tokens_is_copied_with_one_and_says_so_without() {
    let home = tempfile::tempdir().unwrap();
    let served = Served::start_under_tokens(&home.path().join("log"), &[]);
    let origin = served.said["origin"].as_str().unwrap();
    let token = home.path().join("log/admin.token");
    let data = home.path().join("mirror");
    // Its first record, that there is an admin, is published soon.
    until("there is something", || size_in(&get(&served.url, "/checkpoint", &[]).body) > 0);
    let place = std::path::Path::new(&served.url);
    let ran = once(&data, place, &served.vkey, &[]).expect(2);
    assert!(ran.err.contains("token"), "{}", ran.err);
    let copy = copy_of(&data, origin);
    assert!(!copy.join("checkpoint").exists());
    once(&data, place, &served.vkey, &["--token-file", token.to_str().unwrap(), "-vv"]).expect(0);
    assert!(audit(copy.to_str().unwrap(), &served.vkey).expect(0).json()["size"].as_u64() > Some(0));
    let secret = std::fs::read_to_string(token).unwrap();
    let kept = std::process::Command::new("grep").args(["-r", secret.trim()]).arg(&data).output().unwrap();
    assert_eq!(kept.status.code(), Some(1), "{kept:?}");
}
