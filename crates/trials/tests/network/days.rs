//! The bad days, a test each.

use crate::holds;

#[test]
fn an_honest_network_accuses_nobody_and_is_well_soon_after_any_weather() {
    holds("honest", 3);
}

#[test]
fn of_two_logs_with_one_key_one_history_is_witnessed_and_monitors_prove_the_other() {
    holds("two-logs", 4);
}

#[test]
fn an_old_copy_stands_down_before_it_signs_anything() {
    holds("old-copy", 4);
}

#[test]
fn an_old_copy_that_reaches_no_witness_is_proven_by_receipts_and_stands_down_later() {
    holds("old-copy-alone", 4);
}

#[test]
fn an_old_copy_without_witnesses_is_noticed_by_every_monitor() {
    holds("old-copy-unwitnessed", 4);
}

#[test]
fn an_altered_entry_is_noticed_by_every_monitor() {
    holds("tampered", 4);
}

#[test]
fn a_hidden_history_is_unknown_to_one_monitor_until_a_receipt_is_handed_in() {
    holds("hidden-one-monitor", 8);
}

#[test]
fn two_monitors_prove_a_hidden_history_within_two_gossip_intervals() {
    holds("hidden-two-monitors", 8);
}

#[test]
fn three_monitors_prove_a_hidden_history_within_two_gossip_intervals() {
    holds("hidden-three-monitors", 9);
}

#[test]
fn monitors_that_are_apart_prove_it_by_a_third_or_once_they_are_together() {
    holds("hidden-parted", 8);
}

#[test]
fn a_monitor_that_lies_keeps_the_others_from_nothing() {
    holds("hidden-liar", 8);
}

#[test]
fn a_promise_that_is_never_published_is_told_of_after_the_delay() {
    holds("never-published", 6);
}

#[test]
fn what_no_witness_has_seen_is_not_believed() {
    holds("hidden-from-witnesses", 6);
}

#[test]
fn a_wrong_clock_stops_nothing_and_no_time_goes_back() {
    holds("wrong-clock", 6);
}

#[test]
fn a_witness_that_was_away_for_a_day_cosigns_again_at_once() {
    holds("witness-away", 1);
}

#[test]
fn a_witness_that_cosigns_two_histories_is_accused_with_a_proof() {
    holds("two-faced-witness", 4);
}

#[test]
fn one_witness_that_says_it_is_ahead_is_an_alarm() {
    holds("one-witness-ahead", 3);
}

#[test]
fn as_many_as_no_quorum_can_do_without_make_the_log_stand_down() {
    holds("two-witnesses-ahead", 3);
}

#[test]
fn a_witness_that_is_asked_for_two_histories_at_once_cosigns_one() {
    holds("at-once", 8);
}

#[test]
fn gossip_that_is_repeated_held_and_swapped_tells_each_thing_once() {
    holds("again-and-again", 2);
}

#[test]
fn a_flood_takes_no_room_from_others() {
    holds("flood", 1);
}

#[test]
fn a_witness_killed_between_two_steps_cosigns_one_history() {
    holds("witness-killed", 18);
}

#[test]
fn a_monitor_killed_between_two_steps_forgets_nothing() {
    holds("monitor-killed", 12);
}
