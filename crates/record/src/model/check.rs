//! What each type of record needs, and what its fields must agree on.

use super::{Content, Group, Kind, Mode, Record};
use crate::disclosure::Sd;
use crate::limits::{ACTORS_MAX, CONTENT_BYTES_MAX};
use crate::refusal::{Cause, Refusal};

/// Refuses a record that lacks what its type needs, with the path of what is missing.
pub(super) fn check(record: &Record<'_>) -> Result<(), Refusal> {
    subject(record)?;
    correlation(record)?;
    of_type(record)?;
    chain(record)?;
    for (path, content) in contents(record) {
        if let Some(content) = content {
            one_content(path, content)?;
        }
    }
    Ok(())
}

/// Who it is about: an agent, or where none may be, a principal.
fn subject(record: &Record<'_>) -> Result<(), Refusal> {
    let known = record.agent.is_some();
    match record.kind.group() {
        Group::Action => need(known, "/agent", "the agent that acts"),
        Group::Session | Group::Delegation | Group::Approval | Group::Policy => need(
            known || record.principal.is_some(),
            "/agent",
            "the agent, or a principal where no agent acts",
        ),
        Group::Coverage => need(record.producer.is_some(), "/producer", "the producer that promises or lost"),
        Group::Key | Group::Oversight | Group::Own => Ok(()),
    }
}

/// What it belongs to: a session, an action or a trace.
fn correlation(record: &Record<'_>) -> Result<(), Refusal> {
    let session = record.session.is_some();
    match record.kind.group() {
        Group::Session => need(session, "/session", "the session that it opens or closes"),
        Group::Action | Group::Delegation | Group::Approval | Group::Policy => {
            let other = record.action.is_some() || record.trace.is_some();
            need(session || other, "/session", "a session, an action or a trace that it belongs to")
        }
        Group::Coverage | Group::Key | Group::Oversight | Group::Own => Ok(()),
    }
}

fn of_type(record: &Record<'_>) -> Result<(), Refusal> {
    match record.kind {
        Kind::ActionRequested => {
            let tool = record.action.as_ref().is_some_and(|action| action.tool.is_some());
            need(record.action.is_some(), "/action", "the call")?;
            need(tool, "/action/tool", "the tool that is called")
        }
        Kind::ActionCompleted => {
            need(record.action.is_some(), "/action", "the call")?;
            need(record.outcome.is_some(), "/outcome", "how the call ended")
        }
        Kind::ActionDenied => need(record.action.is_some(), "/action", "the call"),
        Kind::ApprovalDecided => decided(record),
        Kind::ApprovalRequested => need(record.approval.is_some(), "/approval", "what is to be approved"),
        Kind::DelegationGranted | Kind::DelegationRevoked => {
            need(record.delegation.is_some(), "/delegation", "who hands what to whom")
        }
        Kind::PolicyDecided => need(record.policy.is_some(), "/policy", "what the policy decided"),
        Kind::CoverageDeclared => need(record.coverage.is_some(), "/coverage", "what is recorded"),
        Kind::GapDeclared => need(record.gap.is_some(), "/gap", "what was lost"),
        Kind::KeyRegistered | Kind::KeyRotated => new_key(record),
        Kind::KeyRevoked => need(record.key.is_some(), "/key", "the key"),
        Kind::AccessRead | Kind::AccessExported => need(record.access.is_some(), "/access", "who looked"),
        Kind::AccessGranted | Kind::AccessRevoked => {
            need(record.grant.is_some(), "/grant", "which credential, and whose")
        }
        Kind::PayloadErased => need(record.erased.is_some(), "/erased", "what was erased"),
        Kind::HoldPlaced | Kind::HoldReleased => need(record.hold.is_some(), "/hold", "the hold"),
        Kind::RetentionApplied => need(record.retention.is_some(), "/retention", "the rule"),
        Kind::SessionOpened | Kind::SessionClosed | Kind::Own(_) => Ok(()),
    }
}

fn decided(record: &Record<'_>) -> Result<(), Refusal> {
    let approval = record.approval.as_ref();
    need(approval.is_some(), "/approval", "the approval")?;
    need(approval.is_some_and(|a| a.decision.is_some()), "/approval/decision", "approved or denied")?;
    need(approval.is_some_and(|a| a.mode.is_some()), "/approval/mode", "who or what approves")?;
    let human = approval.is_some_and(|a| a.mode == Some(Mode::Human));
    let named = approval.is_some_and(|a| a.approver.is_some());
    need(!human || named, "/approval/approver", "the human who decided")
}

fn new_key(record: &Record<'_>) -> Result<(), Refusal> {
    let key = record.key.as_ref();
    need(key.is_some(), "/key", "the key")?;
    need(key.is_some_and(|key| key.public.is_some()), "/key/public", "the raw public key")?;
    let rotated = record.kind == Kind::KeyRotated;
    let replaces = key.is_some_and(|key| key.replaces.is_some());
    need(!rotated || replaces, "/key/replaces", "the key that it takes the place of")
}

/// A chain of actors has an end.
fn chain(record: &Record<'_>) -> Result<(), Refusal> {
    let token = record.token.as_ref().and_then(|token| token.act.as_ref());
    for (path, actor) in [("/act", record.act.as_ref()), ("/token/act", token)] {
        if actor.is_some_and(|actor| actor.chain().count() > ACTORS_MAX) {
            let why = format!("the chain has more than {ACTORS_MAX} actors");
            return Err(Refusal::new(Cause::BadField { why }, path, 0));
        }
    }
    Ok(())
}

/// Every content a record can have, by its path.
pub(crate) fn contents<'r, 'a>(record: &'r Record<'a>) -> [(&'static str, Option<&'r Content<'a>>); 6] {
    let approval = record.approval.as_ref();
    [
        ("/input", record.input.as_ref()),
        ("/executed", record.executed.as_ref()),
        ("/output", record.output.as_ref()),
        ("/approval/shown", approval.and_then(|approval| approval.shown.as_ref())),
        ("/approval/answer", approval.and_then(|approval| approval.answer.as_ref())),
        ("/access/query", record.access.as_ref().and_then(|access| access.query.as_ref())),
    ]
}

fn one_content(path: &str, content: &Content<'_>) -> Result<(), Refusal> {
    let bad = |why: &str| Err(Refusal::new(Cause::BadField { why: why.to_owned() }, path, 0));
    match content.inline() {
        Err(why) => return bad(why),
        Ok(None) if content.sd.is_none() => return bad("content needs sd, content or content_base64url"),
        Ok(_) => {}
    }
    if content.sd.as_ref().is_some_and(|sd| sd.parse::<Sd>().is_err()) {
        return bad("sd must be a SHA-256 in base64url without padding: 43 characters");
    }
    match content.bytes {
        Some(bytes) if bytes > CONTENT_BYTES_MAX as u64 => {
            let limit = CONTENT_BYTES_MAX;
            Err(Refusal::new(Cause::TooLarge { what: "content", bytes: bytes as usize, limit }, path, 0))
        }
        _ => Ok(()),
    }
}

fn need(there: bool, path: &str, what: &str) -> Result<(), Refusal> {
    if there {
        return Ok(());
    }
    let why = format!("the record must say {what}");
    Err(Refusal::new(Cause::BadField { why }, path, 0))
}
