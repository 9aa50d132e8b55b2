//! `deedbook verify`: evidence files and receipts checked offline, by anybody who has a key, and for receipts the record.

mod fork;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use ::evidence::Evidence;
use ::record::{Handed, Salts};
use client::Receipt;
use client::receipt::entry_of;
use serde::Serialize;
use tlog::Hash;
use tlog::policy::{Policy, VerifiedCheckpoint};
use tlog::tlog_proof::TlogProof;

use crate::cli::{Failure, Verdict, read_input};
use crate::evidence::told;
use crate::print::{Printer, Table, count, things};
use crate::record::read_records;
use crate::trust::TrustArgs;

/// Findings that are shown.
const SHOWN_MAX: usize = 20;

/// Check offline what an evidence file says, or that an entry or every record of a file is in a log
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(after_help = "Examples:\n  \
    deedbook verify s-71c2.evidence.json --policy policy.txt --report s-71c2.html\n  \
    deedbook verify calls.ndjson.receipts.ndjson --records calls.ndjson --vkey-file log.vkey\n  \
    deedbook verify 300.tlog-proof --entry 300.bin --policy policy.txt\n  \
    deedbook verify 7.tlog-proof --record call.json --log-part '{\"agent\":…}' --vkey-file log.vkey\n  \
    deedbook verify fork-proof log.fork-proof\n\n\
    Of an evidence file three kinds of sentences are said: what holds, what does not, and what it cannot tell. Findings in\n\
    its records do not change the exit code: evidence of something wrong is good evidence. 0: all that was checked holds;\n\
    1: something does not; 2: something is missing to tell, such as the log's key.")]
pub(crate) struct Args {
    #[command(subcommand)]
    what: Option<What>,
    /// An evidence file, a C2SP tlog-proof, a file of receipts as `deedbook record` writes it, or a fork proof
    #[arg(value_name = "FILE", required = true)]
    receipt: Option<PathBuf>,
    /// The entry, byte for byte as it is in the log
    #[arg(long, value_name = "FILE", conflicts_with_all = ["record", "log_part"])]
    entry: Option<PathBuf>,
    /// The record that was submitted, or all of them (JSON or NDJSON)
    #[arg(long, visible_alias = "records", value_name = "FILE")]
    record: Option<PathBuf>,
    /// What the log added to the record: a file, or the JSON itself (receipts from `deedbook record` carry it)
    #[arg(long, value_name = "JSON|FILE", requires = "record")]
    log_part: Option<String>,
    /// A page for people about an evidence file goes here
    #[arg(long, value_name = "FILE.html", conflicts_with_all = ["entry", "record"])]
    report: Option<PathBuf>,
    #[command(flatten)]
    trust: TrustArgs,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    ForkProof(fork::Args),
}

pub(crate) fn run(args: &Args, printer: Printer) -> Result<Verdict, Failure> {
    if let Some(What::ForkProof(args)) = &args.what {
        return fork::run(args, printer);
    }
    let receipt = read_input(args.file())?;
    if Evidence::is_one(&receipt) {
        let (policy, page) = (args.trust.policy()?, args.report.as_deref());
        return told::check(args.file(), &receipt, policy.as_ref(), page, printer);
    }
    if fork::is_one(&receipt) {
        return fork::check(args.file(), &receipt, args.trust.policy()?.as_ref(), printer);
    }
    let policy = args.trust.required()?;
    if args.report.is_some() {
        return Err(Failure::could_not_tell("there is a page for evidence files only (deedbook evidence)"));
    }
    if receipt.starts_with(b"{") {
        return many(&receipt, args, &policy, printer);
    }
    one(receipt, args, &policy, printer)
}

/// One tlog-proof and one entry.
fn one(proof: Vec<u8>, args: &Args, policy: &Policy, printer: Printer) -> Result<Verdict, Failure> {
    let leaf = Hash::leaf(&args.entry_bytes()?);
    let proof = TlogProof::parse(proof)
        .map_err(|error| Failure::does_not_hold(format!("{}: {error}", args.file().display())))?;
    let checkpoint = policy.verify(proof.checkpoint().clone());
    let shown = proof.verify(leaf, policy);
    let result = OneResult {
        index: proof.index(),
        leaf_hash: leaf.to_string(),
        checkpoint: checkpoint.as_ref().ok().map(Signed::of),
        problem: shown.as_ref().err().map(ToString::to_string),
    };
    let table = Table::default().row("index", count(proof.index())).row("leaf hash", leaf);
    let table = match (&checkpoint, &shown) {
        (Ok(checkpoint), Ok(_)) => {
            signed_rows(table, checkpoint).row("inclusion", "the proof leads from the entry to this root")
        }
        (Ok(checkpoint), Err(error)) => {
            signed_rows(table, checkpoint).row("inclusion", format!("DOES NOT HOLD: {error}"))
        }
        (Err(error), _) => table.row("checkpoint", format!("DOES NOT HOLD: {error}")),
    };
    let (verdict, headline) = match shown {
        Ok(shown) => {
            let origin = shown.checkpoint().signed().origin();
            (Verdict::Holds, format!("the entry is in the log {origin} at index {}", count(proof.index())))
        }
        Err(_) => (Verdict::DoesNotHold, "nothing shows that this entry is in the log".to_owned()),
    };
    printer.result(verdict, &headline, &table, &result);
    Ok(verdict)
}

impl Args {
    /// The file that is checked, which must be named where there is no subcommand.
    fn file(&self) -> &Path {
        self.receipt.as_deref().unwrap_or(Path::new("-"))
    }

    /// The bytes that the tree hashes.
    fn entry_bytes(&self) -> Result<Vec<u8>, Failure> {
        if let Some(path) = &self.entry {
            return read_input(path);
        }
        let (Some(path), Some(log)) = (&self.record, &self.log_part) else {
            return Err(Failure::could_not_tell(
                "a tlog-proof does not hold the entry: give it with --entry, or as --record and --log-part",
            ));
        };
        let record = Handed::parse(&read_input(path)?.into())
            .map_err(|refusal| Failure::could_not_tell(format!("{}: {refusal}", path.display())))?;
        let log = if log.trim_start().starts_with('{') {
            log.clone().into_bytes()
        } else {
            read_input(log.as_ref())?
        };
        let log = serde_json::from_slice(&log)
            .map_err(|error| Failure::could_not_tell(format!("the log part: {error}")))?;
        let entry = entry_of(&record, &log, &Salts::NONE).map_err(Failure::does_not_hold)?;
        Ok(entry.into_bytes().into())
    }
}

/// A file of receipts and the records they are for.
fn many(receipts: &[u8], args: &Args, policy: &Policy, printer: Printer) -> Result<Verdict, Failure> {
    let Some(path) = &args.record else {
        return Err(Failure::could_not_tell("receipts do not hold the records: give them with --records"));
    };
    let records = read_records(&read_input(path)?.into())
        .map_err(|why| Failure::could_not_tell(format!("{}: {why}", path.display())))?;
    // Two producers may use one id; the same record twice is one record.
    let mut unproven: Unproven<'_> = HashMap::new();
    for record in &records {
        let same_id = unproven.entry(record.id().to_string()).or_default();
        if !same_id.contains(&record) {
            same_id.push(record);
        }
    }
    let mut result = ManyResult::default();
    for (number, line) in (1..).zip(String::from_utf8_lossy(receipts).lines()) {
        match check_line(line, &mut unproven, policy) {
            Ok(Some(checkpoint)) => {
                result.verified += 1;
                result.see(&checkpoint);
            }
            Ok(None) => result.without_record += 1,
            Err(why) => result.wrong.push(format!("line {number}: {why}")),
        }
    }
    result.without_receipt = unproven.values().map(|records| records.len() as u64).sum();
    let verdict = result.verdict();
    printer.result(verdict, &result.headline(), &result.table(), &result);
    Ok(verdict)
}

/// Records by id that no receipt was found for yet.
type Unproven<'a> = HashMap<String, Vec<&'a Handed>>;

/// Verifies one receipt; `None` if its record is not at hand.
fn check_line(
    line: &str,
    unproven: &mut Unproven<'_>,
    policy: &Policy,
) -> Result<Option<VerifiedCheckpoint>, String> {
    let receipt = Receipt::parse(line).map_err(|error| error.to_string())?;
    let Some(records) = unproven.get_mut(&receipt.id) else { return Ok(None) };
    let mut why = None;
    for (at, record) in records.iter().enumerate() {
        match receipt.verify(record, policy) {
            Ok(verified) => {
                records.remove(at);
                return Ok(Some(verified.checkpoint().clone()));
            }
            Err(error) => why = Some(format!("record {}: {error}", receipt.id)),
        }
    }
    why.map_or(Ok(None), Err)
}

/// POSIX seconds as people write them.
fn clock_time(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    time.map_or_else(|| seconds.to_string(), |time| time.to_string())
}

/// A checkpoint that satisfied the policy.
#[derive(Debug, Serialize)]
struct Signed {
    origin: String,
    size: u64,
    root: String,
    key: String,
    witnesses: Vec<String>,
}

impl Signed {
    fn of(checkpoint: &VerifiedCheckpoint) -> Self {
        Self {
            origin: checkpoint.signed().origin().to_string(),
            size: checkpoint.signed().size(),
            root: checkpoint.signed().root().to_string(),
            key: checkpoint.log_key().to_string(),
            witnesses: checkpoint
                .witnesses()
                .iter()
                .map(|witness| {
                    format!("{} at {}", witness.key().name(), clock_time(witness.time().seconds()))
                })
                .collect(),
        }
    }
}

impl Signed {
    /// Who cosigned it, in words.
    fn witnesses(&self) -> String {
        if self.witnesses.is_empty() {
            "none asked for: the log's word alone".to_owned()
        } else {
            self.witnesses.join("\n")
        }
    }
}

fn signed_rows(table: Table, checkpoint: &VerifiedCheckpoint) -> Table {
    let signed = Signed::of(checkpoint);
    let witnesses = signed.witnesses();
    table
        .row("log", signed.origin)
        .row("size", count(signed.size))
        .row("root", signed.root)
        .row("signed by", signed.key)
        .row("witnesses", witnesses)
}

#[derive(Debug, Serialize)]
struct OneResult {
    index: u64,
    leaf_hash: String,
    checkpoint: Option<Signed>,
    problem: Option<String>,
}

#[derive(Debug, Default, Serialize)]
struct ManyResult {
    /// Receipts that hold, each for a record that is at hand.
    verified: u64,
    /// Receipts that do not hold.
    wrong: Vec<String>,
    /// Records that no receipt is for.
    without_receipt: u64,
    /// Receipts whose record is not at hand.
    without_record: u64,
    /// The largest checkpoint among the receipts.
    checkpoint: Option<Signed>,
}

impl ManyResult {
    fn see(&mut self, checkpoint: &VerifiedCheckpoint) {
        if self.checkpoint.as_ref().is_none_or(|largest| largest.size < checkpoint.signed().size()) {
            self.checkpoint = Some(Signed::of(checkpoint));
        }
    }

    fn verdict(&self) -> Verdict {
        if !self.wrong.is_empty() {
            Verdict::DoesNotHold
        } else if self.without_receipt > 0 || self.without_record > 0 || self.verified == 0 {
            Verdict::CouldNotTell
        } else {
            Verdict::Holds
        }
    }

    fn headline(&self) -> String {
        let verified = things(self.verified, "record is", "records are");
        match self.verdict() {
            Verdict::Holds => format!("{verified} in the log, each as it stands in the file"),
            Verdict::DoesNotHold => {
                format!("{} of {} receipts", self.wrong.len(), self.verified + self.wrong.len() as u64)
            }
            Verdict::CouldNotTell => format!("{verified} in the log; of others this file says nothing"),
        }
    }

    fn table(&self) -> Table {
        let mut table = Table::default().row("verified", things(self.verified, "receipt", "receipts"));
        if let Some(signed) = &self.checkpoint {
            table = table
                .row("log", &signed.origin)
                .row("under", format!("checkpoints up to size {}", count(signed.size)));
            table = table.row("signed by", &signed.key).row("witnesses", signed.witnesses());
        }
        for wrong in self.wrong.iter().take(SHOWN_MAX) {
            table = table.row("wrong", wrong);
        }
        if self.without_receipt > 0 {
            table = table.row("no receipt", things(self.without_receipt, "record", "records"));
        }
        if self.without_record > 0 {
            table = table.row("no record", things(self.without_record, "receipt", "receipts"));
        }
        table
    }
}
