//! A log's directory: what lies where, who may read it, and who has it open.
//!
//! ```text
//! DATA/
//!   lock         held by the one process that has the log open
//!   log.json     what the log is: format, origin, kind; as in the store, for whoever has to restore one
//!   log.key      the signing key, mode 0600
//!   log.key.*    the same while another key takes its place (see `directory/key_files.rs`)
//!   log.keys     how the keys followed each other, if there was more than one: public
//!   log.vkey     the public key
//!   service.key  the key that signs the log's own records, mode 0600
//!   tokens.json  who may submit and who may look: digests of tokens and what they are for, mode 0600
//!   admin.token  the first admin token, mode 0600, until somebody takes it away
//!   lookup/      which records speak of whom; derived from the log, may be deleted
//!   head         the newest checkpoint that anybody was shown: evidence outside the store
//!   published    the checkpoint that everybody is shown, with its cosignatures, where witnesses are asked
//!   store/       sled's directory
//!   content-keys/  the keys of content beside the log (crate `vault`), unless they lie elsewhere; with a backup of its own
//! ```

mod key_files;

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use bytes::Bytes;
use tlog::{
    Head,
    checkpoint::{Checkpoint, SignedCheckpoint},
    encoding,
    key::{KeyError, KeyName, Signer},
};
use zeroize::Zeroizing;

pub use key_files::read_key_history;

use crate::{log::LogIdentity, publisher::Evidence};

/// The directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// Another process has it open.
    #[error(
        "{path} is in use by another deedbook process; a log has one writer. Stop that one first, or use another --data"
    )]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A file that is for its owner alone is open to others.
    #[error(
        "{path} can be read by others (mode {mode:o}); run chmod 600 on it, and think about who has read it"
    )]
    OpenToOthers {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The signing key is not one.
    #[error("{path} is not a signing key: {source}")]
    Key {
        /// The key file.
        path: PathBuf,
        /// In which way.
        source: KeyError,
    },
    /// The file that says what the log is does not.
    #[error("{path} does not say what the log is: {source}")]
    Identity {
        /// The file.
        path: PathBuf,
        /// In which way.
        source: serde_json::Error,
    },
    /// There is no log here.
    #[error("{path} holds no log (it has no log.vkey)")]
    NoLog {
        /// The directory.
        path: PathBuf,
    },
}

/// A log's directory, held by this process.
pub struct DataDirectory {
    path: PathBuf,
    /// Locked as long as it is open.
    _lock: File,
}

impl DataDirectory {
    /// Takes hold of a directory, making it if it is not there.
    pub fn open(path: &Path) -> Result<Self, DirectoryError> {
        let io = |source| DirectoryError::Io { path: path.into(), source };
        make_directory(path).map_err(io)?;
        let lock_path = path.join("lock");
        let lock = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&lock_path);
        let lock = lock.map_err(|source| DirectoryError::Io { path: lock_path.clone(), source })?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.into(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(DirectoryError::InUse { path: path.into() }),
            Err(TryLockError::Error(source)) => Err(DirectoryError::Io { path: lock_path, source }),
        }
    }

    /// Takes hold of a directory that has a log.
    pub fn open_existing(path: &Path) -> Result<Self, DirectoryError> {
        read_vkey(path)?;
        Self::open(path)
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the store is.
    pub fn store_path(&self) -> PathBuf {
        self.path.join("store")
    }

    /// Where the keys of content are, unless they lie elsewhere.
    pub fn content_keys_path(&self) -> PathBuf {
        self.path.join("content-keys")
    }

    /// The evidence beside the store.
    pub fn head_file(&self) -> HeadFile {
        HeadFile { path: self.path.join("head"), published: self.path.join("published") }
    }

    /// Forgets what everybody was shown: the newest head is shown in its place. For a log that asks no witnesses any more,
    /// after it was compared with the store, and for a note that nobody can read.
    pub fn forget_published(&self) -> Result<(), DirectoryError> {
        let path = self.path.join("published");
        let removed = remove_if_there(&path).and_then(|()| sync_parent(&path));
        removed.map_err(|source| DirectoryError::Io { path, source })
    }

    /// A file of the directory that its owner alone may read.
    pub fn private_file(&self, name: &str) -> PrivateFile {
        PrivateFile { path: self.path.join(name) }
    }

    /// The list of tokens: who may submit and who may look.
    pub fn tokens_file(&self) -> PrivateFile {
        PrivateFile { path: self.path.join("tokens.json") }
    }

    /// Where the lookups are, which are derived from the log and may be deleted.
    pub fn lookups_path(&self) -> PathBuf {
        self.path.join("lookup")
    }

    /// The key that signs the log's own records, made with `chance` if there is none.
    pub fn service_key(
        &self,
        chance: impl FnOnce(&mut [u8]) -> io::Result<()>,
    ) -> Result<Zeroizing<[u8; 32]>, DirectoryError> {
        let file = PrivateFile { path: self.path.join("service.key") };
        let failed = |source| DirectoryError::Io { path: file.path.clone(), source };
        let mut seed = Zeroizing::new([0; 32]);
        if let Some(text) = file.read()?.map(Zeroizing::new) {
            let text = text.trim_ascii_end();
            return match encoding::parse_base64_array(&String::from_utf8_lossy(text)) {
                Ok(bytes) => Ok(Zeroizing::new(bytes)),
                Err(error) => Err(failed(io::Error::other(format!("this is no service key: {error}")))),
            };
        }
        chance(&mut seed[..]).map_err(failed)?;
        let line = Zeroizing::new(format!("{}\n", encoding::base64(&seed[..])));
        file.replace(line.as_bytes())?;
        Ok(seed)
    }

    /// Where the first admin token waits for its owner.
    pub fn admin_token_file(&self) -> PrivateFile {
        PrivateFile { path: self.path.join("admin.token") }
    }

    /// The signing key; `None` if there is none yet.
    pub fn signer(&self) -> Result<Option<Signer>, DirectoryError> {
        self.read_signer("log.key")
    }

    /// What the log is, as it was noted when it was created; `None` if there is none yet.
    pub fn identity(&self) -> Result<Option<LogIdentity>, DirectoryError> {
        let path = self.path.join("log.json");
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(|source| DirectoryError::Identity { path, source }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(DirectoryError::Io { path, source }),
        }
    }

    /// Notes what the log is.
    pub fn write_identity(&self, identity: &LogIdentity) -> Result<(), DirectoryError> {
        self.write("log.json", &[&identity.to_bytes()[..], b"\n"].concat(), 0o644)
    }

    /// Writes a new signing key from 32 random bytes.
    pub fn create_signer(&self, origin: KeyName, seed: &[u8; 32]) -> Result<Signer, DirectoryError> {
        let signer = Signer::from_seed(origin, seed);
        let mut line = signer.to_skey();
        line.push('\n');
        // The key last: where it is, the public key and the head of the empty log are too, whenever the power is cut. A
        // key without a head is a log that has lost its evidence, never one that was about to begin.
        self.write("log.vkey", format!("{}\n", signer.verifier_key()).as_bytes(), 0o644)?;
        self.write("head", empty_head(&signer).as_bytes(), 0o644)?;
        self.write("log.key", line.as_bytes(), 0o600)?;
        Ok(signer)
    }

    /// Writes a file so that after a power cut it is there as a whole or not at all.
    pub fn write(&self, name: &str, bytes: &[u8], mode: u32) -> Result<(), DirectoryError> {
        let path = self.path.join(name);
        write_durably(&path, bytes, mode).map_err(|source| DirectoryError::Io { path, source })
    }
}

/// A file of a log's directory that its owner alone may read.
pub struct PrivateFile {
    path: PathBuf,
}

impl PrivateFile {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it holds; `None` if it is not there.
    pub fn read(&self) -> Result<Option<Vec<u8>>, DirectoryError> {
        let Some(mut file) = open_private(&self.path)? else { return Ok(None) };
        let mut bytes = Vec::new();
        let read = file.read_to_end(&mut bytes);
        read.map_err(|source| DirectoryError::Io { path: self.path.clone(), source })?;
        Ok(Some(bytes))
    }

    /// Puts something else there, so that after a power cut there is the old or the new, as a whole.
    pub fn replace(&self, bytes: &[u8]) -> Result<(), DirectoryError> {
        write_durably(&self.path, bytes, 0o600)
            .map_err(|source| DirectoryError::Io { path: self.path.clone(), source })
    }
}

/// Writes a file, wherever it is, so that after a power cut it is there as a whole or not at all.
pub fn write_file(path: &Path, bytes: &[u8], mode: u32) -> Result<(), DirectoryError> {
    write_durably(path, bytes, mode).map_err(|source| DirectoryError::Io { path: path.into(), source })
}

/// Opens a file that nobody else can read; `None` if it is not there.
fn open_private(path: &Path) -> Result<Option<File>, DirectoryError> {
    let io = |source| DirectoryError::Io { path: path.into(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
    };
    let mode = file.metadata().map_err(io)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(DirectoryError::OpenToOthers { path: path.into(), mode });
    }
    Ok(Some(file))
}

/// The signed checkpoint of the log that has no entries.
fn empty_head(signer: &Signer) -> String {
    let signed = Checkpoint::new(signer.name().clone(), Head::EMPTY).and_then(|empty| empty.sign(signer));
    // An origin and a size that the key's own name and no entries make are always a checkpoint.
    signed.map(|signed| String::from_utf8_lossy(signed.bytes()).into_owned()).unwrap_or_default()
}

/// The public key of the log in a directory, which may be in use by another process.
pub fn read_vkey(directory: &Path) -> Result<String, DirectoryError> {
    let path = directory.join("log.vkey");
    match fs::read_to_string(&path) {
        Ok(text) => Ok(text.trim_end().into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(DirectoryError::NoLog { path: directory.into() })
        }
        Err(source) => Err(DirectoryError::Io { path, source }),
    }
}

/// The newest checkpoint that anybody was shown, in a small file that is synced at each publication; and where witnesses are
/// asked, in another one what everybody is shown.
pub struct HeadFile {
    path: PathBuf,
    published: PathBuf,
}

impl Evidence for HeadFile {
    fn newest(&self) -> io::Result<Option<Bytes>> {
        read_note(&self.path)
    }

    fn note(&self, checkpoint: &SignedCheckpoint) -> io::Result<()> {
        write_note(&self.path, checkpoint)
    }

    fn published(&self) -> io::Result<Option<Bytes>> {
        read_note(&self.published)
    }

    fn note_published(&self, checkpoint: &SignedCheckpoint) -> io::Result<()> {
        write_note(&self.published, checkpoint)
    }
}

fn read_note(path: &Path) -> io::Result<Option<Bytes>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes.into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// An unchanged note is on disk already.
fn write_note(path: &Path, checkpoint: &SignedCheckpoint) -> io::Result<()> {
    if read_note(path)?.is_some_and(|noted| noted == checkpoint.bytes()) {
        return Ok(());
    }
    write_durably(path, checkpoint.bytes(), 0o644)
}

/// Makes a directory, and what is missing above it, so that it is there after a power cut: a name is durable once the
/// directory that holds it is synced.
fn make_directory(path: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = path.ancestors().take_while(|path| !path.exists()).collect();
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    for parent in missing.into_iter().filter_map(Path::parent) {
        let here = parent.as_os_str().is_empty();
        File::open(if here { Path::new(".") } else { parent })?.sync_all()?;
    }
    Ok(())
}

/// Temporary file, sync, rename, sync of the directory.
fn write_durably(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let temporary = path.with_added_extension("new");
    // One that an earlier process left behind may have another mode, or be a link to somewhere else.
    remove_if_there(&temporary)?;
    let mut file = OpenOptions::new().create_new(true).write(true).mode(mode).open(&temporary)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if let Err(error) = written.and_then(|()| fs::rename(&temporary, path)) {
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    sync_parent(path)
}

/// Makes the names in the directory of a file durable.
fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => File::open(".")?.sync_all(),
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
