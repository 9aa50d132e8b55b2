//! Content beside the log: whether each is there as a whole, and is what its digest says where the keys are at hand.

use bytes::Bytes;
use store::{Key, Store, StoreError, Table};

use super::{Faults, each, name};
use crate::beside::{self, Digest, Erasure, Hold, Info};

/// Opens a content from its sealed pieces, and compares it with its digest; answers what is wrong with it.
pub type Open<'a> = &'a dyn Fn(Digest, &Info, Vec<Bytes>) -> Result<(), String>;

/// Looks at everything beside the log. Answers the contents that are there.
pub fn check(store: &dyn Store, open: Option<Open<'_>>, faults: &mut Faults) -> Result<u64, StoreError> {
    let mut contents = vec![];
    each(store, Table::Payload, |key, value| {
        let info = value
            .map_err(ToString::to_string)
            .and_then(|row| beside::info_of(key, row).map_err(|error| error.to_string()));
        match (*key, info) {
            (Key::Payload { digest }, Ok(info)) => contents.push((Digest(digest), info)),
            (_, Err(error)) => faults.add(name(key), None, error),
            _ => {}
        }
    })?;
    for (digest, info) in &contents {
        one(store, *digest, info, open, faults)?;
    }
    pieces(store, faults)?;
    rows(store, faults)?;
    Ok(contents.len() as u64)
}

fn one(
    store: &dyn Store,
    digest: Digest,
    info: &Info,
    open: Option<Open<'_>>,
    faults: &mut Faults,
) -> Result<(), StoreError> {
    let place = name(&Key::Payload { digest: digest.0 });
    if store.get(&Key::Erasure { digest: digest.0 })?.is_some() {
        faults.add(&place, None, "it was erased, and is still there");
    }
    for subject in info.subjects() {
        if store.get(&Key::Subject { subject: subject.0, digest: digest.0 })?.is_none() {
            faults.add(&place, None, "no row says whom it concerns, so no hold would find it");
        }
    }
    let mut sealed = vec![];
    for number in 0..info.pieces {
        match store.get(&Key::Piece { digest: digest.0, number }) {
            Ok(Some(piece)) => sealed.push(piece),
            Ok(None) => {
                faults.add(&place, None, format!("piece {number} of {} is missing", info.pieces));
                return Ok(());
            }
            // Named by the walk over all pieces.
            Err(StoreError::Damaged { .. }) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    if let Some(Err(what)) = open.map(|open| open(digest, info, sealed)) {
        faults.add(&place, None, what);
    }
    Ok(())
}

/// Pieces that no content has.
fn pieces(store: &dyn Store, faults: &mut Faults) -> Result<(), StoreError> {
    let (mut strays, mut failed) = (vec![], None);
    let mut last: Option<([u8; 32], u32)> = None;
    each(store, Table::Piece, |key, value| {
        if let Err(what) = value {
            faults.add(name(key), None, what);
        }
        let Key::Piece { digest, number } = *key else { return };
        if last.is_none_or(|(known, _)| known != digest) {
            match store.get(&Key::Payload { digest }) {
                // A row that is damaged is named already, and says nothing of its pieces.
                Ok(row) => {
                    let pieces = |row: Bytes| Info::from_bytes(&row).map_or(u32::MAX, |info| info.pieces);
                    last = Some((digest, row.map_or(0, pieces)));
                }
                Err(StoreError::Damaged { .. }) => last = Some((digest, u32::MAX)),
                Err(error) => failed = Some(error),
            }
        }
        if last.is_some_and(|(_, pieces)| number >= pieces) {
            strays.push(*key);
        }
    })?;
    strays.iter().for_each(|key| faults.add(name(key), None, "no content has this piece"));
    failed.map_or(Ok(()), Err)
}

/// Rows that have to be readable.
fn rows(store: &dyn Store, faults: &mut Faults) -> Result<(), StoreError> {
    let mut named = |key: &Key, what: Result<(), String>| {
        if let Err(what) = what {
            faults.add(name(key), None, what);
        }
    };
    each(store, Table::Hold, |key, value| {
        named(key, readable(value, |row| Hold::from_row(key, row).map(drop)));
    })?;
    each(store, Table::Erasure, |key, value| {
        named(key, readable(value, |row| Erasure::from_bytes(row).map(drop)));
    })?;
    each(store, Table::Destroyed, |key, value| {
        let owner = |row: &Bytes| if row.len() == 32 { Ok(()) } else { Err("it names no owner") };
        named(key, readable(value, owner));
    })
}

fn readable<E: ToString>(
    value: Result<&Bytes, &str>,
    read: impl FnOnce(&Bytes) -> Result<(), E>,
) -> Result<(), String> {
    value.map_err(ToString::to_string).and_then(|row| read(row).map_err(|error| error.to_string()))
}
