//! One byte of one entry, altered as somebody would who has the files and not the key.

use std::path::Path;

use bytes::Bytes;
use tlog::bundle;
use tlog::tile::{Bundle, WIDTH};

use crate::cli::Failure;

/// Alters an entry in a copy of a log: the last character of the customer's name becomes another. Says what it did.
pub(super) fn alter(copy: &Path, index: u64) -> Result<String, Failure> {
    let failed =
        |what: &dyn std::fmt::Display| Failure::could_not_tell(format!("{}: {what}", copy.display()));
    let checkpoint = std::fs::read_to_string(copy.join("checkpoint")).map_err(|error| failed(&error))?;
    let size = checkpoint.lines().nth(1).and_then(|line| line.parse().ok()).unwrap_or_default();
    let place = Bundle::at(index / WIDTH, size).ok_or_else(|| failed(&"there is no such entry"))?;
    let path = copy.join(place.to_string());
    let mut bytes = std::fs::read(&path).map_err(|error| failed(&error))?;
    let at = offset(&bytes, (index % WIDTH) as usize).ok_or_else(|| failed(&"there is no such entry"))?;
    let before = bytes[at];
    bytes[at] = if before == b'a' { b'b' } else { b'a' };
    let after = bytes[at];
    std::fs::write(&path, bytes).map_err(|error| failed(&error))?;
    Ok(format!("byte {at} of {place}: '{}' becomes '{}'", char::from(before), char::from(after)))
}

/// Where, in a bundle, the last character of an entry's customer is: `"sub":"…X"` of its principal.
fn offset(bundle: &[u8], at: usize) -> Option<usize> {
    let entries = bundle::decode_all(&Bytes::copy_from_slice(bundle)).ok()?;
    let start = entries.iter().take(at).map(|entry| 2 + entry.len()).sum::<usize>() + 2;
    let entry = entries.get(at)?;
    let find = |from: usize, what: &[u8]| {
        entry[from..].windows(what.len()).position(|part| part == what).map(|found| from + found + what.len())
    };
    let subject = find(find(0, b"\"principal\":{")?, b"\"sub\":\"")?;
    let end = find(subject, b"\"")? - 1;
    Some(start + end - 1)
}
