//! What a mirror takes and what it answers: the tables of C2SP tlog-mirror.

use bytes::Bytes;
use tlog::mirror::{
    End, INFO_CONTENT_TYPE, Info, OVERLAP_MAX, PackageError, ReadError, Reader, Reason, Refusal, Standing,
    Step, Taking, Upload, decide,
};
use tlog::{Hash, Head};

use crate::bundles::Bundles;
use crate::vectors::name;

pub(crate) fn upload(start: u64, end: u64) -> Upload {
    Upload::new(name("log.example.org/agents-1"), start, end, Bytes::new()).unwrap()
}

/// The bytes of a request with all its packages, of the log of the vectors.
pub(crate) fn body(log: &Bundles, start: u64, end: u64) -> Vec<u8> {
    let upload = upload(start, end);
    let packages = upload.spans().map(|span| log.package(span, end).encode());
    std::iter::once(upload.encode()).chain(packages).flatten().collect()
}

/// Everything that can be read of a body.
pub(crate) fn read(body: &[u8]) -> (Vec<Step>, Option<ReadError>) {
    read_in(body, body.len().max(1))
}

/// Everything that can be read of a body that comes in pieces of so many bytes.
pub(crate) fn read_in(body: &[u8], piece: usize) -> (Vec<Step>, Option<ReadError>) {
    let (mut reader, mut steps) = (Reader::new(), vec![]);
    for bytes in body.chunks(piece) {
        reader.push(bytes);
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

/// What a mirror knows in the table of answers: its own checkpoint of 600 entries, and entries up to 5,000 of 7,000 pending.
fn heads() -> [Head; 4] {
    [600, 4_000, 5_100, 7_000].map(|size| Head { size, root: Hash::leaf(&u64::to_be_bytes(size)) })
}

/// What is asked, from which entry, up to which size, of whom; how many packages are due, or which status is answered and from
/// where to go on: the size and the next entry.
type Row<'a> = (&'static str, u64, u64, Option<&'a Standing<'a>>, Result<usize, (u16, Option<(u64, u64)>)>);

#[test]
fn the_table_of_answers_to_the_head_of_a_request() {
    let [mirror, pending @ ..] = heads();
    let standing = Standing { mirror: Some(mirror), pending: &pending, next: 5_000 };
    let new = Standing { mirror: None, pending: &[], next: 0 };
    let first = Standing { pending: &pending, ..new };
    let table: [Row<'_>; 20] = [
        ("unknown", 0, 1, None, Err((404, None))),
        ("nothing pending yet", 0, 1, Some(&new), Err((422, None))),
        ("to find out", 0, 0, Some(&first), Err((409, Some((7_000, 0))))),
        ("the first", 0, 7_000, Some(&first), Ok(28)),
        ("an older one first", 0, 4_000, Some(&first), Ok(16)),
        ("no such size", 5_000, 6_999, Some(&standing), Err((409, Some((7_000, 5_000))))),
        ("a size of 2^63", 5_000, 1 << 63, Some(&standing), Err((409, Some((7_000, 5_000))))),
        ("the largest numbers", u64::MAX, u64::MAX, Some(&standing), Err((409, Some((7_000, 5_000))))),
        ("behind the mirror", 0, 599, Some(&standing), Err((409, Some((7_000, 5_000))))),
        ("a gap", 5_001, 7_000, Some(&standing), Err((409, Some((7_000, 5_000))))),
        ("a gap of an older one", 5_001, 5_100, Some(&standing), Err((409, Some((5_100, 5_000))))),
        ("the next", 5_000, 7_000, Some(&standing), Ok(9)),
        ("to an older one", 5_000, 5_100, Some(&standing), Ok(1)),
        ("as much overlap as may be", 2_952, 7_000, Some(&standing), Ok(17)),
        ("more overlap", 2_951, 7_000, Some(&standing), Err((409, Some((7_000, 5_000))))),
        ("more overlap with an older one", 2_951, 5_100, Some(&standing), Err((409, Some((5_100, 5_000))))),
        ("all overlap, and few", 3_900, 4_000, Some(&standing), Ok(1)),
        ("all overlap, and many", 1_000, 4_000, Some(&standing), Err((409, Some((7_000, 5_000))))),
        ("nothing but the checkpoint", 4_000, 4_000, Some(&standing), Ok(0)),
        ("the mirror's own once more", 600, 600, Some(&standing), Ok(0)),
    ];
    for (case, start, end, standing, expected) in table {
        let upload = upload(start, end);
        match (decide(&upload, standing), expected) {
            (Ok(taking), Ok(packages)) => {
                assert_eq!((taking.tree().size, upload.spans().count()), (end, packages), "{case}");
            }
            (Err(refusal), Err((status, info))) => {
                let info = info.map(|(size, next)| Info::new(size, next));
                assert_eq!((refusal.status(), refusal.info()), (status, info.as_ref()), "{case}: {refusal}");
                told(&refusal);
            }
            (decided, _) => panic!("{case}: {decided:?}"),
        }
    }
    assert_eq!(5_000 - 2_952, OVERLAP_MAX);
    let superseded = Standing { mirror: Some(pending[1]), ..standing };
    let refusal = decide(&upload(4_000, 4_000), Some(&superseded)).unwrap_err();
    assert!(matches!(refusal.reason(), Reason::Behind { end: 4_000, mirror: 5_100, .. }), "{refusal}");
}

/// A refusal with somewhere to go on says that and nothing else, in the type that clients compare; others are a sentence.
fn told(refusal: &Refusal) {
    if let Some(info) = refusal.info() {
        assert_eq!(refusal.body(), format!("{}\n{}\n\n", info.size, info.next));
        assert_eq!(refusal.content_type(), INFO_CONTENT_TYPE);
    } else {
        assert_eq!(refusal.body(), format!("{refusal}\n"));
        assert_eq!(refusal.content_type(), "text/plain; charset=utf-8");
    }
}

/// Takes the packages of a body, as far as they can be read and belong, into a mirror that has all before them.
fn take(
    log: &Bundles,
    body: &[u8],
    pending: &[Head],
    mirror: Option<Head>,
) -> (Taking, u64, Option<ReadError>) {
    let (steps, error) = read(body);
    let Some((Step::Upload(upload), packages)) = steps.split_first() else { panic!("{error:?}") };
    let standing = Standing { mirror, pending, next: upload.start() };
    let (mut taking, mut next) = (decide(upload, Some(&standing)).unwrap(), upload.start());
    for step in packages {
        let Step::Package(package) = step else { break };
        let before = log.leaves(package.span().bundle_start()..package.span().start());
        next = taking.prove(package.clone(), before).unwrap().span().end();
    }
    (taking, next, error)
}

#[test]
fn the_table_of_answers_to_the_end_of_a_request() {
    let log = Bundles::of(600);
    let pending = [log.head(513), log.head(600)];
    let body = body(&log, 250, 513);
    let first = upload(250, 513).encode().len() + 6 * 11 + 1 + 2 * 32;
    for (cut, packages) in [(first - 1, 0), (first, 1), (first + 1, 1), (body.len() - 1, 2), (body.len(), 3)]
    {
        let (taking, next, error) = take(&log, &body[..cut], &pending, None);
        assert_eq!((taking.taken(), error), (packages, None), "cut at {cut}");
        let end = taking.end(None, &Standing { mirror: None, pending: &pending, next });
        match packages {
            0 => {
                let End::Nothing(refusal) = end else { panic!("{end:?}") };
                assert_eq!((refusal.status(), refusal.reason()), (400, &Reason::Nothing));
                told(&refusal);
            }
            3 => assert_eq!(end, End::Whole),
            _ => assert_eq!(end, End::Partly(Info::new(513, next))),
        }
    }
    let (taking, next, _) = take(&log, &body, &pending, None);
    let behind = Standing { mirror: None, pending: &pending, next: next - 1 };
    assert_eq!(taking.end(None, &behind), End::Partly(Info::new(513, 512)), "it is not kept");
}

#[test]
fn what_cannot_be_read_ends_a_request() {
    let log = Bundles::of(513);
    let pending = [log.head(513)];
    let spoiled = [&upload(0, 513).encode()[..], &[0; 512], &[64]].concat();
    let (taking, next, error) = take(&log, &spoiled, &pending, None);
    let standing = Standing { mirror: None, pending: &pending, next };
    let End::Nothing(refusal) = taking.end(error, &standing) else { panic!("{taking:?}") };
    assert!(matches!(refusal.reason(), Reason::Malformed(ReadError::TooManyHashes { .. })), "{refusal}");
    assert_eq!(refusal.status(), 400);
    let package = log.package(upload(0, 513).spans().next().unwrap(), 513).encode();
    let later = [&upload(0, 513).encode()[..], &package, &[0; 512], &[64]].concat();
    let (taking, next, error) = take(&log, &later, &pending, None);
    assert!(error.is_some());
    let end = taking.end(error, &Standing { mirror: None, pending: &pending, next });
    assert_eq!(end, End::Partly(Info::new(513, 256)), "what was taken stays taken");
}

#[test]
fn a_mirror_never_goes_back() {
    let log = Bundles::of(600);
    let pending = [log.head(513), log.head(600)];
    let (taking, next, _) = take(&log, &body(&log, 250, 513), &pending, None);
    let finish = |mirror: Option<u64>| {
        let mirror = mirror.map(|size| log.head(size));
        taking.finish(&Standing {
            mirror,
            pending: &pending,
            next: mirror.map_or(next, |head| head.size.max(next)),
        })
    };
    for mirror in [None, Some(0), Some(512), Some(513)] {
        assert_eq!(finish(mirror), Ok(log.head(513)), "{mirror:?}");
    }
    let forgotten = Standing { mirror: None, pending: &pending[1..], next };
    let refusal = taking.finish(&forgotten).unwrap_err();
    assert_eq!((refusal.status(), refusal.info()), (409, Some(&Info::new(600, 513))), "{refusal}");
    let refusal = finish(Some(600)).unwrap_err();
    assert_eq!((refusal.status(), refusal.info()), (409, Some(&Info::new(600, 600))));
    told(&refusal);
}

#[test]
fn packages_come_in_their_order() {
    let log = Bundles::of(513);
    let pending = [log.head(513)];
    let standing = Standing { mirror: None, pending: &pending, next: 0 };
    let mut taking = decide(&upload(0, 513), Some(&standing)).unwrap();
    let packages: Vec<_> = upload(0, 513).spans().map(|span| log.package(span, 513)).collect();
    let skipped = taking.prove(packages[1].clone(), &[]).unwrap_err();
    assert!(matches!(skipped.reason(), Reason::BadPackage(PackageError::NotDue { .. })), "{skipped}");
    let short = taking.prove(packages[0].clone(), &[Hash::EMPTY]).unwrap_err();
    assert!(matches!(short.reason(), Reason::BadPackage(PackageError::Before { wanted: 0, have: 1, .. })));
    assert!(taking.prove(packages[0].clone(), &[]).is_ok());
    assert!(taking.prove(packages[0].clone(), &[]).is_err(), "once only");
}
