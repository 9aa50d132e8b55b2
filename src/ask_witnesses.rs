//! The witnesses that `deedbook serve` asks: options, file, and what they come to.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use client::Authorities;
use client::keys::follow_keys;
use sequencer::witnesses::WhenUnwitnessed;
use serde::Deserialize;
use tlog::policy::Policy;
use witnessing::{Observer, Options, Witnesses};

use crate::cli::{Failure, read_input};
use crate::keyring::Keyring;

/// How long a publication waits for cosignatures if nobody says.
const TIMEOUT: f64 = 1.0;
/// How often a quiet log is cosigned anew if nobody says.
const REFRESH: f64 = 600.0;

/// Options about witnesses.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Witnesses")]
pub(crate) struct WitnessArgs {
    /// A policy (C2SP tlog-policy) with this log's key, and with witnesses and their URLs: ask them to cosign what is published
    #[arg(long, value_name = "FILE", env = "DEEDBOOK_WITNESS_POLICY")]
    policy: Option<PathBuf>,
    /// What to publish while too few cosign; has to be said where the policy has a quorum
    #[arg(long, value_enum, env = "DEEDBOOK_WHEN_UNWITNESSED")]
    when_unwitnessed: Option<WhenArg>,
    /// Seconds that a publication waits for cosignatures [default: 1]
    #[arg(long, value_name = "SECONDS", env = "DEEDBOOK_WITNESS_TIMEOUT")]
    witness_timeout: Option<f64>,
    /// Seconds after which an unchanged checkpoint is cosigned anew [default: 600]
    #[arg(long, value_name = "SECONDS", env = "DEEDBOOK_WITNESS_REFRESH")]
    witness_refresh: Option<f64>,
    /// A file with the certificates (PEM) of the authorities to believe about witnesses, instead of the system's
    #[arg(long, value_name = "FILE", env = "DEEDBOOK_WITNESS_CA_FILE")]
    witness_ca_file: Option<PathBuf>,
}

/// The same in the configuration file.
#[derive(Debug, Default)]
pub(crate) struct WitnessConfig {
    pub(crate) policy: Option<PathBuf>,
    pub(crate) when_unwitnessed: Option<WhenArg>,
    pub(crate) witness_timeout: Option<f64>,
    pub(crate) witness_refresh: Option<f64>,
    pub(crate) witness_ca_file: Option<PathBuf>,
}

/// What to publish while too few cosign, as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum WhenArg {
    /// The last checkpoint that has enough cosignatures: the public log stands still
    Hold,
    /// The newest checkpoint, with too few
    Publish,
}

/// Whom to ask, and how.
#[derive(Debug, Clone)]
pub(crate) struct AskWitnesses {
    path: PathBuf,
    policy: Policy,
    pub(crate) when_unwitnessed: WhenUnwitnessed,
    timeout: Duration,
    refresh: Duration,
    ca_file: Option<PathBuf>,
}

impl WitnessArgs {
    /// Options over the file over defaults; `None` without a policy.
    pub(crate) fn plan(self, config: WitnessConfig) -> Result<Option<AskWitnesses>, Failure> {
        let choice = self.when_unwitnessed.or(config.when_unwitnessed);
        let (timeout, refresh) = (
            self.witness_timeout.or(config.witness_timeout),
            self.witness_refresh.or(config.witness_refresh),
        );
        let ca_file = self.witness_ca_file.or(config.witness_ca_file);
        let Some(path) = self.policy.or(config.policy) else {
            let said = [
                ("--when-unwitnessed", choice.is_some()),
                ("--witness-timeout", timeout.is_some()),
                ("--witness-refresh", refresh.is_some()),
                ("--witness-ca-file", ca_file.is_some()),
            ];
            return match said.into_iter().find(|(_, said)| *said) {
                Some((option, _)) => Err(Failure::could_not_tell(format!(
                    "{option} is about witnesses, and none are asked: name them with --policy, or leave {option} out (it may \
                     come from the environment or the configuration file)"
                ))),
                None => Ok(None),
            };
        };
        let policy = Policy::parse(&read_input(&path)?)
            .map_err(|error| Failure::could_not_tell(format!("{}: {error}", path.display())))?;
        let when_unwitnessed = match choice {
            Some(WhenArg::Hold) => WhenUnwitnessed::Hold,
            Some(WhenArg::Publish) => WhenUnwitnessed::Publish,
            // With a quorum of nobody there are always enough.
            None if policy.satisfied_by(|_| false) => WhenUnwitnessed::Publish,
            None => return Err(Failure::could_not_tell(undecided(&path))),
        };
        Ok(Some(AskWitnesses {
            path,
            policy,
            when_unwitnessed,
            timeout: within("--witness-timeout", timeout.unwrap_or(TIMEOUT), 0.01, 30.0)?,
            refresh: within("--witness-refresh", refresh.unwrap_or(REFRESH), 1.0, 86_400.0)?,
            ca_file,
        }))
    }
}

fn undecided(path: &Path) -> String {
    format!(
        "{}: this policy has a quorum, so say what is to be published while too few witnesses cosign. --when-unwitnessed \
         hold: the last checkpoint that has enough, so that nobody is shown anything else and the public log stands still; \
         --when-unwitnessed publish: the newest one all the same, and whoever demands the quorum sees that it is missing",
        path.display()
    )
}

fn within(option: &str, seconds: f64, least: f64, most: f64) -> Result<Duration, Failure> {
    if (least..=most).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err(Failure::could_not_tell(format!("{option}: {seconds} is not between {least} and {most} seconds")))
    }
}

impl AskWitnesses {
    /// The witnesses, ready to be asked once the log is open. A policy that names a key that the log had is followed to the
    /// one it has.
    pub(crate) fn witnesses(
        &self,
        keyring: &Keyring,
        observer: Arc<dyn Observer>,
    ) -> Result<Arc<Witnesses>, Failure> {
        let failed = |error: &dyn std::fmt::Display| {
            Failure::could_not_tell(format!("{}: {error}", self.path.display()))
        };
        let policy = match follow_keys(&self.policy, keyring.history()) {
            Ok(followed) => followed.policy,
            // It names no key of this log; that is said below, with the key.
            Err(_) => self.policy.clone(),
        };
        let runtime = tokio::runtime::Handle::try_current().map_err(Failure::could_not_tell)?;
        let options = Options {
            timeout: self.timeout,
            refresh: self.refresh,
            authorities: self.authorities()?,
            observer,
        };
        let witnesses = Witnesses::new(policy, keyring.present(), options, runtime);
        witnesses.map(Arc::new).map_err(|error| failed(&error))
    }

    fn authorities(&self) -> Result<Option<Authorities>, Failure> {
        let Some(path) = &self.ca_file else { return Ok(None) };
        let read = Authorities::from_pem(&read_input(path)?);
        read.map(Some).map_err(|error| Failure::could_not_tell(format!("{}: {error}", path.display())))
    }

    /// In words, for whoever starts the log.
    pub(crate) fn told(&self) -> String {
        let names: Vec<String> = self.policy.witnesses().map(|(key, _)| key.name().to_string()).collect();
        let meanwhile = match self.when_unwitnessed {
            WhenUnwitnessed::Hold => "while too few cosign, the last checkpoint that has enough is published",
            WhenUnwitnessed::Publish => {
                "while too few cosign, the newest checkpoint is published all the same"
            }
        };
        format!("{}; {meanwhile}", names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::Typed;

    #[test]
    fn what_is_said_about_witnesses_without_any_is_not_ignored() {
        let plan = |words: &[&str], config| {
            let typed = ["serve"].iter().chain(words);
            let args = Typed::<WitnessArgs>::try_parse_from(typed).unwrap().args;
            args.plan(config).map(|plan| plan.is_some())
        };
        let none = WitnessConfig::default;
        assert!(!plan(&[], none()).unwrap());
        for (option, value) in [
            ("--when-unwitnessed", "hold"),
            ("--witness-timeout", "2"),
            ("--witness-refresh", "60"),
            ("--witness-ca-file", "ca.pem"),
        ] {
            let refused = plan(&[option, value], none()).unwrap_err().words;
            assert!(refused.starts_with(option) && refused.contains("name them with --policy"), "{refused}");
        }
        for (option, config) in [
            ("--when-unwitnessed", WitnessConfig { when_unwitnessed: Some(WhenArg::Hold), ..none() }),
            ("--witness-timeout", WitnessConfig { witness_timeout: Some(2.0), ..none() }),
            ("--witness-refresh", WitnessConfig { witness_refresh: Some(60.0), ..none() }),
            ("--witness-ca-file", WitnessConfig { witness_ca_file: Some("ca.pem".into()), ..none() }),
        ] {
            assert!(plan(&[], config).unwrap_err().words.starts_with(option));
        }
    }
}
