use std::num::NonZeroUsize;
use std::path::Path;

use super::*;
use crate::testlog::{TestLog, entry, leaf, signer};

fn audit(log: &TestLog, state: Option<&Path>, scope: Scope) -> Audit {
    Audit {
        source: Source::directory(log.path()).unwrap(),
        policy: log.policy(),
        changes: Changes::Followed,
        state: state.map(Path::to_owned),
        scope,
        threads: NonZeroUsize::new(2).unwrap(),
    }
}

async fn full(log: &TestLog) -> Report {
    audit(log, None, Scope::Full).run(&Silent).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_log_of_any_shape_holds_and_everything_in_it_was_read() {
    for size in [0, 1, 2, 255, 256, 257, 511, 513, 8_192, 8_193, 65_535, 65_536, 65_537, 70_000] {
        let report = full(&TestLog::of_size(size)).await;
        assert!(report.holds(), "size {size}: {:?}", report.findings);
        assert_eq!(report.size, Some(size));
        assert_eq!(report.counted.entries, size);
        assert_eq!(report.counted.tiles, tlog::tile::tiles_of(size).count() as u64, "size {size}");
    }
}

/// Serves a directory over HTTP, as any static web server does.
async fn over_http(log: &TestLog, at_once: usize) -> Source {
    use http_body_util::Full;
    use hyper::{Request, Response, body::Incoming, service::service_fn};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let directory = log.path().to_owned();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let directory = directory.clone();
            let answer = service_fn(move |request: Request<Incoming>| {
                let file = std::fs::read(directory.join(request.uri().path().trim_start_matches('/')));
                let status = if file.is_ok() { 200 } else { 404 };
                let body = Full::new(bytes::Bytes::from(file.unwrap_or_default()));
                std::future::ready(Response::builder().status(status).body(body))
            });
            let stream = hyper_util::rt::TokioIo::new(stream);
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(stream, answer));
        }
    });
    Source::open(&url, &crate::HttpOptions { at_once, ..crate::HttpOptions::default() }).unwrap()
}

/// Where a tile of level 1 is full, the audit reads it while it reads further bundles: with however few requests at once
/// it is allowed, neither may wait for the other.
#[tokio::test(flavor = "multi_thread")]
async fn over_http_tiles_and_bundles_do_not_wait_for_each_other() {
    let log = TestLog::of_size(75_000);
    for at_once in [1, 2, 16] {
        let audit = Audit { source: over_http(&log, at_once).await, ..audit(&log, None, Scope::Full) };
        let report = tokio::time::timeout(std::time::Duration::from_secs(100), audit.run(&Silent)).await;
        let report = report.unwrap_or_else(|_| panic!("{at_once} at once: it waits for ever")).unwrap();
        assert!(report.holds(), "{at_once} at once: {:?}", report.findings);
        assert_eq!(report.counted.entries, 75_000);
    }
}

#[tokio::test]
async fn the_test_log_of_tessera_holds_and_each_checkpoint_continues_the_last() {
    let directory = testkit::vectors::path("tessera-testlog/testdata/log");
    let vkey = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx";
    let policy = Policy::log_only(vkey.parse().unwrap()).unwrap();
    let source = Source::directory(&directory).unwrap();
    let audit = Audit {
        source: source.clone(),
        policy: policy.clone(),
        changes: Changes::Followed,
        state: None,
        scope: Scope::Full,
        threads: NonZeroUsize::MIN,
    };
    let report = audit.run(&Silent).await.unwrap();
    assert!(report.holds(), "{report:?}");
    assert_eq!((report.size, report.counted.entries), (Some(15), 15));
    let checkpoints: Vec<_> = (0..=15)
        .map(|size| {
            let bytes = std::fs::read(directory.join(format!("checkpoint.{size}"))).unwrap();
            policy.verify(bytes).unwrap().signed().clone()
        })
        .collect();
    for (size, shown) in checkpoints.iter().enumerate() {
        assert_eq!(shown.size(), size as u64);
        for seen in &checkpoints[..=size] {
            follow::prove_growth(&source, seen, shown).await.unwrap();
        }
        if size < 15 {
            let back = follow::prove_growth(&source, &checkpoints[15], shown).await.unwrap_err();
            assert!(matches!(back, FollowError::DoesNotHold(Broken::WentBack(_))), "{back}");
        }
    }
}

/// A log of this size has two levels of full tiles and partial ones at each.
const SIZE: u64 = 66_000;

#[tokio::test(flavor = "multi_thread")]
async fn one_bent_byte_anywhere_is_found_with_path_and_index() {
    let log = TestLog::of_size(SIZE);
    let in_full_bundle = log.offset_in_bundle(4_500);
    let in_partial_bundle = log.offset_in_bundle(65_999);
    for (bend, path, byte, wrong, index) in [
        ("an entry", "tile/entries/017", in_full_bundle, Wrong::Entry, 4_500),
        ("an entry of the partial bundle", "tile/entries/257.p/208", in_partial_bundle, Wrong::Entry, 65_999),
        ("a level-0 tile", "tile/0/017", 32 * 148 + 5, Wrong::Tile, 4_500),
        ("the partial level-0 tile", "tile/0/257.p/208", 32 * 207, Wrong::Tile, 65_999),
        ("the level-1 tile", "tile/1/000", 32 * 200 + 31, Wrong::Tile, 200 * 256),
        ("the partial level-1 tile", "tile/1/001.p/1", 3, Wrong::Tile, 65_536),
        ("the partial level-2 tile", "tile/2/000.p/1", 0, Wrong::Tile, 0),
    ] {
        log.flip(path, byte);
        let report = full(&log).await;
        log.flip(path, byte);
        let [finding] = &report.findings.first[..] else { panic!("{bend}: {:?}", report.findings) };
        assert_eq!(
            (finding.path.as_str(), finding.wrong, finding.index),
            (path, wrong, Some(index)),
            "{bend}"
        );
        assert_eq!(report.findings.total, 1, "{bend}");
        assert_ne!(finding.expected, finding.found, "{bend}");
    }
    assert!(full(&log).await.holds(), "the log is as it was");
}

#[tokio::test]
async fn both_hashes_are_told_the_signed_one_as_expected() {
    let log = TestLog::of_size(700);
    let forged = b"entry 6OO";
    let at = log.offset_in_bundle(600);
    let mut bundle = log.read("tile/entries/002.p/188");
    bundle[at..at + forged.len()].copy_from_slice(forged);
    log.write("tile/entries/002.p/188", &bundle);
    let report = full(&log).await;
    let finding = &report.findings.first[0];
    assert_eq!(finding.expected, Some(leaf(600).to_string()));
    assert_eq!(finding.found, Some(tlog::Hash::leaf(forged).to_string()));
}

#[tokio::test]
async fn an_entry_and_its_tile_forged_together_are_found_one_level_up() {
    let log = TestLog::of_size(700);
    let at = log.offset_in_bundle(300);
    log.flip("tile/entries/001", at);
    let mut tile = log.read("tile/0/001");
    let forged = {
        let mut bytes = entry(300).to_vec();
        bytes[0] ^= 1;
        tlog::Hash::leaf(&bytes)
    };
    tile[44 * 32..45 * 32].copy_from_slice(forged.as_bytes());
    log.write("tile/0/001", &tile);
    let report = full(&log).await;
    let finding = &report.findings.first[0];
    assert_eq!((finding.path.as_str(), finding.index), ("tile/1/000.p/2", Some(256)));
    // Up to the root everything can be forged to agree, but not the signature.
    let root_forged = &report.findings.first[1..];
    assert!(root_forged.iter().all(|finding| finding.wrong == Wrong::Root), "{root_forged:?}");
}

#[tokio::test]
async fn everything_forged_in_accord_still_misses_the_signed_root() {
    let log = TestLog::of_size(600);
    let forged = TestLog::of_size(0);
    let mut forged_log = forged;
    forged_log.grow((0..600).map(|i| if i == 77 { "forged".into() } else { entry(i) }));
    forged_log.write("checkpoint", log.signed().bytes());
    let report = full(&forged_log).await;
    let [finding] = &report.findings.first[..] else { panic!("{:?}", report.findings) };
    assert_eq!((finding.path.as_str(), finding.wrong), ("checkpoint", Wrong::Root));
    assert_eq!(finding.expected, Some(log.edge.head().root.to_string()));
}

#[tokio::test]
async fn what_is_cut_off_too_long_or_not_there_is_found() {
    let log = TestLog::of_size(700);
    for (path, index_if_short, index_if_long) in [
        ("tile/entries/001", 511, 511),
        ("tile/entries/002.p/188", 699, 699),
        ("tile/0/001", 256, 256),
        ("tile/0/002.p/188", 512, 512),
        ("tile/1/000.p/2", 0, 0),
    ] {
        let bytes = log.read(path);
        log.write(path, &bytes[..bytes.len() - 1]);
        let short = full(&log).await;
        log.write(path, &[&bytes[..], b"x"].concat());
        let long = full(&log).await;
        std::fs::remove_file(log.file(path)).unwrap();
        let missing = full(&log).await;
        log.write(path, &bytes);
        let first_bundle = index_if_short / 256 * 256;
        for (bend, report, wrong, index) in [
            ("short", short, Wrong::Length, index_if_short),
            ("long", long, Wrong::Length, index_if_long),
            ("missing", missing, Wrong::Missing, first_bundle),
        ] {
            let [finding] = &report.findings.first[..] else {
                panic!("{path} {bend}: {:?}", report.findings)
            };
            assert_eq!(
                (finding.path.as_str(), finding.wrong, finding.index),
                (path, wrong, Some(index)),
                "{bend}"
            );
        }
    }
}

#[tokio::test]
async fn a_partial_that_is_gone_is_taken_from_the_full_one() {
    let mut log = TestLog::of_size(700);
    let shown = log.signed();
    log.grow((700..1_100).map(entry));
    log.write("checkpoint", shown.bytes());
    for partial in ["tile/0/002.p/188", "tile/entries/002.p/188"] {
        std::fs::remove_file(log.file(partial)).unwrap();
    }
    let report = full(&log).await;
    assert!(report.holds(), "{:?}", report.findings);
    assert_eq!(report.counted.entries, 700);
}

#[tokio::test]
async fn a_checkpoint_that_is_not_the_logs_own_is_found() {
    let log = TestLog::of_size(300);
    let note = String::from_utf8(log.read("checkpoint")).unwrap();
    let head = log.edge.head();
    let other = tlog::checkpoint::Checkpoint::new("deedbook.test/raw".parse().unwrap(), head).unwrap();
    let impostor = testkit::keys::TestKey { seed: [9; 32], ..testkit::keys::RAW_LOG };
    for (bend, bytes) in [
        ("root", note.replace(&head.root.to_string(), &leaf(0).to_string())),
        ("size", note.replace("\n300\n", "\n299\n")),
        ("signature", note.replace('A', "B")),
        (
            "another key of the same name",
            String::from_utf8_lossy(other.sign(&signer(impostor)).unwrap().bytes()).into(),
        ),
        ("extension line", note.replacen("\n\n", "\nmore\n\n", 1)),
        ("not a note", "hello".to_owned()),
    ] {
        assert_ne!(bytes, note, "{bend}: nothing was bent");
        log.write("checkpoint", bytes.as_bytes());
        let report = full(&log).await;
        let [finding] = &report.findings.first[..] else { panic!("{bend}: {:?}", report.findings) };
        assert_eq!((finding.path.as_str(), finding.wrong), ("checkpoint", Wrong::Checkpoint), "{bend}");
    }
}

#[tokio::test]
async fn no_checkpoint_means_that_nothing_can_be_told() {
    let log = TestLog::of_size(3);
    std::fs::remove_file(log.file("checkpoint")).unwrap();
    let error = audit(&log, None, Scope::Full).run(&Silent).await.unwrap_err();
    assert!(matches!(error, AuditError::Source(SourceError::NoLog { .. })), "{error}");
}

#[tokio::test]
async fn a_log_that_goes_back_or_forks_is_caught_with_both_notes() {
    let mut log = TestLog::of_size(300);
    let before = log.signed();
    log.grow((300..500).map(entry));
    let state = log.file("../").join(format!("state-{}", std::process::id()));
    let state = state.as_path();
    assert!(audit(&log, Some(state), Scope::Full).run(&Silent).await.unwrap().holds());
    let seen = std::fs::read(state).unwrap();

    log.write("checkpoint", before.bytes());
    let back = audit(&log, Some(state), Scope::Full).run(&Silent).await.unwrap();
    assert_eq!(back.findings.first[0].wrong, Wrong::WentBack);

    for size in [500, 620] {
        let mut fork = TestLog::of_size(0);
        fork.grow((0..size).map(|i| if i == 123 { "another".into() } else { entry(i) }));
        assert!(full(&fork).await.holds(), "in itself the fork is sound");
        let report = audit(&fork, Some(state), Scope::Full).run(&Silent).await.unwrap();
        let [finding] = &report.findings.first[..] else { panic!("{:?}", report.findings) };
        assert_eq!(finding.wrong, Wrong::Fork, "size {size}");
        for note in [log.signed(), fork.signed()] {
            let text = String::from_utf8_lossy(note.bytes()).trim_end().to_owned();
            assert!(finding.detail.contains(&text), "size {size}: {}", finding.detail);
        }
    }
    assert_eq!(std::fs::read(state).unwrap(), seen, "what does not hold is not remembered");
    std::fs::remove_file(state).unwrap();
}

#[tokio::test]
async fn an_incremental_audit_reads_only_what_is_new_and_trusts_only_what_was_verified() {
    let home = tempfile::tempdir().unwrap();
    let state = home.path().join("state.json");
    let mut log = TestLog::of_size(70_000);
    assert!(audit(&log, Some(&state), Scope::Full).run(&Silent).await.unwrap().holds());
    log.grow((70_000..70_700).map(entry));
    let report = audit(&log, Some(&state), Scope::Incremental).run(&Silent).await.unwrap();
    assert!(report.holds(), "{:?}", report.findings);
    assert_eq!(report.first, 70_000 / 256 * 256);
    assert_eq!(report.counted.entries, 70_700 - report.first);
    assert_eq!(report.continues, Some(70_000));

    // New entries are still read, old ones are not, and the tiles that tie them together are.
    log.grow((70_700..70_710).map(entry));
    for (path, byte, caught) in [
        ("tile/entries/000", 9, false),
        ("tile/entries/276.p/54", 30, true),
        ("tile/1/001.p/20", 40, true),
        ("tile/2/000.p/1", 4, true),
    ] {
        let remembered = std::fs::read(&state).unwrap();
        log.flip(path, byte);
        let report = audit(&log, Some(&state), Scope::Incremental).run(&Silent).await.unwrap();
        log.flip(path, byte);
        assert_eq!(!report.holds(), caught, "{path}: {:?}", report.findings);
        std::fs::write(&state, remembered).unwrap();
    }
}

#[tokio::test]
async fn an_interrupted_audit_goes_on_only_from_the_beginning_of_the_tree_that_is_signed() {
    let home = tempfile::tempdir().unwrap();
    let state = home.path().join("state.json");
    let mut log = TestLog::of_size(80_000);
    let policy = log.policy();
    let source = Source::directory(log.path()).unwrap();
    let file = StateFile::open(&state, &policy).unwrap();
    let half = tree::resume_at(&source, half_head(40_960)).await.unwrap();
    let saved = Resume::from_parts(0, &half.parts().unwrap().into_iter().map(Into::into).collect::<Vec<_>>())
        .unwrap();
    file.save_progress(&saved, "2026-11-24T08:00:00Z").unwrap();
    log.grow((80_000..80_300).map(entry));
    let report = audit(&log, Some(&state), Scope::Full).run(&Silent).await.unwrap();
    assert!(report.holds(), "{:?}", report.findings);
    assert_eq!((report.resumed, report.counted.entries), (40_960, 80_300 - 40_960));

    // What was saved of another tree is not gone on from, and does not accuse the log.
    let mut parts = saved.parts().unwrap();
    parts[0][5] ^= 1;
    let other = Resume::from_parts(0, &parts.into_iter().map(Into::into).collect::<Vec<_>>()).unwrap();
    StateFile::open(&state, &policy).unwrap().save_progress(&other, "2026-11-24T08:00:00Z").unwrap();
    let report = audit(&log, Some(&state), Scope::Full).run(&Silent).await.unwrap();
    assert!(report.holds(), "{:?}", report.findings);
    assert_eq!((report.resumed, report.counted.entries), (0, 80_300));
    assert!(report.notes[0].contains("not the beginning of the tree"), "{:?}", report.notes);
}

fn half_head(size: u64) -> tlog::Head {
    let mut range = tlog::range::CompactRange::new();
    (0..size).for_each(|i| range.append(leaf(i)));
    range.head()
}

#[tokio::test]
async fn a_state_of_another_log_or_a_damaged_one_is_refused_and_left_alone() {
    let home = tempfile::tempdir().unwrap();
    let state = home.path().join("state.json");
    let log = TestLog::of_size(10);
    assert!(audit(&log, Some(&state), Scope::Full).run(&Silent).await.unwrap().holds());
    let good = std::fs::read_to_string(&state).unwrap();
    let other = Policy::log_only(signer(testkit::keys::OTHER_LOG).verifier_key().clone()).unwrap();
    assert!(matches!(StateFile::open(&state, &other), Err(StateError::OtherLog { .. })));
    for (bend, text) in [
        ("cut off", good[..good.len() / 2].to_owned()),
        ("another format", good.replace("state/1", "state/2")),
        ("an unknown field", good.replace("\"unfinished\"", "\"unknown\"")),
    ] {
        std::fs::write(&state, &text).unwrap();
        let error = audit(&log, Some(&state), Scope::Full).run(&Silent).await.unwrap_err();
        assert!(matches!(error, AuditError::State(StateError::Format { .. })), "{bend}: {error}");
        assert_eq!(std::fs::read_to_string(&state).unwrap(), text, "{bend}");
    }
}
