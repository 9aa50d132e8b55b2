//! SIGTERM under load: what was accepted is answered, durable and published.

use std::time::Duration;

use sequencer::Kind;

use super::{ask, hammer, keeps};
use crate::served::Served;

#[test]
fn a_stop_under_load_leaves_nothing_accepted_undone() {
    let home = tempfile::tempdir().unwrap();
    let (data, list) = (home.path().join("data"), home.path().join("acks"));
    let served = Served::start(&data, Kind::Raw);
    let (url, under_load) = (served.url.clone(), list.clone());
    let load = std::thread::spawn(move || hammer(&url, &under_load, &["--seconds", "1.5"]));
    std::thread::sleep(Duration::from_millis(700));
    let (status, words) = served.stop_and_hear();
    let ran = load.join().unwrap();
    assert!(status.success(), "{words}");
    assert!(words.contains("what was accepted is durable and published"), "{words}");
    let load = &ran.expect(0).json()["load"];
    let acknowledged = load["acknowledged"].as_u64().unwrap();
    assert!(acknowledged > 0, "{load}");

    let head = std::fs::read_to_string(data.join("head")).unwrap();
    let published: u64 = head.lines().nth(1).unwrap().parse().unwrap();
    assert_eq!(
        published, acknowledged,
        "whatever was let in was answered, and whatever was answered is public"
    );
    let served = Served::start_with(&data, &[]);
    keeps(&served, &list).expect(0);
    assert_eq!(ask(&served, "POST", "/add", "one more").1, format!("{acknowledged}\n"));
}
