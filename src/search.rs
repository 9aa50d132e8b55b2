//! `deedbook search`: records by who, what and when, as a running log's lookups answer.

mod table;

use client::search::{Answered, Field, Found, LIMIT_MAX, Order, Question, search};
use client::{Http, HttpOptions};

use crate::cli::{Failure, Verdict};
use crate::print::{Printer, text_line, things};
use crate::trust::HttpArgs;

/// Search a log's records: by person, agent, session, tool, approver, outcome, finding, time
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    deedbook search --url http://127.0.0.1:2026 --principal https://idp.acme.example u-1842\n  \
    deedbook search --url http://127.0.0.1:2026 --agent spiffe://acme.example/agent/crm --outcome error --oldest\n  \
    deedbook search --url http://127.0.0.1:2026 --finding approval_missing --limit 1000 --json\n\n\
    All that is given must hold, each value as a whole. A ! behind an index: the record breaks a rule (--json says which).\n\
    The answer is the log's word, for the size that it names. deedbook session and deedbook evidence verify what they show.\n\
    Who searches a log under tokens is noted in it.")]
pub(crate) struct Args {
    /// URL prefix of the running log
    #[arg(long, visible_alias = "log", value_name = "URL", env = "DEEDBOOK_URL")]
    url: String,
    #[command(flatten)]
    fields: FieldArgs,
    #[command(flatten)]
    range: RangeArgs,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    http: HttpArgs,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Of whom, by whom, what")]
struct FieldArgs {
    /// On whose behalf: iss and sub of the principal
    #[arg(long, num_args = 2, value_names = ["ISS", "SUB"], allow_hyphen_values = true)]
    principal: Vec<String>,
    /// Sub of the principal, whoever vouches for it
    #[arg(long, value_name = "SUB")]
    user: Option<String>,
    /// What a principal is called
    #[arg(long)]
    name: Option<String>,
    /// The agent that acts
    #[arg(long, value_name = "SUB")]
    agent: Option<String>,
    /// Anybody in the chain of actors
    #[arg(long, value_name = "SUB")]
    actor: Option<String>,
    /// The session
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// The tool
    #[arg(long)]
    tool: Option<String>,
    /// Who offers the tool
    #[arg(long)]
    server: Option<String>,
    /// What a call is about
    #[arg(long)]
    target: Option<String>,
    /// Who approved or denied
    #[arg(long, value_name = "SUB")]
    approver: Option<String>,
    /// The mode of an approval: human, policy, ...
    #[arg(long, value_name = "MODE")]
    approval: Option<String>,
    /// How a call ended: ok, error, denied, ...
    #[arg(long, value_name = "STATUS")]
    outcome: Option<String>,
    /// A rule that the record breaks: approval_missing, ...
    #[arg(long, value_name = "RULE")]
    finding: Option<String>,
    /// The program that wrote the record
    #[arg(long, value_name = "ID")]
    producer: Option<String>,
    /// The type of the record: action.requested, ...
    #[arg(long)]
    r#type: Option<String>,
    /// The trace id: 32 hexadecimal digits
    #[arg(long, value_name = "ID")]
    trace: Option<String>,
    /// The call's name within its session
    #[arg(long, value_name = "ID")]
    action: Option<String>,
    /// The record's id
    #[arg(long, value_name = "UUID")]
    record: Option<String>,
    /// The id of the record that an approval binds
    #[arg(long, value_name = "UUID")]
    bound: Option<String>,
    /// Whose a key is that comes, changes or goes
    #[arg(long, value_name = "SUB")]
    party: Option<String>,
    /// A key that comes, changes or goes
    #[arg(long, value_name = "KID")]
    key: Option<String>,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "When, where")]
struct RangeArgs {
    /// Received at or after this moment, such as 2026-11-23T08:14:03.118Z
    #[arg(long, value_name = "MOMENT")]
    from: Option<String>,
    /// Received before this moment
    #[arg(long, value_name = "MOMENT")]
    to: Option<String>,
    /// From this entry on
    #[arg(long, value_name = "INDEX")]
    first: Option<u64>,
    /// Before this entry
    #[arg(long, value_name = "INDEX")]
    end: Option<u64>,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "How much of it")]
struct PageArgs {
    /// The newest first (the default)
    #[arg(long)]
    newest: bool,
    /// The oldest first
    #[arg(long, conflicts_with = "newest")]
    oldest: bool,
    /// So many at most [default: 50]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=LIMIT_MAX))]
    limit: Option<u64>,
    /// Where the page before ended, as it said
    #[arg(long, value_name = "INDEX")]
    cursor: Option<u64>,
    /// Wait until the lookups answer for so many entries [default: for what is published, 5 seconds at most]
    #[arg(long, value_name = "SIZE")]
    wait_for: Option<u64>,
}

pub(crate) async fn run(args: Args, printer: Printer) -> Result<Verdict, Failure> {
    let (url, options) = (args.url.clone(), args.http.options()?);
    let answered = ask(&url, options, args.question()).await?;
    if printer.json {
        text_line(&String::from_utf8_lossy(&answered.body));
        return Ok(Verdict::Holds);
    }
    let found = &answered.found;
    let mut behind = String::new();
    if found.behind > 0 {
        behind = format!("; {} published and not in the lookups yet", things(found.behind, "is", "are"));
    }
    let shown = things(found.records.len() as u64, "record", "records");
    let headline = format!("{shown}, of {}{behind}", things(found.size, "entry", "entries"));
    Printer::paragraph(&headline, &table::lines(&found.records));
    match found.cursor {
        Some(cursor) => text_line(&format!("there may be more: --cursor {cursor}")),
        None => text_line("that is all"),
    }
    Ok(Verdict::Holds)
}

/// Asks; and once more for all that is published, which is looked through in a moment, unless it was said what to wait for.
async fn ask(url: &str, options: HttpOptions, question: Question) -> Result<Answered, Failure> {
    let log = |options| Http::new(url, &options).map_err(Failure::could_not_tell);
    let found = search(&log(options.clone())?, &question).await.map_err(Failure::could_not_tell)?;
    let Found { size, behind, .. } = found.found;
    if behind == 0 || question.at_least.is_some() {
        return Ok(found);
    }
    // Lookups that are made anew take longer; then the first answer stands, and says how much is missing.
    let once = log(HttpOptions { attempts: 1, ..options })?;
    let whole = Question { at_least: Some(size + behind), ..question };
    Ok(search(&once, &whole).await.unwrap_or(found))
}

impl Args {
    fn question(self) -> Question {
        let Self { fields, range: RangeArgs { from, to, first, end }, page, .. } = self;
        Question {
            all: fields.all(),
            from,
            to,
            first,
            end,
            order: if page.oldest { Order::Oldest } else { Order::Newest },
            limit: page.limit,
            cursor: page.cursor,
            at_least: page.wait_for,
        }
    }
}

impl FieldArgs {
    fn all(self) -> Vec<(Field, String)> {
        let principal = match &self.principal[..] {
            [iss, sub] => Some(format!("{iss}|{sub}")),
            _ => None,
        };
        let all = [
            (Field::Principal, principal),
            (Field::User, self.user),
            (Field::Name, self.name),
            (Field::Agent, self.agent),
            (Field::Actor, self.actor),
            (Field::Session, self.session),
            (Field::Tool, self.tool),
            (Field::Server, self.server),
            (Field::Target, self.target),
            (Field::Approver, self.approver),
            (Field::Approval, self.approval),
            (Field::Outcome, self.outcome),
            (Field::Finding, self.finding),
            (Field::Producer, self.producer),
            (Field::Type, self.r#type),
            (Field::Trace, self.trace),
            (Field::Action, self.action),
            (Field::Record, self.record),
            (Field::Bound, self.bound),
            (Field::Party, self.party),
            (Field::Key, self.key),
        ];
        all.into_iter().filter_map(|(field, value)| Some((field, value?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Typed;
    use clap::{CommandFactory as _, Parser};
    use std::collections::BTreeSet;

    fn question(words: &[&str]) -> Question {
        Typed::<Args>::parse_from([&["search", "--url", "http://log.test"], words].concat()).args.question()
    }

    /// What the log can be asked, and what can be typed, are the same.
    #[test]
    fn every_parameter_of_the_api_is_an_option_and_no_option_is_more() {
        let description = serde_json::to_value(server::openapi::description()).unwrap();
        let parameters = description["paths"]["/v1/records"]["get"]["parameters"].as_array().unwrap().clone();
        let asked: BTreeSet<_> =
            parameters.iter().map(|parameter| parameter["name"].as_str().unwrap().to_owned()).collect();
        assert!(asked.len() > 20, "{asked:?}");
        let command = Typed::<Args>::command();
        let others = ["help", "url", "token-file", "ca-file", "at-once", "timeout"];
        let typed =
            command.get_arguments().filter_map(clap::Arg::get_long).filter(|name| !others.contains(name));
        let typed: BTreeSet<_> = typed
            .map(|name| match name {
                "newest" | "oldest" => "order",
                "wait-for" => "at_least",
                name => name,
            })
            .map(str::to_owned)
            .collect();
        assert_eq!(typed, asked);
        let fields: BTreeSet<_> = Field::ALL.iter().map(|field| field.as_str()).collect();
        let kinds: BTreeSet<_> = ::lookup::keys::Kind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(fields, kinds);
    }

    #[test]
    fn each_option_asks_for_what_it_says() {
        for field in Field::ALL {
            let option = format!("--{}", field.as_str());
            let (words, value) = match field {
                Field::Principal => (vec![option.as_str(), "https://idp", "x"], "https://idp|x"),
                _ => (vec![option.as_str(), "x"], "x"),
            };
            assert_eq!(question(&words).all, [(*field, value.to_owned())]);
        }
        let words =
            ["--oldest", "--limit", "3", "--cursor", "4", "--wait-for", "5", "--first", "1", "--end", "2"];
        let asked = question(&[&words[..], &["--from", "a", "--to", "b"]].concat());
        assert_eq!(asked.query(), "from=a&to=b&order=oldest&first=1&end=2&limit=3&cursor=4&at_least=5");
        assert_eq!(question(&["--newest"]), Question::default());
    }
}
