//! Events, printed and sent: at least once each, in their order, by nobody who could hold up the watch. Who has been told what
//! stands in the memory that has the events.

use std::io;
use std::sync::Arc;

use client::webhook::Webhook;
use tokio::sync::Semaphore;

use super::{Mail, line};
use crate::event::Millis;
use crate::watch::Memory;

/// The longest wait before a webhook is tried again.
const WAIT_MAX: Millis = 300_000;
/// The wait after its first failure; it doubles.
const WAIT: Millis = 1_000;

/// Where events are printed. May block.
pub trait Print: Send + Sync {
    /// Prints lines, and returns when they have left this process.
    ///
    /// # Errors
    /// Nobody reads them any more.
    fn print(&self, lines: &str) -> io::Result<()>;
}

/// Who is being told what.
pub(super) struct Telling {
    print: Arc<dyn Print>,
    /// One at a time prints, of all logs: where nobody reads, they would take all threads.
    turn: Arc<Semaphore>,
    printing: bool,
    hooks: Vec<Hook>,
}

struct Hook {
    webhook: Webhook,
    telling: bool,
    failures: u32,
    again: Millis,
}

impl Telling {
    pub(super) fn new(print: Arc<dyn Print>, turn: Arc<Semaphore>, webhooks: &[Webhook]) -> Self {
        let hook =
            |webhook: &Webhook| Hook { webhook: webhook.clone(), telling: false, failures: 0, again: 0 };
        Self { print, turn, printing: false, hooks: webhooks.iter().map(hook).collect() }
    }

    /// The webhooks, by their URLs.
    pub(super) fn webhooks(&self) -> impl Iterator<Item = &str> {
        self.hooks.iter().map(|hook| hook.webhook.url().as_str())
    }

    /// Whether everything was printed.
    pub(super) fn is_idle(&self) -> bool {
        !self.printing
    }

    /// Whether every webhook has taken all that it is to be told.
    pub(super) fn is_taken(&self, memory: &Memory) -> bool {
        self.webhooks().all(|webhook| memory.untaken(webhook).next().is_none())
    }

    /// What is to be printed now, if nothing is being printed.
    pub(super) fn print(&mut self, memory: &Memory) -> Option<impl Future<Output = Option<Mail>> + use<>> {
        if self.printing {
            return None;
        }
        let (mut lines, mut last) = (String::new(), None);
        for event in memory.unprinted() {
            lines.push_str(&line(event));
            lines.push('\n');
            last = Some(event.number);
        }
        let (last, print, turn) = (last?, self.print.clone(), self.turn.clone());
        self.printing = true;
        Some(async move {
            let _turn = turn.acquire_owned().await.ok()?;
            let printed = tokio::task::spawn_blocking(move || print.print(&lines)).await.ok()?;
            Some(Mail::Printed(printed.map(|()| last)))
        })
    }

    pub(super) fn printed(&mut self) {
        self.printing = false;
    }

    /// The next event for each webhook that has taken the one before.
    pub(super) fn send(
        &mut self,
        now: Millis,
        memory: &Memory,
    ) -> Vec<impl Future<Output = Option<Mail>> + Send + use<>> {
        let mut jobs = vec![];
        for (at, hook) in self.hooks.iter_mut().enumerate() {
            let mut alerts = memory.untaken(hook.webhook.url().as_str());
            let Some(event) = alerts.next().filter(|_| !hook.telling && hook.again <= now) else { continue };
            hook.telling = true;
            let (webhook, event) = (hook.webhook.clone(), event.clone());
            jobs.push(async move {
                let sent = webhook.tell(&event.id, now / 1_000, line(&event).into()).await;
                if let Err(error) = &sent {
                    tracing::warn!(%error, id = event.id, "a webhook has not taken an event; it is sent again");
                }
                Some(Mail::Hook { at, taken: sent.is_ok().then_some(event.number) })
            });
        }
        jobs
    }

    /// A webhook has answered; its URL, if it has taken the event.
    pub(super) fn sent(&mut self, now: Millis, at: usize, taken: bool) -> Option<&str> {
        let hook = self.hooks.get_mut(at)?;
        hook.telling = false;
        if taken {
            (hook.failures, hook.again) = (0, 0);
            return Some(hook.webhook.url().as_str());
        }
        hook.again = now + WAIT.saturating_mul(1 << hook.failures.min(20)).min(WAIT_MAX);
        hook.failures += 1;
        None
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::time::Duration;

    use tlog::key::Signer;
    use tlog::policy::Policy;

    use super::*;
    use crate::heard::Trust;
    use crate::watch::{Input, Limits, Watch};

    /// How many print now, and how many did at most.
    #[derive(Default)]
    struct Crowd(AtomicUsize, AtomicUsize);

    impl Print for Crowd {
        fn print(&self, _: &str) -> io::Result<()> {
            self.1.fetch_max(self.0.fetch_add(1, SeqCst) + 1, SeqCst);
            std::thread::sleep(Duration::from_millis(30));
            self.0.fetch_sub(1, SeqCst);
            Ok(())
        }
    }

    #[tokio::test]
    async fn one_at_a_time_prints() {
        let log = Signer::from_seed("log.test".parse().unwrap(), &[1; 32]);
        let trust = Trust::new(log.name().clone(), Policy::log_only(log.verifier_key().clone()).unwrap());
        let mut watch = Watch::new(trust, Limits::default(), None).unwrap();
        watch.step(1, Input::Started { now_and_then: false });
        let (crowd, turn) = (Arc::new(Crowd::default()), Arc::new(Semaphore::new(1)));
        let mut printing = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let mut telling = Telling::new(crowd.clone(), turn.clone(), &[]);
            printing.spawn(telling.print(watch.memory()).unwrap());
        }
        assert!(printing.join_all().await.iter().all(|mail| matches!(mail, Some(Mail::Printed(Ok(1))))));
        assert_eq!(crowd.1.load(SeqCst), 1);
    }
}
