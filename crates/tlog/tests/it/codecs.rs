//! What a parser takes prints back to the same bytes: driven with made values, and with good files bent at random.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use tlog::checkpoint::Checkpoint;
use tlog::cosignature::Timestamp;
use tlog::fuzzing_note as fuzzing;
use tlog::key::{KeyName, Signer, VerifierKey};
use tlog::note::{Note, SignatureLine};
use tlog::policy::Policy;
use tlog::tlog_proof::TlogProof;
use tlog::{Hash, Head, SIZE_MAX};

use crate::vectors::{LOG, bytes, cosigner, json, str};

/// A way to spoil a file at one place.
#[derive(Clone, Debug)]
pub(crate) enum Bend {
    Replace(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index),
    Cut(Index),
    RepeatLine(Index),
    SwapLines(Index),
}

pub(crate) fn bend() -> impl Strategy<Value = Bend> {
    let byte = prop_oneof![any::<u8>(), select(b"\n \t\r+-=#01Az/".to_vec())];
    let words = select(vec![
        "\n",
        "\n\n",
        " ",
        "\u{2014} ",
        "0",
        "+",
        "=",
        "extra AAAA\n",
        "quorum none\n",
        "\u{a0}",
    ]);
    prop_oneof![
        (any::<Index>(), byte).prop_map(|(at, byte)| Bend::Replace(at, byte)),
        (any::<Index>(), words).prop_map(|(at, word)| Bend::Insert(at, word.as_bytes().to_vec())),
        any::<Index>().prop_map(Bend::Remove),
        any::<Index>().prop_map(Bend::Cut),
        any::<Index>().prop_map(Bend::RepeatLine),
        any::<Index>().prop_map(Bend::SwapLines),
    ]
}

pub(crate) fn bent(mut file: Vec<u8>, bends: &[Bend]) -> Vec<u8> {
    for bend in bends {
        if file.is_empty() {
            break;
        }
        let mut lines: Vec<_> = file.split_inclusive(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
        match bend {
            Bend::Replace(at, byte) => {
                let at = at.index(file.len());
                file[at] = *byte;
            }
            Bend::Insert(at, word) => {
                let at = at.index(file.len() + 1);
                file.splice(at..at, word.iter().copied());
            }
            Bend::Remove(at) => {
                file.remove(at.index(file.len()));
            }
            Bend::Cut(at) => file.truncate(at.index(file.len())),
            Bend::RepeatLine(at) => {
                let at = at.index(lines.len());
                lines.insert(at, lines[at].clone());
                file = lines.concat();
            }
            Bend::SwapLines(at) => {
                let (at, last) = (at.index(lines.len()), lines.len() - 1);
                lines.swap(at, last);
                file = lines.concat();
            }
        }
    }
    file
}

/// Every file of the vectors that some parser here takes.
fn files() -> Vec<Vec<u8>> {
    let vectors = json("generated/checkpoint-513.json");
    let text = |value: &serde_json::Value| str(value).as_bytes().to_vec();
    vec![
        bytes("generated/checkpoint-513.note"),
        bytes("tessera-testlog/testdata/log/checkpoint"),
        bytes("generated/entry-300-of-513.tlog-proof"),
        bytes("generated/entry-0-of-1-extra.tlog-proof"),
        bytes("generated/policy.txt"),
        bytes("torchwood/example-policy.txt"),
        text(&vectors["note_text"]),
        text(&vectors["keys"]["log"]["vkey"]),
        text(&vectors["keys"]["pq"]["vkey"]),
        text(&vectors["keys"]["log"]["skey"]),
    ]
}

fn every_parser(data: &[u8]) {
    fuzzing::note(data);
    fuzzing::checkpoint(data);
    fuzzing::vkey(data);
    fuzzing::policy(data);
    fuzzing::tlog_proof(data);
}

#[test]
fn good_files_print_back() {
    for file in files() {
        every_parser(&file);
    }
}

fn key_name() -> impl Strategy<Value = KeyName> {
    "[!-*,-~éß—0-9a-z./]{1,60}".prop_map(|name| name.parse().expect("a good name"))
}

fn head() -> impl Strategy<Value = Head> {
    let root = any::<[u8; 32]>().prop_map(Hash::from_bytes);
    let some = (1..=SIZE_MAX, root).prop_map(|(size, root)| Head { size, root });
    prop_oneof![1 => Just(Head::EMPTY), 20 => some]
}

/// A note's text and a few lines under it, each with another id.
fn note() -> impl Strategy<Value = Note> {
    let lines = vec((key_name(), vec(any::<u8>(), 1..80)), 1..6);
    ("[^\\x00-\\x09\\x0b-\\x1f]{0,40}", lines).prop_map(|(text, lines)| {
        let line = |(id, (name, signature)): (u32, (KeyName, Vec<u8>))| {
            let blob = tlog::encoding::base64(&[&id.to_be_bytes(), signature.as_slice()].concat());
            SignatureLine::parse(&format!("\u{2014} {name} {blob}")).expect("a good line")
        };
        Note::new(text + "\n", (0..).zip(lines).map(line).collect()).expect("a good note")
    })
}

proptest! {
    #[test]
    fn notes_come_back(note in note()) {
        prop_assert_eq!(Note::parse(note.to_string().as_bytes()), Ok(note));
    }

    #[test]
    fn checkpoints_come_back(origin in key_name(), head in head(), seed: [u8; 32]) {
        let checkpoint = Checkpoint::new(origin.clone(), head).unwrap();
        prop_assert_eq!(Checkpoint::parse(&checkpoint.to_string()), Ok(checkpoint.clone()));
        let signer = Signer::from_seed(origin, &seed);
        let signed = checkpoint.sign(&signer).unwrap();
        let opened = tlog::checkpoint::SignedCheckpoint::open(signed.bytes().clone(), signer.verifier_key());
        prop_assert_eq!(opened, Ok(signed));
    }

    #[test]
    fn keys_come_back(name in key_name(), seed: [u8; 32]) {
        let signer = Signer::from_seed(name, &seed);
        let key = signer.verifier_key();
        prop_assert_eq!(&VerifierKey::parse(&key.to_string()), &Ok(key.clone()));
        let again = Signer::from_skey(&signer.to_skey()).unwrap();
        prop_assert_eq!(again.verifier_key(), key);
        prop_assert_eq!(again.to_skey(), signer.to_skey());
    }

    #[test]
    fn cosignatures_come_back(origin in key_name(), head in head(), seconds in 0..=SIZE_MAX, number: u32) {
        let checkpoint = Checkpoint::new(origin, head).unwrap();
        let (witness, time) = (cosigner("w.example", number), Timestamp::from_seconds(seconds).unwrap());
        let note = Note::new(checkpoint.to_string(), vec![witness.cosign(&checkpoint, time)]).unwrap();
        let opened = note.open([witness.verifier_key()]).unwrap();
        prop_assert_eq!(opened.signatures()[0].time(), Some(time));
    }

    #[test]
    fn proofs_come_back(
        origin in key_name(),
        head in head().prop_filter("an index needs an entry", |head| head.size > 0),
        at: Index,
        path in vec(any::<[u8; 32]>().prop_map(Hash::from_bytes), 0..=63),
        extra in proptest::option::of(vec(any::<u8>(), 0..200)),
    ) {
        let signer = Signer::from_seed(origin.clone(), &[7; 32]);
        let signed = Checkpoint::new(origin, head).unwrap().sign(&signer).unwrap();
        let index = at.index(usize::try_from(head.size).unwrap()) as u64;
        let proof = TlogProof::new(index, path, &signed).unwrap();
        let proof = match extra {
            Some(extra) => proof.with_extra(extra).unwrap(),
            None => proof,
        };
        prop_assert_eq!(TlogProof::parse(proof.to_bytes()), Ok(proof));
    }

    #[test]
    fn policies_come_back(witnesses in 1_u32..8, shape in vec((any::<Index>(), 1_usize..4), 0..5), quorum: Index) {
        let mut names: Vec<_> = (0..witnesses).map(|i| format!("w{i}")).collect();
        let mut lines = vec![format!("log {LOG}")];
        lines.extend((0..witnesses).map(|i| format!("witness w{i} {}", cosigner(&format!("w{i}.example"), i).verifier_key())));
        let mut free = names.clone();
        for (i, (threshold, members)) in shape.into_iter().enumerate() {
            let members: Vec<_> = free.drain(..members.min(free.len())).collect();
            lines.push(format!("group g{i} {} {}", threshold.index(members.len()) + 1, members.join(" ")));
            free.push(format!("g{i}"));
            names.push(format!("g{i}"));
        }
        lines.push(format!("quorum {}\n", names[quorum.index(names.len())]));
        let text = lines.join("\n");
        prop_assert_eq!(Policy::parse(text.as_bytes()).unwrap().to_bytes(), text.as_bytes());
    }

    #[test]
    fn any_bytes_are_survived(data: Vec<u8>) {
        every_parser(&data);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn bent_files_print_back_or_are_refused(file in select(files()), bends in vec(bend(), 1..4)) {
        every_parser(&bent(file, &bends));
    }
}
