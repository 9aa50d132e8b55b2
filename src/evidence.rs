//! `deedbook evidence`: one file that answers a question about a log and outlives it.

mod by_log;
mod contents;
mod keys;
pub(crate) mod told;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ::evidence::{
    About, Class, Evidence, Gathered, Gathering, LogKey, Made, Material, Question, Range, Report, Show,
    TooMany, Verified, html,
};
use ::record::Sd;
use client::{Source, follow};
use futures::{StreamExt as _, TryStreamExt as _};
use serde::Serialize;
use tlog::policy::Policy;

use crate::cli::{Failure, Verdict};
use crate::print::{Printer, Table, count, remark, safe};
use crate::trust::{HttpArgs, TrustArgs};
use crate::whole_log::{Take, WholeLog, failure};
use contents::Missing;

/// Make one file for a session or a list of records: with proofs, to be checked without the log
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    deedbook evidence http://127.0.0.1:2026 --session s-71c2 --vkey-file log.vkey --out s-71c2.evidence.json\n  \
    deedbook evidence http://127.0.0.1:2026 --query tool=crm.delete --query finding=approval_missing --vkey-file log.vkey --out deletes.evidence.json
  \
    deedbook evidence ./copy --index 7,12-20 --disclose input --disclosures kept.ndjson --vkey-file log.vkey --out calls.evidence.json\n  \
    deedbook verify s-71c2.evidence.json --vkey-file log.vkey --report s-71c2.html\n\n\
    The whole log is read and verified, twice: once for what was asked, once for what the findings on it rest on. With\n\
    --by-log the log makes the file from its lookups, at once; it proves what it shows all the same, and that nothing\n\
    bears on it but what it shows is then the log's word. A search is always made by the log.\n\
    No content is shown unless you say so; what the log marked as a secret is shown by its digest only.")]
#[command(group(clap::ArgGroup::new("asked").required(true).multiple(false).args(["session", "index", "id", "query"])))]
pub(crate) struct Args {
    /// A URL prefix, or a directory in the same layout
    log: String,
    /// All records of this session
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// The entries at these indexes
    #[arg(long, value_name = "N|N-M", value_delimiter = ',')]
    index: Vec<Range>,
    /// The records with these ids
    #[arg(long, value_name = "UUID", value_delimiter = ',')]
    id: Vec<::record::RecordId>,
    /// What a search finds: a parameter of deedbook search and its value; all that are given must hold
    #[arg(long, value_name = "NAME=VALUE", value_parser = by_log::pair)]
    query: Vec<(String, String)>,
    /// Have the log make the file, from its lookups
    #[arg(long, conflicts_with = "disclosures")]
    by_log: bool,
    /// Which contents are shown: all, none, or names and digests with commas between
    #[arg(long, value_name = "all|none|NAME,...", default_value = "none")]
    disclose: Show,
    /// Disclosures that you have: a JSON string on each line; others are asked of the log
    #[arg(long, value_name = "FILE")]
    disclosures: Option<PathBuf>,
    /// Where the file goes; without it, to standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// A page for people goes here
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    http: HttpArgs,
}

/// What was made, for programs.
#[derive(Serialize)]
struct Result {
    origin: String,
    size: u64,
    asked: Question,
    entries: usize,
    disclosures: usize,
    bytes: usize,
}

pub(crate) async fn run(args: Args, printer: Printer) -> std::result::Result<Verdict, Failure> {
    let source = Source::open(&args.log, &args.http.options()?).map_err(Failure::could_not_tell)?;
    let policy = args.trust.follow(args.trust.required()?, &source).await?;
    let file = if args.by_log || !args.query.is_empty() {
        by_log::file(&source, &args).await?
    } else {
        let log = WholeLog::at(source, &policy).await?;
        let wanted = Wanted {
            asked: args.asked(),
            show: args.disclose.clone(),
            kept: args.disclosures.as_deref().map(contents::read).transpose()?.unwrap_or_default(),
            keys: keys::of(&log, &args.trust).await?,
            at_once: args.http.at_once,
        };
        let (file, missing) = wanted.fill(&log, &policy, printer).await?;
        missing.remark();
        file
    };
    let report = file.verify(Some(&policy));
    let (verified, told) = worth_writing(&report)?;
    let bytes = file.to_bytes();
    if let Some(page) = &args.report {
        write(page, html::page(&report).as_bytes())?;
    }
    let Some(out) = &args.out else {
        crate::print::text_line(&String::from_utf8_lossy(&bytes));
        return Ok(told);
    };
    write(out, &bytes)?;
    let (origin, size) = (verified.origin.clone(), verified.size);
    let (entries, disclosures) = (verified.entries, verified.shown.len());
    let headline =
        format!("{}, from {} at size {}", safe(&out.display().to_string()), safe(&origin), count(size));
    let table = Table::default()
        .row("asked", &report.asked)
        .row("entries", count(entries as u64))
        .row("contents", format!("{} shown", count(disclosures as u64)))
        .row("bytes", count(bytes.len() as u64));
    let asked = report.asked.clone();
    let result = Result { origin, size, asked, entries, disclosures, bytes: bytes.len() };
    printer.told("written", &headline, &table, &result);
    Ok(told)
}

/// A file is written if its records are proven and are what was asked for. What does not hold beside that is said: a
/// content that is not what its record says of it, for instance, is worth keeping.
fn worth_writing(report: &Report) -> std::result::Result<(&Verified, Verdict), Failure> {
    let nothing = |why: &str| Failure::could_not_tell(format!("nothing was written: {why}"));
    let wrong: Vec<_> = report.of_class(Class::DoesNotHold).collect();
    let Some(verified) = &report.verified else {
        return Err(nothing(wrong.first().map_or("it proves nothing", |sentence| sentence.words.as_str())));
    };
    if let Some(against) = wrong.iter().find(|sentence| sentence.about == About::Answer) {
        return Err(nothing(&against.words));
    }
    wrong.iter().for_each(|sentence| remark(&format!("does not hold: {}", sentence.words)));
    Ok((verified, if wrong.is_empty() { Verdict::Holds } else { Verdict::DoesNotHold }))
}

impl Args {
    fn asked(&self) -> Question {
        match &self.session {
            Some(session) => Question::Session(session.clone()),
            None if !self.query.is_empty() => Question::Query(self.query.iter().cloned().collect()),
            None if !self.index.is_empty() => Question::entries(self.index.clone()),
            None => Question::records(self.id.iter().map(ToString::to_string).collect()),
        }
    }
}

/// What is wanted of a file.
pub(crate) struct Wanted {
    pub(crate) asked: Question,
    pub(crate) show: Show,
    /// Disclosures that somebody has.
    pub(crate) kept: BTreeMap<Sd, String>,
    /// The keys that the log has and had.
    pub(crate) keys: Vec<LogKey>,
    /// Requests in flight, at most.
    pub(crate) at_once: usize,
}

impl Wanted {
    /// Makes the file from a log that is read and verified on the way.
    pub(crate) async fn fill(
        self,
        log: &WholeLog,
        policy: &Policy,
        printer: Printer,
    ) -> std::result::Result<(Evidence, Missing), Failure> {
        let gathered = gather(log, self.asked.clone(), printer).await?;
        something(&gathered, &self.asked, log)?;
        let (at_hand, missing) = contents::at_hand(&log.source, &gathered, &self).await?;
        let file = make(log, gathered, at_hand, self, policy).await?;
        Ok((file, missing))
    }
}

/// A gathering that is shown the log; it stops where it would be too much.
struct Shown(Gathering, Option<TooMany>);

impl Take for Shown {
    fn take(&mut self, index: u64, entry: &[u8]) {
        if self.1.is_none() {
            self.1 = self.0.take(index, entry).err();
        }
    }
}

async fn gather(log: &WholeLog, asked: Question, printer: Printer) -> std::result::Result<Gathered, Failure> {
    let mut gathering = Gathering::of(asked);
    for again in [false, true] {
        gathering = if again { gathering.again() } else { gathering };
        let Shown(shown, too_many) = log.show(Shown(gathering, None), printer).await?;
        if let Some(too_many) = too_many {
            return Err(Failure::could_not_tell(too_many));
        }
        gathering = shown;
    }
    Ok(gathering.finish())
}

/// An answer there is; what cannot be computed from it again is said.
fn something(gathered: &Gathered, asked: &Question, log: &WholeLog) -> std::result::Result<(), Failure> {
    if gathered.entries.is_empty() {
        let signed = log.checkpoint.signed();
        return Err(Failure::could_not_tell(format!(
            "{} at size {} does not hold {asked}",
            safe(signed.origin().as_str()),
            count(signed.size())
        )));
    }
    for lost in &gathered.lost {
        remark(&format!(
            "{} at {} is found in the whole log, and cannot be computed from the file alone",
            lost.rule, lost.index
        ));
    }
    Ok(())
}

async fn make(
    log: &WholeLog,
    gathered: Gathered,
    disclosures: Vec<String>,
    wanted: Wanted,
    policy: &Policy,
) -> std::result::Result<Evidence, Failure> {
    let head = log.checkpoint.signed().head();
    let indexes: Vec<u64> = gathered.entries.iter().map(|(index, ..)| *index).collect();
    let proofs = futures::stream::iter(indexes).map(|index| follow::inclusion(&log.source, index, head));
    let proofs = proofs.buffered(wanted.at_once.max(1)).try_collect().await.map_err(failure)?;
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
    let by = concat!("deedbook ", env!("CARGO_PKG_VERSION")).to_owned();
    let asks_witnesses = policy.witnesses().next().is_some();
    let made = Evidence::make(Material {
        asked: wanted.asked,
        checkpoint: &log.checkpoint,
        keys: wanted.keys,
        policy: String::from_utf8(policy.to_bytes()).ok().filter(|_| asks_witnesses),
        entries: gathered.entries,
        proofs,
        disclosures,
        show: wanted.show,
        made: Made { by, looked_at: gathered.looked_at, time: now },
    });
    made.map_err(|error| Failure::could_not_tell(format!("nothing was written: {error}")))
}

/// Writes a file; one that is there is replaced whole, or stays.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> std::result::Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::could_not_tell(format!("{}: {error}", path.display()));
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(directory).map_err(failed)?;
    std::io::Write::write_all(&mut file, bytes).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}
