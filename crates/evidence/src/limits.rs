//! Every limit of an evidence file, in one place. A refusal that rests on one of them tells its value.

/// Bytes of a file, at most: 256 MiB.
pub const FILE_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Entries in a file, at most.
pub const ENTRIES_MAX: usize = 65_536;

/// Disclosures in a file, at most.
pub const DISCLOSURES_MAX: usize = 65_536;

/// Keys of the log that a file names, at most: the first, and as many as a key history may tell of.
pub const KEYS_MAX: usize = 257;

/// Ranges, record ids or pairs in a question, at most.
pub const ASKED_MAX: usize = 1_024;

/// Bytes of one text in the head of a file (a name, a program, a value of a query), at most.
pub const TEXT_BYTES_MAX: usize = 4_096;

/// The greatest index or size: what every reader of I-JSON holds exactly.
pub const SIZE_MAX: u64 = record::limits::INTEGER_MAX;
