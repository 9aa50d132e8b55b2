//! Where a log is read: below a URL prefix, in a directory with the same layout (C2SP tlog-tiles), or wherever else
//! somebody has its [`Resources`].
//!
//! Nothing that is read here is verified yet. Lengths are bounded, but not judged: who knows what a resource should be
//! judges it. A partial tile or bundle that is gone is taken from the full one, as the specification allows.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use tlog::bundle::{self, ENTRY_BYTES_MAX};
use tlog::tile::{Bundle, Resource, TILE_BYTES, Tile, WIDTH};

use crate::fs;
use crate::http::{Http, HttpError, HttpOptions};
use crate::keys::{HISTORY_BYTES_MAX, KEYS_PATH};

/// Bytes of a signed checkpoint, at most: the longest text of a note and a hundred signatures of the largest kind.
pub const CHECKPOINT_BYTES_MAX: usize = 1_500_000;
/// Bytes of a full bundle, at most.
const BUNDLE_BYTES_MAX: usize = WIDTH as usize * (2 + ENTRY_BYTES_MAX);

/// Where a log is read. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Source {
    /// Below a URL prefix.
    Http(Http),
    /// On this machine.
    Local(Arc<dyn Resources>),
}

/// The resources of a log that is on this machine. Reading may block; `Display` says where the log is.
pub trait Resources: std::fmt::Debug + std::fmt::Display + Send + Sync {
    /// The bytes of exactly this resource, at most one more than `limit`; `None` if it is not there.
    ///
    /// # Errors
    /// It could not be told whether it is there.
    fn read(&self, resource: Resource, limit: usize) -> Result<Option<Bytes>, SourceError>;

    /// The document with the log's key history, at most one byte more than `limit`; `None` if there is none.
    ///
    /// # Errors
    /// It could not be told whether it is there.
    fn keys(&self, _limit: usize) -> Result<Option<Bytes>, SourceError> {
        Ok(None)
    }

    /// Whether this tile is kept, rather than made from what is below it when it is asked for. Only a tile that is kept
    /// can bear witness against what is below it.
    fn keeps(&self, _tile: Tile) -> bool {
        true
    }
}

/// A log in a directory, one file a resource.
#[derive(Debug)]
struct Directory(PathBuf);

/// Why a resource could not be read. Says nothing about the log's honesty.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// No useful answer over HTTP.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// A file that is there and cannot be read, or a directory that is none.
    #[error("{}: {cause}", .path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// A log on this machine that is kept in another way than in files.
    #[error("{place}: {cause}")]
    Store {
        /// Where.
        place: String,
        /// Why.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There is no checkpoint, so there is no log.
    #[error("{place}: there is no log here (no checkpoint)")]
    NoLog {
        /// Where.
        place: String,
    },
}

impl Source {
    /// A log at a URL prefix (`http://…`, `https://…`) or in a directory (a path, or `file://…`).
    ///
    /// # Errors
    /// A URL that cannot be used; a path where no directory is.
    pub fn open(place: &str, options: &HttpOptions) -> Result<Self, SourceError> {
        if place.starts_with("http://") || place.starts_with("https://") {
            return Ok(Self::Http(Http::new(place, options)?));
        }
        Self::directory(Path::new(place.strip_prefix("file://").unwrap_or(place)))
    }

    /// A log in a directory.
    ///
    /// # Errors
    /// A path where no directory is.
    pub fn directory(path: &Path) -> Result<Self, SourceError> {
        let error = |cause| SourceError::File { path: path.to_owned(), cause };
        if std::fs::metadata(path).map_err(error)?.is_dir() {
            Ok(Self::Local(Arc::new(Directory(path.to_owned()))))
        } else {
            Err(error(std::io::ErrorKind::NotADirectory.into()))
        }
    }

    /// The bytes of the signed checkpoint.
    ///
    /// # Errors
    /// [`SourceError::NoLog`] if there is none; otherwise as for any resource.
    pub async fn checkpoint(&self) -> Result<Bytes, SourceError> {
        let bytes = self.read(Resource::Checkpoint).await?;
        bytes.ok_or_else(|| SourceError::NoLog { place: self.to_string() })
    }

    /// The document with the log's key history; `None` if the log has none to show, as other programs' logs have not.
    ///
    /// # Errors
    /// It could not be told whether there is one.
    pub async fn keys(&self) -> Result<Option<Bytes>, SourceError> {
        match self {
            Self::Http(http) => match http.get(KEYS_PATH, HISTORY_BYTES_MAX).await {
                Err(HttpError::Refused { .. }) => Ok(None),
                answer => Ok(answer?),
            },
            Self::Local(local) => {
                let local = local.clone();
                fs::off_thread(move || local.keys(HISTORY_BYTES_MAX)).await
            }
        }
    }

    /// The bytes of a tile, from the full one if the partial one is gone; `None` if both are.
    ///
    /// # Errors
    /// It could not be told whether it is there.
    pub async fn tile(&self, tile: Tile) -> Result<Option<Bytes>, SourceError> {
        match self.read(Resource::Tile(tile)).await? {
            None if !tile.is_full() => {
                Ok(self.read(Resource::Tile(tile.full())).await?.map(|full| narrow_tile(tile, full)))
            }
            bytes => Ok(bytes),
        }
    }

    /// The bytes of a bundle, from the full one if the partial one is gone; `None` if both are.
    ///
    /// # Errors
    /// It could not be told whether it is there.
    pub async fn bundle(&self, bundle: Bundle) -> Result<Option<Bytes>, SourceError> {
        match self.read(Resource::Bundle(bundle)).await? {
            None if !bundle.is_full() => {
                Ok(self.read(Resource::Bundle(bundle.full())).await?.map(|full| narrow_bundle(bundle, full)))
            }
            bytes => Ok(bytes),
        }
    }

    /// Whether this tile is kept there, as it is in everything that is served.
    pub(crate) fn keeps(&self, tile: Tile) -> bool {
        match self {
            Self::Http(_) => true,
            Self::Local(local) => local.keeps(tile),
        }
    }

    /// The bytes of exactly this resource, at most one more than it can have; `None` if it is not there.
    ///
    /// # Errors
    /// It could not be told whether it is there.
    pub async fn read(&self, resource: Resource) -> Result<Option<Bytes>, SourceError> {
        match self {
            Self::Http(http) => Ok(http.get(&resource.to_string(), bytes_max(resource)).await?),
            Self::Local(local) => {
                let local = local.clone();
                fs::off_thread(move || local.read(resource, bytes_max(resource))).await
            }
        }
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Http(http) => http.prefix().fmt(f),
            Self::Local(local) => local.fmt(f),
        }
    }
}

/// [`Source::tile`], for threads that hash what they read.
pub(crate) fn tile_of(local: &dyn Resources, tile: Tile) -> Result<Option<Bytes>, SourceError> {
    let read = |tile| local.read(Resource::Tile(tile), bytes_max(Resource::Tile(tile)));
    match read(tile)? {
        None if !tile.is_full() => Ok(read(tile.full())?.map(|full| narrow_tile(tile, full))),
        bytes => Ok(bytes),
    }
}

/// [`Source::bundle`], for threads that hash what they read.
pub(crate) fn bundle_of(local: &dyn Resources, bundle: Bundle) -> Result<Option<Bytes>, SourceError> {
    let read = |bundle| local.read(Resource::Bundle(bundle), bytes_max(Resource::Bundle(bundle)));
    match read(bundle)? {
        None if !bundle.is_full() => Ok(read(bundle.full())?.map(|full| narrow_bundle(bundle, full))),
        bytes => Ok(bytes),
    }
}

impl Resources for Directory {
    fn read(&self, resource: Resource, limit: usize) -> Result<Option<Bytes>, SourceError> {
        self.file(&resource.to_string(), limit)
    }

    fn keys(&self, limit: usize) -> Result<Option<Bytes>, SourceError> {
        self.file(KEYS_PATH, limit)
    }
}

impl Directory {
    fn file(&self, name: &str, limit: usize) -> Result<Option<Bytes>, SourceError> {
        let path = self.0.join(name);
        match fs::read_bounded(&path, limit) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(SourceError::File { path, cause }),
        }
    }
}

impl std::fmt::Display for Directory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.display().fmt(f)
    }
}

/// A full tile of the wrong length stays as it is, to be found wrong by whoever checks it.
fn narrow_tile(tile: Tile, full: Bytes) -> Bytes {
    if full.len() == TILE_BYTES { full.slice(..tile.bytes()) } else { full }
}

/// The same for a bundle that does not have that many entries.
fn narrow_bundle(bundle: Bundle, full: Bytes) -> Bytes {
    bundle::prefix(&full, usize::from(bundle.width())).unwrap_or(full)
}

fn bytes_max(resource: Resource) -> usize {
    match resource {
        Resource::Checkpoint => CHECKPOINT_BYTES_MAX,
        Resource::Tile(tile) => tile.bytes(),
        Resource::Bundle(bundle) => BUNDLE_BYTES_MAX / WIDTH as usize * usize::from(bundle.width()),
    }
}

#[cfg(test)]
mod tests;
