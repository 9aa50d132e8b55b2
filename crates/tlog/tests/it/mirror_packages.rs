//! What is pushed to a mirror and answered, as bytes: the examples of the specification, and packages that belong and that do
//! not.

use bytes::Bytes;
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};
use tlog::Hash;
use tlog::integrate::Entry;
use tlog::mirror::{
    End, Info, InfoError, Package, PackageError, ReadError, Refusal, Span, Standing, Step, Upload,
    UploadError, decide,
};
use tlog::plan::SubtreeProof;
use tlog::proof::ProofError;

use crate::bundles::Bundles;
use crate::mirror::{body, read, read_in, upload};
use crate::vectors::{hex, json, name};

#[test]
fn the_requests_of_the_vectors() {
    let vectors = json("generated/mirror-add-entries.json");
    let log = Bundles::of(513);
    assert_eq!(body(&log, 0, 3), hex(&vectors["small"]["body_hex"]));
    let large = body(&log, 250, 513);
    assert_eq!(large.len() as u64, vectors["body_len"].as_u64().unwrap());
    assert_eq!(Sha256::digest(&large)[..], hex(&vectors["body_sha256"]));
    let spans: Vec<_> = upload(250, 513).spans().map(|span| [span.start(), span.end()]).collect();
    assert_eq!(serde_json::json!(spans), vectors["packages"]);
}

#[test]
fn an_upload_is_cut_where_bundles_end() {
    let spans = |start, end| -> Vec<_> {
        upload(start, end).spans().map(|span| (span.bundle(), span.before(), span.width())).collect()
    };
    assert_eq!(spans(7, 7), []);
    assert_eq!(spans(0, 256), [(0, 0, 256)]);
    assert_eq!(spans(255, 258), [(0, 255, 1), (1, 0, 2)]);
    assert_eq!(spans(300, 310), [(1, 44, 10)]);
    assert_eq!(spans(u64::MAX - 1, u64::MAX), [((1 << 56) - 1, 254, 1)]);
    assert_eq!(upload(0, u64::MAX).spans().take(3).last().map(|span| span.start()), Some(512));
}

#[test]
fn what_is_no_request_is_told() {
    let name_of = |length: u16, name: &[u8]| [&length.to_be_bytes(), name].concat();
    let numbers = |start: u64, end: u64| [start.to_be_bytes(), end.to_be_bytes()].concat();
    let reads = |parts: &[&[u8]]| match read(&parts.concat()) {
        (_, Some(error)) => Err(error),
        (steps, None) => Ok(steps),
    };
    assert_eq!(reads(&[]), Ok(vec![]));
    assert_eq!(reads(&[&[0]]), Ok(vec![]));
    assert_eq!(
        reads(&[&name_of(256, b"")]),
        Err(ReadError::OriginTooLong { have: 256 }),
        "before it is here"
    );
    assert_eq!(reads(&[&name_of(1, b"a"), &numbers(0, 1), &[0]]), Ok(vec![]));
    let of = |name: &[u8], numbers: &[u8]| reads(&[&name_of(name.len() as u16, name), numbers, &[0, 0]]);
    assert_eq!(of(b"\xff", &numbers(0, 1)), Err(ReadError::OriginNotUtf8));
    for bad in ["", "a b", "a+b"] {
        let error = of(bad.as_bytes(), &numbers(0, 1)).unwrap_err();
        assert!(matches!(error, ReadError::Origin(_)), "{bad}: {error:?}");
        assert_eq!(Refusal::from(error).status(), 404, "nobody has such a log");
    }
    let backwards = ReadError::Upload(UploadError::EndBeforeStart { start: 2, end: 1 });
    assert_eq!(of(b"a", &numbers(2, 1)), Err(backwards));
    assert_eq!(Refusal::from(backwards).status(), 400);
    let hashes = reads(&[&upload(0, 1).encode(), &[0, 0], &[64]]);
    assert!(matches!(hashes, Err(ReadError::TooManyHashes { have: 64, .. })), "{hashes:?}");
    let ticket = Bytes::from(vec![7; 65_536]);
    let too_long = Upload::new(name("a"), 0, 1, ticket.clone());
    assert_eq!(too_long, Err(UploadError::TicketTooLong { have: 65_536 }));
    let longest = Upload::new(name("a"), 0, 0, ticket.slice(1..)).unwrap();
    assert_eq!(read(&longest.encode()).0, [Step::Upload(longest)]);
}

#[test]
fn a_package_is_made_of_what_the_log_has_hashed() {
    let log = Bundles::of(513);
    let span = upload(250, 513).spans().next().unwrap();
    let proof = log.proof(span, 513);
    let bundle = log.entries(0..256);
    assert_eq!(Package::new(span, bundle, proof.clone()).unwrap().entries(), &bundle[250..]);
    let short = Package::new(span, &bundle[..255], proof.clone());
    assert_eq!(short, Err(PackageError::Entries { wanted: 256, have: 255, span }));
    let mut other = bundle.to_vec();
    other[3] = Bytes::from_static(b"other");
    assert_eq!(Package::new(span, &other, proof.clone()), Err(PackageError::OtherProof { span }));
    let elsewhere = SubtreeProof { start: 256, end: 512, ..proof.clone() };
    assert_eq!(Package::new(span, bundle, elsewhere), Err(PackageError::OtherProof { span }));
    other[3] = Bytes::from(vec![0; 65_536]);
    assert_eq!(Package::new(span, &other, proof), Err(PackageError::EntryTooLarge { bytes: 65_536 }));
}

#[test]
fn info_has_one_spelling() {
    for info in
        [Info::new(0, 0), Info::new(513, 256), Info { ticket: Bytes::from_static(b"ab"), ..Info::new(7, 8) }]
    {
        assert_eq!(Info::parse(info.to_string().as_bytes()), Ok(info));
    }
    assert_eq!(Info::new(513, 256).to_string(), "513\n256\n\n");
    for (bend, text) in [
        ("nothing", ""),
        ("two lines", "513\n256\n"),
        ("no last line feed", "513\n256\n\nYQ=="),
        ("four lines", "513\n256\n\n\n"),
        ("carriage returns", "513\r\n256\r\n\r\n"),
    ] {
        assert!(Info::parse(text.as_bytes()).is_err(), "{bend}");
    }
    for (line, text) in [(1, "0513\n256\n\n"), (2, "513\n-1\n\n"), (3, "513\n256\nYR==\n")] {
        let error = Info::parse(text.as_bytes()).unwrap_err();
        assert!(matches!(error, InfoError::Line { line: at, .. } if at == line), "{error}");
    }
    let longest = Info { ticket: vec![0; 65_535].into(), ..Info::new(tlog::SIZE_MAX, tlog::SIZE_MAX) };
    assert_eq!(Info::parse(longest.to_string().as_bytes()).as_ref(), Ok(&longest));
    let more = Info { ticket: vec![0; 65_540].into(), ..longest };
    assert!(matches!(Info::parse(more.to_string().as_bytes()), Err(InfoError::TooLong { .. })));
}

/// A package of a small tree with any one bit flipped is not taken, whichever part of it the bit belongs to.
#[test]
fn every_flipped_bit_is_refused() {
    let log = Bundles::of(600);
    for (start, end, size) in
        [(0, 3, 3), (2, 7, 600), (253, 256, 513), (256, 259, 259), (510, 512, 600), (512, 514, 600)]
    {
        let span = spans_to(start, end, size);
        let package = log.package(span, size).encode();
        let before = log.leaves(span.bundle_start()..span.start());
        let head = upload(start, span.end()).encode();
        let mut refused = 0;
        for bit in 0..package.len() * 8 {
            let mut bent = package.to_vec();
            bent[bit / 8] ^= 1 << (bit % 8);
            let (steps, _) = read(&[&head[..], &bent].concat());
            let Some(Step::Package(package)) = steps.get(1) else { continue };
            let proven = package.clone().prove(before, log.head(size));
            assert!(matches!(proven, Err(PackageError::Proof { .. })), "bit {bit} of {span:?}: {proven:?}");
            refused += 1;
        }
        assert!(refused > package.len() * 4, "most of them can be read: {refused}");
        assert!(log.package(span, size).prove(before, log.head(size)).is_ok());
    }
}

fn spans_to(start: u64, end: u64, size: u64) -> Span {
    assert!(end <= size);
    upload(start, end).spans().next().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any upload in any pieces of any tree is taken whole, and the tree's entries are what is kept; for another tree, or
    /// behind other entries than the mirror has, nothing is.
    #[test]
    fn honest_uploads_are_taken_and_no_others(
        numbers in [0..=600_u64, 0..=600_u64],
        other in 1..=600_u64,
        piece in 1..400_usize,
    ) {
        let log = Bundles::of(600);
        let (start, end) = (numbers[0].min(numbers[1]), numbers[0].max(numbers[1]));
        let (steps, error) = read_in(&body(&log, start, end), piece);
        let Some((Step::Upload(upload), packages)) = steps.split_first() else { panic!("{error:?}") };
        let pending = [log.head(end)];
        let mut standing = Standing { mirror: None, pending: &pending, next: start };
        let mut taking = decide(upload, Some(&standing)).unwrap();
        for step in packages {
            let Step::Package(package) = step else { break };
            nobody_else_takes(&log, package, end, other);
            let span = package.span();
            let before = log.leaves(span.bundle_start()..span.start());
            let proven = taking.prove(package.clone(), before).unwrap();
            prop_assert_eq!(proven.span().start(), standing.next);
            standing.next = proven.span().end();
            let bytes: Vec<_> = proven.entries().iter().map(|entry| entry.bytes().clone()).collect();
            prop_assert_eq!(bytes, log.entries(span.start()..span.end()));
            let leaves: Vec<_> = proven.entries().iter().map(Entry::leaf).collect();
            prop_assert_eq!(leaves, log.leaves(span.start()..span.end()));
        }
        prop_assert_eq!(standing.next, end);
        prop_assert_eq!(taking.end(None, &standing), End::Whole);
    }
}

/// That a package for the tree of `end` entries is not one for that of `other`, nor behind other entries.
fn nobody_else_takes(log: &Bundles, package: &Package, end: u64, other: u64) {
    let before = log.leaves(package.span().bundle_start()..package.span().start());
    if other != end {
        assert!(package.clone().prove(before, log.head(other)).is_err(), "a tree of {other}");
    }
    if let Some((_, rest)) = before.split_last() {
        let bent = [rest, &[Hash::EMPTY]].concat();
        let proven = package.clone().prove(&bent, log.head(end));
        let cause = matches!(
            proven,
            Err(PackageError::Proof { cause: ProofError::SubtreeMismatch | ProofError::RootMismatch, .. })
        );
        assert!(cause, "{proven:?}");
    }
}
