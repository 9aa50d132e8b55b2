//! What is committed beside an entry: sealed content, and decisions about it.
//!
//! The rows of a submission go into the same atomic commit as its entry, and only if the entry is new. So there is no
//! entry without its content, no content without an entry, and no moment between the two; a duplicate or a conflict leaves
//! nothing behind.
//!
//! Two kinds of rows:
//!
//! * [`Payload`]: content that was sealed before it was submitted. What stands first stays: a later record that brings the
//!   same disclosure only adds whom it concerns, and one that brings an erased disclosure adds nothing, so that nothing
//!   erased comes back. Content under a key that was destroyed meanwhile is refused ([`Refusal::Overtaken`]).
//! * [`Decision`]: made on the writer's thread, from what is stored at that moment and what earlier submissions of the
//!   same commit changed ([`View`]). So an erasure and a hold that arrive together are decided one after the other.
//!
//! Within one commit, submissions are taken in order: of two that write one key, the last wins; within one [`Batch`] a put
//! wins over a delete.

mod announced;
mod erase;
mod erasure;
mod hold;
mod payload;
mod plan;
mod subject;
#[cfg(test)]
mod tests;

mod view;

use std::{fmt, sync::Arc};

use store::{Batch, Key, StoreError, Table};

use crate::{
    ids::Outcome,
    pool::{Group, Refusal},
};

pub use announced::Announce;
pub(crate) use announced::{announced, row as announced_row};
pub(crate) use erase::parse as info_of;
pub use erase::{DestroyKey, Erase};
pub(crate) use erasure::destructions;
pub use erasure::{Destruction, Erasure, Who};
pub(crate) use hold::all as all_holds;
pub use hold::{Hold, PlaceHold, ReleaseHold, Released, Scope};
pub use payload::{Digest, Info, InfoError, KeyId, PIECE_BYTES_MAX, Payload, PayloadError};
pub use plan::{Content, Kept, Plan, plan};
pub use subject::{Subject, Tag};
pub use view::View;

/// What one submission commits beside its entry, if and only if the entry is new.
#[derive(Clone, Default)]
pub struct Rows {
    /// Content that the record brings.
    pub payloads: Vec<Payload>,
    /// What is decided when the entry is committed, in order; all of it, or the entry is refused.
    pub decisions: Vec<Arc<dyn Decision>>,
}

impl Rows {
    /// Whether there is nothing beside the entry.
    pub fn is_empty(&self) -> bool {
        self.payloads.is_empty() && self.decisions.is_empty()
    }

    /// Bytes that wait in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.payloads.iter().map(Payload::bytes).sum()
    }
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rows({} payloads, {} decisions)", self.payloads.len(), self.decisions.len())
    }
}

/// A change of what is beside the log that depends on what is there when it is committed.
///
/// It is asked on the writer's thread, possibly more than once for one commit: it must answer from the view alone.
pub trait Decision: Send + Sync {
    /// What the entry at `index` changes; keys of [`Table::BESIDE`] and of [`Table::Announced`] only.
    fn decide(&self, view: &View<'_>, index: u64) -> Result<Batch, Declined>;
}

/// A decision was not made.
#[derive(Debug, thiserror::Error)]
pub enum Declined {
    /// It must not be, for this reason: one sentence for whoever asked.
    #[error("{0}")]
    NotAllowed(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The rows of a batch, and the groups that must not be committed.
pub(crate) struct Gathered {
    pub(crate) rows: Batch,
    /// Places among the groups, ascending.
    pub(crate) refused: Vec<(usize, Refusal)>,
}

/// Gathers what the new entries of these groups write beside the log. Costs nothing where no group has rows.
pub(crate) fn gather(
    store: &dyn store::Store,
    groups: &[Group],
    outcomes: &[Outcome],
) -> Result<Gathered, StoreError> {
    let mut view = View::new(store);
    let (mut refused, mut outcomes) = (vec![], outcomes.iter());
    for (place, group) in groups.iter().enumerate() {
        view.mark();
        let mut refusal = None;
        for (submission, outcome) in group.submissions.iter().zip(outcomes.by_ref()) {
            let Outcome::Logged { index } = *outcome else { continue };
            if submission.rows.is_empty() || refusal.is_some() {
                continue;
            }
            match add(&mut view, &submission.rows, index) {
                Ok(()) => {}
                Err(Stop::Store(error)) => return Err(error),
                Err(Stop::Refused(why)) => refusal = Some(why),
            }
        }
        if let Some(why) = refusal {
            view.roll_back();
            refused.push((place, why));
        }
    }
    Ok(Gathered { rows: view.into_batch(), refused })
}

enum Stop {
    Store(StoreError),
    Refused(Refusal),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

fn add(view: &mut View<'_>, rows: &Rows, index: u64) -> Result<(), Stop> {
    for payload in &rows.payloads {
        if view.get(&Key::Destroyed { key: payload.info().key.0 })?.is_some() {
            return Err(Stop::Refused(Refusal::Overtaken));
        }
        if view.get(&Key::Erasure { digest: payload.digest().0 })?.is_none() {
            let there = view.get(&Key::Payload { digest: payload.digest().0 })?.is_some();
            view.apply(if there { payload.subject_rows() } else { payload.rows() });
        }
    }
    for decision in &rows.decisions {
        let changes = decision.decide(view, index).map_err(|declined| match declined {
            Declined::Store(error) => Stop::Store(error),
            Declined::NotAllowed(why) => Stop::Refused(Refusal::NotAllowed(why)),
        })?;
        let mut keys = changes.puts.iter().map(|(key, _)| key).chain(&changes.deletes);
        let beside = |table| Table::BESIDE.contains(&table) || table == Table::Announced;
        if let Some(key) = keys.find(|key| !beside(key.table())) {
            let why = format!("a decision may not change the table {}", key.table().name());
            return Err(Stop::Refused(Refusal::NotAllowed(why)));
        }
        view.apply(changes);
    }
    Ok(())
}
