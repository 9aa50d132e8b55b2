//! What was found, a line a record, no wider than a terminal. Whatever a record says is shown safely.

use ::record::Logged;
use ::record::model::{Decision, Masked, Record};
use client::search::FoundRecord;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::print::{count, safe};

/// Columns of a line, the two that it is set in by among them.
const WIDTH: usize = 100;
const HEADINGS: [&str; 8] = ["time", "index", "session", "type", "who", "agent", "what", "outcome"];
/// Columns that stay as wide as they are.
const FIXED: [usize; 2] = [0, 1];
/// Where a cell that is cut keeps its end: what tells one agent from another is there.
const ENDS_MATTER: [usize; 1] = [5];
const GAP: &str = "  ";

type Row = [String; HEADINGS.len()];

/// The table, with its headings; nothing where nothing was found.
pub(super) fn lines(records: &[FoundRecord]) -> Vec<String> {
    if records.is_empty() {
        return vec![];
    }
    let rows: Vec<Row> =
        std::iter::once(HEADINGS.map(str::to_owned)).chain(records.iter().map(row)).collect();
    let widths = widths(&rows);
    rows.iter().map(|row| line(row, &widths)).collect()
}

fn row(found: &FoundRecord) -> Row {
    let index = format!("{}{}", count(found.index), if found.findings.is_empty() { "" } else { "!" });
    let Ok(logged) = Logged::read(found.index, found.entry.as_bytes()) else {
        let mut row = HEADINGS.map(|_| "-".to_owned());
        (row[1], row[6]) = (index, "this is no record".to_owned());
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

/// As wide as what is in them; where that is too wide, the widest give way.
fn widths(rows: &[Row]) -> Vec<usize> {
    let widest = |column: usize| rows.iter().map(|row| row[column].width()).max().unwrap_or(0);
    let mut widths: Vec<usize> = (0..HEADINGS.len()).map(widest).collect();
    let room = WIDTH - GAP.len() * HEADINGS.len();
    while widths.iter().sum::<usize>() > room {
        let widest = (0..widths.len()).filter(|column| !FIXED.contains(column)).max_by_key(|&at| widths[at]);
        match widest {
            Some(widest) if widths[widest] > 1 => widths[widest] -= 1,
            _ => break,
        }
    }
    widths
}

fn line(row: &Row, widths: &[usize]) -> String {
    let mut line = String::new();
    for (column, (cell, &width)) in row.iter().zip(widths).enumerate() {
        let cell = fitted(cell, width, ENDS_MATTER.contains(&column));
        line.push_str(&cell);
        line.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.width())));
        line.push_str(GAP);
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
        let vouched = ::record::Vouched {
            received: "2026-11-23T08:14:03.201Z",
            submitter: "open",
            principal: ::record::Grade::Asserted,
            agent: ::record::Grade::Asserted,
            disclosed: ::record::Places::NONE,
            secret: ::record::Places::NONE,
            salt: [7; 16],
        };
        let entry = ::record::seal(&submission, None, &vouched).unwrap();
        let entry = String::from_utf8(entry.bytes().to_vec()).unwrap();
        FoundRecord { index, entry, findings: vec![] }
    }

    #[test]
    fn a_short_record_is_shown_whole() {
        let mut broken = found(1_041, "/session/id", "s-1");
        broken.findings.push("approval_missing".into());
        let lines = lines(&[broken]);
        assert_eq!(lines.len(), 2);
        let words: Vec<&str> = lines[1].split("  ").map(str::trim).filter(|word| !word.is_empty()).collect();
        assert_eq!(words[..5], ["2026-11-23T08:14:03Z", "1,041!", "s-1", "action.compl…", "alice"]);
        assert!(words[5].starts_with('…') && words[5].ends_with("agent/crm"), "{words:?}");
        assert!(lines[1].contains("crm.update") && lines[1].ends_with("ok"), "{lines:?}");
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
                assert!(line.width() + 2 <= WIDTH, "{} columns: {line}", line.width());
                assert!(!line.chars().any(|c| c.is_control() || c == '\u{202e}'), "{line:?}");
            }
        }
    }

    #[test]
    fn what_is_no_record_is_said_to_be_none() {
        let none = FoundRecord { index: 3, entry: "\u{1b}[2J".into(), findings: vec![] };
        assert!(lines(&[none])[1].contains("this is no record"));
        assert!(lines(&[]).is_empty());
    }
}
