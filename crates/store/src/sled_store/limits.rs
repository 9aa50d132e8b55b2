//! The sizes that keep sled's values inline, in one place.

use crate::Key;

/// Size of a segment of sled's file. It is part of the format: sled refuses to open a file with another one.
pub const SEGMENT_BYTES: usize = 4 << 20;
/// Longest row: a piece of a value and its header.
pub const ROW_BYTES_MAX: usize = 24 * 1024 + super::rows::HEADER_BYTES;
/// Bytes of a value that one row holds whole: what is cut into values of this size spares a second row for each.
pub const VALUE_IN_ONE_ROW_MAX: usize = ROW_BYTES_MAX - super::rows::HEADER_BYTES;
/// Values that one node of sled's trees holds at most (it splits above 16; a merge can add 3).
pub const NODE_ROWS_MAX: usize = 32;
/// Most that the page cache holds in memory, unless told otherwise.
pub const CACHE_BYTES: u64 = 64 << 20;

/// Above this, sled writes a node to `blobs/` instead: `segment / 4 - 20`, less a message header of 32.
const NODE_BYTES_MAX: usize = SEGMENT_BYTES / 4 - 20 - 32;
/// A row's key in sled: ours and the piece's number; and room for sled's own lengths.
const ROW_OVERHEAD: usize = Key::BYTES_MAX + 2 + 16;
const _: () = assert!(NODE_ROWS_MAX * (ROW_BYTES_MAX + ROW_OVERHEAD) < NODE_BYTES_MAX, "a node could spill");
