//! Somebody who sees everything, and holds everybody to what always has to be so.

use std::collections::{BTreeMap, BTreeSet};

use tlog::Head;
use tlog::checkpoint::SignedCheckpoint;
use tlog::cosignature::Timestamp;
use tlog::fork::ForkProof;

use super::cast::{signer, vkey};
use super::tree::Tree;

/// What was seen, as far as later things are held against it.
#[derive(Default)]
pub(super) struct Onlooker {
    /// Keys of those who lie, and may be accused.
    liars: BTreeSet<String>,
    /// So many witnesses lie that two histories may be witnessed.
    pub(super) no_quorum_holds: bool,
    witnessed: Vec<Head>,
    cosigned: BTreeMap<usize, (Head, Timestamp)>,
    published: BTreeMap<usize, SignedCheckpoint>,
    /// The first promise that was broken.
    pub(super) broken: Option<String>,
}

impl Onlooker {
    /// The log lies, or its key is in several hands.
    pub(super) fn log_lies(&mut self) {
        self.liars.insert(signer().verifier_key().to_string());
    }

    /// A witness lies.
    pub(super) fn witness_lies(&mut self, number: usize) {
        self.liars.insert(vkey(number).to_string());
    }

    /// Whether the log is honest.
    pub(super) fn log_is_honest(&self) -> bool {
        !self.is_liar(&signer().verifier_key().to_string())
    }

    pub(super) fn is_liar(&self, key: &str) -> bool {
        self.liars.contains(key)
    }

    fn promise(&mut self, kept: bool, what: impl FnOnce() -> String) {
        if !kept {
            self.broken.get_or_insert_with(what);
        }
    }

    /// A log has a note that satisfies the policy.
    pub(super) fn witnessed(&mut self, trees: &[Tree], head: Head) {
        if self.witnessed.contains(&head) {
            return;
        }
        let other = self.witnessed.iter().find(|other| !in_one_history(trees, head, **other)).copied();
        let kept = other.is_none() || self.no_quorum_holds;
        self.promise(kept, || format!("two histories are witnessed: {head:?} and {other:?}"));
        self.witnessed.push(head);
    }

    /// A cosignature has left a witness.
    pub(super) fn cosigned(&mut self, trees: &[Tree], witness: usize, head: Head, time: Timestamp) {
        if self.is_liar(&vkey(witness).to_string()) {
            return;
        }
        if let Some((last, at)) = self.cosigned.insert(witness, (head, time)) {
            // Of two answers that cross on the way, either may be seen first.
            let kept = in_one_history(trees, last, head);
            self.promise(kept, || format!("witness {witness} cosigned {last:?} and then {head:?}"));
            let forth = last.size > head.size || at <= time;
            self.promise(forth, || format!("witness {witness} cosigned at {at:?} and then at {time:?}"));
        }
    }

    /// A log shows this.
    pub(super) fn published(&mut self, log: usize, note: &SignedCheckpoint) {
        if let Some(last) = self.published.insert(log, note.clone()) {
            let forth = last.size() < note.size()
                || (last.head() == note.head() && last.signatures().len() <= note.signatures().len());
            self.promise(forth, || format!("log {log} showed {:?}, and then {:?}", last.head(), note.head()));
        }
    }

    /// The operator of a log has put back a copy: that he goes back is what others are to find out.
    pub(super) fn put_back(&mut self, log: usize) {
        self.published.remove(&log);
    }

    /// Somebody keeps a fork proof.
    pub(super) fn proof(&mut self, by: &str, text: &str) {
        match ForkProof::parse(text.as_bytes()).and_then(|proof| proof.verify()) {
            Ok(fork) => {
                for statement in fork.guilty() {
                    let key = statement.key().to_string();
                    let kept = self.is_liar(&key);
                    self.promise(kept, || format!("{by} accuses {key}, who is honest"));
                }
                let kept = !self.log_is_honest() && fork.log_is_guilty();
                self.promise(kept, || format!("{by} keeps a fork proof against an honest log: {fork}"));
            }
            Err(error) => {
                self.promise(false, || format!("{by} keeps a fork proof that does not hold: {error}"));
            }
        }
    }
}

/// Whether two heads are of one history that somebody has.
pub(super) fn in_one_history(trees: &[Tree], one: Head, other: Head) -> bool {
    trees.iter().any(|tree| tree.contains(one) && tree.contains(other))
}
