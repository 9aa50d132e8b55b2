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
    /// What is known of each content beside the log.
    Payload = 6,
    /// The sealed content itself, in pieces.
    Piece = 7,
    /// What must not be erased, and what must not have been.
    Hold = 8,
    /// Which content was erased, by whom, on what ground.
    Erasure = 9,
    /// Which content concerns whom.
    Subject = 10,
    /// Which content keys were destroyed.
    Destroyed = 11,
    /// Which entries announce, replace or revoke a key.
    Announced = 12,
    /// Pages of postings: which entries have which lookup keys. In a store of their own.
    Posting = 13,
    /// When the entries of a stretch were received. In the store of the postings.
    Times = 14,
    /// Which checkpoint of a log a witness answered for last. In a store of its own.
    Witnessed = 15,
    /// What logs signed that contradicts what the witness had answered for. In the store of the witness.
    Contradiction = 16,
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
    /// What is known of a content beside the log: whose it is, under which key, how long. Never changes, and is deleted
    /// by the commit that erases the content.
    Payload {
        /// SHA-256 of the disclosure's text.
        digest: [u8; 32],
    },
    /// One sealed piece of a content. Never changes, and is deleted with it.
    Piece {
        /// SHA-256 of the disclosure's text.
        digest: [u8; 32],
        /// Number of the piece, from 0.
        number: u32,
    },
    /// A hold. Written once, and once more when it is released; never deleted.
    Hold {
        /// SHA-256 of the hold's name.
        id: [u8; 32],
    },
    /// That a content was erased, by whom and on what ground. Never changes.
    Erasure {
        /// SHA-256 of the disclosure's text.
        digest: [u8; 32],
    },
    /// That a content concerns somebody or something: an empty value. Deleted with the content.
    Subject {
        /// SHA-256 of the subject's name.
        subject: [u8; 32],
        /// SHA-256 of the disclosure's text.
        digest: [u8; 32],
    },
    /// That a content key was destroyed, or is to be as soon as the log is open. Never changes.
    Destroyed {
        /// What names the key and does not tell it.
        key: [u8; 32],
    },
    /// That an entry announces, replaces or revokes a key: an empty value. Never changes.
    Announced {
        /// Index of the entry.
        index: u64,
    },
    /// A page of postings, from this key and entry on. Never changes.
    Posting {
        /// Which index: 0 for what stands in entries, 1 for what was found in them. With 2 and 3 it is no page but the
        /// filter of such a stretch, under key and entry 0.
        index: u8,
        /// Number of the stretch.
        stretch: u64,
        /// First key of the page.
        key: [u8; 8],
        /// First entry of that key in the page, counted from the start of the stretch.
        first: u32,
    },
    /// When the entries of a stretch were received. Never changes.
    Times {
        /// Number of the stretch.
        stretch: u64,
    },
    /// The note of a log that a witness answered for last. Rewritten as the log grows.
    Witnessed {
        /// SHA-256 of the log's origin.
        origin: [u8; 32],
    },
    /// What shows that a log contradicts itself. Never changes.
    Contradiction {
        /// SHA-256 of the log's origin.
        origin: [u8; 32],
        /// SHA-256 of the note that contradicts.
        note: [u8; 32],
    },
}

impl Table {
    /// All tables, in the order of their numbers.
    pub const ALL: [Self; 16] = [
        Self::Identity,
        Self::Tile,
        Self::Bundle,
        Self::Run,
        Self::Id,
        Self::Payload,
        Self::Piece,
        Self::Hold,
        Self::Erasure,
        Self::Subject,
        Self::Destroyed,
        Self::Announced,
        Self::Posting,
        Self::Times,
        Self::Witnessed,
        Self::Contradiction,
    ];

    /// The tables of content beside the log, which do not follow from the entries: whoever makes a store anew has to
    /// carry them over.
    pub const BESIDE: [Self; 6] =
        [Self::Payload, Self::Piece, Self::Hold, Self::Erasure, Self::Subject, Self::Destroyed];

    /// Whether values are worth compressing at rest: full bundles are text and never change.
    pub(crate) fn compressed(self) -> bool {
        self == Self::Bundle
    }

    /// Whether a value, once committed, is never replaced by another.
    pub(crate) fn write_once(self) -> bool {
        !matches!(self, Self::Run | Self::Id | Self::Hold | Self::Witnessed)
    }

    /// Name for people and for the store's own trees.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Tile => "tile",
            Self::Bundle => "bundle",
            Self::Run => "run",
            Self::Id => "id",
            Self::Payload => "payload",
            Self::Piece => "piece",
            Self::Hold => "hold",
            Self::Erasure => "erasure",
            Self::Subject => "subject",
            Self::Destroyed => "destroyed",
            Self::Announced => "announced",
            Self::Posting => "posting",
            Self::Times => "times",
            Self::Witnessed => "witnessed",
            Self::Contradiction => "contradiction",
        }
    }
}

impl Key {
    /// Longest encoded key, in bytes.
    pub const BYTES_MAX: usize = 64;

    /// The table it belongs to.
    pub fn table(&self) -> Table {
        match self {
            Self::Identity => Table::Identity,
            Self::Tile { .. } => Table::Tile,
            Self::Bundle { .. } => Table::Bundle,
            Self::Run { .. } => Table::Run,
            Self::Id { .. } => Table::Id,
            Self::Payload { .. } => Table::Payload,
            Self::Piece { .. } => Table::Piece,
            Self::Hold { .. } => Table::Hold,
            Self::Erasure { .. } => Table::Erasure,
            Self::Subject { .. } => Table::Subject,
            Self::Destroyed { .. } => Table::Destroyed,
            Self::Announced { .. } => Table::Announced,
            Self::Posting { .. } => Table::Posting,
            Self::Times { .. } => Table::Times,
            Self::Witnessed { .. } => Table::Witnessed,
            Self::Contradiction { .. } => Table::Contradiction,
        }
    }

    /// The key's bytes within its table; they sort as the keys do.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Identity => vec![],
            Self::Tile { level, index } => [&[*level][..], &index.to_be_bytes()].concat(),
            Self::Bundle { index } | Self::Announced { index } | Self::Times { stretch: index } => {
                index.to_be_bytes().to_vec()
            }
            Self::Posting { index, stretch, key, first } => {
                [&[*index][..], &stretch.to_be_bytes(), key, &first.to_be_bytes()].concat()
            }
            Self::Run { first } => first.to_be_bytes().to_vec(),
            Self::Id { from } => from.to_vec(),
            Self::Payload { digest } | Self::Erasure { digest } => digest.to_vec(),
            Self::Piece { digest, number } => [&digest[..], &number.to_be_bytes()].concat(),
            Self::Hold { id } => id.to_vec(),
            Self::Subject { subject, digest } => [*subject, *digest].concat(),
            Self::Destroyed { key } => key.to_vec(),
            Self::Witnessed { origin } => origin.to_vec(),
            Self::Contradiction { origin, note } => [*origin, *note].concat(),
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
            Table::Payload => Some(Self::Payload { digest: bytes.try_into().ok()? }),
            Table::Piece => {
                let (digest, number) = bytes.split_first_chunk::<32>()?;
                Some(Self::Piece { digest: *digest, number: u32::from_be_bytes(number.try_into().ok()?) })
            }
            Table::Hold => Some(Self::Hold { id: bytes.try_into().ok()? }),
            Table::Erasure => Some(Self::Erasure { digest: bytes.try_into().ok()? }),
            Table::Subject => {
                let (subject, digest) = bytes.split_first_chunk::<32>()?;
                Some(Self::Subject { subject: *subject, digest: digest.try_into().ok()? })
            }
            Table::Destroyed => Some(Self::Destroyed { key: bytes.try_into().ok()? }),
            Table::Announced => Some(Self::Announced { index: number(bytes)? }),
            Table::Times => Some(Self::Times { stretch: number(bytes)? }),
            Table::Witnessed => Some(Self::Witnessed { origin: bytes.try_into().ok()? }),
            Table::Contradiction => {
                let (origin, note) = bytes.split_first_chunk::<32>()?;
                Some(Self::Contradiction { origin: *origin, note: note.try_into().ok()? })
            }
            Table::Posting => {
                let (index, rest) = bytes.split_first()?;
                let (stretch, rest) = rest.split_first_chunk::<8>()?;
                let (key, first) = rest.split_first_chunk::<8>()?;
                let first = u32::from_be_bytes(first.try_into().ok()?);
                Some(Self::Posting { index: *index, stretch: u64::from_be_bytes(*stretch), key: *key, first })
            }
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
            any::<[u8; 32]>().prop_map(|digest| Key::Payload { digest }),
            (any::<[u8; 32]>(), any::<u32>()).prop_map(|(digest, number)| Key::Piece { digest, number }),
            any::<[u8; 32]>().prop_map(|id| Key::Hold { id }),
            any::<[u8; 32]>().prop_map(|digest| Key::Erasure { digest }),
            any::<[[u8; 32]; 2]>().prop_map(|[subject, digest]| Key::Subject { subject, digest }),
            any::<[u8; 32]>().prop_map(|key| Key::Destroyed { key }),
            any::<u64>().prop_map(|index| Key::Announced { index }),
            any::<(u8, u64, [u8; 8], u32)>().prop_map(|(index, stretch, key, first)| Key::Posting {
                index,
                stretch,
                key,
                first
            }),
            any::<u64>().prop_map(|stretch| Key::Times { stretch }),
            any::<[u8; 32]>().prop_map(|origin| Key::Witnessed { origin }),
            any::<[[u8; 32]; 2]>().prop_map(|[origin, note]| Key::Contradiction { origin, note }),
        ]
    }

    proptest! {
        #[test]
        fn decode_undoes_encode(key in keys()) {
            prop_assert_eq!(Key::decode(key.table(), &key.encode()), Some(key));
            prop_assert!(key.encode().len() <= Key::BYTES_MAX);
        }

        #[test]
        fn encode_undoes_decode(bytes in proptest::collection::vec(any::<u8>(), 0..70)) {
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
        assert_eq!(
            Table::ALL.map(|table| table as u8),
            [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]
        );
        assert_eq!(Key::Tile { level: 1, index: 258 }.encode(), [1, 0, 0, 0, 0, 0, 0, 1, 2]);
        assert_eq!(Key::Bundle { index: 258 }.encode(), [0, 0, 0, 0, 0, 0, 1, 2]);
        assert_eq!(Key::Run { first: 258 }.encode(), [0, 0, 0, 0, 0, 0, 1, 2]);
        let piece = Key::Piece { digest: [7; 32], number: 258 }.encode();
        assert_eq!(piece, [&[7; 32][..], &[0, 0, 1, 2]].concat());
        let subject = Key::Subject { subject: [8; 32], digest: [9; 32] }.encode();
        assert_eq!(subject, [[8; 32], [9; 32]].concat());
        let contradiction = Key::Contradiction { origin: [5; 32], note: [6; 32] }.encode();
        assert_eq!(contradiction, [[5; 32], [6; 32]].concat());
        assert_eq!(contradiction.len(), Key::BYTES_MAX);
        assert_eq!(Key::Witnessed { origin: [5; 32] }.encode(), [5; 32]);
        assert_eq!(Table::BESIDE, Table::ALL[5..11], "what a remade store must carry over");
    }

    #[test]
    fn the_page_tells_every_table() {
        let page = include_str!("../../../docs/data-model.md");
        for table in Table::ALL {
            let row = format!("| {} | `{}` |", table as u8, table.name());
            assert_eq!(page.matches(&row).count(), 1, "{row} in docs/data-model.md");
        }
    }
}
