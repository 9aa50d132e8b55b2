//! Test vectors from `tests/data/vectors` at the root of the repository, and keys that several tests use.

use std::path::PathBuf;

use serde_json::Value;
use tlog::cosignature::Cosigner;
use tlog::key::{KeyName, Signer, VerifierKey};

/// Key of the log in the generated vectors.
pub(crate) const LOG: &str = "log.example.org/agents-1+78f53b44+AZAN/CWkaR4tcBmF6B6S9apERIH/1lx7yGGWmlF/dAbp";
/// Keys of the two witnesses in the generated vectors.
pub(crate) const W1: &str = "witness.example.net/w1+9aaa770e+BGZsdI27QuKnf+GVPRlJdP9eWdSijcEYmpmoc2wobN8F";
pub(crate) const W2: &str = "witness.example.com/w2+de25f6a9+BHMTKjdPBnPVBCNhSy6FFt/oG/HPlaEGM/R7MsAkr89b";

pub(crate) fn bytes(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/vectors").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn text(name: &str) -> String {
    String::from_utf8(bytes(name)).expect("the vector is UTF-8")
}

pub(crate) fn json(name: &str) -> Value {
    serde_json::from_slice(&bytes(name)).expect("the vector is JSON")
}

/// The files in the folder `name` and below it, as names for [`json`].
pub(crate) fn files(name: &str) -> Vec<String> {
    testkit::vectors::files(name)
}

pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

pub(crate) fn str(value: &Value) -> &str {
    value.as_str().expect("a text")
}

pub(crate) fn hex(value: &Value) -> Vec<u8> {
    let digits = str(value);
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal digits");
    (0..digits.len()).step_by(2).map(byte).collect()
}

pub(crate) fn vkey(text: &str) -> VerifierKey {
    text.parse().expect("a good vkey")
}

pub(crate) fn name(text: &str) -> KeyName {
    text.parse().expect("a good name")
}

/// A log's key made from a number, for tests only.
pub(crate) fn signer(origin: &str, number: u32) -> Signer {
    Signer::from_seed(name(origin), &seed(number))
}

/// A witness's key made from a number, for tests only.
pub(crate) fn cosigner(witness: &str, number: u32) -> Cosigner {
    Cosigner::from_seed(name(witness), &seed(number))
}

/// A witness's ML-DSA-44 key made from a number, for tests only.
pub(crate) fn tree_cosigner(witness: &str, number: u32) -> Cosigner {
    Cosigner::ml_dsa_44(name(witness), &seed(number))
}

fn seed(number: u32) -> [u8; 32] {
    let mut seed = [0; 32];
    seed[..4].copy_from_slice(&number.to_be_bytes());
    seed
}

/// The text with one of its lines, counted from 0, taken out.
pub(crate) fn without_line(text: &str, line: usize) -> String {
    let mut lines: Vec<_> = text.split_inclusive('\n').collect();
    lines.remove(line);
    lines.concat()
}
