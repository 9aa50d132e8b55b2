//! Strings: where they stop, how they are escaped, and how names are ordered.

use std::borrow::Cow;
use std::cmp::Ordering;

use bytes::BufMut;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// The first byte from `at` on that a string cannot hold as it is: `"`, `\` or a control character; or the end.
#[inline]
pub(crate) fn stop(bytes: &[u8], at: usize) -> usize {
    let mut at = at;
    while let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let found = special(u64::from_le_bytes(*word));
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    while at < bytes.len() && !matches!(bytes[at], b'"' | b'\\' | 0..0x20) {
        at += 1;
    }
    at
}

/// The byte after the closing quote of the string whose inside starts at `at`; or the end of the body.
pub(crate) fn after(body: &[u8], mut at: usize) -> usize {
    loop {
        at = stop(body, at.min(body.len()));
        match body.get(at) {
            None => return at,
            Some(b'"') => return at + 1,
            Some(b'\\') => at += 2,
            Some(_) => at += 1,
        }
    }
}

/// A word with the high bit set in the lowest byte that is special; bytes above that one may be wrong.
///
/// Flipping bit 1 moves the quotation mark (22) to 20 and leaves 00 to 1F among themselves, so that both are one
/// comparison: below 21.
fn special(word: u64) -> u64 {
    let backslash = word ^ (ONES * 0x5c);
    let quote_or_control = word ^ (ONES * 0x02);
    let is_backslash = backslash.wrapping_sub(ONES) & !backslash;
    let is_quote_or_control = quote_or_control.wrapping_sub(ONES * 0x21) & !quote_or_control;
    (is_backslash | is_quote_or_control) & HIGH_BITS
}

/// How many bytes the canonical escape at `at` (its backslash) has: RFC 8785, section 3.2.2.2. `None` for any other.
pub(crate) fn canonical_escape(bytes: &[u8], at: usize) -> Option<usize> {
    match *bytes.get(at + 1)? {
        b'"' | b'\\' | b'b' | b't' | b'n' | b'f' | b'r' => Some(2),
        b'u' => match bytes.get(at + 2..at + 6)? {
            [b'0', b'0', b'0', b'0'..=b'7' | b'b' | b'e' | b'f']
            | [b'0', b'0', b'1', b'0'..=b'9' | b'a'..=b'f'] => Some(6),
            _ => None,
        },
        _ => None,
    }
}

/// Prints `text` as a JSON string, quotes included, with the escapes of RFC 8785, section 3.2.2.2 and no others.
pub(crate) fn print(text: &str, out: &mut impl BufMut) {
    let bytes = text.as_bytes();
    out.put_u8(b'"');
    let mut from = 0;
    loop {
        let to = stop(bytes, from);
        out.put_slice(&bytes[from..to]);
        let Some(&special) = bytes.get(to) else { break };
        match special {
            b'"' | b'\\' => out.put_slice(&[b'\\', special]),
            0x08 => out.put_slice(b"\\b"),
            b'\t' => out.put_slice(b"\\t"),
            b'\n' => out.put_slice(b"\\n"),
            0x0c => out.put_slice(b"\\f"),
            b'\r' => out.put_slice(b"\\r"),
            control => {
                let digit = b"0123456789abcdef"[usize::from(control & 15)];
                out.put_slice(&[b'\\', b'u', b'0', b'0', b'0' + (control >> 4), digit]);
            }
        }
        from = to + 1;
    }
    out.put_u8(b'"');
}

/// What the inside of a canonical string stands for.
pub(crate) fn unescape(inside: &[u8]) -> Cow<'_, str> {
    if memchr::memchr(b'\\', inside).is_none() {
        return String::from_utf8_lossy(inside);
    }
    let mut text = Vec::with_capacity(inside.len());
    let mut from = 0;
    while let Some(ahead) = memchr::memchr(b'\\', &inside[from..]) {
        let at = from + ahead;
        text.extend_from_slice(&inside[from..at]);
        let (byte, length) = match &inside[at + 1..] {
            [b'b', ..] => (0x08, 2),
            [b't', ..] => (b'\t', 2),
            [b'n', ..] => (b'\n', 2),
            [b'f', ..] => (0x0c, 2),
            [b'r', ..] => (b'\r', 2),
            [b'u', _, _, high, low, ..] => (hex(*high) << 4 | hex(*low), 6),
            [other, ..] => (*other, 2),
            [] => break,
        };
        text.push(byte);
        from = at + length;
    }
    text.extend_from_slice(&inside[from..]);
    Cow::Owned(String::from_utf8_lossy(&text).into_owned())
}

fn hex(digit: u8) -> u8 {
    char::from(digit).to_digit(16).unwrap_or(0) as u8
}

/// Orders two texts by their UTF-16 code units, as RFC 8785, section 3.2.3 orders names.
///
/// UTF-8 orders by code points, which is the same but for one thing: code points beyond U+FFFF (first byte F0 and up)
/// are written in UTF-16 as surrogates, D800 to DFFF, and so come before U+E000 to U+FFFF (first byte EE or EF).
pub(crate) fn utf16_order(a: &[u8], b: &[u8]) -> Ordering {
    match a.iter().zip(b).find(|(x, y)| x != y) {
        Some((&x, &y)) if x >= 0xee && y >= 0xee && (x < 0xf0) != (y < 0xf0) => y.cmp(&x),
        Some((x, y)) => x.cmp(y),
        None => a.len().cmp(&b.len()),
    }
}

/// Where the first noncharacter stands in this UTF-8: U+FDD0 to U+FDEF, and the last two code points of each plane.
///
/// In UTF-8 these are `EF B7 90..AF`, `EF BF BE..BF` and `F? ?F BF BE..BF`.
pub(crate) fn noncharacter(utf8: &[u8]) -> Option<usize> {
    if utf8.is_ascii() {
        return None;
    }
    memchr::memchr2_iter(0xb7, 0xbf, utf8).find_map(|at| {
        let last = *utf8.get(at + 1)?;
        match (&utf8[..at], utf8[at]) {
            ([.., 0xef], 0xb7) if (0x90..=0xaf).contains(&last) => Some(at - 1),
            ([.., 0xef], 0xbf) if last >= 0xbe => Some(at - 1),
            ([.., 0xf0..=0xf4, plane], 0xbf) if plane & 15 == 15 && last >= 0xbe => Some(at - 2),
            _ => None,
        }
    })
}

/// Whether `c` is a noncharacter.
pub(crate) fn is_noncharacter(c: char) -> bool {
    let c = u32::from(c);
    (0xfdd0..=0xfdef).contains(&c) || c & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_stops_at_each_special_byte_wherever_it_stands() {
        for length in 0..40 {
            for at in 0..length {
                for byte in 0..=255 {
                    let mut bytes = vec![b'a'; length];
                    bytes[at] = byte;
                    let special = byte < 0x20 || byte == b'"' || byte == b'\\';
                    assert_eq!(
                        stop(&bytes, 0),
                        if special { at } else { length },
                        "{byte:#x} at {at} of {length}"
                    );
                }
            }
        }
    }

    #[test]
    fn every_noncharacter_is_found_and_nothing_else() {
        for c in '\0'..=char::MAX {
            let text = format!("é{c}z");
            let expected = is_noncharacter(c).then_some(2);
            assert_eq!(noncharacter(text.as_bytes()), expected, "{:#x}", u32::from(c));
        }
        let all = ('\0'..=char::MAX).filter(|c| is_noncharacter(*c)).count();
        assert_eq!(all, 66, "Unicode, section 23.7: 66 noncharacters");
    }

    #[test]
    fn order_is_that_of_utf16_code_units() {
        let marks =
            ['\0', 'a', 'b', '\u{7f}', '\u{80}', '\u{7ff}', '\u{800}', '\u{d7ff}', '\u{e000}', '\u{fffd}'];
        let beyond = ['\u{10000}', '\u{1f600}', '\u{fffff}', '\u{10fffd}'];
        let mut texts = vec![String::new()];
        for a in marks.iter().chain(&beyond) {
            texts.push(a.to_string());
            texts.extend(marks.iter().chain(&beyond).map(|b| format!("{a}{b}")));
        }
        for a in &texts {
            for b in &texts {
                let expected = a.encode_utf16().cmp(b.encode_utf16());
                assert_eq!(utf16_order(a.as_bytes(), b.as_bytes()), expected, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn each_character_is_escaped_as_rfc_8785_demands_and_comes_back() {
        for c in '\0'..='\u{ff}' {
            let mut printed = Vec::new();
            print(&format!("x{c}y"), &mut printed);
            let inside = &printed[1..printed.len() - 1];
            assert_eq!(unescape(inside), format!("x{c}y"));
            let escaped = canonical_escape(inside, 1).is_some();
            assert_eq!(escaped, c < ' ' || c == '"' || c == '\\', "{c:?}");
        }
        let mut printed = Vec::new();
        print("\u{8}\t\n\u{b}\u{c}\r\u{1f}\"\\/\u{7f}€", &mut printed);
        assert_eq!(printed, "\"\\b\\t\\n\\u000b\\f\\r\\u001f\\\"\\\\/\u{7f}€\"".as_bytes());
    }

    #[test]
    fn escapes_that_are_valid_but_not_minimal_are_told_apart() {
        for bent in [
            "\\/", "\\u0008", "\\u0009", "\\u000a", "\\u000c", "\\u000d", "\\u000B", "\\u001F", "\\u0020",
            "\\u0022", "\\u005c", "\\u20ac", "\\U000b", "\\x0b", "\\u00", "\\",
        ] {
            assert_eq!(canonical_escape(bent.as_bytes(), 0), None, "{bent}");
        }
    }
}
