//! A package: entries of one bundle, and the proof that they are part of the tree.

use bytes::{BufMut, Bytes, BytesMut};

use super::{PackageError, Span};
use crate::bundle::ENTRY_BYTES_MAX;
use crate::hash::root_of;
use crate::integrate::Entry;
use crate::plan::SubtreeProof;
use crate::proof::PROOF_LEN_MAX;
use crate::subtree::verify_subtree;
use crate::{Hash, Head};

/// Entries of one bundle with their proof; nothing of it is verified.
///
/// ```text
/// *256( u16 length, entry )
/// u8 number of hashes
/// *63( hash )                subtree consistency proof, from the start of the bundle to the end of the package
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    span: Span,
    entries: Vec<Bytes>,
    proof: Vec<Hash>,
}

impl Package {
    /// The package of these entries of a log, to be sent to a mirror. `bundle` holds the entries of the bundle up to the end
    /// of the package at least, `proof` is what [`Span::plan`] led to.
    ///
    /// # Errors
    /// [`PackageError::Entries`], [`PackageError::EntryTooLarge`] and [`PackageError::OtherProof`]: the log would send what
    /// no mirror takes.
    pub fn new(span: Span, bundle: &[Bytes], proof: SubtreeProof) -> Result<Self, PackageError> {
        let wanted = span.before() + span.width();
        let entries =
            bundle.get(..wanted).ok_or(PackageError::Entries { wanted, have: bundle.len(), span })?;
        if let Some(large) = entries.iter().find(|entry| entry.len() > ENTRY_BYTES_MAX) {
            return Err(PackageError::EntryTooLarge { bytes: large.len() });
        }
        let leaves: Vec<_> = entries.iter().map(|entry| Hash::leaf(entry)).collect();
        let proven = (proof.start, proof.end, proof.hash);
        if proven != (span.bundle_start(), span.end(), root_of(&leaves)) {
            return Err(PackageError::OtherProof { span });
        }
        Ok(Self { span, entries: entries[span.before()..].to_vec(), proof: proof.hashes })
    }

    /// Which entries these are, as claimed.
    pub fn span(&self) -> Span {
        self.span
    }

    /// The entries.
    pub fn entries(&self) -> &[Bytes] {
        &self.entries
    }

    /// Verifies the package: that its entries, behind those of the bundle that are here already, are part of the tree.
    /// `before` are the leaf hashes of these, [`Span::before`] of them.
    ///
    /// # Errors
    /// [`PackageError::Before`] where they are not as many; [`PackageError::Proof`] where the package does not belong.
    pub fn prove(self, before: &[Hash], tree: Head) -> Result<Proven, PackageError> {
        let span = self.span;
        if before.len() != span.before() {
            return Err(PackageError::Before { wanted: span.before(), have: before.len(), span });
        }
        let hashed = |bytes: Bytes| {
            let large = PackageError::EntryTooLarge { bytes: bytes.len() };
            Entry::new(bytes).map_err(|_| large)
        };
        let entries = self.entries.into_iter().map(hashed).collect::<Result<Vec<_>, _>>()?;
        let leaves: Vec<_> = before.iter().copied().chain(entries.iter().map(Entry::leaf)).collect();
        verify_subtree(span.bundle_start(), span.end(), root_of(&leaves), &self.proof, tree)
            .map_err(|cause| PackageError::Proof { span, cause })?;
        Ok(Proven { span, entries })
    }

    /// The package as bytes.
    pub fn encode(&self) -> Bytes {
        let entries: usize = self.entries.iter().map(|entry| 2 + entry.len()).sum();
        let mut bytes = BytesMut::with_capacity(entries + 1 + self.proof.len() * Hash::LEN);
        // All lengths fit: they were bounded, or read from fields of the same width.
        for entry in &self.entries {
            bytes.put_u16(entry.len() as u16);
            bytes.put_slice(entry);
        }
        bytes.put_u8(self.proof.len() as u8);
        self.proof.iter().for_each(|hash| bytes.put_slice(hash.as_bytes()));
        bytes.freeze()
    }

    /// A package that was read, whose parts are as many as they should be.
    pub(super) fn read(span: Span, entries: Vec<Bytes>, proof: Vec<Hash>) -> Self {
        debug_assert!(entries.len() == span.width() && proof.len() <= PROOF_LEN_MAX);
        Self { span, entries, proof }
    }
}

/// Entries that are part of a tree that the log has signed. Made by [`Package::prove`] only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    span: Span,
    entries: Vec<Entry>,
}

impl Proven {
    /// Which entries these are.
    pub fn span(&self) -> Span {
        self.span
    }

    /// The entries, hashed.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }
}
