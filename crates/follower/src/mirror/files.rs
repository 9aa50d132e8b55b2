//! The files of one mirrored log. Whoever has the directory has the log: any static web server can serve it, any auditor
//! check it.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use bytes::Bytes;

/// Threads that write at one time.
const WRITERS: usize = 8;

/// Files below one folder, by names with slashes. All of it blocks on the disk.
pub trait Files: Send + Sync {
    /// What a file holds; `None` if it is not there.
    fn read(&self, name: &str) -> io::Result<Option<Bytes>>;

    /// The names in a folder; none if it is not there.
    fn list(&self, folder: &str) -> io::Result<Vec<String>>;

    /// Writes a file, so that under its name there is the whole of it or what was there before, also after a power cut. Folders
    /// are made as needed. That the name is there lasts only after [`Files::sync`].
    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()>;

    /// [`Files::write`] for many, in any order.
    fn write_all(&self, files: &[(String, Bytes)]) -> io::Result<()> {
        files.iter().try_for_each(|(name, bytes)| self.write(name, bytes))
    }

    /// Makes the names of these files last, up to the folder of all.
    fn sync(&self, names: &[String]) -> io::Result<()>;

    /// Removes a folder with the files in it, if it is there.
    fn remove(&self, folder: &str) -> io::Result<()>;

    /// Renames a file, so that it ends in `.damaged`.
    fn set_aside(&self, name: &str) -> io::Result<()>;
}

/// A directory.
#[derive(Debug)]
pub struct Directory(PathBuf);

impl Directory {
    /// The directory at this path, made if it is not there.
    pub fn open(path: &Path) -> io::Result<Self> {
        let make = || {
            fs::create_dir_all(path)?;
            path.ancestors()
                .skip(1)
                .take(2)
                .filter(|above| !above.as_os_str().is_empty())
                .try_for_each(sync_folder)
        };
        make().map_err(named(path))?;
        Ok(Self(path.to_owned()))
    }
}

fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Says which file it was: the system does not.
fn named(path: &Path) -> impl FnOnce(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

impl Files for Directory {
    fn read(&self, name: &str) -> io::Result<Option<Bytes>> {
        let path = self.0.join(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(named(&path)(error)),
        }
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let path = self.0.join(folder);
        match fs::read_dir(&path) {
            Ok(entries) => {
                let name = |entry: io::Result<fs::DirEntry>| entry.map(|entry| entry.file_name());
                let names = entries.map(name).collect::<io::Result<Vec<_>>>().map_err(named(&path))?;
                Ok(names.into_iter().filter_map(|name| name.into_string().ok()).collect())
            }
            Err(error) if is_absent(&error) => Ok(vec![]),
            Err(error) => Err(named(&path)(error)),
        }
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.0.join(name);
        let write = || {
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            let temporary = path.with_added_extension("new");
            let mut file = File::create(&temporary)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&temporary, &path)
        };
        write().map_err(named(&path))
    }

    /// Each file is synced by itself, and disks do many at once in the time of one.
    fn write_all(&self, files: &[(String, Bytes)]) -> io::Result<()> {
        let write =
            |part: &[(String, Bytes)]| part.iter().try_for_each(|(name, bytes)| self.write(name, bytes));
        std::thread::scope(|scope| {
            let parts = files.chunks(files.len().div_ceil(WRITERS).max(1));
            let writers: Vec<_> = parts.map(|part| scope.spawn(move || write(part))).collect();
            let panicked = |_| Err(io::Error::other("a thread that writes panicked"));
            let ends: Vec<_> =
                writers.into_iter().map(|writer| writer.join().unwrap_or_else(panicked)).collect();
            ends.into_iter().collect()
        })
    }

    fn sync(&self, names: &[String]) -> io::Result<()> {
        // The names of new folders must last as well.
        let above =
            |name: &String| self.0.join(name).ancestors().skip(1).map(Path::to_owned).collect::<Vec<_>>();
        let inside = |folder: &PathBuf| folder.starts_with(&self.0);
        let folders: BTreeSet<PathBuf> = names.iter().flat_map(above).filter(inside).collect();
        // What is deeper first: a name above promises what is below it.
        folders.iter().rev().try_for_each(|path| sync_folder(path).map_err(named(path)))
    }

    fn remove(&self, folder: &str) -> io::Result<()> {
        let path = self.0.join(folder);
        match fs::remove_dir_all(&path) {
            Err(error) if !is_absent(&error) => Err(named(&path)(error)),
            _ => Ok(()),
        }
    }

    fn set_aside(&self, name: &str) -> io::Result<()> {
        let path = self.0.join(name);
        fs::rename(&path, path.with_added_extension("damaged")).map_err(named(&path))?;
        self.sync(&[name.to_owned()])
    }
}

/// Whether there is no such file, nor could be.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_listed_and_removed() {
        let home = tempfile::tempdir().unwrap();
        let files = Directory::open(&home.path().join("deep/log")).unwrap();
        assert_eq!(files.read("checkpoint").unwrap(), None);
        assert_eq!(files.list("tile").unwrap(), Vec::<String>::new());
        let name = "tile/0/x001/234.p/7".to_owned();
        files.write(&name, b"one").unwrap();
        files.write(&name, b"two").unwrap();
        files.sync(std::slice::from_ref(&name)).unwrap();
        assert_eq!(files.read(&name).unwrap().unwrap(), "two");
        assert_eq!(
            files.list("tile/0/x001/234.p").unwrap(),
            ["7"],
            "and nothing that was written on the way"
        );
        let many: Vec<_> = (0..40).map(|n| (format!("tile/0/{n:03}"), Bytes::from(format!("{n}")))).collect();
        files.write_all(&many).unwrap();
        assert!(many.iter().all(|(name, bytes)| files.read(name).unwrap().as_ref() == Some(bytes)));
        files.write("checkpoint", b"note").unwrap();
        assert_eq!(files.read("checkpoint/7").unwrap(), None, "a file is no folder");
        files.remove("tile/0/x001/234.p").unwrap();
        files.remove("tile/0/x001/234.p").unwrap();
        assert_eq!(files.read(&name).unwrap(), None);
        let error = files.write("checkpoint/7", b"x").unwrap_err().to_string();
        assert!(error.contains("deep/log/checkpoint/7"), "{error}");
        let one_bad = [many, vec![("checkpoint/7".to_owned(), Bytes::new())]].concat();
        assert!(files.write_all(&one_bad).unwrap_err().to_string().contains("deep/log/checkpoint/7"));
    }
}
