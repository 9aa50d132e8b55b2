//! Heads exchanged with other monitors and with witnesses.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use client::{Http, HttpError};
use follower::witness::keeper::OriginId;
use tlog::Head;
use tlog::fork::FORK_PROOF_LEN_MAX;

use super::Mail;
use crate::gossip::{FETCHED_MAX, FORKS_MAX, LIST_BYTES_MAX, decode};
use crate::heard::{Heard, NOTE_BYTES_MAX, Trust};
use crate::watch::{Input, Memory, Whom, name_of};

/// Bytes of an answer to a head that was handed in.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// Fork proofs of others that are remembered as read.
const READ_MAX: usize = 1_024;
/// Bytes of a fork proof's name: a SHA-256 in hexadecimal digits.
const NAME_BYTES: usize = 64;

/// Somebody who has seen heads.
#[derive(Clone, Debug)]
pub enum Partner {
    /// Another monitor, at the prefix of its gossip.
    Peer(Http),
    /// A witness, at the prefix where it is monitored (C2SP tlog-witness).
    Witness(Http),
}

/// With whom heads are exchanged, and what each was told last.
pub(super) struct Exchange {
    partners: Vec<Partner>,
    under_way: Vec<bool>,
    pushed: BTreeMap<usize, Head>,
    /// Fork proofs that were read, by name, which is the digest of what was read.
    read: BTreeSet<String>,
}

/// What came of one exchange.
pub(crate) struct Exchanged {
    at: usize,
    heard: Vec<(Heard, Whom)>,
    /// Fork proofs, by their names.
    forks: Vec<(String, Input)>,
    pushed: Option<Head>,
}

impl Exchange {
    pub(super) fn new(partners: Vec<Partner>) -> Self {
        Self {
            under_way: vec![false; partners.len()],
            partners,
            pushed: BTreeMap::new(),
            read: BTreeSet::new(),
        }
    }

    /// Nothing is under way.
    pub(super) fn is_idle(&self) -> bool {
        !self.under_way.contains(&true)
    }

    /// The exchanges that are due: one with each partner of whom none is under way.
    pub(super) fn due(&mut self, trust: &Trust, memory: &Memory) -> Vec<Turn> {
        let mut turns = vec![];
        for (at, partner) in self.partners.iter().enumerate() {
            if std::mem::replace(&mut self.under_way[at], true) {
                continue;
            }
            let own = memory.proofs().into_iter().map(str::to_owned);
            let known = own.chain(self.read.iter().cloned()).collect();
            let push = memory.proven().filter(|own| self.pushed.get(&at) != Some(&own.head())).cloned();
            turns.push(Turn { at, partner: partner.clone(), trust: trust.clone(), push, known });
        }
        turns
    }

    /// Whom to believe has changed: what was read by other keys is of use now, it may be.
    pub(super) fn read_again(&mut self) {
        self.read.clear();
    }

    pub(super) fn done(&mut self, exchanged: Exchanged) -> Vec<Input> {
        if let Some(under_way) = self.under_way.get_mut(exchanged.at) {
            *under_way = false;
        }
        if let Some(head) = exchanged.pushed {
            self.pushed.insert(exchanged.at, head);
        }
        let mut inputs: Vec<_> =
            exchanged.heard.into_iter().map(|(heard, from)| Input::Heard { heard, from }).collect();
        for (name, fork) in exchanged.forks {
            if self.read.len() >= READ_MAX {
                self.read.clear();
            }
            self.read.insert(name);
            inputs.push(fork);
        }
        inputs
    }
}

/// One exchange with one partner.
pub(super) struct Turn {
    at: usize,
    partner: Partner,
    trust: Trust,
    push: Option<Heard>,
    /// Fork proofs that need not be fetched.
    known: BTreeSet<String>,
}

impl Turn {
    pub(super) async fn run(self) -> Mail {
        let (mut pushed, mut forks) = (None, vec![]);
        let heard = match &self.partner {
            Partner::Peer(http) => {
                if let Some(push) = &self.push {
                    let told = tell(http, push).await;
                    pushed = told.map(|()| push.head()).inspect_err(unheard).ok();
                }
                let id = OriginId::of(self.trust.origin());
                forks = self.forks(http, id).await.inspect_err(unheard).unwrap_or_default();
                self.hear(http, &format!("gossip/{id}/checkpoints"), LIST_BYTES_MAX, Whom::Peer).await
            }
            Partner::Witness(http) => {
                let id = OriginId::of(self.trust.origin());
                self.hear(http, &format!("{id}/checkpoint"), NOTE_BYTES_MAX, Whom::Witness).await
            }
        };
        let heard = heard.inspect_err(unheard).unwrap_or_default();
        Mail::Exchanged(Exchanged { at: self.at, heard, forks, pushed })
    }

    /// Fork proofs that a monitor keeps and that are not known here, by their names. What has another name than it should is
    /// none of them: it is asked for again, of whoever has it.
    async fn forks(&self, http: &Http, id: OriginId) -> Result<Vec<(String, Input)>, HttpError> {
        let names = http.get(&format!("gossip/{id}/forks"), FORKS_MAX * (NAME_BYTES + 1)).await?;
        let names = names.map(|names| String::from_utf8_lossy(&names).into_owned()).unwrap_or_default();
        let is_name =
            |name: &&str| name.len() == NAME_BYTES && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        let new = names.lines().filter(is_name).filter(|name| !self.known.contains(*name)).take(FETCHED_MAX);
        let mut forks = vec![];
        for name in new {
            let text = http.get(&format!("gossip/{id}/forks/{name}"), FORK_PROOF_LEN_MAX).await?;
            let text = text.map(|text| String::from_utf8_lossy(&text).into_owned());
            let from = Whom::Peer(http.prefix().to_string());
            let text = text.filter(|text| name_of(text) == name);
            forks.extend(text.map(|text| (name.to_owned(), Input::Fork { text, from })));
        }
        Ok(forks)
    }

    /// The heads at a path: those that the log signed. Whatever else is there is nobody's word.
    async fn hear(
        &self,
        http: &Http,
        path: &str,
        limit: usize,
        whom: impl Fn(String) -> Whom,
    ) -> Result<Vec<(Heard, Whom)>, HttpError> {
        let Some(list) = http.get(path, limit).await? else { return Ok(vec![]) };
        let notes = decode(&list);
        let heard = notes.iter().filter_map(|note| match self.trust.hear(note) {
            Ok(heard) => Some((heard, whom(http.prefix().to_string()))),
            Err(error) => {
                tracing::warn!(from = %http.prefix(), %error, "a head that was handed on is not heard");
                None
            }
        });
        Ok(heard.collect())
    }
}

async fn tell(http: &Http, heard: &Heard) -> Result<(), HttpError> {
    let note: Bytes = heard.bytes();
    http.post("gossip/checkpoint", "text/plain; charset=utf-8", note, ANSWER_BYTES_MAX).await.map(drop)
}

fn unheard(error: &HttpError) {
    tracing::warn!(%error, "heads could not be exchanged; they are at the next turn");
}

#[cfg(test)]
mod tests {
    use client::HttpOptions;
    use tlog::key::Signer;
    use tlog::policy::Policy;

    use super::*;
    use crate::watch::{Limits, Watch};

    #[test]
    fn what_was_read_is_read_again_when_other_keys_are_believed() {
        let log = Signer::from_seed("log.test".parse().unwrap(), &[1; 32]);
        let trust = Trust::new(log.name().clone(), Policy::log_only(log.verifier_key().clone()).unwrap());
        let watch = Watch::new(trust.clone(), Limits::default(), None).unwrap();
        let http = Http::new("http://localhost/", &HttpOptions::default()).unwrap();
        let mut exchange = Exchange::new(vec![Partner::Peer(http)]);
        let known = |exchange: &mut Exchange| {
            let turns = exchange.due(&trust, watch.memory());
            let known = turns[0].known.contains("a proof");
            let forks = vec![("a proof".to_owned(), Input::Tick)];
            exchange.done(Exchanged { at: 0, heard: vec![], forks, pushed: None });
            known
        };
        assert_eq!([known(&mut exchange), known(&mut exchange)], [false, true]);
        exchange.read_again();
        assert!(!known(&mut exchange));
    }
}
