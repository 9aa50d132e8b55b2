//! The keys that a log has and had, as they stand in a file: from which size on each of them signs.

use ::evidence::LogKey;
use client::follow::{Broken, Changes, FollowError};
use client::keys::{History, KeysError, Step, follow_keys};
use tlog::checkpoint::SignedCheckpoint;
use tlog::policy::Policy;

use crate::cli::Failure;
use crate::print::remark;
use crate::trust::TrustArgs;
use crate::whole_log::{WholeLog, failure};

/// The keys up to the newest that signed the log's checkpoint, by the history at hand or the log's own. With pinned keys
/// nobody is asked, and the one that the checkpoint was verified by stands alone.
pub(super) async fn of(log: &WholeLog, trust: &TrustArgs) -> Result<Vec<LogKey>, Failure> {
    let alone = || vec![LogKey { from: 0, vkey: log.checkpoint.log_key().to_string() }];
    if trust.changes() == Changes::Refused {
        return Ok(alone());
    }
    let told = match trust.history()? {
        Some(history) => Some(history),
        None => fetch(log).await?,
    };
    let Some(history) = told else { return Ok(alone()) };
    let signed = log.checkpoint.signed();
    let keys = in_order(&history, signed).map_err(broken)?;
    Ok(keys.unwrap_or_else(|| {
        remark("the log's key history does not tell of the key that signed; the file names this one only");
        alone()
    }))
}

async fn fetch(log: &WholeLog) -> Result<Option<History>, Failure> {
    let document = log.source.keys().await.map_err(Failure::could_not_tell)?;
    document.map(|document| History::parse(&document)).transpose().map_err(broken)
}

fn broken(error: KeysError) -> Failure {
    failure(FollowError::from(Broken::from(error)))
}

/// The first key, and those that took its place, up to the newest that signed; `None` if none of them did. Each change is
/// proven by the key before; that the first was the log's is the history's word.
fn in_order(history: &History, signed: &SignedCheckpoint) -> Result<Option<Vec<LogKey>>, KeysError> {
    let first = history.first();
    let trusted =
        Policy::log_only(first.clone()).map_err(|fault| KeysError::Document { why: fault.to_string() })?;
    let later = follow_keys(&trusted, history)?.steps.into_iter().map(|Step { until, new, .. }| (until, new));
    let keys: Vec<_> = std::iter::once((0, first.clone())).chain(later).collect();
    Ok(LogKey::up_to(&keys, signed))
}
