//! Base64url without padding (RFC 4648, section 5), in its one spelling: no padding, no white space, and no bits set after
//! the last byte.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// The text of `bytes`.
pub(crate) fn encode(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// Appends the text of `bytes`.
pub(crate) fn encode_into(bytes: &[u8], out: &mut String) {
    BASE64_URL_SAFE_NO_PAD.encode_string(bytes, out);
}

/// The bytes of a text.
pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    BASE64_URL_SAFE_NO_PAD.decode(text).ok()
}

/// Exactly `N` bytes.
pub(crate) fn decode_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    // Told by its length first, so that a long text is not decoded for nothing.
    if text.len() != (N * 4).div_ceil(3) {
        return None;
    }
    decode(text.as_bytes())?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_one_spelling() {
        assert_eq!(encode(&[0xfb, 0xff]), "-_8");
        assert_eq!(decode_array::<2>("-_8"), Some([0xfb, 0xff]));
        for (bend, text) in [
            ("padding", "-_8="),
            ("bits after the last byte", "-_9"),
            ("the alphabet of RFC 4648, section 4", "+/8"),
            ("one character fewer", "-_"),
            ("one more", "-_8A"),
            ("white space", "-_ "),
            ("nothing", ""),
        ] {
            assert_eq!(decode_array::<2>(text), None, "{bend}");
        }
    }
}
