//! A full audit from a directory, on one core: entries a second. `cargo bench -p client --bench audit`
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "criterion makes a function without words; a bench may panic"
)]

use std::num::NonZeroUsize;
use std::path::Path;

use bytes::Bytes;
use client::Source;
use client::audit::{Audit, Scope, Silent};
use client::follow::Changes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tlog::checkpoint::Checkpoint;
use tlog::integrate::{Edge, Entry};
use tlog::key::Signer;
use tlog::policy::Policy;
use tlog::tile::{bundles_of, tiles_of};

const ENTRIES: u64 = 1 << 19;

/// Writes a log of entries of this many bytes, in steps that keep memory small.
fn write_log(directory: &Path, entry_bytes: usize) -> Policy {
    let key = testkit::keys::RAW_LOG;
    let signer = Signer::from_seed(key.name.parse().unwrap(), &key.seed);
    let write = |name: String, bytes: &[u8]| {
        let path = directory.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    let mut edge = Edge::default();
    while edge.size() < ENTRIES {
        let entry = |i: u64| Entry::new(Bytes::from(format!("{i:0entry_bytes$}"))).unwrap();
        let entries: Vec<_> = (edge.size()..edge.size() + 4_096).map(entry).collect();
        let growth = edge.integrate(&entries).unwrap();
        growth.tiles.iter().for_each(|(tile, bytes)| write(tile.to_string(), bytes));
        growth.bundles.iter().for_each(|(bundle, bytes)| write(bundle.to_string(), bytes));
        edge = growth.edge;
    }
    for tile in tiles_of(ENTRIES).filter(|tile| !tile.is_full()) {
        write(tile.to_string(), &edge.tile(tile).unwrap());
    }
    assert!(bundles_of(ENTRIES).all(|bundle| bundle.is_full()));
    let signed = Checkpoint::new(signer.name().clone(), edge.head()).unwrap().sign(&signer).unwrap();
    write("checkpoint".to_owned(), signed.bytes());
    Policy::log_only(signer.verifier_key().clone()).unwrap()
}

fn audits(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut group = criterion.benchmark_group("audit");
    group.throughput(Throughput::Elements(ENTRIES)).sample_size(10);
    for entry_bytes in [65, 700] {
        let home = tempfile::tempdir().unwrap();
        let audit = Audit {
            policy: write_log(home.path(), entry_bytes),
            source: Source::directory(home.path()).unwrap(),
            changes: Changes::Followed,
            state: None,
            scope: Scope::Full,
            threads: NonZeroUsize::MIN,
        };
        group.bench_function(format!("entries of {entry_bytes} bytes"), |bencher| {
            bencher.iter(|| assert!(runtime.block_on(audit.run(&Silent)).unwrap().holds()));
        });
    }
    group.finish();
}

criterion_group!(benches, audits);
criterion_main!(benches);
