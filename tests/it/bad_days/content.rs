//! Content beside the log on bad days: the server killed while content comes in, and in the middle of erasing it.

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use record::{Sd, disclosure};
use serde_json::{Value, json};
use testkit::Chance;

use super::copy;
use crate::care::{Desk, ISS, call};
use crate::run::deedbook;
use crate::served::{Served, exchange};

/// Records in a request.
const TOGETHER: u64 = 4;

fn content(n: u64) -> String {
    format!("the content of call {n}, {}", "which is long. ".repeat((n % 40) as usize * 10))
}

/// Sends records with content, a few at a time, until the server is gone; those that it acknowledged.
fn submit(url: &str, from: u64, until_gone: &mpsc::Sender<u64>) {
    for first in (from..).step_by(TOGETHER as usize) {
        let record = |n| call(n, "s-1", &format!("u-{}", n % 3), &content(n)).to_string() + "\n";
        let body: String = (first..first + TOGETHER).map(record).collect();
        let Some((200, answer)) =
            exchange(url, "POST", "/v1/records", "application/x-ndjson", body.as_bytes())
        else {
            return;
        };
        let Ok(answer) = serde_json::from_str::<Value>(&answer) else { return };
        let items = answer["items"].as_array().unwrap();
        assert!(items.iter().all(|item| item["status"] == "logged"), "{answer}");
        (first..first + TOGETHER).for_each(|n| until_gone.send(n).unwrap());
    }
}

/// The content of record `n`, as the log shows it now.
fn shown(served: &Served, n: u64) -> String {
    let get = |path: &str| served.exchange("GET", path, "", b"").unwrap();
    let (status, found) = get(&format!("/v1/records/{}", crate::care::id(n)));
    assert_eq!(status, 200, "record {n}: {found}");
    let found: Value = serde_json::from_str(&found).unwrap();
    let entry: Value = serde_json::from_str(found["entry"].as_str().unwrap()).unwrap();
    let sd: Sd = entry["record"]["input"]["sd"].as_str().unwrap().parse().unwrap();
    let (status, text) = get(&format!("/v1/payloads/{sd}"));
    assert_eq!(status, 200, "content {n}: {text}");
    String::from_utf8(disclosure::verify(&text, &sd).unwrap().into_content()).unwrap()
}

#[test]
fn the_content_of_every_acknowledged_record_is_there_when_the_server_was_killed() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let mut chance = Chance::from_env_or(11);
    let mut acknowledged: Vec<u64> = vec![];
    for round in 0..3 {
        let served = Served::start_with(&data, &[]);
        acknowledged.iter().for_each(|&n| assert_eq!(shown(&served, n), content(n), "after kill {round}"));
        let (sender, receiver) = mpsc::channel();
        let senders: Vec<_> = (0..3)
            .map(|at| {
                let (url, sender) = (served.url.clone(), sender.clone());
                std::thread::spawn(move || submit(&url, round * 1_000_000 + at * 100_000, &sender))
            })
            .collect();
        drop(sender);
        std::thread::sleep(Duration::from_millis(150 + chance.below(250)));
        served.kill();
        senders.into_iter().for_each(|sender| sender.join().unwrap());
        let before = acknowledged.len();
        acknowledged.extend(receiver);
        assert!(acknowledged.len() > before, "nothing was acknowledged before kill {round}");
    }
    let served = Served::start_with(&data, &[]);
    acknowledged.iter().for_each(|&n| assert_eq!(shown(&served, n), content(n)));
    assert!(served.stop().success());
    let checked = deedbook(["fsck", "--json", "--data", data.to_str().unwrap()]).expect(0).json();
    assert_eq!(checked["opened"], true);
    assert!(checked["contents"].as_u64().unwrap() >= acknowledged.len() as u64, "{checked}");
}

/// The files of the content keys: each principal's own, and one for what concerns nobody.
fn keys(data: &Path) -> Vec<PathBuf> {
    let mut files = vec![];
    let mut directories = vec![data.join("content-keys")];
    while let Some(directory) = directories.pop() {
        for file in std::fs::read_dir(directory).unwrap() {
            let path = file.unwrap().path();
            if path.is_dir() { directories.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files
}

/// What a kill leaves between the commit that erases and the end of the key's file: the record is there, and so is the file.
#[test]
fn a_key_whose_destruction_is_in_the_log_does_not_outlive_the_next_opening() {
    let desk = Desk::new();
    desk.record("calls", &[call(0, "s-1", "alice", "one"), call(1, "s-1", "bob", "two")]);
    let (sd, data, kept) = (desk.sd(0), desk.served.data.clone(), desk.path("kept"));
    copy(&data.join("content-keys"), &kept);
    let before = keys(&data);
    let erased =
        desk.admin(&["erase", "--yes", "--json", "--ground", "g", "--principal", ISS, "alice"]).expect(0);
    assert_eq!(erased.json()["key_destroyed"], true);
    let after = keys(&data);
    assert_eq!(after.len() + 1, before.len(), "{before:?} {after:?}");
    let Desk { home: _home, served, .. } = desk;
    served.kill();
    copy(&kept, &data.join("content-keys"));
    assert_eq!(keys(&data), before);
    let served = Served::start_with(&data, &[]);
    assert_eq!(keys(&data), after, "the key is gone, and no other");
    let (status, gone) = served.exchange("GET", &format!("/v1/payloads/{sd}"), "", b"").unwrap();
    assert_eq!(status, 410, "{gone}");
    assert!(served.stop().success());
    deedbook(["fsck", "--data", data.to_str().unwrap()]).expect(0);
}

/// Killed at any moment of it, an erasure was done or was not: never a record that says so and a key that is still there.
#[test]
fn an_erasure_that_is_cut_short_is_finished_or_was_never_begun() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let mut chance = Chance::from_env_or(12);
    for round in 0..6 {
        let served = Served::start_with(&data, &[]);
        let who = format!("u-{round}");
        let record = call(round, "s-1", &who, "to be erased").to_string();
        let posted = served.exchange("POST", "/v1/records", "application/json", record.as_bytes());
        assert_eq!(posted.map(|(status, _)| status), Some(200));
        let before = keys(&data);
        let url = served.url.clone();
        let erasing = std::thread::spawn(move || {
            let body = json!({"ground": "g", "principal": {"iss": ISS, "sub": who}}).to_string();
            exchange(&url, "POST", "/v1/erasures", "application/json", body.as_bytes())
        });
        std::thread::sleep(Duration::from_micros(chance.below(12_000)));
        served.kill();
        let answered = erasing.join().unwrap().is_some_and(|(status, _)| status == 200);
        let served = Served::start_with(&data, &[]);
        let (_, found) =
            served.exchange("GET", &format!("/v1/records/{}", crate::care::id(round)), "", b"").unwrap();
        let found: Value = serde_json::from_str(&found).unwrap();
        let entry: Value = serde_json::from_str(found["entry"].as_str().unwrap()).unwrap();
        let sd = entry["record"]["input"]["sd"].as_str().unwrap().to_owned();
        let (status, _) = served.exchange("GET", &format!("/v1/payloads/{sd}"), "", b"").unwrap();
        let gone = before.len() - keys(&data).len();
        match status {
            410 => assert_eq!(gone, 1, "round {round}: erased, and its key is still there"),
            200 => {
                assert!(gone == 0 && !answered, "round {round}: {gone} keys are gone; answered: {answered}");
            }
            other => panic!("round {round}: {other}"),
        }
        assert!(served.stop().success());
    }
    deedbook(["fsck", "--data", data.to_str().unwrap()]).expect(0);
}
