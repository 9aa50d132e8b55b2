//! Pieces of a record that follow from the source alone.

use super::raw::Exchange;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// The call as its records name it. The model's own id is kept, but does not tell calls apart.
pub(super) fn action(exchange: &Exchange<'_>, ordinal: usize, effect: &str, server: &str) -> Value {
    let mut action = Map::from_iter([
        ("call_id".to_owned(), json!(exchange.call.id)),
        ("effect".to_owned(), json!(effect)),
        ("id".to_owned(), json!(format!("call-{ordinal}"))),
        ("server".to_owned(), json!(server)),
        ("tool".to_owned(), json!(exchange.call.function.name)),
    ]);
    let target = argument(exchange, "reservation_id").map(|id| format!("reservation/{id}"));
    if let Some(target) = target.or_else(|| argument(exchange, "user_id").map(|id| format!("user/{id}"))) {
        action.insert("target".to_owned(), json!(target));
    }
    Value::Object(action)
}

/// A text argument of the call.
pub(super) fn argument(exchange: &Exchange<'_>, name: &str) -> Option<String> {
    let arguments: Value = serde_json::from_str(&exchange.call.function.arguments).ok()?;
    Some(arguments.get(name)?.as_str()?.to_owned())
}

/// Content in the record itself, the exact string; JSON where it is an object or an array.
pub(super) fn content(text: &str) -> Value {
    let parsed = serde_json::from_str(text);
    let is_json = matches!(parsed, Ok(Value::Object(_) | Value::Array(_)));
    let media = if is_json { "application/json" } else { "text/plain" };
    json!({"bytes": text.len(), "content": text, "media": media})
}

/// SHA-256 in base64url without padding.
pub(super) fn sha256(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(bytes))
}
