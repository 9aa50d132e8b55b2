//! What characters a run has, and how many of which.

/// The characters that a token is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Alphabet {
    /// 0-9, a-f, A-F.
    Hex,
    /// A-Z, a-z.
    Letters,
    /// Letters and digits.
    Alnum,
    /// Letters, digits, `_`.
    Word,
    /// Base64url: letters, digits, `-`, `_` (RFC 4648, section 5).
    Url,
    /// Base64url and dots.
    Dotted,
    /// Base64: letters, digits, `+`, `/`, `=` (RFC 4648, section 4).
    Base64,
    /// `token68` of RFC 9110, section 11.2.
    Token68,
}

impl Alphabet {
    pub(super) fn has(self, byte: u8) -> bool {
        match self {
            Self::Hex => byte.is_ascii_hexdigit(),
            Self::Letters => byte.is_ascii_alphabetic(),
            Self::Alnum => byte.is_ascii_alphanumeric(),
            Self::Word => byte.is_ascii_alphanumeric() || byte == b'_',
            Self::Url => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'),
            Self::Dotted => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'),
            Self::Base64 => byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='),
            Self::Token68 => {
                byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=')
            }
        }
    }
}

/// The run of characters of `alphabet` that starts at `from`, at most `most` of them.
pub(super) fn run(bytes: &[u8], from: usize, alphabet: Alphabet, most: usize) -> &[u8] {
    let rest = bytes.get(from..).unwrap_or_default();
    let length = rest.iter().take(most).take_while(|&&byte| alphabet.has(byte)).count();
    &rest[..length]
}

/// The characters of a run, counted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) length: usize,
    pub(super) upper: bool,
    pub(super) lower: bool,
    pub(super) digit: bool,
    /// How many different characters there are.
    pub(super) distinct: u32,
    /// The longest part without anything but letters and digits.
    pub(super) longest_alnum: usize,
}

/// Fewer different characters than these, and a run is a placeholder: `xxxxxxxx`, `1234`, `REDACTED`.
const DISTINCT_MIN: u32 = 8;

impl Shape {
    pub(super) fn of(run: &[u8]) -> Self {
        let (mut seen, mut alnum, mut longest_alnum) = (0_u128, 0, 0);
        for &byte in run {
            seen |= 1 << (byte & 0x7f);
            alnum = if byte.is_ascii_alphanumeric() { alnum + 1 } else { 0 };
            longest_alnum = longest_alnum.max(alnum);
        }
        Self {
            length: run.len(),
            upper: run.iter().any(u8::is_ascii_uppercase),
            lower: run.iter().any(u8::is_ascii_lowercase),
            digit: run.iter().any(u8::is_ascii_digit),
            distinct: seen.count_ones(),
            longest_alnum,
        }
    }

    /// Whether this is more than a placeholder.
    pub(super) fn is_varied(&self) -> bool {
        self.distinct >= DISTINCT_MIN
    }

    pub(super) fn has_mixed_case(&self) -> bool {
        self.upper && self.lower
    }

    /// Whether no word and no name looks like this: letters of both cases and digits, or a long part of letters and digits.
    pub(super) fn is_random(&self) -> bool {
        let letters_and_digits = self.digit && (self.upper || self.lower);
        self.is_varied() && letters_and_digits && (self.has_mixed_case() || self.longest_alnum >= 16)
    }
}

/// Whether `run` is a UUID (RFC 9562, section 4).
pub(super) fn is_uuid(run: &[u8]) -> bool {
    let hyphen_or_hex = |(at, &byte): (usize, &u8)| {
        if matches!(at, 8 | 13 | 18 | 23) { byte == b'-' } else { byte.is_ascii_hexdigit() }
    };
    run.len() == 36 && run.iter().enumerate().all(hyphen_or_hex)
}
