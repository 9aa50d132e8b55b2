//! A store whose file was altered or cut. Whatever comes of it, nobody is told that altered entries hold, and no head is
//! signed that forks the log.

use std::path::{Path, PathBuf};

use super::{ask, audit, copy, is_a_sentence, keeps, log_of};
use crate::run::Ran;
use crate::served::Served;

/// A sound log, and what an auditor remembers of it.
struct Sound {
    home: tempfile::TempDir,
    list: PathBuf,
}

const ENTRIES: u32 = 1_500;

impl Sound {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("sound");
        let (list, _) = log_of(&data, ENTRIES);
        let served = Served::start_with(&data, &[]);
        audit(&served, &home.path().join("state")).expect(0);
        assert!(served.stop().success());
        Self { home, list }
    }

    /// A copy, damaged, started.
    fn damaged(&self, name: &str, damage: impl FnOnce(&Path)) -> (Result<Served, Ran>, PathBuf) {
        let (data, state) = (self.home.path().join(name), self.home.path().join(format!("{name}-state")));
        copy(&self.home.path().join("sound"), &data);
        std::fs::copy(self.home.path().join("state"), &state).unwrap();
        damage(&data.join("store"));
        (Served::try_start(Served::program(), &data, &["--open"]), state)
    }
}

/// How the server took it.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Taken {
    /// It says in a sentence that it cannot serve this.
    Refused,
    /// It serves what is there, takes nothing, and says why.
    ReadOnly,
    /// It serves, and an auditor finds what is wrong.
    Found,
    /// All is there as it was.
    Unharmed,
}

fn taken(sound: &Sound, name: &str, damage: impl FnOnce(&Path)) -> Taken {
    let (started, state) = sound.damaged(name, damage);
    let served = match started {
        Err(ran) => {
            is_a_sentence(&ran);
            assert!(ran.code == 1 || ran.code == 2, "{name}: {ran:#?}");
            assert!(
                ran.out.contains(&format!("/{name}")),
                "{name}: the sentence names the place: {}",
                ran.out
            );
            return Taken::Refused;
        }
        Ok(served) => served,
    };
    let read_only = served.said["read_only"].is_string();
    let (status, _) = ask(&served, "POST", "/add", "after the damage");
    assert!(if read_only { status == 503 } else { matches!(status, 200 | 503) }, "{name}: {status}");
    std::thread::sleep(std::time::Duration::from_millis(150));
    let audited = audit(&served, &state);
    assert!(!served.words().contains("panicked"), "{name}: {}", served.words());
    if audited.code == 0 {
        assert!(!read_only, "{name}: {audited:#?}");
        let kept = keeps(&served, &sound.list).expect(0).json();
        assert_eq!(kept["promises"]["kept"], ENTRIES, "{name}");
        return Taken::Unharmed;
    }
    if read_only {
        return Taken::ReadOnly;
    }
    for wrong in ["\"fork\"", "\"went-back\"", "went back"] {
        assert!(!audited.out.contains(wrong), "{name}: a log that takes entries has {wrong}: {audited:#?}");
    }
    Taken::Found
}

#[test]
fn an_altered_file_is_refused_or_found_and_never_believed() {
    let sound = Sound::new();
    let db = std::fs::read(sound.home.path().join("sound/store/db")).unwrap();
    let used = db.iter().rposition(|byte| *byte != 0).unwrap();
    let mut seen = vec![];
    for place in 0..14 {
        let at = used * place / 14;
        for (snapshots, kept) in [("with", true), ("without", false)] {
            if !kept && place % 2 == 1 {
                continue;
            }
            let name = format!("bent-{place}-{snapshots}");
            seen.push(taken(&sound, &name, |store| {
                let mut bent = db.clone();
                bent[at..(at + 48).min(used)].iter_mut().for_each(|byte| *byte ^= 0x55);
                std::fs::write(store.join("db"), bent).unwrap();
                // sled's snapshot hides damage until a page is read.
                if !kept {
                    forget_snapshots(store);
                }
            }));
        }
    }
    println!("{seen:?}");
    assert!(seen.iter().any(|taken| *taken != Taken::Unharmed), "{seen:?}");
}

#[test]
fn a_file_that_was_cut_is_refused_or_read_only() {
    let sound = Sound::new();
    let db = std::fs::read(sound.home.path().join("sound/store/db")).unwrap();
    let used = db.iter().rposition(|byte| *byte != 0).unwrap();
    for (name, length) in
        [("cut-0", 0), ("cut-1", 1), ("cut-third", used / 3), ("cut-half", used / 2), ("cut-end", used - 9)]
    {
        let taken = taken(&sound, name, |store| {
            std::fs::write(store.join("db"), &db[..length]).unwrap();
            forget_snapshots(store);
        });
        // The very last bytes may be ones that sled wrote only to fill up a segment.
        let spared = name == "cut-end" && taken == Taken::Unharmed;
        assert!(spared || matches!(taken, Taken::Refused | Taken::ReadOnly), "{name}: {taken:?}");
    }
}

#[test]
fn an_altered_head_or_key_file_is_no_excuse_to_sign() {
    let sound = Sound::new();
    let head = |bytes: &'static [u8]| {
        move |store: &Path| std::fs::write(store.with_file_name("head"), bytes).unwrap()
    };
    for (name, bytes) in [("head-empty", &b""[..]), ("head-junk", b"junk\n"), ("head-binary", &[0xff; 300])] {
        let (started, _) = sound.damaged(name, head(bytes));
        let served = started.unwrap_or_else(|ran| panic!("{ran:#?}"));
        let why = served.said["read_only"].as_str().unwrap();
        assert!(why.contains("`head`"), "{why}");
        assert_eq!(ask(&served, "POST", "/add", "x").0, 503);
    }
    let (started, _) = sound.damaged("key", |store| {
        let key = store.with_file_name("log.key");
        let text = std::fs::read_to_string(&key).unwrap();
        std::fs::write(key, &text[..text.len() - 12]).unwrap();
    });
    let Err(ran) = started else { panic!("it is served") };
    is_a_sentence(&ran);
    assert!(ran.expect(2).out.contains("is not a signing key"));
}

fn forget_snapshots(store: &Path) {
    for file in std::fs::read_dir(store).unwrap() {
        let file = file.unwrap();
        if file.file_name().to_string_lossy().starts_with("snap") {
            std::fs::remove_file(file.path()).unwrap();
        }
    }
}
