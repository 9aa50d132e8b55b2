//! What happened is judged, kept, and only then told.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use tokio::sync::oneshot;

use super::Log;
use crate::event::Millis;
use crate::run::judging::{Judge, Judged};
use crate::run::{Mail, MonitorError, jobs};
use crate::watch::{Effect, Input, Taken};

/// How long to wait before entries are judged again from the first one.
const JUDGE_AGAIN: Millis = 300_000;

/// Whoever handed in a head, and what he is to be answered when that is kept.
type Reply = (oneshot::Sender<Taken>, Taken);

impl Log {
    /// Takes what happened. Nobody is told before it is on the disk.
    pub(super) async fn follow(&mut self, mails: Vec<Mail>) -> Result<(), MonitorError> {
        let now = self.now();
        let (mut effects, mut replies) = (vec![], vec![]);
        for mail in mails {
            self.take(now, mail, &mut effects, &mut replies)?;
        }
        if self.records.are_there() {
            self.watch.note_records();
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

    fn take(
        &mut self,
        now: Millis,
        mail: Mail,
        effects: &mut Vec<Effect>,
        replies: &mut Vec<Reply>,
    ) -> Result<(), MonitorError> {
        match mail {
            Mail::Input(input) => {
                if matches!(input, Input::Proved { .. } | Input::Read { .. }) {
                    self.busy -= 1;
                }
                effects.extend(self.watch.step(now, input));
            }
            Mail::Looked { input, followed } => {
                (self.looking, self.looked) = (false, true);
                followed.map_or(Ok(()), |followed| self.believe(*followed))?;
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
                let input = self.judged(now, judged);
                effects.extend(self.watch.step(now, input));
            }
            Mail::Printed(through) => {
                self.telling.printed();
                self.watch.printed(through.map_err(MonitorError::Print)?);
                self.forget(now);
            }
            Mail::Hook { at, taken } => {
                if let (Some(url), Some(number)) = (self.telling.sent(now, at, taken.is_some()), taken) {
                    self.watch.taken(url, number);
                }
                self.forget(now);
            }
        }
        Ok(())
    }

    /// Forgets the events that everybody was told.
    fn forget(&mut self, now: Millis) {
        self.watch.forget(now, self.telling.webhooks());
    }

    /// The log's key has changed, as the log announced it.
    fn believe(&mut self, followed: jobs::Followed) -> Result<(), MonitorError> {
        if let Some(history) = &followed.history {
            self.keep.save_keys(history)?;
        }
        self.known = followed.history;
        self.handle.shared.write().trust = Arc::new(followed.trust.clone());
        self.watch.believe(followed.trust);
        self.exchange.read_again();
        Ok(())
    }

    fn judged(&mut self, now: Millis, judged: Judged) -> Input {
        self.judging = false;
        if judged.judge.is_none() {
            self.judge_again = now + self.options.limits.again.min(JUDGE_AGAIN);
        }
        let again = || Box::new(Judge::new(self.watch.memory().judged()));
        self.judge = Some(judged.judge.unwrap_or_else(again));
        Input::Found { findings: judged.found, through: judged.through }
    }

    /// Proofs first, then the memory that names them.
    pub(super) async fn save(&mut self, effects: &[Effect]) -> Result<(), MonitorError> {
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
        }
        self.handle.shared.write().hashed = self.hashed.load(Relaxed);
        Ok(())
    }
}
