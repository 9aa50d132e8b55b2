//! What a monitor must not forget, in a directory: one folder for each log.
//!
//! ```text
//! lock                               held by the one process that uses the directory
//! logs/<SHA-256 of the origin>/
//!   state.json                       all that is remembered of the log, also who was told what; replaced as a whole
//!   keys.json                        the log's key history, if one was followed
//!   forks/<SHA-256>.fork-proof       evidence; written before the state that names it, and never changed
//! ```

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use client::keys::{History, KeysError};
use follower::witness::keeper::OriginId;
use tlog::key::KeyName;

use crate::watch::{Memory, MemoryError};

/// Why a monitor's directory cannot be used. Nothing in it is overwritten then: it may be evidence.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// Another process uses it.
    #[error("{} is in use by another monitor", .path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// The system says no.
    #[error("{}: {cause}", .path.display())]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// What is there is no memory of this log.
    #[error("{}: {cause}; move it away, and the log is watched from its beginning", .path.display())]
    Memory {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: MemoryError,
    },
    /// What is there is no key history.
    #[error("{}: {cause}", .path.display())]
    Keys {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: Box<KeysError>,
    },
}

/// A monitor's directory, held by this process.
#[derive(Debug)]
pub struct Keep {
    path: PathBuf,
    _lock: File,
}

/// The folder of one log.
#[derive(Debug, Clone)]
pub struct LogKeep {
    path: PathBuf,
}

impl Keep {
    /// Takes a directory, made if it is not there.
    ///
    /// # Errors
    /// [`KeepError::InUse`] and [`KeepError::Io`].
    pub fn open(path: &Path) -> Result<Self, KeepError> {
        make_folder(path)?;
        let lock_path = path.join("lock");
        let io = |cause| KeepError::Io { path: lock_path.clone(), cause };
        let lock = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&lock_path);
        let lock = lock.map_err(io)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(KeepError::InUse { path: path.to_owned() }),
            Err(TryLockError::Error(cause)) => Err(io(cause)),
        }
    }

    /// The folder of a log, made if it is not there.
    ///
    /// # Errors
    /// [`KeepError::Io`].
    pub fn log(&self, origin: &KeyName) -> Result<LogKeep, KeepError> {
        let path = self.path.join("logs").join(OriginId::of(origin).to_string());
        make_folder(&path.join("forks"))?;
        for folder in [&path, &self.path.join("logs"), &self.path] {
            sync(folder)?;
        }
        Ok(LogKeep { path })
    }
}

impl LogKeep {
    /// What is remembered of the log; `None` at the first start.
    ///
    /// # Errors
    /// It is there and cannot be used.
    pub fn memory(&self) -> Result<Option<Memory>, KeepError> {
        let (path, Some(bytes)) = self.read("state.json")? else { return Ok(None) };
        Memory::parse(&bytes).map(Some).map_err(|cause| KeepError::Memory { path, cause })
    }

    /// Remembers it, durably. Blocks on the disk.
    ///
    /// # Errors
    /// [`KeepError::Io`].
    pub fn save(&self, memory: &[u8]) -> Result<(), KeepError> {
        self.write("state.json", memory)
    }

    /// Keeps a fork proof, durably. One that is there already stays as it is.
    ///
    /// # Errors
    /// [`KeepError::Io`].
    pub fn keep_proof(&self, name: &str, text: &str) -> Result<(), KeepError> {
        let file = format!("forks/{name}.fork-proof");
        if self.path.join(&file).exists() {
            return Ok(());
        }
        self.write(&file, text.as_bytes())
    }

    /// A fork proof that is kept; `None` if there is none, or it cannot be read. The name must be one that is remembered.
    pub fn proof(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.path.join(format!("forks/{name}.fork-proof"))).ok()
    }

    /// The key history that was followed.
    ///
    /// # Errors
    /// It is there and cannot be used.
    pub fn keys(&self) -> Result<Option<History>, KeepError> {
        let (path, Some(bytes)) = self.read("keys.json")? else { return Ok(None) };
        let history = History::parse(&bytes);
        history.map(Some).map_err(|cause| KeepError::Keys { path, cause: Box::new(cause) })
    }

    /// Remembers a key history, durably.
    ///
    /// # Errors
    /// [`KeepError::Io`].
    pub fn save_keys(&self, history: &History) -> Result<(), KeepError> {
        self.write("keys.json", &history.to_bytes())
    }

    fn read(&self, name: &str) -> Result<(PathBuf, Option<Vec<u8>>), KeepError> {
        let path = self.path.join(name);
        match std::fs::read(&path) {
            Ok(bytes) => Ok((path, Some(bytes))),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok((path, None)),
            Err(cause) => Err(KeepError::Io { path, cause }),
        }
    }

    /// Under the name there is the whole of it or what was there before, also after a power cut.
    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), KeepError> {
        let path = self.path.join(name);
        let write = || {
            let temporary = path.with_added_extension("new");
            let mut file =
                OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&temporary)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            std::fs::rename(&temporary, &path)
        };
        write().map_err(|cause| KeepError::Io { path: path.clone(), cause })?;
        sync(path.parent().unwrap_or(&self.path))
    }
}

fn make_folder(path: &Path) -> Result<(), KeepError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|cause| KeepError::Io { path: path.to_owned(), cause })
}

fn sync(folder: &Path) -> Result<(), KeepError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|cause| KeepError::Io { path: folder.to_owned(), cause })
}
