//! What a log is like once it has grown: copied, audited, opened.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::super::bulk::senders::{Bulk, Senders};
use super::{BenchError, published};
use crate::background::children_cpu;
use crate::contender::{Contender, Running};
use crate::loopback::Connection;
use crate::peers::shown;

/// How long a server may take to stop, or to be ready.
const PATIENCE: Duration = Duration::from_mins(2);

/// For how long the server is under load when it is killed.
const UNTIL_KILLED: Duration = Duration::from_secs(3);

/// Copies the log, audits the copy, stops the server, kills it under load; what each took, as a table.
pub(super) fn run(
    contender: &Contender,
    binary: &Path,
    mut running: Running,
    dir: &Path,
    size: u64,
) -> Result<String, BenchError> {
    let mut table = format!("\n| at {size} entries | took | |\n|---|---:|---|\n");
    let mut line = |what: &str, took: Duration, remark: &str| {
        let _ = writeln!(table, "| {what} | {:.2} s | {remark} |", took.as_secs_f64());
    };
    published(&running, size)?;
    let (data, copy) = (dir.join("log"), dir.join("copy"));
    let mut backup = Command::new(binary);
    backup.args(["backup", "--url", &running.base()]).arg("--data").arg(&data).arg(&copy);
    let (took, cpu) = timed(&backup)?;
    let rate = size as f64 / took.as_secs_f64();
    line("backup, proven", took, &format!("{rate:.0} entries/s, {cpu:.1} s of CPU on the copier's side"));

    let mut audit = Command::new(binary);
    audit.arg("audit").arg(copy.join("public")).arg("--vkey-file").arg(&running.vkey);
    let (took, cpu) = timed(&audit)?;
    let rate = size as f64 / cpu.max(0.01);
    line("full audit of the copy", took, &format!("{rate:.0} entries for each second of CPU ({cpu:.1} s)"));
    std::fs::remove_dir_all(&copy).map_err(|why| BenchError::Io("remove the copy".into(), why))?;

    let stopping = Instant::now();
    let stopped = running.process.terminate().and_then(|()| running.process.wait(PATIENCE));
    stopped.map_err(|why| BenchError::Io("stop the server".into(), why))?;
    line("stop (SIGTERM)", stopping.elapsed(), "");
    drop(running);
    let (running, took) = open(contender, dir)?;
    line("open after a stop, until ready", took, "");
    kill_under_load(running);
    let (_running, took) = open(contender, dir)?;
    line("open after kill -9 under load, until ready", took, "");
    Ok(table)
}

/// Starts the server on what is there, until it says that it takes entries.
fn open(contender: &Contender, dir: &Path) -> Result<(Running, Duration), BenchError> {
    let started = Instant::now();
    let running = contender.start(dir)?;
    while started.elapsed() < PATIENCE {
        let ready = Connection::open(running.address).and_then(|mut connection| connection.get("/readyz"));
        if ready.is_ok_and(|answer| answer.status == 200) {
            return Ok((running, started.elapsed()));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let why = format!("not ready; it said last:\n{}", running.process.last_words());
    Err(BenchError::Load { load: "growth".into(), who: contender.to_string(), why })
}

/// A server that is dropped is killed, here in the middle of its work.
fn kill_under_load(running: Running) {
    let senders =
        Senders::start(running.address, Bulk { connections: 4, per_request: 1_000, most: u64::MAX });
    std::thread::sleep(UNTIL_KILLED);
    drop(running);
    // Each sender ends with a broken connection, as it should.
    let _ = senders.finish();
}

/// Runs a command to its end: how long it took, and its CPU seconds.
fn timed(command: &Command) -> Result<(Duration, f64), BenchError> {
    let failed = |why| BenchError::Io(format!("run `{}`", shown(command)), why);
    let (started, before) = (Instant::now(), children_cpu().unwrap_or_default());
    let output = Command::new(command.get_program()).args(command.get_args()).output().map_err(failed)?;
    let (took, cpu) = (started.elapsed(), children_cpu().unwrap_or_default() - before);
    if output.status.success() {
        return Ok((took, cpu));
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(BenchError::Build(format!("{}`: `{said}", shown(command))))
}
