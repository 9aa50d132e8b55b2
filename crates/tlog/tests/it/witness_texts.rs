//! What logs and witnesses send each other: what is read, what is refused, and what a log takes of an answer.

use tlog::checkpoint::{CheckpointError, SignedCheckpoint};
use tlog::cosignature::Timestamp;
use tlog::encoding::EncodingError;
use tlog::key::VerifierKey;
use tlog::note::{NoteError, OpenError, SignatureError};
use tlog::proof::{PROOF_LEN_MAX, ProofError};
use tlog::witness::{
    AddCheckpoint, Answer, AnswerError, BODY_LEN_MAX, RequestError, SIZE_CONTENT_TYPE, SignSubtree,
    parse_size, print_size,
};
use tlog::{Hash, SIZE_MAX};

use crate::history::History;
use crate::vectors::{cosigner, json, list, name, signer, str, tree_cosigner, without_line};

fn time(seconds: u64) -> Timestamp {
    Timestamp::from_seconds(seconds).unwrap()
}

/// The log "log.example" with five entries.
fn signed() -> SignedCheckpoint {
    History::honest().signed(5, &signer("log.example", 1))
}

#[test]
fn requests_of_the_vectors_print_back() {
    let generated = json("generated/add-checkpoint-sequence.json");
    let torchwood = json("torchwood/litewitness-add-checkpoint-transcript.json");
    let bodies = list(&generated["steps"]).iter().map(|step| str(&step["body"]));
    let bodies = bodies.chain(list(&torchwood["steps"]).iter().map(|step| str(&step["request_body"])));
    let mut read = 0;
    for body in bodies {
        if let Ok(request) = AddCheckpoint::parse(body.as_bytes()) {
            assert_eq!(request.to_string(), body);
            read += 1;
        }
    }
    assert_eq!(
        read,
        12 + 8,
        "all but a leading zero, 64 hashes, and bits after the last byte of a signature"
    );
}

#[test]
fn a_request_is_made_read_and_made_again() {
    let proof = History::honest().consistency(3, 5);
    let request = AddCheckpoint::new(3, proof.hashes.clone(), &signed()).unwrap();
    assert_eq!(AddCheckpoint::parse(request.to_string().as_bytes()).as_ref(), Ok(&request));
    assert_eq!((request.old(), request.proof(), request.head()), (3, &proof.hashes[..], signed().head()));
    assert_eq!(request.origin(), &name("log.example"));
    let too_many = vec![Hash::EMPTY; PROOF_LEN_MAX + 1];
    assert_eq!(AddCheckpoint::new(3, too_many, &signed()), Err(RequestError::TooManyHashes));
}

/// The body with one piece exchanged.
fn swap(body: &str, from: &str, to: &str) -> String {
    assert!(body.contains(from), "{from:?} is in the body");
    body.replacen(from, to, 1)
}

#[test]
fn bodies_that_are_no_add_checkpoint() {
    let body = AddCheckpoint::new(3, History::honest().consistency(3, 5).hashes, &signed()).unwrap();
    let body = body.to_string();
    let first = RequestError::FirstLine("old <size>");
    let number = RequestError::Number;
    let hash = |line, cause| RequestError::Hash { line, cause };
    let note = |error: NoteError| RequestError::Checkpoint(error.into());
    let long = format!("{body}{}", "x".repeat(BODY_LEN_MAX));
    let hashes =
        |count| swap(&body, "old 3\n", &format!("old 3\n{}", format!("{}\n", Hash::EMPTY).repeat(count)));
    for (body, error, bend) in [
        (String::new(), RequestError::NoBlankLine, "nothing"),
        ("\n\n".into(), first.clone(), "a blank line alone"),
        (swap(&body, "old 3", "Old 3"), first.clone(), "another word"),
        (swap(&body, "old 3", "old3"), first.clone(), "no space"),
        (swap(&body, "old 3", " old 3"), first.clone(), "a space before"),
        (swap(&body, "old 3\n", ""), first, "no first line"),
        (swap(&body, "old 3", "old 03"), number(EncodingError::Decimal), "a leading zero"),
        (swap(&body, "old 3", "old +3"), number(EncodingError::Decimal), "a sign"),
        (swap(&body, "old 3", "old 3 "), number(EncodingError::Decimal), "a space behind"),
        (swap(&body, "old 3", "old 3\r"), number(EncodingError::Decimal), "a carriage return"),
        (swap(&body, "old 3", "old "), number(EncodingError::Decimal), "no number"),
        (swap(&body, "old 3", "old 9223372036854775808"), number(EncodingError::NumberTooLarge), "2^63"),
        (
            swap(&body, "old 3\n", "old 3\nAAAA\n"),
            hash(2, EncodingError::Length { want: 32, have: 3 }),
            "short",
        ),
        (swap(&body, "old 3\n", "old 3\n!\n"), hash(2, EncodingError::Base64), "no base64"),
        (hashes(60), RequestError::TooManyHashes, "64 hashes"),
        (hashes(6_000), long_error(&hashes(6_000)), "more than is read at all"),
        (long.clone(), long_error(&long), "a long body"),
        (body.trim_end().to_owned(), note(NoteError::NoSignatures), "no line feed at the end"),
        (swap(&body, "\n5\n", "\n05\n"), CheckpointError::Size(EncodingError::Decimal).into(), "size"),
        (
            swap(&body, "=\n\n\u{2014}", "=\next\n\n\u{2014}"),
            CheckpointError::ExtensionLines.into(),
            "extension",
        ),
    ] {
        assert_eq!(AddCheckpoint::parse(body.as_bytes()), Err(error), "{bend}");
    }
    // The blank line that is left divides text and signatures, so that the lines of the checkpoint should be hashes.
    let joined = AddCheckpoint::parse(swap(&body, "\n\n", "\n").as_bytes());
    assert!(
        matches!(joined, Err(RequestError::Hash { line: 6, cause: EncodingError::Base64 })),
        "{joined:?}"
    );
    let not_text = [b"old 3\n\xff\n\n".as_slice(), signed().bytes()].concat();
    assert_eq!(AddCheckpoint::parse(&not_text), Err(RequestError::NotUtf8));
    assert!(AddCheckpoint::parse(hashes(59).as_bytes()).is_ok(), "63 hashes are read");
}

fn long_error(body: &str) -> RequestError {
    RequestError::TooLong { have: body.len() }
}

/// The specification has its own status for it, so it is read, and refused later.
#[test]
fn a_checkpoint_of_nothing_with_a_root_of_something_is_read() {
    let body = format!("old 0\n\nlog.example\n0\n{}\n\n\u{2014} log.example AAAAAAA=\n", Hash::leaf(b""));
    assert_eq!(AddCheckpoint::parse(body.as_bytes()).unwrap().to_string(), body);
}

#[test]
fn a_request_for_a_subtree_is_made_read_and_made_again() {
    let subtree = History::honest().subtree(2, 4, 5);
    let request = SignSubtree::new(subtree.clone(), &signed()).unwrap();
    let body = request.to_string();
    assert!(body.starts_with(&format!("subtree 2 4\n{}\n{}\n", subtree.hash, subtree.hashes[0])), "{body}");
    assert_eq!(SignSubtree::parse(body.as_bytes()).as_ref(), Ok(&request));
    assert_eq!(
        (request.subtree().start, request.subtree().end, request.subtree().hash),
        (2, 4, subtree.hash)
    );
    assert_eq!((request.proof(), request.checkpoint()), (&subtree.hashes[..], signed().checkpoint()));
    let nothing = History::honest().subtree(2, 2, 5);
    assert_eq!(SignSubtree::new(nothing, &signed()), Err(RequestError::NoEntries(2)));
}

#[test]
fn bodies_that_are_no_sign_subtree() {
    let body = SignSubtree::new(History::honest().subtree(2, 4, 5), &signed()).unwrap().to_string();
    let first = RequestError::FirstLine("subtree <start> <end>");
    let range = |start, end| RequestError::Range(ProofError::NotASubtree { start, end });
    let only_first = format!("subtree 2 4\n\n{}", String::from_utf8_lossy(signed().bytes()));
    for (body, error, bend) in [
        (swap(&body, "subtree 2 4", "subtree 2"), first.clone(), "no end"),
        (
            swap(&body, "subtree 2 4", "subtree  2 4"),
            RequestError::Number(EncodingError::Decimal),
            "two spaces",
        ),
        (
            swap(&body, "subtree 2 4", "subtree 2 4 "),
            RequestError::Number(EncodingError::Decimal),
            "space behind",
        ),
        (
            swap(&body, "subtree 2 4", "subtree 2 04"),
            RequestError::Number(EncodingError::Decimal),
            "leading zero",
        ),
        (swap(&body, "subtree 2 4", "old 2 4"), first, "another word"),
        (swap(&body, "2 4", "4 4"), RequestError::NoEntries(4), "start is end"),
        (swap(&body, "2 4", "1 4"), range(1, 4), "no subtree"),
        (swap(&body, "2 4", "4 2"), range(4, 2), "backwards"),
        (
            swap(&body, "2 4", "4 6"),
            RequestError::Range(ProofError::EndBeyondSize { end: 6, size: 5 }),
            "beyond",
        ),
        (only_first, RequestError::NoHash, "no hash of the subtree"),
        (
            without_line(&body, 1).replacen('\n', "\nAAAA\n", 1),
            RequestError::Hash { line: 2, cause: EncodingError::Length { want: 32, have: 3 } },
            "a short hash",
        ),
        (
            swap(&body, "\n\n", &format!("\n{}\n", format!("{}\n", Hash::EMPTY).repeat(63))),
            RequestError::TooManyHashes,
            "64 hashes or more",
        ),
    ] {
        assert_eq!(SignSubtree::parse(body.as_bytes()), Err(error), "{bend}");
    }
}

#[test]
fn sizes_in_answers() {
    assert_eq!((print_size(3).as_str(), SIZE_CONTENT_TYPE), ("3\n", "text/x.tlog.size"));
    assert_eq!(parse_size(b"0\n"), Ok(0));
    assert_eq!(parse_size(print_size(SIZE_MAX).as_bytes()), Ok(SIZE_MAX));
    let decimal = Err(AnswerError::Size(EncodingError::Decimal));
    for body in ["", "3", "\n", "03\n", "+3\n", " 3\n", "3\n\n", "3\r\n", "3 \n", "three\n"] {
        assert_eq!(parse_size(body.as_bytes()), decimal, "{body:?}");
    }
    assert_eq!(parse_size(b"9223372036854775808\n"), Err(AnswerError::Size(EncodingError::NumberTooLarge)));
    assert_eq!(parse_size(b"\xff\n"), decimal);
}

/// The answer of two keys of one witness and of a stranger.
fn answer() -> (Answer, [VerifierKey; 2]) {
    let (old, new, stranger) =
        (cosigner("w.example", 2), tree_cosigner("w.example", 3), cosigner("stranger.example", 4));
    let lines = [&old, &stranger, &new].map(|key| key.cosign(signed().checkpoint(), time(100)).to_string());
    let keys = [old.verifier_key().clone(), new.verifier_key().clone()];
    (Answer::parse(lines.concat().as_bytes()).unwrap(), keys)
}

#[test]
fn a_log_takes_what_holds_and_ignores_strangers() {
    let (answer, keys) = answer();
    assert_eq!(Answer::parse(answer.to_string().as_bytes()).as_ref(), Ok(&answer));
    let taken = answer.take(&signed(), &keys, Some(time(100))).unwrap();
    let who: Vec<_> = taken.iter().map(|by| (by.key().clone(), by.time().seconds())).collect();
    assert_eq!(who, keys.clone().map(|key| (key, 100)));
    let cosigned = signed().with_signatures(taken.iter().map(|by| by.line().clone())).unwrap();
    assert_eq!(cosigned.signatures().len(), 3);
    assert_eq!(&cosigned.signatures()[1..], [answer.lines()[0].clone(), answer.lines()[2].clone()]);
    let one = answer.take(&signed(), &keys[1..], None).unwrap();
    assert_eq!(one.len(), 1);
    assert_eq!(answer.take(&signed(), &[], None), Err(OpenError::NoKnownSignature.into()));
    let log = signer("log.example", 1);
    let own = Answer::parse(log.sign(&signed().checkpoint().to_string()).to_string().as_bytes()).unwrap();
    let no_cosignature = own.take(&signed(), &[log.verifier_key().clone()], None);
    assert_eq!(no_cosignature, Err(OpenError::NoKnownSignature.into()), "a log is no witness");
}

#[test]
fn answers_that_are_not_taken() {
    let (answer, keys) = answer();
    let other = History::honest().signed(6, &signer("log.example", 1));
    let bad = |result: Result<_, AnswerError>| {
        matches!(
            result,
            Err(AnswerError::Open(OpenError::BadSignature { cause: SignatureError::Mismatch, .. }))
        )
    };
    assert!(bad(answer.take(&other, &keys, None)), "of another checkpoint");
    let ahead = AnswerError::Ahead { witness: name("w.example"), time: time(100), latest: time(99) };
    assert_eq!(answer.take(&signed(), &keys, Some(time(99))), Err(ahead), "of the future");
    for key in [cosigner("w.example", 2), tree_cosigner("w.example", 3)] {
        let line = key.cosign(signed().checkpoint(), Timestamp::NONE).to_string();
        let answer = Answer::parse(line.as_bytes()).unwrap();
        let no_time = AnswerError::NoTime { witness: name("w.example") };
        assert_eq!(answer.take(&signed(), &keys, None), Err(no_time), "says no time");
    }
    let line = answer.lines()[0].to_string();
    for (body, error, bend) in [
        (String::new(), NoteError::NoSignatures, "nothing"),
        (line.trim_end().into(), NoteError::NoSignatures, "no line feed"),
        (
            line.repeat(2),
            NoteError::DuplicateSignature { name: name("w.example"), id: keys[0].id() },
            "a line twice",
        ),
    ] {
        assert_eq!(Answer::parse(body.as_bytes()), Err(AnswerError::Lines(error)), "{bend}");
    }
    assert!(matches!(
        Answer::parse(b"cosigned\n"),
        Err(AnswerError::Lines(NoteError::SignatureLine { line: 1, .. }))
    ));
    assert_eq!(Answer::parse(b"\xff\n"), Err(AnswerError::NotUtf8));
    let long = vec![b'\n'; BODY_LEN_MAX + 1];
    assert_eq!(Answer::parse(&long), Err(AnswerError::TooLong { have: long.len() }));
}
