//! One session as a story: who asked, which agent acted under what authority, each call with its approvals and outcome.
//!
//! A story is told from the session's records as the log holds them, in log order, from what was found in them, and from what
//! others decided about its calls: an approver may have a session of his own. It adds nothing: whatever it says stands in a
//! record, and the indices say in which.

mod call;

use serde::Serialize;

use crate::envelope::Grade;
use crate::findings::{Finding, Verdict};
use crate::model::{Actor, Instant, Kind, Masked, Record};

pub use call::{Call, Decided, Ended, Input, Requested};

/// A record of the session, as the log holds it.
#[derive(Debug, Clone, Copy)]
pub struct Told<'r> {
    /// Index of its entry.
    pub index: u64,
    /// When the log received it.
    pub received: Instant,
    /// Whether the principal was verified.
    pub principal: Grade,
    /// Whether the agent was verified.
    pub agent: Grade,
    /// The record.
    pub record: &'r Record<'r>,
}

/// A session.
#[derive(Debug, Clone, Serialize)]
pub struct Story {
    /// Its id.
    pub session: String,
    /// How complete it is: `COMPLETE`, `GAPS` or `CANNOT TELL`.
    #[serde(rename = "completeness")]
    pub verdict: &'static str,
    /// Why not complete.
    pub reasons: Vec<String>,
    /// On whose behalf; each that was named, in the order they were.
    pub principals: Vec<Identity>,
    /// Which agents acted.
    pub agents: Vec<Identity>,
    /// Everybody in a chain of actors, whoever acts now first.
    pub actors: Vec<String>,
    /// The scope granted when it was opened.
    pub scope: Option<String>,
    /// When that ends.
    pub expires: Option<String>,
    /// What it is for; nothing where that stands beside the log.
    pub purpose: Option<String>,
    /// Calls of these tools and effects need an approval, and whose.
    pub approval_policy: Option<Policy>,
    /// Authority handed on and taken back.
    pub delegations: Vec<Hop>,
    /// When its first and last record say that they happened.
    pub from: String,
    /// As above.
    pub to: String,
    /// Number of its records, and where the first and the last stand.
    pub records: usize,
    /// As above.
    pub first_index: u64,
    /// As above.
    pub last_index: u64,
    /// Who wrote them.
    pub producers: Vec<String>,
    /// Its calls, in the order they were first spoken of.
    pub calls: Vec<Call>,
    /// What was found that belongs to no call.
    pub findings: Vec<Found>,
}

/// Somebody, and whether the log checked that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// The name.
    pub sub: String,
    /// Who vouches for it, or the model that decides for an agent.
    pub of: Option<String>,
    /// `verified` or `asserted`.
    pub grade: &'static str,
}

/// Which calls need an approval.
#[derive(Debug, Clone, Serialize)]
pub struct Policy {
    /// Whose.
    pub mode: &'static str,
    /// Of these tools.
    pub tools: Vec<String>,
    /// With these effects.
    pub effects: Vec<&'static str>,
}

/// Authority handed on or taken back.
#[derive(Debug, Clone, Serialize)]
pub struct Hop {
    /// Index of the entry.
    pub index: u64,
    /// Whether it was taken back.
    pub revoked: bool,
    /// Who gives.
    pub from: String,
    /// Who receives.
    pub to: String,
    /// What.
    pub scope: Option<String>,
    /// Until when.
    pub expires: Option<String>,
}

/// A finding, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    /// The rule.
    pub rule: &'static str,
    /// Its version.
    pub version: u32,
    /// The entry that shows it.
    pub index: u64,
    /// What is wrong.
    pub why: String,
    /// The other entries it rests on.
    pub rests_on: Vec<u64>,
}

impl Found {
    fn of(finding: &Finding) -> Self {
        Self {
            rule: finding.rule.as_str(),
            version: finding.rule.version(),
            index: finding.index,
            why: finding.why.clone(),
            rests_on: finding.rests_on.clone(),
        }
    }
}

impl Story {
    /// Tells a session from its records in log order and from what was found in them; nothing if there are none. Of records
    /// from `elsewhere`, those are told that decide about its calls.
    pub fn of(
        session: &str,
        records: &[Told<'_>],
        elsewhere: &[Told<'_>],
        findings: &[Finding],
        verdict: &Verdict,
    ) -> Option<Self> {
        let (first, last) = (records.first()?, records.last()?);
        let opened = records.iter().map(|told| told.record).find(|record| record.kind == Kind::SessionOpened);
        let (calls, findings) = call::calls(records, elsewhere, findings);
        let reasons = match verdict {
            Verdict::Complete => Vec::new(),
            Verdict::Gaps(reasons) | Verdict::CannotTell(reasons) => reasons.clone(),
        };
        Some(Self {
            session: session.to_owned(),
            verdict: verdict.as_str(),
            reasons,
            principals: distinct(records.iter().filter_map(principal)),
            agents: distinct(records.iter().filter_map(agent)),
            actors: distinct(records.iter().filter_map(|told| told.record.act.as_ref()).flat_map(chain)),
            scope: opened.and_then(|record| record.scope.as_ref()).map(ToString::to_string),
            expires: opened.and_then(|record| record.expires).map(|end| end.to_string()),
            purpose: opened
                .and_then(|record| record.purpose.as_ref())
                .and_then(Masked::plain)
                .map(str::to_owned),
            approval_policy: opened.and_then(policy),
            delegations: records.iter().filter_map(hop).collect(),
            from: first.record.time.to_string(),
            to: last.record.time.to_string(),
            records: records.len(),
            first_index: first.index,
            last_index: last.index,
            producers: distinct(
                records.iter().filter_map(|told| Some(told.record.producer.as_ref()?.id.to_string())),
            ),
            calls,
            findings: findings.into_iter().map(Found::of).collect(),
        })
    }

    /// Every content that its calls name, to be filled with what the log shows of it.
    pub fn contents_mut(&mut self) -> impl Iterator<Item = &mut Input> {
        self.calls.iter_mut().flat_map(Call::contents_mut)
    }

    /// Everything that was found.
    pub fn all_findings(&self) -> impl Iterator<Item = &Found> {
        self.findings.iter().chain(self.calls.iter().flat_map(|call| &call.findings))
    }
}

/// Each once, in the order of its first appearance.
fn distinct<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    all.fold(Vec::new(), |mut seen, one| {
        if !seen.contains(&one) {
            seen.push(one);
        }
        seen
    })
}

fn principal(told: &Told<'_>) -> Option<Identity> {
    let principal = told.record.principal.as_ref()?;
    let of = Some(principal.iss.to_string());
    Some(Identity { sub: principal.sub.to_string(), of, grade: told.principal.as_str() })
}

fn agent(told: &Told<'_>) -> Option<Identity> {
    let agent = told.record.agent.as_ref()?;
    let of = agent.model.as_ref().map(ToString::to_string);
    Some(Identity { sub: agent.sub.to_string(), of, grade: told.agent.as_str() })
}

fn chain(actor: &Actor<'_>) -> Vec<String> {
    actor.chain().map(|actor| actor.sub.to_string()).collect()
}

fn policy(record: &Record<'_>) -> Option<Policy> {
    let policy = record.approval_policy.as_ref()?;
    Some(Policy {
        mode: policy.mode.unwrap_or(crate::model::Mode::Human).as_str(),
        tools: policy.tools.iter().map(ToString::to_string).collect(),
        effects: policy.effects.iter().map(|effect| effect.as_str()).collect(),
    })
}

fn hop(told: &Told<'_>) -> Option<Hop> {
    let revoked = match told.record.kind {
        Kind::DelegationGranted => false,
        Kind::DelegationRevoked => true,
        _ => return None,
    };
    let delegation = told.record.delegation.as_ref()?;
    Some(Hop {
        index: told.index,
        revoked,
        from: delegation.from.sub.to_string(),
        to: delegation.to.sub.to_string(),
        scope: delegation.scope.as_ref().map(ToString::to_string),
        expires: delegation.expires.map(|end| end.to_string()),
    })
}
