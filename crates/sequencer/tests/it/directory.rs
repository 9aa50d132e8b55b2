//! The log's directory: one holder, a key that nobody else reads, files that are whole or not there.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    process::Command,
};

use sequencer::{
    DataDirectory,
    directory::{DirectoryError, read_vkey},
    publisher::Evidence as _,
};
use tempfile::TempDir;
use testkit::keys;
use tlog::{
    Head,
    checkpoint::{Checkpoint, SignedCheckpoint},
    key::KeyName,
};

use crate::testlog::signer;

fn origin() -> KeyName {
    keys::LOG.name.parse().unwrap()
}

fn checkpoint() -> SignedCheckpoint {
    let signer = signer(keys::LOG);
    Checkpoint::new(origin(), Head::EMPTY).unwrap().sign(&signer).unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_second_handle_is_refused_as_long_as_the_first_is_held() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("a/new/directory");
    let first = DataDirectory::open(&data).unwrap();
    assert_eq!(mode(&data), 0o700);
    let error = DataDirectory::open(&data).err().unwrap();
    assert!(matches!(&error, DirectoryError::InUse { path } if *path == data), "{error}");
    assert!(error.to_string().contains("in use by another deedbook process"), "{error}");
    drop(first);
    DataDirectory::open(&data).unwrap();
}

/// The same test, run once more as a process of its own, is the second process.
#[test]
fn a_second_process_is_refused_as_long_as_the_first_lives() {
    const VARIABLE: &str = "DEEDBOOK_TEST_DIRECTORY";
    if let Some(path) = std::env::var_os(VARIABLE) {
        let refused = matches!(DataDirectory::open(Path::new(&path)), Err(DirectoryError::InUse { .. }));
        std::process::exit(if refused { 42 } else { 43 });
    }
    let dir = TempDir::new().unwrap();
    let second = || {
        let name = "directory::a_second_process_is_refused_as_long_as_the_first_lives";
        let mut command = Command::new(std::env::current_exe().unwrap());
        let output = command.args(["--exact", name]).env(VARIABLE, dir.path()).output().unwrap();
        output.status.code()
    };
    let first = DataDirectory::open(dir.path()).unwrap();
    assert_eq!(second(), Some(42));
    drop(first);
    assert_eq!(second(), Some(43));
}

#[test]
fn the_key_is_made_for_its_owner_alone_and_read_back() {
    let dir = TempDir::new().unwrap();
    let data = DataDirectory::open(dir.path()).unwrap();
    assert!(data.signer().unwrap().is_none());
    assert!(matches!(read_vkey(dir.path()), Err(DirectoryError::NoLog { .. })));
    let made = data.create_signer(origin(), &keys::LOG.seed).unwrap();
    assert_eq!(mode(&dir.path().join("log.key")), 0o600);
    let read = data.signer().unwrap().unwrap();
    assert_eq!(read.verifier_key(), made.verifier_key());
    assert_eq!(read.sign("text\n").to_string(), made.sign("text\n").to_string());
    assert_eq!(read_vkey(dir.path()).unwrap(), made.verifier_key().to_string());
    assert_eq!(names(dir.path()), ["head", "lock", "log.key", "log.vkey"]);
}

/// A key whose public half is nowhere would be a log that nobody can verify.
#[test]
fn there_is_no_key_without_its_public_half() {
    let dir = TempDir::new().unwrap();
    let data = DataDirectory::open(dir.path()).unwrap();
    fs::create_dir_all(dir.path().join("log.vkey/in the way")).unwrap();
    assert!(data.create_signer(origin(), &keys::LOG.seed).is_err());
    assert!(data.signer().unwrap().is_none());
    fs::remove_dir_all(dir.path().join("log.vkey")).unwrap();
    data.create_signer(origin(), &keys::LOG.seed).unwrap();
    assert_eq!(read_vkey(dir.path()).unwrap(), signer(keys::LOG).verifier_key().to_string());
}

#[test]
fn a_private_file_is_for_its_owner_alone_and_replaced_as_a_whole() {
    let dir = TempDir::new().unwrap();
    let data = DataDirectory::open(dir.path()).unwrap();
    let file = data.tokens_file();
    assert_eq!(file.read().unwrap(), None);
    for text in [&b"one"[..], b"another"] {
        file.replace(text).unwrap();
        assert_eq!(file.read().unwrap().unwrap(), text);
        assert_eq!(fs::metadata(file.path()).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(names(dir.path()), ["lock", "tokens.json"], "nothing is left beside it");
    fs::set_permissions(file.path(), fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(file.read(), Err(DirectoryError::OpenToOthers { mode: 0o640, .. })));
    file.replace(b"again").unwrap();
    assert_eq!(file.read().unwrap().unwrap(), b"again", "and closed again");
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let dir = TempDir::new().unwrap();
    let data = DataDirectory::open(dir.path()).unwrap();
    data.create_signer(origin(), &keys::LOG.seed).unwrap();
    let path = dir.path().join("log.key");
    for open in [0o640, 0o604, 0o644, 0o620, 0o601, 0o660, 0o777] {
        fs::set_permissions(&path, fs::Permissions::from_mode(open)).unwrap();
        let error = data.signer().err().unwrap();
        assert!(matches!(error, DirectoryError::OpenToOthers { mode, .. } if mode == open), "{error}");
        assert!(error.to_string().contains(&format!("mode {open:o}")), "{error}");
    }
    for closed in [0o600, 0o400] {
        fs::set_permissions(&path, fs::Permissions::from_mode(closed)).unwrap();
        assert!(data.signer().unwrap().is_some());
    }
}

#[test]
fn what_is_no_key_is_refused_and_never_printed() {
    let dir = TempDir::new().unwrap();
    let data = DataDirectory::open(dir.path()).unwrap();
    data.create_signer(origin(), &keys::LOG.seed).unwrap();
    let good = fs::read_to_string(dir.path().join("log.key")).unwrap();
    let secret = good.trim_end().rsplit('+').next().unwrap();
    let vkey = signer(keys::LOG).verifier_key().to_string();
    let bad = ["", "garbage", &good[1..], &good[..good.len() - 4], &good.replace('+', " "), &vkey];
    for bad in bad {
        data.write("log.key", bad.as_bytes(), 0o600).unwrap();
        let error = data.signer().err().unwrap();
        assert!(matches!(error, DirectoryError::Key { .. }), "{bad:?}: {error}");
        assert!(!error.to_string().contains(&secret[..20]) && !format!("{error:?}").contains(&secret[..20]));
    }
}

/// Two links to where somebody else might read, or two files that an earlier process left in the middle of a write.
#[test]
fn what_lies_at_the_temporary_name_is_neither_trusted_nor_followed() {
    for link in [false, true] {
        let dir = TempDir::new().unwrap();
        let data = DataDirectory::open(dir.path()).unwrap();
        let elsewhere = dir.path().join("elsewhere");
        fs::write(&elsewhere, "left alone").unwrap();
        for name in ["log.key.new", "head.new"] {
            let path = dir.path().join(name);
            if link {
                symlink(&elsewhere, &path).unwrap();
            } else {
                fs::write(&path, "half a lin").unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
            }
        }
        data.create_signer(origin(), &keys::LOG.seed).unwrap();
        assert_eq!(mode(&dir.path().join("log.key")), 0o600, "not the mode of what lay there");
        assert!(data.signer().unwrap().is_some());
        data.head_file().note(&checkpoint()).unwrap();
        assert_eq!(data.head_file().newest().unwrap().unwrap(), checkpoint().bytes());
        assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "left alone");
        assert_eq!(names(dir.path()), ["elsewhere", "head", "lock", "log.key", "log.vkey"]);
    }
}

/// A write that fails leaves what was there, and nothing beside it.
#[test]
fn a_write_that_fails_leaves_the_old_file_whole() {
    let dir = TempDir::new().unwrap();
    let data = DataDirectory::open(dir.path()).unwrap();
    let head = data.head_file();
    assert_eq!(head.newest().unwrap(), None);
    head.note(&checkpoint()).unwrap();

    // The temporary file cannot be made.
    fs::create_dir(dir.path().join("head.new")).unwrap();
    let later = Head { size: 1, root: tlog::Hash::leaf(b"x") };
    let later = Checkpoint::new(origin(), later).unwrap().sign(&signer(keys::LOG)).unwrap();
    assert!(head.note(&later).is_err());
    assert_eq!(head.newest().unwrap().unwrap(), checkpoint().bytes());
    fs::remove_dir(dir.path().join("head.new")).unwrap();

    // It can be made and written, and not be moved to its place.
    fs::create_dir_all(dir.path().join("taken/inside")).unwrap();
    let error = data.write("taken", b"bytes", 0o600).unwrap_err();
    assert!(matches!(&error, DirectoryError::Io { path, .. } if path.ends_with("taken")), "{error}");
    assert_eq!(names(dir.path()), ["head", "lock", "taken"], "nothing half written is left");

    head.note(&later).unwrap();
    assert_eq!(head.newest().unwrap().unwrap(), later.bytes());
}

/// Noting the same head again is free: an idle log does not wear out its disk.
#[test]
fn an_unchanged_head_is_not_written_again() {
    use std::os::unix::fs::MetadataExt as _;
    let dir = TempDir::new().unwrap();
    let head = DataDirectory::open(dir.path()).unwrap().head_file();
    head.note(&checkpoint()).unwrap();
    let inode = fs::metadata(dir.path().join("head")).unwrap().ino();
    let changed = fs::metadata(dir.path().join("head")).unwrap().ctime_nsec();
    head.note(&checkpoint()).unwrap();
    let after = fs::metadata(dir.path().join("head")).unwrap();
    assert_eq!((after.ino(), after.ctime_nsec()), (inode, changed));
}
