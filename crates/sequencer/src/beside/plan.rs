//! What may be erased: pure, from what is there and what is held. The same rule decides at the commit, once more.

use std::collections::BTreeSet;

use super::{Digest, Hold, Tag};

/// A content that somebody wants erased, and whom it concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Which one.
    pub digest: Digest,
    /// Everybody and everything it concerns: its owner, its session, and those of later records that brought it.
    pub subjects: BTreeSet<Tag>,
}

/// A content that is kept, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Which one.
    pub digest: Digest,
    /// Names of the holds that cover it, never none.
    pub holds: Vec<String>,
}

/// What becomes of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// May be erased, in the order asked for.
    pub erase: Vec<Digest>,
    /// Is held.
    pub kept: Vec<Kept>,
}

/// Names of the holds that cover a content.
pub(super) fn holds_on(
    digest: Digest,
    concerns: impl Fn(Tag) -> bool,
    holds: &[Hold],
) -> impl Iterator<Item = &Hold> {
    let covers =
        move |hold: &&Hold| hold.is_active() && (hold.names(digest) || hold.subjects().any(&concerns));
    holds.iter().filter(covers)
}

/// Names of the holds that cover all content of an owner.
pub(super) fn holds_on_owner(owner: Tag, holds: &[Hold]) -> impl Iterator<Item = &Hold> {
    holds.iter().filter(move |hold| hold.is_active() && hold.subjects().any(|held| held == owner))
}

/// What may be erased of these contents.
pub fn plan(contents: &[Content], holds: &[Hold]) -> Plan {
    let mut plan = Plan::default();
    for Content { digest, subjects } in contents {
        let names: Vec<String> =
            holds_on(*digest, |tag| subjects.contains(&tag), holds).map(|hold| hold.id.clone()).collect();
        if names.is_empty() {
            plan.erase.push(*digest);
        } else {
            plan.kept.push(Kept { digest: *digest, holds: names });
        }
    }
    plan
}
