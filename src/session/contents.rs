//! What stands beside the log: each content that a session names is asked of the log, which shows it to whoever may look.

use std::collections::BTreeSet;

use ::record::story::{Input, Story};
use ::record::{Sd, disclosure};
use client::Source;
use client::payload::{Payload, payloads};

use crate::cli::Failure;

/// What the log answered for a content: its text, or why there is none.
type Answer = Result<String, &'static str>;

/// Fills in every content that the log shows, and why it does not show the others. A copy of a log has none beside it.
pub(crate) async fn fill(story: &mut Story, source: &Source, at_once: usize) -> Result<(), Failure> {
    let Source::Http(http) = source else { return Ok(()) };
    let asked: BTreeSet<Sd> = story.contents_mut().filter_map(|content| digest(content)).collect();
    let answers = payloads(http, asked, at_once).await.map_err(Failure::could_not_tell)?;
    for content in story.contents_mut() {
        match digest(content).and_then(|sd| answers.get(&sd)).map(answer) {
            Some(Ok(text)) => content.content = Some(text),
            Some(Err(why)) => content.not_shown = Some(why),
            None => {}
        }
    }
    Ok(())
}

fn digest(content: &Input) -> Option<Sd> {
    content.sd.as_deref()?.parse().ok()
}

fn answer(payload: &Payload) -> Answer {
    match payload {
        Payload::Shown(text) => {
            let opened = disclosure::open(text).map_err(|_| "that are no disclosure")?;
            std::str::from_utf8(opened.content()).map(str::to_owned).map_err(|_| "that are no text")
        }
        Payload::Hidden => Err("that the log does not keep"),
        Payload::Withheld => Err("withheld"),
        Payload::Erased => Err("erased"),
    }
}
