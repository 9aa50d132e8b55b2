//! How a value lies in sled: cut into rows that are short enough to stay inline.
//!
//! A row's key is the key's bytes and the piece's number (16 bits, big-endian). The first row starts with a header:
//! encoding (0 as it is, 1 zstd), number of pieces (16 bits), length of the value before encoding (32 bits).

use std::io;

use bytes::Bytes;
use sled::IVec;

use super::limits::ROW_BYTES_MAX;
use crate::{Batch, CommitError, Key, StoreError, Table};

/// Bytes of the header of a value's first row.
pub(super) const HEADER_BYTES: usize = 1 + 2 + 4;
/// Number of the last piece that a value can have.
pub(super) const PIECE_MAX: u16 = u16::MAX;
/// Payload of one row.
const PIECE_BYTES: usize = ROW_BYTES_MAX - HEADER_BYTES;
/// zstd's fastest regular level keeps up with the log; higher ones gain some 10 % on audit records.
const ZSTD_LEVEL: i32 = 1;
const PLAIN: u8 = 0;
const ZSTD: u8 = 1;

/// Rows to write (`Some`) and delete (`None`) in one table.
pub(super) type Changes = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// Key of one piece of a value.
pub(super) fn key(key: &Key, piece: u16) -> Vec<u8> {
    let mut bytes = key.encode();
    bytes.extend(piece.to_be_bytes());
    bytes
}

/// Undoes [`key`].
pub(super) fn parse_key(table: Table, bytes: &[u8]) -> Option<(Key, u16)> {
    let (key, piece) = bytes.split_last_chunk::<2>()?;
    Some((Key::decode(table, key)?, u16::from_be_bytes(*piece)))
}

/// What is reused from value to value: zstd's tables are larger than most values.
pub(super) struct Compressor(zstd::bulk::Compressor<'static>);

impl Compressor {
    pub(super) fn new() -> io::Result<Self> {
        zstd::bulk::Compressor::new(ZSTD_LEVEL).map(Self)
    }

    /// The encoding and the encoded bytes; plain where compression gains nothing.
    fn encode(&mut self, table: Table, value: Bytes) -> Result<(u8, Bytes), CommitError> {
        if !table.compressed() {
            return Ok((PLAIN, value));
        }
        let packed = self.0.compress(&value).map_err(|error| CommitError::Refused(error.to_string()))?;
        Ok(if packed.len() < value.len() { (ZSTD, packed.into()) } else { (PLAIN, value) })
    }
}

/// The rows that a batch writes and deletes, for each table in the order of [`Table::ALL`].
///
/// `old_first_row` reads the present first row of a key, to find pieces that are no longer needed.
pub(super) fn changes(
    batch: Batch,
    compressor: &mut Compressor,
    old_first_row: impl Fn(&Key) -> Result<Option<IVec>, CommitError>,
) -> Result<Vec<Changes>, CommitError> {
    let mut tables: Vec<Changes> = vec![vec![]; Table::ALL.len()];
    let place = |key: &Key| key.table() as usize - Table::ALL[0] as usize;
    let old_pieces =
        |key: &Key| Ok(old_first_row(key)?.and_then(|row| Header::parse(&row)).map_or(0, |h| h.pieces));
    for (each, value) in batch.puts {
        let rows = cut(&each, &value, compressor)?;
        let pieces = rows.len() as u16;
        let stale = if each.table().write_once() { 0 } else { old_pieces(&each)? };
        let changes = &mut tables[place(&each)];
        changes.extend((0..).zip(rows).map(|(piece, row)| (key(&each, piece), Some(row))));
        changes.extend((pieces..stale).map(|piece| (key(&each, piece), None)));
    }
    for each in batch.deletes {
        let stale = old_pieces(&each)?;
        tables[place(&each)].extend((0..stale).map(|piece| (key(&each, piece), None)));
    }
    Ok(tables)
}

/// Cuts a value into rows.
fn cut(key: &Key, value: &Bytes, compressor: &mut Compressor) -> Result<Vec<Vec<u8>>, CommitError> {
    let refuse = || CommitError::Refused(format!("{key:?}: a value of {} bytes is too large", value.len()));
    let length = u32::try_from(value.len()).map_err(|_| refuse())?;
    let (encoding, encoded) = compressor.encode(key.table(), value.clone())?;
    let pieces = u16::try_from(encoded.len().div_ceil(PIECE_BYTES).max(1)).map_err(|_| refuse())?;
    let mut rows = vec![Header { encoding, pieces, length }.print()];
    let (first, rest) = encoded.split_at(encoded.len().min(PIECE_BYTES));
    rows[0].extend_from_slice(first);
    rows.extend(rest.chunks(PIECE_BYTES).map(<[u8]>::to_vec));
    // The promise that no value spills into a file of its own is made here.
    if rows.iter().any(|row| row.len() > ROW_BYTES_MAX) {
        return Err(CommitError::Refused(format!("{key:?}: a row is over {ROW_BYTES_MAX} bytes")));
    }
    Ok(rows)
}

/// Puts a value together from its first row and the others, which `row` reads by number.
pub(super) fn assemble(
    first: &[u8],
    row: impl Fn(u16) -> Result<Option<IVec>, StoreError>,
) -> Result<Result<Bytes, String>, StoreError> {
    let Some(header) = Header::parse(first) else { return Ok(Err("a value without its header".into())) };
    let mut encoded = first[HEADER_BYTES..].to_vec();
    for piece in 1..header.pieces {
        match row(piece)? {
            Some(row) => encoded.extend_from_slice(&row),
            None => return Ok(Err(format!("piece {piece} of {} is missing", header.pieces))),
        }
    }
    Ok(header.decode(encoded))
}

struct Header {
    encoding: u8,
    pieces: u16,
    length: u32,
}

impl Header {
    fn print(&self) -> Vec<u8> {
        let mut bytes = vec![self.encoding];
        bytes.extend(self.pieces.to_be_bytes());
        bytes.extend(self.length.to_be_bytes());
        bytes
    }

    fn parse(row: &[u8]) -> Option<Self> {
        let (encoding, rest) = row.split_first()?;
        let (pieces, rest) = rest.split_first_chunk::<2>()?;
        let length = u32::from_be_bytes(*rest.first_chunk::<4>()?);
        Some(Self { encoding: *encoding, pieces: u16::from_be_bytes(*pieces), length })
    }

    fn decode(&self, encoded: Vec<u8>) -> Result<Bytes, String> {
        let length = self.length as usize;
        let value = match self.encoding {
            PLAIN => encoded,
            ZSTD => zstd::bulk::decompress(&encoded, length)
                .map_err(|error| format!("not decompressed: {error}"))?,
            other => return Err(format!("an encoding {other} that is none of ours")),
        };
        if value.len() == length {
            Ok(value.into())
        } else {
            Err(format!("{} bytes instead of {length}", value.len()))
        }
    }
}
