//! A small log, and files from it.

use evidence::{Class, Evidence, Gathering, LogKey, Made, Material, Question, Report, Show};
use record::disclosure::Disclosure;
use record::{Grade, Place, Places, Signature, Signatures, Submission, Vouched};
use serde_json::{Value, json};
use testkit::keys::{self, TestKey};
use tlog::checkpoint::Checkpoint;
use tlog::key::{Signer, VerifierKey};
use tlog::plan::InclusionProof;
use tlog::policy::{Policy, VerifiedCheckpoint};
use tlog::{Hash, Head};

/// A log, and the disclosures beside it.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) entries: Vec<Vec<u8>>,
    pub(crate) disclosures: Vec<String>,
    pub(crate) key: TestKey,
    pub(crate) policy_text: Option<String>,
}

/// The id of the record that is `n`th.
pub(crate) fn id(n: usize) -> String {
    format!("0198f0c2-7d1e-7c3a-9a54-{n:012x}")
}

/// A record of the desk's agent: type, place in its session, and what else it holds.
pub(crate) fn record(kind: &str, n: usize, session: Option<(&str, u64)>, more: &Value) -> Value {
    let mut record = json!({
        "id": id(n), "type": kind, "time": format!("2026-11-23T08:14:{n:02}.000Z"),
        "producer": {"id": "crm/host-7"}, "agent": {"sub": "agent:crm"},
        "principal": {"iss": "https://idp.example", "sub": "u-1842"},
    });
    let members = record.as_object_mut().unwrap();
    if let Some((session, seq)) = session {
        members.insert("session".into(), json!({"id": session, "seq": seq}));
    }
    members.extend(more.as_object().unwrap().clone());
    record
}

impl Desk {
    pub(crate) fn empty() -> Self {
        Self { entries: vec![], disclosures: vec![], key: keys::LOG, policy_text: None }
    }

    /// A session with a call that needs nobody, one that a human approved from elsewhere, and content beside the log.
    pub(crate) fn story() -> Self {
        let mut desk = Self::empty();
        let s = |seq| Some(("s-71c2", seq));
        desk.log(&record("coverage.declared", 0, None, &json!({"coverage": {"records": ["action.*"]}})));
        desk.log(&record("session.opened", 1, Some(("s-other", 1)), &json!({})));
        let policy = json!({"mode": "human", "tools": ["crm.delete"]});
        desk.log(&record(
            "session.opened",
            2,
            s(1),
            &json!({"scope": "crm:read crm:delete", "approval_policy": policy}),
        ));
        let call = |id: &str, tool: &str| json!({"id": id, "tool": tool});
        let input = desk.content("input", 3, br#"{"contact":42}"#, "application/json");
        desk.log(&record(
            "action.requested",
            3,
            s(2),
            &json!({"action": call("a1", "crm.read"), "input": input}),
        ));
        let output = desk.content("output", 4, "Grüße, Ada".as_bytes(), "text/plain");
        let ok = json!({"status": "ok", "ms": 120});
        desk.log(&record(
            "action.completed",
            4,
            s(3),
            &json!({"action": call("a1", "crm.read"), "outcome": ok, "output": output.clone()}),
        ));
        desk.log(&record(
            "action.requested",
            5,
            Some(("s-other", 2)),
            &json!({"action": call("b1", "crm.read")}),
        ));
        let input = desk.content("input", 6, br#"{"delete":42}"#, "application/json");
        desk.log(&record(
            "action.requested",
            6,
            s(4),
            &json!({"action": call("a2", "crm.delete"), "input": input.clone()}),
        ));
        let approval = json!({"mode": "human", "decision": "approved", "approver": {"sub": "bea@acme.example"},
            "binds": {"record": id(6), "sd": input["sd"]}});
        let mut decided =
            record("approval.decided", 7, Some(("desk-of-bea", 1)), &json!({"approval": approval}));
        decided["producer"] = json!({"id": "approvals"});
        decided["action"] = json!({"id": "x7"});
        desk.log(&decided);
        let output = desk.content("output", 8, &[0xff, 0x00, 0x10], "image/png");
        desk.log(&record(
            "action.completed",
            8,
            s(5),
            &json!({"action": call("a2", "crm.delete"), "outcome": ok, "output": output}),
        ));
        let mut closed = record("session.closed", 9, s(6), &json!({"closed": {"records": 5}}));
        closed["closed"]["records"] = json!(5);
        desk.log(&closed);
        desk.log(&record(
            "action.requested",
            10,
            Some(("s-other", 3)),
            &json!({"action": call("b2", "crm.read")}),
        ));
        desk
    }

    /// Discloses a content; what stands in its place.
    pub(crate) fn content(&mut self, name: &str, salt: u8, content: &[u8], media: &str) -> Value {
        let disclosure = Disclosure::make([salt; 16], name, content).unwrap();
        self.disclosures.push(disclosure.text().to_owned());
        json!({"sd": disclosure.sd().to_string(), "bytes": content.len(), "media": media})
    }

    /// Logs a record; its index.
    pub(crate) fn log(&mut self, record: &Value) -> u64 {
        self.log_with(record, None, Places::NONE)
    }

    /// Logs a record that is signed.
    pub(crate) fn log_signed(&mut self, record: &Value, key: &ed25519_dalek::SigningKey) -> u64 {
        let canonical = testkit::canonical(record);
        let signature: Signature = record::signature::sign(key, &canonical);
        self.log_with(record, Some(&Signatures::new(vec![signature]).unwrap()), Places::NONE)
    }

    /// Logs a record in whose content the log saw a secret.
    pub(crate) fn log_secret(&mut self, record: &Value, place: Place) -> u64 {
        self.log_with(record, None, Places::NONE.with(place))
    }

    fn log_with(&mut self, record: &Value, signatures: Option<&Signatures>, secret: Places) -> u64 {
        let submission = Submission::parse(&testkit::canonical(record)).unwrap();
        let index = self.entries.len();
        let received = format!("{}.250Z", &record["time"].as_str().unwrap()[..19]);
        let vouched = Vouched {
            received: &received,
            submitter: "open",
            principal: Grade::Asserted,
            agent: Grade::Verified,
            disclosed: Places::NONE,
            secret,
            salt: [u8::try_from(index).unwrap(); 16],
        };
        self.entries.push(record::seal(&submission, signatures, &vouched).unwrap().into_bytes().to_vec());
        index as u64
    }

    pub(crate) fn signer(&self) -> Signer {
        Signer::from_seed(self.key.name.parse().unwrap(), &self.key.seed)
    }

    pub(crate) fn vkey(&self) -> VerifierKey {
        self.signer().verifier_key().clone()
    }

    pub(crate) fn policy(&self) -> Policy {
        Policy::log_only(self.vkey()).unwrap()
    }

    pub(crate) fn leaves(&self) -> Vec<Hash> {
        self.entries.iter().map(|entry| Hash::leaf(entry)).collect()
    }

    pub(crate) fn checkpoint(&self) -> VerifiedCheckpoint {
        let head = Head { size: self.entries.len() as u64, root: root(&self.leaves()) };
        let checkpoint = Checkpoint::new(self.key.name.parse().unwrap(), head).unwrap();
        self.policy().verify(checkpoint.sign(&self.signer()).unwrap().bytes().clone()).unwrap()
    }

    pub(crate) fn gather(&self, asked: &Question) -> evidence::Gathered {
        let mut gathering = Gathering::of(asked.clone());
        let all = || (0..).zip(&self.entries);
        all().for_each(|(index, entry)| gathering.take(index, entry).unwrap());
        gathering = gathering.again();
        all().for_each(|(index, entry)| gathering.take(index, entry).unwrap());
        gathering.finish()
    }

    /// A file that answers a question.
    pub(crate) fn file(&self, asked: &Question, show: Show) -> Evidence {
        let gathered = self.gather(asked);
        self.file_of(asked, show, gathered.entries)
    }

    /// A file with these entries.
    pub(crate) fn file_of(
        &self,
        asked: &Question,
        show: Show,
        entries: Vec<(u64, evidence::Role, Vec<u8>)>,
    ) -> Evidence {
        let leaves = self.leaves();
        let proofs = entries.iter().map(|(index, ..)| proof(*index, &leaves)).collect();
        let made = Made {
            by: "deedbook 0.1.0".into(),
            looked_at: self.entries.len() as u64,
            time: "2026-11-25T03:00:00.000Z".into(),
        };
        Evidence::make(Material {
            asked: asked.clone(),
            checkpoint: &self.checkpoint(),
            keys: vec![LogKey { from: 0, vkey: self.vkey().to_string() }],
            policy: self.policy_text.clone(),
            entries,
            proofs,
            disclosures: self.disclosures.clone(),
            show,
            made,
        })
        .unwrap()
    }
}

pub(crate) fn session(id: &str) -> Question {
    Question::Session(id.to_owned())
}

/// A proof by the definition of RFC 9162, section 2.1.3.1.
pub(crate) fn proof(index: u64, leaves: &[Hash]) -> InclusionProof {
    let at = usize::try_from(index).unwrap();
    InclusionProof { index, leaf: leaves[at], path: path(at, leaves) }
}

fn split(n: usize) -> usize {
    1 << (n - 1).ilog2()
}

pub(crate) fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::EMPTY,
        [one] => *one,
        many => {
            let (left, right) = many.split_at(split(many.len()));
            Hash::node(&root(left), &root(right))
        }
    }
}

fn path(at: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() < 2 {
        return vec![];
    }
    let middle = split(leaves.len());
    let (left, right) = leaves.split_at(middle);
    let (mut inner, beside) =
        if at < middle { (path(at, left), root(right)) } else { (path(at - middle, right), root(left)) };
    inner.push(beside);
    inner
}

/// The words of a class.
pub(crate) fn words(report: &Report, class: Class) -> Vec<String> {
    report.of_class(class).map(|sentence| sentence.words.clone()).collect()
}

/// Asserts that something of a class is said.
#[track_caller]
pub(crate) fn says(report: &Report, class: Class, part: &str) {
    assert!(
        words(report, class).iter().any(|words| words.contains(part)),
        "{part:?} is not said in {report:#?}"
    );
}
