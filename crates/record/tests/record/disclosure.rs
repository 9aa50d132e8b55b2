//! Disclosures: exact bytes in and out, the RFC's own examples, and what is refused.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use proptest::prelude::*;
use record::disclosure::{Form, FormCheck, open, verify};
use record::limits::{
    CONTENT_BYTES_MAX, DISCLOSURE_BYTES_MAX, DISCLOSURE_NAME_BYTES_MAX, DISCLOSURE_SALT_BYTES_MAX,
};
use record::{Disclosure, DisclosureError, DisclosureWriter, Sd, fuzzing};

const SALT: [u8; 16] = *b"0123456789abcdef";

fn text_of(json: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(json)
}

fn json_of(disclosure: &Disclosure) -> String {
    String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(disclosure.text()).unwrap()).unwrap()
}

/// RFC 9901, section 4.2.1: one claim in several spellings, with the digest of section 4.2.3; and two of section 5.1.
#[test]
fn the_examples_of_the_rfc_open_under_their_digests() {
    for (text, name, content, sd) in [
        (
            "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0",
            "family_name",
            "Möbius",
            "X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0",
        ),
        (
            "WyIyR0xDNDJzS1F2ZUNmR2ZyeU5STjl3IiwgImdpdmVuX25hbWUiLCAiSm9obiJd",
            "given_name",
            "John",
            "jsu9yVulwQQlhFlM_3JlzMaSFzglhQG0DpfayQwLUK4",
        ),
        (
            "WyJlbHVWNU9nM2dTTklJOEVZbnN4QV9BIiwgImZhbWlseV9uYW1lIiwgIkRvZSJd",
            "family_name",
            "Doe",
            "TGf4oLbgwd5JQaHyKVQZU9UdGE0w5rtDsrZzfUaomLo",
        ),
    ] {
        let opened = verify(text, &sd.parse().unwrap()).unwrap();
        assert_eq!((opened.name(), opened.content()), (name, content.as_bytes()));
        assert!(!opened.is_as_made_here(text), "the RFC's examples have white space");
    }
    for text in [
        "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsImZhbWlseV9uYW1lIiwiTVx1MDBmNmJpdXMiXQ",
        "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNXHUwMGY2Yml1cyJd",
    ] {
        assert_eq!(open(text).unwrap().content(), "Möbius".as_bytes());
    }
    // An older draft's example has a salt of 66 bits.
    let weak = "WyI2cU1RdlJMNWhhaiIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0";
    assert_eq!(open(weak), Err(DisclosureError::BadSalt));
}

#[test]
fn each_content_has_its_one_json() {
    for (content, json) in [
        (&b""[..], r#"["MDEyMzQ1Njc4OWFiY2RlZg","input",""]"#),
        (b"{\"a\": 1}\n", r#"["MDEyMzQ1Njc4OWFiY2RlZg","input","{\"a\": 1}\n"]"#),
        (b"\0\x1f\x7f/", "[\"MDEyMzQ1Njc4OWFiY2RlZg\",\"input\",\"\\u0000\\u001f\u{7f}/\"]"),
        (
            "\u{feff}é€😀\u{2028}".as_bytes(),
            "[\"MDEyMzQ1Njc4OWFiY2RlZg\",\"input\",\"\u{feff}é€😀\u{2028}\"]",
        ),
        (b"\xff", r#"["MDEyMzQ1Njc4OWFiY2RlZg","input",{"base64url":"_w"}]"#),
        (b"abc\xe2\x82", r#"["MDEyMzQ1Njc4OWFiY2RlZg","input",{"base64url":"YWJj4oI"}]"#),
        (b"\xed\xa0\x80", r#"["MDEyMzQ1Njc4OWFiY2RlZg","input",{"base64url":"7aCA"}]"#),
        ("\u{ffff}".as_bytes(), r#"["MDEyMzQ1Njc4OWFiY2RlZg","input",{"base64url":"77-_"}]"#),
        ("a\u{fdd0}".as_bytes(), r#"["MDEyMzQ1Njc4OWFiY2RlZg","input",{"base64url":"Ye-3kA"}]"#),
        ("\u{1fffe}".as_bytes(), r#"["MDEyMzQ1Njc4OWFiY2RlZg","input",{"base64url":"8J-_vg"}]"#),
    ] {
        let made = Disclosure::make(SALT, "input", content).unwrap();
        assert_eq!(json_of(&made), json);
        assert_eq!(made.sd(), Sd::of(made.text()));
        let opened = verify(made.text(), &made.sd()).unwrap();
        assert_eq!((opened.content(), opened.name(), opened.salt()), (content, "input", &SALT[..]));
        assert!(opened.is_as_made_here(made.text()));
        assert_eq!(opened.into_content(), content);
    }
}

/// Worked out with another program: SHA-256 and base64url of the text.
#[test]
fn the_digest_is_over_the_text() {
    let made = Disclosure::make(SALT, "input", b"hello").unwrap();
    assert_eq!(made.text(), "WyJNREV5TXpRMU5qYzRPV0ZpWTJSbFpnIiwiaW5wdXQiLCJoZWxsbyJd");
    assert_eq!(made.sd().to_string(), "9DiP_WiLdBos8e6VrZzJPmyrd_eNqukTziJ_c149W14");
}

#[test]
fn what_others_may_write_opens() {
    let salt = "MDEyMzQ1Njc4OWFiY2RlZg";
    let long = BASE64_URL_SAFE_NO_PAD.encode([7; DISCLOSURE_SALT_BYTES_MAX]);
    for (spelling, json, content) in [
        ("white space", format!(" [ \"{salt}\" ,\n\"a\"\t, \"x\" ]\r\n"), "x"),
        ("escapes", format!("[\"{salt}\",\"\\u0061\",\"\\u0078\\/\"]"), "x/"),
        ("a longer salt", format!("[\"{long}\",\"a\",\"x\"]"), "x"),
        ("a salt in hexadecimal", "[\"000102030405060708090a0b0c0d0e0f\",\"a\",\"x\"]".into(), "x"),
        ("bytes with white space", format!("[\"{salt}\",\"a\",{{ \"base64url\" : \"eA\" }}]"), "x"),
        ("the member escaped", format!("[\"{salt}\",\"a\",{{\"base64\\u0075rl\":\"eA\"}}]"), "x"),
    ] {
        let text = text_of(&json);
        let opened = verify(&text, &Sd::of(&text)).unwrap();
        assert_eq!((opened.name(), opened.content()), ("a", content.as_bytes()), "{spelling}");
        assert!(!opened.is_as_made_here(&text), "{spelling}");
    }
    let own = text_of(&format!("[\"{salt}\",\"a\",\"x\"]"));
    assert!(open(&own).unwrap().is_as_made_here(&own));
}

type Is = fn(&DisclosureError) -> bool;

#[test]
fn what_is_no_disclosure() {
    let is_shape: Is = |error| matches!(error, DisclosureError::NotATriple { .. });
    let is_json: Is = |error| matches!(error, DisclosureError::NotJson(_));
    let is_salt: Is = |error| *error == DisclosureError::BadSalt;
    let is_name: Is = |error| *error == DisclosureError::BadName;
    let is_content: Is = |error| *error == DisclosureError::BadContent;
    let too_long = BASE64_URL_SAFE_NO_PAD.encode([7; DISCLOSURE_SALT_BYTES_MAX + 1]);
    let too_long = format!("[\"{too_long}\",\"a\",\"x\"]");
    let table: Vec<(&str, &str, Is)> = vec![
        ("nothing", "", is_shape),
        ("an object", "{}", is_shape),
        ("an empty array", "[]", is_shape),
        ("an array element's disclosure", r#"["SALT","x"]"#, is_shape),
        ("four elements", r#"["SALT","a","x","y"]"#, is_shape),
        ("a trailing comma", r#"["SALT","a","x",]"#, is_shape),
        ("bytes after it", r#"["SALT","a","x"]["#, is_shape),
        ("two arrays", r#"["SALT","a","x"]["SALT","a","x"]"#, is_shape),
        ("a byte order mark", "\u{feff}[\"SALT\",\"a\",\"x\"]", is_shape),
        ("cut", r#"["SALT","a","x"#, is_json),
        ("cut after a backslash", r#"["SALT","a","x\"#, is_json),
        ("cut before the end", r#"["SALT","a","x""#, is_shape),
        ("a number as salt", r#"[7,"a","x"]"#, is_shape),
        ("a short salt", r#"["AAECAwQFBgcICQoLDA0O","a","x"]"#, is_salt),
        ("an empty salt", r#"["","a","x"]"#, is_salt),
        ("a salt that is no base64url", r#"["AAECAwQFBgcICQoLDA0ODw==","a","x"]"#, is_salt),
        ("a salt with spare bits", r#"["AAECAwQFBgcICQoLDA0ODx","a","x"]"#, is_salt),
        ("a salt of too many bytes", &too_long, is_salt),
        ("a number as name", r#"["SALT",7,"x"]"#, is_shape),
        ("no name", r#"["SALT","","x"]"#, is_name),
        ("_sd", r#"["SALT","_sd","x"]"#, is_name),
        ("dots", r#"["SALT","...","x"]"#, is_name),
        ("a number as content", r#"["SALT","a",7]"#, is_shape),
        ("null as content", r#"["SALT","a",null]"#, is_shape),
        ("an array as content", r#"["SALT","a",["x"]]"#, is_shape),
        ("an empty object", r#"["SALT","a",{}]"#, is_shape),
        ("another object", r#"["SALT","a",{"base64":"eA"}]"#, is_shape),
        ("a number in it", r#"["SALT","a",{"base64url":7}]"#, is_shape),
        ("two members", r#"["SALT","a",{"base64url":"eA","b":1}]"#, is_shape),
        ("one member twice", r#"["SALT","a",{"base64url":"eA","base64url":"eA"}]"#, is_shape),
        ("padding", r#"["SALT","a",{"base64url":"eA=="}]"#, is_content),
        ("spare bits", r#"["SALT","a",{"base64url":"eB"}]"#, is_content),
        ("the other alphabet", r#"["SALT","a",{"base64url":"+/8"}]"#, is_content),
        ("a line feed", "[\"SALT\",\"a\",\"x\ny\"]", is_json),
        ("half a surrogate pair", r#"["SALT","a","\ud83d"]"#, is_json),
        ("a noncharacter", r#"["SALT","a","\uffff"]"#, is_json),
        ("an unknown escape", r#"["SALT","a","\x"]"#, is_json),
    ];
    for (bend, json, expected) in table {
        let error = open(&text_of(&json.replace("SALT", "AAECAwQFBgcICQoLDA0ODw"))).unwrap_err();
        assert!(expected(&error), "{bend}: {error}");
        assert!(!error.to_string().contains('\n'));
    }
    let latin = BASE64_URL_SAFE_NO_PAD.encode(b"[\"AAECAwQFBgcICQoLDA0ODw\",\"a\",\"\xe9\"]");
    assert!(is_json(&open(&latin).unwrap_err()));
}

#[test]
fn the_text_has_one_spelling() {
    let text = Disclosure::make(SALT, "a", b"xy").unwrap().into_text();
    let mut spare = text.clone().into_bytes();
    *spare.last_mut().unwrap() += 1;
    for (bend, bent) in [
        ("padding", format!("{text}=")),
        ("a line break", format!("{text}\n")),
        ("a line break inside", format!("{}\n{}", &text[..8], &text[8..])),
        ("a tilde, as in an SD-JWT", format!("{text}~")),
        ("not ASCII", format!("{text}é")),
        ("spare bits", String::from_utf8(spare).unwrap()),
    ] {
        assert_eq!(open(&bent), Err(DisclosureError::NotBase64Url), "{bend}");
    }
}

#[test]
fn another_digest_is_told_before_anything_is_opened() {
    let made = Disclosure::make(SALT, "input", b"hello").unwrap();
    let other = Disclosure::make(SALT, "input", b"hellp").unwrap();
    assert_eq!(verify(other.text(), &made.sd()), Err(DisclosureError::OtherDigest));
    assert_eq!(verify("not base64url!", &made.sd()), Err(DisclosureError::OtherDigest));
    let mut salt = SALT;
    salt[0] ^= 1;
    assert_ne!(Disclosure::make(salt, "input", b"hello").unwrap().sd(), made.sd());
    assert_ne!(Disclosure::make(SALT, "output", b"hello").unwrap().sd(), made.sd());
}

#[test]
fn a_digest_has_one_spelling() {
    let sd = Sd::from_bytes([0xfb; 32]);
    let text = sd.to_string();
    assert_eq!((text.len(), text.parse(), sd.to_bytes()), (43, Ok(sd), [0xfb; 32]));
    for bent in [
        format!("{text}="),
        text[..42].into(),
        format!("{text}A"),
        text.replace('-', "+"),
        text.replace('s', "t") + "x",
    ] {
        assert_eq!(bent.parse::<Sd>(), Err(DisclosureError::BadSd), "{bent}");
    }
    let spare = format!("{}t", &text[..42]);
    assert_eq!(spare.parse::<Sd>(), Err(DisclosureError::BadSd), "bits after the last byte");
}

#[test]
fn names_that_no_disclosure_has() {
    let long = "n".repeat(DISCLOSURE_NAME_BYTES_MAX);
    assert!(Disclosure::make(SALT, &long, b"x").is_ok_and(|made| open(made.text()).is_ok()));
    for name in ["", "_sd", "...", "a\u{fffe}", &format!("{long}n")] {
        assert_eq!(Disclosure::make(SALT, name, b"x"), Err(DisclosureError::BadName), "{name:?}");
    }
}

#[test]
fn a_content_of_the_greatest_length_and_one_byte_more() {
    let limit = CONTENT_BYTES_MAX;
    for byte in [b'x', b'\x01', b'\xff'] {
        let mut content = vec![byte; limit];
        let made = Disclosure::make(SALT, "input", &content).unwrap();
        assert!(made.text().len() <= DISCLOSURE_BYTES_MAX);
        assert!(verify(made.text(), &made.sd()).unwrap().content() == content);
        content.push(byte);
        let error = Disclosure::make(SALT, "input", &content).unwrap_err();
        assert_eq!(error, DisclosureError::TooLarge { what: "content", bytes: limit + 1, limit });
        assert!(error.to_string().contains("16777216"), "{error}");
    }
    let over = text_of(&format!("[\"AAECAwQFBgcICQoLDA0ODw\",\"a\",\"{}\"]", "x".repeat(limit + 1)));
    assert!(matches!(open(&over), Err(DisclosureError::TooLarge { what: "content", .. })));
    let over = "A".repeat(DISCLOSURE_BYTES_MAX + 1);
    assert!(matches!(open(&over), Err(DisclosureError::TooLarge { what: "disclosure", .. })));
    assert!(matches!(verify(&over, &Sd::of("")), Err(DisclosureError::TooLarge { what: "disclosure", .. })));
}

#[test]
fn the_writer_counts_all_pieces_and_refuses_the_other_form() {
    let mut out = String::new();
    let mut writer = DisclosureWriter::new(SALT, "input", Form::Text, &mut out).unwrap();
    let half = vec![b'x'; CONTENT_BYTES_MAX / 2];
    for _ in 0..2 {
        writer.write(&half, &mut out).unwrap();
        out.clear();
    }
    assert!(matches!(writer.write(b"x", &mut out), Err(DisclosureError::TooLarge { .. })));
    let mut early = DisclosureWriter::new(SALT, "input", Form::Text, &mut out).unwrap();
    assert_eq!(early.write(b"\xff", &mut out), Err(DisclosureError::NotText), "told at once, not at the end");
    for (form, pieces, error) in [
        (Form::Text, &[&b"\xe2\x82"[..]][..], DisclosureError::NotText),
        (Form::Text, &[b"ab", b"\xff"], DisclosureError::NotText),
        (Form::Text, &[b"\xef\xbf", b"\xbf", b"x"], DisclosureError::NotText),
        (Form::Bytes, &[b"\xe2\x82", b"\xac"], DisclosureError::IsText),
        (Form::Bytes, &[], DisclosureError::IsText),
    ] {
        let mut writer = DisclosureWriter::new(SALT, "input", form, &mut out).unwrap();
        let written = pieces.iter().try_for_each(|piece| writer.write(piece, &mut out));
        assert_eq!(written.and_then(|()| writer.finish(&mut out)), Err(error), "{pieces:?}");
    }
}

/// What was said stays out of logs.
#[test]
fn debug_shows_no_content() {
    let made = Disclosure::make(SALT, "input", b"hunter2").unwrap();
    let opened = open(made.text()).unwrap();
    let writer = DisclosureWriter::new(SALT, "input", Form::Text, &mut String::new()).unwrap();
    let shown = format!("{made:?} {opened:?} {writer:?}");
    assert!(
        shown.contains("7 bytes") && !shown.contains("hunter2") && !shown.contains(made.text()),
        "{shown}"
    );
}

/// Content as it comes: text, nearly text, bytes.
fn contents() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<String>().prop_map(String::into_bytes),
        prop::collection::vec(any::<char>(), 0..40).prop_map(|chars| String::from_iter(chars).into_bytes()),
        prop::collection::vec(
            prop::sample::select(b"\xe2\x82\xac\xef\xbf\xbe\xb7\xf0\x9f\"\\\n\0a".to_vec()),
            0..40
        ),
        prop::collection::vec(any::<u8>(), 0..80),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn content_comes_back_whole_and_from_pieces(content in contents(), choice in any::<u8>()) {
        fuzzing::disclosure(&[&[choice & !1][..], &content].concat());
    }

    #[test]
    fn the_form_is_that_of_the_whole(content in contents(), piece in 1..5_usize) {
        let is_text = std::str::from_utf8(&content).is_ok_and(|text| !text.chars().any(|c| {
            let c = u32::from(c);
            (0xfdd0..=0xfdef).contains(&c) || c & 0xfffe == 0xfffe
        }));
        let expected = if is_text { Form::Text } else { Form::Bytes };
        let mut check = FormCheck::default();
        content.chunks(piece).for_each(|piece| check.push(piece));
        prop_assert_eq!((check.form(), Form::of(&content)), (expected, expected));
    }

    #[test]
    fn nearly_a_disclosure(content in contents(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut json = json_of(&Disclosure::make(SALT, "input", &content).unwrap()).into_bytes();
        json.insert(0, 1);
        fuzzing::disclosure(&json);
        let at = 1 + at.index(json.len() - 1);
        json[at] = byte;
        fuzzing::disclosure(&json);
        json.remove(at);
        fuzzing::disclosure(&json);
    }

    #[test]
    fn any_bytes_as_disclosure(data in prop::collection::vec(any::<u8>(), 0..200)) {
        fuzzing::disclosure(&data);
    }
}

#[test]
fn the_beginning_of_a_disclosure_tells_its_salt() {
    let made = Disclosure::make([7; 16], "input", b"").unwrap();
    let salt = record::disclosure::salt_in(&made.text()[..36]).unwrap();
    assert_eq!(salt, "BwcHBwcHBwcHBwcHBwcHBw");
    assert_eq!(record::disclosure::salt_in(&made.text()[..35]), None);
    assert_eq!(record::disclosure::salt_in(&"A".repeat(36)), None);
    assert_eq!(record::disclosure::salt_in(&made.text()[1..]), None);
}
