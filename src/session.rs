//! `deedbook session`: the sessions of a log, or one of them as a story, from entries that were verified on the way.

pub(crate) mod contents;
mod fold;
pub(crate) mod page;

use ::record::story::Story;
use client::Source;
use serde::Serialize;

use crate::cli::{Failure, Verdict};
use crate::print::{Printer, Table, count, things};
use crate::trust::{HttpArgs, TrustArgs};
use crate::whole_log::WholeLog;
use fold::{Overview, Sessions};

/// Tell a session: who asked, which agent acted, what was approved, what ran, what is wrong
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    deedbook session http://127.0.0.1:2026 --vkey-file log.vkey            (all sessions)\n  \
    deedbook session http://127.0.0.1:2026 s-71c2 --vkey-file log.vkey     (one)\n\n\
    The whole log is read and verified on the way, and the findings are computed here from its entries: nothing\n\
    is taken from the server but what it signed. Contents are what their digests in the entries say. Exit codes: 0 complete and nothing found, 1 something is wrong,\n\
    2 the log does not hold what it takes to tell.")]
pub(crate) struct Args {
    /// A URL prefix, or a directory in the same layout
    log: String,
    /// The session; without it, all of them are listed
    session: Option<String>,
    /// Leave the contents beside the log where they are: they are asked of it one by one, and that is recorded
    #[arg(long)]
    no_contents: bool,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    http: HttpArgs,
}

/// What stands in front of each answer: which log it speaks for.
#[derive(Serialize)]
struct SpeaksFor<'a, T> {
    origin: String,
    size: u64,
    #[serde(flatten)]
    answer: &'a T,
}

#[derive(Serialize)]
struct Listed<'a> {
    sessions: &'a [Overview],
}

pub(crate) async fn run(args: Args, printer: Printer) -> Result<Verdict, Failure> {
    let source = Source::open(&args.log, &args.http.options()?).map_err(Failure::could_not_tell)?;
    let policy = args.trust.follow(args.trust.required()?, &source).await?;
    let log = WholeLog::at(source, &policy).await?;
    let signed = log.checkpoint.signed();
    let (origin, size) = (signed.origin().to_string(), signed.size());
    match &args.session {
        None => {
            let sessions = log.show(Sessions::new(None), printer).await?;
            Ok(list(&sessions.overviews(), &origin, size, printer))
        }
        Some(id) => {
            let mut told = story(&log, id, printer).await?;
            if !args.no_contents {
                contents::fill(&mut told, &log.source, args.http.at_once).await?;
            }
            let verdict = page::verdict(&told);
            if printer.json {
                printer.result(verdict, "", &Table::default(), &SpeaksFor { origin, size, answer: &told });
            } else {
                page::print(&told, verdict, &format!("{origin} at size {}", count(size)));
            }
            Ok(verdict)
        }
    }
}

/// A session as the log tells it, without what stands beside the log.
pub(crate) async fn story(log: &WholeLog, id: &str, printer: Printer) -> Result<Story, Failure> {
    let sessions = log.show(Sessions::new(Some(id.to_owned())), printer).await?;
    sessions.story(id).ok_or_else(|| {
        let signed = log.checkpoint.signed();
        let listed = things(sessions.overviews().len() as u64, "session", "sessions");
        Failure::could_not_tell(format!(
            "{} at size {} has no session {id:?} ({listed})",
            signed.origin(),
            count(signed.size())
        ))
    })
}

/// All sessions, a line each; those with findings are marked.
fn list(overviews: &[Overview], origin: &str, size: u64, printer: Printer) -> Verdict {
    let found: usize = overviews.iter().map(|session| session.findings).sum();
    let verdict = match (found, overviews.iter().all(|session| session.verdict == "COMPLETE")) {
        (0, true) => Verdict::Holds,
        (0, false) => Verdict::CouldNotTell,
        _ => Verdict::DoesNotHold,
    };
    let headline = format!(
        "{origin} at size {}, {}, {}",
        count(size),
        things(overviews.len() as u64, "session", "sessions"),
        things(found as u64, "finding", "findings")
    );
    let answer = SpeaksFor { origin: origin.to_owned(), size, answer: &Listed { sessions: overviews } };
    printer.result(verdict, &headline, &Table::default(), &answer);
    if !printer.json {
        page::print_list(overviews);
    }
    verdict
}
