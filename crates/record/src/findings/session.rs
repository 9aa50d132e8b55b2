//! One session: its authority, its calls, its numbering, its end.

use std::collections::{BTreeMap, HashMap};

use sha2::{Digest as _, Sha256};

use super::call::{Call, Requested};
use super::decision::{Decision, Fault};
use super::scope::{Delegations, Granted, Scope};
use super::sequence::Sequence;
use super::{Correlation, Finding, Found, Rule};
use crate::base64url;
use crate::id::RecordId;
use crate::model::{ApprovalPolicy, Effect, Instant, Kind, Mode, Record, SessionRef};

/// What is remembered of a session.
#[derive(Debug, Default)]
pub(super) struct Session {
    granted: Option<Granted>,
    policy: Option<Policy>,
    closed: Option<u64>,
    unknown: bool,
    delegations: Delegations,
    calls: BTreeMap<String, Call>,
    /// Which call each decision is about, by the record that decided.
    decided: HashMap<RecordId, String>,
    /// By the producer: each numbers its own records.
    strands: HashMap<String, Strand>,
    gaps: Vec<(Rule, u64)>,
}

/// What one producer sent of a session.
#[derive(Debug, Default)]
pub(super) struct Strand {
    pub(super) sequence: Sequence,
    count: u64,
    last: Option<Last>,
}

#[derive(Debug)]
struct Last {
    index: u64,
    /// base64url(SHA-256) of what was sent, where that is what the log holds.
    digest: Option<String>,
}

/// Which calls need an approval, and whose.
#[derive(Debug)]
pub(super) struct Policy {
    pub(super) index: u64,
    mode: Mode,
    tools: Vec<String>,
    effects: Vec<Effect>,
}

impl Policy {
    fn of(policy: &ApprovalPolicy<'_>, index: u64) -> Self {
        Self {
            index,
            mode: policy.mode.unwrap_or(Mode::Human),
            tools: policy.tools.iter().map(|tool| tool.as_str().to_owned()).collect(),
            effects: policy.effects.clone(),
        }
    }

    /// Whose approval a call needs.
    pub(super) fn needs(&self, call: &Requested) -> Option<Mode> {
        let listed = call.tool.as_ref().is_some_and(|tool| self.tools.contains(tool))
            || call.effect.is_some_and(|effect| self.effects.contains(&effect));
        listed.then_some(self.mode)
    }
}

/// Where a record belongs that binds a request of another session or of none: to the request.
pub(super) fn home(record: &Record<'_>, requests: &HashMap<RecordId, Correlation>) -> Option<Correlation> {
    requests.get(&record.bound_request()?).cloned()
}

impl Session {
    /// Entries that decide about its calls.
    pub(super) fn decisions(&self) -> impl Iterator<Item = u64> {
        self.calls.values().flat_map(Call::decisions)
    }

    /// Before a record is judged: is the session known, and is the record's place in it free?
    pub(super) fn arrive(&mut self, named: bool, found: &mut Found<'_, '_>) {
        let record = found.seen.record;
        if record.kind == Kind::SessionOpened {
            self.open(found);
        } else if named && self.granted.is_none() && !self.unknown {
            self.unknown = true;
            found.push(Rule::SessionUnknown, &[], "the session had not been opened when this was logged");
        }
        let Some(SessionRef { id, seq: Some(seq) }) = &record.session else { return };
        let of = format!("session {:?}", id.as_str());
        self.strand(record).sequence.take(*seq, None, &of, found);
    }

    /// What the record says of authority, calls and approvals.
    pub(super) fn judge(&mut self, found: &mut Found<'_, '_>) {
        let record = found.seen.record;
        match record.kind {
            Kind::DelegationGranted => self.delegations.grant(self.granted.as_ref(), found),
            Kind::DelegationRevoked => self.delegations.revoke(found),
            Kind::ActionRequested => self.requested(found),
            Kind::ActionCompleted => self.completed(found),
            Kind::ActionDenied => self.denied(found),
            Kind::ApprovalDecided => self.decided(found),
            _ => {}
        }
    }

    /// After it was judged: the record counts, and may be the last.
    pub(super) fn leave(&mut self, found: &mut Found<'_, '_>) {
        let record = found.seen.record;
        if record.kind == Kind::SessionClosed {
            self.close(found);
        }
        let sent = (!found.seen.rewritten).then(|| base64url::encode(&Sha256::digest(found.seen.canonical)));
        let last = Last { index: found.seen.index, digest: sent };
        let strand = self.strand(record);
        strand.count += 1;
        strand.last = Some(last);
    }

    /// Keeps what bears on completeness.
    pub(super) fn remember(&mut self, findings: &[Finding]) {
        let gaps = findings.iter().filter(|finding| finding.rule.shows_a_gap());
        self.gaps.extend(gaps.map(|finding| (finding.rule, finding.index)));
    }

    pub(super) fn gaps(&self) -> &[(Rule, u64)] {
        &self.gaps
    }

    pub(super) fn is_opened(&self) -> bool {
        self.granted.is_some()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.is_some()
    }

    pub(super) fn strands(&self) -> impl Iterator<Item = (&str, &Strand)> {
        self.strands.iter().map(|(producer, strand)| (producer.as_str(), strand))
    }

    fn strand(&mut self, record: &Record<'_>) -> &mut Strand {
        let producer = record.producer.as_ref().map_or("", |producer| producer.id.as_str());
        self.strands.entry(producer.to_owned()).or_default()
    }

    /// The first opening stands: authority is not widened by opening once more.
    fn open(&mut self, found: &mut Found<'_, '_>) {
        let (record, index) = (found.seen.record, found.seen.index);
        if let Some(first) = &self.granted {
            let rests_on = [first.index];
            found.push(
                Rule::SequenceFork,
                &rests_on,
                "the session was opened before; the first opening stands",
            );
            return;
        }
        let token_end = record.token.as_ref().and_then(|token| token.exp);
        let token_end = token_end.and_then(|seconds| i64::try_from(seconds).ok()?.checked_mul(1_000));
        let ends = [record.expires, token_end.and_then(Instant::from_unix_ms)];
        self.granted = Some(Granted {
            index,
            scope: record.scope.as_ref().map(|scope| Scope::parse(scope)),
            expires: ends.into_iter().flatten().min(),
        });
        self.policy = record.approval_policy.as_ref().map(|policy| Policy::of(policy, index));
    }

    fn requested(&mut self, found: &mut Found<'_, '_>) {
        let Some(requested) = Requested::of(found.seen) else { return };
        self.expired(found);
        self.delegations.claim(self.granted.as_ref(), found);
        self.delegations.call(self.granted.as_ref(), found);
        let call = self.calls.entry(requested.action.clone()).or_default();
        call.request(requested, found);
    }

    fn expired(&self, found: &mut Found<'_, '_>) {
        let Some(Granted { index, expires: Some(end), .. }) = &self.granted else { return };
        if found.seen.record.time > *end {
            found.push(Rule::SessionExpired, &[*index], format!("the session's authority ended at {end}"));
        }
    }

    fn completed(&mut self, found: &mut Found<'_, '_>) {
        let Some(action) = &found.seen.record.action else { return };
        let foreign = self.foreign_decision(&action.id, found.seen.record);
        let call = self.calls.entry(action.id.as_str().to_owned()).or_default();
        call.complete(self.policy.as_ref(), foreign, found);
    }

    /// The decision that the outcome says it rests on, where that is about another call.
    fn foreign_decision(&self, action: &str, record: &Record<'_>) -> Option<(u64, Fault)> {
        let named = record.approval.as_ref()?.reference.as_ref()?.parse().ok()?;
        let about = self.decided.get(&named).filter(|about| *about != action)?;
        self.calls.get(about)?.decision(named).map(Decision::elsewhere)
    }

    fn denied(&mut self, found: &mut Found<'_, '_>) {
        let Some(action) = &found.seen.record.action else { return };
        self.calls.entry(action.id.as_str().to_owned()).or_default().deny(found.seen.index);
    }

    fn decided(&mut self, found: &mut Found<'_, '_>) {
        let Some(decision) = Decision::of(found.seen) else { return };
        let bound = decision.bound_request();
        let about = bound.and_then(|id| self.calls.iter().find(|(_, call)| call.is_requested_by(id)));
        let named = found.seen.record.action.as_ref().map(|action| action.id.as_str());
        // One that binds nothing that was requested, and names no call: no call can rest on it.
        let Some(about) = about.map(|(action, _)| action.as_str()).or(named).map(str::to_owned) else {
            return;
        };
        self.decided.insert(decision.id, about.clone());
        self.calls.entry(about).or_default().decide(decision, found);
    }

    fn close(&mut self, found: &mut Found<'_, '_>) {
        self.closed.get_or_insert(found.seen.index);
        for (id, call) in &self.calls {
            if let Some(request) = call.open_request() {
                found.push(Rule::ActionOpen, &[request], format!("how call {id:?} ended was not logged"));
            }
        }
        let record = found.seen.record;
        let Some(session) = &record.session else { return };
        let of = format!("session {:?}", session.id.as_str());
        let strand = self.strand(record);
        if strand.sequence.is_used() {
            strand.sequence.tell_all_holes(&of, found);
        }
        strand.compare(found);
    }
}

impl Strand {
    /// What the closing record says of the session against what the log holds.
    fn compare(&self, found: &mut Found<'_, '_>) {
        let Some(closed) = &found.seen.record.closed else { return };
        let last: Vec<u64> = self.last.iter().map(|last| last.index).collect();
        if let Some(said) = closed.records.filter(|&said| said != self.count) {
            let why = format!("it was closed with {said} records, and the log holds {}", self.count);
            found.push(Rule::SessionCountMismatch, &last, why);
        }
        let logged = self.last.as_ref().and_then(|last| last.digest.as_deref());
        if let (Some(said), Some(logged)) = (&closed.last_sha256, logged)
            && said != logged
        {
            found.push(Rule::SessionCountMismatch, &last, "its last record is another than the log holds");
        }
    }
}
