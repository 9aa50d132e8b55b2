//! A log that forks, the proof that the witness keeps, and anybody who checks it.

use std::fs;
use std::path::Path;

use testkit::keys::{LOG, OTHER_LOG};

use super::process::{Witness, enrol, grown, signer, until, verb};
use crate::history::History;
use crate::run::{Ran, deedbook};

#[test]
fn a_fork_is_kept_listed_written_to_a_file_and_checked_by_anybody() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("w");
    let witness = Witness::start(&data);
    let (honest, forked) = (History::honest(), History::honest().forked_at(5));
    enrol(&data, LOG);
    until("it is taken up", || witness.status(&grown(&honest, 0, 10, LOG)) == 200);
    assert_eq!(verb(&data, &["forks", "--json"]).expect(0).json()["forks"], serde_json::json!([]));
    assert_eq!(witness.status(&grown(&forked, 10, 10, LOG)), 422);
    assert_eq!(witness.status(&grown(&forked, 10, 30, LOG)), 422);
    let listed = |json: &serde_json::Value| {
        let forks = json["forks"].as_array().unwrap().iter();
        forks
            .map(|fork| (fork["origin"].as_str().unwrap().to_owned(), fork["sizes"].clone()))
            .collect::<Vec<_>>()
    };
    let wanted = [[10, 10], [10, 30]].map(|sizes| (LOG.name.to_owned(), serde_json::json!(sizes)));
    until("copies are made", || listed(&verb(&data, &["forks", "--json"]).expect(0).json()) == wanted);
    let rows = verb(&data, &["logs"]).expect(0).out;
    assert!(rows.contains("FORKED (2 proofs)") && rows.contains("the witness runs"), "{rows}");
    assert_eq!(witness.metric("deedbook_witness_forks"), 2);
    assert!(witness.stop().success());

    // The files are copies: what is kept makes them anew.
    fs::remove_dir_all(data.join("forks")).unwrap();
    let all = verb(&data, &["forks", "--json"]).expect(0).json();
    assert_eq!(listed(&all), wanted);
    let again = Witness::start(&data);
    assert_eq!(again.said["forks"], 2);
    drop(again);
    let file = home.path().join("log.fork-proof");
    let id = all["forks"][1]["id"].as_str().unwrap()[..12].to_owned();
    verb(&data, &["forks", &id, "--output", file.to_str().unwrap()]).expect(0);
    assert_eq!(verb(&data, &["forks", &id]).expect(0).out, fs::read_to_string(&file).unwrap());
    for bad in ["", "zzz"] {
        verb(&data, &["forks", bad]).expect(1);
    }
    // What people put beside the copies is theirs.
    for name in ["log.fork-proof", ".fork-proof", "é.fork-proof", "x"] {
        fs::copy(&file, data.join("forks").join(name)).unwrap();
    }
    fs::write(data.join("forks").join("half.fork-proof"), "").unwrap();
    verb(&data, &["forks"]).expect(0);
    assert_eq!(listed(&verb(&data, &["forks", "--json"]).expect(0).json()), wanted);
    assert!(verb(&data, &["logs"]).expect(0).out.contains("FORKED (2 proofs)"));
    checked_by_anybody(home.path(), &file);
}

fn verify(file: &Path, more: &[&str]) -> Ran {
    deedbook([&["verify", "fork-proof", file.to_str().unwrap()], more].concat())
}

/// No network, and no word of the witness: the file, and a key that one trusts.
fn checked_by_anybody(home: &Path, file: &Path) {
    let plain = verify(file, &[]).expect(0);
    for words in ["two histories of the log", "signed BOTH", "compare them with those you trust"] {
        assert!(plain.out.contains(words), "{words:?} is not in\n{}", plain.out);
    }
    for words in [
        ["--json", "verify", "fork-proof"],
        ["verify", "--json", "fork-proof"],
        ["verify", "fork-proof", "--json"],
    ] {
        let ran = deedbook(words.into_iter().chain(file.to_str()));
        assert_eq!(ran.expect(0).json()["verdict"], "holds", "{words:?}");
    }
    let vkey = |key| signer(key).verifier_key().to_string();
    let json = verify(file, &["--json", "--vkey", &vkey(LOG)]).expect(0).json();
    assert_eq!(
        (json["verdict"].as_str(), json["contradiction"].as_str()),
        (Some("holds"), Some("rewritten"))
    );
    let log = &json["signed"][0];
    assert_eq!(
        (log["by"].as_str(), log["guilty"].as_bool(), log["trusted"].as_bool()),
        (Some("log"), Some(true), Some(true))
    );
    let witness = &json["signed"][1];
    assert_eq!(
        (witness["by"].as_str(), witness["guilty"].as_bool(), witness["trusted"].as_bool()),
        (Some("witness"), Some(false), Some(false))
    );
    assert!(witness["first_time"].is_string() && witness["second_time"].is_null());
    assert_eq!(deedbook(["verify", file.to_str().unwrap()]).expect(0).out, plain.out, "recognised by itself");
    let stranger = verify(file, &["--vkey", &vkey(OTHER_LOG)]).expect(2);
    assert!(stranger.out.contains("nobody whom you trust"), "{}", stranger.out);

    let text = fs::read_to_string(file).unwrap();
    let bent = home.join("bent.fork-proof");
    let at = text.rfind("\n30\n").unwrap();
    let mut other_size = text.clone();
    other_size.replace_range(at..at + 4, "\n31\n");
    for (what, bad) in [
        ("another size", other_size),
        (
            "no proof of consistency",
            text.lines().filter(|line| line.len() != 44).fold(String::new(), |all, line| all + line + "\n"),
        ),
        ("cut off", text[..text.len() - 9].to_owned()),
        ("something else", "hello\n".to_owned()),
        ("nothing", String::new()),
    ] {
        fs::write(&bent, bad).unwrap();
        let said = verify(&bent, &[]);
        assert_eq!(said.code, 1, "{what}: {said:?}");
    }
    verify(&home.join("not-there"), &[]).expect(2);
}

#[test]
fn the_golden_proofs_are_read() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/forks");
    let one = verify(&golden.join("one-size.fork-proof"), &["--json"]).expect(0).json();
    let guilty = one["signed"].as_array().unwrap().iter().filter(|by| by["guilty"] == true);
    assert_eq!(
        (one["contradiction"].as_str(), guilty.count()),
        (Some("two-roots"), 2),
        "the log and a witness"
    );
    let two = verify(&golden.join("two-sizes.fork-proof"), &["--json"]).expect(0).json();
    assert_eq!(two["contradiction"], "rewritten");
    deedbook(["verify"]).expect(2);
}
