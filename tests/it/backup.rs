//! `deedbook backup` of a running log, again and again, and what it refuses to call a backup.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use sequencer::Kind;

use crate::run::{Ran, deedbook};
use crate::served::Served;

fn backup(served: &Served, dest: &Path) -> Ran {
    let (data, dest) = (served.data.to_str().unwrap(), dest.to_str().unwrap());
    deedbook(["backup", dest, "--url", &served.url, "--data", data, "--json"])
}

#[test]
fn a_backup_grows_with_its_log_and_anybody_can_audit_it() {
    let home = tempfile::tempdir().unwrap();
    let served = Served::start(&home.path().join("data"), Kind::Records);
    let dest = home.path().join("backup");
    let ran = backup(&served, &dest).expect(0).json();
    assert_eq!((&ran["size"], &ran["continues"]), (&0.into(), &serde_json::Value::Null));
    let mut size = 0;
    for count in [1, 299, 400] {
        served.submit(size, count);
        let before = size;
        size += count;
        let ran = backup(&served, &dest).expect(0).json();
        assert_eq!((&ran["size"], &ran["continues"]), (&size.into(), &before.into()));
        assert_eq!(ran["counted"]["entries"], size, "all of it was read back");
    }
    let public = dest.join("public");
    deedbook(["audit", public.to_str().unwrap(), "--vkey", &served.vkey]).expect(0);
    for name in ["log.key", "log.vkey"] {
        let path = dest.join("private").join(name);
        assert_eq!(std::fs::read(&path).unwrap(), std::fs::read(served.data.join(name)).unwrap());
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }
    assert_eq!(std::fs::metadata(dest.join("private")).unwrap().permissions().mode() & 0o777, 0o700);
    let secret = std::fs::read_to_string(served.data.join("log.key")).unwrap();
    for file in walk(&public) {
        let bytes = std::fs::read(&file).unwrap();
        assert!(
            !bytes.windows(20).any(|part| part == &secret.as_bytes()[..20]),
            "{} is public",
            file.display()
        );
    }
}

#[test]
fn a_copy_that_rotted_is_mended_and_one_of_another_log_is_left_alone() {
    let home = tempfile::tempdir().unwrap();
    let served = Served::start(&home.path().join("data"), Kind::Records);
    let dest = home.path().join("backup");
    served.submit(0, 600);
    backup(&served, &dest).expect(0);
    let rotten = dest.join("public/tile/entries/001");
    let good = std::fs::read(&rotten).unwrap();
    let mut bad = good.clone();
    bad[1_000] ^= 4;
    std::fs::write(&rotten, bad).unwrap();
    deedbook(["audit", dest.join("public").to_str().unwrap(), "--vkey", &served.vkey]).expect(1);
    backup(&served, &dest).expect(0);
    assert_eq!(std::fs::read(&rotten).unwrap(), good);

    let checkpoint = dest.join("public/checkpoint");
    let other = crate::testlog::TestLog::of_size(700).signed();
    std::fs::write(&checkpoint, other.bytes()).unwrap();
    let ran = backup(&served, &dest).expect(1);
    assert_eq!(ran.json()["verdict"], "does not hold");
    assert_eq!(std::fs::read(&checkpoint).unwrap(), &other.bytes()[..], "nothing was overwritten");
}

#[test]
fn a_directory_without_the_logs_key_is_no_log() {
    let home = tempfile::tempdir().unwrap();
    let served = Served::start(&home.path().join("data"), Kind::Records);
    let dest = home.path().join("backup");
    let (url, empty) = (served.url.clone(), home.path().join("empty"));
    std::fs::create_dir(&empty).unwrap();
    let ran = deedbook(["backup", dest.to_str().unwrap(), "--url", &url, "--data", empty.to_str().unwrap()]);
    assert!(ran.expect(2).err.contains("is --data the log's directory?"));
    std::fs::write(empty.join("log.vkey"), format!("{}\n", served.vkey)).unwrap();
    let other = tlog::key::Signer::from_seed("other.test/log".parse().unwrap(), &[7; 32]);
    std::fs::write(empty.join("log.key"), other.to_skey().as_bytes()).unwrap();
    let ran = deedbook(["backup", dest.to_str().unwrap(), "--url", &url, "--data", empty.to_str().unwrap()]);
    assert!(ran.expect(1).err.contains("do not belong together"));
    assert!(!dest.exists(), "nothing was copied");
}

fn walk(directory: &Path) -> Vec<std::path::PathBuf> {
    let mut files = vec![];
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(walk(&path)) } else { files.push(path) }
    }
    files
}
