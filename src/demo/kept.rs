//! What can be taken away from a log, and what can be taken back: evidence files, whole and redacted, and an erasure that
//! leaves every proof as it was.

use ::evidence::{Class, Evidence, LogKey, Question, Report, Show, State, Verified, html};
use ::record::Sd;
use ::record::story::Story;
use client::Receipt;
use client::care::{Principal, Whose};
use client::payload::{Payload, payload};
use serde::Serialize;

use super::chapters::{AT_ONCE, Chapters, SESSION};
use crate::cli::Failure;
use crate::erase;
use crate::evidence::Wanted;
use crate::print::{count, things};

/// Why the demo erases something.
const GROUND: &str = "the customer asked for it";

/// The files that were made.
#[derive(Debug, Serialize)]
pub(super) struct Kept {
    entries: usize,
    bytes: usize,
    shown: usize,
    hidden: usize,
    findings: usize,
}

/// What an erasure left.
#[derive(Debug, Serialize)]
pub(super) struct Forgotten {
    contents: usize,
    key_destroyed: bool,
    /// Of the session that was told.
    erased_in_session: usize,
}

impl Chapters<'_> {
    /// One file, checked as somebody does who has it and the key, and no log.
    pub(super) async fn kept(&self) -> Result<Kept, Failure> {
        let file = self.evidence(Show::All).await?;
        let bytes = file.to_bytes();
        self.write("evidence.json", &bytes)?;
        let report = self.verified(&bytes)?;
        self.write("evidence.html", html::page(&report).as_bytes())?;
        let redacted = file.redact(&Show::Nothing).map_err(Failure::does_not_hold)?.to_bytes();
        self.write("redacted.json", &redacted)?;
        let bare = self.verified(&redacted)?;
        let (told, told_bare) = (verified(&report)?, verified(&bare)?);
        let kept = Kept {
            entries: told.records.len(),
            bytes: bytes.len(),
            shown: with_state(told, |state| *state == State::Shown),
            hidden: with_state(told_bare, |state| *state == State::Hidden),
            findings: told_bare.findings.len(),
        };
        let holds = report.of_class(Class::Holds).map(|sentence| format!("holds: {}", sentence.words));
        let mut lines: Vec<String> = holds.collect();
        lines.push(format!(
            "the same file with every content taken out: holds as well, {}, {}",
            things(kept.hidden as u64, "content is hidden", "contents are hidden"),
            things(kept.findings as u64, "finding stands", "findings stand"),
        ));
        self.teller.step("What it shows is taken away in one file, and checked without the log", &lines);
        Ok(kept)
    }

    /// A customer's content is erased, and the key it was sealed under.
    pub(super) async fn forgotten(
        &self,
        story: &Story,
        receipt: &Receipt,
        kept: &Kept,
    ) -> Result<Forgotten, Failure> {
        let customer = story.principals.first().ok_or_else(|| Failure::could_not_tell("no customer"))?;
        let who = Principal { iss: customer.of.clone().unwrap_or_default(), sub: customer.sub.clone() };
        let http = self.log.http();
        let done = erase::all(http, &Whose::Principal(who), GROUND).await?;
        let last = done.erased.iter().map(|erased| erased.index).max().unwrap_or_default();
        self.log.published(last + 1).await?;
        let input = story.calls.iter().find_map(|call| call.requested.as_ref()?.input.as_ref()?.sd.as_ref());
        let input: Sd =
            input.and_then(|sd| sd.parse().ok()).ok_or_else(|| Failure::could_not_tell("no input"))?;
        if payload(http, &input).await.map_err(Failure::does_not_hold)? != Payload::Erased {
            return Err(Failure::does_not_hold("what was erased is still shown"));
        }
        let (proof, now) = self.log.proven_again(receipt).await?;
        let (before, after) = (self.read_evidence()?, self.evidence(Show::All).await?);
        self.verified(&before)?;
        let report = self.verified(&after.to_bytes())?;
        let gone = with_state(verified(&report)?, |state| matches!(state, State::Erased { .. }));
        if gone != kept.shown {
            return Err(Failure::does_not_hold(format!(
                "{gone} of {} contents are said to be erased",
                kept.shown
            )));
        }
        let forgotten = Forgotten {
            contents: done.erased.len(),
            key_destroyed: done.key_destroyed,
            erased_in_session: gone,
        };
        self.teller.step(
            &format!("{} is forgotten: {GROUND}", customer.sub),
            &[
                format!(
                    "{} erased, {}each by a record in the log; asked for one, it answers: erased",
                    things(forgotten.contents as u64, "content", "contents"),
                    if done.key_destroyed { "the key they were sealed under destroyed, " } else { "" },
                ),
                format!(
                    "entry {} is still in the log, now of {} entries: {} prove it",
                    receipt.index,
                    count(now),
                    things(proof as u64, "hash", "hashes")
                ),
                format!(
                    "a file made now holds: the same entries, the same findings, {}",
                    things(
                        gone as u64,
                        "content erased, by whom and why",
                        "contents erased, by whom and why"
                    )
                ),
                "the file made before holds as it did: whoever had a content still has it".to_owned(),
            ],
        );
        Ok(forgotten)
    }

    async fn evidence(&self, show: Show) -> Result<Evidence, Failure> {
        let log = self.log.whole().await?;
        let asked = Question::Session(SESSION.to_owned());
        let keys = vec![LogKey { from: 0, vkey: self.log.vkey.clone() }];
        let kept = std::collections::BTreeMap::new();
        let wanted = Wanted { asked, show, kept, keys, at_once: AT_ONCE };
        Ok(wanted.fill(&log, &self.log.policy, self.teller.printer).await?.0)
    }

    fn read_evidence(&self) -> Result<Vec<u8>, Failure> {
        std::fs::read(self.home.join("evidence.json")).map_err(Failure::could_not_tell)
    }

    /// What the bytes of a file say to somebody who has the log's key.
    fn verified(&self, bytes: &[u8]) -> Result<Report, Failure> {
        let report = Evidence::parse(bytes).map_err(Failure::does_not_hold)?.verify(Some(&self.log.policy));
        let wrong = report.of_class(Class::DoesNotHold).next().map(|wrong| wrong.words.clone());
        wrong.map_or(Ok(report), |words| Err(Failure::does_not_hold(words)))
    }
}

fn verified(report: &Report) -> Result<&Verified, Failure> {
    report.verified.as_ref().ok_or_else(|| Failure::does_not_hold("the file proves nothing"))
}

fn with_state(verified: &Verified, is: impl Fn(&State) -> bool) -> usize {
    verified.contents.iter().filter(|content| is(&content.state)).count()
}
