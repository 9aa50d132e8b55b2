//! Tiles, entry bundles and their paths: C2SP tlog-tiles, sections "Merkle Tree" and "Log Entries".
//!
//! A tile is a run of up to 256 sibling hashes; item `i` of tile `n` at level `l` is the hash of the complete
//! subtree over entries `(n·256+i)·256^l .. (n·256+i+1)·256^l`. An entry bundle holds the entries whose leaf
//! hashes are the items of the level-0 tile with the same index.

use std::fmt;

use crate::{Hash, encoding};

/// Hashes in a full tile, entries in a full bundle.
pub const WIDTH: u64 = 256;
/// Bytes of a full tile.
pub const TILE_BYTES: usize = WIDTH as usize * Hash::LEN;
/// Levels that a path may name: 0 to 63.
pub const LEVEL_MAX: u8 = 63;

/// A hash tile: where it is and how many hashes it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    level: u8,
    index: u64,
    width: u16,
}

/// An entry bundle: where it is and how many entries it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bundle {
    index: u64,
    width: u16,
}

/// Everything that a tiled log serves below its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// `checkpoint`
    Checkpoint,
    /// `tile/<L>/<N>[.p/<W>]`
    Tile(Tile),
    /// `tile/entries/<N>[.p/<W>]`
    Bundle(Bundle),
}

/// The path is not one that a log can have; the answer to it is "not found".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a path of a tiled log, or not in its only spelling")]
pub struct BadPath;

impl Tile {
    /// The tile at this place in a tree of `size` entries, as wide as it is there; `None` if it has no hashes yet.
    pub fn at(level: u8, index: u64, size: u64) -> Option<Self> {
        let items = items_at(level, size);
        let width = width_of(index, items)?;
        Some(Self { level, index, width })
    }

    /// The tile that holds a stored hash: item `item` of level `level`, in a tree of `size` entries.
    pub fn holding(level: u8, item: u64, size: u64) -> Option<Self> {
        Self::at(level, item / WIDTH, size).filter(|tile| item % WIDTH < u64::from(tile.width))
    }

    /// Level: 0 for leaf hashes, one more for each 256-fold.
    pub fn level(&self) -> u8 {
        self.level
    }

    /// Index among the tiles of its level.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Number of hashes, 1 to 256.
    pub fn width(&self) -> u16 {
        self.width
    }

    /// Bytes of this tile.
    pub fn bytes(&self) -> usize {
        usize::from(self.width) * Hash::LEN
    }

    /// Whether all 256 hashes are there.
    pub fn is_full(&self) -> bool {
        u64::from(self.width) == WIDTH
    }

    /// The same place with all 256 hashes.
    pub fn full(self) -> Self {
        Self { width: WIDTH as u16, ..self }
    }

    /// The hashes in the bytes of this tile; `None` if the length is not exactly right.
    pub fn hashes(&self, bytes: &[u8]) -> Option<Vec<Hash>> {
        (bytes.len() == self.bytes())
            .then(|| bytes.chunks_exact(Hash::LEN).filter_map(Hash::from_slice).collect())
    }
}

impl Bundle {
    /// The bundle with this index in a log of `size` entries, as wide as it is there.
    pub fn at(index: u64, size: u64) -> Option<Self> {
        width_of(index, size).map(|width| Self { index, width })
    }

    /// Index among the bundles.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Number of entries, 1 to 256.
    pub fn width(&self) -> u16 {
        self.width
    }

    /// Index of its first entry in the log.
    pub fn first(&self) -> u64 {
        self.index * WIDTH
    }

    /// Whether all 256 entries are there.
    pub fn is_full(&self) -> bool {
        u64::from(self.width) == WIDTH
    }

    /// The same place with all 256 entries.
    pub fn full(self) -> Self {
        Self { width: WIDTH as u16, ..self }
    }

    /// The level-0 tile with the leaf hashes of these entries.
    pub fn tile(&self) -> Tile {
        Tile { level: 0, index: self.index, width: self.width }
    }
}

/// Number of hashes that level `level` has in a tree of `size` entries.
pub fn items_at(level: u8, size: u64) -> u64 {
    size.checked_shr(8 * u32::from(level)).unwrap_or(0)
}

/// Number of levels that have at least one hash.
pub fn levels_of(size: u64) -> u8 {
    (0..=LEVEL_MAX).take_while(|level| items_at(*level, size) > 0).count() as u8
}

/// Every tile of a tree of `size` entries, level by level, the partial one of each level last.
pub fn tiles_of(size: u64) -> impl Iterator<Item = Tile> {
    (0..levels_of(size)).flat_map(move |level| {
        (0..items_at(level, size).div_ceil(WIDTH)).filter_map(move |index| Tile::at(level, index, size))
    })
}

/// Every entry bundle of a log of `size` entries, the partial one last.
pub fn bundles_of(size: u64) -> impl Iterator<Item = Bundle> {
    (0..size.div_ceil(WIDTH)).filter_map(move |index| Bundle::at(index, size))
}

fn width_of(index: u64, items: u64) -> Option<u16> {
    let width = items.checked_sub(index.checked_mul(WIDTH)?)?.min(WIDTH);
    (width > 0).then_some(width as u16)
}

impl Resource {
    /// Parses a path below the log's prefix, without a leading slash. Anything but the one canonical spelling is
    /// refused.
    pub fn parse(path: &str) -> Result<Self, BadPath> {
        let parsed = Self::parse_loosely(path).ok_or(BadPath)?;
        if parsed.to_string() == path { Ok(parsed) } else { Err(BadPath) }
    }

    fn parse_loosely(path: &str) -> Option<Self> {
        if path == "checkpoint" {
            return Some(Self::Checkpoint);
        }
        let (level, place) = path.strip_prefix("tile/")?.split_once('/')?;
        let (number, width) = match place.split_once(".p/") {
            None => (place, WIDTH),
            Some((number, width)) => {
                (number, encoding::parse_decimal(width).ok().filter(|w| (1..WIDTH).contains(w))?)
            }
        };
        let (index, width) = (parse_index(number)?, width as u16);
        if level == "entries" {
            return Some(Self::Bundle(Bundle { index, width }));
        }
        let level = encoding::parse_decimal(level).ok().filter(|level| *level <= u64::from(LEVEL_MAX))? as u8;
        Some(Self::Tile(Tile { level, index, width }))
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Checkpoint => f.write_str("checkpoint"),
            Self::Tile(tile) => tile.fmt(f),
            Self::Bundle(bundle) => bundle.fmt(f),
        }
    }
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tile/{}/", self.level)?;
        write_place(f, self.index, self.width)
    }
}

impl fmt::Display for Bundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tile/entries/")?;
        write_place(f, self.index, self.width)
    }
}

/// Groups of three digits, all but the last with an `x` in front; then the width of a partial.
fn write_place(f: &mut fmt::Formatter<'_>, index: u64, width: u16) -> fmt::Result {
    let mut divisor = 1;
    while index / divisor >= 1000 {
        divisor *= 1000;
    }
    while divisor > 1 {
        write!(f, "x{:03}/", index / divisor % 1000)?;
        divisor /= 1000;
    }
    write!(f, "{:03}", index % 1000)?;
    if u64::from(width) < WIDTH { write!(f, ".p/{width}") } else { Ok(()) }
}

fn parse_index(text: &str) -> Option<u64> {
    let mut index = 0_u64;
    for group in text.split('/') {
        let digits = group.strip_prefix('x').unwrap_or(group);
        if digits.len() != 3 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        index = index.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
    }
    Some(index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn index_groups_of_the_specification() {
        for (index, text) in [
            (0, "000"),
            (999, "999"),
            (1000, "x001/000"),
            (1_234_067, "x001/x234/067"),
            (1_000_000, "x001/x000/000"),
        ] {
            let tile = Tile { level: 0, index, width: 256 };
            assert_eq!(tile.to_string(), format!("tile/0/{text}"));
            assert_eq!(
                Resource::parse(&format!("tile/entries/{text}")),
                Ok(Resource::Bundle(Bundle { index, width: 256 }))
            );
        }
    }

    #[test]
    fn every_other_spelling_is_refused() {
        for (bend, path) in [
            ("empty", ""),
            ("leading slash", "/checkpoint"),
            ("trailing slash", "checkpoint/"),
            ("no index", "tile/0/"),
            ("two digits", "tile/0/00"),
            ("four digits", "tile/0/0000"),
            ("leading x000", "tile/0/x000/001"),
            ("x missing", "tile/0/001/000"),
            ("x on the last group", "tile/0/x001/x000"),
            ("level with a zero", "tile/00/000"),
            ("level 64", "tile/64/000"),
            ("level with a sign", "tile/+1/000"),
            ("width 0", "tile/0/000.p/0"),
            ("width 256", "tile/0/000.p/256"),
            ("width with a zero", "tile/0/000.p/01"),
            ("no width", "tile/0/000.p/"),
            ("two widths", "tile/0/000.p/1.p/1"),
            ("index beyond 64 bits", "tile/0/x999/x999/x999/x999/x999/x999/999"),
            ("data for entries", "tile/data/000"),
            ("escaped", "tile/0/%30%30%30"),
            ("digits of another script", "tile/0/٠٠٠"),
            ("height in the path", "tile/8/0/000"),
        ] {
            assert_eq!(Resource::parse(path), Err(BadPath), "{bend}: {path}");
        }
    }

    #[test]
    fn tiles_at_the_sizes_where_they_change() {
        let table = |size: u64| -> Vec<(u8, u64, u16)> {
            tiles_of(size).map(|t| (t.level, t.index, t.width)).collect()
        };
        assert_eq!(table(0), []);
        assert_eq!(table(1), [(0, 0, 1)]);
        assert_eq!(table(255), [(0, 0, 255)]);
        assert_eq!(table(256), [(0, 0, 256), (1, 0, 1)]);
        assert_eq!(table(257), [(0, 0, 256), (0, 1, 1), (1, 0, 1)]);
        let big = table(70_000);
        assert_eq!(big.iter().filter(|t| t.0 == 0).count(), 274);
        assert_eq!(big[273], (0, 273, 112));
        assert_eq!(big[274..], [(1, 0, 256), (1, 1, 17), (2, 0, 1)]);
    }

    proptest! {
        #[test]
        fn what_is_printed_parses_to_itself(level in 0..=LEVEL_MAX, index in any::<u64>(), width in 1..=256_u16) {
            let tile = Resource::Tile(Tile { level, index, width });
            prop_assert_eq!(Resource::parse(&tile.to_string()), Ok(tile));
            let bundle = Resource::Bundle(Bundle { index, width });
            prop_assert_eq!(Resource::parse(&bundle.to_string()), Ok(bundle));
        }

        #[test]
        fn what_parses_prints_to_itself(path in "(tile/(entries|[0-9]{1,2})/(x?[0-9]{3}/){0,3}[0-9]{3}(\\.p/[0-9]{1,3})?|.{0,30})") {
            if let Ok(resource) = Resource::parse(&path) {
                prop_assert_eq!(resource.to_string(), path);
            }
        }
    }
}
