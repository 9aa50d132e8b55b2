//! What is known of a log's newest head when it is restored: by the files beside its store, by a backup, by whoever names one.

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use sequencer::DataDirectory;
use sequencer::publisher::Evidence as _;
use tlog::checkpoint::SignedCheckpoint;
use tlog::key::VerifierKey;

use crate::cli::{Failure, read_input};

/// What is known of the newest head.
pub(super) struct Known {
    pub(super) newest: Option<SignedCheckpoint>,
    /// Whether anybody but the copy vouches for it.
    vouched: bool,
    /// Whether a head was named in the place of what everybody was shown, which cannot be understood.
    forget_published: bool,
}

/// What a file beside the store says.
enum Noted {
    Nothing,
    Head(SignedCheckpoint),
    /// It is no checkpoint of this log.
    Spoilt,
}

fn noted(
    file: &'static str,
    bytes: io::Result<Option<Bytes>>,
    keys: &[VerifierKey],
) -> Result<Noted, Failure> {
    let bytes = bytes.map_err(|error| Failure::could_not_tell(format!("{file}: {error}")))?;
    Ok(match bytes.map(|bytes| SignedCheckpoint::open_any(bytes, keys)) {
        None => Noted::Nothing,
        Some(Ok(checkpoint)) => Noted::Head(checkpoint),
        Some(Err(error)) => {
            tracing::warn!(%error, "the file `{file}` is not a checkpoint of this log; --newest names one in its place");
            Noted::Spoilt
        }
    })
}

impl Known {
    /// From the directory itself, and from what somebody named.
    pub(super) fn gather(
        directory: &DataDirectory,
        keys: &[VerifierKey],
        named: &[PathBuf],
    ) -> Result<Self, Failure> {
        let mut known = Self { newest: None, vouched: !named.is_empty(), forget_published: false };
        for path in named {
            let checkpoint = SignedCheckpoint::open_any(read_input(path)?, keys).map_err(|error| {
                Failure::could_not_tell(format!("{}: not a checkpoint of this log: {error}", path.display()))
            })?;
            known.reaches(&checkpoint);
        }
        let files = directory.head_file();
        if let Noted::Head(checkpoint) = noted("head", files.newest(), keys)? {
            known.vouched = true;
            known.reaches(&checkpoint);
        }
        // What everybody was shown may be older than what anybody was: it does not vouch for being the newest.
        match noted("published", files.published(), keys)? {
            Noted::Head(checkpoint) => known.reaches(&checkpoint),
            Noted::Spoilt => known.forget_published = !named.is_empty(),
            Noted::Nothing => {}
        }
        Ok(known)
    }

    /// What a backup noted beside the log: it may be newer than the copy, and vouches for nothing.
    pub(super) fn also(&mut self, path: &Path, keys: &[VerifierKey]) {
        let noted = std::fs::read(path).ok().map(|bytes| SignedCheckpoint::open_any(bytes, keys));
        if let Some(Ok(checkpoint)) = noted {
            self.reaches(&checkpoint);
        }
    }

    pub(super) fn reaches(&mut self, checkpoint: &SignedCheckpoint) {
        if self.newest.as_ref().is_none_or(|newest| newest.size() < checkpoint.size()) {
            self.newest = Some(checkpoint.clone());
        }
    }

    /// Writes it down, if anybody vouches for it.
    pub(super) fn note(&self, directory: &DataDirectory) -> Result<(), Failure> {
        let failed = |error| Failure::could_not_tell(format!("head: {error}"));
        if let Some(newest) = self.newest.as_ref().filter(|_| self.vouched) {
            directory.head_file().note(newest).map_err(failed)?;
        }
        if self.forget_published {
            directory.forget_published().map_err(Failure::could_not_tell)?;
        }
        Ok(())
    }
}
