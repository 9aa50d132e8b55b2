//! How each log was followed, as it is told to whoever asks: in a file for the command line, and in memory for HTTP.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use follower::witness::keeper::OriginId;
use serde::{Deserialize, Serialize};
use server::mirror::{Standing, Standings};
use tlog::key::KeyName;

use super::pull::Turn;
use super::trouble::Trouble;
use crate::cli::Failure;

/// How often the way of a copy is noted in the file.
const NOTED_EVERY: Duration = Duration::from_secs(1);

/// What is wrong with a log that is pushed, if its files do not lead to its checkpoint.
const DAMAGED: &str = "files of the copy are damaged; move them away and have the log pushed again, or read it with --log, which mends them";

/// What is wrong with a log that is pushed, if it has signed two histories.
const FORKED: &str = "the log has two histories, and the proof is in forks; the copy stays on the first one";

/// What is known of a log.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Told {
    pub(super) origin: String,
    /// Where it is read.
    pub(super) place: String,
    /// Size of the mirror's checkpoint.
    pub(super) size: Option<u64>,
    pub(super) root: Option<String>,
    /// What the log showed when it was looked at last.
    pub(super) log_size: Option<u64>,
    /// Entries that are held while they are copied, up to what the log showed.
    #[serde(default)]
    pub(super) copied: Option<u64>,
    /// When (RFC 3339).
    pub(super) looked: Option<String>,
    /// What is wrong.
    pub(super) problem: Option<String>,
    /// Since when.
    pub(super) since: Option<String>,
    /// Whether it is the log's doing.
    #[serde(default)]
    pub(super) broken: bool,
    /// What is wrong with files of the copy.
    #[serde(default)]
    pub(super) damage: Option<String>,
    #[serde(skip)]
    cannot_keep: bool,
    #[serde(skip)]
    written: Option<Instant>,
}

impl Told {
    /// Entries that the log has shown beyond what is here.
    pub(super) fn behind(&self) -> u64 {
        self.log_size.unwrap_or(0).saturating_sub(self.size.unwrap_or(0))
    }
}

/// All logs of a mirror.
pub(super) struct Board {
    folder: PathBuf,
    all: Mutex<BTreeMap<KeyName, Told>>,
}

impl Board {
    /// In this mirror's directory.
    pub(super) fn new(data: &Path) -> Arc<Self> {
        Arc::new(Self { folder: folder(data), all: Mutex::default() })
    }

    /// Notes what is held, before anything was looked at.
    pub(super) fn opened(&self, origin: &KeyName, place: &str, held: Option<tlog::Head>) {
        let told = Told { origin: origin.to_string(), place: place.to_owned(), ..Told::default() };
        let told = with_head(told, held);
        self.write(origin, &told);
        self.lock().insert(origin.clone(), told);
    }

    /// Forgets what was noted of logs that are not mirrored any more. Their copies stay.
    pub(super) fn forget_others(&self) {
        let ours: Vec<PathBuf> = self.lock().keys().map(|origin| self.file(origin)).collect();
        for entry in std::fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            if !ours.contains(&entry.path())
                && let Err(error) = std::fs::remove_file(entry.path())
            {
                tracing::warn!(%error, "what was noted of a log that is not mirrored any more cannot be removed");
            }
        }
    }

    /// Where is noted how a log stands.
    fn file(&self, origin: &KeyName) -> PathBuf {
        self.folder.join(OriginId::of(origin).to_string()).with_extension("json")
    }

    /// Notes what came of a look; whether there is a problem that was not there before.
    pub(super) fn looked(
        &self,
        origin: &KeyName,
        held: Option<tlog::Head>,
        outcome: &Result<Turn, Trouble>,
        now: &str,
    ) -> bool {
        let mut all = self.lock();
        let Some(before) = all.get(origin).cloned() else { return false };
        let looked = Told { looked: Some(now.to_owned()), copied: None, ..before.clone() };
        let mut told = with_head(looked, held);
        match outcome {
            Ok(turn) => {
                told.log_size = Some(turn.shown);
                (told.problem, told.since, told.broken, told.cannot_keep) = (None, None, false, false);
            }
            Err(trouble) => {
                told.log_size = trouble.shown().or(told.log_size);
                told.problem = Some(trouble.to_string());
                told.since = before.since.or_else(|| Some(now.to_owned()));
                (told.broken, told.cannot_keep) = (trouble.is_broken(), trouble.is_ours());
            }
        }
        let new = told.problem.is_some() && told.problem != before.problem;
        self.write(origin, &told);
        all.insert(origin.clone(), told);
        new
    }

    /// Notes how a log stands that is pushed: what is shown and held, the largest size that is pending, and whether it is proven
    /// that it has forked.
    pub(super) fn pushed(
        &self,
        origin: &KeyName,
        shown: Option<tlog::Head>,
        held: Option<u64>,
        pending: Option<u64>,
        forked: bool,
        now: &str,
    ) {
        let mut all = self.lock();
        let Some(told) = all.get_mut(origin) else { return };
        let size = shown.map(|head| head.size);
        let (log_size, copied) = (pending.max(size), held.filter(|held| Some(*held) > size));
        let cannot_keep = held.is_none();
        let before = (told.size, told.log_size, told.copied, told.cannot_keep, told.broken);
        if before == (size, log_size, copied, cannot_keep, forked) {
            return;
        }
        (told.log_size, told.copied, told.looked) = (log_size, copied, Some(now.to_owned()));
        (told.cannot_keep, told.broken) = (cannot_keep, forked);
        let problem = if cannot_keep { Some(DAMAGED) } else { forked.then_some(FORKED) };
        told.problem = problem.map(str::to_owned);
        told.since = told.problem.as_ref().map(|_| told.since.take().unwrap_or_else(|| now.to_owned()));
        *told = with_head(told.clone(), shown);
        self.write(origin, told);
    }

    /// Notes how far a copy has come; in the file every second.
    pub(super) fn copying(&self, origin: &KeyName, done: u64, of: u64) {
        if let Some(told) = self.lock().get_mut(origin) {
            (told.copied, told.log_size) = (Some(done), Some(of));
            if told.written.is_none_or(|written| written.elapsed() >= NOTED_EVERY) {
                told.written = Some(Instant::now());
                self.write(origin, told);
            }
        }
    }

    /// Notes what came of reading the copy again.
    pub(super) fn checked(&self, origin: &KeyName, damage: Option<&Trouble>) {
        if let Some(told) = self.lock().get_mut(origin) {
            told.damage = damage.map(ToString::to_string);
            self.write(origin, told);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<KeyName, Told>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For `mirror logs`. Nothing depends on it, so a full disk is no reason to stop.
    fn write(&self, origin: &KeyName, told: &Told) {
        let path = self.file(origin);
        let write = || {
            std::fs::create_dir_all(&self.folder)?;
            let temporary = path.with_extension("new");
            std::fs::write(&temporary, serde_json::to_vec(told)?)?;
            std::fs::rename(&temporary, path)
        };
        if let Err(error) = write() {
            tracing::debug!(%error, "how a log stands could not be noted");
        }
    }
}

fn with_head(told: Told, held: Option<tlog::Head>) -> Told {
    Told { size: held.map(|head| head.size), root: held.map(|head| head.root.to_string()), ..told }
}

fn folder(data: &Path) -> PathBuf {
    data.join("status")
}

/// What the mirror in a directory has noted of its logs, in the order of their names.
pub(super) fn noted(data: &Path) -> Result<Vec<Told>, Failure> {
    let folder = folder(data);
    let failed =
        |why: &dyn std::fmt::Display| Failure::could_not_tell(format!("{}: {why}", folder.display()));
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(vec![]),
        Err(error) => return Err(failed(&error)),
    };
    let mut all = vec![];
    for entry in entries {
        let path = entry.map_err(|error| failed(&error))?.path();
        if path.extension().is_none_or(|ending| ending != "json") {
            continue;
        }
        let text = std::fs::read(&path).map_err(|error| failed(&error))?;
        all.push(serde_json::from_slice::<Told>(&text).map_err(|error| failed(&error))?);
    }
    all.sort_by(|a, b| a.origin.cmp(&b.origin));
    Ok(all)
}

impl Standings for Board {
    fn all(&self) -> Vec<Standing> {
        let standing = |told: &Told| Standing {
            origin: told.origin.clone(),
            size: told.size,
            behind: told.behind(),
            problem: told.damage.clone().or_else(|| told.problem.clone()),
            broken: told.broken,
            cannot_keep: told.cannot_keep || told.damage.is_some(),
        };
        self.lock().values().map(standing).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_is_read_by_others_and_what_is_over_is_gone() {
        let home = tempfile::tempdir().unwrap();
        let board = Board::new(home.path());
        let log: KeyName = "log.test/one".parse().unwrap();
        let head = |size| Some(tlog::Head { size, root: tlog::Hash::EMPTY });
        let noted = || noted(home.path()).unwrap().remove(0);
        let standing = || board.all().remove(0);
        board.opened(&log, "somewhere", head(5));
        assert_eq!((noted().size, noted().behind(), standing().problem), (Some(5), 0, None));
        board.copying(&log, 7, 20);
        assert_eq!((noted().copied, noted().behind(), standing().behind), (Some(7), 15, 15));

        let trouble = |broken| {
            if broken {
                Trouble::broken("it forked", 9)
            } else {
                Trouble::Ours("the disk is full".to_owned())
            }
        };
        assert!(board.looked(&log, head(5), &Err(trouble(true)), "one"), "that is new");
        assert!(!board.looked(&log, head(5), &Err(trouble(true)), "two"), "that is not");
        assert_eq!(
            (noted().copied, noted().log_size, noted().since.as_deref()),
            (None, Some(9), Some("one"))
        );
        assert!(noted().broken && standing().broken && !standing().cannot_keep);
        assert!(board.looked(&log, head(5), &Err(trouble(false)), "three"));
        assert!(!noted().broken && standing().cannot_keep);
        let well = Ok(Turn { shown: 20, copied: 15 });
        assert!(!board.looked(&log, head(20), &well, "four"));
        assert_eq!((noted().problem, noted().since, noted().size), (None, None, Some(20)));

        board.pushed(&log, head(20), Some(20), None, true, "six");
        assert!(noted().broken && standing().problem.is_some(), "a proof that it has forked is kept");
        board.pushed(&log, head(20), Some(20), None, false, "seven");
        assert_eq!((noted().problem, noted().since, noted().broken), (None, None, false));

        board.checked(&log, Some(&trouble(false)));
        board.looked(&log, head(20), &well, "five");
        assert!(noted().damage.is_some() && standing().cannot_keep, "a look does not end it");
        board.checked(&log, None);
        assert_eq!((noted().damage, standing().problem, standing().cannot_keep), (None, None, false));
    }

    #[test]
    fn what_was_noted_of_a_log_that_is_mirrored_no_more_is_forgotten() {
        let home = tempfile::tempdir().unwrap();
        let [one, other]: [KeyName; 2] = ["log.test/one", "log.test/other"].map(|name| name.parse().unwrap());
        let board = Board::new(home.path());
        board.forget_others();
        for log in [&one, &other] {
            board.opened(log, "somewhere", None);
        }
        board.looked(&other, None, &Err(Trouble::broken("it forked", 9)), "one");
        board.forget_others();
        assert_eq!(noted(home.path()).unwrap().len(), 2);
        let board = Board::new(home.path());
        board.opened(&one, "somewhere", None);
        board.forget_others();
        let left: Vec<String> = noted(home.path()).unwrap().into_iter().map(|told| told.origin).collect();
        assert_eq!(left, ["log.test/one"]);
    }
}
