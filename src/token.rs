//! `deedbook token`: who may submit and who may look, at a running log or in the directory of one that is stopped.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::Serialize;
use server::access::{Bindings, Moment, Named, NewToken, Role, Token, TokenId};
use server::tokens::{MadeText, TokensText};

use crate::admission::now;
use crate::cli::{Failure, Verdict};
use crate::print::{Printer, Table, json_line, things};
use crate::trust::HttpArgs;

mod desk;

use desk::Desk;

/// Make, list and revoke tokens: who may submit, and who may look
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    deedbook token create crm-runtime --role submitter --producer crm-runtime/host-7 \\\n    \
    --agent spiffe://acme.example/agent/crm --principal '*' --days 90 --out crm.token \\\n    \
    --url https://log.example.org/agents --token-file admin.token\n  \
    deedbook token create nightly-audit --role auditor --data /var/lib/deedbook\n  \
    deedbook token list --url http://127.0.0.1:2026 --token-file admin.token\n  \
    deedbook token revoke 0a1b2c3d --url http://127.0.0.1:2026 --token-file admin.token\n\n\
    A running log is asked with an admin's token (--url, --token-file); the tokens of one that is stopped are in its\n\
    directory (--data). Which token leaked? Its id is the first eight digits of its SHA-256.")]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Create(CreateArgs),
    List(ListArgs),
    Revoke(RevokeArgs),
}

/// Make a token; it is shown once
#[derive(Debug, clap::Args)]
struct CreateArgs {
    /// Who is to have it: what entries name as their submitter
    name: String,
    /// What it is for; may be given several times
    #[arg(long = "role", value_name = "ROLE", required = true)]
    roles: Vec<Role>,
    #[command(flatten)]
    bound: BoundArgs,
    /// Days until it expires [default: it does not]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    days: Option<u32>,
    /// A new file that the token is put into, instead of being shown
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    place: PlaceArgs,
}

/// For whom a submitter may speak; each may be given several times, and '*' is everybody.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "For whom a submitter may speak")]
struct BoundArgs {
    /// A producer.id
    #[arg(long = "producer", value_name = "ID")]
    producers: Vec<String>,
    /// An agent.sub
    #[arg(long = "agent", value_name = "SUB")]
    agents: Vec<String>,
    /// A principal's iss and sub, with | between them
    #[arg(long = "principal", value_name = "ISS|SUB")]
    principals: Vec<String>,
}

/// List all tokens, without their secrets
#[derive(Debug, clap::Args)]
struct ListArgs {
    #[command(flatten)]
    place: PlaceArgs,
}

/// Revoke a token, for good
#[derive(Debug, clap::Args)]
struct RevokeArgs {
    /// Its id, as the list shows it
    id: TokenId,
    #[command(flatten)]
    place: PlaceArgs,
}

/// Which log.
#[derive(Debug, clap::Args)]
struct PlaceArgs {
    /// URL prefix of the running log
    #[arg(long, visible_alias = "log", value_name = "URL", env = "DEEDBOOK_URL")]
    url: Option<String>,
    /// The directory of a log that is stopped, rather than a URL
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    http: HttpArgs,
}

pub(crate) async fn run(args: Args, printer: Printer) -> Result<Verdict, Failure> {
    match args.what {
        What::Create(args) => create(args, printer).await,
        What::List(args) => list(&args, printer).await,
        What::Revoke(args) => revoke(&args, printer).await,
    }
}

async fn create(args: CreateArgs, printer: Printer) -> Result<Verdict, Failure> {
    let new = args.new_token()?;
    // Before anything is made: a token that cannot be put down would be lost.
    let out = args.out.as_deref().map(Out::new).transpose()?;
    let made = match Desk::of(&args.place) {
        Ok(desk) => desk.create(new).await,
        Err(failure) => Err(failure),
    };
    let made = made.inspect_err(|_| out.iter().for_each(Out::take_away))?;
    let shown =
        Shown { token: out.is_none().then_some(&made.token), file: args.out.as_deref(), about: &made.about };
    if let Some(out) = out {
        out.write(&made)?;
    }
    printer.told("made", &format!("a token for {}", made.about.name), &shown.table(), &shown);
    Ok(Verdict::Holds)
}

async fn list(args: &ListArgs, printer: Printer) -> Result<Verdict, Failure> {
    let tokens = Desk::of(&args.place)?.list().await?;
    if printer.json {
        json_line(&tokens);
        return Ok(Verdict::Holds);
    }
    let now = now();
    let valid = tokens.tokens.iter().filter(|token| token.is_valid(now)).count() as u64;
    Printer::paragraph(
        &format!("{}, {valid} valid", things(tokens.tokens.len() as u64, "token", "tokens")),
        &lines(&tokens, now),
    );
    Ok(Verdict::Holds)
}

async fn revoke(args: &RevokeArgs, printer: Printer) -> Result<Verdict, Failure> {
    let token = Desk::of(&args.place)?.revoke(args.id).await?;
    printer.told(
        "revoked",
        &format!("{}, a token of {}", token.id, token.name),
        &about(Table::default(), &token),
        &token,
    );
    Ok(Verdict::Holds)
}

impl CreateArgs {
    fn new_token(&self) -> Result<NewToken, Failure> {
        let roles: BTreeSet<Role> = self.roles.iter().copied().collect();
        let bound = &self.bound;
        let lists = [&bound.producers, &bound.agents, &bound.principals];
        let bindings = if roles.contains(&Role::Submitter) {
            if lists.iter().any(|list| list.is_empty()) {
                return Err(Failure::could_not_tell(
                    "for whom may this submitter speak? Say --producer, --agent and --principal, each once or more, or '*' \
                     for everybody",
                ));
            }
            let named = |list: &Vec<String>| Named::of(list.iter().cloned()).map_err(Failure::could_not_tell);
            Some(Bindings {
                producers: named(&bound.producers)?,
                agents: named(&bound.agents)?,
                principals: named(&bound.principals)?,
            })
        } else if lists.iter().all(|list| list.is_empty()) {
            None
        } else {
            return Err(Failure::could_not_tell(server::access::BadToken::NotASubmitter));
        };
        let expires = self.days.map(|days| now().plus_days(days));
        Ok(NewToken { name: self.name.clone(), roles, bindings, expires })
    }
}

/// What is said of a token that was made.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a Path>,
    about: &'a Token,
}

impl Shown<'_> {
    fn table(&self) -> Table {
        let shown = |token| format!("{token}\nIt is not shown again: the log keeps its SHA-256 only.");
        about(Table::default(), self.about)
            .maybe("token", self.token.map(shown))
            .maybe("token", self.file.map(|path| format!("in {}", path.display())))
    }
}

/// A file that was made for a token and is empty yet.
struct Out {
    path: PathBuf,
    file: std::fs::File,
}

impl Out {
    fn new(path: &Path) -> Result<Self, Failure> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let file = file.map_err(|error| Failure::could_not_tell(format!("{}: {error}", path.display())))?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Puts the token there.
    fn write(mut self, made: &MadeText) -> Result<(), Failure> {
        let written = writeln!(self.file, "{}", made.token).and_then(|()| self.file.sync_all());
        written.map_err(|error| {
            Failure::could_not_tell(format!(
                "{}: {error}; the token is lost: revoke {}, and make another",
                self.path.display(),
                made.about.id
            ))
        })
    }

    fn take_away(&self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

fn about(table: Table, token: &Token) -> Table {
    let mut table = table.row("id", token.id).row("for", words(&token.roles));
    if let Some(bindings) = &token.bindings {
        table = table
            .row("producers", named(&bindings.producers))
            .row("agents", named(&bindings.agents))
            .row("principals", named(&bindings.principals));
    }
    table
        .row("expires", token.expires.map_or("never".to_owned(), |at| at.to_string()))
        .maybe("revoked", token.revoked)
}

fn words(roles: &BTreeSet<Role>) -> String {
    roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ")
}

fn named(named: &Named) -> String {
    match named {
        Named::Any(_) => "*".to_owned(),
        Named::Only(values) => values.iter().map(String::as_str).collect::<Vec<_>>().join(", "),
    }
}

fn lines(tokens: &TokensText, now: Moment) -> Vec<String> {
    let width = tokens.tokens.iter().map(|token| token.name.chars().count()).max().unwrap_or(0);
    let line = |token: &Token| {
        let stands = match (token.revoked, token.expires) {
            (Some(at), _) => format!("revoked {at}"),
            (None, Some(at)) if token.is_expired(now) => format!("expired {at}"),
            (None, Some(at)) => format!("until {at}"),
            (None, None) => "does not expire".to_owned(),
        };
        let bound = token.bindings.as_ref().map(|bindings| {
            format!(
                "\nproducers {}; agents {}; principals {}",
                named(&bindings.producers),
                named(&bindings.agents),
                named(&bindings.principals)
            )
        });
        format!(
            "{}  {:width$}  {}; {stands}{}",
            token.id,
            token.name,
            words(&token.roles),
            bound.unwrap_or_default()
        )
    };
    tokens.tokens.iter().map(line).collect()
}
