//! The spellings that every text format of a log is made of: base64, decimal numbers, and a blank line before a note.
//!
//! Base64 is RFC 4648 section 4, standard alphabet with padding; decimal numbers are as in C2SP tlog-checkpoint.
//! Each value has exactly one spelling here. Other programs are more lenient (Go's base64 decoder skips line
//! breaks and ignores the bits after the last byte), which makes two texts of one meaning: refused.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::SIZE_MAX;

/// Why a piece of text is not what it should spell. Whoever wrote the text is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodingError {
    /// Wrong alphabet, missing or superfluous padding, white space, or bits set after the last byte.
    #[error("not canonical base64 (RFC 4648 section 4, with padding)")]
    Base64,
    /// Base64 of another number of bytes than the place demands.
    #[error("expected {want} bytes in base64, found {have}")]
    Length {
        /// Bytes demanded.
        want: usize,
        /// Bytes found.
        have: usize,
    },
    /// Empty, a sign, a leading zero, white space, or anything that is not a digit 0-9.
    #[error("not a decimal number (digits only, no sign, no leading zero)")]
    Decimal,
    /// A number of 2^63 or more, which Go readers of the same text cannot hold.
    #[error("the number is not below 2^63")]
    NumberTooLarge,
}

/// Canonical padded base64 of `bytes`.
pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Bytes of canonical padded base64. The empty text is the empty byte string.
pub fn parse_base64(text: &str) -> Result<Vec<u8>, EncodingError> {
    STANDARD.decode(text).map_err(|_| EncodingError::Base64)
}

/// Exactly `N` bytes of canonical padded base64.
pub fn parse_base64_array<const N: usize>(text: &str) -> Result<[u8; N], EncodingError> {
    let bytes = parse_base64(text)?;
    let have = bytes.len();
    bytes.try_into().map_err(|_| EncodingError::Length { want: N, have })
}

/// A number from 0 to 2^63 - 1 in canonical decimal: `0`, or digits that do not start with 0.
pub fn parse_decimal(text: &str) -> Result<u64, EncodingError> {
    let canonical = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if text.is_empty() || !canonical {
        return Err(EncodingError::Decimal);
    }
    match text.parse() {
        Ok(number) if number <= SIZE_MAX => Ok(number),
        _ => Err(EncodingError::NumberTooLarge),
    }
}

/// The bytes before the first blank line, without the LF that ends them, and the bytes after it.
pub(crate) fn split_at_first_blank_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = bytes.windows(2).position(|pair| pair == b"\n\n")?;
    Some((&bytes[..at], &bytes[at + 2..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_spelling_of_bytes() {
        for (text, bend) in [
            ("AA", "padding left out"),
            ("AA=", "half of the padding"),
            ("AA===", "too much padding"),
            ("AB==", "bits set after the last byte"),
            ("AA==\n", "line break at the end"),
            ("AA\n==", "line break inside"),
            (" AA==", "space"),
            ("_-8=", "URL alphabet"),
            ("AA==AA==", "goes on after the padding"),
            ("=", "padding alone"),
            ("A", "six bits"),
            ("\u{e9}A==", "not ASCII"),
        ] {
            assert_eq!(parse_base64(text), Err(EncodingError::Base64), "{bend}");
        }
        assert_eq!(parse_base64_array::<3>("AAAA"), Ok([0; 3]));
        assert_eq!(parse_base64_array::<2>("AAAA"), Err(EncodingError::Length { want: 2, have: 3 }));
        assert_eq!(parse_base64_array::<4>("AAAA"), Err(EncodingError::Length { want: 4, have: 3 }));
    }

    #[test]
    fn one_spelling_of_numbers() {
        for (text, bend) in [
            ("", "nothing"),
            ("00", "two zeros"),
            ("01", "leading zero"),
            ("+1", "plus"),
            ("-1", "minus"),
            (" 1", "space before"),
            ("1 ", "space after"),
            ("1_000", "underscore"),
            ("0x10", "hexadecimal"),
            ("1e3", "exponent"),
            ("\u{661}", "Arabic-Indic digit one"),
        ] {
            assert_eq!(parse_decimal(text), Err(EncodingError::Decimal), "{bend}");
        }
        assert_eq!(parse_decimal("0"), Ok(0));
        assert_eq!(parse_decimal("9223372036854775807"), Ok(SIZE_MAX));
        for text in
            ["9223372036854775808", "18446744073709551615", "18446744073709551616", "99999999999999999999999"]
        {
            assert_eq!(parse_decimal(text), Err(EncodingError::NumberTooLarge), "{text}");
        }
    }

    proptest! {
        #[test]
        fn bytes_come_back(bytes: Vec<u8>) {
            prop_assert_eq!(parse_base64(&base64(&bytes)), Ok(bytes));
        }

        #[test]
        fn what_is_taken_as_base64_prints_back(text in "[A-Za-z0-9+/]{0,9}={0,3}") {
            if let Ok(bytes) = parse_base64(&text) {
                prop_assert_eq!(base64(&bytes), text);
            }
        }

        #[test]
        fn what_is_taken_as_a_number_prints_back(text in "[+ -]?[0-9]{0,21}") {
            if let Ok(number) = parse_decimal(&text) {
                prop_assert_eq!(number.to_string(), text);
            }
        }

        #[test]
        fn numbers_come_back(number in 0..=SIZE_MAX) {
            prop_assert_eq!(parse_decimal(&number.to_string()), Ok(number));
        }
    }
}
