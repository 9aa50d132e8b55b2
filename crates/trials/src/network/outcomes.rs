//! What follows from an answer, or from that there was none.

use bytes::Bytes;
use follower::witness::keeper::ContradictionId;
use monitor::event::What;
use monitor::gossip;
use monitor::watch::{Effect, Input, Proof, Reading, Whom};
use tlog::cosignature::Timestamp;
use witnessing::Cause;
use witnessing::simulating::{Came, Next};

use super::cast::{Node, origin};
use super::client::check;
use super::operator;
use super::watcher::Happened;
use super::wire::{Answer, Event, Request};
use super::world::World;

impl World {
    /// Something came of a question; `None`: nobody answered in time.
    pub(super) fn came(&mut self, from: Node, to: Node, request: Request, answer: Option<Answer>) {
        let said = answer.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string);
        self.note(format_args!("{from} < {to}: {request} = {said}"));
        match from {
            Node::Log(number) => self.log_heard(number, to, answer),
            Node::Monitor(number) => self.monitor_heard(number, to, request, answer),
            Node::Client(number) => self.client_heard(number, &request, answer),
            Node::Witness(_) => {}
        }
    }

    fn log_heard(&mut self, number: usize, witness: Node, answer: Option<Answer>) {
        let came = match answer {
            Some(Answer::Http(answered)) => Came::Answered(answered),
            Some(_) => Came::Nothing(Cause::Unreachable),
            None => Came::Nothing(Cause::TimedOut),
        };
        let (now, clock) = (self.moment(), self.clock());
        let log = &mut self.logs[number];
        let Some(place) = log.asks.iter().position(|asked| Node::Witness(*asked) == witness) else { return };
        let size = log.size();
        if let Some(council) = &mut log.council {
            council.heard(place, &came, size, clock, now);
        }
        self.wake(number, place);
        self.settle(number, None);
    }

    /// Does the next thing about one witness of a log.
    pub(super) fn wake(&mut self, number: usize, place: usize) {
        let now = self.moment();
        let log = &mut self.logs[number];
        let size = log.size();
        let Some(council) = log.council.as_mut() else { return };
        match council.next(place, now) {
            Next::Rest => {}
            Next::Wait(moment) => {
                let at = self.millis(moment) + 1;
                self.wire.at(at, Event::Wake { log: number, place });
            }
            Next::Ask { old, newest } => {
                let witness = Node::Witness(log.asks[place]);
                let Some(body) = operator::request(&self.trees[log.tree], old, &newest) else {
                    council.heard(place, &Came::Nothing(Cause::NoProof), size, Timestamp::NONE, now);
                    return self.wake(number, place);
                };
                self.call(Node::Log(number), witness, Request::AddCheckpoint(body));
            }
        }
    }

    /// Ends the round of a log, if it is over.
    pub(super) fn settle(&mut self, number: usize, deadline: Option<u64>) {
        let now = self.moment();
        let Some((round, started)) = self.logs[number].settle(now, deadline) else { return };
        if let Some(witnessed) = &round.witnessed {
            self.onlooker.witnessed(&self.trees, witnessed.head());
        }
        self.shows(number);
        if let Some(standing) = &round.stop {
            self.note(format_args!("log-{number} stands down: {standing}"));
        }
        let next = self.millis(started) + self.logs[number].habits.every;
        let life = self.logs[number].life;
        self.wire.at(next.max(self.now), Event::Publish { log: number, life });
    }

    pub(super) fn shows(&mut self, number: usize) {
        let shown = self.logs[number].published.clone();
        self.onlooker.published(number, &shown);
    }

    fn monitor_heard(&mut self, number: usize, to: Node, request: Request, answer: Option<Answer>) {
        let watcher = &mut self.monitors[number];
        match (request, answer) {
            (Request::Checkpoint, answer) => self.looked(number, answer),
            (Request::Prove { smaller, larger }, answer) => {
                let outcome =
                    if let Some(Answer::Proof(proof)) = answer { proof } else { Proof::CouldNotTell };
                self.monitor_input(number, Input::Proved { smaller, larger, outcome });
            }
            (Request::Read { to }, answer) => {
                let outcome =
                    if let Some(Answer::Reading(reading)) = answer { reading } else { Reading::CouldNotTell };
                self.monitor_input(number, Input::Read { to, outcome });
            }
            (Request::Cosigned, Some(Answer::Note(Some(note)))) => {
                self.hears(number, &[note], &Whom::Witness(to.to_string()));
            }
            (Request::Heads, Some(Answer::Heads(list))) => {
                self.hears(number, &gossip::decode(&list), &Whom::Peer(to.to_string()));
            }
            (Request::HandIn(note), Some(Answer::Word(_))) => {
                let head = watcher.watch.trust().hear(&note).map(|heard| heard.head());
                if let Ok(head) = head {
                    watcher.pushed.insert(to, head);
                }
            }
            (Request::Forks, Some(Answer::Forks(names))) => {
                let own = watcher.memory().proofs();
                let new = |name: &&String| !own.contains(&name.as_str()) && !watcher.read.contains(*name);
                let names: Vec<_> = names.iter().filter(new).take(gossip::FETCHED_MAX).cloned().collect();
                names.into_iter().for_each(|name| self.call(Node::Monitor(number), to, Request::Fork(name)));
            }
            // What has another name than it should is none of them.
            (Request::Fork(name), Some(Answer::Fork(Some(text)))) if name == digest(&text) => {
                watcher.read.insert(name);
                let from = Whom::Peer(to.to_string());
                self.monitor_input(number, Input::Fork { text, from });
            }
            _ => {}
        }
    }

    pub(super) fn monitor_input(&mut self, number: usize, input: Input) {
        self.monitor_takes(number, Happened::Input(input));
    }

    /// What a look at the log showed (`Look::run`).
    fn looked(&mut self, number: usize, answer: Option<Answer>) {
        let watcher = &mut self.monitors[number];
        let Some(Answer::Note(Some(note))) = answer else {
            let why = "no answer".to_owned();
            return self.monitor_input(number, Input::Silent { why });
        };
        watcher.looked = true;
        let trust = watcher.watch.trust();
        let input = match (trust.policy().verify(note.clone()), trust.hear(&note)) {
            (Ok(_), Ok(heard)) => Input::Shown(heard),
            (Err(why), heard) => Input::Refused { why: why.to_string(), heard: heard.ok() },
            (Ok(_), Err(why)) => Input::Refused { why: why.to_string(), heard: None },
        };
        self.monitor_input(number, input);
    }

    /// Heads that were handed on; those that the log signed are heard.
    fn hears(&mut self, number: usize, notes: &[Bytes], from: &Whom) {
        for note in notes {
            let Ok(heard) = self.monitors[number].watch.trust().hear(note) else { continue };
            self.monitor_input(number, Input::Heard { heard, from: from.clone() });
        }
    }

    /// What a monitor wants done.
    pub(super) fn set_going(&mut self, number: usize, effects: Vec<Effect>) {
        let log = Node::Log(self.log_of(Node::Monitor(number)));
        for effect in effects {
            let request = match effect {
                Effect::Prove { smaller, larger } => Request::Prove { smaller, larger },
                Effect::Read { to, .. } => Request::Read { to },
                Effect::Keep { .. } => continue,
            };
            self.call(Node::Monitor(number), log, request);
        }
    }

    /// What a monitor has told since: in its order, each thing once or again the same, and none of it against the honest.
    pub(super) fn monitor_told(&mut self, number: usize, from: usize) {
        let watcher = &self.monitors[number];
        let new: Vec<_> = watcher.told[from..].to_vec();
        let before: Vec<_> = watcher.told[..from].to_vec();
        let mut last = before.iter().map(|event| event.number).max().unwrap_or(0);
        for event in new {
            let again = before.iter().find(|told| told.id == event.id);
            let same = again.map_or(event.number == last + 1, |again| *again == event);
            let line = serde_json::to_string(&event).unwrap_or_default();
            self.note(format_args!("monitor-{number}: {line}"));
            if !same {
                let what =
                    format!("monitor {number} told something else under a number, or skipped one: {line}");
                self.onlooker.broken.get_or_insert(what);
            }
            last = last.max(event.number);
            if let What::Incident(told) = &event.what {
                let innocent = told.guilty.iter().find(|key| !self.onlooker.is_liar(key));
                if let Some(key) = innocent {
                    let what = format!("monitor {number} accuses {key}, who is honest");
                    self.onlooker.broken.get_or_insert(what);
                }
                self.proof_of(number, told.proof.as_deref());
            }
        }
    }

    /// A proof that a monitor names is one that it has.
    fn proof_of(&mut self, number: usize, name: Option<&str>) {
        let Some(name) = name else { return };
        let by = format!("monitor {number}");
        if let Some(text) = self.monitors[number].proofs().get(name).cloned() {
            self.onlooker.proof(&by, &text);
        } else {
            let what = format!("{by} names a proof that it lost: {name}");
            self.onlooker.broken.get_or_insert(what);
        }
    }

    fn client_heard(&mut self, number: usize, request: &Request, answer: Option<Answer>) {
        // A flood comes from somebody who does not care for answers.
        let Some(client) = self.clients.get_mut(number) else { return };
        match (request, answer) {
            (Request::Submit(entry), Some(Answer::Receipt(receipt))) => match check(&receipt, entry) {
                Ok(note) => {
                    for monitor in client.hands_in.clone() {
                        let note = note.bytes().clone();
                        self.call(Node::Client(number), Node::Monitor(monitor), Request::HandIn(note));
                    }
                    self.clients[number].receipts.push(note);
                }
                Err(why) => {
                    let what =
                        format!("client {number} has a receipt of {} that does not hold: {why}", origin());
                    self.onlooker.broken.get_or_insert(what);
                }
            },
            (Request::HandIn(_), Some(Answer::Word(word))) => self.clients[number].words.push(word),
            _ => {}
        }
    }
}

/// What a fork proof is named by.
pub(super) fn digest(text: &str) -> String {
    ContradictionId::of(&origin(), text.as_bytes()).to_string()
}
