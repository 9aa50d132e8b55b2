//! `deedbook session`: the sessions of a log, or one of them as a story, from entries that were verified on the way.

mod fold;
mod page;

use std::sync::Arc;

use client::Source;
use client::audit::{Findings, check_tree};
use client::follow::{self, FollowError};
use serde::Serialize;

use crate::audit::cores;
use crate::cli::{Failure, Verdict};
use crate::print::{Printer, Table, count, things};
use crate::progress::Bar;
use crate::trust::{HttpArgs, TrustArgs};
use fold::{InOrder, Overview};

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
struct Sessions<'a> {
    sessions: &'a [Overview],
}

pub(crate) async fn run(args: Args, printer: Printer) -> Result<Verdict, Failure> {
    let source = Source::open(&args.log, &args.http.options()?).map_err(Failure::could_not_tell)?;
    let policy = args.trust.follow(args.trust.required()?, &source).await?;
    let checkpoint = follow::checkpoint(&source, &policy).await.map_err(|error| match error {
        FollowError::CouldNotTell(error) => Failure::could_not_tell(error),
        FollowError::DoesNotHold(broken) => {
            Failure { verdict: Verdict::DoesNotHold, words: broken.to_string() }
        }
    })?;
    let signed = checkpoint.signed();
    let order = Arc::new(InOrder::new(args.session.clone()));
    let bar = Bar::new(printer, "entries");
    let checked = check_tree(&source, signed.head(), cores(), Some(order.clone()), &bar).await;
    bar.finish();
    let (_, wrong) = checked.map_err(Failure::could_not_tell)?;
    trustworthy(&wrong)?;
    let (origin, size) = (signed.origin().to_string(), signed.size());
    match &args.session {
        None => Ok(list(&order.overviews(), &origin, size, printer)),
        Some(id) => {
            let told = order.story(id).ok_or_else(|| {
                let sessions = things(order.overviews().len() as u64, "session", "sessions");
                Failure::could_not_tell(format!(
                    "{origin} at size {} has no session {id:?} ({sessions})",
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

/// Nothing is told from a log that is not what was signed.
fn trustworthy(wrong: &Findings) -> Result<(), Failure> {
    match wrong.first.first() {
        None => Ok(()),
        Some(first) => Err(Failure {
            verdict: Verdict::DoesNotHold,
            words: format!("the log is not what was signed, so nothing is told from it: {first}"),
        }),
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
    let answer = SpeaksFor { origin: origin.to_owned(), size, answer: &Sessions { sessions: overviews } };
    printer.result(verdict, &headline, &Table::default(), &answer);
    if !printer.json {
        page::print_list(overviews);
    }
    verdict
}
