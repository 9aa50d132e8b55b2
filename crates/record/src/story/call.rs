//! The calls of a session: what was asked for, who let it through, what ran, what came back.

use std::collections::HashMap;

use serde::Serialize;

use super::{Found, Told};
use crate::findings::Finding;
use crate::id::RecordId;
use crate::model::{Content, Decision, Identity, Inline, Kind, Mode, Record};

/// A call.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Call {
    /// Its id within the session.
    pub id: String,
    /// The tool.
    pub tool: Option<String>,
    /// Who offers it.
    pub server: Option<String>,
    /// What it is about; nothing where that stands beside the log.
    pub target: Option<String>,
    /// What it does to the world.
    pub effect: Option<&'static str>,
    /// The request.
    pub requested: Option<Requested>,
    /// What was decided about it.
    pub decisions: Vec<Decided>,
    /// Why it was not let through.
    pub denied: Option<String>,
    /// How it ended.
    pub ended: Vec<Ended>,
    /// What was found.
    pub findings: Vec<Found>,
}

/// The request of a call.
#[derive(Debug, Clone, Serialize)]
pub struct Requested {
    /// Index of the entry.
    pub index: u64,
    /// The record's id, which approvals bind.
    #[serde(skip)]
    pub id: RecordId,
    /// When, by the producer's word.
    pub time: String,
    /// What went in.
    pub input: Option<Input>,
    /// The word of the scope it needs.
    pub requires: Option<String>,
}

/// A content: where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Input {
    /// Its length in bytes, where somebody said it.
    pub bytes: Option<u64>,
    /// The digest of its disclosure.
    pub sd: Option<String>,
    /// The content itself: where it stands in the record, or was asked of the log.
    pub content: Option<String>,
    /// Why the log did not show it, where it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_shown: Option<&'static str>,
}

/// A decision about a call.
#[derive(Debug, Clone, Serialize)]
pub struct Decided {
    /// Index of the entry.
    pub index: u64,
    /// When, by the producer's word.
    pub time: String,
    /// `approved` or `denied`.
    pub decision: &'static str,
    /// Who or what decided.
    pub mode: &'static str,
    /// By name.
    pub approver: Option<String>,
    /// Whether the approver was checked: `verified`, or `asserted` where somebody says so.
    pub identity: &'static str,
    /// Whether it binds this request.
    pub binds_request: bool,
    /// Until when it holds.
    pub expires: Option<String>,
    /// What was answered.
    pub answer: Option<Input>,
    /// What the approver was shown.
    pub shown: Option<Input>,
    /// The session that it came under, where that is another: the approver's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
}

/// An end of a call.
#[derive(Debug, Clone, Serialize)]
pub struct Ended {
    /// Index of the entry.
    pub index: u64,
    /// When, by the producer's word.
    pub time: String,
    /// The outcome.
    pub status: &'static str,
    /// Closer, by the producer's code.
    pub code: Option<String>,
    /// How long it took, in milliseconds.
    pub ms: Option<u64>,
    /// What was executed, where the record says so.
    pub executed: Option<Input>,
    /// What came back.
    pub output: Option<Input>,
}

/// The calls in the order they were first spoken of, and the findings that belong to none of them.
pub(super) fn calls<'f>(
    records: &[Told<'_>],
    elsewhere: &[Told<'_>],
    findings: &'f [Finding],
) -> (Vec<Call>, Vec<&'f Finding>) {
    let (mut calls, mut by_id): (Vec<Call>, _) = (Vec::new(), HashMap::new());
    let (mut by_request, mut by_index) = (HashMap::new(), HashMap::new());
    let (own, others) = (records.iter().map(|told| (told, true)), elsewhere.iter().map(|told| (told, false)));
    let mut all: Vec<(&Told<'_>, bool)> = own.chain(others).collect();
    all.sort_by_key(|(told, _)| told.index);
    for (told, is_own) in all {
        let record = told.record;
        // What a decision binds says where it belongs, as for the findings; else its own word.
        let bound = record.bound_request().and_then(|request| by_request.get(&request).copied());
        let named = record.action.as_ref().filter(|_| is_own && bound.is_none());
        if let Some(action) = named {
            let at = *by_id.entry(action.id.as_str()).or_insert_with(|| {
                calls.push(Call { id: action.id.to_string(), ..Call::default() });
                calls.len() - 1
            });
            calls[at].describe(record);
            if record.kind == Kind::ActionRequested {
                by_request.insert(record.id, at);
            }
        }
        let Some(at) = bound.or(named.and_then(|action| by_id.get(action.id.as_str()).copied())) else {
            continue;
        };
        calls[at].take(told, is_own);
        if is_own {
            by_index.insert(told.index, at);
        }
    }
    let mut rest = Vec::new();
    for finding in findings {
        match by_index.get(&finding.index) {
            Some(at) => calls[*at].findings.push(Found::of(finding)),
            None => rest.push(finding),
        }
    }
    (calls, rest)
}

impl Call {
    /// Every content that its records name.
    pub(super) fn contents_mut(&mut self) -> impl Iterator<Item = &mut Input> {
        let requested = self.requested.as_mut().and_then(|requested| requested.input.as_mut());
        let decided = self.decisions.iter_mut();
        let ended = self.ended.iter_mut();
        requested
            .into_iter()
            .chain(decided.flat_map(|decided| decided.shown.iter_mut().chain(decided.answer.as_mut())))
            .chain(ended.flat_map(|ended| ended.executed.iter_mut().chain(ended.output.as_mut())))
    }

    /// The first record that says something of the call stands; what ran otherwise is a finding.
    fn describe(&mut self, record: &Record<'_>) {
        let Some(action) = &record.action else { return };
        let or = |known: &mut Option<String>, said: Option<String>| *known = known.take().or(said);
        or(&mut self.tool, action.tool.as_ref().map(ToString::to_string));
        or(&mut self.server, action.server.as_ref().map(ToString::to_string));
        or(&mut self.target, action.target.as_ref().and_then(|target| target.plain()).map(str::to_owned));
        self.effect = self.effect.or(action.effect.map(crate::model::Effect::as_str));
    }

    fn take(&mut self, told: &Told<'_>, is_own: bool) {
        let record = told.record;
        match record.kind {
            Kind::ActionRequested if self.requested.is_none() => {
                let requires = record.action.as_ref().and_then(|action| action.requires.as_ref());
                self.requested = Some(Requested {
                    index: told.index,
                    id: record.id,
                    time: record.time.to_string(),
                    input: record.input.as_ref().map(Input::of),
                    requires: requires.map(ToString::to_string),
                });
            }
            Kind::ActionDenied => {
                self.denied =
                    record.denial.as_ref().map(|denial| denial.reason.to_string()).or(Some(String::new()));
            }
            Kind::ApprovalDecided => {
                let session = record.session.as_ref().filter(|_| !is_own);
                let session = session.map(|session| session.id.to_string());
                self.decisions.extend(decided(told, self.requested.as_ref(), session));
            }
            Kind::ActionCompleted => self.ended.extend(ended(told)),
            _ => {}
        }
    }
}

fn decided(told: &Told<'_>, requested: Option<&Requested>, session: Option<String>) -> Option<Decided> {
    let record = told.record;
    let approval = record.approval.as_ref()?;
    let binds_request = requested.is_some_and(|request| {
        let sd = request.input.as_ref().and_then(|input| input.sd.as_deref());
        let bound = approval.binds.as_ref().and_then(|binds| binds.sd.as_deref());
        record.bound_request() == Some(request.id) && bound == sd
    });
    Some(Decided {
        index: told.index,
        time: record.time.to_string(),
        decision: if approval.decision? == Decision::Approved { "approved" } else { "denied" },
        mode: approval.mode.unwrap_or(Mode::Unknown).as_str(),
        approver: approval.approver.as_ref().map(|party| party.sub.to_string()),
        identity: if approval.identity == Some(Identity::Verified) { "verified" } else { "asserted" },
        binds_request,
        expires: approval.expires.map(|end| end.to_string()),
        answer: approval.answer.as_ref().map(Input::of),
        shown: approval.shown.as_ref().map(Input::of),
        session,
    })
}

fn ended(told: &Told<'_>) -> Option<Ended> {
    let outcome = told.record.outcome.as_ref()?;
    Some(Ended {
        index: told.index,
        time: told.record.time.to_string(),
        status: outcome.status.as_str(),
        code: outcome.code.as_ref().map(ToString::to_string),
        ms: outcome.ms,
        executed: told.record.executed.as_ref().map(Input::of),
        output: told.record.output.as_ref().map(Input::of),
    })
}

impl Input {
    fn of(content: &Content<'_>) -> Self {
        let inline = content.inline().ok().flatten();
        Self {
            bytes: content.bytes,
            sd: content.sd().map(str::to_owned),
            content: inline.map(|inline| match inline {
                // A string is its own characters, everything else its JSON.
                Inline::Json(json) => serde_json::from_str(json).unwrap_or_else(|_| json.to_owned()),
                Inline::Base64url(json) => json.to_owned(),
            }),
            not_shown: None,
        }
    }
}
