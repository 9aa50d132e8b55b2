//! Vkeys and skeys: names, ids and the keys themselves.

use tlog::cosignature::Cosigner;
use tlog::encoding::{self, EncodingError};
use tlog::key::{KeyError, KeyId, KeyNameError, KeyType, Signer, VerifierKey};

use crate::vectors::{LOG, cosigner, hex, json, name, signer, str, tree_cosigner, vkey};

const WEAK: &str = "weak.example+00000000+AQEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#[test]
fn keys_of_the_vectors() {
    let keys = &json("generated/checkpoint-513.json")["keys"];
    for (key, field, key_type) in [
        ("log", "vkey", KeyType::Ed25519),
        ("w1", "vkey", KeyType::Cosignature),
        ("w1", "vkey_type01_same_key", KeyType::Ed25519),
        ("w2", "vkey", KeyType::Cosignature),
        ("pq", "vkey", KeyType::MlDsa44),
    ] {
        let text = str(&keys[key][field]);
        let parsed = vkey(text);
        assert_eq!((parsed.key_type(), parsed.to_string().as_str()), (key_type, text), "{key}");
        if let Some(public) = keys[key].get("public") {
            assert_eq!(parsed.public_key(), hex(public), "{key}");
        }
    }
    let (cosigning, signing) =
        (vkey(str(&keys["w1"]["vkey"])), vkey(str(&keys["w1"]["vkey_type01_same_key"])));
    assert_ne!(cosigning.id(), signing.id(), "one key under two types has two ids");
    assert_ne!(cosigning, signing);
}

#[test]
fn secret_keys_of_the_vectors() {
    let keys = &json("generated/checkpoint-513.json")["keys"];
    let seed = |key: &str| <[u8; 32]>::try_from(hex(&keys[key]["seed"])).unwrap();
    let log = Signer::from_skey(str(&keys["log"]["skey"])).unwrap();
    assert_eq!(log.verifier_key().to_string(), str(&keys["log"]["vkey"]));
    assert_eq!(log.to_skey().as_str(), str(&keys["log"]["skey"]));
    assert_eq!(Signer::from_seed(log.name().clone(), &seed("log")).to_skey(), log.to_skey());
    for key in ["w1", "w2"] {
        let witness = Cosigner::from_skey(str(&keys[key]["skey_04"])).unwrap();
        assert_eq!(witness.verifier_key().to_string(), str(&keys[key]["vkey"]));
        assert_eq!(witness.to_skey().as_str(), str(&keys[key]["skey_04"]));
        let from_seed = Cosigner::from_seed(witness.verifier_key().name().clone(), &seed(key));
        assert_eq!(from_seed.to_skey(), witness.to_skey());
    }
}

/// The skey of a type 0x06 key is written as that of the others: type byte and seed.
#[test]
fn the_secret_key_for_trees_of_the_vectors() {
    let keys = &json("generated/checkpoint-513.json")["keys"]["pq"];
    let seed: [u8; 32] = hex(&keys["mldsa44_seed"]).try_into().unwrap();
    let witness = Cosigner::ml_dsa_44(name("witness.example.com/pq"), &seed);
    assert_eq!(witness.verifier_key().to_string(), str(&keys["vkey"]));
    let typed_seed = encoding::base64(&[&[6], seed.as_slice()].concat());
    let skey = format!("PRIVATE+KEY+witness.example.com/pq+3a1fc503+{typed_seed}");
    assert_eq!(witness.to_skey().as_str(), skey);
    assert_eq!(Cosigner::from_skey(&skey).unwrap().verifier_key(), witness.verifier_key());
    let other_id = skey.replace("3a1fc503", "3a1fc504");
    assert!(matches!(Cosigner::from_skey(&other_id), Err(KeyError::IdMismatch { .. })));
    let as_ed25519 = skey.replace(&typed_seed, &encoding::base64(&[&[4], seed.as_slice()].concat()));
    assert!(matches!(Cosigner::from_skey(&as_ed25519), Err(KeyError::IdMismatch { .. })));
    let long = skey.replace(&typed_seed, &encoding::base64(&[&[6], seed.as_slice(), &[0]].concat()));
    let length = KeyError::Length { key_type: KeyType::MlDsa44, want: 32, have: 33 };
    assert_eq!(Cosigner::from_skey(&long).err(), Some(length));
}

#[test]
fn texts_that_are_no_vkey() {
    let point = LOG.rsplit_once('+').unwrap().1;
    let with_type = |key_type: u8, len: usize| {
        let bytes = [vec![key_type], vec![7; len]].concat();
        format!("log.example.org/agents-1+78f53b44+{}", encoding::base64(&bytes))
    };
    let length = |key_type, want, have| KeyError::Length { key_type, want, have };
    for (text, error, bend) in [
        (String::new(), KeyError::Form, "nothing"),
        ("log.example.org".into(), KeyError::Form, "a name alone"),
        ("log.example.org+78f53b44".into(), KeyError::Form, "no key"),
        (format!("+78f53b44+{point}"), KeyNameError::Empty.into(), "no name"),
        (format!(" log+78f53b44+{point}"), KeyNameError::Character { found: ' ' }.into(), "space before"),
        (format!("log+78F53B44+{point}"), KeyError::Id, "uppercase id"),
        (format!("log+8f53b44+{point}"), KeyError::Id, "seven digits"),
        (format!("log+078f53b44+{point}"), KeyError::Id, "nine digits"),
        (format!("log++78f53b4+{point}"), KeyError::Id, "no id between two pluses"),
        (format!("log+78f53b4g+{point}"), KeyError::Id, "not hexadecimal"),
        (format!("{LOG}\n"), EncodingError::Base64.into(), "line break at the end"),
        (LOG.trim_end_matches('p').to_owned(), EncodingError::Base64.into(), "last character cut off"),
        ("log+78f53b44+".into(), KeyError::UnknownType(0), "empty key"),
        (with_type(0x02, 32), KeyError::UnknownType(2), "ECDSA"),
        (with_type(0x05, 32), KeyError::UnknownType(5), "RFC 6962 tree head"),
        (with_type(0xff, 32), KeyError::UnknownType(0xff), "private type"),
        (with_type(0x01, 31), length(KeyType::Ed25519, 32, 31), "a byte short"),
        (with_type(0x01, 33), length(KeyType::Ed25519, 32, 33), "a byte long"),
        (with_type(0x01, 0), length(KeyType::Ed25519, 32, 0), "type alone"),
        (with_type(0x04, 31), length(KeyType::Cosignature, 32, 31), "a byte short"),
        (with_type(0x06, 32), length(KeyType::MlDsa44, 1312, 32), "Ed25519 key as ML-DSA"),
        (WEAK.into(), KeyError::Weak, "the neutral point"),
        (
            format!(
                "weak.example+00000000+{}",
                encoding::base64(&[&[6], [9; 32].as_slice(), &[0; 1280]].concat())
            ),
            KeyError::Weak,
            "ML-DSA key that anybody can sign for",
        ),
    ] {
        assert_eq!(VerifierKey::parse(&text), Err(error), "{bend}");
    }
}

#[test]
fn the_id_must_be_that_of_name_and_key() {
    let computed = KeyId::from_bytes([0x78, 0xf5, 0x3b, 0x44]);
    let stated = KeyId::from_bytes([0x78, 0xf5, 0x3b, 0x45]);
    assert_eq!(
        VerifierKey::parse(&LOG.replace("3b44", "3b45")),
        Err(KeyError::IdMismatch { stated, computed })
    );
    let renamed = VerifierKey::parse(&LOG.replace("agents-1", "agents-2"));
    assert!(matches!(renamed, Err(KeyError::IdMismatch { .. })), "{renamed:?}");
    let skey = signer("log.example", 1).to_skey().replace("log.example", "log.examples");
    assert!(matches!(Signer::from_skey(&skey), Err(KeyError::IdMismatch { .. })));
}

#[test]
fn secret_keys_are_not_taken_for_another_kind() {
    let (log, witness) = (signer("log.example", 1), cosigner("witness.example", 2));
    let wrong = |want, have| Some(KeyError::WrongType { want, have });
    let (one, four) = (KeyType::Ed25519, KeyType::Cosignature);
    let trees = tree_cosigner("witness.example", 2);
    assert_eq!(Signer::from_skey(&trees.to_skey()).err(), wrong(one, KeyType::MlDsa44));
    assert_eq!(Signer::from_skey(&witness.to_skey()).err(), wrong(one, four));
    assert_eq!(Cosigner::from_skey(&log.to_skey()).err(), wrong(four, one));
    assert_eq!(Signer::from_skey(LOG).err(), Some(KeyError::NotSecret), "a vkey");
    assert_eq!(VerifierKey::parse(&log.to_skey()).err(), Some(KeyError::Secret));
    assert_eq!(Signer::from_skey("PRIVATE+KEY+log.example").err(), Some(KeyError::Form), "cut off");
}

#[test]
fn debug_shows_no_secret() {
    let seed = [0xab; 32];
    let log = Signer::from_seed(name("log.example"), &seed);
    let witness = Cosigner::from_seed(name("witness.example"), &seed);
    let trees = Cosigner::ml_dsa_44(name("trees.example"), &seed);
    let base64 = encoding::base64(&seed);
    for shown in
        [format!("{log:?} {log:#?}"), format!("{witness:?} {witness:#?}"), format!("{trees:?} {trees:#?}")]
    {
        assert!(shown.contains("secret"), "{shown}");
        for secret in [&base64[..8], "abab", "ABAB", "171", "PRIVATE"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

#[test]
fn keys_from_bytes_are_the_keys_from_text() {
    let key = vkey(LOG);
    let bytes = key.public_key().try_into().unwrap();
    assert_eq!(VerifierKey::ed25519(key.name().clone(), bytes), Ok(key.clone()));
    let cosigning = VerifierKey::cosignature(key.name().clone(), bytes).unwrap();
    assert_eq!((cosigning.key_type(), cosigning.public_key()), (KeyType::Cosignature, key.public_key()));
    let mut neutral = [0; 32];
    neutral[0] = 1;
    assert_eq!(VerifierKey::ed25519(key.name().clone(), &neutral), Err(KeyError::Weak));
}
