//! Heads with as many cosignatures as a policy can name witnesses for quantum computers.

use monitor::event::Kind;
use monitor::gossip::{LIST_BYTES_MAX, decode, encode, heads};
use monitor::heard::{Heard, NOTE_BYTES_MAX, Trust};
use monitor::watch::{Effect, Input, Watch, Whom};
use tlog::checkpoint::{Checkpoint, SignedCheckpoint};
use tlog::cosignature::{Cosigner, Timestamp};
use tlog::fork::{FORK_PROOF_LEN_MAX, ForkProof};
use tlog::key::{KeyType, Signer};
use tlog::policy::Policy;
use tlog::{Hash, Head};

use crate::world::LIMITS;

const WITNESSES: u8 = 90;

struct World {
    log: Signer,
    witnesses: Vec<Cosigner>,
    trust: Trust,
}

impl World {
    fn new() -> Self {
        let log = Signer::from_seed("large.test/log".parse().unwrap(), &[1; 32]);
        let witness =
            |number: u8| Cosigner::ml_dsa_44(format!("w{number}.test").parse().unwrap(), &[number; 32]);
        let witnesses: Vec<_> = (0..WITNESSES).map(witness).collect();
        let mut lines = vec![format!("log {}", log.verifier_key())];
        lines.extend(
            witnesses.iter().enumerate().map(|(n, by)| format!("witness w{n} {}", by.verifier_key())),
        );
        lines.push("quorum none\n".to_owned());
        let policy = Policy::parse(lines.join("\n").as_bytes()).unwrap();
        Self { trust: Trust::new(log.name().clone(), policy), log, witnesses }
    }

    fn heard(&self, size: u64, root: u8, witnesses: usize) -> Heard {
        let head = Head { size, root: Hash::leaf(&[root]) };
        let signed: SignedCheckpoint =
            Checkpoint::new(self.log.name().clone(), head).unwrap().sign(&self.log).unwrap();
        let time = Timestamp::from_seconds(1_700_000_000).unwrap();
        let lines = self.witnesses[..witnesses].iter().map(|by| by.cosign(signed.checkpoint(), time));
        self.trust.hear(signed.with_signatures(lines).unwrap().bytes()).unwrap()
    }
}

#[test]
fn a_head_under_all_cosignatures_is_heard_and_handed_on_and_so_are_small_ones_beside_it() {
    let world = World::new();
    let mut watch = Watch::new(world.trust.clone(), LIMITS, None).unwrap();
    watch.step(1, Input::Shown(world.heard(20, 0, usize::from(WITNESSES))));
    let own = watch.memory().proven().unwrap();
    assert!((200_000..=NOTE_BYTES_MAX).contains(&own.bytes().len()), "{}", own.bytes().len());
    let notes = decode(encode(heads(watch.memory())).as_bytes());
    assert_eq!(world.trust.hear(&notes[0]).unwrap(), *own);
    // A large one for which there is no room keeps no small one away.
    let small = world.heard(20, 1, 0);
    let list = encode(std::iter::repeat_n(own, 40).chain([&small]));
    assert!(list.len() <= LIST_BYTES_MAX);
    assert_eq!(decode(list.as_bytes()).last(), Some(&small.bytes()));
}

#[test]
fn a_proof_names_as_many_of_the_guilty_as_fit() {
    let world = World::new();
    for (others, guilty) in [(30, 31), (usize::from(WITNESSES), 1)] {
        let mut watch = Watch::new(world.trust.clone(), LIMITS, None).unwrap();
        watch.step(1, Input::Shown(world.heard(20, 0, usize::from(WITNESSES))));
        let heard = world.heard(20, 1, others);
        let effects = watch.step(2, Input::Heard { heard, from: Whom::Peer("p".into()) });
        let text = effects.iter().find_map(|effect| match effect {
            Effect::Keep { text, .. } => Some(text),
            _ => None,
        });
        let text = text.expect("a proof against the log fits always");
        assert!(text.len() <= FORK_PROOF_LEN_MAX);
        let fork = ForkProof::parse(text.as_bytes()).unwrap().verify().unwrap();
        assert!(fork.log_is_guilty());
        assert_eq!(fork.guilty().count(), guilty);
        assert!(
            fork.guilty()
                .all(|by| by.key().key_type() != KeyType::Ed25519 || *by.key() == *world.log.verifier_key())
        );
        let split = watch.memory().incidents().iter().find(|each| each.kind == Kind::SplitView).unwrap();
        assert_eq!(split.guilty.len(), guilty);
    }
}
