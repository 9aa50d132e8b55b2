//! Verification against the published proof vectors of transparency-dev/merkle, good ones and bent ones.

use serde_json::Value;
use tlog::proof::{ProofError, verify_consistency, verify_inclusion};
use tlog::{Hash, Head, encoding};

use crate::vectors::{files, json, list, str};

const ROOT: &str = "transparency-dev-merkle/testdata";

/// A hash of the vectors; some are texts of another length, put there to be refused.
fn hash(value: &Value) -> Option<Hash> {
    Hash::from_slice(&encoding::parse_base64(str(value)).expect("base64"))
}

fn proof(case: &Value) -> Option<Vec<Hash>> {
    case["proof"].as_array().map_or(Some(vec![]), |proof| proof.iter().map(hash).collect())
}

fn number(case: &Value, field: &str) -> u64 {
    case[field].as_u64().expect("a number")
}

/// What was found out about one file; `None` if its hashes cannot even be read.
type Verdict = Option<Result<(), ProofError>>;

fn inclusion(case: &Value, start: u64, end: u64) -> Verdict {
    let (root, leaf) = (hash(&case["root"])?, hash(&case["leafHash"])?);
    let index = number(case, "leafIdx").wrapping_sub(start);
    Some(verify_inclusion(index, leaf, &proof(case)?, Head { size: end - start, root }))
}

fn consistency(case: &Value, old: u64, new: u64) -> Verdict {
    let (old_root, new_root) = (hash(&case["root1"])?, hash(&case["root2"])?);
    Some(verify(old, old_root, new, new_root, &proof(case)?))
}

fn verify(old: u64, old_root: Hash, new: u64, new_root: Hash, proof: &[Hash]) -> Result<(), ProofError> {
    let (old, new) = (Head { size: old, root: old_root }, Head { size: new, root: new_root });
    verify_consistency(old, new, proof)
}

/// Runs every file of a folder that `check` does not pass by; how many proofs were good, bad and passed by.
///
/// A few files call a root of twelve bytes good, which no hash of ours can be: they are passed by too.
fn run(folder: &str, check: impl Fn(&Value) -> Option<Verdict>) -> (u32, u32, u32) {
    let (mut good, mut bad, mut passed_by) = (0, 0, 0);
    for file in files(&format!("{ROOT}/{folder}")) {
        let case = json(&file);
        let due = case["wantErr"] == false;
        match check(&case) {
            None => passed_by += 1,
            Some(None) if due => passed_by += 1,
            Some(verdict) => {
                let holds = verdict.as_ref().is_some_and(Result::is_ok);
                assert_eq!(holds, due, "{file}: {} ({verdict:?})", case["desc"]);
                *(if holds { &mut good } else { &mut bad }) += 1;
            }
        }
    }
    (good, bad, passed_by)
}

#[test]
fn inclusion_proofs_of_the_vectors() {
    let counts = run("inclusion", |case| Some(inclusion(case, 0, number(case, "treeSize"))));
    assert_eq!(counts, (6, 92, 0), "all 98 files");
}

#[test]
fn consistency_proofs_of_the_vectors() {
    let counts =
        run("consistency", |case| Some(consistency(case, number(case, "size1"), number(case, "size2"))));
    assert_eq!(counts, (5, 92, 1), "all 98 files");
}

/// A subtree's inclusion proof is that of a tree of its own, whose first entry is the subtree's first.
#[test]
fn inclusion_proofs_in_subtrees() {
    let counts = run("subtreeinclusion", |case| {
        let (start, end) = (number(case, "start"), number(case, "end"));
        // What is not a subtree is not ours to refuse: nothing here asks for one.
        let is_subtree = end > start
            && start.is_multiple_of((end - start).checked_next_power_of_two().unwrap_or(u64::MAX));
        is_subtree.then(|| inclusion(case, start, end))
    });
    assert_eq!(counts, (12, 173, 19), "all 204 files");
}

/// A subtree that starts at 0 is an older tree.
#[test]
fn consistency_proofs_of_subtrees_that_start_at_zero() {
    let counts = run("subtreeconsistency", |case| {
        let is_a_tree = number(case, "start") == 0;
        is_a_tree.then(|| consistency(case, number(case, "end"), number(case, "size")))
    });
    assert_eq!(counts, (6, 94, 18), "all 118 files");
}

/// The eight leaves of the first Certificate Transparency code, with every proof between them.
#[test]
fn every_proof_of_the_eight_classic_leaves() {
    let vectors = json("generated/rfc6962-ct-leaves.json");
    let hex = |value: &Value| Hash::from_slice(&crate::vectors::hex(value)).expect("32 bytes");
    let hexes = |value: &Value| list(value).iter().map(hex).collect::<Vec<_>>();
    let leaves: Vec<_> =
        list(&vectors["leaves_hex"]).iter().map(|leaf| Hash::leaf(&crate::vectors::hex(leaf))).collect();
    assert_eq!(leaves, hexes(&vectors["leaf_hashes"]));
    let root = |size: u64| hex(&vectors["roots"][size.to_string()]);
    for size in 0..=8 {
        assert_eq!(tlog::hash::root_of(&leaves[..size]), root(size as u64), "size {size}");
    }
    let (inclusion, consistency) = (list(&vectors["inclusion"]), list(&vectors["consistency"]));
    for case in inclusion {
        let (index, size) = (number(case, "index"), number(case, "size"));
        let head = Head { size, root: root(size) };
        let leaf = leaves[usize::try_from(index).unwrap()];
        assert_eq!(verify_inclusion(index, leaf, &hexes(&case["proof"]), head), Ok(()), "{index} of {size}");
    }
    for case in consistency {
        let (old, new) = (number(case, "old"), number(case, "new"));
        let verdict = verify(old, root(old), new, root(new), &hexes(&case["proof"]));
        assert_eq!(verdict, Ok(()), "{old} to {new}");
    }
    assert_eq!((inclusion.len(), consistency.len()), (36, 36));
}
