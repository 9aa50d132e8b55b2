//! Rows, the view, names of subjects, and the plan.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use proptest::{collection::vec, prelude::*};
use store::{Batch, Key, MemoryStore, Store as _, Table};

use super::*;

fn info() -> impl Strategy<Value = Info> {
    let tags = (any::<[u8; 32]>(), any::<Option<[u8; 32]>>(), any::<[u8; 32]>());
    (tags, any::<u32>(), 1..=u32::MAX, any::<bool>()).prop_map(
        |((owner, session, key), length, pieces, secret)| {
            let (owner, session, key) = (Tag(owner), session.map(Tag), KeyId(key));
            Info { owner, session, key, length, pieces, secret }
        },
    )
}

proptest! {
    #[test]
    fn a_row_comes_back_and_nothing_else_is_one(info in info(), at: prop::sample::Index, more: u8) {
        let bytes = info.to_bytes();
        prop_assert_eq!(Info::from_bytes(&bytes), Ok(info));
        let cut = at.index(bytes.len());
        prop_assert!(Info::from_bytes(&bytes[..cut]).is_err(), "cut at {cut}");
        prop_assert!(Info::from_bytes(&[&bytes[..], &[more]].concat()).is_err());
    }

    #[test]
    fn any_bytes_are_a_row_of_one_spelling(bytes in vec(any::<u8>(), 70..110)) {
        if let Ok(info) = Info::from_bytes(&bytes) {
            prop_assert_eq!(&info.to_bytes()[..], &bytes[..]);
        }
    }
}

/// On people's disks.
#[test]
fn the_row_of_a_content() {
    let info = Info {
        owner: Tag([1; 32]),
        session: None,
        key: KeyId([2; 32]),
        length: 258,
        pieces: 3,
        secret: true,
    };
    let expected = [&[1, 1][..], &[1; 32], &[2; 32], &[0, 0, 1, 2], &[0, 0, 0, 3]].concat();
    assert_eq!(&info.to_bytes()[..], expected);
    let with_session = Info { session: Some(Tag([4; 32])), secret: false, ..info };
    let expected = [&[1, 2], &expected[2..], &[4; 32]].concat();
    assert_eq!(&with_session.to_bytes()[..], expected);
    for (place, wrong) in [(0, 2), (1, 7), (73, 0)] {
        let mut bytes = info.to_bytes().to_vec();
        bytes[place] = wrong;
        assert_eq!(Info::from_bytes(&bytes), Err(InfoError), "byte {place} is {wrong}");
    }
}

#[test]
fn a_payload_is_its_pieces() {
    let info =
        Info { owner: Tag([1; 32]), session: None, key: KeyId([2; 32]), length: 1, pieces: 2, secret: false };
    let piece = |bytes: usize| Bytes::from(vec![0; bytes]);
    let make = |pieces: Vec<Bytes>| Payload::new(Digest([0; 32]), info, pieces).map(drop);
    assert_eq!(make(vec![piece(PIECE_BYTES_MAX), piece(0)]), Ok(()));
    assert_eq!(make(vec![piece(1)]), Err(PayloadError::Pieces { expected: 2, found: 1 }));
    let bytes = PIECE_BYTES_MAX + 1;
    assert_eq!(make(vec![piece(1), piece(bytes)]), Err(PayloadError::TooLong { number: 1, bytes }));
}

/// A hold on one must never be taken for a hold on another.
#[test]
fn no_two_subjects_have_one_name() {
    let principal = |iss: &str, sub: &str| Subject::Principal { iss: iss.into(), sub: sub.into() };
    let subjects = [
        principal("a", "b|c"),
        principal("a|b", "c"),
        principal("", "a|b|c"),
        Subject::Session("a".into()),
        Subject::Producer("a".into()),
        Subject::Session("log".into()),
        Subject::Log,
    ];
    let tags: BTreeSet<Tag> = subjects.iter().map(Subject::tag).collect();
    assert_eq!(tags.len(), subjects.len());
    assert_eq!(subjects[0].to_string(), "principal:1:a|b|c", "the text is on people's disks, as its SHA-256");
}

fn small_key() -> impl Strategy<Value = Key> {
    let digest = |n: u8| [n; 32];
    prop_oneof![
        (0..3_u8, 0..4_u8).prop_map(move |(a, b)| Key::Subject { subject: digest(a), digest: digest(b) }),
        (0..4_u8).prop_map(move |n| Key::Payload { digest: digest(n) }),
        (0..4_u8).prop_map(move |n| Key::Erasure { digest: digest(n) }),
    ]
}

fn batch() -> impl Strategy<Value = Batch> {
    let puts = vec((small_key(), any::<u8>().prop_map(|n| Bytes::from(vec![n]))), 0..6);
    (puts, vec(small_key(), 0..4)).prop_map(|(puts, deletes)| Batch { puts, deletes, ..Batch::default() })
}

/// Deletes, then puts, one after the other.
fn apply(model: &mut BTreeMap<Key, Bytes>, batch: &Batch) {
    batch.deletes.iter().for_each(|key| drop(model.remove(key)));
    model.extend(batch.puts.iter().cloned());
}

proptest! {
    /// A view is the store after all that was applied and not rolled back; later changes win, and its batch makes the
    /// store what the view was.
    #[test]
    fn a_view_is_the_store_that_will_be(
        stored in vec((small_key(), Just(Bytes::from_static(b"old"))), 0..12),
        steps in vec((batch(), any::<bool>()), 0..6),
        after in proptest::option::of(small_key()),
        max in 1..5_usize,
    ) {
        let store = MemoryStore::new();
        let mut model: BTreeMap<Key, Bytes> = stored.iter().cloned().collect();
        let puts = model.clone().into_iter().collect();
        store.commit(None, Batch::puts(puts), "1".into()).unwrap();
        let mut view = View::new(&store);
        for (batch, undone) in steps {
            view.mark();
            view.apply(batch.clone());
            if undone { view.roll_back() } else { apply(&mut model, &batch) }
            for table in [Table::Subject, Table::Payload, Table::Erasure] {
                let after = after.filter(|after| after.table() == table);
                let expected: Vec<_> = model
                    .iter()
                    .filter(|(key, _)| key.table() == table && after.is_none_or(|after| **key > after))
                    .take(max)
                    .map(|(key, value)| (*key, value.clone()))
                    .collect();
                prop_assert_eq!(view.scan(table, after.as_ref(), max).unwrap(), expected);
            }
        }
        for n in 0..4 {
            let key = Key::Payload { digest: [n; 32] };
            prop_assert_eq!(view.get(&key).unwrap(), model.get(&key).cloned());
        }
        let batch = view.into_batch();
        let keys: BTreeSet<&Key> = batch.puts.iter().map(|(key, _)| key).chain(&batch.deletes).collect();
        prop_assert_eq!(keys.len(), batch.puts.len() + batch.deletes.len(), "each key once");
        store.commit(Some(&"1".into()), batch, "2".into()).unwrap();
        let stored: BTreeMap<Key, Bytes> = [Table::Subject, Table::Payload, Table::Erasure]
            .iter()
            .flat_map(|table| store.scan(*table, None, 100).unwrap())
            .collect();
        prop_assert_eq!(stored, model);
    }
}

fn hold(id: &str, scopes: Vec<Scope>, released: bool) -> Hold {
    let who = || Who { by: "admin".into(), ground: "a case".into(), at: "now".into(), index: 0 };
    Hold { id: id.into(), scopes, placed: who(), released: released.then(who) }
}

fn scope() -> impl Strategy<Value = Scope> {
    prop_oneof![
        vec(0..4_u8, 0..3)
            .prop_map(|n| Scope::Contents(n.iter().map(|n| Digest([*n; 32]).to_string()).collect())),
        (0..3_u8).prop_map(|n| Scope::Session(n.to_string())),
        (0..3_u8).prop_map(|n| Scope::Principal { iss: "i".into(), sub: n.to_string() }),
    ]
}

proptest! {
    /// Against the rule as one would say it: a content is kept exactly by the holds that hold now and that name it, its
    /// session or its principal.
    #[test]
    fn a_hold_wins(
        wanted in vec((0..4_u8, 0..3_u8, 0..3_u8), 0..5),
        holds in vec((vec(scope(), 0..3), any::<bool>()), 0..4),
    ) {
        let principal = |n: u8| Subject::Principal { iss: "i".into(), sub: n.to_string() };
        let contents: Vec<Content> = wanted
            .iter()
            .map(|(digest, session, sub)| Content {
                digest: Digest([*digest; 32]),
                subjects: [Subject::Session(session.to_string()).tag(), principal(*sub).tag()].into(),
            })
            .collect();
        let holds: Vec<Hold> =
            holds.into_iter().enumerate().map(|(n, (scopes, released))| hold(&n.to_string(), scopes, released)).collect();
        let covers = |hold: &&Hold, digest: u8, session: u8, sub: u8| {
            hold.released.is_none() && hold.scopes.iter().any(|scope| match scope {
                Scope::Contents(sds) => sds.contains(&Digest([digest; 32]).to_string()),
                Scope::Session(id) => *id == session.to_string(),
                Scope::Principal { sub: held, .. } => *held == sub.to_string(),
            })
        };
        let told = plan(&contents, &holds);
        let mut expected = Plan::default();
        for (digest, session, sub) in &wanted {
            let keeping = holds.iter().filter(|hold| covers(hold, *digest, *session, *sub));
            let names: Vec<String> = keeping.map(|hold| hold.id.clone()).collect();
            if names.is_empty() {
                expected.erase.push(Digest([*digest; 32]));
            } else {
                expected.kept.push(Kept { digest: Digest([*digest; 32]), holds: names });
            }
        }
        prop_assert_eq!(told, expected);
    }
}

#[test]
fn what_records_say_becomes_rows() {
    let read = |json: &str, test: &dyn Fn(&record::model::Record<'_>)| {
        let record = record::model::Record::read(json.as_bytes()).unwrap();
        test(&record);
    };
    let head = r#""id":"0198f0c2-7d1e-7c3a-9a54-1f2f6f1f9b10","time":"2026-11-23T08:14:03.118Z""#;
    let sd = Digest([7; 32]).to_string();
    let hold = format!(
        r#"{{{head},"type":"hold.placed","hold":{{"id":"case-7","by":"legal","ground":"suit","session":"s","sds":["{sd}"]}}}}"#
    );
    read(&hold, &|record| {
        let placed = Hold::placed_by(record).unwrap();
        assert_eq!(placed.scopes, [Scope::Contents(vec![sd.clone()]), Scope::Session("s".into())]);
        assert_eq!((&*placed.id, &*placed.placed.by, &*placed.placed.ground), ("case-7", "legal", "suit"));
        assert_eq!(placed.placed.at, "2026-11-23T08:14:03.118Z");
        assert!(placed.is_active() && placed.names(Digest([7; 32])) && !placed.names(Digest([8; 32])));
        assert_eq!(ReleaseHold::by(record).unwrap().id, "case-7");
        assert!(Erase::by(record).is_none());
    });
    let whole = format!(
        r#"{{{head},"type":"hold.placed","principal":{{"iss":"i","sub":"s"}},"hold":{{"id":"h","by":"b","ground":"g"}}}}"#
    );
    read(&whole, &|record| {
        let scopes = [Scope::Principal { iss: "i".into(), sub: "s".into() }];
        assert_eq!(Hold::placed_by(record).unwrap().scopes, scopes);
        assert_eq!(Subject::owner_of(record).to_string(), "principal:1:i|s");
    });
    let erased = format!(
        r#"{{{head},"type":"payload.erased","erased":{{"sd":"{sd}","ground":"Art. 17","by":"dpo"}}}}"#
    );
    read(&erased, &|record| {
        let erase = Erase::by(record).unwrap();
        assert_eq!((erase.digest, &*erase.who.ground, &*erase.who.by), (Digest([7; 32]), "Art. 17", "dpo"));
        assert_eq!(Subject::owner_of(record), Subject::Log, "it names nobody");
    });
    let call = format!(
        r#"{{{head},"type":"action.requested","agent":{{"sub":"a"}},"producer":{{"id":"p"}},"session":{{"id":"s"}},"action":{{"id":"c","tool":"t"}}}}"#
    );
    read(&call, &|record| {
        assert_eq!(Subject::owner_of(record), Subject::Session("s".into()));
        assert_eq!(Subject::session_of(record), Some(Subject::Session("s".into())));
        assert!(Hold::placed_by(record).is_none() && Erase::by(record).is_none());
    });
    let traced = call.replace(
        r#""session":{"id":"s"},"#,
        r#""trace":{"traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},"#,
    );
    read(&traced, &|record| assert_eq!(Subject::owner_of(record), Subject::Producer("p".into())));
}
