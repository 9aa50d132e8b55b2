//! The task of one log: takes what happened, lets the watch judge it, keeps what follows, and sets the jobs going.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use client::keys::History;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch as signal};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};

use super::exchange::Exchange;
use super::jobs::{Look, Read, prove};
use super::judging::Judge;
use super::telling::Telling;
use super::{LogHandle, Mail, MonitorError, Options, Watched};
use crate::event::Millis;
use crate::keep::LogKeep;
use crate::watch::{EVENTS_MAX, Effect, Input, Watch};

/// How often time passes for the watch, at least.
const TICK: Duration = Duration::from_millis(500);
/// Mails that are taken before what follows from them is kept: one sync for all.
const MAILS_AT_ONCE: usize = 256;
/// How long to wait before entries are judged again from the first one.
const JUDGE_AGAIN: Millis = 300_000;
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
    /// How often heads were exchanged since the start.
    exchanges: u64,
    /// What is on the disk.
    saved: Vec<u8>,
    hashed: Arc<AtomicU64>,
    jobs: JoinSet<Mail>,
    looking: bool,
    /// Whether the log was looked at since the start.
    looked: bool,
    /// Proofs and readings under way.
    busy: usize,
}

impl Log {
    pub(super) fn new(
        watch: Watch,
        watched: Watched,
        keep: LogKeep,
        handle: LogHandle,
        inbox: mpsc::Receiver<Mail>,
        options: Options,
    ) -> Result<Self, MonitorError> {
        let telling = Telling::new(keep.told()?, options.print.clone(), &options.webhooks);
        let known = keep.keys()?;
        let judge = options.findings.then(|| Box::new(Judge::new(watch.memory().judged())));
        let exchange = Exchange::new(options.partners.clone());
        Ok(Self {
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
            exchanges: 0,
            saved: vec![],
            hashed: Arc::default(),
            jobs: JoinSet::new(),
            looking: false,
            looked: false,
            busy: 0,
        })
    }

    pub(super) async fn run(mut self, mut stopping: signal::Receiver<bool>) -> Result<(), MonitorError> {
        let mut poll = interval(self.options.poll);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut gossip = interval(self.options.gossip_every);
        gossip.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut tick = interval(TICK.min(self.options.poll));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.follow(vec![Mail::Input(Input::Started)]).await?;
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
                    Ok(mail) => vec![mail],
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

    /// Whether all that was wanted is done: where one look was wanted, and nothing is under way any more.
    fn is_done(&self) -> bool {
        let exchanged = self.exchanges > 0 && self.exchange.is_idle();
        self.options.once
            && self.looked
            && exchanged
            && self.is_judged(self.now())
            && self.busy == 0
            && !self.looking
            && self.telling.is_idle()
    }

    fn now(&self) -> Millis {
        (self.options.clock)()
    }

    fn look(&mut self) {
        if self.looking || (self.options.once && self.looked) {
            return;
        }
        self.looking = true;
        let Watched { origin, source, policy, changes } = self.watched.clone();
        let look = Look { origin, source, policy, changes, known: self.known.clone() };
        self.beside(move || look.run());
    }

    fn exchange(&mut self) {
        self.exchanges += 1;
        for turn in self.exchange.due(self.watch.trust(), self.watch.memory()) {
            self.beside(move || turn.run());
        }
    }

    /// Takes what happened. Nobody is told before it is on the disk.
    async fn follow(&mut self, mails: Vec<Mail>) -> Result<(), MonitorError> {
        let now = self.now();
        let (mut effects, mut replies) = (vec![], vec![]);
        for mail in mails {
            match mail {
                Mail::Input(input) => {
                    if matches!(input, Input::Proved { .. } | Input::Read { .. }) {
                        self.busy -= 1;
                    }
                    effects.extend(self.watch.step(now, input));
                }
                Mail::Looked { input, followed } => {
                    (self.looking, self.looked) = (false, true);
                    if let Some(followed) = followed {
                        if let Some(history) = &followed.history {
                            self.keep.save_keys(history)?;
                        }
                        self.known = followed.history;
                        self.watch.believe(followed.trust);
                    }
                    effects.extend(self.watch.step(now, input));
                }
                Mail::Heard { heard, from, reply } => {
                    let (taken, more) = self.watch.hear(now, heard, from);
                    effects.extend(more);
                    replies.extend(reply.map(|reply| (reply, taken)));
                }
                Mail::Exchanged(exchanged) => {
                    for input in self.exchange.done(exchanged) {
                        effects.extend(self.watch.step(now, input));
                    }
                }
                Mail::Judged(judged) => {
                    self.judging = false;
                    if judged.judge.is_none() {
                        self.judge_again = now + self.options.limits.again.min(JUDGE_AGAIN);
                    }
                    let again = || Box::new(Judge::new(self.watch.memory().judged()));
                    self.judge = Some(judged.judge.unwrap_or_else(again));
                    let (findings, through) = (judged.found, judged.through);
                    effects.extend(self.watch.step(now, Input::Found { findings, through }));
                }
                Mail::Printed(through) => {
                    self.telling.printed(through.map_err(MonitorError::Print)?);
                    self.forget(now)?;
                }
                Mail::Hook { at, taken } => {
                    self.telling.sent(now, at, taken);
                    self.forget(now)?;
                }
            }
        }
        self.save(&effects).await?;
        for (reply, taken) in replies {
            // Whoever asked may be gone.
            let _ = reply.send(taken);
        }
        effects.into_iter().for_each(|effect| self.start(effect));
        self.tell(now);
        self.judge(now);
        Ok(())
    }

    fn forget(&mut self, now: Millis) -> Result<(), MonitorError> {
        self.watch.forget(now, self.telling.told.printed, self.telling.taken());
        Ok(self.keep.save_told(&self.telling.told)?)
    }

    /// Proofs first, then the memory that names them.
    async fn save(&mut self, effects: &[Effect]) -> Result<(), MonitorError> {
        let proof = |effect: &Effect| match effect {
            Effect::Keep { name, text } => Some((name.clone(), text.clone())),
            _ => None,
        };
        let proofs: Vec<_> = effects.iter().filter_map(proof).collect();
        let bytes = self.watch.memory().to_bytes();
        if bytes != self.saved {
            let (keep, written) = (self.keep.clone(), bytes.clone());
            let saving = tokio::task::spawn_blocking(move || {
                proofs.iter().try_for_each(|(name, text)| keep.keep_proof(name, text))?;
                keep.save(&written)
            });
            saving.await.map_err(|error| MonitorError::Ended(error.to_string()))??;
            self.saved = bytes;
            self.handle.shared.write().memory = Arc::new(self.watch.memory().clone());
            self.handle.shared.write().trust = Arc::new(self.watch.trust().clone());
        }
        self.handle.shared.write().hashed = self.hashed.load(Relaxed);
        Ok(())
    }

    fn start(&mut self, effect: Effect) {
        let source = self.watched.source.clone();
        match effect {
            Effect::Keep { .. } => return,
            Effect::Prove { smaller, larger } => self.beside(move || prove(source, smaller, larger)),
            Effect::Read { before, to, place } => {
                let (threads, hashed) = (self.options.threads, self.hashed.clone());
                let read = Read { source, before, to, place, threads, hashed };
                let mails = self.handle.mails.clone();
                self.beside(move || read.run(mails));
            }
        }
        self.busy += 1;
    }

    /// A job that waits on a thread of its own: what reads logs may not move from thread to thread while it waits.
    fn beside<F: Future<Output = Mail>>(&mut self, job: impl FnOnce() -> F + Send + 'static) {
        let runtime = Handle::current();
        self.jobs.spawn_blocking(move || runtime.block_on(job()));
    }

    /// Judges on, where entries were verified since; not while many events wait to be printed.
    fn judge(&mut self, now: Millis) {
        let Some(head) = self.watch.memory().verified().map(crate::heard::Heard::head) else { return };
        let printed = self.telling.told.printed;
        let crowded = self.watch.events().filter(|event| event.number > printed).count() > EVENTS_MAX / 2;
        let due = self.judge.as_ref().is_some_and(|judge| judge.is_due(head));
        if !due || crowded || self.judge_again > now {
            return;
        }
        let Some(judge) = self.judge.take() else { return };
        self.judging = true;
        let source = self.watched.source.clone();
        self.beside(move || judge.turn(source, head));
    }

    /// Whether nothing is left to be judged, or it cannot be.
    fn is_judged(&self, now: Millis) -> bool {
        let head = self.watch.memory().verified().map(crate::heard::Heard::head);
        let due = head.is_some_and(|head| self.judge.as_ref().is_some_and(|judge| judge.is_due(head)));
        !self.judging && (!due || self.judge_again > now)
    }

    /// Prints and sends what waits.
    fn tell(&mut self, now: Millis) {
        let events = &self.watch.memory().events;
        if let Some(print) = self.telling.print(events) {
            self.jobs.spawn_blocking(print);
        }
        for job in self.telling.send(now, events) {
            self.jobs.spawn(job);
        }
    }

    /// Prints what is known; what is under way beside that is begun again at the next start.
    async fn drain(mut self) -> Result<(), MonitorError> {
        let until = Instant::now() + DRAIN;
        while !self.telling.is_idle() {
            match timeout_at(until, self.jobs.join_next()).await {
                Ok(Some(Ok(mail @ (Mail::Printed(_) | Mail::Hook { .. })))) => {
                    self.follow(vec![mail]).await?;
                }
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => break,
            }
        }
        self.save(&[]).await
    }
}
