//! What readers and the follower share: the segments that count, and the tail.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use parking_lot::RwLock;
use store::{Key, Store, Table};
use tokio::sync::watch;

use crate::LookupError;
use crate::head::{Head, SegmentId, Shape};
use crate::limits::BLOCK;
use crate::tail::Tail;
use crate::times::{Span, Times};

/// Rows that are read at once.
const SCAN_ROWS: usize = 256;

/// The segments that count, and when the records of each stretch were received.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    /// In the order of the log.
    pub(crate) segments: Vec<SegmentId>,
    /// One for each stretch.
    pub(crate) spans: Vec<Span>,
}

/// What may be seen of the lookups at one moment.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) layout: Arc<Layout>,
    pub(crate) tail: Tail,
}

/// Shared by the follower, the only one that writes, and everybody who reads.
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) shape: Shape,
    /// Held for moments only, by either side.
    pub(crate) state: RwLock<State>,
    pub(crate) size: watch::Sender<u64>,
    pub(crate) published: AtomicU64,
    pub(crate) folded: AtomicU64,
}

impl Shared {
    /// What the head says is there.
    pub(crate) fn open(store: Arc<dyn Store>, head: &Head) -> Result<Self, LookupError> {
        let layout = Layout::new(head, spans(&*store, head)?);
        let state = State { layout: Arc::new(layout), tail: Tail::new(head.size) };
        Ok(Self {
            store,
            shape: head.shape,
            state: RwLock::new(state),
            size: watch::Sender::new(head.size),
            published: AtomicU64::new(head.size),
            folded: AtomicU64::new(0),
        })
    }

    /// Tells everybody how far the lookups speak.
    pub(crate) fn tell_size(&self) {
        let end = self.state.read().tail.end();
        self.size.send_if_modified(|size| std::mem::replace(size, end) != end);
    }

    /// Records of the newest checkpoint that the lookups do not speak of yet.
    pub(crate) fn behind(&self) -> u64 {
        self.published.load(SeqCst).saturating_sub(*self.size.borrow())
    }

    /// The times of a full stretch.
    pub(crate) fn times(&self, stretch: u64) -> Result<Times, LookupError> {
        let row = self.store.get(&Key::Received { stretch })?;
        decode(row.as_deref(), &self.shape)
    }
}

impl Layout {
    pub(crate) fn new(head: &Head, spans: Vec<Span>) -> Self {
        let mut segments: Vec<_> = head.segments.iter().copied().collect();
        segments.sort_unstable_by_key(|id| id.base(&head.shape));
        Self { segments, spans }
    }
}

fn decode(row: Option<&[u8]>, shape: &Shape) -> Result<Times, LookupError> {
    row.and_then(|row| Times::decode(row, (shape.stretch / BLOCK) as usize))
        .ok_or(LookupError::Damaged("the times of a stretch are missing or damaged"))
}

/// The spans of all stretches that the head counts.
fn spans(store: &dyn Store, head: &Head) -> Result<Vec<Span>, LookupError> {
    let stretches = head.size / head.shape.stretch;
    let mut spans = vec![];
    while (spans.len() as u64) < stretches {
        let stretch = spans.len() as u64;
        let row = store.get(&Key::Received { stretch })?;
        spans.push(decode(row.as_deref(), &head.shape)?.all());
        let rows = store.scan(Table::Received, Some(&Key::Received { stretch }), SCAN_ROWS)?;
        for (key, row) in rows.into_iter().take((stretches - stretch - 1) as usize) {
            if key != (Key::Received { stretch: spans.len() as u64 }) {
                break;
            }
            spans.push(decode(Some(&row), &head.shape)?.all());
        }
    }
    Ok(spans)
}
