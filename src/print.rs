//! Results on standard output: a table for people, or JSON.

use std::io::Write as _;

use anstyle::{AnsiColor, Style};
use serde::Serialize;

/// What somebody else wrote, safe for a terminal.
pub(crate) use ::record::visible as safe;

use crate::cli::{Failure, Verdict};

/// Knows whether people or programs read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Printer {
    pub(crate) json: bool,
    pub(crate) bars: bool,
}

/// A result for people: a verdict, its headline, and lines of name and value.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<(&'static str, String)>,
}

impl Table {
    /// Adds a line.
    #[expect(clippy::needless_pass_by_value, reason = "callers hand over what they just made")]
    pub(crate) fn row(mut self, name: &'static str, value: impl ToString) -> Self {
        self.rows.push((name, value.to_string()));
        self
    }

    /// Adds a line if there is something to say.
    pub(crate) fn maybe(self, name: &'static str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.row(name, value),
            None => self,
        }
    }

    fn write(&self, out: &mut impl std::io::Write) -> std::io::Result<()> {
        let width = self.rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, value) in &self.rows {
            let indent = format!("\n  {:width$}  ", "");
            writeln!(out, "  {name:width$}  {}", value.trim_end().replace('\n', &indent))?;
        }
        Ok(())
    }
}

impl Printer {
    /// Prints a result: `result` for programs, headline and table for people.
    pub(crate) fn result(self, verdict: Verdict, headline: &str, table: &Table, result: &impl Serialize) {
        if self.json {
            return json_line(&Judged { verdict: verdict.words(), result });
        }
        let mut out = anstream::stdout().lock();
        let style = style_of(verdict);
        let _ = writeln!(out, "{style}{}{style:#}: {headline}", verdict.words());
        let _ = table.write(&mut out);
    }

    /// Says what is going on: `result` for programs, a word, headline and table for people.
    pub(crate) fn told(self, word: &str, headline: &str, table: &Table, result: &impl Serialize) {
        if self.json {
            return json_line(result);
        }
        let mut out = anstream::stdout().lock();
        let style = Style::new().bold();
        let _ = writeln!(out, "{style}{word}{style:#}: {headline}");
        let _ = table.write(&mut out);
        let _ = out.flush();
    }

    /// A headline and what belongs to it, one item or several lines each.
    pub(crate) fn paragraph(headline: &str, lines: &[String]) {
        let mut out = anstream::stdout().lock();
        let style = Style::new().bold();
        let _ = writeln!(out, "{style}{headline}{style:#}");
        for line in lines {
            let _ = writeln!(out, "  {}", line.trim_end().replace('\n', "\n    "));
        }
        let _ = writeln!(out);
        let _ = out.flush();
    }

    /// Says why nothing came of it: on standard error, or as JSON on standard output.
    pub(crate) fn failure(self, failure: &Failure) {
        if self.json {
            return json_line(&Judged {
                verdict: failure.verdict.words(),
                result: &Told { error: &failure.words },
            });
        }
        let style = style_of(failure.verdict);
        let _ =
            writeln!(anstream::stderr(), "{style}{}{style:#}: {}", failure.verdict.words(), failure.words);
    }
}

/// One line of JSON on standard output. A reader that went away is no failure.
pub(crate) fn json_line(value: &impl Serialize) {
    let mut out = std::io::stdout().lock();
    if let Ok(json) = serde_json::to_string(value) {
        let _ = writeln!(out, "{json}");
    }
}

/// One line on standard output, as it is.
pub(crate) fn text_line(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// A remark on standard error.
pub(crate) fn remark(words: &str) {
    let _ = writeln!(anstream::stderr(), "{words}");
}

#[derive(Serialize)]
struct Judged<'a, T: Serialize> {
    verdict: &'a str,
    #[serde(flatten)]
    result: &'a T,
}

#[derive(Serialize)]
struct Told<'a> {
    error: &'a str,
}

fn style_of(verdict: Verdict) -> Style {
    let colour = match verdict {
        Verdict::Holds => AnsiColor::Green,
        Verdict::DoesNotHold => AnsiColor::Red,
        Verdict::CouldNotTell => AnsiColor::Yellow,
    };
    colour.on_default().bold()
}

/// A count with its digits in groups of three: 1,234,567.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}

/// A number of things: "1 record", "1,000 records".
pub(crate) fn things(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_stand_in_groups_of_three() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(count(number), text);
        }
        assert_eq!(things(1, "entry", "entries"), "1 entry");
    }

    #[test]
    fn a_value_of_several_lines_stays_in_its_column() {
        let mut out = vec![];
        Table::default().row("a", "x\ny\n").row("long", 1).maybe("none", None::<u8>).write(&mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "  a     x\n        y\n  long  1\n");
    }
}
