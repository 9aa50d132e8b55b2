//! Reading the whole log back, and comparing it with the model.

use std::collections::BTreeMap;

use bytes::Bytes;
use record::RecordKey;
use sequencer::{
    Kind,
    ids::{self, PAGE_ROWS_MAX},
    reader::Reader,
};
use store::{Store as _, Table};
use tlog::{
    Hash, Head, SIZE_MAX,
    checkpoint::SignedCheckpoint,
    proof::{verify_consistency, verify_inclusion},
    tile::{Bundle, Resource, Tile, WIDTH, bundles_of, tiles_of},
};

use super::{
    TestLog,
    reference::{Digest, sha256},
};

/// Proofs of one kind that are checked at most.
const PROOFS: u64 = 300;
/// Full tiles and bundles of which every width is checked at most; of the others, some widths.
const EVERY_WIDTH: u64 = 6;
/// In a log of more bytes, some widths have to do.
const EVERY_WIDTH_BYTES: usize = 8 << 20;

/// How much of a log is read.
struct Depth {
    /// First tile of level 0, and first bundle.
    from: u64,
    /// Proofs of one kind at most.
    proofs: u64,
}

impl TestLog {
    /// Demands that the log is the model, in everything that can be read.
    pub fn check(&self, size: u64) {
        self.check_tree(size);
        self.check_ids(&self.reader());
    }

    /// The same without the id table.
    pub fn check_tree(&self, size: u64) {
        self.look(size, &Depth { from: 0, proofs: PROOFS });
    }

    /// The growing end alone, and a few proofs: for a test of very many steps.
    pub fn glance(&self, size: u64) {
        self.look(size, &Depth { from: (size / WIDTH).saturating_sub(1), proofs: 4 });
    }

    fn look(&self, size: u64, depth: &Depth) {
        assert_eq!(self.model.size(), size, "size of the model");
        let reader = self.reader();
        let head = self.check_heads(&reader, size);
        self.check_tiles(&reader, size, depth);
        self.check_bundles(&reader, size, depth);
        self.check_entries(&reader, head, depth);
        self.check_history(&reader, head, depth);
        assert_eq!(*self.observed.violations.lock(), [] as [&str; 0], "rules that were broken on the way");
    }

    fn check_heads(&self, reader: &Reader, size: u64) -> Head {
        let committed = reader.committed();
        let root = Hash::from_bytes(self.model.tree.root(size));
        let head = Head { size, root };
        assert_eq!(committed.head(), head);
        assert_eq!(committed.edge.head(), head, "the edge belongs to the head");
        assert_eq!(self.store().head().unwrap().as_ref(), Some(committed.checkpoint.bytes()));
        let served = reader.get(Resource::Checkpoint).unwrap().expect("there is always a checkpoint");
        assert_eq!(served, reader.published().bytes());
        for bytes in [committed.checkpoint.bytes(), &served] {
            let opened = SignedCheckpoint::open(bytes.clone(), self.signer().verifier_key()).unwrap();
            assert_eq!(opened.origin().as_str(), self.key.name);
            self.see(&opened);
        }
        self.observed.published.lock().drain(..).for_each(|published| self.see(&published));
        head
    }

    fn check_tiles(&self, reader: &Reader, size: u64, depth: &Depth) {
        for tile in tiles_of(size).filter(|tile| tile.level() > 0 || tile.index() >= depth.from) {
            let first = tile.index() * WIDTH;
            let hashes = (first..).take(tile.width().into());
            let whole = hashes.map(|item| self.model.tree.tile_item(tile.level(), item));
            let whole = whole.collect::<Vec<Digest>>().concat();
            for width in self.widths(tile.width(), tile.index()) {
                let narrow = narrow(tile, width);
                let expected = &whole[..usize::from(width) * 32];
                assert_eq!(read(reader, Resource::Tile(narrow)).as_deref(), Some(expected), "{narrow}");
            }
        }
        for level in 0..5 {
            let items = tlog::tile::items_at(level, size);
            let one_more = narrow(tile_of(level, items / WIDTH), (items % WIDTH) as u16 + 1);
            assert_eq!(read(reader, Resource::Tile(one_more)), None, "{one_more} is not there yet");
        }
    }

    fn check_bundles(&self, reader: &Reader, size: u64, depth: &Depth) {
        for bundle in bundles_of(size).filter(|bundle| bundle.index() >= depth.from) {
            let (mut whole, mut ends) = (vec![], vec![0]);
            for entry in &self.model.entries[bundle.first() as usize..][..bundle.width().into()] {
                whole.extend(u16::try_from(entry.len()).unwrap().to_be_bytes());
                whole.extend_from_slice(entry);
                ends.push(whole.len());
            }
            for width in self.widths(bundle.width(), bundle.index()) {
                let narrow = Bundle::at(bundle.index(), bundle.first() + u64::from(width)).unwrap();
                let expected = &whole[..ends[usize::from(width)]];
                assert_eq!(read(reader, Resource::Bundle(narrow)).as_deref(), Some(expected), "{narrow}");
            }
        }
        let one_more = Bundle::at(size / WIDTH, size + 1).unwrap();
        assert_eq!(read(reader, Resource::Bundle(one_more)), None, "{one_more} is not there yet");
    }

    fn check_entries(&self, reader: &Reader, head: Head, depth: &Depth) {
        // Also beyond the end, in both orders, with neighbours in one bundle.
        let sampled_here = || sampled(head.size, depth.proofs);
        let mut many: Vec<u64> = sampled_here().flat_map(|index| [index, index + 1]).collect();
        for _ in 0..2 {
            let expected: Vec<_> = many
                .iter()
                .map(|index| self.model.entries[..head.size as usize].get(*index as usize).cloned())
                .collect();
            assert_eq!(
                reader.entries_at(&many, &|_, entry| Some(Bytes::copy_from_slice(entry))).unwrap(),
                expected
            );
            many.reverse();
        }
        for index in sampled(head.size, depth.proofs) {
            let entry = &self.model.entries[index as usize];
            assert_eq!(reader.entry(index).unwrap().as_ref(), Some(entry), "entry {index}");
            let proof = reader.inclusion(index, head).unwrap();
            let path = self.model.tree.path(index, head.size);
            assert_eq!(proof.leaf.as_bytes(), &self.model.tree.leaf(index));
            assert_eq!(proof.path.iter().map(|hash| *hash.as_bytes()).collect::<Vec<_>>(), path);
            verify_inclusion(index, Hash::leaf(entry), &proof.path, head).unwrap();
        }
        for beyond in [head.size, head.size + 1, head.size + 256, SIZE_MAX, u64::MAX] {
            assert_eq!(reader.entry(beyond).unwrap(), None, "entry {beyond}");
            assert!(reader.inclusion(beyond, head).is_err());
        }
    }

    /// Every checkpoint that was ever shown is a head of this tree, provably.
    fn check_history(&self, reader: &Reader, head: Head, depth: &Depth) {
        let seen: Vec<_> = self.seen.lock().values().cloned().collect();
        for at in sampled(seen.len() as u64, depth.proofs) {
            let old = SignedCheckpoint::open(seen[at as usize].clone(), self.signer().verifier_key());
            let old = old.unwrap().head();
            assert!(
                old.size <= head.size,
                "a head of {} was signed, and now there are {}",
                old.size,
                head.size
            );
            assert_eq!(*old.root.as_bytes(), self.model.tree.root(old.size), "head of size {}", old.size);
            let proof = reader.consistency(old.size, head).unwrap();
            assert_eq!(proof.old, old);
            verify_consistency(old, head, &proof.hashes).unwrap();
            assert_eq!(reader.head_at(old.size).unwrap(), old);
        }
        assert!(reader.consistency(head.size + 1, head).is_err());
    }

    /// The pages make one table without gaps, and the table is the model's.
    fn check_ids(&self, reader: &Reader) {
        let mut rows = BTreeMap::new();
        let mut expected = Some(RecordKey { id: [0; 16], producer: [0; 16] });
        let mut after = None;
        loop {
            let pages = self.store().scan(Table::Id, after.as_ref(), 50).unwrap();
            for (key, value) in &pages {
                let (from, page, until) = ids::read_page(key, value).unwrap();
                assert_eq!(Some(from), expected, "a page starts where the one before it ends");
                assert!(page.len() <= PAGE_ROWS_MAX);
                rows.extend(page.iter().map(|row| (row.key, (row.digest, row.index))));
                expected = until;
            }
            let Some((last, _)) = pages.last() else { break };
            after = Some(*last);
        }
        assert!(rows.is_empty() || expected.is_none(), "the last page has no successor");
        assert!(rows == self.model.ids, "the id table is not the model's");
        assert!(self.setup.kind == Kind::Records || rows.is_empty(), "a raw log has no ids");
        let keys: Vec<_> = rows.keys().collect();
        for at in sampled(keys.len() as u64, PROOFS) {
            let (key, (digest, index)) = (keys[at as usize], rows[keys[at as usize]]);
            let found = reader.find(key).unwrap().expect("a row that the table has");
            assert_eq!((found.key, found.digest, found.index), (*key, digest, index));
            assert!(reader.find_id(key.id, usize::MAX).unwrap().contains(&found));
        }
    }

    /// Widths to ask for: all of them, or for most of the full ones of a large log, some.
    fn widths(&self, has: u16, index: u64) -> impl Iterator<Item = u16> + use<> {
        let last = self.model.size() / WIDTH;
        let growing = u64::from(has) < WIDTH || last <= EVERY_WIDTH || index + 2 >= last;
        let all = growing && self.model.bytes() < EVERY_WIDTH_BYTES;
        (1..=has).filter(move |width| all || matches!(width, 1 | 2 | 127 | 128 | 255 | 256) || *width == has)
    }

    /// A hash of every object that the log serves.
    pub fn served(&self) -> BTreeMap<String, Digest> {
        let (reader, size) = (self.reader(), self.size());
        let tiles = tiles_of(size).flat_map(|tile| {
            self.widths(tile.width(), tile.index()).map(move |width| Resource::Tile(narrow(tile, width)))
        });
        let bundles = bundles_of(size).flat_map(|bundle| {
            let at = move |width| Bundle::at(bundle.index(), bundle.first() + u64::from(width));
            self.widths(bundle.width(), bundle.index()).filter_map(at).map(Resource::Bundle)
        });
        let all = tiles.chain(bundles).chain([Resource::Checkpoint]);
        all.map(|resource| (resource.to_string(), sha256(&[&read(&reader, resource).unwrap()]))).collect()
    }
}

fn read(reader: &Reader, resource: Resource) -> Option<Bytes> {
    reader.get(resource).unwrap_or_else(|error| panic!("{resource}: {error}"))
}

/// The tile at this place as if one hash were there.
fn tile_of(level: u8, index: u64) -> Tile {
    Tile::at(level, index, (index * WIDTH + 1) << (8 * u32::from(level))).unwrap()
}

/// The same place, of another width.
fn narrow(tile: Tile, width: u16) -> Tile {
    let items = tile.index() * WIDTH + u64::from(width);
    Tile::at(tile.level(), tile.index(), items << (8 * u32::from(tile.level()))).unwrap()
}

/// All of `0..size`, or some `most` of them, with the places where something begins or ends.
fn sampled(size: u64, most: u64) -> impl Iterator<Item = u64> {
    let step = size.div_ceil(most).max(1) | 1;
    let edges = [0, 1, 255, 256, 65_535, 65_536, size / 256 * 256, size.saturating_sub(1)];
    let all: std::collections::BTreeSet<u64> = (0..size).step_by(step as usize).chain(edges).collect();
    all.into_iter().filter(move |index| *index < size)
}
