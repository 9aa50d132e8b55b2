//! How a value lies in sled: cut into rows that are short enough to stay inline.
//!
//! A row's key is the key's bytes and the piece's number (16 bits, big-endian). The first row starts with a header:
//! encoding (0 as it is, 1 zstd), number of pieces (16 bits), length of the value before encoding (32 bits).
//!
//! In a value in parts each part is encoded by itself, and has a header of its own: the highest bit of its encoding is set, pieces
//! and length are those of the part, and a byte follows with the number of the last part. The pieces of part 0 are numbered
//! from 0 on, those of another from its [`number`](first_piece) on; so a part is found without looking at any other row.

use std::{cell::RefCell, collections::BTreeSet, io};

use bytes::Bytes;
use sled::IVec;

use super::limits::ROW_BYTES_MAX;
use crate::{Batch, CommitError, Key, PART_BYTES_MAX, PARTS_MAX, StoreError, Table, contract::parts};

/// Bytes of the header of a value's first row.
pub(super) const HEADER_BYTES: usize = 1 + 2 + 4;
/// Number of the last piece that a value can have.
pub(super) const PIECE_MAX: u16 = u16::MAX;
/// Payload of one row.
const PIECE_BYTES: usize = ROW_BYTES_MAX - HEADER_BYTES;
/// Payload of the first row of a part.
const FIRST_PIECE_BYTES: usize = PIECE_BYTES - 1;
/// zstd's fastest regular level keeps up with the log; higher ones gain some 10 % on audit records.
const ZSTD_LEVEL: i32 = 1;
const PLAIN: u8 = 0;
const ZSTD: u8 = 1;
/// Set in the encoding of a part.
const OF_A_PART: u8 = 0x80;
/// Numbers from here on are of the pieces of parts other than the first.
const PARTS_FROM: u16 = 0x8000;
/// Pieces of a part, at most.
const PART_PIECES_MAX: u16 = 1 << 7;
const _: () = assert!(
    PARTS_MAX * PART_PIECES_MAX as usize == PARTS_FROM as usize
        && PART_BYTES_MAX < (PART_PIECES_MAX as usize - 1) * PIECE_BYTES,
    "each piece of a part has a number of its own"
);

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

/// The number of the first piece of a part.
fn first_piece(part: usize) -> u16 {
    // There are few enough parts, and as many numbers for each.
    if part == 0 { 0 } else { PARTS_FROM | (part as u16) << 7 }
}

/// Reads the row of a piece.
pub(super) trait Rows: Fn(u16) -> Result<Option<IVec>, StoreError> {}
impl<F: Fn(u16) -> Result<Option<IVec>, StoreError>> Rows for F {}

/// The rows that a batch writes and deletes, for each table in the order of [`Table::ALL`].
///
/// `old_row` reads a present row of a key, to find pieces that are no longer needed.
pub(super) fn changes(
    batch: Batch,
    compressor: &mut Compressor,
    old_row: impl Fn(&Key, u16) -> Result<Option<IVec>, CommitError>,
) -> Result<Vec<Changes>, CommitError> {
    let mut tables: Vec<Changes> = vec![vec![]; Table::ALL.len()];
    let place = |key: &Key| key.table() as usize - Table::ALL[0] as usize;
    let old_pieces = |key: &Key| pieces(|piece| old_row(key, piece));
    for (each, value) in batch.puts {
        let cuts = batch.cuts.get(&each).map_or(&[][..], Vec::as_slice);
        let rows = cut(&each, &value, cuts, compressor)?;
        let mut stale = if each.table().write_once() { BTreeSet::new() } else { old_pieces(&each)? };
        let changes = &mut tables[place(&each)];
        for (piece, row) in rows {
            stale.remove(&piece);
            changes.push((key(&each, piece), Some(row)));
        }
        changes.extend(stale.into_iter().map(|piece| (key(&each, piece), None)));
    }
    for each in batch.deletes {
        let stale = old_pieces(&each)?;
        tables[place(&each)].extend(stale.into_iter().map(|piece| (key(&each, piece), None)));
    }
    Ok(tables)
}

/// The numbers of the pieces that a value has; none of one that is not there.
fn pieces<E>(row: impl Fn(u16) -> Result<Option<IVec>, E>) -> Result<BTreeSet<u16>, E> {
    let mut pieces = BTreeSet::new();
    let (mut part, mut last) = (0, 0);
    while part <= last {
        let first = first_piece(part);
        if let Some(header) = row(first)?.as_deref().and_then(Header::parse) {
            pieces.extend(first..first.saturating_add(header.pieces));
            last = header.last_part.map_or(0, usize::from);
        }
        part += 1;
    }
    Ok(pieces)
}

/// Cuts a value into rows, each with the number of its piece.
fn cut(
    key: &Key,
    value: &Bytes,
    cuts: &[usize],
    compressor: &mut Compressor,
) -> Result<Vec<(u16, Vec<u8>)>, CommitError> {
    let refuse = || CommitError::Refused(format!("{key:?}: a value of {} bytes is too large", value.len()));
    u32::try_from(value.len()).map_err(|_| refuse())?;
    let parts = parts(value, cuts)
        .ok_or_else(|| CommitError::Refused(format!("{key:?}: it cannot be cut like this: {cuts:?}")))?;
    let last_part = (parts.len() > 1).then_some((parts.len() - 1) as u8);
    let most = if last_part.is_some() { PART_PIECES_MAX } else { PARTS_FROM };
    let mut rows = vec![];
    for (number, part) in parts.into_iter().enumerate() {
        let length = part.len() as u32;
        let (encoding, encoded) = compressor.encode(key.table(), part)?;
        let room = if last_part.is_some() { FIRST_PIECE_BYTES } else { PIECE_BYTES };
        let (first, rest) = encoded.split_at(encoded.len().min(room));
        let pieces = u16::try_from(1 + rest.len().div_ceil(PIECE_BYTES)).ok();
        let pieces = pieces.filter(|pieces| *pieces <= most).ok_or_else(refuse)?;
        let mut row = Header { encoding, last_part, pieces, length }.print();
        row.extend_from_slice(first);
        let first_piece = first_piece(number);
        rows.push((first_piece, row));
        rows.extend((first_piece + 1..).zip(rest.chunks(PIECE_BYTES).map(<[u8]>::to_vec)));
    }
    // The promise that no value spills into a file of its own is made here.
    if rows.iter().any(|(_, row)| row.len() > ROW_BYTES_MAX) {
        return Err(CommitError::Refused(format!("{key:?}: a row is over {ROW_BYTES_MAX} bytes")));
    }
    Ok(rows)
}

/// A value, or what is wrong with it.
type Read<T> = Result<Result<T, String>, StoreError>;

/// Puts a value together from its first row and the others, which `row` reads by number.
pub(super) fn assemble(first: &[u8], row: impl Rows) -> Read<Bytes> {
    let Some(header) = Header::parse(first) else { return Ok(Err("a value without its header".into())) };
    let mut value = match joined(&header, 0, first, &row)? {
        Ok(part) if header.last_part.is_none() => return Ok(Ok(part)),
        Ok(part) => part.to_vec(),
        wrong => return Ok(wrong),
    };
    for number in 1..=header.last_part.map_or(0, usize::from) {
        match part(number, &row)? {
            Ok(Some(part)) => value.extend_from_slice(&part),
            Ok(None) => return Ok(Err(format!("part {number} is missing"))),
            Err(what) => return Ok(Err(what)),
        }
    }
    Ok(Ok(value.into()))
}

/// One part of a value; `None` where there is no value, or it has fewer.
pub(super) fn part(number: usize, row: impl Rows) -> Read<Option<Bytes>> {
    if number >= PARTS_MAX {
        return Ok(Ok(None));
    }
    let first_piece = first_piece(number);
    let Some(first) = row(first_piece)? else { return Ok(Ok(None)) };
    match Header::parse(&first) {
        Some(header) if number > 0 && header.last_part.is_none() => {
            Ok(Err("a part that is none of a value in parts".into()))
        }
        Some(header) => Ok(joined(&header, first_piece, &first, row)?.map(Some)),
        None => Ok(Err(format!("part {number} is without its header"))),
    }
}

/// What a header tells of, from its row and the pieces that follow.
fn joined(header: &Header, first_piece: u16, first: &[u8], row: impl Rows) -> Read<Bytes> {
    let mut encoded = first[header.bytes()..].to_vec();
    for piece in (first_piece..first_piece.saturating_add(header.pieces)).skip(1) {
        match row(piece)? {
            Some(row) => encoded.extend_from_slice(&row),
            None => return Ok(Err(format!("piece {piece} is missing"))),
        }
    }
    Ok(header.decode(encoded))
}

struct Header {
    encoding: u8,
    /// The number of the last part; `None` of a value that is whole.
    last_part: Option<u8>,
    pieces: u16,
    length: u32,
}

impl Header {
    fn print(&self) -> Vec<u8> {
        let mut bytes = vec![self.encoding | if self.last_part.is_some() { OF_A_PART } else { 0 }];
        bytes.extend(self.pieces.to_be_bytes());
        bytes.extend(self.length.to_be_bytes());
        bytes.extend(self.last_part);
        bytes
    }

    /// Bytes of it.
    fn bytes(&self) -> usize {
        HEADER_BYTES + usize::from(self.last_part.is_some())
    }

    fn parse(row: &[u8]) -> Option<Self> {
        let (encoding, rest) = row.split_first()?;
        let (pieces, rest) = rest.split_first_chunk::<2>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let last_part = if encoding & OF_A_PART == 0 { None } else { Some(*rest.first()?) };
        Some(Self {
            encoding: encoding & !OF_A_PART,
            last_part,
            pieces: u16::from_be_bytes(*pieces),
            length: u32::from_be_bytes(*length),
        })
    }

    fn decode(&self, encoded: Vec<u8>) -> Result<Bytes, String> {
        let value = match self.encoding {
            PLAIN => encoded,
            ZSTD => decompress(&encoded, self.length as usize)
                .map_err(|error| format!("not decompressed: {error}"))?,
            other => return Err(format!("an encoding {other} that is none of ours")),
        };
        if value.len() == self.length as usize {
            Ok(value.into())
        } else {
            Err(format!("{} bytes instead of {}", value.len(), self.length))
        }
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
