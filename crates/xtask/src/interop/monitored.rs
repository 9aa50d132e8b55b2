//! Our monitor over a log that Tessera writes: followed while it grows, through kills; then copies of its files that
//! somebody bent, each of which must be told, with its place.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::{InteropError, Suite, read_key};
use crate::background::Background;
use crate::contender::{Contender, Running};
use crate::fill::{self, Acks};
use crate::peers::shown;
use crate::tools;

/// Sizes at which the monitor must have verified all.
const SIZES: [u64; 4] = [2, 256, 700, 1_500];
const PATIENCE: Duration = Duration::from_mins(1);

/// Where a copy is bent: a file, the byte that is flipped (from the end, where it is below 0), and what is told of it.
const BENT: [(&str, i64, &str); 6] = [
    ("tile/entries/001", 900, "tampered"),
    ("tile/0/002", 32 * 7, "tampered"),
    ("tile/1/000.p/5", 0, "tampered"),
    ("tile/0/005.p/220", 32 * 219, "tampered"),
    // "example.com/interop\n1500\n" and the first letter of the root.
    ("checkpoint", 25, "checkpoint"),
    ("checkpoint", -10, "checkpoint"),
];

impl Suite<'_> {
    /// Runs all of it with monitors of this binary.
    pub(super) fn monitored(&mut self, binary: &Path) -> Result<(), InteropError> {
        let dir = self.dir.join("monitored");
        std::fs::create_dir_all(&dir).map_err(|why| InteropError::Io("make a directory", why))?;
        let tessera = Contender::Tessera(self.peers.clone());
        let running = tessera.start(&dir)?;
        let log = Watched { binary, dir: &dir, vkey: read_key(&running.vkey)? };
        self.followed(&log, &running)?;
        let files = tessera.as_files(&running, &dir)?.unwrap_or_default();
        drop(running);
        for (path, byte, kind) in BENT {
            let started = Instant::now();
            let verdict = log.bent(&files, path, byte, kind);
            self.note(SIZES[3], "monitor", verdict, started);
        }
        let started = Instant::now();
        let verdict = log.went_back(&files);
        self.note(SIZES[3], "monitor", verdict, started);
        let started = Instant::now();
        let verdict = self.equal_fork(&log, &files);
        self.note(SIZES[3], "monitor", verdict, started);
        Ok(())
    }

    /// While the log grows; after every size the monitor is killed, and goes on.
    fn followed(&mut self, log: &Watched<'_>, running: &Running) -> Result<(), InteropError> {
        let (mut acks, mut from) = (Acks::new(), 0);
        for size in SIZES {
            let started = Instant::now();
            let monitor = log.follow(&running.base(), size);
            let monitor = monitor.map_err(|why| InteropError::Io("start deedbook monitor", why))?;
            fill::fill(running.address, from, size, 128, &mut acks)?;
            self.note(size, "monitor", verified(&monitor, size), started);
            if from == SIZES[0] {
                // To be shown again when the log has grown.
                let old = log.dir.join("old-checkpoint");
                std::fs::copy(log.dir.join("log/checkpoint"), old)
                    .map_err(|why| InteropError::Io("keep a checkpoint", why))?;
            }
            from = size;
        }
        Ok(())
    }

    /// The same key signs another log of the same size.
    fn equal_fork(&self, log: &Watched<'_>, files: &Path) -> Result<String, String> {
        let (fork, data) = (log.dir.join("fork"), log.dir.join("data-forked"));
        let entries = self.entries("fork", SIZES[3], 1).map_err(|why| why.to_string())?;
        let mut command = Command::new(&self.peers.oneshot);
        command.arg("--storage_dir").arg(&fork).arg("--private_key").arg(log.dir.join("skey"));
        command.arg("--entries").arg(entries.path().join("*"));
        tools::output(&mut command)?;
        log.look(files, &data, 0)?;
        let said = log.look(&fork, &data, 1)?;
        let split = incident(&said, "split-view")?;
        if split["guilty"] != serde_json::json!([log.vkey]) {
            return Err(format!("it does not accuse the log: {split}"));
        }
        Ok("another history of the same size: split-view, with a proof".to_owned())
    }
}

/// A log that is watched, by its key.
struct Watched<'a> {
    binary: &'a Path,
    dir: &'a Path,
    vkey: String,
}

impl Watched<'_> {
    /// A monitor that goes on from what the one before it kept.
    fn follow(&self, place: &str, size: u64) -> std::io::Result<Background> {
        let mut command = self.monitor(place, &self.dir.join("data"));
        command.args(["--poll", "0.2"]);
        Background::start(&command, self.dir.join(format!("monitor-{size}.log")))
    }

    fn monitor(&self, place: &str, data: &Path) -> Command {
        let mut command = Command::new(self.binary);
        command.args(["monitor", "--vkey", &self.vkey, "--log", place, "--data"]).arg(data);
        command
    }

    /// One look at files, which has to end with this code; what it told.
    fn look(&self, files: &Path, data: &Path, code: i32) -> Result<String, String> {
        let mut command = self.monitor(&files.display().to_string(), data);
        let said = command.args(["--once", "--delay", "0"]).output().map_err(|why| why.to_string())?;
        let told = String::from_utf8_lossy(&said.stdout).into_owned();
        if said.status.code() == Some(code) {
            return Ok(told);
        }
        Err(format!("{} ended with {}, not {code}: {told}", shown(&command), said.status))
    }

    /// A copy in which one byte is another.
    fn bent(&self, files: &Path, path: &str, byte: i64, kind: &str) -> Result<String, String> {
        let name = format!("bent-{}-{byte}", path.replace('/', "-"));
        let copy = self.copy(files, &name)?;
        let file = copy.join(path);
        let mut bytes = std::fs::read(&file).map_err(|why| format!("{path}: {why}"))?;
        let from_end = bytes.len().saturating_sub(usize::try_from(byte.unsigned_abs()).unwrap_or(0));
        let at = usize::try_from(byte).unwrap_or(from_end);
        let flipped = bytes.get_mut(at).ok_or_else(|| format!("{path} has no byte {at}"))?;
        // Another letter, where it is text: what is wrong is to be the signature, not the form.
        *flipped ^= 1;
        std::fs::write(&file, bytes).map_err(|why| format!("{path}: {why}"))?;
        let said = self.look(&copy, &self.dir.join(format!("data-{name}")), 1)?;
        let told = incident(&said, kind)?;
        if kind == "tampered" && told["subject"] != path {
            return Err(format!("{path} is bent, and it says {told}"));
        }
        Ok(format!("{path}, byte {at} bent: {kind}, {}", told["subject"].as_str().unwrap_or_default()))
    }

    /// A monitor that has seen all is shown what was there long ago.
    fn went_back(&self, files: &Path) -> Result<String, String> {
        let (copy, data) = (self.copy(files, "back")?, self.dir.join("data-back"));
        self.look(&copy, &data, 0)?;
        let old = std::fs::copy(self.dir.join("old-checkpoint"), copy.join("checkpoint"));
        old.map_err(|why| why.to_string())?;
        incident(&self.look(&copy, &data, 1)?, "went-back")?;
        Ok("an old checkpoint shown again: went-back".to_owned())
    }

    fn copy(&self, files: &Path, name: &str) -> Result<PathBuf, String> {
        let copy = self.dir.join(name);
        tools::output(Command::new("cp").arg("-r").arg(files).arg(&copy)).map(|_| copy)
    }
}

/// What a monitor tells once it has hashed everything up to this size.
fn verified(monitor: &Background, size: u64) -> Result<String, String> {
    let started = Instant::now();
    loop {
        let said = monitor.said();
        if let Some(wrong) = said.lines().find(|line| line.contains("\"incident\"")) {
            return Err(wrong.to_owned());
        }
        if said.contains(&format!("\"event\":\"verified\",\"size\":{size},")) {
            return Ok("followed while Tessera writes, after a kill".to_owned());
        }
        if started.elapsed() > PATIENCE {
            return Err(format!("it has not verified {size} entries: {said}"));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The incident of this kind among events.
fn incident(said: &str, kind: &str) -> Result<serde_json::Value, String> {
    let mut events = said.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    events.find(|event| event["incident"] == kind).ok_or_else(|| format!("{kind} is not told: {said}"))
}
