//! JSON that is not a record: the bend, the code, the path; and where in the text.

use record::{Submission, limits};

use crate::{RECORD, record_with};

#[test]
fn fields_that_are_not_what_they_must_be() {
    for (bend, from, to, code, path) in [
        ("an array", RECORD, "[]", "wrong-type", ""),
        ("a string", RECORD, "\"record\"", "wrong-type", ""),
        ("null", RECORD, "null", "wrong-type", ""),
        ("a number", RECORD, "1", "wrong-type", ""),
        ("an empty object", RECORD, "{}", "missing-field", "/id"),
        ("no id", "\"id\"", "\"ID\"", "missing-field", "/id"),
        ("no type", "\"type\"", "\"types\"", "missing-field", "/type"),
        ("no time", "\"time\"", "\"tim\"", "missing-field", "/time"),
        ("a number as id", "\"0198f0c2-7d1e-7c3a-9a54-1f2f6f1f9b10\"", "7", "wrong-type", "/id"),
        ("null as id", "\"0198f0c2-7d1e-7c3a-9a54-1f2f6f1f9b10\"", "null", "wrong-type", "/id"),
        ("an empty id", "0198f0c2-7d1e-7c3a-9a54-1f2f6f1f9b10", "", "empty-string", "/id"),
        ("an uppercase id", "0198f0c2", "0198F0C2", "bad-id", "/id"),
        (
            "an id in braces",
            "0198f0c2-7d1e-7c3a-9a54-1f2f6f1f9b10",
            "{0198f0c2-7d1e-7c3a-9a54-1f2f6f1f9b10}",
            "bad-id",
            "/id",
        ),
        ("an id without hyphens", "0198f0c2-7d1e-7c3a-9a54-", "0198f0c27d1e7c3a9a54", "bad-id", "/id"),
        ("an id as URN", "0198f0c2-", "urn:uuid:0198f0c2-", "bad-id", "/id"),
        ("an id with white space", "1f2f6f1f9b10", "1f2f6f1f9b10 ", "bad-id", "/id"),
        ("an id that looks like an index", "0198f0c2-7d1e-7c3a-9a54-1f2f6f1f9b10", "17", "bad-id", "/id"),
        ("an empty type", "action.requested", "", "empty-string", "/type"),
        ("a list of types", "\"action.requested\"", "[\"a\"]", "wrong-type", "/type"),
        ("an object as type", "\"action.requested\"", "{}", "wrong-type", "/type"),
        ("a boolean as type", "\"action.requested\"", "true", "wrong-type", "/type"),
        ("seconds since 1970", "\"2026-11-23T08:14:03.118Z\"", "1795421643.118", "wrong-type", "/time"),
        ("no milliseconds", "03.118Z", "03Z", "bad-time", "/time"),
        ("microseconds", "03.118Z", "03.118000Z", "bad-time", "/time"),
        ("an offset", "03.118Z", "03.118+01:00", "bad-time", "/time"),
        ("no such day", "2026-11-23", "2026-11-31", "bad-time", "/time"),
        ("no leap year", "2026-11-23", "2026-02-29", "bad-time", "/time"),
        ("an empty time", "2026-11-23T08:14:03.118Z", "", "empty-string", "/time"),
        ("null as producer", "{\"id\"", "{\"producer\":null,\"id\"", "wrong-type", "/producer"),
        ("a string as producer", "{\"id\"", "{\"producer\":\"crm\",\"id\"", "wrong-type", "/producer"),
        (
            "a producer without id",
            "{\"id\"",
            "{\"producer\":{\"seq\":1},\"id\"",
            "missing-field",
            "/producer/id",
        ),
        (
            "an empty producer id",
            "{\"id\"",
            "{\"producer\":{\"id\":\"\"},\"id\"",
            "empty-string",
            "/producer/id",
        ),
        (
            "a number as producer id",
            "{\"id\"",
            "{\"producer\":{\"id\":7},\"id\"",
            "wrong-type",
            "/producer/id",
        ),
        ("a duplicate id", "{\"id\"", "{\"id\":\"x\",\"id\"", "duplicate-key", "/id"),
        ("a duplicate id in disguise", "{\"id\"", "{\"\\u0069d\":\"x\",\"id\"", "duplicate-key", "/id"),
        ("NaN somewhere", "{\"id\"", "{\"a\":{\"b\":[1,NaN]},\"id\"", "syntax", "/a/b/1"),
    ] {
        assert!(RECORD.contains(from), "{bend} bends nothing");
        let bent = RECORD.replacen(from, to, 1);
        for text in [bent.clone(), format!("  {bent}\n")] {
            let refusal = Submission::parse(text.as_bytes()).unwrap_err();
            assert_eq!((refusal.code(), refusal.path()), (code, path), "{bend}: {refusal}");
        }
    }
}

/// Texts that are canonical but for the one thing that is wrong, so that nothing else sends them to the strict parser.
#[test]
fn the_scanner_lets_nothing_through() {
    for (bend, members, code, path) in [
        ("equal names side by side", "\"a\":1,\"a\":1,", "duplicate-key", "/a"),
        ("equal empty names", "\"\":1,\"\":1,", "duplicate-key", "/"),
        ("equal escaped names", r#""\n":1,"\n":1,"#, "duplicate-key", "/\n"),
        ("equal names inside", r#""a":[{"b":1,"b":1}],"#, "duplicate-key", "/a/0/b"),
        ("equal ids", r#""id":"0198f0c2-7d1e-7c3a-9a54-1f2f6f1f9b10","#, "duplicate-key", "/id"),
        ("equal ids of a producer", r#""a":1,"b":{"id":"x","id":"x"},"#, "duplicate-key", "/b/id"),
        ("a noncharacter", "\"a\":\"\u{ffff}\",", "noncharacter", "/a"),
        ("a noncharacter as name", "\"\u{fdd0}\":1,", "noncharacter", ""),
        ("-0", "\"a\":-0,", "negative-zero", "/a"),
        ("2^53", "\"a\":9007199254740992,", "number-out-of-range", "/a"),
        ("10^20", "\"a\":100000000000000000000,", "number-out-of-range", "/a"),
        ("a leading zero", "\"a\":01,", "syntax", ""),
        ("a control character", "\"a\":\"\n\",", "control-character", "/a"),
        ("a DEL, which is none, and then one", "\"a\":\"\u{7f}\u{1f}\",", "control-character", "/a"),
    ] {
        let refusal = Submission::parse(record_with(members).as_bytes()).unwrap_err();
        assert_eq!((refusal.code(), refusal.path()), (code, path), "{bend}: {refusal}");
    }
    let producer = |depth: usize| {
        let nested = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        RECORD.replace("\"time\"", &format!("\"producer\":{{\"a\":{nested},\"id\":\"x\"}},\"time\""))
    };
    assert!(Submission::parse(producer(limits::DEPTH_MAX - 2).as_bytes()).is_ok());
    assert_eq!(Submission::parse(producer(limits::DEPTH_MAX - 1).as_bytes()).unwrap_err().code(), "too-deep");
}

#[test]
fn the_byte_is_that_of_the_value_or_of_the_second_name() {
    for (text, offset) in [
        (RECORD.replace("0198f0c2", "0198F0C2"), 6),
        (RECORD.replace("2026", "20x6"), 52),
        (record_with("\"producer\":{\"id\":\"\"},"), 18),
        (record_with("\"producer\":{\"seq\":1},"), 12),
        (record_with("\"id\":1,"), 8),
    ] {
        assert_eq!(Submission::parse(text.as_bytes()).unwrap_err().offset(), offset, "{text}");
    }
}

#[test]
fn sentences_say_what_to_do() {
    for (text, sentence) in [
        (
            RECORD.replace("\"time\"", "\"when\""),
            "the record has no `time`; every record needs one (at /time, byte 0)",
        ),
        (
            RECORD.replace("0198f0c2", "0198F0C2"),
            "the id must be a UUID in lowercase with hyphens, such as 0198f0c2-7d1e-7c3a-9a54-1f2f6f1f9b10 (at /id, byte 6)",
        ),
        (
            record_with("\"n\":[9007199254740993],"),
            "the number is out of range: integers reach to 9007199254740991 on \
            either side of 0, others as far as a double; send it as a string (at /n/0, byte 6)",
        ),
        ("[]".to_owned(), "an object must stand here, not an array (byte 0)"),
    ] {
        assert_eq!(Submission::parse(text.as_bytes()).unwrap_err().to_string(), sentence);
    }
}

#[test]
fn a_record_may_fill_its_limit_and_not_more() {
    let filled = |bytes: usize| {
        let empty = record_with("\"a\":\"\",").len();
        record_with(&format!("\"a\":\"{}\",", "x".repeat(bytes - empty)))
    };
    let largest = filled(limits::RECORD_BYTES_MAX);
    assert_eq!(largest.len(), limits::RECORD_BYTES_MAX);
    for spelled in [largest.clone(), format!("\n\n{largest}\n"), largest.replace("xx", "\\u0078x")] {
        assert_eq!(Submission::parse(spelled.as_bytes()).unwrap().canonical(), largest.as_bytes());
    }
    let refusal = Submission::parse(filled(limits::RECORD_BYTES_MAX + 1).as_bytes()).unwrap_err();
    assert_eq!((refusal.code(), refusal.limit()), ("too-large", Some(limits::RECORD_BYTES_MAX)));

    let spaces = |text: &str, bytes: usize| format!("{text}{}", " ".repeat(bytes - text.len()));
    assert!(Submission::parse(spaces(RECORD, limits::TEXT_BYTES_MAX).as_bytes()).is_ok());
    let refusal = Submission::parse(spaces(RECORD, limits::TEXT_BYTES_MAX + 1).as_bytes()).unwrap_err();
    assert_eq!((refusal.code(), refusal.limit()), ("too-large", Some(limits::TEXT_BYTES_MAX)));
}

#[test]
fn a_record_may_nest_to_its_limit_and_not_more() {
    let nested = |depth: usize| record_with(&format!("\"a\":{}{},", "[".repeat(depth), "]".repeat(depth)));
    for text in [nested(limits::DEPTH_MAX - 1), nested(limits::DEPTH_MAX - 1) + "\n"] {
        assert!(Submission::parse(text.as_bytes()).is_ok());
    }
    for text in [nested(limits::DEPTH_MAX), nested(limits::DEPTH_MAX) + "\n"] {
        assert_eq!(Submission::parse(text.as_bytes()).unwrap_err().code(), "too-deep");
    }
}
