//! The table: what was done, what the log shows of it, and why.

mod approvals;
mod calls;
mod decisions;
mod scopes;
mod sequences;
mod sessions;
mod signatures;
mod sources;

use super::story::Story;
use record::findings::Rule;

/// A story and what is found in it.
pub(crate) struct Golden {
    pub(crate) name: &'static str,
    pub(crate) why: &'static str,
    pub(crate) story: Story,
    /// Place, rule, places it rests on.
    pub(crate) wanted: Vec<(u64, Rule, Vec<u64>)>,
    pub(crate) verdict: &'static str,
    /// The rule that nearly applies.
    pub(crate) near: Option<Rule>,
}

const COMPLETE: &str = "COMPLETE";
const GAPS: &str = "GAPS";
const CANNOT_TELL: &str = "CANNOT TELL";

/// A story in which something is found.
fn shows(
    name: &'static str,
    why: &'static str,
    story: Story,
    verdict: &'static str,
    wanted: &[(u64, Rule, &[u64])],
) -> Golden {
    let wanted = wanted.iter().map(|(index, rule, rests_on)| (*index, *rule, rests_on.to_vec())).collect();
    Golden { name, why, story, wanted, verdict, near: None }
}

/// A story in which a rule nearly applies, and nothing is found.
fn near(rule: Rule, name: &'static str, why: &'static str, story: Story, verdict: &'static str) -> Golden {
    Golden { name, why, story, wanted: Vec::new(), verdict, near: Some(rule) }
}

pub(crate) fn stories() -> Vec<Golden> {
    [
        sessions::sessions(),
        scopes::scopes(),
        approvals::approvals(),
        decisions::decisions(),
        calls::calls(),
        sequences::sequences(),
        signatures::signatures(),
        sources::clocks(),
        sources::producers(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn good() -> Story {
    Story::good()
}
