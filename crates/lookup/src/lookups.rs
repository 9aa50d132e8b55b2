//! The lookups as they are read: by many at a time, while one follows the log.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use record::Logged;
use record::findings::{Finding, Fold, Parameters, Verdict};
use store::{Batch, Key as Row, Store};
use tlog::range::CompactRange;
use tokio::sync::watch;

use crate::{
    filter::Filter,
    index::{self, LookupError, STRETCH, Tail, Which},
    keys::{self, Key},
    state::State,
};

/// Entries whose times are told together.
pub(crate) const BLOCK: u64 = 256;

/// The lookups of a log. Cheap to clone.
#[derive(Clone)]
pub struct Lookups(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) store: Arc<dyn Store>,
    /// Entries of a stretch.
    pub(crate) width: u64,
    pub(crate) inner: RwLock<Inner>,
    /// What has to be remembered of all entries that were folded.
    pub(crate) fold: Mutex<Fold>,
    /// Entries that were proven against a checkpoint, and are answered for.
    pub(crate) size: watch::Sender<u64>,
}

/// What changes while the log is followed.
pub(crate) struct Inner {
    pub(crate) state: State,
    pub(crate) entries: Tail,
    pub(crate) findings: Tail,
    /// One for each stretch in the store: of what stands in entries, and of what was found there.
    pub(crate) filters: [Vec<Filter>; 2],
    pub(crate) range: CompactRange,
    /// What was found, by the entry that shows it.
    pub(crate) found: BTreeMap<u64, Vec<Finding>>,
    /// Earliest and latest reception, for each [`BLOCK`] of entries.
    pub(crate) times: Vec<(i64, i64)>,
}

impl Lookups {
    /// Opens the lookups of this log in a store, or begins them there. May block.
    ///
    /// # Errors
    /// The store cannot be read; [`LookupError::Others`] for those of another log or version.
    pub fn open(store: Arc<dyn Store>, origin: &str) -> Result<Self, LookupError> {
        Self::open_with(store, origin, STRETCH)
    }

    /// The same with stretches of another width: a multiple of 256.
    #[doc(hidden)]
    pub fn open_with(store: Arc<dyn Store>, origin: &str, width: u64) -> Result<Self, LookupError> {
        let state = match store.head()? {
            Some(head) => State::read(&head, origin, width)?,
            None => State::new(origin, width),
        };
        let range = state.range()?;
        let mut times = vec![];
        for stretch in 0..state.entries {
            let row = store.get(&Row::Times { stretch })?;
            times.extend(read_times(&row.ok_or(LookupError::damaged("times are missing"))?, width)?);
        }
        let size = watch::Sender::new(state.proven * width);
        let inner = Inner {
            entries: Tail::after(state.entries, width),
            // Findings are made anew from the first entry; those that are kept are not written again.
            findings: Tail::after(0, width),
            filters: [
                index::filters(&*store, Which::Entries, state.entries)?,
                index::filters(&*store, Which::Findings, state.findings)?,
            ],
            state,
            range,
            found: BTreeMap::new(),
            times,
        };
        Ok(Self(Arc::new(Shared {
            store,
            width,
            inner: RwLock::new(inner),
            fold: Mutex::new(Fold::new(Parameters::default())),
            size,
        })))
    }

    /// Entries of the log that these lookups answer for: all before this one, proven against a signed checkpoint.
    pub fn size(&self) -> u64 {
        *self.0.size.borrow()
    }

    /// Entries whose findings are known; fewer than [`size`](Self::size) only after a start, until the fold is there again.
    pub fn findings_size(&self) -> u64 {
        let inner = self.0.inner.read();
        inner.findings.size().max(inner.state.findings * self.0.width).min(self.size())
    }

    /// What was found in these entries, in their order; of those that were folded by now.
    pub fn findings_of(&self, entries: impl IntoIterator<Item = u64>) -> Vec<Finding> {
        let inner = self.0.inner.read();
        entries.into_iter().filter_map(|index| inner.found.get(&index)).flatten().cloned().collect()
    }

    /// How complete a session is, by all entries that were folded by now; `None` for one that none of them names.
    pub fn verdict(&self, session: &str) -> Option<Verdict> {
        self.0.fold.lock().verdict(session)
    }

    /// Entries that decide about calls of a session, ascending, by all entries that were folded by now; also those that came
    /// under another session.
    pub fn decisions(&self, session: &str) -> Vec<u64> {
        self.0.fold.lock().decisions(session)
    }

    /// Waits until the lookups answer for so many entries; `false` if they do not in time.
    pub async fn wait_for(&self, size: u64, patience: Duration) -> bool {
        let mut watching = self.0.size.subscribe();
        let reached = watching.wait_for(|now| *now >= size);
        matches!(tokio::time::timeout(patience, reached).await, Ok(Ok(_)))
    }
}

impl Inner {
    /// Entries that were read, proven or not yet.
    pub(crate) fn read(&self) -> u64 {
        self.range.size()
    }

    /// Takes note of what was found in the next entry to be folded.
    pub(crate) fn note_found(&mut self, index: u64, found: Vec<Finding>) {
        let keys = found.iter().map(|finding| keys::of_finding(finding.rule));
        self.findings.push(keys.map(|(kind, value)| Key::new(kind, &value)).collect::<Vec<_>>());
        if !found.is_empty() {
            self.found.insert(index, found);
        }
    }

    /// Takes note of when an entry was received; `None` where it does not say.
    pub(crate) fn note_time(&mut self, index: u64, received: Option<i64>) {
        if index.is_multiple_of(BLOCK) {
            self.times.push((i64::MAX, i64::MIN));
        }
        if let (Some(received), Some((earliest, latest))) = (received, self.times.last_mut()) {
            (*earliest, *latest) = ((*earliest).min(received), (*latest).max(received));
        }
    }
}

impl Shared {
    /// What the next entry shows; one that is no record shows nothing.
    pub(crate) fn fold(&self, logged: Option<&Logged<'_>>) -> Vec<Finding> {
        logged.map(|logged| self.fold.lock().take(&logged.seen())).unwrap_or_default()
    }

    /// Writes rows, and moves the head. Readers go on meanwhile; there is one follower.
    fn commit(&self, puts: Vec<(Row, Bytes)>, next: &State) -> Result<(), LookupError> {
        let before = self.store.head()?;
        Ok(self.store.commit(before.as_ref(), Batch::puts(puts), next.to_bytes())?)
    }

    /// Writes the tail of what stands in entries, if it is full.
    pub(crate) fn close_entries(&self) -> Result<(), LookupError> {
        let (rows, filter, next, stretch) = {
            let inner = self.inner.read();
            if !inner.entries.is_full() {
                return Ok(());
            }
            let stretch = inner.entries.stretch;
            let (mut rows, filter) = inner.entries.rows(Which::Entries);
            let from = (stretch * self.width / BLOCK) as usize;
            rows.push((Row::Times { stretch }, print_times(&inner.times[from..])));
            (rows, filter, inner.state.with_entries(&inner.range), stretch)
        };
        self.commit(rows, &next)?;
        let mut inner = self.inner.write();
        inner.state = next;
        inner.filters[Which::Entries as usize].push(filter);
        inner.entries = Tail::after(stretch + 1, self.width);
        Ok(())
    }

    /// Writes the tail of what was found, if it is full and not there already.
    pub(crate) fn close_findings(&self) -> Result<(), LookupError> {
        let (rows, next, stretch) = {
            let inner = self.inner.read();
            if !inner.findings.is_full() {
                return Ok(());
            }
            let stretch = inner.findings.stretch;
            let new = stretch >= inner.state.findings;
            let rows = new.then(|| inner.findings.rows(Which::Findings));
            (rows, if new { inner.state.with_findings() } else { inner.state.clone() }, stretch)
        };
        let mut filter = None;
        if let Some((rows, new)) = rows {
            self.commit(rows, &next)?;
            filter = Some(new);
        }
        let mut inner = self.inner.write();
        inner.state = next;
        inner.filters[Which::Findings as usize].extend(filter);
        inner.findings = Tail::after(stretch + 1, self.width);
        Ok(())
    }

    /// Answers for all that was read: it led to a signed checkpoint.
    pub(crate) fn proven(&self, size: u64) -> Result<(), LookupError> {
        let next = {
            let state = &self.inner.read().state;
            (state.proven < state.entries).then(|| state.proven())
        };
        if let Some(next) = next {
            self.commit(vec![], &next)?;
            self.inner.write().state = next;
        }
        self.size.send_replace(size);
        Ok(())
    }
}

fn print_times(times: &[(i64, i64)]) -> Bytes {
    times.iter().flat_map(|(from, to)| [from.to_be_bytes(), to.to_be_bytes()].concat()).collect()
}

fn read_times(row: &[u8], width: u64) -> Result<Vec<(i64, i64)>, LookupError> {
    let (pairs, rest) = row.as_chunks::<16>();
    if !rest.is_empty() || pairs.len() as u64 != width / BLOCK {
        return Err(LookupError::damaged("times of another number of entries"));
    }
    let number = |bytes: &[u8]| i64::from_be_bytes(*bytes.first_chunk().unwrap_or(&[0; 8]));
    Ok(pairs.iter().map(|pair| (number(&pair[..8]), number(&pair[8..]))).collect())
}
