//! The server of `deedbook serve` on a store whose promises are broken on purpose, to show that a campaign can see it.
//! No option of `deedbook` leads here.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use record::Places;
use sequencer::log::Status;
use sequencer::{DataDirectory, Kind, Log, LogIdentity, Options};
use server::access::Access;
use server::limits::Timeouts;
use server::metrics::Metrics;
use server::{App, Capacity, Clerk, Config, Custody, SystemClock};
use store::{Danger, SledOptions, SledStore};
use tokio::net::TcpListener;
use vault::Vault;

use crate::TrialError;

/// Name of every log that is made here.
const ORIGIN: &str = "example.com/broken";
/// Each publication is synced, and saves what was written before: not too often.
const PUBLISH_EVERY: Duration = Duration::from_secs(1);

/// What to serve, and what is wrong with it.
#[derive(Clone, Debug)]
pub struct Broken {
    /// The log's directory, made if it is not there.
    pub data: PathBuf,
    /// Where it listens.
    pub listen: SocketAddr,
    /// What the log takes.
    pub kind: Kind,
    /// What its store does not do.
    pub danger: Danger,
}

/// Serves until the process is killed. `ready` is handed what `deedbook serve --json` prints, as far as anybody here
/// reads it.
///
/// # Errors
/// The log cannot be opened, or nothing can listen.
pub async fn serve(broken: &Broken, ready: impl FnOnce(&str)) -> Result<(), TrialError> {
    let listener = TcpListener::bind(broken.listen).await.map_err(TrialError::failed)?;
    let directory = DataDirectory::open(&broken.data).map_err(TrialError::failed)?;
    let metrics = Metrics::new();
    let log = open(&directory, broken, metrics.clone())?;
    let config = Config {
        metrics: metrics.clone(),
        clock: Arc::new(SystemClock),
        publish_every: PUBLISH_EVERY,
        access: Access::Open,
        custody: Some(custody(&directory)?),
        lookups: None,
        witnesses: None,
        timeouts: Timeouts::default(),
    };
    let app = App::new(log, config).map_err(TrialError::failed)?;
    let line = serde_json::json!({
        "url": format!("http://{}", listener.local_addr().map_err(TrialError::failed)?),
        "vkey": app.log().reader().vkey().to_string(),
        "read_only": match app.log().status() {
            Status::ReadOnly(standing) => Some(standing.to_string()),
            _ => None,
        },
    });
    ready(&line.to_string());
    let router = server::routes::router(app);
    server::serve(listener, router, metrics, Capacity::of_this_process(), None, std::future::pending()).await;
    Ok(())
}

fn open(directory: &DataDirectory, broken: &Broken, metrics: Arc<Metrics>) -> Result<Log, TrialError> {
    let origin = ORIGIN.parse().map_err(TrialError::failed)?;
    let signer = if let Some(signer) = directory.signer().map_err(TrialError::failed)? {
        signer
    } else {
        let identity = LogIdentity::new(&origin, broken.kind);
        directory.write_identity(&identity).map_err(TrialError::failed)?;
        // Nobody is to rely on this log.
        directory.create_signer(origin, &[7; 32]).map_err(TrialError::failed)?
    };
    let options = SledOptions { danger: broken.danger, ..SledOptions::default() };
    let store = SledStore::open(&directory.store_path(), &options).map_err(TrialError::failed)?;
    let options = Options { publish_every: PUBLISH_EVERY, observer: metrics, ..Options::default() };
    let evidence = Box::new(directory.head_file());
    Log::open(Arc::new(store), broken.kind, signer, evidence, options).map_err(TrialError::failed)
}

/// How `danger` is written on a command line.
pub fn name(danger: Danger) -> &'static str {
    match danger {
        Danger::None => "none",
        Danger::NoFsync => "no-fsync",
        Danger::SpillIntoBlobs => "spill",
    }
}

/// The danger with this name.
pub fn named(name: &str) -> Option<Danger> {
    [Danger::None, Danger::NoFsync, Danger::SpillIntoBlobs]
        .into_iter()
        .find(|danger| self::name(*danger) == name)
}

/// Who keeps content beside the log; here nothing is broken.
fn custody(directory: &DataDirectory) -> Result<Custody, TrialError> {
    let vault = Vault::open(&directory.content_keys_path()).map_err(TrialError::failed)?;
    let seed = directory.service_key(|seed| getrandom::fill(seed).map_err(std::io::Error::other));
    Ok(Custody::new(vault, Clerk::new(&seed.map_err(TrialError::failed)?), Places::NONE))
}
