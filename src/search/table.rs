//! What was found, a line a record, no wider than a terminal. Whatever a record says is shown safely.

use ::record::Logged;
use ::record::model::{Decision, Masked, Record};
use client::search::FoundRecord;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::print::{count, safe};

/// Columns of a line, the two that it is set in by among them.
const WIDTH: usize = 100;
const SET_IN: usize = 2;
const GAP: usize = 2;

/// What is told of a record, in this order.
const TIME: usize = 0;
const INDEX: usize = 1;
const SESSION: usize = 2;
const AGENT: usize = 5;
const WHAT: usize = 6;
const HEADINGS: [&str; 8] = ["time", "index", "session", "type", "who", "agent", "what", "outcome"];
/// Where one value for all records is told once, above them.
const TOLD_ONCE: [usize; 3] = [SESSION, 4, AGENT];
/// Columns of the longest of their names.
const LONGEST_TOLD: usize = "session".len();
/// Where a cell that is cut keeps its end: what tells one session or agent from another is there.
const ENDS_MATTER: [usize; 2] = [SESSION, AGENT];

type Row = [String; HEADINGS.len()];

/// The table, with its headings; nothing where nothing was found.
pub(super) fn lines(records: &[FoundRecord]) -> Vec<String> {
    let mut rows: Vec<Row> = records.iter().map(row).collect();
    let mut headings = HEADINGS.map(str::to_owned);
    let mut lines = vec![];
    let mut columns: Vec<usize> = (0..HEADINGS.len()).collect();
    if let Some(day) = common_day(&rows) {
        headings[TIME].clone_from(&day);
        rows.iter_mut().for_each(|row| drop(row[TIME].drain(..=day.len())));
    }
    if let [first, _, ..] = &rows[..] {
        let same = |column: usize| rows.iter().all(|row| row[column] == first[column]);
        for column in TOLD_ONCE.into_iter().filter(|&column| same(column)) {
            let room = WIDTH - SET_IN - LONGEST_TOLD - GAP;
            let told = fitted(&first[column], room, ENDS_MATTER.contains(&column));
            lines.push(format!("{:<LONGEST_TOLD$}{:GAP$}{told}", HEADINGS[column], ""));
            columns.retain(|each| *each != column);
        }
    }
    if !rows.is_empty() {
        rows.insert(0, headings);
    }
    let widths = widths(&rows, &columns);
    lines.extend(rows.iter().map(|row| line(row, &columns, &widths)));
    lines
}

/// The day on which all of them were received, if there is one.
fn common_day(rows: &[Row]) -> Option<String> {
    let day = |row: &Row| row[TIME].split_once('T').map(|(day, _)| day.to_owned());
    let first = day(rows.first()?)?;
    rows.iter().all(|row| day(row).as_ref() == Some(&first)).then_some(first)
}

fn row(found: &FoundRecord) -> Row {
    let index = format!("{}{}", count(found.index), if found.findings.is_empty() { "" } else { "!" });
    let Ok(logged) = Logged::read(found.index, found.entry.as_bytes()) else {
        let mut row = HEADINGS.map(|_| "-".to_owned());
        (row[INDEX], row[WHAT]) = (index, "this is no record".to_owned());
        return row;
    };
    let record = logged.record();
    let or_none = |text: Option<&str>| text.map_or("-".to_owned(), safe);
    let received = logged.received().to_string();
    [
        // Seconds will do where there is little room.
        format!("{}Z", received.split('.').next().unwrap_or(&received)),
        index,
        or_none(record.session.as_ref().map(|session| session.id.as_str())),
        safe(record.kind.as_str()),
        or_none(who(record)),
        or_none(record.agent.as_ref().map(|agent| agent.sub.as_str())),
        what(record),
        or_none(outcome(record)),
    ]
}

/// Who asked; in the log's own records, who looked or decided.
fn who<'a>(record: &'a Record<'_>) -> Option<&'a str> {
    let principal = record.principal.as_ref();
    let named = principal.map(|who| who.name.as_ref().and_then(Masked::plain).unwrap_or(who.sub.as_str()));
    named
        .or_else(|| Some(record.access.as_ref()?.reader.as_str()))
        .or_else(|| Some(record.erased.as_ref()?.by.as_str()))
        .or_else(|| Some(record.hold.as_ref()?.by.as_str()))
        .or_else(|| Some(record.grant.as_ref()?.by.as_str()))
}

/// Tool and target; in the log's own records, what was looked at, erased, held or granted.
fn what(record: &Record<'_>) -> String {
    if let Some(action) = &record.action {
        let tool = action.tool.as_deref().unwrap_or("-");
        let target = action.target.as_ref().map(|target| target.plain().unwrap_or("(beside the log)"));
        return target.map_or(safe(tool), |target| format!("{} {}", safe(tool), safe(target)));
    }
    let own = None
        .or_else(|| Some(record.access.as_ref()?.kind.as_str()))
        .or_else(|| Some(record.erased.as_ref()?.sd.as_str()))
        .or_else(|| Some(record.hold.as_ref()?.id.as_str()))
        .or_else(|| Some(record.grant.as_ref()?.holder.as_str()))
        .or_else(|| Some(record.key.as_ref()?.kid.as_str()));
    own.map_or("-".to_owned(), safe)
}

/// How it ended, or what was decided.
fn outcome<'a>(record: &'a Record<'_>) -> Option<&'a str> {
    let ended = record.outcome.as_ref().map(|outcome| outcome.status.as_str());
    let decided = record.approval.as_ref().and_then(|approval| approval.decision);
    let decided = decided.map(|decision| if decision == Decision::Approved { "approved" } else { "denied" });
    ended.or(decided)
}

/// As wide as what is in them; where that is too wide, the widest give way, and time and index do not.
fn widths(rows: &[Row], columns: &[usize]) -> Vec<usize> {
    let widest = |&column: &usize| rows.iter().map(|row| row[column].width()).max().unwrap_or(0);
    let mut widths: Vec<usize> = columns.iter().map(widest).collect();
    let room = WIDTH - SET_IN - GAP * (columns.len() - 1);
    while widths.iter().sum::<usize>() > room {
        let gives_way = |at: &usize| ![TIME, INDEX].contains(&columns[*at]);
        match (0..widths.len()).filter(gives_way).max_by_key(|&at| widths[at]) {
            Some(widest) if widths[widest] > 1 => widths[widest] -= 1,
            _ => break,
        }
    }
    widths
}

fn line(row: &Row, columns: &[usize], widths: &[usize]) -> String {
    let mut line = String::new();
    for (&column, &width) in columns.iter().zip(widths) {
        let cell = fitted(&row[column], width, ENDS_MATTER.contains(&column));
        line.push_str(&cell);
        line.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.width()) + GAP));
    }
    line.trim_end().to_owned()
}

/// A cell in so many columns: its start, or its end, and … for the rest.
fn fitted(cell: &str, width: usize, keeps_end: bool) -> String {
    if cell.width() <= width {
        return cell.to_owned();
    }
    let mut room = width.saturating_sub(1);
    let mut fits = |c: &char| {
        let needed = c.width().unwrap_or(0);
        let fits = needed <= room;
        room -= needed.min(room);
        fits
    };
    if keeps_end {
        let kept: Vec<char> = cell.chars().rev().take_while(&mut fits).collect();
        std::iter::once('…').chain(kept.into_iter().rev()).collect()
    } else {
        cell.chars().take_while(&mut fits).chain(std::iter::once('…')).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(index: u64, member: &str, value: &str) -> FoundRecord {
        let mut record = serde_json::json!({
            "type": "action.completed", "id": "0198f0c2-7d1e-7c3a-9a54-1f2f6f1f9b10", "time": "2026-11-23T08:14:03.118Z",
            "producer": {"id": "p"}, "agent": {"sub": "spiffe://acme.example/agent/crm"},
            "principal": {"iss": "i", "sub": "alice"}, "session": {"id": "s-1"},
            "action": {"id": "a", "tool": "crm.update", "target": "contact/42"}, "outcome": {"status": "ok"},
        });
        *record.pointer_mut(member).unwrap() = value.into();
        let submission = ::record::Submission::parse(record.to_string().as_bytes()).unwrap();
        let vouched = ::record::Vouched::asserted("2026-11-23T08:14:03.201Z", "open", [7; 16]);
        let entry = ::record::seal(&submission, None, &vouched).unwrap();
        let entry = String::from_utf8(entry.bytes().to_vec()).unwrap();
        FoundRecord { index, entry, findings: vec![] }
    }

    #[test]
    fn a_record_that_fits_is_shown_whole_and_one_that_does_not_is_cut_where_it_matters_least() {
        let mut broken = found(1_041, "/session/id", "s-1");
        broken.findings.push("approval_missing".into());
        let told = lines(&[broken.clone()]);
        assert_eq!(told[0].split_whitespace().next(), Some("2026-11-23"), "{told:?}");
        let words: Vec<&str> = told[1].split_whitespace().collect();
        assert_eq!(words[..5], ["08:14:03Z", "1,041!", "s-1", "action.completed", "alice"]);
        assert_eq!(words[6..], ["crm.update", "cont…", "ok"], "{told:?}");
        assert!(words[5].starts_with('…') && words[5].ends_with("/agent/crm"), "{words:?}");
        // What is the same for all is told once, above them.
        let two = lines(&[broken, found(1_040, "/action/target", &"t".repeat(60))]);
        assert_eq!(two[..3], ["session  s-1", "who      alice", "agent    spiffe://acme.example/agent/crm"]);
        assert_eq!(
            two[3].split_whitespace().collect::<Vec<_>>(),
            ["2026-11-23", "index", "type", "what", "outcome"]
        );
        assert!(
            two[5].contains("…  ok") && two[5].width() == WIDTH - SET_IN - "outcome".len() + 2,
            "{two:?}"
        );
    }

    #[test]
    fn no_line_is_wider_than_a_terminal_whatever_a_record_says() {
        let long = [
            "x".repeat(60_000),
            "東".repeat(9_000),
            "\u{1b}[2J\u{202e}".repeat(5_000),
            "e\u{301}".repeat(900),
        ];
        for evil in &long {
            let members =
                ["/session/id", "/principal/sub", "/agent/sub", "/action/tool", "/action/target", "/type"];
            let records: Vec<_> = members.iter().map(|member| found(u64::MAX, member, evil)).collect();
            for line in lines(&records) {
                assert!(line.width() + SET_IN <= WIDTH, "{} columns: {line}", line.width());
                assert!(!line.chars().any(|c| c.is_control() || c == '\u{202e}'), "{line:?}");
            }
        }
    }

    #[test]
    fn what_is_no_record_is_said_to_be_none() {
        let none = FoundRecord { index: 3, entry: "\u{1b}[2J".into(), findings: vec![] };
        assert!(lines(&[none])[1].ends_with("this is no record  -"));
        assert!(lines(&[]).is_empty());
    }
}
