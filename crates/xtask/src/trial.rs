//! What the verbs of the bad days share: the program they try, a place for it, a seed, a line at a time.

use std::path::{Path, PathBuf};
use std::process::Command;

use trials::TrialError;

use crate::peers;

/// What every one of these verbs is told.
#[derive(Debug, clap::Args)]
pub(crate) struct TrialArgs {
    /// The program [default: target/release/deedbook, built first]
    #[arg(long, value_name = "PATH")]
    log_binary: Option<PathBuf>,
    /// On which disk the logs are [default: target/trials]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Decides when; the same seed chooses the same moments [default: another one each time]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

impl TrialArgs {
    /// The path of `deedbook`.
    pub(crate) fn binary(&self) -> Result<PathBuf, TrialError> {
        if let Some(path) = &self.log_binary {
            return std::path::absolute(path).map_err(TrialError::failed);
        }
        let mut cargo = Command::new("cargo");
        cargo.args(["build", "--release", "--quiet", "--package", "deedbook"]);
        let status = cargo.current_dir(peers::repository()).status().map_err(TrialError::failed)?;
        if !status.success() {
            return Err(TrialError::failed(format!("`{}` failed", peers::shown(&cargo))));
        }
        Ok(peers::target_dir().join("release/deedbook"))
    }

    /// An empty directory that is gone when it is dropped.
    pub(crate) fn home(&self) -> Result<tempfile::TempDir, TrialError> {
        let place = self.data.clone().unwrap_or_else(|| peers::target_dir().join("trials"));
        std::fs::create_dir_all(&place).map_err(TrialError::failed)?;
        tempfile::tempdir_in(place).map_err(TrialError::failed)
    }

    /// The seed, chosen if need be.
    pub(crate) fn seed(&self) -> u64 {
        use std::hash::BuildHasher as _;
        self.seed.unwrap_or_else(|| std::hash::RandomState::new().hash_one(std::process::id()) >> 32)
    }
}

/// Something below a directory.
pub(crate) fn beneath(home: &Path, name: &str) -> Result<PathBuf, TrialError> {
    let path = home.join(name);
    std::fs::create_dir_all(&path).map_err(TrialError::failed)?;
    Ok(path)
}

/// Runs a campaign to its end.
pub(crate) fn run<T>(campaign: impl Future<Output = Result<T, TrialError>>) -> Result<T, TrialError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(TrialError::failed)?.block_on(campaign)
}

/// A line on standard output, at once.
pub(crate) fn say(line: &str) {
    use std::io::Write as _;
    // A reader that went away is no failure.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Name and value, in columns.
pub(crate) fn table(rows: &[(&str, String)]) {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    rows.iter().for_each(|(name, value)| say(&format!("  {name:width$}  {value}")));
}
