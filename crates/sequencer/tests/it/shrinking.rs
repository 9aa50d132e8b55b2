//! Short lives of arbitrary steps: fewer than in a simulation, and when one goes wrong, the shortest that does.

use proptest::{collection::vec, prelude::*};
use store::Fault;

use crate::{simulation::Life, testlog::Made};

#[derive(Clone, Debug)]
enum Step {
    /// Groups in one commit.
    Groups(Vec<Vec<Made>>),
    /// The commit after so many fails.
    Fault(u64, Fault),
    Restart,
    CloseWithoutEvidence,
}

/// Few ids, so that nearly every group collides with another.
fn made() -> impl Strategy<Value = Made> {
    (0..2_u8, 0..40_u64, 0..2_u8).prop_map(|(producer, id, version)| Made::by(producer, id, version))
}

/// New ids in a row, enough to close a bundle now and then.
fn bulk() -> impl Strategy<Value = Vec<Made>> {
    (1_000..3_000_u64, 100..300_u64).prop_map(|(from, count)| Made::records(from..from + count))
}

fn step() -> impl Strategy<Value = Step> {
    let group = || prop_oneof![8 => vec(made(), 0..10), 1 => bulk()];
    prop_oneof![
        6 => vec(group(), 1..4).prop_map(Step::Groups),
        2 => (0..3_u64, prop_oneof![Just(Fault::Lost), Just(Fault::Kept)]).prop_map(|(n, fault)| Step::Fault(n, fault)),
        1 => Just(Step::Restart),
        1 => Just(Step::CloseWithoutEvidence),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_time: 60_000, ..ProptestConfig::default() })]

    #[test]
    fn any_course_of_events_leaves_a_whole_log(steps in vec(step(), 1..14)) {
        let mut life = Life::new(0);
        for step in steps {
            match step {
                Step::Groups(groups) => life.submit_until_answered(groups),
                Step::Fault(nth, fault) => life.log.faults().fail_commit(nth, fault),
                Step::Restart => life.restart(),
                Step::CloseWithoutEvidence => life.close_without_evidence(),
            }
            life.log.glance(life.log.model.size());
        }
        life.log.check(life.log.model.size());
    }
}
