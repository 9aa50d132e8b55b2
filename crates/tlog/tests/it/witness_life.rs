//! A witness through any sequence of requests, honest ones and those of a log that has forked: what it has stored is always
//! the history that it saw first.

use proptest::collection::vec;
use proptest::prelude::*;
use tlog::witness::{AddCheckpoint, Evidence};

use crate::history::{History, SIZE_MAX};
use crate::vectors::{name, signer};
use crate::witness::Witness;

/// What a log, or somebody in its name, sends.
#[derive(Clone, Debug)]
struct Step {
    forked: bool,
    old: Old,
    new: u64,
    bend: Option<(u8, u8)>,
}

/// The old size of a request.
#[derive(Clone, Debug)]
enum Old {
    Stored,
    Any(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let old = prop_oneof![3 => Just(Old::Stored), 1 => (0..=SIZE_MAX).prop_map(Old::Any)];
    let bend = prop_oneof![3 => Just(None), 1 => any::<(u8, u8)>().prop_map(Some)];
    (any::<bool>(), old, 0..=SIZE_MAX, bend).prop_map(|(forked, old, new, bend)| Step {
        forked,
        old,
        new,
        bend,
    })
}

/// The body of the request, to a witness that has stored this size.
fn body(step: &Step, history: &History, stored: u64) -> Vec<u8> {
    let old = match step.old {
        Old::Stored => stored,
        Old::Any(old) => old,
    };
    let proof = if old <= step.new { history.consistency(old, step.new).hashes } else { vec![] };
    let signed = history.signed(step.new, &signer("log.example", 1));
    let mut body = AddCheckpoint::new(old, proof, &signed).unwrap().to_string().into_bytes();
    if let Some((at, bit)) = step.bend {
        let at = usize::from(at) * body.len() / 256;
        body[at] ^= 1 << (bit % 8);
    }
    body
}

proptest! {
    #[test]
    fn no_sequence_of_requests_leads_away_from_the_first_history(
        fork in 0..SIZE_MAX,
        first in 1..=SIZE_MAX,
        steps in vec(step(), 1..24),
    ) {
        let honest = History::honest();
        let forked = honest.forked_at(fork.min(first - 1));
        let log = signer("log.example", 1);
        let mut witness = Witness::of(&[log.verifier_key().clone()]);
        let begin = AddCheckpoint::new(0, vec![], &honest.signed(first, &log)).unwrap();
        witness.submit(begin.to_string().as_bytes()).unwrap();
        let origin = name("log.example");
        for step in steps {
            let history = if step.forked { &forked } else { &honest };
            let before = witness.stored[&origin];
            let answer = witness.submit(&body(&step, history, before.size));
            let after = witness.stored[&origin];
            prop_assert_eq!(after, honest.head(after.size), "it is the first history");
            prop_assert!(after.size >= before.size, "it only grows");
            match answer {
                Ok(cosigned) => prop_assert_eq!(cosigned.checkpoint().head(), after),
                Err(refusal) => {
                    prop_assert_eq!(after, before, "a refusal changes nothing");
                    let proven = refusal.evidence().is_some_and(Evidence::is_proof);
                    prop_assert!(!proven || step.forked, "an honest log yields no proof against it");
                }
            }
        }
    }

    /// Honest requests from what is stored are never refused.
    #[test]
    fn an_honest_log_is_cosigned(sizes in vec(0..=SIZE_MAX, 1..12)) {
        let (honest, log) = (History::honest(), signer("log.example", 1));
        let mut witness = Witness::of(&[log.verifier_key().clone()]);
        let (mut stored, mut sizes) = (0, sizes);
        sizes.sort_unstable();
        for size in sizes {
            let step = Step { forked: false, old: Old::Stored, new: size, bend: None };
            prop_assert!(witness.submit(&body(&step, &honest, stored)).is_ok(), "{stored} to {size}");
            stored = size;
        }
    }
}
