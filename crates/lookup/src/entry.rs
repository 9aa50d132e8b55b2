//! An entry that was found, with what was understood of it when it was asked whether it fits.

use bytes::Bytes;
use record::Logged;
use self_cell::self_cell;

/// What is understood of an entry; `None` of one that is no record.
type Understood<'a> = Option<Logged<'a>>;

self_cell!(
    struct Read {
        owner: Bytes,
        #[covariant]
        dependent: Understood,
    }
    impl {Debug}
);

/// An entry of the log, taken apart once: a question is held against it, and a story told from it.
#[derive(Debug)]
pub struct Entry {
    index: u64,
    read: Read,
}

impl Entry {
    /// Takes the entry at this index apart, if it is a record.
    pub fn read(index: u64, entry: &[u8]) -> Self {
        // It outlives the bundle that it was read with, and does not hold all of it.
        let bytes = Bytes::copy_from_slice(entry);
        Self { index, read: Read::new(bytes, |bytes| Logged::read(index, bytes).ok()) }
    }

    /// Where it is in the log.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Its bytes.
    pub fn bytes(&self) -> &Bytes {
        self.read.borrow_owner()
    }

    /// What was understood of it; `None` where it is no record.
    pub fn logged(&self) -> Option<&Logged<'_>> {
        self.read.borrow_dependent().as_ref()
    }

    /// Its bytes alone.
    pub fn into_bytes(self) -> Bytes {
        self.read.into_owner()
    }
}

/// Entries are equal that have the same bytes at the same place.
impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.index == other.index && self.bytes() == other.bytes()
    }
}

impl Eq for Entry {}
