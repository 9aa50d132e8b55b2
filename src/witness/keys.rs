//! A witness's keys: made once, and used only beside the store that they were made with.
//!
//! The store is told of a key before its file is written, and again when it is there ([`Owner`]). So a first start that was
//! broken off is gone on with, and whoever has lost the store, a key, or has mixed up two witnesses is told so: a key that
//! signs beside another store than its own signs second histories.

use follower::witness::keeper::{Counts, Keeper, OwnedKey, Owner};
use sequencer::DataDirectory;
use tlog::cosignature::Cosigner;
use tlog::key::{KeyName, KeyType, VerifierKey};

use crate::cli::Failure;

/// What to do when nothing else helps.
pub(super) const ANEW: &str =
    "make a new witness with another name in another --data, and tell those who believe this one";

/// A key that a witness may have.
#[derive(Clone, Copy)]
enum Kind {
    Ed25519,
    MlDsa44,
}

impl Kind {
    const ALL: [Self; 2] = [Self::Ed25519, Self::MlDsa44];

    const fn file(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519.key",
            Self::MlDsa44 => "ml-dsa-44.key",
        }
    }

    const fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => KeyType::Cosignature.byte(),
            Self::MlDsa44 => KeyType::MlDsa44.byte(),
        }
    }

    fn of_seed(self, name: KeyName, seed: &[u8; 32]) -> Cosigner {
        match self {
            Self::Ed25519 => Cosigner::from_seed(name, seed),
            Self::MlDsa44 => Cosigner::ml_dsa_44(name, seed),
        }
    }
}

/// The files of keys in a directory, read.
pub(super) struct Found([Option<Cosigner>; 2]);

/// A witness's keys, which may sign.
pub(super) struct Keys {
    /// Ed25519 first.
    pub(super) all: Vec<Cosigner>,
    /// Whether the first was made just now.
    pub(super) new: bool,
}

impl Found {
    /// Reads what is there. Blocks on the disk.
    pub(super) fn read(directory: &DataDirectory) -> Result<Self, Failure> {
        let [one, other] = Kind::ALL.map(|kind| read(directory, kind));
        Ok(Self([one?, other?]))
    }

    /// A witness that has a key may have cosigned. Without a store it does not begin again, and none is made.
    pub(super) fn refuse_without_store(&self, directory: &DataDirectory) -> Result<(), Failure> {
        if directory.store_path().join("db").exists() { Ok(()) } else { self.refuse_strangers(directory) }
    }

    /// Holds them against whose store this is. Nothing is written.
    pub(super) fn beside<'a>(
        self,
        directory: &'a DataDirectory,
        keeper: &'a Keeper,
        name: &'a KeyName,
    ) -> Result<Making<'a>, Failure> {
        let owner = match keeper.owner() {
            Some(owner) if owner.name() == name.as_str() => owner,
            Some(owner) => return Err(of_another(directory, name, &owner)),
            None => {
                refuse_used(directory, keeper)?;
                self.refuse_strangers(directory)?;
                Owner::new(name)
            }
        };
        Ok(Making { directory, keeper, name, owner, found: self.0 })
    }

    /// Beside a store that does not know them, keys are not used.
    fn refuse_strangers(&self, directory: &DataDirectory) -> Result<(), Failure> {
        let Some((kind, _)) = Kind::ALL.iter().zip(&self.0).find(|(_, key)| key.is_some()) else {
            return Ok(());
        };
        Err(Failure::does_not_hold(format!(
            "{} has a key ({}), and what it has answered for is gone: store/ is missing or empty. With this key it must \
             not cosign again: {ANEW}",
            directory.path().display(),
            kind.file()
        )))
    }
}

fn refuse_used(directory: &DataDirectory, keeper: &Keeper) -> Result<(), Failure> {
    if keeper.counts() == (Counts { logs: 0, contradictions: 0 }) {
        return Ok(());
    }
    Err(Failure::could_not_tell(format!(
        "{} has answered for logs, and does not say for which witness; {ANEW}",
        directory.store_path().display()
    )))
}

fn of_another(directory: &DataDirectory, name: &KeyName, owner: &Owner) -> Failure {
    Failure::could_not_tell(format!(
        "{} is the witness {name}, and the store in it is that of {}: put each where it was, or {ANEW}",
        directory.path().display(),
        owner.name()
    ))
}

/// Why a key cannot be used, or no other made in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    /// It was there, and may have signed.
    Lost,
    /// Another is there.
    Another,
    /// The store was never told of it.
    Unknown,
}

/// What to do about a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// There is none, and none is wanted.
    Leave,
    /// Make one.
    Make,
    /// It was written, and the store is to be told so.
    Tell,
    /// Use it.
    Use,
}

/// Decides by what the store was told of a key, by its file, and by whether one is wanted.
fn decide(said: Option<&OwnedKey>, found: Option<&VerifierKey>, wanted: bool) -> Result<Step, Wrong> {
    match (said, found) {
        (Some(said), None) if said.is_written() => Err(Wrong::Lost),
        (_, None) => Ok(if wanted { Step::Make } else { Step::Leave }),
        (None, Some(_)) => Err(Wrong::Unknown),
        (Some(said), Some(found)) if !said.is(found) => Err(Wrong::Another),
        (Some(said), Some(_)) => Ok(if said.is_written() { Step::Use } else { Step::Tell }),
    }
}

/// A witness whose keys are looked at, and made, one after the other.
pub(super) struct Making<'a> {
    directory: &'a DataDirectory,
    keeper: &'a Keeper,
    name: &'a KeyName,
    owner: Owner,
    found: [Option<Cosigner>; 2],
}

impl Making<'_> {
    /// The keys, made where that was begun, or is to be begun. Blocks on the disk.
    pub(super) fn keys(mut self, ml_dsa: bool) -> Result<Keys, Failure> {
        let [ed25519, second] = std::mem::take(&mut self.found);
        let new = ed25519.is_none();
        let first = self.key(Kind::Ed25519, ed25519, true)?;
        let second = self.key(Kind::MlDsa44, second, ml_dsa)?;
        Ok(Keys { all: first.into_iter().chain(second).collect(), new })
    }

    fn key(
        &mut self,
        kind: Kind,
        found: Option<Cosigner>,
        wanted: bool,
    ) -> Result<Option<Cosigner>, Failure> {
        let vkey = found.as_ref().map(Cosigner::verifier_key);
        match decide(self.owner.key(kind.byte()), vkey, wanted).map_err(|wrong| self.wrong(kind, wrong))? {
            Step::Leave | Step::Use => Ok(found),
            Step::Make => self.make(kind).map(Some),
            Step::Tell => {
                if let Some(vkey) = vkey {
                    self.tell(self.owner.clone().having(vkey))?;
                }
                Ok(found)
            }
        }
    }

    /// Whenever the power is cut, the next start goes on: a key that was announced alone has signed nothing.
    fn make(&mut self, kind: Kind) -> Result<Cosigner, Failure> {
        let mut seed = zeroize::Zeroizing::new([0; 32]);
        getrandom::fill(&mut *seed).map_err(Failure::could_not_tell)?;
        let key = kind.of_seed(self.name.clone(), &seed);
        self.tell(self.owner.clone().announcing(key.verifier_key()))?;
        let mut line = key.to_skey();
        line.push('\n');
        let file = self.directory.private_file(kind.file());
        file.replace(line.as_bytes()).map_err(Failure::could_not_tell)?;
        self.tell(self.owner.clone().having(key.verifier_key()))?;
        Ok(key)
    }

    fn tell(&mut self, owner: Owner) -> Result<(), Failure> {
        self.keeper.own_blocking(owner.clone()).map_err(Failure::could_not_tell)?;
        self.owner = owner;
        Ok(())
    }

    fn wrong(&self, kind: Kind, wrong: Wrong) -> Failure {
        let (path, file) = (self.directory.path().display(), kind.file());
        Failure::could_not_tell(match wrong {
            Wrong::Lost => format!(
                "{path} has no {file} any more, and had one; put that key back from its backup, or {ANEW}"
            ),
            Wrong::Another => format!(
                "{path}/{file} is another key than the one that this witness was made with; put that one back, or {ANEW}"
            ),
            Wrong::Unknown => format!(
                "{path}/{file} was not made for this witness, and may have cosigned elsewhere; take it away (--ml-dsa \
                 makes one), or {ANEW}"
            ),
        })
    }
}

fn read(directory: &DataDirectory, kind: Kind) -> Result<Option<Cosigner>, Failure> {
    let file = directory.private_file(kind.file());
    let Some(text) = file.read().map_err(Failure::could_not_tell)?.map(zeroize::Zeroizing::new) else {
        return Ok(None);
    };
    let text = std::str::from_utf8(text.trim_ascii_end()).unwrap_or_default();
    Cosigner::from_skey(text).map(Some).map_err(|error| {
        Failure::could_not_tell(format!("{} is no key of a witness: {error}", file.path().display()))
    })
}

#[cfg(test)]
mod tests;
