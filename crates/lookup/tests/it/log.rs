//! A log in memory that a follower can read, and that can lie.

use std::{cell::RefCell, convert::Infallible};

use bytes::Bytes;
use lookup::{Entries, Entry, Found, Lookups, Query, QueryError, Take};
use record::{Submission, Vouched, seal};
use serde_json::{Value, json};
use testkit::{Chance, stamp};
use tlog::{Hash, Head, range::CompactRange};

/// Milliseconds between two entries.
pub(crate) const STEP_MS: u64 = 1_000;
pub(crate) const START_MS: u64 = testkit::sample::START_MS;

/// Entries and the tree over them.
#[derive(Default)]
pub(crate) struct TestLog {
    pub(crate) entries: RefCell<Vec<Bytes>>,
    /// A head to be shown instead of the true one.
    pub(crate) shown: RefCell<Option<Head>>,
}

impl TestLog {
    pub(crate) fn push(&self, record: &Value) {
        let n = self.entries.borrow().len() as u64;
        let submission = Submission::parse(record.to_string().as_bytes()).unwrap();
        let received = stamp::rfc3339(START_MS + n * STEP_MS);
        let vouched = Vouched::asserted(&received, "open", [7; 16]);
        let entry = seal(&submission, None, &vouched).unwrap();
        self.entries.borrow_mut().push(entry.into_bytes());
    }

    /// Answers a query, reading one entry after the other.
    pub(crate) fn search(&self, lookups: &Lookups, query: &Query) -> Result<Found, QueryError<Infallible>> {
        lookups.search(query, |indexes, take| self.entries_at(indexes, take))
    }

    #[allow(clippy::unnecessary_wraps, reason = "as a log answers that is read from a disk")]
    pub(crate) fn entries_at(
        &self,
        indexes: &[u64],
        take: &Take<'_>,
    ) -> Result<Vec<Option<Entry>>, Infallible> {
        let entries = self.entries.borrow();
        let entry = |index: &u64| entries.get(*index as usize).and_then(|entry| take(*index, entry));
        Ok(indexes.iter().map(entry).collect())
    }

    pub(crate) fn size(&self) -> u64 {
        self.entries.borrow().len() as u64
    }

    #[allow(clippy::unnecessary_wraps, reason = "as a log answers that is read from a disk")]
    pub(crate) fn entry(&self, index: u64) -> Result<Option<Bytes>, Infallible> {
        Ok(self.entries.borrow().get(index as usize).cloned())
    }

    pub(crate) fn head_at(&self, size: usize) -> Head {
        let mut range = CompactRange::new();
        self.entries.borrow()[..size].iter().for_each(|entry| range.append(Hash::leaf(entry)));
        range.head()
    }
}

impl Entries for TestLog {
    type Error = Infallible;

    fn head(&self) -> Result<Head, Infallible> {
        Ok(self.shown.borrow().unwrap_or_else(|| self.head_at(self.entries.borrow().len())))
    }

    fn entries(&self, from: u64, max: u64, size: u64) -> Result<Vec<Bytes>, Infallible> {
        let until = (from + max).min(size) as usize;
        Ok(self.entries.borrow()[from as usize..until].to_vec())
    }
}

/// A record of some kind, by few people.
pub(crate) fn any_record(n: u64, chance: &mut Chance) -> Value {
    let mut pick = |of: &[&str]| of[chance.below(of.len() as u64) as usize].to_owned();
    let mut bits = [0; 10];
    bits[2..].copy_from_slice(&n.to_be_bytes());
    let kind = pick(&["action.requested", "action.completed", "session.opened", "x-own"]);
    let session = pick(&["s-1", "s-2", "s-3"]);
    let mut record = json!({
        "id": stamp::uuid_v7(START_MS, bits), "type": kind, "time": stamp::rfc3339(START_MS + n),
        "producer": {"id": pick(&["p-1", "p-2"])},
        "principal": {"iss": pick(&["i-1", "i-2"]), "sub": pick(&["alice", "bob", "carol"])},
        "agent": {"sub": pick(&["crm", "planner"])},
        "session": {"id": session},
    });
    if kind.starts_with("action") {
        record["action"] =
            json!({"id": format!("call-{}", n % 7), "tool": pick(&["read", "write", "delete"])});
    }
    if kind == "action.completed" {
        record["outcome"] = json!({"status": pick(&["ok", "error"])});
    }
    record
}
