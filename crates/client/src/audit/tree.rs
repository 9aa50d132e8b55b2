//! Every entry and every tile of one tree, in parallel and in order.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::channel::mpsc;
use futures::future::{try_join, try_join_all};
use futures::stream::{self, StreamExt as _};
use serde::Serialize;
use tlog::plan::{ConsistencyPlan, RangePlan};
use tlog::tile::{Bundle, Tile, WIDTH, items_at, levels_of};
use tlog::{Hash, Head};

use super::Progress;
use super::finding::{Finding, Findings};
use super::levels::{Due, Item, Levels, Suspect};
use super::span::{self, Checked, Pair};
use crate::follow::{self, Broken, FollowError};
use crate::fs::off_thread;
use crate::source::{self, Source, SourceError};

/// Bundles that one thread checks at a time, from a directory.
const SPAN_LOCAL: u64 = 32;
/// The same over HTTP, where all of them are in memory at once.
const SPAN_OVER_HTTP: u64 = 4;
/// Spans in flight over HTTP, so that the wire is busy while others are hashed.
const SPANS_OVER_HTTP: usize = 8;
/// Disagreements for which every way to settle them is tried against the signed root; each doubles the ways.
const UNSETTLED_MAX: usize = 10;
/// How often the way made so far is saved.
const SAVE_EVERY: Duration = Duration::from_secs(5);

/// Sees every entry of a tree, from several threads, in no order. What it saw is in the log only if the check holds.
pub trait Visit: Send + Sync {
    /// One entry and its hash.
    fn entry(&self, index: u64, entry: &[u8], leaf: Hash);
}

/// What was read and hashed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// Entries.
    pub entries: u64,
    /// Bytes of their bundles.
    pub bytes: u64,
    /// Tiles that were compared.
    pub tiles: u64,
}

impl Counted {
    fn add(&mut self, other: Self) {
        self.entries += other.entries;
        self.bytes += other.bytes;
        self.tiles += other.tiles;
    }
}

/// A place to go on from: everything before it was hashed, or tied to a verified head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resume {
    base: u64,
    size: u64,
    levels: Levels,
}

impl Resume {
    /// The start of the log.
    pub(crate) fn start() -> Self {
        Self { base: 0, size: 0, levels: Levels::default() }
    }

    /// From what was saved; `None` unless the parts fit together.
    pub(super) fn from_parts(base: u64, levels: &[Bytes]) -> Option<Self> {
        let levels = Levels::from_bytes(levels)?;
        let size = levels.size()?;
        (base <= size && base.is_multiple_of(WIDTH)).then_some(Self { base, size, levels })
    }

    /// Partial tiles from level 1 up.
    pub(super) fn parts(&self) -> Option<Vec<Vec<u8>>> {
        self.levels.to_bytes()
    }

    /// Index of the first entry that this audit hashes, or hashed before it was interrupted.
    pub(crate) fn first(&self) -> u64 {
        self.base
    }

    /// Entries that need not be read again.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Whether what was computed so far is the beginning of the tree with this head.
    pub(super) async fn belongs_to(&self, source: &Source, head: Head) -> Result<bool, FollowError> {
        let plan = ConsistencyPlan::new(self.size, head).map_err(Broken::from)?;
        let proof = plan.finish(&follow::tiles(source, plan.tiles()).await?).map_err(Broken::from)?;
        Ok(self.levels.root(None) == Some(proof.old.root))
    }
}

/// The place where a verified head ends, down to the last full bundle; its tiles are read and must lead to its root.
pub(crate) async fn resume_at(source: &Source, head: Head) -> Result<Resume, FollowError> {
    let plan = RangePlan::new(head).map_err(Broken::from)?;
    let data = follow::tiles(source, plan.tiles()).await?;
    plan.finish(&data).map_err(Broken::from)?;
    let level = |level: u8| {
        let tile = Tile::at(level, items_at(level, head.size) / WIDTH, head.size);
        tile.and_then(|tile| data.get(plan.tiles().binary_search(&tile).ok()?).cloned()).unwrap_or_default()
    };
    let levels: Vec<_> = (1..levels_of(head.size)).map(level).collect();
    let size = head.size / WIDTH * WIDTH;
    let resume = Resume::from_parts(size, &levels).filter(|resume| resume.size == size);
    Ok(resume.ok_or(Broken::Tiles(tlog::plan::PlanError::Inconsistent { size: head.size }))?)
}

/// What came of a check.
pub(crate) struct Outcome {
    pub(crate) counted: Counted,
    pub(crate) findings: Findings,
}

impl Outcome {
    /// Whether everything that was checked holds.
    pub(crate) fn holds(&self) -> bool {
        self.findings.is_empty()
    }
}

/// A tree to check against a head that was verified.
#[derive(Clone)]
pub(crate) struct TreeCheck<'a> {
    pub(crate) source: &'a Source,
    pub(crate) head: Head,
    pub(crate) threads: NonZeroUsize,
    pub(crate) visit: Option<Arc<dyn Visit>>,
}

impl TreeCheck<'_> {
    /// Checks everything after `from`. `save` is called now and then with a place to go on from, while nothing is wrong.
    pub(crate) async fn run<E: From<SourceError>>(
        &self,
        from: Resume,
        progress: &dyn Progress,
        save: impl Fn(&Resume) -> Result<(), E>,
    ) -> Result<Outcome, E> {
        let mut join = Join {
            check: self,
            done: from,
            partial: None,
            outcome: Outcome { counted: Counted::default(), findings: Findings::default() },
        };
        let bundles = join.done.size / WIDTH..self.head.size.div_ceil(WIDTH);
        let (step, at_once) = match self.source {
            Source::Local(_) => (SPAN_LOCAL, self.threads.get()),
            Source::Http(_) => (SPAN_OVER_HTTP, SPANS_OVER_HTTP.max(self.threads.get() + 1)),
        };
        let mut spans =
            stream::iter(spans(bundles, step)).map(|span| self.check_span(span)).buffered(at_once);
        let (found, mut to_join) = mpsc::unbounded();
        // Both go on at once: joining reads tiles too, and requests in flight that nobody looks at would hold the
        // places that it waits for.
        let reading = async move {
            while let Some(checked) = spans.next().await {
                // Whoever joins is gone only after a failure, which is told instead.
                let _ = found.unbounded_send(checked);
            }
            Ok::<_, E>(())
        };
        let joining = async {
            let mut saved = Instant::now();
            progress.entries(join.done.size, self.head.size);
            while let Some(checked) = to_join.next().await {
                join.take(checked?).await?;
                progress.entries(
                    if join.partial.is_some() { self.head.size } else { join.done.size },
                    self.head.size,
                );
                if saved.elapsed() >= SAVE_EVERY && join.outcome.findings.is_empty() {
                    save(&join.done)?;
                    saved = Instant::now();
                }
            }
            Ok(())
        };
        try_join(reading, joining).await?;
        Ok(join.finish().await?)
    }

    async fn check_span(&self, span: Range<u64>) -> Result<Checked, SourceError> {
        let size = self.head.size;
        let visit = self.visit.clone();
        let bundles = span.filter_map(move |index| Bundle::at(index, size));
        match self.source {
            Source::Local(local) => {
                let local = local.clone();
                let read = move |bundle: Bundle| {
                    let tile = source::tile_of(&*local, bundle.tile())?;
                    Ok(Pair { bundle: source::bundle_of(&*local, bundle)?, tile })
                };
                off_thread(move || span::check(bundles, read, visit.as_deref())).await
            }
            Source::Http(_) => {
                let bundles: Vec<_> = bundles.collect();
                let pairs = try_join_all(bundles.iter().map(|bundle| self.fetch(*bundle))).await?;
                let mut pairs = pairs.into_iter();
                let read = move |_| Ok(pairs.next().unwrap_or(Pair { bundle: None, tile: None }));
                off_thread(move || span::check(bundles.into_iter(), read, visit.as_deref())).await
            }
        }
    }

    async fn fetch(&self, bundle: Bundle) -> Result<Pair, SourceError> {
        let (bundle, tile) = try_join(self.source.bundle(bundle), self.source.tile(bundle.tile())).await?;
        Ok(Pair { bundle, tile })
    }
}

/// Spans joined in the order of the log.
struct Join<'a> {
    check: &'a TreeCheck<'a>,
    done: Resume,
    /// The tile of level 0 that is not full.
    partial: Option<Item>,
    outcome: Outcome,
}

impl Join<'_> {
    async fn take(&mut self, checked: Checked) -> Result<(), SourceError> {
        self.outcome.counted.add(checked.counted);
        let place: Vec<_> =
            checked.findings.first.into_iter().map(|finding| self.outcome.findings.add(finding)).collect();
        self.outcome.findings.total += checked.findings.total - place.len() as u64;
        for mut item in checked.items {
            if let Some(suspect) = &mut item.suspect {
                suspect.finding = suspect.finding.and_then(|at| place.get(at).copied().flatten());
            }
            if self.done.size + WIDTH > self.check.head.size {
                self.partial = Some(item);
                continue;
            }
            self.done.size += WIDTH;
            self.push(1, item).await?;
        }
        Ok(())
    }

    /// Adds an item, and what it completes above it.
    async fn push(&mut self, mut level: u8, mut item: Item) -> Result<(), SourceError> {
        while let Some(mut due) = self.done.levels.push(level, item, self.check.head.size) {
            item = self.compare(&mut due).await?;
            level += 1;
        }
        Ok(())
    }

    async fn compare(&mut self, due: &mut Due) -> Result<Item, SourceError> {
        let served = self.check.source.tile(due.tile).await?;
        self.outcome.counted.tiles += u64::from(served.is_some());
        Ok(due.compare(served.as_ref(), &mut self.outcome.findings))
    }

    /// The partial tiles, and the root.
    async fn finish(mut self) -> Result<Outcome, SourceError> {
        let kept = |due: &Due| self.check.source.keeps(due.tile);
        for mut due in
            self.done.levels.partial(self.check.head.size).into_iter().filter(kept).collect::<Vec<_>>()
        {
            self.compare(&mut due).await?;
            self.done.levels.settle(due);
        }
        self.check_root();
        Ok(self.outcome)
    }

    /// The signed root is the last parent: it says who was altered in every disagreement that is still open.
    fn check_root(&mut self) {
        let signed = self.check.head;
        let (hash, last) = self.partial.map_or((None, None), |item| (item.hash, item.suspect));
        if self.partial.is_some() && hash.is_none() {
            return; // Neither bundle nor tile could be read, which was reported.
        }
        let open: Vec<Suspect> = self.done.levels.unsettled().into_iter().chain(last).collect();
        let root = |bits: usize| {
            let believed = last.filter(|_| bits >> (open.len() - 1) & 1 == 1).map(|suspect| suspect.served);
            self.done.levels.believe_tiles(bits).root(believed.or(hash))
        };
        let Some(computed) = root(0) else { return };
        let explained = (0..1 << open.len().min(UNSETTLED_MAX)).find(|bits| root(*bits) == Some(signed.root));
        let Some(bits) = explained else {
            self.outcome.findings.add(Finding::root(signed, computed));
            return;
        };
        for (_, suspect) in open.into_iter().enumerate().filter(|(at, _)| bits >> at & 1 == 0) {
            suspect.entries_are_right(&mut self.outcome.findings);
        }
    }
}

fn spans(bundles: Range<u64>, step: u64) -> impl Iterator<Item = Range<u64>> {
    let end = bundles.end;
    bundles.step_by(step as usize).map(move |start| start..end.min(start + step))
}
