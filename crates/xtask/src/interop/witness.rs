//! Our witness under somebody else's log: Tessera's own example publishes nothing that two witnesses of ours have not
//! cosigned.
//!
//! Each step is a run of Tessera's `posix-oneshot`: it adds entries, asks the witnesses of its policy file, and ends when a
//! checkpoint with their cosignatures is published. Then `deedbook audit` reads its files under a policy that demands both
//! cosignatures, and x/mod and torchwood read them too. Where the witnesses must not cosign, it must not publish.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::{InteropError, Suite, read_key, verifylog_verdict};
use crate::background::Background;
use crate::contender::ContenderError;
use crate::peers::{self, go};
use crate::witness::{Plan, Witness};

/// The name of Tessera's log.
const ORIGIN: &str = "example.com/witnessed";
/// How long a run that publishes may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long one is watched that must not publish.
const SILENCE: Duration = Duration::from_secs(4);

impl Suite<'_> {
    /// Runs all steps with witnesses made by this binary.
    pub(super) fn witnesses(&mut self, binary: &Path) -> Result<(), InteropError> {
        let dir = self.dir.join("witnessed");
        std::fs::create_dir_all(&dir).map_err(|why| InteropError::Io("make a directory", why))?;
        let mut keygen = Command::new(&self.peers.verifylog);
        go(keygen.args(["keygen", "--name", ORIGIN]).arg("--dir").arg(&dir))?;
        let log = Log { dir: dir.clone(), binary: binary.to_owned() };
        let plan = |name: &str, ml_dsa| Plan {
            binary: binary.to_owned(),
            data: dir.join(name),
            name: format!("witness.example.com/{name}"),
            ml_dsa,
        };
        let plans = [plan("one", false), plan("two", true)];
        let running = start(&plans, [0, 0])?;
        let ports = [running[0].address.port(), running[1].address.port()];
        let vkey = read_key(&dir.join("vkey"))?;
        log.write_policy(&vkey, &running)?;

        self.silent("not enrolled", "origin is unknown", &log, "a", 2)?;
        plans.iter().try_for_each(|plan| plan.enrol(&vkey))?;
        std::thread::sleep(Duration::from_secs(2));
        self.published("first contact", &log, "log", 2, 2)?;
        self.published("grown, asked from 0 again", &log, "log", 300, 302)?;
        let running = restart(&plans, running, ports)?;
        self.published("witnesses started again", &log, "log", 5, 307)?;
        self.silent("a log that begins again", "larger than log size", &log, "b", 3)?;
        self.forked(&log, "c", 400, &plans[0])?;
        let [one, two] = running;
        stop(two)?;
        self.silent("one of two is gone", "failed to post to witness", &log, "log", 1)?;
        let two = plans[1].start(ports[1])?;
        self.published("and is back", &log, "log", 1, 309)?;
        stop(one)?;
        stop(two)
    }

    /// A run that must publish, read by others.
    fn published(
        &mut self,
        what: &str,
        log: &Log,
        data: &str,
        entries: u64,
        size: u64,
    ) -> Result<(), InteropError> {
        let started = Instant::now();
        let (mut run, _entries) = self.oneshot(log, data, entries, size)?;
        let ended = run.wait(PATIENCE).map_err(|why| InteropError::Io("wait for posix-oneshot", why))?;
        let verdict = match ended {
            Some(status) if status.success() => self.audited(log, data, size),
            Some(status) => Err(format!("it ended with {status}: {}", run.last_words())),
            None => Err(format!("nothing was published: {}", run.last_words())),
        };
        self.note(size, "witnesses", verdict.map(|read| format!("{what}: {read}")), started);
        Ok(())
    }

    /// A run that must not publish what it adds, and says why in these words.
    fn silent(
        &mut self,
        what: &str,
        why: &str,
        log: &Log,
        data: &str,
        entries: u64,
    ) -> Result<(), InteropError> {
        let started = Instant::now();
        let before = log.published(data);
        let (mut run, _entries) = self.oneshot(log, data, entries, 1_000_000)?;
        let ended = run.wait(SILENCE).map_err(|why| InteropError::Io("wait for posix-oneshot", why))?;
        let said = run.said();
        drop(run);
        let after = log.published(data);
        let verdict = match said.lines().find(|line| line.contains(why)) {
            _ if before != after => Err(format!("{what}: published {after:?} after {before:?}")),
            _ if ended.is_some_and(|status| status.success()) => {
                Err(format!("{what}: it thinks that it has published"))
            }
            Some(_) => Ok(format!("{what}: nothing is published ({why})")),
            None => Err(format!("{what}: it says nothing of {why:?}: {said}")),
        };
        self.note(before.unwrap_or(0), "witnesses", verdict, started);
        Ok(())
    }

    /// The log's other history, which it publishes without cosignatures: the witness keeps the proof, and anybody checks it.
    fn forked(&mut self, log: &Log, data: &str, entries: u64, plan: &Plan) -> Result<(), InteropError> {
        let started = Instant::now();
        let files = self.entries(data, entries, 0)?;
        let mut command = self.oneshot_on(log, data, &files);
        command.arg("--witness_fail_open");
        let (said, ended) = self.tool(&command, PATIENCE)?;
        let verdict = if !ended {
            Err(format!("it did not end: {said}"))
        } else if !said.contains("consistency proof is bad") {
            Err(format!("it was not told that its proof is bad: {said}"))
        } else {
            fork_is_proven(plan, &log.dir)
        };
        self.note(entries, "witnesses", verdict.map(|read| format!("another history: {read}")), started);
        Ok(())
    }

    /// Tessera's example, adding so many entries; the directory holds them for as long as it runs.
    fn oneshot(
        &self,
        log: &Log,
        data: &str,
        entries: u64,
        tag: u64,
    ) -> Result<(Background, tempfile::TempDir), InteropError> {
        let files = self.entries(data, entries, tag)?;
        let run = Background::start(&self.oneshot_on(log, data, &files), self.dir.join("oneshot.log"));
        Ok((run.map_err(|why| InteropError::Io("start posix-oneshot", why))?, files))
    }

    fn oneshot_on(&self, log: &Log, data: &str, files: &tempfile::TempDir) -> Command {
        let mut command = Command::new(&self.peers.oneshot);
        command.arg("--storage_dir").arg(log.dir.join(data)).arg("--private_key").arg(log.dir.join("skey"));
        command.arg("--witness_policy_file").arg(log.dir.join("policy"));
        command.arg("--entries").arg(files.path().join("*"));
        command
    }

    /// Files with entries that no other run adds.
    pub(super) fn entries(
        &self,
        data: &str,
        entries: u64,
        tag: u64,
    ) -> Result<tempfile::TempDir, InteropError> {
        let failed = |why| InteropError::Io("write entries", why);
        let files = tempfile::tempdir_in(self.dir).map_err(failed)?;
        for number in 0..entries {
            let text = format!("entry {number} of {tag} in {data}");
            std::fs::write(files.path().join(format!("{number:06}")), text).map_err(failed)?;
        }
        Ok(files)
    }

    /// Read under the policy by us, and by x/mod and torchwood.
    fn audited(&self, log: &Log, data: &str, size: u64) -> Result<String, String> {
        let mut audit = Command::new(&log.binary);
        audit.arg("audit").arg(log.dir.join(data)).arg("--policy").arg(log.dir.join("policy")).arg("--json");
        let said = audit.output().map_err(|why| why.to_string())?;
        let text = String::from_utf8_lossy(&said.stdout).into_owned();
        let audited: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        if !said.status.success() || !text.contains(&size.to_string()) {
            return Err(format!("deedbook audit: {}: {audited}", peers::shown(&audit)));
        }
        let mut read = Command::new(&self.peers.verifylog);
        read.args(["log", "--size", &size.to_string(), "--log"]).arg(log.dir.join(data));
        read.arg("--vkey").arg(log.dir.join("vkey"));
        let said = read.output().map_err(|why| why.to_string())?;
        verifylog_verdict(&String::from_utf8_lossy(&said.stdout), size)?;
        Ok("two cosignatures, read by deedbook audit, x/mod and torchwood".to_owned())
    }
}

/// The witness has one proof, and it holds against the log's key.
fn fork_is_proven(plan: &Plan, dir: &Path) -> Result<String, String> {
    let started = Instant::now();
    let file = dir.join("log.fork-proof");
    while plan.write_fork(&file).is_err() {
        if started.elapsed() > PATIENCE {
            return Err("the witness has kept no proof of it".to_owned());
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    let mut verify = Command::new(&plan.binary);
    verify.args(["verify", "fork-proof"]).arg(&file).arg("--vkey-file").arg(dir.join("vkey"));
    let said = verify.output().map_err(|why| why.to_string())?;
    let words = String::from_utf8_lossy(&said.stdout).into_owned();
    if said.status.success() && words.contains("signed BOTH") {
        Ok("refused, and the fork is proven by the witness's file and the log's key".to_owned())
    } else {
        Err(format!("the fork proof does not hold: {words}"))
    }
}

/// Tessera's log and what belongs to it.
struct Log {
    dir: PathBuf,
    binary: PathBuf,
}

impl Log {
    /// One file for Tessera, which looks at the witnesses, and for `deedbook audit`, which looks at the log too.
    fn write_policy(&self, vkey: &str, running: &[Witness; 2]) -> Result<(), InteropError> {
        let [one, two] =
            running.each_ref().map(|witness| format!("{} http://{}", witness.vkey, witness.address));
        let policy = format!(
            "log {vkey}\nwitness one {one}\nwitness two {two}\ngroup both all one two\nquorum both\n"
        );
        std::fs::write(self.dir.join("policy"), policy)
            .map_err(|why| InteropError::Io("write the policy", why))
    }

    /// The size in the published checkpoint, if there is one.
    fn published(&self, data: &str) -> Option<u64> {
        let text = std::fs::read_to_string(self.dir.join(data).join("checkpoint")).ok()?;
        text.lines().nth(1)?.parse().ok()
    }
}

fn start(plans: &[Plan; 2], ports: [u16; 2]) -> Result<[Witness; 2], ContenderError> {
    Ok([plans[0].start(ports[0])?, plans[1].start(ports[1])?])
}

fn stop(witness: Witness) -> Result<(), InteropError> {
    witness.stop().map_err(|why| InteropError::Io("stop a witness", why))
}

/// Stops both and starts them where they were.
fn restart(plans: &[Plan; 2], running: [Witness; 2], ports: [u16; 2]) -> Result<[Witness; 2], InteropError> {
    running.into_iter().try_for_each(stop)?;
    Ok(start(plans, ports)?)
}
