//! Files: bounded reads, and writes that are whole or not there at all, also after a power cut.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use bytes::Bytes;

/// Runs blocking work off the async threads.
pub(crate) async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        // Blocking tasks are never cancelled here, so the work panicked, and so does whoever waits for it.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// Reads a file; of one longer than `limit`, one byte more than that.
pub(crate) fn read_bounded(path: &Path, limit: usize) -> io::Result<Bytes> {
    let file = File::open(path)?;
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    let mut bytes = Vec::with_capacity(length.min(limit) + 1);
    file.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes.into())
}

/// Writes a file so that under its name there is the whole of it or what was there before. The directory is to be
/// synced by [`sync_directory`] before anything is built on the new name.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_added_extension("new");
    let mut file = File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)
}

/// [`write_whole`], and the directory synced.
pub(crate) fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_whole(path, bytes)?;
    sync_directory(path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")))
}

/// Makes the names in a directory durable.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
