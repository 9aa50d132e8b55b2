//! The body of `add-entries`, read as it comes.

use bytes::{Buf as _, BytesMut};

use super::upload::u16_at;
use super::{Package, ReadError, Span, Upload};
use crate::Hash;
use crate::proof::PROOF_LEN_MAX;

/// Reads a request to `add-entries` piece by piece. Holds no more than the head or one package of it, and what was pushed
/// behind: whoever pushes asks for what is there ([`Reader::step`]) before he pushes more.
#[derive(Debug, Default)]
pub struct Reader {
    buffer: BytesMut,
    place: Place,
    scan: Scan,
}

/// What comes next.
#[derive(Clone, Copy, Debug, Default)]
enum Place {
    #[default]
    Head,
    Package {
        span: Span,
        /// Where the upload ends.
        end: u64,
    },
    End,
}

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing is whole yet: more has to come.
    More,
    /// The head of the request, once and first.
    Upload(Upload),
    /// The next package.
    Package(Package),
    /// All packages of the upload were read.
    Done,
}

/// How far the entries of the package at the front have been counted, so that no length is read twice.
#[derive(Clone, Copy, Debug, Default)]
struct Scan {
    /// Bytes of the entries that were counted.
    at: usize,
    /// How many they are.
    entries: usize,
}

impl Reader {
    /// A reader at the start of a request.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds bytes of the body.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Bytes that were pushed and belong to no part that was whole.
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// The next part, if it is whole.
    ///
    /// # Errors
    /// Those of [`ReadError`]; nothing can be read after one.
    pub fn step(&mut self) -> Result<Step, ReadError> {
        match self.place {
            Place::Head => {
                let Some(upload) = Upload::take(&mut self.buffer)? else { return Ok(Step::More) };
                self.place = Place::at(upload.start(), upload.end());
                Ok(Step::Upload(upload))
            }
            Place::Package { span, end } => {
                let Some(package) = self.package(span)? else { return Ok(Step::More) };
                self.place = Place::at(span.end(), end);
                Ok(Step::Package(package))
            }
            Place::End => Ok(Step::Done),
        }
    }

    fn package(&mut self, span: Span) -> Result<Option<Package>, ReadError> {
        while self.scan.entries < span.width() {
            let Some(length) = u16_at(&self.buffer, self.scan.at) else { return Ok(None) };
            self.scan = Scan { at: self.scan.at + 2 + length, entries: self.scan.entries + 1 };
        }
        let Some(hashes) = self.buffer.get(self.scan.at).copied().map(usize::from) else { return Ok(None) };
        if hashes > PROOF_LEN_MAX {
            return Err(ReadError::TooManyHashes { span, have: hashes });
        }
        let whole = self.scan.at + 1 + hashes * Hash::LEN;
        if self.buffer.len() < whole {
            return Ok(None);
        }
        let mut bytes = self.buffer.split_to(whole).freeze();
        self.scan = Scan::default();
        let entry = |_| {
            let length = usize::from(bytes.get_u16());
            bytes.split_to(length)
        };
        let entries = (0..span.width()).map(entry).collect();
        let proof = bytes[1..].chunks_exact(Hash::LEN).filter_map(Hash::from_slice).collect();
        Ok(Some(Package::read(span, entries, proof)))
    }
}

impl Place {
    fn at(start: u64, end: u64) -> Self {
        Span::from(start, end).map_or(Self::End, |span| Self::Package { span, end })
    }
}
