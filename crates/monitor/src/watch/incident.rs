//! What is wrong: noted once, told again as long as it is, never forgotten.

use serde::{Deserialize, Serialize};

use super::Watch;
use crate::event::{Kind, Millis, Told, What, rfc3339};

/// Incidents of one log that are kept, at most: the first ones. There is always room for those that fork proofs stand for,
/// which have bounds of their own.
pub const INCIDENTS_MAX: usize = 256;

/// Something that was wrong with a log, or is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// What kind.
    pub kind: Kind,
    /// Which one of its kind.
    pub subject: String,
    /// When it began.
    pub since: Millis,
    /// When it was seen last.
    pub last: Millis,
    /// How often it was seen.
    pub times: u64,
    /// When it ended; `None`: it has not.
    pub over: Option<Millis>,
    /// A sentence.
    pub detail: String,
    /// Name of the fork proof.
    pub proof: Option<String>,
    /// Keys that signed what cannot both be true.
    pub guilty: Vec<String>,
    told: Millis,
}

/// What is seen.
pub(super) struct Sight {
    pub(super) kind: Kind,
    pub(super) subject: String,
    pub(super) detail: String,
    pub(super) proof: Option<String>,
    pub(super) guilty: Vec<String>,
}

impl Sight {
    pub(super) fn new(kind: Kind, subject: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { kind, subject: subject.into(), detail: detail.into(), proof: None, guilty: vec![] }
    }
}

impl Incident {
    /// Whether it is not over.
    pub fn is_open(&self) -> bool {
        self.over.is_none()
    }

    fn told(&self, again: bool) -> Told {
        Told {
            incident: self.kind,
            subject: self.subject.clone(),
            since: rfc3339(self.since),
            times: self.times,
            again,
            detail: self.detail.clone(),
            proof: self.proof.clone(),
            guilty: self.guilty.clone(),
        }
    }
}

impl Watch {
    /// Notes what is seen; tells it if it is new, begins anew, or accuses somebody else too.
    pub(super) fn see(&mut self, now: Millis, sight: Sight) {
        let same = |incident: &Incident| incident.kind == sight.kind && incident.subject == sight.subject;
        let told = if let Some(incident) = self.memory.incidents.iter_mut().find(|incident| same(incident)) {
            let worse = sight.guilty.len() > incident.guilty.len();
            let news = incident.over.take().is_some() || worse;
            incident.times += 1;
            incident.last = now;
            if worse || (incident.proof.is_none() && !sight.detail.is_empty()) {
                (incident.detail, incident.proof, incident.guilty) =
                    (sight.detail, sight.proof, sight.guilty);
            }
            if !news {
                return;
            }
            incident.told = now;
            incident.told(false)
        } else {
            let full = self.memory.incidents.len() >= INCIDENTS_MAX;
            if full && !matches!(sight.kind, Kind::SplitView | Kind::TwoHistoriesCosigned) {
                return;
            }
            let Sight { kind, subject, detail, proof, guilty } = sight;
            let (since, last, times, over, told) = (now, now, 1, None, now);
            let new = Incident { kind, subject, since, last, times, over, detail, proof, guilty, told };
            let told = new.told(false);
            self.memory.incidents.push(new);
            told
        };
        self.tell(now, What::Incident(told));
    }

    /// What was wrong is not any more, for all of this kind that fit.
    pub(super) fn end(&mut self, now: Millis, kind: Kind, which: impl Fn(&str) -> bool) {
        let mut over = vec![];
        for incident in self.memory.incidents.iter_mut().filter(|each| each.kind == kind && each.is_open()) {
            if which(&incident.subject) {
                incident.over = Some(now);
                over.push(incident.told(false));
            }
        }
        over.into_iter().for_each(|told| self.tell(now, What::Over(told)));
    }

    /// Tells again what was not told for long.
    pub(super) fn tell_again(&mut self, now: Millis) {
        let again = self.limits.again;
        self.tell_open(now, |incident| incident.told.saturating_add(again) <= now);
    }

    /// Tells again all that is wrong.
    pub(super) fn tell_all_again(&mut self, now: Millis) {
        self.tell_open(now, |_| true);
    }

    fn tell_open(&mut self, now: Millis, which: impl Fn(&Incident) -> bool) {
        let mut due = vec![];
        for incident in self.memory.incidents.iter_mut().filter(|each| each.is_open() && which(each)) {
            incident.told = now;
            due.push(incident.told(true));
        }
        due.into_iter().for_each(|told| self.tell(now, What::Incident(told)));
    }
}
