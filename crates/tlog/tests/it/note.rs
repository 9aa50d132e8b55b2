//! Signed notes: what is read, what is refused, what is believed.

use tlog::encoding::{self, EncodingError};
use tlog::key::{KeyNameError, Signer};
use tlog::note::{
    Note, NoteError, OpenError, SIGNATURES_MAX, SignatureError, SignatureLineError, TEXT_LEN_MAX,
};

use crate::vectors::{json, list, signer, str, vkey};

#[test]
fn cases_of_the_vectors() {
    let vectors = json("generated/note-parse.json");
    let keys: Vec<_> = list(&vectors["known_vkeys"]).iter().map(|key| vkey(str(key))).collect();
    let (mut taken, mut refused, mut open) = (0, 0, 0);
    for case in list(&vectors["cases"]) {
        let (desc, bytes) = (str(&case["desc"]), encoding::parse_base64(str(&case["note_b64"])).unwrap());
        let note = Note::parse(&bytes);
        let believed = note.as_ref().is_ok_and(|note| note.open(&keys).is_ok());
        if let Some(accept) = case["accept"].as_bool() {
            assert_eq!(believed, accept, "{desc}");
            *(if accept { &mut taken } else { &mut refused }) += 1;
        } else {
            // Implementations differ here. We refuse: a second spelling of the same signature would make two
            // notes of one meaning, and the coming text of tlog-checkpoint demands it.
            let cause = SignatureLineError::Base64(EncodingError::Base64);
            assert_eq!(note, Err(NoteError::SignatureLine { line: 1, cause }), "{desc}");
            open += 1;
        }
    }
    assert_eq!((taken, refused, open), (4, 16, 1), "all cases of the file");
}

#[test]
fn published_notes_open_under_their_keys() {
    let vectors = json("generated/published-notes.json");
    for case in list(&vectors) {
        let (bytes, key) = (str(&case["note"]), vkey(str(&case["vkey"])));
        let note = Note::parse(bytes.as_bytes()).unwrap();
        let opened = note.open([&key]).unwrap();
        assert_eq!(opened.signatures().len(), 1, "{}", case["source"]);
        assert!(opened.signature_by(&key).is_some_and(|by| by.time().is_none()), "{}", case["source"]);
        assert_eq!(note.to_string(), bytes);
        if let Some(skey) = case["skey"].as_str() {
            let signer = Signer::from_skey(skey).unwrap();
            assert_eq!(signer.verifier_key(), &key);
            assert_eq!(
                Note::sign(note.text().to_owned(), &signer).unwrap().to_string(),
                bytes,
                "signing is repeatable"
            );
        }
    }
    assert_eq!(list(&vectors).len(), 3);
}

/// A line that no key here is known for.
fn stranger(number: u32) -> String {
    format!("\u{2014} stranger.example {}\n", encoding::base64(&[number.to_be_bytes(), [0; 4]].concat()))
}

#[test]
fn bytes_that_are_no_note() {
    let line = stranger(1);
    let control = |at, byte| NoteError::ControlCharacter { at, byte };
    let bad_line = |line, cause| NoteError::SignatureLine { line, cause };
    for (note, error, bend) in [
        (String::new(), NoteError::NoBlankLine, "nothing at all"),
        ("\n".into(), NoteError::NoBlankLine, "one line feed"),
        ("\n\n".into(), NoteError::NoSignatures, "a blank line and nothing else"),
        (format!("\n{line}"), NoteError::NoBlankLine, "no text, only the blank line"),
        (format!("text\n{line}"), NoteError::NoBlankLine, "no blank line"),
        ("text\n\n".into(), NoteError::NoSignatures, "no signatures"),
        (format!("text\n\n{}", line.trim_end()), NoteError::NoSignatures, "last line without its line feed"),
        (format!("text\n\n{line}\n"), NoteError::NoSignatures, "a blank line at the end"),
        (format!("text\n\n{line}\n\n"), NoteError::NoSignatures, "two blank lines at the end"),
        (format!("text\r\n\r\n{line}"), control(4, b'\r'), "carriage returns"),
        (format!("te\txt\n\n{line}"), control(2, b'\t'), "tab"),
        (format!("te\0xt\n\n{line}"), control(2, 0), "NUL"),
        (format!("text\n\n{}\r\n", line.trim_end()), control(39, b'\r'), "carriage return after a signature"),
        (
            format!("text\n\n{line}tail\n"),
            bad_line(2, SignatureLineError::Prefix),
            "text after the signatures",
        ),
        (format!("text\n\n {line}"), bad_line(1, SignatureLineError::Prefix), "space before the dash"),
        ("text\n\n- x AAAAAAA=\n".into(), bad_line(1, SignatureLineError::Prefix), "hyphen"),
        ("text\n\n\u{2013} x AAAAAAA=\n".into(), bad_line(1, SignatureLineError::Prefix), "en dash"),
        (
            "text\n\n\u{2014}x AAAAAAA=\n".into(),
            bad_line(1, SignatureLineError::Prefix),
            "no space after the dash",
        ),
        ("text\n\n\u{2014} x\n".into(), bad_line(1, SignatureLineError::Parts), "no signature"),
        ("text\n\n\u{2014}  AAAAAAA=\n".into(), bad_line(1, KeyNameError::Empty.into()), "no name"),
        (
            "text\n\n\u{2014}  x AAAAAAA=\n".into(),
            bad_line(1, EncodingError::Base64.into()),
            "two spaces after the dash: an empty name, then a space in the signature",
        ),
        (
            "text\n\n\u{2014} a+b AAAAAAA=\n".into(),
            bad_line(1, KeyNameError::Character { found: '+' }.into()),
            "plus in the name",
        ),
        (
            "text\n\n\u{2014} a\u{a0}b AAAAAAA=\n".into(),
            bad_line(1, KeyNameError::Character { found: '\u{a0}' }.into()),
            "no-break space in the name",
        ),
        ("text\n\n\u{2014} x AAAAAAA\n".into(), bad_line(1, EncodingError::Base64.into()), "no padding"),
        (
            "text\n\n\u{2014} x AAAAAAA= \n".into(),
            bad_line(1, EncodingError::Base64.into()),
            "space at the end",
        ),
        (
            "text\n\n\u{2014} x AAAAAAB=\n".into(),
            bad_line(1, EncodingError::Base64.into()),
            "bits after the end",
        ),
        (
            "text\n\n\u{2014} x \n".into(),
            bad_line(1, SignatureLineError::TooShort { have: 0 }),
            "empty signature",
        ),
        (
            "text\n\n\u{2014} x AAAAAA==\n".into(),
            bad_line(1, SignatureLineError::TooShort { have: 4 }),
            "key id alone",
        ),
    ] {
        assert_eq!(Note::parse(note.as_bytes()), Err(error), "{bend}");
    }
    assert_eq!(Note::parse(b"te\xffxt\n\n"), Err(NoteError::NotUtf8));
    assert_eq!(Note::parse(b"te\xc0\xafxt\n\n"), Err(NoteError::NotUtf8), "overlong encoding");
}

#[test]
fn limits_are_exact() {
    let lines = |count: usize| (0..count as u32).map(stranger).collect::<String>();
    assert_eq!(
        Note::parse(format!("text\n\n{}", lines(SIGNATURES_MAX)).as_bytes()).unwrap().signatures().len(),
        100
    );
    let many = Note::parse(format!("text\n\n{}", lines(SIGNATURES_MAX + 1)).as_bytes());
    assert_eq!(many, Err(NoteError::TooManySignatures));
    let text = |len: usize| "x".repeat(len - 1) + "\n";
    assert!(Note::parse(format!("{}\n{}", text(TEXT_LEN_MAX), lines(1)).as_bytes()).is_ok());
    let long = Note::parse(format!("{}\n{}", text(TEXT_LEN_MAX + 1), lines(1)).as_bytes());
    assert_eq!(long, Err(NoteError::TextTooLong { have: TEXT_LEN_MAX + 1 }));
}

#[test]
fn one_key_signs_once() {
    let twice = format!("text\n\n{}{}{}", stranger(7), stranger(8), stranger(7));
    assert!(matches!(Note::parse(twice.as_bytes()), Err(NoteError::DuplicateSignature { .. })));
}

#[test]
fn the_last_blank_line_divides() {
    let signer = signer("log.example", 1);
    for text in
        ["a\n\nb\n", "\n", "\n\n\n", "a\n\n", "\u{2014} looks like a signature\n\n\u{2014} x AAAAAAA=\n"]
    {
        let note = Note::sign(text.to_owned(), &signer).unwrap();
        let again = Note::parse(note.to_string().as_bytes()).unwrap();
        assert_eq!((again.text(), &again), (text, &note));
        assert_eq!(again.open([signer.verifier_key()]).unwrap().text(), text);
    }
}

#[test]
fn parts_that_make_no_note() {
    let signer = signer("log.example", 1);
    for (text, error) in [
        ("", NoteError::TextUnfinished),
        ("no line feed", NoteError::TextUnfinished),
        ("tab\there\n", NoteError::ControlCharacter { at: 3, byte: b'\t' }),
    ] {
        assert_eq!(Note::sign(text.to_owned(), &signer), Err(error), "{text:?}");
    }
    assert_eq!(Note::new("text\n".into(), Vec::new()), Err(NoteError::NoSignatures));
    let line = signer.sign("text\n");
    assert!(matches!(
        Note::new("text\n".into(), vec![line.clone(), line]),
        Err(NoteError::DuplicateSignature { .. })
    ));
}

#[test]
fn a_known_key_that_did_not_sign_this_spoils_the_note() {
    let (good, bad) = (signer("good.example", 1), signer("bad.example", 2));
    let lines = vec![good.sign("text\n"), bad.sign("other text\n")];
    let note = Note::new("text\n".into(), lines).unwrap();
    let (good, bad) = (good.verifier_key(), bad.verifier_key());
    assert!(note.open([good]).is_ok(), "the bad line is a stranger's");
    let spoiled =
        OpenError::BadSignature { name: bad.name().clone(), id: bad.id(), cause: SignatureError::Mismatch };
    assert_eq!(note.open([good, bad]).err(), Some(spoiled.clone()));
    assert_eq!(note.open([bad]).err(), Some(spoiled));
    assert_eq!(note.open([]).err(), Some(OpenError::NoKnownSignature));
    let other = signer("good.example", 3);
    assert_eq!(
        note.open([other.verifier_key()]).err(),
        Some(OpenError::NoKnownSignature),
        "same name, other id"
    );
}

#[test]
fn all_who_signed_are_named() {
    let signers = [signer("a.example", 1), signer("b.example", 2), signer("c.example", 3)];
    let lines = signers.iter().map(|signer| signer.sign("text\n")).collect();
    let note = Note::new("text\n".into(), lines).unwrap();
    let opened = note.open([signers[2].verifier_key(), signers[0].verifier_key()]).unwrap();
    let names: Vec<_> = opened.signatures().iter().map(|by| by.key().name().as_str()).collect();
    assert_eq!(names, ["a.example", "c.example"], "in the order of the lines");
    assert!(opened.signature_by(signers[1].verifier_key()).is_none(), "signed, but not asked for");
}

/// Two keys with one name and one id exist: these were found by trying 35,866 seeds.
#[test]
fn two_known_keys_with_one_id_are_not_guessed_between() {
    let (first, second) = (signer("log.example", 8575), signer("log.example", 35865));
    assert_eq!(first.verifier_key().id(), second.verifier_key().id());
    assert_ne!(first.verifier_key(), second.verifier_key());
    let note = Note::sign("text\n".into(), &first).unwrap();
    let both = [first.verifier_key(), second.verifier_key()];
    assert!(matches!(note.open(both), Err(OpenError::AmbiguousKey { .. })));
    assert!(note.open([first.verifier_key(), first.verifier_key()]).is_ok(), "the same key twice is one key");
    assert!(matches!(note.open([second.verifier_key()]), Err(OpenError::BadSignature { .. })));
}
