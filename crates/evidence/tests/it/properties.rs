//! What holds for any bytes at all, and for bytes that are nearly a file.

use evidence::{Show, fuzzing};
use proptest::prelude::*;
use serde_json::Value;

use crate::desk::{Desk, session};

/// A strange value for any member.
fn strange() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<u64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        Just(Value::Null),
        Just(serde_json::json!([])),
        Just(serde_json::json!([[0, u64::MAX]])),
        Just(serde_json::json!({"session": "\u{202e}<script>"})),
        Just(serde_json::json!([{"from": 0, "vkey": "x"}])),
    ]
}

/// Every place of a document, by a number.
fn places(value: &mut Value) -> Vec<&mut Value> {
    match value {
        Value::Object(members) => members.values_mut().flat_map(places).collect(),
        Value::Array(elements) => elements.iter_mut().flat_map(places).collect(),
        other => vec![other],
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_refused_or_told(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
        fuzzing::evidence(&bytes);
        fuzzing::evidence(&[b"{\"@format\":\"deedbook-evidence-v1\"".as_slice(), &bytes].concat());
    }

    #[test]
    fn nearly_a_file_is_refused_or_told(at in any::<prop::sample::Index>(), member in any::<prop::sample::Index>(), value in strange()) {
        let file = Desk::story().file(&session("s-71c2"), Show::All).to_bytes();
        let mut document: Value = serde_json::from_slice(&file).unwrap();
        {
            let mut places = places(&mut document);
            let at = at.index(places.len());
            *places[at] = value.clone();
        }
        fuzzing::evidence(document.to_string().as_bytes());
        let mut document: Value = serde_json::from_slice(&file).unwrap();
        let names: Vec<String> = document.as_object().unwrap().keys().cloned().collect();
        document[member.get(&names).as_str()] = value;
        fuzzing::evidence(document.to_string().as_bytes());
    }
}
