//! Log lists: what is taken, what is refused and at which line.

use std::collections::BTreeSet;

use follower::witness::enrolled::{
    CONTACT_LEN_MAX, Enrolled, EnrolledError, EnrolledFault, Keyword, LIST_LEN_MAX, QPD_MAX,
};
use proptest::prelude::*;
use tlog::{
    encoding::EncodingError,
    key::{KeyError, KeyType, Signer, VerifierKey},
};

use crate::setup::origin;

fn seed(n: u64) -> [u8; 32] {
    let mut seed = [7; 32];
    seed[..8].copy_from_slice(&n.to_be_bytes());
    seed
}

fn vkey(n: u64) -> VerifierKey {
    Signer::from_seed(origin(n), &seed(n)).verifier_key().clone()
}

#[test]
fn a_list_as_people_write_it() {
    let list = format!(
        "#\n# List: all\n\n \tlogs/v0\t \n\n# the first\nvkey {}\nqpd 86400\ncontact https://one.test/\n\n\
         vkey {}\n\n# between\norigin other.test/name\n\tqpd 1\n\tcontact sysadmin (at)\ttwo.test #1  \n",
        vkey(1),
        vkey(2)
    );
    let enrolled = Enrolled::parse(list.as_bytes()).unwrap();
    let one = enrolled.get(&origin(1)).unwrap();
    assert_eq!((one.key(), one.origin(), one.qpd()), (&vkey(1), &origin(1), 86_400));
    assert_eq!(one.contact(), "https://one.test/");
    let two = enrolled.get(&"other.test/name".parse().unwrap()).unwrap();
    assert_eq!((two.key(), two.qpd(), two.contact()), (&vkey(2), 1, "sysadmin (at)\ttwo.test #1"));
    assert_eq!(enrolled.get(&origin(2)), None, "it goes by its origin");
    assert_eq!(enrolled.logs(), [one.clone(), two.clone()]);
    let plain = format!(
        "logs/v0\n\nvkey {}\nqpd 86400\ncontact https://one.test/\n\n\
         vkey {}\norigin other.test/name\nqpd 1\ncontact sysadmin (at)\ttwo.test #1\n",
        vkey(1),
        vkey(2)
    );
    assert_eq!(enrolled.to_string(), plain);
    assert_eq!(plain.parse(), Ok(enrolled));
}

#[test]
fn a_list_may_name_nobody() {
    assert_eq!("logs/v0\n".parse(), Ok(Enrolled::default()));
    assert_eq!(Enrolled::default().to_string(), "logs/v0\n");
    for empty in ["", "\n\n", "# logs/v0\n"] {
        assert_eq!(empty.parse::<Enrolled>(), Err(EnrolledError::NoHeader), "{empty:?}");
    }
}

/// One bend at a time, and the line that it is told of.
#[test]
fn every_bend_is_told_with_its_line() {
    use EnrolledFault as F;
    let order = |want| F::Order { want };
    let (one, two) = (vkey(1), vkey(2));
    let same_key = VerifierKey::ed25519(origin(3), two.public_key().try_into().unwrap()).unwrap();
    let witness = VerifierKey::cosignature(origin(3), two.public_key().try_into().unwrap()).unwrap();
    let good = format!("logs/v0\nvkey {one}\norigin log-9.test/agents\nqpd 5\ncontact a\n");
    let line = |number: usize, text: &str| {
        let mut lines: Vec<_> = good.split('\n').map(str::to_owned).collect();
        lines[number - 1] = text.to_owned();
        lines.join("\n").into_bytes()
    };
    let more = |text: &str| format!("{good}{text}\n").into_bytes();
    let cases: Vec<(&str, Vec<u8>, usize, F)> = vec![
        ("another header", line(1, "logs/v1"), 1, F::Header),
        ("no header", line(1, ""), 2, F::Header),
        ("something before the header", [b"qpd 1\n", good.as_bytes()].concat(), 1, F::Header),
        ("carriage return", line(1, "logs/v0\r"), 1, F::Byte(b'\r')),
        ("NUL in a comment", line(1, "# \0"), 1, F::Byte(0)),
        ("DEL", line(5, "contact \u{7f}"), 5, F::Byte(0x7f)),
        ("not UTF-8", [good.as_bytes(), b"# \xff"].concat(), 6, F::NotText),
        ("the header again", more("logs/v0"), 6, order(Keyword::Vkey)),
        ("an unknown word", more("bastion none"), 6, order(Keyword::Vkey)),
        ("capitals", line(2, &format!("VKEY {one}")), 2, order(Keyword::Vkey)),
        ("two spaces", line(2, &format!("vkey  {one}")), 2, order(Keyword::Vkey)),
        ("a tab", line(2, &format!("vkey\t{one}")), 2, order(Keyword::Vkey)),
        ("no value", line(2, "vkey"), 2, order(Keyword::Vkey)),
        ("qpd first", line(2, "qpd 5"), 2, order(Keyword::Vkey)),
        ("no vkey", line(2, ""), 3, order(Keyword::Vkey)),
        ("no qpd", line(4, ""), 5, order(Keyword::Qpd)),
        ("two origins", line(4, "origin log-8.test/agents"), 4, order(Keyword::Qpd)),
        ("contact before qpd", line(3, "contact a"), 3, order(Keyword::Qpd)),
        ("two qpds", line(5, "qpd 6"), 5, order(Keyword::Contact)),
        ("an empty contact", line(5, "contact "), 5, order(Keyword::Contact)),
        ("two contacts", more("contact b"), 6, order(Keyword::Vkey)),
        ("no key", line(2, "vkey log.test"), 2, F::Key(KeyError::Form)),
        ("a witness's key", more(&format!("vkey {witness}")), 6, F::KeyType(KeyType::Cosignature)),
        ("the same key", more(&format!("vkey {one}")), 6, F::DuplicateKey(origin(9))),
        (
            "the same public key under another name",
            more(&format!("vkey {two}\nqpd 1\ncontact b\nvkey {same_key}")),
            9,
            F::DuplicateKey(origin(2)),
        ),
        (
            "the same origin",
            more(&format!("vkey {two}\norigin log-9.test/agents")),
            7,
            F::DuplicateOrigin(origin(9)),
        ),
        (
            "the same origin by the key's name",
            more(&format!("vkey {}\nqpd 1", vkey(9))),
            7,
            F::DuplicateOrigin(origin(9)),
        ),
        (
            "an origin that no checkpoint can have",
            line(3, "origin go.sum database tree"),
            3,
            F::Origin(tlog::key::KeyNameError::Character { found: ' ' }),
        ),
        ("leading zero", line(4, "qpd 05"), 4, F::QpdText(EncodingError::Decimal)),
        ("a sign", line(4, "qpd +5"), 4, F::QpdText(EncodingError::Decimal)),
        ("zero", line(4, "qpd 0"), 4, F::Qpd(0)),
        ("2^31", line(4, "qpd 2147483648"), 4, F::Qpd(1 << 31)),
        ("2^63", line(4, "qpd 9223372036854775808"), 4, F::QpdText(EncodingError::NumberTooLarge)),
        (
            "a long contact",
            line(5, &format!("contact {}", "x".repeat(CONTACT_LEN_MAX + 1))),
            5,
            F::ContactTooLong { have: CONTACT_LEN_MAX + 1 },
        ),
    ];
    assert!(Enrolled::parse(good.as_bytes()).is_ok());
    for (bend, list, line, fault) in cases {
        assert_eq!(Enrolled::parse(&list), Err(EnrolledError::Line { line, fault }), "{bend}");
    }
    let cut = |lines: usize| good.lines().take(lines).collect::<Vec<_>>().join("\n");
    for (lines, want) in [(2, Keyword::Qpd), (3, Keyword::Qpd), (4, Keyword::Contact)] {
        assert_eq!(cut(lines).parse::<Enrolled>(), Err(EnrolledError::Unfinished { want }), "{lines} lines");
    }
}

#[test]
fn the_greatest_of_everything_passes() {
    let contact = "x".repeat(CONTACT_LEN_MAX);
    let list = format!("logs/v0\nvkey {}\nqpd {QPD_MAX}\ncontact {contact}", vkey(1));
    assert_eq!(list.parse::<Enrolled>().unwrap().logs()[0].qpd(), QPD_MAX);
    let long = vec![b'#'; LIST_LEN_MAX + 1];
    assert_eq!(Enrolled::parse(&long), Err(EnrolledError::TooLong { have: LIST_LEN_MAX + 1 }));
}

#[test]
fn ten_thousand_logs() {
    let blocks = (0..10_000).map(|n| format!("vkey {}\nqpd 1\ncontact c\n", vkey(n)));
    let list = format!("logs/v0\n{}", blocks.collect::<String>());
    let enrolled: Enrolled = list.parse().unwrap();
    assert_eq!(enrolled.logs().len(), 10_000);
    assert_eq!(enrolled.get(&origin(9_999)).unwrap().key(), &vkey(9_999));
}

/// A list's lines: number of the key, origin, requests, contact.
fn logs() -> impl Strategy<Value = Vec<(u64, Option<String>, u32, String)>> {
    let log = (
        0..200_u64,
        proptest::option::of("[a-z]{1,8}/[a-z\u{e9}]{1,3}"),
        1..=QPD_MAX,
        "[!-~\u{e4}]([ -~\t]{0,20}[!-~])?",
    );
    proptest::collection::vec(log, 0..8).prop_map(|logs| {
        let (mut keys, mut origins) = (BTreeSet::new(), BTreeSet::new());
        let mut fresh = |(n, origin, ..): &(u64, Option<String>, u32, String)| {
            keys.insert(*n)
                && origins.insert(origin.clone().unwrap_or_else(|| crate::setup::origin(*n).to_string()))
        };
        logs.into_iter().filter(|log| fresh(log)).collect()
    })
}

proptest! {
    #[test]
    fn what_is_printed_is_read(logs in logs(), noise in "[ \t]{0,3}") {
        let mut list = format!("# comment\n{noise}logs/v0{noise}\n");
        for (n, origin, qpd, contact) in &logs {
            list += format!("{noise}vkey {}{noise}\n#x\n", vkey(*n)).as_str();
            list.extend(origin.as_ref().map(|origin| format!("origin {origin}\n")));
            list += format!("{noise}\nqpd {qpd}\n{noise}contact {contact}\n").as_str();
        }
        let enrolled: Enrolled = list.parse().unwrap();
        prop_assert_eq!(enrolled.logs().len(), logs.len());
        for (log, (n, origin, qpd, contact)) in enrolled.logs().iter().zip(&logs) {
            prop_assert_eq!(log.key(), &vkey(*n));
            let default = crate::setup::origin(*n).to_string();
            prop_assert_eq!(log.origin().as_str(), origin.as_deref().unwrap_or(&default));
            prop_assert_eq!((log.qpd(), log.contact()), (*qpd, contact.as_str()));
            prop_assert_eq!(enrolled.get(log.origin()), Some(log));
        }
        prop_assert_eq!(enrolled.to_string().parse(), Ok(enrolled));
    }

    #[test]
    fn no_bytes_panic(bytes: Vec<u8>) {
        let _ = Enrolled::parse(&bytes);
        let _ = Enrolled::parse(&[b"logs/v0\nvkey ".as_slice(), &bytes].concat());
    }

    /// Good lists with one byte changed, cut or doubled: refused, or taken for something that prints and reads back.
    #[test]
    fn no_bent_list_is_read_as_two_things(at: prop::sample::Index, byte: u8, kind in 0..3_u8) {
        let mut list = format!(
            "logs/v0\nvkey {}\norigin a.test\nqpd 12\ncontact b\nvkey {}\nqpd 3\ncontact c\n", vkey(1), vkey(2)
        ).into_bytes();
        let at = at.index(list.len());
        match kind {
            0 => list[at] = byte,
            1 => drop(list.remove(at)),
            _ => list.insert(at, byte),
        }
        if let Ok(enrolled) = Enrolled::parse(&list) {
            prop_assert_eq!(enrolled.to_string().parse(), Ok(enrolled));
        }
    }
}
