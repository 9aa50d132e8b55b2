//! The server killed under load, a few times; `cargo xtask crash` does it a few hundred times.

use std::path::Path;
use std::time::Duration;

use sequencer::Kind;
use testkit::Chance;
use trials::crash::Crash;
use trials::served::Program;

#[test]
fn nothing_that_was_acknowledged_is_lost_or_logged_twice_when_the_server_is_killed() {
    let home = tempfile::tempdir().unwrap();
    let program = Program::deedbook(Path::new(env!("CARGO_BIN_EXE_deedbook")), Duration::from_millis(50));
    let seed = Chance::from_env_or(5).seed();
    let crash = Crash { program, home: home.path().to_owned(), kind: Kind::Records, kills: 5, seed };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut lines = vec![];
    let crashed = runtime.block_on(crash.run(&mut |line| lines.push(line.to_owned())));
    let crashed = crashed.unwrap_or_else(|error| panic!("seed {seed}: {error}; {lines:#?}"));
    assert_eq!(crashed.kills, 5);
    assert_eq!(crashed.kept, crashed.totals.acknowledged);
    assert!(crashed.kept > 0, "{crashed:?}");
    assert!(crashed.size >= crashed.kept, "what was logged and not acknowledged may be there too");
    assert_eq!(lines.len(), 1, "{lines:?}");
}
