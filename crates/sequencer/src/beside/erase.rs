//! Erasing content, and destroying a key once nothing is left under it.

use bytes::Bytes;
use record::{disclosure::Sd, model::Record};
use store::{Batch, Key, StoreError, Table};

use super::{
    Decision, Declined, Destruction, Digest, Erasure, Hold, Info, KeyId, Tag, View, Who, hold, plan,
};

/// Contents of an owner that are looked at at a time.
const STEP: usize = 256;

/// Erases a content that is there and that no hold covers.
#[derive(Clone, Debug)]
pub struct Erase {
    /// Which one.
    pub digest: Digest,
    /// Who, why, when.
    pub who: Who,
}

impl Erase {
    /// What a `payload.erased` record erases; `None` for a record that names no content.
    pub fn by(record: &Record<'_>) -> Option<Self> {
        let erased = record.erased.as_ref()?;
        let digest = Digest(erased.sd.parse::<Sd>().ok()?.to_bytes());
        let (by, ground, at) = (erased.by.to_string(), erased.ground.to_string(), record.time.to_string());
        Some(Self { digest, who: Who { by, ground, at, index: 0 } })
    }
}

impl Decision for Erase {
    fn decide(&self, view: &View<'_>, index: u64) -> Result<Batch, Declined> {
        let digest = self.digest.0;
        let Some(info) = info(view, self.digest)? else {
            let gone = view.get(&Key::Erasure { digest })?.is_some();
            let why = if gone { "was erased already" } else { "is not beside this log" };
            return Err(Declined::NotAllowed(format!("the content {} {why}", self.digest)));
        };
        // A hold's subject concerns the content if there is a row that says so.
        let holds = hold::active(view)?;
        let mut concerned = vec![];
        for subject in holds.iter().flat_map(Hold::subjects) {
            if view.get(&Key::Subject { subject: subject.0, digest })?.is_some() {
                concerned.push(subject);
            }
        }
        let covering = plan::holds_on(self.digest, |tag| concerned.contains(&tag), &holds);
        kept_by(&format!("the content {}", self.digest), covering)?;
        let mut deletes = vec![Key::Payload { digest }];
        deletes.extend((0..info.pieces).map(|number| Key::Piece { digest, number }));
        deletes.extend(info.subjects().map(|subject| Key::Subject { subject: subject.0, digest }));
        let erasure = Erasure { who: Who { index, ..self.who.clone() } };
        Ok(Batch { puts: vec![(Key::Erasure { digest }, erasure.to_bytes())], deletes, ..Batch::default() })
    }
}

/// Notes that a content key is destroyed: once this is committed, the key's file goes. Only a key that nothing is sealed
/// under any more, of an owner that no hold covers.
#[derive(Clone, Debug)]
pub struct DestroyKey(pub Destruction);

impl Decision for DestroyKey {
    fn decide(&self, view: &View<'_>, _index: u64) -> Result<Batch, Declined> {
        let Destruction { owner, key } = self.0;
        let holds = hold::active(view)?;
        kept_by("all content of this owner", plan::holds_on_owner(owner, &holds))?;
        if let Some(digest) = sealed_under(view, owner, key)? {
            let why = format!("the content {digest} is still sealed under this key; erase it first");
            return Err(Declined::NotAllowed(why));
        }
        Ok(Batch::puts(vec![(Key::Destroyed { key: key.0 }, self.0.to_bytes())]))
    }
}

/// Some content of an owner that is sealed under this key.
fn sealed_under(view: &View<'_>, owner: Tag, key: KeyId) -> Result<Option<Digest>, StoreError> {
    let mut after = Key::Subject { subject: owner.0, digest: [0; 32] };
    // The first row of all zeros is no SHA-256 that anybody has seen; it is looked at all the same.
    let mut rows = view.get(&after)?.map(|row| vec![(after, row)]).unwrap_or_default();
    loop {
        rows.extend(view.scan(Table::Subject, Some(&after), STEP)?);
        for (row, _) in &rows {
            let Key::Subject { subject, digest } = *row else { continue };
            if subject != owner.0 {
                return Ok(None);
            }
            if info(view, Digest(digest))?.is_some_and(|info| info.key == key) {
                return Ok(Some(Digest(digest)));
            }
        }
        match rows.last() {
            Some((last, _)) => after = *last,
            None => return Ok(None),
        }
        rows.clear();
    }
}

fn info(view: &View<'_>, digest: Digest) -> Result<Option<Info>, StoreError> {
    let key = Key::Payload { digest: digest.0 };
    view.get(&key)?.map(|row| parse(&key, &row)).transpose()
}

/// A content's row, or where it is damaged.
pub(crate) fn parse(key: &Key, row: &Bytes) -> Result<Info, StoreError> {
    Info::from_bytes(row).map_err(|error| StoreError::Damaged { key: *key, what: error.to_string() })
}

fn kept_by<'a>(what: &str, holds: impl Iterator<Item = &'a Hold>) -> Result<(), Declined> {
    let names: Vec<String> = holds.map(|hold| format!("{:?}", hold.id)).collect();
    if names.is_empty() {
        return Ok(());
    }
    Err(Declined::NotAllowed(format!("{what} is held by {}; a hold is released first", names.join(", "))))
}
