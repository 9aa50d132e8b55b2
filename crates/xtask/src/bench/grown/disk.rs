//! What a log takes up: on the disk, beside the bytes of its entries, and in memory.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use super::BenchError;
use crate::background::Cost;
use crate::contender::Running;
use crate::loopback::Connection;

/// The head of the table that [`Footprint::line`] writes a line of.
pub(super) const HEAD: &str = "| entries | entries/s since | server CPU s per 1,000 | highest memory | disk bytes an entry \
    | entry bytes, mean | disk beyond 0.6 x entry bytes, an entry | disk / entry bytes |\n|---:|---:|---:|---:|---:|---:|---:|---:|";

/// Bytes of a block in `st_blocks`, on every Linux.
const BLOCK_BYTES: u64 = 512;

/// Sizes at one moment.
pub(super) struct Footprint {
    /// Blocks of all files in the log's directory.
    disk: u64,
    /// Bytes of all entries.
    entries: u64,
    cost: Cost,
}

impl Footprint {
    /// Of a log that this server has served since it was created.
    pub(super) fn of(running: &Running, log: &Path) -> Result<Footprint, BenchError> {
        let failed = |what: &str, why| BenchError::Io(what.to_owned(), why);
        let disk = allocated(log).map_err(|why| failed("measure the log's directory", why))?;
        let entries = entry_bytes(running).map_err(|why| failed("read /metrics", why))?;
        Ok(Footprint { disk, entries, cost: running.process.cost().unwrap_or_default() })
    }

    /// A line of the table: size now, of which `grown` came in `time` and took `cpu` seconds of the server.
    pub(super) fn line(&self, size: u64, grown: u64, time: Duration, cpu: f64) -> String {
        let (disk, entries, count) = (self.disk as f64, self.entries as f64, size as f64);
        format!(
            "| {size} | {:.0} | {:.4} | {:.0} MB | {:.0} | {:.0} | {:.0} | {:.2} |",
            grown as f64 / time.as_secs_f64(),
            cpu * 1000.0 / grown as f64,
            self.cost.peak_rss as f64 / 1e6,
            disk / count,
            entries / count,
            (disk - 0.6 * entries) / count,
            disk / entries,
        )
    }
}

/// Bytes that the files below a directory take up.
fn allocated(directory: &Path) -> io::Result<u64> {
    let mut sum = 0;
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        sum += if metadata.is_dir() { allocated(&entry.path())? } else { metadata.blocks() * BLOCK_BYTES };
    }
    Ok(sum)
}

/// Bytes of the entries that were logged since the server started, as it says itself.
fn entry_bytes(running: &Running) -> io::Result<u64> {
    let text = Connection::open(running.address)?.get("/metrics")?.body;
    counter(&text, "deedbook_entries_bytes_total").ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// The value of a counter without labels, in Prometheus text.
fn counter(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_found_by_its_whole_name() {
        let text = "# HELP a_total x\na_total_more 7\na_total 42\n";
        assert_eq!(counter(text, "a_total"), Some(42));
        assert_eq!(counter(text, "b_total"), None);
    }

    #[test]
    fn files_in_directories_below_count() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("below")).unwrap();
        let before = allocated(dir.path()).unwrap();
        let mut file = std::fs::File::create(dir.path().join("below/file")).unwrap();
        io::Write::write_all(&mut file, &vec![7; 100_000]).unwrap();
        file.sync_all().unwrap();
        assert!(allocated(dir.path()).unwrap() >= before + 100_000);
    }
}
