//! Every key that a log keeps, with what its value is and whether it ever changes.
//!
//! The numbers of [`Table`] and the layout of the encoded keys are on people's disks: they are never reused and
//! never change.

/// A family of keys that sort together. The number is part of the format on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Table {
    /// What the log is: written once, when it is created.
    Identity = 1,
    /// Full hash tiles.
    Tile = 2,
    /// Full entry bundles.
    Bundle = 3,
    /// Entries that are in no full bundle yet.
    Run = 4,
    /// The private table from record ids to indexes.
    Id = 5,
}

/// Where a value is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// The log's identity (origin, kind, format). Written with the first commit, never changed.
    Identity,
    /// A full tile: 256 hashes of 32 bytes. Never changes.
    Tile {
        /// Level, 0 to 63.
        level: u8,
        /// Index along the level.
        index: u64,
    },
    /// A full entry bundle of 256 entries, encoded as C2SP tlog-tiles has it. Never changes.
    Bundle {
        /// Index of the bundle.
        index: u64,
    },
    /// The entries that one commit added to the partial bundle, encoded as a bundle. Never changes, and is deleted
    /// by the commit that makes the bundle full.
    Run {
        /// Index of the first of the entries.
        first: u64,
    },
    /// A page of the id table: rows from this one up to the next page's. Rewritten as rows are added.
    Id {
        /// The least row that the page may hold.
        from: [u8; 32],
    },
}

impl Table {
    /// All tables, in the order of their numbers.
    pub const ALL: [Self; 5] = [Self::Identity, Self::Tile, Self::Bundle, Self::Run, Self::Id];

    /// Whether values are worth compressing at rest: full bundles are text and never change.
    pub(crate) fn compressed(self) -> bool {
        self == Self::Bundle
    }

    /// Whether a value, once committed, is never replaced or deleted.
    pub(crate) fn write_once(self) -> bool {
        matches!(self, Self::Identity | Self::Tile | Self::Bundle)
    }

    /// Name for people and for the store's own trees.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Tile => "tile",
            Self::Bundle => "bundle",
            Self::Run => "run",
            Self::Id => "id",
        }
    }
}

impl Key {
    /// Longest encoded key, in bytes.
    pub const BYTES_MAX: usize = 32;

    /// The table it belongs to.
    pub fn table(&self) -> Table {
        match self {
            Self::Identity => Table::Identity,
            Self::Tile { .. } => Table::Tile,
            Self::Bundle { .. } => Table::Bundle,
            Self::Run { .. } => Table::Run,
            Self::Id { .. } => Table::Id,
        }
    }

    /// The key's bytes within its table; they sort as the keys do.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Identity => vec![],
            Self::Tile { level, index } => [&[*level][..], &index.to_be_bytes()].concat(),
            Self::Bundle { index } => index.to_be_bytes().to_vec(),
            Self::Run { first } => first.to_be_bytes().to_vec(),
            Self::Id { from } => from.to_vec(),
        }
    }

    /// Undoes [`Key::encode`]; `None` for bytes that no key of the table has.
    pub fn decode(table: Table, bytes: &[u8]) -> Option<Self> {
        let number = |bytes: &[u8]| bytes.try_into().ok().map(u64::from_be_bytes);
        match table {
            Table::Identity => bytes.is_empty().then_some(Self::Identity),
            Table::Tile => {
                let (level, index) = bytes.split_first()?;
                Some(Self::Tile { level: *level, index: number(index)? })
            }
            Table::Bundle => Some(Self::Bundle { index: number(bytes)? }),
            Table::Run => Some(Self::Run { first: number(bytes)? }),
            Table::Id => Some(Self::Id { from: bytes.try_into().ok()? }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys() -> impl Strategy<Value = Key> {
        prop_oneof![
            Just(Key::Identity),
            (any::<u8>(), any::<u64>()).prop_map(|(level, index)| Key::Tile { level, index }),
            any::<u64>().prop_map(|index| Key::Bundle { index }),
            any::<u64>().prop_map(|first| Key::Run { first }),
            any::<[u8; 32]>().prop_map(|from| Key::Id { from }),
        ]
    }

    proptest! {
        #[test]
        fn decode_undoes_encode(key in keys()) {
            prop_assert_eq!(Key::decode(key.table(), &key.encode()), Some(key));
            prop_assert!(key.encode().len() <= Key::BYTES_MAX);
        }

        #[test]
        fn encode_undoes_decode(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            for table in Table::ALL {
                if let Some(key) = Key::decode(table, &bytes) {
                    prop_assert_eq!(key.encode(), bytes.clone());
                    prop_assert_eq!(key.table(), table);
                }
            }
        }

        #[test]
        fn encoded_keys_sort_as_keys_do(a in keys(), b in keys()) {
            if a.table() == b.table() {
                prop_assert_eq!(a.cmp(&b), a.encode().cmp(&b.encode()));
            }
        }
    }

    /// These numbers are on people's disks.
    #[test]
    fn the_numbers_on_disk() {
        assert_eq!(Table::ALL.map(|table| table as u8), [1, 2, 3, 4, 5]);
        assert_eq!(Key::Tile { level: 1, index: 258 }.encode(), [1, 0, 0, 0, 0, 0, 0, 1, 2]);
        assert_eq!(Key::Bundle { index: 258 }.encode(), [0, 0, 0, 0, 0, 0, 1, 2]);
        assert_eq!(Key::Run { first: 258 }.encode(), [0, 0, 0, 0, 0, 0, 1, 2]);
    }
}
