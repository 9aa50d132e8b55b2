//! The sessions in an answer as stories, and how complete each is as far as a file can tell.

use record::Logged;
use record::findings::{Finding, Fold, Verdict};
use record::model::Record;
use record::story::{Story, Told};

use crate::form::Role;
use crate::question::Question;
use crate::standing::Standing;

/// Each session that the answer names, in the order in which it does.
pub(crate) fn tell(
    asked: &Question,
    read: &[(Role, Logged<'_>)],
    findings: &[Finding],
    whole: bool,
    fold: &Fold,
) -> Vec<Story> {
    let mut ids: Vec<&str> = Vec::new();
    for (_, logged) in read.iter().filter(|(role, _)| *role == Role::Answer) {
        if let Some(id) = session_of(logged).filter(|id| !ids.contains(id)) {
            ids.push(id);
        }
    }
    let stories = ids.into_iter().map(|id| {
        let here = |finding: &&Finding| finding.session.as_deref() == Some(id);
        let findings: Vec<Finding> = findings.iter().filter(here).cloned().collect();
        let (told, elsewhere): (Vec<Told<'_>>, Vec<Told<'_>>) =
            read.iter().map(|(_, logged)| logged.told()).partition(|told| named_by(told.record) == Some(id));
        let verdict = verdict(asked, &findings, whole, fold.verdict(id)?);
        Story::of(id, &told, &elsewhere, &findings, &verdict)
    });
    stories.flatten().collect()
}

/// The session that a record names.
pub(crate) fn session_of<'l>(logged: &'l Logged<'_>) -> Option<&'l str> {
    named_by(logged.record())
}

fn named_by<'l>(record: &'l Record<'_>) -> Option<&'l str> {
    record.session.as_ref().map(|session| session.id.as_str())
}

/// What the fold says, as far as a part of a log bears it.
fn verdict(asked: &Question, findings: &[Finding], whole: bool, said: Verdict) -> Verdict {
    if whole {
        return said;
    }
    if !matches!(asked, Question::Session(_)) {
        let part = "the file answers a question about some of its records only";
        return Verdict::CannotTell(vec![part.to_owned()]);
    }
    let Verdict::Gaps(_) = said else { return said };
    let gaps = findings.iter().filter(|finding| finding.rule.shows_a_gap());
    let (shown, missing): (Vec<_>, Vec<_>) =
        gaps.partition(|finding| Standing::of(finding, whole) == Standing::Shown);
    let words = |findings: Vec<&Finding>| {
        findings.iter().map(|finding| format!("{} at index {}", finding.rule, finding.index)).collect()
    };
    if shown.is_empty() { Verdict::CannotTell(words(missing)) } else { Verdict::Gaps(words(shown)) }
}
