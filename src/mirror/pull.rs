//! One look at a log: what it shows is verified, judged, fetched, proven, kept, and cosigned when all of it is there.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ::monitor::run::Watched;
use client::Source;
use client::audit::Progress;
use client::copy::{Copy, CopyError, with_all_keys};
use client::follow::{self, FollowError};
use client::keys::{History, KEYS_PATH};
use client::proven::Proven;
use follower::mirror::log::{FinishError, MirroredLog, Shown};
use follower::mirror::service::{Mirror, PendError};
use futures::stream::{self, StreamExt as _};
use tlog::Head;
use tlog::checkpoint::SignedCheckpoint;
use tlog::cosignature::Timestamp;
use tlog::integrate::Entry;
use tlog::key::VerifierKey;
use tlog::note::{Note, SignatureLine};
use tlog::policy::VerifiedCheckpoint;
use tlog::tile::{Bundle, WIDTH};
use tlog::witness::{AddCheckpoint, Reason};

use super::trouble::Trouble;

/// Bundles that are fetched at once.
const AT_ONCE: usize = 16;
/// Bundles that are written together, and bytes of entries: after so many they are durable.
const KEPT_AT_ONCE: usize = 64;
const KEPT_BYTES_AT_ONCE: usize = 16 << 20;

/// A log, where it comes from, and where its copy is.
pub(super) struct Pull {
    pub(super) mirror: Arc<Mirror>,
    pub(super) log: Arc<MirroredLog>,
    pub(super) watched: Watched,
    pub(super) folder: PathBuf,
    pub(super) threads: NonZeroUsize,
    pub(super) seen: Seen,
}

/// The largest size that a log is known to have shown where it is read.
pub(super) struct Seen {
    /// Whether it is pushed as well.
    pushed: bool,
    size: AtomicU64,
}

impl Seen {
    pub(super) fn new(pushed: bool) -> Self {
        Self { pushed, size: AtomicU64::new(0) }
    }

    /// What may be cosigned was read, unless the log is pushed: then it may be ahead of what the log shows to all.
    fn size(&self, held: Head) -> u64 {
        let read = self.size.load(Ordering::Relaxed);
        if self.pushed { read } else { read.max(held.size) }
    }

    fn note(&self, size: u64) {
        self.size.fetch_max(size, Ordering::Relaxed);
    }
}

/// What came of a look, when all is well: the copy is as large as the log showed itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    /// Size of what the log showed.
    pub(super) shown: u64,
    /// Entries that were copied.
    pub(super) copied: u64,
}

impl Pull {
    /// Looks at the log and brings the copy to what it shows. `now` is asked when a checkpoint is complete.
    pub(super) async fn turn(
        &self,
        progress: &dyn Progress,
        now: impl FnOnce() -> Timestamp,
    ) -> Result<Turn, Trouble> {
        let Watched { source, policy, changes, .. } = &self.watched;
        let before = self.held();
        let known = self.known_keys()?;
        let trust = follow::trust(source, policy, known.clone(), *changes).await?;
        let checkpoint = trust.checkpoint()?;
        let shown = checkpoint.signed();
        if *shown.origin() != self.watched.origin {
            let what = format!("it shows a checkpoint of {}", shown.origin());
            return Err(Trouble::broken(what, shown.size()));
        }
        let logs = trust.followed.policy.logs().iter().map(|log| log.key.clone());
        let keys: Vec<_> = logs.filter(|key| key.name() == shown.origin()).collect();
        if shown.size() < self.seen.size(before) {
            return Err(self.went_back(shown, self.seen.size(before), &keys).await);
        }
        self.seen.note(shown.size());
        if self.is_shown(&checkpoint) {
            return Ok(Turn { shown: shown.size(), copied: 0 });
        }
        let history = with_all_keys(source, policy, *changes, trust).await?;
        if !self.pend(&checkpoint, &keys).await.map_err(|trouble| trouble.about(shown.size()))? {
            return Ok(Turn { shown: shown.size(), copied: 0 });
        }
        let copied =
            self.copy(shown.head(), progress).await.map_err(|trouble| trouble.about(shown.size()))?;
        // Before the checkpoint: it may be one that only the new key signed.
        let history = history.history.filter(|history| !history.rotations().is_empty());
        if let Some(history) = history.filter(|history| known.as_ref() != Some(history)) {
            self.log.write_file(KEYS_PATH, &history.to_bytes())?;
        }
        self.finish(shown.size(), now()).await?;
        Ok(Turn { shown: shown.size(), copied })
    }

    /// Whether the copy shows this checkpoint already, with all cosignatures on it.
    fn is_shown(&self, checkpoint: &VerifiedCheckpoint) -> bool {
        let Some(shown) = self.log.shown().filter(|shown| shown.head() == checkpoint.signed().head()) else {
            return false;
        };
        let Ok(note) = Note::parse(shown.note()) else { return false };
        let by_the_log =
            checkpoint.signed().signatures().iter().find(|line| line.claims(checkpoint.log_key()));
        let wanted = by_the_log.cloned().into_iter().chain(self.witnesses(checkpoint));
        wanted.into_iter().all(|line| note.signatures().contains(&line))
    }

    /// The lines of witnesses that were verified; not our own, which we make.
    fn witnesses(&self, checkpoint: &VerifiedCheckpoint) -> Vec<SignatureLine> {
        let by = |line: &&SignatureLine| checkpoint.witnesses().iter().any(|by| line.claims(by.key()));
        let ours = |line: &&SignatureLine| self.mirror.verifier_keys().any(|key| line.claims(key));
        let lines = checkpoint.signed().signatures().iter();
        lines.filter(by).filter(|line| !ours(line)).cloned().collect()
    }

    /// The newest head that may be cosigned.
    fn held(&self) -> Head {
        self.mirror.keeper().get(&self.watched.origin).map_or(Head::EMPTY, |held| held.head())
    }

    /// Has the head judged, and kept as one that may be cosigned. `false` if a later one was pushed, so that there is nothing to be
    /// done for this one.
    async fn pend(&self, checkpoint: &VerifiedCheckpoint, keys: &[VerifierKey]) -> Result<bool, Trouble> {
        let (shown, held) = (checkpoint.signed(), self.held());
        if shown.size() < held.size {
            return self.is_of_this_history(shown, keys).await.map(|()| false);
        }
        let proof = if held.size == 0 || held.size == shown.size() {
            vec![]
        } else {
            follow::consistency(&self.watched.source, held.size, shown.head()).await?.hashes
        };
        let request =
            AddCheckpoint::new(held.size, proof, shown).map_err(|error| Trouble::Ours(error.to_string()))?;
        match self.mirror.pend(&request, keys, self.witnesses(checkpoint)).await {
            Ok(_) => Ok(true),
            Err(PendError::Refused { refusal, .. }) if matches!(refusal.reason(), Reason::Stale { .. }) => {
                Ok(false)
            }
            Err(PendError::Refused { refusal, proven: true }) => {
                let what = format!("it shows another history than before: {refusal}");
                Err(Trouble::Broken { what, proven: true, shown: Some(shown.size()) })
            }
            Err(PendError::Refused { refusal, .. }) => Err(Trouble::broken(refusal, shown.size())),
            Err(error) => Err(Trouble::Ours(error.to_string())),
        }
    }

    /// A smaller head than was seen: an old copy of the log, or one of another history, which the tree held here tells.
    async fn went_back(&self, signed: &SignedCheckpoint, seen: u64, keys: &[VerifierKey]) -> Trouble {
        let what = format!("it went back: it shows {} entries, and has shown {seen}", signed.size());
        let proven = match self.log.shown() {
            Some(shown) => self.accuse(&shown, signed, keys).await,
            None => false,
        };
        Trouble::Broken { what, proven, shown: Some(signed.size()) }
    }

    /// Whether a head that is behind what was pushed may be an earlier one of the same log.
    async fn is_of_this_history(
        &self,
        signed: &SignedCheckpoint,
        keys: &[VerifierKey],
    ) -> Result<(), Trouble> {
        match self.log.shown() {
            Some(shown) if self.accuse(&shown, signed, keys).await => {
                let what = "it shows another history than what was pushed".to_owned();
                Err(Trouble::Broken { what, proven: true, shown: Some(signed.size()) })
            }
            _ => Ok(()),
        }
    }

    /// What the copy knows of the log's keys. A file that cannot be read any more is none: the log's own takes its place.
    fn known_keys(&self) -> Result<Option<History>, Trouble> {
        let Some(bytes) = self.log.read_file(KEYS_PATH)? else { return Ok(None) };
        History::parse(&bytes).map(Some).or_else(|error| {
            tracing::warn!(origin = %self.watched.origin, "the key history in the copy is damaged ({error}), and is read from the log again");
            Ok(None)
        })
    }

    /// Keeps the proof that a head which is not larger than what is shown here belongs to another history, if it does.
    async fn accuse(&self, shown: &Shown, signed: &SignedCheckpoint, keys: &[VerifierKey]) -> bool {
        let here = shown.head();
        if signed.size() == here.size && signed.root() != here.root {
            return self.mirror.accuse(shown, signed, None, keys).await;
        }
        if signed.size() == 0 || signed.size() >= here.size {
            return false;
        }
        let Ok(copy) = Source::directory(&self.folder) else { return false };
        let Ok(grown) = follow::consistency(&copy, signed.size(), here).await else { return false };
        grown.old.root != signed.root() && self.mirror.accuse(shown, signed, Some(grown), keys).await
    }

    /// Fetches what is not held, proves it, and keeps it. How many entries.
    async fn copy(&self, head: Head, progress: &dyn Progress) -> Result<u64, Trouble> {
        let begin = self.log.next()?;
        if begin >= head.size {
            return Ok(0);
        }
        let proven = Proven::new(&self.watched.source, head);
        let bundles =
            (begin / WIDTH..head.size.div_ceil(WIDTH)).filter_map(|index| Bundle::at(index, head.size));
        let mut fetched = stream::iter(bundles.map(|bundle| {
            let proven = &proven;
            async move { proven.bundle(bundle).await.map(|entries| (bundle.first(), entries)) }
        }))
        .buffered(AT_ONCE);
        let mut portion = Portion::default();
        progress.entries(begin, head.size);
        while let Some(bundle) = fetched.next().await {
            let (first, entries) = bundle?;
            portion.add(first, entries);
            if portion.is_full() {
                progress.entries(self.keep(std::mem::take(&mut portion)).await?, head.size);
            }
        }
        progress.entries(self.keep(portion).await?, head.size);
        Ok(head.size - begin)
    }

    async fn keep(&self, portion: Portion) -> Result<u64, Trouble> {
        let log = self.log.clone();
        let kept = tokio::task::spawn_blocking(move || match portion.first {
            Some(first) => log.keep(first, &portion.entries),
            None => log.next(),
        });
        Ok(kept.await.map_err(|error| Trouble::Ours(error.to_string()))??)
    }

    async fn finish(&self, size: u64, now: Timestamp) -> Result<(), Trouble> {
        let (mirror, log) = (self.mirror.clone(), self.log.clone());
        let finished = tokio::task::spawn_blocking(move || mirror.finish(&log, size, now)).await;
        match finished.map_err(|error| Trouble::Ours(error.to_string()))? {
            Ok(_) => Ok(()),
            // Somebody has pushed meanwhile what was copied here.
            Err(FinishError::Behind { .. } | FinishError::NotPending { .. })
                if self.log.shown().is_some_and(|shown| shown.head().size >= size) =>
            {
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Reads every byte of the copy up to a head that was shown, and has what is wrong replaced by the log. How many files were.
    pub(super) async fn check(&self, head: Head, progress: &dyn Progress) -> Result<u64, Trouble> {
        let Watched { source, policy, changes, .. } = &self.watched;
        let copy = Copy {
            source: source.clone(),
            policy: policy.clone(),
            changes: *changes,
            directory: self.folder.clone(),
            threads: self.threads,
        };
        let unread = |error: CopyError| {
            self.log.found_lacking(true);
            Trouble::Ours(format!("the copy cannot be read: {error}"))
        };
        let mut found = copy.read_again(head, progress).await.map_err(unread)?;
        let mut mended = 0;
        while !found.is_empty() {
            self.log.found_lacking(true);
            progress
                .note(&format!("{} resources of the copy were not right; they are copied anew", found.total));
            let done = copy.mend(head, &found).await.map_err(|error| damaged(&error))?;
            mended += done.replaced;
            match done.left {
                Some(FollowError::CouldNotTell(error)) => {
                    return Err(Trouble::Ours(format!(
                        "files of the copy are damaged, and the log cannot be asked for them: {error}"
                    )));
                }
                Some(FollowError::DoesNotHold(broken)) => {
                    let what = format!(
                        "files of the copy are damaged ({}), and the log does not have what it signed: {broken}",
                        found.first.first().map_or_else(String::new, ToString::to_string)
                    );
                    return Err(Trouble::Broken { what, proven: false, shown: None });
                }
                None if done.replaced == 0 => return Err(damaged(&CopyError::DoesNotHold(found))),
                None => found = copy.read_again(head, progress).await.map_err(unread)?,
            }
        }
        self.log.found_lacking(false);
        if mended > 0 || self.log.is_damaged() {
            let log = self.log.clone();
            let opened = tokio::task::spawn_blocking(move || log.reopen()).await;
            opened.map_err(|error| Trouble::Ours(error.to_string()))??;
        }
        Ok(mended)
    }
}

fn damaged(error: &CopyError) -> Trouble {
    Trouble::Ours(format!("files of the copy are damaged: {error}"))
}

/// Entries that are written together.
#[derive(Default)]
struct Portion {
    first: Option<u64>,
    entries: Vec<Entry>,
    bundles: usize,
    bytes: usize,
}

impl Portion {
    fn add(&mut self, first: u64, entries: Vec<Entry>) {
        self.first.get_or_insert(first);
        self.bytes += entries.iter().map(|entry| entry.bytes().len()).sum::<usize>();
        self.bundles += 1;
        self.entries.extend(entries);
    }

    fn is_full(&self) -> bool {
        self.bundles >= KEPT_AT_ONCE || self.bytes >= KEPT_BYTES_AT_ONCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_much_is_held_in_memory_before_it_is_written() {
        let bundle = |bytes: usize| vec![Entry::new(vec![0; bytes].into()).unwrap(); 256];
        for (bytes, bundles) in [(1, KEPT_AT_ONCE), (65_535, 1 + KEPT_BYTES_AT_ONCE / (256 * 65_535))] {
            let mut portion = Portion::default();
            let needed = (1..1_000).find(|number| {
                portion.add(256 * (number - 1), bundle(bytes));
                portion.is_full()
            });
            assert_eq!(needed, Some(bundles as u64), "entries of {bytes} bytes");
            assert_eq!((portion.first, portion.entries.len()), (Some(0), 256 * bundles));
        }
    }
}
