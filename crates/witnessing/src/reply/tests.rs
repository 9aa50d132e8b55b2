use bytes::Bytes;

use super::*;
use crate::testing::{at, head, vkey, witness};

fn answered(status: u16, content_type: Option<&str>, body: impl Into<Bytes>) -> AsItCame {
    let content_type = content_type.map(str::to_owned);
    AsItCame { status, content_type, retry_after: None, body: body.into() }
}

fn understood(status: u16, content_type: Option<&str>, body: impl Into<Bytes>) -> Reply {
    understand(&answered(status, content_type, body), &head(7), &[vkey(0)], at(1_000))
}

fn cause(reply: &Reply) -> Option<Cause> {
    match reply {
        Reply::Failed { cause, .. } => Some(*cause),
        _ => None,
    }
}

#[test]
fn the_table_of_answers() {
    let size = Some(SIZE_CONTENT_TYPE);
    let text = Some("text/plain; charset=utf-8");
    for (status, content_type, body, expected) in [
        (409, size, "3\n", Ok(3)),
        (409, size, "0\n", Ok(0)),
        (409, size, "9223372036854775807\n", Ok(9_223_372_036_854_775_807)),
        (409, size, "9223372036854775808\n", Err(Cause::BadAnswer)),
        (409, size, "03\n", Err(Cause::BadAnswer)),
        (409, size, "3", Err(Cause::BadAnswer)),
        (409, size, "3\n4\n", Err(Cause::BadAnswer)),
        (409, size, "", Err(Cause::BadAnswer)),
        // Without that very type it is no size, however much it looks like one.
        (409, Some("text/x.tlog.size; charset=utf-8"), "3\n", Err(Cause::OtherRoot)),
        (409, text, "3\n", Err(Cause::OtherRoot)),
        (409, None, "", Err(Cause::OtherRoot)),
        (422, text, "no", Err(Cause::ProofRefused)),
        (400, text, "no", Err(Cause::Malformed)),
        (403, text, "no", Err(Cause::KeyRefused)),
        (404, text, "no", Err(Cause::NotEnrolled)),
        (429, None, "", Err(Cause::Busy)),
        (503, None, "", Err(Cause::Busy)),
        (500, None, "", Err(Cause::ServerError)),
        (502, text, "<html>", Err(Cause::ServerError)),
        (504, None, "", Err(Cause::ServerError)),
        (200, text, "", Err(Cause::BadAnswer)),
        (200, text, "garbage\n", Err(Cause::BadAnswer)),
        (200, size, "3\n", Err(Cause::BadAnswer)),
        (201, text, "", Err(Cause::BadAnswer)),
        (204, None, "", Err(Cause::BadAnswer)),
        // Whoever redirects a submission is not the witness.
        (301, None, "", Err(Cause::BadAnswer)),
        (307, None, "", Err(Cause::BadAnswer)),
        (418, None, "", Err(Cause::BadAnswer)),
        (101, None, "", Err(Cause::BadAnswer)),
        (999, None, "", Err(Cause::BadAnswer)),
    ] {
        let reply = understood(status, content_type, body);
        match expected {
            Ok(size) => assert_eq!(reply, Reply::Stored(size), "{status} {content_type:?} {body:?}"),
            Err(expected) => assert_eq!(cause(&reply), Some(expected), "{status} {content_type:?} {body:?}"),
        }
    }
}

#[test]
fn a_cosignature_is_one_only_if_it_holds() {
    let good = witness(0).cosign(head(7).checkpoint(), at(1_000)).to_string();
    let other_head = witness(0).cosign(head(8).checkpoint(), at(1_000)).to_string();
    let other_witness = witness(1).cosign(head(7).checkpoint(), at(1_000)).to_string();
    let no_time = witness(0).cosign(head(7).checkpoint(), at(0)).to_string();
    let skewed = witness(0).cosign(head(7).checkpoint(), at(1_000 + 300)).to_string();
    let ahead = witness(0).cosign(head(7).checkpoint(), at(1_000 + 301)).to_string();
    for (what, body, taken) in [
        ("good", good.clone(), Some(1)),
        ("with a line by somebody else", format!("{other_witness}{good}"), Some(1)),
        ("a clock that is a little ahead", skewed, Some(1)),
        ("another head", other_head.clone(), None),
        ("somebody else's alone", other_witness, None),
        ("no time", no_time, None),
        ("a clock that is far ahead", ahead, None),
        ("twice", format!("{good}{good}"), None),
        ("a good one and one of another head", format!("{good}{other_head}"), None),
        ("no line feed at the end", good.trim_end().to_owned(), None),
        ("blank lines", format!("\n{good}"), None),
        ("carriage returns", good.replace('\n', "\r\n"), None),
        ("too long", "x".repeat(tlog::witness::BODY_LEN_MAX + 1), None),
    ] {
        match understood(200, None, body) {
            Reply::Cosigned(lines) => assert_eq!(Some(lines.len()), taken, "{what}"),
            reply => assert_eq!((cause(&reply), taken), (Some(Cause::BadAnswer), None), "{what}"),
        }
    }
    assert_eq!(cause(&understood(200, None, Bytes::from_static(b"\xff\xfe\n"))), Some(Cause::BadAnswer));
}

#[test]
fn what_a_witness_says_is_shown_in_one_line_and_bounded() {
    let evil = format!("\u{1b}[2J no\u{202e} such log {}\nsecond line", "x".repeat(1_000));
    let Reply::Failed { what, .. } = understood(404, None, evil) else { panic!("it failed") };
    assert!(what.starts_with("status 404: \"[2J no\\u{202e} such log xxx"), "{what}");
    assert!(what.len() < 250 && !what.contains("second"), "{what}");
    // A name in a complaint about signature lines is the witness's own choice too.
    let line = format!("\u{2014} \u{9b}2J\u{202e}w {}\n", tlog::encoding::base64(&[7; 76]));
    let Reply::Failed { what, .. } = understood(200, None, format!("{line}{line}")) else {
        panic!("it failed")
    };
    assert!(what.contains("\\u{9b}2J\\u{202e}w"), "{what}");
    let Reply::Failed { what, .. } = understood(404, None, "") else { panic!("it failed") };
    assert_eq!(what, "status 404");
}

#[test]
fn each_cause_has_a_name_of_its_own() {
    let names: std::collections::BTreeSet<_> = Cause::ALL.iter().map(|cause| cause.name()).collect();
    assert_eq!(names.len(), Cause::ALL.len());
}
