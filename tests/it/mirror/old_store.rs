//! An old copy of what a mirror has answered for.

use std::process::Command;

use super::process::{copy_of, once};
use crate::testlog::{TestLog, entry};

#[test]
fn a_mirror_does_not_go_on_with_an_old_copy_of_its_store() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("mirror");
    let mut log = TestLog::of_size(3);
    let vkey = log.policy().logs()[0].key.to_string();
    once(&data, log.path(), &vkey, &[]).expect(0);
    let copied = Command::new("cp").arg("-r").arg(data.join("store")).arg(home.path().join("old")).status();
    assert!(copied.unwrap().success());
    log.grow((3..10).map(entry));
    once(&data, log.path(), &vkey, &[]).expect(0);
    // The copies are gone too, so that nothing but the note beside the store tells of the past.
    std::fs::remove_dir_all(copy_of(&data, log.signed().origin().as_str())).unwrap();
    std::fs::remove_dir_all(data.join("store")).unwrap();
    std::fs::rename(home.path().join("old"), data.join("store")).unwrap();
    let refused = once(&data, log.path(), &vkey, &[]).expect(1);
    assert!(
        refused.err.contains("has lost something") && refused.err.contains("make a new mirror"),
        "{refused:?}"
    );
}
