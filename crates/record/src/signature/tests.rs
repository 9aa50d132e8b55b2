//! Which signatures count, and that a batch never counts another one: published vectors, and batches bent by whoever
//! holds the key.

use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use ed25519_dalek::SigningKey;
use serde_json::Value;
use sha2::{Digest, Sha512};
use testkit::{Chance, vectors};

use super::batch::{BATCH_MAX, BATCH_MIN, Check, harmless, hold_together, sum_is_neutral, verdicts};
use super::{KeyId, PublicKey, PublicKeyError, Signature, message, sign, verify_batch};

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn hex(value: &Value) -> Vec<u8> {
    let digits = value.as_str().unwrap();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

fn has_flag(case: &Value, flag: &str) -> bool {
    case["flags"].as_array().is_some_and(|flags| flags.iter().any(|have| have == flag))
}

/// A message, a signature over it, and the key, of whatever quality.
#[derive(Clone)]
struct Signed {
    key: PublicKey,
    message: Vec<u8>,
    signature: Signature,
}

impl Signed {
    /// Of raw bytes; `None` for what does not even parse.
    fn read(key: &[u8], message: &[u8], value: &[u8]) -> Option<Self> {
        let key = PublicKey::from_bytes(key.try_into().ok()?).ok()?;
        let signature = Signature::new(key.id(), value.try_into().ok()?);
        Some(Self { key, message: message.to_vec(), signature })
    }

    fn check(&self) -> Check<'_> {
        Check { key: &self.key, message: &self.message, signature: &self.signature }
    }
}

/// A batch that is smaller than those that pay, which changes no answer.
const FEW: usize = 32;

/// So many good ones by seven keys.
fn good(count: usize) -> Vec<Signed> {
    let keys: Vec<SigningKey> = (0..7).map(|n| SigningKey::from_bytes(&[n; 32])).collect();
    let signed = |n: usize| {
        let (key, record) = (&keys[n % keys.len()], format!("{{\"n\":{n}}}"));
        Signed {
            key: PublicKey::from_bytes(key.verifying_key().as_bytes()).unwrap(),
            message: message(record.as_bytes()),
            signature: sign(key, record.as_bytes()),
        }
    };
    (0..count).map(signed).collect()
}

/// What a batch says to `signed` among good ones, where a batch may speak; and that all verdicts are the strict ones.
fn agrees(good: &[Signed], signed: &Signed) -> bool {
    let mut checks: Vec<Check<'_>> = good.iter().map(Signed::check).collect();
    checks[FEW / 3] = signed.check();
    let strict = signed.check().holds();
    if signed.key.is_torsion_free() {
        assert_eq!(hold_together(&checks), strict, "the batch alone");
    }
    strict
}

fn wycheproof() -> Vec<(bool, String, Option<Signed>)> {
    let vectors = vectors::json("wycheproof/ed25519_test.json");
    let mut cases = Vec::new();
    for group in list(&vectors["testGroups"]) {
        let key = hex(&group["publicKey"]["pk"]);
        for case in list(&group["tests"]) {
            let signed = Signed::read(&key, &hex(&case["msg"]), &hex(&case["sig"]));
            cases.push((case["result"] == "valid", format!("{}: {}", case["tcId"], case["comment"]), signed));
        }
    }
    assert_eq!(cases.len(), 151, "all cases of the file");
    cases
}

/// The strict, cofactorless variant: a component of small order beside the large one is taken where the equation holds.
fn cctv() -> Vec<(bool, String, Option<Signed>)> {
    const REFUSED: [&str; 5] =
        ["low_order_A", "low_order_R", "non_canonical_A", "non_canonical_R", "low_order_residue"];
    let vectors = vectors::json("c2sp-cctv/ed25519vectors.json");
    let case = |case: &Value| {
        let message = case["msg"].as_str().unwrap().as_bytes();
        let signed = Signed::read(&hex(&case["key"]), message, &hex(&case["sig"]));
        let valid = !REFUSED.iter().any(|flag| has_flag(case, flag));
        (valid, format!("{}: {}", case["number"], case["flags"]), signed)
    };
    let cases: Vec<_> = list(&vectors).iter().map(case).collect();
    assert_eq!(cases.len(), 914, "all cases of the file");
    cases
}

#[test]
fn a_batch_says_what_strict_verification_says_to_every_vector() {
    let good = good(FEW);
    let mut taken = 0;
    for (valid, which, signed) in wycheproof().into_iter().chain(cctv()) {
        let holds = signed.is_some_and(|signed| agrees(&good, &signed));
        assert_eq!(holds, valid, "{which}");
        taken += usize::from(holds);
    }
    assert_eq!(taken, 88 + 43, "valid in Wycheproof, and in CCTV by the strict variant");
}

#[test]
fn all_vectors_in_one_go_have_the_strict_verdicts() {
    let all: Vec<Signed> = wycheproof().into_iter().chain(cctv()).filter_map(|case| case.2).collect();
    let checks: Vec<Check<'_>> = all.iter().map(Signed::check).collect();
    assert_eq!(verdicts(&checks), checks.iter().map(Check::holds).collect::<Vec<_>>());
}

#[test]
fn good_batches_are_decided_as_batches_whatever_their_size() {
    let good = good(2 * BATCH_MAX + 1);
    for size in [BATCH_MIN, BATCH_MIN + 1, BATCH_MAX] {
        let checks: Vec<_> = good[..size].iter().map(Signed::check).collect();
        assert!(hold_together(&checks), "{size}");
    }
    for size in [0, 1, BATCH_MIN - 1, BATCH_MAX + 1, good.len()] {
        let checks: Vec<_> = good[..size].iter().map(Signed::check).collect();
        assert_eq!(verdicts(&checks), vec![true; size]);
    }
}

#[test]
fn one_bad_signature_is_told_apart_from_its_neighbours() {
    let mut chance = Chance::seeded(5);
    let mut signed = good(BATCH_MAX + 200);
    let mut expected = vec![true; signed.len()];
    for _ in 0..6 {
        let at = chance.below(signed.len() as u64) as usize;
        let bit = chance.below(512) as usize;
        let mut value = *signed[at].signature.value();
        value[bit / 8] ^= 1 << (bit % 8);
        signed[at].signature = Signature::new(signed[at].key.id(), value);
        expected[at] = false;
    }
    let checks: Vec<_> = signed.iter().map(Signed::check).collect();
    assert_eq!(verdicts(&checks), expected);
    let canonical: Vec<&[u8]> = signed.iter().map(|one| &one.message[19..]).collect();
    let open: Vec<_> =
        signed.iter().zip(canonical).map(|(one, canonical)| (&one.key, canonical, &one.signature)).collect();
    assert_eq!(verify_batch(&open), expected, "and by the function that adds the context");
}

#[test]
fn a_signature_under_another_name_does_not_hold_in_a_good_batch() {
    let mut signed = good(BATCH_MIN + 1);
    signed[9].signature = Signature::new(KeyId::from_bytes([7; 32]), *signed[9].signature.value());
    let verdicts = verdicts(&signed.iter().map(Signed::check).collect::<Vec<_>>());
    assert_eq!(verdicts.iter().position(|&holds| !holds), Some(9));
    assert_eq!(verdicts.iter().filter(|&&holds| holds).count(), BATCH_MIN);
}

/// Nobody can sign with such an R, as far as is known; the equation would not mind.
#[test]
fn an_r_that_is_not_reduced_is_refused_by_its_looks() {
    let mut of_large_order = 0;
    for low in 0xed..=0xff {
        for sign in [0x7f, 0xff] {
            let mut r = [0xff; 32];
            (r[0], r[31]) = (low, sign);
            let point = CompressedEdwardsY(r).decompress();
            of_large_order += usize::from(point.is_some_and(|point| !point.is_small_order()));
            assert_eq!(harmless(&r), None, "{low:#x} {sign:#x}");
        }
    }
    assert!(of_large_order > 0, "looking at the order alone would have done");
    let below = good(1)[0].signature.value()[..32].try_into().unwrap();
    assert!(harmless(&below).is_some());
}

/// A signature by someone who holds the key, with something of small order added to R or to the key.
fn bent(seed: u8, message: &[u8], to_r: EdwardsPoint, to_key: EdwardsPoint) -> Signed {
    let secret = SigningKey::from_bytes(&[seed; 32]).to_scalar();
    let nonce = Scalar::from_bytes_mod_order_wide(&Sha512::digest([&[seed], message].concat()).into());
    let key = (secret * ED25519_BASEPOINT_POINT + to_key).compress();
    let r = (nonce * ED25519_BASEPOINT_POINT + to_r).compress();
    let challenge =
        Sha512::new().chain_update(r.as_bytes()).chain_update(key.as_bytes()).chain_update(message);
    let s = nonce + Scalar::from_bytes_mod_order_wide(&challenge.finalize().into()) * secret;
    Signed::read(key.as_bytes(), message, &[r.to_bytes(), s.to_bytes()].concat()).unwrap()
}

/// Whether the equation of a batch accepts them, without the screen; as `ed25519-dalek` has it too.
fn equation(checks: &[Check<'_>]) -> bool {
    let values: Vec<_> =
        checks.iter().map(|check| ed25519_dalek::Signature::from_bytes(check.signature.value())).collect();
    let points: Vec<_> = values.iter().map(|value| harmless(value.r_bytes()).unwrap()).collect();
    sum_is_neutral(checks, &values, &points)
}

/// Ours shares the work of signatures by one key; it says what that of `ed25519-dalek` says.
#[test]
fn the_equation_says_what_that_of_the_library_says() {
    let dalek = |checks: &[Check<'_>]| {
        let messages: Vec<&[u8]> = checks.iter().map(|check| check.message).collect();
        let values: Vec<_> = checks
            .iter()
            .map(|check| ed25519_dalek::Signature::from_bytes(check.signature.value()))
            .collect();
        let keys: Vec<_> = checks
            .iter()
            .map(|check| ed25519_dalek::VerifyingKey::from_bytes(&check.key.to_bytes()).unwrap())
            .collect();
        ed25519_dalek::verify_batch(&messages, &values, &keys).is_ok()
    };
    let good = good(64);
    for size in [1, 2, 3, 10, 64] {
        let checks: Vec<_> = good[..size].iter().map(Signed::check).collect();
        assert!(equation(&checks) && dalek(&checks), "{size}");
        for at in 0..size {
            // Another message; another's key; another's signature; s bent, and s with the order of the group added.
            let other = &good[(at + 1) % 64];
            let mut bent: Vec<Signed> = good[..size].to_vec();
            bent[at].message = [&other.message[..], b"x"].concat();
            assert!(!equation(&bent.iter().map(Signed::check).collect::<Vec<_>>()), "message {at} of {size}");
            let mut value = *good[at].signature.value();
            value[32] ^= 1;
            for value in [value, *other.signature.value(), with_the_order_added(good[at].signature.value())] {
                let mut bent: Vec<Signed> = good[..size].to_vec();
                bent[at].signature = Signature::new(good[at].key.id(), value);
                let bent: Vec<_> = bent.iter().map(Signed::check).collect();
                assert!(!equation(&bent) && !dalek(&bent), "signature {at} of {size}");
            }
        }
    }
}

/// The same signature with an `s` that is not reduced: the same point, another spelling.
fn with_the_order_added(value: &[u8; 64]) -> [u8; 64] {
    let order_less_one = (-Scalar::ONE).to_bytes();
    let (mut sum, mut carry) = (*value, 1_u16);
    for (byte, add) in sum[32..].iter_mut().zip(order_less_one) {
        carry += u16::from(*byte) + u16::from(add);
        *byte = carry as u8;
        carry >>= 8;
    }
    sum
}

/// One signature with one more of the base point and another with one less: the sum of both errors is nothing, and only the
/// factors tell it.
#[test]
fn errors_that_cancel_do_not_pass() {
    let good = good(BATCH_MIN);
    for (a, b) in [(0, 1), (0, 7), (5, 300 % BATCH_MIN)] {
        let shifted = |at: usize, by: Scalar| {
            let mut value = *good[at].signature.value();
            let s = Scalar::from_canonical_bytes(*value[32..].first_chunk().unwrap()).unwrap();
            value[32..].copy_from_slice(&(s + by).to_bytes());
            Signed { signature: Signature::new(good[at].key.id(), value), ..good[at].clone() }
        };
        let (a_shifted, b_shifted) = (shifted(a, Scalar::ONE), shifted(b, -Scalar::ONE));
        let mut checks: Vec<_> = good.iter().map(Signed::check).collect();
        (checks[a], checks[b]) = (a_shifted.check(), b_shifted.check());
        assert!(!hold_together(&checks), "{a} and {b}");
        let verdicts = verdicts(&checks);
        let wrong: Vec<usize> = (0..checks.len()).filter(|&n| !verdicts[n]).collect();
        assert_eq!(wrong, [a, b]);
    }
}

/// Two errors of small order cancel in the equation of a batch, though neither R is of small order.
#[test]
fn errors_of_small_order_that_cancel_do_not_pass() {
    let good = good(BATCH_MIN);
    let neutral = EIGHT_TORSION[0];
    let mut accepted_by_the_equation = 0;
    for n in 0..12_u8 {
        let order_8_4_or_2 = EIGHT_TORSION[usize::from(n % 3).pow(2).max(1)];
        let opposite = -order_8_4_or_2;
        let (a, b) = (bent(40, &[n], order_8_4_or_2, neutral), bent(41, &[n], opposite, neutral));
        assert!(!a.check().holds() && !b.check().holds());
        let mut checks: Vec<_> = good.iter().map(Signed::check).collect();
        (checks[3], checks[200]) = (a.check(), b.check());
        accepted_by_the_equation += usize::from(equation(&checks));
        assert!(!hold_together(&checks), "{n}");
        let verdicts = verdicts(&checks);
        assert_eq!((verdicts[3], verdicts[200]), (false, false));
        assert_eq!(verdicts.iter().filter(|&&holds| holds).count(), BATCH_MIN - 2);
    }
    assert!(accepted_by_the_equation > 0, "the equation alone would have done; the screen guards nothing");
}

/// A key with a component of small order is strict's business alone, which takes some of its signatures.
#[test]
fn a_key_with_a_component_of_small_order_is_never_in_a_batch() {
    let good = good(BATCH_MIN);
    let (neutral, order_2) = (EIGHT_TORSION[0], EIGHT_TORSION[4]);
    let (mut held, mut accepted_by_the_equation) = (0, 0);
    for n in 0..12_u8 {
        let signed = bent(42, &[n], neutral, order_2);
        assert!(!signed.key.is_torsion_free());
        let strict = signed.check().holds();
        held += usize::from(strict);
        let mut checks: Vec<_> = good.iter().map(Signed::check).collect();
        checks.push(signed.check());
        accepted_by_the_equation += usize::from(!strict && equation(&checks));
        assert_eq!(verdicts(&checks).last(), Some(&strict), "{n}");
    }
    assert!((1..12).contains(&held), "{held} of 12 held");
    assert!(
        accepted_by_the_equation > 0,
        "the equation alone would have done; keeping the key out guards nothing"
    );
}

#[test]
fn a_batch_may_hold_one_signature_many_times() {
    let one = &good(1)[0];
    assert!(hold_together(&vec![one.check(); BATCH_MIN]));
    let bent = bent(40, b"m", EIGHT_TORSION[4], EIGHT_TORSION[0]);
    assert!(!hold_together(&vec![bent.check(); BATCH_MIN]));
}

#[test]
fn keys_that_anybody_can_sign_for_are_refused() {
    let bytes = |first: u8, rest: u8, last: u8| {
        let mut key = [rest; 32];
        (key[0], key[31]) = (first, last);
        key
    };
    for (key, error, bend) in [
        (bytes(1, 0, 0), PublicKeyError::Weak, "the neutral point"),
        (bytes(0, 0, 0), PublicKeyError::Weak, "a point of order 4"),
        (bytes(0xec, 0xff, 0x7f), PublicKeyError::Weak, "the point of order 2"),
        (bytes(1, 0, 0x80), PublicKeyError::NotAPoint, "the neutral point with the sign of x set"),
        (bytes(0xee, 0xff, 0x7f), PublicKeyError::NotAPoint, "the neutral point, y not reduced"),
        (bytes(2, 0, 0), PublicKeyError::NotAPoint, "not on the curve"),
    ] {
        assert_eq!(PublicKey::from_bytes(&key).err(), Some(error), "{bend}");
    }
    for point in EIGHT_TORSION {
        assert_eq!(PublicKey::from_bytes(point.compress().as_bytes()), Err(PublicKeyError::Weak));
    }
}

#[test]
fn keys_and_their_names_have_one_spelling() {
    let key = &good(1)[0].key;
    assert_eq!(key.to_string().parse(), Ok(key.clone()));
    assert_eq!(key.id().to_string().parse(), Ok(key.id()));
    assert_eq!(PublicKey::from_bytes(&key.to_bytes()), Ok(key.clone()));
    for bent in [format!("{key}="), key.to_string()[..42].to_owned(), format!(" {key}"), String::new()] {
        assert_eq!(bent.parse::<PublicKey>(), Err(PublicKeyError::Spelling), "{bent}");
        assert_eq!(bent.parse::<KeyId>(), Err(PublicKeyError::Spelling), "{bent}");
    }
}
