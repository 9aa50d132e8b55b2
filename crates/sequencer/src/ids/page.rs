//! One page of the id table, and its bytes.
//!
//! `until` flag (1 byte: 0 this is the last page, 1 a key follows) ‖ least key of the next page (32 bytes, or none)
//! ‖ rows, each id (16) ‖ producer tag (16) ‖ digest (32) ‖ index (8, big-endian), ascending by id and tag.

use bytes::{BufMut, Bytes, BytesMut};

use record::RecordKey;

/// Rows of a page at most: 9 KB, short enough to be rewritten for a single record.
pub const PAGE_ROWS_MAX: usize = 128;
const ROW_BYTES: usize = 16 + 16 + 32 + 8;

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Whose record, and which.
    pub key: RecordKey,
    /// SHA-256 of what was submitted.
    pub digest: [u8; 32],
    /// Index of the entry.
    pub index: u64,
}

/// Bytes that are not a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// Wrong length or flag, or not a key of the id table.
    #[error("not a page of the id table")]
    NotAPage,
    /// Rows that are not in ascending order, or beyond the page's end.
    #[error("the rows are out of order")]
    Order,
}

/// Rows from one key up to the next page's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    rows: Vec<Row>,
    until: Option<RecordKey>,
}

impl Page {
    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The least key that is not in this page any more; `None` for the last page.
    pub(super) fn until(&self) -> Option<RecordKey> {
        self.until
    }

    pub(super) fn find(&self, key: &RecordKey) -> Option<Row> {
        self.rows.binary_search_by(|row| row.key.cmp(key)).ok().map(|at| self.rows[at])
    }

    /// This page, which starts at `from`, with further rows: one page or several, each with the key it starts at.
    ///
    /// Rows that all come after the present ones fill pages to the brim, for the next will come after them again;
    /// anything else is cut into equal parts, which leaves room in each.
    pub(super) fn with(self, from: RecordKey, new: Vec<Row>) -> Vec<(RecordKey, Self)> {
        let appended = self.rows.last().is_none_or(|last| new.iter().all(|row| row.key > last.key));
        let mut rows = self.rows;
        rows.extend(new);
        rows.sort_by_key(|row| row.key);
        let pages = rows.len().div_ceil(PAGE_ROWS_MAX).max(1);
        let width = if appended { PAGE_ROWS_MAX } else { rows.len().div_ceil(pages).max(1) };
        let starts: Vec<_> =
            rows.chunks(width).enumerate().map(|(n, c)| if n == 0 { from } else { c[0].key }).collect();
        let ends = starts.iter().skip(1).copied().map(Some).chain([self.until]);
        let pages = rows.chunks(width).zip(ends).map(|(rows, until)| Self { rows: rows.to_vec(), until });
        starts.iter().copied().zip(pages).collect()
    }

    pub(super) fn encode(&self) -> Bytes {
        let mut bytes = BytesMut::with_capacity(33 + self.rows.len() * ROW_BYTES);
        bytes.put_u8(u8::from(self.until.is_some()));
        if let Some(until) = self.until {
            bytes.put_slice(&until.to_bytes());
        }
        for row in &self.rows {
            bytes.put_slice(&row.key.to_bytes());
            bytes.put_slice(&row.digest);
            bytes.put_u64(row.index);
        }
        bytes.freeze()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, PageError> {
        let (flag, rest) = bytes.split_first().ok_or(PageError::NotAPage)?;
        let (until, rest) = match flag {
            0 => (None, rest),
            1 => {
                let (until, rest) = rest.split_first_chunk().ok_or(PageError::NotAPage)?;
                (Some(RecordKey::from_bytes(*until)), rest)
            }
            _ => return Err(PageError::NotAPage),
        };
        if !rest.len().is_multiple_of(ROW_BYTES) {
            return Err(PageError::NotAPage);
        }
        let rows: Vec<Row> = rest.chunks_exact(ROW_BYTES).filter_map(decode_row).collect();
        let ascending = rows.windows(2).all(|pair| pair[0].key < pair[1].key);
        let inside = until.is_none_or(|until| rows.last().is_none_or(|last| last.key < until));
        if ascending && inside { Ok(Self { rows, until }) } else { Err(PageError::Order) }
    }
}

fn decode_row(bytes: &[u8]) -> Option<Row> {
    let (key, rest) = bytes.split_first_chunk::<32>()?;
    let (digest, rest) = rest.split_first_chunk::<32>()?;
    let index = u64::from_be_bytes(*rest.first_chunk::<8>()?);
    Some(Row { key: RecordKey::from_bytes(*key), digest: *digest, index })
}
