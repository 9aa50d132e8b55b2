//! Pages of postings: keys in order, and for each the entries of a stretch that have it.
//!
//! ```text
//! page = ( key (8) ‖ count ‖ first ‖ difference ‖ ... )...          numbers as LEB128 varints in their shortest form
//! ```
//!
//! `count` is at least 1; entries are numbered from the start of the stretch, ascending. A key whose postings do not fit in
//! one page goes on in the next, under the same key.

use crate::{index::LookupError, keys::Key};

/// Bytes of a page, at most. The store reads about 17 of them to find one.
pub(crate) const PAGE_BYTES_MAX: usize = 2 << 10;
/// Bytes of a varint of 32 bits, at most.
const VARINT_BYTES_MAX: usize = 5;

/// A key and the entries of the stretch that have it, ascending.
pub(crate) type List = (Key, Vec<u32>);

/// Cuts lists, which are in the order of their keys, into pages; each with its first key and first entry.
pub(crate) fn pages(lists: &[(Key, &[u32])]) -> Vec<(Key, u32, Vec<u8>)> {
    let mut pages: Vec<(Key, u32, Vec<u8>)> = vec![];
    let mut page: Vec<(Key, &[u32])> = vec![];
    let mut room = PAGE_BYTES_MAX;
    let mut close = |page: &mut Vec<(Key, &[u32])>| {
        if let Some((key, postings)) = page.first() {
            pages.push((*key, postings.first().copied().unwrap_or_default(), print_page(page)));
            page.clear();
        }
    };
    for (key, postings) in lists {
        let mut rest = *postings;
        while !rest.is_empty() {
            let head = 8 + VARINT_BYTES_MAX;
            if room < head + VARINT_BYTES_MAX {
                close(&mut page);
                room = PAGE_BYTES_MAX;
            }
            let (taken, bytes) = fitting(rest, room - head);
            page.push((*key, &rest[..taken]));
            room = room.saturating_sub(head + bytes);
            rest = &rest[taken..];
            if !rest.is_empty() {
                close(&mut page);
                room = PAGE_BYTES_MAX;
            }
        }
    }
    close(&mut page);
    pages
}

/// How many of these fit, and the bytes they take; at least one.
fn fitting(postings: &[u32], room: usize) -> (usize, usize) {
    let (mut taken, mut bytes, mut before) = (0, 0, 0);
    for &posting in postings {
        let more = varint_bytes(if taken == 0 { posting } else { posting - before });
        if taken > 0 && bytes + more > room {
            break;
        }
        (taken, bytes, before) = (taken + 1, bytes + more, posting);
    }
    (taken, bytes)
}

pub(crate) fn print_page<L: AsRef<[u32]>>(lists: &[(Key, L)]) -> Vec<u8> {
    let mut out = Vec::with_capacity(PAGE_BYTES_MAX);
    for (key, postings) in lists {
        let postings = postings.as_ref();
        out.extend_from_slice(&key.0);
        put_varint(postings.len() as u32, &mut out);
        let mut before = 0;
        for (n, &posting) in postings.iter().enumerate() {
            put_varint(if n == 0 { posting } else { posting - before }, &mut out);
            before = posting;
        }
    }
    out
}

/// The lists of a page.
///
/// # Errors
/// Anything but what [`print_page`] makes.
pub(crate) fn read_page(page: &[u8]) -> Result<Vec<List>, LookupError> {
    let mut reader = Reader { rest: page };
    let mut lists: Vec<List> = vec![];
    while !reader.rest.is_empty() {
        let key = reader.key()?;
        if lists.last().is_some_and(|(before, _)| *before >= key) {
            return Err(LookupError::damaged("the keys of a page are not in order"));
        }
        let postings = reader.postings()?;
        lists.push((key, postings));
    }
    Ok(lists)
}

/// The postings of one key in a page; none if it is not there.
pub(crate) fn find_in_page(page: &[u8], wanted: Key) -> Result<Vec<u32>, LookupError> {
    let mut reader = Reader { rest: page };
    while !reader.rest.is_empty() {
        let key = reader.key()?;
        if key == wanted {
            return reader.postings();
        }
        if key > wanted {
            break;
        }
        reader.skip()?;
    }
    Ok(vec![])
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn key(&mut self) -> Result<Key, LookupError> {
        let (key, rest) =
            self.rest.split_first_chunk().ok_or_else(|| LookupError::damaged("a page ends in a key"))?;
        self.rest = rest;
        Ok(Key(*key))
    }

    fn postings(&mut self) -> Result<Vec<u32>, LookupError> {
        let count = self.count()?;
        let mut postings = Vec::with_capacity(count);
        let mut before = 0_u32;
        for n in 0..count {
            let step = self.varint()?;
            if n > 0 && step == 0 {
                return Err(LookupError::damaged("an entry twice in one list"));
            }
            let posting = before.checked_add(step);
            before = posting.ok_or_else(|| LookupError::damaged("an entry beyond every stretch"))?;
            postings.push(before);
        }
        Ok(postings)
    }

    fn skip(&mut self) -> Result<(), LookupError> {
        for _ in 0..self.count()? {
            self.varint()?;
        }
        Ok(())
    }

    /// Each takes a byte at least, so a page bounds what is made room for.
    fn count(&mut self) -> Result<usize, LookupError> {
        match self.varint()? as usize {
            count if (1..=self.rest.len()).contains(&count) => Ok(count),
            _ => Err(LookupError::damaged("a list of no length, or of more than there is")),
        }
    }

    fn varint(&mut self) -> Result<u32, LookupError> {
        let mut value = 0_u64;
        for n in 0..VARINT_BYTES_MAX {
            let Some((&byte, rest)) = self.rest.split_first() else { break };
            self.rest = rest;
            value |= u64::from(byte & 0x7f) << (7 * n);
            if byte < 0x80 {
                let shortest = n == 0 || byte != 0;
                let value = u32::try_from(value).ok().filter(|_| shortest);
                return value.ok_or_else(|| LookupError::damaged("a number in another form"));
            }
        }
        Err(LookupError::damaged("a number without an end"))
    }
}

fn put_varint(mut value: u32, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn varint_bytes(value: u32) -> usize {
    (32 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn lists() -> impl Strategy<Value = Vec<List>> {
        let postings = prop_oneof![
            4 => proptest::collection::btree_set(0..65_536_u32, 1..40),
            1 => proptest::collection::btree_set(0..65_536_u32, 3_000..9_000),
        ];
        proptest::collection::btree_map(any::<[u8; 8]>(), postings, 0..60).prop_map(|lists| {
            lists.into_iter().map(|(key, set)| (Key(key), set.into_iter().collect())).collect()
        })
    }

    fn borrowed(lists: &[List]) -> Vec<(Key, &[u32])> {
        lists.iter().map(|(key, list)| (*key, list.as_slice())).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn pages_hold_the_lists_and_keep_their_size(lists in lists()) {
            let pages = pages(&borrowed(&lists));
            prop_assert!(pages.iter().all(|(_, _, page)| page.len() <= PAGE_BYTES_MAX));
            prop_assert!(pages.is_sorted_by(|a, b| (a.0, a.1) < (b.0, b.1)));
            let mut again: BTreeMap<Key, Vec<u32>> = BTreeMap::new();
            for (key, first, page) in &pages {
                let read = read_page(page).unwrap();
                prop_assert_eq!((read[0].0, read[0].1[0]), (*key, *first));
                for (key, postings) in read {
                    prop_assert_eq!(find_in_page(page, key).unwrap(), postings.clone());
                    again.entry(key).or_default().extend(postings);
                }
            }
            prop_assert_eq!(again.into_iter().collect::<Vec<_>>(), lists);
        }

        #[test]
        fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            crate::fuzzing::page(&bytes);
        }

        #[test]
        fn nearly_a_page(lists in lists(), at: prop::sample::Index, byte: u8) {
            for (_, _, mut page) in pages(&borrowed(&lists)).into_iter().take(3) {
                let at = at.index(page.len());
                page[at] = byte;
                crate::fuzzing::page(&page);
            }
        }
    }

    #[test]
    fn a_damaged_page_is_refused_and_says_how() {
        for (page, why) in [
            (&[1, 2, 3][..], "ends in a key"),
            (&[0, 0, 0, 0, 0, 0, 0, 1, 0], "no length"),
            (&[0, 0, 0, 0, 0, 0, 0, 1, 3, 1], "more than there is"),
            (&[0, 0, 0, 0, 0, 0, 0, 1, 2, 1, 0], "twice"),
            (&[0, 0, 0, 0, 0, 0, 0, 1, 1, 0x80, 0], "another form"),
            (&[0, 0, 0, 0, 0, 0, 0, 1, 1, 0xff], "without an end"),
            (&[0, 0, 0, 0, 0, 0, 0, 1, 1, 0xff, 0xff, 0xff, 0xff, 0x7f], "another form"),
            (&[0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1], "not in order"),
        ] {
            let error = read_page(page).unwrap_err().to_string();
            assert!(error.contains(why), "{page:?}: {error}");
        }
    }
}
