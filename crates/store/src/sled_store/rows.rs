//! How a value lies in sled: cut into rows that are short enough to stay inline.
//!
//! A row's key is the key's bytes and the piece's number (16 bits, big-endian). The first row starts with a header:
//! encoding (0 as it is, 1 zstd, 2 in parts), number of pieces (16 bits), length of the value before encoding (32 bits).
//! In the first row of a value in parts there is after it, for each part, what a header would say of it, with the number of
//! its first piece (16 bits) instead of how many they are; each part is encoded by itself and begins a new row.

use std::{cell::RefCell, io, ops::Range};

use bytes::Bytes;
use sled::IVec;

use super::limits::ROW_BYTES_MAX;
use crate::{Batch, CommitError, Key, StoreError, Table, contract::parts};

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
const PARTS: u8 = 2;

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
        let cuts = batch.cuts.get(&each).map_or(&[][..], Vec::as_slice);
        let rows = cut(&each, &value, cuts, compressor)?;
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
fn cut(
    key: &Key,
    value: &Bytes,
    cuts: &[usize],
    compressor: &mut Compressor,
) -> Result<Vec<Vec<u8>>, CommitError> {
    let refuse = || CommitError::Refused(format!("{key:?}: a value of {} bytes is too large", value.len()));
    let length = u32::try_from(value.len()).map_err(|_| refuse())?;
    let parts = parts(value, cuts)
        .ok_or_else(|| CommitError::Refused(format!("{key:?}: it cannot be cut like this: {cuts:?}")))?;
    let encode = |part: Bytes| Ok((part.len() as u32, compressor.encode(key.table(), part)?));
    let encoded = parts.into_iter().map(encode).collect::<Result<Vec<_>, CommitError>>()?;
    let (encoding, first, rest) = match &encoded[..] {
        [(_, (encoding, bytes))] => {
            let (first, rest) = bytes.split_at(bytes.len().min(PIECE_BYTES));
            (*encoding, first.to_vec(), rest.chunks(PIECE_BYTES).map(<[u8]>::to_vec).collect())
        }
        parts => in_parts(parts).ok_or_else(refuse)?,
    };
    let pieces = u16::try_from(1 + rest.len()).map_err(|_| refuse())?;
    let mut rows = vec![Header { encoding, pieces, length }.print()];
    rows[0].extend(first);
    rows.extend(rest);
    // The promise that no value spills into a file of its own is made here.
    if rows.iter().any(|row| row.len() > ROW_BYTES_MAX) {
        return Err(CommitError::Refused(format!("{key:?}: a row is over {ROW_BYTES_MAX} bytes")));
    }
    Ok(rows)
}

/// Encoding, first row and other rows of a value in parts; `None` if it has too many rows.
fn in_parts(parts: &[(u32, (u8, Bytes))]) -> Option<(u8, Vec<u8>, Vec<Vec<u8>>)> {
    let (mut directory, mut rows) = (vec![], vec![]);
    for (length, (encoding, bytes)) in parts {
        let first = u16::try_from(1 + rows.len()).ok()?;
        directory.extend(Header { encoding: *encoding, pieces: first, length: *length }.print());
        rows.extend(bytes.chunks(PIECE_BYTES).map(<[u8]>::to_vec));
    }
    Some((PARTS, directory, rows))
}

/// Reads the row of a piece.
pub(super) trait Rows: Fn(u16) -> Result<Option<IVec>, StoreError> {}
impl<F: Fn(u16) -> Result<Option<IVec>, StoreError>> Rows for F {}

/// A value, or what is wrong with it.
type Read<T> = Result<Result<T, String>, StoreError>;

/// Puts a value together from its first row and the others, which `row` reads by number.
pub(super) fn assemble(first: &[u8], row: impl Rows) -> Read<Bytes> {
    let header = match Header::of(first) {
        Ok(header) if header.encoding == PARTS => header,
        Ok(header) => return joined(&header, &first[HEADER_BYTES..], 1..header.pieces, row),
        Err(what) => return Ok(Err(what)),
    };
    let mut value = Vec::with_capacity(header.length as usize);
    for (part, pieces) in header.parts(first) {
        match joined(&part, &[], pieces, &row)? {
            Ok(part) => value.extend_from_slice(&part),
            wrong => return Ok(wrong),
        }
    }
    Ok(of_length(value, header.length).map(Bytes::from))
}

/// One part of a value; `None` if it has fewer.
pub(super) fn part(first: &[u8], number: usize, row: impl Rows) -> Read<Option<Bytes>> {
    let header = match Header::of(first) {
        Ok(header) if header.encoding == PARTS => header,
        Ok(_) if number > 0 => return Ok(Ok(None)),
        Ok(_) => return Ok(assemble(first, row)?.map(Some)),
        Err(what) => return Ok(Err(what)),
    };
    match header.parts(first).nth(number) {
        Some((part, pieces)) => Ok(joined(&part, &[], pieces, row)?.map(Some)),
        None => Ok(Ok(None)),
    }
}

/// What a header tells of, from its first bytes and the pieces that follow.
fn joined(header: &Header, first: &[u8], pieces: Range<u16>, row: impl Rows) -> Read<Bytes> {
    let mut encoded = first.to_vec();
    for piece in pieces {
        match row(piece)? {
            Some(row) => encoded.extend_from_slice(&row),
            None => return Ok(Err(format!("piece {piece} is missing"))),
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

    fn of(row: &[u8]) -> Result<Self, String> {
        Self::parse(row).ok_or_else(|| "a value without its header".into())
    }

    /// What the first row of a value in parts says of each part, with the numbers of its pieces.
    fn parts(&self, first_row: &[u8]) -> impl Iterator<Item = (Self, Range<u16>)> {
        let all = first_row[HEADER_BYTES..].chunks(HEADER_BYTES).map_while(Self::parse);
        let ends = all.clone().skip(1).map(|next| next.pieces).chain([self.pieces]);
        all.zip(ends).map(|(part, end)| (part.pieces..end, part)).map(|(pieces, part)| (part, pieces))
    }

    fn decode(&self, encoded: Vec<u8>) -> Result<Bytes, String> {
        let value = match self.encoding {
            PLAIN => encoded,
            ZSTD => decompress(&encoded, self.length as usize)
                .map_err(|error| format!("not decompressed: {error}"))?,
            other => return Err(format!("an encoding {other} that is none of ours")),
        };
        of_length(value, self.length).map(Bytes::from)
    }
}

fn of_length(value: Vec<u8>, length: u32) -> Result<Vec<u8>, String> {
    if value.len() == length as usize {
        Ok(value)
    } else {
        Err(format!("{} bytes instead of {length}", value.len()))
    }
}

thread_local! {
    /// What is reused from value to value, as when compressing.
    static DECOMPRESSOR: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
}

fn decompress(encoded: &[u8], length: usize) -> io::Result<Vec<u8>> {
    DECOMPRESSOR.with_borrow_mut(|kept| {
        let decompressor = match kept {
            Some(kept) => kept,
            None => kept.insert(zstd::bulk::Decompressor::new()?),
        };
        decompressor.decompress(encoded, length)
    })
}
