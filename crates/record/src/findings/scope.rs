//! `out_of_scope` and `scope_widened`: what an actor holds, and what it claims, uses or hands on.

use std::collections::BTreeSet;

use super::{Found, Rule};
use crate::model::{Instant, Record};

/// A scope: a set of words (RFC 8693, section 4.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scope(BTreeSet<String>);

impl Scope {
    pub(super) fn parse(text: &str) -> Self {
        Self(text.split_ascii_whitespace().map(str::to_owned).collect())
    }

    fn beyond<'s>(&'s self, held: &Self) -> Option<&'s str> {
        self.0.iter().find(|word| !held.0.contains(*word)).map(String::as_str)
    }
}

/// What the session began with.
#[derive(Debug, Clone)]
pub(super) struct Granted {
    pub(super) index: u64,
    pub(super) scope: Option<Scope>,
    pub(super) expires: Option<Instant>,
}

/// One hop.
#[derive(Debug)]
struct Hop {
    index: u64,
    from: String,
    to: String,
    scope: Option<Scope>,
    expires: Option<Instant>,
    revoked: Option<u64>,
}

/// Who handed what to whom.
#[derive(Debug, Default)]
pub(super) struct Delegations {
    hops: Vec<Hop>,
}

/// What an actor holds.
#[derive(Debug)]
enum Held {
    /// These words, by these entries.
    Words(Scope, Vec<u64>),
    /// Nothing any more, by these entries, and why.
    Nothing(Vec<u64>, &'static str),
    /// Nobody said.
    Unsaid,
}

impl Delegations {
    /// Takes a `delegation.granted`.
    pub(super) fn grant(&mut self, granted: Option<&Granted>, found: &mut Found<'_, '_>) {
        let record = found.seen.record;
        let Some(delegation) = &record.delegation else { return };
        let scope = delegation.scope.as_ref().map(|scope| Scope::parse(scope));
        if let Some(scope) = &scope {
            self.must_hold(scope, &delegation.from.sub, "hands on", granted, found);
        }
        let outlives = granted.and_then(|granted| granted.expires.map(|end| (granted.index, end)));
        if let (Some(end), Some((opened, session_end))) = (delegation.expires, outlives)
            && end > session_end
        {
            found.push(Rule::ScopeWidened, &[opened], "the delegation outlives the session it comes from");
        }
        self.hops.push(Hop {
            index: found.seen.index,
            from: delegation.from.sub.as_str().to_owned(),
            to: delegation.to.sub.as_str().to_owned(),
            scope,
            expires: delegation.expires,
            revoked: None,
        });
    }

    /// Takes a `delegation.revoked`: every hop from the one to the other ends.
    pub(super) fn revoke(&mut self, found: &Found<'_, '_>) {
        let Some(delegation) = &found.seen.record.delegation else { return };
        let ended = self.hops.iter_mut().filter(|hop| {
            hop.revoked.is_none() && delegation.from.sub == *hop.from && delegation.to.sub == *hop.to
        });
        ended.for_each(|hop| hop.revoked = Some(found.seen.index));
    }

    /// A record that says under which scope it runs claims no more than is held.
    pub(super) fn claim(&self, granted: Option<&Granted>, found: &mut Found<'_, '_>) {
        let record = found.seen.record;
        if let (Some(scope), Some(actor)) = (&record.scope, actor(record)) {
            self.must_hold(&Scope::parse(scope), actor, "claims", granted, found);
        }
    }

    /// A call uses what is held.
    pub(super) fn call(&self, granted: Option<&Granted>, found: &mut Found<'_, '_>) {
        let record = found.seen.record;
        let Some(needed) = record.action.as_ref().and_then(|action| action.requires.as_ref()) else { return };
        let Some(actor) = actor(record) else { return };
        match self.held(actor, granted, record.time, 0) {
            Held::Words(held, by) if !held.0.contains(needed.as_str()) => {
                found.push(Rule::OutOfScope, &by, format!("{actor:?} does not hold {:?}", needed.as_str()));
            }
            Held::Nothing(by, why) => {
                found.push(Rule::OutOfScope, &by, format!("{actor:?} does not hold anything: {why}"));
            }
            Held::Words(..) => {}
            Held::Unsaid => by_its_own_word(needed, found),
        }
    }

    fn must_hold(
        &self,
        scope: &Scope,
        actor: &str,
        does: &str,
        granted: Option<&Granted>,
        found: &mut Found<'_, '_>,
    ) {
        let (by, why) = match self.held(actor, granted, found.seen.record.time, 0) {
            Held::Words(held, by) => match scope.beyond(&held) {
                Some(word) => (by, format!("{actor:?} {does} {word:?} and does not hold it")),
                None => return,
            },
            Held::Nothing(by, why) => {
                (by, format!("{actor:?} {does} a scope and does not hold anything: {why}"))
            }
            Held::Unsaid => return,
        };
        found.push(Rule::ScopeWidened, &by, why);
    }

    /// What `actor` holds at `time`: by the newest hop to it, or by the session itself. A hop never gives more than its
    /// giver holds.
    fn held(&self, actor: &str, granted: Option<&Granted>, time: Instant, depth: usize) -> Held {
        let to_it = || self.hops.iter().rev().filter(|hop| hop.to == actor);
        let Some(hop) = to_it().find(|hop| hop.revoked.is_none()).or_else(|| to_it().next()) else {
            return match granted.and_then(|granted| Some((granted.scope.clone()?, granted.index))) {
                Some((scope, index)) => Held::Words(scope, vec![index]),
                None => Held::Unsaid,
            };
        };
        if let Some(revoked) = hop.revoked {
            return Held::Nothing(vec![hop.index, revoked], "its delegation was revoked");
        }
        if hop.expires.is_some_and(|end| time > end) {
            return Held::Nothing(vec![hop.index], "its delegation had expired");
        }
        // Hops in a circle end here, and so does a chain longer than a record may have.
        let giver = match depth {
            0..crate::limits::ACTORS_MAX => self.held(&hop.from, granted, time, depth + 1),
            _ => Held::Unsaid,
        };
        match (giver, &hop.scope) {
            (Held::Nothing(mut by, why), _) => {
                by.push(hop.index);
                Held::Nothing(by, why)
            }
            (Held::Words(held, mut by), scope) => {
                by.push(hop.index);
                let words = scope.as_ref().map_or_else(
                    || held.clone(),
                    |scope| Scope(scope.0.intersection(&held.0).cloned().collect()),
                );
                Held::Words(words, by)
            }
            (Held::Unsaid, Some(scope)) => Held::Words(scope.clone(), vec![hop.index]),
            (Held::Unsaid, None) => Held::Unsaid,
        }
    }
}

/// Where nobody said what is held, the record's own scope is the measure.
fn by_its_own_word(needed: &str, found: &mut Found<'_, '_>) {
    let Some(claimed) = found.seen.record.scope.as_ref().map(|scope| Scope::parse(scope)) else { return };
    if !claimed.0.contains(needed) {
        found.push(Rule::OutOfScope, &[], format!("by its own scope it does not hold {needed:?}"));
    }
}

/// Whoever acts now.
fn actor<'r>(record: &'r Record<'_>) -> Option<&'r str> {
    let acting = record.act.as_ref().map(|actor| actor.sub.as_str());
    acting.or_else(|| record.agent.as_ref().map(|agent| agent.sub.as_str()))
}
