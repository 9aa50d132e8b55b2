//! Whom to believe, and how to reach a log: options that several verbs share.

use std::path::PathBuf;

use clap::Args;
use client::follow::{self, Changes};
use client::keys::{History, KeysError, Step, follow_keys};
use client::{Authorities, Bearer, HttpOptions, Source};
use tlog::key::VerifierKey;
use tlog::policy::Policy;

use crate::cli::{Failure, read_input};
use crate::print::{count, remark};
use crate::whole_log::failure;

/// Which log is believed: one of these, or `DEEDBOOK_POLICY` or `DEEDBOOK_VKEY` in the environment.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Whom to believe")]
pub(crate) struct TrustArgs {
    /// The log's public key (name+id+base64), from a source you trust
    #[arg(long, value_name = "VKEY", conflicts_with_all = ["vkey_file", "policy"])]
    pub(crate) vkey: Option<String>,
    /// A file with the log's public key
    #[arg(long, value_name = "FILE", conflicts_with = "policy")]
    pub(crate) vkey_file: Option<PathBuf>,
    /// A policy (C2SP tlog-policy): logs, witnesses, quorum
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// The log's key history (its /v1/log/keys), to follow changes of its key without asking it
    #[arg(long, value_name = "FILE")]
    pub(crate) keys: Option<PathBuf>,
    /// Believe the keys named here and no others, though the log announced another in their place
    #[arg(long, conflicts_with = "keys")]
    pub(crate) pin_key: bool,
}

impl TrustArgs {
    /// The policy that was meant, and the keys that the history at hand leads to; `None` if nothing says whom to believe.
    pub(crate) fn policy(&self) -> Result<Option<Policy>, Failure> {
        let Some(policy) = self.named()? else { return Ok(None) };
        let (Some(path), Some(history)) = (&self.keys, self.history()?) else { return Ok(Some(policy)) };
        let followed = follow_keys(&policy, &history).map_err(|error| cannot_follow(path, &error))?;
        if followed.steps.is_empty() {
            remark(&format!("{} tells of no change of a key that is believed", path.display()));
        }
        say(&followed.steps);
        Ok(Some(followed.policy))
    }

    /// The key history at hand.
    pub(crate) fn history(&self) -> Result<Option<History>, Failure> {
        let Some(path) = &self.keys else { return Ok(None) };
        History::parse(&read_input(path)?).map(Some).map_err(|error| cannot_follow(path, &error))
    }

    /// Whether changes of a log's key are followed.
    pub(crate) fn changes(&self) -> Changes {
        if self.pin_key { Changes::Refused } else { Changes::Followed }
    }

    /// What the policy comes to for a log as it is now: if it changed its key, that is followed, and said.
    pub(crate) async fn follow(&self, policy: Policy, source: &Source) -> Result<Policy, Failure> {
        let trust = follow::trust(source, &policy, None, self.changes()).await.map_err(failure)?;
        say(&trust.followed.steps);
        Ok(trust.followed.policy)
    }

    fn named(&self) -> Result<Option<Policy>, Failure> {
        let from_environment =
            |name| std::env::var_os(name).filter(|_| self.vkey.is_none() && self.vkey_file.is_none());
        if let Some(vkey) = &self.vkey {
            return log_only(vkey).map(Some);
        }
        if let Some(path) = &self.vkey_file {
            return log_only(&text(path)?).map(Some);
        }
        if let Some(path) =
            self.policy.clone().or_else(|| from_environment("DEEDBOOK_POLICY").map(PathBuf::from))
        {
            let policy = Policy::parse(&read_input(&path)?);
            return policy
                .map(Some)
                .map_err(|error| Failure::could_not_tell(format!("{}: {error}", path.display())));
        }
        from_environment("DEEDBOOK_VKEY").map(|vkey| log_only(&vkey.to_string_lossy())).transpose()
    }

    /// The policy that was meant; it must be said.
    pub(crate) fn required(&self) -> Result<Policy, Failure> {
        self.policy()?.ok_or_else(|| {
            Failure::could_not_tell(
                "whom to believe? give the log's key with --vkey or --vkey-file, or a --policy (a key that came from \
                 the log itself proves nothing)",
            )
        })
    }
}

/// A history that is none, or of another log, tells nothing; one that lies does not hold.
fn cannot_follow(path: &std::path::Path, error: &KeysError) -> Failure {
    let words = format!("{}: {error}", path.display());
    match error {
        KeysError::Document { .. } | KeysError::OtherLog { .. } => Failure::could_not_tell(words),
        _ => Failure::does_not_hold(words),
    }
}

/// Says that a key other than the one named is believed, and why.
fn say(steps: &[Step]) {
    for step in steps {
        remark(&change(step));
    }
}

/// One change of a log's key, in words.
pub(crate) fn change(step: &Step) -> String {
    format!(
        "the log's key changed at index {}, signed by the key before; the new key is {}",
        count(step.index),
        step.new
    )
}

/// Trust in one log by its vkey.
pub(crate) fn log_only(vkey: &str) -> Result<Policy, Failure> {
    let key: VerifierKey =
        vkey.trim().parse().map_err(|error| Failure::could_not_tell(format!("the vkey: {error}")))?;
    Policy::log_only(key).map_err(|error| Failure::could_not_tell(format!("the vkey: {error}")))
}

/// How a log is reached over HTTP.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Over HTTP")]
pub(crate) struct HttpArgs {
    /// A file with the token to show to the log; it is sent to the log's own origin only
    #[arg(long, value_name = "FILE", env = "DEEDBOOK_TOKEN_FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// A file with the certificates (PEM) of the authorities to believe, instead of the system's
    #[arg(long, value_name = "FILE", env = "DEEDBOOK_CA_FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Requests in flight, at most
    #[arg(long, value_name = "N", default_value_t = 16)]
    pub(crate) at_once: usize,
    /// Seconds that one attempt may take
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub(crate) timeout: u64,
}

impl HttpArgs {
    pub(crate) fn options(&self) -> Result<HttpOptions, Failure> {
        Ok(HttpOptions {
            token: self.token()?,
            authorities: self.authorities()?,
            timeout: std::time::Duration::from_secs(self.timeout.max(1)),
            at_once: self.at_once,
            ..HttpOptions::default()
        })
    }

    fn token(&self) -> Result<Option<Bearer>, Failure> {
        let Some(path) = &self.token_file else { return Ok(None) };
        let bearer = Bearer::new(zeroize::Zeroizing::new(text(path)?).trim());
        bearer.map(Some).map_err(|error| Failure::could_not_tell(format!("{}: {error}", path.display())))
    }

    fn authorities(&self) -> Result<Option<Authorities>, Failure> {
        let Some(path) = &self.ca_file else { return Ok(None) };
        let read = Authorities::from_pem(&read_input(path)?);
        read.map(Some).map_err(|error| Failure::could_not_tell(format!("{}: {error}", path.display())))
    }
}

/// A file that is text.
pub(crate) fn text(path: &std::path::Path) -> Result<String, Failure> {
    String::from_utf8(read_input(path)?)
        .map_err(|_| Failure::could_not_tell(format!("{}: this is not text", path.display())))
}
