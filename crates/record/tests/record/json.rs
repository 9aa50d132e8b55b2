//! Which JSON passes, and which does not: the bend, the text, the code, the path, the byte.

use record::{canonical, limits::DEPTH_MAX};

/// What is accepted, and what becomes of it.
#[test]
fn what_json_may_be() {
    for (what, json, expected) in [
        ("white space of all four kinds", " \t\r\n{ \"a\" :\n[ 1 ,\t2 ] }\r\n", r#"{"a":[1,2]}"#),
        ("empty containers", r#"{"a":[ ],"b":{ }}"#, r#"{"a":[],"b":{}}"#),
        ("the empty name", r#"{"b":1,"":2}"#, r#"{"":2,"b":1}"#),
        ("a name and its beginning", r#"{"ab":1,"a":2}"#, r#"{"a":2,"ab":1}"#),
        ("upper case before lower", r#"{"a":1,"B":2}"#, r#"{"B":2,"a":1}"#),
        (
            "names that sort apart by their escapes",
            r#"{"\\":1,"a":2,"\"":3,"[":4}"#,
            r#"{"\"":3,"[":4,"\\":1,"a":2}"#,
        ),
        ("arrays keep their order", "[3,1,2]", "[3,1,2]"),
        ("escapes that need not be", r#""\u0041\/\u00e9\u007F""#, "\"A/é\u{7f}\""),
        ("hexadecimal in either case", r#""\u00Ea\u001F""#, "\"ê\\u001f\""),
        ("a surrogate pair", r#""\ud83d\uDE00""#, "\"😀\""),
        ("U+2028 and U+FEFF inside", "\"\u{2028}\u{feff}\"", "\"\u{2028}\u{feff}\""),
        ("U+FFFD, which is no noncharacter", r#""\ufffd""#, "\"\u{fffd}\""),
        ("NUL, escaped", r#""\u0000""#, r#""\u0000""#),
        ("the greatest integer", "9007199254740991", "9007199254740991"),
        ("the least integer", "-9007199254740991", "-9007199254740991"),
        ("an integer written otherwise", "[1.0,1e2,10E-1,0.1e1,0e9]", "[1,100,1,1,0]"),
        ("the greatest integer as a double", "9007199254740991.0", "9007199254740991"),
        ("no number but a word for the largest double", "1.7976931348623157e308", "1.7976931348623157e+308"),
        (
            "halfway between two spellings",
            "[20395339526762.063,20395339526762.062]",
            "[20395339526762.062,20395339526762.062]",
        ),
        ("17 digits", "0.10000000000000001", "0.1"),
        ("zeros that are no digits of precision", "1.00000000000000000000000000000000", "1"),
    ] {
        let printed = canonical(json.as_bytes()).map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!(printed.as_deref(), Ok(expected), "{what}");
        assert_eq!(
            canonical(expected.as_bytes()).as_deref(),
            Ok(expected.as_bytes()),
            "{what}: not a fixed point"
        );
    }
}

/// Bytes that are no JSON text or none as I-JSON has it.
#[test]
fn what_json_may_not_be() {
    let table: &[(&str, &[u8], &str, &str, usize)] = &[
        ("nothing", b"", "unexpected-end", "", 0),
        ("white space only", b" \n ", "unexpected-end", "", 3),
        ("byte order mark", b"\xef\xbb\xbf{}", "byte-order-mark", "", 0),
        ("UTF-16", b"\xff\xfe{\0}\0", "invalid-utf8", "", 0),
        ("a cut character", b"{\"a\":\"\xe2\x82\"}", "invalid-utf8", "", 6),
        ("an overlong slash", b"\"\xc0\xaf\"", "invalid-utf8", "", 1),
        ("a surrogate in UTF-8", b"\"\xed\xa0\x80\"", "invalid-utf8", "", 1),
        ("beyond U+10FFFF", b"\"\xf4\x90\x80\x80\"", "invalid-utf8", "", 1),
        ("a second value", b"{} {}", "trailing-bytes", "", 3),
        ("a comma after the value", b"{},", "trailing-bytes", "", 2),
        ("a NUL after the value", b"{}\0", "trailing-bytes", "", 2),
        ("a form feed as white space", b"\x0c{}", "syntax", "", 0),
        ("a no-break space", "\u{a0}{}".as_bytes(), "syntax", "", 0),
        ("NaN", b"{\"a\":NaN}", "syntax", "/a", 5),
        ("Infinity", b"{\"a\":Infinity}", "syntax", "/a", 5),
        ("-Infinity", b"{\"a\":-Infinity}", "syntax", "/a", 6),
        ("undefined", b"{\"a\":undefined}", "syntax", "/a", 5),
        ("True", b"[True]", "syntax", "/0", 1),
        ("nul", b"[nul]", "syntax", "/0", 1),
        ("a comment", b"{/* */}", "syntax", "", 1),
        ("single quotes", b"{'a':1}", "syntax", "", 1),
        ("a bare name", b"{a:1}", "syntax", "", 1),
        ("a number as name", b"{1:1}", "syntax", "", 1),
        ("no colon", b"{\"a\" 1}", "syntax", "", 5),
        ("no value", b"{\"a\":}", "syntax", "/a", 5),
        ("no comma", b"{\"a\":1 \"b\":2}", "syntax", "", 7),
        ("a trailing comma in an object", b"{\"a\":1,}", "syntax", "", 7),
        ("a trailing comma in an array", b"[1,]", "syntax", "/1", 3),
        ("a leading comma", b"[,1]", "syntax", "/0", 1),
        ("brackets that cross", b"{\"a\":[1}", "syntax", "/a", 7),
        ("cut in an object", b"{\"a\":1", "unexpected-end", "", 6),
        ("cut in a string", b"{\"a\":\"b", "unexpected-end", "/a", 7),
        ("cut in an escape", b"[\"\\", "unexpected-end", "/0", 3),
        ("cut in a \\u escape", b"[\"\\u12", "unexpected-end", "/0", 6),
        ("cut in a number", b"[-", "unexpected-end", "/0", 2),
        ("a leading zero", b"[01]", "syntax", "", 2),
        ("a leading plus", b"[+1]", "syntax", "/0", 1),
        ("a leading dot", b"[.5]", "syntax", "/0", 1),
        ("a trailing dot", b"[5.]", "syntax", "/0", 3),
        ("an empty exponent", b"[5e]", "syntax", "/0", 3),
        ("hexadecimal", b"[0x10]", "syntax", "", 2),
        ("an unknown escape", b"[\"\\x41\"]", "syntax", "/0", 3),
        ("an escaped single quote", b"[\"\\'\"]", "syntax", "/0", 3),
        ("a \\u escape with a letter too far", b"[\"\\u00g0\"]", "syntax", "/0", 6),
        ("a \\u escape with a sign", b"[\"\\u+041\"]", "syntax", "/0", 4),
        ("a line feed in a string", b"[\"a\nb\"]", "control-character", "/0", 3),
        ("a NUL in a string", b"{\"a\":\"\0\"}", "control-character", "/a", 6),
        ("a tab in a name", b"{\"a\tb\":1}", "control-character", "", 3),
        ("a lone high surrogate", b"{\"a\":\"\\ud83d\"}", "lone-surrogate", "/a", 6),
        ("a lone low surrogate", b"{\"a\":\"x\\ude00\"}", "lone-surrogate", "/a", 7),
        ("two high surrogates", b"[\"\\ud83d\\ud83d\"]", "lone-surrogate", "/0", 2),
        ("a pair the wrong way round", b"[\"\\ude00\\ud83d\"]", "lone-surrogate", "/0", 2),
        ("a high surrogate and another escape", b"[\"\\ud83d\\n\"]", "lone-surrogate", "/0", 2),
        ("a lone surrogate in a name", b"{\"\\ud83d\":1}", "lone-surrogate", "", 2),
        ("U+FFFF", "[\"a\u{ffff}\"]".as_bytes(), "noncharacter", "/0", 3),
        ("U+FDD0", "[\"\u{fdd0}\"]".as_bytes(), "noncharacter", "/0", 2),
        ("U+10FFFE", "[\"\u{10fffe}\"]".as_bytes(), "noncharacter", "/0", 2),
        ("U+FFFE, escaped", b"[\"a\\ufffe\"]", "noncharacter", "/0", 3),
        ("U+1FFFF, escaped", b"{\"a\":\"\\ud83f\\udfff\"}", "noncharacter", "/a", 6),
        ("a noncharacter as name", "{\"\u{fffe}\":1}".as_bytes(), "noncharacter", "", 2),
        ("equal names", b"{\"a\":1,\"b\":2,\"a\":1}", "duplicate-key", "/a", 13),
        ("equal names side by side", b"{\"a\":1,\"a\":2}", "duplicate-key", "/a", 7),
        ("names equal after unescaping", b"{\"a\":1,\"\\u0061\":2}", "duplicate-key", "/a", 7),
        (
            "names equal after joining a pair",
            "{\"😀\":1,\"\\ud83d\\ude00\":2}".as_bytes(),
            "duplicate-key",
            "/😀",
            10,
        ),
        ("equal empty names", b"{\"\":1,\"\":2}", "duplicate-key", "/", 6),
        ("two pairs of equal names", b"{\"a\":1,\"b\":2,\"b\":3,\"a\":4}", "duplicate-key", "/b", 13),
        ("equal names inside", b"{\"x\":[0,{\"a\":1,\"a\":2}]}", "duplicate-key", "/x/1/a", 15),
        ("a path that needs escapes", b"{\"a/b\":{\"m~n\":[NaN]}}", "syntax", "/a~1b/m~0n/0", 15),
        ("2^53", b"[9007199254740992]", "number-out-of-range", "/0", 1),
        ("-2^53", b"{\"a\":-9007199254740992}", "number-out-of-range", "/a", 5),
        ("2^53 + 1, which no double is", b"[9007199254740993]", "number-out-of-range", "/0", 1),
        ("2^64", b"[18446744073709551616]", "number-out-of-range", "/0", 1),
        ("a long integer", b"[123456789012345678901234567890]", "number-out-of-range", "/0", 1),
        ("10^21 as an integer", b"[1000000000000000000000]", "number-out-of-range", "/0", 1),
        ("1e20, an integer in canonical form", b"[1e20]", "number-out-of-range", "/0", 1),
        ("2^53 as a double", b"[9007199254740992.0]", "number-out-of-range", "/0", 1),
        ("what rounds up to 2^53", b"[9007199254740991.9]", "number-out-of-range", "/0", 1),
        ("what overflows", b"[1e400]", "number-out-of-range", "/0", 1),
        ("what overflows by little", b"[-1.7976931348623159e308]", "number-out-of-range", "/0", 1),
        ("an exponent beyond all bounds", b"[1e99999999999999999999]", "number-out-of-range", "/0", 1),
        ("what underflows to 0", b"[1e-400]", "number-out-of-range", "/0", 1),
        ("18 digits", b"[0.123456789012345678]", "number-too-precise", "/0", 1),
        ("pi, from RFC 7493", b"[3.141592653589793238462643383279]", "number-too-precise", "/0", 1),
        ("-0", b"[-0]", "negative-zero", "/0", 1),
        ("-0.0", b"[-0.0]", "negative-zero", "/0", 1),
        ("-0e5", b"[-0e5]", "negative-zero", "/0", 1),
    ];
    for &(bend, json, code, path, offset) in table {
        let refusal = canonical(json).unwrap_err();
        assert_eq!(
            (refusal.code(), refusal.path(), refusal.offset()),
            (code, path, offset),
            "{bend}: {refusal}"
        );
    }
}

#[test]
fn depth_counts_from_the_outermost_container() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(canonical(nested(DEPTH_MAX).as_bytes()).is_ok());
    let refusal = canonical(nested(DEPTH_MAX + 1).as_bytes()).unwrap_err();
    assert_eq!((refusal.code(), refusal.offset(), refusal.limit()), ("too-deep", DEPTH_MAX, Some(DEPTH_MAX)));
    let objects = "{\"a\":".repeat(DEPTH_MAX) + "{}" + &"}".repeat(DEPTH_MAX);
    let refusal = canonical(objects.as_bytes()).unwrap_err();
    assert_eq!((refusal.code(), refusal.path()), ("too-deep", "/a".repeat(DEPTH_MAX).as_str()));
    assert_eq!(
        canonical("[".repeat(500_000).as_bytes()).unwrap_err().code(),
        "too-deep",
        "and does not overflow"
    );
}

/// A refusal is quoted in logs and on terminals: it stays short, and steers nothing.
#[test]
fn the_sentence_is_fit_to_print() {
    let name = "n".repeat(100_000);
    let refusal = canonical(format!("{{\"{name}\":{{\"\\u001b[31m\":NaN}}}}").as_bytes()).unwrap_err();
    assert_eq!(refusal.path(), format!("/{}…/\u{1b}[31m", "n".repeat(64)));
    let sentence = refusal.to_string();
    assert!(sentence.contains("\\u{1b}[31m, byte 100018") && !sentence.contains('\u{1b}'), "{sentence}");
}
