//! What the operator sees of the witnesses.

use std::time::Duration;

use crate::reply::Cause;

/// Is told what happened, for metrics. Must not block.
pub trait Observer: Send + Sync {
    /// A witness was asked; `cause` says why it did not cosign, if it did not.
    fn asked(&self, witness: &str, took: Duration, cause: Option<Cause>);

    /// A publication waited so long for the witnesses; whether there were enough cosignatures then.
    fn round(&self, took: Duration, met: bool);
}

/// How things stand with the witnesses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Each of them, in the order of the policy.
    pub witnesses: Vec<WitnessReport>,
    /// Whether the newest head that was to be published has enough cosignatures.
    pub met: bool,
    /// For how long, and for how many publications in a row, there were not enough.
    pub unmet: Option<(Duration, u64)>,
    /// How old the cosignatures are that make the newest witnessed checkpoint one; `None` if none is.
    pub cosigned_age: Option<Duration>,
    /// Cosignatures are asked for anew so often.
    pub refresh: Duration,
}

/// How things stand with one witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessReport {
    /// Its name: that of its first key in the policy.
    pub name: String,
    /// The size that it is believed to have cosigned last.
    pub stored: Option<u64>,
    /// Why it did not cosign when it was last asked.
    pub trouble: Option<Cause>,
}

impl Report {
    /// What somebody should look at: one sentence each.
    pub fn warnings(&self) -> Vec<String> {
        let of_witness = |witness: &WitnessReport| {
            let cause = witness.trouble.filter(|cause| !cause.passes())?;
            Some(format!("witness {}: {}", witness.name, cause.words()))
        };
        let mut warnings: Vec<String> = self.witnesses.iter().filter_map(of_witness).collect();
        if let Some(age) = self.cosigned_age.filter(|age| self.unmet.is_none() && *age > self.refresh * 2) {
            warnings.push(format!("the cosignatures are {} seconds old and are not renewed", age.as_secs()));
        }
        warnings
    }

    /// That the quorum was not met for several publications, if so.
    pub fn unmet_for(&self, publications: u64) -> Option<String> {
        let (time, count) = self.unmet.filter(|(_, count)| *count >= publications)?;
        let silent: Vec<_> = self.witnesses.iter().filter(|witness| witness.trouble.is_some()).collect();
        let named: Vec<&str> = silent.iter().map(|witness| witness.name.as_str()).collect();
        let named = if named.is_empty() { String::new() } else { format!("; without: {}", named.join(", ")) };
        Some(format!(
            "too few witnesses have cosigned the newest checkpoint, for {} seconds and {count} publications{named}",
            time.as_secs()
        ))
    }
}
