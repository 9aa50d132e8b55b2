//! A log's directory, opened: the one place that knows of what a running log is made.
//!
//! Files and keys as `sequencer::directory` lays them out, sled inside, the machine's clock and chance.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ::lookup::Lookups;
use ::record::Places;
use sequencer::log::Status;
use sequencer::publisher::Evidence as _;
use sequencer::witnesses::Witnessing;
use sequencer::{DataDirectory, Kind, Log, LogIdentity, LogKeys, Options};
use server::limits::Timeouts;
use server::metrics::Metrics;
use server::{App, Clerk, Config, Custody, Following, SystemClock};
use store::{OpenError, SledOptions, SledStore};
use tlog::key::{KeyName, Signer};
use vault::Vault;
use witnessing::Witnesses;

use crate::admission::Admission;
use crate::ask_witnesses::AskWitnesses;
use crate::cli::Failure;
use crate::keyring::Keyring;
use crate::print::remark;

/// The file that says that a directory is a witness's.
pub(crate) const WITNESS_FILE: &str = "witness.json";
/// Memory for the pages of the lookups.
const LOOKUP_CACHE_BYTES: u64 = 32 << 20;

/// What a log takes, as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum KindArg {
    /// Audit records, each in an envelope that the server makes
    Records,
    /// Whatever bytes are posted to /add
    Raw,
}

impl From<KindArg> for Kind {
    fn from(kind: KindArg) -> Self {
        match kind {
            KindArg::Records => Self::Records,
            KindArg::Raw => Self::Raw,
        }
    }
}

/// What is wanted of a log that may not be there yet. What is left open is chosen for a new log, and taken as it is
/// from one that exists.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    pub(crate) origin: Option<KeyName>,
    pub(crate) kind: Option<Kind>,
}

/// How a log is run.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) publish_every: Duration,
    pub(crate) cache_bytes: u64,
    pub(crate) admission: Admission,
    /// Fields that stand beside the log.
    pub(crate) sensitive: Places,
    /// Who is asked to cosign what is published.
    pub(crate) witnesses: Option<AskWitnesses>,
}

/// A log that is open in this process.
pub(crate) struct OpenLog {
    pub(crate) app: Arc<App>,
    pub(crate) metrics: Arc<Metrics>,
    /// Whether it was made just now.
    pub(crate) new: bool,
    /// Where the first admin token lies, if it was made just now.
    pub(crate) admin_token: Option<PathBuf>,
    /// Keeps the lookups.
    pub(crate) following: Following,
    pub(crate) path: PathBuf,
    // Held as long as the log is open; dropped after it.
    _directory: DataDirectory,
}

impl OpenLog {
    /// Opens the log in a directory, or makes one there. Blocks; a log that was killed takes seconds to open.
    pub(crate) fn open(path: &Path, wanted: &Wanted, settings: &Settings) -> Result<Self, Failure> {
        let directory = DataDirectory::open(path).map_err(Failure::could_not_tell)?;
        let (signer, kind, new) = identify(&directory, wanted)?;
        if !new {
            refuse_to_begin_again(&directory)?;
            directory.mend_keys().map_err(Failure::could_not_tell)?;
        }
        let metrics = if settings.witnesses.is_some() { Metrics::with_witnesses() } else { Metrics::new() };
        let witnesses = witnesses(&directory, &signer, settings, &metrics)?;
        let options =
            Options {
                publish_every: settings.publish_every,
                observer: metrics.clone(),
                witnessing: settings.witnesses.as_ref().zip(witnesses.clone()).map(|(asked, cosigners)| {
                    Witnessing { cosigners, when_unwitnessed: asked.when_unwitnessed }
                }),
                ..Options::default()
            };
        let log = start(&directory, signer, kind, settings.cache_bytes, options)?;
        if settings.witnesses.is_none() && log.status() == Status::Writing {
            // It has been compared. A log that asks nobody shows its newest head, whatever it showed before.
            directory.forget_published().map_err(Failure::could_not_tell)?;
        }
        let (access, admin_token) = settings.admission.access(&directory)?;
        let config = Config {
            metrics: metrics.clone(),
            clock: Arc::new(SystemClock),
            publish_every: settings.publish_every,
            access,
            custody: (kind == Kind::Records).then(|| custody(&directory, settings)).transpose()?,
            lookups: (kind == Kind::Records).then(|| lookups(&directory)).transpose()?,
            witnesses,
            timeouts: Timeouts::default(),
        };
        let app = App::new(log, config)
            .map_err(|error| Failure::could_not_tell(format!("{}: {error}", path.display())))?;
        let following = Following::begin(&app).map_err(Failure::could_not_tell)?;
        Ok(Self { app, metrics, new, admin_token, following, path: path.to_owned(), _directory: directory })
    }

    /// Puts the first admin token, if it was made just now, into the log.
    pub(crate) async fn record_first_admin(&self) -> Result<(), Failure> {
        if self.admin_token.is_none() {
            return Ok(());
        }
        self.app.record_first_admin().await.map_err(Failure::could_not_tell)
    }

    /// Why the log takes no entries; `None` if it does.
    pub(crate) fn read_only(&self) -> Option<String> {
        match self.app.log().status() {
            Status::Writing => None,
            Status::ReadOnly(standing) => Some(standing.to_string()),
            Status::Failed(why) => Some(why),
            Status::Closed => Some("the log is closed".to_owned()),
        }
    }
}

/// Opens the log in a directory that is held, with all the keys that it has and had.
pub(crate) fn start(
    directory: &DataDirectory,
    signer: Signer,
    kind: Kind,
    cache_bytes: u64,
    options: Options,
) -> Result<Log, Failure> {
    let keyring = Keyring::of(directory.path(), signer.verifier_key().clone())?;
    let mut keys = LogKeys::from(signer)
        .with_outgoing(directory.outgoing().map_err(Failure::could_not_tell)?)
        .with_past(&keyring.all());
    if !keyring.history().rotations().is_empty() {
        keys = keys.with_history(keyring.history().to_bytes(), keyring.since());
    }
    let sled = SledOptions { cache_bytes, ..SledOptions::default() };
    let store = SledStore::open(&directory.store_path(), &sled).map_err(cannot_open)?;
    let log = Log::open(Arc::new(store), kind, keys, Box::new(directory.head_file()), options);
    log.map_err(|error| Failure::does_not_hold(format!("{}: {error}", directory.path().display())))
}

/// A store that is damaged is a finding; one that cannot be reached is not.
pub(crate) fn cannot_open(error: OpenError) -> Failure {
    match error {
        OpenError::Damaged { .. } => {
            Failure::does_not_hold(format!("{error}; remake it from a backup or a mirror (deedbook restore)"))
        }
        other => Failure::could_not_tell(other),
    }
}

/// Who cosigns what the log publishes.
fn witnesses(
    directory: &DataDirectory,
    signer: &Signer,
    settings: &Settings,
    metrics: &Arc<Metrics>,
) -> Result<Option<Arc<Witnesses>>, Failure> {
    let Some(asked) = &settings.witnesses else { return Ok(None) };
    let keyring = Keyring::of(directory.path(), signer.verifier_key().clone())?;
    asked.witnesses(&keyring, metrics.clone()).map(Some)
}

/// Who keeps the content beside the log, and writes the log's own records.
fn custody(directory: &DataDirectory, settings: &Settings) -> Result<Custody, Failure> {
    let vault = Vault::open(&directory.content_keys_path()).map_err(Failure::could_not_tell)?;
    let seed = directory.service_key(|seed| getrandom::fill(seed).map_err(std::io::Error::other));
    let clerk = Clerk::new(&seed.map_err(Failure::could_not_tell)?);
    Ok(Custody::new(vault, clerk, settings.sensitive))
}

/// The lookups of the log in a directory. What is there is derived from the log: where it cannot be used, it is made anew.
fn lookups(directory: &DataDirectory) -> Result<Lookups, Failure> {
    let opened = open_lookups(directory).or_else(|why| {
        let path = directory.lookups_path();
        remark(&format!("{}: {why}; the lookups are made anew", path.display()));
        std::fs::remove_dir_all(&path).map_err(Failure::could_not_tell)?;
        open_lookups(directory).map_err(Failure::could_not_tell)
    });
    opened.map(|(lookups, _)| lookups)
}

/// The lookups of the log in a directory, begun if there are none, and their store; or why they cannot be used.
pub(crate) fn open_lookups(directory: &DataDirectory) -> Result<(Lookups, Arc<SledStore>), String> {
    let identity = directory.identity().map_err(|error| error.to_string())?;
    let origin = identity.map(|identity| identity.origin).unwrap_or_default();
    let options = SledOptions { cache_bytes: LOOKUP_CACHE_BYTES, ..SledOptions::default() };
    let store = SledStore::open(&directory.lookups_path(), &options).map_err(|error| error.to_string())?;
    let store = Arc::new(store);
    let lookups = Lookups::open(store.clone(), &origin).map_err(|error| error.to_string())?;
    Ok((lookups, store))
}

/// Key and kind of the log in a directory, made if there is none.
fn identify(directory: &DataDirectory, wanted: &Wanted) -> Result<(Signer, Kind, bool), Failure> {
    if directory.path().join(WITNESS_FILE).exists() {
        let words = format!(
            "{} holds a witness; a log has a directory of its own (--data)",
            directory.path().display()
        );
        return Err(Failure::could_not_tell(words));
    }
    let signer = directory.signer().map_err(Failure::could_not_tell)?;
    let identity = directory.identity().map_err(Failure::could_not_tell)?;
    match (signer, identity) {
        (Some(signer), Some(identity)) => {
            agree(directory.path(), wanted, &identity)?;
            Ok((signer, identity.kind, false))
        }
        (Some(_), None) => Err(Failure::could_not_tell(format!(
            "{} has a key and does not say what its log takes (log.json is missing); put it back from a backup",
            directory.path().display()
        ))),
        (None, Some(_)) if directory.store_path().exists() => Err(Failure::could_not_tell(format!(
            "{} has a log and no key (log.key is missing); put it back from a backup",
            directory.path().display()
        ))),
        (None, _) => create(directory, wanted).map(|(signer, kind)| (signer, kind, true)),
    }
}

/// A log that has a key has begun, and never begins again: other heads may be signed and out in the world.
fn refuse_to_begin_again(directory: &DataDirectory) -> Result<(), Failure> {
    let head = directory.head_file().newest().map_err(Failure::could_not_tell)?;
    if head.is_some() || directory.store_path().join("db").exists() {
        return Ok(());
    }
    Err(Failure::does_not_hold(format!(
        "{} has a key, but neither entries nor the file `head`: the log is gone. Restore it from a backup or a mirror \
         (deedbook restore); a log never starts again under the same key",
        directory.path().display()
    )))
}

/// An option that contradicts what is there is a mistake, not a wish.
fn agree(path: &Path, wanted: &Wanted, found: &LogIdentity) -> Result<(), Failure> {
    let other_origin = wanted.origin.as_ref().is_some_and(|origin| origin.as_str() != found.origin);
    if other_origin || wanted.kind.is_some_and(|kind| kind != found.kind) {
        return Err(Failure::could_not_tell(format!(
            "{} holds the log {} of {}; origin and kind are chosen when a log is created, for good. Leave the options \
             out, or use another --data",
            path.display(),
            found.origin,
            match found.kind {
                Kind::Records => "records",
                Kind::Raw => "raw entries",
            }
        )));
    }
    Ok(())
}

fn create(directory: &DataDirectory, wanted: &Wanted) -> Result<(Signer, Kind), Failure> {
    let mut seed = zeroize::Zeroizing::new([0; 32]);
    getrandom::fill(&mut *seed).map_err(Failure::could_not_tell)?;
    let origin = match &wanted.origin {
        Some(origin) => origin.clone(),
        None => local_origin()?,
    };
    let kind = wanted.kind.unwrap_or(Kind::Records);
    // The key last: where it is, all else is too, whenever the power is cut.
    directory.write_identity(&LogIdentity::new(&origin, kind)).map_err(Failure::could_not_tell)?;
    let signer = directory.create_signer(origin, &seed).map_err(Failure::could_not_tell)?;
    Ok((signer, kind))
}

/// A name for a log that nobody named. Two such logs never share one.
fn local_origin() -> Result<KeyName, Failure> {
    let mut tag = [0; 4];
    getrandom::fill(&mut tag).map_err(Failure::could_not_tell)?;
    let name = format!("localhost/log-{:08x}", u32::from_be_bytes(tag));
    name.parse().map_err(Failure::could_not_tell)
}

/// A connection needs a descriptor: as many as this process may have. The limit now; `None` if there is none.
pub(crate) fn raise_descriptor_limit() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    }
}
