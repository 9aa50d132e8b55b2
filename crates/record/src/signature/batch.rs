//! Many signatures at a time, with the answers of strict single verification.
//!
//! With `E = R + hA - sB` for each signature (RFC 8032, section 5.1.7), strict verification asks whether each `E` is the
//! neutral point; a batch asks it of one random sum of them. The random factors have 128 bits, so errors in the subgroup
//! of prime order do not cancel. But the curve has points of order 2, 4 and 8 beside it, where a factor counts by its last
//! three bits only: two bent signatures, each with the point of order 2 added to its R, cancel every second time, and no
//! R is of small order. Looking at each R for small order, as is often done, does not help.
//!
//! So a batch holds keys without such a component only (told once, when a key is read), and all R are screened for it
//! together: each of [`SUMS`] sums over about half of the R must lie in the subgroup of prime order. If only one R does
//! not, a sum shows it at least every second time, so that all of them miss it once in 2^128. Then every `E` of the batch
//! is in that subgroup and the factors decide.
//!
//! Which R go into which sum follows from a digest of all of them, as the factors follow from a digest of everything: no
//! chance is drawn, and the same batch has the same answer each time.

use std::collections::HashMap;

use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::{Identity, VartimeMultiscalarMul};
use sha2::{Digest, Sha256, Sha512};

use super::{KeyId, PublicKey, Signature, message};

/// Signatures in a batch, at most: one that does not hold costs the rest of its batch the time that was to be saved.
pub(super) const BATCH_MAX: usize = 4_096;

/// Fewer than these are checked one by one: telling the order of [`SUMS`] points would cost more than is saved.
pub(super) const BATCH_MIN: usize = 256;

/// Sums that the screen looks at: a component of small order escapes once in `2^SUMS`.
const SUMS: usize = 128;

/// Points whose sums are all made in advance: with 6, the fewest additions for each point.
const BLOCK: usize = 6;

/// One question: is `signature` by `key` over `message`?
#[derive(Clone, Copy)]
pub(super) struct Check<'a> {
    pub(super) key: &'a PublicKey,
    pub(super) message: &'a [u8],
    pub(super) signature: &'a Signature,
}

impl Check<'_> {
    pub(super) fn holds(&self) -> bool {
        self.key.holds(self.message, self.signature)
    }

    /// Whether a batch may answer.
    fn fits(&self) -> bool {
        self.key.is_torsion_free() && self.key.id() == self.signature.kid()
    }
}

/// Whether each signature is by its key over the record with these canonical bytes: the answers of
/// [`PublicKey::verify`], in order. Pure: no thread is started and no chance drawn.
pub fn verify_batch(checks: &[(&PublicKey, &[u8], &Signature)]) -> Vec<bool> {
    let messages: Vec<Vec<u8>> = checks.iter().map(|(_, canonical, _)| message(canonical)).collect();
    let check = |(&(key, _, signature), message)| Check { key, message, signature };
    verdicts(&checks.iter().zip(messages.iter().map(Vec::as_slice)).map(check).collect::<Vec<_>>())
}

pub(super) fn verdicts(checks: &[Check<'_>]) -> Vec<bool> {
    let mut verdicts = vec![false; checks.len()];
    let fit: Vec<usize> = (0..checks.len()).filter(|&n| checks[n].fits()).collect();
    for part in even_parts(&fit) {
        let batch: Vec<Check<'_>> = part.iter().map(|&n| checks[n]).collect();
        if batch.len() >= BATCH_MIN && hold_together(&batch) {
            part.iter().for_each(|&n| verdicts[n] = true);
        }
    }
    for (verdict, check) in verdicts.iter_mut().zip(checks) {
        *verdict = *verdict || check.holds();
    }
    verdicts
}

/// As few parts as [`BATCH_MAX`] allows, of nearly equal length.
fn even_parts(all: &[usize]) -> std::slice::Chunks<'_, usize> {
    let parts = all.len().div_ceil(BATCH_MAX).max(1);
    all.chunks(all.len().div_ceil(parts).max(1))
}

/// Whether strict verification would accept all of `batch`, each of which [fits](Check::fits). A no decides nothing.
pub(super) fn hold_together(batch: &[Check<'_>]) -> bool {
    let values: Vec<_> =
        batch.iter().map(|check| ed25519_dalek::Signature::from_bytes(check.signature.value())).collect();
    let points: Option<Vec<EdwardsPoint>> = values.iter().map(|value| harmless(value.r_bytes())).collect();
    let Some(points) = points else { return false };
    sum_is_neutral(batch, &values, &points) && are_torsion_free(&points, &coins(&values))
}

/// Whether a random sum of all `E` is the neutral point. Signatures by one key share its multiplication: few agents sign most
/// records. Not so where an `s` is not reduced (RFC 8032, section 5.1.7).
pub(super) fn sum_is_neutral(
    batch: &[Check<'_>],
    values: &[ed25519_dalek::Signature],
    points: &[EdwardsPoint],
) -> bool {
    let challenges: Vec<Scalar> =
        batch.iter().zip(values).map(|(check, value)| challenge(check, value)).collect();
    let mut base = Scalar::ZERO;
    let mut by_key: HashMap<KeyId, (Scalar, EdwardsPoint)> = HashMap::new();
    let factors = factors(batch, values, &challenges);
    for (((check, value), challenge), factor) in batch.iter().zip(values).zip(&challenges).zip(&factors) {
        let Some(s) = Option::<Scalar>::from(Scalar::from_canonical_bytes(*value.s_bytes())) else {
            return false;
        };
        base -= factor * s;
        let key = by_key.entry(check.key.id()).or_insert_with(|| (Scalar::ZERO, check.key.point()));
        key.0 += factor * challenge;
    }
    let (key_factors, keys): (Vec<Scalar>, Vec<EdwardsPoint>) = by_key.into_values().unzip();
    let scalars = [base].into_iter().chain(key_factors).chain(factors);
    let all = [ED25519_BASEPOINT_POINT].into_iter().chain(keys).chain(points.iter().copied());
    EdwardsPoint::vartime_multiscalar_mul(scalars, all) == EdwardsPoint::identity()
}

/// `h = SHA-512(R || A || M)` (RFC 8032, section 5.1.7).
fn challenge(check: &Check<'_>, value: &ed25519_dalek::Signature) -> Scalar {
    let hash = Sha512::new()
        .chain_update(value.r_bytes())
        .chain_update(check.key.to_bytes())
        .chain_update(check.message);
    Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
}

/// A factor of 128 bits for each signature, from a digest of every key, every signature and, by the challenges, every message:
/// none of them can be chosen to suit the factors.
fn factors(batch: &[Check<'_>], values: &[ed25519_dalek::Signature], challenges: &[Scalar]) -> Vec<Scalar> {
    let mut all = Sha512::new_with_prefix(b"deedbook-batch-factors-v1\0");
    for ((check, value), challenge) in batch.iter().zip(values).zip(challenges) {
        all.update(check.key.to_bytes());
        all.update(value.to_bytes());
        all.update(challenge.as_bytes());
    }
    let seed = all.finalize();
    let factor = |n: usize| {
        let digest: [u8; 32] =
            Sha256::new_with_prefix(seed).chain_update((n as u64).to_be_bytes()).finalize().into();
        Scalar::from(digest.first_chunk().map_or(0, |half| u128::from_be_bytes(*half)))
    };
    (0..batch.len()).map(factor).collect()
}

/// The point R, if strict verification does not refuse it by its looks: canonical, on the curve, not of small order.
pub(super) fn harmless(r: &[u8; 32]) -> Option<EdwardsPoint> {
    // Not below 2^255 - 19, the sign of x left out. The other encodings that are not canonical are of small order.
    let not_reduced = r[0] >= 0xed && r[1..31].iter().all(|&b| b == 0xff) && r[31] & 0x7f == 0x7f;
    if not_reduced {
        return None;
    }
    CompressedEdwardsY(*r).decompress().filter(|point| !point.is_small_order())
}

/// For each R the sums it goes into, a bit each; from a digest of all R, so that none can be chosen to suit the others.
fn coins(values: &[ed25519_dalek::Signature]) -> Vec<u128> {
    let all = values.iter().fold(Sha256::new_with_prefix(b"deedbook-batch-v1\0"), |hash, value| {
        hash.chain_update(value.r_bytes())
    });
    let seed = all.finalize();
    let coin = |n: usize| {
        let digest: [u8; 32] =
            Sha256::new_with_prefix(seed).chain_update((n as u64).to_be_bytes()).finalize().into();
        digest.first_chunk().map_or(0, |half| u128::from_be_bytes(*half))
    };
    (0..values.len()).map(coin).collect()
}

/// Whether all `points` lie in the subgroup of prime order, as far as the sums chosen by `coins` can tell.
fn are_torsion_free(points: &[EdwardsPoint], coins: &[u128]) -> bool {
    let mut sums = vec![EdwardsPoint::identity(); SUMS];
    for (points, coins) in points.chunks(BLOCK).zip(coins.chunks(BLOCK)) {
        let subsets = subset_sums(points);
        for (bit, sum) in sums.iter_mut().enumerate() {
            let chosen = coins.iter().rev().fold(0, |chosen, coin| chosen << 1 | (coin >> bit & 1) as usize);
            if chosen > 0 {
                *sum += subsets[chosen];
            }
        }
    }
    sums.iter().all(is_torsion_free)
}

/// The sum of each subset of up to [`BLOCK`] points; bit `n` of its position says whether point `n` is in it.
fn subset_sums(points: &[EdwardsPoint]) -> [EdwardsPoint; 1 << BLOCK] {
    let mut sums = [EdwardsPoint::identity(); 1 << BLOCK];
    for (n, point) in points.iter().enumerate() {
        for rest in 0..1 << n {
            sums[1 << n | rest] = sums[rest] + point;
        }
    }
    sums
}

/// Whether the order of the subgroup times `point` is neutral: the order less one times `point` is `-point`. As
/// [`EdwardsPoint::is_torsion_free`], in half its time, which is not constant: R is public.
fn is_torsion_free(point: &EdwardsPoint) -> bool {
    EdwardsPoint::vartime_double_scalar_mul_basepoint(&-Scalar::ONE, point, &Scalar::ZERO) == -point
}
