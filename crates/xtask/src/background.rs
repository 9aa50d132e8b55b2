//! A process in the background: its output in a file, its cost read from /proc, killed when it is dropped.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

/// A running child process.
#[derive(Debug)]
pub(crate) struct Background {
    child: Child,
    /// Where its standard output and standard error go, both.
    pub(crate) output: PathBuf,
}

/// What a process has used so far.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Cost {
    /// CPU seconds, user and system, of all threads.
    pub(crate) cpu_seconds: f64,
    /// The highest resident set, in bytes.
    pub(crate) peak_rss: u64,
}

impl Background {
    /// Starts a command with its output in a file. Where `setpriv` (util-linux) is at hand the process dies with this
    /// one, even if this one is killed.
    pub(crate) fn start(command: &Command, output: PathBuf) -> io::Result<Background> {
        let file = File::create(&output)?;
        let tied = Path::new("/usr/bin/setpriv").exists();
        let mut wrapped =
            Command::new(if tied { "/usr/bin/setpriv".as_ref() } else { command.get_program() });
        if tied {
            wrapped.args(["--pdeathsig", "KILL", "--"]).arg(command.get_program());
        }
        wrapped.args(command.get_args());
        wrapped.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let child =
            wrapped.stdin(std::process::Stdio::null()).stdout(file.try_clone()?).stderr(file).spawn()?;
        Ok(Background { child, output })
    }

    /// Everything it has written so far.
    pub(crate) fn said(&self) -> String {
        std::fs::read(&self.output)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// The last lines it has written, for an error message.
    pub(crate) fn last_words(&self) -> String {
        let said = self.said();
        let lines: Vec<&str> = said.lines().collect();
        lines.split_at(lines.len().saturating_sub(5)).1.join("\n")
    }

    /// Waits for it to end by itself; `None` when it has not by then.
    pub(crate) fn wait(&mut self, patience: Duration) -> io::Result<Option<ExitStatus>> {
        let deadline = Instant::now() + patience;
        loop {
            let ended = self.child.try_wait()?;
            if ended.is_some() || Instant::now() >= deadline {
                return Ok(ended);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Asks it to end (SIGTERM).
    pub(crate) fn terminate(&self) -> io::Result<()> {
        let id = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        let id = id.ok_or_else(|| io::Error::other("a process id that is none"))?;
        Ok(rustix::process::kill_process(id, rustix::process::Signal::TERM)?)
    }

    /// What it has cost; `None` when it has ended or there is no /proc.
    pub(crate) fn cost(&self) -> Option<Cost> {
        cost_of(&self.child.id().to_string())
    }
}

/// What a process has cost, by its id or `self`, from /proc.
pub(crate) fn cost_of(process: &str) -> Option<Cost> {
    let proc = PathBuf::from("/proc").join(process);
    let cpu_seconds = cpu_seconds(&std::fs::read_to_string(proc.join("stat")).ok()?)?;
    let peak_rss = peak_rss(&std::fs::read_to_string(proc.join("status")).ok()?)?;
    Some(Cost { cpu_seconds, peak_rss })
}

/// CPU seconds of all children of this process that have ended and were waited for, from /proc.
pub(crate) fn children_cpu() -> Option<f64> {
    seconds_at(&std::fs::read_to_string("/proc/self/stat").ok()?, 13)
}

/// CPU seconds that all processes of this machine have used since it started, and that its host took away; without
/// interrupts, which belong to nobody. From /proc.
pub(crate) fn machine_cpu() -> Option<f64> {
    busy_seconds(&std::fs::read_to_string("/proc/stat").ok()?)
}

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Ticks in a second in /proc/PID/stat: USER_HZ, which is 100 on every architecture that Rust's standard library
/// supports on Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// utime and stime, fields 14 and 15 of proc(5).
fn cpu_seconds(stat: &str) -> Option<f64> {
    seconds_at(stat, 11)
}

/// The sum of two fields in ticks, from the one that is `after` the state; the name before that may hold spaces and
/// parentheses. 13 is cutime and cstime, fields 16 and 17 of proc(5).
fn seconds_at(stat: &str, after: usize) -> Option<f64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(after);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) / TICKS_PER_SECOND)
}

/// user, nice, system and steal (fields 1, 2, 3 and 8) of the first line of /proc/stat.
fn busy_seconds(stat: &str) -> Option<f64> {
    let fields: Vec<f64> = stat
        .lines()
        .next()?
        .strip_prefix("cpu ")?
        .split_whitespace()
        .map_while(|field| field.parse().ok())
        .collect();
    Some([0, 1, 2, 7].into_iter().map(|field| fields.get(field)).sum::<Option<f64>>()? / TICKS_PER_SECOND)
}

/// VmHWM of proc(5), given in KiB.
fn peak_rss(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_files_are_read_by_their_fields() {
        let stat = "42 (a) b (c) S 1 42 42 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 3 0 1 1 1";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(seconds_at(stat, 13), Some(0.0));
        assert_eq!(cpu_seconds("42 (short) S 1"), None);
        assert_eq!(peak_rss("Name:\tx\nVmHWM:\t   2048 kB\nVmRSS:\t1 kB\n"), Some(2 << 20));
        assert_eq!(peak_rss("Name:\tx\n"), None);
        assert_eq!(busy_seconds("cpu  100 20 30 9000 8 7 6 50 0 0\ncpu0 1 1\n"), Some(2.0));
        assert_eq!(busy_seconds("cpu  100 20\n"), None);
    }

    #[test]
    fn a_dropped_process_is_gone_and_its_words_stay() {
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "echo hello; exec sleep 60"]);
        let mut sleeper = Background::start(&command, dir.path().join("out")).unwrap();
        while sleeper.said().is_empty() && sleeper.runs() {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(sleeper.last_words(), "hello");
        assert!(sleeper.cost().unwrap().peak_rss > 0);
        let proc = PathBuf::from(format!("/proc/{}", sleeper.child.id()));
        assert!(sleeper.wait(Duration::from_millis(30)).unwrap().is_none() && proc.exists());
        drop(sleeper);
        assert!(!proc.exists());
    }
}
