//! The JSON Schema of a record, made from its types, and one worked example for each type of record.

use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::{Kind, Record};

/// One worked example for each type, NDJSON, each line in canonical form.
const EXAMPLES: &str = include_str!("examples.ndjson");

/// The JSON Schema (draft 2020-12) of a record as it is submitted. What a schema cannot say, such as which fields a type
/// needs, stands in the descriptions and is checked by [`Record::read`].
pub fn schema() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
        let mut schema =
            SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Record<'static>>();
        let examples: Vec<Value> =
            examples().filter_map(|(_, json)| serde_json::from_str(json).ok()).collect();
        schema.insert("examples".into(), json!(examples));
        schema.to_value()
    });
    &SCHEMA
}

/// The type and the canonical JSON of one worked example for each type of record, in the order of [`Kind::WORDS`] as
/// far as their story allows.
pub fn examples() -> impl Iterator<Item = (Kind<'static>, &'static str)> {
    EXAMPLES.lines().filter_map(|line| Some((Record::read(line.as_bytes()).ok()?.kind, line)))
}
