//! Entry bundles: C2SP tlog-tiles, section "Log Entries". Each entry is a 16-bit big-endian length and its bytes.

use bytes::{BufMut, Bytes, BytesMut};

/// Bytes that an entry may have at most; a length field has no room for more.
pub const ENTRY_BYTES_MAX: usize = 65_535;

/// The bytes are not a bundle of that many entries. Whoever wrote the bundle is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// The bytes end inside an entry or before the last one.
    #[error("the bundle ends inside entry {at} of {wanted}")]
    Short {
        /// Position in the bundle of the entry that is not whole.
        at: usize,
        /// Entries wanted.
        wanted: usize,
    },
    /// Bytes are left over after the last entry.
    #[error("the bundle has {bytes} bytes after its last entry")]
    Long {
        /// Bytes left over.
        bytes: usize,
    },
    /// An entry over 65,535 bytes.
    #[error("an entry of {bytes} bytes is over the limit of {ENTRY_BYTES_MAX}")]
    EntryTooLarge {
        /// Bytes of the entry.
        bytes: usize,
    },
}

/// Encodes entries as a bundle.
pub fn encode<'a>(entries: impl IntoIterator<Item = &'a Bytes> + Clone) -> Result<Bytes, BundleError> {
    let bytes = entries.clone().into_iter().map(|entry| 2 + entry.len()).sum();
    let mut bundle = BytesMut::with_capacity(bytes);
    for entry in entries {
        let length =
            u16::try_from(entry.len()).map_err(|_| BundleError::EntryTooLarge { bytes: entry.len() })?;
        bundle.put_u16(length);
        bundle.put_slice(entry);
    }
    Ok(bundle.freeze())
}

/// Takes apart a bundle of exactly `width` entries. The entries share the bundle's memory.
pub fn decode(bundle: &Bytes, width: usize) -> Result<Vec<Bytes>, BundleError> {
    let mut entries = Vec::with_capacity(width);
    let mut at = 0;
    while entries.len() < width {
        let short = BundleError::Short { at: entries.len(), wanted: width };
        let start = at + 2;
        let length =
            bundle.get(at..start).and_then(|two| two.try_into().ok()).map(u16::from_be_bytes).ok_or(short)?;
        at = start + usize::from(length);
        if at > bundle.len() {
            return Err(short);
        }
        entries.push(bundle.slice(start..at));
    }
    match bundle.len() - at {
        0 => Ok(entries),
        bytes => Err(BundleError::Long { bytes }),
    }
}

/// Takes apart a bundle of as many entries as there are.
pub fn decode_all(bundle: &Bytes) -> Result<Vec<Bytes>, BundleError> {
    let mut width = 0;
    let mut at = 0;
    while at < bundle.len() {
        let Some(two) = bundle.get(at..at + 2) else {
            return Err(BundleError::Short { at: width, wanted: width + 1 });
        };
        at += 2 + usize::from(u16::from_be_bytes([two[0], two[1]]));
        width += 1;
    }
    decode(bundle, width)
}

/// The bytes of the first `width` entries of a bundle; `None` if it has fewer.
pub fn prefix(bundle: &Bytes, width: usize) -> Option<Bytes> {
    let mut at = 0;
    for _ in 0..width {
        let two = bundle.get(at..at + 2)?;
        at += 2 + usize::from(u16::from_be_bytes([two[0], two[1]]));
    }
    (at <= bundle.len()).then(|| bundle.slice(..at))
}

/// The entry at this position; `None` if the bundle is shorter. What comes after it is not looked at.
pub fn nth(bundle: &[u8], position: usize) -> Option<&[u8]> {
    let mut rest = bundle;
    for at in 0..=position {
        let (two, after) = rest.split_first_chunk::<2>()?;
        let (entry, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*two)))?;
        if at == position {
            return Some(entry);
        }
        rest = after;
    }
    None
}

/// Where every `step`th entry of a bundle begins, the first left out: what is between two of these positions, or before the
/// first or behind the last, is a bundle by itself. Of bytes that are no bundle, as far as they can be followed.
pub fn cuts(bundle: &[u8], step: usize) -> Vec<usize> {
    let next = |at: &usize| {
        let two = bundle.get(*at..at + 2)?;
        Some(at + 2 + usize::from(u16::from_be_bytes([two[0], two[1]]))).filter(|next| *next < bundle.len())
    };
    std::iter::successors(Some(0), next).step_by(step.max(1)).skip(1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes(parts: &[&[u8]]) -> Bytes {
        Bytes::from(parts.concat())
    }

    #[test]
    fn the_example_of_three_entries() {
        let entries = ["entry 0", "entry 1", "entry 2"].map(Bytes::from);
        let bundle = encode(&entries).unwrap();
        assert_eq!(bundle, bytes(&[b"\0\x07entry 0\0\x07entry 1\0\x07entry 2"]));
        assert_eq!(decode(&bundle, 3).unwrap(), entries);
        assert_eq!(prefix(&bundle, 2).unwrap(), bundle.slice(..18));
        assert_eq!(prefix(&bundle, 4), None);
    }

    #[test]
    fn too_few_too_many_and_cut_off() {
        let one = bytes(&[b"\0\x01a"]);
        assert_eq!(decode(&one, 2), Err(BundleError::Short { at: 1, wanted: 2 }));
        assert_eq!(decode(&one, 0), Err(BundleError::Long { bytes: 3 }));
        assert_eq!(decode(&bytes(&[b"\0\x02a"]), 1), Err(BundleError::Short { at: 0, wanted: 1 }));
        assert_eq!(decode(&bytes(&[b"\0"]), 1), Err(BundleError::Short { at: 0, wanted: 1 }));
        assert_eq!(decode_all(&bytes(&[b"\0\x01a\0"])), Err(BundleError::Short { at: 1, wanted: 2 }));
        let large = Bytes::from(vec![0; ENTRY_BYTES_MAX + 1]);
        assert_eq!(encode([&large]), Err(BundleError::EntryTooLarge { bytes: 65_536 }));
    }

    proptest! {
        #[test]
        fn decode_undoes_encode(entries in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..20)) {
            let entries: Vec<_> = entries.into_iter().map(Bytes::from).collect();
            let bundle = encode(&entries).unwrap();
            prop_assert_eq!(&decode(&bundle, entries.len()).unwrap(), &entries);
            prop_assert_eq!(&decode_all(&bundle).unwrap(), &entries);
            for width in 0..=entries.len() {
                prop_assert_eq!(prefix(&bundle, width).unwrap(), encode(&entries[..width]).unwrap());
            }
            for (position, entry) in entries.iter().enumerate() {
                prop_assert_eq!(nth(&bundle, position), Some(&entry[..]));
                prop_assert_eq!(nth(&bundle[..bundle.len() - 1], entries.len() - 1), None);
            }
            prop_assert_eq!(nth(&bundle, entries.len()), None);
            for step in 1..=entries.len() + 1 {
                let bounds = [&[0], &cuts(&bundle, step)[..], &[bundle.len()]].concat();
                let parts: Vec<_> = bounds.windows(2).map(|at| bundle.slice(at[0]..at[1])).collect();
                let expected: Vec<_> = entries.chunks(step).map(|part| encode(part).unwrap()).collect();
                prop_assert!(parts == expected || entries.is_empty());
            }
        }

        #[test]
        fn encode_undoes_decode(bundle in proptest::collection::vec(prop_oneof![Just(0_u8), 0..4_u8, any::<u8>()], 0..60)) {
            let bundle = Bytes::from(bundle);
            prop_assert!(cuts(&bundle, 1).iter().all(|at| (1..bundle.len()).contains(at)));
            if let Ok(entries) = decode_all(&bundle) {
                prop_assert_eq!(encode(&entries).unwrap(), bundle);
            }
        }
    }
}
