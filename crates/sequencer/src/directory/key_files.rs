//! The signing keys on disk while one takes the place of another.
//!
//! ```text
//! log.key   log.key.next   log.key.old   log.key.gone     the log signs with
//! old                                                     old
//! old       new                                           old; the new key is announced, or is about to be
//! old       new            old (a link)                   old
//! new                      old                            new and old
//! new                                    old              new; the old key is being destroyed
//! new                                                     new
//! ```
//!
//! Each step from one line to the next is one rename or link, synced before the next, so whenever the power is cut one of
//! these states is found. `log.keys` is written before `log.key` is replaced, and holds one change more than happened
//! until then.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::Path,
};

use tlog::key::{KeyName, Signer};
use zeroize::Zeroizing;

use super::{DataDirectory, DirectoryError, open_private, remove_if_there, sync_parent, write_durably};

const KEY: &str = "log.key";
const NEXT: &str = "log.key.next";
const OLD: &str = "log.key.old";
const GONE: &str = "log.key.gone";
const HISTORY: &str = "log.keys";

impl DataDirectory {
    /// The key that still signs beside the present one, if a change is under way.
    pub fn outgoing(&self) -> Result<Option<Signer>, DirectoryError> {
        let (old, present) = (self.read_signer(OLD)?, self.signer()?);
        let same =
            |old: &Signer| present.as_ref().is_some_and(|key| key.verifier_key() == old.verifier_key());
        Ok(old.filter(|old| !same(old)))
    }

    /// The key that is to take the place of the present one: the one that an earlier attempt made, or a new one from 32
    /// random bytes.
    pub fn next_signer(&self, origin: KeyName, seed: &[u8; 32]) -> Result<Signer, DirectoryError> {
        if let Some(next) = self.read_signer(NEXT)? {
            return Ok(next);
        }
        let next = Signer::from_seed(origin, seed);
        let mut line = next.to_skey();
        line.push('\n');
        self.write(NEXT, line.as_bytes(), 0o600)?;
        Ok(next)
    }

    /// Puts the next key in the place of the present one, which stays as the outgoing one.
    pub fn promote_next(&self) -> Result<(), DirectoryError> {
        if self.read_signer(NEXT)?.is_none() {
            return Ok(());
        }
        let (key, next, old) = (self.path().join(KEY), self.path().join(NEXT), self.path().join(OLD));
        // A link, not a copy: when the old key is overwritten there is no second one.
        step(&old, || remove_if_there(&old).and_then(|()| fs::hard_link(&key, &old)))?;
        step(&key, || fs::rename(&next, &key))?;
        self.mend_keys()
    }

    /// Stops signing with the outgoing key, and destroys it.
    pub fn retire_outgoing(&self) -> Result<(), DirectoryError> {
        if self.outgoing()?.is_none() {
            return self.mend_keys();
        }
        let (old, gone) = (self.path().join(OLD), self.path().join(GONE));
        step(&old, || fs::rename(&old, &gone))?;
        self.mend_keys()
    }

    /// Ends what an earlier process could not end: the public key is that of the signing one, and a key that was retired is
    /// destroyed.
    pub fn mend_keys(&self) -> Result<(), DirectoryError> {
        let gone = self.path().join(GONE);
        if gone.exists() {
            step(&gone, || destroy(&gone))?;
        }
        let Some(signer) = self.signer()? else { return Ok(()) };
        let vkey = format!("{}\n", signer.verifier_key());
        let path = self.path().join("log.vkey");
        match fs::read(&path) {
            Ok(there) if there == vkey.as_bytes() => Ok(()),
            _ => write_durably(&path, vkey.as_bytes(), 0o644)
                .map_err(|source| DirectoryError::Io { path, source }),
        }
    }

    /// Writes down how the keys followed each other.
    pub fn write_key_history(&self, document: &[u8]) -> Result<(), DirectoryError> {
        self.write(HISTORY, document, 0o644)
    }

    pub(super) fn read_signer(&self, name: &str) -> Result<Option<Signer>, DirectoryError> {
        let path = self.path().join(name);
        let Some(mut file) = open_private(&path)? else { return Ok(None) };
        let mut text = Zeroizing::new(String::new());
        let read = io::Read::read_to_string(&mut file, &mut text);
        read.map_err(|source| DirectoryError::Io { path: path.clone(), source })?;
        let signer = Signer::from_skey(text.trim_end_matches('\n'));
        signer.map(Some).map_err(|source| DirectoryError::Key { path, source })
    }
}

/// How the keys of the log in a directory followed each other, as it was written down; `None` if there was only one.
pub fn read_key_history(directory: &Path) -> Result<Option<Vec<u8>>, DirectoryError> {
    let path = directory.join(HISTORY);
    match fs::read(&path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(DirectoryError::Io { path, source }),
    }
}

/// Does something to a name, and makes it durable.
fn step(path: &Path, change: impl FnOnce() -> io::Result<()>) -> Result<(), DirectoryError> {
    let done = change().and_then(|()| sync_parent(path));
    done.map_err(|source| DirectoryError::Io { path: path.into(), source })
}

/// Overwrites a file with zeros before it goes. What a disk keeps in other places nobody reaches from here.
fn destroy(path: &Path) -> io::Result<()> {
    let mut file: File = OpenOptions::new().write(true).open(path)?;
    let bytes = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX).min(1 << 16);
    file.write_all(&vec![0; bytes])?;
    file.sync_all()?;
    fs::remove_file(path)
}
