//! Jobs beside the task: none of them holds it up.

use std::future::Future;

use super::Log;
use crate::event::Millis;
use crate::heard::Heard;
use crate::run::jobs::{Look, Read, prove};
use crate::run::{Mail, Watched};
use crate::watch::{EVENTS_MAX, Effect};

impl Log {
    pub(super) fn look(&mut self) {
        if self.looking || (self.options.once && self.looked) {
            return;
        }
        self.looking = true;
        let Watched { origin, source, policy, changes } = self.watched.clone();
        let look = Look { origin, source, policy, changes, known: self.known.clone() };
        self.beside(move || look.run());
    }

    pub(super) fn exchange(&mut self) {
        self.exchanges += 1;
        for turn in self.exchange.due(self.watch.trust(), self.watch.memory()) {
            self.beside(move || turn.run());
        }
    }

    pub(super) fn start(&mut self, effect: Effect) {
        let source = self.watched.source.clone();
        match effect {
            Effect::Keep { .. } => return,
            Effect::Prove { smaller, larger } => self.beside(move || prove(source, smaller, larger)),
            Effect::Read { before, to, place } => {
                let (threads, hashed, records) =
                    (self.options.threads, self.hashed.clone(), self.records.clone());
                let read = Read { source, before, to, place, threads, hashed, records };
                let mails = self.handle.mails.clone();
                self.beside(move || read.run(mails));
            }
        }
        self.busy += 1;
    }

    fn beside<F: Future<Output = Mail> + 'static>(&mut self, job: impl FnOnce() -> F + Send + 'static) {
        self.jobs.spawn(self.readers.run(job));
    }

    /// Judges on, where entries were verified since; not while many events wait to be printed.
    pub(super) fn judge(&mut self, now: Millis) {
        let Some(head) = self.watch.memory().verified().map(Heard::head) else { return };
        let crowded = self.watch.memory().unprinted().count() > EVENTS_MAX / 2;
        if !self.has_to_judge() || crowded || self.judge_again > now {
            return;
        }
        let Some(judge) = self.judge.take() else { return };
        self.judging = true;
        let source = self.watched.source.clone();
        self.beside(move || judge.turn(source, head));
    }

    /// Whether nothing is left to be judged, or it cannot be.
    pub(super) fn is_judged(&self, now: Millis) -> bool {
        !self.judging && (!self.has_to_judge() || self.judge_again > now)
    }

    fn has_to_judge(&self) -> bool {
        let memory = self.watch.memory();
        let judge = self.judge.as_ref().filter(|_| memory.has_records());
        memory.verified().is_some_and(|heard| judge.is_some_and(|judge| judge.is_due(heard.head())))
    }

    /// Prints and sends what waits.
    pub(super) fn tell(&mut self, now: Millis) {
        if let Some(print) = self.telling.print(self.watch.memory()) {
            self.jobs.spawn(print);
        }
        for job in self.telling.send(now, self.watch.memory()) {
            self.jobs.spawn(job);
        }
    }
}
