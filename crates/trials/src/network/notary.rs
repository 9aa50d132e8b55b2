//! A witness: the program's own service over a store in memory, killed between any two of its steps.

use std::sync::Arc;

use client::http::AsItCame;
use follower::witness::keeper::{Keeper, Limits, OriginId};
use follower::witness::service::Witness;
use store::{Fault, FaultyStore, MemoryStore};
use tlog::cosignature::Timestamp;
use tlog::witness::{SIZE_CONTENT_TYPE, WitnessKeys, print_size};

use super::cast::{cosigner, enrolled, origin};

/// How a witness is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Temper {
    Honest,
    /// Has a memory for each log that asks it, so that it cosigns as many histories as there are.
    TwoFaced,
    /// Says that it has cosigned so many entries.
    Ahead(u64),
}

/// Between which steps of an answer a witness is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kill {
    /// After it has decided, before anything is kept.
    Decided,
    /// After it was kept, before the witness knows.
    Kept,
    /// After it knows, before the answer has left.
    Answered,
}

impl Kill {
    pub(super) const ALL: [Self; 3] = [Self::Decided, Self::Kept, Self::Answered];
}

pub(super) struct Notary {
    number: usize,
    pub(super) temper: Temper,
    /// How far its clock is off, in seconds.
    pub(super) skew: i64,
    pub(super) kill: Option<Kill>,
    pub(super) kills: u64,
    memories: Vec<Memory>,
    runtime: tokio::runtime::Runtime,
}

/// One memory, and the service over it.
struct Memory {
    store: Arc<FaultyStore<MemoryStore>>,
    service: Arc<Witness>,
}

impl Memory {
    fn new(number: usize) -> Self {
        let store = Arc::new(FaultyStore::new(MemoryStore::new()));
        Self { service: open(number, &store), store }
    }
}

fn open(number: usize, store: &Arc<FaultyStore<MemoryStore>>) -> Arc<Witness> {
    store.reopen();
    let keeper = Keeper::open(store.clone(), Limits::default()).expect("what it has kept");
    let keys = WitnessKeys::new(vec![cosigner(number)]).expect("a key");
    Arc::new(Witness::new(keeper, keys, enrolled()).rationed())
}

impl Notary {
    pub(super) fn new(number: usize) -> Self {
        Self {
            number,
            temper: Temper::Honest,
            skew: 0,
            kill: None,
            kills: 0,
            memories: vec![Memory::new(number)],
            runtime: tokio::runtime::Builder::new_current_thread().build().expect("a runtime"),
        }
    }

    /// The memory that it looks into for this log.
    fn memory(&mut self, log: usize) -> &mut Memory {
        let at = if self.temper == Temper::TwoFaced { log } else { 0 };
        while self.memories.len() <= at {
            self.memories.push(Memory::new(self.number));
        }
        &mut self.memories[at]
    }

    /// Its clock, where the time is this many seconds.
    pub(super) fn clock(&self, seconds: u64) -> Timestamp {
        Timestamp::from_seconds(seconds.saturating_add_signed(self.skew)).unwrap_or(Timestamp::NONE)
    }

    /// Ends it, and starts it again from what it has kept.
    pub(super) fn restart(&mut self) {
        self.kills += 1;
        let number = self.number;
        for memory in &mut self.memories {
            // The old one has to be gone: it would finish what it was at.
            memory.service.keeper().close();
            memory.service = open(number, &memory.store);
        }
    }

    /// Answers a log; `None`: it was killed.
    pub(super) fn add_checkpoint(&mut self, log: usize, body: &[u8], seconds: u64) -> Option<AsItCame> {
        if let Temper::Ahead(size) = self.temper {
            let content_type = Some(SIZE_CONTENT_TYPE.to_owned());
            let body = print_size(size).into();
            return Some(AsItCame { status: 409, content_type, retry_after: None, body });
        }
        let (clock, kill) = (self.clock(seconds), self.kill.take());
        let memory = self.memory(log);
        match kill {
            Some(Kill::Decided) => memory.store.fail_commit(0, Fault::Lost),
            Some(Kill::Kept) => memory.store.fail_commit(0, Fault::Kept),
            Some(Kill::Answered) | None => {}
        }
        let service = memory.service.clone();
        let reply = self.runtime.block_on(service.add_checkpoint(body, clock));
        // A commit that nobody knows of: that is where it is killed, for it does nothing more.
        if service.keeper().stopped().is_some() || kill == Some(Kill::Answered) {
            drop(service);
            self.restart();
            return None;
        }
        Some(answered(reply))
    }

    /// Answers several at once.
    pub(super) fn add_checkpoints(&mut self, bodies: &[Vec<u8>], seconds: u64) -> Vec<AsItCame> {
        let (clock, service) = (self.clock(seconds), self.memory(0).service.clone());
        let ask = |body: &Vec<u8>| {
            let (service, body) = (service.clone(), body.clone());
            self.runtime.spawn(async move { service.add_checkpoint(&body, clock).await })
        };
        let asked: Vec<_> = bodies.iter().map(ask).collect();
        let replies = asked.into_iter().map(|asked| self.runtime.block_on(asked).expect("an answer"));
        replies.map(answered).collect()
    }

    /// What it shows to monitors who see what this log shows.
    pub(super) fn shown(&mut self, log: usize) -> Option<bytes::Bytes> {
        self.memory(log).service.checkpoint(&OriginId::of(&origin()))
    }

    /// The fork proofs that it has kept.
    pub(super) fn evidence(&self) -> Vec<String> {
        let of = |memory: &Memory| {
            let keeper = memory.service.keeper();
            let texts = keeper.contradictions().into_iter();
            let texts = texts.filter_map(|id| keeper.contradiction(&id).ok().flatten());
            texts.collect::<Vec<_>>()
        };
        self.memories.iter().flat_map(of).collect()
    }
}

fn answered(reply: follower::witness::service::Reply) -> AsItCame {
    AsItCame {
        status: reply.status,
        content_type: Some(reply.content_type.to_owned()),
        retry_after: reply.retry_after.map(std::time::Duration::from_secs),
        body: reply.body.into(),
    }
}
