//! `deedbook mirror logs`: how far each log was copied, and what is wrong, from what the mirror noted when it looked last.

use serde::Serialize;

use super::PlaceArgs;
use super::standing::{Told, noted};
use crate::cli::{Failure, Verdict};
use crate::print::{Printer, count, json_line, safe, things};
use crate::witness::directory::{self, MIRROR};

/// Show each log: how much of it is held, how far behind that is, and what is wrong
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  deedbook mirror logs --data /var/lib/mirror\n\n\
    The mirror may run or not: this is what it noted when it looked last. Exit codes: 0 nothing is wrong with any log, 1 one has\n\
    forked, went back or shows what it did not sign, 2 could not tell.")]
pub(super) struct Args {
    #[command(flatten)]
    place: PlaceArgs,
}

#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    told: &'a Told,
    behind: u64,
}

#[derive(Serialize)]
struct All<'a> {
    logs: Vec<Row<'a>>,
}

pub(super) fn run(args: &Args, printer: Printer) -> Result<Verdict, Failure> {
    directory::vkeys(&MIRROR, &args.place.data)?;
    let noted = noted(&args.place.data)?;
    if printer.json {
        tell(&noted);
    } else {
        Printer::paragraph(&things(noted.len() as u64, "log", "logs"), &table(&noted));
    }
    Ok(if noted.iter().any(|told| told.broken) { Verdict::DoesNotHold } else { Verdict::Holds })
}

/// What was noted, for a program.
pub(super) fn tell(noted: &[Told]) {
    json_line(&All { logs: noted.iter().map(|told| Row { told, behind: told.behind() }).collect() });
}

fn table(noted: &[Told]) -> Vec<String> {
    let width = noted.iter().map(|told| told.origin.len()).max().unwrap_or(0);
    let sizes: Vec<String> = noted.iter().map(|told| told.size.map_or_else(|| "-".into(), count)).collect();
    let size_width = sizes.iter().map(String::len).max().unwrap_or(0);
    let line = |(told, size): (&Told, &String)| {
        let behind = match (told.copied, told.behind()) {
            (Some(copied), _) => {
                format!("  copying: {} of {}", count(copied), count(told.log_size.unwrap_or(0)))
            }
            (None, 0) => String::new(),
            (None, behind) => format!("  {} behind", count(behind)),
        };
        let damage = told.damage.as_ref().map(|damage| format!("\nDAMAGED: {}", safe(damage)));
        let when = told.looked.as_deref().unwrap_or("never looked at");
        let problem = match (&told.problem, &told.since) {
            (Some(problem), Some(since)) => {
                let word = if told.broken { "WRONG" } else { "trouble" };
                format!("\n{word} since {since}: {}", safe(problem))
            }
            _ => String::new(),
        };
        format!(
            "{:width$}  {size:>size_width$}  {when}{behind}{problem}{}",
            told.origin,
            damage.unwrap_or_default()
        )
    };
    noted.iter().zip(&sizes).map(line).collect()
}
