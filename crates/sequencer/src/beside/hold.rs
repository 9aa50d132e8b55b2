//! Holds: what must not be erased, until somebody releases it. A released one stays, as history.

use bytes::Bytes;
use record::{disclosure::Sd, model::Record};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use store::{Batch, Key, StoreError, Table};

use super::{Decision, Declined, Digest, Subject, Tag, View, Who};

/// Holds that are read at a time.
const STEP: usize = 256;

/// What a hold covers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// These contents, each as base64url of its digest.
    Contents(Vec<String>),
    /// All content of a session, also what is still to come.
    Session(String),
    /// All content of a principal, also what is still to come.
    Principal {
        /// Who vouches for `sub`.
        iss: String,
        /// Its name there.
        sub: String,
    },
}

/// A hold, as it stands in its row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Its name.
    pub id: String,
    /// What it covers, one or more.
    pub scopes: Vec<Scope>,
    /// Who placed it, why, when.
    pub placed: Who,
    /// Who released it, why, when; it holds nothing since.
    pub released: Option<Released>,
}

/// The end of a hold.
pub type Released = Who;

impl Hold {
    /// The hold that a `hold.placed` record places; `None` for a record without one.
    ///
    /// It covers the digests and the session that the record's `hold` names; where it names neither, all content of the
    /// record's principal.
    pub fn placed_by(record: &Record<'_>) -> Option<Self> {
        let hold = record.hold.as_ref()?;
        let mut scopes = vec![];
        if !hold.sds.is_empty() {
            scopes.push(Scope::Contents(hold.sds.iter().map(ToString::to_string).collect()));
        }
        scopes.extend(hold.session.as_ref().map(|session| Scope::Session(session.to_string())));
        if let (true, Some(principal)) = (scopes.is_empty(), &record.principal) {
            let (iss, sub) = (principal.iss.to_string(), principal.sub.to_string());
            scopes.push(Scope::Principal { iss, sub });
        }
        Some(Self { id: hold.id.to_string(), scopes, placed: who(record)?, released: None })
    }

    /// Whether nothing it covers may be erased now.
    pub fn is_active(&self) -> bool {
        self.released.is_none()
    }

    /// Whether it names this content itself.
    pub fn names(&self, digest: Digest) -> bool {
        let spelt = digest.to_string();
        self.scopes.iter().any(|scope| matches!(scope, Scope::Contents(sds) if sds.contains(&spelt)))
    }

    /// Whose content it covers as a whole.
    pub fn subjects(&self) -> impl Iterator<Item = Tag> {
        self.scopes.iter().filter_map(|scope| match scope {
            Scope::Contents(_) => None,
            Scope::Session(id) => Some(Subject::Session(id.clone()).tag()),
            Scope::Principal { iss, sub } => {
                Some(Subject::Principal { iss: iss.clone(), sub: sub.clone() }.tag())
            }
        })
    }

    /// Its place in the store.
    pub fn key(id: &str) -> Key {
        Key::Hold { id: Sha256::digest(id).into() }
    }

    pub(super) fn to_bytes(&self) -> Bytes {
        serde_json::to_vec(self).unwrap_or_default().into()
    }

    /// From its row.
    pub fn from_row(key: &Key, value: &[u8]) -> Result<Self, StoreError> {
        serde_json::from_slice(value)
            .map_err(|error| StoreError::Damaged { key: *key, what: error.to_string() })
    }
}

/// Who holds or releases, why, and when, by the word of the record.
fn who(record: &Record<'_>) -> Option<Who> {
    let hold = record.hold.as_ref()?;
    let (by, ground, at) = (hold.by.to_string(), hold.ground.to_string(), record.time.to_string());
    Some(Who { by, ground, at, index: 0 })
}

/// Every hold, also those that were released, read through `scan`.
pub(crate) fn all(
    scan: impl Fn(Option<&Key>, usize) -> Result<Vec<(Key, Bytes)>, StoreError>,
) -> Result<Vec<Hold>, StoreError> {
    let (mut holds, mut after) = (vec![], None);
    loop {
        let some = scan(after.as_ref(), STEP)?;
        for (key, value) in &some {
            holds.push(Hold::from_row(key, value)?);
        }
        match some.last() {
            Some((last, _)) => after = Some(*last),
            None => return Ok(holds),
        }
    }
}

/// The holds that hold now. (The rule itself looks at that too; a long history need not be asked about.)
pub(super) fn active(view: &View<'_>) -> Result<Vec<Hold>, StoreError> {
    let mut holds = all(|after, max| view.scan(Table::Hold, after, max))?;
    holds.retain(Hold::is_active);
    Ok(holds)
}

/// Places a hold, unless there is one of its name or what it names is erased already.
#[derive(Clone, Debug)]
pub struct PlaceHold(pub Hold);

impl Decision for PlaceHold {
    fn decide(&self, view: &View<'_>, index: u64) -> Result<Batch, Declined> {
        let mut hold = self.0.clone();
        let key = Hold::key(&hold.id);
        if hold.scopes.is_empty() {
            let why = "the hold covers nothing; name digests, a session, or a principal";
            return Err(Declined::NotAllowed(why.into()));
        }
        if view.get(&key)?.is_some() {
            let why =
                format!("there is a hold {:?} already, or was one; give this one another name", hold.id);
            return Err(Declined::NotAllowed(why));
        }
        for sd in hold.scopes.iter().flat_map(|scope| match scope {
            Scope::Contents(sds) => sds.as_slice(),
            _ => &[],
        }) {
            let digest = sd.parse::<Sd>().map_err(|_| {
                Declined::NotAllowed(format!("{sd:?} is not the digest of a disclosure; name another"))
            })?;
            if view.get(&Key::Erasure { digest: digest.to_bytes() })?.is_some() {
                let why = format!("the content {sd} was erased already; leave it out of the hold");
                return Err(Declined::NotAllowed(why));
            }
        }
        hold.placed.index = index;
        Ok(Batch::puts(vec![(key, hold.to_bytes())]))
    }
}

/// Releases a hold that holds.
#[derive(Clone, Debug)]
pub struct ReleaseHold {
    /// The hold's name.
    pub id: String,
    /// Who, why, when.
    pub who: Who,
}

impl ReleaseHold {
    /// What a `hold.released` record releases; `None` for a record without a hold.
    pub fn by(record: &Record<'_>) -> Option<Self> {
        Some(Self { id: record.hold.as_ref()?.id.to_string(), who: who(record)? })
    }
}

impl Decision for ReleaseHold {
    fn decide(&self, view: &View<'_>, index: u64) -> Result<Batch, Declined> {
        let key = Hold::key(&self.id);
        let hold = view.get(&key)?.map(|row| Hold::from_row(&key, &row)).transpose()?;
        let Some(mut hold) = hold.filter(Hold::is_active) else {
            let why = format!("there is no hold {:?} that could be released", self.id);
            return Err(Declined::NotAllowed(why));
        };
        hold.released = Some(Who { index, ..self.who.clone() });
        Ok(Batch::puts(vec![(key, hold.to_bytes())]))
    }
}
