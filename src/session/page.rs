//! A session on one page, for people. Whatever a record says is shown safely: control characters, and those that turn the
//! direction of writing, are escaped.

use ::record::story::{Call, Decided, Ended, Found, Identity, Input, Story};

use super::fold::Overview;
use crate::cli::Verdict;
use crate::print::{Printer, count, safe, text_line};

/// Characters of a content that are shown.
const CONTENT_CHARS: usize = 100;

/// Complete and nothing found, something wrong, or not to be told.
pub(super) fn verdict(story: &Story) -> Verdict {
    match (story.verdict, story.all_findings().next().is_some()) {
        ("COMPLETE", false) => Verdict::Holds,
        ("CANNOT TELL", false) => Verdict::CouldNotTell,
        _ => Verdict::DoesNotHold,
    }
}

/// One line a session, those with findings marked.
pub(super) fn print_list(overviews: &[Overview]) {
    let width = overviews.iter().map(|o| safe(&o.session).chars().count()).max().unwrap_or(0);
    for session in overviews {
        let who = format!(
            "{} for {}",
            session.agent.as_deref().map_or("nobody".into(), safe),
            session.principal.as_deref().map_or("nobody".into(), safe)
        );
        let found = match session.findings {
            0 => String::new(),
            n => format!("  {n} found: {}", session.rules.join(", ")),
        };
        text_line(&format!(
            "  {:width$}  {}  {:>5} records  {:<11}  {who}{found}",
            safe(&session.session),
            session.from,
            count(session.records),
            session.verdict,
        ));
    }
}

/// The page.
pub(super) fn print(story: &Story, verdict: Verdict, speaks_for: &str) {
    let found = story.all_findings().count();
    let found = if found == 0 { "nothing found".to_owned() } else { format!("{found} found") };
    let headline = format!(
        "{}: session {}, {}, {found} ({speaks_for})",
        verdict.words(),
        safe(&story.session),
        story.verdict
    );
    Printer::paragraph(&headline, &authority(story));
    for call in &story.calls {
        Printer::paragraph(&heading(call), &lines_of(call));
    }
    if !story.findings.is_empty() {
        Printer::paragraph("beside the calls", &story.findings.iter().map(wrong).collect::<Vec<_>>());
    }
}

pub(crate) fn authority(story: &Story) -> Vec<String> {
    let mut lines = Vec::new();
    let mut say = |name: &str, value: String| lines.push(format!("{name:<13} {value}"));
    for principal in &story.principals {
        say("who asked", identity(principal));
    }
    for agent in &story.agents {
        say("which agent", identity(agent));
    }
    if !story.actors.is_empty() {
        say("actors", story.actors.iter().map(|actor| safe(actor)).collect::<Vec<_>>().join(", for "));
    }
    say("may", story.scope.as_deref().map_or("nobody said".into(), safe));
    say("until", story.expires.clone().unwrap_or_else(|| "nobody said".into()));
    if let Some(purpose) = &story.purpose {
        say("to", safe(purpose));
    }
    if let Some(policy) = &story.approval_policy {
        let of =
            policy.tools.iter().map(|tool| safe(tool)).chain(policy.effects.iter().map(|&e| e.to_owned()));
        say("needs", format!("an approval ({}) for {}", policy.mode, of.collect::<Vec<_>>().join(", ")));
    }
    for hop in &story.delegations {
        let verb = if hop.revoked { "takes back from" } else { "hands on to" };
        let scope = hop.scope.as_deref().map_or("everything".into(), safe);
        let until = hop.expires.as_ref().map_or(String::new(), |end| format!(", until {end}"));
        say(
            "delegation",
            format!("{} {verb} {}: {scope}{until} [{}]", safe(&hop.from), safe(&hop.to), hop.index),
        );
    }
    say("time", format!("{} to {}", story.from, story.to));
    let producers = story.producers.iter().map(|producer| safe(producer)).collect::<Vec<_>>().join(", ");
    say(
        "records",
        format!("{} at {} to {}, by {producers}", story.records, story.first_index, story.last_index),
    );
    for reason in &story.reasons {
        say("why", safe(reason));
    }
    lines
}

fn identity(identity: &Identity) -> String {
    let of = identity.of.as_deref().map_or(String::new(), |of| format!(" ({})", safe(of)));
    format!("{}{of}, {}", safe(&identity.sub), identity.grade)
}

pub(crate) fn heading(call: &Call) -> String {
    let tool = call.tool.as_deref().map_or("an unnamed tool".into(), safe);
    let on = call.target.as_deref().map_or(String::new(), |target| format!(" on {}", safe(target)));
    let effect = call.effect.map_or(String::new(), |effect| format!(", {effect}"));
    format!("{}  {tool}{on}{effect}", safe(&call.id))
}

pub(crate) fn lines_of(call: &Call) -> Vec<String> {
    let mut lines = Vec::new();
    match &call.requested {
        Some(asked) => {
            let requires =
                asked.requires.as_deref().map_or(String::new(), |word| format!(", needs {}", safe(word)));
            let input = asked.input.as_ref().map_or("no input".into(), content);
            lines.push(format!("requested  {} [{}]{requires}: {input}", asked.time, asked.index));
        }
        None => lines.push("requested  never, as far as the log knows".to_owned()),
    }
    lines.extend(call.decisions.iter().map(decided));
    if let Some(reason) = &call.denied {
        lines.push(format!("denied     {}", safe(reason)));
    }
    lines.extend(call.ended.iter().map(ended));
    if call.ended.is_empty() && call.denied.is_none() {
        lines.push("ended      nobody said".to_owned());
    }
    lines.extend(call.findings.iter().map(wrong));
    lines
}

fn decided(decision: &Decided) -> String {
    let by = decision.approver.as_deref().map_or("nobody named".into(), safe);
    let binds = if decision.binds_request { "binds this request" } else { "does not bind this request" };
    let until = decision.expires.as_ref().map_or(String::new(), |end| format!(", until {end}"));
    let answer = decision.answer.as_ref().map_or(String::new(), |answer| format!(": {}", content(answer)));
    let session = decision.session.as_ref();
    let session = session.map_or(String::new(), |session| format!(", in session {}", safe(session)));
    format!(
        "{:<10} {} [{}] by {by} ({}, {}){session}, {binds}{until}{answer}",
        decision.decision, decision.time, decision.index, decision.mode, decision.identity
    )
}

fn ended(end: &Ended) -> String {
    let code = end.code.as_deref().map_or(String::new(), |code| format!(" ({})", safe(code)));
    let took = end.ms.map_or(String::new(), |ms| format!(" after {} ms", count(ms)));
    let executed =
        end.executed.as_ref().map_or(String::new(), |input| format!(", executed {}", content(input)));
    let output = end.output.as_ref().map_or("nothing".into(), content);
    format!("ended      {} [{}] {}{code}{took}{executed}: {output}", end.time, end.index, end.status)
}

fn content(content: &Input) -> String {
    let bytes = content.bytes.map_or("content".to_owned(), |bytes| format!("{} bytes", count(bytes)));
    match (&content.content, &content.sd) {
        (Some(text), _) => {
            let shown: String = text.chars().take(CONTENT_CHARS).collect();
            let more = if shown.len() < text.len() { "…" } else { "" };
            format!("{bytes}, {}{more}", safe(&shown))
        }
        (None, Some(sd)) => {
            let why = content.not_shown.unwrap_or("beside the log");
            format!("{bytes} {why}, {}", safe(sd))
        }
        (None, None) => bytes,
    }
}

fn wrong(found: &Found) -> String {
    let rests_on: Vec<String> = found.rests_on.iter().map(ToString::to_string).collect();
    let rests_on =
        if rests_on.is_empty() { String::new() } else { format!(" (rests on {})", rests_on.join(", ")) };
    format!("WRONG      {} [{}]: {}{rests_on}", found.rule, found.index, safe(&found.why))
}
