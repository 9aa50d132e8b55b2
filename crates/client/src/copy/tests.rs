use super::*;
use crate::audit::Silent;
use crate::testlog::{TestLog, entry};

fn copy(log: &TestLog, directory: &Path) -> Copy {
    Copy {
        source: Source::directory(log.path()).unwrap(),
        policy: log.policy(),
        changes: Changes::Followed,
        directory: directory.to_owned(),
        threads: NonZeroUsize::MIN,
    }
}

fn checkpoint_in(directory: &Path) -> Vec<u8> {
    std::fs::read(directory.join("checkpoint")).unwrap()
}

#[tokio::test]
async fn a_copy_grows_with_its_log_and_keeps_what_it_has() {
    let home = tempfile::tempdir().unwrap();
    let there = home.path().join("deep/copy");
    let mut log = TestLog::of_size(0);
    for size in [0, 1, 255, 256, 700, 1_300] {
        let from = log.edge.size();
        log.grow((from..size).map(entry));
        let copied = copy(&log, &there).run(&Silent).await.unwrap();
        assert_eq!((copied.size, copied.counted.entries), (size, size));
        assert_eq!(checkpoint_in(&there), &log.signed().bytes()[..]);
        for resource in
            tiles_of(size).map(|tile| tile.to_string()).chain(bundles_of(size).map(|b| b.to_string()))
        {
            assert_eq!(std::fs::read(there.join(&resource)).unwrap(), log.read(&resource), "{resource}");
        }
    }
    let again = copy(&log, &there).run(&Silent).await.unwrap();
    assert_eq!((again.written, again.replaced, again.continues), (0, 0, Some(1_300)));
}

#[tokio::test]
async fn what_was_kept_and_is_wrong_is_fetched_again() {
    let home = tempfile::tempdir().unwrap();
    let there = home.path();
    let log = TestLog::of_size(1_300);
    copy(&log, there).run(&Silent).await.unwrap();
    let forged = {
        let mut forged = TestLog::of_size(0);
        forged.grow((0..1_300).map(|i| if i == 300 { "forged".into() } else { entry(i) }));
        forged
    };
    for (bend, bent) in [
        ("an entry", vec![("tile/entries/001", forged.read("tile/entries/001"))]),
        ("a tile", vec![("tile/0/002", vec![7; 8_192])]),
        ("a tile of level 1", vec![("tile/1/000.p/5", vec![7; 160])]),
        (
            "an entry and its tile in accord",
            vec![
                ("tile/entries/001", forged.read("tile/entries/001")),
                ("tile/0/001", forged.read("tile/0/001")),
            ],
        ),
        ("a file cut off", vec![("tile/0/003", vec![1, 2, 3])]),
    ] {
        for (path, bytes) in &bent {
            std::fs::write(there.join(path), bytes).unwrap();
        }
        copy(&log, there).run(&Silent).await.unwrap_or_else(|error| panic!("{bend}: {error}"));
        for (path, _) in &bent {
            assert_eq!(std::fs::read(there.join(path)).unwrap(), log.read(path), "{bend}: {path}");
        }
    }
}

#[tokio::test]
async fn a_log_that_does_not_hold_leaves_the_copy_as_it_was() {
    let home = tempfile::tempdir().unwrap();
    let there = home.path();
    let mut log = TestLog::of_size(600);
    copy(&log, there).run(&Silent).await.unwrap();
    let before = checkpoint_in(there);

    log.grow((600..900).map(entry));
    log.flip("tile/entries/002", 5);
    let error = copy(&log, there).run(&Silent).await.unwrap_err();
    assert!(
        matches!(&error, CopyError::DoesNotHold(findings) if findings.first[0].index == Some(512)),
        "{error}"
    );
    assert_eq!(checkpoint_in(there), before);
    log.flip("tile/entries/002", 5);

    std::fs::remove_file(log.file("tile/0/002")).unwrap();
    let mut fork = TestLog::of_size(0);
    fork.grow((0..900).map(|i| if i == 3 { "another".into() } else { entry(i) }));
    let error = copy(&fork, there).run(&Silent).await.unwrap_err();
    assert!(error.to_string().contains("forked"), "{error}");
    assert_eq!(checkpoint_in(there), before);
}

/// The log may be the one to blame: what was good stays good.
#[tokio::test]
async fn what_is_mended_is_proven_and_what_is_right_is_not_touched() {
    let home = tempfile::tempdir().unwrap();
    let there = home.path();
    let log = TestLog::of_size(1_300);
    copy(&log, there).run(&Silent).await.unwrap();
    let mut forged = TestLog::of_size(0);
    forged.grow((0..1_300).map(|i| if i == 300 { "forged".into() } else { entry(i) }));
    let good = |path: &str| std::fs::read(there.join(path)).unwrap() == log.read(path);
    let head = log.signed().head();

    // The log has another entry in the place of the one that has rotted here, and the tile to it.
    let truth = ["tile/entries/001", "tile/0/001", "tile/1/000.p/5"].map(|path| (path, log.read(path)));
    for (path, _) in &truth {
        std::fs::write(log.file(path), forged.read(path)).unwrap();
    }
    std::fs::write(there.join("tile/entries/001"), "rotten").unwrap();
    let found = copy(&log, there).read_again(head, &Silent).await.unwrap();
    let mended = copy(&log, there).mend(head, &found).await.unwrap();
    assert!(matches!(mended.left, Some(FollowError::DoesNotHold(_))) && mended.replaced == 0, "{mended:?}");
    assert_eq!(std::fs::read(there.join("tile/entries/001")).unwrap(), b"rotten");
    for (path, bytes) in &truth[1..] {
        assert_eq!(&std::fs::read(there.join(path)).unwrap(), bytes, "{path} was right");
    }

    for (path, bytes) in &truth {
        std::fs::write(log.file(path), bytes).unwrap();
    }
    for rotten in ["tile/entries/001", "tile/entries/005.p/20", "tile/0/002", "tile/1/000.p/5"] {
        std::fs::write(there.join(rotten), "rotten").unwrap();
        let found = copy(&log, there).read_again(head, &Silent).await.unwrap();
        let mended = copy(&log, there).mend(head, &found).await.unwrap();
        assert!(mended.left.is_none() && mended.replaced == 1 && good(rotten), "{rotten}: {mended:?}");
        assert!(copy(&log, there).read_again(head, &Silent).await.unwrap().is_empty(), "{rotten}");
    }
}
