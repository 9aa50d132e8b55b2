//! A log that pushes to a mirror, which does not read it.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tlog::tile::{Resource, bundles_of, tiles_of};

use super::copies::TESSERA_VKEY;
use super::process::{Mirror, NAME, audit, copy_of, get, id, once, size_in, told, vkey};
use crate::run::{Ran, deedbook};
use crate::testlog::{TestLog, entry};
use crate::witness::process::until;

/// A mirror's directory, and a list with one log.
pub(super) struct Home {
    folder: tempfile::TempDir,
    pub(super) data: PathBuf,
    list: PathBuf,
    pub(super) vkey: String,
    pub(super) origin: String,
}

impl Home {
    pub(super) fn of(log: &TestLog) -> Self {
        Self::with(&log.policy().logs()[0].key.to_string(), log.signed().origin().as_str())
    }

    fn with(vkey: &str, origin: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (data, list) = (folder.path().join("mirror"), folder.path().join("logs"));
        std::fs::write(&list, format!("logs/v0\nvkey {vkey}\nqpd 100000\ncontact nobody\n")).unwrap();
        Self { data, list, vkey: vkey.to_owned(), origin: origin.to_owned(), folder }
    }

    pub(super) fn start(&self, options: &[&str]) -> Result<Mirror, Ran> {
        let fixed = ["--name", NAME, "--pushed", self.list.to_str().unwrap()];
        Mirror::try_start(&self.data, &[&fixed, options].concat())
    }

    fn push_args(&self, log: &Path, url: &str) -> Vec<String> {
        let keys = self.data.join("mirror.vkeys");
        ["mirror", "push", "--json", "--log", log.to_str().unwrap(), "--vkey", &self.vkey, "--to", url]
            .into_iter()
            .chain(["--mirror-keys", keys.to_str().unwrap()])
            .map(str::to_owned)
            .collect()
    }

    pub(super) fn push(&self, log: &TestLog, url: &str) -> Ran {
        deedbook(self.push_args(log.path(), url))
    }

    fn copy(&self) -> PathBuf {
        copy_of(&self.data, &self.origin)
    }

    /// That everything is served as the log has it, and that the mirror has cosigned it.
    #[track_caller]
    pub(super) fn serves(&self, mirror: &Mirror, log: &TestLog) {
        let size = log.edge.size();
        assert_eq!(mirror.size(&self.origin), Some(size));
        let tiles = tiles_of(size).map(Resource::Tile);
        for resource in tiles.chain(bundles_of(size).map(Resource::Bundle)) {
            let served = get(&mirror.url, &format!("/{}/{resource}", id(&self.origin)), &[]);
            let there = std::fs::read(log.file(&resource.to_string())).unwrap();
            assert!(served.status == 200 && served.body == there, "{resource}: {}", served.status);
        }
        let policy = self.folder.path().join("policy");
        let lines = format!("log {}\nwitness m {}\nquorum m\n", self.vkey, vkey(&self.data));
        std::fs::write(&policy, lines).unwrap();
        let place = format!("{}/{}", mirror.url, id(&self.origin));
        let ran = deedbook(["audit", &place, "--policy", policy.to_str().unwrap(), "--json"]);
        assert_eq!(ran.expect(0).json()["size"], size);
    }
}

#[test]
fn what_a_log_pushes_is_served_byte_for_byte_and_cosigned() {
    let mut log = TestLog::of_size(1_300);
    let home = Home::of(&log);
    let mirror = home.start(&[]).unwrap();
    assert_eq!(mirror.said["logs"][0][0], home.origin);
    assert_eq!(mirror.size(&home.origin), None);
    let pushed = home.push(&log, &mirror.url).expect(0).json();
    assert_eq!((&pushed["size"], &pushed["entries"]), (&1_300.into(), &1_300.into()), "{pushed}");
    assert_eq!(pushed["cosignatures"].as_array().map(Vec::len), Some(1), "{pushed}");
    home.serves(&mirror, &log);
    let again = home.push(&log, &mirror.url).expect(0).json();
    assert_eq!(
        (&again["entries"], &again["requests"]),
        (&0.into(), &0.into()),
        "nothing is lacking: {again}"
    );
    // More than fits one request.
    log.grow((1_300..12_000).map(entry));
    let more = home.push(&log, &mirror.url).expect(0).json();
    assert_eq!(more["entries"], 12_000 - 1_300, "{more}");
    assert!(more["requests"].as_u64() > Some(1), "{more}");
    home.serves(&mirror, &log);
    let metric = format!("deedbook_mirror_size{{origin=\"{}\"}}", home.origin);
    until("it is told", || mirror.metric(&metric) == 12_000);
    assert_eq!(told(&home.data, 0)["place"], "pushed by the log");
    assert!(mirror.stop().success());
}

/// A log that another program wrote, at every size that it had.
#[test]
fn the_test_log_of_tessera_is_pushed_as_it_grew() {
    let original = testkit::vectors::path("tessera-testlog/testdata/log");
    let home = Home::with(TESSERA_VKEY, "example.com/log/testdata");
    let log = home.folder.path().join("log");
    assert!(Command::new("cp").arg("-r").arg(&original).arg(&log).status().unwrap().success());
    let mirror = home.start(&[]).unwrap();
    for size in 0..=15 {
        std::fs::copy(log.join(format!("checkpoint.{size}")), log.join("checkpoint")).unwrap();
        let pushed = deedbook(home.push_args(&log, &mirror.url)).expect(0).json();
        assert_eq!((&pushed["size"], &pushed["entries"]), (&size.into(), &size.min(1).into()), "{pushed}");
        assert_eq!(mirror.size(&home.origin), Some(size));
        audit(home.copy().to_str().unwrap(), TESSERA_VKEY).expect(0);
    }
}

#[test]
fn a_log_that_is_damaged_and_one_that_is_old_are_told_so() {
    let (log, other) = (TestLog::of_size(600), TestLog::of_size(3));
    let home = Home::of(&log);
    let mirror = home.start(&[]).unwrap();
    log.flip("tile/entries/001", 9);
    let damaged = home.push(&log, &mirror.url).expect(1);
    assert!(damaged.out.contains("tile/entries/001"), "{}", damaged.out);
    let behind = home.push(&other, &mirror.url).expect(2);
    assert!(behind.out.contains("size 600"), "{}", behind.out);
    assert_eq!(mirror.size(&home.origin), None, "nothing was cosigned");
}

/// A log that signs another history than the one it has pushed is called broken, and the first one is served.
#[test]
fn a_log_that_pushes_two_histories_is_called_broken() {
    let (log, mut other) = (TestLog::of_size(600), TestLog::of_size(0));
    other.grow((0..600).map(|index| format!("other {index}").into()));
    let home = Home::of(&log);
    let mirror = home.start(&[]).unwrap();
    home.push(&log, &mirror.url).expect(0);
    let broken = format!("deedbook_mirror_broken{{origin=\"{}\"}}", home.origin);
    until("it is told", || {
        mirror.metric(&format!("deedbook_mirror_size{{origin=\"{}\"}}", home.origin)) == 600
    });
    assert_eq!(mirror.metric(&broken), 0);
    home.push(&other, &mirror.url).expect(2);
    until("it is told", || mirror.metric(&broken) == 1);
    assert!(told(&home.data, 1)["problem"].as_str().unwrap().contains("two histories"));
    home.serves(&mirror, &log);
}

#[test]
fn a_look_is_told_to_programs_and_a_log_that_is_no_more_mirrored_is_forgotten() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("mirror");
    let log = TestLog::of_size(300);
    let vkey = log.policy().logs()[0].key.to_string();
    let ran = once(&data, log.path(), &vkey, &["--json"]).expect(0).json();
    assert_eq!((&ran["logs"][0]["size"], &ran["logs"][0]["behind"]), (&300.into(), &0.into()), "{ran}");
    // It went back, which is told; and then another log takes its place.
    let ran = once(&data, TestLog::of_size(100).path(), &vkey, &["--json"]).expect(1).json();
    assert_eq!(ran["logs"][0]["broken"], true, "{ran}");
    let tessera = testkit::vectors::path("tessera-testlog/testdata/log");
    once(&data, &tessera, TESSERA_VKEY, &[]).expect(0);
    assert_eq!(told(&data, 0)["origin"], "example.com/log/testdata");
    assert!(copy_of(&data, log.signed().origin().as_str()).join("checkpoint").exists(), "its copy stays");
}

#[test]
fn a_mirror_of_no_log_says_what_is_missing() {
    let home = Home::of(&TestLog::of_size(0));
    std::fs::write(&home.list, "logs/v0\n").unwrap();
    let Err(ran) = home.start(&[]) else { panic!("it runs") };
    assert!(ran.code == 2 && ran.out.contains("--pushed"), "{ran:?}");
    std::fs::write(&home.list, "logs\n").unwrap();
    let Err(ran) = home.start(&[]) else { panic!("it runs") };
    assert!(ran.code == 2 && ran.out.contains(home.list.to_str().unwrap()), "{ran:?}");
}

/// What a hostile mirror answers does nothing to the terminal.
#[test]
fn words_of_a_mirror_are_shown_safely() {
    let log = TestLog::of_size(3);
    let home = Home::of(&log);
    drop(home.start(&[]).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let line = format!("\u{2014} \u{9b}2J {}\n", tlog::encoding::base64(&[7; 76]));
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut request = [0; 4_096];
            let read = stream.read(&mut request).unwrap();
            let entries = request[..read].starts_with(b"POST /add-entries ");
            let body = if entries { line.repeat(2) } else { String::new() };
            let _ = write!(
                stream,
                "HTTP/1.1 200 x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
        }
    });
    let mut args = home.push_args(log.path(), &url);
    args.retain(|arg| arg != "--json");
    let ran = deedbook(args).expect(1);
    assert!(ran.err.contains("two signature lines by") && !ran.err.contains('\u{9b}'), "{:?}", ran.err);
}

/// Killed three times while it takes entries, it goes on each time where it was, and so does the log that pushes.
#[test]
fn killed_while_it_takes_entries_it_goes_on_and_so_does_who_pushes() {
    let log = TestLog::of_size(40_000);
    let home = Home::of(&log);
    let mut mirror = home.start(&[]).unwrap();
    let address = mirror.url.strip_prefix("http://").unwrap().to_owned();
    let mut pushing = Pushing::start(&home, &log, &mirror.url);
    for bundle in [1, 40, 90] {
        let kept = home.copy().join(format!("tile/entries/{bundle:03}"));
        until("some entries are kept", || kept.exists());
        drop(mirror);
        assert!(!home.copy().join("checkpoint").exists(), "nothing is shown yet");
        mirror = started(&home, &address);
        assert!(kept.exists());
    }
    pushing.ends_well();
    home.serves(&mirror, &log);
    assert_eq!(size_in(&std::fs::read(home.copy().join("checkpoint")).unwrap()), 40_000);
    audit(home.copy().to_str().unwrap(), &home.vkey).expect(0);
    assert!(mirror.stop().success());
}

/// The mirror again, at the address where it was.
fn started(home: &Home, address: &str) -> Mirror {
    let mut again = None;
    until("the address is free", || {
        again = home.start(&["--listen", address]).ok();
        again.is_some()
    });
    again.unwrap()
}

/// A push that goes on behind.
struct Pushing(Child);

impl Pushing {
    fn start(home: &Home, log: &TestLog, url: &str) -> Self {
        let mut command = Command::new(Path::new(env!("CARGO_BIN_EXE_deedbook")));
        command.args(home.push_args(log.path(), url)).env_clear();
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap())
    }

    fn ends_well(&mut self) {
        let mut ended = None;
        until("the log is pushed", || {
            ended = self.0.try_wait().unwrap();
            ended.is_some()
        });
        let mut words = String::new();
        self.0.stderr.as_mut().unwrap().read_to_string(&mut words).unwrap();
        assert!(ended.unwrap().success(), "{words}");
    }
}

impl Drop for Pushing {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
