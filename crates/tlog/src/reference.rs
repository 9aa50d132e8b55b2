//! A slow second opinion: the definitions of RFC 9162 section 2.1, word for word, over a slice of leaf hashes.
//! Only tests use it.

use crate::Hash;

/// Largest power of two strictly below `n`, for `n > 1`.
fn split(n: usize) -> usize {
    1 << (n - 1).ilog2()
}

/// MTH(D[n]), section 2.1.1.
pub(crate) fn mth(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::EMPTY,
        [one] => *one,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            Hash::node(&mth(left), &mth(right))
        }
    }
}

/// PATH(m, D[n]), section 2.1.3.1.
pub(crate) fn path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return vec![];
    }
    let k = split(leaves.len());
    let (left, right) = leaves.split_at(k);
    let (mut path, sibling) =
        if index < k { (path(index, left), right) } else { (path(index - k, right), left) };
    path.push(mth(sibling));
    path
}

/// PROOF(m, D[n]), section 2.1.4.1.
pub(crate) fn consistency(old: usize, leaves: &[Hash]) -> Vec<Hash> {
    subproof(old, leaves, true)
}

fn subproof(m: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
    if m == leaves.len() {
        return if whole { vec![] } else { vec![mth(leaves)] };
    }
    let k = split(leaves.len());
    let (left, right) = leaves.split_at(k);
    let (mut proof, other) =
        if m <= k { (subproof(m, left, whole), right) } else { (subproof(m - k, right, false), left) };
    proof.push(mth(other));
    proof
}
