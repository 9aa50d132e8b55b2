//! Secrets in the strings of a record.

use super::{Kind, Mark, find, find_in_bytes, marks, rules};
use crate::disclosure::Sd;
use crate::json::{self, Member, Value};
use crate::refusal::{push_name, push_position};

/// The members of a record that hold content, as JSON pointers (RFC 6901): a secret in these does not stop a record.
pub const CONTENT_MEMBERS: [&str; 12] = [
    "/input/content",
    "/input/content_base64url",
    "/executed/content",
    "/executed/content_base64url",
    "/output/content",
    "/output/content_base64url",
    "/approval/shown/content",
    "/approval/shown/content_base64url",
    "/approval/answer/content",
    "/approval/answer/content_base64url",
    "/access/query/content",
    "/access/query/content_base64url",
];

/// Members that name a digest or a public key: 32 random bytes as 43 characters of base64url, in which three may well be the
/// mark of a secret. A value of that very form, or a list of such, is none; any other value of theirs is looked at.
pub const DIGEST_MEMBERS: [&str; 7] = ["sd", "sds", "kid", "replaces", "public", "sha256", "last_sha256"];

/// The first string in a record that holds a secret: the JSON pointer (RFC 6901) of the field, and what the secret looks
/// like. Strings are values and member names, at any depth, as they read after unescaping. For a name, the pointer is that
/// of the object it is in, so that no pointer shows a secret. What lies at or under one of the pointers `but_not` is not
/// looked at.
///
/// Of bytes that are no JSON as this crate takes it, the whole is looked at as it is, and the pointer is empty.
///
/// Nearly all records hold no mark of a secret, and canonical JSON cannot hide one: they cost one search over their bytes.
pub fn find_in_fields(canonical_record: &[u8], but_not: &[&str]) -> Option<(String, Kind)> {
    if !may_hold_one(canonical_record) {
        return None;
    }
    match json::parse(canonical_record) {
        Ok(record) => Walk { but_not, pointer: String::new() }.value(&record),
        Err(_) => find_in_bytes(canonical_record).map(|found| (String::new(), found.kind)),
    }
}

/// Whether there is a mark that unescaping might leave as the beginning of a secret, or an escape that may hide one.
fn may_hold_one(record: &[u8]) -> bool {
    let counts = |Mark { rule, from, .. }: Mark| {
        let in_a_word = from > 0 && record[from - 1].is_ascii_alphanumeric();
        // The letter before a mark may be the end of an escape: `\n`, or the last of six bytes.
        let after_escape = memchr::memchr(b'\\', &record[from.saturating_sub(6)..from]).is_some();
        !(in_a_word && rules::RULES[rule].starts_a_word()) || after_escape
    };
    marks(record).any(counts) || memchr::memmem::find(record, b"\\u").is_some()
}

/// Whether a value is 32 bytes in base64url, or a list of such.
fn are_digests(value: &Value<'_>) -> bool {
    match value {
        Value::String(text) => text.parse::<Sd>().is_ok(),
        Value::Array(elements) => elements.iter().all(are_digests),
        _ => false,
    }
}

struct Walk<'w> {
    but_not: &'w [&'w str],
    /// Of the value that is looked at.
    pointer: String,
}

impl Walk<'_> {
    fn value(&mut self, value: &Value<'_>) -> Option<(String, Kind)> {
        match value {
            Value::String(text) => self.text(text),
            Value::Array(elements) => elements.iter().enumerate().find_map(|(position, element)| {
                self.under(|pointer| push_position(pointer, position), element)
            }),
            Value::Object(members) => members.iter().find_map(|member| self.member(member)),
            Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Double(_) => None,
        }
    }

    /// The name first: a value's pointer shows no name that holds a secret.
    fn member(&mut self, Member { name, value, .. }: &Member<'_>) -> Option<(String, Kind)> {
        self.text(name).or_else(|| {
            let digests = DIGEST_MEMBERS.contains(&&**name) && are_digests(value);
            if digests { None } else { self.under(|pointer| push_name(pointer, name), value) }
        })
    }

    fn under(&mut self, step: impl FnOnce(&mut String), value: &Value<'_>) -> Option<(String, Kind)> {
        let above = self.pointer.len();
        step(&mut self.pointer);
        let passed_over = self.but_not.contains(&self.pointer.as_str());
        let found = if passed_over { None } else { self.value(value) };
        self.pointer.truncate(above);
        found
    }

    fn text(&self, text: &str) -> Option<(String, Kind)> {
        find(text).map(|found| (self.pointer.clone(), found.kind))
    }
}
