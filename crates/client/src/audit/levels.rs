//! The tree above the level-0 tiles, grown item by item and compared with the tiles that are served.
//!
//! Where two neighbours disagree (an entry and its tile, a tile and the one above), the parent decides who was altered:
//! it agrees with one of them. Until the parent is known, an item carries both hashes. An item carries two only if the
//! disagreement was reported already, so an audit without findings has one hash everywhere: the one that was computed
//! from the entries.

use bytes::Bytes;
use tlog::Hash;
use tlog::hash::root_of;
use tlog::range::CompactRange;
use tlog::tile::{Tile, WIDTH, levels_of};

use super::finding::{Finding, Findings};

/// A hash of a complete subtree, computed from below.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Item {
    /// `None` if nothing below could be read.
    pub(super) hash: Option<Hash>,
    /// What the tile below is the root of, where that is another hash.
    pub(super) suspect: Option<Suspect>,
}

/// The other side of a disagreement that was reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Suspect {
    /// Root of the tile as it is served.
    pub(super) served: Hash,
    /// Where the finding is kept, if it is, and the tile to blame if the entries turn out to be right.
    pub(super) finding: Option<usize>,
    /// The tile that disagrees.
    pub(super) tile: Tile,
    /// Whether the disagreement is between entries and their tile, so that the finding names the entry.
    pub(super) with_entry: bool,
}

impl Item {
    pub(super) const fn sure(hash: Hash) -> Self {
        Self { hash: Some(hash), suspect: None }
    }
}

/// The items of the growing tile of each level, from level 1 up. Index 0 stands for level 1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Levels {
    items: Vec<Vec<Item>>,
}

/// A tile that is complete, to be compared with the one that is served.
pub(super) struct Due {
    pub(super) tile: Tile,
    items: Vec<Item>,
}

impl Levels {
    /// Levels from the bytes of partial tiles, level 1 first.
    pub(super) fn from_bytes(levels: &[Bytes]) -> Option<Self> {
        let items = levels.iter().map(|bytes| {
            let hashes = bytes.chunks(Hash::LEN).map(Hash::from_slice).collect::<Option<Vec<_>>>()?;
            (hashes.len() < WIDTH as usize).then(|| hashes.into_iter().map(Item::sure).collect())
        });
        Some(Self { items: items.collect::<Option<_>>()? })
    }

    /// The items as partial tiles, level 1 first; `None` if one of them is not sure.
    pub(super) fn to_bytes(&self) -> Option<Vec<Vec<u8>>> {
        let bytes = |items: &Vec<Item>| {
            let hashes = items.iter().map(|item| item.hash.filter(|_| item.suspect.is_none()));
            Some(hashes.collect::<Option<Vec<_>>>()?.iter().flat_map(|hash| *hash.as_bytes()).collect())
        };
        self.items.iter().map(bytes).collect()
    }

    /// Number of entries below all items.
    pub(super) fn size(&self) -> Option<u64> {
        let mut size = 0_u64;
        for (above, items) in self.items.iter().enumerate() {
            let each = 1_u64.checked_shl(8 * (above as u32 + 1))?;
            size = size.checked_add(each.checked_mul(items.len() as u64)?)?;
        }
        Some(size)
    }

    /// Adds an item at `level` (1 or more); answers the full tile, if the level now has one.
    pub(super) fn push(&mut self, level: u8, item: Item, size: u64) -> Option<Due> {
        let place = usize::from(level) - 1;
        if self.items.len() <= place {
            self.items.resize(place + 1, vec![]);
        }
        self.items[place].push(item);
        if self.items[place].len() < WIDTH as usize {
            return None;
        }
        let items = std::mem::take(&mut self.items[place]);
        // What was before this tile at its level is what the levels above have, in units of this level's full tiles.
        let index =
            self.items[place + 1..].iter().rev().fold(0, |index, items| index * WIDTH + items.len() as u64);
        Some(Due { tile: Tile::at(level, index, size)?, items })
    }

    /// The partial tiles of a tree of `size` entries, all of which were pushed.
    pub(super) fn partial(&self, size: u64) -> Vec<Due> {
        let due = (1..levels_of(size)).zip(&self.items).filter_map(|(level, items)| {
            let index = tlog::tile::items_at(level, size) / WIDTH;
            Some(Due { tile: Tile::at(level, index, size)?, items: items.clone() })
        });
        due.collect()
    }

    /// Puts the settled items of a partial tile back.
    pub(super) fn settle(&mut self, due: Due) {
        if let Some(items) = self.items.get_mut(usize::from(due.tile.level()) - 1) {
            *items = due.items;
        }
    }

    /// Disagreements below that no parent has settled, in the order in which [`Levels::believe_tiles`] numbers them.
    pub(super) fn unsettled(&self) -> Vec<Suspect> {
        self.items.iter().flatten().filter_map(|item| item.suspect).collect()
    }

    /// The same items, with the tile believed rather than the entries in each unsettled disagreement whose bit is set.
    pub(super) fn believe_tiles(&self, bits: usize) -> Self {
        let mut levels = self.clone();
        let open = levels.items.iter_mut().flatten().filter(|item| item.suspect.is_some());
        for (_, item) in open.enumerate().filter(|(at, _)| bits >> at & 1 == 1) {
            item.hash = item.suspect.map(|suspect| suspect.served);
        }
        levels
    }

    /// Root over everything, with the root of the partial tile of level 0 if there is one.
    pub(super) fn root(&self, partial: Option<Hash>) -> Option<Hash> {
        let mut range = CompactRange::new();
        for (above, items) in self.items.iter().enumerate().rev() {
            for item in items {
                range.append_subtree(8 * (above as u32 + 1), item.hash?).then_some(())?;
            }
        }
        let hashes = range.hashes().iter().copied().chain(partial);
        Some(hashes.rev().reduce(|right, left| Hash::node(&left, &right)).unwrap_or(Hash::EMPTY))
    }
}

impl Due {
    /// Compares the tile as computed with the tile as served, settles who was altered below, and answers the item for
    /// the level above.
    pub(super) fn compare(&mut self, served: Option<&Bytes>, findings: &mut Findings) -> Item {
        let tile = self.tile;
        let Some(hashes) = served.and_then(|bytes| tile.hashes(bytes)) else {
            findings.add(match served {
                None => Finding::missing_tile(tile),
                Some(bytes) => Finding::tile_length(tile, bytes.len()),
            });
            return Item { hash: self.root(), suspect: None };
        };
        let (mut first, mut wrong) = (None, 0_u64);
        for (at, (item, served)) in self.items.iter_mut().zip(&hashes).enumerate() {
            if let Some(computed) = item.settle(*served, findings) {
                first.get_or_insert((at, computed, *served));
                wrong += 1;
            }
        }
        let hash = self.root();
        let Some((at, computed, found)) = first else { return Item { hash, suspect: None } };
        let finding = findings.add(Finding::tile(tile, at, computed, found, wrong - 1));
        let suspect = Suspect { served: root_of(&hashes), finding, tile, with_entry: false };
        Item { hash, suspect: Some(suspect) }
    }

    fn root(&self) -> Option<Hash> {
        Some(root_of(&self.items.iter().map(|item| item.hash).collect::<Option<Vec<_>>>()?))
    }
}

impl Item {
    /// Settles a disagreement below by the hash that the parent has. Answers the computed hash if the parent agrees with
    /// neither side, which is a disagreement of its own.
    pub(super) fn settle(&mut self, parent: Hash, findings: &mut Findings) -> Option<Hash> {
        match (self.hash, self.suspect.take()) {
            (None, _) => {
                self.hash = Some(parent);
                None
            }
            (Some(hash), Some(suspect)) if hash == parent => {
                suspect.entries_are_right(findings);
                None
            }
            (Some(_), Some(suspect)) if suspect.served == parent => {
                self.hash = Some(parent);
                None
            }
            (Some(hash), _) => (hash != parent).then_some(hash),
        }
    }
}

impl Suspect {
    /// The parent agrees with what was computed, so it is the tile that was altered.
    pub(super) fn entries_are_right(self, findings: &mut Findings) {
        let kept = self.finding.and_then(|at| findings.first.get_mut(at));
        if let Some(finding) = kept.filter(|_| self.with_entry) {
            finding.blame_tile(self.tile);
        }
    }
}
