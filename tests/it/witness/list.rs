//! The list of logs, changed while the witness runs: by verbs, and by hand.

use std::fs;

use testkit::keys::{IMPOSTOR, LOG, OTHER_LOG, RAW_LOG};

use super::process::{Witness, enrol, grown, signer, until, verb};
use crate::history::History;

#[test]
fn logs_come_and_go_while_the_witness_runs() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("w");
    let witness = Witness::start(&data);
    let honest = History::honest();
    assert_eq!(witness.status(&grown(&honest, 0, 7, LOG)), 404);
    enrol(&data, LOG);
    until("it is taken up", || witness.status(&grown(&honest, 0, 7, LOG)) == 200);
    assert_eq!(witness.add(&grown(&honest, 0, 9, LOG)).unwrap(), (409, "7\n".into()));

    // A person writes into the file.
    let vkey = signer(OTHER_LOG).verifier_key().to_string();
    let text = fs::read_to_string(data.join("logs")).unwrap();
    fs::write(data.join("logs"), format!("# by hand\n{text}\nvkey {vkey}\nqpd 10\ncontact x y\n")).unwrap();
    until("it is taken up", || witness.status(&grown(&honest, 0, 3, OTHER_LOG)) == 200);
    let rows = verb(&data, &["logs", "--json"]).expect(0).json();
    assert_eq!(rows["running"], true);
    let rows = rows["logs"].as_array().unwrap();
    let of = |at: usize| {
        (rows[at]["origin"].as_str().unwrap(), rows[at]["size"].as_u64(), rows[at]["forks"].as_u64())
    };
    assert_eq!([of(0), of(1)], [(LOG.name, Some(7), Some(0)), (OTHER_LOG.name, Some(3), Some(0))]);
    assert!(rows[0]["cosigned"].as_str().unwrap().starts_with("20"), "{rows:?}");

    verb(&data, &["forget", LOG.name]).expect(0);
    until("it is gone", || witness.status(&grown(&honest, 7, 9, LOG)) == 404);
    verb(&data, &["forget", LOG.name]).expect(1);
    let text = fs::read_to_string(data.join("logs")).unwrap();
    assert!(text.starts_with("# by hand\n") && text.contains(&vkey), "{text}");
    assert!(witness.stop().success());
    let rows = verb(&data, &["logs"]).expect(0).out;
    assert!(rows.contains("not on the list any more") && rows.contains("does not run"), "{rows}");
}

/// What cannot be read is not half believed: the list before is used, and somebody is told.
#[test]
fn a_list_that_cannot_be_read_changes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("w");
    let witness = Witness::start(&data);
    let honest = History::honest();
    enrol(&data, LOG);
    until("it is taken up", || witness.status(&grown(&honest, 0, 7, LOG)) == 200);
    let good = fs::read(data.join("logs")).unwrap();
    fs::write(data.join("logs"), [&good[..], b"vkey nonsense\n"].concat()).unwrap();
    until("it is told", || witness.metric("deedbook_witness_list_failed") == 1);
    assert!(witness.words().contains("of the log list: the log's key"), "{}", witness.words());
    assert_eq!(witness.status(&grown(&honest, 7, 8, LOG)), 200);
    let refused = verb(&data, &["enrol", "x", "--contact", "c"]).expect(2);
    assert!(refused.err.contains("the vkey"), "{}", refused.err);
    fs::remove_file(data.join("logs")).unwrap();
    until("it is told", || witness.words().contains("No such file"));
    assert_eq!(witness.status(&grown(&honest, 8, 9, LOG)), 200);
    fs::write(data.join("logs"), &good).unwrap();
    until("it is well again", || witness.metric("deedbook_witness_list_failed") == 0);
}

#[test]
fn enrolling_says_what_it_does_and_changes_a_key_only_when_told() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("w");
    assert!(Witness::start(&data).stop().success());
    let vkey = |key| signer(key).verifier_key().to_string();
    fs::write(home.path().join("log.vkey"), vkey(LOG) + "\n").unwrap();
    let file = home.path().join("log.vkey");
    let said = verb(&data, &["enrol", "--vkey-file", file.to_str().unwrap(), "--contact", "ops", "--json"])
        .expect(0);
    assert_eq!(said.json(), serde_json::json!({"origin": LOG.name, "logs": 1}));
    verb(&data, &["enrol", &vkey(LOG), "--contact", "ops"]).expect(0);
    let text = fs::read_to_string(data.join("logs")).unwrap();
    assert_eq!(text, format!("logs/v0\n\nvkey {}\nqpd 86400\ncontact ops\n", vkey(LOG)), "once");
    let refused = verb(&data, &["enrol", &vkey(IMPOSTOR), "--contact", "ops"]).expect(2);
    assert!(refused.err.contains("--replace"), "{}", refused.err);
    verb(&data, &["enrol", &vkey(IMPOSTOR), "--contact", "ops", "--replace"]).expect(0);
    let text = fs::read_to_string(data.join("logs")).unwrap();
    assert!(text.contains(&vkey(IMPOSTOR)) && !text.contains(&vkey(LOG)), "{text}");
    let injected = format!("c\nvkey {}\nqpd 1\ncontact d", vkey(RAW_LOG));
    for words in [
        &["enrol", &vkey(OTHER_LOG), "--contact", &injected][..],
        &["enrol", &vkey(OTHER_LOG), "--contact", "c", "--qpd", "0"],
        &["enrol", &vkey(OTHER_LOG)],
        &["enrol", "--contact", "c"],
    ] {
        verb(&data, words).expect(2);
        assert_eq!(fs::read_to_string(data.join("logs")).unwrap(), text, "{words:?}");
    }
}
