//! One call: requested, decided, denied, completed; and whether what ran is what was let through.

use super::decision::{Attempt, Decision, Fault};
use super::session::Policy;
use super::{Found, Rule, Seen};
use crate::id::RecordId;
use crate::model::{Content, Effect, Kind, Mode, Record, Status};

/// What is remembered of a call.
#[derive(Debug, Default)]
pub(super) struct Call {
    requested: Option<Requested>,
    denied: Option<u64>,
    ended: bool,
    decisions: Vec<Decision>,
}

/// The request.
#[derive(Debug)]
pub(super) struct Requested {
    pub(super) action: String,
    pub(super) index: u64,
    pub(super) id: RecordId,
    pub(super) tool: Option<String>,
    pub(super) effect: Option<Effect>,
    /// The digest of its input; nothing where the content stands in the record itself.
    pub(super) sd: Option<String>,
    server: Option<String>,
    target: Option<String>,
    actors: Vec<String>,
    claims_human: bool,
}

impl Requested {
    pub(super) fn of(seen: &Seen<'_>) -> Option<Self> {
        let record = seen.record;
        let action = record.action.as_ref().filter(|_| record.kind == Kind::ActionRequested)?;
        let owned = |text: &str| text.to_owned();
        Some(Self {
            action: owned(&action.id),
            index: seen.index,
            id: record.id,
            tool: action.tool.as_deref().map(owned),
            effect: action.effect,
            sd: record.input.as_ref().and_then(Content::sd).map(owned),
            server: action.server.as_deref().map(owned),
            target: action.target.as_ref().and_then(|target| target.plain()).map(owned),
            actors: actors(record),
            claims_human: claims_human(record),
        })
    }
}

/// The agent and everybody in the chain of actors.
fn actors(record: &Record<'_>) -> Vec<String> {
    let agent = record.agent.iter().map(|agent| &agent.sub);
    let chain = record.act.iter().flat_map(|actor| actor.chain().map(|actor| &actor.sub));
    agent.chain(chain).map(|sub| sub.as_str().to_owned()).collect()
}

fn claims_human(record: &Record<'_>) -> bool {
    record.approval.as_ref().is_some_and(|approval| approval.mode == Some(Mode::Human))
}

impl Call {
    pub(super) fn is_requested_by(&self, id: RecordId) -> bool {
        self.requested.as_ref().is_some_and(|request| request.id == id)
    }

    /// The request of a call whose end was not logged.
    pub(super) fn open_request(&self) -> Option<u64> {
        let open = !self.ended && self.denied.is_none();
        self.requested.as_ref().filter(|_| open).map(|request| request.index)
    }

    /// The first request stands: an action id names one call.
    pub(super) fn request(&mut self, request: Requested, found: &mut Found<'_, '_>) {
        match &self.requested {
            None => self.requested = Some(request),
            Some(first) => {
                let rests_on = [first.index];
                let why = format!("call {:?} was requested before; the first request stands", request.action);
                found.push(Rule::SequenceFork, &rests_on, why);
            }
        }
    }

    pub(super) fn deny(&mut self, index: u64) {
        self.denied.get_or_insert(index);
    }

    /// A decision that the acting agent made itself is told at once, and covers nothing.
    pub(super) fn decide(&mut self, mut decision: Decision, found: &mut Found<'_, '_>) {
        let own_word = actors(found.seen.record);
        let actors = self.requested.as_ref().map_or(&own_word, |request| &request.actors);
        let by_actor = decision.is_human() && decision.is_by(actors);
        if by_actor && decision.approves() {
            let rests_on: Vec<u64> = self.requested.iter().map(|request| request.index).collect();
            let why = format!("{:?} approves what it does itself", decision.approver());
            found.push(Rule::ApprovalSelf, &rests_on, why);
        }
        decision.by_actor = by_actor;
        self.decisions.push(decision);
    }

    /// Entries that decide about it.
    pub(super) fn decisions(&self) -> impl Iterator<Item = u64> {
        self.decisions.iter().map(|decision| decision.index)
    }

    /// The decision that was made by this record.
    pub(super) fn decision(&self, id: RecordId) -> Option<&Decision> {
        self.decisions.iter().find(|decision| decision.id == id)
    }

    /// `foreign` is the decision on another call that the outcome says it rests on, and why it cannot.
    pub(super) fn complete(
        &mut self,
        policy: Option<&Policy>,
        foreign: Option<(u64, Fault)>,
        found: &mut Found<'_, '_>,
    ) {
        let record = found.seen.record;
        self.ended = true;
        if self.requested.is_none() {
            found.push(Rule::OutcomeWithoutRequest, &[], "no request of this call was logged before");
        }
        let ran = record
            .outcome
            .as_ref()
            .is_some_and(|outcome| !matches!(outcome.status, Status::Denied | Status::Cancelled));
        if !ran {
            return;
        }
        if let Some(denied) = self.denied {
            found.push(Rule::ExecutedAfterDenial, &[denied], "the call was denied, and ran");
        }
        if let Some(request) = &self.requested {
            executed_as(request, found);
        }
        self.was_let_through(policy, foreign, found);
    }

    /// A call that needs an approval, or says that it has a human's, has one that covers it.
    fn was_let_through(
        &mut self,
        policy: Option<&Policy>,
        foreign: Option<(u64, Fault)>,
        found: &mut Found<'_, '_>,
    ) {
        let record = found.seen.record;
        let Some(request) = &self.requested else { return };
        let needed = policy.and_then(|policy| Some((policy.needs(request)?, policy.index)));
        let claimed = request.claims_human || claims_human(record);
        let by: Vec<u64> =
            [Some(request.index), needed.map(|(_, index)| index)].into_iter().flatten().collect();
        if let Some(last) = self.decisions.last().filter(|last| !last.approves()) {
            let rests_on = [&by[..], &[last.index]].concat();
            found.push(Rule::ApprovalDenied, &rests_on, format!("{:?} had said no", last.approver()));
            return;
        }
        let Some(wanted) = needed.map(|(mode, _)| mode).or(claimed.then_some(Mode::Human)) else { return };
        let attempt = Attempt::of(record, request);
        let mut faults: Vec<_> = foreign.into_iter().collect();
        for decision in &mut self.decisions {
            match decision.cover(wanted, &attempt, found.seen.index) {
                Ok(()) => return,
                Err(fault) => faults.push((decision.index, fault)),
            }
        }
        tell(&by, wanted, &faults, found);
    }
}

/// What kept each decision from covering the call; `approval_missing` where none was about it.
fn tell(by: &[u64], wanted: Mode, faults: &[(u64, Fault)], found: &mut Found<'_, '_>) {
    let mut told = false;
    for (decision, fault) in faults {
        let (rule, why) = match fault {
            Fault::Expired(end) => (Rule::ApprovalExpired, format!("the approval had expired at {end}")),
            Fault::OtherCall => (Rule::ApprovalMismatch, "the approval binds another request".to_owned()),
            Fault::OtherInput => (Rule::ApprovalMismatch, "the approval binds another input".to_owned()),
            Fault::Spent(uses) => {
                (Rule::ApprovalReused, format!("the approval was good for {uses} and spent"))
            }
            // A rule's yes is no human's, and an agent's own is nobody's.
            Fault::OtherMode | Fault::OwnYes => continue,
        };
        told = true;
        found.push(rule, &[by, &[*decision]].concat(), why);
    }
    if !told {
        let decisions: Vec<u64> = faults.iter().map(|(index, _)| *index).collect();
        let why = match (wanted, decisions.is_empty()) {
            (Mode::Human, true) => "no human's approval of this call was logged before it ran".to_owned(),
            (Mode::Human, false) => "what approves this call is not another human".to_owned(),
            (mode, _) => format!("no approval by {} was logged before it ran", mode.as_str()),
        };
        found.push(Rule::ApprovalMissing, &[by, &decisions].concat(), why);
    }
}

/// What ran is what was requested, as far as the record says what ran.
fn executed_as(request: &Requested, found: &mut Found<'_, '_>) {
    let record = found.seen.record;
    let executed = record.executed.as_ref().or(record.input.as_ref()).and_then(Content::sd);
    let action = record.action.as_ref();
    let target = action.and_then(|action| action.target.as_ref()).and_then(|target| target.plain());
    let pairs = [
        ("input", request.sd.as_deref(), executed),
        ("tool", request.tool.as_deref(), action.and_then(|action| action.tool.as_deref())),
        ("server", request.server.as_deref(), action.and_then(|action| action.server.as_deref())),
        ("target", request.target.as_deref(), target),
    ];
    for (what, asked, ran) in pairs {
        if let (Some(asked), Some(ran)) = (asked, ran)
            && asked != ran
        {
            let why = format!("the {what} that ran is another than was requested");
            found.push(Rule::ExecutedDiffers, &[request.index], why);
        }
    }
}
