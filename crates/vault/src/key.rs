//! An owner's key, what names it, and its file.
//!
//! ```text
//! "deedbook content key 1\n" (23) ‖ key (32) ‖ key id (32)
//! key id = HKDF-SHA256(key, "deedbook content key id v1")
//! ```
//!
//! The id names the key and does not tell it; in the file it tells a key that was written as a whole.

use hkdf::Hkdf;
use sequencer::beside::{Digest, KeyId};
use sha2::Sha256;
use zeroize::Zeroizing;

/// Bytes of a key.
const KEY_BYTES: usize = 32;
const MAGIC: &[u8] = b"deedbook content key 1\n";
/// Bytes of a key's file.
pub(crate) const FILE_BYTES: usize = MAGIC.len() + KEY_BYTES + 32;

/// 32 random bytes, for the key of an owner that has none. Never used twice; wiped.
pub struct Fresh(Zeroizing<[u8; KEY_BYTES]>);

impl Fresh {
    /// Random bytes, from the system's own source.
    pub fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

/// The key of an owner. Wiped when it is dropped.
pub(crate) struct OwnerKey {
    bytes: Zeroizing<[u8; KEY_BYTES]>,
    id: KeyId,
}

impl OwnerKey {
    pub(crate) fn new(Fresh(bytes): Fresh) -> Self {
        let id = KeyId(*derive(&bytes, &[b"deedbook content key id v1"]));
        Self { bytes, id }
    }

    pub(crate) fn id(&self) -> KeyId {
        self.id
    }

    /// The key of one content.
    pub(crate) fn content_key(&self, digest: Digest) -> Zeroizing<[u8; 32]> {
        derive(&self.bytes, &[b"deedbook payload v1", &digest.0])
    }

    pub(crate) fn to_file(&self) -> Zeroizing<[u8; FILE_BYTES]> {
        let mut file = Zeroizing::new([0; FILE_BYTES]);
        let (magic, rest) = file.split_at_mut(MAGIC.len());
        let (key, id) = rest.split_at_mut(KEY_BYTES);
        magic.copy_from_slice(MAGIC);
        key.copy_from_slice(&self.bytes[..]);
        id.copy_from_slice(&self.id.0);
        file
    }

    /// Undoes [`to_file`](Self::to_file); `None` for anything else.
    pub(crate) fn from_file(file: &[u8]) -> Option<Self> {
        let (key, id) = file.strip_prefix(MAGIC)?.split_first_chunk::<KEY_BYTES>()?;
        let key = Self::new(Fresh::new(*key));
        (key.id.0[..] == *id).then_some(key)
    }
}

/// RFC 5869 without a salt: the key is random already.
fn derive(key: &[u8; KEY_BYTES], info: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut derived = Zeroizing::new([0; 32]);
    // 32 bytes are never too many for SHA-256.
    let done = Hkdf::<Sha256>::new(None, key).expand_multi_info(info, &mut derived[..]);
    debug_assert!(done.is_ok());
    derived
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sequencer::beside::Tag;

    proptest! {
        #[test]
        fn a_file_is_a_key_only_as_a_whole(bytes: [u8; 32], at in 0..FILE_BYTES, bit in 0..8_u8) {
            let key = OwnerKey::new(Fresh::new(bytes));
            let file = key.to_file();
            let read = OwnerKey::from_file(&file[..]).unwrap();
            prop_assert_eq!(*read.bytes, bytes);
            prop_assert_eq!(read.id(), key.id());
            prop_assert!(OwnerKey::from_file(&file[..at]).is_none(), "cut");
            let mut bent = *file;
            bent[at] ^= 1 << bit;
            prop_assert!(OwnerKey::from_file(&bent).is_none(), "bent");
            prop_assert!(OwnerKey::from_file(&[&file[..], b"\n"].concat()).is_none(), "longer");
        }
    }

    /// These are on people's disks: computed once with an HMAC of its own (RFC 5869, sections 2.2 and 2.3).
    #[test]
    fn what_is_derived_never_changes() {
        let key = OwnerKey::new(Fresh::new([7; 32]));
        assert_eq!(Tag(key.id().0).to_string(), include_str!("../tests/derived-id.hex").trim());
        assert_eq!(
            Tag(*key.content_key(Digest([9; 32]))).to_string(),
            include_str!("../tests/derived-content.hex").trim()
        );
    }
}
