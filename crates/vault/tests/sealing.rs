//! Content, sealed and opened: any length, and nothing but what was sealed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "in tests a panic is the report")]

use bytes::Bytes;
use proptest::prelude::*;
use record::disclosure::Disclosure;
use sequencer::beside::{Digest, Info, Payload, Subject};
use tempfile::TempDir;
use vault::{Belongs, Destroyed, Fresh, OpenError, SealError, TEXT_PIECE_BYTES, Vault};

fn vault() -> (Vault, TempDir) {
    let dir = TempDir::new().unwrap();
    (Vault::open(&dir.path().join("content-keys")).unwrap(), dir)
}

fn of(name: &str) -> Belongs {
    let owner = Subject::Principal { iss: "https://idp.example".into(), sub: name.into() };
    Belongs { owner, session: Some(Subject::Session("s-1".into())), secret: false }
}

fn seal(vault: &Vault, text: &str, belongs: &Belongs) -> Payload {
    let byte = belongs.owner.to_string().bytes().fold(1, u8::wrapping_add);
    vault.seal(text, belongs, Fresh::new([byte; 32])).unwrap()
}

fn text(length: usize) -> String {
    (0..length).map(|n| char::from(b'a' + (n * 7 % 26) as u8)).collect()
}

/// The whole text, or the first thing that is wrong.
fn open(vault: &Vault, digest: Digest, info: &Info, pieces: &[Bytes]) -> Result<String, OpenError> {
    let mut opener = vault.opener(digest, info)?;
    let mut bytes = vec![];
    for piece in pieces {
        bytes.extend(opener.next(piece)?);
    }
    opener.finish()?;
    Ok(String::from_utf8(bytes).unwrap())
}

fn is_damaged(result: &Result<String, OpenError>, payload: &Payload) -> bool {
    matches!(result, Err(OpenError::Damaged { digest, .. }) if *digest == payload.digest())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_length_comes_back(pieces in 0..4_usize, around in -3..4_isize, owner in "[a-c]") {
        let (vault, _dir) = vault();
        let text = text((pieces * TEXT_PIECE_BYTES).saturating_add_signed(around));
        let sealed = seal(&vault, &text, &of(&owner));
        prop_assert_eq!(sealed.digest(), Digest::of(&text));
        prop_assert_eq!(sealed.pieces().len(), text.len().div_ceil(TEXT_PIECE_BYTES).max(1));
        prop_assert_eq!(open(&vault, sealed.digest(), sealed.info(), sealed.pieces()).unwrap(), text);
    }

    #[test]
    fn any_bit_that_is_wrong_shows(length in 0..60_000_usize, piece: usize, at: usize, bit in 0..8_u8) {
        let (vault, _dir) = vault();
        let sealed = seal(&vault, &text(length), &of("a"));
        let mut pieces = sealed.pieces().to_vec();
        let piece = piece % pieces.len();
        let mut bent = pieces[piece].to_vec();
        let at = at % bent.len();
        bent[at] ^= 1 << bit;
        pieces[piece] = bent.into();
        let opened = open(&vault, sealed.digest(), sealed.info(), &pieces);
        prop_assert!(is_damaged(&opened, &sealed), "{opened:?}");
    }
}

#[test]
fn the_largest_content_comes_back() {
    let (vault, _dir) = vault();
    let content = vec![0xfe; record::limits::CONTENT_BYTES_MAX];
    let made = Disclosure::make([7; 16], "output", &content).unwrap();
    assert!(made.text().len() > 22_000_000);
    let sealed = seal(&vault, made.text(), &of("a"));
    assert_eq!(sealed.digest().0, made.sd().to_bytes());
    let opened = open(&vault, sealed.digest(), sealed.info(), sealed.pieces()).unwrap();
    assert!(opened == made.text());
    vault.check(sealed.digest(), sealed.info(), sealed.pieces()).unwrap();
}

#[test]
fn a_text_over_every_limit_is_refused() {
    let (vault, _dir) = vault();
    let text = "a".repeat(record::limits::DISCLOSURE_BYTES_MAX + 1);
    let refused = vault.seal(&text, &of("a"), Fresh::new([1; 32])).unwrap_err();
    assert!(matches!(refused, SealError::TooLong { .. }), "{refused}");
}

/// What is at rest tells neither the text nor, for another owner, that it is the same text.
#[test]
fn sealed_is_sealed() {
    let (vault, _dir) = vault();
    let text = text(100_000);
    let (a, b) = (seal(&vault, &text, &of("a")), seal(&vault, &text, &of("b")));
    assert_eq!(
        a.pieces(),
        seal(&vault, &text, &of("a")).pieces(),
        "the same bytes, so nothing is told by a second"
    );
    for (one, other) in a.pieces().iter().zip(b.pieces()) {
        assert_ne!(one, other);
        assert!(!one.windows(8).any(|window| text.as_bytes()[..64].starts_with(window)));
    }
    assert_ne!(a.info().key, b.info().key);
    assert!(!format!("{a:?} {:?}", a.info()).contains(&text[..8]));
}

#[test]
fn pieces_that_are_moved_dropped_cut_or_of_another_content_show() {
    let (vault, _dir) = vault();
    let sealed = seal(&vault, &text(3 * TEXT_PIECE_BYTES), &of("a"));
    let other = seal(&vault, &(text(3 * TEXT_PIECE_BYTES - 1) + "!"), &of("a"));
    let (digest, info) = (sealed.digest(), *sealed.info());
    let [one, two, three] = sealed.pieces() else { panic!("three pieces") };
    let cut = |piece: &Bytes| piece.slice(..piece.len() - 1);
    for wrong in [
        vec![two.clone(), one.clone(), three.clone()],
        vec![one.clone(), three.clone()],
        vec![one.clone(), two.clone()],
        vec![],
        vec![one.clone(), two.clone(), three.clone(), three.clone()],
        vec![one.clone(), two.clone(), cut(three)],
        vec![cut(one), two.clone(), three.clone()],
        vec![other.pieces()[0].clone(), two.clone(), three.clone()],
        vec![one.clone(), two.clone(), other.pieces()[2].clone()],
        vec![Bytes::new(), two.clone(), three.clone()],
    ] {
        let opened = open(&vault, digest, &info, &wrong);
        assert!(is_damaged(&opened, &sealed), "{opened:?}");
    }
    let more = [sealed.pieces(), &sealed.pieces()[2..]].concat();
    let told = open(&vault, digest, &info, &more).unwrap_err().to_string();
    assert!(told.contains("it has 3 pieces, and one more came"), "{told}");
    // A row that lies, with the pieces that would suit it.
    let shorter = Info { length: 2 * TEXT_PIECE_BYTES as u32, pieces: 2, ..info };
    assert!(
        is_damaged(&open(&vault, digest, &shorter, &sealed.pieces()[..2]), &sealed),
        "the last one is not marked"
    );
    for length in [info.length - 1, info.length + 1, 0, u32::MAX] {
        assert!(
            is_damaged(&open(&vault, digest, &Info { length, ..info }, sealed.pieces()), &sealed),
            "{length}"
        );
    }
    // Under the right key, and called another content.
    assert!(is_damaged(&open(&vault, other.digest(), &info, sealed.pieces()), &other));
}

#[test]
fn content_of_a_destroyed_key_is_gone_and_that_of_the_next_is_not() {
    let (vault, dir) = vault();
    let sealed = seal(&vault, "secret", &of("a"));
    let kept = seal(&vault, "kept", &of("b"));
    let Info { owner, key, .. } = *sealed.info();
    assert_eq!(vault.key_of(owner).unwrap(), Some(key));
    assert_eq!(vault.destroy(owner, key).unwrap(), Destroyed::Now);
    let gone = |vault: &Vault| {
        let opened = open(vault, sealed.digest(), sealed.info(), sealed.pieces());
        assert!(matches!(opened, Err(OpenError::Gone { digest }) if digest == sealed.digest()), "{opened:?}");
    };
    gone(&vault);
    assert_eq!(vault.key_of(owner).unwrap(), None);
    let next = vault.seal("secret", &of("a"), Fresh::new([99; 32])).unwrap();
    gone(&vault);
    let again = Vault::open(&dir.path().join("content-keys")).unwrap();
    gone(&again);
    for (payload, text) in [(&next, "secret"), (&kept, "kept")] {
        assert_eq!(open(&again, payload.digest(), payload.info(), payload.pieces()).unwrap(), text);
    }
}
