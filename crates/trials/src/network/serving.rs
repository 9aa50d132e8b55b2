//! What each answers to what is asked of it.

use monitor::gossip;
use monitor::watch::{Input, Taken, Whom};
use tlog::cosignature::Timestamp;
use tlog::note::Note;

use super::cast::{Node, vkey};
use super::watcher::{Done, Happened, Manner};
use super::wire::{Answer, Request};
use super::world::World;

impl World {
    /// The answer of somebody who runs; `None`: he is killed before it has left.
    pub(super) fn serve(&mut self, from: Node, to: Node, request: &Request) -> Option<Answer> {
        match to {
            Node::Witness(number) => self.witness_serves(number, from, request),
            Node::Log(number) => Some(self.log_serves(number, request)),
            Node::Monitor(number) => self.monitor_serves(number, from, request),
            Node::Client(_) => Some(Answer::Unreachable),
        }
    }

    fn witness_serves(&mut self, number: usize, from: Node, request: &Request) -> Option<Answer> {
        // Who is shown another log sees the face that a two-faced witness has for it.
        let log = if let Node::Log(log) = from { log } else { self.log_of(from) };
        let seconds = self.seconds();
        let witness = &mut self.witnesses[number];
        match request {
            Request::AddCheckpoint(body) => {
                let answered = witness.add_checkpoint(log, body, seconds)?;
                if answered.status == 200 {
                    self.cosigned(number, log);
                }
                Some(Answer::Http(answered))
            }
            Request::Cosigned => Some(Answer::Note(witness.shown(log))),
            _ => Some(Answer::Unreachable),
        }
    }

    /// A cosignature is about to leave a witness: it is what the witness shows, too.
    fn cosigned(&mut self, number: usize, log: usize) {
        let shown = self.witnesses[number].shown(log);
        let note = shown.as_ref().and_then(|note| Note::parse(note).ok());
        let times = note.as_ref().and_then(|note| {
            note.open(&[vkey(number)]).ok().map(|opened| {
                opened.signatures().iter().filter_map(tlog::note::VerifiedSignature::time).max()
            })
        });
        let held = shown.and_then(|note| follower::witness::keeper::Held::parse(note).ok());
        if let (Some(held), Some(time)) = (held, times) {
            self.onlooker.cosigned(&self.trees, number, held.head(), time.unwrap_or(Timestamp::NONE));
        }
    }

    fn log_serves(&mut self, number: usize, request: &Request) -> Answer {
        let log = &mut self.logs[number];
        let tree = &mut self.trees[log.tree];
        match request {
            Request::Checkpoint => Answer::Note(Some(log.published.bytes().clone())),
            Request::Prove { smaller, larger } => Answer::Proof(tree.prove(smaller, larger)),
            Request::Read { to } => Answer::Reading(tree.read(to)),
            Request::Submit(entry) => {
                log.submit(entry, tree).map_or(Answer::Word("takes nothing"), Answer::Receipt)
            }
            _ => Answer::Unreachable,
        }
    }

    fn monitor_serves(&mut self, number: usize, from: Node, request: &Request) -> Option<Answer> {
        let manner = self.monitors[number].manner;
        match request {
            Request::HandIn(note) => self.handed_in(number, from, note).map(Answer::Word),
            Request::Heads => Some(Answer::Heads(match manner {
                Manner::Honest => gossip::encode(gossip::heads(self.monitors[number].memory())).into_bytes(),
                Manner::Silent => vec![],
                Manner::Liar => self.lie(from),
                Manner::Flood => self.flood_of_heads(),
            })),
            Request::Forks => Some(Answer::Forks(match manner {
                Manner::Honest => {
                    let names = self.monitors[number].memory().proofs().into_iter().map(str::to_owned);
                    names.take(gossip::FORKS_MAX).collect()
                }
                Manner::Liar => self.false_names(),
                Manner::Silent | Manner::Flood => vec![],
            })),
            Request::Fork(name) if manner == Manner::Liar => Some(Answer::Fork(self.false_fork(name))),
            Request::Fork(name) => Some(Answer::Fork(self.monitors[number].proofs().get(name).cloned())),
            _ => Some(Answer::Unreachable),
        }
    }

    /// What a monitor says to a head that is handed in (`Desk::post`); `None`: it was killed.
    fn handed_in(&mut self, number: usize, from: Node, note: &[u8]) -> Option<&'static str> {
        let (now, watcher) = (self.now, &mut self.monitors[number]);
        if !watcher.rates.admit(now, from.address()) {
            return Some("too many");
        }
        let Ok(heard) = watcher.watch.trust().hear(note) else { return Some("not heard") };
        let whom = Whom::Client(from.address().to_string());
        Some(match self.monitor_takes(number, Happened::HandedIn(heard, whom))?.taken? {
            Taken::Known => "known",
            Taken::Waits => "waits",
            Taken::Contradicts => "contradicts",
            Taken::Full => "full",
        })
    }

    /// Something happened to a monitor: what follows is set going. `None`: it was killed, and is there again.
    pub(super) fn monitor_takes(&mut self, number: usize, happened: Happened) -> Option<Done> {
        let told = self.monitors[number].told.len();
        let done = self.monitors[number].take(self.now, happened);
        self.monitor_told(number, told);
        let Some(mut done) = done else {
            self.note(format_args!("monitor-{number} is killed"));
            self.forget_calls(Node::Monitor(number));
            self.monitor_starts(number);
            return None;
        };
        self.set_going(number, std::mem::take(&mut done.effects));
        Some(done)
    }

    pub(super) fn monitor_starts(&mut self, number: usize) {
        self.monitor_takes(number, Happened::Input(Input::Started { now_and_then: false }));
    }
}
