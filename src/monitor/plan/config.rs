//! The configuration file of a monitor.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::cli::{Failure, read_input};

/// The configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    pub(super) data: Option<PathBuf>,
    #[serde(default)]
    pub(super) log: Vec<LogConfig>,
    pub(super) pin_key: Option<bool>,
    pub(super) poll: Option<f64>,
    pub(super) delay: Option<f64>,
    pub(super) stall: Option<f64>,
    pub(super) again: Option<f64>,
    pub(super) threads: Option<NonZeroUsize>,
    #[serde(default)]
    pub(super) webhook: Vec<String>,
    pub(super) webhook_secret_file: Option<PathBuf>,
    pub(super) no_findings: Option<bool>,
    pub(super) gossip_listen: Option<SocketAddr>,
    #[serde(default)]
    pub(super) peer: Vec<String>,
    #[serde(default)]
    pub(super) witness: Vec<String>,
    pub(super) gossip_every: Option<f64>,
    pub(super) metrics: Option<SocketAddr>,
}

/// One log of the configuration file. Paths are from the file's folder.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LogConfig {
    /// Where it is read; otherwise the policy says it.
    pub(super) place: Option<String>,
    pub(super) policy: PathBuf,
    /// A token to show to this log.
    pub(super) token_file: Option<PathBuf>,
}

impl Config {
    /// Reads the file; paths in it are from its own folder.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let failed =
            |error: &dyn std::fmt::Display| Failure::could_not_tell(format!("{}: {error}", path.display()));
        let text = String::from_utf8(read_input(path)?).map_err(|error| failed(&error))?;
        let mut config: Self = toml::from_str(&text).map_err(|error| failed(&error))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let paths = config.data.iter_mut().chain(&mut config.webhook_secret_file);
        let of_logs =
            config.log.iter_mut().flat_map(|log| std::iter::once(&mut log.policy).chain(&mut log.token_file));
        paths.chain(of_logs).for_each(|path| *path = folder.join(&*path));
        let places = config.log.iter_mut().filter_map(|log| log.place.as_mut());
        for place in places.filter(|place| is_path(place)) {
            let joined = folder.join(&*place).into_os_string();
            *place = joined.into_string().map_err(|_| failed(&"a place is no UTF-8 text"))?;
        }
        Ok(config)
    }
}

/// Whether a place is a path, and no URL.
fn is_path(place: &str) -> bool {
    !["http://", "https://", "file://"].iter().any(|scheme| place.starts_with(scheme))
}
