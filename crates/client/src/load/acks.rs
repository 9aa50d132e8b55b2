//! The list of what a log acknowledged: a line of JSON that says what was sent, then a line an entry.
//!
//! ```text
//! {"format":"deedbook-acks/1","kind":"raw","run":1,"bytes":64}
//! 7 <leaf hash, base64> <number of the entry, or id of the record; 32 hexadecimal digits>
//! ```
//!
//! A last line that was not finished is not counted: nobody had read it.

use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tlog::{Hash, encoding};

use super::payload::Payload;

const FORMAT: &str = "deedbook-acks/1";

/// One acknowledged entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ack {
    /// Index that the log named.
    pub index: u64,
    /// Hash of the entry: of a raw entry as it was sent, of a record as the log stated it.
    pub leaf: Hash,
    /// Number of the raw entry, or id of the record.
    pub id: u128,
}

/// The list cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum AckError {
    /// By the system.
    #[error("{}: {cause}", .path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// It is no such list.
    #[error("{}, line {line}: not a list of acknowledgements", .path.display())]
    Format {
        /// Which file.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
    },
}

#[derive(Serialize, Deserialize)]
struct Header {
    format: String,
    #[serde(flatten)]
    payload: Payload,
}

/// Writes a list.
pub(super) struct AckWriter {
    path: PathBuf,
    file: BufWriter<File>,
}

impl AckWriter {
    /// A new list. One that is there is not overwritten: it may be all that is known after a crash.
    pub(super) fn create(path: &Path, payload: &Payload) -> Result<Self, AckError> {
        let file = File::create_new(path).map_err(|cause| AckError::File { path: path.to_owned(), cause })?;
        let mut writer = Self { path: path.to_owned(), file: BufWriter::with_capacity(1 << 20, file) };
        let header = Header { format: FORMAT.to_owned(), payload: payload.clone() };
        let header = serde_json::to_string(&header).unwrap_or_default();
        let written = writeln!(writer.file, "{header}").and_then(|()| writer.file.flush());
        written.map_err(|cause| writer.failed(cause))?;
        Ok(writer)
    }

    /// Adds lines and hands them to the system.
    pub(super) fn write(&mut self, acks: &[Ack]) -> Result<(), AckError> {
        let lines = |file: &mut BufWriter<File>| {
            acks.iter().try_for_each(|ack| writeln!(file, "{} {} {:032x}", ack.index, ack.leaf, ack.id))?;
            file.flush()
        };
        lines(&mut self.file).map_err(|cause| self.failed(cause))
    }

    /// Makes the list durable.
    pub(super) fn finish(self) -> Result<(), AckError> {
        self.file.get_ref().sync_all().map_err(|cause| self.failed(cause))
    }

    fn failed(&self, cause: std::io::Error) -> AckError {
        AckError::File { path: self.path.clone(), cause }
    }
}

/// A list, read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AckList {
    /// What was sent.
    pub payload: Payload,
    /// What was acknowledged, by index.
    pub acks: Vec<Ack>,
}

impl AckList {
    /// Reads a list.
    ///
    /// # Errors
    /// It cannot be read, or a line is none of such a list.
    pub fn read(path: &Path) -> Result<Self, AckError> {
        let failed = |cause| AckError::File { path: path.to_owned(), cause };
        let format = |line| AckError::Format { path: path.to_owned(), line };
        let mut reader = BufReader::with_capacity(1 << 20, File::open(path).map_err(failed)?);
        let mut line = String::new();
        reader.read_line(&mut line).map_err(failed)?;
        let header: Header = serde_json::from_str(&line).map_err(|_| format(1))?;
        if header.format != FORMAT {
            return Err(format(1));
        }
        let mut acks = vec![];
        for number in 2_u64.. {
            line.clear();
            reader.read_line(&mut line).map_err(failed)?;
            let Some(whole) = line.strip_suffix('\n') else { break };
            acks.push(parse(whole).ok_or_else(|| format(number))?);
        }
        acks.sort_unstable();
        Ok(Self { payload: header.payload, acks })
    }
}

fn parse(line: &str) -> Option<Ack> {
    let mut words = line.split(' ');
    let (index, leaf, id) = (words.next()?, words.next()?, words.next()?);
    let leaf = encoding::parse_base64_array(leaf).ok()?;
    let ack = Ack {
        index: encoding::parse_decimal(index).ok()?,
        leaf: Hash::from_bytes(leaf),
        id: u128::from_str_radix(id, 16).ok().filter(|_| id.len() == 32)?,
    };
    words.next().is_none().then_some(ack)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_comes_back_sorted_without_its_unfinished_line() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("acks");
        let payload = Payload::Records { run: 3, time: "2026-11-24T08:00:00.000Z".to_owned() };
        let ack =
            |index: u64| Ack { index, leaf: Hash::leaf(&index.to_be_bytes()), id: u128::from(index) << 64 };
        let mut writer = AckWriter::create(&path, &payload).unwrap();
        writer.write(&[ack(9), ack(2)]).unwrap();
        writer.write(&[ack(5)]).unwrap();
        writer.finish().unwrap();
        assert!(AckWriter::create(&path, &payload).is_err(), "never overwritten");
        let whole = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{whole}11 abc")).unwrap();
        let list = AckList::read(&path).unwrap();
        assert_eq!(list, AckList { payload, acks: vec![ack(2), ack(5), ack(9)] });

        for (bend, text) in [
            ("no header", "7 x y\n".to_owned()),
            ("another format", whole.replace("acks/1", "acks/2")),
            ("a word missing", format!("{whole}7 AAAA\n")),
            ("a bent hash", whole.replacen("\n9 ", "\n9 =", 1)),
            ("a fourth word", whole.replacen("\n2", " x\n2", 1)),
        ] {
            assert_ne!(text, whole, "{bend}: nothing was bent");
            std::fs::write(&path, text).unwrap();
            assert!(matches!(AckList::read(&path), Err(AckError::Format { .. })), "{bend}");
        }
    }
}
