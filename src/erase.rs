//! `deedbook erase`: content beside a running log goes for good; the records, their digests and proofs stay.

use std::collections::BTreeSet;
use std::io::{IsTerminal as _, Write as _};

use ::record::Sd;
use client::care::{CareError, Erased, Principal, Whose, erase};
use client::{Http, HttpOptions};
use serde::Serialize;

use crate::cli::{Failure, Verdict};
use crate::print::{Printer, Table, count, safe, things};
use crate::trust::HttpArgs;

/// Holds that are named.
const SHOWN_MAX: usize = 20;

/// Erase content: one, or all of a session or of a principal
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    deedbook erase --principal https://idp.acme.example u-1842 --ground 'erasure request 2026-118' \\\n    \
    --url https://log.example.org/agents --token-file admin.token\n  \
    deedbook erase --session s-71c2 --ground 'test data' --yes --url http://127.0.0.1:2026 --token-file admin.token\n\n\
    Content goes; that it was there stays: the records, their digests and every proof are as before, and so is all that\n\
    stands in a record itself. Copies of the store and backups still hold the sealed bytes: nobody can read them once the\n\
    principal's key is destroyed, which goes with the last content under it, and is gone from the backup of the keys too.\n\
    Each erasure is a record in the log, with the ground and who asked. What a hold covers is kept.\n\
    Exit codes: 0 all of it is erased, 1 some of it is held or was erased already, 2 could not tell.")]
pub(crate) struct Args {
    #[command(flatten)]
    whose: WhoseArgs,
    /// On which ground; it stands in the log for good
    #[arg(long, value_name = "TEXT")]
    ground: String,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct WhoseArgs {
    /// One content, by its digest in the record
    #[arg(long, value_name = "DIGEST", allow_hyphen_values = true)]
    sd: Option<Sd>,
    /// All content of a session
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// All content of a principal, and the key that it is sealed under
    #[arg(long, num_args = 2, value_names = ["ISS", "SUB"], allow_hyphen_values = true)]
    principal: Vec<String>,
}

/// Which log, and whose word it takes.
#[derive(Debug, clap::Args)]
pub(crate) struct PlaceArgs {
    /// URL prefix of the running log
    #[arg(long, visible_alias = "log", value_name = "URL", env = "DEEDBOOK_URL")]
    pub(crate) url: String,
    #[command(flatten)]
    pub(crate) http: HttpArgs,
}

impl PlaceArgs {
    /// A way to the log that asks once: what was done and whose answer was lost is refused when it is asked for again.
    pub(crate) fn once(&self) -> Result<Http, Failure> {
        let options = HttpOptions { attempts: 1, ..self.http.options()? };
        Http::new(&self.url, &options).map_err(Failure::could_not_tell)
    }

    /// A way to the log that asks until there is an answer.
    pub(crate) fn patient(&self) -> Result<Http, Failure> {
        Http::new(&self.url, &self.http.options()?).map_err(Failure::could_not_tell)
    }
}

/// What is said of an erasure.
#[derive(Serialize)]
struct Shown<'a> {
    ground: &'a str,
    #[serde(flatten)]
    done: &'a Erased,
}

pub(crate) async fn run(args: Args, printer: Printer) -> Result<Verdict, Failure> {
    let whose = args.whose.whose()?;
    let name = named(&whose);
    if !agreed(args.yes, std::io::stdin().is_terminal(), || asked(&name))? {
        return Err(Failure::could_not_tell("nothing was erased: it was not agreed to"));
    }
    let http = match whose {
        Whose::Content(_) => args.place.once()?,
        Whose::Session(_) | Whose::Principal(_) => args.place.patient()?,
    };
    let done = all(&http, &whose, &args.ground).await?;
    let verdict = if done.kept.is_empty() && !done.more { Verdict::Holds } else { Verdict::DoesNotHold };
    let headline = format!("{} of {name} erased", things(done.erased.len() as u64, "content", "contents"));
    printer.result(verdict, &headline, &table(&done), &Shown { ground: &args.ground, done: &done });
    Ok(verdict)
}

/// Asks again as long as there is more, and something comes of it.
pub(crate) async fn all(http: &Http, whose: &Whose, ground: &str) -> Result<Erased, Failure> {
    let mut done = Erased::default();
    loop {
        let part = erase(http, whose, ground).await.map_err(|error| after(&done, failure(&error)))?;
        let in_vain = part.erased.is_empty();
        // A principal has one key, which goes at the end; a session may have several, each with its own content.
        let so_far = done.erased.is_empty() || done.key_destroyed || matches!(whose, Whose::Principal(_));
        done.erased.extend(part.erased);
        (done.kept, done.more, done.key_destroyed) = (part.kept, part.more, so_far && part.key_destroyed);
        if !done.more || in_vain {
            return Ok(done);
        }
    }
}

/// A failure, and what had been done before it.
fn after(done: &Erased, failure: Failure) -> Failure {
    match done.erased.len() as u64 {
        0 => failure,
        n => {
            let before = things(n, "content was", "contents were");
            Failure { words: format!("{}; {before} erased before that, ask again", failure.words), ..failure }
        }
    }
}

/// What the log decided does not hold; all else could not be told.
pub(crate) fn failure(error: &CareError) -> Failure {
    let words = safe(&error.to_string());
    match error {
        CareError::Held(_) => Failure::does_not_hold(words),
        _ => Failure::could_not_tell(words),
    }
}

/// Whether it may be done: somebody said so beforehand, or says so now.
fn agreed(yes: bool, terminal: bool, ask: impl FnOnce() -> Result<String, Failure>) -> Result<bool, Failure> {
    match (yes, terminal) {
        (true, _) => Ok(true),
        (false, true) => Ok(ask()?.trim() == "yes"),
        (false, false) => Err(Failure::could_not_tell(
            "nothing was erased: there is no terminal to ask on; say --yes if it is meant",
        )),
    }
}

fn asked(name: &str) -> Result<String, Failure> {
    let mut err = anstream::stderr().lock();
    let _ = write!(err, "This erases the content of {name}, and nobody brings it back. Type yes to go on: ");
    let _ = err.flush();
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).map_err(Failure::could_not_tell)?;
    Ok(line)
}

fn named(whose: &Whose) -> String {
    match whose {
        Whose::Content(sd) => sd.to_string(),
        Whose::Session(session) => format!("the session {}", safe(session)),
        Whose::Principal(Principal { iss, sub }) => format!("the principal {} ({})", safe(sub), safe(iss)),
    }
}

fn table(done: &Erased) -> Table {
    let indexes = done.erased.iter().map(|erased| erased.index);
    let recorded = indexes.clone().min().zip(indexes.max()).map(|(first, last)| {
        let to = if first == last { String::new() } else { format!(" to {}", count(last)) };
        format!("at {}{to}", count(first))
    });
    let holds: BTreeSet<String> =
        done.kept.iter().flat_map(|kept| kept.holds.iter().map(|id| safe(id))).collect();
    let shown = holds.iter().take(SHOWN_MAX).cloned().collect::<Vec<_>>().join(", ");
    let kept = things(done.kept.len() as u64, "content", "contents");
    Table::default()
        .maybe("recorded", recorded)
        .maybe("kept", (!done.kept.is_empty()).then(|| format!("{kept}, held by {shown}")))
        .maybe(
            "more",
            done.more.then_some("there is more, and nothing came of asking for it: ask again later"),
        )
        .maybe(
            "nothing",
            is_nothing(done).then_some("was there: what was erased before is in the log, payload.erased"),
        )
        .row("stays", "the records, their digests and every proof; and all that stands in a record itself")
        .maybe("copies", (!is_nothing(done)).then(|| copies(done)))
}

fn is_nothing(done: &Erased) -> bool {
    done.erased.is_empty() && done.kept.is_empty() && !done.more
}

/// What whoever has a copy of the store can still read.
fn copies(done: &Erased) -> &'static str {
    match (done.key_destroyed, done.kept.is_empty() && !done.more) {
        (true, _) => {
            "the key is destroyed: sealed bytes in copies of the store and in backups are unreadable once\nit is gone from \
             the backup of the keys (content-keys) too"
        }
        (false, true) => {
            "the key was NOT destroyed, other content is sealed under it: whoever has it and a copy of the\nstore or a backup \
             can open what is in there. It goes with the last content of the principal"
        }
        (false, false) => {
            "the key was NOT destroyed, for what is kept: whoever has it and a copy of the store or a backup\ncan open what \
             is in there"
        }
    }
}

impl WhoseArgs {
    fn whose(&self) -> Result<Whose, Failure> {
        match (&self.sd, &self.session, &self.principal[..]) {
            (Some(sd), _, _) => Ok(Whose::Content(*sd)),
            (_, Some(session), _) => Ok(Whose::Session(session.clone())),
            (_, _, [iss, sub]) => Ok(Whose::Principal(Principal { iss: iss.clone(), sub: sub.clone() })),
            _ => Err(Failure::could_not_tell("whose content? Say --sd, --session or --principal")),
        }
    }
}

#[cfg(test)]
mod tests {
    use client::care::{OneErased, OneKept};

    use super::*;

    #[test]
    fn nothing_is_erased_that_nobody_agreed_to() {
        let answer = |text: &'static str| move || Ok(text.to_owned());
        let never = || -> Result<String, Failure> { panic!("nobody is to be asked") };
        assert!(agreed(true, true, never).unwrap() && agreed(true, false, never).unwrap());
        assert!(agreed(false, false, never).unwrap_err().words.contains("--yes"));
        assert!(agreed(false, true, answer("yes\n")).unwrap());
        for no in ["", "\n", "y\n", "no\n", "yes please\n"] {
            assert!(!agreed(false, true, answer(no)).unwrap(), "{no:?}");
        }
    }

    #[test]
    fn a_key_that_is_still_there_is_said_to_be() {
        let erased = vec![OneErased { sd: "x".into(), index: 1 }];
        let kept = vec![OneKept { sd: "y".into(), holds: vec!["h".into()] }];
        let done = Erased { erased, ..Erased::default() };
        assert!(copies(&Erased { key_destroyed: true, ..done.clone() }).contains("is destroyed"));
        assert!(copies(&done).contains("NOT destroyed, other content"));
        assert!(copies(&Erased { kept, ..done.clone() }).contains("NOT destroyed, for what is kept"));
        assert!(copies(&Erased { more: true, ..done.clone() }).contains("NOT destroyed, for what is kept"));
        assert!(is_nothing(&Erased::default()) && !is_nothing(&done));
    }
}
