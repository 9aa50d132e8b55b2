//! Canonical JSON (RFC 8785) for what this repository writes itself: ASCII keys and whole numbers.
//!
//! A second, slow and separate hand beside `crates/record`, so that sample data is not checked by the code
//! that made it.

use serde_json::Value;

/// The RFC 8785 form of `value`.
///
/// Keys must be ASCII, where the order by bytes equals the order by UTF-16 code units that RFC 8785 section
/// 3.2.3 asks for, and numbers must be whole and within ±(2^53 − 1), where the ECMAScript form is the decimal
/// digits. Strings need nothing: serde_json escapes exactly what RFC 8785 section 3.2.2.2 names.
///
/// # Panics
/// On a key that is not ASCII and on any other number.
pub fn canonical(value: &Value) -> Vec<u8> {
    let mut out = String::new();
    write(value, &mut out);
    out.into_bytes()
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by(|(a, _), (b, _)| a.as_bytes().cmp(b.as_bytes()));
            list(out, '{', '}', members, |(key, value), out| {
                assert!(key.is_ascii(), "key {key:?} is not ASCII: sorting it needs UTF-16 order");
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                write(value, out);
            });
        }
        Value::Array(values) => list(out, '[', ']', values, write),
        Value::Number(number) => {
            let whole = number.as_i64().filter(|n| n.unsigned_abs() < 1 << 53);
            out.push_str(
                &whole.unwrap_or_else(|| panic!("{number} is not a whole I-JSON number")).to_string(),
            );
        }
        Value::Null | Value::Bool(_) | Value::String(_) => out.push_str(&value.to_string()),
    }
}

fn list<T>(
    out: &mut String,
    open: char,
    close: char,
    items: impl IntoIterator<Item = T>,
    each: impl Fn(T, &mut String),
) {
    out.push(open);
    for (position, item) in items.into_iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        each(item, out);
    }
    out.push(close);
}

#[cfg(test)]
mod tests {
    use super::canonical;
    use serde_json::json;

    #[test]
    fn members_are_sorted_and_strings_keep_their_form() {
        let value = json!({"b": [1, -2, null, true], "a": {"z": "é\u{7f}\n\u{1}\"\\/", "Z": {}}});
        let wanted = "{\"a\":{\"Z\":{},\"z\":\"é\u{7f}\\n\\u0001\\\"\\\\/\"},\"b\":[1,-2,null,true]}";
        assert_eq!(String::from_utf8(canonical(&value)).unwrap(), wanted);
    }

    #[test]
    #[should_panic(expected = "not ASCII")]
    fn a_key_beyond_ascii_is_refused() {
        canonical(&json!({"é": 1}));
    }

    #[test]
    #[should_panic(expected = "not a whole I-JSON number")]
    fn a_fraction_is_refused() {
        canonical(&json!(0.5));
    }

    #[test]
    #[should_panic(expected = "not a whole I-JSON number")]
    fn a_number_beyond_i_json_is_refused() {
        canonical(&json!(9_007_199_254_740_992_u64));
    }
}
