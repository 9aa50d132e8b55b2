//! JSON as this crate takes it: parsed strictly, printed canonically. The rules are in the crate's documentation.

pub(crate) mod number;
mod parse;
mod print;
pub(crate) mod string;

use std::borrow::Cow;

use crate::limits::TEXT_BYTES_MAX;
use crate::refusal::{Refusal, within_limit};

pub(crate) use parse::parse;
pub(crate) use print::print;

/// One JSON value; strings and numbers borrow from the text where they can.
#[derive(Debug)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    /// An integer within ±(2^53 - 1) that was written as one: its text is its canonical form.
    Integer(&'a str),
    /// Any other number: finite, not -0, and not in the range where it would print as an integer that is refused.
    Double(f64),
    String(Cow<'a, str>),
    Array(Vec<Value<'a>>),
    /// Members in canonical order, all names different.
    Object(Vec<Member<'a>>),
}

/// One member of an object, and where its value starts in the text.
#[derive(Debug)]
pub(crate) struct Member<'a> {
    pub(crate) name: Cow<'a, str>,
    pub(crate) name_at: usize,
    pub(crate) value: Value<'a>,
    pub(crate) value_at: usize,
}

impl Value<'_> {
    /// What this is, for a sentence.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) | Self::Double(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}

/// The canonical form (RFC 8785) of any JSON value, under the same rules as a record.
///
/// For a `log` part that was pretty-printed on the way, for instance, before it goes into [`entry_of`](crate::entry_of).
///
/// # Errors
/// What is not JSON as this crate takes it, and a text over [`limits::TEXT_BYTES_MAX`](TEXT_BYTES_MAX).
pub fn canonical(json: &[u8]) -> Result<Vec<u8>, Refusal> {
    within_limit("JSON text", json.len(), TEXT_BYTES_MAX)?;
    let value = parse(json)?;
    let mut out = Vec::with_capacity(json.len());
    print(&value, &mut out);
    Ok(out)
}
