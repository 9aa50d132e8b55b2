//! What the figures depend on: the machine, the file system, and what it costs to make bytes durable.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

/// How many appends one measurement takes.
const APPENDS: usize = 200;

/// A paragraph for the head of the report.
pub(super) fn describe(data: &Path, descriptors: u64) -> String {
    let cpu = field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown CPU".to_owned());
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let memory = field("/proc/meminfo", "MemTotal").unwrap_or_else(|| "unknown".to_owned());
    let kernel = read("/proc/sys/kernel/osrelease");
    let busy = read("/proc/loadavg");
    let busy = busy.split(' ').next().unwrap_or_default();
    let today = jiff::Timestamp::now().strftime("%F %H:%M UTC");
    format!(
        "{today}. {cores} x {cpu}, {memory} of memory, Linux {kernel}, logs on {}, {descriptors} descriptors, load \
         average {busy} at the start. Servers and load tools share these cores.\n",
        file_system(data)
    )
}

/// The median time of an append of 4 KiB with fdatasync, in the directory that the logs are in.
pub(super) fn fsync_p50(dir: &Path) -> io::Result<Duration> {
    let path = dir.join("fsync-cost");
    let mut file = File::create(&path)?;
    let mut times = Vec::with_capacity(APPENDS);
    for _ in 0..APPENDS {
        let started = Instant::now();
        file.write_all(&[0x5a; 4096])?;
        file.sync_data()?;
        times.push(started.elapsed());
    }
    fs::remove_file(path)?;
    times.sort_unstable();
    Ok(times[APPENDS / 2])
}

/// The type of the file system that the directory is on: the mount with the longest path above it.
fn file_system(dir: &Path) -> String {
    let dir = fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
    let mounts = read("/proc/mounts");
    let mounts = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        Some((words.next()?, words.next()?))
    });
    let above = mounts.filter(|(at, _)| dir.starts_with(at)).max_by_key(|(at, _)| at.len());
    above.map_or_else(|| "an unknown file system".to_owned(), |(_, kind)| kind.to_owned())
}

/// The value of the first `name : value` line of a file in /proc.
fn field(path: &str, name: &str) -> Option<String> {
    let text = read(path);
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}
