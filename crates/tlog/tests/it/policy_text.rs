//! Policies: their text.

use tlog::encoding::EncodingError;
use tlog::key::{KeyError, KeyType, VerifierKey};
use tlog::policy::{POLICY_LEN_MAX, Policy, PolicyFault, PolicyTextError};

use crate::vectors::{LOG, W1, W2, bytes, json, name, signer, str, vkey};

fn policy(text: &str) -> Policy {
    Policy::parse(text.as_bytes()).unwrap()
}

/// The fault of a policy and the line it is on.
fn fault(text: &str) -> (usize, PolicyFault) {
    match Policy::parse(text.as_bytes()) {
        Err(PolicyTextError::Line { line, fault }) => (line, fault),
        other => panic!("expected a fault in {text:?}, got {other:?}"),
    }
}

#[test]
fn policies_of_the_vectors() {
    let generated = Policy::parse(&bytes("generated/policy.txt")).unwrap();
    assert_eq!(generated.logs().len(), 1);
    assert_eq!(generated.logs()[0].url.as_deref(), Some("https://log.example.org/agents-1/"));
    let witnesses: Vec<_> = generated.witnesses().map(|(key, url)| (key.to_string(), url.unwrap())).collect();
    assert_eq!(witnesses[0], (W1.to_owned(), "https://witness.example.net/w1/"));
    assert_eq!(witnesses[1], (W2.to_owned(), "https://witness.example.com/w2/"));
    let torchwood = Policy::parse(&bytes("torchwood/example-policy.txt")).unwrap();
    assert_eq!((torchwood.logs().len(), torchwood.witnesses().count()), (1, 3));
    assert_eq!(torchwood.logs()[0].url, None);
    for policy in [generated, torchwood] {
        assert_eq!(Policy::parse(&policy.to_bytes()), Ok(policy), "the shortest form means the same");
    }
}

#[test]
fn spelling_that_does_not_matter() {
    let plain = policy(&format!("log {LOG}\nwitness w1 {W1} https://w/\ngroup g 1 w1\nquorum g\n"));
    for (text, what) in [
        (format!("log {LOG}\nwitness w1 {W1} https://w/\ngroup g 1 w1\nquorum g"), "no line feed at the end"),
        (
            format!("\n\n  \t\nlog {LOG}\nwitness w1 {W1} https://w/\ngroup g 1 w1\nquorum g\n\n"),
            "blank lines",
        ),
        (
            format!(" \tlog\t \t{LOG} \n\twitness w1\t{W1}  https://w/\ngroup g 1 w1\nquorum g\n"),
            "tabs and spaces",
        ),
        (
            format!(
                "# c\nlog {LOG}\n  # quorum none\nwitness w1 {W1} https://w/\ngroup g any w1\n#\nquorum g\n"
            ),
            "comments",
        ),
        (format!("witness w1 {W1} https://w/\ngroup g all w1\nquorum g\nlog {LOG}\n"), "the log last"),
    ] {
        assert_eq!(policy(&text), plain, "{what}");
    }
    let octets = [b"witness \xff# ".as_slice(), W1.as_bytes(), b"\nquorum \xff#\n"].concat();
    assert_eq!(
        Policy::parse(&octets).unwrap().to_bytes(),
        octets,
        "names are bytes, and # inside a word is one"
    );
}

#[test]
fn lines_that_are_refused() {
    let head = format!("log {LOG}\nwitness w1 {W1}\nwitness w2 {W2}\n");
    let same_key_as_w1 = json("generated/checkpoint-513.json")["keys"]["w1"]["vkey_type01_same_key"].clone();
    let same_key_as_w1 = str(&same_key_as_w1);
    let renamed_w1 = w1_under_another_name();
    let threshold = |threshold, members| PolicyFault::Threshold { threshold, members };
    let name = |text: &str| text.to_owned();
    for (lines, error, bend) in [
        ("group g 0 w1 w2", threshold(0, 2), "a threshold of 0 asks for nobody"),
        ("group g 3 w1 w2", threshold(3, 2), "more than there are"),
        ("group g 01 w1 w2", PolicyFault::ThresholdText(EncodingError::Decimal), "leading zero"),
        ("group g +1 w1 w2", PolicyFault::ThresholdText(EncodingError::Decimal), "plus"),
        ("group g most w1 w2", PolicyFault::ThresholdText(EncodingError::Decimal), "a word"),
        ("group g ALL w1 w2", PolicyFault::ThresholdText(EncodingError::Decimal), "uppercase"),
        ("group g any", PolicyFault::Words("group <name> all|any|<k> <member>..."), "no members"),
        ("group g any w3", PolicyFault::UnknownName(name("w3")), "a member defined nowhere"),
        ("group g any g", PolicyFault::UnknownName(name("g")), "a group in itself"),
        ("group g any none", PolicyFault::UnknownName(name("none")), "nobody as a member"),
        ("group g any w1 w1", PolicyFault::MemberTwice(name("w1")), "a member twice in one group"),
        ("group w1 any w2", PolicyFault::DuplicateName(name("w1")), "a group named as a witness"),
        ("group none any w2", PolicyFault::ReservedName, "a group named none"),
        ("quorum", PolicyFault::Words("quorum <name> | none"), "no name"),
        ("quorum w1 w2", PolicyFault::Words("quorum <name> | none"), "two names"),
        ("quorum w3", PolicyFault::UnknownName(name("w3")), "a name defined nowhere"),
        ("log", PolicyFault::Words("log <vkey> [<url>]"), "no key"),
        ("log a b c", PolicyFault::Words("log <vkey> [<url>]"), "four words"),
        ("witness w3", PolicyFault::Words("witness <name> <vkey> [<url>]"), "no key"),
        ("witness w3 key url more", PolicyFault::Words("witness <name> <vkey> [<url>]"), "five words"),
        ("witness w3 key", PolicyFault::Key(KeyError::Form), "a key that is none"),
        ("monitor m", PolicyFault::Keyword(name("monitor")), "a word of its own"),
        ("Quorum none", PolicyFault::Keyword(name("Quorum")), "uppercase"),
        ("quorum none\r", PolicyFault::Byte(b'\r'), "carriage return"),
        ("# bell \u{7}", PolicyFault::Byte(7), "control character in a comment"),
        ("# \u{7f}", PolicyFault::Byte(0x7f), "DEL"),
    ] {
        assert_eq!(fault(&format!("{head}{lines}\nquorum none\n")), (4, error), "{bend}");
    }
    for (lines, line, error, bend) in [
        (format!("witness w3 {W1}\n"), 4, PolicyFault::DuplicateKey, "one key as two witnesses"),
        (format!("witness w3 {renamed_w1}\n"), 4, PolicyFault::DuplicateKey, "one key under two key names"),
        (format!("log {same_key_as_w1}\n"), 4, PolicyFault::DuplicateKey, "a log that witnesses itself"),
        (format!("log {LOG}\n"), 4, PolicyFault::DuplicateKey, "one log twice"),
        (format!("log {W1}\n"), 4, PolicyFault::DuplicateKey, "a witness as a log"),
        (
            "group g any w1\ngroup h any w1 w2\n".into(),
            5,
            PolicyFault::MemberTwice(name("w1")),
            "in two groups",
        ),
        ("group g any h\ngroup h any w1\n".into(), 4, PolicyFault::UnknownName(name("h")), "defined later"),
        ("quorum none\nquorum none\n".into(), 5, PolicyFault::SecondQuorum, "two quorums"),
        ("quorum none\nquorum w1\n".into(), 5, PolicyFault::SecondQuorum, "two quorums"),
    ] {
        assert_eq!(fault(&format!("{head}{lines}")), (line, error), "{bend}");
    }
    assert_eq!(fault(&format!("log {W1}\n")), (1, PolicyFault::LogKeyType(KeyType::Cosignature)));
    assert_eq!(fault(&format!("witness w {LOG}\n")), (1, PolicyFault::WitnessKeyType(KeyType::Ed25519)));
    assert_eq!(Policy::parse(head.as_bytes()), Err(PolicyTextError::NoQuorum));
    assert_eq!(Policy::parse(b""), Err(PolicyTextError::NoQuorum));
    let not_text = [b"log \xff+".as_slice(), LOG.as_bytes()].concat();
    let not_text = Policy::parse(&not_text);
    assert_eq!(not_text, Err(PolicyTextError::Line { line: 1, fault: PolicyFault::NotText }));
}

fn w1_under_another_name() -> String {
    let key = vkey(W1);
    let public = key.public_key().try_into().unwrap();
    VerifierKey::cosignature(name("another.example"), public).unwrap().to_string()
}

#[test]
fn keys_that_note_lines_cannot_tell_apart_are_refused() {
    let (first, second) = (signer("log.example", 8575), signer("log.example", 35865));
    let text = format!("log {}\nlog {}\nquorum none\n", first.verifier_key(), second.verifier_key());
    assert_eq!(fault(&text), (2, PolicyFault::AmbiguousKey));
}

#[test]
fn a_policy_has_a_limit() {
    let quorum = "quorum none\n";
    let filled = |len: usize| format!("{}{quorum}", "#".repeat(len - quorum.len() - 1) + "\n");
    assert!(Policy::parse(filled(POLICY_LEN_MAX).as_bytes()).is_ok());
    let have = POLICY_LEN_MAX + 1;
    assert_eq!(Policy::parse(filled(have).as_bytes()), Err(PolicyTextError::TooLong { have }));
}
