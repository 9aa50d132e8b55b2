//! The fields every record has, checked on a parsed value. The scanner checks the same on canonical bytes.

use crate::id::RecordId;
use crate::json::{Member, Value};
use crate::refusal::{Cause, Refusal};
use crate::time::is_time;

/// Checks `id`, `type`, `time` and, where there is one, `producer.id`. Answers the id, and the producer where one
/// is named.
pub(crate) fn check<'v>(record: &'v Value<'_>) -> Result<(RecordId, Option<&'v str>), Refusal> {
    let members = object(record, "", 0)?;
    let id = required_string(members, "", "id", 0)?;
    let id = RecordId::read(id.text.as_bytes()).ok_or_else(|| Refusal::new(Cause::BadId, "/id", id.at))?;
    required_string(members, "", "type", 0)?;
    let time = required_string(members, "", "time", 0)?;
    if !is_time(time.text.as_bytes()) {
        return Err(Refusal::new(Cause::BadTime, "/time", time.at));
    }
    let Some(producer) = member(members, "producer") else { return Ok((id, None)) };
    let parts = object(&producer.value, "/producer", producer.value_at)?;
    let producer = required_string(parts, "/producer", "id", producer.value_at)?;
    Ok((id, Some(producer.text)))
}

struct Text<'v> {
    text: &'v str,
    at: usize,
}

/// The non-empty string that `members`, the object at `path` and byte `at`, holds under `name`.
fn required_string<'v>(
    members: &'v [Member<'_>],
    path: &str,
    name: &'static str,
    at: usize,
) -> Result<Text<'v>, Refusal> {
    let path = || format!("{path}/{name}");
    let field =
        member(members, name).ok_or_else(|| Refusal::new(Cause::MissingField { field: name }, path(), at))?;
    let Value::String(text) = &field.value else {
        return Err(wrong_type("a string", &field.value, path(), field.value_at));
    };
    if text.is_empty() {
        return Err(Refusal::new(Cause::EmptyString, path(), field.value_at));
    }
    Ok(Text { text, at: field.value_at })
}

fn object<'v, 'a>(value: &'v Value<'a>, path: &str, at: usize) -> Result<&'v [Member<'a>], Refusal> {
    match value {
        Value::Object(members) => Ok(members),
        other => Err(wrong_type("an object", other, path.to_owned(), at)),
    }
}

fn member<'v, 'a>(members: &'v [Member<'a>], name: &str) -> Option<&'v Member<'a>> {
    members.iter().find(|member| member.name == name)
}

fn wrong_type(expected: &'static str, found: &Value<'_>, path: String, at: usize) -> Refusal {
    Refusal::new(Cause::WrongType { expected, found: found.kind() }, path, at)
}
