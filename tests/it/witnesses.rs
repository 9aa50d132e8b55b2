//! `deedbook serve --policy` with witnesses on real sockets: options, receipts, kills.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use sequencer::Kind;
use testkit::Chance;
use testkit::keys::WITNESSES;
use tlog::checkpoint::SignedCheckpoint;
use tlog::key::VerifierKey;
use tlog::policy::Policy;

use crate::run::{Ran, deedbook};
use crate::served::Served;
use crate::stand_in::{Mood, StandIn};

/// A log that is not served yet, three witnesses of which two are enough, and the policy that says so.
struct Place {
    home: tempfile::TempDir,
    witnesses: Vec<StandIn>,
    vkey: VerifierKey,
    policy: Policy,
}

impl Place {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let vkey = Served::start(&home.path().join("data"), Kind::Records).vkey.clone();
        let vkey = VerifierKey::parse(&vkey).unwrap();
        let witnesses: Vec<StandIn> = WITNESSES.iter().map(|key| StandIn::start(*key, &vkey)).collect();
        let lines = witnesses.iter().enumerate().map(|(place, it)| it.line(&format!("w{place}")));
        let text = format!("log {vkey}\n{}group g 2 w0 w1 w2\nquorum g\n", lines.collect::<String>());
        std::fs::write(home.path().join("policy.txt"), &text).unwrap();
        let policy = Policy::parse(text.as_bytes()).unwrap();
        Self { home, witnesses, vkey, policy }
    }

    fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    fn path(&self, name: &str) -> String {
        self.home.path().join(name).to_str().unwrap().to_owned()
    }

    fn serve(&self, more: &[&str]) -> Served {
        let policy = self.path("policy.txt");
        Served::start_with(&self.data(), &[&["--policy", &policy], more].concat())
    }

    fn refused(&self, options: &[&str]) -> Ran {
        Served::try_start(Served::program(), &self.data(), &[&["--open"], options].concat()).err().unwrap()
    }

    fn records(&self, name: &str, from: u64, count: u64) -> String {
        let text = testkit::sample::typical_ndjson(from, count, &mut Chance::seeded(from));
        std::fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    /// What is published.
    fn published(&self, served: &Served) -> SignedCheckpoint {
        let (status, note) = served.exchange("GET", "/checkpoint", "", b"").unwrap();
        assert_eq!(status, 200);
        SignedCheckpoint::open(note, &self.vkey).unwrap()
    }
}

/// Waits until something holds.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(30), "{what} did not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn what_to_do_without_witnesses_has_to_be_said() {
    let place = Place::new();
    let policy = place.path("policy.txt");
    let ran = place.refused(&["--policy", &policy]).expect(2);
    assert!(ran.out.contains("hold") && ran.out.contains("publish"), "{ran:?}");
    let ran = place.refused(&["--when-unwitnessed", "hold"]).expect(2);
    assert!(ran.out.contains("--policy"), "{ran:?}");
    let ran = place.refused(&["--policy", &policy, "--when-unwitnessed", "hold", "--witness-timeout", "99"]);
    assert!(ran.out.contains("between"), "{ran:?}");
    let text = std::fs::read_to_string(&policy).unwrap();
    let stranger = testkit::keys::OTHER_LOG;
    let stranger = tlog::key::Signer::from_seed(stranger.name.parse().unwrap(), &stranger.seed);
    let bent = text.replace(&place.vkey.to_string(), &stranger.verifier_key().to_string());
    std::fs::write(place.path("other.txt"), bent).unwrap();
    let ran = place.refused(&["--policy", &place.path("other.txt"), "--when-unwitnessed", "hold"]).expect(2);
    assert!(
        ran.out.contains("does not name this log's key") && ran.out.contains(&place.vkey.to_string()),
        "{ran:?}"
    );
    // Who needs no quorum need not choose, and a file says the same as options.
    std::fs::write(place.path("none.txt"), text.replace("quorum g", "quorum none")).unwrap();
    drop(Served::start_with(&place.data(), &["--policy", &place.path("none.txt")]));
    let config = format!("policy = {policy:?}\nwhen_unwitnessed = \"hold\"\nwitness_timeout = 0.2\n");
    std::fs::write(place.path("c.toml"), config).unwrap();
    drop(Served::start_with(&place.data(), &["--config", &place.path("c.toml")]));
}

/// A log that stands still says for whose sake: its witnesses have cosigned everything here.
#[test]
fn what_the_disk_refuses_is_not_said_of_the_witnesses() {
    let place = Place::new();
    let served = place.serve(&["--when-unwitnessed", "hold"]);
    until("an empty log is witnessed", || {
        place.policy.verify(place.published(&served).bytes().clone()).is_ok()
    });
    let published = place.data().join("published");
    until("a directory is in the way", || {
        // It is written again and again.
        std::fs::remove_file(&published).is_ok() && std::fs::create_dir_all(published.join("full")).is_ok()
    });
    let file = place.records("calls.ndjson", 0, 3);
    deedbook(["record", &file, "--url", &served.url, "--vkey", &place.vkey.to_string()]).expect(0);
    let (status, words) = served.stop_and_hear();
    assert_eq!(status.code(), Some(2), "{words}");
    assert!(words.contains("could not be noted") && !words.contains("too few"), "{words}");
}

#[test]
fn receipts_of_a_witnessed_log_hold_under_its_policy_and_an_audit_does() {
    let place = Place::new();
    let served = place.serve(&["--when-unwitnessed", "hold"]);
    let (policy, file) = (place.path("policy.txt"), place.records("calls.ndjson", 0, 300));
    let url = &served.url;
    let ran = deedbook(["record", &file, "--url", url, "--policy", &policy, "--json"]).expect(0).json();
    assert_eq!(ran["logged"], 300);
    let receipts = format!("{file}.receipts.ndjson");
    deedbook(["verify", &receipts, "--records", &file, "--policy", &policy]).expect(0);
    let ran = deedbook(["audit", url, "--policy", &policy, "--json"]).expect(0).json();
    assert!(ran["witnesses"].as_array().unwrap().len() >= 2, "{ran}");
    // Without enough of them the receipts that a policy demands are waited for, and the records are durable meanwhile.
    place.witnesses[0].is(Mood::says(503, "text/plain", "later"));
    place.witnesses[1].is(Mood::Hanging);
    let more = place.records("more.ndjson", 300, 5);
    deedbook(["record", &more, "--url", url, "--vkey", &place.vkey.to_string()]).expect(0);
    assert!(place.published(&served).size() <= 300, "the public log is held");
    let words = served.stop_and_hear();
    assert!(words.0.success(), "{words:?}");
    assert!(words.1.contains("too few witnesses have cosigned the rest"), "{}", words.1);
}

#[test]
fn a_log_that_asks_nobody_any_more_shows_its_newest_head() {
    let mut place = Place::new();
    let served = place.serve(&["--when-unwitnessed", "hold"]);
    let file = place.records("calls.ndjson", 0, 10);
    let policy = place.path("policy.txt");
    deedbook(["record", &file, "--url", &served.url, "--policy", &policy]).expect(0);
    for witness in &mut place.witnesses {
        witness.down();
    }
    let more = place.records("more.ndjson", 10, 10);
    deedbook(["record", &more, "--url", &served.url, "--vkey", &place.vkey.to_string()]).expect(0);
    served.stop();
    let held = std::fs::read(place.data().join("published")).unwrap();
    place.policy.verify(held).unwrap();
    let served = Served::start_with(&place.data(), &[]);
    assert_eq!(place.published(&served).size(), 20);
    assert!(!place.data().join("published").exists());
}

/// Killed in the middle of whatever it does, again and again, while witnesses come and go: the public log never goes back,
/// and where it is held it is never shown without a quorum, once it had one.
#[test]
fn a_log_that_is_killed_shows_nothing_older_and_nothing_less_witnessed() {
    for choice in ["hold", "publish"] {
        let mut chance = Chance::from_env_or(31);
        let mut place = Place::new();
        let (mut before, mut up, mut next): (Option<SignedCheckpoint>, _, _) = (None, [true; 3], 0);
        for life in 0..12 {
            let turned = chance.below(3) as usize;
            up[turned] = !up[turned];
            if up[turned] {
                place.witnesses[turned].up();
            } else {
                place.witnesses[turned].down();
            }
            let served = place.serve(&["--when-unwitnessed", choice, "--witness-timeout", "0.1"]);
            assert!(served.said["read_only"].is_null(), "{}", served.said);
            let shown = place.published(&served);
            if let Some(before) = &before {
                assert!(
                    shown.size() >= before.size(),
                    "life {life}: {} after {}",
                    shown.size(),
                    before.size()
                );
                let lost =
                    shown.head() == before.head() && shown.signatures().len() < before.signatures().len();
                assert!(!lost, "life {life}: cosignatures are gone");
            }
            for _ in 0..=chance.below(3) {
                let text = testkit::sample::typical_ndjson(next, 3, &mut Chance::seeded(next));
                let answer = served.exchange("POST", "/v1/records", "application/x-ndjson", &text).unwrap();
                assert_eq!(answer.0, 200);
                next += 3;
                std::thread::sleep(Duration::from_millis(chance.below(80)));
                let now = place.published(&served);
                if choice == "hold" && now.size() > 0 {
                    place.policy.verify(now.bytes().clone()).unwrap();
                }
                before = Some(now);
            }
            served.kill();
        }
        for (witness, up) in place.witnesses.iter_mut().zip(up) {
            if !up {
                witness.up();
            }
        }
        let served = place.serve(&["--when-unwitnessed", choice]);
        until("all is witnessed", || {
            let shown = place.published(&served);
            shown.size() == next && place.policy.verify(shown.bytes().clone()).is_ok()
        });
        served.stop();
        deedbook(["fsck", "--data", place.data().to_str().unwrap()]).expect(0);
    }
}

/// The whole directory is put back, evidence and all: it is in accord with itself, and was witnessed. The witnesses know better.
#[test]
fn an_old_image_of_the_whole_directory_signs_nothing_where_witnesses_can_be_reached() {
    let place = Place::new();
    let (policy, hold) = (place.path("policy.txt"), ["--when-unwitnessed", "hold"]);
    let record = |served: &Served, name: &str, from: u64| {
        let file = place.records(name, from, 5);
        deedbook(["record", &file, "--url", &served.url, "--policy", &policy]).expect(0);
    };
    let served = place.serve(&hold);
    record(&served, "first.ndjson", 0);
    until("all three", || place.published(&served).signatures().len() == 4);
    served.stop();
    let image = place.home.path().join("image");
    copy(&place.data(), &image);
    let served = place.serve(&hold);
    record(&served, "second.ndjson", 5);
    until("all three", || place.published(&served).signatures().len() == 4);
    let size = place.published(&served).size();
    served.stop();

    std::fs::remove_dir_all(place.data()).unwrap();
    copy(&image, &place.data());
    let served = place.serve(&hold);
    let said = served.said["read_only"].as_str().unwrap_or_default().to_owned();
    assert!(said.contains(&format!("cosigned {size}")), "{said:?}");
    assert_eq!(place.published(&served).size(), 5, "and it is read as it is");
    let (status, _) = served.exchange("GET", "/readyz", "", b"").unwrap();
    assert_eq!(status, 503);
}

/// With all modes, for some of the files are for their owner alone.
fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
}
