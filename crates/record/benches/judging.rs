//! What it costs to judge a record: its signatures, one by one and in batches on one thread and on two; a search for
//! secrets; and what it costs to disclose content.
//!
//! `cargo bench -p record --bench judging`
#![allow(missing_docs, clippy::unwrap_used, reason = "criterion's macros; a benchmark may stop")]

use std::hint::black_box;
use std::thread;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ed25519_dalek::SigningKey;
use record::disclosure::{self, Disclosure, DisclosureWriter, Form};
use record::secret::{CONTENT_MEMBERS, find, find_in_fields};
use record::signature::{sign, verify_batch};
use record::{PublicKey, Signature};
use testkit::{Chance, airline, sample};

/// Agents that sign; each record is signed by one.
const KEYS: u8 = 8;

struct Signed {
    key: PublicKey,
    canonical: Vec<u8>,
    signature: Signature,
}

fn signed(count: u64) -> Vec<Signed> {
    let mut chance = Chance::seeded(3);
    let keys: Vec<SigningKey> = (0..KEYS).map(|n| SigningKey::from_bytes(&[n; 32])).collect();
    let one = |n: u64| {
        let key = &keys[n as usize % keys.len()];
        let canonical = sample::typical_record(n, &mut chance);
        let signature = sign(key, &canonical);
        Signed { key: PublicKey::from_bytes(key.verifying_key().as_bytes()).unwrap(), canonical, signature }
    };
    (0..count).map(one).collect()
}

fn checks(signed: &[Signed]) -> Vec<(&PublicKey, &[u8], &Signature)> {
    signed.iter().map(|one| (&one.key, one.canonical.as_slice(), &one.signature)).collect()
}

/// Criterion prints elements, which are signatures, a second.
fn signatures(c: &mut Criterion) {
    let all = signed(8_192);
    let mut group = c.benchmark_group("signatures over records of 700 bytes");
    group.throughput(Throughput::Elements(1));
    let one = &all[0];
    group.bench_function("verify one, strictly", |b| {
        b.iter(|| one.key.verify(black_box(&one.canonical), &one.signature));
    });
    let key = SigningKey::from_bytes(&[1; 32]);
    group.bench_function("sign one", |b| b.iter(|| sign(&key, black_box(&one.canonical))));
    for size in [100, 256, 1_000, 8_192] {
        let checks = checks(&all[..size]);
        group.throughput(Throughput::Elements(size as u64));
        group.bench_function(BenchmarkId::new("verify a batch, one thread", size), |b| {
            b.iter(|| assert!(verify_batch(black_box(&checks)).iter().all(|holds| *holds)));
        });
    }
    let checks = checks(&all);
    group.bench_function("verify a batch, two threads/8192", |b| {
        b.iter(|| {
            thread::scope(|scope| {
                for half in checks.chunks(checks.len() / 2) {
                    scope.spawn(move || assert!(verify_batch(half).iter().all(|holds| *holds)));
                }
            });
        });
    });
    group.finish();
}

fn secrets(c: &mut Criterion) {
    let mut chance = Chance::seeded(5);
    let record = sample::typical_record(6, &mut chance);
    let records = String::from_utf8(sample::typical_ndjson(0, 10_000, &mut chance)).unwrap();
    let prose = "The quick brown fox asks for a task: risk-free, desk-bound, brisk. ".repeat(100_000);
    let plain = "0123456789 and so on, with nothing that could begin a secret. ".repeat(100_000);
    let mut group = c.benchmark_group("secrets");
    for (name, text) in [
        ("no mark at all", plain.as_str()),
        ("words with sk-", &prose),
        ("records", &records),
        ("airline", airline::ndjson()),
    ] {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(BenchmarkId::new("find", name), |b| b.iter(|| find(black_box(text))));
    }
    group.throughput(Throughput::Bytes(record.len() as u64));
    group.bench_function("find in the fields of one record", |b| {
        b.iter(|| find_in_fields(black_box(&record), &CONTENT_MEMBERS));
    });
    group.finish();
}

fn disclosures(c: &mut Criterion) {
    let mut group = c.benchmark_group("disclosures");
    for (name, content) in [
        ("text of 1 KiB", vec![b'x'; 1 << 10]),
        ("text of 1 MiB", vec![b'x'; 1 << 20]),
        ("bytes of 1 MiB", vec![0xff; 1 << 20]),
    ] {
        let made = Disclosure::make([7; 16], "input", &content).unwrap();
        group.throughput(Throughput::Bytes(content.len() as u64));
        group.bench_function(BenchmarkId::new("make", name), |b| {
            b.iter(|| Disclosure::make([7; 16], "input", black_box(&content)));
        });
        group.bench_function(BenchmarkId::new("make in pieces of 64 KiB", name), |b| {
            b.iter(|| {
                let mut out = String::new();
                let form = Form::of(&content);
                let mut writer = DisclosureWriter::new([7; 16], "input", form, &mut out).unwrap();
                for piece in content.chunks(1 << 16) {
                    writer.write(piece, &mut out).unwrap();
                    out.clear();
                }
                writer.finish(&mut out)
            });
        });
        group.bench_function(BenchmarkId::new("verify and open", name), |b| {
            b.iter(|| disclosure::verify(black_box(made.text()), &made.sd()));
        });
    }
    group.finish();
}

criterion_group!(benches, signatures, secrets, disclosures);
criterion_main!(benches);
