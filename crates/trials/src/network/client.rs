//! A client: hands in entries, checks receipts, and may hand in their checkpoints to monitors.

use tlog::Hash;
use tlog::checkpoint::SignedCheckpoint;
use tlog::proof::verify_inclusion;

use super::cast::signer;
use super::wire::Receipt;

#[derive(Default)]
pub(super) struct Client {
    /// Does not submit.
    pub(super) is_idle: bool,
    /// The monitors that it hands its receipts in to.
    pub(super) hands_in: Vec<usize>,
    /// The checkpoints of its receipts.
    pub(super) receipts: Vec<SignedCheckpoint>,
    /// What monitors said to them.
    pub(super) words: Vec<&'static str>,
}

/// Checks a receipt as anybody does who has the log's key.
pub(super) fn check(receipt: &Receipt, entry: &str) -> Result<SignedCheckpoint, String> {
    let note = SignedCheckpoint::open(receipt.note.clone(), signer().verifier_key());
    let note = note.map_err(|error| error.to_string())?;
    let leaf = Hash::leaf(entry.as_bytes());
    verify_inclusion(receipt.index, leaf, &receipt.path, note.head()).map_err(|error| error.to_string())?;
    Ok(note)
}
