//! The list of signatures as it stands beside a record.

use std::slice;

use super::{KeyId, SIGNATURE_BYTES, Signature};
use crate::base64url;
use crate::json::{self, Member, Value};
use crate::limits::{SIGNATURES_MAX, TEXT_BYTES_MAX};
use crate::refusal::{Cause, Refusal, within_limit};
use crate::split::{Framing, split};

/// The one algorithm.
const ALG: &str = "EdDSA";

/// One to [`SIGNATURES_MAX`] signatures over one record, each by another key, in the order of whoever signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signatures(Vec<Signature>);

impl Signatures {
    /// The list of these.
    ///
    /// # Errors
    /// [`Cause::BadSignatures`] for none, for more than [`SIGNATURES_MAX`], and for two by one key.
    pub fn new(signatures: Vec<Signature>) -> Result<Self, Refusal> {
        count(signatures.len())?;
        let mut list = Self(Vec::with_capacity(signatures.len()));
        for (n, signature) in signatures.into_iter().enumerate() {
            list.push(signature).map_err(|refusal| refusal.within(&format!("/{n}"), 0))?;
        }
        Ok(list)
    }

    /// Reads the JSON array, in whatever spelling; what is in it is exact.
    ///
    /// # Errors
    /// What is not JSON as this crate takes it; [`Cause::WrongType`]; [`Cause::BadSignatures`] for missing or further
    /// members, another algorithm, base64url of another length or spelling, and as [`new`](Self::new).
    pub fn parse(json: &[u8]) -> Result<Self, Refusal> {
        within_limit("list of signatures", json.len(), TEXT_BYTES_MAX)?;
        let parts = split(json, Framing::Array, usize::MAX)?;
        count(parts.len())?;
        let mut list = Self(Vec::with_capacity(parts.len()));
        for (n, part) in parts.into_iter().enumerate() {
            let from = part.start;
            let pushed = read(&json[part]).and_then(|signature| list.push(signature));
            pushed.map_err(|refusal| refusal.within(&format!("/{n}"), from))?;
        }
        Ok(list)
    }

    fn push(&mut self, signature: Signature) -> Result<(), Refusal> {
        if self.of(signature.kid).is_some() {
            return Err(bad("another key than those before", "/kid", 0));
        }
        self.0.push(signature);
        Ok(())
    }

    /// The signature by the key of this name.
    pub fn of(&self, kid: KeyId) -> Option<&Signature> {
        self.0.iter().find(|signature| signature.kid == kid)
    }

    /// All of them, in order.
    pub fn as_slice(&self) -> &[Signature] {
        &self.0
    }

    /// The same, one by one.
    pub fn iter(&self) -> slice::Iter<'_, Signature> {
        self.0.iter()
    }

    /// The JSON array in canonical form (RFC 8785).
    pub fn canonical(&self) -> String {
        let mut text = String::with_capacity(2 + 180 * self.0.len());
        for Signature { kid, value } in &self.0 {
            text.push_str(if text.is_empty() { "[" } else { "," });
            text.push_str("{\"alg\":\"EdDSA\",\"kid\":\"");
            base64url::encode_into(&kid.to_bytes(), &mut text);
            text.push_str("\",\"value\":\"");
            base64url::encode_into(value, &mut text);
            text.push_str("\"}");
        }
        text.push(']');
        text
    }
}

impl<'a> IntoIterator for &'a Signatures {
    type Item = &'a Signature;
    type IntoIter = slice::Iter<'a, Signature>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

fn count(signatures: usize) -> Result<(), Refusal> {
    if (1..=SIGNATURES_MAX).contains(&signatures) {
        return Ok(());
    }
    const { assert!(SIGNATURES_MAX == 4, "the sentence says four") };
    Err(bad("an array of one to four signatures", "", 0))
}

/// One element of the array.
fn read(json: &[u8]) -> Result<Signature, Refusal> {
    let value = json::parse(json)?;
    let Value::Object(members) = &value else {
        let cause = Cause::WrongType { expected: "an object", found: value.kind() };
        return Err(Refusal::new(cause, "", 0));
    };
    if let Some(other) = members.iter().find(|member| !matches!(&*member.name, "alg" | "kid" | "value")) {
        return Err(bad("no member but `alg`, `kid` and `value`", "", other.name_at));
    }
    let (alg, alg_at) = text(members, "alg")?;
    if alg != ALG {
        return Err(bad("`EdDSA`, which is Ed25519,", "/alg", alg_at));
    }
    let kid = KeyId::from_bytes(bytes(members, "kid", "32 bytes as 43 characters of base64url")?);
    let value = bytes::<SIGNATURE_BYTES>(members, "value", "64 bytes as 86 characters of base64url")?;
    Ok(Signature::new(kid, value))
}

fn text<'v>(members: &'v [Member<'_>], name: &str) -> Result<(&'v str, usize), Refusal> {
    let path = format!("/{name}");
    let Some(member) = members.iter().find(|member| member.name == name) else {
        return Err(bad("an object with `alg`, `kid` and `value`", &path, 0));
    };
    match &member.value {
        Value::String(text) => Ok((text, member.value_at)),
        other => {
            let cause = Cause::WrongType { expected: "a string", found: other.kind() };
            Err(Refusal::new(cause, path, member.value_at))
        }
    }
}

fn bytes<const N: usize>(
    members: &[Member<'_>],
    name: &str,
    expected: &'static str,
) -> Result<[u8; N], Refusal> {
    let (text, at) = text(members, name)?;
    base64url::decode_array(text).ok_or_else(|| bad(expected, &format!("/{name}"), at))
}

fn bad(expected: &'static str, path: &str, at: usize) -> Refusal {
    Refusal::new(Cause::BadSignatures { expected }, path, at)
}
