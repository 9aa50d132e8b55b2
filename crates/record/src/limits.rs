//! Every limit of this crate, in one place. A refusal that rests on one of them tells its value.

use crate::envelope::ENVELOPE_BYTES;

/// Bytes of an entry, at most: C2SP tlog-tiles gives an entry's length 16 bits.
pub const ENTRY_BYTES_MAX: usize = 65_535;

/// Bytes of a record in canonical form, at most: what an entry can hold beside the envelope of a submitter whose name
/// is one byte long. A longer name leaves less, which [`seal`](crate::seal) tells.
pub const RECORD_BYTES_MAX: usize = ENTRY_BYTES_MAX - ENVELOPE_BYTES - 1;

/// Bytes of one JSON text as submitted, at most; where content stands in it, of all that is not inside strings. Every
/// record that fits in canonical form fits here also when each of its characters is written as a `\u` escape of six bytes.
pub const TEXT_BYTES_MAX: usize = 512 * 1024;

/// Bytes of one JSON text as submitted with content in it, at most: the largest content in base64url, or with half of it
/// written as escapes of two bytes, and room for the rest.
pub const HANDED_BYTES_MAX: usize = 32 * 1024 * 1024;

/// How deep objects and arrays may nest, the record itself being the first level.
pub const DEPTH_MAX: usize = 64;

/// Bytes of a submitter's name, at most.
pub const SUBMITTER_BYTES_MAX: usize = 256;

/// The greatest integer that every reader of I-JSON holds exactly: 2^53 - 1 (RFC 7493, section 2.2).
pub const INTEGER_MAX: u64 = 9_007_199_254_740_991;

/// Significant digits of a number, at most: 17 tell any two doubles apart.
pub const SIGNIFICANT_DIGITS_MAX: usize = 17;

/// Characters of one member name that the path in a refusal shows; a longer name is cut and ends in `…`.
pub const PATH_NAME_CHARS_MAX: usize = 64;

/// Bytes of one string that has a meaning here (names, scopes, reasons), at most.
pub const NAME_BYTES_MAX: usize = 4_096;

/// Actors in one chain, at most (RFC 8693, section 4.1).
pub const ACTORS_MAX: usize = 16;

/// Steps of a path into the typed record, at most.
pub(crate) const TYPED_DEPTH_MAX: usize = ACTORS_MAX + 4;

/// Signatures over one record, at most.
pub const SIGNATURES_MAX: usize = 4;

/// Bytes of a content that is disclosed, at most: 16 MiB, counted before any encoding.
pub const CONTENT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Bytes of the name in a disclosure, at most.
pub const DISCLOSURE_NAME_BYTES_MAX: usize = 256;

/// Bytes of the salt in a disclosure of somebody else's making, at most.
pub const DISCLOSURE_SALT_BYTES_MAX: usize = 64;

/// Bytes of a disclosure's text, at most: base64url of JSON in which each byte of content, name and salt is written as an
/// escape of six, and 1,024 bytes for the marks and white space between them.
pub const DISCLOSURE_BYTES_MAX: usize =
    ((CONTENT_BYTES_MAX + DISCLOSURE_NAME_BYTES_MAX + 2 * DISCLOSURE_SALT_BYTES_MAX) * 6 + 1_024).div_ceil(3)
        * 4;

const _: () = assert!(RECORD_BYTES_MAX * 6 <= TEXT_BYTES_MAX);
