//! Credentials as HTTP carries them.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD};

use super::shape::{Alphabet, Shape, is_uuid, run};

/// Characters of credentials that are looked at.
const LOOK_AHEAD: usize = 512;

/// Characters of a token, at least, where nothing but its place says that it is one.
const TOKEN_MIN: usize = 20;

/// `Bearer`, white space, a token: RFC 6750, section 2.1. "The bearer of this letter" has none.
pub(super) fn is_bearer(bytes: &[u8], _: usize, to: usize) -> bool {
    let space = space(&bytes[to..]);
    space > 0 && is_token(run(bytes, to + space, Alphabet::Token68, LOOK_AHEAD))
}

/// `Authorization`, a colon or what configuration files and JSON have in its place, a scheme, credentials.
pub(super) fn is_authorization(bytes: &[u8], _: usize, to: usize) -> bool {
    let Some(value_at) = value_at(bytes, to) else { return false };
    let scheme = run(bytes, value_at, Alphabet::Url, SCHEME_MAX + 1);
    let after = value_at + scheme.len();
    let space = space(&bytes[after..]);
    if space == 0 || scheme.len() > SCHEME_MAX {
        let token = run(bytes, value_at, Alphabet::Token68, LOOK_AHEAD);
        return is_token(token) && !is_uuid(token) && !token.iter().all(u8::is_ascii_hexdigit);
    }
    let credentials = run(bytes, after + space, Alphabet::Token68, LOOK_AHEAD);
    match scheme.to_ascii_lowercase().as_slice() {
        b"basic" => is_user_and_password(credentials),
        b"bearer" | b"token" | b"apikey" | b"api-key" | b"key" | b"dpop" | b"gnap" | b"ssws"
        | b"negotiate" | b"ntlm" => is_token(credentials),
        _ => false,
    }
}

/// Characters of a scheme's name, at most.
const SCHEME_MAX: usize = 16;

/// Where the value of a header begins whose name ends at `to`: after one colon or equals sign, and after the quotes that
/// may stand on either side of it, with or without backslashes.
fn value_at(bytes: &[u8], to: usize) -> Option<usize> {
    const BETWEEN_MAX: usize = 12;
    let rest = &bytes[to..];
    let is_between = |byte: &&u8| matches!(byte, b'"' | b'\'' | b'\\' | b' ' | b'\t' | b':' | b'=');
    let between = rest.iter().take(BETWEEN_MAX).take_while(is_between).count();
    let marks = rest[..between].iter().filter(|byte| matches!(byte, b':' | b'=')).count();
    (marks == 1).then_some(to + between)
}

fn space(bytes: &[u8]) -> usize {
    const SPACE_MAX: usize = 8;
    bytes.iter().take(SPACE_MAX).take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

/// Whether these characters can only be a token, given that they stand where one would.
fn is_token(run: &[u8]) -> bool {
    run.len() >= TOKEN_MIN && (Shape::of(run).is_random() || is_uuid(run))
}

/// RFC 7617, section 2: base64 of user, colon, password.
fn is_user_and_password(credentials: &[u8]) -> bool {
    const LEAST: usize = 8;
    let padded = BASE64_STANDARD.decode(credentials);
    let decoded = padded.or_else(|_| BASE64_STANDARD_NO_PAD.decode(credentials));
    credentials.len() >= LEAST && decoded.is_ok_and(|decoded| decoded.contains(&b':'))
}
