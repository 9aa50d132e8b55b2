//! The file with the logs that a witness knows (C2SP tlog-list): read, read again when it changes, and changed.
//!
//! Whoever changes it by hand may: the witness looks at it every second. Comments stay where they are.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use follower::witness::enrolled::{Enrolled, EnrolledLog, Keyword};
use sequencer::directory::write_file;
use serde::Serialize;
use tlog::key::{KeyName, VerifierKey};

use super::{PlaceArgs, directory};
use crate::cli::{Failure, Verdict, read_input};
use crate::print::{Printer, Table, things};

/// A list without logs.
const EMPTY: &str = "logs/v0\n";
/// A file that was written so lately may be written again without its looking any different.
const RACY: Duration = Duration::from_secs(2);

/// Put a log on the list, so that the witness cosigns for it; the running witness takes it up within a second
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  deedbook witness enrol --vkey-file log.vkey --contact ops@log.example.org --qpd 172800\n\n\
    The key must come from the log's operator on a way that you trust. The list is DIR/logs (C2SP tlog-list), and may be\n\
    edited by hand as well."
)]
pub(super) struct EnrolArgs {
    /// The log's public key (name+id+base64)
    #[arg(value_name = "VKEY", required_unless_present = "vkey_file", conflicts_with = "vkey_file")]
    vkey: Option<String>,
    /// A file with it
    #[arg(long, value_name = "FILE")]
    vkey_file: Option<PathBuf>,
    /// First line of its checkpoints, if that is not the name of the key
    #[arg(long, value_name = "NAME")]
    origin: Option<KeyName>,
    /// Cosignatures that it may ask for in a day; 86400 is one a second
    #[arg(long, value_name = "N", default_value_t = 86_400)]
    qpd: u32,
    /// How to reach its operator
    #[arg(long, value_name = "TEXT")]
    contact: String,
    /// Put it in the place of the entry with this origin: the log has changed its key, or how often it asks
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

/// Take a log off the list: nothing more is cosigned for it, and what was is not forgotten
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  deedbook witness forget log.example.org/agents --data /var/lib/witness\n\n\
    Should the log come back to the list, the witness goes on where it was."
)]
pub(super) struct ForgetArgs {
    /// The log's origin
    origin: KeyName,
    #[command(flatten)]
    place: PlaceArgs,
}

#[derive(Serialize)]
struct Changed {
    origin: String,
    logs: usize,
}

pub(super) fn enrol(args: &EnrolArgs, printer: Printer) -> Result<Verdict, Failure> {
    let log = args.log()?;
    let replaced = args.replace;
    let list = change(&args.place.data, |text, list| match list.get(log.origin()) {
        Some(there) if *there == log => Ok(text),
        Some(_) if !replaced => Err(Failure::could_not_tell(format!(
            "{} is on the list already, with another key or other limits; --replace puts this in its place",
            log.origin()
        ))),
        _ => Ok(with(&without(&text, log.origin()), &log)),
    })?;
    say("enrolled", log.origin(), &list, printer);
    Ok(Verdict::Holds)
}

pub(super) fn forget(args: &ForgetArgs, printer: Printer) -> Result<Verdict, Failure> {
    let list = change(&args.place.data, |text, list| match list.get(&args.origin) {
        Some(_) => Ok(without(&text, &args.origin)),
        None => Err(Failure::does_not_hold(format!("{} is not on the list", args.origin))),
    })?;
    say("forgotten", &args.origin, &list, printer);
    Ok(Verdict::Holds)
}

fn say(word: &str, origin: &KeyName, list: &Enrolled, printer: Printer) {
    let logs = list.logs().len();
    let table = Table::default()
        .row("on the list", things(logs as u64, "log", "logs"))
        .row("the witness", "takes this up within a second if it runs, and when it starts if it does not");
    let changed = Changed { origin: origin.to_string(), logs };
    printer.told(word, origin.as_str(), &table, &changed);
}

impl EnrolArgs {
    /// What is to stand on the list. Read as a list of its own, so that nothing can stand there that a list cannot have.
    fn log(&self) -> Result<EnrolledLog, Failure> {
        let vkey = match &self.vkey_file {
            Some(path) => String::from_utf8(read_input(path)?)
                .map_err(|error| Failure::could_not_tell(format!("{}: {error}", path.display())))?,
            None => self.vkey.clone().unwrap_or_default(),
        };
        let vkey: VerifierKey =
            vkey.trim().parse().map_err(|error| Failure::could_not_tell(format!("the vkey: {error}")))?;
        let origin =
            self.origin.as_ref().map(|origin| format!("{} {origin}\n", Keyword::Origin)).unwrap_or_default();
        let text = format!(
            "{EMPTY}{} {vkey}\n{origin}{} {}\n{} {}\n",
            Keyword::Vkey,
            Keyword::Qpd,
            self.qpd,
            Keyword::Contact,
            self.contact
        );
        let list = Enrolled::parse(text.as_bytes()).map_err(Failure::could_not_tell)?;
        match list.logs() {
            [log] => Ok(log.clone()),
            _ => Err(Failure::could_not_tell("a contact is one line")),
        }
    }
}

/// Changes the list while nobody else does. Whatever comes of it is read before it is written.
fn change(
    data: &Path,
    how: impl FnOnce(String, &Enrolled) -> Result<String, Failure>,
) -> Result<Enrolled, Failure> {
    directory::vkeys(&directory::WITNESS, data)?;
    let lock = File::create(data.join("logs.lock")).map_err(Failure::could_not_tell)?;
    lock.lock().map_err(Failure::could_not_tell)?;
    let path = directory::list_path(data);
    let text = match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(EMPTY.to_owned()),
        read => read.map_err(|error| Failure::could_not_tell(format!("{}: {error}", path.display()))),
    }?;
    let list = parse(&path, text.as_bytes())?;
    let changed = how(text.clone(), &list)?;
    let list = parse(&path, changed.as_bytes())?;
    if changed != text {
        write_file(&path, changed.as_bytes(), 0o644).map_err(Failure::could_not_tell)?;
    }
    Ok(list)
}

/// The list at this path (C2SP tlog-list).
pub(crate) fn read(path: &Path) -> Result<Enrolled, Failure> {
    parse(path, &read_input(path)?)
}

fn parse(path: &Path, text: &[u8]) -> Result<Enrolled, Failure> {
    Enrolled::parse(text).map_err(|error| Failure::could_not_tell(format!("{}: {error}", path.display())))
}

/// A list with one log more, at its end.
fn with(list: &str, log: &EnrolledLog) -> String {
    let end = if list.ends_with('\n') { "" } else { "\n" };
    format!("{list}{end}\n{log}")
}

/// A list, which can be read, without the log with this origin.
fn without(list: &str, origin: &KeyName) -> String {
    let (mut kept, mut block) = (String::new(), String::new());
    let mut of_it = false;
    for line in list.split_inclusive('\n') {
        let text = line.trim_matches([' ', '\t', '\n']);
        let value =
            |keyword: Keyword| text.strip_prefix(keyword.word()).and_then(|rest| rest.strip_prefix(' '));
        if let Some(vkey) = value(Keyword::Vkey) {
            of_it = vkey.parse().is_ok_and(|key: VerifierKey| key.name() == origin);
        } else if block.is_empty() {
            kept.push_str(line);
            continue;
        }
        if let Some(named) = value(Keyword::Origin) {
            of_it = named == origin.as_str();
        }
        block.push_str(line);
        if value(Keyword::Contact).is_some() {
            let block = std::mem::take(&mut block);
            kept.push_str(if of_it { "" } else { &block });
        }
    }
    kept + &block
}

/// The list of a running witness, and what its file looked like when it was read.
pub(super) struct Watched {
    path: PathBuf,
    seen: Option<Looks>,
}

/// What a file looks like from outside.
#[derive(Debug, PartialEq, Eq)]
struct Looks {
    modified: SystemTime,
    length: u64,
    inode: u64,
}

impl Watched {
    /// Reads the list of the witness in a directory, which is made if there is none.
    pub(super) fn open(data: &Path) -> Result<(Self, Enrolled), Failure> {
        let mut watched = Self::unread(data);
        if !watched.path.exists() {
            write_file(&watched.path, EMPTY.as_bytes(), 0o644).map_err(Failure::could_not_tell)?;
        }
        match watched.look() {
            Some(Ok(list)) => Ok((watched, list)),
            Some(Err(failure)) => Err(failure),
            None => Ok((watched, Enrolled::default())),
        }
    }

    /// The list of the witness in a directory, which was not read yet.
    pub(super) fn unread(data: &Path) -> Self {
        Self { path: directory::list_path(data), seen: None }
    }

    /// Reads the list if it may have changed since it was read last; `None` if it has not.
    pub(super) fn look(&mut self) -> Option<Result<Enrolled, Failure>> {
        self.look_with(read_input)
    }

    fn look_with(
        &mut self,
        read: impl FnOnce(&Path) -> Result<Vec<u8>, Failure>,
    ) -> Option<Result<Enrolled, Failure>> {
        let looks = Looks::of(&self.path);
        if looks.is_some() && looks == self.seen {
            return None;
        }
        let text = read(&self.path);
        // What was read is at least as new as this look. What could not be read may be readable later and look no different.
        let old = |looks: &Looks| looks.modified.elapsed().is_ok_and(|age| age > RACY);
        self.seen = looks.filter(|looks| text.is_ok() && old(looks));
        Some(text.and_then(|text| parse(&self.path, &text)))
    }
}

impl Looks {
    fn of(path: &Path) -> Option<Self> {
        let file = std::fs::metadata(path).ok()?;
        Some(Self { modified: file.modified().ok()?, length: file.len(), inode: file.ino() })
    }
}

#[cfg(test)]
mod tests;
