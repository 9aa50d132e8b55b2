//! docs/record.md and docs/findings.md are made from the code. `DEEDBOOK_BLESS=1 cargo test -p record documents` writes
//! them anew.

use std::fmt::Write as _;
use std::path::Path;

use record::findings::Rule;
use record::model::{examples, schema};
use serde_json::Value;

use crate::golden::stories::stories;

/// Holds a document of the repository against what the code says, or writes it.
fn hold(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    if std::env::var_os("DEEDBOOK_BLESS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(written == text, "docs/{name} says something else than the code; see above how to write it anew");
}

#[test]
fn findings() {
    let mut text = String::from(
        "# Findings: what the log itself can tell\n\n\
         A finding is computed from the records alone, in the order of the log, by one pure function \
         (`record::findings::Fold`).\nServer, command line and auditors run the same one, so nobody has to believe a \
         finding: whoever has the records\nrecomputes it. It names its rule, the rule's version and parameter, the record \
         that shows it and the records it rests\non. A finding never goes away as the log grows: rules judge by what was \
         logged before, nothing that came later.\n\nA session's verdict follows: GAPS where a finding shows that something \
         is missing (marked below), CANNOT TELL where the\nsession is not opened, not closed, not numbered or its producer \
         never said what it records, else COMPLETE: all that\nwas promised is there. The log can only speak of what \
         producers promised to send.\n\n\
         Parameters: `received_late` after 300,000 ms, `clock_ahead` after 30,000 ms, `sequence_gap` of a producer after 64 \
         further\nrecords.\n\nThe examples are golden tests; the same table, with records, is in \
         `tests/data/findings/golden.ndjson`. This page is made\nfrom the code by a test.\n",
    );
    let stories = stories();
    for rule in Rule::ALL {
        let gap = if rule.shows_a_gap() { " It shows a gap." } else { "" };
        write!(text, "\n## `{rule}`\n\n{}{gap} Version {}.\n\n", rule.says(), rule.version()).unwrap();
        for golden in stories.iter().filter(|golden| golden.wanted.iter().any(|(_, found, _)| found == rule))
        {
            writeln!(text, "* Found: {}. {}.", golden.name, sentence(golden.why)).unwrap();
        }
        for golden in stories.iter().filter(|golden| golden.near == Some(*rule)) {
            writeln!(text, "* Not found: {}. {}.", golden.name, sentence(golden.why)).unwrap();
        }
    }
    hold("findings.md", &text);
}

fn sentence(words: &str) -> String {
    let mut chars = words.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

#[test]
fn the_record() {
    let mut text = String::from(
        "# The record\n\nOne record is one identity event: something a person, an agent or a policy did that somebody may \
         have to answer for.\nThis page is made from the code by a test; the JSON Schema (draft 2020-12) is served at /v1/schema, and is \
         `record::model::schema()`.\n\nFields that are not listed are kept as they are, names beginning with `x-` are the \
         users' own. Types beginning with `x-`\nneed `type`, `id` and `time` alone. Strings of at most 4,096 bytes; content \
         of at most 16 MiB. Names follow RFC 8693\n(`act`, `scope`, `sub`), RFC 9396, RFC 9901 (`sd`) and W3C Trace \
         Context.\n",
    );
    let schema = schema();
    text.push_str("\n## Fields\n\n| Field | Form | Meaning |\n|---|---|---|\n");
    fields(&mut text, "", schema, schema);
    text.push_str("\n## One example of each type\n");
    for (kind, json) in examples() {
        let value: Value = serde_json::from_str(json).unwrap();
        write!(text, "\n### `{kind}`\n\n```json\n{}\n```\n", serde_json::to_string_pretty(&value).unwrap())
            .unwrap();
    }
    hold("record.md", &text);
}

/// A line for each field of an object, and of the objects in it. The chain of actors ends nowhere, so it is shown once.
fn fields(text: &mut String, path: &str, object: &Value, root: &Value) {
    for (name, field) in object["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}{name}");
        let (form, inner) = form(field, root);
        let meaning = field["description"].as_str().unwrap_or_default().replace('\n', " ");
        writeln!(text, "| `{path}` | {form} | {meaning} |").unwrap();
        if let Some(inner) = inner.filter(|_| !path.ends_with("act.act")) {
            fields(text, &format!("{path}."), inner, root);
        }
    }
}

/// What a field holds, in a word, and the object it is, if it is one.
fn form<'s>(field: &'s Value, root: &'s Value) -> (String, Option<&'s Value>) {
    if let Some(reference) = field["$ref"].as_str() {
        return form(root.pointer(reference.trim_start_matches('#')).unwrap(), root);
    }
    for several in ["anyOf", "oneOf"] {
        if let Some(choices) = field[several].as_array() {
            let forms: Vec<_> =
                choices.iter().filter(|choice| choice["type"] != "null").map(|c| form(c, root)).collect();
            let mut words: Vec<String> = forms.iter().map(|(word, _)| word.clone()).collect();
            words.dedup();
            return (words.join(", "), forms.into_iter().find_map(|(_, inner)| inner));
        }
    }
    if let Some(word) = field["const"].as_str() {
        return (format!("`{word}`"), None);
    }
    if let Some(words) = field["enum"].as_array() {
        let words: Vec<String> =
            words.iter().filter_map(Value::as_str).map(|word| format!("`{word}`")).collect();
        return (words.join(", "), None);
    }
    let kinds = match &field["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
        kind => kind.as_str(),
    };
    match kinds {
        Some("array") => (format!("array of {}", form(&field["items"], root).0), None),
        Some("object") => ("object".to_owned(), Some(field)),
        Some(kind) if field["format"] == "date-time" => (format!("time ({kind})"), None),
        Some(kind) => (kind.to_owned(), None),
        None => ("any".to_owned(), None),
    }
}
