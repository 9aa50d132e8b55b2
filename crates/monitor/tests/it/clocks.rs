//! Clocks go only while somebody looks: nothing is told of a time of which nothing is known.

use monitor::event::{Kind, Millis};
use monitor::watch::{Input, Limits, Whom};

use crate::world::{History, LIMITS, Monitored};

const DELAY: Millis = LIMITS.delay;
const DAY: Millis = 24 * 3_600_000;

fn silent() -> Input {
    Input::Silent { why: "no answer".into() }
}

#[test]
fn a_head_is_missed_only_after_the_log_could_be_read_for_as_long_as_the_delay() {
    let (history, mut monitored) = (History::of(100), Monitored::new());
    monitored.shown(0, &history, 90);
    // Our own link is down; others go on.
    monitored.settle(1_000, &history, silent());
    let nothing = History::of(0);
    let ahead = Input::Heard { heard: history.heard(95, &[]), from: Whom::Client("10.0.0.1".into()) };
    monitored.settle(2_000, &nothing, ahead);
    for moment in [2_000 + DELAY, DAY] {
        monitored.settle(moment, &nothing, Input::Tick);
        monitored.settle(moment, &nothing, silent());
        assert_eq!((monitored.open(Kind::Unconnected), monitored.watch.memory().waiting().len()), (0, 1));
    }
    assert_eq!(monitored.open(Kind::Unreachable), 1);
    // It is up again, and the log shows what it showed before.
    monitored.shown(DAY + 1, &history, 90);
    monitored.settle(DAY + DELAY, &nothing, Input::Tick);
    assert_eq!(monitored.open(Kind::Unconnected), 0, "the delay begins when the log can be read");
    monitored.settle(DAY + DELAY + 1, &nothing, Input::Tick);
    assert_eq!(monitored.open(Kind::Unconnected), 1);
}

#[test]
fn a_head_that_was_tried_before_the_silence_is_missed_after_it() {
    let (history, mut monitored) = (History::of(100), Monitored::new());
    monitored.shown(0, &history, 90);
    let nothing = History::of(0);
    let ahead = Input::Heard { heard: history.heard(95, &[]), from: Whom::Client("10.0.0.1".into()) };
    monitored.settle(1, &nothing, ahead);
    monitored.settle(1_001, &nothing, silent());
    monitored.settle(DAY, &nothing, silent());
    assert_eq!(monitored.open(Kind::Unconnected), 0, "it may be connected by now");
    monitored.settle(DAY, &nothing, Input::Shown(history.heard(90, &[])));
    monitored.settle(DAY + DELAY - 1_001, &nothing, Input::Tick);
    assert_eq!(monitored.open(Kind::Unconnected), 0);
    monitored.settle(DAY + DELAY - 1_000, &nothing, Input::Tick);
    assert_eq!(monitored.open(Kind::Unconnected), 1, "a second before, and the rest after");
}

#[test]
fn a_log_shows_less_only_while_it_can_be_read() {
    let (history, mut monitored) = (History::of(100), Monitored::new());
    monitored.shown(0, &history, 100);
    monitored.shown(1, &history, 90);
    monitored.settle(1_001, &history, silent());
    monitored.shown(DAY, &history, 90);
    monitored.shown(DAY + DELAY - 1_001, &history, 90);
    assert_eq!(monitored.open(Kind::WentBack), 0);
    monitored.shown(DAY + DELAY - 1_000, &history, 90);
    assert_eq!(monitored.open(Kind::WentBack), 1);
}

#[test]
fn a_log_that_answers_with_its_checkpoint_alone_hides_no_head() {
    let (history, mut monitored) = (History::of(100), Monitored::new());
    monitored.shown(0, &history, 90);
    let nothing = History::of(0);
    let ahead = Input::Heard { heard: history.heard(95, &[]), from: Whom::Client("10.0.0.1".into()) };
    // What is asked for a proof never answers; the checkpoint does, every other time.
    monitored.settle(1, &nothing, ahead);
    for look in 1..=40 {
        monitored.settle(look * 1_000, &nothing, silent());
        monitored.settle(look * 1_000 + 500, &nothing, Input::Shown(history.heard(90, &[])));
    }
    assert_eq!(monitored.open(Kind::Unconnected), 1);
}

#[test]
fn the_time_during_which_nobody_looked_does_not_count() {
    let (history, mut monitored) = (History::of(100), Monitored::new());
    monitored.shown(0, &history, 100);
    monitored.shown(1, &history, 90);
    monitored.settle(2, &history, Input::Tick);
    monitored.watch.rest(5_001);
    let disk = monitored.watch.memory().to_bytes();
    monitored.restart(DAY, &disk, false);
    assert_eq!(monitored.open(Kind::WentBack), 0, "nobody has looked yet");
    monitored.shown(DAY + 4_999, &history, 90);
    assert_eq!(monitored.open(Kind::WentBack), 0, "five seconds before, and less than five since");
    monitored.shown(DAY + 5_000, &history, 90);
    assert_eq!(monitored.open(Kind::WentBack), 1);

    let mut monitored = Monitored::new();
    monitored.shown(0, &history, 100);
    monitored.settle(1, &history, silent());
    monitored.kill(DAY);
    monitored.settle(DAY + 1, &history, silent());
    assert_eq!(monitored.open(Kind::Unreachable), 0, "a machine that comes up has no link yet");
    monitored.settle(DAY + DELAY, &history, silent());
    assert_eq!(monitored.open(Kind::Unreachable), 1);
}

#[test]
fn who_looks_now_and_then_counts_the_time_between() {
    let (history, mut monitored) = (History::of(100), Monitored::new());
    monitored.shown(0, &history, 100);
    monitored.shown(1, &history, 90);
    let disk = monitored.disk();
    monitored.restart(DAY, &disk, true);
    assert_eq!(monitored.open(Kind::WentBack), 0, "not before a look");
    monitored.shown(DAY + 1, &history, 90);
    assert_eq!(monitored.open(Kind::WentBack), 1);
    monitored.settle(DAY + 2, &history, silent());
    let disk = monitored.disk();
    monitored.restart(2 * DAY, &disk, true);
    assert_eq!(monitored.open(Kind::Unreachable), 0, "not before a look");
    monitored.settle(2 * DAY + 1, &history, silent());
    assert_eq!(monitored.open(Kind::Unreachable), 1);
}

#[test]
fn a_clock_that_goes_for_long_is_kept_while_it_goes() {
    let (history, mut monitored) = (History::of(100), Monitored::with(Limits { delay: DAY, ..LIMITS }));
    monitored.shown(0, &history, 100);
    // Half a day of silence, and it is killed without warning.
    for moment in (0..=DAY / 2).step_by(1_000) {
        monitored.settle(moment, &history, silent());
    }
    monitored.kill(5 * DAY);
    let rest = DAY / 2 + 60_000;
    monitored.settle(5 * DAY + rest, &history, silent());
    assert_eq!(monitored.open(Kind::Unreachable), 1, "a minute is forgotten at most");
}

#[test]
fn a_log_that_grew_while_nobody_looked_does_not_stand_still() {
    let (history, limits) = (History::of(100), Limits { stall: 50_000, ..LIMITS });
    let mut monitored = Monitored::with(limits);
    monitored.shown(0, &history, 90);
    monitored.kill(DAY);
    monitored.settle(DAY, &history, Input::Tick);
    assert_eq!(monitored.open(Kind::StandsStill), 0, "nobody has looked yet");
    monitored.shown(DAY + 1, &history, 100);
    monitored.kill(2 * DAY);
    monitored.settle(2 * DAY + 1, &history, silent());
    assert_eq!(monitored.open(Kind::StandsStill), 0, "who cannot read it does not know");
    let refused = Input::Refused { why: "not signed".into(), heard: None };
    monitored.settle(2 * DAY + 1, &history, refused);
    assert_eq!(monitored.open(Kind::StandsStill), 0, "nor who is shown what he cannot believe");
    // One size at both ends: it has stood still, whoever looked.
    monitored.shown(2 * DAY + 2, &history, 100);
    assert_eq!(monitored.open(Kind::StandsStill), 1);
}
