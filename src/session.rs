//! `deedbook session`: the sessions of a log, or one of them as a story, from entries that were verified on the way.

mod fold;
mod page;

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
    is taken from the server but what it signed. Exit codes: 0 complete and nothing found, 1 something is wrong,\n\
    2 the log does not hold what it takes to tell.")]
pub(crate) struct Args {
    /// A URL prefix, or a directory in the same layout
    log: String,
    /// The session; without it, all of them are listed
    session: Option<String>,
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
    let sessions = log.show(Sessions::new(args.session.clone()), printer).await?;
    let signed = log.checkpoint.signed();
    let (origin, size) = (signed.origin().to_string(), signed.size());
    match &args.session {
        None => Ok(list(&sessions.overviews(), &origin, size, printer)),
        Some(id) => {
            let told = sessions.story(id).ok_or_else(|| {
                let listed = things(sessions.overviews().len() as u64, "session", "sessions");
                Failure::could_not_tell(format!(
                    "{origin} at size {} has no session {id:?} ({listed})",
                    count(size)
                ))
            })?;
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
