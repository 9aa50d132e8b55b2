//! Whether a caller may speak for those whom a record names, and what the log vouches for.
//!
//! A token is bound to producers, agents and principals. A record that names another one is refused. One that names
//! nobody as its agent or principal passes: some events have none. A producer must be named where the token is bound to
//! some: what has no producer would be one more producer, for everybody to use.
//!
//! The log vouches (`verified`) for an agent or a principal that is on an explicit list: an admin has put it there. `*`
//! vouches for nobody, and neither does a log that is served open.

use record::{
    Grade,
    model::{Group, KeyRole, Kind, Principal, Record},
};

use crate::{
    access::{Caller, Named, Role},
    clerk::PRODUCER,
    problem::{Code, Problem},
};

/// What was verified of the identities in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grades {
    pub(crate) agent: Grade,
    pub(crate) principal: Grade,
}

/// Refuses a record that names somebody for whom the caller's token does not speak, or that only others may write.
pub(crate) fn for_those_named(caller: &Caller, record: &Record<'_>) -> Result<Grades, Box<Problem>> {
    may_write(caller, record)?;
    let Caller::Bearer(token) = caller else {
        return Ok(Grades { agent: Grade::Asserted, principal: Grade::Asserted });
    };
    let producer = record.producer.as_ref().map(|producer| &*producer.id);
    // Only submitters come here, and each is bound; were one not, it would speak for nobody.
    let bindings = token.bindings.as_ref().ok_or_else(|| not_yours("producer", "/producer/id", producer))?;
    if !producer.map_or(matches!(bindings.producers, Named::Any(_)), |id| bindings.producers.allows(id)) {
        return Err(not_yours("producer", "/producer/id", producer));
    }
    let agent = record.agent.as_ref().map(|agent| &*agent.sub);
    let principal = record.principal.as_ref().map(name_of);
    Ok(Grades {
        agent: grade(&bindings.agents, "agent", "/agent/sub", agent)?,
        principal: match principal {
            // Where the issuer ends could not be told: on no list.
            Some(Err(name)) if matches!(bindings.principals, Named::Only(_)) => {
                return Err(not_yours("principal", "/principal/iss", Some(&name)));
            }
            Some(Ok(name)) => grade(&bindings.principals, "principal", "/principal", Some(&name))?,
            Some(Err(_)) | None => Grade::Asserted,
        },
    })
}

/// The log itself writes who looked, who may, and what was erased and held; an admin lets keys in and takes them away. A
/// rotation needs no admin: the key that goes signs it.
fn may_write(caller: &Caller, record: &Record<'_>) -> Result<(), Box<Problem>> {
    let refuse = |path: &str, detail: String| Err(Problem::new(Code::NotYours, detail).path(path));
    if record.kind.group() == Group::Oversight {
        return refuse("/type", format!("The log itself writes {}; nobody submits it.", record.kind));
    }
    if record.producer.as_ref().is_some_and(|producer| *producer.id == *PRODUCER) {
        return refuse("/producer/id", format!("{PRODUCER:?} is the log itself; name another producer."));
    }
    if record.key.as_ref().is_some_and(|key| key.role == Some(KeyRole::Log)) {
        return refuse("/key/role", "The log itself announces its keys; nobody submits them.".into());
    }
    match (&record.kind, caller) {
        (Kind::KeyRegistered | Kind::KeyRevoked, Caller::Bearer(token))
            if !token.roles.contains(&Role::Admin) =>
        {
            let detail = "An admin lets keys in and takes them away: submit this with a token that has the role admin \
                          too, or replace a key by one that the old one signs (key.rotated).";
            refuse("/type", detail.into())
        }
        _ => Ok(()),
    }
}

/// A principal as it stands in a binding: `iss|sub`. The first bar ends the issuer, so one with a bar in it has no such
/// name.
fn name_of(principal: &Principal<'_>) -> Result<String, String> {
    let name = format!("{}|{}", &*principal.iss, &*principal.sub);
    if principal.iss.contains('|') { Err(name) } else { Ok(name) }
}

fn grade(named: &Named, what: &str, path: &str, value: Option<&str>) -> Result<Grade, Box<Problem>> {
    match value {
        Some(value) if !named.allows(value) => Err(not_yours(what, path, Some(value))),
        Some(value) if named.vouches_for(value) => Ok(Grade::Verified),
        _ => Ok(Grade::Asserted),
    }
}

fn not_yours(what: &str, path: &str, value: Option<&str>) -> Box<Problem> {
    let named = value.map_or_else(|| format!("no {what}"), |value| format!("the {what} {value:?}"));
    let detail =
        format!("The record names {named}, and this token is bound to others; ask an admin of the log.");
    Problem::new(Code::NotYours, detail).path(path)
}
