//! One key of a log in the place of another: announced in the log, under the old key; then the new one signs.
//!
//! Every step leaves files that another step can begin from, so a change that is cut short is repeated, and ends where it
//! would have ended: the key that was made is kept, its announcement has an id that follows from it, and the proof is made
//! anew under the last checkpoint that the old key signs alone.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ::record::{Vouched, seal};
use client::keys::{Announcement, Rotation, announce};
use sequencer::beside::Announce;
use sequencer::ids::{Identity, Outcome};
use sequencer::log::Status;
use sequencer::pool::Submission;
use sequencer::{DataDirectory, Kind, Log, Options};
use server::clerk::SUBMITTER;
use tlog::integrate::Entry;
use tlog::key::{Signer, VerifierKey};
use tlog::tlog_proof::TlogProof;

use crate::cli::Failure;
use crate::keyring::Keyring;
use crate::place;

/// Bytes of the store's page cache.
const CACHE_BYTES: u64 = 64 << 20;

/// How far a change has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Point {
    Made,
    Announced,
    Written,
    Promoted,
    Retired,
}

/// Hears how far a change has come. In tests it ends there, as if the power were cut.
pub(super) type Watch<'a> = &'a dyn Fn(Point) -> Result<(), Failure>;

/// Puts a new key in the place of the present one; with `at_once`, the old one signs no more. Blocks.
pub(super) fn rotate(data: &Path, at_once: bool, watch: Watch<'_>) -> Result<Keyring, Failure> {
    let directory = hold(data)?;
    let kind = kind_of(&directory)?;
    if kind == Kind::Raw {
        return Err(Failure::could_not_tell(
            "a log of raw entries cannot announce a key, because the announcement is a record and it takes none; start a \
             new log under another origin, and hand out its key",
        ));
    }
    if directory.outgoing().map_err(Failure::could_not_tell)?.is_some() {
        return Err(Failure::could_not_tell(format!(
            "the log still signs with the key before as well; end that change first: deedbook key retire --data {}",
            data.display()
        )));
    }
    let rotation = announced(&directory, kind, watch)?;
    let history = Keyring::read(data)?.history().clone().with(rotation);
    directory.write_key_history(&history.to_bytes()).map_err(Failure::could_not_tell)?;
    watch(Point::Written)?;
    directory.promote_next().map_err(Failure::could_not_tell)?;
    watch(Point::Promoted)?;
    if at_once {
        directory.retire_outgoing().map_err(Failure::could_not_tell)?;
        watch(Point::Retired)?;
    }
    sign_anew(&directory, kind)
}

/// Ends a change: the old key signs no more, and is destroyed. Blocks.
pub(super) fn retire(data: &Path) -> Result<Keyring, Failure> {
    let directory = hold(data)?;
    if directory.outgoing().map_err(Failure::could_not_tell)?.is_none() {
        return Err(Failure::could_not_tell(
            "the log signs with one key; there is none to retire (deedbook key rotate makes a new one)",
        ));
    }
    directory.retire_outgoing().map_err(Failure::could_not_tell)?;
    let kind = kind_of(&directory)?;
    sign_anew(&directory, kind)
}

/// The directory of a log that is stopped.
fn hold(data: &Path) -> Result<DataDirectory, Failure> {
    let directory = DataDirectory::open_existing(data).map_err(Failure::could_not_tell)?;
    directory.mend_keys().map_err(Failure::could_not_tell)?;
    Ok(directory)
}

fn kind_of(directory: &DataDirectory) -> Result<Kind, Failure> {
    let identity = directory.identity().map_err(Failure::could_not_tell)?;
    let missing = "log.json is missing, which says what the log takes; put it back from a backup";
    Ok(identity.ok_or_else(|| Failure::could_not_tell(missing))?.kind)
}

fn signer(directory: &DataDirectory) -> Result<Signer, Failure> {
    let signer = directory.signer().map_err(Failure::could_not_tell)?;
    signer.ok_or_else(|| Failure::could_not_tell("log.key is missing; put it back from a backup"))
}

/// The log, as a server opens it, if it may go on.
fn open(directory: &DataDirectory, kind: Kind) -> Result<Log, Failure> {
    let options = Options { publish_every: Duration::from_hours(1), ..Options::default() };
    let log = place::start(directory, signer(directory)?, kind, CACHE_BYTES, options)?;
    match log.status() {
        Status::Writing => Ok(log),
        Status::ReadOnly(standing) => {
            Err(Failure::does_not_hold(format!("the log is for reading only: {standing}")))
        }
        other => Err(Failure::could_not_tell(format!("the log takes no entries: {other:?}"))),
    }
}

/// Opening signs the head with the keys that sign now, and publishes it.
fn sign_anew(directory: &DataDirectory, kind: Kind) -> Result<Keyring, Failure> {
    open(directory, kind)?.close();
    Keyring::read(directory.path())
}

/// Makes the next key, and announces it in the log.
fn announced(directory: &DataDirectory, kind: Kind, watch: Watch<'_>) -> Result<Rotation, Failure> {
    let old = signer(directory)?;
    let mut seed = zeroize::Zeroizing::new([0; 32]);
    getrandom::fill(&mut *seed).map_err(Failure::could_not_tell)?;
    let next = directory.next_signer(old.name().clone(), &seed).map_err(Failure::could_not_tell)?;
    watch(Point::Made)?;
    let log = open(directory, kind)?;
    let index = submit(&log, &old, next.verifier_key())?;
    watch(Point::Announced)?;
    let rotation = proven(&log, index)?;
    let told = Announcement::read(rotation.entry(), old.name()).map_err(Failure::does_not_hold)?;
    if told.new != *next.verifier_key() || !told.is_signed_by(old.verifier_key()) {
        return Err(Failure::does_not_hold(format!(
            "entry {index} stands under the id of the announcement, and announces another key"
        )));
    }
    log.close();
    Ok(rotation)
}

/// Puts the announcement into the log, unless it is there; its index.
fn submit(log: &Log, old: &Signer, new: &VerifierKey) -> Result<u64, Failure> {
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
    let (record, signatures) = announce(old, new, &now).map_err(Failure::could_not_tell)?;
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(Failure::could_not_tell)?;
    let vouched = Vouched::asserted(&now, SUBMITTER, salt);
    let sealed = seal(&record, Some(&signatures), &vouched).map_err(Failure::could_not_tell)?;
    let entry = Entry::new(sealed.into_bytes()).map_err(Failure::could_not_tell)?;
    let identity = Some(Identity { key: record.key(), digest: record.digest() });
    let mut submission = Submission::new(entry, identity);
    // As every change of a key is noted.
    submission.rows.decisions.push(Arc::new(Announce));
    let waiting = log.submit(vec![submission]).map_err(Failure::could_not_tell)?;
    let answer =
        waiting.blocking_recv().map_err(Failure::could_not_tell)?.map_err(Failure::could_not_tell)?;
    // A conflict is an announcement of the same key at another time: the first one stands.
    let first = answer.outcomes.first().map(Outcome::index);
    first.ok_or_else(|| Failure::could_not_tell("the log did not say where the announcement is"))
}

/// The entry at this index, and the proof under the last checkpoint that the old key signs alone.
fn proven(log: &Log, index: u64) -> Result<Rotation, Failure> {
    let reader = log.reader();
    let checkpoint = reader.committed().checkpoint.clone();
    let entry = reader.entry(index).map_err(Failure::does_not_hold)?;
    let entry = entry.ok_or_else(|| Failure::does_not_hold(format!("entry {index} is missing")))?;
    let proof = reader.inclusion(index, checkpoint.head()).map_err(Failure::does_not_hold)?;
    let proof = TlogProof::new(index, proof.path, &checkpoint).map_err(Failure::does_not_hold)?;
    Ok(Rotation::new(entry, proof))
}

#[cfg(test)]
#[path = "rotate_tests.rs"]
mod tests;
