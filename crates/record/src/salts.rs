//! The salts of the disclosures of one record.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::base64url;
use crate::disclosure::SALT_BYTES;
use crate::place::Place;

/// Bytes of chance that make all salts of one record.
pub const SEED_BYTES: usize = 32;

/// A salt for each place of one record that stands beside the log. Secret as the content is: with a salt a guess can be
/// confirmed.
#[derive(Clone, PartialEq, Eq)]
pub struct Salts(From);

#[derive(Clone, PartialEq, Eq)]
enum From {
    Seed([u8; SEED_BYTES]),
    Given(BTreeMap<Place, [u8; SALT_BYTES]>),
}

impl Salts {
    /// None, for a record that has nothing to disclose.
    pub const NONE: Self = Self(From::Given(BTreeMap::new()));

    /// Salts for all places, made of chance that is used for this record alone. No salt tells another.
    pub const fn of_seed(seed: [u8; SEED_BYTES]) -> Self {
        Self(From::Seed(seed))
    }

    /// These salts, in base64url by the pointers of their places, as the log answers them; nothing if one is neither.
    pub fn given<'t>(salts: impl IntoIterator<Item = (&'t str, &'t str)>) -> Option<Self> {
        let one = |(place, salt)| Some((Place::at(place)?, base64url::decode_array(salt)?));
        salts.into_iter().map(one).collect::<Option<_>>().map(|salts| Self(From::Given(salts)))
    }

    /// The salt of a place.
    pub fn of(&self, place: Place) -> Option<[u8; SALT_BYTES]> {
        match &self.0 {
            From::Given(salts) => salts.get(&place).copied(),
            From::Seed(seed) => {
                let mut hasher = Sha256::new();
                hasher.update(b"deedbook-disclosure-salt-v1\0");
                hasher.update(seed);
                hasher.update(place.pointer());
                hasher.finalize().first_chunk().copied()
            }
        }
    }

    /// The same in base64url, as the log answers it.
    pub fn text_of(&self, place: Place) -> Option<String> {
        self.of(place).map(|salt| base64url::encode(&salt))
    }
}

impl std::fmt::Debug for Salts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Salts(..)")
    }
}
