//! What a request to `add-entries` says of itself before the entries come, and into which packages they are cut.

use bytes::{BufMut, Bytes, BytesMut};

use super::{ReadError, TICKET_LEN_MAX, UploadError};
use crate::Head;
use crate::key::KeyName;
use crate::plan::{PlanError, SubtreePlan};
use crate::tile::WIDTH;

/// The head of a request to `add-entries`: which entries of which log it uploads. Nothing of it is verified.
///
/// ```text
/// u16 length, origin
/// u64 upload_start
/// u64 upload_end            size of a checkpoint that the mirror knows
/// u16 length, ticket
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    origin: KeyName,
    start: u64,
    end: u64,
    ticket: Bytes,
}

impl Upload {
    /// An upload of the entries from `start` up to `end`, which is the size of the pending checkpoint.
    ///
    /// # Errors
    /// [`UploadError::EndBeforeStart`] and [`UploadError::TicketTooLong`].
    pub fn new(origin: KeyName, start: u64, end: u64, ticket: Bytes) -> Result<Self, UploadError> {
        if start > end {
            return Err(UploadError::EndBeforeStart { start, end });
        }
        if ticket.len() > TICKET_LEN_MAX {
            return Err(UploadError::TicketTooLong { have: ticket.len() });
        }
        Ok(Self { origin, start, end, ticket })
    }

    /// Name of the log, as claimed.
    pub fn origin(&self) -> &KeyName {
        &self.origin
    }

    /// Index of the first entry.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// Index after the last entry: the size of the tree that all packages are proven to be part of.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// What the mirror has told the client to send along.
    pub fn ticket(&self) -> &Bytes {
        &self.ticket
    }

    /// All packages of the upload, in order. A request carries the first so many of them.
    pub fn spans(&self) -> impl Iterator<Item = Span> + use<> {
        let end = self.end;
        std::iter::successors(Span::from(self.start, end), move |span| Span::from(span.end, end))
    }

    /// The head of the request, as bytes.
    pub fn encode(&self) -> Bytes {
        let origin = self.origin.as_str().as_bytes();
        let mut bytes = BytesMut::with_capacity(2 + origin.len() + 8 + 8 + 2 + self.ticket.len());
        // Both lengths fit: names and tickets have been bounded.
        bytes.put_u16(origin.len() as u16);
        bytes.put_slice(origin);
        bytes.put_u64(self.start);
        bytes.put_u64(self.end);
        bytes.put_u16(self.ticket.len() as u16);
        bytes.put_slice(&self.ticket);
        bytes.freeze()
    }

    /// Takes the head of a request from the front of `bytes`; `None` if it is not all there yet.
    pub(super) fn take(bytes: &mut BytesMut) -> Result<Option<Self>, ReadError> {
        let Some(length) = u16_at(bytes, 0) else { return Ok(None) };
        if length > KeyName::LEN_MAX {
            return Err(ReadError::OriginTooLong { have: length });
        }
        let numbers = 2 + length;
        let Some(ticket) = u16_at(bytes, numbers + 16) else { return Ok(None) };
        let whole = numbers + 18 + ticket;
        if bytes.len() < whole {
            return Ok(None);
        }
        let head = bytes.split_to(whole).freeze();
        let origin = std::str::from_utf8(&head[2..numbers]).map_err(|_| ReadError::OriginNotUtf8)?;
        let origin = origin.parse().map_err(ReadError::Origin)?;
        let (start, end) = (u64_at(&head, numbers), u64_at(&head, numbers + 8));
        Ok(Some(Self::new(origin, start, end, head.slice(numbers + 18..))?))
    }
}

/// The two bytes at this place, if they are there.
pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<usize> {
    let two = bytes.get(at..at + 2)?.try_into().ok()?;
    Some(usize::from(u16::from_be_bytes(two)))
}

/// The eight bytes at this place, which are there.
fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes[at..at + 8].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The entries of one package: all of an upload that lie in one bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    start: u64,
    end: u64,
}

impl Span {
    /// The package of an upload up to `end` that begins at `start`; `None` if there are no entries.
    pub(super) fn from(start: u64, end: u64) -> Option<Self> {
        let bundle = start / WIDTH * WIDTH;
        (start < end).then(|| Self { start, end: end.min(bundle.saturating_add(WIDTH)) })
    }

    /// Index of its first entry.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// Index after its last entry.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Number of its entries: 1 to 256.
    pub fn width(&self) -> usize {
        (self.end - self.start) as usize
    }

    /// Index of the bundle that they lie in.
    pub fn bundle(&self) -> u64 {
        self.start / WIDTH
    }

    /// Index of the first entry of that bundle: where the subtree starts that is proven.
    pub fn bundle_start(&self) -> u64 {
        self.bundle() * WIDTH
    }

    /// Number of entries of the bundle that are not in the package but before it; the mirror has them.
    pub fn before(&self) -> usize {
        (self.start - self.bundle_start()) as usize
    }

    /// Plans the proof that the package needs, in the tree with this head.
    ///
    /// # Errors
    /// [`PlanError::Question`] if the package lies behind that tree.
    pub fn plan(&self, tree: Head) -> Result<SubtreePlan, PlanError> {
        SubtreePlan::new(self.bundle_start(), self.end, tree)
    }
}
