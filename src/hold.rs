//! `deedbook hold`: what must not be erased, until somebody releases it.

use ::record::Sd;
use client::care::{Hold, NewHold, Principal, Recorded, Scope, holds, place_hold, release_hold};

use crate::cli::{Failure, Verdict};
use crate::erase::{PlaceArgs, failure};
use crate::print::{Printer, Table, count, json_line, safe, things};

/// Place, release and list holds: what they cover is not erased, whoever asks
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    deedbook hold place case-7 --session s-71c2 --ground 'litigation 7/2026' \\\n    \
    --url https://log.example.org/agents --token-file admin.token\n  \
    deedbook hold release case-7 --ground 'case closed' --url http://127.0.0.1:2026 --token-file admin.token\n  \
    deedbook hold list --url http://127.0.0.1:2026 --token-file admin.token\n\n\
    Placing and releasing are records in the log, with the ground and who asked. A name is used once.\n\
    Exit codes: 0 done, 1 there is or was such a hold, or none that could be released, 2 could not tell.")]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Place(NewArgs),
    Release(ReleaseArgs),
    List(ListArgs),
}

/// Place a hold on contents, or on all content of a session or of a principal, also what is still to come
#[derive(Debug, clap::Args)]
struct NewArgs {
    /// Its name, used once
    id: String,
    #[command(flatten)]
    scope: ScopeArgs,
    /// On which ground; it stands in the log for good
    #[arg(long, value_name = "TEXT")]
    ground: String,
    #[command(flatten)]
    place: PlaceArgs,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct ScopeArgs {
    /// A content, by its digest in the record; may be given several times
    #[arg(long = "sd", value_name = "DIGEST", allow_hyphen_values = true)]
    sds: Vec<Sd>,
    /// All content of a session
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// All content of a principal
    #[arg(long, num_args = 2, value_names = ["ISS", "SUB"], allow_hyphen_values = true)]
    principal: Vec<String>,
}

/// Release a hold: what it covered may be erased again
#[derive(Debug, clap::Args)]
struct ReleaseArgs {
    /// Its name
    id: String,
    /// On which ground; it stands in the log for good
    #[arg(long, value_name = "TEXT")]
    ground: String,
    #[command(flatten)]
    place: PlaceArgs,
}

/// List all holds, also those that were released
#[derive(Debug, clap::Args)]
struct ListArgs {
    #[command(flatten)]
    place: PlaceArgs,
}

pub(crate) async fn run(args: Args, printer: Printer) -> Result<Verdict, Failure> {
    match args.what {
        What::Place(args) => place(args, printer).await,
        What::Release(args) => release(&args, printer).await,
        What::List(args) => list(&args, printer).await,
    }
}

async fn place(args: NewArgs, printer: Printer) -> Result<Verdict, Failure> {
    let http = args.place.once()?;
    let hold = args.hold();
    let recorded = place_hold(&http, &hold).await.map_err(|error| failure(&error))?;
    told("placed", &hold.id, recorded, printer);
    Ok(Verdict::Holds)
}

async fn release(args: &ReleaseArgs, printer: Printer) -> Result<Verdict, Failure> {
    let http = args.place.once()?;
    let recorded = release_hold(&http, &args.id, &args.ground).await.map_err(|error| failure(&error))?;
    told("released", &args.id, recorded, printer);
    Ok(Verdict::Holds)
}

fn told(word: &str, id: &str, recorded: Recorded, printer: Printer) {
    let table = Table::default().row("recorded", format!("at {}", count(recorded.index)));
    printer.told(word, &format!("the hold {}", safe(id)), &table, &recorded);
}

async fn list(args: &ListArgs, printer: Printer) -> Result<Verdict, Failure> {
    let all = holds(&args.place.patient()?).await.map_err(|error| failure(&error))?;
    if printer.json {
        json_line(&all);
        return Ok(Verdict::Holds);
    }
    let hold_now = all.holds.iter().filter(|hold| hold.released.is_none()).count() as u64;
    let headline = format!("{}, {hold_now} of them hold", things(all.holds.len() as u64, "hold", "holds"));
    Printer::paragraph(&headline, &all.holds.iter().map(lines).collect::<Vec<_>>());
    Ok(Verdict::Holds)
}

/// A hold in two or three lines.
fn lines(hold: &Hold) -> String {
    let who = |word: &str, who: &client::care::Who| {
        let (at, by, ground) = (safe(&who.at), safe(&who.by), safe(&who.ground));
        format!("{word} {at} [{}] by {by}: {ground}", count(who.index))
    };
    let state = if hold.released.is_none() { "holds" } else { "released" };
    let scopes = hold.scopes.iter().map(scope).collect::<Vec<_>>().join("; ");
    let released = hold.released.as_ref().map_or(String::new(), |end| format!("\n{}", who("released", end)));
    format!("{}  {state}  {scopes}\n{}{released}", safe(&hold.id), who("placed  ", &hold.placed))
}

fn scope(scope: &Scope) -> String {
    match scope {
        Scope::Contents(sds) => match &sds[..] {
            [sd] => format!("the content {}", safe(sd)),
            _ => things(sds.len() as u64, "content", "contents"),
        },
        Scope::Session(session) => format!("the session {}", safe(session)),
        Scope::Principal(Principal { iss, sub }) => format!("the principal {} ({})", safe(sub), safe(iss)),
    }
}

impl NewArgs {
    fn hold(&self) -> NewHold {
        let principal = match &self.scope.principal[..] {
            [iss, sub] => Some(Principal { iss: iss.clone(), sub: sub.clone() }),
            _ => None,
        };
        NewHold {
            id: self.id.clone(),
            ground: self.ground.clone(),
            sds: self.scope.sds.iter().map(ToString::to_string).collect(),
            session: self.scope.session.clone(),
            principal,
        }
    }
}
