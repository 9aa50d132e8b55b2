//! `deedbook record`: records from a file into a log, and a receipt for each beside the file.

use std::collections::{BTreeSet, HashMap};
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ::record::{Framing, Handed, RecordKey, split};
use bytes::Bytes;
use client::http::Http;
use client::submit::{LogInfo, Outcome, SubmitError, Submitter, Wait, batch_len};
use client::{HttpOptions, Receipt, Source};
use serde::Serialize;
use tlog::policy::Policy;

use crate::cli::{Failure, Verdict, read_input};
use crate::print::{self, Printer, Table, count, things};
use crate::progress::Bar;
use crate::trust::{HttpArgs, TrustArgs, log_only};

/// Refusals that are shown.
const SHOWN_MAX: usize = 20;
/// A log waits so long for its publication and its witnesses, and then says so: that is on top of what an answer may take.
const LOG_WAITS: Duration = server::limits::PUBLISH_WAIT_MAX;

/// Put records into a log, wait for their receipts, and keep these beside the input
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    deedbook record calls.ndjson --url https://log.example.org/agents --vkey-file log.vkey\n  \
    jq -c .calls[] trace.json | deedbook record - --url http://127.0.0.1:2026 --receipts trace.receipts.ndjson\n\n\
    Run again with the same file it goes on where it stopped; records that have a valid receipt are not sent again.\n\
    Check the receipts any time later, offline: deedbook verify FILE.receipts.ndjson --records FILE --vkey-file …")]
pub(crate) struct Args {
    /// A JSON object, a JSON array, or NDJSON; - for standard input
    file: PathBuf,
    /// URL prefix of the log
    #[arg(long, value_name = "URL", env = "DEEDBOOK_URL")]
    url: String,
    #[command(flatten)]
    trust: TrustArgs,
    /// Where the receipts go [default: FILE.receipts.ndjson]
    #[arg(long, value_name = "FILE")]
    receipts: Option<PathBuf>,
    /// Wait until the records are under the public checkpoint, rather than durable and signed
    #[arg(long)]
    published: bool,
    /// Wait until enough witnesses have cosigned for the log's own policy; so it is where --policy has a quorum
    #[arg(long, conflicts_with = "published")]
    witnessed: bool,
    #[command(flatten)]
    http: HttpArgs,
}

#[derive(Debug, Default, Serialize)]
struct Recorded {
    /// Records in the input.
    records: u64,
    /// Records that had a valid receipt from before.
    before: u64,
    /// Records that are in the log now.
    logged: u64,
    /// Of these, records that had been in the log already.
    duplicates: u64,
    /// Records that the log refuses.
    rejected: Vec<Rejected>,
    /// Where the receipts are.
    receipts: PathBuf,
    /// The log's name.
    log: String,
    /// First and last index.
    indexes: Option<(u64, u64)>,
}

#[derive(Debug, Serialize)]
struct Rejected {
    /// Position in the input, from 1.
    record: u64,
    id: String,
    why: String,
}

pub(crate) async fn run(args: Args, printer: Printer) -> Result<Verdict, Failure> {
    let path = args.receipts_path()?;
    let name = args.file.display();
    let records = read_records(&read_input(&args.file)?.into())
        .map_err(|why| Failure::could_not_tell(format!("{name}: {why}")))?;
    let submitter = args.submitter().await?;
    let mut file = ReceiptsFile::open(&path, &records, &submitter.policy)?;
    let todo: Vec<_> = (1_u64..).zip(&records).filter(|(_, record)| !file.has(record)).collect();
    let mut result = Recorded {
        records: records.len() as u64,
        before: (records.len() - todo.len()) as u64,
        receipts: path,
        log: names(&submitter.policy),
        ..Recorded::default()
    };
    let bar = Bar::new(printer, "records");
    let sent = submit_all(&submitter, &todo, &mut file, &mut result, &bar).await;
    bar.finish();
    let kept = file.finish();
    sent?;
    kept?;
    let verdict = if result.rejected.is_empty() { Verdict::Holds } else { Verdict::DoesNotHold };
    printer.result(verdict, &result.headline(), &result.table(), &result);
    Ok(verdict)
}

impl Args {
    fn receipts_path(&self) -> Result<PathBuf, Failure> {
        match &self.receipts {
            Some(path) => Ok(path.clone()),
            None if self.file.as_os_str() == "-" => {
                Err(Failure::could_not_tell("where should the receipts go? name a file with --receipts"))
            }
            None => {
                let mut name = self.file.clone().into_os_string();
                name.push(".receipts.ndjson");
                Ok(name.into())
            }
        }
    }

    async fn submitter(&self) -> Result<Submitter, Failure> {
        let given = self.trust.policy()?;
        let wait = match &given {
            // No other receipt satisfies a policy with a quorum.
            Some(policy) if !policy.satisfied_by(|_| false) => Wait::Witnessed,
            _ if self.witnessed => Wait::Witnessed,
            _ if self.published => Wait::Published,
            _ => Wait::Durable,
        };
        let http = Http::new(&self.url, &self.http_options(wait)?).map_err(Failure::could_not_tell)?;
        let policy = match given {
            Some(policy) => self.trust.follow(policy, &Source::Http(http.clone())).await?,
            None => ask_for_key(&http).await?,
        };
        Ok(Submitter { http, policy, wait })
    }

    /// A log that waits answers later than others.
    fn http_options(&self, wait: Wait) -> Result<HttpOptions, Failure> {
        let mut options = self.http.options()?;
        if wait != Wait::Durable {
            options.timeout += LOG_WAITS;
        }
        Ok(options)
    }
}

/// Names of the logs that are believed, each once though it has several keys.
fn names(policy: &Policy) -> String {
    let names: BTreeSet<_> = policy.logs().iter().map(|log| log.key.name().as_str()).collect();
    names.into_iter().collect::<Vec<_>>().join(", ")
}

/// The log's own word for its key: enough to keep receipts by, not enough to believe them.
async fn ask_for_key(http: &Http) -> Result<Policy, Failure> {
    let info = LogInfo::ask(http).await.map_err(Failure::could_not_tell)?;
    print::remark(&format!(
        "the key was taken from the log itself, which proves nothing: {}\n\
         get it from somebody you trust, and give it with --vkey here and to deedbook verify",
        info.vkey
    ));
    log_only(&info.vkey)
}

async fn submit_all(
    submitter: &Submitter,
    todo: &[(u64, &Handed)],
    file: &mut ReceiptsFile,
    result: &mut Recorded,
    bar: &Bar,
) -> Result<(), Failure> {
    let mut rest = todo;
    while !rest.is_empty() {
        bar.at((todo.len() - rest.len()) as u64, todo.len() as u64);
        let records: Vec<_> = rest.iter().map(|(_, record)| (*record).clone()).take(1_024).collect();
        let (now, later) = rest.split_at(batch_len(&records));
        let outcomes = submitter.submit(&records[..now.len()]).await.map_err(judge)?;
        for ((number, record), outcome) in now.iter().zip(outcomes) {
            result.take(*number, record, &outcome);
            if let Outcome::Logged { receipt, .. } = outcome {
                file.add(&receipt)?;
            }
        }
        file.flush()?;
        rest = later;
    }
    Ok(())
}

/// An answer that does not hold is evidence against the log; everything else could not be told.
fn judge(error: SubmitError) -> Failure {
    match error {
        SubmitError::DoesNotHold { ref receipt, .. } => {
            Failure::does_not_hold(format!("{error}\nthe log's answer was: {}", receipt.to_line()))
        }
        other => Failure::could_not_tell(other),
    }
}

impl Recorded {
    fn take(&mut self, number: u64, record: &Handed, outcome: &Outcome) {
        match outcome {
            Outcome::Logged { receipt, duplicate } => {
                self.logged += 1;
                self.duplicates += u64::from(*duplicate);
                let (first, last) = self.indexes.unwrap_or((receipt.index, receipt.index));
                self.indexes = Some((first.min(receipt.index), last.max(receipt.index)));
            }
            Outcome::Rejected(problem) => self.rejected.push(Rejected {
                record: number,
                id: record.id().to_string(),
                why: problem.to_string(),
            }),
        }
    }

    fn headline(&self) -> String {
        let in_log = self.before + self.logged;
        if self.rejected.is_empty() {
            format!(
                "{} in the log {}, each with a receipt that was verified",
                things(in_log, "record is", "records are"),
                self.log
            )
        } else {
            format!(
                "the log {} refuses {} of {}",
                self.log,
                things(self.rejected.len() as u64, "record", "records"),
                count(self.records)
            )
        }
    }

    fn table(&self) -> Table {
        let mut table =
            Table::default().row("receipts", self.receipts.display()).row("logged", count(self.logged));
        if let Some((first, last)) = self.indexes {
            table = table.row("indexes", format!("{} to {}", count(first), count(last)));
        }
        if self.duplicates > 0 {
            table = table.row(
                "duplicates",
                format!("{} of them had been logged before; the first entry stands", count(self.duplicates)),
            );
        }
        if self.before > 0 {
            table = table
                .row("before", format!("{} had a receipt already", things(self.before, "record", "records")));
        }
        for rejected in self.rejected.iter().take(SHOWN_MAX) {
            table = table
                .row("refused", format!("record {} ({}): {}", rejected.record, rejected.id, rejected.why));
        }
        table
    }
}

/// Reads records: one object, an array, or one a line.
pub(crate) fn read_records(bytes: &Bytes) -> Result<Vec<Handed>, String> {
    let start = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    let framing = match start {
        None => return Err("there is no record in it".to_owned()),
        Some(b'[') => Framing::Array,
        Some(_) if serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok() => Framing::Object,
        Some(_) => Framing::Ndjson,
    };
    let ranges = split(bytes, framing, usize::MAX).map_err(|refusal| refusal.to_string())?;
    let parse = |(number, range): (u64, std::ops::Range<usize>)| {
        Handed::parse(&bytes.slice(range)).map_err(|refusal| format!("record {number}: {refusal}"))
    };
    (1..).zip(ranges).map(parse).collect()
}

/// The receipts beside the input: read back, then written on.
struct ReceiptsFile {
    path: PathBuf,
    file: std::io::BufWriter<File>,
    /// Digests of records that have a valid receipt.
    have: HashMap<RecordKey, [u8; 32]>,
}

impl ReceiptsFile {
    /// Opens the file, keeps the receipts that verify, and cuts off a line that was not finished.
    fn open(path: &Path, records: &[Handed], policy: &Policy) -> Result<Self, Failure> {
        let failed = |error| Failure::could_not_tell(format!("{}: {error}", path.display()));
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(failed)?;
        let mut by_id: HashMap<String, Vec<&Handed>> = HashMap::new();
        records.iter().for_each(|record| by_id.entry(record.id().to_string()).or_default().push(record));
        let (mut have, mut whole, mut line) = (HashMap::new(), 0, String::new());
        let mut reader = BufReader::new(&mut file);
        while reader.read_line(&mut line).map_err(failed)? > 0 && line.ends_with('\n') {
            let known = Receipt::parse(line.trim_end()).map_err(|error| {
                Failure::could_not_tell(format!(
                    "{}: {error}; move the file away, or name another",
                    path.display()
                ))
            })?;
            for record in by_id.get(&known.id).into_iter().flatten() {
                if known.verify(record, policy).is_ok() {
                    have.insert(record.key(), record.digest());
                }
            }
            whole += line.len() as u64;
            line.clear();
        }
        file.set_len(whole).map_err(failed)?;
        file.seek(std::io::SeekFrom::End(0)).map_err(failed)?;
        Ok(Self { path: path.to_owned(), file: std::io::BufWriter::new(file), have })
    }

    fn has(&self, record: &Handed) -> bool {
        self.have.get(&record.key()) == Some(&record.digest())
    }

    fn add(&mut self, receipt: &Receipt) -> Result<(), Failure> {
        let written = writeln!(self.file, "{}", receipt.to_line());
        written.map_err(|error| self.failed(&error))
    }

    fn flush(&mut self) -> Result<(), Failure> {
        let flushed = self.file.flush();
        flushed.map_err(|error| self.failed(&error))
    }

    /// Makes the receipts durable.
    fn finish(mut self) -> Result<(), Failure> {
        self.flush()?;
        let synced = self.file.get_ref().sync_all();
        synced.map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &std::io::Error) -> Failure {
        Failure::could_not_tell(format!("{}: {error}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::Typed;

    const ONE: &str =
        r#"{"id":"0198f0c2-7d1e-7c3a-9a54-1f2f6f1f9b10","time":"2026-11-23T08:14:03.118Z","type":"t"}"#;

    #[test]
    fn records_come_as_an_object_an_array_or_lines() {
        let two = ONE.replace("9b10", "9b11");
        for (form, text, want) in [
            ("an object", ONE.to_owned(), 1),
            ("an object over several lines", ONE.replace(',', ",\n"), 1),
            ("an array", format!(" [{ONE},\n{two}]\n"), 2),
            ("lines", format!("{ONE}\n\n{two}\n"), 2),
        ] {
            assert_eq!(read_records(&text.into()).map(|records| records.len()), Ok(want), "{form}");
        }
    }

    #[test]
    fn a_log_that_waits_is_waited_for_longer() {
        let typed = ["record", "-", "--url", "http://log.test", "--timeout", "7"];
        let args = Typed::<Args>::try_parse_from(typed).unwrap().args;
        let seconds = |wait| args.http_options(wait).unwrap().timeout.as_secs();
        let log_waits = server::limits::PUBLISH_WAIT_MAX.as_secs();
        assert_eq!(seconds(Wait::Durable), 7);
        assert_eq!([Wait::Published, Wait::Witnessed].map(seconds), [7 + log_waits; 2]);
    }

    #[test]
    fn what_is_no_record_is_named_with_its_place() {
        for (form, text, want) in [
            ("nothing", " \n".to_owned(), "there is no record"),
            ("a bad line", format!("{ONE}\n{{\"id\":1}}\n"), "record 2:"),
            ("a bad element", format!("[{ONE},3]"), "record 2:"),
            ("not JSON", "hello".to_owned(), "record 1:"),
        ] {
            let why = read_records(&text.into()).unwrap_err();
            assert!(why.contains(want), "{form}: {why}");
        }
    }
}
