//! The list of signatures beside a record: read, printed, refused; and who signed.

use ed25519_dalek::SigningKey;
use proptest::prelude::*;
use record::signature::{CONTEXT, message, sign};
use record::{KeyId, PublicKey, Signature, Signatures, canonical, fuzzing};

use crate::RECORD;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn signed(seeds: &[u8]) -> Signatures {
    Signatures::new(seeds.iter().map(|&seed| sign(&key(seed), RECORD.as_bytes())).collect()).unwrap()
}

#[test]
fn a_signature_is_over_context_zero_and_record() {
    assert_eq!(CONTEXT, b"deedbook-record-v1\0");
    assert_eq!(message(b"{}"), b"deedbook-record-v1\0{}");
    let signature = sign(&key(7), RECORD.as_bytes());
    let public: PublicKey = PublicKey::from_bytes(key(7).verifying_key().as_bytes()).unwrap();
    assert!(public.verify(RECORD.as_bytes(), &signature));
    assert!(!public.verify(&RECORD.as_bytes()[1..], &signature));
    let other = PublicKey::from_bytes(key(8).verifying_key().as_bytes()).unwrap();
    assert!(!other.verify(RECORD.as_bytes(), &signature));
    let renamed = Signature::new(other.id(), *signature.value());
    assert!(!public.verify(RECORD.as_bytes(), &renamed), "another key's name");
}

/// RFC 8032, section 7.1, TEST 1: the name of its key, worked out with another program.
#[test]
fn a_key_is_named_by_its_digest() {
    let text = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    let key: PublicKey = text.parse().unwrap();
    assert_eq!(key.to_string(), text);
    assert_eq!(key.id().to_string(), "If4x36FUomFia_hUBG_SJxt77UtqvkWqWId-9H-XIbk");
    assert_eq!(KeyId::of(&key.to_bytes()), key.id());
}

#[test]
fn the_list_prints_canonically_and_reads_back() {
    for seeds in [&[1][..], &[2, 1], &[4, 3, 2, 1]] {
        let list = signed(seeds);
        let text = list.canonical();
        assert_eq!(canonical(text.as_bytes()).as_deref(), Ok(text.as_bytes()));
        assert_eq!(Signatures::parse(text.as_bytes()), Ok(list.clone()));
        let spelled = text.replace(',', " ,\n ").replace("EdDSA", "\\u0045dDSA");
        assert_eq!(Signatures::parse(spelled.as_bytes()), Ok(list.clone()));
        assert_eq!(list.iter().count(), seeds.len());
        assert_eq!(
            list.into_iter().map(|one| list.of(one.kid())).collect::<Vec<_>>(),
            list.iter().map(Some).collect::<Vec<_>>()
        );
    }
}

#[test]
fn what_is_not_such_a_list() {
    let one = signed(&[1]).canonical();
    let two = signed(&[1, 2]).canonical();
    let kid = signed(&[1]).iter().next().unwrap().kid().to_string();
    let object = &one[1..one.len() - 1];
    let five = format!("[{}]", [object; 5].join(","));
    for (bend, text, code, path) in [
        ("an object", object.to_owned(), "syntax", ""),
        ("nothing in it", "[]".into(), "bad-signatures", ""),
        ("five", five, "bad-signatures", ""),
        ("one key twice", format!("[{object},{object}]"), "bad-signatures", "/1/kid"),
        ("a string", "[\"x\"]".into(), "wrong-type", "/0"),
        ("no alg", one.replace("\"alg\":\"EdDSA\",", ""), "bad-signatures", "/0/alg"),
        ("no kid", one.replace(&format!("\"kid\":\"{kid}\","), ""), "bad-signatures", "/0/kid"),
        ("another algorithm", one.replace("EdDSA", "ES256"), "bad-signatures", "/0/alg"),
        ("the curve as algorithm", one.replace("EdDSA", "Ed25519"), "bad-signatures", "/0/alg"),
        ("null as alg", one.replace("\"EdDSA\"", "null"), "wrong-type", "/0/alg"),
        ("a number as kid", one.replace(&format!("\"{kid}\""), "7"), "wrong-type", "/0/kid"),
        ("a short kid", one.replace(&kid, &kid[1..]), "bad-signatures", "/0/kid"),
        ("a padded kid", one.replace(&kid, &format!("{kid}=")), "bad-signatures", "/0/kid"),
        ("padding", one.replace("\"}]", "==\"}]"), "bad-signatures", "/0/value"),
        ("a further member", one.replace("{\"alg\"", "{\"aa\":1,\"alg\""), "bad-signatures", "/0"),
        ("a member twice", one.replace("{\"alg\"", "{\"alg\":\"EdDSA\",\"alg\""), "duplicate-key", "/0/alg"),
        ("bytes after it", format!("{one},"), "trailing-bytes", ""),
        (
            "the second one bent",
            two.replacen("EdDSA", "none", 2).replacen("none", "EdDSA", 1),
            "bad-signatures",
            "/1/alg",
        ),
    ] {
        let refusal = Signatures::parse(text.as_bytes()).unwrap_err();
        assert_eq!((refusal.code(), refusal.path()), (code, path), "{bend}: {refusal}");
    }
    let one = *signed(&[1]).iter().next().unwrap();
    assert_eq!(Signatures::new(vec![]).unwrap_err().code(), "bad-signatures");
    assert_eq!(Signatures::new(vec![one, one]).unwrap_err().path(), "/1/kid");
}

/// The last character of 64 bytes holds four bits that say nothing and must be 0.
#[test]
fn a_value_has_one_spelling() {
    let text = signed(&[1]).canonical();
    let at = text.len() - 4;
    for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".chars() {
        let bent = format!("{}{last}{}", &text[..at], &text[at + 1..]);
        assert_eq!(Signatures::parse(bent.as_bytes()).is_ok(), "AQgw".contains(last), "{last}");
    }
}

proptest! {
    #[test]
    fn nearly_a_list_of_signatures(at in any::<prop::sample::Index>(), byte in any::<u8>(), seeds in prop::collection::vec(0..6_u8, 1..5)) {
        let mut seeds = seeds;
        seeds.sort_unstable();
        seeds.dedup();
        let mut text = signed(&seeds).canonical().into_bytes();
        fuzzing::signatures(&text);
        let at = at.index(text.len());
        text[at] = byte;
        fuzzing::signatures(&text);
        text.remove(at);
        fuzzing::signatures(&text);
    }

    #[test]
    fn any_bytes_as_signatures(data in prop::collection::vec(any::<u8>(), 0..200)) {
        fuzzing::signatures(&data);
    }
}
