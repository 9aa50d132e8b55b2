//! Events, printed and sent: at least once each, in their order, by nobody who could hold up the watch.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use client::webhook::Webhook;

use super::{Mail, line};
use crate::event::{Event, Millis};
use crate::keep::Told;

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

/// Who has been told what.
pub(super) struct Telling {
    pub(super) told: Told,
    print: Arc<dyn Print>,
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
    pub(super) fn new(told: Told, print: Arc<dyn Print>, webhooks: &[Webhook]) -> Self {
        let hook =
            |webhook: &Webhook| Hook { webhook: webhook.clone(), telling: false, failures: 0, again: 0 };
        Self { told, print, printing: false, hooks: webhooks.iter().map(hook).collect() }
    }

    /// Number of the event that all webhooks have taken; all of them, if there is no webhook.
    pub(super) fn taken(&self) -> u64 {
        let taken = |hook: &Hook| self.told.taken.get(hook.webhook.url().as_str()).copied().unwrap_or(0);
        self.hooks.iter().map(taken).min().unwrap_or(u64::MAX)
    }

    /// Whether everything was printed.
    pub(super) fn is_idle(&self) -> bool {
        !self.printing
    }

    /// What is to be printed now, if nothing is being printed.
    pub(super) fn print(&mut self, events: &VecDeque<Event>) -> Option<impl FnOnce() -> Mail + use<>> {
        if self.printing {
            return None;
        }
        let (mut lines, mut last) = (String::new(), None);
        for event in events.iter().filter(|event| event.number > self.told.printed) {
            lines.push_str(&line(event));
            lines.push('\n');
            last = Some(event.number);
        }
        let (last, print) = (last?, self.print.clone());
        self.printing = true;
        Some(move || Mail::Printed(print.print(&lines).map(|()| last)))
    }

    pub(super) fn printed(&mut self, through: u64) {
        self.printing = false;
        self.told.printed = self.told.printed.max(through);
    }

    /// The next event for each webhook that has taken the one before.
    pub(super) fn send(
        &mut self,
        now: Millis,
        events: &VecDeque<Event>,
    ) -> Vec<impl Future<Output = Mail> + Send + use<>> {
        let mut jobs = vec![];
        for (at, hook) in self.hooks.iter_mut().enumerate() {
            let taken = self.told.taken.get(hook.webhook.url().as_str()).copied().unwrap_or(0);
            let mut alerts = events.iter().filter(|event| event.what.is_alert() && event.number > taken);
            let Some(event) = alerts.next().filter(|_| !hook.telling && hook.again <= now) else { continue };
            hook.telling = true;
            let (webhook, event) = (hook.webhook.clone(), event.clone());
            jobs.push(async move {
                let sent = webhook.tell(&event.id, now / 1_000, line(&event).into()).await;
                if let Err(error) = &sent {
                    tracing::warn!(%error, id = event.id, "a webhook has not taken an event; it is sent again");
                }
                Mail::Hook { at, taken: sent.is_ok().then_some(event.number) }
            });
        }
        jobs
    }

    pub(super) fn sent(&mut self, now: Millis, at: usize, taken: Option<u64>) {
        let Some(hook) = self.hooks.get_mut(at) else { return };
        hook.telling = false;
        if let Some(number) = taken {
            (hook.failures, hook.again) = (0, 0);
            self.told.taken.insert(hook.webhook.url().to_string(), number);
        } else {
            hook.again = now + WAIT.saturating_mul(1 << hook.failures.min(20)).min(WAIT_MAX);
            hook.failures += 1;
        }
    }
}
