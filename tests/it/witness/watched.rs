//! A witness that was shown another history than a monitor: its monitoring prefix is where the monitor learns of it.

use serde_json::Value;
use testkit::keys::RAW_LOG;
use tlog::witness::AddCheckpoint;

use super::process::{Witness, enrol, until};
use crate::monitor::{Monitored, proof_of, vkey};
use crate::testlog::{TestLog, entry};

#[test]
fn what_a_witness_cosigned_in_secret_is_heard_by_a_monitor_and_proven() {
    let home = tempfile::tempdir().unwrap();
    let witness = Witness::start(&home.path().join("w"));
    enrol(&home.path().join("w"), RAW_LOG);
    let log = TestLog::of_size(900);
    let mut other = TestLog::of_size(0);
    other.grow((0..700).map(|i| if i == 600 { "another".into() } else { entry(i) }));
    let data = home.path().join("m");
    let asks = ["--witness", &witness.url, "--gossip-every", "0.2"];
    let monitored = Monitored::start(&data, log.path(), &vkey(&log), &asks);
    // A witness that knows nothing of the log is no trouble.
    monitored.wait(|event| event["event"] == "verified" && event["size"] == 900);
    let hidden = AddCheckpoint::new(0, vec![], &other.signed()).unwrap().to_string();
    until("it is taken up", || witness.status(&hidden) == 200);
    let split = monitored.wait(|event| event["event"] == "incident");
    assert_eq!((&split["incident"], &split["guilty"]), (&"split-view".into(), &vec![vkey(&log)].into()));
    let fork = proof_of(&data, &split).verify().unwrap();
    assert!(fork.log_is_guilty());
    let heads = fork.heads().map(|head| head.size);
    assert_eq!(heads, [700, 900]);
    let quiet = |event: &Value| event["incident"] != "two-histories-cosigned";
    assert!(monitored.kill().iter().all(quiet), "the witness has cosigned one history alone");
}
