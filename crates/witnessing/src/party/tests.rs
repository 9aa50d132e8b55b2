use proptest::prelude::*;
use testkit::Chance;

use super::*;
use crate::testing::{cosignature, head};

/// Size of the log in most of these tests.
const LOG: u64 = 9;

fn failed(cause: Cause) -> Reply {
    Reply::Failed { cause, wait: None, what: String::new() }
}

fn cosigned(size: u64) -> Reply {
    Reply::Cosigned(vec![cosignature(0, &head(size), 1)])
}

const fn task(epoch: u64, size: u64) -> Task {
    Task { epoch, size }
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn a_first_contact_begins_at_nothing_and_goes_on_from_where_the_witness_is() {
    let now = Instant::now();
    let mut party = Party::new(None);
    assert_eq!(party.next(task(1, 9), now), Step::Ask { old: 0 });
    assert_eq!(party.heard(task(1, 9), 0, &Reply::Stored(4), LOG, now), News::Nothing);
    assert_eq!(party.next(task(1, 9), now), Step::Ask { old: 4 }, "at once, with a proof from there");
    assert_eq!(party.heard(task(1, 9), 4, &cosigned(9), LOG, now), News::Nothing);
    assert_eq!(party.next(task(1, 9), now), Step::Rest);
    assert_eq!(party.next(task(2, 9), now), Step::Ask { old: 9 }, "a refresh");
    assert_eq!(party.next(task(3, 12), now), Step::Ask { old: 9 });
}

#[test]
fn a_witness_of_which_a_cosignature_is_at_hand_is_asked_from_there() {
    assert_eq!(Party::new(Some(5)).next(task(1, 9), Instant::now()), Step::Ask { old: 5 });
}

#[test]
fn a_witness_that_is_ahead_is_asked_no_more() {
    let now = Instant::now();
    let mut party = Party::new(Some(5));
    assert_eq!(party.heard(task(1, 9), 5, &Reply::Stored(10), LOG, now), News::Trouble(Cause::Ahead));
    for later in [ms(0), Duration::from_hours(1000)] {
        assert_eq!(party.next(task(2, 50), now + later), Step::Stop, "not even for what is larger by now");
    }
    let ahead = Ahead { stored: LOG, known: 10 };
    assert_eq!((party.ahead(), party.trouble()), (Some(ahead), Some(Cause::Ahead)));
}

/// Commits are signed and answered with before they are published: a submitter may show one to a witness first.
#[test]
fn a_witness_that_was_shown_more_of_the_log_by_somebody_else_is_not_ahead() {
    let now = Instant::now();
    let mut party = Party::new(Some(5));
    for (size, log) in [(10, 10), (11, 30)] {
        assert_eq!(party.heard(task(1, 9), 5, &Reply::Stored(size), log, now), News::Nothing);
        assert_eq!((party.ahead(), party.trouble()), (None, None));
        assert_eq!(party.next(task(1, 9), now), Step::Rest, "it will not cosign less any more");
        assert!(!party.may_answer(task(1, 9), now, now + ms(500)), "so nobody waits for it");
        assert_eq!(party.next(task(2, 10), now), if size > 10 { Step::Rest } else { Step::Ask { old: 10 } });
    }
    assert_eq!(party.next(task(3, 30), now), Step::Ask { old: 11 });
    assert_eq!(party.heard(task(3, 30), 11, &cosigned(30), 30, now), News::Nothing);
    assert_eq!(party.next(task(3, 30), now), Step::Rest);
    assert_eq!(party.heard(task(4, 30), 30, &Reply::Stored(31), 30, now), News::Trouble(Cause::Ahead));
}

#[test]
fn a_witness_that_forgot_is_caught_up_and_told_of() {
    let now = Instant::now();
    let mut party = Party::new(Some(8));
    assert_eq!(party.heard(task(1, 9), 8, &Reply::Stored(2), LOG, now), News::Trouble(Cause::WentBack));
    assert_eq!(party.next(task(1, 9), now), Step::Ask { old: 2 });
    assert_eq!(party.heard(task(1, 9), 2, &cosigned(9), LOG, now), News::Well);
    assert_eq!(party.trouble(), None);
}

#[test]
fn sizes_that_lead_nowhere_are_not_followed_for_ever() {
    let now = Instant::now();
    let mut party = Party::new(None);
    // The very size that was sent.
    assert_eq!(party.heard(task(1, 9), 0, &Reply::Stored(0), LOG, now), News::Trouble(Cause::Inconsistent));
    assert_eq!(party.next(task(1, 9), now), Step::Wait(now + LASTING_FIRST));
    // Another one each time.
    let mut party = Party::new(None);
    let mut old = 0;
    for size in [1, 2, 3] {
        party.heard(task(1, 9), old, &Reply::Stored(size), LOG, now);
        assert_eq!(party.next(task(1, 9), now), Step::Ask { old: size });
        old = size;
    }
    assert_eq!(party.heard(task(1, 9), old, &Reply::Stored(1), LOG, now), News::Trouble(Cause::Inconsistent));
    assert!(matches!(party.next(task(1, 9), now), Step::Wait(_)));
}

#[test]
fn waits_grow_and_are_bounded_and_what_passes_is_tried_soon() {
    for (cause, waits) in [
        (Cause::TimedOut, [50, 100, 200, 400].as_slice()),
        (Cause::Unreachable, &[50, 100]),
        (Cause::ServerError, &[50, 100]),
        (Cause::Busy, &[50, 100]),
        (Cause::NotEnrolled, &[1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]),
        (Cause::KeyRefused, &[1_000, 2_000]),
        (Cause::ProofRefused, &[1_000, 2_000]),
        (Cause::OtherRoot, &[1_000, 2_000]),
        (Cause::BadAnswer, &[1_000, 2_000]),
        (Cause::Malformed, &[1_000, 2_000]),
        (Cause::NoProof, &[1_000, 2_000]),
    ] {
        let mut now = Instant::now();
        let mut party = Party::new(Some(3));
        for (round, wait) in waits.iter().enumerate() {
            let news = party.heard(task(1, 9), 3, &failed(cause), LOG, now);
            assert_eq!(news, if round == 0 { News::Trouble(cause) } else { News::Nothing }, "said once");
            let until = now + ms(*wait);
            assert_eq!(party.next(task(1, 9), now), Step::Wait(until), "{cause:?}, round {round}");
            assert_eq!(
                party.next(task(2, 10), now + ms(*wait / 2)),
                Step::Wait(until),
                "news do not shorten it"
            );
            now = until;
            assert!(matches!(party.next(task(1, 9), now), Step::Ask { .. }));
        }
        assert_eq!(party.heard(task(1, 9), 3, &cosigned(9), LOG, now), News::Well);
        party.heard(task(2, 9), 9, &failed(cause), LOG, now);
        assert_eq!(party.next(task(2, 9), now), Step::Wait(now + ms(waits[0])), "from the beginning again");
    }
}

#[test]
fn a_round_waits_for_what_passes_and_for_nothing_else() {
    let now = Instant::now();
    let deadline = now + Duration::from_secs(20);
    for cause in Cause::ALL {
        let mut party = Party::new(None);
        assert!(party.may_answer(task(1, 9), now, deadline));
        party.heard(task(1, 9), 0, &failed(cause), LOG, now);
        assert_eq!(party.may_answer(task(1, 9), now, deadline), cause.passes(), "{cause:?}");
        assert!(!party.may_answer(task(1, 9), now, now + ms(10)), "not before it is asked again");
    }
}

#[test]
fn a_witness_that_wants_to_be_left_alone_is_within_reason() {
    let now = Instant::now();
    for (asked, waited) in [
        (Duration::ZERO, PASSING_FIRST),
        (Duration::from_secs(7), Duration::from_secs(7)),
        (Duration::from_hours(24), RETRY_AFTER_MAX),
        (Duration::MAX, RETRY_AFTER_MAX),
    ] {
        let mut party = Party::new(None);
        let busy = Reply::Failed { cause: Cause::Busy, wait: Some(asked), what: String::new() };
        party.heard(task(1, 9), 0, &busy, LOG, now);
        assert_eq!(party.next(task(1, 9), now), Step::Wait(now + waited), "{asked:?}");
    }
}

#[test]
fn after_a_refusal_nothing_is_believed_of_what_it_has_stored() {
    let now = Instant::now();
    for cause in [Cause::ProofRefused, Cause::OtherRoot, Cause::BadAnswer] {
        let mut party = Party::new(Some(8));
        party.heard(task(1, 9), 8, &failed(cause), LOG, now);
        assert_eq!(party.next(task(1, 9), now + LASTING_MAX), Step::Ask { old: 0 }, "{cause:?}");
    }
}

/// A witness in a few words, honest or not, and the log that asks it.
struct Play {
    chance: Chance,
    /// What the witness has really stored.
    stored: u64,
    party: Party,
    now: Instant,
}

impl Play {
    /// What an honest witness answers to a request with this old size, with losses, restarts and moods.
    fn reply(&mut self, old: u64, size: u64) -> Reply {
        if self.chance.one_in(10) {
            // It was restored from a copy.
            self.stored = self.chance.below(self.stored + 1);
        }
        let mood = [Cause::TimedOut, Cause::Busy, Cause::ServerError, Cause::Unreachable];
        if self.chance.one_in(5) {
            return failed(*self.chance.pick(&mood));
        }
        if old != self.stored {
            return Reply::Stored(self.stored);
        }
        self.stored = size;
        // Sometimes the answer is lost on its way, and the head is stored all the same.
        if self.chance.one_in(5) { failed(Cause::TimedOut) } else { cosigned(size) }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever happens to either, an honest witness is never called ahead, is never asked before its time, is asked a
    /// bounded number of times, and cosigns in the end.
    #[test]
    fn an_honest_witness_cosigns_in_the_end(seed: u64) {
        let chance = Chance::seeded(seed);
        let mut play = Play { chance, stored: 0, party: Party::new(None), now: Instant::now() };
        let (mut size, mut epoch) = (0, 0);
        for _ in 0..30 {
            epoch += 1;
            size += play.chance.below(4);
            if play.chance.one_in(7) {
                // The log is opened anew, and remembers the cosignature that was published last, or none.
                let hint = play.party.stored().filter(|_| play.chance.one_in(2)).map(|hint| hint.min(size));
                play.party = Party::new(hint);
            }
            let (mut asked, task) = (0, Task { epoch, size });
            loop {
                match play.party.next(task, play.now) {
                    Step::Rest => break,
                    Step::Wait(moment) => {
                        prop_assert!(moment > play.now);
                        prop_assert!(moment - play.now <= LASTING_MAX);
                        play.now = moment;
                    }
                    Step::Stop => prop_assert!(false, "seed {seed}: an honest witness was called ahead"),
                    Step::Ask { old } => {
                        prop_assert!(old <= size);
                        asked += 1;
                        prop_assert!(asked < 400, "seed {seed}: it is asked without end");
                        let reply = play.reply(old, size);
                        play.party.heard(task, old, &reply, size, play.now);
                    }
                }
                if play.chance.one_in(20) {
                    break; // the log has grown meanwhile
                }
            }
        }
    }

    /// Whatever a dishonest one answers, it is never asked more often than the waits allow.
    #[test]
    fn a_dishonest_witness_does_not_keep_the_log_busy(seed: u64) {
        let mut chance = Chance::seeded(seed);
        let (start, mut now) = (Instant::now(), Instant::now());
        let (mut party, mut asked, task) = (Party::new(None), 0, Task { epoch: 1, size: 100 });
        while now - start < Duration::from_mins(10) {
            match party.next(task, now) {
                Step::Rest | Step::Stop => break,
                Step::Wait(moment) => now = moment,
                Step::Ask { old } => {
                    asked += 1;
                    let reply = match chance.below(3) {
                        0 => Reply::Stored(chance.below(101)),
                        1 => Reply::Stored(old),
                        _ => failed(*chance.pick(&[Cause::BadAnswer, Cause::ProofRefused, Cause::NotEnrolled])),
                    };
                    party.heard(task, old, &reply, task.size, now);
                }
            }
        }
        prop_assert!(asked < 100, "seed {seed}: asked {asked} times in ten minutes");
    }
}
