//! `deedbook verify fork-proof`: two signed heads of one log that cannot both be true, checked offline.

use std::path::{Path, PathBuf};

use serde::Serialize;
use tlog::cosignature::Timestamp;
use tlog::fork::{Contradiction, ForkProof, Said, Statement, VerifiedFork};
use tlog::key::{KeyType, VerifierKey};
use tlog::policy::Policy;

use super::clock_time;
use crate::cli::{Failure, Verdict, read_input};
use crate::print::{Printer, Table, count};
use crate::trust::TrustArgs;

/// How a fork proof begins, whatever its version.
const BEGINS: &[u8] = b"deedbook-fork-proof/";

/// Check offline that a log has two histories, and who has signed both
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    deedbook verify fork-proof log.fork-proof\n  \
    deedbook verify fork-proof log.fork-proof --policy policy.txt\n\n\
    The file names the keys that have signed. Whether they are the log's and the witnesses' keys is for you to know: compare\n\
    them, or give a key or policy that you trust.\n\
    Exit codes: 0 the file proves it; 1 it does not prove it; 2 it proves it of keys that are not those that you trust, or\n\
    the file cannot be read.")]
pub(super) struct Args {
    /// The fork proof
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    trust: TrustArgs,
}

/// Whether these bytes say that they are a fork proof.
pub(super) fn is_one(bytes: &[u8]) -> bool {
    bytes.starts_with(BEGINS)
}

pub(super) fn run(args: &Args, printer: Printer) -> Result<Verdict, Failure> {
    check(&args.file, &read_input(&args.file)?, args.trust.policy()?.as_ref(), printer)
}

/// Says what a fork proof shows.
pub(super) fn check(
    file: &Path,
    bytes: &[u8],
    policy: Option<&Policy>,
    printer: Printer,
) -> Result<Verdict, Failure> {
    let fork = ForkProof::parse(bytes).and_then(|proof| proof.verify());
    let fork = fork.map_err(|error| Failure::does_not_hold(format!("{}: {error}", file.display())))?;
    let verdict = match policy {
        Some(policy) if !accuses(&fork, policy) => Verdict::CouldNotTell,
        _ => Verdict::Holds,
    };
    let result = Shown::of(&fork, policy);
    let headline = match verdict {
        Verdict::Holds => fork.to_string(),
        _ => format!("{fork}; but nobody whom you trust is shown to have said both"),
    };
    printer.result(verdict, &headline, &table(&fork, &result, policy), &result);
    Ok(verdict)
}

/// Whether somebody who is trusted signed both heads, or trusted keys of the log signed one each.
fn accuses(fork: &VerifiedFork, policy: &Policy) -> bool {
    let of_the_log = || fork.statements().iter().filter(|by| is_log(by.key()) && trusts(policy, by.key()));
    fork.guilty().any(|by| trusts(policy, by.key()))
        || (of_the_log().any(|by| by.first().is_some()) && of_the_log().any(|by| by.second().is_some()))
}

fn trusts(policy: &Policy, key: &VerifierKey) -> bool {
    policy.logs().iter().any(|log| log.key == *key) || policy.witnesses().any(|(witness, _)| witness == key)
}

fn is_log(key: &VerifierKey) -> bool {
    key.key_type() == KeyType::Ed25519
}

#[derive(Debug, Serialize)]
struct Shown {
    origin: String,
    heads: [Head; 2],
    /// `two-roots`, or `rewritten`.
    contradiction: &'static str,
    /// For `rewritten`: the root that the larger tree has at the smaller size.
    #[serde(skip_serializing_if = "Option::is_none")]
    root: Option<String>,
    signed: Vec<Signed>,
}

#[derive(Debug, Serialize)]
struct Head {
    size: u64,
    root: String,
}

#[derive(Debug, Serialize)]
struct Signed {
    key: String,
    by: &'static str,
    first: bool,
    second: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    second_time: Option<String>,
    /// Whether it signed both.
    guilty: bool,
    /// Whether the policy names it; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    trusted: Option<bool>,
}

impl Shown {
    fn of(fork: &VerifiedFork, policy: Option<&Policy>) -> Self {
        let root = match fork.contradiction() {
            Contradiction::TwoRoots => None,
            Contradiction::Rewritten { root } => Some(root.to_string()),
        };
        Self {
            origin: fork.origin().to_string(),
            heads: fork.heads().map(|head| Head { size: head.size, root: head.root.to_string() }),
            contradiction: if root.is_some() { "rewritten" } else { "two-roots" },
            root,
            signed: fork.statements().iter().map(|by| Signed::of(by, policy)).collect(),
        }
    }
}

impl Signed {
    fn of(by: &Statement, policy: Option<&Policy>) -> Self {
        Self {
            key: by.key().to_string(),
            by: if is_log(by.key()) { "log" } else { "witness" },
            first: by.first().is_some(),
            second: by.second().is_some(),
            first_time: by.first().and_then(time),
            second_time: by.second().and_then(time),
            guilty: by.is_guilty(),
            trusted: policy.map(|policy| trusts(policy, by.key())),
        }
    }

    /// Which of the heads it signed, and when.
    fn which(&self) -> String {
        let at = |time: &Option<String>| time.as_ref().map(|time| format!(" at {time}")).unwrap_or_default();
        match (self.first, self.second) {
            (true, true) => {
                format!("signed BOTH: the first{}, the second{}", at(&self.first_time), at(&self.second_time))
            }
            (true, false) => format!("signed the first{}", at(&self.first_time)),
            _ => format!("signed the second{}", at(&self.second_time)),
        }
    }
}

fn time(said: Said) -> Option<String> {
    said.time.filter(|time| *time != Timestamp::NONE).map(|time| clock_time(time.seconds()))
}

fn table(fork: &VerifiedFork, shown: &Shown, policy: Option<&Policy>) -> Table {
    let head = |head: &Head| format!("size {}, root {}", count(head.size), head.root);
    let table = Table::default()
        .row("log", &shown.origin)
        .row("first", head(&shown.heads[0]))
        .row("second", head(&shown.heads[1]));
    let table = match fork.contradiction() {
        Contradiction::TwoRoots => table.row("both", "cannot hold: one size has one root"),
        Contradiction::Rewritten { root } => table.row(
            "both",
            format!(
                "cannot hold: the larger tree has the root {root} at size {}",
                count(shown.heads[0].size)
            ),
        ),
    };
    let table = shown.signed.iter().fold(table, |table, by| {
        let unknown = if by.trusted == Some(false) { " (a key that you do not name)" } else { "" };
        table.row(by.by, format!("{}\n{}{unknown}", by.key, by.which()))
    });
    let compare = "whether these keys are the log's and the witnesses' the file cannot tell: compare them with those you trust";
    let table = table.maybe("note", policy.is_none().then_some(compare));
    let two_keys =
        "each head is signed by another key of the log: the log has forked, or has lost one of its keys";
    table.maybe("guilty", fork.guilty().next().is_none().then_some(two_keys))
}
