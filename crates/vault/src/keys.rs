//! The directory of keys.
//!
//! ```text
//! KEYS/                    0700
//!   a3/a3f1...09.key       0600, one for each owner; the name is the SHA-256 of the owner's, in hexadecimal
//!   a3/a3f1...09.<id>.new  0600, one that is being written; left over, it is removed by the next opening
//! ```

use std::{
    collections::{HashMap, VecDeque},
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::Mutex;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use sequencer::beside::{KeyId, Tag};
use zeroize::Zeroizing;

use crate::{
    error::{KeyFault, VaultError},
    key::{FILE_BYTES, Fresh, OwnerKey},
};

/// Keys that are kept in memory, at most.
pub const CACHED_KEYS_MAX: usize = 1024;

/// What became of a key that was to be destroyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destroyed {
    /// It is destroyed.
    Now,
    /// It was not there any more; the owner may have another one.
    Before,
}

pub(crate) struct Keys {
    root: PathBuf,
    /// Held while a key is made or destroyed, so that each owner has one.
    cache: Mutex<Cache>,
}

#[derive(Default)]
struct Cache {
    keys: HashMap<Tag, Arc<OwnerKey>>,
    /// In which order they came.
    order: VecDeque<Tag>,
}

impl Cache {
    fn insert(&mut self, owner: Tag, key: &Arc<OwnerKey>) {
        if self.keys.insert(owner, key.clone()).is_none() {
            self.order.push_back(owner);
        }
        if self.order.len() > CACHED_KEYS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.keys.remove(&oldest);
        }
    }

    fn remove(&mut self, owner: Tag) {
        self.keys.remove(&owner);
        self.order.retain(|known| *known != owner);
    }
}

impl Keys {
    pub(crate) fn open(root: &Path) -> Result<Self, VaultError> {
        make_directory(root)?;
        let mode = fs::metadata(root).map_err(VaultError::io(root))?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(VaultError::new(root, KeyFault::OpenToOthers { mode }));
        }
        remove_unfinished(root)?;
        Ok(Self { root: root.into(), cache: Mutex::default() })
    }

    /// The key of an owner, if there is one.
    pub(crate) fn get(&self, owner: Tag) -> Result<Option<Arc<OwnerKey>>, VaultError> {
        self.get_locked(owner, &mut self.cache.lock())
    }

    /// The key of an owner: the one there is, or a new one that survives a power cut.
    pub(crate) fn get_or_make(&self, owner: Tag, fresh: Fresh) -> Result<Arc<OwnerKey>, VaultError> {
        let mut cache = self.cache.lock();
        if let Some(key) = self.get_locked(owner, &mut cache)? {
            return Ok(key);
        }
        let path = self.path(owner);
        let made = Arc::new(OwnerKey::new(fresh));
        let key = match write_new(&path, &made) {
            Ok(()) => made,
            // Another process was first: there is one key for each owner.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let gone = || VaultError::io(&path)(io::ErrorKind::NotFound.into());
                Arc::new(read(&path)?.ok_or_else(gone)?)
            }
            Err(error) => return Err(VaultError::io(&path)(error)),
        };
        // Whoever made it: nothing is sealed under a key that a power cut could take away.
        sync_up(&path, &self.root).map_err(VaultError::io(&path))?;
        cache.insert(owner, &key);
        Ok(key)
    }

    /// Overwrites, unlinks and forgets a key.
    pub(crate) fn destroy(&self, owner: Tag, id: KeyId) -> Result<Destroyed, VaultError> {
        let path = self.path(owner);
        let mut cache = self.cache.lock();
        match read(&path) {
            Ok(None) => return Ok(Destroyed::Before),
            Ok(Some(key)) if key.id() != id => return Ok(Destroyed::Before),
            Ok(Some(_)) => {}
            // Half destroyed by a process that ended.
            Err(error) if matches!(error.fault, KeyFault::NotAKey) && is_overwritten(&path) => {}
            Err(error) => return Err(error),
        }
        cache.remove(owner);
        let destroying = || {
            let mut file = OpenOptions::new().write(true).open(&path)?;
            file.write_all(&[0; FILE_BYTES])?;
            file.sync_all()?;
            fs::remove_file(&path)?;
            sync_up(&path, &self.root)
        };
        destroying().map_err(VaultError::io(&path))?;
        Ok(Destroyed::Now)
    }

    fn get_locked(&self, owner: Tag, cache: &mut Cache) -> Result<Option<Arc<OwnerKey>>, VaultError> {
        if let Some(key) = cache.keys.get(&owner) {
            return Ok(Some(key.clone()));
        }
        let path = self.path(owner);
        let Some(key) = read(&path)? else { return Ok(None) };
        // Its writer may have ended between the name and the sync.
        sync_up(&path, &self.root).map_err(VaultError::io(&path))?;
        let key = Arc::new(key);
        cache.insert(owner, &key);
        Ok(Some(key))
    }

    fn path(&self, owner: Tag) -> PathBuf {
        let name = owner.to_string();
        self.root.join(&name[..2]).join(name + ".key")
    }
}

/// The key in a file; `None` if there is no file.
fn read(path: &Path) -> Result<Option<OwnerKey>, VaultError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(VaultError::io(path)(error)),
    };
    let mode = file.metadata().map_err(VaultError::io(path))?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(VaultError::new(path, KeyFault::OpenToOthers { mode }));
    }
    // Never grown, so that no copy of the key is left behind in memory.
    let mut bytes = Zeroizing::new(Vec::with_capacity(FILE_BYTES + 1));
    file.take(FILE_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(VaultError::io(path))?;
    let key = OwnerKey::from_file(&bytes);
    key.map(Some).ok_or_else(|| VaultError::new(path, KeyFault::NotAKey))
}

/// Whether a destruction has begun: it writes zeros from the start.
fn is_overwritten(path: &Path) -> bool {
    fs::read(path).is_ok_and(|bytes| bytes.first() == Some(&0))
}

/// Writes a key under a name of its own, syncs it, and gives it its name if nobody has it.
fn write_new(path: &Path, key: &OwnerKey) -> io::Result<()> {
    if let Some(shard) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(shard)?;
    }
    let temporary = path.with_extension(format!("{}.new", &Tag(key.id().0).to_string()[..16]));
    let writing = || {
        let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&temporary)?;
        file.write_all(&key.to_file()[..])?;
        file.sync_all()?;
        Ok(renameat_with(CWD, &temporary, CWD, path, RenameFlags::NOREPLACE)?)
    };
    let written = writing();
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Syncs the directory that holds a file, and the root above it.
fn sync_up(path: &Path, root: &Path) -> io::Result<()> {
    if let Some(shard) = path.parent() {
        File::open(shard)?.sync_all()?;
    }
    File::open(root)?.sync_all()
}

/// Makes the root, so that it is there after a power cut.
fn make_directory(root: &Path) -> Result<(), VaultError> {
    if root.is_dir() {
        return Ok(());
    }
    let making = || {
        DirBuilder::new().mode(0o700).create(root)?;
        match root.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
            _ => File::open(".")?.sync_all(),
        }
    };
    making().map_err(VaultError::io(root))
}

/// Removes keys that were never finished: nothing was sealed under them.
fn remove_unfinished(root: &Path) -> Result<(), VaultError> {
    for shard in fs::read_dir(root).map_err(VaultError::io(root))? {
        let shard = shard.map_err(VaultError::io(root))?.path();
        if !shard.is_dir() {
            continue;
        }
        for file in fs::read_dir(&shard).map_err(VaultError::io(&shard))? {
            let path = file.map_err(VaultError::io(&shard))?.path();
            if path.extension().is_some_and(|extension| extension == "new") {
                fs::remove_file(&path).map_err(VaultError::io(&path))?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
