//! What admitting one record costs: checked, canonical, hashed; and the steps around it.
//!
//! `cargo bench -p record --bench admission`
#![allow(missing_docs, clippy::unwrap_used, reason = "criterion's macros; a benchmark may stop")]

use std::fmt::Write as _;
use std::hint::black_box;

use bytes::{Bytes, BytesMut};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use record::{Framing, Submission, Vouched, open, seal_into, split};

/// A typical audit record of about 700 bytes, as a producer prints it that does not know of canonical form.
const PRETTY: &str = r#"{
  "v": 1,
  "type": "action.requested",
  "id": "0198f0c2-7d1e-7c3a-9a54-1f2f6f1f9b10",
  "time": "2026-11-23T08:14:03.118Z",
  "producer": { "id": "crm-runtime/host-7", "seq": 1041 },
  "session": { "id": "s-71c2", "seq": 12 },
  "principal": { "iss": "https://idp.acme.example", "sub": "u-1842", "name": "alice@acme.example" },
  "agent": { "sub": "spiffe://acme.example/agent/crm", "version": "3.1.0", "run": "run-55", "model": "m-4" },
  "scope": "crm:read crm:write",
  "action": { "id": "toolu_01", "tool": "crm.update_contact", "server": "mcp:crm", "target": "contact\/42",
    "requires": "crm:write", "effect": "write" },
  "input": { "sd": "6Ij7tM-a5iVPGboS5tmvVA9XHAN1LSJ0mCWEYPbOwhA", "bytes": 812, "media": "application/json" },
  "trace": { "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" }
}"#;

fn admission(c: &mut Criterion) {
    let canonical = Bytes::copy_from_slice(Submission::parse(PRETTY.as_bytes()).unwrap().canonical());
    let submission = Submission::parse_shared(&canonical).unwrap();
    let vouched = Vouched::asserted("2026-11-23T08:14:03.201Z", "open", [7; 16]);
    let mut entry = BytesMut::new();
    seal_into(&submission, None, &vouched, &mut entry).unwrap();
    let entry = entry.freeze();

    let mut group = c.benchmark_group(format!("one record, {} bytes canonical", canonical.len()));
    group.throughput(Throughput::Elements(1));
    group.bench_function("parse canonical, with both SHA-256", |b| {
        b.iter(|| Submission::parse(black_box(&canonical)));
    });
    group.bench_function("parse canonical, shared bytes", |b| {
        b.iter(|| Submission::parse_shared(black_box(&canonical)));
    });
    group.bench_function("parse pretty-printed, with both SHA-256", |b| {
        b.iter(|| Submission::parse(black_box(PRETTY.as_bytes())));
    });
    group.bench_function("admit canonical: parse, understand, look for secrets", |b| {
        b.iter(|| {
            let submission = Submission::parse_shared(black_box(&canonical)).unwrap();
            record::admit(&submission).map(|record| record.time)
        });
    });
    group.bench_function("admit pretty-printed", |b| {
        b.iter(|| {
            let submission = Submission::parse(black_box(PRETTY.as_bytes())).unwrap();
            record::admit(&submission).map(|record| record.time)
        });
    });
    let mut out = BytesMut::with_capacity(1 << 20);
    group.bench_function("seal into a buffer", |b| {
        b.iter(|| {
            out.clear();
            seal_into(black_box(&submission), None, &vouched, &mut out)
        });
    });
    group.bench_function("open an entry", |b| b.iter(|| open(black_box(&entry)).map(|o| o.id())));
    group.finish();

    let line = std::str::from_utf8(&canonical).unwrap();
    let ndjson = (0..1_000).fold(String::new(), |mut body, _| {
        let _ = writeln!(body, "{line}");
        body
    });
    let array = format!("[{}]", vec![line; 1_000].join(","));
    let mut group = c.benchmark_group("a request of 1,000 records");
    group.throughput(Throughput::Elements(1_000));
    group.bench_function("split NDJSON", |b| {
        b.iter(|| split(black_box(ndjson.as_bytes()), Framing::Ndjson, 1_000));
    });
    group.bench_function("split array", |b| {
        b.iter(|| split(black_box(array.as_bytes()), Framing::Array, 1_000));
    });
    let body = Bytes::from(ndjson);
    group.bench_function("split, parse, seal NDJSON", |b| {
        b.iter(|| {
            out.clear();
            for range in split(&body, Framing::Ndjson, 1_000).unwrap() {
                let submission = Submission::parse_shared(&body.slice(range)).unwrap();
                seal_into(&submission, None, &vouched, &mut out).unwrap();
            }
            out.len()
        });
    });
    group.finish();
}

criterion_group!(benches, admission);
criterion_main!(benches);
