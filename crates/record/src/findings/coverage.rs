//! `coverage_undeclared` and `gap_declared`, and the numbering of each producer.

use std::collections::HashMap;

use super::sequence::Sequence;
use super::{Found, Parameters, Rule};
use crate::model::{Group, Kind};

/// All producers that were heard of.
#[derive(Debug, Default)]
pub(super) struct Producers {
    by_id: HashMap<String, Producer>,
}

#[derive(Debug, Default)]
struct Producer {
    declared: Option<u64>,
    told: bool,
    sequence: Sequence,
}

impl Producers {
    pub(super) fn judge(&mut self, parameters: &Parameters, found: &mut Found<'_, '_>) {
        let record = found.seen.record;
        let named = record.producer.as_ref();
        let id = named.map_or("", |producer| producer.id.as_str());
        if matches!(record.kind.group(), Group::Key | Group::Oversight) && named.is_none() {
            return;
        }
        let producer = self.by_id.entry(id.to_owned()).or_default();
        match record.kind {
            Kind::CoverageDeclared => producer.declared = Some(found.seen.index),
            Kind::GapDeclared => gap_declared(found),
            _ => producer.declares(id, found),
        }
        if let Some(seq) = named.and_then(|producer| producer.seq) {
            let of = format!("producer {id:?}");
            producer.sequence.take(seq, Some(parameters.gap_patience), &of, found);
            producer.sequence.tell_old_holes(parameters.gap_patience, &of, found);
        }
    }

    /// Whether a producer said what it records.
    pub(super) fn declared(&self, id: &str) -> bool {
        self.by_id.get(id).is_some_and(|producer| producer.declared.is_some())
    }
}

impl Producer {
    /// Told once for a producer.
    fn declares(&mut self, id: &str, found: &mut Found<'_, '_>) {
        let acts = matches!(found.seen.record.kind.group(), Group::Action | Group::Session);
        if !acts || self.told || self.declared.is_some() {
            return;
        }
        self.told = true;
        let why = match id {
            "" => "records without a producer speak for nobody who promised anything".to_owned(),
            id => format!("producer {id:?} had not said what it records"),
        };
        found.push(Rule::CoverageUndeclared, &[], why);
    }
}

fn gap_declared(found: &mut Found<'_, '_>) {
    if let Some(gap) = &found.seen.record.gap {
        let why = format!("{} records were lost: {}", gap.lost, gap.reason);
        found.push(Rule::GapDeclared, &[], why);
    }
}
