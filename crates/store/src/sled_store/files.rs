//! The files that sled keeps in its directory.

use std::{fs::File, io, path::Path};

/// Syncs every file in a directory, the directory itself, and the one above it.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    for file in std::fs::read_dir(path)? {
        let file = file?;
        if file.file_type()?.is_file() {
            File::open(file.path())?.sync_all()?;
        }
    }
    File::open(path)?.sync_all()?;
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => Ok(()),
    }
}

/// Removes snapshots that sled began and did not finish: its process ended, or the disk was full. It would take them for
/// snapshots that were damaged, and never open again. A snapshot is an abstract of the log, so nothing is lost with one.
pub(super) fn remove_unfinished_snapshots(path: &Path) -> io::Result<()> {
    for file in std::fs::read_dir(path)? {
        let file = file?;
        let name = file.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            tracing::info!(path = %file.path().display(), "removing a snapshot that was not finished");
            std::fs::remove_file(file.path())?;
        }
    }
    Ok(())
}
