//! Mirroring (C2SP tlog-mirror): how a log's entries are pushed to somebody who keeps a copy, and what he may take.
//!
//! A mirror first learns a signed checkpoint, as a witness does ([`crate::witness`]): that is the pending one. Entries come
//! in requests to `add-entries`, each of them in packages that go to the end of an entry bundle, and each package carries the
//! proof that it is part of the pending tree. So a package can be kept as soon as it is here, whoever sent it and whatever
//! becomes of the rest.
//!
//! ```text
//! POST <prefix>/add-entries    Reader -> Upload -> decide -> Taking
//!                                     -> Package -> Taking::prove -> Proven, to be kept
//!                              end of the body -> Taking::end -> all, or 202 with Info, or 400
//!                              all is kept     -> Taking::finish -> 200 with the cosignatures, or 409 with Info
//! ```
//!
//! [`Reader`] holds at most one package, however the body comes. What [`Taking`] allows rests on nothing but the proofs; what
//! it does not see is whether the mirror has really kept what it says to have ([`Standing`]).
//!
//! Two points are settled here that the specification leaves open. A mirror's tickets are empty, and those of requests are not
//! looked at: it remembers its pending checkpoints itself, so there is nothing to authenticate. And bytes behind the last
//! package are not looked at, as are those of a package that is not whole.

mod decision;
mod error;
mod info;
mod package;
mod reader;
mod refusal;
mod upload;

pub use decision::{End, Standing, Taking, decide};
pub use error::{PackageError, ReadError, UploadError};
pub use info::{INFO_CONTENT_TYPE, INFO_LEN_MAX, Info, InfoError};
pub use package::{Package, Proven};
pub use reader::{Reader, Step};
pub use refusal::{Reason, Refusal};
pub use upload::{Span, Upload};

/// Content type of a request to `add-entries`; a mirror takes no other.
pub const ENTRIES_CONTENT_TYPE: &str = "application/octet-stream";

/// Packages that a client sends in one request, at most (the specification's advice: some hosts bound bodies).
pub const PACKAGES_MAX: u64 = 32;

/// Entries that a request may send although the mirror has them, at most.
pub const OVERLAP_MAX: u64 = 8 * crate::tile::WIDTH;

/// Longest ticket in bytes; its length field has no room for more.
pub const TICKET_LEN_MAX: usize = u16::MAX as usize;
