//! The directory of a witness or a mirror: what lies where, and what runs opened from it. Both cosign under keys of their own, and
//! remember for what: the store.
//!
//! ```text
//! DIR/
//!   lock           held by the one process that runs the witness
//!   witness.json   what this is, and its name (mirror.json)
//!   ed25519.key    the signing key, mode 0600
//!   ml-dsa-44.key  the second one, if there is one, mode 0600
//!   witness.vkeys  the public keys, one a line (mirror.vkeys)
//!   logs           the logs that a witness knows (C2SP tlog-list); the copies of a mirror, a folder each
//!   logs.lock      held by whoever changes that list
//!   running.json   where it listens, while it runs
//!   forks/         proofs that logs have forked: copies of those in the store
//!   store/         what it has answered for
//!   status/        how the logs of a mirror were followed
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
use super::keys::{Found, anew};
use crate::cli::{Failure, Verdict};
use crate::place::{MIRROR_FILE, WITNESS_FILE};
use crate::print::{Printer, json_line, text_line};

/// Version of the layout above.
const FORMAT: u32 = 1;
const RUNNING: &str = "running.json";

/// What runs in a directory.
#[derive(Debug)]
pub(crate) struct Kind {
    /// What it is called, and the verb that runs it.
    pub(crate) word: &'static str,
    /// The file that says what it is.
    file: &'static str,
    /// The file with the public keys.
    vkeys: &'static str,
    /// A name for one.
    example: &'static str,
}

/// A witness.
pub(crate) const WITNESS: Kind =
    Kind { word: "witness", file: WITNESS_FILE, vkeys: "witness.vkeys", example: "witness.example.org/w1" };

/// A mirror.
pub(crate) const MIRROR: Kind =
    Kind { word: "mirror", file: MIRROR_FILE, vkeys: "mirror.vkeys", example: "mirror.example.org/m1" };

/// What it is, and its name.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Identity {
    format: u32,
    name: String,
}

/// Where it is reached while it runs.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RunningAt {
    /// Where it listens.
    pub(crate) url: String,
    /// Where others reach it, if that was said.
    pub(crate) public: Option<String>,
}

/// A directory, held by this process, with its keys and what it has kept.
pub(crate) struct Home {
    kind: &'static Kind,
    pub(crate) keeper: Keeper,
    pub(crate) keys: Vec<Cosigner>,
    pub(crate) name: KeyName,
    /// Whether the keys were made just now.
    pub(crate) new: bool,
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
    /// Opens a witness or a mirror, or makes one of this name if there is none. Blocks on the disk.
    pub(crate) fn open(
        kind: &'static Kind,
        path: &Path,
        name: Option<&KeyName>,
        ml_dsa: bool,
    ) -> Result<Self, Failure> {
        refuse_others(kind, path)?;
        match hold(path)? {
            Some(directory) => Self::of(kind, directory, name, ml_dsa),
            None => Err(Failure::could_not_tell(format!(
                "{} is in use by another deedbook process; one {} has one process",
                path.display(),
                kind.word
            ))),
        }
    }

    /// Takes hold of a witness that is there, if it does not run. Blocks on the disk.
    pub(super) fn hold(path: &Path) -> Result<Hold, Failure> {
        identity(&WITNESS, path)?.ok_or_else(|| nothing(&WITNESS, path))?;
        Ok(match hold(path)? {
            Some(directory) => Hold::Held(Box::new(Self::of(&WITNESS, directory, None, false)?)),
            None => Hold::Running,
        })
    }

    fn of(
        kind: &'static Kind,
        directory: DataDirectory,
        name: Option<&KeyName>,
        ml_dsa: bool,
    ) -> Result<Self, Failure> {
        let path = directory.path().to_owned();
        let name = agreed_name(kind, &path, name)?;
        let found = Found::read(kind.word, &directory)?;
        found.refuse_without_store(&directory)?;
        let store = SledStore::open(&directory.store_path(), &SledOptions::default());
        let store = store.map_err(|error| cannot_open(kind, error))?;
        let keeper = Keeper::open(Arc::new(store), Limits::default())
            .map_err(|error| Failure::does_not_hold(format!("{}: {error}", path.display())))?;
        let making = found.beside(&directory, &keeper, &name)?;
        refuse_behind(kind.word, &path, &keeper)?;
        note_identity(kind, &directory, &name)?;
        let keys = making.keys(ml_dsa)?;
        let home = Self { kind, keeper, keys: keys.all, name, new: keys.new, directory };
        home.publish_keys()?;
        Ok(home)
    }

    /// The directory.
    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The public keys, Ed25519 first.
    pub(crate) fn vkeys(&self) -> Vec<VerifierKey> {
        self.keys.iter().map(|key| key.verifier_key().clone()).collect()
    }

    /// What runs, and the hold on the directory, which lasts as long as it is kept.
    pub(crate) fn into_parts(self) -> Result<(Keeper, WitnessKeys, DataDirectory), Failure> {
        let keys = WitnessKeys::new(self.keys).map_err(Failure::could_not_tell)?;
        Ok((self.keeper, keys, self.directory))
    }

    fn publish_keys(&self) -> Result<(), Failure> {
        let lines = self.vkeys().iter().fold(String::new(), |lines, key| lines + &format!("{key}\n"));
        if std::fs::read_to_string(self.path().join(self.kind.vkeys)).is_ok_and(|there| there == lines) {
            return Ok(());
        }
        self.directory.write(self.kind.vkeys, lines.as_bytes(), 0o644).map_err(Failure::could_not_tell)
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

/// Nothing else lives in the directory of a witness or a mirror.
fn refuse_others(kind: &Kind, path: &Path) -> Result<(), Failure> {
    let other = [("log.json", "log"), (WITNESS.file, WITNESS.word), (MIRROR.file, MIRROR.word)];
    let there = other.into_iter().find(|(file, _)| *file != kind.file && path.join(file).exists());
    let Some((_, word)) = there else { return Ok(()) };
    let words =
        format!("{} holds a {word}; a {} has a directory of its own (--data)", path.display(), kind.word);
    Err(Failure::could_not_tell(words))
}

/// The name: what is there, or what a new one is to be called. An option that contradicts what is there is a
/// mistake, not a wish.
fn agreed_name(kind: &Kind, path: &Path, wanted: Option<&KeyName>) -> Result<KeyName, Failure> {
    match (identity(kind, path)?, wanted) {
        (Some(found), Some(wanted)) if found.name != wanted.as_str() => {
            Err(Failure::could_not_tell(format!(
                "{} is the {} {}; its name is chosen when it is made, for good. Leave --name out, or use another --data",
                path.display(),
                kind.word,
                found.name
            )))
        }
        (Some(found), _) => found.name.parse().map_err(Failure::could_not_tell),
        (None, None) => Err(Failure::could_not_tell(format!(
            "a new {} needs a name, for good: --name, a URL prefix without scheme such as {}",
            kind.word, kind.example
        ))),
        (None, Some(wanted)) => Ok(wanted.clone()),
    }
}

/// Notes the name, which the store and the keys do not contradict.
fn note_identity(kind: &Kind, directory: &DataDirectory, name: &KeyName) -> Result<(), Failure> {
    if identity(kind, directory.path())?.is_some() {
        return Ok(());
    }
    let identity = Identity { format: FORMAT, name: name.to_string() };
    let mut text = serde_json::to_vec(&identity).map_err(Failure::could_not_tell)?;
    text.push(b'\n');
    directory.write(kind.file, &text, 0o644).map_err(Failure::could_not_tell)
}

fn identity(kind: &Kind, path: &Path) -> Result<Option<Identity>, Failure> {
    let file = path.join(kind.file);
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

/// A log's store is remade from a backup, and that of whoever cosigns never.
fn cannot_open(kind: &Kind, error: OpenError) -> Failure {
    match error {
        OpenError::Damaged { .. } => {
            let anew = anew(kind.word);
            Failure::does_not_hold(format!("{error}; do not put an old copy of it back, but {anew}"))
        }
        other => Failure::could_not_tell(other),
    }
}

fn nothing(kind: &Kind, path: &Path) -> Failure {
    let (path, word) = (path.display(), kind.word);
    Failure::could_not_tell(format!("{path} holds no {word} (deedbook {word} run makes one)"))
}

/// The public keys of the witness or mirror in a directory, which may run.
pub(crate) fn vkeys(kind: &Kind, path: &Path) -> Result<Vec<VerifierKey>, Failure> {
    let file = path.join(kind.vkeys);
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(nothing(kind, path)),
        Err(error) => return Err(Failure::could_not_tell(format!("{}: {error}", file.display()))),
    };
    let keys = text.lines().map(VerifierKey::parse).collect::<Result<_, _>>();
    keys.map_err(|error| Failure::could_not_tell(format!("{}: {error}", file.display())))
}

#[derive(Serialize)]
struct Keys<'a> {
    vkeys: &'a [String],
}

/// Prints the public keys.
pub(crate) fn show_keys(kind: &Kind, path: &Path, printer: Printer) -> Result<Verdict, Failure> {
    let vkeys: Vec<String> = vkeys(kind, path)?.iter().map(ToString::to_string).collect();
    if printer.json {
        json_line(&Keys { vkeys: &vkeys });
    } else {
        vkeys.iter().for_each(|vkey| text_line(vkey));
    }
    Ok(Verdict::Holds)
}

/// Where the list of logs is.
pub(super) fn list_path(path: &Path) -> PathBuf {
    path.join("logs")
}

/// Where the proofs of forks are copied to.
pub(super) fn forks_path(path: &Path) -> PathBuf {
    path.join("forks")
}

/// Notes where it is reached while it runs.
pub(crate) fn note_running(directory: &DataDirectory, at: &RunningAt) -> Result<(), Failure> {
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
        for kind in [&WITNESS, &MIRROR] {
            let damaged = OpenError::Damaged { path: "w/store".into(), what: "checksum".into() };
            let words = cannot_open(kind, damaged).words;
            let anew = format!("make a new {}", kind.word);
            assert!(words.contains(&anew) && !words.contains("restore"), "{words}");
        }
    }
}
