//! Evidence beside the store: how often the witness has committed, as far as that was noted.
//!
//! A store whose file is damaged may come up as it was before the damaged place, and whole: nothing in it shows that anything
//! is missing. So whoever runs, a witness or a mirror, notes the number of its commits in a file of its own, each second and
//! when it stops. A store that has fewer is not used: it would cosign second histories. What was cosigned in the last second
//! before a kill is not noted; a power cut takes nothing of it, for commits are durable.

use std::path::Path;

use follower::witness::keeper::Keeper;
use sequencer::directory::write_file;

use super::keys::anew;
use crate::cli::Failure;

const FILE: &str = "answered";

/// Notes the commits of a witness.
#[derive(Default)]
pub(crate) struct Notes {
    /// What was noted last by this process.
    noted: Option<u64>,
}

impl Notes {
    /// Notes how many there are by now, if that is news. Blocks on the disk.
    pub(crate) fn make(&mut self, data: &Path, keeper: &Keeper) -> Result<(), Failure> {
        let commits = keeper.commits();
        if self.noted != Some(commits) {
            write_file(&data.join(FILE), format!("{commits}\n").as_bytes(), 0o644)
                .map_err(Failure::could_not_tell)?;
            self.noted = Some(commits);
        }
        Ok(())
    }
}

/// Closes the store, and notes how many commits there are in the end: that of what was still waiting is among them.
pub(crate) fn close(data: &Path, keeper: &Keeper) -> Result<(), Failure> {
    keeper.close();
    Notes::default().make(data, keeper)
}

/// Refuses a store that is behind what was noted.
pub(crate) fn refuse_behind(word: &str, data: &Path, keeper: &Keeper) -> Result<(), Failure> {
    let (noted, have) = (noted(data)?, keeper.commits());
    if have >= noted {
        return Ok(());
    }
    Err(Failure::does_not_hold(format!(
        "{} has lost something: it has {have} commits, and had {noted}. It is damaged, or an old copy; the {word} would \
         cosign second histories. Do not put an old copy back, but {}",
        data.join("store").display(),
        anew(word)
    )))
}

/// The number that was noted; 0 if none was.
fn noted(data: &Path) -> Result<u64, Failure> {
    let path = data.join(FILE);
    let failed = |why: &dyn std::fmt::Display| Failure::could_not_tell(format!("{}: {why}", path.display()));
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(failed(&error)),
    };
    text.trim_ascii_end().parse().map_err(|_| {
        failed(&"this is no number of commits. If you know that store/ is the newest there is, take this file away")
    })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, Receiver};
    use std::sync::{Arc, Mutex};

    use bytes::Bytes;
    use follower::witness::keeper::{ContradictionId, Limits};
    use futures::FutureExt as _;
    use store::{Batch, CommitError, Key, MemoryStore, Store, StoreError, Table};

    use super::*;

    /// A store in which nothing is committed before it may be.
    struct Late(MemoryStore, Mutex<Receiver<()>>);

    impl Store for Late {
        fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
            self.0.get(key)
        }

        fn part(&self, key: &Key, number: usize) -> Result<Option<Bytes>, StoreError> {
            self.0.part(key, number)
        }

        fn floor(&self, key: &Key) -> Result<Option<(Key, Bytes)>, StoreError> {
            self.0.floor(key)
        }

        fn scan(
            &self,
            table: Table,
            after: Option<&Key>,
            max: usize,
        ) -> Result<Vec<(Key, Bytes)>, StoreError> {
            self.0.scan(table, after, max)
        }

        fn head(&self) -> Result<Option<Bytes>, StoreError> {
            self.0.head()
        }

        fn commit(&self, expected: Option<&Bytes>, batch: Batch, head: Bytes) -> Result<(), CommitError> {
            let _ = self.1.lock().unwrap().recv();
            self.0.commit(expected, batch, head)
        }
    }

    #[test]
    fn what_is_committed_while_the_store_is_closed_is_noted() {
        let home = tempfile::tempdir().unwrap();
        let (may, wait) = mpsc::channel();
        let store = Late(MemoryStore::new(), Mutex::new(wait));
        let keeper = Keeper::open(Arc::new(store), Limits::default()).unwrap();
        let id = ContradictionId::of(&"log.test".parse().unwrap(), b"note");
        assert!(keeper.contradicts(id, "text".into()).now_or_never().is_none(), "it waits");
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while keeper.stopped().is_none() {
                    std::thread::yield_now();
                }
                drop(may);
            });
            close(home.path(), &keeper).unwrap();
        });
        assert_eq!((noted(home.path()).unwrap(), keeper.commits()), (1, 1));
    }

    #[test]
    fn a_store_that_is_behind_what_was_noted_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let fresh = || Keeper::open(Arc::new(MemoryStore::new()), Limits::default()).unwrap();
        let commit = |keeper: &Keeper, note: &[u8]| {
            let id = ContradictionId::of(&"log.test".parse().unwrap(), note);
            keeper.contradicts_blocking(id, "text".into()).unwrap();
        };
        let (keeper, mut notes) = (fresh(), Notes::default());
        refuse_behind("witness", home.path(), &keeper).unwrap();
        for number in 1..=3 {
            commit(&keeper, &[number]);
            notes.make(home.path(), &keeper).unwrap();
            assert_eq!(noted(home.path()).unwrap(), u64::from(number));
        }
        refuse_behind("witness", home.path(), &keeper).unwrap();
        let behind = fresh();
        commit(&behind, b"1");
        commit(&behind, b"2");
        let words = refuse_behind("witness", home.path(), &behind).unwrap_err().words;
        assert!(words.contains("it has 2 commits, and had 3"), "{words}");
        commit(&behind, b"3");
        refuse_behind("witness", home.path(), &behind).unwrap();
        std::fs::write(home.path().join(FILE), "three").unwrap();
        assert!(
            refuse_behind("witness", home.path(), &keeper)
                .unwrap_err()
                .words
                .contains("no number of commits")
        );
    }
}
