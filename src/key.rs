//! `deedbook key`: the log's public key, to be handed to whoever is to check the log; and another one in its place.

mod rotate;

use std::path::{Path, PathBuf};

use client::keys::Step;
use sequencer::directory;
use serde::Serialize;
use tlog::key::VerifierKey;

use crate::cli::{Failure, Verdict};
use crate::fsck::off_thread;
use crate::keyring::Keyring;
use crate::print::{Printer, Table, json_line, text_line, things};
use crate::trust::change;

/// Show the log's public key (vkey), or put another key in its place
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  \
    deedbook key --data /var/lib/deedbook > log.vkey\n  \
    deedbook key --data /var/lib/deedbook --history\n  \
    deedbook key rotate --data /var/lib/deedbook\n  \
    deedbook key retire --data /var/lib/deedbook\n\n\
    Hand it to auditors on a way they trust: a key that they take from the log itself proves nothing. Who trusts one key\n\
    of a log follows it to the next by what the log announces, and need not be told. The private key is DIR/log.key; it\n\
    is never shown."
)]
pub(crate) struct Args {
    #[command(subcommand)]
    change: Option<Change>,
    #[command(flatten)]
    place: PlaceArgs,
    /// Show how the keys followed each other
    #[arg(long)]
    history: bool,
}

#[derive(Debug, clap::Args)]
struct PlaceArgs {
    /// The log's directory
    #[arg(long, value_name = "DIR", env = "DEEDBOOK_DATA", default_value = crate::serve::DATA)]
    data: PathBuf,
}

#[derive(Debug, clap::Subcommand)]
enum Change {
    Rotate(RotateArgs),
    Retire(RetireArgs),
}

/// Announce a new key in the log, and sign with it from now on; the log must be stopped
///
/// Until the old key is retired it signs too, so that those who know only the old one need not notice yet.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  deedbook key rotate --data /var/lib/deedbook\n\n\
    Can be repeated if it was interrupted. Make a backup afterwards: one from before holds the old key.")]
struct RotateArgs {
    #[command(flatten)]
    place: PlaceArgs,
    /// Retire the old key at once: it signs nothing more, and is destroyed
    #[arg(long)]
    at_once: bool,
}

/// Sign with the new key alone, and destroy the old one; the log must be stopped
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  deedbook key retire --data /var/lib/deedbook\n\n\
    Whoever still knows the old key only has to follow the announcement from now on. The old key is overwritten and\n\
    removed here; copies of it (backups from before, images of the disk) are yours to destroy.")]
struct RetireArgs {
    #[command(flatten)]
    place: PlaceArgs,
}

#[derive(Serialize)]
struct Key<'a> {
    vkey: String,
    origin: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<History<'a>>,
}

#[derive(Serialize)]
struct History<'a> {
    first: String,
    changes: &'a [Step],
}

#[derive(Serialize)]
struct Changed<'a> {
    vkey: String,
    origin: &'a str,
    changes: &'a [Step],
    /// Whether the key before still signs too.
    old_signs: bool,
}

pub(crate) async fn run(args: Args, printer: Printer) -> Result<Verdict, Failure> {
    let Some(change) = args.change else { return show(&args.place.data, args.history, printer) };
    let (keyring, old_signs) = off_thread(move || match change {
        Change::Rotate(args) => {
            let keyring = rotate::rotate(&args.place.data, args.at_once, &|_| Ok(()));
            keyring.map(|keyring| (keyring, !args.at_once))
        }
        Change::Retire(args) => rotate::retire(&args.place.data).map(|keyring| (keyring, false)),
    })
    .await??;
    say(&keyring, old_signs, printer);
    Ok(Verdict::Holds)
}

fn show(data: &Path, history: bool, printer: Printer) -> Result<Verdict, Failure> {
    if !history {
        let vkey = directory::read_vkey(data).map_err(Failure::could_not_tell)?;
        let key = VerifierKey::parse(&vkey)
            .map_err(|error| Failure::could_not_tell(format!("{}/log.vkey: {error}", data.display())))?;
        if printer.json {
            json_line(&Key { vkey, origin: key.name().as_str(), history: None });
        } else {
            text_line(&vkey);
        }
        return Ok(Verdict::Holds);
    }
    let keyring = Keyring::read(data)?;
    let first = keyring.history().first();
    let told = Key {
        vkey: keyring.present().to_string(),
        origin: first.name().as_str(),
        history: Some(History { first: first.to_string(), changes: keyring.steps() }),
    };
    let mut table = Table::default().row("key", keyring.present()).row("first key", first);
    for step in keyring.steps() {
        table = table.row("changed", change(step));
    }
    let changes = things(keyring.steps().len() as u64, "change of key", "changes of key");
    printer.told("keys", &format!("{}, {changes}", first.name()), &table, &told);
    Ok(Verdict::Holds)
}

fn say(keyring: &Keyring, old_signs: bool, printer: Printer) {
    let changed = Changed {
        vkey: keyring.present().to_string(),
        origin: keyring.present().name().as_str(),
        changes: keyring.steps(),
        old_signs,
    };
    let (how, old) = if old_signs {
        ("a new key, and with the old one", "signs too, until: deedbook key retire")
    } else {
        (
            "the new key alone",
            "signs nothing more, and is destroyed here; destroy copies of it, such as in backups from before",
        )
    };
    let table = Table::default()
        .row("key", &changed.vkey)
        .maybe("announced", keyring.steps().last().map(change))
        .row("the old key", old);
    printer.told("changed", &format!("{} signs with {how}", changed.origin), &table, &changed);
}
