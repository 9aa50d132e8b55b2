//! Which logs are meant, where they are read, and whom to believe about each.

use std::path::Path;

use ::monitor::run::Watched;
use client::follow::Changes;
use client::{HttpOptions, Source};
use tlog::key::KeyName;
use tlog::policy::Policy;

use super::config::Config;
use super::{Args, http};
use crate::cli::{Failure, read_input};
use crate::trust::{HttpArgs, log_only};

/// The logs that were typed, and those of the file.
pub(super) fn logs(args: &Args, config: &Config, changes: Changes) -> Result<Vec<Watched>, Failure> {
    let mut logs = vec![];
    let mut policies: Vec<Policy> =
        args.policies.iter().map(|path| policy(path)).collect::<Result<_, _>>()?;
    policies.extend(args.vkey.as_deref().map(log_only).transpose()?);
    let options = http(&args.http)?;
    match (args.logs.as_slice(), policies.as_slice()) {
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
    for log in &config.log {
        let policy = policy(&log.policy)?;
        let token_file = log.token_file.clone().or(args.http.token_file.clone());
        let options = http(&HttpArgs { token_file, ..args.http.clone() })?;
        match &log.place {
            Some(place) => logs.push(watched(place, &policy, &options, changes)?),
            None => logs.extend(named(&policy, &options, changes)?),
        }
    }
    Ok(logs)
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
