//! A copy beside its log: the same bytes under the same headers, proven by whoever wants.

use sequencer::Kind;
use testkit::keys::WITNESSES;
use tlog::cosignature::{Cosigner, Timestamp};
use tlog::tile::{Bundle, bundles_of, tiles_of};

use super::process::{Mirror, audit, copy_of, get, id, once, size_in, told, vkey};
use crate::run::deedbook;
use crate::served::Served;
use crate::testlog::{TestLog, entry};
use crate::witness::process::until;

pub(super) const TESSERA_VKEY: &str =
    "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx";

#[test]
fn a_running_mirror_serves_every_resource_of_its_log_byte_for_byte() {
    let home = tempfile::tempdir().unwrap();
    let served = Served::start(&home.path().join("log"), Kind::Records);
    let origin = served.said["origin"].as_str().unwrap();
    let data = home.path().join("mirror");
    let mirror = Mirror::start(&data, &served.url, &served.vkey, &["--serve-entries"]);
    let (below, copy) = (format!("/{}", id(origin)), copy_of(&data, origin));
    let mut size = 0;
    for count in [1, 254, 1, 44, 212, 188] {
        served.submit(size, count);
        size += count;
        until("the copy has grown", || mirror.size(origin) == Some(size));
        for path in
            tiles_of(size).map(|tile| tile.to_string()).chain(bundles_of(size).map(|each| each.to_string()))
        {
            for coding in [&[][..], &[("Accept-Encoding", "gzip")]] {
                let here = get(&mirror.url, &format!("{below}/{path}"), coding);
                let there = get(&served.url, &format!("/{path}"), coding);
                assert_eq!((here.status, &here), (200, &there), "{path} at size {size}");
            }
            let served = get(&served.url, &format!("/{path}"), &[]).body;
            assert_eq!(std::fs::read(copy.join(&path)).unwrap(), served, "{path} as a file");
        }
        // Narrower than what is there: of the log as of its mirror.
        let last = bundles_of(size).last().unwrap();
        for width in [1, u64::from(last.width()) / 2 + 1] {
            let path = Bundle::at(last.index(), last.first() + width).unwrap().to_string();
            let (here, there) = (
                get(&mirror.url, &format!("{below}/{path}"), &[]),
                get(&served.url, &format!("/{path}"), &[]),
            );
            assert_eq!((here.status, here), (200, there), "{path}");
        }
        let (here, there) =
            (get(&mirror.url, &format!("{below}/checkpoint"), &[]), get(&served.url, "/checkpoint", &[]));
        assert!(here.body.starts_with(&there.body), "the log's own note, and the mirror's line after it");
        assert_eq!(here.body, std::fs::read(copy.join("checkpoint")).unwrap());
        let headers = |got: &super::process::Got| {
            got.headers.iter().filter(|line| !line.starts_with("content-length")).cloned().collect::<Vec<_>>()
        };
        assert_eq!(headers(&here), headers(&there));
    }
    // By address, and by directory.
    let url = format!("{}{below}", mirror.url);
    for place in [url.as_str(), &format!("{url}/"), copy.to_str().unwrap()] {
        assert_eq!(audit(place, &served.vkey).expect(0).json()["size"], size, "{place}");
    }
    for path in ["tile/0/00", "tile/0/000?x=1", "tile/0/%30%30%30", "tile/entries/001.p/0", "tile/5/000", "x"]
    {
        let (here, there) =
            (get(&mirror.url, &format!("{below}/{path}"), &[]), get(&served.url, &format!("/{path}"), &[]));
        assert_eq!((here.status, there.status), (404, 404), "{path}");
    }
    assert_eq!(mirror.metric(&format!("deedbook_mirror_size{{origin=\"{origin}\"}}")), size);
    assert_eq!(told(&data, 0)["size"], size);
    assert!(mirror.stop().success());
}

/// Whoever demands this mirror in his policy finds its cosignature; so does whoever demands a witness beside it.
#[test]
fn a_policy_that_demands_the_mirror_is_satisfied_by_its_copy_alone() {
    let home = tempfile::tempdir().unwrap();
    let log = TestLog::of_size(700);
    let data = home.path().join("mirror");
    let witness = Cosigner::from_seed(WITNESSES[0].name.parse().unwrap(), &WITNESSES[0].seed);
    let time = Timestamp::from_seconds(1_767_225_600).unwrap();
    let signed = log.signed();
    let noted = signed.with_signatures([witness.cosign(signed.checkpoint(), time)]).unwrap();
    log.write("checkpoint", noted.bytes());
    let policy = |name: &str, lines: &str| {
        let path = home.path().join(name);
        let log = log.policy().logs()[0].key.to_string();
        std::fs::write(&path, format!("log {log}\nwitness w {}\n{lines}", witness.verifier_key())).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let witnessed = policy("witnessed", "quorum w\n");
    let place = log.path().to_str().unwrap();
    let options = ["--name", super::process::NAME, "--log", place, "--policy", &witnessed, "--once"];
    super::process::run(&data, &options).expect(0);

    let mirrored =
        policy("mirrored", &format!("witness m {}\ngroup both all w m\nquorum both\n", vkey(&data)));
    let origin = signed.origin().to_string();
    let copy = copy_of(&data, &origin);
    let audit = |place: &str| deedbook(["audit", place, "--policy", &mirrored, "--json"]);
    let report = audit(copy.to_str().unwrap()).expect(0).json();
    assert_eq!(report["witnesses"].as_array().unwrap().len(), 2, "{report}");
    audit(place).expect(1);
    let started = ["--log", place, "--policy", &witnessed];
    let mirror = Mirror::try_start(&data, &started).unwrap_or_else(|ran| panic!("{ran:#?}"));
    audit(&format!("{}/{}/", mirror.url, id(&origin))).expect(0);
}

#[test]
fn a_timer_keeps_a_copy_as_a_service_does_and_a_monitor_follows_it() {
    let home = tempfile::tempdir().unwrap();
    let mut log = TestLog::of_size(0);
    let data = home.path().join("mirror");
    let (key, watched) = (log.policy().logs()[0].key.to_string(), home.path().join("watched"));
    let copy = copy_of(&data, signed_origin(&log).as_str());
    for size in [0, 1, 255, 256, 700, 1_300, 1_300] {
        log.grow((log.edge.size()..size).map(entry));
        let ran = once(&data, log.path(), &key, &[]).expect(0);
        assert!(
            ran.err
                .contains(&format!("size {}", if size < 1_000 { size.to_string() } else { "1,300".into() })),
            "{}",
            ran.err
        );
        assert_eq!(size_in(&std::fs::read(copy.join("checkpoint")).unwrap()), size);
        audit(copy.to_str().unwrap(), &key).expect(0);
        let monitor = ["monitor", "--once", "--data", watched.to_str().unwrap(), "--vkey", &key, "--log"];
        deedbook(monitor.iter().chain(&[copy.to_str().unwrap()])).expect(0);
    }
    for path in
        tiles_of(1_300).map(|tile| tile.to_string()).chain(bundles_of(1_300).map(|each| each.to_string()))
    {
        assert_eq!(std::fs::read(copy.join(&path)).unwrap(), log.read(&path), "{path}");
    }
}

/// A log that another program wrote, of which every checkpoint was published.
#[test]
fn the_test_log_of_tessera_is_copied_as_it_grew() {
    let original = testkit::vectors::path("tessera-testlog/testdata/log");
    let home = tempfile::tempdir().unwrap();
    let (log, data) = (home.path().join("log"), home.path().join("mirror"));
    let copied = std::process::Command::new("cp").arg("-r").arg(&original).arg(&log).status().unwrap();
    assert!(copied.success());
    let copy = copy_of(&data, "example.com/log/testdata");
    for size in 0..=15 {
        let checkpoint = log.join(format!("checkpoint.{size}"));
        std::fs::copy(checkpoint, log.join("checkpoint")).unwrap();
        once(&data, &log, TESSERA_VKEY, &[]).expect(0);
        let note = std::fs::read(copy.join("checkpoint")).unwrap();
        assert!(note.starts_with(&std::fs::read(log.join("checkpoint")).unwrap()));
        for path in
            tiles_of(size).map(|tile| tile.to_string()).chain(bundles_of(size).map(|each| each.to_string()))
        {
            let (here, there) = (std::fs::read(copy.join(&path)).unwrap(), std::fs::read(log.join(&path)));
            // The log keeps the widest partial alone.
            assert!(there.is_err() || there.unwrap() == here, "{path} at size {size}");
        }
        audit(copy.to_str().unwrap(), TESSERA_VKEY).expect(0);
    }
}

fn signed_origin(log: &TestLog) -> String {
    log.signed().origin().to_string()
}

#[test]
fn several_logs_each_have_a_copy_of_their_own() {
    let home = tempfile::tempdir().unwrap();
    let raw = TestLog::of_size(300);
    let served = Served::start(&home.path().join("log"), Kind::Records);
    served.submit(0, 20);
    let data = home.path().join("mirror");
    let policies: Vec<String> = [raw.policy().logs()[0].key.to_string(), served.vkey.clone()]
        .into_iter()
        .enumerate()
        .map(|(number, vkey)| {
            let path = home.path().join(format!("policy-{number}"));
            std::fs::write(&path, format!("log {vkey}\nquorum none\n")).unwrap();
            path.file_name().unwrap().to_str().unwrap().to_owned()
        })
        .collect();
    let config = home.path().join("mirror.toml");
    let table = |place: &str, policy: &str| format!("[[log]]\nplace = \"{place}\"\npolicy = \"{policy}\"\n");
    let text = format!(
        "data = \"mirror\"\nname = \"mirror.test/m1\"\npoll = 0.05\nlisten = \"127.0.0.1:0\"\n{}{}",
        table(raw.path().to_str().unwrap(), &policies[0]),
        table(&served.url, &policies[1])
    );
    std::fs::write(&config, text).unwrap();
    let ran = deedbook(["mirror", "run", "--config", config.to_str().unwrap(), "--once"]).expect(0);
    assert_eq!(ran.err.lines().filter(|line| line.contains("of them new")).count(), 2, "{}", ran.err);
    for (origin, vkey, size) in [
        (signed_origin(&raw), raw.policy().logs()[0].key.to_string(), 300),
        (served.said["origin"].as_str().unwrap().to_owned(), served.vkey.clone(), 20),
    ] {
        let copy = copy_of(&data, &origin);
        assert_eq!(audit(copy.to_str().unwrap(), &vkey).expect(0).json()["size"], size);
    }
    let listed = deedbook(["mirror", "logs", "--data", data.to_str().unwrap()]).expect(0).out;
    assert!(listed.starts_with("2 logs\n"), "{listed}");
}

/// More than the runtime has threads for what blocks.
#[test]
fn six_hundred_logs_are_followed_at_once_and_the_end_is_not_waited_for() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("mirror");
    let mut config =
        String::from("data = \"mirror\"\nname = \"mirror.test/m1\"\npoll = 60\nlisten = \"127.0.0.1:0\"\n");
    for number in 0..600 {
        let signer = tlog::key::Signer::from_seed(format!("log.test/{number}").parse().unwrap(), &[7; 32]);
        let empty = tlog::checkpoint::Checkpoint::new(signer.name().clone(), tlog::Head::EMPTY).unwrap();
        let (place, policy) = (format!("log-{number}"), format!("policy-{number}"));
        std::fs::create_dir(home.path().join(&place)).unwrap();
        let signed = empty.sign(&signer).unwrap();
        std::fs::write(home.path().join(&place).join("checkpoint"), signed.bytes()).unwrap();
        let text = format!("log {}\nquorum none\n", signer.verifier_key());
        std::fs::write(home.path().join(&policy), text).unwrap();
        let place = home.path().join(place);
        config.extend([format!("[[log]]\nplace = \"{}\"\npolicy = \"{policy}\"\n", place.display())]);
    }
    let file = home.path().join("mirror.toml");
    std::fs::write(&file, config).unwrap();
    let mirror = Mirror::try_start(&data, &["--config", file.to_str().unwrap()])
        .unwrap_or_else(|ran| panic!("{ran:#?}"));
    let there = |number: &u32| copy_of(&data, &format!("log.test/{number}")).join("checkpoint").exists();
    until("all of them are copied", || (0..600).all(|number| there(&number)));
    assert!(mirror.stop().success());
}
