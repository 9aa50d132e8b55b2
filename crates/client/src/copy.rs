//! A copy of a log in a directory with the same layout (C2SP tlog-tiles): a backup, a mirror, a static web site.
//!
//! Resources are written first, each whole and durable, and what is there already is kept if it is right; then the whole
//! copy is audited from the directory; only then the key history and the checkpoint are replaced. So the directory is a proven log at every
//! moment, also when copying stops in the middle, and running it again goes on where it stopped. Bundles are stored as
//! they are hashed, uncompressed.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::Serialize;
use tlog::bundle;
use tlog::checkpoint::SignedCheckpoint;
use tlog::integrate::Entry;
use tlog::policy::Policy;
use tlog::tile::{Bundle, Resource, Tile, WIDTH, bundles_of, tiles_of};
use tlog::{Hash, Head};

use crate::audit::{Counted, Finding, Findings, Progress, Resume, TreeCheck};
use crate::follow::{self, Broken, Changes, FollowError, Trust};
use crate::fs;
use crate::keys::{History, KEYS_PATH, Step, follow_keys};
use crate::proven::Proven;
use crate::source::{Source, SourceError};

/// Resources that are copied at once.
const AT_ONCE: usize = 16;

/// What to copy, and to where.
#[derive(Debug, Clone)]
pub struct Copy {
    /// Where the log is read.
    pub source: Source,
    /// What its checkpoint must satisfy.
    pub policy: Policy,
    /// Whether a change of the log's key is followed.
    pub changes: Changes,
    /// The directory; made if it is not there.
    pub directory: PathBuf,
    /// Threads that hash.
    pub threads: NonZeroUsize,
}

/// A copy that was proven.
#[derive(Debug, Clone, Serialize)]
pub struct Copied {
    /// Name of the log.
    pub origin: String,
    /// Number of entries.
    pub size: u64,
    /// Root hash, base64.
    pub root: String,
    /// Changes of the log's key that were followed.
    pub keys: Vec<Step>,
    /// Size of the copy before; proven to be continued.
    pub continues: Option<u64>,
    /// Resources that were written.
    pub written: u64,
    /// Resources that were there and right.
    pub kept: u64,
    /// Resources that were there and wrong, and were replaced.
    pub replaced: u64,
    /// What was read back from the directory and hashed.
    pub counted: Counted,
}

/// A copy that was mended as far as the log could help.
#[derive(Debug, Default)]
pub struct Mended {
    /// Resources that were wrong, and were replaced.
    pub replaced: u64,
    /// Why others were not: the log has them other than it signed them, or could not be read. The first of it.
    pub left: Option<FollowError>,
}

/// Why there is no new copy. The directory still holds the one before, if it held one.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The log is not what it should be; what is wrong is inside.
    #[error("{}", list(.0))]
    DoesNotHold(Findings),
    /// The log could not be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The directory could not be written.
    #[error("{}: {cause}", .path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
}

impl From<FollowError> for CopyError {
    fn from(error: FollowError) -> Self {
        match error {
            FollowError::CouldNotTell(error) => error.into(),
            FollowError::DoesNotHold(broken) => {
                let mut findings = Findings::default();
                findings.add(Finding::from(broken));
                Self::DoesNotHold(findings)
            }
        }
    }
}

fn list(findings: &Findings) -> String {
    findings.first.iter().map(Finding::to_string).collect::<Vec<_>>().join("\n")
}

impl Copy {
    /// Brings the directory to the log's present size.
    ///
    /// # Errors
    /// The log does not hold, could not be read, or the directory could not be written.
    pub async fn run(&self, progress: &dyn Progress) -> Result<Copied, CopyError> {
        std::fs::create_dir_all(&self.directory).map_err(|cause| cannot_write(&self.directory, cause))?;
        let trust = self.trust().await?;
        let before = self.before(&trust.followed.policy).await?;
        let shown = trust.checkpoint()?;
        if let Some(before) = &before {
            follow::prove_growth(&self.source, before, shown.signed()).await?;
        }
        let signed = shown.signed();
        let mut copied = Copied {
            origin: signed.origin().to_string(),
            size: signed.size(),
            root: signed.root().to_string(),
            keys: trust.followed.steps,
            continues: before.map(|checkpoint| checkpoint.size()),
            written: 0,
            kept: 0,
            replaced: 0,
            counted: Counted::default(),
        };
        self.fetch(signed.size(), progress, &mut copied).await?;
        (copied.counted, copied.replaced) = self.prove(signed.head(), progress).await?;
        // Before the checkpoint: it may be one that only the new key signed.
        if let Some(history) = trust.history.filter(|history| !history.rotations().is_empty()) {
            self.replace_file(KEYS_PATH, history.to_bytes()).await?;
        }
        self.replace_file("checkpoint", signed.bytes().clone()).await?;
        Ok(copied)
    }

    /// Whom to believe of the log, with what the copy knows of its keys.
    async fn trust(&self) -> Result<Trust, CopyError> {
        let broken = |error| CopyError::from(FollowError::from(Broken::from(error)));
        let here = self.there()?.keys().await?.map(|bytes| History::parse(&bytes)).transpose();
        let trust = follow::trust(&self.source, &self.policy, here.map_err(broken)?, self.changes).await?;
        Ok(with_all_keys(&self.source, &self.policy, self.changes, trust).await?)
    }

    /// Reads everything in the directory that belongs to this head; what is wrong.
    ///
    /// # Errors
    /// The directory could not be read.
    pub async fn read_again(&self, head: Head, progress: &dyn Progress) -> Result<Findings, CopyError> {
        let there = self.there()?;
        let check = TreeCheck { source: &there, head, threads: self.threads, visit: None };
        Ok(check.run(Resume::start(), progress, |_| Ok::<_, SourceError>(())).await?.findings)
    }

    /// Replaces what findings name by what the log has, if that is proven to be of this head: nothing else is written over a
    /// file, and no file that is right. The head must be one that the log continues.
    ///
    /// # Errors
    /// The directory could not be read or written.
    pub async fn mend(&self, head: Head, findings: &Findings) -> Result<Mended, CopyError> {
        let (proven, made, mut mended) =
            (Proven::new(&self.source, head), Directories::default(), Mended::default());
        for finding in &findings.first {
            let (bundle, tile) = meant(finding, head.size);
            if let Some(bundle) = bundle {
                match proven.bundle(bundle).await {
                    Ok(entries) => mended.replaced += self.mend_pair(bundle, &entries, &made).await?,
                    Err(error) => drop(mended.left.get_or_insert(error)),
                }
            }
            if let Some(tile) = tile {
                match proven.tile(tile).await {
                    Ok(bytes) => mended.replaced += self.mend_one(Resource::Tile(tile), bytes, &made).await?,
                    Err(error) => drop(mended.left.get_or_insert(error)),
                }
            }
        }
        sync_all(&made).await?;
        Ok(mended)
    }

    /// A bundle, and the hashes of its entries.
    async fn mend_pair(
        &self,
        bundle: Bundle,
        entries: &[Entry],
        made: &Directories,
    ) -> Result<u64, CopyError> {
        let hashes: Vec<u8> = entries.iter().flat_map(|entry| *entry.leaf().as_bytes()).collect();
        // Entries that were decoded are encoded again.
        let encoded = bundle::encode(entries.iter().map(Entry::bytes))
            .map_err(|cause| Broken::Bundle { bundle, cause });
        let encoded = encoded.map_err(FollowError::from)?;
        let first = self.mend_one(Resource::Bundle(bundle), encoded, made).await?;
        Ok(first + self.mend_one(Resource::Tile(bundle.tile()), hashes.into(), made).await?)
    }

    /// Writes a file that is other than this; how many that is.
    async fn mend_one(&self, resource: Resource, bytes: Bytes, made: &Directories) -> Result<u64, CopyError> {
        if self.there()?.read(resource).await.is_ok_and(|there| there.as_ref() == Some(&bytes)) {
            return Ok(0);
        }
        self.write(resource, bytes, made.clone()).await?;
        Ok(1)
    }

    /// Replaces a file at the root of the copy, or below it.
    async fn replace_file(&self, name: &str, bytes: Bytes) -> Result<(), CopyError> {
        let path = self.directory.join(name);
        let root = self.directory.clone();
        let written = {
            let path = path.clone();
            fs::off_thread(move || {
                let made = Directories::default();
                write_below(&root, &path, &bytes, &made)?;
                let made =
                    std::mem::take(&mut *made.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
                made.iter().try_for_each(|directory| fs::sync_directory(directory))
            })
            .await
        };
        written.map_err(|cause| cannot_write(&path, cause))
    }

    /// The checkpoint of the copy that is there. One that does not satisfy the policy is not overwritten.
    async fn before(&self, policy: &Policy) -> Result<Option<SignedCheckpoint>, CopyError> {
        match self.there()?.read(Resource::Checkpoint).await? {
            None => Ok(None),
            Some(bytes) => {
                let verified =
                    policy.verify(bytes).map_err(|error| FollowError::from(Broken::from(error)))?;
                Ok(Some(verified.signed().clone()))
            }
        }
    }

    /// The copy itself, as a log that is read.
    fn there(&self) -> Result<Source, SourceError> {
        Source::directory(&self.directory)
    }

    /// Writes what is not there.
    async fn fetch(&self, size: u64, progress: &dyn Progress, copied: &mut Copied) -> Result<(), CopyError> {
        let directories = Arc::new(Mutex::new(BTreeSet::new()));
        let pairs = bundles_of(size).map(|bundle| self.fetch_pair(bundle, directories.clone()));
        let mut pairs = stream::iter(pairs).buffered(AT_ONCE);
        let mut done = 0;
        while let Some(counts) = pairs.try_next().await? {
            copied.count(counts);
            done += WIDTH;
            progress.entries(done.min(size), size);
        }
        let above = tiles_of(size).filter(|tile| tile.level() > 0);
        let tiles = above.map(|tile| self.fetch_tile(tile, directories.clone()));
        let mut tiles = stream::iter(tiles).buffered(AT_ONCE);
        while let Some(counts) = tiles.try_next().await? {
            copied.count(counts);
        }
        sync_all(&directories).await
    }

    /// A bundle and its level-0 tile, kept if they agree with each other.
    async fn fetch_pair(&self, bundle: Bundle, made: Directories) -> Result<Counts, CopyError> {
        let there = self.there()?;
        let pair = (there.bundle(bundle).await?).zip(there.tile(bundle.tile()).await?);
        if pair.is_some_and(|(entries, tile)| agree(bundle, &entries, &tile)) {
            return Ok(Counts { kept: 2, written: 0 });
        }
        self.write_pair(bundle, made).await?;
        Ok(Counts { written: 2, kept: 0 })
    }

    /// A tile; one that is there with the right length is kept, to be judged by the audit.
    async fn fetch_tile(&self, tile: Tile, made: Directories) -> Result<Counts, CopyError> {
        let there = self.there()?.tile(tile).await?;
        if there.is_some_and(|bytes| bytes.len() == tile.bytes()) {
            return Ok(Counts { kept: 1, written: 0 });
        }
        self.write_tile(tile, made).await?;
        Ok(Counts { written: 1, kept: 0 })
    }

    async fn write_pair(&self, bundle: Bundle, made: Directories) -> Result<(), CopyError> {
        let resource = Resource::Bundle(bundle);
        let bytes = self.source.bundle(bundle).await?.ok_or_else(|| missing(resource))?;
        self.write(resource, bytes, made.clone()).await?;
        self.write_tile(bundle.tile(), made).await
    }

    async fn write_tile(&self, tile: Tile, made: Directories) -> Result<(), CopyError> {
        let resource = Resource::Tile(tile);
        let bytes = self.source.tile(tile).await?.ok_or_else(|| missing(resource))?;
        self.write(resource, bytes, made).await
    }

    async fn write(&self, resource: Resource, bytes: Bytes, made: Directories) -> Result<(), CopyError> {
        let path = self.directory.join(resource.to_string());
        let root = self.directory.clone();
        let written = {
            let path = path.clone();
            fs::off_thread(move || write_below(&root, &path, &bytes, &made)).await
        };
        written.map_err(|cause| cannot_write(&path, cause))
    }

    /// Audits the directory against the head of the checkpoint that is about to be written. Files that were kept and are wrong
    /// are fetched again, once; how many.
    async fn prove(&self, head: Head, progress: &dyn Progress) -> Result<(Counted, u64), CopyError> {
        let there = self.there()?;
        let check = TreeCheck { source: &there, head, threads: self.threads, visit: None };
        let mut replaced = 0;
        for last_try in [false, true] {
            let outcome = check.run(Resume::start(), progress, |_| Ok::<_, SourceError>(())).await?;
            if outcome.holds() {
                return Ok((outcome.counted, replaced));
            }
            if last_try {
                return Err(CopyError::DoesNotHold(outcome.findings));
            }
            progress.note(&format!(
                "{} resources of the copy were not right; fetching them again",
                outcome.findings.total
            ));
            replaced += self.replace(&outcome.findings, head.size).await?;
        }
        Ok((Counted::default(), replaced))
    }

    /// Fetches what findings name, and everything that could be meant: the pair of an entry, the tile.
    async fn replace(&self, findings: &Findings, size: u64) -> Result<u64, CopyError> {
        let made = Directories::default();
        let mut replaced = 0;
        for finding in &findings.first {
            let (bundle, tile) = meant(finding, size);
            if let Some(tile) = tile {
                self.write_tile(tile, made.clone()).await?;
                replaced += 1;
            }
            if let Some(bundle) = bundle {
                self.write_pair(bundle, made.clone()).await?;
                replaced += 2;
            }
        }
        Ok(replaced)
    }
}

/// What may be wrong where there is such a finding: a bundle with its tile of level 0, and a tile above.
fn meant(finding: &Finding, size: u64) -> (Option<Bundle>, Option<Tile>) {
    match Resource::parse(&finding.path) {
        Ok(Resource::Bundle(bundle)) => (Some(bundle), None),
        Ok(Resource::Tile(tile)) if tile.level() == 0 => (Bundle::at(tile.index(), size), None),
        Ok(Resource::Tile(tile)) => {
            let below = finding.index.filter(|_| tile.level() == 1);
            (below.and_then(|index| Bundle::at(index / WIDTH, size)), Some(tile))
        }
        _ => (None, None),
    }
}

/// Makes the names last that were made.
async fn sync_all(made: &Directories) -> Result<(), CopyError> {
    let made = std::mem::take(&mut *made.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    fs::off_thread(move || {
        made.iter().try_for_each(|path| {
            fs::sync_directory(path).map_err(|cause| CopyError::Write { path: path.clone(), cause })
        })
    })
    .await
}

/// Whom to believe of a log, with all that is known of how its keys followed each other, here or there, for those who read a
/// copy of it.
///
/// # Errors
/// [`Broken::Keys`] for a history that does not show what it should; or it could not be read.
pub async fn with_all_keys(
    source: &Source,
    policy: &Policy,
    changes: Changes,
    mut trust: Trust,
) -> Result<Trust, FollowError> {
    let broken = |error| FollowError::from(Broken::from(error));
    if let Some(shown) = source.keys().await? {
        let shown = History::parse(&shown).map_err(broken)?;
        let history = trust.history.map_or_else(|| shown.clone(), |known| known.and(&shown));
        // Where a policy follows nothing, it judges nothing either.
        if changes == Changes::Followed {
            follow_keys(policy, &history).map_err(broken)?;
        }
        trust.history = Some(history);
    }
    Ok(trust)
}

fn cannot_write(path: &Path, cause: std::io::Error) -> CopyError {
    CopyError::Write { path: path.to_owned(), cause }
}

/// Directories in which names were made, to be synced before anything is built on them.
type Directories = Arc<Mutex<BTreeSet<PathBuf>>>;

#[derive(Debug, Clone, Copy)]
struct Counts {
    written: u64,
    kept: u64,
}

impl Copied {
    fn count(&mut self, counts: Counts) {
        self.written += counts.written;
        self.kept += counts.kept;
    }
}

fn write_below(
    root: &Path,
    path: &Path,
    bytes: &[u8],
    made: &Mutex<BTreeSet<PathBuf>>,
) -> std::io::Result<()> {
    let parent = path.parent().unwrap_or(root);
    std::fs::create_dir_all(parent)?;
    fs::write_whole(path, bytes)?;
    let mut made = made.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    // The names of new directories must last as well, up to the root of the copy.
    made.extend(parent.ancestors().take_while(|above| above.starts_with(root)).map(Path::to_owned));
    Ok(())
}

/// Whether a bundle and the level-0 tile beside it are of the same entries.
pub fn agree(bundle: Bundle, entries: &Bytes, tile: &Bytes) -> bool {
    let Ok(entries) = bundle::decode(entries, usize::from(bundle.width())) else { return false };
    bundle
        .tile()
        .hashes(tile)
        .is_some_and(|hashes| hashes.iter().zip(&entries).all(|(hash, entry)| *hash == Hash::leaf(entry)))
}

fn missing(resource: Resource) -> CopyError {
    let mut findings = Findings::default();
    findings.add(match resource {
        Resource::Bundle(bundle) => Finding::missing_bundle(bundle),
        Resource::Tile(tile) => Finding::missing_tile(tile),
        Resource::Checkpoint => return SourceError::NoLog { place: "the log".to_owned() }.into(),
    });
    CopyError::DoesNotHold(findings)
}

#[cfg(test)]
mod tests;
