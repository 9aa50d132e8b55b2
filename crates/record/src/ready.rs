//! A record that was handed in, made ready for the envelope: its content beside it, under the digests of disclosures.

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::admit::{admit, no_secret};
use crate::base64url;
use crate::disclosure::{self, Disclosure, DisclosureError, Sd};
use crate::handed::{Handed, Text};
use crate::json::{self, Member, Value};
use crate::limits::{CONTENT_BYTES_MAX, RECORD_BYTES_MAX};
use crate::model::Record;
use crate::place::{Held, Place, Places};
use crate::refusal::{Cause, Refusal, within_limit};
use crate::salts::Salts;
use crate::secret;
use crate::signature::Signatures;
use crate::submission::Submission;

/// A record as it goes into the envelope, and all that stands beside it.
#[derive(Debug, Clone)]
pub struct Ready {
    submission: Submission,
    signatures: Option<Signatures>,
    digest: [u8; 32],
    disclosed: Places,
    secret: Places,
    payloads: Vec<Payload>,
}

/// A disclosure that goes beside the log.
#[derive(Debug, Clone)]
pub struct Payload {
    /// The place of the record that names it.
    pub place: Place,
    /// Its digest.
    pub sd: Sd,
    /// Its text.
    pub text: String,
    /// Whether its content holds what looks like a secret.
    pub secret: bool,
}

impl Ready {
    /// The record as the entry holds it.
    pub fn submission(&self) -> &Submission {
        &self.submission
    }

    /// Its signatures. Nobody has checked them yet.
    pub fn signatures(&self) -> Option<&Signatures> {
        self.signatures.as_ref()
    }

    /// SHA-256 of the canonical form of the record as it was handed in: what a retry is compared by.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// Where digests were put in the place of what was handed in.
    pub fn disclosed(&self) -> Places {
        self.disclosed
    }

    /// Where the content holds what looks like a secret.
    pub fn secret(&self) -> Places {
        self.secret
    }

    /// What goes beside the log.
    pub fn payloads(&self) -> &[Payload] {
        &self.payloads
    }

    /// The same, taken.
    pub fn take_payloads(&mut self) -> Vec<Payload> {
        std::mem::take(&mut self.payloads)
    }

    fn as_it_is(submission: Submission, signatures: Option<Signatures>) -> Self {
        let digest = submission.digest();
        Self {
            submission,
            signatures,
            digest,
            disclosed: Places::NONE,
            secret: Places::NONE,
            payloads: Vec::new(),
        }
    }

    fn push(&mut self, payload: Payload) {
        if payload.secret {
            self.secret = self.secret.with(payload.place);
        }
        self.payloads.push(payload);
    }
}

/// With signatures or disclosures that came with it, a record stays as it is.
pub(crate) fn given<T, E: From<Refusal>>(
    handed: Handed,
    look: impl FnOnce(&Record<'_>) -> Result<T, E>,
) -> Result<(Ready, T), E> {
    let submission = match handed.text {
        Text::Record(submission) => submission,
        Text::WithContent { canonical, .. } => return Err(too_large(canonical.len()).into()),
    };
    let record = admit(&submission)?;
    if let Some((place, _)) = inline(&record).next() {
        let why = "a record that is signed, or handed in with disclosures, names its content by sd";
        return Err(bad(why).within(place.pointer(), 0).into());
    }
    let mut payloads: Vec<Payload> = Vec::with_capacity(handed.disclosures.len());
    for (n, text) in handed.disclosures.into_iter().enumerate() {
        let payload =
            brought(&record, text).map_err(|refusal| refusal.within(&format!("/disclosures/{n}"), 0))?;
        payloads.push(payload);
    }
    let seen = look(&record)?;
    let mut ready = Ready::as_it_is(submission, handed.signatures);
    payloads.into_iter().for_each(|payload| ready.push(payload));
    Ok((ready, seen))
}

fn too_large(bytes: usize) -> Refusal {
    Refusal::new(Cause::TooLarge { what: "record in canonical form", bytes, limit: RECORD_BYTES_MAX }, "", 0)
}

/// A disclosure that came with the record, if the record names it.
fn brought(record: &Record<'_>, text: String) -> Result<Payload, Refusal> {
    let sd = Sd::of(&text);
    let opened = disclosure::open(&text).map_err(|error| refusal(&error))?;
    let name = sd.to_string();
    let mut named = Place::ALL.iter().filter_map(|&place| Some((place, place.of(record)?)));
    let (place, held) = named
        .find(|(place, held)| held.sd() == Some(name.as_str()) && place.member() == opened.name())
        .ok_or_else(|| bad("no place of the record with the name in this disclosure holds its digest"))?;
    let bytes = opened.content().len() as u64;
    if held.bytes().is_some_and(|said| said != bytes) {
        return Err(bad("the content has another length than the record says"));
    }
    let secret = secret::find_in_bytes(opened.content()).is_some();
    Ok(Payload { place, sd, text, secret })
}

/// Content, and sensitive fields, make way for digests.
pub(crate) fn made<T, E: From<Refusal>>(
    text: Text,
    sensitive: Places,
    salts: &Salts,
    look: impl FnOnce(&Record<'_>) -> Result<T, E>,
) -> Result<(Ready, T), E> {
    let canonical = match text {
        Text::Record(submission) => {
            let record = admit(&submission)?;
            if to_hide(&record, sensitive).is_empty() {
                let seen = look(&record)?;
                return Ok((Ready::as_it_is(submission, None), seen));
            }
            Bytes::copy_from_slice(submission.canonical())
        }
        Text::WithContent { canonical, .. } => {
            no_secret(&canonical)?;
            canonical
        }
    };
    let mut value = json::parse(&canonical)?;
    let mut payloads = Vec::new();
    for &place in Place::ALL {
        payloads.extend(hide(&mut value, place, sensitive, salts)?);
    }
    let mut rewritten = Vec::new();
    json::print(&value, &mut rewritten);
    if rewritten.len() > RECORD_BYTES_MAX {
        return Err(too_large(rewritten.len()).into());
    }
    let submission = Submission::parse(&rewritten)?;
    let record = admit(&submission)?;
    let seen = look(&record)?;
    let mut ready = Ready::as_it_is(submission, None);
    ready.digest = Sha256::digest(&canonical).into();
    ready.disclosed = payloads.iter().map(|payload| payload.place).collect();
    payloads.into_iter().for_each(|payload| ready.push(payload));
    Ok((ready, seen))
}

/// The places whose content stands in the record itself.
fn inline<'r>(record: &'r Record<'_>) -> impl Iterator<Item = (Place, Held<'r, 'r>)> {
    let held = Place::ALL.iter().filter_map(|&place| Some((place, place.of(record)?)));
    held.filter(|(_, held)| matches!(held, Held::Content(content) if content.sd.is_none()))
}

fn to_hide(record: &Record<'_>, sensitive: Places) -> Places {
    let plain =
        |place: &Place| matches!(place.of(record), Some(field @ Held::Field(_)) if field.sd().is_none());
    let fields = sensitive.iter().filter(plain);
    inline(record).map(|(place, _)| place).chain(fields).collect()
}

/// Puts a digest in the place of what stands there, if anything does that is to be hidden.
fn hide(
    record: &mut Value<'_>,
    place: Place,
    sensitive: Places,
    salts: &Salts,
) -> Result<Option<Payload>, Refusal> {
    let Some(value) = find(record, place) else { return Ok(None) };
    let content = match value {
        Value::String(text) if place.is_field() && sensitive.has(place) => text.as_bytes().to_vec(),
        Value::Object(members) if !place.is_field() => match content_of(members, place)? {
            Some(content) => content,
            None => return Ok(None),
        },
        _ => return Ok(None),
    };
    let payload = payload(place, &content, salts)?;
    let sd = Member {
        name: "sd".into(),
        name_at: 0,
        value: Value::String(payload.sd.to_string().into()),
        value_at: 0,
    };
    match value {
        Value::Object(members) => {
            members.retain(|member| !matches!(&*member.name, "content" | "content_base64url" | "sd"));
            if !members.iter().any(|member| member.name == "bytes") {
                let bytes = Value::Double(content.len() as f64);
                members.push(Member { name: "bytes".into(), name_at: 0, value: bytes, value_at: 0 });
            }
            members.push(sd);
            members.sort_by(|a, b| json::string::utf16_order(a.name.as_bytes(), b.name.as_bytes()));
        }
        field => *field = Value::Object(vec![sd]),
    }
    Ok(Some(payload))
}

fn payload(place: Place, content: &[u8], salts: &Salts) -> Result<Payload, Refusal> {
    let at = |error: &DisclosureError| refusal(error).within(place.pointer(), 0);
    let why = "the salt of its disclosure is not known; was the content erased?";
    let salt = salts.of(place).ok_or_else(|| bad(why).within(place.pointer(), 0))?;
    let made = Disclosure::make(salt, place.member(), content).map_err(|error| at(&error))?;
    let secret = secret::find_in_bytes(content).is_some();
    Ok(Payload { place, sd: made.sd(), text: made.into_text(), secret })
}

/// What stands at a place of a record.
fn find<'r, 'v>(record: &'r mut Value<'v>, place: Place) -> Option<&'r mut Value<'v>> {
    let (object, name) = place.steps();
    let within = match object {
        Some(object) => member(record, object)?,
        None => record,
    };
    member(within, name)
}

fn member<'r, 'v>(value: &'r mut Value<'v>, name: &str) -> Option<&'r mut Value<'v>> {
    let Value::Object(members) = value else { return None };
    members.iter_mut().find(|member| member.name == name).map(|member| &mut member.value)
}

/// The content that stands among the members of a place, byte by byte as it was seen.
fn content_of(members: &[Member<'_>], place: Place) -> Result<Option<Vec<u8>>, Refusal> {
    let bad = |why: &str| Err(bad(why).within(place.pointer(), 0));
    // As the typed record has it, null is nothing.
    let value = |name: &str| {
        let member = members.iter().find(|member| member.name == name)?;
        (!matches!(member.value, Value::Null)).then_some(&member.value)
    };
    let content = match (value("content"), value("content_base64url"), value("sd")) {
        (None, None, _) => return Ok(None),
        (Some(Value::String(text)), None, None) => text.as_bytes().to_vec(),
        (Some(value), None, None) => {
            let mut canonical = Vec::new();
            json::print(value, &mut canonical);
            canonical
        }
        (None, Some(Value::String(text)), None) => match base64url::decode(text.as_bytes()) {
            Some(content) => content,
            None => return bad("content_base64url must be base64url without padding"),
        },
        (None, Some(_), None) => return bad("content_base64url must be a string"),
        _ => return bad("content is one of sd, content and content_base64url"),
    };
    let limit = |refusal: Refusal| refusal.within(place.pointer(), 0);
    within_limit("content", content.len(), CONTENT_BYTES_MAX).map_err(limit)?;
    match value("bytes") {
        Some(Value::Integer(said)) if *said != content.len().to_string() => {
            bad("the content has another length than `bytes` says")
        }
        _ => Ok(Some(content)),
    }
}

fn bad(why: &str) -> Refusal {
    Refusal::new(Cause::BadField { why: why.to_owned() }, "", 0)
}

fn refusal(error: &DisclosureError) -> Refusal {
    match error {
        DisclosureError::TooLarge { what, bytes, limit } => {
            Refusal::new(Cause::TooLarge { what, bytes: *bytes, limit: *limit }, "", 0)
        }
        error => Refusal::new(Cause::BadField { why: format!("the disclosure: {error}") }, "", 0),
    }
}
