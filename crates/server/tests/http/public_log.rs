//! The public log, byte for byte: checkpoint, tiles and bundles as C2SP tlog-tiles has them.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use store::{MemoryStore, SledOptions, SledStore, Store};
use tlog::{
    bundle,
    checkpoint::SignedCheckpoint,
    hash::Hash,
    integrate::{Edge, Entry},
    tile::{Bundle, Tile},
};

use crate::served::{Served, Setup, signer};

pub(crate) fn entry(index: u64) -> Bytes {
    format!("entry {index}").into()
}

/// A raw log of `entry 0`, `entry 1`, …, and all of it published.
pub(crate) async fn raw_log(size: u64) -> Served {
    let served = Setup::raw().serve().await;
    grow(&served, 0, size).await;
    served
}

async fn grow(served: &Served, from: u64, to: u64) {
    let submissions = (from..to)
        .map(|index| sequencer::pool::Submission::new(Entry::new(entry(index)).unwrap(), None))
        .collect::<Vec<_>>();
    if !submissions.is_empty() {
        served.app.log().submit(submissions).unwrap().await.unwrap().unwrap();
    }
    served.published(to).await;
}

async fn checkpoint(served: &Served) -> SignedCheckpoint {
    let answer = served.get("/checkpoint").await;
    assert_eq!(answer.status, 200);
    let key = signer(testkit::keys::RAW_LOG).verifier_key().clone();
    SignedCheckpoint::open(answer.body, &key).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_checkpoint_of_every_size_is_signed_and_has_the_root_of_the_entries() {
    let served = raw_log(0).await;
    let mut size = 0;
    for next in [0, 1, 255, 256, 257, 513] {
        grow(&served, size, next).await;
        size = next;
        let entries: Vec<_> = (0..size).map(|index| Entry::new(entry(index)).unwrap()).collect();
        let root = if size == 0 {
            Hash::EMPTY
        } else {
            Edge::default().integrate(&entries).unwrap().edge.head().root
        };
        let checkpoint = checkpoint(&served).await;
        assert_eq!((checkpoint.size(), checkpoint.root()), (size, root));
        assert_eq!(checkpoint.origin().as_str(), testkit::keys::RAW_LOG.name);
        assert_eq!(checkpoint.checkpoint().to_string().lines().count(), 3, "no extension lines");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_width_that_exists_is_served_and_none_that_does_not() {
    let home = tempfile::tempdir().unwrap();
    let sled = SledStore::open(&home.path().join("sled"), &SledOptions::default()).unwrap();
    let stores: [Arc<dyn Store>; 2] = [Arc::new(MemoryStore::new()), Arc::new(sled)];
    for store in stores {
        every_width_from(Setup { store, ..Setup::raw() }.serve().await).await;
    }
}

async fn every_width_from(served: Served) {
    let mut size = 0;
    for next in [0, 1, 255, 256, 257, 513] {
        grow(&served, size, next).await;
        size = next;
        for index in 0..=size / 256 + 1 {
            let has = size.saturating_sub(index * 256).min(256);
            for width in [1, 2, 254, 255, 256] {
                let expected = (width <= has).then(|| (index * 256, index * 256 + width));
                let suffix = if width == 256 { String::new() } else { format!(".p/{width}") };
                check_bundle(&served, &format!("/tile/entries/{index:03}{suffix}"), expected).await;
                check_leaves(&served, &format!("/tile/0/{index:03}{suffix}"), expected).await;
            }
        }
        for width in [1, 2, 3] {
            let answer = served.get(&format!("/tile/1/000.p/{width}")).await;
            let has = size / 256;
            assert_eq!(
                answer.status,
                if width <= has { 200 } else { 404 },
                "level 1 at size {size}, width {width}"
            );
            if width <= has {
                assert_eq!(answer.body.len() as u64, 32 * width);
            }
        }
        assert_eq!(served.get("/tile/2/000.p/1").await.status, 404, "level 2 at size {size}");
        assert_eq!(served.get("/tile/1/000").await.status, 404, "a full tile of level 1 at size {size}");
    }
}

async fn check_bundle(served: &Served, path: &str, expected: Option<(u64, u64)>) {
    let answer = served.get(path).await;
    assert_eq!(answer.status, if expected.is_some() { 200 } else { 404 }, "{path}");
    if let Some((from, to)) = expected {
        let entries = bundle::decode(&answer.body, (to - from) as usize).unwrap();
        assert_eq!(entries, (from..to).map(entry).collect::<Vec<_>>(), "{path}");
    }
}

async fn check_leaves(served: &Served, path: &str, expected: Option<(u64, u64)>) {
    let answer = served.get(path).await;
    assert_eq!(answer.status, if expected.is_some() { 200 } else { 404 }, "{path}");
    if let Some((from, to)) = expected {
        let leaves: Vec<u8> = (from..to).flat_map(|index| *Hash::leaf(&entry(index)).as_bytes()).collect();
        assert_eq!(answer.body, leaves, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_has_one_spelling() {
    let served = raw_log(513).await;
    let right =
        ["/tile/0/000", "/tile/0/002.p/1", "/tile/1/000.p/2", "/tile/entries/001", "/tile/entries/001.p/7"];
    for path in right {
        assert_eq!(served.get(path).await.status, 200, "{path}");
    }
    let answers: BTreeSet<_> = wrong_paths().into_iter().collect();
    for path in answers {
        let answer = served.get(path).await;
        let problem = answer.problem(404);
        assert_eq!(problem.kind, "not-found", "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(answer.header("content-encoding"), None, "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{path}");
    }
    // Outside of the routes of the public log nothing is promised to other origins.
    for path in ["/tile", "/tile/", "//tile/0/000", "/checkpoint/", "/Checkpoint", "/tiles/0/000"] {
        assert_eq!(served.get(path).await.problem(404).kind, "not-found", "{path}");
    }
}

fn wrong_paths() -> [&'static str; 34] {
    [
        "/tile/0/x000/000",
        "/tile/0/x000/x000/000",
        "/tile/0/0",
        "/tile/0/00",
        "/tile/0/0000",
        "/tile/0/000/",
        "/tile/0//000",
        "/tile//0/000",
        "/tile/0/000?",
        "/tile/0/000?x=1",
        "/tile/0/000.p/0",
        "/tile/0/000.p/256",
        "/tile/0/000.p/01",
        "/tile/0/000.p/",
        "/tile/0/000.p",
        "/tile/0/000.p/1/",
        "/tile/0/000.p/-1",
        "/tile/0/000.p/+1",
        "/tile/0/%30%30%30",
        "/tile/%30/000",
        "/tile/0/000%2ep/1",
        "/tile/00/000",
        "/tile/64/000",
        "/tile/-1/000",
        "/tile/0/-01",
        "/tile/0/ab0",
        "/tile/0/x001",
        "/tile/0/X001/000",
        "/tile/Entries/000",
        "/tile/entries/000/../000",
        "/tile/entries/./000",
        "/tile/0/000.p/99999999999999999999",
        "/tile/0/x999/x999/x999/x999/x999/x999/x999/999",
        "/tile/99999999999999999999/000",
    ]
}

#[test]
fn the_paths_above_are_those_that_the_codec_prints() {
    // What this suite asks for by hand is what a client would make of it.
    assert_eq!(Tile::at(0, 2, 513).unwrap().to_string(), "tile/0/002.p/1");
    assert_eq!(Bundle::at(1, 513).unwrap().to_string(), "tile/entries/001");
}
