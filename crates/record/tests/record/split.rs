//! Cutting bodies into records.

use record::Framing::{Array, Ndjson, Object};
use record::{Framing, split};

fn parts(body: &str, framing: Framing) -> Result<Vec<&str>, &'static str> {
    let ranges = split(body.as_bytes(), framing, 10).map_err(|refusal| refusal.code())?;
    Ok(ranges.into_iter().map(|range| &body[range]).collect())
}

#[test]
fn bodies_come_apart() {
    for (what, body, framing, expected) in [
        ("one object", " {\"a\":1}\n", Object, vec!["{\"a\":1}"]),
        ("nothing, which the parser refuses", "", Object, vec![""]),
        ("an empty array", " [ ] ", Array, vec![]),
        ("an array", "[{\"a\":1},{\"b\":[2,3]}]", Array, vec!["{\"a\":1}", "{\"b\":[2,3]}"]),
        ("white space", "[ {} ,\n\t{} ]\n", Array, vec!["{}", "{}"]),
        ("scalars", "[1,null,\"x\"]", Array, vec!["1", "null", "\"x\""]),
        (
            "commas and brackets in strings",
            r#"[{"a":"],[{}"},"\"]"]"#,
            Array,
            vec![r#"{"a":"],[{}"}"#, r#""\"]""#],
        ),
        ("a backslash before the closing quote", r#"["\\",2]"#, Array, vec![r#""\\""#, "2"]),
        ("arrays in an array", "[[1,2],[3]]", Array, vec!["[1,2]", "[3]"]),
        (
            "one bad record among good ones",
            "[{\"a\":1},{a},{\"b\":2}]",
            Array,
            vec!["{\"a\":1}", "{a}", "{\"b\":2}"],
        ),
        ("two values without comma", "[{} {},1]", Array, vec!["{} {}", "1"]),
        ("lines", "{\"a\":1}\n{\"b\":2}\n", Ndjson, vec!["{\"a\":1}", "{\"b\":2}"]),
        ("no last line feed", "{}\n{}", Ndjson, vec!["{}", "{}"]),
        ("carriage returns and blank lines", "\r\n{}\r\n \t\r\n{}\r\n\n", Ndjson, vec!["{}", "{}"]),
        ("a bad line among good ones", "{}\n{\"a\n{}", Ndjson, vec!["{}", "{\"a", "{}"]),
        ("no line", "", Ndjson, vec![]),
    ] {
        assert_eq!(parts(body, framing), Ok(expected), "{what}");
    }
}

#[test]
fn an_array_that_is_none_is_refused_whole() {
    for (bend, body, code, offset) in [
        ("nothing", "", "unexpected-end", 0),
        ("an object", "{}", "syntax", 0),
        ("byte order mark", "\u{feff}[]", "byte-order-mark", 0),
        ("only the bracket", "[", "unexpected-end", 1),
        ("no end", "[{}", "unexpected-end", 3),
        ("no end after a comma", "[{},", "unexpected-end", 4),
        ("no end of a string", "[\"a]", "unexpected-end", 4),
        ("no end after a backslash", "[\"a\\", "unexpected-end", 4),
        ("no end of an object", "[{]", "unexpected-end", 3),
        ("a trailing comma", "[{},]", "syntax", 4),
        ("a leading comma", "[,{}]", "syntax", 1),
        ("a comma too many", "[{}, ,{}]", "syntax", 5),
        ("something behind", "[{}]{}", "trailing-bytes", 4),
        ("a second array", "[{}]\n[{}]", "trailing-bytes", 5),
        ("a bracket too many", "[{}]]", "trailing-bytes", 4),
    ] {
        let refusal = split(body.as_bytes(), Array, 10).unwrap_err();
        assert_eq!((refusal.code(), refusal.offset()), (code, offset), "{bend}: {refusal}");
    }
}

#[test]
fn the_limit_is_met_early() {
    for (framing, body, offset) in [(Array, "[1,2,3,4 and no end of it", 7), (Ndjson, "1\n2\n3\n4\n5", 6)] {
        let refusal = split(body.as_bytes(), framing, 3).unwrap_err();
        assert_eq!((refusal.code(), refusal.limit(), refusal.offset()), ("too-many", Some(3), offset));
        assert!(split(&body.as_bytes()[..offset], framing, 3).is_ok() == (framing == Ndjson));
    }
    assert_eq!(split(b"[1,2,3]", Array, 3).unwrap().len(), 3);
    assert_eq!(split(b"1\n2\n3\n\n", Ndjson, 3).unwrap().len(), 3);
    let million = format!("[{}1]", "1,".repeat(1_000_000));
    assert_eq!(split(million.as_bytes(), Array, 1_000).unwrap_err().offset(), 2_001);
}
