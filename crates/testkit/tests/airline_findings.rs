//! What the log says of the airline's agent, and an independent count from the conversations themselves.
//!
//! docs/airline.md is this table; `DEEDBOOK_BLESS=1 cargo test -p testkit --test airline_findings` writes it anew.
#![allow(clippy::unwrap_used, reason = "helpers of tests may unwrap as tests do")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use record::findings::{Finding, Fold, Parameters, Rule, Seen, Verdict};
use record::model::{Record, Status};
use serde_json::Value;
use testkit::airline;

/// The five tools that the airline's rule names, by its words: booking, modifying flights, editing baggage, upgrading
/// cabin class (which is a change of flights), updating passengers; and cancelling, which changes a booking too.
const CHANGES: [&str; 5] = [
    "book_reservation",
    "cancel_reservation",
    "update_reservation_baggages",
    "update_reservation_flights",
    "update_reservation_passengers",
];

/// Session and tool of a call, and how often.
type Calls = BTreeMap<(String, String), usize>;

struct Judged {
    findings: Vec<Finding>,
    verdicts: BTreeMap<String, Verdict>,
    tool_at: BTreeMap<u64, String>,
    errors: BTreeSet<u64>,
}

/// The fold over the sample, in the order of the file, each record received when it says that it happened.
fn judged() -> Judged {
    let mut fold = Fold::new(Parameters::default());
    let mut judged = Judged {
        findings: Vec::new(),
        verdicts: BTreeMap::new(),
        tool_at: BTreeMap::new(),
        errors: BTreeSet::new(),
    };
    let mut sessions = BTreeSet::new();
    for (index, line) in (0..).zip(airline::bare()) {
        let record = Record::read(line.as_bytes()).unwrap();
        sessions.extend(record.session.as_ref().map(|session| session.id.as_str().to_owned()));
        let tool = record.action.as_ref().and_then(|action| action.tool.as_deref());
        judged.tool_at.extend(tool.map(|tool| (index, tool.to_owned())));
        let error = record.outcome.as_ref().is_some_and(|outcome| outcome.status == Status::Error);
        judged.errors.extend(error.then_some(index));
        judged.findings.extend(fold.take(&Seen {
            index,
            received: record.time,
            record: &record,
            canonical: line.as_bytes(),
            rewritten: false,
            signatures: &[],
        }));
    }
    judged.verdicts = sessions.into_iter().map(|id| (id.clone(), fold.verdict(&id).unwrap())).collect();
    judged
}

/// Calls that change a booking, by session and tool: those without the word yes in the customer's last message, and all.
/// Straight from the conversations: no code of the conversion or of the findings is used.
fn counted() -> (Calls, Calls) {
    let source: Value = serde_json::from_slice(&airline::original()).unwrap();
    let (mut without, mut all) = (Calls::new(), Calls::new());
    for conversation in source.as_array().unwrap() {
        let session = format!(
            "airline-trial{}-task{:02}",
            conversation["trial"].as_u64().unwrap(),
            conversation["task_id"].as_u64().unwrap()
        );
        let mut last = "";
        for message in conversation["traj"].as_array().unwrap() {
            if message["role"] == "user" {
                last = message["content"].as_str().unwrap();
            }
            for call in message["tool_calls"].as_array().into_iter().flatten() {
                let tool = call["function"]["name"].as_str().unwrap();
                if CHANGES.contains(&tool) {
                    let key = (session.clone(), tool.to_owned());
                    *without.entry(key.clone()).or_default() += usize::from(!holds_a_yes(last));
                    *all.entry(key).or_default() += 1;
                }
            }
        }
    }
    without.retain(|_, count| *count > 0);
    (without, all)
}

/// Letter by letter: y, e, s with nothing beside them that belongs to a word.
fn holds_a_yes(text: &str) -> bool {
    let letters: Vec<char> = text.chars().collect();
    let belongs = |at: Option<usize>| {
        at.and_then(|at| letters.get(at)).is_some_and(|c| c.is_alphanumeric() || *c == '_')
    };
    (0..letters.len().saturating_sub(2)).any(|at| {
        let word: String = letters[at..at + 3].iter().flat_map(|c| c.to_lowercase()).collect();
        word == "yes" && !belongs(at.checked_sub(1)) && !belongs(Some(at + 3))
    })
}

#[test]
fn the_log_finds_what_the_conversations_hold() {
    let judged = judged();
    let mut found = Calls::new();
    for finding in &judged.findings {
        assert_eq!(finding.rule, Rule::ApprovalMissing, "{finding:?}");
        let tool = judged.tool_at[&finding.index].clone();
        *found.entry((finding.session.clone().unwrap(), tool)).or_default() += 1;
    }
    let (without, _) = counted();
    assert_eq!(found, without);
    assert_eq!(judged.verdicts.len(), airline::SESSIONS);
    assert!(judged.verdicts.values().all(|verdict| *verdict == Verdict::Complete), "{:?}", judged.verdicts);
}

#[test]
fn the_published_table_is_this_one() {
    let judged = judged();
    let (without, all) = counted();
    let by_tool = |calls: &Calls, tool: &str| -> usize {
        calls.iter().filter(|((_, called), _)| called == tool).map(|(_, count)| count).sum()
    };
    let total = judged.findings.len();
    let sessions: BTreeSet<&String> = without.keys().map(|(session, _)| session).collect();
    let changes: usize = all.values().sum();
    let errors = judged.findings.iter().filter(|finding| judged.errors.contains(&finding.index)).count();
    let mut text = format!(
        "# What the log says of an airline's agent\n\n\
         The sample in `tests/data/airline` is 200 real conversations of an airline's agent with simulated customers. The \
         airline's\nown rule is the sessions' `approval_policy`: before each change to a booking the agent must obtain the \
         customer's explicit\nyes. The log holds {changes} such calls. **{total} of them ran without an approval that covers \
         them** (`approval_missing`), in\n{} of the 200 sessions; {errors} of these came back as an error, which is a call that ran all the same. No other \
         rule found\nanything, and all 200 sessions are COMPLETE.\n\n\
         | Tool | changes | without an approval |\n|---|---:|---:|\n",
        sessions.len()
    );
    for tool in CHANGES {
        writeln!(text, "| `{tool}` | {} | {} |", by_tool(&all, tool), by_tool(&without, tool)).unwrap();
    }
    write!(
        text,
        "| all | {changes} | {total} |\n\n## Which sessions\n\n| Session | without an approval |\n|---|---|\n"
    )
    .unwrap();
    for session in sessions {
        let calls: Vec<String> = without
            .iter()
            .filter(|((of, _), _)| of == session)
            .map(|((_, tool), count)| format!("{count} x `{tool}`"))
            .collect();
        writeln!(text, "| `{session}` | {} |", calls.join(", ")).unwrap();
    }
    text.push_str(
        "\n## How it was computed\n\n\
         By the fold of [findings](findings.md) over the 2,924 records of `tests/data/airline/records.ndjson`, in their \
         order. A yes\nis the word yes in the customer's last message before the call, and the record of it \
         (`approval.decided`) is the\ntranscript's word: nobody signed anything, so these approvals are graded \
         `asserted`. \"Please proceed\" is no yes by this\nrule, and may well have been meant as one: the finding says that \
         the log holds no approval, not that the customer was\nagainst it.\n\n\
         A test counts the same from the conversations themselves (`gpt-4o-airline.json.gz`), with code of its own, and \
         compares\nsession by session and tool by tool; another holds this page against the result: `cargo test -p testkit \
         --test airline_findings`.\n",
    );
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/airline.md");
    if std::env::var_os("DEEDBOOK_BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert!(std::fs::read_to_string(&path).unwrap() == text, "docs/airline.md is another table; see above");
}
