//! The lookups of a log: from identities, sessions, tools, approvals and findings to the indexes of its records.
mod error;
mod follow;
#[doc(hidden)]
pub mod fuzzing;
mod head;
pub mod keys;
pub mod limits;
mod lookups;
mod merge;
mod page;
mod query;
mod segment;
mod state;
mod tail;
mod times;

pub use error::{FollowError, LookupError};
pub use follow::{Entries, Follower, Step};
pub use head::Shape;
pub use keys::{KeyHash, Kind, LookupKey, keys_of};
pub use lookups::Lookups;
pub use page::PageError;
pub use query::{Order, Page, Query, matches};
