//! `deedbook restore`: a log from a backup or a mirror, and what is known of its newest head.
//!
//! Whether the log may go on is decided by evidence alone. A copy cannot vouch for being the newest: the log that it
//! is a copy of may have signed more. So a log that is restored onto an empty disk is readable, and signs nothing until
//! somebody has said, with `--newest`, which checkpoint is the newest that anybody holds.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use client::follow::{self, FollowError};
use client::{HttpOptions, Source};
use sequencer::recover::Standing;
use sequencer::stored::Stored;
use sequencer::{DataDirectory, LogIdentity};
use serde::Serialize;
use tlog::checkpoint::SignedCheckpoint;
use tlog::key::{Signer, VerifierKey};

use crate::cli::{Failure, Verdict, read_input};
use crate::fsck::{standing, who};
use crate::keyring::Keyring;
use crate::print::{Printer, Table, count};
use crate::remake::{Made, Making, Own, own_source};
use crate::trust::HttpArgs;

use known::Known;

mod known;

/// Restore a log from a backup or a mirror, and prove it
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    deedbook restore /backup/deedbook --data /var/lib/deedbook --newest checkpoint-of-our-auditor\n  \
    deedbook restore https://mirror.example.org/agents --data /var/lib/deedbook\n  \
    deedbook restore --data /var/lib/deedbook --newest checkpoint-of-our-auditor\n\n\
    A log that has signed a newer head than the copy reaches is readable and signs nothing, or it would fork. Onto an\n\
    empty disk, say with --newest which checkpoint is the newest that anybody holds (auditors, witnesses, monitors);\n\
    if that is the backup's own, name BACKUP/public/checkpoint.")]
pub(crate) struct Args {
    /// A backup (its directory with public/ and private/), or a log's public directory or URL prefix
    from: Option<String>,
    /// The log's directory; made if it is not there
    #[arg(long, value_name = "DIR", env = "DEEDBOOK_DATA", default_value = crate::serve::DATA)]
    data: PathBuf,
    /// The newest checkpoint that anybody holds; may be given several times
    #[arg(long, value_name = "FILE", required_unless_present = "from")]
    newest: Vec<PathBuf>,
    #[command(flatten)]
    http: HttpArgs,
}

#[derive(Serialize)]
struct Restored {
    origin: String,
    size: Option<u64>,
    newest_known: Option<u64>,
    read_only: Option<String>,
    old: Option<PathBuf>,
    /// Whether tokens came from the backup.
    tokens: bool,
    data: PathBuf,
}

pub(crate) async fn run(args: Args, printer: Printer) -> Result<Verdict, Failure> {
    let backup = args.from.as_deref().map(Path::new).filter(|path| path.join("private").is_dir());
    let directory = DataDirectory::open(&args.data).map_err(Failure::could_not_tell)?;
    let tokens = match backup {
        Some(backup) => take_private(&directory, &backup.join("private"))?,
        None => false,
    };
    let (keyring, identity) = who(&directory)?;
    let keys = keyring.all();
    let mut evidence = Known::gather(&directory, &keys, &args.newest)?;
    if let Some(backup) = backup {
        evidence.also(&backup.join("private/head"), &keys);
    }
    let mut made = None;
    if let Some(from) = &args.from {
        let place = if backup.is_some() { format!("{from}/public") } else { from.clone() };
        let (checkpoint, new) =
            bring(&directory, &keyring, &identity, &place, &args.http.options()?, printer).await?;
        evidence.reaches(&checkpoint);
        made = Some(new);
    }
    evidence.note(&directory)?;
    let standing = standing(&directory, &keys).await?;
    let restored = Restored {
        origin: identity.origin.clone(),
        size: made.as_ref().map(|made| made.checked.size),
        newest_known: evidence.newest.as_ref().map(SignedCheckpoint::size),
        read_only: (standing != Standing::Good).then(|| standing.to_string()),
        old: made.and_then(|made| made.old),
        tokens,
        data: args.data,
    };
    printer.result(Verdict::Holds, &restored.headline(), &restored.table(), &restored);
    Ok(Verdict::Holds)
}

/// Remakes the store from a copy that holds, and that contains all that is here.
async fn bring(
    directory: &DataDirectory,
    keyring: &Keyring,
    identity: &LogIdentity,
    place: &str,
    http: &HttpOptions,
    printer: Printer,
) -> Result<(SignedCheckpoint, Made), Failure> {
    let source = Source::open(place, http).map_err(Failure::could_not_tell)?;
    let keys = keyring.all();
    let shown = follow::checkpoint(&source, keyring.policy()).await.map_err(judge)?;
    let checkpoint = shown.signed().clone();
    let mut beside = None;
    if directory.store_path().join("db").exists() {
        beside = contains_what_is_here(directory, &keys, &source, &checkpoint).await?;
    }
    let sources = [source];
    let making =
        Making { directory, keys: &keys, identity, checkpoint: &checkpoint, sources: &sources, beside };
    let made = making.run(printer).await?;
    Ok((checkpoint, made))
}

/// A store that can still be read is replaced only by what continues it. What lies beside its log is carried over; a copy
/// has none of it.
async fn contains_what_is_here(
    directory: &DataDirectory,
    keys: &[VerifierKey],
    source: &Source,
    checkpoint: &SignedCheckpoint,
) -> Result<Option<Arc<Stored>>, Failure> {
    let Own { head: here, stored, .. } = match own_source(directory, keys) {
        Ok(own) => own,
        Err(failure) if failure.verdict == Verdict::DoesNotHold => {
            tracing::warn!(why = failure.words, "the store that is here cannot be read, and is replaced");
            return Ok(None);
        }
        Err(failure) => return Err(failure),
    };
    if here.size() > checkpoint.size() {
        return Err(Failure::does_not_hold(format!(
            "the store here has {} entries, the copy only {}; nothing was changed. If the store is damaged, mend it with \
             the help of the copy: deedbook rebuild --from {source}",
            count(here.size()),
            count(checkpoint.size())
        )));
    }
    follow::prove_growth(source, &here, checkpoint).await.map_err(judge)?;
    Ok(Some(stored))
}

fn judge(error: FollowError) -> Failure {
    match error {
        FollowError::DoesNotHold(_) => Failure::does_not_hold(error),
        FollowError::CouldNotTell(_) => Failure::could_not_tell(error),
    }
}

/// How the log's keys followed each other.
const KEYS: &str = "log.keys";

/// That a backup is of the log that is here: its key is the present one, or one that the log had when it was made.
fn same_log(
    directory: &DataDirectory,
    here: &Signer,
    private: &Path,
    backup: &Signer,
) -> Result<(), Failure> {
    let keyring = Keyring::of(directory.path(), here.verifier_key().clone())?;
    if keyring.all().contains(backup.verifier_key()) {
        return Ok(());
    }
    let path = directory.path().display();
    let theirs = Keyring::of(private, backup.verifier_key().clone())?;
    Err(Failure::does_not_hold(if theirs.all().contains(here.verifier_key()) {
        format!(
            "{path} has a key that the log has changed since, as the backup tells; restore into an empty directory, and \
             destroy the old key"
        )
    } else {
        format!("{path} holds another log ({}) than the backup ({})", here.name(), backup.name())
    }))
}

/// Key, identity and tokens from a backup, into a directory that has none, or that has the same. Whether tokens came.
fn take_private(directory: &DataDirectory, private: &Path) -> Result<bool, Failure> {
    let read = |name: &str| read_input(&private.join(name));
    let skey = zeroize::Zeroizing::new(read("log.key")?);
    let skey = std::str::from_utf8(&skey).map_err(Failure::could_not_tell)?;
    let signer = Signer::from_skey(skey.trim_end())
        .map_err(|error| Failure::could_not_tell(format!("{}/log.key: {error}", private.display())))?;
    if let Some(here) = directory.signer().map_err(Failure::could_not_tell)? {
        return same_log(directory, &here, private, &signer).map(|()| false);
    }
    let mut names = vec![("log.json", 0o644), ("log.vkey", 0o644), ("log.key", 0o600)];
    if private.join(KEYS).exists() {
        names.insert(0, (KEYS, 0o644));
    }
    for (name, mode) in names {
        let bytes = zeroize::Zeroizing::new(read(name)?);
        directory.write(name, &bytes, mode).map_err(Failure::could_not_tell)?;
    }
    // As they were: what was revoked since is valid again, which the result says.
    let tokens = private.join("tokens.json");
    if !tokens.exists() {
        return Ok(false);
    }
    directory.tokens_file().replace(&read_input(&tokens)?).map_err(Failure::could_not_tell)?;
    Ok(true)
}

impl Restored {
    fn headline(&self) -> String {
        let log = &self.origin;
        match (self.size, &self.read_only) {
            (Some(size), None) => format!("{log} is restored at size {}, proven, and may go on", count(size)),
            (Some(size), Some(_)) => {
                format!("{log} is restored at size {}, proven, FOR READING ONLY", count(size))
            }
            (None, None) => format!("{log} contains every head that is known of it, and may go on"),
            (None, Some(_)) => format!("{log} stays FOR READING ONLY"),
        }
    }

    fn table(&self) -> Table {
        Table::default()
            .maybe("why", self.read_only.as_ref())
            .maybe(
                "newest known",
                self.newest_known.map(|size| format!("a checkpoint of size {}", count(size))),
            )
            .maybe("the old store", self.old.as_ref().map(|path| path.display().to_string()))
            .maybe(
                "tokens",
                self.tokens.then_some(
                    "as they were at the backup: revoke again what was revoked since (deedbook token)",
                ),
            )
            .row("serve it", format!("deedbook serve --data {}", self.data.display()))
    }
}
