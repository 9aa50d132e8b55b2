//! An evidence file checked offline, and what is said of it: what holds, what does not, what it cannot tell.

use std::path::Path;

use ::evidence::{Class, Evidence, Report, Standing, Verified, html};
use tlog::policy::Policy;

use crate::cli::{Failure, Verdict};
use crate::print::{Printer, Table, count, safe, things};

/// Checks the file, prints what is to be said, and writes the page.
pub(crate) fn check(
    name: &Path,
    bytes: &[u8],
    policy: Option<&Policy>,
    page: Option<&Path>,
    printer: Printer,
) -> Result<Verdict, Failure> {
    let file = Evidence::parse(bytes)
        .map_err(|error| Failure::does_not_hold(format!("{}: {error}", safe(&name.display().to_string()))))?;
    let report = file.verify(policy);
    if let Some(page) = page {
        super::write(page, html::page(&report).as_bytes())?;
    }
    let verdict = verdict(&report);
    printer.result(verdict, &headline(&report), &Table::default(), &report);
    if !printer.json {
        classes(&report);
    }
    Ok(verdict)
}

fn verdict(report: &Report) -> Verdict {
    match report.class() {
        Class::Holds => Verdict::Holds,
        Class::CannotTell => Verdict::CouldNotTell,
        Class::DoesNotHold => Verdict::DoesNotHold,
    }
}

fn headline(report: &Report) -> String {
    let of = match &report.verified {
        Some(verified) => format!("from {} at size {}", safe(&verified.origin), count(verified.size)),
        None => "nothing of it is shown, for nothing shows that it is in the log".to_owned(),
    };
    let found = report.verified.as_ref().map_or(0, |verified| verified.findings.len() as u64);
    let found = match found {
        0 => String::new(),
        found => format!(", {}", things(found, "finding", "findings")),
    };
    format!("evidence of {}, {of}{found}", report.asked)
}

fn classes(report: &Report) {
    for (class, title) in [(Class::DoesNotHold, "does not hold"), (Class::Holds, "holds")] {
        let lines: Vec<String> = report.of_class(class).map(|sentence| sentence.words.clone()).collect();
        if !lines.is_empty() {
            Printer::paragraph(title, &lines);
        }
    }
    if let Some(verified) = &report.verified {
        let found = found(verified);
        if !found.is_empty() {
            Printer::paragraph("found", &found);
        }
    }
    let open = report.of_class(Class::CannotTell);
    let lines: Vec<String> = open
        .map(|sentence| {
            let mark = if sentence.general { "" } else { "MISSING HERE  " };
            format!("{mark}{}", sentence.words)
        })
        .collect();
    if !lines.is_empty() {
        Printer::paragraph("cannot be told from this file", &lines);
    }
}

fn found(verified: &Verified) -> Vec<String> {
    let line = |found: &::evidence::Judged| {
        let rests_on: Vec<String> = found.rests_on.iter().map(ToString::to_string).collect();
        let rests_on =
            if rests_on.is_empty() { String::new() } else { format!(" (rests on {})", rests_on.join(", ")) };
        let standing = match found.standing {
            Standing::Shown => "",
            Standing::IfNothingIsLeftOut => "; if the file leaves nothing out that bears on it",
        };
        format!("{} [{}]: {}{rests_on}{standing}", found.rule, found.index, safe(&found.why))
    };
    verified.findings.iter().map(line).collect()
}
