//! What an answer needs beside itself, so that its findings can be computed again without the rest of the log.

use record::Logged;
use std::collections::{BTreeSet, HashSet};

use record::model::{Kind, Record};

use crate::contents::named;
use crate::form::Role;
use crate::leads::Lead;
use crate::question::Question;
use crate::sessions::session_of;

/// What the records of an answer rest on, as far as their own words say.
#[derive(Debug, Clone, Default)]
pub struct Needs {
    /// Whether whole sessions were asked for: their records come with the answer.
    sessions_are_whole: bool,
    sessions: HashSet<String>,
    /// Calls, by their session and action id.
    calls: HashSet<(String, String)>,
    producers: HashSet<String>,
    /// Who may sign: agents, approvers, producers.
    parties: HashSet<String>,
    keys: HashSet<String>,
    /// Requests that an approval from elsewhere may bind.
    requests: HashSet<String>,
    /// Approvals that records name.
    approvals: HashSet<String>,
    contents: HashSet<String>,
    /// Entries that findings rest on.
    indexes: BTreeSet<u64>,
}

impl Needs {
    pub(crate) fn of(asked: &Question) -> Self {
        Self { sessions_are_whole: matches!(asked, Question::Session(_)), ..Self::default() }
    }

    /// Takes a record of the answer.
    pub(crate) fn add(&mut self, logged: &Logged<'_>) {
        let record = logged.record();
        self.sessions.extend(session_of(logged).map(str::to_owned));
        self.calls.extend(call(record));
        self.producers.insert(producer(record).to_owned());
        self.parties.extend(parties(record));
        self.keys.extend(logged.signatures().iter().map(|signature| signature.kid().to_string()));
        self.approvals.extend(approval_named(record));
        self.contents.extend(named(logged).into_iter().map(|one| one.sd.to_string()));
        self.add_request(record);
    }

    /// Where what is needed may be found.
    pub(crate) fn leads(&self) -> BTreeSet<Lead> {
        let of = |ids: &HashSet<String>, lead: fn(String) -> Lead| {
            ids.iter().cloned().map(lead).collect::<Vec<_>>()
        };
        let mut leads = BTreeSet::new();
        leads.extend(of(&self.keys, Lead::Key));
        leads.extend(of(&self.parties, Lead::KeysOf));
        leads.extend(of(&self.producers, Lead::Coverage));
        leads.extend(of(&self.requests, Lead::Bound));
        leads.extend(of(&self.approvals, Lead::Record));
        leads.extend(of(&self.contents, Lead::Erasure));
        leads.extend(self.indexes.iter().copied().map(Lead::Entry));
        if !self.sessions_are_whole {
            leads.extend(of(&self.sessions, Lead::Authority));
            let call = |(session, id): (String, String)| Lead::Call { session, id };
            leads.extend(self.calls.iter().cloned().map(call));
        }
        leads
    }

    /// Takes entries that a finding rests on.
    pub(crate) fn add_indexes(&mut self, indexes: &[u64]) {
        self.indexes.extend(indexes);
    }

    fn add_request(&mut self, record: &Record<'_>) {
        if record.kind == Kind::ActionRequested {
            self.requests.insert(record.id.to_string());
        }
    }

    /// Whether a record that is not in the answer has to be in the file, and as what. Records are shown in log order; each
    /// may bring needs of its own.
    pub(crate) fn wants(&mut self, logged: &Logged<'_>) -> Option<Role> {
        let record = logged.record();
        let role = self.as_key(record).or_else(|| self.as_rest(logged.index(), record))?;
        self.add_request(record);
        Some(role)
    }

    fn as_key(&mut self, record: &Record<'_>) -> Option<Role> {
        let change = record.key.as_ref()?;
        let of_party = change.party.as_ref().is_some_and(|party| self.parties.contains(party.sub.as_str()));
        let replaces = change.replaces.as_ref().map(ToString::to_string);
        let known = self.keys.contains(change.kid.as_str())
            || replaces.as_ref().is_some_and(|kid| self.keys.contains(kid));
        if !of_party && !known {
            return None;
        }
        // What becomes of that key later is wanted too.
        self.keys.insert(change.kid.to_string());
        self.keys.extend(replaces);
        Some(Role::Key)
    }

    fn as_rest(&self, index: u64, record: &Record<'_>) -> Option<Role> {
        let session = record.session.as_ref().map(|session| session.id.as_str());
        let in_session = session.is_some_and(|id| self.sessions.contains(id));
        let bound = || record.approval.as_ref()?.binds.as_ref().map(|binds| binds.record.to_string());
        let approves = record.kind == Kind::ApprovalDecided
            && (self.approvals.contains(&record.id.to_string())
                || bound().is_some_and(|id| self.requests.contains(&id)));
        let role = match &record.kind {
            Kind::CoverageDeclared if self.producers.contains(producer(record)) => Role::Coverage,
            Kind::PayloadErased
                if record
                    .erased
                    .as_ref()
                    .is_some_and(|erased| self.contents.contains(erased.sd.as_str())) =>
            {
                Role::Erased
            }
            _ if approves => Role::Approval,
            Kind::SessionOpened | Kind::DelegationGranted | Kind::DelegationRevoked
                if in_session && !self.sessions_are_whole =>
            {
                Role::Session
            }
            _ if call(record).is_some_and(|call| self.calls.contains(&call)) => Role::Call,
            _ if self.indexes.contains(&index) => Role::Finding,
            _ => return None,
        };
        Some(role)
    }
}

fn producer<'r>(record: &'r Record<'_>) -> &'r str {
    record.producer.as_ref().map_or("", |producer| producer.id.as_str())
}

/// A call holds within its session; outside of one, its id is all there is.
fn call(record: &Record<'_>) -> Option<(String, String)> {
    let session = record.session.as_ref().map_or(String::new(), |session| session.id.to_string());
    Some((session, record.action.as_ref()?.id.to_string()))
}

fn parties(record: &Record<'_>) -> impl Iterator<Item = String> {
    let agent = record.agent.as_ref().map(|agent| agent.sub.to_string());
    let approver = record.approval.as_ref().and_then(|approval| approval.approver.as_ref());
    let producer = record.producer.as_ref().map(|producer| producer.id.to_string());
    [agent, approver.map(|party| party.sub.to_string()), producer].into_iter().flatten()
}

fn approval_named(record: &Record<'_>) -> Option<String> {
    record.approval.as_ref()?.reference.as_ref().map(ToString::to_string)
}
