//! A file that the log makes. Nothing in it is believed but what it proves.

use ::evidence::{Choice, Evidence, Question, Range, Show};
use client::Source;
use client::evidence::{EvidenceError, NewEvidence, evidence};

use super::Args;
use crate::cli::Failure;
use crate::print::safe;

/// `tool=crm.delete`.
pub(super) fn pair(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("a parameter and its value: tool=crm.delete")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Has the log make a file.
pub(super) async fn file(source: &Source, args: &Args) -> Result<Evidence, Failure> {
    let Source::Http(http) = source else {
        return Err(Failure::could_not_tell(
            "a copy of a log makes no files and finds nothing; name a running log",
        ));
    };
    let mut asked = NewEvidence { disclose: shown(&args.disclose), ..NewEvidence::default() };
    match args.asked() {
        Question::Session(id) => asked.session = Some(id),
        Question::Entries(ranges) => {
            asked.entries = Some(ranges.into_iter().map(|Range(from, to)| (from, to)).collect());
        }
        Question::Records(ids) => asked.records = Some(ids),
        Question::Query(pairs) => asked.query = Some(pairs),
    }
    let bytes = evidence(http, &asked).await.map_err(|error| match &error {
        EvidenceError::Http(_) => Failure::could_not_tell(&error),
        _ => Failure::could_not_tell(safe(&error.to_string())),
    })?;
    let file = Evidence::parse(&bytes)
        .map_err(|error| Failure::does_not_hold(format!("what the log made: {error}")))?;
    if *file.asked() != args.asked() {
        return Err(Failure::does_not_hold(format!(
            "the log made a file for another question: {}",
            file.asked()
        )));
    }
    Ok(file)
}

/// The choice as it is written.
fn shown(show: &Show) -> String {
    match show {
        Show::All => "all".to_owned(),
        Show::Nothing => "none".to_owned(),
        Show::Some(chosen) => chosen.iter().map(word).collect::<Vec<_>>().join(","),
    }
}

fn word(choice: &Choice) -> String {
    match choice {
        Choice::Name(name) => name.clone(),
        Choice::Digest(sd) => sd.to_string(),
    }
}
