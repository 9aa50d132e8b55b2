//! The findings, computed again from what the file carries, and how far that goes.

use record::Logged;
use record::findings::{Finding, Fold, Parameters, Rule, Verdict};
use record::story::Story;

use crate::form::Role;
use crate::question::Question;
use crate::report::Judged;
use crate::sentence::{About, Sentences, things};
use crate::sessions;
use crate::standing::Standing;

/// What was computed.
pub(super) struct Computed {
    pub(super) findings: Vec<Judged>,
    pub(super) sessions: Vec<Story>,
}

pub(super) fn judge(
    asked: &Question,
    read: &[(Role, Logged<'_>)],
    whole: bool,
    say: &mut Sentences,
) -> Computed {
    let mut fold = Fold::new(parameters(whole));
    let mut findings: Vec<Finding> = Vec::new();
    for (role, logged) in read {
        let found = fold.take(&logged.seen());
        if *role == Role::Answer {
            findings.extend(found);
        }
    }
    let sessions = sessions::tell(asked, read, &findings, whole, &fold);
    tell(&findings, whole, say);
    if let Question::Session(id) = asked {
        completeness(id, &sessions, say);
    }
    signatures(read, &findings, say);
    let judged = findings.iter().map(|finding| Judged::of(finding, Standing::of(finding, whole)));
    Computed { findings: judged.collect(), sessions }
}

/// A part of a log has holes in the producers' own numbering; nobody waits for what is not in the file.
pub(crate) fn parameters(whole: bool) -> Parameters {
    let usual = Parameters::default();
    if whole { usual } else { Parameters { gap_patience: u64::MAX, ..usual } }
}

fn tell(findings: &[Finding], whole: bool, say: &mut Sentences) {
    let shown = findings.iter().filter(|finding| Standing::of(finding, whole) == Standing::Shown).count();
    say.holds(
        About::Records,
        format!(
            "{} computed here from the records in the file, {shown} of them whatever else the log holds",
            things(findings.len(), "finding was", "findings were")
        ),
    );
    for finding in findings.iter().filter(|finding| Standing::of(finding, whole) != Standing::Shown) {
        let lacks = finding.rule.shows_a_gap() || finding.rule == Rule::SignatureInvalid;
        if lacks {
            say.cannot_tell(
                About::Completeness,
                format!(
                    "whether {} at {} stands ({}): what is missing may have been left out of the file",
                    finding.rule, finding.index, finding.why
                ),
            );
        }
    }
    if !whole {
        say.limit(
            About::Completeness,
            "whether the producers' own numbers have holes, and whether a key was revoked: that takes the whole log",
        );
    }
}

fn completeness(id: &str, sessions: &[Story], say: &mut Sentences) {
    let Some(story) = sessions.iter().find(|story| story.session == id) else { return };
    let why = story.reasons.join("; ");
    if story.verdict == Verdict::Complete.as_str() {
        say.holds(
            About::Completeness,
            "the session is COMPLETE: it was opened and closed, its numbers have no hole and its closing record's count \
             is met, so no numbered record of it is missing here",
        );
    } else if story.verdict == "GAPS" {
        say.holds(About::Completeness, format!("the session has GAPS, as the records here show: {why}"));
    } else {
        say.cannot_tell(About::Completeness, format!("whether the session is complete: {why}"));
    }
}

fn signatures(read: &[(Role, Logged<'_>)], findings: &[Finding], say: &mut Sentences) {
    let answers = read.iter().filter(|(role, _)| *role == Role::Answer).map(|(_, logged)| logged);
    // No record announces the key that signs the announcement of another key of the log.
    let (of_the_log, others): (Vec<_>, Vec<_>) =
        answers.partition(|logged| logged.record().announces_log_key());
    let signed: Vec<u64> =
        others.into_iter().filter(|logged| !logged.signatures().is_empty()).map(Logged::index).collect();
    let holds = |index: &&u64| {
        !findings.iter().any(|finding| finding.index == **index && finding.rule == Rule::SignatureInvalid)
    };
    let good = signed.iter().filter(holds).count();
    if good > 0 {
        say.holds(
            About::Signatures,
            format!(
                "{} by keys that the log announced before",
                things(good, "record is signed", "records are signed")
            ),
        );
    }
    if !of_the_log.is_empty() {
        say.limit(
            About::Keys,
            format!(
                "whether the log's key changed as {}: the log's key history shows that, from a key that you trust",
                things(of_the_log.len(), "record announces", "records announce")
            ),
        );
    }
}
