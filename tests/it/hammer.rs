//! `deedbook hammer` against real logs, and its list held against a log afterwards.

use sequencer::Kind;

use crate::run::deedbook;
use crate::served::Served;

#[test]
fn raw_entries_in_a_closed_and_an_open_loop_are_all_where_they_were_promised() {
    let home = tempfile::tempdir().unwrap();
    let served = Served::start(&home.path().join("data"), Kind::Raw);
    let url = served.url.as_str();
    let hammer = |more: &[&str]| {
        deedbook(["hammer", "--url", url, "--vkey", &served.vkey, "--json"].iter().chain(more))
            .expect(0)
            .json()
    };
    let ran = hammer(&["--workers", "16", "--requests", "1000"]);
    assert_eq!(ran["load"]["acknowledged"], 1_000, "{ran}");
    assert_eq!((&ran["promises"]["kept"], &ran["promises"]["broken_total"]), (&1_000.into(), &0.into()));
    assert!(ran["promises"]["proofs"].as_u64().unwrap() >= 50, "{ran}");
    let ran = hammer(&["--workers", "4", "--rate", "500", "--seconds", "0.4"]);
    assert_eq!(ran["promises"]["kept"], 200, "{ran}");
}

#[test]
fn a_list_from_an_earlier_run_is_checked_after_a_restart() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let acks = home.path().join("acks");
    let acks = acks.to_str().unwrap();
    let served = Served::start(&data, Kind::Records);
    let fixed = ["--what", "records", "--per-request", "100", "--requests", "20", "--workers", "4"];
    let url = served.url.clone();
    let args = ["hammer", "--url", &url, "--no-verify", "--acks", acks];
    deedbook(args.iter().chain(&fixed)).expect(0);
    let vkey = served.vkey.clone();
    drop(served);

    let served = Served::start(&data, Kind::Records);
    let verify =
        || deedbook(["hammer", "--url", &served.url, "--vkey", &vkey, "--verify-only", acks, "--json"]);
    let ran = verify().expect(0).json();
    assert_eq!(ran["promises"]["kept"], 2_000, "{ran}");

    // A promise of which the log knows nothing, and one about another entry than there is.
    let list = std::fs::read_to_string(acks).unwrap();
    let line = list.lines().nth(5).unwrap().to_owned();
    let (index, rest) = line.split_once(' ').unwrap();
    let moved = format!("{} {rest}", (index.parse::<u64>().unwrap() + 1) % 2_000);
    std::fs::write(acks, list.replace(&line, &moved)).unwrap();
    let ran = verify().expect(1).json();
    assert_eq!(
        (&ran["promises"]["kept"], &ran["promises"]["broken_total"]),
        (&1_999.into(), &1.into()),
        "{ran}"
    );
    std::fs::write(acks, list.replace(&line, &format!("9999 {rest}"))).unwrap();
    let beyond =
        ["hammer", "--url", &served.url, "--vkey", &vkey, "--verify-only", acks, "--publish-wait", "0"];
    assert!(deedbook(beyond).expect(1).out.contains("entry 9999 was acknowledged"));
}

#[test]
fn what_cannot_be_hammered_is_a_usage_error() {
    let log = ["hammer", "--vkey", "x", "--url"];
    deedbook(log.iter().chain(&["http://127.0.0.1:9"])).expect(2);
    let vkey = crate::testlog::TestLog::of_size(0).policy().logs()[0].key.to_string();
    let nobody =
        ["hammer", "--url", "http://127.0.0.1:9", "--vkey", &vkey, "--what", "raw", "--seconds", "0.2"];
    assert!(deedbook(nobody).expect(2).out.contains("nothing was acknowledged"));
    deedbook(["hammer", "--url", "http://127.0.0.1:9"]).expect(2);
    deedbook(["hammer", "--url", "http://127.0.0.1:9", "--no-verify", "--rate", "-3"]).expect(2);
    deedbook(["hammer", "--url", "https://log.example.org", "--no-verify", "--what", "raw"]).expect(2);
}
