//! Heads exchanged with other monitors and with witnesses.

use std::collections::BTreeMap;

use bytes::Bytes;
use client::{Http, HttpError};
use follower::witness::keeper::OriginId;
use tlog::Head;

use super::Mail;
use crate::gossip::{LIST_BYTES_MAX, decode};
use crate::heard::{Heard, NOTE_BYTES_MAX, Trust};
use crate::watch::Whom;

/// Bytes of an answer to a head that was handed in.
const ANSWER_BYTES_MAX: usize = 64 << 10;

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
}

/// What came of one exchange.
pub(crate) struct Exchanged {
    at: usize,
    heard: Vec<(Heard, Whom)>,
    pushed: Option<Head>,
}

impl Exchange {
    pub(super) fn new(partners: Vec<Partner>) -> Self {
        Self { under_way: vec![false; partners.len()], partners, pushed: BTreeMap::new() }
    }

    /// Nothing is under way.
    pub(super) fn is_idle(&self) -> bool {
        !self.under_way.contains(&true)
    }

    /// The exchanges that are due: one with each partner of whom none is under way.
    pub(super) fn due(&mut self, trust: &Trust, own: Option<&Heard>) -> Vec<Turn> {
        let mut turns = vec![];
        for (at, partner) in self.partners.iter().enumerate() {
            if std::mem::replace(&mut self.under_way[at], true) {
                continue;
            }
            let push = own.filter(|own| self.pushed.get(&at) != Some(&own.head())).cloned();
            turns.push(Turn { at, partner: partner.clone(), trust: trust.clone(), push });
        }
        turns
    }

    pub(super) fn done(&mut self, exchanged: Exchanged) -> Vec<(Heard, Whom)> {
        if let Some(under_way) = self.under_way.get_mut(exchanged.at) {
            *under_way = false;
        }
        if let Some(head) = exchanged.pushed {
            self.pushed.insert(exchanged.at, head);
        }
        exchanged.heard
    }
}

/// One exchange with one partner.
pub(super) struct Turn {
    at: usize,
    partner: Partner,
    trust: Trust,
    push: Option<Heard>,
}

impl Turn {
    pub(super) async fn run(self) -> Mail {
        let mut pushed = None;
        let heard = match &self.partner {
            Partner::Peer(http) => {
                if let Some(push) = &self.push {
                    let told = tell(http, push).await;
                    pushed = told.map(|()| push.head()).inspect_err(|error| unheard(error)).ok();
                }
                let id = OriginId::of(self.trust.origin());
                self.hear(http, &format!("gossip/{id}/checkpoints"), LIST_BYTES_MAX, Whom::Peer).await
            }
            Partner::Witness(http) => {
                let id = OriginId::of(self.trust.origin());
                self.hear(http, &format!("{id}/checkpoint"), NOTE_BYTES_MAX, Whom::Witness).await
            }
        };
        let heard = heard.inspect_err(|error| unheard(error)).unwrap_or_default();
        Mail::Exchanged(Exchanged { at: self.at, heard, pushed })
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
