//! What is counted of a log's witnesses.

use std::{collections::HashSet, sync::atomic::AtomicU64, time::Duration};

use parking_lot::Mutex;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};
use witnessing::{Cause, Report, WitnessReport};

/// Labels of a witness: its name.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Named {
    witness: String,
}

/// Labels of a witness that did not cosign: its name, and why.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Trouble {
    witness: String,
    cause: &'static str,
}

/// Metrics of the witnesses of a log; not shown where it asks none.
pub(super) struct Witnesses {
    size: Family<Named, Gauge>,
    alarm: Family<Trouble, Gauge>,
    /// What `alarm` has at present.
    alarming: Mutex<HashSet<Trouble>>,
    failures: Family<Trouble, Counter>,
    ask_seconds: Family<Named, Histogram, fn() -> Histogram>,
    round_seconds: Histogram,
    met: Gauge,
    unmet_age: Gauge<f64, AtomicU64>,
    cosigned_age: Gauge<f64, AtomicU64>,
}

fn seconds() -> Histogram {
    Histogram::new([0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0])
}

impl Witnesses {
    pub(super) fn new() -> Self {
        Self {
            size: Family::default(),
            alarm: Family::default(),
            alarming: Mutex::default(),
            failures: Family::default(),
            ask_seconds: Family::new_with_constructor(seconds),
            round_seconds: seconds(),
            met: Gauge::default(),
            unmet_age: Gauge::default(),
            cosigned_age: Gauge::default(),
        }
    }

    #[rustfmt::skip]
    pub(super) fn register(&self, r: &mut Registry) {
        r.register("witness_size", "Size that a witness is believed to have cosigned last", self.size.clone());
        r.register("witness_alarm", "1 for what somebody has to look into: why a witness does not cosign", self.alarm.clone());
        r.register("witness_failures", "Requests after which a witness had not cosigned, by cause", self.failures.clone());
        r.register_with_unit("witness_ask", "From a request to a witness to its answer", Unit::Seconds, self.ask_seconds.clone());
        r.register_with_unit("witness_round", "What a publication waited for the witnesses", Unit::Seconds, self.round_seconds.clone());
        r.register("witness_quorum_met", "1 if enough witnesses have cosigned the newest checkpoint", self.met.clone());
        r.register_with_unit("unwitnessed_age", "Since there are too few cosignatures of the newest checkpoint", Unit::Seconds, self.unmet_age.clone());
        r.register_with_unit("cosigned_age", "Age of the cosignatures of the newest witnessed checkpoint", Unit::Seconds, self.cosigned_age.clone());
    }

    /// Takes over how things stand.
    pub(super) fn report(&self, report: &Report) {
        for witness in &report.witnesses {
            let named = Named { witness: witness.name.clone() };
            self.size.get_or_create(&named).set(witness.stored.unwrap_or(0).cast_signed());
        }
        self.alarms(report);
        self.met.set(report.met.into());
        let unmet = report.unmet.map_or(Duration::ZERO, |(age, _)| age);
        self.unmet_age.set(unmet.as_secs_f64());
        let age = report.cosigned_age.map_or(f64::INFINITY, |age| age.as_secs_f64());
        self.cosigned_age.set(age);
    }

    /// What stands stays, whoever reads meanwhile; what is over is taken away.
    fn alarms(&self, report: &Report) {
        let of = |witness: &WitnessReport| {
            let cause = witness.trouble.filter(|cause| !cause.passes())?;
            Some(Trouble { witness: witness.name.clone(), cause: cause.name() })
        };
        let now: HashSet<Trouble> = report.witnesses.iter().filter_map(of).collect();
        let mut before = self.alarming.lock();
        for trouble in &now {
            self.alarm.get_or_create(trouble).set(1);
        }
        for over in before.difference(&now) {
            self.alarm.remove(over);
        }
        *before = now;
    }

    pub(super) fn asked(&self, witness: &str, took: Duration, cause: Option<Cause>) {
        let witness = witness.to_owned();
        self.ask_seconds.get_or_create(&Named { witness: witness.clone() }).observe(took.as_secs_f64());
        if let Some(cause) = cause {
            self.failures.get_or_create(&Trouble { witness, cause: cause.name() }).inc();
        }
    }

    pub(super) fn round(&self, took: Duration) {
        self.round_seconds.observe(took.as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;

    fn report(trouble: [Option<Cause>; 2]) -> Report {
        let witness = |(name, trouble): (&str, _)| WitnessReport { name: name.into(), stored: None, trouble };
        Report {
            witnesses: ["w1", "w2"].into_iter().zip(trouble).map(witness).collect(),
            met: false,
            unmet: None,
            cosigned_age: None,
            refresh: Duration::ZERO,
        }
    }

    #[test]
    fn an_alarm_that_stands_is_in_every_reading_and_one_that_is_over_in_none() {
        let (witnesses, mut registry) = (Witnesses::new(), Registry::default());
        witnesses.register(&mut registry);
        let alarms = || {
            let mut text = String::new();
            encode(&mut text, &registry).unwrap();
            let mut lines: Vec<_> = text.lines().filter(|line| line.starts_with("witness_alarm{")).collect();
            lines.sort_unstable();
            lines.join(" ")
        };
        let stands = report([Some(Cause::NotEnrolled), None]);
        witnesses.report(&stands);
        let line = alarms();
        assert!(line.contains("w1") && line.ends_with("} 1"), "{line}");
        std::thread::scope(|scope| {
            let reporting = scope.spawn(|| (0..2_000).for_each(|_| witnesses.report(&stands)));
            while !reporting.is_finished() {
                assert_eq!(alarms(), line);
            }
        });
        witnesses.report(&report([None, Some(Cause::NotEnrolled)]));
        let other = alarms();
        assert!(other.contains("w2") && !other.contains("w1"), "{other}");
        witnesses.report(&report([None, None]));
        assert_eq!(alarms(), "");
    }
}
