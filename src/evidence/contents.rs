//! Where disclosures come from: a file, and the log where it shows them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ::evidence::Gathered;
use ::record::Sd;
use client::Source;
use client::payload::{Payload, payloads};

use super::Wanted;
use crate::cli::{Failure, read_input};
use crate::print::{remark, things};

/// How many of the contents that were chosen are not to be had, and why.
#[derive(Debug, Default)]
pub(crate) struct Missing {
    hidden: u64,
    withheld: u64,
    erased: u64,
}

impl Missing {
    /// Says so on standard error.
    pub(super) fn remark(&self) {
        for (number, why) in [
            (self.hidden, "not at hand, and not in the log's keeping"),
            (self.withheld, "withheld by the log: the token given may not see them"),
            (self.erased, "erased"),
        ] {
            if number > 0 {
                remark(&format!("{} {why}", things(number, "content is", "contents are")));
            }
        }
    }
}

/// The disclosures that were chosen, as far as they are to be had.
pub(super) async fn at_hand(
    source: &Source,
    gathered: &Gathered,
    choice: &Wanted,
) -> Result<(Vec<String>, Missing), Failure> {
    let wanted = gathered.wanted(&choice.show);
    let kept = choice.kept.iter().filter(|(sd, _)| wanted.contains(sd));
    let mut found: BTreeMap<Sd, String> = kept.map(|(sd, text)| (*sd, text.clone())).collect();
    let asked: BTreeSet<Sd> = wanted.into_iter().filter(|sd| !found.contains_key(sd)).collect();
    let mut missing = Missing::default();
    match source {
        Source::Http(http) => {
            let answers = payloads(http, asked, choice.at_once).await.map_err(Failure::could_not_tell)?;
            for (sd, answer) in answers {
                match answer {
                    Payload::Shown(text) => drop(found.insert(sd, text)),
                    Payload::Hidden => missing.hidden += 1,
                    Payload::Withheld => missing.withheld += 1,
                    Payload::Erased => missing.erased += 1,
                }
            }
        }
        // A copy of a log has no contents beside it.
        Source::Local(_) => missing.hidden = asked.len() as u64,
    }
    Ok((found.into_values().collect(), missing))
}

/// A JSON string on each line.
pub(super) fn read(path: &Path) -> Result<BTreeMap<Sd, String>, Failure> {
    let bytes = read_input(path)?;
    let wrong = |number: usize| {
        let words = format!("{}: line {number}: a disclosure is a JSON string", path.display());
        Failure::could_not_tell(words)
    };
    let lines = bytes.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty());
    lines
        .map(|(at, line)| {
            let text: String = serde_json::from_slice(line).map_err(|_| wrong(at + 1))?;
            Ok((Sd::of(&text), text))
        })
        .collect()
}
