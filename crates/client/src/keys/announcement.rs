//! The record by which a log announces the key that takes the place of its own.
//!
//! ```json
//! {"aud": "<origin>", "id": "<follows from the new key>", "time": "...", "type": "key.rotated", "v": 1,
//!  "key": {"alg": "EdDSA", "kid": "...", "public": "...", "replaces": "<kid>", "role": "log", "vkey": "<vkey>"}}
//! ```

use record::{KeyId, PublicKey, RecordId, Signature, Signatures, Submission};
use serde::{Deserialize, Serialize};
use tlog::key::{KeyName, Signer, VerifierKey};

use super::KeysError;

const TYPE: &str = "key.rotated";
const ROLE: &str = "log";
const ALG: &str = "EdDSA";

/// What an entry that announces a log's key says. Made by [`Announcement::read`] only; whose signatures hold is not looked
/// at there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// The key that takes the place.
    pub new: VerifierKey,
    /// Name of the key that makes way (RECORD.md section 3).
    pub replaces: KeyId,
    canonical: Vec<u8>,
    signatures: Option<Signatures>,
}

#[derive(Serialize, Deserialize)]
struct Told {
    aud: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    key: KeyTold,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    r#type: String,
    v: u32,
}

#[derive(Serialize, Deserialize)]
struct KeyTold {
    alg: String,
    kid: String,
    public: String,
    replaces: String,
    role: String,
    vkey: String,
}

/// The record that announces `new` in the place of `old`, and the signature of `old` over it. `time` is RFC 3339, UTC,
/// milliseconds. Its id follows from the new key, so a log announces a key once, however often it is asked to.
///
/// # Errors
/// [`KeysError::Announcement`] for keys of different names, for one key in its own place, and for a `time` that is none.
pub fn announce(old: &Signer, new: &VerifierKey, time: &str) -> Result<(Submission, Signatures), KeysError> {
    let bad = |why: String| KeysError::Announcement { why };
    let (from, to) = (raw(old.verifier_key())?, raw(new)?);
    if old.name() != new.name() || from.id() == to.id() {
        return Err(bad("a key is replaced by another one of the same name".to_owned()));
    }
    let told = Told {
        aud: old.name().to_string(),
        id: Some(id_for(to.id()).to_string()),
        key: KeyTold {
            alg: ALG.to_owned(),
            kid: to.id().to_string(),
            public: to.to_string(),
            replaces: from.id().to_string(),
            role: ROLE.to_owned(),
            vkey: new.to_string(),
        },
        time: Some(time.to_owned()),
        r#type: TYPE.to_owned(),
        v: 1,
    };
    let json = serde_json::to_vec(&told).unwrap_or_default();
    let submission = Submission::parse(&json).map_err(|refusal| bad(refusal.to_string()))?;
    record::admit(&submission).map_err(|refusal| bad(refusal.to_string()))?;
    let value = old.sign_bytes(&record::signature::message(submission.canonical()));
    let signatures = Signatures::new(vec![Signature::new(from.id(), value)]);
    Ok((submission, signatures.map_err(|refusal| bad(refusal.to_string()))?))
}

/// A UUID of version 8 (RFC 9562 section 5.8) from the name of a key.
fn id_for(kid: KeyId) -> RecordId {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&kid.to_bytes()[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    RecordId::from_bytes(bytes)
}

/// The key as records know it.
pub(super) fn raw(key: &VerifierKey) -> Result<PublicKey, KeysError> {
    let bad = |why: String| KeysError::Announcement { why };
    let bytes = key.public_key().try_into().map_err(|_| bad(format!("{key} is no key of a log")))?;
    PublicKey::from_bytes(bytes).map_err(|error| bad(format!("{key}: {error}")))
}

impl Announcement {
    /// Reads an entry of the log with this name.
    ///
    /// # Errors
    /// [`KeysError::Announcement`] for an entry that is none, says it of another log or of another role, or does not say one
    /// key in all its members.
    pub fn read(entry: &[u8], origin: &KeyName) -> Result<Self, KeysError> {
        let bad = |why: &dyn std::fmt::Display| KeysError::Announcement { why: why.to_string() };
        let opened = record::open(entry).map_err(|refusal| bad(&refusal))?;
        let told: Told = serde_json::from_slice(opened.record()).map_err(|error| bad(&error))?;
        let Told { aud, key, r#type, .. } = told;
        if r#type != TYPE || key.role != ROLE {
            return Err(bad(&format!("it is a {} for the role {}", r#type, key.role)));
        }
        if aud != origin.as_str() {
            return Err(bad(&format!("it is for the log {aud:?}, not for {origin}")));
        }
        let new = VerifierKey::parse(&key.vkey).map_err(|error| bad(&error))?;
        if new.name() != origin {
            return Err(bad(&format!("the new key is named {}, and the log {origin}", new.name())));
        }
        let public = raw(&new)?;
        if key.alg != ALG || key.public != public.to_string() || key.kid != public.id().to_string() {
            return Err(bad(&"its members do not all name the same new key"));
        }
        let replaces = key.replaces.parse().map_err(|error| bad(&error))?;
        Ok(Self {
            new,
            replaces,
            canonical: opened.record().to_vec(),
            signatures: opened.signatures().cloned(),
        })
    }

    /// Whether this key, the one that makes way, signed the record.
    pub fn is_signed_by(&self, old: &VerifierKey) -> bool {
        let Ok(key) = raw(old) else { return false };
        let signature = self.signatures.as_ref().and_then(|signatures| signatures.of(key.id()));
        signature.is_some_and(|signature| key.verify(&self.canonical, signature))
    }
}
