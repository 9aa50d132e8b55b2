//! Which signatures count: published vectors against the primitives that vkeys stand on.

use serde_json::Value;

use super::{KeyError, ed25519, mldsa44};

const WYCHEPROOF_ED25519: &str = include_str!("../../../../tests/data/vectors/wycheproof/ed25519_test.json");
const WYCHEPROOF_MLDSA: &str =
    include_str!("../../../../tests/data/vectors/wycheproof/mldsa_44_verify_test.json");
const WYCHEPROOF_MLDSA_SIGN: &str =
    include_str!("../../../../tests/data/vectors/wycheproof/mldsa_44_sign_seed_test.json");
const CCTV_ED25519: &str = include_str!("../../../../tests/data/vectors/c2sp-cctv/ed25519vectors.json");

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("the vectors are JSON")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn hex(value: &Value) -> Vec<u8> {
    let digits = value.as_str().expect("hexadecimal text");
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal digits");
    (0..digits.len()).step_by(2).map(byte).collect()
}

/// What a vkey with this public key would say to the signature.
fn ed25519_holds(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let key = key.try_into().ok().and_then(|key| ed25519::public_key(key).ok());
    key.is_some_and(|key| ed25519::holds(&key, message, signature))
}

/// Whether a Wycheproof case says that the signature must be taken, and its number for the message.
fn verdict(case: &Value) -> (bool, String) {
    (case["result"] == "valid", format!("case {}: {}", case["tcId"], case["comment"]))
}

fn has_flag(case: &Value, flag: &str) -> bool {
    case["flags"].as_array().is_some_and(|flags| flags.iter().any(|have| have == flag))
}

#[test]
fn ed25519_agrees_with_wycheproof() {
    let vectors = json(WYCHEPROOF_ED25519);
    let mut count = 0;
    for group in list(&vectors["testGroups"]) {
        let key = hex(&group["publicKey"]["pk"]);
        for case in list(&group["tests"]) {
            let (valid, which) = verdict(case);
            assert_eq!(ed25519_holds(&key, &hex(&case["msg"]), &hex(&case["sig"])), valid, "{which}");
            count += 1;
        }
    }
    assert_eq!(count, 151, "all cases of the file");
}

/// The variant, written down: of 914 edge cases we take the 43 in which key and R are canonical and not of low
/// order and the equation holds without a cofactor. A key or R with a low-order component alone is taken.
#[test]
fn ed25519_variant_is_the_strict_cofactorless_one() {
    const REFUSED: [&str; 5] =
        ["low_order_A", "low_order_R", "non_canonical_A", "non_canonical_R", "low_order_residue"];
    let vectors = json(CCTV_ED25519);
    let mut taken = 0;
    for case in list(&vectors) {
        let message = case["msg"].as_str().expect("a text").as_bytes();
        let holds = ed25519_holds(&hex(&case["key"]), message, &hex(&case["sig"]));
        let harmless = !REFUSED.iter().any(|flag| has_flag(case, flag));
        assert_eq!(holds, harmless, "case {}: {}", case["number"], case["flags"]);
        taken += usize::from(holds);
    }
    assert_eq!((taken, list(&vectors).len()), (43, 914));
}

#[test]
fn ed25519_keys_that_anybody_can_sign_for_are_refused() {
    let bytes = |first: u8, rest: u8, last: u8| {
        let mut key = [rest; 32];
        (key[0], key[31]) = (first, last);
        key
    };
    for (key, error, bend) in [
        (bytes(1, 0, 0), KeyError::Weak, "the neutral point"),
        (bytes(0, 0, 0), KeyError::Weak, "a point of order 4"),
        (bytes(0xec, 0xff, 0x7f), KeyError::Weak, "the point of order 2"),
        (bytes(1, 0, 0x80), KeyError::NotAPoint, "the neutral point with the sign of x set"),
        (bytes(0xee, 0xff, 0x7f), KeyError::NotAPoint, "the neutral point, y not reduced"),
        (bytes(2, 0, 0), KeyError::NotAPoint, "not on the curve"),
    ] {
        assert_eq!(ed25519::public_key(&key).err(), Some(error), "{bend}");
    }
}

#[test]
fn mldsa44_agrees_with_wycheproof() {
    let vectors = json(WYCHEPROOF_MLDSA);
    let (mut count, mut weak) = (0, 0);
    for group in list(&vectors["testGroups"]) {
        let key = hex(&group["publicKey"]);
        let key: Option<&[u8; mldsa44::KEY_LEN]> = key[..].try_into().ok();
        // Contexts are never used here, see C2SP tlog-cosignature.
        for case in list(&group["tests"]).iter().filter(|case| case.get("ctx").is_none()) {
            let (valid, which) = verdict(case);
            let holds = |key| mldsa44::PublicKey::expand(key).holds(&hex(&case["msg"]), &hex(&case["sig"]));
            assert_eq!(key.is_some_and(holds), valid, "{which}");
            let refused = key.is_some_and(|key| mldsa44::PublicKey::parse(key).err() == Some(KeyError::Weak));
            assert_eq!(refused, has_flag(case, "ZeroPublicKey"), "{which}");
            (count, weak) = (count + 1, weak + usize::from(refused));
        }
    }
    assert_eq!(count, 172, "all cases without a context");
    assert_eq!(
        weak, 35,
        "cases under the key that anybody can sign for: good by FIPS 204, refused as a vkey"
    );
}

/// Cases with a context, of randomised signing, and those that give a digest in the place of the message,
/// are of what is never done here.
#[test]
fn mldsa44_signs_as_wycheproof_does() {
    let vectors = json(WYCHEPROOF_MLDSA_SIGN);
    let (mut count, mut no_seed) = (0, 0);
    for group in list(&vectors["testGroups"]) {
        let Ok(seed) = <[u8; 32]>::try_from(hex(&group["privateSeed"])) else {
            no_seed += list(&group["tests"]).len();
            continue;
        };
        let secret = mldsa44::SecretKey::from_seed(&seed);
        assert_eq!(secret.public_key().as_bytes()[..], hex(&group["publicKey"]));
        assert_eq!(secret.seed(), &seed);
        for case in list(&group["tests"]).iter().filter(|case| case["ctx"].as_str().unwrap_or("").is_empty())
        {
            if has_flag(case, "Randomized") || has_flag(case, "Internal") {
                continue;
            }
            let (valid, which) = verdict(case);
            let (message, signature) = (hex(&case["msg"]), hex(&case["sig"]));
            assert!(valid && secret.sign(&message)[..] == signature[..], "{which}");
            assert!(secret.public_key().holds(&message, &signature), "{which}");
            count += 1;
        }
    }
    assert_eq!((count, no_seed), (70, 3), "all cases that apply, and those whose seed has another length");
}
