//! One input, then assertions, for what is pushed to mirrors and what they answer.
//!
//! As in [`crate::fuzzing_note`], each function takes any bytes and panics where a promise breaks. The log is the one of
//! [`crate::fuzzing_tree`]: its entries are the eight bytes of their index. Not part of the public interface.

use bytes::Bytes;

use crate::Head;
use crate::fuzzing_tree::{TREE, TREE_MAX, leaf};
use crate::integrate::Entry;
use crate::mirror::{
    End, Info, PACKAGES_MAX, Package, ReadError, Reader, Refusal, Span, Standing, Step, Taking, Upload,
    decide,
};

/// Bodies of `add-entries`, and what a mirror of the known log takes of them.
pub fn add_entries(data: &[u8]) {
    let whole = read(data, data.len());
    assert_eq!(read(data, 1 + data.len() / 7), whole, "a body may come in any pieces");
    let (steps, error) = whole;
    let printed: Vec<_> = steps.iter().map(print).collect();
    assert!(data.starts_with(&printed.concat()), "what was read prints back to the same bytes");
    let Some((Step::Upload(upload), packages)) = steps.split_first() else { return };
    assert_eq!(decide(upload, None).map_err(|refusal| refusal.status()).err(), Some(404));
    let (start, end) = (upload.start(), upload.end());
    let newest = TREE.head(TREE_MAX);
    let pending = if end < TREE_MAX { vec![TREE.head(end), newest] } else { vec![newest] };
    for next in [0, start / 2, start, start.saturating_add(300), end].map(|next| next.min(TREE_MAX)) {
        let standing = Standing { mirror: Some(TREE.head(next / 2)), pending: &pending, next };
        match decide(upload, Some(&standing)) {
            Ok(taking) => taken(taking, packages, error, &standing),
            Err(refusal) => refused(&refusal, &standing),
        }
    }
}

/// Everything that can be read of a body that comes in pieces of so many bytes.
fn read(data: &[u8], piece: usize) -> (Vec<Step>, Option<ReadError>) {
    let (mut reader, mut steps) = (Reader::new(), vec![]);
    for piece in data.chunks(piece.max(1)) {
        reader.push(piece);
        loop {
            match reader.step() {
                Ok(Step::More) => break,
                Ok(Step::Done) => return (steps, None),
                Ok(step) => steps.push(step),
                Err(error) => return (steps, Some(error)),
            }
        }
    }
    (steps, None)
}

fn print(step: &Step) -> Bytes {
    match step {
        Step::Upload(upload) => upload.encode(),
        Step::Package(package) => package.encode(),
        Step::More | Step::Done => Bytes::new(),
    }
}

/// What is proven are the entries of the log, and the rest is refused.
fn taken(mut taking: Taking, packages: &[Step], error: Option<ReadError>, standing: &Standing<'_>) {
    for step in packages {
        let Step::Package(package) = step else { return };
        let span = package.span();
        let before: Vec<_> = (span.bundle_start()..span.start()).map(leaf).collect();
        match taking.prove(package.clone(), &before) {
            Ok(proven) => {
                let own = (span.start()..span.end()).map(|index| index.to_be_bytes().to_vec());
                let entries = || proven.entries().iter();
                assert!(own.eq(entries().map(|entry| entry.bytes().to_vec())), "an entry that is none");
                assert!((span.start()..span.end()).map(leaf).eq(entries().map(Entry::leaf)));
            }
            Err(refusal) => return assert_eq!(refusal.status(), 422),
        }
    }
    let next = packages.iter().filter_map(span).map(|span| span.end()).fold(standing.next, u64::max);
    match taking.end(error, &Standing { next, ..*standing }) {
        End::Whole => assert!(next >= taking.tree().size && error.is_none(), "there was no package missing"),
        End::Partly(info) => assert!(taking.taken() > 0 && info.next == next),
        End::Nothing(refusal) => assert!(taking.taken() == 0 && refusal.status() == 400),
    }
}

fn span(step: &Step) -> Option<Span> {
    if let Step::Package(package) = step { Some(package.span()) } else { None }
}

fn refused(refusal: &Refusal, standing: &Standing<'_>) {
    assert_eq!(refusal.status(), 409, "the log is known, and so is a checkpoint of it");
    let info = Info::parse(refusal.body().as_bytes());
    assert_eq!(info.as_ref().ok(), refusal.info(), "where to go on is told");
    let Ok(info) = info else { return };
    let again = read(&known_upload(info.next, info.size, 0), 64);
    assert!(
        matches!(again, (steps, None) if matches!(&steps[..], [Step::Upload(upload)]
        if decide(upload, Some(standing)).is_ok())),
        "who does as he is told is not refused: {refusal:?}"
    );
}

/// What mirrors answer to who has to go on.
pub fn mirror_info(data: &[u8]) {
    let Ok(info) = Info::parse(data) else { return };
    assert_eq!(info.to_string().as_bytes(), data, "an answer prints back to the same bytes");
}

/// An honest request: the first `packages` packages of the known log from `start` up to `end`; empty if there is no such
/// thing.
pub fn known_upload(start: u64, end: u64, packages: u64) -> Vec<u8> {
    let Ok(origin) = "log.example".parse() else { return vec![] };
    let Ok(upload) = Upload::new(origin, start, end, Bytes::new()) else { return vec![] };
    let spans = upload.spans().take(packages.min(PACKAGES_MAX) as usize);
    let packages = spans.filter_map(|span| known_package(span, TREE.head(end)));
    std::iter::once(upload.encode()).chain(packages.map(|package| package.encode())).flatten().collect()
}

fn known_package(span: Span, tree: Head) -> Option<Package> {
    let plan = span.plan(tree).ok()?;
    let proof = plan.finish(&TREE.fetch(plan.tiles())).ok()?;
    let bundle: Vec<_> =
        (span.bundle_start()..span.end()).map(|index| Bytes::copy_from_slice(&index.to_be_bytes())).collect();
    Package::new(span, &bundle, proof).ok()
}
