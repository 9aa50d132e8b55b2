//! What a monitor hands on that lies, and somebody who floods.

use follower::witness::keeper::OriginId;
use monitor::gossip::HEADS_MAX;
use tlog::checkpoint::Checkpoint;
use tlog::fork::ForkProof;
use tlog::key::Signer;

use super::cast::{Node, invented, origin, sign};
use super::outcomes::digest;
use super::wire::Request;
use super::world::World;

/// Heads that a liar hands on at once.
const LIES: u64 = 12;
/// The seed of a key that nobody trusts.
const STRANGER: [u8; 32] = [77; 32];

impl World {
    /// What a liar hands on who has no key: old heads, bent ones, the same again and again, in any order.
    pub(super) fn lie(&mut self, to: Node) -> Vec<u8> {
        let tree = &self.trees[self.logs[self.log_of(to)].tree];
        let mut notes = vec![];
        for _ in 0..=self.chance.below(LIES) {
            let size = self.chance.below(tree.size() + 1);
            let mut note = sign(tree.head_at(size)).bytes().to_vec();
            if self.chance.one_in(3) {
                let at = self.chance.below(note.len() as u64) as usize;
                note[at] ^= 1 << self.chance.below(7);
            }
            notes.push(note);
        }
        notes.join(&b'\n')
    }

    /// The names of what a liar calls fork proofs: one that he has not, and one that is none.
    pub(super) fn false_names(&mut self) -> Vec<String> {
        let text = self.false_proof();
        let name = digest(&text);
        self.lies.insert(name.clone(), text);
        vec![OriginId::from_bytes(self.chance.bytes()).to_string(), name]
    }

    /// What he answers to such a name.
    pub(super) fn false_fork(&self, name: &str) -> Option<String> {
        self.lies.get(name).or_else(|| self.lies.values().next()).cloned()
    }

    /// What a liar calls a fork proof: one of somebody else's with a bit turned, or one by a key that nobody trusts.
    fn false_proof(&mut self) -> String {
        let real = self.monitors.iter().find_map(|watcher| watcher.proofs().values().next().cloned());
        let Some(real) = real.filter(|_| self.chance.one_in(2)) else { return self.strangers_proof() };
        let mut bent = real.into_bytes();
        let at = self.chance.below(bent.len() as u64) as usize;
        bent[at] ^= 1 << self.chance.below(7);
        String::from_utf8_lossy(&bent).into_owned()
    }

    fn strangers_proof(&mut self) -> String {
        let stranger = Signer::from_seed(origin(), &STRANGER);
        let size = 1 + self.chance.below(100);
        let signed = [1, 2].map(|number| {
            let checkpoint = Checkpoint::new(origin(), invented(size, number)).expect("a head");
            checkpoint.sign(&stranger).expect("a signature")
        });
        let keys = [stranger.verifier_key().clone()];
        let proof = ForkProof::make([signed[0].bytes(), signed[1].bytes()], &keys, None);
        proof.expect("two roots of one size").to_string()
    }

    /// As many heads as a list may have that the log signed and nobody can connect: a log that works for whoever floods.
    pub(super) fn flood_of_heads(&mut self) -> Vec<u8> {
        let notes: Vec<_> = (0..HEADS_MAX).map(|_| self.unconnectable().to_vec()).collect();
        notes.join(&b'\n')
    }

    /// Hands in many such heads.
    pub(super) fn flood(&mut self, from: Node, monitor: usize, heads: u64) {
        for _ in 0..heads {
            let note = self.unconnectable();
            self.call(from, Node::Monitor(monitor), Request::HandIn(note));
        }
    }

    fn unconnectable(&mut self) -> bytes::Bytes {
        let (size, number) = (1_000_000 + self.chance.below(1_000_000), self.chance.next_u64());
        sign(invented(size, number)).bytes().clone()
    }
}
