//! Where disclosures come from: a file, and the log where it shows them.

use std::collections::BTreeMap;
use std::path::Path;

use ::evidence::Gathered;
use ::record::Sd;
use client::Source;
use client::payload::{Payload, payload};

use super::{Args, not_at_hand};
use crate::cli::{Failure, read_input};

/// The disclosures that were chosen, as far as they are to be had.
pub(super) async fn at_hand(
    source: &Source,
    gathered: &Gathered,
    args: &Args,
) -> Result<Vec<String>, Failure> {
    let wanted = gathered.wanted(&args.disclose);
    let kept = args.disclosures.as_deref().map(read).transpose()?.unwrap_or_default();
    let mut found: BTreeMap<Sd, String> = kept.into_iter().filter(|(sd, _)| wanted.contains(sd)).collect();
    let (mut hidden, mut withheld, mut erased) = (0, 0, 0);
    for sd in wanted {
        if found.contains_key(&sd) {
            continue;
        }
        match ask(source, &sd).await? {
            Payload::Shown(text) => drop(found.insert(sd, text)),
            Payload::Hidden => hidden += 1,
            Payload::Withheld => withheld += 1,
            Payload::Erased => erased += 1,
        }
    }
    not_at_hand(hidden, "not at hand, and not in the log's keeping");
    not_at_hand(withheld, "withheld by the log: the token given may not see them");
    not_at_hand(erased, "erased");
    Ok(found.into_values().collect())
}

/// A copy of a log has no contents beside it.
async fn ask(source: &Source, sd: &Sd) -> Result<Payload, Failure> {
    match source {
        Source::Http(http) => payload(http, sd).await.map_err(Failure::could_not_tell),
        Source::Local(_) => Ok(Payload::Hidden),
    }
}

/// A JSON string on each line.
fn read(path: &Path) -> Result<BTreeMap<Sd, String>, Failure> {
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
