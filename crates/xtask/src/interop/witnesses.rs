//! Our log asks witnesses in Go: through sizes where tiles begin and end, refreshes, restarts of each side, and memories that
//! were put back or are ahead. Both have to cosign, and the public log is held until they have; so each check is that a
//! size is published, and that the note satisfies the policy by our own reading of it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tlog::policy::{Policy, VerifiedCheckpoint};

use super::go_witnesses::{GoWitness, Which};
use super::{Check, InteropError, read_key, say_check};
use crate::background::Background;
use crate::contender::Contender;
use crate::fill::{self, Acks};
use crate::loopback::{self, Connection};

const SIZES: [u64; 8] = [0, 1, 2, 255, 256, 257, 511, 513];
const PATIENCE: Duration = Duration::from_secs(30);
const REFRESH_SECONDS: u64 = 2;

/// The log and its witnesses.
struct Suite<'a> {
    binary: &'a Path,
    dir: &'a Path,
    policy: Policy,
    witnesses: [GoWitness; 2],
    address: SocketAddr,
    serving: Option<Background>,
    acks: Acks,
    checks: Vec<Check>,
}

/// Runs all checks, and prints them as they are done.
pub(super) fn run(binary: &Path, bin: &Path, dir: &Path) -> Result<Vec<Check>, InteropError> {
    // The log begins before it asks anybody: its key is in the policy.
    let log = Contender::Deedbook(binary.to_owned()).start(dir)?;
    let vkey = read_key(&log.vkey)?;
    drop(log);
    let start = |which| GoWitness::start(which, bin, dir, &vkey);
    let witnesses = [start(Which::Lite)?, start(Which::Omni)?];
    let lines: String = witnesses.iter().map(GoWitness::line).collect::<Vec<_>>().concat();
    let text = format!("log {vkey}\n{lines}group both all litewitness omniwitness\nquorum both\n");
    std::fs::write(dir.join("policy"), &text).map_err(|why| InteropError::Io("write the policy", why))?;
    let policy = Policy::parse(text.as_bytes()).map_err(|why| InteropError::Policy(why.to_string()))?;
    let port = loopback::free_port().map_err(|why| InteropError::Io("find a free port", why))?;
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let (acks, checks) = (Acks::new(), vec![]);
    let mut suite = Suite { binary, dir, policy, witnesses, address, serving: None, acks, checks };
    suite.serve()?;
    suite.all()?;
    Ok(suite.checks)
}

impl Suite<'_> {
    fn all(&mut self) -> Result<(), InteropError> {
        for size in SIZES {
            self.grow_to(size)?;
            self.check("cosigned by both", size);
        }
        self.refresh();
        for place in 0..2 {
            self.without(place)?;
        }
        for end in [End::Stop, End::Kill] {
            self.restart_log(end)?;
        }
        self.put_back()?;
        self.ahead()
    }

    fn serve(&mut self) -> Result<(), InteropError> {
        let mut command = Command::new(self.binary);
        command.args(["serve", "--open", "--kind", "raw", "--listen", &self.address.to_string()]);
        command.args(["--when-unwitnessed", "hold", "--witness-refresh", &REFRESH_SECONDS.to_string()]);
        command.arg("--data").arg(self.dir.join("log")).arg("--policy").arg(self.dir.join("policy"));
        let process = Background::start(&command, self.dir.join("serve.log"));
        let mut process = process.map_err(|why| InteropError::Io("start the log", why))?;
        let deadline = Instant::now() + PATIENCE;
        while Connection::open(self.address).is_err() {
            if Instant::now() > deadline || !process.runs() {
                return Err(InteropError::Witness { who: "deedbook", words: process.last_words() });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.serving = Some(process);
        Ok(())
    }

    /// Fills the log up to this size; its entries are durable then, and may not be published.
    fn grow_to(&mut self, size: u64) -> Result<(), InteropError> {
        let have = self.acks.len() as u64;
        Ok(fill::fill(self.address, have, size, 16, &mut self.acks)?)
    }

    fn size(&self) -> u64 {
        self.acks.len() as u64
    }

    /// What is published, if it satisfies the policy.
    fn published(&self) -> Result<VerifiedCheckpoint, String> {
        let mut connection = Connection::open(self.address).map_err(|why| why.to_string())?;
        let answer = connection.get("/checkpoint").map_err(|why| why.to_string())?;
        self.policy.verify(answer.body).map_err(|why| why.to_string())
    }

    /// Waits until what is published is as it should be; what it was last, if it never is.
    fn until(&self, good: impl Fn(&VerifiedCheckpoint) -> bool) -> Result<VerifiedCheckpoint, String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let seen = match self.published() {
                Ok(checkpoint) if good(&checkpoint) => return Ok(checkpoint),
                Ok(checkpoint) => format!("size {}", checkpoint.signed().size()),
                Err(why) => why,
            };
            if Instant::now() > deadline {
                return Err(format!("{seen} is published for {} s", PATIENCE.as_secs()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Notes that this size gets published, with both cosignatures.
    fn check(&mut self, what: &'static str, size: u64) {
        let started = Instant::now();
        let verdict = self.until(|checkpoint| checkpoint.signed().size() == size);
        self.note(
            what,
            verdict.map(|checkpoint| format!("{} cosignatures", checkpoint.witnesses().len())),
            started,
        );
    }

    fn note(&mut self, what: &'static str, verdict: Result<String, String>, started: Instant) {
        let check =
            Check { size: self.size(), tool: what, verdict, seconds: started.elapsed().as_secs_f64() };
        say_check(&check);
        self.checks.push(check);
    }

    /// A quiet log is cosigned anew by both.
    fn refresh(&mut self) {
        let started = Instant::now();
        let times = |checkpoint: &VerifiedCheckpoint| -> Vec<u64> {
            checkpoint.witnesses().iter().map(|witness| witness.time().seconds()).collect()
        };
        let verdict = self.published().and_then(|before| {
            let later = |now: &VerifiedCheckpoint| {
                times(now).iter().zip(times(&before)).all(|(now, before)| *now > before)
            };
            self.until(later).map(|_| "both times moved".to_owned())
        });
        self.note("refresh", verdict, started);
    }

    /// While one is down the public log is held; it catches up when that one is back.
    fn without(&mut self, place: usize) -> Result<(), InteropError> {
        let (down, back) = match self.witnesses[place].which() {
            Which::Lite => ("held without litewitness", "litewitness is back"),
            Which::Omni => ("held without omniwitness", "omniwitness is back"),
        };
        let held = self.size();
        self.witnesses[place].down();
        let started = Instant::now();
        self.grow_to(held + 40)?;
        std::thread::sleep(Duration::from_secs(3));
        let shown = self.published().map(|checkpoint| checkpoint.signed().size());
        let verdict = match shown {
            Ok(size) if size == held => Ok(format!("size {held} is published")),
            Ok(size) => Err(format!("size {size} is published, not {held}")),
            Err(why) => Err(why),
        };
        self.note(down, verdict, started);
        self.witnesses[place].up()?;
        self.check(back, held + 40);
        Ok(())
    }

    fn restart_log(&mut self, end: End) -> Result<(), InteropError> {
        if let Some(mut serving) = self.serving.take().filter(|_| end == End::Stop) {
            serving.terminate().map_err(|why| InteropError::Io("stop the log", why))?;
            serving.wait(PATIENCE).map_err(|why| InteropError::Io("stop the log", why))?;
        }
        self.serve()?;
        let what = if end == End::Stop { "the log was stopped" } else { "the log was killed" };
        self.grow_to(self.size() + 300)?;
        self.check(what, self.size());
        Ok(())
    }

    /// litewitness is put back to an older memory: its 409 tells, and a proof from there brings it up.
    fn put_back(&mut self) -> Result<(), InteropError> {
        self.witnesses[0].down();
        let (kept, memory) = (self.dir.join("kept"), self.memory());
        let copy = |from: &Path, to: &Path| {
            std::fs::copy(from, to).map_err(|why| InteropError::Io("copy a witness's memory", why))
        };
        // What SQLite has not merged into the file yet goes there first.
        self.witnesses[0].sql("pragma wal_checkpoint(truncate);")?;
        copy(&memory, &kept)?;
        self.witnesses[0].up()?;
        self.grow_to(self.size() + 100)?;
        self.check("before it is put back", self.size());
        self.witnesses[0].down();
        self.witnesses[0].sql("pragma wal_checkpoint(truncate);")?;
        copy(&kept, &memory)?;
        self.witnesses[0].up()?;
        self.grow_to(self.size() + 100)?;
        self.check("litewitness was put back", self.size());
        Ok(())
    }

    /// litewitness claims more than there is: there is no quorum without it, so the log signs nothing any more.
    fn ahead(&mut self) -> Result<(), InteropError> {
        let started = Instant::now();
        self.witnesses[0].sql("update log set tree_size = 1000000;")?;
        self.grow_to(self.size() + 1)?;
        let deadline = Instant::now() + PATIENCE;
        let verdict = loop {
            let ready = Connection::open(self.address).and_then(|mut connection| connection.get("/readyz"));
            match ready {
                Ok(ready) if ready.status == 503 && ready.body.contains("cosigned 1000000") => {
                    break Ok("the log is read-only".to_owned());
                }
                Ok(ready) if Instant::now() > deadline => break Err(ready.body),
                Err(why) if Instant::now() > deadline => break Err(why.to_string()),
                _ => std::thread::sleep(Duration::from_millis(50)),
            }
        };
        self.note("litewitness is ahead", verdict, started);
        Ok(())
    }

    fn memory(&self) -> PathBuf {
        self.dir.join("litewitness/db")
    }
}

/// How the log ends before it is started again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Stop,
    Kill,
}
