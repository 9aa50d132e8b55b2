//! `deedbook witness logs`: the logs that a witness knows, and how far it has seen each grow.
//!
//! The store is open in one process only. A witness that runs is asked over HTTP, as monitors do; one that does not is opened.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use client::HttpOptions;
use client::http::Http;
use follower::witness::enrolled::{Enrolled, EnrolledLog};
use follower::witness::keeper::{Held, OriginId};
use futures::{StreamExt as _, TryStreamExt as _};
use serde::Serialize;
use tlog::fork::ForkProof;
use tlog::key::{KeyName, VerifierKey};
use tlog::note::{Note, VerifiedSignature};

use super::directory::{self, Hold, Home};
use super::{PlaceArgs, forks, list};
use crate::cli::{Failure, Verdict, read_input};
use crate::fsck::off_thread;
use crate::print::{Printer, count, json_line, things};

/// A checkpoint and its cosignatures are smaller.
const NOTE_LEN_MAX: usize = 1 << 20;

/// List the logs on the list, and how far the witness has seen each grow
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  deedbook witness logs --data /var/lib/witness\n\n\
    A witness that runs is asked where it listens (or at its --url, if it serves over TLS); one that does not run is opened,\n\
    and then logs are shown too that are on the list no more.")]
pub(super) struct Args {
    #[command(flatten)]
    place: PlaceArgs,
}

#[derive(Serialize)]
struct All<'a> {
    running: bool,
    logs: &'a [Row],
}

#[derive(Serialize)]
struct Row {
    origin: String,
    /// Whether it is on the list.
    enrolled: bool,
    /// What was cosigned last; absent if nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    root: Option<String>,
    /// When, by the witness's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    cosigned: Option<String>,
    /// Proofs that it has forked.
    forks: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    contact: Option<String>,
}

pub(super) async fn run(args: Args, printer: Printer) -> Result<Verdict, Failure> {
    let data = args.place.data;
    let keys = directory::vkeys(&directory::WITNESS, &data)?;
    let list = list::read(&directory::list_path(&data))?;
    let opened = {
        let data = data.clone();
        off_thread(move || {
            Home::hold(&data).map(|held| match held {
                Hold::Held(home) => Some(from_store(&home)),
                Hold::Running => None,
            })
        })
        .await??
    };
    let running = opened.is_none();
    let held = match opened {
        Some(held) => held,
        None => over_http(&data, &list).await?,
    };
    let forks = counted(&data)?;
    let origins: BTreeSet<&KeyName> =
        list.logs().iter().map(EnrolledLog::origin).chain(held.keys()).collect();
    let rows: Vec<Row> = origins.iter().map(|origin| row(origin, &list, &held, &forks, &keys)).collect();
    if printer.json {
        json_line(&All { running, logs: &rows });
    } else {
        let state = if running { "the witness runs" } else { "the witness does not run" };
        Printer::paragraph(&format!("{}; {state}", things(rows.len() as u64, "log", "logs")), &table(&rows));
    }
    Ok(Verdict::Holds)
}

/// What each log's origin leads to.
type ByOrigin = BTreeMap<KeyName, Held>;

fn from_store(home: &Home) -> ByOrigin {
    let all = home.keeper.all().into_iter();
    all.filter_map(|(origin, _)| home.keeper.get(&origin).map(|held| (origin, held))).collect()
}

/// Asks the running witness for each log on the list.
async fn over_http(data: &Path, list: &Enrolled) -> Result<ByOrigin, Failure> {
    let at = directory::running_at(data)?;
    let url = if at.url.starts_with("https:") { at.public.unwrap_or(at.url) } else { at.url };
    let options = HttpOptions { attempts: 1, timeout: Duration::from_secs(10), ..HttpOptions::default() };
    let http = Http::new(&url, &options).map_err(Failure::could_not_tell)?;
    let asked = list.logs().iter().map(|log| {
        let (http, origin) = (http.clone(), log.origin().clone());
        async move {
            let path = format!("{}/checkpoint", OriginId::of(&origin));
            let note = http.get(&path, NOTE_LEN_MAX).await.map_err(Failure::could_not_tell)?;
            let held = note.map(Held::parse).transpose().map_err(Failure::could_not_tell)?;
            Ok::<_, Failure>(held.map(|held| (origin, held)))
        }
    });
    let answers: Vec<_> = futures::stream::iter(asked).buffered(16).try_collect().await?;
    Ok(answers.into_iter().flatten().collect())
}

/// How many proofs there are of each log.
fn counted(data: &Path) -> Result<BTreeMap<KeyName, u64>, Failure> {
    let mut counted = BTreeMap::new();
    for path in forks::files(data)? {
        let proof = ForkProof::parse(&read_input(&path)?).and_then(|proof| proof.verify());
        let proof = proof.map_err(|error| Failure::could_not_tell(format!("{}: {error}", path.display())))?;
        *counted.entry(proof.origin().clone()).or_default() += 1;
    }
    Ok(counted)
}

fn row(
    origin: &KeyName,
    list: &Enrolled,
    held: &ByOrigin,
    forks: &BTreeMap<KeyName, u64>,
    keys: &[VerifierKey],
) -> Row {
    let (log, held) = (list.get(origin), held.get(origin));
    Row {
        origin: origin.to_string(),
        enrolled: log.is_some(),
        size: held.map(|held| held.head().size),
        root: held.map(|held| held.head().root.to_string()),
        cosigned: held.and_then(|held| time(held, keys)),
        forks: forks.get(origin).copied().unwrap_or(0),
        contact: log.map(|log| log.contact().to_owned()),
    }
}

/// When the witness cosigned this, by its own line.
fn time(held: &Held, keys: &[VerifierKey]) -> Option<String> {
    let note = Note::parse(held.note()).ok()?;
    let opened = note.open(keys).ok()?;
    let latest = opened.signatures().iter().filter_map(VerifiedSignature::time).max()?;
    let time = jiff::Timestamp::from_second(i64::try_from(latest.seconds()).ok()?).ok()?;
    Some(time.to_string())
}

fn table(rows: &[Row]) -> Vec<String> {
    let width = rows.iter().map(|row| row.origin.len()).max().unwrap_or(0);
    let sizes: Vec<String> = rows.iter().map(|row| row.size.map_or_else(|| "-".into(), count)).collect();
    let size_width = sizes.iter().map(String::len).max().unwrap_or(0);
    let line = |(row, size): (&Row, &String)| {
        let when = row.cosigned.as_deref().unwrap_or("never cosigned");
        let forked = if row.forks > 0 {
            format!("  FORKED ({})", things(row.forks, "proof", "proofs"))
        } else {
            String::new()
        };
        let off = if row.enrolled { "" } else { "  not on the list any more" };
        format!("{:width$}  {size:>size_width$}  {when}{forked}{off}", row.origin)
    };
    rows.iter().zip(&sizes).map(line).collect()
}
