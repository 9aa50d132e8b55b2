//! Tidying up behind the follower: merges, and pages that count no longer.

use store::{Batch, Key, Table};

use super::{Entries, Follower};
use crate::FollowError;
use crate::head::Head;
use crate::limits::{DELETE_ROWS, MERGE_PAGES};
use crate::merge::Merge;
use crate::segment::pages_of;

impl<E: Entries> Follower<E> {
    /// Does a little of what there is to do; whether there is more.
    pub(super) fn tidy(&mut self) -> Result<bool, FollowError> {
        if self.merge.is_none() {
            let next = self.head.to_merge();
            self.merge = next.map(|(id, parts)| Merge::new(id, parts, &self.head.shape));
        }
        if let Some(merge) = self.merge.take() {
            self.go_on_merging(merge)?;
            return Ok(true);
        }
        self.old.retain(|layout| layout.strong_count() > 0);
        if self.head.dropping.is_empty() {
            return Ok(false);
        }
        // Whoever reads by an old layout may still need these pages.
        if self.old.is_empty() {
            self.drop_some()?;
        }
        Ok(true)
    }

    /// A merge that fails begins again.
    fn go_on_merging(&mut self, mut merge: Merge) -> Result<(), FollowError> {
        let puts = merge.advance(&*self.shared.store, MERGE_PAGES)?;
        let batch = Batch { puts, deletes: vec![] };
        let mut head = self.head.clone();
        if !merge.is_done() {
            self.commit(batch, head)?;
            self.merge = Some(merge);
            return Ok(());
        }
        head.segments.insert(merge.id);
        for part in &merge.parts {
            head.segments.remove(part);
            head.dropping.insert(*part);
        }
        self.commit(batch, head)?;
        let spans = self.shared.state.read().layout.spans.clone();
        self.show(spans, None);
        Ok(())
    }

    fn drop_some(&mut self) -> Result<(), FollowError> {
        let Some(id) = self.head.dropping.first().copied() else { return Ok(()) };
        let deletes = pages_of(&*self.shared.store, id, DELETE_ROWS)?;
        let mut head = self.head.clone();
        if deletes.is_empty() {
            head.dropping.remove(&id);
        }
        self.commit(Batch { puts: vec![], deletes }, head)
    }

    /// Deletes everything, and says so in the head until it is done.
    pub(super) fn clear(&mut self) -> Result<(), FollowError> {
        for table in [Table::Lookup, Table::Received] {
            loop {
                let rows = self.shared.store.scan(table, None, DELETE_ROWS)?;
                if rows.is_empty() {
                    break;
                }
                let deletes: Vec<Key> = rows.into_iter().map(|(key, _)| key).collect();
                self.commit(Batch { puts: vec![], deletes }, self.head.clone())?;
            }
        }
        self.commit(Batch::default(), Head::new(self.head.shape))
    }
}
