//! Lookups: which entries of a log speak of whom.
//!
//! A follower reads the log's own public resources, proves what it read against the signed checkpoint, and notes for each
//! entry under which keys it is found: [`keys`] says which, and is frozen. What it keeps is derived from the log alone and
//! can be made anew at any time; nothing here is ever the truth about an entry.
//!
//! ```text
//! stretch     65,536 entries in a row
//! postings    key (8 bytes of a SHA-256) -> the entries of one stretch that have it, as differences in varints
//! page        postings of neighbouring keys, one row of the store; found by the greatest row not above a key
//! filter      which keys a stretch may have; in memory too, so that a rare key is not looked for in every stretch
//! tail        the stretch that is not full yet: in memory, followed again after a restart
//! ```
//!
//! A query is an intersection of postings, stretch by stretch, in the order asked for ([`Lookups::search`]). Eight bytes
//! of a hash may collide, so what is found is held against the entries themselves before it is answered: answers are exact.
//!
//! Findings are noted by a second index of the same kind, because the fold that makes them has to begin at the first
//! entry whenever a process starts; until it is there again, [`Lookups::findings_size`] says how far it is.

mod bundles;
mod codec;
mod entry;
mod filter;
mod follow;
mod index;
pub mod keys;
mod lookups;
mod query;
mod state;

pub use bundles::{Bundles, BundlesError, FromBundles};
pub use entry::Entry;
pub use follow::{Entries, FollowError, Follower, Progress};
pub use index::{LookupError, STRETCH};
pub use lookups::Lookups;
pub use query::{Found, LIMIT_MAX, Order, Query, QueryError, Take};

#[doc(hidden)]
pub mod fuzzing {
    //! What holds for any bytes at all.

    /// A page is read or refused, and what is read prints as the same page.
    pub fn page(data: &[u8]) {
        let Ok(lists) = crate::codec::read_page(data) else { return };
        assert_eq!(crate::codec::print_page(&lists), data, "a page comes back as other bytes");
    }
}
