//! Bad days of `deedbook serve`: kills, full and read-only disks, damage, things that are missing, old copies.
//!
//! The campaigns of `cargo xtask crash`, `powercut` and `crowd` are the long versions.

mod content;
mod crash;
mod damage;
mod disk;
mod missing;
mod old_copy;
mod stop;

use std::path::{Path, PathBuf};

use crate::run::{Ran, deedbook};
use crate::served::Served;

/// What this program says on its worst day is a sentence, never the inside of it.
#[track_caller]
fn is_a_sentence(ran: &Ran) {
    let all = format!("{}{}", ran.out, ran.err);
    assert!(!all.contains("panicked") && !all.contains("RUST_BACKTRACE"), "{ran:#?}");
    let told = ran.json()["error"].as_str().unwrap_or_else(|| panic!("no sentence in {ran:#?}")).to_owned();
    assert!(told.len() > 20 && !told.contains('\n'), "{told:?}");
}

/// A log of raw entries in a directory: so many of them, all acknowledged ones in the list that comes back, and stopped.
fn log_of(data: &Path, requests: u32) -> (PathBuf, String) {
    let served = Served::start(data, sequencer::Kind::Raw);
    let list = data.with_extension(format!("acks-{requests}"));
    hammer(&served.url, &list, &["--requests", &requests.to_string()]).expect(0);
    let vkey = served.vkey.clone();
    assert!(served.stop().success());
    (list, vkey)
}

/// Load whose acknowledgements go into a list; what the log keeps of them is not looked at.
fn hammer(url: &str, list: &Path, more: &[&str]) -> Ran {
    let list = list.to_str().unwrap();
    let fixed = ["hammer", "--url", url, "--no-verify", "--json", "--workers", "4", "--acks", list];
    deedbook(fixed.iter().chain(more))
}

/// Holds a log to a list.
fn keeps(served: &Served, list: &Path) -> Ran {
    let list = list.to_str().unwrap();
    deedbook(["hammer", "--url", &served.url, "--vkey", &served.vkey, "--verify-only", list, "--json"])
}

/// An audit with a memory.
fn audit(served: &Served, state: &Path) -> Ran {
    let state = state.to_str().unwrap();
    deedbook(["audit", &served.url, "--vkey", &served.vkey, "--state", state, "--json"])
}

/// Status and body of one request.
fn ask(served: &Served, method: &str, path: &str, body: &str) -> (u16, String) {
    let answer = served.exchange(method, path, "application/octet-stream", body.as_bytes());
    answer.unwrap_or_else(|| panic!("no answer: {}", served.words()))
}

/// A directory with all that is in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        let target = to.join(file.file_name());
        if file.file_type().unwrap().is_dir() {
            copy(&file.path(), &target);
        } else {
            std::fs::copy(file.path(), target).unwrap();
        }
    }
}
