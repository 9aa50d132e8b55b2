//! Secrets with a form of their own: JWTs, private keys, and the keys of issuers for whom one run is not enough.

use super::shape::{Alphabet, Shape, run};
use crate::base64url;
use crate::json::{self, Value};

/// Characters of a JWT's header, at most; those with certificates have a few thousand.
const JWT_HEADER_MAX: usize = 16 * 1024;

/// Characters of a JWT's signature, at least; the shortest in use is 256 bits, 43 characters.
const JWT_SIGNATURE_MIN: usize = 16;

/// RFC 7515, section 7.1, and RFC 7516, section 7.1: parts of base64url with dots between them, the first of which is a
/// JSON object with `alg`. The second part may be empty in a JWE only, which has five.
pub(super) fn is_jwt(bytes: &[u8], from: usize, _: usize) -> bool {
    if from > 0 && Alphabet::Url.has(bytes[from - 1]) {
        return false; // Inside of something longer, which would be read again and again.
    }
    let header = run(bytes, from, Alphabet::Url, JWT_HEADER_MAX + 1);
    let second_at = from + header.len() + 1;
    if header.len() > JWT_HEADER_MAX || bytes.get(second_at - 1) != Some(&b'.') {
        return false;
    }
    let second = run(bytes, second_at, Alphabet::Url, usize::MAX);
    let third_at = second_at + second.len() + 1;
    if bytes.get(third_at - 1) != Some(&b'.') {
        return false;
    }
    let third = run(bytes, third_at, Alphabet::Url, JWT_SIGNATURE_MIN);
    let is_jwe = bytes.get(third_at + third.len()) == Some(&b'.');
    let is_jws = !second.is_empty() && third.len() == JWT_SIGNATURE_MIN;
    (is_jws || is_jwe) && has_alg(header)
}

/// Whether this is base64url of a JSON object with the member `alg`.
fn has_alg(header: &[u8]) -> bool {
    let Some(header) = base64url::decode(header) else { return false };
    match json::parse(&header) {
        Ok(Value::Object(members)) => members.iter().any(|member| member.name == "alg"),
        _ => false,
    }
}

/// How far behind the first line of a private key its first full line is looked for: headers may stand between.
const PEM_LOOK_AHEAD: usize = 256;

/// RFC 7468 and its relatives: a first line for a private key, and a line of base64 soon after it. How lines end does not
/// matter: in JSON within JSON they end in `\n` as two characters.
pub(super) fn is_pem(bytes: &[u8], _: usize, label_at: usize) -> bool {
    const LABEL_MAX: usize = 40;
    const LINE_MIN: usize = 32;
    let label = bytes[label_at..].iter().take(LABEL_MAX);
    let label =
        label.take_while(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || **byte == b' ').count();
    let (label, rest) = bytes[label_at..].split_at(label);
    let is_private = label.ends_with(b"PRIVATE KEY") || label.ends_with(b"PRIVATE KEY BLOCK");
    let Some(rest) = rest.strip_prefix(b"-----").filter(|_| is_private) else { return false };
    let rest = &rest[..rest.len().min(PEM_LOOK_AHEAD)];
    rest.split(|&byte| !Alphabet::Base64.has(byte))
        .any(|line| line.len() >= LINE_MIN && Shape::of(line).is_varied())
}

/// `PRIVATE+KEY+<name>+<eight hexadecimal digits>+<base64 of the type and a seed of 32 bytes>`.
pub(super) fn is_note_key(bytes: &[u8], _: usize, name_at: usize) -> bool {
    const NAME_MAX: usize = 256;
    const KEY_MIN: usize = 44;
    let rest = &bytes[name_at..];
    let name = rest.iter().take(NAME_MAX).take_while(|&&byte| byte > b' ' && byte != b'+').count();
    let Some((id, rest)) = rest[name..].strip_prefix(b"+").and_then(|rest| rest.split_first_chunk::<8>())
    else {
        return false;
    };
    let Some(key) = rest.strip_prefix(b"+") else { return false };
    let key = run(key, 0, Alphabet::Base64, KEY_MIN);
    name > 0 && id.iter().all(u8::is_ascii_hexdigit) && key.len() == KEY_MIN && Shape::of(key).is_varied()
}

/// The keys of OpenAI, Anthropic and of those who took over their mark. `sk-` and words are not among them: a known second
/// mark and a long run with letters of both cases, or an unbroken part of 32 letters and digits.
pub(super) fn is_sk(bytes: &[u8], _: usize, to: usize) -> bool {
    const SECOND_MARKS: [&[u8]; 4] = [b"ant-", b"proj-", b"svcacct-", b"admin-"];
    const LOOK_AHEAD: usize = 256;
    let key = run(bytes, to, Alphabet::Url, LOOK_AHEAD);
    let shape = Shape::of(key);
    if SECOND_MARKS.iter().any(|mark| key.starts_with(mark)) {
        return shape.length >= 48 && shape.has_mixed_case() && shape.digit && shape.is_varied();
    }
    let is_unbroken = |part: &[u8]| {
        let shape = Shape::of(part);
        shape.length >= 32 && shape.digit && (shape.upper || shape.lower) && shape.is_varied()
    };
    key.split(|byte| !byte.is_ascii_alphanumeric()).any(is_unbroken)
}

/// An access key id, and the secret of 40 characters soon after it. The id alone is a name.
pub(super) fn is_aws_pair(bytes: &[u8], _: usize, to: usize) -> bool {
    const ID_REST: usize = 16;
    const LOOK_AHEAD: usize = 256;
    let id = run(bytes, to, Alphabet::Alnum, ID_REST + 1);
    let is_id = id.len() == ID_REST && id.iter().all(|byte| matches!(byte, b'A'..=b'Z' | b'2'..=b'7'));
    let rest = &bytes[to + id.len()..];
    let rest = &rest[..rest.len().min(LOOK_AHEAD)];
    is_id && rest.split(|&byte| !Alphabet::Base64.has(byte) || byte == b'=').any(is_aws_secret_value)
}

/// `aws_secret_access_key`, `SecretAccessKey` and the like, and soon after it the value.
pub(super) fn is_aws_secret(bytes: &[u8], _: usize, to: usize) -> bool {
    const BETWEEN_MAX: usize = 12;
    let between = bytes[to..].iter().take(BETWEEN_MAX);
    let between = between
        .take_while(|byte| matches!(byte, b'"' | b'\'' | b'\\' | b' ' | b'\t' | b':' | b'=' | b'>'))
        .count();
    let value = run(bytes, to + between, Alphabet::Base64, AWS_SECRET + 1);
    between > 0 && is_aws_secret_value(value)
}

/// Characters of an AWS secret.
const AWS_SECRET: usize = 40;

/// Forty characters of base64 with letters of both cases and digits; SHA-1 in hexadecimal has one case.
fn is_aws_secret_value(value: &[u8]) -> bool {
    let shape = Shape::of(value);
    value.len() == AWS_SECRET && shape.has_mixed_case() && shape.digit && shape.is_varied()
}

/// `xoxb-` and its kin: numbers of workspace and bot, then the secret.
pub(super) fn is_slack(bytes: &[u8], _: usize, to: usize) -> bool {
    let rest = &bytes[to..];
    let rest = rest.strip_prefix(b"e.xox").unwrap_or(rest);
    match rest {
        [b'a'..=b'e' | b'o' | b'p' | b'r' | b's', b'-', rest @ ..] => {
            let token = Shape::of(run(rest, 0, Alphabet::Url, 128));
            token.length >= 20 && token.digit && token.longest_alnum >= 8 && token.is_varied()
        }
        _ => false,
    }
}

/// `xapp-1-A…-<digits>-<hexadecimal>`.
pub(super) fn is_slack_app(bytes: &[u8], _: usize, to: usize) -> bool {
    let token = Shape::of(run(bytes, to, Alphabet::Url, 256));
    token.length >= 40 && token.digit && token.longest_alnum >= 32 && token.is_varied()
}

/// `SG.`, 22 characters, a dot, 43 characters.
pub(super) fn is_sendgrid(bytes: &[u8], _: usize, to: usize) -> bool {
    let id = run(bytes, to, Alphabet::Url, 23);
    let secret = run(bytes, to + id.len() + 1, Alphabet::Url, 44);
    let has_dot = bytes.get(to + id.len()) == Some(&b'.');
    id.len() == 22 && has_dot && secret.len() == 43 && Shape::of(secret).is_varied()
}
