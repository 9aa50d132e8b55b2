//! The fold over records in any order, bent in any way: it says the same twice and nothing goes away.

use proptest::prelude::*;
use serde_json::Value;

/// Every record of the golden stories.
fn records() -> Vec<String> {
    let table = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/data/findings/golden.ndjson"
    ));
    let stories = table.unwrap();
    let entries = stories.lines().flat_map(|line| {
        let story: Value = serde_json::from_str(line).unwrap();
        story["entries"].as_array().unwrap().clone()
    });
    let mut all: Vec<String> = entries.map(|entry| entry["record"].to_string()).collect();
    all.sort_unstable();
    all.dedup();
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn any_records_in_any_order(chosen in proptest::collection::vec(any::<proptest::sample::Index>(), 0..40)) {
        static RECORDS: std::sync::LazyLock<Vec<String>> = std::sync::LazyLock::new(records);
        let lines: Vec<&str> = chosen.iter().map(|index| index.get(&RECORDS).as_str()).collect();
        record::fuzzing::findings(lines.join("\n").as_bytes());
    }

    #[test]
    fn one_story_with_bytes_bent(at in any::<proptest::sample::Index>(), bytes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..4)) {
        static STORIES: std::sync::LazyLock<Vec<String>> = std::sync::LazyLock::new(|| {
            records().chunks(12).map(|lines| lines.join("\n")).collect()
        });
        let mut text = at.get(&STORIES).clone().into_bytes();
        for (place, byte) in bytes {
            let place = place.index(text.len());
            text[place] = byte;
        }
        record::fuzzing::findings(&text);
    }
}
