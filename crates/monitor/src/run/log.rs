//! The task of one log: takes what happened, lets the watch judge it, keeps what follows, and sets the jobs going.

mod follow;
mod work;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use client::keys::History;
use tokio::sync::{Semaphore, mpsc, watch as signal};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};

use super::exchange::Exchange;
use super::jobs::Records;
use super::judging::Judge;
use super::readers::Readers;
use super::telling::Telling;
use super::{LogHandle, Mail, MonitorError, Options, Watched};
use crate::event::Millis;
use crate::keep::LogKeep;
use crate::watch::{Input, Watch};

/// How often time passes for the watch, at least.
const TICK: Duration = Duration::from_millis(500);
/// Mails that are taken before what follows from them is kept: one sync for all.
const MAILS_AT_ONCE: usize = 256;
/// How long printing may take when the monitor stops.
const DRAIN: Duration = Duration::from_secs(5);

pub(super) struct Log {
    watch: Watch,
    watched: Watched,
    known: Option<History>,
    keep: LogKeep,
    handle: LogHandle,
    inbox: mpsc::Receiver<Mail>,
    options: Options,
    telling: Telling,
    exchange: Exchange,
    /// `None`: it is at work, or there is none.
    judge: Option<Box<Judge>>,
    judging: bool,
    /// Not before this time, after it was in vain.
    judge_again: Millis,
    records: Arc<Records>,
    /// How often heads were exchanged since the start.
    exchanges: u64,
    /// What is on the disk.
    saved: Vec<u8>,
    hashed: Arc<AtomicU64>,
    readers: Arc<Readers>,
    /// `None` comes of a job that broke off.
    jobs: JoinSet<Option<Mail>>,
    looking: bool,
    /// Whether the log was looked at since the start.
    looked: bool,
    /// Proofs and readings under way.
    busy: usize,
    /// Since when webhooks alone are waited for, where one look was wanted.
    waits_for_hooks: Option<Instant>,
}

/// What all logs share.
#[derive(Clone)]
pub(super) struct Shares {
    pub(super) readers: Arc<Readers>,
    /// Whose turn it is to print.
    pub(super) printing: Arc<Semaphore>,
}

impl Log {
    pub(super) fn new(
        watch: Watch,
        (watched, known): (Watched, Option<History>),
        keep: LogKeep,
        handle: LogHandle,
        inbox: mpsc::Receiver<Mail>,
        options: Options,
        shares: Shares,
    ) -> Self {
        let telling = Telling::new(options.print.clone(), shares.printing, &options.webhooks);
        let judge = options.findings.then(|| Box::new(Judge::new(watch.memory().judged())));
        let exchange = Exchange::new(options.partners.clone());
        Self {
            watch,
            watched,
            known,
            keep,
            handle,
            inbox,
            options,
            telling,
            exchange,
            judge,
            judging: false,
            judge_again: 0,
            records: Arc::default(),
            exchanges: 0,
            saved: vec![],
            hashed: Arc::default(),
            readers: shares.readers,
            jobs: JoinSet::new(),
            looking: false,
            looked: false,
            busy: 0,
            waits_for_hooks: None,
        }
    }

    pub(super) async fn run(mut self, mut stopping: signal::Receiver<bool>) -> Result<(), MonitorError> {
        let mut poll = interval(self.options.poll);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut gossip = interval(self.options.gossip_every);
        gossip.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut tick = interval(TICK.min(self.options.poll));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let now_and_then = self.options.once;
        self.follow(vec![Mail::Input(Input::Started { now_and_then })]).await?;
        while !*stopping.borrow() && !self.is_done() {
            let mails = tokio::select! {
                _ = stopping.changed() => break,
                _ = poll.tick() => {
                    self.look();
                    continue;
                }
                // Heads are of use once there is one to hold them against.
                _ = gossip.tick(), if self.looked => {
                    self.exchange();
                    continue;
                }
                Some(done) = self.jobs.join_next() => match done {
                    Ok(Some(mail)) => vec![mail],
                    Ok(None) => return Err(MonitorError::Ended("a job of it broke off".to_owned())),
                    Err(error) => return Err(MonitorError::Ended(error.to_string())),
                },
                Some(mail) = self.inbox.recv() => {
                    let mut mails = vec![mail];
                    while let Some(more) = self.inbox.try_recv().ok().filter(|_| mails.len() < MAILS_AT_ONCE) {
                        mails.push(more);
                    }
                    mails
                }
                _ = tick.tick() => vec![Mail::Input(Input::Tick)],
            };
            self.follow(mails).await?;
        }
        self.drain().await
    }

    /// Whether all that was wanted is done: where one look was wanted, and nothing is under way any more. Webhooks are waited
    /// for, but not for ever: what they have not taken is sent by the next process.
    fn is_done(&mut self) -> bool {
        let exchanged = self.exchanges > 0 && self.exchange.is_idle();
        let looked = self.options.once
            && self.looked
            && exchanged
            && self.is_judged(self.now())
            && self.busy == 0
            && !self.looking
            && self.telling.is_idle();
        let waiting = looked.then(|| *self.waits_for_hooks.get_or_insert_with(Instant::now));
        self.waits_for_hooks = waiting;
        let taken = self.telling.is_taken(self.watch.memory());
        waiting.is_some_and(|since| taken || since.elapsed() >= self.options.hooks_patience)
    }

    fn now(&self) -> Millis {
        (self.options.clock)()
    }

    /// Prints what is known; what is under way beside that is begun again at the next start.
    async fn drain(mut self) -> Result<(), MonitorError> {
        let until = Instant::now() + DRAIN;
        while !self.telling.is_idle() {
            match timeout_at(until, self.jobs.join_next()).await {
                Ok(Some(Ok(Some(mail @ (Mail::Printed(_) | Mail::Hook { .. }))))) => {
                    self.follow(vec![mail]).await?;
                }
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => break,
            }
        }
        self.watch.rest(self.now());
        self.save(&[]).await
    }
}
