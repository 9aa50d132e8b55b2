//! What an operator's check knows beyond an auditor's: keys that should not be in the store, and the private id table.
//!
//! The table and the entries are compared without holding either in memory: each side is added up, row by row, in an
//! order that does not matter ([`RowSum`]); equal sums mean equal rows. Only where they differ each row is looked up.

pub mod content;

use std::{
    collections::{BTreeSet, HashSet},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use bytes::Bytes;
use parking_lot::Mutex;
use record::RecordKey;
use sha2::{Digest as _, Sha256};
use store::{Key, Store, StoreError, Table};
use tlog::tile::{Bundle, Tile, WIDTH};

use crate::{
    beside::{self, Digest, Tag},
    ids::{self, Row},
    stored::{Stored, full_tiles},
};

/// Rows and keys that are read at a time.
const STEP: usize = 1024;
/// Faults that are named; further ones are counted.
pub const FAULTS_MAX: usize = 100;

/// Something in the store that should not be as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where: a table and a key.
    pub place: String,
    /// The entry that it concerns.
    pub index: Option<u64>,
    /// In which way.
    pub what: String,
}

/// Faults, the first ones in full.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// The first ones.
    pub first: Vec<Fault>,
    /// All of them.
    pub total: u64,
}

impl Faults {
    /// Adds one.
    pub fn add(&mut self, place: impl std::fmt::Display, index: Option<u64>, what: impl Into<String>) {
        self.total += 1;
        if self.first.len() < FAULTS_MAX {
            self.first.push(Fault { place: place.to_string(), index, what: what.into() });
        }
    }
}

/// Adds up rows, whatever their order.
#[derive(Debug, Default)]
pub struct RowSum {
    rows: AtomicU64,
    lanes: [AtomicU64; 4],
    /// Entries whose content the log put beside it: they do not tell what was submitted.
    untold: Mutex<HashSet<u64>>,
    /// Entries that announce, replace or revoke a key.
    announcing: Mutex<BTreeSet<u64>>,
}

impl RowSum {
    /// Adds the row of an entry.
    pub fn add_entry(&self, entry: &record::Opened<'_>, index: u64) {
        if record::announces_key(&entry.record_type()) {
            self.announcing.lock().insert(index);
        }
        self.add(&entry.key(), entry.digest(), index);
    }

    /// Adds the row of the record at this index, with the digest of what was submitted, where the entry tells it.
    pub fn add(&self, key: &RecordKey, digest: Option<[u8; 32]>, index: u64) {
        if digest.is_none() {
            self.untold.lock().insert(index);
        }
        self.add_row(key, &digest.unwrap_or_default(), index);
    }

    fn add_row(&self, key: &RecordKey, digest: &[u8; 32], index: u64) {
        let row = Sha256::new().chain_update(key.to_bytes()).chain_update(digest);
        let hash: [u8; 32] = row.chain_update(index.to_be_bytes()).finalize().into();
        self.rows.fetch_add(1, Relaxed);
        for (lane, part) in self.lanes.iter().zip(hash.as_chunks::<8>().0) {
            lane.fetch_add(u64::from_be_bytes(*part), Relaxed);
        }
    }

    /// Rows added.
    pub fn rows(&self) -> u64 {
        self.rows.load(Relaxed)
    }

    fn value(&self) -> (u64, [u64; 4]) {
        (self.rows(), std::array::from_fn(|lane| self.lanes[lane].load(Relaxed)))
    }
}

impl PartialEq for RowSum {
    fn eq(&self, other: &Self) -> bool {
        self.value() == other.value()
    }
}

/// Looks at every key of the public tables: which are there that a log of this size does not have, and how many are not
/// there that it has. What the values hold is another matter.
pub fn keys(stored: &Stored, faults: &mut Faults) -> Result<(), StoreError> {
    let size = stored.head().size();
    let (mut tiles, mut bundles, mut on_edge) = (0, 0, size / WIDTH * WIDTH);
    each(stored.store(), Table::Tile, |key, _| match *key {
        Key::Tile { level, index } if Tile::at(level, index, size).is_some_and(|tile| tile.is_full()) => {
            tiles += 1;
        }
        _ => faults.add(name(key), None, format!("a log of {size} entries has no such full tile")),
    })?;
    each(stored.store(), Table::Bundle, |key, _| match *key {
        Key::Bundle { index } if Bundle::at(index, size).is_some_and(|bundle| bundle.is_full()) => {
            bundles += 1;
        }
        _ => faults.add(name(key), None, format!("a log of {size} entries has no such full bundle")),
    })?;
    each(stored.store(), Table::Run, |key, value| {
        let entries = value.map_err(ToString::to_string).and_then(|value| {
            tlog::bundle::decode_all(value).map(|e| e.len() as u64).map_err(|error| error.to_string())
        });
        match (*key, entries) {
            (Key::Run { first }, Ok(entries)) if first == on_edge && first + entries <= size => {
                on_edge += entries;
            }
            (_, Ok(_)) => faults.add(name(key), Some(on_edge), "it does not follow the entries before it"),
            (_, Err(error)) => faults.add(name(key), Some(on_edge), error),
        }
    })?;
    if on_edge != size {
        faults.add("run", Some(on_edge), format!("entries {on_edge} to {} are missing", size - 1));
    }
    if (tiles, bundles) != (full_tiles(size), size / WIDTH) {
        let wanted = (full_tiles(size), size / WIDTH);
        let what = format!(
            "{tiles} full tiles and {bundles} full bundles are there, not {} and {}",
            wanted.0, wanted.1
        );
        faults.add("tile and bundle", None, what);
    }
    Ok(())
}

/// Compares the id table with the rows that the entries make, already added up. Answers the rows in the table.
pub fn id_table(stored: &Stored, of_entries: &RowSum, faults: &mut Faults) -> Result<u64, StoreError> {
    let in_table = RowSum::default();
    let untold = of_entries.untold.lock();
    let told = |row: &Row| if untold.contains(&row.index) { [0; 32] } else { row.digest };
    walk(stored.store(), faults, |row| in_table.add_row(&row.key, &told(row), row.index))?;
    if in_table != *of_entries {
        name_wrong_rows(stored, faults)?;
        if in_table.rows() != stored.head().size() {
            let what = format!("it has {} rows for {} records", in_table.rows(), stored.head().size());
            faults.add("id", None, what);
        }
    }
    let announced: BTreeSet<u64> = beside::announced(stored.store())?.into_iter().collect();
    for index in announced.symmetric_difference(&of_entries.announcing.lock()) {
        faults.add("announced", Some(*index), "entry and row do not both speak of a key");
    }
    Ok(in_table.rows())
}

/// Walks all pages; each has to begin where the one before it ends.
fn walk(store: &dyn Store, faults: &mut Faults, mut row: impl FnMut(&Row)) -> Result<(), StoreError> {
    let mut due = Some(RecordKey { id: [0; 16], producer: [0; 16] });
    let mut seen = false;
    each(store, Table::Id, |key, value| {
        seen = true;
        let page = value.map_err(ToString::to_string);
        match page.and_then(|value| ids::read_page(key, value).map_err(|error| error.to_string())) {
            Ok((from, rows, until)) => {
                if due != Some(from) {
                    faults.add(name(key), None, "the page does not begin where the one before it ends");
                }
                rows.iter().for_each(&mut row);
                due = until;
            }
            Err(error) => faults.add(name(key), None, format!("the page is damaged: {error}")),
        }
    })?;
    if seen && due.is_some() {
        faults.add("id", None, "the last page of the table is missing");
    }
    Ok(())
}

/// The slow way, after the fast one found that something differs: each row against its entry.
fn name_wrong_rows(stored: &Stored, faults: &mut Faults) -> Result<(), StoreError> {
    let mut rows = vec![];
    walk(stored.store(), &mut Faults::default(), |row| rows.push(*row))?;
    rows.sort_by_key(|row| row.index);
    let mut due = 0;
    for row in rows {
        let place = format!("id {}", hex(&row.key.id));
        if row.index > due {
            faults.add("id", Some(due), format!("no row speaks of entries {due} to {}", row.index - 1));
        }
        due = due.max(row.index + 1);
        if row.index >= stored.head().size() {
            faults.add(place, Some(row.index), "the row speaks of an entry that is not there");
            continue;
        }
        // Entries that cannot be read, and those that are no records, are found by whoever reads all of them.
        let entry = match stored.entry(row.index) {
            Err(StoreError::Damaged { .. }) | Ok(None) => continue,
            Ok(Some(entry)) => record::open(&entry).map(|entry| (entry.key(), entry.digest())),
            Err(error) => return Err(error),
        };
        // An entry whose content the log put beside it does not tell what was submitted.
        let differs = |(key, digest): (RecordKey, Option<[u8; 32]>)| {
            key != row.key || digest.is_some_and(|digest| digest != row.digest)
        };
        if entry.is_ok_and(differs) {
            faults.add(place, Some(row.index), "the row is of another record than the entry");
        }
    }
    Ok(())
}

/// Every key of a table in order, with its value, or with what is wrong with its value.
fn each(
    store: &dyn Store,
    table: Table,
    mut visit: impl FnMut(&Key, Result<&Bytes, &str>),
) -> Result<(), StoreError> {
    let (mut after, mut step) = (None, STEP);
    loop {
        match store.scan(table, after.as_ref(), step) {
            Ok(some) => {
                some.iter().for_each(|(key, value)| visit(key, Ok(value)));
                match some.last() {
                    Some((last, _)) => after = Some(*last),
                    None => return Ok(()),
                }
            }
            // A value among many is damaged: one by one up to it, past it, and on as before.
            Err(StoreError::Damaged { .. }) if step > 1 => step = 1,
            Err(StoreError::Damaged { key, what })
                if key.table() == table && after.is_none_or(|at| at < key) =>
            {
                visit(&key, Err(&what));
                (after, step) = (Some(key), STEP);
            }
            Err(error) => return Err(error),
        }
    }
}

/// A key for people.
fn name(key: &Key) -> String {
    match key {
        Key::Identity => "identity".to_owned(),
        Key::Tile { level, index } => format!("tile {level}/{index}"),
        Key::Bundle { index } => format!("bundle {index}"),
        Key::Run { first } => format!("run {first}"),
        Key::Id { from } => format!("id page {}", hex(from)),
        Key::Payload { digest } => format!("payload {}", Digest(*digest)),
        Key::Piece { digest, number } => format!("payload {}, piece {number}", Digest(*digest)),
        Key::Hold { id } => format!("hold {}", hex(id)),
        Key::Erasure { digest } => format!("erasure {}", Digest(*digest)),
        Key::Subject { subject, digest } => format!("payload {} of {}", Digest(*digest), Tag(*subject)),
        Key::Destroyed { key } => format!("destroyed key {}", hex(key)),
        Key::Announced { index } => format!("announced {index}"),
        Key::Posting { stretch, .. } => format!("postings of stretch {stretch}"),
        Key::Times { stretch } => format!("times of stretch {stretch}"),
        Key::Witnessed { origin } => format!("witnessed {}", hex(origin)),
        Key::Contradiction { origin, note } => format!("contradiction {} of {}", hex(note), hex(origin)),
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
