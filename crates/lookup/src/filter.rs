//! Which keys a stretch may have: what spares a look at every stretch for a key that few have.
//!
//! A Bloom filter of eight bits a key, five of them set by each: a stretch without the key is looked at in vain twice in a
//! hundred times. It is made of the keys alone, so the same stretch always has the same filter; all of them are in memory
//! while lookups are open, about 1.7 bytes for each entry.

use bytes::Bytes;

use crate::keys::Key;

/// Bits for each key.
const BITS_EACH: usize = 8;
/// Bits that a key sets.
const MARKS: u64 = 5;

/// The filter of a stretch. One of no bits has no keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Filter(Bytes);

impl Filter {
    /// Of these keys, in any order.
    pub(crate) fn of(keys: impl ExactSizeIterator<Item = Key>) -> Self {
        let mut bits = vec![0_u8; (keys.len() * BITS_EACH).div_ceil(8)];
        for key in keys {
            for at in marks(key, bits.len()) {
                bits[at / 8] |= 1 << (at % 8);
            }
        }
        Self(bits.into())
    }

    /// As it is kept.
    pub(crate) const fn from_bytes(bytes: Bytes) -> Self {
        Self(bytes)
    }

    pub(crate) fn to_bytes(&self) -> Bytes {
        self.0.clone()
    }

    /// `false`: the stretch does not have the key.
    pub(crate) fn may_have(&self, key: Key) -> bool {
        !self.0.is_empty() && marks(key, self.0.len()).all(|at| self.0[at / 8] & (1 << (at % 8)) != 0)
    }
}

/// The bits of a key among those of so many bytes. A key is uniform already: its halves make all of them.
fn marks(key: Key, bytes: usize) -> impl Iterator<Item = usize> {
    let whole = u64::from_be_bytes(key.0);
    let (first, step) = (whole >> 32, whole & 0xffff_ffff | 1);
    (0..MARKS).map(move |n| ((first + n * step) % (bytes as u64 * 8)) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Kind;

    fn keys(range: std::ops::Range<u32>) -> Vec<Key> {
        range.map(|n| Key::new(Kind::Session, &n.to_string())).collect()
    }

    #[test]
    fn every_key_is_seen_and_few_others_are() {
        let here = keys(0..10_000);
        let filter = Filter::of(here.iter().copied());
        assert!(here.iter().all(|key| filter.may_have(*key)));
        let in_vain = keys(10_000..110_000).iter().filter(|key| filter.may_have(**key)).count();
        assert!(in_vain < 3_000, "{in_vain} of 100,000 would be looked for in vain");
        assert_eq!(filter.to_bytes().len(), 10_000, "a byte for each key");
        assert_eq!(Filter::of(here.iter().rev().copied()), filter, "another order is another filter");
    }

    #[test]
    fn a_stretch_without_keys_has_none() {
        let filter = Filter::of(keys(0..0).into_iter());
        assert!(!keys(0..50).iter().any(|key| filter.may_have(*key)));
        assert_eq!(Filter::from_bytes(filter.to_bytes()), filter);
    }
}
