//! Logs that are followed for long: which, where, and whom to believe. What `monitor` and `mirror` have in common.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ::monitor::run::Watched;
use client::follow::Changes;
use client::{HttpOptions, Source};
use serde::Deserialize;
use tlog::key::KeyName;
use tlog::policy::Policy;

use crate::cli::{Failure, read_input};
use crate::trust::{HttpArgs, log_only};

/// Attempts at one request.
const ATTEMPTS: u32 = 2;

/// One log of the configuration file. Paths are from the file's folder.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogConfig {
    /// Where it is read; otherwise the policy says it.
    place: Option<String>,
    policy: PathBuf,
    /// A token to show to this log.
    token_file: Option<PathBuf>,
}

impl LogConfig {
    /// The paths in it.
    pub(crate) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        std::iter::once(&mut self.policy).chain(&mut self.token_file)
    }

    /// Where it is read, if that is said.
    #[cfg(test)]
    pub(crate) fn place(&self) -> Option<&str> {
        self.place.as_deref()
    }

    /// A place that is a path is from this folder.
    pub(crate) fn place_below(&mut self, folder: &Path) -> Result<(), &'static str> {
        if let Some(place) = self.place.as_mut().filter(|place| is_path(place)) {
            let joined = folder.join(&*place).into_os_string();
            *place = joined.into_string().map_err(|_| "a place is no UTF-8 text")?;
        }
        Ok(())
    }
}

/// Whether a place is a path, and no URL.
fn is_path(place: &str) -> bool {
    !["http://", "https://", "file://"].iter().any(|scheme| place.starts_with(scheme))
}

/// What was typed.
pub(crate) struct Typed<'a> {
    pub(crate) places: &'a [String],
    pub(crate) policies: &'a [PathBuf],
    pub(crate) vkey: Option<&'a str>,
    pub(crate) http: &'a HttpArgs,
    pub(crate) changes: Changes,
}

impl Typed<'_> {
    /// The logs that were typed, and those of the configuration file.
    pub(crate) fn and(&self, config: &[LogConfig]) -> Result<Vec<Watched>, Failure> {
        let changes = self.changes;
        let mut logs = vec![];
        let mut policies: Vec<Policy> =
            self.policies.iter().map(|path| policy(path)).collect::<Result<_, _>>()?;
        policies.extend(self.vkey.map(log_only).transpose()?);
        let options = http(self.http)?;
        match (self.places, policies.as_slice()) {
            ([], policies) => {
                for policy in policies {
                    logs.extend(named(policy, &options, changes)?);
                }
            }
            (places, [policy]) => {
                for place in places {
                    logs.push(watched(place, policy, &options, changes)?);
                }
            }
            (places, policies) if places.len() == policies.len() => {
                for (place, policy) in places.iter().zip(policies) {
                    logs.push(watched(place, policy, &options, changes)?);
                }
            }
            (_, []) => return Err(Failure::could_not_tell("whom to believe? give --policy or --vkey")),
            (places, policies) => {
                return Err(Failure::could_not_tell(format!(
                    "{} logs and {} policies: give one policy for all of them, or one for each, in the same order",
                    places.len(),
                    policies.len()
                )));
            }
        }
        let mut own_token = vec![];
        for log in config {
            let policy = policy(&log.policy)?;
            let token_file = log.token_file.clone().or(self.http.token_file.clone());
            let options = http(&HttpArgs { token_file, ..self.http.clone() })?;
            let these = match &log.place {
                Some(place) => vec![watched(place, &policy, &options, changes)?],
                None => named(&policy, &options, changes)?,
            };
            if log.token_file.is_some() {
                one_server(&these)?;
                own_token.extend(these);
            } else {
                logs.extend(these);
            }
        }
        if self.http.token_file.is_some() {
            one_server(&logs)?;
        }
        logs.extend(own_token);
        Ok(logs)
    }
}

/// A token is shown to whoever serves these logs, and opens one of them: it is no business of others.
fn one_server(logs: &[Watched]) -> Result<(), Failure> {
    let server = |log: &Watched| match &log.source {
        Source::Http(http) => Some(http.prefix().origin().ascii_serialization()),
        Source::Local(_) => None,
    };
    let servers: BTreeSet<String> = logs.iter().filter_map(server).collect();
    if servers.len() < 2 {
        return Ok(());
    }
    Err(Failure::could_not_tell(format!(
        "one token would be shown to {} servers ({}); give each log its own token_file, in a configuration file (--config)",
        servers.len(),
        servers.into_iter().collect::<Vec<_>>().join(", ")
    )))
}

/// The logs for which the policy says where they are.
fn named(policy: &Policy, options: &HttpOptions, changes: Changes) -> Result<Vec<Watched>, Failure> {
    let placed = policy.logs().iter().filter_map(|log| Some((log.key.name().clone(), log.url.clone()?)));
    let open = |(origin, place): (KeyName, String)| {
        let source = Source::open(&place, options).map_err(Failure::could_not_tell)?;
        Ok(Watched { origin, source, policy: policy.clone(), changes })
    };
    placed.map(open).collect()
}

/// The log at a place, under a policy: the one that the policy places there, or the only one that it names.
fn watched(
    place: &str,
    policy: &Policy,
    options: &HttpOptions,
    changes: Changes,
) -> Result<Watched, Failure> {
    let there = policy.logs().iter().find(|log| log.url.as_deref() == Some(place));
    let mut names: Vec<_> = policy.logs().iter().map(|log| log.key.name()).collect();
    names.dedup();
    let origin = match (there, names.as_slice()) {
        (Some(log), _) => log.key.name().clone(),
        (None, [only]) => (*only).clone(),
        (None, _) => {
            return Err(Failure::could_not_tell(format!(
                "which of its logs does the policy mean at {place}? Give the log's line this URL, or take a policy that \
                 names one log"
            )));
        }
    };
    let source = Source::open(place, options).map_err(Failure::could_not_tell)?;
    Ok(Watched { origin, source, policy: policy.clone(), changes })
}

fn policy(path: &Path) -> Result<Policy, Failure> {
    let read = Policy::parse(&read_input(path)?);
    read.map_err(|error| Failure::could_not_tell(format!("{}: {error}", path.display())))
}

/// How logs are asked: what fails is tried again at the next look.
pub(crate) fn http(args: &HttpArgs) -> Result<HttpOptions, Failure> {
    Ok(HttpOptions { attempts: ATTEMPTS, ..args.options()? })
}
