//! A witness's directory: what lies where, and a witness opened from it.
//!
//! ```text
//! DIR/
//!   lock           held by the one process that runs the witness
//!   witness.json   what this is, and the witness's name
//!   ed25519.key    the signing key, mode 0600
//!   ml-dsa-44.key  the second one, if the witness has one, mode 0600
//!   witness.vkeys  the public keys, one a line
//!   logs           the logs that it knows (C2SP tlog-list)
//!   logs.lock      held by whoever changes that list
//!   running.json   where the witness listens, while it runs
//!   forks/         proofs that logs have forked: copies of those in the store
//!   store/         what it has answered for
//!   answered       how often it has committed, as evidence beside the store
//! ```

use std::path::{Path, PathBuf};
use std::sync::Arc;

use follower::witness::keeper::{Keeper, Limits};
use sequencer::DataDirectory;
use sequencer::directory::DirectoryError;
use serde::{Deserialize, Serialize};
use store::{OpenError, SledOptions, SledStore};
use tlog::cosignature::Cosigner;
use tlog::key::{KeyName, VerifierKey};
use tlog::witness::WitnessKeys;

use super::answered::refuse_behind;
use super::keys::{ANEW, Found};
use crate::cli::Failure;
use crate::place::WITNESS_FILE;

/// Version of the layout above.
const FORMAT: u32 = 1;
const VKEYS: &str = "witness.vkeys";
const RUNNING: &str = "running.json";

/// What a witness is.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Identity {
    format: u32,
    name: String,
}

/// Where a running witness is reached.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RunningAt {
    /// Where it listens.
    pub(super) url: String,
    /// Where others reach it, if that was said.
    pub(super) public: Option<String>,
}

/// A witness's directory, held by this process, with its keys and what it has kept.
pub(super) struct Home {
    pub(super) keeper: Keeper,
    pub(super) keys: Vec<Cosigner>,
    pub(super) name: KeyName,
    /// Whether the keys were made just now.
    pub(super) new: bool,
    directory: DataDirectory,
}

/// Whether a directory could be taken hold of.
pub(super) enum Hold {
    /// It is held by this process now.
    Held(Box<Home>),
    /// The witness in it is running.
    Running,
}

impl Home {
    /// Opens a witness, or makes one of this name if there is none. Blocks on the disk.
    pub(super) fn open(path: &Path, name: Option<&KeyName>, ml_dsa: bool) -> Result<Self, Failure> {
        refuse_a_log(path)?;
        match hold(path)? {
            Some(directory) => Self::of(directory, name, ml_dsa),
            None => Err(Failure::could_not_tell(format!(
                "{} is in use by another deedbook process; one witness has one process",
                path.display()
            ))),
        }
    }

    /// Takes hold of a witness that is there, if it does not run. Blocks on the disk.
    pub(super) fn hold(path: &Path) -> Result<Hold, Failure> {
        identity(path)?.ok_or_else(|| no_witness(path))?;
        Ok(match hold(path)? {
            Some(directory) => Hold::Held(Box::new(Self::of(directory, None, false)?)),
            None => Hold::Running,
        })
    }

    fn of(directory: DataDirectory, name: Option<&KeyName>, ml_dsa: bool) -> Result<Self, Failure> {
        let path = directory.path().to_owned();
        let name = agreed_name(&path, name)?;
        let found = Found::read(&directory)?;
        found.refuse_without_store(&directory)?;
        let store = SledStore::open(&directory.store_path(), &SledOptions::default()).map_err(cannot_open)?;
        let keeper = Keeper::open(Arc::new(store), Limits::default())
            .map_err(|error| Failure::does_not_hold(format!("{}: {error}", path.display())))?;
        let making = found.beside(&directory, &keeper, &name)?;
        refuse_behind(&path, &keeper)?;
        note_identity(&directory, &name)?;
        let keys = making.keys(ml_dsa)?;
        let home = Self { keeper, keys: keys.all, name, new: keys.new, directory };
        home.publish_keys()?;
        Ok(home)
    }

    /// The directory.
    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The public keys, Ed25519 first.
    pub(super) fn vkeys(&self) -> Vec<VerifierKey> {
        self.keys.iter().map(|key| key.verifier_key().clone()).collect()
    }

    /// What runs, and the hold on the directory, which lasts as long as it is kept.
    pub(super) fn into_parts(self) -> Result<(Keeper, WitnessKeys, DataDirectory), Failure> {
        let keys = WitnessKeys::new(self.keys).map_err(Failure::could_not_tell)?;
        Ok((self.keeper, keys, self.directory))
    }

    fn publish_keys(&self) -> Result<(), Failure> {
        let lines = self.vkeys().iter().fold(String::new(), |lines, key| lines + &format!("{key}\n"));
        if std::fs::read_to_string(self.path().join(VKEYS)).is_ok_and(|there| there == lines) {
            return Ok(());
        }
        self.directory.write(VKEYS, lines.as_bytes(), 0o644).map_err(Failure::could_not_tell)
    }
}

/// The directory, if no other process has it.
fn hold(path: &Path) -> Result<Option<DataDirectory>, Failure> {
    match DataDirectory::open(path) {
        Ok(directory) => Ok(Some(directory)),
        Err(DirectoryError::InUse { .. }) => Ok(None),
        Err(error) => Err(Failure::could_not_tell(error)),
    }
}

fn refuse_a_log(path: &Path) -> Result<(), Failure> {
    if path.join("log.json").exists() {
        let words = format!("{} holds a log; a witness has a directory of its own (--data)", path.display());
        return Err(Failure::could_not_tell(words));
    }
    Ok(())
}

/// The witness's name: what is there, or what a new one is to be called. An option that contradicts what is there is a
/// mistake, not a wish.
fn agreed_name(path: &Path, wanted: Option<&KeyName>) -> Result<KeyName, Failure> {
    match (identity(path)?, wanted) {
        (Some(found), Some(wanted)) if found.name != wanted.as_str() => {
            Err(Failure::could_not_tell(format!(
                "{} is the witness {}; its name is chosen when it is made, for good. Leave --name out, or use another --data",
                path.display(),
                found.name
            )))
        }
        (Some(found), _) => found.name.parse().map_err(Failure::could_not_tell),
        (None, None) => Err(Failure::could_not_tell(
            "a new witness needs a name, for good: --name, a URL prefix without scheme such as witness.example.org/w1",
        )),
        (None, Some(wanted)) => Ok(wanted.clone()),
    }
}

/// Notes the name, which the store and the keys do not contradict.
fn note_identity(directory: &DataDirectory, name: &KeyName) -> Result<(), Failure> {
    if identity(directory.path())?.is_some() {
        return Ok(());
    }
    let identity = Identity { format: FORMAT, name: name.to_string() };
    let mut text = serde_json::to_vec(&identity).map_err(Failure::could_not_tell)?;
    text.push(b'\n');
    directory.write(WITNESS_FILE, &text, 0o644).map_err(Failure::could_not_tell)
}

fn identity(path: &Path) -> Result<Option<Identity>, Failure> {
    let file = path.join(WITNESS_FILE);
    let failed = |why: &dyn std::fmt::Display| Failure::could_not_tell(format!("{}: {why}", file.display()));
    let text = match std::fs::read(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(&error)),
    };
    let identity: Identity = serde_json::from_slice(&text).map_err(|error| failed(&error))?;
    if identity.format == FORMAT {
        Ok(Some(identity))
    } else {
        Err(failed(&"the directory was written by another version of this program"))
    }
}

/// A log's store is remade from a backup, and a witness's never.
fn cannot_open(error: OpenError) -> Failure {
    match error {
        OpenError::Damaged { .. } => {
            Failure::does_not_hold(format!("{error}; do not put an old copy of it back, but {ANEW}"))
        }
        other => Failure::could_not_tell(other),
    }
}

fn no_witness(path: &Path) -> Failure {
    Failure::could_not_tell(format!("{} holds no witness (deedbook witness run makes one)", path.display()))
}

/// The public keys of the witness in a directory, which may run.
pub(super) fn vkeys(path: &Path) -> Result<Vec<VerifierKey>, Failure> {
    let file = path.join(VKEYS);
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(no_witness(path)),
        Err(error) => return Err(Failure::could_not_tell(format!("{}: {error}", file.display()))),
    };
    let keys = text.lines().map(VerifierKey::parse).collect::<Result<_, _>>();
    keys.map_err(|error| Failure::could_not_tell(format!("{}: {error}", file.display())))
}

/// Where the list of logs is.
pub(super) fn list_path(path: &Path) -> PathBuf {
    path.join("logs")
}

/// Where the proofs of forks are copied to.
pub(super) fn forks_path(path: &Path) -> PathBuf {
    path.join("forks")
}

/// Notes where the running witness is reached.
pub(super) fn note_running(directory: &DataDirectory, at: &RunningAt) -> Result<(), Failure> {
    let text = serde_json::to_vec(at).map_err(Failure::could_not_tell)?;
    directory.write(RUNNING, &text, 0o644).map_err(Failure::could_not_tell)
}

/// Where the running witness is reached.
pub(super) fn running_at(path: &Path) -> Result<RunningAt, Failure> {
    let file = path.join(RUNNING);
    let failed = |why: &dyn std::fmt::Display| Failure::could_not_tell(format!("{}: {why}", file.display()));
    let text = std::fs::read(&file).map_err(|error| failed(&error))?;
    serde_json::from_slice(&text).map_err(|error| failed(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_a_damaged_store_is_not_told_to_put_an_old_one_back() {
        let damaged = OpenError::Damaged { path: "w/store".into(), what: "checksum".into() };
        let words = cannot_open(damaged).words;
        assert!(words.contains("make a new witness") && !words.contains("restore"), "{words}");
    }
}
