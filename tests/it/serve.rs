//! `deedbook serve` and `deedbook key`: the first start, the next one, and what is refused.

use std::os::unix::fs::PermissionsExt as _;

use sequencer::Kind;

use crate::run::deedbook;
use crate::served::Served;

#[test]
fn the_first_start_makes_a_key_for_its_owner_alone_and_the_next_one_keeps_it() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let served = Served::start_with(&data, &[]);
    assert_eq!((&served.said["new"], &served.said["kind"]), (&true.into(), &"records".into()));
    let mode = |name: &str| std::fs::metadata(data.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("log.key"), mode("")), (0o600, 0o700));
    let vkey = served.vkey.clone();
    assert!(served.stop().success());
    let served = Served::start_with(&data, &[]);
    assert_eq!((&served.vkey, &served.said["new"]), (&vkey, &false.into()));
    let shown = deedbook(["key", "--data", data.to_str().unwrap()]).expect(0);
    assert_eq!(shown.out, format!("{vkey}\n"), "also while the log is served");
    let secret = std::fs::read_to_string(data.join("log.key")).unwrap();
    assert!(!shown.out.contains(secret.trim()));
    let two = [home.path().join("a"), home.path().join("b")]
        .map(|data| Served::start_with(&data, &[]).vkey.clone());
    assert_ne!(two[0].split('+').next(), two[1].split('+').next(), "two logs have two names");
}

#[test]
fn name_and_kind_are_chosen_once() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let served = Served::start_with(&data, &["--origin", "log.example.org/a", "--kind", "raw"]);
    assert!(served.vkey.starts_with("log.example.org/a+"), "{}", served.vkey);
    drop(served);
    drop(Served::start(&data, Kind::Raw));
    let dir = data.to_str().unwrap();
    for other in [["--kind", "records"], ["--origin", "log.example.org/b"]] {
        let args = ["serve", "--open", "--data", dir, "--listen", "127.0.0.1:0"];
        let refused = deedbook(args.iter().chain(&other)).expect(2);
        assert!(refused.err.contains("for good"), "{}", refused.err);
    }
}

/// docs/decisions/0035-allocator.md. A kernel that is set to `always` gives them without being asked.
#[test]
fn the_allocator_asks_for_no_large_pages() {
    let home = tempfile::tempdir().unwrap();
    let served = Served::start_with(&home.path().join("data"), &[]);
    served.submit(0, 1_000);
    let kernel = std::fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled").unwrap_or_default();
    let memory = served.memory();
    let large = memory.lines().find_map(|line| line.strip_prefix("AnonHugePages:")).unwrap();
    assert!(large.trim() == "0 kB" || kernel.contains("[always]"), "{memory}");
}

#[test]
fn a_second_process_on_one_directory_is_told_so() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let _served = Served::start_with(&data, &[]);
    let second = deedbook(["serve", "--data", data.to_str().unwrap(), "--listen", "127.0.0.1:0"]).expect(2);
    assert!(
        second.err.contains("in use by another deedbook process; a log has one writer"),
        "{}",
        second.err
    );
}

#[test]
fn a_taken_port_and_an_open_address_are_refused_before_anything_is_made() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let serve = ["serve", "--data", data.to_str().unwrap(), "--listen"];
    for (listen, why) in [
        (&[address.as_str()][..], "cannot listen on"),
        (&["0.0.0.0:0"], "--behind-tls-proxy"),
        (&["0.0.0.0:0", "--open"], "--open is for loopback addresses"),
    ] {
        let refused = deedbook(serve.iter().chain(listen)).expect(2);
        assert!(refused.err.contains(why), "{}", refused.err);
    }
    assert!(!data.exists());
}

#[test]
fn a_log_whose_files_are_gone_does_not_begin_again() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    drop(Served::start_with(&data, &[]));
    std::fs::remove_dir_all(data.join("store")).unwrap();
    std::fs::remove_file(data.join("head")).unwrap();
    let serve = || deedbook(["serve", "--data", data.to_str().unwrap(), "--listen", "127.0.0.1:0"]);
    assert!(serve().expect(1).err.contains("never starts again under the same key"));
    assert!(!data.join("store").exists());
}
