//! The mapping is frozen: whoever changes it changes what is on people's disks.

use std::path::Path;

use bytes::BytesMut;
use lookup::keys::{Key, Kind, VERSION, of_entry};
use record::{Logged, Submission, Vouched, seal_into};
use serde_json::{Value, json};

const FILE: &str = "../../tests/data/lookup/keys.ndjson";

/// Each example of a record, with everything it is found by.
fn lines() -> String {
    let mut lines = String::new();
    for (n, (_, example)) in (0..).zip(record::model::examples()) {
        let submission = Submission::parse(example.as_bytes()).unwrap();
        let vouched = Vouched::asserted("2026-11-23T08:14:03.201Z", "open", [0; 16]);
        let mut entry = BytesMut::new();
        seal_into(&submission, None, &vouched, &mut entry).unwrap();
        let keys: Vec<Value> = of_entry(&Logged::read(n, &entry).unwrap())
            .iter()
            .map(|(kind, value)| json!([kind.as_str(), value, format!("{:?}", Key::new(*kind, value))]))
            .collect();
        let id = submission.id().to_string();
        lines.push_str(&json!({"version": VERSION, "record": id, "keys": keys}).to_string());
        lines.push('\n');
    }
    lines
}

/// `DEEDBOOK_BLESS=1 cargo test -p lookup golden` writes the file anew, for examples that are new. A line that is there
/// never changes.
#[test]
fn the_mapping_is_the_one_on_disk() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let now = lines();
    if std::env::var_os("DEEDBOOK_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let before = std::fs::read_to_string(&path).unwrap_or_default();
        for line in before.lines() {
            assert!(now.contains(line), "this line is frozen, and would change: {line}");
        }
        std::fs::write(&path, &now).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), now);
}

#[test]
fn kinds_have_one_number_and_one_word_each() {
    let numbers: Vec<u8> = Kind::ALL.iter().map(|kind| *kind as u8).collect();
    assert_eq!(numbers, (1..=21).collect::<Vec<u8>>());
    for kind in Kind::ALL {
        assert_eq!(Kind::of(kind.as_str()), Some(*kind));
    }
    assert_eq!(format!("{:?}", Key::new(Kind::User, "alice")), include_str!("../alice.txt").trim());
}

#[test]
fn the_page_tells_every_kind() {
    let page = include_str!("../../../../docs/data-model.md");
    for kind in Kind::ALL {
        let row = format!("| {} | `{}` |", *kind as u8, kind.as_str());
        assert_eq!(page.matches(&row).count(), 1, "{row} in docs/data-model.md");
    }
}
