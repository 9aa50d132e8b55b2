//! `deedbook witness forks`: the proofs that logs have forked, which the witness was shown and has kept.
//!
//! They are kept in the store, which only the running witness has open; so it copies them to files as well, where everybody
//! on the machine who may look finds them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use follower::witness::keeper::{ContradictionId, Keeper};
use sequencer::directory::write_file;
use serde::Serialize;
use tlog::fork::{ForkProof, VerifiedFork};

use super::PlaceArgs;
use super::directory::{self, Hold, Home};
use crate::cli::{Failure, Verdict};
use crate::fsck::off_thread;
use crate::print::{Printer, json_line, text_line, things};

const ENDING: &str = "fork-proof";
/// Digits of an id that are shown.
const SHOWN: usize = 12;

/// List the proofs that a log has forked, or write one to a file
///
/// A proof needs no explanation by the witness: whoever has the file checks it with deedbook verify fork-proof.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  deedbook witness forks --data /var/lib/witness\n  \
    deedbook witness forks 5f2a91c07be4 --output log.fork-proof --data /var/lib/witness\n\n\
    Exit codes: 0 a list or a proof, 1 there is no such proof, 2 could not tell.")]
pub(super) struct Args {
    /// One of them, by its id or the beginning of it
    id: Option<String>,
    /// Write it to this file instead of standard output
    #[arg(long, value_name = "FILE", requires = "id")]
    output: Option<PathBuf>,
    #[command(flatten)]
    place: PlaceArgs,
}

#[derive(Serialize)]
struct Kept {
    id: String,
    file: PathBuf,
    origin: String,
    sizes: [u64; 2],
    says: String,
    /// Keys that signed both.
    guilty: Vec<String>,
}

#[derive(Serialize)]
struct All<'a> {
    forks: &'a [Kept],
}

pub(super) async fn run(args: Args, printer: Printer) -> Result<Verdict, Failure> {
    let data = args.place.data.clone();
    let kept = off_thread(move || read(&data)).await??;
    if let Some(id) = &args.id {
        return one(&kept, id, args.output.as_deref(), printer);
    }
    if printer.json {
        json_line(&All { forks: &kept });
    } else {
        let headline = things(kept.len() as u64, "fork proof is kept", "fork proofs are kept");
        let lines = kept.iter().map(|kept| {
            let guilty =
                if kept.guilty.is_empty() { "two keys of the log".into() } else { kept.guilty.join(", ") };
            format!("{}  {}\nsigned both: {guilty}\n{}", &kept.id[..SHOWN], kept.says, kept.file.display())
        });
        Printer::paragraph(&headline, &lines.collect::<Vec<_>>());
    }
    Ok(Verdict::Holds)
}

fn one(kept: &[Kept], id: &str, output: Option<&Path>, printer: Printer) -> Result<Verdict, Failure> {
    let mut found = kept.iter().filter(|kept| kept.id.starts_with(id));
    let (Some(kept), None) = (found.next(), found.next()) else {
        return Err(Failure::does_not_hold(format!(
            "there is no fork proof, or more than one, whose id begins with {id}"
        )));
    };
    let text = std::fs::read_to_string(&kept.file).map_err(|error| failed(&kept.file, &error))?;
    match output {
        Some(path) => write_file(path, text.as_bytes(), 0o644).map_err(Failure::could_not_tell)?,
        None if printer.json => json_line(kept),
        None => text_line(text.trim_end_matches('\n')),
    }
    Ok(Verdict::Holds)
}

fn failed(path: &Path, why: &dyn std::fmt::Display) -> Failure {
    Failure::could_not_tell(format!("{}: {why}", path.display()))
}

/// The proofs in their files. Of a witness that does not run, those of which no file is there yet are copied first.
fn read(data: &Path) -> Result<Vec<Kept>, Failure> {
    if let Hold::Held(home) = Home::hold(data)? {
        Copies::new(data).make(&home.keeper)?;
    }
    let mut kept = vec![];
    for path in files(data)? {
        let text = std::fs::read(&path).map_err(|error| failed(&path, &error))?;
        let fork = ForkProof::parse(&text).and_then(|proof| proof.verify());
        kept.push(Kept::of(path.clone(), &fork.map_err(|error| failed(&path, &error))?));
    }
    kept.sort_by(|a, b| (&a.origin, a.sizes, &a.id).cmp(&(&b.origin, b.sizes, &b.id)));
    Ok(kept)
}

/// The files of proofs in a witness's directory.
pub(super) fn files(data: &Path) -> Result<Vec<PathBuf>, Failure> {
    let path = directory::forks_path(data);
    let entries = match std::fs::read_dir(&path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(vec![]),
        Err(error) => return Err(failed(&path, &error)),
    };
    let files = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>();
    Ok(files.map_err(|error| failed(&path, &error))?.into_iter().filter(|path| is_copy(path)).collect())
}

/// Whether a file is a copy that was made here: it has the hash of a note for a name. Others that people put beside those
/// are their own.
fn is_copy(path: &Path) -> bool {
    let id = path.file_stem().unwrap_or_default().as_encoded_bytes();
    let digits = id.len() == 64 && id.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    digits && path.extension().is_some_and(|ending| ending == ENDING)
}

impl Kept {
    fn of(file: PathBuf, fork: &VerifiedFork) -> Self {
        Self {
            id: file.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            file,
            origin: fork.origin().to_string(),
            sizes: fork.heads().map(|head| head.size),
            says: fork.to_string(),
            guilty: fork.guilty().map(|by| by.key().name().to_string()).collect(),
        }
    }
}

/// What was copied to files already.
pub(super) struct Copies {
    directory: PathBuf,
    made: BTreeSet<ContradictionId>,
}

impl Copies {
    /// Of the witness in this directory.
    pub(super) fn new(data: &Path) -> Self {
        Self { directory: directory::forks_path(data), made: BTreeSet::new() }
    }

    /// Copies what is kept and has no file yet. Blocks on the disk.
    pub(super) fn make(&mut self, keeper: &Keeper) -> Result<(), Failure> {
        if keeper.counts().contradictions == self.made.len() {
            return Ok(());
        }
        std::fs::create_dir_all(&self.directory).map_err(|error| failed(&self.directory, &error))?;
        for id in keeper.contradictions().into_iter().filter(|id| !self.made.contains(id)).collect::<Vec<_>>()
        {
            let path = self.directory.join(id.to_string()).with_extension(ENDING);
            if !path.exists() {
                let text =
                    keeper.contradiction(&id).map_err(|error| failed(&path, &error))?.unwrap_or_default();
                write_file(&path, text.as_bytes(), 0o644).map_err(Failure::could_not_tell)?;
            }
            self.made.insert(id);
        }
        Ok(())
    }
}
