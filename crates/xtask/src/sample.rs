//! `cargo xtask sample`: real agent conversations become the audit records in `tests/data/airline`.
//!
//! The same input gives the same bytes, on any machine.

mod convert;
mod policy;
mod raw;
mod shape;
mod summary;
#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Where the records go, in the folder that `--out` names.
const RECORDS: &str = "records.ndjson";

/// Convert tau-bench's airline conversations into audit records, a line each
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// gpt-4o-airline.json from historical_trajectories of github.com/sierra-research/tau-bench
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// The folder to write records.ndjson into
    #[arg(long, value_name = "DIR", default_value = "tests/data/airline")]
    out: PathBuf,
}

/// Why there is no sample.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SampleError {
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File { path: PathBuf, source: io::Error },
    /// The input is not what tau-bench publishes.
    #[error("{path} is not a list of tau-bench conversations: {source}")]
    Input { path: PathBuf, source: serde_json::Error },
    /// The conversations hold something the conversion has no answer for.
    #[error("{path}: {source}")]
    Convert { path: PathBuf, source: convert::ConvertError },
    /// The conversion wrote what is not JSON: a fault in it.
    #[error("the conversion made a record that is not JSON: {0}")]
    Record(serde_json::Error),
    /// The summary could not be printed.
    #[error("printing the summary: {0}")]
    Print(io::Error),
}

/// Converts, writes, and prints what the sample holds.
pub(crate) fn run(args: &Args) -> Result<(), SampleError> {
    let records = records(&args.input)?;
    let path = args.out.join(RECORDS);
    std::fs::create_dir_all(&args.out)
        .and_then(|()| std::fs::write(&path, ndjson(&records)))
        .map_err(|source| SampleError::File { path: path.clone(), source })?;
    let summary = summary::Summary::of(&records).map_err(SampleError::Record)?;
    write!(io::stdout().lock(), "{summary}\nwritten to {}\n", path.display()).map_err(SampleError::Print)
}

fn records(input: &Path) -> Result<Vec<convert::Line>, SampleError> {
    let path = || input.to_owned();
    let text = std::fs::read(input).map_err(|source| SampleError::File { path: path(), source })?;
    let conversations: Vec<raw::Conversation> =
        serde_json::from_slice(&text).map_err(|source| SampleError::Input { path: path(), source })?;
    convert::convert(&conversations).map_err(|source| SampleError::Convert { path: path(), source })
}

fn ndjson(records: &[convert::Line]) -> Vec<u8> {
    records.iter().flat_map(|line| line.sent.iter().chain(b"\n")).copied().collect()
}
