//! A log that changed its key twice, and every way in which its history can lie.

use std::num::NonZeroUsize;

use record::{Signature, Signatures, Submission, Vouched};
use testkit::keys::LOG;
use tlog::checkpoint::{Checkpoint, CheckpointError};
use tlog::key::{Signer, VerifierKey};
use tlog::policy::{Policy, PolicyFault};
use tlog::proof::ProofError;
use tlog::tlog_proof::TlogProof;
use tlog::{Hash, Head};

use super::error::Fault;
use super::*;
use crate::audit::{Audit, Scope, Silent, Wrong};
use crate::copy::Copy;
use crate::follow::{Changes, FollowError, trust};
use crate::source::Source;

const TIME: &str = "2026-11-25T08:00:00.000Z";

fn signer(seed: u8) -> Signer {
    named(LOG.name, seed)
}

fn named(name: &str, seed: u8) -> Signer {
    Signer::from_seed(name.parse().unwrap(), &[seed; 32])
}

fn vkey(signer: &Signer) -> VerifierKey {
    signer.verifier_key().clone()
}

fn only(signer: &Signer) -> Policy {
    Policy::log_only(vkey(signer)).unwrap()
}

fn sealed(submission: &Submission, signatures: Option<&Signatures>) -> Bytes {
    let vouched = Vouched::asserted(TIME, "log", [9; 16]);
    record::seal(submission, signatures, &vouched).unwrap().into_bytes()
}

fn announced(old: &Signer, new: &Signer) -> Bytes {
    let (submission, signatures) = announce(old, &vkey(new), TIME).unwrap();
    sealed(&submission, Some(&signatures))
}

/// Leaves of a small log, hashed as RFC 6962 section 2.1 says it.
#[derive(Default)]
struct Leaves(Vec<Hash>);

impl Leaves {
    /// Adds two entries that nobody looks at, then this one; its index.
    fn add(&mut self, entry: &[u8]) -> u64 {
        for other in [&b"one"[..], b"other", entry] {
            self.0.push(Hash::leaf(other));
        }
        self.0.len() as u64 - 1
    }

    fn root(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Hash::EMPTY,
            [leaf] => *leaf,
            more => {
                let (left, right) = more.split_at(more.len().next_power_of_two() / 2);
                Hash::node(&Self::root(left), &Self::root(right))
            }
        }
    }

    fn path(at: usize, leaves: &[Hash]) -> Vec<Hash> {
        if leaves.len() == 1 {
            return vec![];
        }
        let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
        let (mut path, other) = match at.checked_sub(left.len()) {
            None => (Self::path(at, left), right),
            Some(at) => (Self::path(at, right), left),
        };
        path.push(Self::root(other));
        path
    }

    fn proof(&self, index: u64, name: &str, signers: &[&Signer]) -> TlogProof {
        let head = Head { size: self.0.len() as u64, root: Self::root(&self.0) };
        let checkpoint = Checkpoint::new(name.parse().unwrap(), head).unwrap();
        let signed = checkpoint.sign_by(signers.iter().copied()).unwrap();
        TlogProof::new(index, Self::path(usize::try_from(index).unwrap(), &self.0), &signed).unwrap()
    }

    fn rotate(&mut self, old: &Signer, new: &Signer) -> Rotation {
        let entry = announced(old, new);
        let index = self.add(&entry);
        Rotation::new(entry, self.proof(index, old.name().as_str(), &[old]))
    }
}

/// Three keys, one after the other.
fn twice() -> ([Signer; 3], History) {
    let keys = [signer(1), signer(2), signer(3)];
    let mut log = Leaves::default();
    let rotations = [log.rotate(&keys[0], &keys[1]), log.rotate(&keys[1], &keys[2])];
    let history = rotations.into_iter().fold(History::of_one(vkey(&keys[0])), History::with);
    (keys, history)
}

fn fault(result: Result<Followed, KeysError>) -> (usize, Fault) {
    match result {
        Err(KeysError::Rotation { number, fault }) => (number, fault),
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_key_leads_to_the_last_and_the_document_prints_back() {
    let (keys, history) = twice();
    let steps = |from: &Signer| follow_keys(&only(from), &history).unwrap().steps;
    let places = |from: &Signer| steps(from).iter().map(|step| (step.index, step.until)).collect::<Vec<_>>();
    assert_eq!(places(&keys[0]), [(2, 3), (5, 6)]);
    assert_eq!(places(&keys[1]), [(5, 6)]);
    assert_eq!(places(&keys[2]), []);
    assert_eq!(steps(&keys[0])[1].new, vkey(&keys[2]));
    let policy = follow_keys(&only(&keys[0]), &history).unwrap().policy;
    let until: Vec<_> = policy.logs().iter().map(|log| (log.key.clone(), log.until)).collect();
    assert_eq!(until, [(vkey(&keys[0]), Some(3)), (vkey(&keys[1]), Some(6)), (vkey(&keys[2]), None)]);

    let read = History::parse(&history.to_bytes()).unwrap();
    assert_eq!(read, history);
    assert_eq!(history.clone().and(&history), history, "the same is not said twice");
    let early = history.clone().up_to(1);
    assert_eq!(follow_keys(&only(&keys[0]), &early).unwrap().steps.len(), 1, "it stops early");
    assert_eq!(follow_keys(&only(&signer(7)), &history).unwrap().steps, [], "a key that it does not know");
    let other = follow_keys(&only(&named("other.example", 1)), &history);
    assert!(matches!(other, Err(KeysError::OtherLog { .. })), "{other:?}");
}

#[test]
fn a_rotation_that_lies_in_any_member_is_refused() {
    let (keys, history) = twice();
    let [old, new, stranger] = [&keys[0], &keys[1], &signer(7)];
    let (record, good) = announce(old, &vkey(new), TIME).unwrap();
    let record: serde_json::Value = serde_json::from_slice(record.canonical()).unwrap();
    let kid = |signer: &Signer| super::announcement::raw(&vkey(signer)).unwrap().id();
    let public = super::announcement::raw(&vkey(stranger)).unwrap().to_string();
    let follow = |entry: Bytes| {
        let mut log = Leaves::default();
        let index = log.add(&entry);
        let rotation = Rotation::new(entry, log.proof(index, LOG.name, &[old]));
        follow_keys(&only(old), &History::of_one(vkey(old)).with(rotation))
    };
    // Even where the old key has signed it: what it says is no change of this log's key.
    for (member, value, words) in [
        ("/aud", "other.example".to_owned(), "for the log"),
        ("/type", "key.registered".to_owned(), "for the role"),
        ("/key/role", "agent".to_owned(), "for the role"),
        ("/key/alg", "ES256".to_owned(), "one key"),
        ("/key/kid", kid(stranger).to_string(), "same new key"),
        ("/key/public", public, "same new key"),
        ("/key/replaces", "no kid".to_owned(), "43 characters"),
        ("/key/vkey", vkey(stranger).to_string(), "same new key"),
        ("/key/vkey", vkey(&named("other.example", 2)).to_string(), "named other.example"),
        ("/key/vkey", "no key".to_owned(), "form"),
    ] {
        let mut lie = record.clone();
        *lie.pointer_mut(member).unwrap() = value.into();
        let lie = Submission::parse(&serde_json::to_vec(&lie).unwrap()).unwrap();
        let value = old.sign_bytes(&record::signature::message(lie.canonical()));
        let signatures = Signatures::new(vec![Signature::new(kid(old), value)]).unwrap();
        let (number, fault) = fault(follow(sealed(&lie, Some(&signatures))));
        assert_eq!(number, 1);
        assert!(matches!(fault, Fault::Announcement(_)), "{member}: {fault}");
        assert!(words == "one key" || fault.to_string().contains(words), "{member}: {fault}");
        // The signature that the true record had holds for no other.
        let (_, fault) = super::tests::fault(follow(sealed(&lie, Some(&good))));
        assert!(matches!(fault, Fault::Announcement(_) | Fault::NotSigned), "{member}: {fault}");
    }
    let true_record = Submission::parse(&serde_json::to_vec(&record).unwrap()).unwrap();
    assert_eq!(fault(follow(sealed(&true_record, None))), (1, Fault::NotSigned));
    let by_new = new.sign_bytes(&record::signature::message(true_record.canonical()));
    for (kid, value) in [(kid(new), by_new), (kid(old), by_new), (kid(old), [1; 64])] {
        let signatures = Signatures::new(vec![Signature::new(kid, value)]).unwrap();
        assert_eq!(fault(follow(sealed(&true_record, Some(&signatures)))), (1, Fault::NotSigned));
    }
    let mut later = record.clone();
    later["time"] = "2026-11-25T08:00:00.001Z".into();
    let later = Submission::parse(&serde_json::to_vec(&later).unwrap()).unwrap();
    assert_eq!(fault(follow(sealed(&later, Some(&good)))), (1, Fault::NotSigned));
    assert_eq!(follow(sealed(&true_record, Some(&good))).unwrap().steps.len(), 1);
    let (number, _) = fault(follow(Bytes::from_static(b"no entry")));
    assert_eq!(number, 1);
    // Somebody whom nobody trusts names the trusted key.
    let (theirs, signatures) = announce(stranger, &vkey(new), TIME).unwrap();
    let mut theirs: serde_json::Value = serde_json::from_slice(theirs.canonical()).unwrap();
    theirs["key"]["replaces"] = kid(old).to_string().into();
    let theirs = Submission::parse(&serde_json::to_vec(&theirs).unwrap()).unwrap();
    assert_eq!(fault(follow(sealed(&theirs, Some(&signatures)))), (1, Fault::NotSigned));
    assert_eq!(follow_keys(&only(old), &history).unwrap().steps.len(), 2);
}

#[test]
fn the_proof_is_of_this_entry_under_a_checkpoint_that_the_old_key_signed() {
    let [old, new] = [signer(1), signer(2)];
    let entry = announced(&old, &new);
    let mut log = Leaves::default();
    let index = log.add(&entry);
    let follow = |proof: TlogProof| {
        follow_keys(&only(&old), &History::of_one(vkey(&old)).with(Rotation::new(entry.clone(), proof)))
    };
    assert_eq!(follow(log.proof(index, LOG.name, &[&new, &old])).unwrap().steps.len(), 1, "both have signed");
    let (_, unsigned) = fault(follow(log.proof(index, LOG.name, &[&new])));
    assert!(matches!(unsigned, Fault::Checkpoint(CheckpointError::Signature(_))), "{unsigned}");
    let elsewhere = named("other.example", 1);
    let (_, other) = fault(follow(log.proof(index, "other.example", &[&elsewhere])));
    assert!(matches!(other, Fault::Checkpoint(CheckpointError::WrongOrigin { .. })), "{other}");
    let (_, root) = fault(follow(log.proof(index - 1, LOG.name, &[&old])));
    assert_eq!(root, Fault::Proof(ProofError::RootMismatch));
    let mut without = Leaves::default();
    let index = without.add(b"another entry");
    let (_, root) = fault(follow(without.proof(index, LOG.name, &[&old])));
    assert_eq!(root, Fault::Proof(ProofError::RootMismatch));
}

#[test]
fn the_chain_has_one_order_no_circle_and_no_fork() {
    let keys = [signer(1), signer(2), signer(3)];
    let [k0, k1, k2] = [&keys[0], &keys[1], &keys[2]];
    let history =
        |rotations: Vec<Rotation>| rotations.into_iter().fold(History::of_one(vkey(k0)), History::with);
    let follow = |rotations: Vec<Rotation>| follow_keys(&only(k0), &history(rotations));
    let mut log = Leaves::default();
    let (first, second) = (log.rotate(k0, k1), log.rotate(k1, k2));
    // One that is signed by a key that nobody leads to.
    let (stray, back) = (log.rotate(&signer(8), &signer(9)), log.rotate(k2, k0));
    assert_eq!(follow(vec![first.clone(), second.clone()]).unwrap().steps.len(), 2);
    assert_eq!(fault(follow(vec![first.clone(), stray])), (2, Fault::Order));
    assert_eq!(fault(follow(vec![first.clone(), second.clone(), back])), (3, Fault::Cycle));
    let again = log.rotate(k0, k1);
    assert_eq!(fault(follow(vec![first.clone(), again])), (2, Fault::Order), "announced twice");
    // A later change that stands before the earlier one in the log.
    let mut turned = Leaves::default();
    let (second_before, first_after) = (turned.rotate(k1, k2), turned.rotate(k0, k1));
    assert_eq!(fault(follow(vec![first_after, second_before])), (2, Fault::Order));
    // What comes in the wrong order in the document leads nowhere: the key it ends at is trusted by nobody.
    assert_eq!(follow(vec![second.clone(), first.clone()]).unwrap().steps.len(), 1);

    let fork = log.rotate(k0, &signer(5));
    for (rotations, other) in [
        (vec![first.clone(), fork.clone()], &fork),
        (vec![first.clone(), second, fork.clone()], &fork),
        (vec![fork.clone(), first.clone()], &first),
    ] {
        match follow(rotations) {
            Err(KeysError::Fork(forked)) => assert_eq!(&forked.second, other, "both sides are kept"),
            other => panic!("{other:?}"),
        }
    }
    let merged = history(vec![first.clone()]).and(&history(vec![fork]));
    assert!(matches!(follow_keys(&only(k0), &merged), Err(KeysError::Fork(_))), "known here, shown there");
    // The witness of a policy does not become its log.
    let witness = tlog::cosignature::Cosigner::from_seed("w.example".parse().unwrap(), &[2; 32]);
    let text = format!("log {}\nwitness w {}\nquorum w\n", vkey(k0), witness.verifier_key());
    let policy = Policy::parse(text.as_bytes()).unwrap();
    let refused = follow_keys(&policy, &history(vec![first]));
    assert_eq!(fault(refused), (1, Fault::Policy(PolicyFault::DuplicateKey)));
}

#[test]
fn what_is_no_history_is_told() {
    let (_, history) = twice();
    let good: serde_json::Value = serde_json::from_slice(&history.to_bytes()).unwrap();
    for (member, value) in [
        ("/format", serde_json::json!("deedbook-log-keys/2")),
        ("/origin", serde_json::json!("other.example")),
        ("/first", serde_json::json!("no key")),
        ("/rotations", serde_json::json!({})),
        ("/rotations/0/entry", serde_json::json!(1)),
        ("/rotations/1/proof", serde_json::json!("no proof")),
        ("/rotations", vec![good["rotations"][0].clone(); ROTATIONS_MAX + 1].into()),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(member).unwrap() = value;
        let read = History::parse(&serde_json::to_vec(&bad).unwrap());
        assert!(matches!(read, Err(KeysError::Document { .. })), "{member}: {read:?}");
    }
    let long = History::parse(&vec![b' '; HISTORY_BYTES_MAX + 1]);
    assert!(long.unwrap_err().to_string().contains("bytes"));
    let (k0, elsewhere) = (signer(1), named("other.example", 2));
    for (new, time) in [(vkey(&k0), TIME), (vkey(&elsewhere), TIME), (vkey(&signer(2)), "now")] {
        assert!(matches!(announce(&k0, &new, time), Err(KeysError::Announcement { .. })));
    }
}

/// The log's own key judges nobody's records, and nobody's keys judge its announcement.
#[test]
fn findings_leave_the_logs_own_announcement_alone() {
    let [old, new] = [signer(1), signer(2)];
    let found = |entry: &[u8]| {
        let logged = record::Logged::read(0, entry).unwrap();
        let mut fold = record::findings::Fold::new(record::findings::Parameters::default());
        fold.take(&logged.seen()).into_iter().map(|finding| finding.why).collect::<Vec<_>>()
    };
    assert_eq!(found(&announced(&old, &new)), Vec::<String>::new());
    let (record, signatures) = announce(&old, &vkey(&new), TIME).unwrap();
    let bend = |from: &str, to: &str| {
        let text = String::from_utf8_lossy(record.canonical()).replacen(from, to, 1);
        sealed(&Submission::parse(text.as_bytes()).unwrap(), Some(&signatures))
    };
    // Of anybody else's key it is judged as before; and a signature by a third key is not passed over.
    assert_eq!(found(&bend("\"role\":\"log\"", "\"role\":\"agent\"")).len(), 2);
    let kid = super::announcement::raw(&vkey(&old)).unwrap().id().to_string();
    let third = super::announcement::raw(&vkey(&signer(3))).unwrap().id().to_string();
    assert_eq!(found(&bend(&kid, &third)).len(), 1);
}

/// A directory with a log of a few entries, signed by whom one likes.
struct Shown {
    home: tempfile::TempDir,
    log: crate::testlog::TestLog,
}

impl Shown {
    fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap(), log: crate::testlog::TestLog::of_size(5) }
    }

    fn sign(&self, signers: &[&Signer]) {
        let checkpoint = Checkpoint::new(signers[0].name().clone(), self.log.edge.head()).unwrap();
        let signed = checkpoint.sign_by(signers.iter().copied()).unwrap();
        self.log.write("checkpoint", signed.bytes());
    }

    fn source(&self) -> Source {
        Source::directory(self.log.path()).unwrap()
    }

    fn audit(&self, policy: &Policy, changes: Changes) -> Audit {
        Audit {
            source: self.source(),
            policy: policy.clone(),
            changes,
            state: Some(self.home.path().join("state")),
            scope: Scope::Full,
            threads: NonZeroUsize::MIN,
        }
    }
}

#[tokio::test]
async fn an_auditor_follows_remembers_and_refuses_what_contradicts() {
    let (keys, history) = twice();
    let policy = only(&keys[0]);
    let mut shown = Shown::new();
    // Signed by the old key too: nothing is fetched.
    shown.log.write(KEYS_PATH, b"no history");
    shown.sign(&[&keys[1], &keys[0]]);
    let report = shown.audit(&policy, Changes::Followed).run(&Silent).await.unwrap();
    assert!(report.holds() && report.keys.is_empty(), "{report:?}");

    shown.sign(&[&keys[2]]);
    let report = shown.audit(&policy, Changes::Followed).run(&Silent).await.unwrap();
    assert_eq!(report.findings.first[0].wrong, Wrong::Keys, "{report:?}");
    shown.log.write(KEYS_PATH, &history.to_bytes());
    let report = shown.audit(&policy, Changes::Refused).run(&Silent).await.unwrap();
    assert_eq!(report.findings.first[0].wrong, Wrong::Checkpoint, "pinned");
    shown.log.write(KEYS_PATH, &history.clone().up_to(1).to_bytes());
    let report = shown.audit(&policy, Changes::Followed).run(&Silent).await.unwrap();
    assert_eq!(report.findings.first[0].wrong, Wrong::Checkpoint, "the history stops early");
    shown.log.write(KEYS_PATH, &history.to_bytes());
    let report = shown.audit(&policy, Changes::Followed).run(&Silent).await.unwrap();
    assert!(report.holds(), "{report:?}");
    assert_eq!((report.keys.len(), report.continues), (2, Some(5)));

    // What was followed is remembered: the log need not show it again, and the old key alone does not come back.
    std::fs::remove_file(shown.log.file(KEYS_PATH)).unwrap();
    let report = shown.audit(&policy, Changes::Followed).run(&Silent).await.unwrap();
    assert!(report.holds() && report.keys.len() == 2, "{report:?}");
    shown.log.grow([Bytes::from_static(b"more")]);
    shown.sign(&[&keys[0]]);
    let report = shown.audit(&policy, Changes::Followed).run(&Silent).await.unwrap();
    assert!(report.findings.first[0].detail.contains("another took the place of"), "{report:?}");

    // Another successor, as a thief of the old key would show it.
    let thief = signer(9);
    let fork = History::of_one(vkey(&keys[0])).with(Leaves::default().rotate(&keys[0], &thief));
    shown.log.write(KEYS_PATH, &fork.to_bytes());
    shown.sign(&[&thief]);
    let report = shown.audit(&policy, Changes::Followed).run(&Silent).await.unwrap();
    let finding = &report.findings.first[0];
    assert_eq!(finding.wrong, Wrong::Keys);
    assert!(finding.detail.contains("the other"), "the evidence is in it: {finding}");
    let naive = trust(&shown.source(), &policy, None, Changes::Followed).await;
    assert!(naive.is_ok(), "who remembers nothing cannot know");
    // A state of another log's keys is not overwritten.
    let other = shown.audit(&only(&named("other.example", 1)), Changes::Followed).run(&Silent).await;
    assert!(other.unwrap_err().to_string().contains("does not belong to this log"));
}

#[tokio::test]
async fn a_copy_carries_the_history_on_and_never_loses_it() {
    let (keys, history) = twice();
    let shown = Shown::new();
    let copy = |changes| Copy {
        source: shown.source(),
        policy: only(&keys[0]),
        changes,
        directory: shown.home.path().join("copy"),
        threads: NonZeroUsize::MIN,
    };
    shown.sign(&[&keys[1], &keys[0]]);
    copy(Changes::Followed).run(&Silent).await.unwrap();
    let kept = shown.home.path().join("copy").join(KEYS_PATH);
    assert!(!kept.exists(), "there is none");
    shown.sign(&[&keys[2]]);
    shown.log.write(KEYS_PATH, &history.to_bytes());
    assert!(copy(Changes::Refused).run(&Silent).await.is_err(), "pinned");
    let copied = copy(Changes::Followed).run(&Silent).await.unwrap();
    assert_eq!((copied.keys.len(), copied.continues), (2, Some(5)));
    assert_eq!(std::fs::read(&kept).unwrap(), history.to_bytes());
    // A log that shows less does not make the copy know less; one that contradicts it leaves it as it is.
    shown.log.write(KEYS_PATH, &history.clone().up_to(1).to_bytes());
    copy(Changes::Followed).run(&Silent).await.unwrap();
    assert_eq!(std::fs::read(&kept).unwrap(), history.to_bytes());
    let fork = History::of_one(vkey(&keys[0])).with(Leaves::default().rotate(&keys[0], &signer(9)));
    shown.log.write(KEYS_PATH, &fork.to_bytes());
    let refused = copy(Changes::Followed).run(&Silent).await.unwrap_err();
    assert!(refused.to_string().contains("forked"), "{refused}");
    assert_eq!(std::fs::read(&kept).unwrap(), history.to_bytes());
    let copied = Source::directory(&shown.home.path().join("copy")).unwrap();
    trust(&copied, &only(&keys[0]), None, Changes::Followed).await.unwrap().checkpoint().unwrap();
    let other = trust(&copied, &only(&signer(7)), None, Changes::Followed).await.unwrap().checkpoint();
    assert!(matches!(other, Err(FollowError::DoesNotHold(_))), "a key that the history does not know");
}
