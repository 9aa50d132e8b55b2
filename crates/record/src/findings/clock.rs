//! `received_late` and `clock_ahead`: the producer's clock against the log's.

use super::{Found, Parameters, Rule};
use crate::model::{Delivery, Group};

pub(super) fn judge(parameters: &Parameters, found: &mut Found<'_, '_>) {
    let record = found.seen.record;
    // The log writes those itself.
    if matches!(record.kind.group(), Group::Key | Group::Oversight) {
        return;
    }
    let after = found.seen.received.unix_ms() - record.time.unix_ms();
    let live = matches!(record.delivery, None | Some(Delivery::Live));
    if live && after > parameters.late_ms {
        let why = format!("it arrived {} after its own time, and is not said to be late", seconds(after));
        found.push_with(Rule::ReceivedLate, Some(("late_ms", parameters.late_ms)), &[], why);
    }
    if -after > parameters.ahead_ms {
        let why = format!("its own time lies {} after its arrival", seconds(-after));
        found.push_with(Rule::ClockAhead, Some(("ahead_ms", parameters.ahead_ms)), &[], why);
    }
}

fn seconds(ms: i64) -> String {
    format!("{}.{:03} s", ms / 1_000, ms % 1_000)
}
