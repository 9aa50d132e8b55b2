//! `deedbook serve --tls-cert --tls-key` and clients that believe one authority.

use std::path::PathBuf;

use testkit::Chance;

use crate::run::deedbook;
use crate::served::Served;

/// A certificate that vouches for itself, and its key, in files.
struct Files {
    home: tempfile::TempDir,
    certificate: String,
    key: String,
}

impl Files {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let put = |name: &str, pem: &str| {
            let path = home.path().join(name);
            std::fs::write(&path, pem).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let certificate = put("log.crt", &made.cert.pem());
        let key = put("log.pem", &made.signing_key.serialize_pem());
        Self { home, certificate, key }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }
}

#[test]
fn records_go_in_and_an_auditor_reads_them_over_tls() {
    let files = Files::new();
    let options = ["--tls-cert", &files.certificate, "--tls-key", &files.key];
    let served = Served::start_under_tokens(&files.path("data"), &options);
    assert!(served.url.starts_with("https://127.0.0.1:"), "{}", served.url);
    let admin = served.data.join("admin.token");
    let (url, admin, ca) = (served.url.as_str(), admin.to_str().unwrap(), files.certificate.as_str());
    let submitter = files.path("submitter.token");
    let submitter = submitter.to_str().unwrap();
    let words =
        ["token", "create", "a", "--role", "submitter", "--out", submitter, "--url", url, "--ca-file", ca];
    let bound = ["--producer", "*", "--agent", "*", "--principal", "*", "--token-file", admin];
    deedbook(words.iter().chain(&bound)).expect(0);
    let records = files.path("records");
    std::fs::write(&records, testkit::sample::typical_ndjson(0, 9, &mut Chance::seeded(7))).unwrap();
    let words = ["record", records.to_str().unwrap(), "--url", url, "--vkey", &served.vkey, "--published"];
    deedbook(words.iter().chain(&["--ca-file", ca, "--token-file", submitter])).expect(0);
    let audit = ["audit", url, "--vkey", &served.vkey, "--token-file", admin];
    deedbook(audit.iter().chain(&["--ca-file", ca])).expect(0);
    let refused = deedbook(audit).expect(2);
    assert!(
        refused.err.contains("no answer"),
        "the system's authorities do not vouch for it: {}",
        refused.err
    );
    let bad = deedbook(audit.iter().chain(&["--ca-file", &files.key])).expect(2);
    assert!(bad.err.contains("no certificate in PEM"), "{}", bad.err);
    let key = std::fs::read_to_string(&files.key).unwrap();
    let (status, words) = served.stop_and_hear();
    assert!(status.success());
    assert!(!words.contains(key.lines().nth(1).unwrap()), "{words}");
}

#[test]
fn an_address_that_others_reach_is_served_over_tls() {
    let files = Files::new();
    let mut command = Served::program();
    command.args([
        "serve",
        "--json",
        "--data",
        files.path("data").to_str().unwrap(),
        "--listen",
        "0.0.0.0:0",
    ]);
    command.args(["--tls-cert", &files.certificate, "--tls-key", &files.key]).env_clear();
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut line)
        .unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(line.contains(r#""url":"https://0.0.0.0:"#), "{line}");
}

#[test]
fn files_that_cannot_be_used_are_told_before_anything_is_made() {
    let (files, other) = (Files::new(), Files::new());
    let data = files.path("data");
    let (certificate, key) = (files.certificate.as_str(), files.key.as_str());
    for (options, why) in [
        (&["--tls-cert", certificate][..], "go together"),
        (&["--tls-key", key], "go together"),
        (&["--tls-cert", key, "--tls-key", certificate], "no certificate in PEM"),
        (&["--tls-cert", certificate, "--tls-key", certificate], "no private key in PEM"),
        (&["--tls-cert", certificate, "--tls-key", &other.key], "cannot be used together"),
        (&["--tls-cert", "/nowhere", "--tls-key", key], "/nowhere: "),
    ] {
        let words = ["serve", "--data", data.to_str().unwrap(), "--listen", "127.0.0.1:0"];
        let refused = deedbook(words.iter().chain(options)).expect(2);
        assert!(refused.err.contains(why), "{options:?}: {}", refused.err);
        assert_eq!(refused.err.lines().count(), 1, "{}", refused.err);
    }
    assert!(!data.exists());
}
