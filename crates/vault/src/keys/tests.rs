//! The directory of keys: made once, found again, private, whole or not there, destroyed for good.

use super::*;
use sequencer::beside::Subject;
use tempfile::TempDir;

fn owner(name: &str) -> Tag {
    Subject::Producer(name.into()).tag()
}

fn fresh(byte: u8) -> Fresh {
    Fresh::new([byte; 32])
}

/// A directory that is nobody else's.
fn private() -> TempDir {
    let dir = TempDir::new().unwrap();
    set_mode(dir.path(), 0o700);
    dir
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// All files below the root.
fn files(root: &Path) -> Vec<PathBuf> {
    let shards = fs::read_dir(root).unwrap().map(|shard| shard.unwrap().path());
    shards.flat_map(|shard| fs::read_dir(shard).unwrap().map(|file| file.unwrap().path())).collect()
}

#[test]
fn a_key_is_made_once_and_found_again() {
    let dir = private();
    let root = dir.path().join("keys");
    let keys = Keys::open(&root).unwrap();
    assert!(keys.get(owner("a")).unwrap().is_none());
    let made = keys.get_or_make(owner("a"), fresh(1)).unwrap().id();
    assert_eq!(keys.get_or_make(owner("a"), fresh(2)).unwrap().id(), made, "the first stays");
    assert_ne!(keys.get_or_make(owner("b"), fresh(3)).unwrap().id(), made);
    let again = Keys::open(&root).unwrap();
    assert_eq!(again.get(owner("a")).unwrap().unwrap().id(), made);
    assert_eq!(again.get_or_make(owner("a"), fresh(4)).unwrap().id(), made);
}

#[test]
fn nobody_else_may_read() {
    let dir = private();
    let root = dir.path().join("keys");
    let keys = Keys::open(&root).unwrap();
    let tag = owner("a");
    keys.get_or_make(tag, fresh(1)).unwrap();
    let file = keys.path(tag);
    assert_eq!(files(&root), std::slice::from_ref(&file));
    assert!(file.ends_with(format!("{}/{tag}.key", &tag.to_string()[..2])));
    assert_eq!((mode(&root), mode(file.parent().unwrap()), mode(&file)), (0o700, 0o700, 0o600));
    set_mode(&file, 0o640);
    let refused = Keys::open(&root).unwrap().get(tag).err().unwrap();
    assert!(matches!(refused.fault, KeyFault::OpenToOthers { mode: 0o640 }), "{refused}");
    set_mode(&root, 0o750);
    let refused = Keys::open(&root).err().unwrap();
    assert!(matches!(refused.fault, KeyFault::OpenToOthers { mode: 0o750 }), "{refused}");
    assert!(refused.to_string().contains("chmod"), "{refused}");
}

/// A process that ended while it wrote a key leaves a file under another name; nothing was sealed under it.
#[test]
fn a_key_that_was_not_finished_is_no_key() {
    let dir = private();
    let keys = Keys::open(dir.path()).unwrap();
    let tag = owner("a");
    let shard = keys.path(tag).parent().unwrap().to_path_buf();
    fs::create_dir(&shard).unwrap();
    let whole = OwnerKey::new(fresh(1)).to_file();
    for length in [0, 10, FILE_BYTES - 1, FILE_BYTES] {
        let unfinished = shard.join(format!("{tag}.0123456789abcdef.new"));
        fs::write(&unfinished, &whole[..length]).unwrap();
        let keys = Keys::open(dir.path()).unwrap();
        assert!(!unfinished.exists() && keys.get(tag).unwrap().is_none(), "{length} bytes");
    }
    let keys = Keys::open(dir.path()).unwrap();
    keys.get_or_make(tag, fresh(2)).unwrap();
    assert_eq!(files(dir.path()), [keys.path(tag)], "and nothing is left of the writing");
}

/// A key that is damaged is never replaced: what was sealed under it can be had again with the file from a backup.
#[test]
fn a_damaged_key_is_told_and_left_alone() {
    let dir = private();
    let tag = owner("a");
    let keys = Keys::open(dir.path()).unwrap();
    let id = keys.get_or_make(tag, fresh(1)).unwrap().id();
    let path = keys.path(tag);
    let whole = fs::read(&path).unwrap();
    for length in 0..FILE_BYTES {
        fs::write(&path, &whole[..length]).unwrap();
        let keys = Keys::open(dir.path()).unwrap();
        for error in [keys.get(tag).err(), keys.get_or_make(tag, fresh(2)).err(), keys.destroy(tag, id).err()]
        {
            assert!(matches!(error.unwrap().fault, KeyFault::NotAKey), "{length} bytes");
        }
        assert_eq!(fs::read(&path).unwrap(), whole[..length]);
    }
    fs::write(&path, &whole).unwrap();
    assert_eq!(Keys::open(dir.path()).unwrap().get(tag).unwrap().unwrap().id(), id);
}

/// Threads of one process, and (as far as files go) two processes.
#[test]
fn of_many_who_make_one_owners_key_one_wins() {
    for round in 0..8 {
        let dir = private();
        let both = [Keys::open(dir.path()).unwrap(), Keys::open(dir.path()).unwrap()];
        let barrier = std::sync::Barrier::new(8);
        let ids: Vec<KeyId> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8_u8)
                .map(|n| {
                    let (keys, barrier) = (&both[usize::from(n) % 2], &barrier);
                    scope.spawn(move || {
                        barrier.wait();
                        keys.get_or_make(owner("a"), fresh(n + 1)).unwrap().id()
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0]), "round {round}: {ids:?}");
        assert_eq!(files(dir.path()).len(), 1, "no unfinished file is left");
        assert_eq!(Keys::open(dir.path()).unwrap().get(owner("a")).unwrap().unwrap().id(), ids[0]);
    }
}

#[test]
fn a_destroyed_key_is_overwritten_gone_and_forgotten() {
    let dir = private();
    let root = dir.path().join("keys");
    let keys = Keys::open(&root).unwrap();
    let tag = owner("a");
    let id = keys.get_or_make(tag, fresh(1)).unwrap().id();
    let other = keys.get_or_make(owner("b"), fresh(2)).unwrap().id();
    let beside = dir.path().join("the same file under another name");
    fs::hard_link(keys.path(tag), &beside).unwrap();
    assert_eq!(keys.destroy(tag, other).unwrap(), Destroyed::Before, "another key is left alone");
    assert_eq!(keys.get(tag).unwrap().unwrap().id(), id);

    assert_eq!(keys.destroy(tag, id).unwrap(), Destroyed::Now);
    assert_eq!(fs::read(&beside).unwrap(), [0; FILE_BYTES], "overwritten, not only unlinked");
    assert!(!keys.path(tag).exists() && keys.get(tag).unwrap().is_none());
    assert_eq!(keys.destroy(tag, id).unwrap(), Destroyed::Before);
    let new = keys.get_or_make(tag, fresh(3)).unwrap().id();
    assert_ne!(new, id);
    assert_eq!(keys.destroy(tag, id).unwrap(), Destroyed::Before, "the owner's next key is left alone");
    assert_eq!(keys.get(tag).unwrap().unwrap().id(), new);
    assert_eq!(keys.get(owner("b")).unwrap().unwrap().id(), other);
}

/// The process ended between the overwriting and the unlinking, or in the middle of the overwriting.
#[test]
fn a_destruction_that_was_cut_short_is_finished() {
    for zeros in [1, 23, 50, FILE_BYTES] {
        let dir = private();
        let tag = owner("a");
        let keys = Keys::open(dir.path()).unwrap();
        let id = keys.get_or_make(tag, fresh(1)).unwrap().id();
        let mut bytes = fs::read(keys.path(tag)).unwrap();
        bytes[..zeros].fill(0);
        fs::write(keys.path(tag), bytes).unwrap();
        let keys = Keys::open(dir.path()).unwrap();
        assert_eq!(keys.destroy(tag, id).unwrap(), Destroyed::Now, "{zeros}");
        assert_eq!(files(dir.path()), [] as [PathBuf; 0]);
    }
}

#[test]
fn the_cache_is_bounded() {
    let dir = private();
    let keys = Keys::open(dir.path()).unwrap();
    let mut cache = keys.cache.lock();
    for n in 0..CACHED_KEYS_MAX + 10 {
        let key = Arc::new(OwnerKey::new(fresh(n as u8)));
        cache.insert(owner(&n.to_string()), &key);
        cache.insert(owner(&n.to_string()), &key);
    }
    assert_eq!((cache.keys.len(), cache.order.len()), (CACHED_KEYS_MAX, CACHED_KEYS_MAX));
    assert!(!cache.keys.contains_key(&owner("9")) && cache.keys.contains_key(&owner("10")));
    cache.remove(owner("10"));
    assert_eq!((cache.keys.len(), cache.order.len()), (CACHED_KEYS_MAX - 1, CACHED_KEYS_MAX - 1));
}
