//! A log and its keys, stopped at every step: content is there as a whole or erased for good, and what was begun is
//! finished by the next opening.

#![allow(clippy::unwrap_used, clippy::panic, reason = "in tests a panic is the report")]

use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use record::RecordKey;
use sequencer::{
    Kind, Log, Options,
    beside::{
        Decision, DestroyKey, Destruction, Digest, Erase, Hold, Info, KeyId, PlaceHold, ReleaseHold, Scope,
        Subject, Who,
    },
    check::{Faults, content},
    ids::Identity,
    pool::{Answer, Refusal, Submission},
    publisher::Evidence,
};
use store::{Fault, FaultyStore, MemoryStore};
use tempfile::TempDir;
use testkit::{Chance, keys};
use tlog::{checkpoint::SignedCheckpoint, integrate::Entry, key::Signer};
use vault::{Belongs, Fresh, OpenError, Vault};

#[derive(Clone, Default)]
struct Noted(Arc<Mutex<Option<Bytes>>>);

impl Evidence for Noted {
    fn newest(&self) -> io::Result<Option<Bytes>> {
        Ok(self.0.lock().unwrap().clone())
    }

    fn note(&self, checkpoint: &SignedCheckpoint) -> io::Result<()> {
        *self.0.lock().unwrap() = Some(checkpoint.bytes().clone());
        Ok(())
    }

    fn published(&self) -> io::Result<Option<Bytes>> {
        Ok(None)
    }

    /// This log asks no witnesses.
    fn note_published(&self, _: &SignedCheckpoint) -> io::Result<()> {
        Ok(())
    }
}

/// A log with its keys, as a server has them.
struct Whole {
    store: Arc<FaultyStore<MemoryStore>>,
    noted: Noted,
    directory: TempDir,
    open: Option<(Log, Vault)>,
    /// Destructions that the last opening finished.
    finished: u64,
    next_id: u64,
}

fn who() -> Who {
    Who { by: "dpo".into(), ground: "asked".into(), at: "2026-11-23T08:14:03.118Z".into(), index: 0 }
}

fn belongs(owner: &str) -> Belongs {
    let owner = Subject::Principal { iss: "i".into(), sub: owner.into() };
    Belongs { owner, session: Some(Subject::Session("s".into())), secret: false }
}

fn erase(text: &str) -> Arc<dyn Decision> {
    Arc::new(Erase { digest: Digest::of(text), who: who() })
}

fn destroy(owner: &str, key: KeyId) -> Arc<dyn Decision> {
    Arc::new(DestroyKey(Destruction { owner: belongs(owner).owner.tag(), key }))
}

impl Whole {
    fn new() -> Self {
        let store = Arc::new(FaultyStore::new(MemoryStore::new()));
        let directory = TempDir::new().unwrap();
        let mut whole =
            Self { store, noted: Noted::default(), directory, open: None, finished: 0, next_id: 0 };
        whole.restart();
        whole
    }

    /// Ends the process, and starts the next one.
    fn restart(&mut self) {
        self.open = None;
        self.store.reopen();
        let signer = Signer::from_seed(keys::LOG.name.parse().unwrap(), &keys::LOG.seed);
        let evidence = Box::new(self.noted.clone());
        let log = Log::open(self.store.clone(), Kind::Records, signer, evidence, Options::default()).unwrap();
        let vault = Vault::open(&self.directory.path().join("content-keys")).unwrap();
        self.finished = vault.finish(&log.reader().destructions().unwrap()).unwrap();
        self.open = Some((log, vault));
    }

    fn log(&self) -> &Log {
        &self.open.as_ref().unwrap().0
    }

    fn vault(&self) -> &Vault {
        &self.open.as_ref().unwrap().1
    }

    /// A record of its own.
    fn record(&mut self) -> Submission {
        self.next_id += 1;
        let (text, mut id) = (format!("record {}", self.next_id), [0; 16]);
        id[8..].copy_from_slice(&self.next_id.to_be_bytes());
        let identity = Identity { key: RecordKey { id, producer: [0; 16] }, digest: [1; 32] };
        Submission::new(Entry::new(text.into()).unwrap(), Some(identity))
    }

    fn bringing(&mut self, owner: &str, text: &str, fresh: u8) -> Submission {
        let mut submission = self.record();
        let fresh = Fresh::new([fresh; 32]);
        submission.rows.payloads.push(self.vault().seal(text, &belongs(owner), fresh).unwrap());
        submission
    }

    fn deciding(&mut self, decisions: Vec<Arc<dyn Decision>>) -> Submission {
        let mut submission = self.record();
        submission.rows.decisions = decisions;
        submission
    }

    fn send(&self, submission: Submission) -> Result<Answer, Refusal> {
        self.log().submit(vec![submission])?.blocking_recv().unwrap()
    }

    fn key_of(&self, owner: &str) -> Option<KeyId> {
        self.vault().key_of(belongs(owner).owner.tag()).unwrap()
    }

    fn key_file(&self, owner: &str) -> PathBuf {
        let name = belongs(owner).owner.tag().to_string();
        self.directory.path().join("content-keys").join(&name[..2]).join(name + ".key")
    }

    /// The text of a content; `None` if it is not there any more.
    fn read(&self, text: &str) -> Option<String> {
        let (reader, digest) = (self.log().reader(), Digest::of(text));
        let info = reader.payload(digest).unwrap()?;
        let mut opener = self.vault().opener(digest, &info).unwrap();
        let piece = |number| reader.payload_piece(digest, number).unwrap().unwrap();
        let bytes = (0..info.pieces).flat_map(|number| opener.next(&piece(number)).unwrap()).collect();
        Some(String::from_utf8(bytes).unwrap())
    }

    /// Everything beside the log is whole, and opens.
    fn check(&self) -> u64 {
        let open = |digest: Digest, info: &Info, pieces: Vec<Bytes>| {
            self.vault().check(digest, info, &pieces).map_err(|error: OpenError| error.to_string())
        };
        let mut faults = Faults::default();
        let contents = content::check(&*self.store, Some(&open), &mut faults).unwrap();
        assert_eq!(faults.first, []);
        contents
    }
}

/// Where the process ends while a principal's last content is erased and its key is destroyed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stop {
    BeforeTheCommit,
    InTheCommit,
    AfterTheCommit,
    InTheOverwriting,
    AfterTheOverwriting,
    AfterAll,
}

#[test]
fn an_erasure_is_finished_by_the_next_opening_wherever_it_was_stopped() {
    use Stop::{
        AfterAll, AfterTheCommit, AfterTheOverwriting, BeforeTheCommit, InTheCommit, InTheOverwriting,
    };
    for stop in
        [BeforeTheCommit, InTheCommit, AfterTheCommit, InTheOverwriting, AfterTheOverwriting, AfterAll]
    {
        eprintln!("{stop:?}");
        let mut whole = Whole::new();
        for (owner, text) in [("alice", "one"), ("alice", "two"), ("bob", "three")] {
            let submission = whole.bringing(owner, text, owner.len() as u8);
            whole.send(submission).unwrap();
        }
        let (key, file) = (whole.key_of("alice").unwrap(), whole.key_file("alice"));
        let submission = whole.deciding(vec![erase("one")]);
        whole.send(submission).unwrap();
        match stop {
            BeforeTheCommit => whole.store.fail_commit(0, Fault::Lost),
            InTheCommit => whole.store.fail_commit(0, Fault::Kept),
            _ => {}
        }
        let last = whole.deciding(vec![erase("two"), destroy("alice", key)]);
        let sent = whole.send(last.clone());
        assert_eq!(sent.is_err(), matches!(stop, BeforeTheCommit | InTheCommit), "{sent:?}");
        assert!(
            file.exists(),
            "a key outlives the commit that says it is destroyed, never the other way round"
        );
        let overwrite = |bytes: usize| {
            let mut whole = std::fs::read(&file).unwrap();
            whole[..bytes].fill(0);
            std::fs::write(&file, whole).unwrap();
        };
        match stop {
            InTheOverwriting => overwrite(30),
            AfterTheOverwriting => overwrite(87),
            AfterAll => drop(whole.vault().destroy(belongs("alice").owner.tag(), key).unwrap()),
            _ => {}
        }
        whole.restart();
        assert_eq!(whole.finished, u64::from(!matches!(stop, BeforeTheCommit | AfterAll)));
        if stop == BeforeTheCommit {
            assert_eq!((whole.read("two").as_deref(), whole.key_of("alice")), (Some("two"), Some(key)));
            whole.send(last).unwrap();
            whole.restart();
            assert_eq!(whole.finished, 1);
        }
        assert!(!file.exists() && whole.key_of("alice").is_none());
        assert_eq!((whole.read("one"), whole.read("two")), (None, None));
        assert_eq!(whole.read("three").as_deref(), Some("three"));
        // The principal goes on, under another key, which no later opening takes for the old one.
        let submission = whole.bringing("alice", "four", 99);
        whole.send(submission).unwrap();
        whole.restart();
        assert_eq!((whole.finished, whole.read("four").as_deref()), (0, Some("four")));
        assert_eq!(whole.check(), 2);
    }
}

/// What a model knows of one content.
#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    There,
    Erased,
}

const OWNERS: [&str; 3] = ["alice", "bob", "carol"];

/// Any number of contents, erasures, destructions and holds, with commits that fail and processes that end.
#[test]
fn whatever_fails_content_is_as_it_was_acknowledged() {
    for seed in 0..12 {
        let mut chance = Chance::from_env_or(seed);
        let mut whole = Whole::new();
        let (mut model, mut held) = (BTreeMap::<String, (usize, State)>::new(), [false; 3]);
        let mut holds = 0;
        for step in 0..50_u8 {
            if chance.one_in(6) {
                let fault = *chance.pick(&[Fault::Lost, Fault::Kept]);
                whole.store.fail_commit(0, fault);
            }
            let at = chance.below(3) as usize;
            let owner = OWNERS[at];
            let there = |wanted: State| {
                let of_owner = model.iter().filter(|(_, (of, state))| *of == at && *state == wanted);
                of_owner.map(|(text, _)| text.clone()).collect::<Vec<_>>()
            };
            match chance.below(8) {
                0..=3 => {
                    let text = format!("{seed} {step} {}", "x".repeat(chance.below(60_000) as usize));
                    let submission = whole.bringing(owner, &text, step + 1);
                    assert!(persist(&mut whole, &submission));
                    model.insert(text, (at, State::There));
                }
                4..=5 => {
                    let texts = there(State::There);
                    if let Some(text) = texts.first() {
                        let submission = whole.deciding(vec![erase(text)]);
                        assert_eq!(persist(&mut whole, &submission), !held[at], "a hold wins");
                        if !held[at] {
                            model.insert(text.clone(), (at, State::Erased));
                        }
                    }
                }
                6 => {
                    if let Some(key) = whole.key_of(owner) {
                        let allowed = !held[at] && there(State::There).is_empty();
                        let submission = whole.deciding(vec![destroy(owner, key)]);
                        assert_eq!(persist(&mut whole, &submission), allowed);
                        if allowed && chance.one_in(2) {
                            whole.vault().destroy(belongs(owner).owner.tag(), key).unwrap();
                        } else if allowed {
                            whole.restart();
                        }
                        assert_eq!(whole.key_of(owner).is_none(), allowed);
                    }
                }
                _ => {
                    let decision: Arc<dyn Decision> = if held[at] {
                        Arc::new(ReleaseHold {
                            id: format!("{owner} {}", holds_of(&whole, owner)),
                            who: who(),
                        })
                    } else {
                        holds += 1;
                        let scopes = vec![Scope::Principal { iss: "i".into(), sub: owner.into() }];
                        let id = format!("{owner} {}", holds_of(&whole, owner) + 1);
                        Arc::new(PlaceHold(Hold { id, scopes, placed: who(), released: None }))
                    };
                    let submission = whole.deciding(vec![decision]);
                    assert!(persist(&mut whole, &submission));
                    held[at] = !held[at];
                }
            }
            for (text, (_, state)) in &model {
                let read = whole.read(text);
                assert_eq!(read.is_some(), *state == State::There, "seed {seed}, step {step}");
                assert!(read.is_none_or(|read| read == *text));
            }
        }
        let there = model.values().filter(|(_, state)| *state == State::There).count();
        assert_eq!(whole.check(), there as u64);
        assert_eq!(whole.log().reader().holds().unwrap().len(), holds);
    }
}

/// How many holds an owner has had.
fn holds_of(whole: &Whole, owner: &str) -> usize {
    whole.log().reader().holds().unwrap().iter().filter(|hold| hold.id.starts_with(owner)).count()
}

/// Submits until there is an answer, over as many processes as it takes; whether it was logged.
fn persist(whole: &mut Whole, submission: &Submission) -> bool {
    loop {
        match whole.send(submission.clone()) {
            Ok(_) => return true,
            Err(Refusal::NotAllowed(_)) => return false,
            Err(Refusal::Unknown) => whole.restart(),
            Err(other) => panic!("{other}"),
        }
    }
}
