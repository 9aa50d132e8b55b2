//! Numbers: the grammar of RFC 8259, the range of RFC 7493, the print of RFC 8785. The crate's documentation has the rule.

use crate::limits::{INTEGER_MAX, SIGNIFICANT_DIGITS_MAX};
use crate::refusal::Cause;

use super::Value;

/// From here on ECMAScript prints a double with an exponent; below, whole numbers are printed as plain digits.
const EXPONENT_FROM: f64 = 1e21;

/// Digits of an integer that is surely within range.
const SAFE_DIGITS: usize = 15;

/// Where the number that starts at `at` ends (RFC 8259, section 6).
///
/// # Errors
/// The byte at which the grammar breaks.
pub(crate) fn end(bytes: &[u8], at: usize) -> Result<usize, usize> {
    let digits = |from: usize| from + bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let some_digits = |from: usize| Some(digits(from)).filter(|&to| to > from).ok_or(from);
    let mut at = at + usize::from(bytes.get(at) == Some(&b'-'));
    at = if bytes.get(at) == Some(&b'0') { at + 1 } else { some_digits(at)? };
    if bytes.get(at) == Some(&b'.') {
        at = some_digits(at + 1)?;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        at += 1;
        at = some_digits(at + usize::from(matches!(bytes.get(at), Some(b'+' | b'-'))))?;
    }
    Ok(at)
}

/// What a number means that is well formed by [`end`].
pub(crate) fn read(literal: &str) -> Result<Value<'_>, Cause> {
    if literal == "-0" {
        return Err(Cause::NegativeZero);
    }
    if is_plain_integer(literal.as_bytes()) {
        return if is_in_range(literal) { Ok(Value::Integer(literal)) } else { Err(Cause::NumberOutOfRange) };
    }
    let double: f64 = literal.parse().map_err(|_| Cause::Syntax { expected: "a number" })?;
    let digits = significant_digits(literal);
    let prints_as_integer_out_of_range = double.abs() > INTEGER_MAX as f64 && double.abs() < EXPONENT_FROM;
    if double.is_infinite() || prints_as_integer_out_of_range || (double == 0.0 && digits > 0) {
        Err(Cause::NumberOutOfRange)
    } else if digits > SIGNIFICANT_DIGITS_MAX {
        Err(Cause::NumberTooPrecise)
    } else if double == 0.0 && double.is_sign_negative() {
        Err(Cause::NegativeZero)
    } else {
        Ok(Value::Double(double))
    }
}

/// Whether a number that is well formed by [`end`] is in range and in canonical form.
pub(crate) fn is_canonical(literal: &[u8]) -> bool {
    if literal.len() <= SAFE_DIGITS && is_plain_integer(literal) {
        return literal != b"-0";
    }
    let Ok(text) = std::str::from_utf8(literal) else { return false };
    match read(text) {
        Ok(Value::Double(double)) => ryu_js::Buffer::new().format_finite(double) == text,
        other => other.is_ok(),
    }
}

fn is_plain_integer(literal: &[u8]) -> bool {
    literal.iter().all(|b| !matches!(b, b'.' | b'e' | b'E'))
}

fn is_in_range(integer: &str) -> bool {
    let digits = integer.strip_prefix('-').unwrap_or(integer);
    digits.len() <= SAFE_DIGITS || digits.parse::<u64>().is_ok_and(|n| n <= INTEGER_MAX)
}

/// Digits of the number from the first that is not 0 to the last that is not 0.
fn significant_digits(literal: &str) -> usize {
    let mantissa = literal.split(['e', 'E']).next().unwrap_or(literal);
    let digits = mantissa.bytes().filter(u8::is_ascii_digit);
    let from_first = digits.skip_while(|&b| b == b'0');
    let mut significant = 0;
    for (at, digit) in from_first.enumerate() {
        if digit != b'0' {
            significant = at + 1;
        }
    }
    significant
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_ends_where_rfc_8259_says() {
        for (text, expected) in [
            ("0", Ok(1)),
            ("-0", Ok(2)),
            ("01", Ok(1)),
            ("120,", Ok(3)),
            ("1.50e+10]", Ok(8)),
            ("1E5", Ok(3)),
            ("0e-0", Ok(4)),
            ("", Err(0)),
            ("-", Err(1)),
            ("+1", Err(0)),
            (".5", Err(0)),
            ("1.", Err(2)),
            ("1.e5", Err(2)),
            ("1e", Err(2)),
            ("1e+", Err(3)),
            ("-Infinity", Err(1)),
        ] {
            assert_eq!(end(text.as_bytes(), 0), expected, "{text}");
        }
    }

    #[test]
    fn significant_digits_ignore_zeros_at_both_ends() {
        for (literal, digits) in
            [("0", 0), ("-0.000e5", 0), ("100", 1), ("0.00120", 2), ("1.0020", 4), ("-10.01e-77", 4)]
        {
            assert_eq!(significant_digits(literal), digits, "{literal}");
        }
    }
}
