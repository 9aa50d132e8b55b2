//! Events that wait: which ones stay, and that no id stands for two.

use std::collections::BTreeSet;

use monitor::event::{Found, Kind, What};
use monitor::watch::{EVENTS_MAX, Input, Whom};

use crate::world::{History, Monitored};

const HOOK: &str = "https://pager.example/in";

fn found(index: u64) -> Found {
    Found {
        rule: "approval_missing".into(),
        index,
        record: index.to_string(),
        session: None,
        agent: None,
        principal: None,
        detail: String::new(),
        rests_on: vec![],
    }
}

#[test]
fn findings_take_no_place_from_incidents() {
    let (history, mut monitored) = (History::of(20), Monitored::new());
    monitored.shown(1, &history, 20);
    let mut watch = monitored.watch;
    let split = Input::Heard { heard: history.fork(10, 20).heard(20, &[]), from: Whom::Peer("p".into()) };
    watch.step(2, split);
    for index in 0..3 * EVENTS_MAX as u64 {
        watch.step(3, Input::Found { findings: vec![found(index)], through: index + 1 });
    }
    watch.printed(u64::MAX);
    watch.forget(4, [HOOK].into_iter());
    let is_split = |what: &What| matches!(what, What::Incident(told) if told.incident == Kind::SplitView);
    assert!(watch.events().any(|event| is_split(&event.what)), "nobody has taken it yet");
    assert!(watch.events().count() <= EVENTS_MAX);
    let lost = watch.events().find_map(|event| match event.what {
        What::Lost { count } => Some(count),
        _ => None,
    });
    assert_eq!(lost, None, "nothing was taken, so there is no place to say it");
    let half = watch.events().nth(EVENTS_MAX / 2).unwrap().number;
    watch.taken(HOOK, half);
    watch.forget(5, [HOOK].into_iter());
    assert!(watch.events().any(|event| matches!(event.what, What::Lost { count } if count > 1_900)));
}

#[test]
fn what_is_missed_least_is_not_noted_where_all_that_waits_is_graver() {
    let (mut history, mut monitored) = (History::of(20), Monitored::new());
    monitored.shown(1, &history, 20);
    let mut watch = monitored.watch;
    for index in 0..EVENTS_MAX as u64 {
        watch.step(3, Input::Found { findings: vec![found(index)], through: index + 1 });
    }
    history.grow(["another".to_owned()]);
    let before: Vec<_> = watch.events().map(|event| event.id.clone()).collect();
    let mut effects = watch.step(4, Input::Shown(history.heard(21, &[])));
    while let Some(effect) = effects.pop() {
        effects.extend(watch.step(4, crate::world::done(&history, effect)));
    }
    assert_eq!(watch.memory().verified().unwrap().size(), 21);
    assert_eq!(watch.events().map(|event| event.id.clone()).collect::<Vec<_>>(), before);
}

#[test]
fn who_was_told_what_stands_in_the_memory_that_has_the_events() {
    let (history, mut monitored) = (History::of(20), Monitored::new());
    monitored.shown(1, &history, 10);
    let old = monitored.disk();
    for moment in 2..10 {
        monitored.shown(moment, &history, 10 + moment as usize);
    }
    // The memory is lost, or an older one is there: everything that is told from then on is new.
    for (moment, disk) in [(20, vec![]), (40, old)] {
        let told = monitored.events.len();
        monitored.restart(moment, &disk, false);
        monitored.shown(moment + 1, &history, 20);
        let size = |what: &What| matches!(what, What::Verified { size: 20, .. });
        assert!(monitored.events[told..].iter().any(|event| size(&event.what)), "{:?}", &monitored.events);
    }
    // What was told before the older memory was there may be told again, under its id.
    let told: BTreeSet<_> =
        monitored.events.iter().map(|event| (&event.id, serde_json::to_string(event).unwrap())).collect();
    let ids: BTreeSet<_> = told.iter().map(|(id, _)| id).collect();
    assert_eq!(ids.len(), told.len(), "no id stands for two events: {told:#?}");
}
