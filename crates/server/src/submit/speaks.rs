//! Whether a caller may speak for those whom a record names, and what the log vouches for.

use record::{Grade, Submission};

use crate::{
    access::{Caller, Named},
    problem::{Code, Problem},
};

/// What was verified of the identities in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grades {
    pub(crate) agent: Grade,
    pub(crate) principal: Grade,
}

/// Refuses a record that names somebody for whom the caller's token does not speak.
pub(crate) fn for_those_named(caller: &Caller, submission: &Submission) -> Result<Grades, Box<Problem>> {
    let said = Grades { agent: Grade::Asserted, principal: Grade::Asserted };
    let Caller::Bearer(token) = caller else { return Ok(said) };
    // Only submitters come here, and each is bound; were one not, it would speak for nobody.
    let bindings = token.bindings.as_ref().ok_or_else(|| not_yours("producer", "/producer/id", ""))?;
    may_name(&bindings.producers, "producer", "/producer/id", &submission.producer())?;
    Ok(said)
}

fn may_name(named: &Named, what: &str, path: &str, value: &str) -> Result<(), Box<Problem>> {
    if named.allows(value) { Ok(()) } else { Err(not_yours(what, path, value)) }
}

fn not_yours(what: &str, path: &str, value: &str) -> Box<Problem> {
    let named = if value.is_empty() { format!("no {what}") } else { format!("the {what} {value:?}") };
    let detail =
        format!("The record names {named}, and this token is bound to others; ask an admin of the log.");
    Problem::new(Code::NotYours, detail).path(path)
}
