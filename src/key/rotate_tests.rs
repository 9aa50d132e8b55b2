//! A change of key that is cut short at every point: the log opens with one of the two keys, and repeating it ends it.

use std::path::PathBuf;

use tempfile::TempDir;
use tlog::checkpoint::SignedCheckpoint;

use super::*;
use crate::admission::Admission;
use crate::place::{KindArg, OpenLog, Settings, Wanted};

/// A stopped log with one entry of its own.
struct Stopped {
    _home: TempDir,
    data: PathBuf,
    first: VerifierKey,
}

fn settings() -> Settings {
    Settings {
        publish_every: Duration::from_secs(1),
        cache_bytes: CACHE_BYTES,
        admission: Admission::Open,
        sensitive: ::record::Places::NONE,
        witnesses: None,
    }
}

impl Stopped {
    fn of(kind: KindArg) -> Self {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("data");
        let origin = Some("log.test/keys".parse().unwrap());
        OpenLog::open(&data, &Wanted { origin, kind: Some(kind.into()) }, &settings()).unwrap();
        let first = Keyring::read(&data).unwrap().present().clone();
        Self { _home: home, data, first }
    }

    /// Serves it for a moment: which keys sign its head, how many entries it has, how many changes it tells of.
    fn serve(&self) -> (Vec<VerifierKey>, u64, usize) {
        let log = OpenLog::open(&self.data, &Wanted::default(), &settings()).unwrap();
        assert_eq!(log.read_only(), None);
        let reader = log.app.log().reader();
        let told = reader
            .key_history()
            .map_or(0, |history| client::keys::History::parse(history).unwrap().rotations().len());
        let (head, size) = (reader.published(), reader.published().size());
        let keyring = Keyring::read(&self.data).unwrap();
        assert_eq!(keyring.present(), reader.vkey(), "log.vkey is the key that signs");
        keyring.policy().verify(head.bytes().clone()).unwrap();
        let signed = |key: &VerifierKey| SignedCheckpoint::open(head.bytes().clone(), key).is_ok();
        (keyring.all().into_iter().filter(signed).collect(), size, told)
    }

    fn names(&self) -> Vec<String> {
        let files = std::fs::read_dir(&self.data).unwrap().map(|file| file.unwrap().file_name());
        let mut names: Vec<_> = files.map(|name| name.to_string_lossy().into_owned()).collect();
        names.retain(|name| name.starts_with("log.key"));
        names.sort();
        names
    }
}

fn stop_at(point: Point) -> impl Fn(Point) -> Result<(), Failure> {
    move |at| if at == point { Err(Failure::could_not_tell("the power was cut")) } else { Ok(()) }
}

#[test]
fn cut_short_anywhere_the_log_opens_with_one_of_the_two_keys_and_the_change_is_repeated() {
    for at_once in [false, true] {
        for point in [Point::Made, Point::Announced, Point::Written, Point::Promoted, Point::Retired] {
            if point == Point::Retired && !at_once {
                continue;
            }
            let log = Stopped::of(KindArg::Records);
            let cut = rotate(&log.data, at_once, &stop_at(point)).unwrap_err();
            assert_eq!(cut.words, "the power was cut", "{point:?}");
            let (signed, size, told) = log.serve();
            let announced = u64::from(point != Point::Made);
            assert_eq!(size, announced, "{point:?}");
            let changed = matches!(point, Point::Promoted | Point::Retired);
            assert_eq!(told, usize::from(changed), "{point:?}: what has not happened is not told");
            match point {
                Point::Promoted => assert_eq!(signed.len(), 2, "both"),
                Point::Retired => assert!(signed.len() == 1 && signed[0] != log.first),
                _ => assert_eq!(signed, std::slice::from_ref(&log.first), "{point:?}"),
            }
            match (point, at_once) {
                (Point::Promoted, _) => {
                    let refused = rotate(&log.data, at_once, &|_| Ok(())).unwrap_err();
                    assert!(refused.words.contains("key retire"), "{}", refused.words);
                    retire(&log.data).unwrap();
                }
                (Point::Retired, _) => {}
                _ => drop(rotate(&log.data, true, &|_| Ok(())).unwrap()),
            }
            let (signed, size, told) = log.serve();
            assert_eq!((size, told), (1, 1), "{point:?}: it was announced once");
            assert!(signed.len() == 1 && signed[0] != log.first, "{point:?}");
            assert_eq!(log.names(), ["log.key", "log.keys"], "{point:?}: no private key lies about");
        }
    }
}

/// The steps between files that no point of the change stands between.
#[test]
fn files_of_a_power_cut_between_two_renames_are_mended() {
    let log = Stopped::of(KindArg::Records);
    let _ = rotate(&log.data, false, &stop_at(Point::Written)).unwrap_err();
    let file = |name: &str| log.data.join(name);
    std::fs::hard_link(file("log.key"), file("log.key.old")).unwrap();
    assert_eq!(log.serve().0, std::slice::from_ref(&log.first), "linked, and not replaced yet");
    let refused = retire(&log.data).unwrap_err();
    assert!(refused.words.contains("none to retire"), "{}", refused.words);
    std::fs::rename(file("log.key.next"), file("log.key")).unwrap();
    let old = std::fs::read(file("log.key.old")).unwrap();
    // fsck reads the stale log.vkey; the next opening mends it.
    assert_eq!(Keyring::read(&log.data).unwrap().present(), &log.first);
    assert_eq!(log.serve().0.len(), 2);
    std::fs::rename(file("log.key.old"), file("log.key.gone")).unwrap();
    let gone = std::fs::File::open(file("log.key.gone")).unwrap();
    let (signed, ..) = log.serve();
    assert!(signed.len() == 1 && signed[0] != log.first);
    assert_eq!(log.names(), ["log.key", "log.keys"]);
    let mut left = vec![];
    std::io::Read::read_to_end(&mut &gone, &mut left).unwrap();
    assert_eq!(left, vec![0; old.len()], "overwritten before it was unlinked");
}

#[test]
fn what_cannot_be_rotated_says_why() {
    let raw = Stopped::of(KindArg::Raw);
    let refused = rotate(&raw.data, false, &|_| Ok(())).unwrap_err();
    assert!(refused.words.contains("the announcement is a record"), "{}", refused.words);
    assert_eq!(raw.names(), ["log.key"]);
    let log = Stopped::of(KindArg::Records);
    let held = DataDirectory::open(&log.data).unwrap();
    for refused in [rotate(&log.data, false, &|_| Ok(())), retire(&log.data)] {
        assert!(refused.unwrap_err().words.contains("in use by another deedbook process"));
    }
    drop(held);
    rotate(&log.data, true, &|_| Ok(())).unwrap();
    let keys = log.data.join("log.keys");
    let good = std::fs::read_to_string(&keys).unwrap();
    std::fs::write(&keys, good.replacen("\"rotations\":[{", "\"rotations\":[],\"x\":[{", 1)).unwrap();
    let refused = OpenLog::open(&log.data, &Wanted::default(), &settings()).err().unwrap();
    assert!(refused.words.contains("log.keys: it does not lead to the key"), "{}", refused.words);
    std::fs::write(&keys, good).unwrap();
    let again = rotate(&log.data, true, &|_| Ok(())).unwrap();
    assert_eq!(again.steps().len(), 2);
    assert_eq!(log.serve().1, 2);
}
