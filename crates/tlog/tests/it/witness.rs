//! What a witness cosigns and what it refuses: the vectors, the table of cases that other witnesses are tested with, and what
//! is kept of a log that has forked.

use std::collections::HashMap;

use tlog::checkpoint::{Checkpoint, SignedCheckpoint};
use tlog::cosignature::Timestamp;
use tlog::key::{KeyName, VerifierKey};
use tlog::note::{Note, OpenError, SignatureError, SignatureLine};
use tlog::proof::ProofError;
use tlog::witness::{
    AddCheckpoint, Answer, BODY_LEN_MAX, Cosigned, Evidence, Reason, Refusal, RequestError, SignSubtree,
    ToCosign, WitnessKeys, decide, decide_subtree,
};
use tlog::{Hash, Head, encoding};

use crate::history::History;
use crate::vectors::{cosigner, hex, json, list, name, signer, str, tree_cosigner, vkey};

/// A witness as a server would be one: it reads, decides, stores on the condition that the decision names, and signs.
pub(crate) struct Witness {
    pub(crate) keys: WitnessKeys,
    logs: Vec<VerifierKey>,
    pub(crate) stored: HashMap<KeyName, Head>,
    now: u64,
}

impl Witness {
    pub(crate) fn of(logs: &[VerifierKey]) -> Self {
        let keys = vec![cosigner("w.example", 90), tree_cosigner("w.example", 91)];
        Self {
            keys: WitnessKeys::new(keys).unwrap(),
            logs: logs.to_vec(),
            stored: HashMap::new(),
            now: 1_000,
        }
    }

    pub(crate) fn vkeys(&self) -> Vec<VerifierKey> {
        self.keys.verifier_keys().cloned().collect()
    }

    pub(crate) fn decide(&self, body: &[u8]) -> Result<ToCosign, Refusal> {
        let request = AddCheckpoint::parse(body)?;
        let keys: Vec<_> = self.logs.iter().filter(|key| key.name() == request.origin()).cloned().collect();
        decide(
            &request,
            self.stored.get(request.origin()).copied(),
            Some(&keys[..]).filter(|keys| !keys.is_empty()),
        )
    }

    pub(crate) fn submit(&mut self, body: &[u8]) -> Result<Cosigned, Refusal> {
        let allowed = self.decide(body)?;
        assert_eq!(self.stored.get(allowed.origin()).copied(), allowed.stored(), "nobody came between");
        self.stored.insert(allowed.origin().clone(), allowed.head());
        self.now += 1;
        Ok(self.keys.cosign(allowed, Timestamp::from_seconds(self.now).unwrap()).unwrap())
    }

    pub(crate) fn sign_subtree(&self, body: &[u8]) -> Result<Answer, Refusal> {
        let request = SignSubtree::parse(body)?;
        let known = self.logs.iter().any(|key| key.name() == request.checkpoint().origin());
        Ok(self.keys.cosign_subtree(&decide_subtree(&request, known, &self.keys)?))
    }
}

/// The status of the answer.
pub(crate) fn status<T>(result: &Result<T, Refusal>) -> u16 {
    result.as_ref().map_or_else(Refusal::status, |_| 200)
}

#[test]
fn the_generated_sequence() {
    let vectors = json("generated/add-checkpoint-sequence.json");
    let log = vkey(str(&vectors["log_vkey"]));
    let mut witness = Witness::of(std::slice::from_ref(&log));
    for step in list(&vectors["steps"]) {
        let answer = witness.submit(str(&step["body"]).as_bytes());
        let desc = str(&step["desc"]);
        assert_eq!(u64::from(status(&answer)), step["status"].as_u64().unwrap(), "{desc}");
        assert_eq!(witness.stored[log.name()].size, step["state_after"].as_u64().unwrap(), "{desc}");
        if let (Some(body), Err(refusal)) = (step.get("conflict_body"), &answer) {
            assert_eq!((refusal.body().as_str(), refusal.content_type()), (str(body), "text/x.tlog.size"));
        }
        if let Ok(cosigned) = answer {
            let bytes = cosigned.checkpoint().bytes().clone();
            let signed = SignedCheckpoint::open(bytes, &log).unwrap();
            assert_eq!(signed.signatures().len(), 1 + 2, "the log's line and ours");
            assert_eq!(cosigned.answer().take(&signed, &witness.vkeys(), None).unwrap().len(), 2);
        }
    }
    let nothing = format!("old 0\n\n{}", str(&vectors["size0_checkpoint_note"]));
    assert_eq!(status(&Witness::of(&[log]).submit(nothing.as_bytes())), 200);
}

/// litewitness looks at the signature of step 1, which ends in base64 that is not canonical, and says 403: here such a note
/// is not read at all (400), as the specification will demand. With the bits cleared it is the same bad signature, and 403.
#[test]
fn the_transcript_of_litewitness() {
    let vectors = json("torchwood/litewitness-add-checkpoint-transcript.json");
    let steps = list(&vectors["steps"]);
    let origin = AddCheckpoint::parse(str(&steps[0]["request_body"]).as_bytes()).unwrap().origin().clone();
    let public: [u8; 32] = hex(&vectors["log_ed25519_public_hex"]).try_into().unwrap();
    let mut witness = Witness::of(&[VerifierKey::ed25519(origin, &public).unwrap()]);
    for (number, step) in steps.iter().enumerate() {
        let mut body = str(&step["request_body"]).to_owned();
        if number == 1 {
            let malformed = witness.submit(body.as_bytes()).unwrap_err();
            assert!(matches!(malformed.reason(), Reason::Malformed(RequestError::Checkpoint(_))));
            assert_eq!(malformed.status(), 400);
            body = body.replace("6gx=\n", "6gw=\n");
        }
        let answer = witness.submit(body.as_bytes());
        assert_eq!(u64::from(status(&answer)), step["status"].as_u64().unwrap(), "step {number}: {answer:?}");
        if let (Some(wanted), Err(refusal)) = (str(&step["assert"]).strip_prefix("body == "), &answer) {
            assert_eq!(format!("{:?}", refusal.body()), wanted);
        }
    }
}

/// The log "log.example", whose witness has seen five of its entries.
pub(crate) fn seen_at_five() -> (History, Witness) {
    let mut witness = Witness::of(&[signer("log.example", 1).verifier_key().clone()]);
    let history = History::honest();
    witness.submit(request(&history, 0, 5).as_bytes()).unwrap();
    (history, witness)
}

/// An honest request of the log "log.example".
pub(crate) fn request(history: &History, old: u64, new: u64) -> String {
    let proof = if old <= new { history.consistency(old, new).hashes } else { vec![] };
    AddCheckpoint::new(old, proof, &history.signed(new, &signer("log.example", 1))).unwrap().to_string()
}

/// The cases of another witness's conformance test, as far as they need no server, and those that it lacks.
#[test]
fn the_table_of_cases() {
    let (history, witness) = seen_at_five();
    let (fork, stranger) = (history.forked_at(4), signer("stranger.example", 1));
    let by_another = |key| AddCheckpoint::new(5, history.consistency(5, 9).hashes, &history.signed(9, &key));
    let grown = request(&history, 5, 9);
    let garbage = with_log_line(&history, &[0x5a; 64]);
    let bent = grown.replacen(&history.consistency(5, 9).hashes[1].to_string(), &Hash::EMPTY.to_string(), 1);
    let beyond = request(&history, 9, 5);
    let shorter =
        AddCheckpoint::new(5, vec![], &history.signed(9, &signer("log.example", 1))).unwrap().to_string();
    let refresh_with_proof = request(&history, 5, 5).replacen('\n', &format!("\n{}\n", Hash::EMPTY), 1);
    let empty_root = signed_text(&format!("log.example\n0\n{}\n", Hash::leaf(b"")));
    for (body, expected, case) in [
        (grown.clone(), 200, "growth with a proof"),
        (request(&history, 5, 5), 200, "the same checkpoint once more"),
        (request(&history, 3, 9), 409, "a stale old size"),
        (request(&history, 0, 9), 409, "as if never seen"),
        (request(&history, 6, 9), 409, "an old size that is yet to come"),
        (by_another(stranger).unwrap().to_string(), 404, "an unknown origin"),
        (by_another(signer("log.example", 2)).unwrap().to_string(), 403, "a key that is not trusted"),
        (garbage, 403, "a trusted key's name and id, and garbage"),
        (bent, 422, "a wrong proof of the right length"),
        (shorter, 422, "no proof"),
        (refresh_with_proof, 422, "a proof where none belongs"),
        (beyond, 400, "an old size beyond the checkpoint"),
        (grown.replacen("old", "new", 1), 400, "a malformed body"),
        (format!("{grown}{}", "x".repeat(BODY_LEN_MAX)), 400, "a body that is too long"),
        (request(&fork, 5, 5), 422, "the same size and another root"),
        (request(&fork, 5, 9), 422, "another history"),
        (empty_root.clone(), 409, "no entries and an impossible root, stale"),
    ] {
        assert_eq!(status(&witness.decide(body.as_bytes())), expected, "{case}");
    }
    let never_seen = Witness::of(&[signer("log.example", 1).verifier_key().clone()]);
    for (body, expected, case) in [
        (request(&history, 0, 9), 200, "the first submission"),
        (request(&history, 0, 0), 200, "a log without entries"),
        (request(&history, 5, 9), 409, "grown before it was seen"),
        (
            request(&history, 0, 9).replacen('\n', &format!("\n{}\n", Hash::EMPTY), 1),
            422,
            "a proof from nothing",
        ),
        (empty_root, 422, "no entries and an impossible root"),
    ] {
        assert_eq!(status(&never_seen.decide(body.as_bytes())), expected, "{case}");
    }
}

/// A request whose text the log "log.example" did sign, whatever it says.
fn signed_text(text: &str) -> String {
    format!("old 0\n\n{}", Note::sign(text.to_owned(), &signer("log.example", 1)).unwrap())
}

/// Growth from five to nine, with these bytes as the log's signature.
fn with_log_line(history: &History, signature: &[u8]) -> String {
    let grown = request(history, 5, 9);
    let log = signer("log.example", 1);
    let blob = [log.verifier_key().id().as_bytes().as_slice(), signature].concat();
    let text = grown.split('\u{2014}').next().unwrap();
    format!("{text}\u{2014} log.example {}\n", encoding::base64(&blob))
}

/// Each check is asked before the next: of two faults the first one is told.
#[test]
fn refusals_come_in_the_order_of_the_specification() {
    let (history, witness) = seen_at_five();
    let fork = history.forked_at(4);
    let unsigned = with_log_line(&history, &[0; 64]);
    let reason = |body: &str| witness.decide(body.as_bytes()).unwrap_err().reason().clone();
    let strangers = unsigned.replace("log.example", "stranger.example");
    assert!(matches!(reason(&strangers), Reason::UnknownOrigin { .. }), "before the signature");
    let beyond = unsigned.replacen("old 5", "old 10", 1);
    assert!(matches!(reason(&beyond), Reason::NotSigned { .. }), "before the sizes");
    assert_eq!(
        reason(&request(&history, 9, 5)),
        Reason::OldTooLarge { old: 9, size: 5 },
        "before what is stored"
    );
    assert_eq!(reason(&request(&fork, 3, 5)), Reason::Stale { stored: 5 }, "before the root");
    assert_eq!(reason(&request(&fork, 5, 5)), Reason::Fork { size: 5 }, "before the proof");
    let with_proof = request(&fork, 5, 5).replacen('\n', &format!("\n{}\n", Hash::EMPTY), 1);
    assert_eq!(reason(&with_proof), Reason::Fork { size: 5 }, "before the proof");
    assert_eq!(reason(&request(&fork, 5, 9)), Reason::BadProof(ProofError::OldRootMismatch));
    let from_nothing = request(&history, 0, 9).replacen('\n', &format!("\n{}\n", Hash::EMPTY), 1);
    let never_seen = Witness::of(&[signer("log.example", 1).verifier_key().clone()]);
    let refusal = never_seen.decide(from_nothing.as_bytes()).unwrap_err();
    assert_eq!(refusal.reason(), &Reason::ProofNotEmpty, "before the proof");
}

#[test]
fn a_refusal_is_a_sentence_with_a_status() {
    let (history, witness) = seen_at_five();
    let stale = witness.decide(request(&history, 3, 9).as_bytes()).unwrap_err();
    assert_eq!((stale.body().as_str(), stale.content_type()), ("5\n", "text/x.tlog.size"));
    let fork = witness.decide(request(&history.forked_at(4), 5, 5).as_bytes()).unwrap_err();
    assert!(fork.body().ends_with("the log has forked\n") && fork.content_type().starts_with("text/plain"));
    let malformed = Refusal::from(AddCheckpoint::parse(b"").unwrap_err());
    assert_eq!((malformed.status(), malformed.evidence()), (400, None));
    assert_eq!(malformed.body(), "the request has no blank line before its checkpoint\n");
}

#[test]
fn what_contradicts_the_stored_head_is_kept() {
    let (history, witness) = seen_at_five();
    let fork = history.forked_at(4);
    let evidence = |body: &str| witness.decide(body.as_bytes()).unwrap_err().evidence().cloned();
    let log = signer("log.example", 1);
    let (same_size, larger) = (fork.signed(5, &log), fork.signed(9, &log));
    // Whatever else is wrong with the request, two roots at one size are a fork.
    for old in [0, 3, 5, 7] {
        assert_eq!(evidence(&request(&fork, old, 5)), Some(Evidence::Fork(same_size.clone())), "old {old}");
    }
    let rewritten = Evidence::Rewritten(larger.clone(), fork.consistency(5, 9));
    assert!(rewritten.is_proof());
    assert_eq!(evidence(&request(&fork, 5, 9)), Some(rewritten));
    // A proof that leads nowhere may have been spoiled on its way.
    let spoiled = AddCheckpoint::new(5, history.consistency(5, 9).hashes, &larger).unwrap().to_string();
    let unproven = Evidence::Unproven(larger);
    assert!(!unproven.is_proof());
    assert_eq!(evidence(&spoiled), Some(unproven));
    assert_eq!(evidence(&request(&history, 3, 9)), None, "stale");
    assert_eq!(evidence(&request(&history, 9, 5)), None, "sizes the wrong way round");
    let refresh = request(&history, 5, 5).replacen('\n', &format!("\n{}\n", Hash::EMPTY), 1);
    assert_eq!(evidence(&refresh), None, "the same head with a proof too many");
    assert_eq!(evidence(&with_log_line(&fork, &[0; 64])), None, "not signed");
}

/// Where the older tree is one node of the newer one, its root is not in the proof, so nothing is shown.
#[test]
fn a_fork_from_a_power_of_two_is_not_proven_by_its_proof() {
    let (history, log) = (History::honest(), signer("log.example", 1));
    let mut witness = Witness::of(&[log.verifier_key().clone()]);
    witness.submit(request(&history, 0, 4).as_bytes()).unwrap();
    let refusal = witness.decide(request(&history.forked_at(2), 4, 9).as_bytes()).unwrap_err();
    assert_eq!(refusal.reason(), &Reason::BadProof(ProofError::RootMismatch));
    assert!(matches!(refusal.evidence(), Some(Evidence::Unproven(_))));
}

#[test]
fn only_lines_that_were_verified_are_kept() {
    let (log, second) = (signer("log.example", 1), signer("log.example", 2));
    let history = History::honest();
    let stranger =
        cosigner("stranger.example", 3).cosign(history.signed(5, &log).checkpoint(), Timestamp::NONE);
    let other_key = signer("log.example", 4).sign(&history.signed(5, &log).checkpoint().to_string());
    let signed = history.signed(5, &log).checkpoint().sign_by([&log, &second]).unwrap();
    let signed = signed.with_signatures([stranger, other_key]).unwrap();
    let body = AddCheckpoint::new(0, vec![], &signed).unwrap();
    let keys = [&log, &second].map(|key| key.verifier_key().clone());
    let both = decide(&body, None, Some(&keys)).unwrap();
    assert_eq!(both.checkpoint().signatures(), &signed.signatures()[..2]);
    let one = decide(&body, None, Some(&keys[1..])).unwrap();
    assert_eq!(one.checkpoint().signatures(), &signed.signatures()[1..2]);
    assert_eq!(one.checkpoint().head(), history.head(5));
}

/// A witness's key, or a log's key of another name, is no log's key, whoever configured it as one.
#[test]
fn keys_that_are_none_of_the_log_do_not_count() {
    let witness = cosigner("log.example", 3);
    let other = signer("other.example", 1);
    let checkpoint = Checkpoint::new(name("log.example"), History::honest().head(5)).unwrap();
    let time = Timestamp::from_seconds(7).unwrap();
    for (line, key) in [
        (witness.cosign(&checkpoint, time), witness.verifier_key()),
        (other.sign(&checkpoint.to_string()), other.verifier_key()),
    ] {
        let note = Note::new(checkpoint.to_string(), vec![line]).unwrap();
        let request = AddCheckpoint::parse(format!("old 0\n\n{note}").as_bytes()).unwrap();
        let refusal = decide(&request, None, Some(std::slice::from_ref(key))).unwrap_err();
        let cause = OpenError::NoKnownSignature;
        assert_eq!(refusal.reason(), &Reason::NotSigned { origin: name("log.example"), cause });
    }
}

#[test]
fn what_is_allowed_says_what_it_takes_the_place_of() {
    let (history, witness) = seen_at_five();
    let grown = witness.decide(request(&history, 5, 9).as_bytes()).unwrap();
    assert_eq!((grown.stored(), grown.head()), (Some(history.head(5)), history.head(9)));
    assert!(!grown.refresh() && grown.origin() == &name("log.example"));
    let same = witness.decide(request(&history, 5, 5).as_bytes()).unwrap();
    assert!(same.refresh() && same.head() == history.head(5));
    let never_seen = Witness::of(&[signer("log.example", 1).verifier_key().clone()]);
    let nothing = never_seen.decide(request(&history, 0, 0).as_bytes()).unwrap();
    assert_eq!((nothing.stored(), nothing.refresh()), (None, false), "seen for the first time");
    // Two that were judged side by side: both name what is stored, and only one can be the first.
    let [one, other] = [6, 7].map(|new| witness.decide(request(&history, 5, new).as_bytes()).unwrap());
    assert_eq!(one.stored(), other.stored());
}

/// As C2SP signed-note has it: a line by a known key that does not hold spoils the note.
#[test]
fn a_bad_signature_of_the_log_is_not_hidden_by_a_good_one() {
    let (first, second) = (signer("log.example", 1), signer("log.example", 2));
    let signed = History::honest().signed(5, &first);
    let bad = bent(&second.sign(&signed.checkpoint().to_string()));
    let signed = signed.with_signatures([bad]).unwrap();
    let keys = [&first, &second].map(|key| key.verifier_key().clone());
    let refusal = decide(&AddCheckpoint::new(0, vec![], &signed).unwrap(), None, Some(&keys)).unwrap_err();
    let (name, id) = (name("log.example"), keys[1].id());
    let cause = OpenError::BadSignature { name: name.clone(), id, cause: SignatureError::Mismatch };
    assert_eq!(refusal.reason(), &Reason::NotSigned { origin: name, cause });
    assert!(decide(&AddCheckpoint::new(0, vec![], &signed).unwrap(), None, Some(&keys[..1])).is_ok());
}

/// The line with one bit of its signature flipped.
pub(crate) fn bent(line: &SignatureLine) -> SignatureLine {
    let mut blob = [line.id().as_bytes(), line.signature()].concat();
    *blob.last_mut().unwrap() ^= 1;
    SignatureLine::parse(&format!("\u{2014} {} {}", line.name(), encoding::base64(&blob))).unwrap()
}
