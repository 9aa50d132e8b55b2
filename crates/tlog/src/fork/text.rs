//! The file of a fork proof: reading and printing.

use std::fmt;

use super::{ForkError, ForkProof, SignedHead, is_log, key_order};
use crate::encoding;
use crate::key::VerifierKey;
use crate::plan::ConsistencyProof;
use crate::proof::PROOF_LEN_MAX;
use crate::{Hash, Head};

/// Longest file in bytes.
pub const FORK_PROOF_LEN_MAX: usize = 512 * 1024;

pub(super) const MAGIC: &str = "deedbook-fork-proof/1";
const LOG: &str = "log ";
const WITNESS: &str = "witness ";
const ROOT: &str = "root ";

pub(super) fn parse(file: &[u8]) -> Result<ForkProof, ForkError> {
    if file.len() > FORK_PROOF_LEN_MAX {
        return Err(ForkError::TooLong { have: file.len() });
    }
    let text = std::str::from_utf8(file).map_err(|_| ForkError::NotUtf8)?;
    // The first blank line ends the keys; each note has one of its own, and there is one between them.
    let parts: Vec<_> = text.splitn(6, "\n\n").collect();
    let [head, first, first_lines, second, second_lines] = parts[..] else {
        return Err(if text.starts_with(MAGIC) { ForkError::Layout } else { ForkError::Magic });
    };
    let mut lines = Lines { lines: head.split('\n').collect(), next: 0 };
    if lines.take_if(|line| line == MAGIC).is_none() {
        return Err(ForkError::Magic);
    }
    let keys = parse_keys(&mut lines)?;
    let root = parse_root(&mut lines)?;
    let notes = [format!("{first}\n\n{first_lines}\n"), format!("{second}\n\n{second_lines}")];
    let read = |number, note: &str| {
        SignedHead::parse(note.as_bytes()).map_err(|cause| ForkError::Head { number, cause })
    };
    let heads = [read(1, &notes[0])?, read(2, &notes[1])?];
    let old = |(root, hashes)| ConsistencyProof { old: Head { size: heads[0].head().size, root }, hashes };
    Ok(ForkProof { keys, grown: root.map(old), heads })
}

/// The lines before the first blank line.
struct Lines<'a> {
    lines: Vec<&'a str>,
    next: usize,
}

impl<'a> Lines<'a> {
    /// The next line, if it is wanted.
    fn take_if(&mut self, wanted: impl Fn(&str) -> bool) -> Option<&'a str> {
        let line = self.lines.get(self.next).copied().filter(|line| wanted(line))?;
        self.next += 1;
        Some(line)
    }

    /// What follows the word at the start of the next line, if it is there, and the number of the line.
    fn after(&mut self, word: &str) -> Option<(usize, &'a str)> {
        let line = self.take_if(|line| line.starts_with(word))?;
        Some((self.next, &line[word.len()..]))
    }
}

fn parse_keys(lines: &mut Lines<'_>) -> Result<Vec<VerifierKey>, ForkError> {
    let mut keys: Vec<VerifierKey> = Vec::new();
    for (word, of_logs) in [(LOG, true), (WITNESS, false)] {
        while let Some((line, vkey)) = lines.after(word) {
            let key: VerifierKey = vkey.parse().map_err(|cause| ForkError::Key { line, cause })?;
            if is_log(&key) != of_logs {
                return Err(ForkError::KeyType { line, key_type: key.key_type() });
            }
            if keys.last().is_some_and(|before| key_order(before) >= key_order(&key)) {
                return Err(ForkError::KeyOrder { line });
            }
            keys.push(key);
        }
    }
    Ok(keys)
}

/// The root of the larger tree at the smaller size, and the proof.
fn parse_root(lines: &mut Lines<'_>) -> Result<Option<(Hash, Vec<Hash>)>, ForkError> {
    let root = lines.after(ROOT).map(|(line, root)| parse_hash(line, root)).transpose()?;
    let Some(root) = root else {
        return if lines.next == lines.lines.len() { Ok(None) } else { Err(ForkError::Layout) };
    };
    let hashes = lines.lines.iter().enumerate().skip(lines.next).take(PROOF_LEN_MAX + 1);
    let hashes: Vec<_> = hashes.map(|(at, hash)| parse_hash(at + 1, hash)).collect::<Result<_, _>>()?;
    if hashes.len() > PROOF_LEN_MAX { Err(ForkError::TooManyHashes) } else { Ok(Some((root, hashes))) }
}

fn parse_hash(line: usize, text: &str) -> Result<Hash, ForkError> {
    let bytes = encoding::parse_base64_array(text).map_err(|cause| ForkError::Hash { line, cause })?;
    Ok(Hash::from_bytes(bytes))
}

/// The file.
impl fmt::Display for ForkProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{MAGIC}")?;
        for key in &self.keys {
            writeln!(f, "{}{key}", if is_log(key) { LOG } else { WITNESS })?;
        }
        if let Some(grown) = &self.grown {
            writeln!(f, "{ROOT}{}", grown.old.root)?;
            grown.hashes.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        }
        write!(f, "\n{}\n{}", self.heads[0].note, self.heads[1].note)
    }
}
