//! What a list says, compared with the entries of the log as they go by.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use record::{Opened, RecordId};
use tlog::Hash;

use super::acks::{Ack, AckList};
use super::payload::{Payload, RecordMaker};
use super::verify::{BROKEN_MAX, Checked};
use crate::audit::Visit;

/// Compares the log with the list as its entries go by.
pub(super) struct Watch {
    acks: Vec<Ack>,
    records: Option<RecordMaker>,
    kept: AtomicU64,
    broken: Mutex<(u64, Vec<String>)>,
    /// Records of this run at indexes of which the list says nothing: their answers were lost.
    strays: Mutex<Vec<(u128, u64)>>,
}

impl Watch {
    pub(super) fn new(list: AckList) -> Self {
        let records = match &list.payload {
            Payload::Raw { .. } => None,
            Payload::Records { run, time } => Some(RecordMaker::new(*run, time)),
        };
        Self {
            acks: list.acks,
            records,
            kept: AtomicU64::new(0),
            broken: Mutex::default(),
            strays: Mutex::default(),
        }
    }

    /// The list, by index.
    pub(super) fn acks(&self) -> &[Ack] {
        &self.acks
    }

    /// Promises about indexes that the log does not have.
    pub(super) fn beyond(&self, size: u64) -> &[Ack] {
        &self.acks[self.acks.partition_point(|ack| ack.index < size)..]
    }

    /// Whether an entry is what was sent. A raw entry's hash was made when it was sent; a record's was stated by the log,
    /// so the record itself is made again.
    fn is_as_sent(&self, ack: &Ack, entry: &[u8], leaf: Hash) -> Result<(), String> {
        if ack.leaf != leaf {
            return Err(format!(
                "entry {}: acknowledged with the hash {}, in the log is {leaf}",
                ack.index, ack.leaf
            ));
        }
        let Some(records) = &self.records else { return Ok(()) };
        let mut sent = Vec::new();
        records.record(RecordId::from_bytes(ack.id.to_be_bytes()), &mut sent);
        match record::open(entry) {
            Ok(opened) if opened.record() == sent => Ok(()),
            Ok(_) => Err(format!("entry {}: in the log is another record than was sent", ack.index)),
            Err(refusal) => Err(format!("entry {}: in the log is no record: {refusal}", ack.index)),
        }
    }

    /// An entry that the list does not name. Of another run, or raw: it is nobody's promise.
    fn note_stray(&self, index: u64, entry: &[u8]) {
        let Some(records) = &self.records else { return };
        let of_this_run = |opened: &Opened<'_>| opened.producer() == records.producer();
        if let Some(opened) = record::open(entry).ok().filter(of_this_run) {
            let id = u128::from_be_bytes(opened.id().to_bytes());
            self.strays.lock().unwrap_or_else(PoisonError::into_inner).push((id, index));
        }
    }

    /// Puts down what was seen.
    pub(super) fn report(&self, checked: &mut Checked) {
        checked.kept = self.kept.load(Ordering::Relaxed);
        let (total, words) = std::mem::take(&mut *self.broken.lock().unwrap_or_else(PoisonError::into_inner));
        checked.broken_total += total - words.len() as u64;
        words.into_iter().for_each(|words| checked.add(words));
        self.repeated().into_iter().for_each(|words| checked.add(words));
    }

    /// Records that stand in the log more than once. A record that was sent again, because its first answer was lost,
    /// has one index all the same.
    fn repeated(&self) -> Vec<String> {
        if self.records.is_none() {
            return vec![];
        }
        let strays = self.strays.lock().unwrap_or_else(PoisonError::into_inner);
        let acknowledged = self.acks.iter().map(|ack| (ack.id, ack.index));
        let mut places: Vec<(u128, u64)> = acknowledged.chain(strays.iter().copied()).collect();
        places.sort_unstable();
        places.dedup();
        let mut twice: BTreeMap<u128, Vec<u64>> = BTreeMap::new();
        for pair in places.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
            twice.entry(pair[0].0).or_insert_with(|| vec![pair[0].1]).push(pair[1].1);
        }
        let words = |(id, indexes): (u128, Vec<u64>)| {
            let id = RecordId::from_bytes(id.to_be_bytes());
            format!("record {id} is in the log more than once, at {indexes:?}")
        };
        twice.into_iter().map(words).collect()
    }
}

impl Visit for Watch {
    fn entry(&self, index: u64, entry: &[u8], leaf: Hash) {
        let from = self.acks.partition_point(|ack| ack.index < index);
        // Two lines for one index are two promises, of which different entries can keep only one.
        let mut named = self.acks[from..].iter().take_while(|ack| ack.index == index).peekable();
        if named.peek().is_none() {
            self.note_stray(index, entry);
        }
        for ack in named {
            match self.is_as_sent(ack, entry, leaf) {
                Ok(()) => {
                    self.kept.fetch_add(1, Ordering::Relaxed);
                }
                Err(words) => {
                    let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
                    broken.0 += 1;
                    if broken.1.len() < BROKEN_MAX {
                        broken.1.push(words);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
