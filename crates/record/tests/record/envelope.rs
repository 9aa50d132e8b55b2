//! Sealing, opening, rebuilding.

use bytes::BytesMut;
use record::{
    Grade, Place, Places, Refusal, Signatures, Submission, Vouched, canonical, entry_of, limits, open, seal,
    seal_into,
};

use crate::{RECORD, record_with};

const VOUCHED: Vouched<'_> = Vouched {
    received: "2026-11-23T08:14:03.201Z",
    submitter: "open",
    principal: Grade::Verified,
    agent: Grade::Asserted,
    disclosed: Places::NONE,
    secret: Places::NONE,
    salt: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
};
const LOG_PART: &str = r#"{"agent":"asserted","principal":"verified","received":"2026-11-23T08:14:03.201Z","salt":"AAECAwQFBgcICQoLDA0ODw","submitter":"open"}"#;

fn submission() -> Submission {
    Submission::parse(RECORD.as_bytes()).unwrap()
}

fn entry() -> String {
    format!("{{\"log\":{LOG_PART},\"record\":{RECORD}}}")
}

#[test]
fn an_entry_is_log_part_and_record() {
    let sealed = seal(&submission(), None, &VOUCHED).unwrap();
    assert_eq!(sealed.bytes(), entry().as_bytes());
    assert_eq!(sealed.log_part(), LOG_PART.as_bytes());
    assert_eq!(sealed.record(), RECORD.as_bytes());
    assert_eq!(
        canonical(sealed.bytes()).unwrap(),
        &sealed.bytes()[..],
        "the envelope is canonical JSON itself"
    );
}

#[test]
fn opening_gives_back_what_was_sealed() {
    let submission = Submission::parse(record_with("\"producer\":{\"id\":\"crm\"},").as_bytes()).unwrap();
    let vouched = Vouched { submitter: "key:\"ops\\1\" ü", agent: Grade::Verified, ..VOUCHED };
    let sealed = seal(&submission, None, &vouched).unwrap();
    let opened = open(sealed.bytes()).unwrap();
    assert_eq!(opened.record(), submission.canonical());
    assert_eq!(opened.log_part(), sealed.log_part());
    assert_eq!(
        (opened.id(), opened.key(), opened.digest()),
        (submission.id(), submission.key(), Some(submission.digest()))
    );
    assert_eq!((opened.producer(), opened.record_type()), (submission.producer(), submission.record_type()));
    assert_eq!(opened.time(), submission.time());
    assert_eq!(opened.vouched(), vouched);
}

#[test]
fn entries_append_to_one_buffer() {
    let mut out = BytesMut::from("before");
    for _ in 0..2 {
        let start = out.len();
        let shape = seal_into(&submission(), None, &VOUCHED, &mut out).unwrap();
        let bytes = &out[start..];
        assert_eq!(bytes, entry().as_bytes());
        assert_eq!(shape.len, bytes.len());
        assert_eq!(&bytes[shape.log], LOG_PART.as_bytes());
        assert_eq!(&bytes[shape.record], RECORD.as_bytes());
    }
}

#[test]
fn a_submitter_rebuilds_its_entry() {
    let sealed = seal(&submission(), None, &VOUCHED).unwrap();
    assert_eq!(entry_of(RECORD.as_bytes(), b"", LOG_PART.as_bytes()).as_ref(), Ok(&sealed));
    let pretty = LOG_PART.replace(',', ",\n  ");
    assert!(entry_of(RECORD.as_bytes(), b"", pretty.as_bytes()).is_err());
    assert_eq!(
        entry_of(RECORD.as_bytes(), b"", &canonical(pretty.as_bytes()).unwrap()).as_ref(),
        Ok(&sealed)
    );
}

/// Two parts that only together make the right bytes are not the parts.
#[test]
fn parts_that_lean_on_each_other_are_refused() {
    let log = format!("{LOG_PART},\"record\":{{\"id\":\"0198f0c2-7d1e-7c3a-9a54-1f2f6f1f9b10\"");
    let record = r#"{},"time":"2026-11-23T08:14:03.118Z","type":"x"}"#;
    assert!(
        open(format!("{{\"log\":{log},\"record\":{record}}}").as_bytes()).is_ok(),
        "together they are an entry"
    );
    let refusal = entry_of(record.as_bytes(), b"", log.as_bytes()).unwrap_err();
    assert_eq!((refusal.code(), refusal.path()), ("bad-envelope", "/record"));
    assert!(entry_of(RECORD.as_bytes(), b"", b"").is_err());
    assert!(entry_of(b"", b"", LOG_PART.as_bytes()).is_err());
}

#[test]
fn an_entry_may_fill_its_limit_and_not_more() {
    let filled = |bytes: usize| {
        let empty =
            seal(&Submission::parse(record_with("\"a\":\"\",").as_bytes()).unwrap(), None, &VOUCHED).unwrap();
        let text = record_with(&format!("\"a\":\"{}\",", "x".repeat(bytes - empty.bytes().len())));
        Submission::parse(text.as_bytes()).unwrap()
    };
    let largest = seal(&filled(limits::ENTRY_BYTES_MAX), None, &VOUCHED).unwrap();
    assert_eq!(largest.bytes().len(), limits::ENTRY_BYTES_MAX);
    assert!(open(largest.bytes()).is_ok());

    let over = filled(limits::ENTRY_BYTES_MAX + 1);
    let mut out = BytesMut::from("before");
    let refusal = seal_into(&over, None, &VOUCHED, &mut out).unwrap_err();
    assert_eq!((refusal.code(), refusal.limit()), ("too-large", Some(limits::ENTRY_BYTES_MAX)));
    assert_eq!(
        refusal.to_string(),
        "the entry has 65536 bytes, and 65535 are allowed; move large content out of the record (byte 0)"
    );
    assert_eq!(out, "before", "nothing half-written stays behind");
    assert!(
        seal(&over, None, &Vouched { submitter: "ops", ..VOUCHED }).is_ok(),
        "a shorter name leaves more room"
    );
    assert_eq!(entry_of(over.canonical(), b"", LOG_PART.as_bytes()).unwrap_err().code(), "too-large");
    assert_eq!(open(&vec![b' '; limits::ENTRY_BYTES_MAX + 1]).unwrap_err().code(), "too-large");
}

#[test]
fn the_largest_record_fits_beside_the_shortest_name() {
    let empty = record_with("\"a\":\"\",").len();
    let text = record_with(&format!("\"a\":\"{}\",", "x".repeat(limits::RECORD_BYTES_MAX - empty)));
    let sealed =
        seal(&Submission::parse(text.as_bytes()).unwrap(), None, &Vouched { submitter: "o", ..VOUCHED })
            .unwrap();
    assert_eq!(sealed.bytes().len(), limits::ENTRY_BYTES_MAX);
}

#[test]
fn the_server_vouches_for_nothing_that_no_entry_can_carry() {
    let long = "x".repeat(limits::SUBMITTER_BYTES_MAX + 1);
    for (bend, vouched, code, path) in [
        ("no submitter", Vouched { submitter: "", ..VOUCHED }, "bad-submitter", "/log/submitter"),
        ("a long submitter", Vouched { submitter: &long, ..VOUCHED }, "bad-submitter", "/log/submitter"),
        ("a line feed", Vouched { submitter: "a\nb", ..VOUCHED }, "bad-submitter", "/log/submitter"),
        ("a C1 control", Vouched { submitter: "a\u{85}b", ..VOUCHED }, "bad-submitter", "/log/submitter"),
        ("a noncharacter", Vouched { submitter: "\u{ffff}", ..VOUCHED }, "bad-submitter", "/log/submitter"),
        (
            "no milliseconds",
            Vouched { received: "2026-11-23T08:14:03Z", ..VOUCHED },
            "bad-time",
            "/log/received",
        ),
        ("no time", Vouched { received: "", ..VOUCHED }, "bad-time", "/log/received"),
    ] {
        let refusal = seal(&submission(), None, &vouched).unwrap_err();
        assert_eq!((refusal.code(), refusal.path()), (code, path), "{bend}");
    }
    assert!(seal(&submission(), None, &Vouched { submitter: &long[1..], ..VOUCHED }).is_ok());
}

#[test]
fn only_the_exact_envelope_opens() {
    for (bend, from, to, code, path) in [
        ("white space in front", "{\"log\"", " {\"log\"", "bad-envelope", ""),
        ("white space after a colon", "\"log\":", "\"log\": ", "bad-envelope", "/log"),
        ("record first", "{\"log\"", "{\"record\"", "bad-envelope", ""),
        ("a member between", "},\"record\"", "},\"more\":1,\"record\"", "bad-envelope", ""),
        ("an unknown grade", "\"asserted\"", "\"asserter\"", "bad-envelope", "/log/agent"),
        ("an uppercase grade", "\"verified\"", "\"Verified\"", "bad-envelope", "/log/principal"),
        ("a longer grade", "\"verified\"", "\"verified!\"", "bad-envelope", "/log"),
        ("an escaped grade", "\"verified\"", "\"verifie\\u0064\"", "bad-envelope", "/log/principal"),
        (
            "members in another order",
            "\"agent\":\"asserted\",\"principal\":\"verified\"",
            "\"principal\":\"verified\",\"agent\":\"asserted\"",
            "bad-envelope",
            "/log",
        ),
        ("a missing member", "\"principal\":\"verified\",", "", "bad-envelope", "/log"),
        ("a further member", "\"salt\"", "\"sa\":1,\"salt\"", "bad-envelope", "/log"),
        ("a member at the end", "\"open\"", "\"open\",\"x\":1", "bad-envelope", "/log"),
        ("an impossible time of arrival", "08:14:03.201Z", "08:14:60.201Z", "bad-time", "/log/received"),
        ("a salt that is padded", "DA0ODw", "DA0ODw==", "bad-envelope", "/log"),
        ("a salt with stray bits", "DA0ODw", "DA0ODx", "bad-envelope", "/log/salt"),
        ("a salt in the other alphabet", "AAEC", "AA+C", "bad-envelope", "/log/salt"),
        ("a short salt", "AAECAw", "AAEC", "bad-envelope", "/log/salt"),
        ("no submitter", "\"open\"", "\"\"", "bad-submitter", "/log/submitter"),
        ("a number as submitter", "\"open\"", "7", "bad-submitter", "/log/submitter"),
        (
            "a submitter with needless escapes",
            "\"open\"",
            "\"\\u006fpen\"",
            "bad-submitter",
            "/log/submitter",
        ),
        ("a submitter with a control", "\"open\"", "\"o\\npen\"", "bad-submitter", "/log/submitter"),
        ("white space before the record", "\"record\":", "\"record\": ", "not-canonical", "/record"),
        ("white space in the record", ",\"type\"", ", \"type\"", "not-canonical", "/record"),
        ("a record in another order", "{\"id\"", "{\"z\":1,\"id\"", "not-canonical", "/record"),
        ("a needless escape in the record", "action", "\\u0061ction", "not-canonical", "/record"),
        ("no record", RECORD, "", "unexpected-end", "/record"),
        ("a record without id", "\"id\"", "\"ie\"", "missing-field", "/record/id"),
        ("a record with a bad time", "03.118Z", "03.118z", "bad-time", "/record/time"),
        ("a duplicate in the record", "{\"id\"", "{\"id\":1,\"id\"", "duplicate-key", "/record/id"),
        (
            "something after the record",
            "\"action.requested\"}",
            "\"action.requested\"},\"x\":1",
            "bad-envelope",
            "",
        ),
        ("cut at the end", "requested\"}}", "requested\"}", "bad-envelope", ""),
    ] {
        let whole = entry();
        assert!(whole.contains(from), "{bend} bends nothing");
        let bent = whole.replacen(from, to, 1);
        let refusal = open(bent.as_bytes()).unwrap_err();
        assert_eq!((refusal.code(), refusal.path()), (code, path), "{bend}: {refusal}");
    }
}

const SIG: &str = r#"[{"alg":"EdDSA","kid":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","value":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]"#;

/// With all that an entry may have.
fn full_entry() -> String {
    let log = LOG_PART
        .replace(",\"principal\"", ",\"disclosed\":[\"/access/query\",\"/input\"],\"principal\"")
        .replace(",\"submitter\"", ",\"secret\":[\"/input\"],\"submitter\"");
    format!("{{\"log\":{log},\"record\":{RECORD},\"sig\":{SIG}}}")
}

#[test]
fn an_entry_tells_its_signatures_and_what_stands_beside_it() {
    let signatures = Signatures::parse(SIG.as_bytes()).unwrap();
    let vouched = Vouched {
        disclosed: [Place::Input, Place::AccessQuery].into_iter().collect(),
        secret: Places::NONE.with(Place::Input),
        ..VOUCHED
    };
    let sealed = seal(&submission(), Some(&signatures), &vouched).unwrap();
    assert_eq!(sealed.bytes(), full_entry().as_bytes());
    assert_eq!(canonical(sealed.bytes()).unwrap(), &sealed.bytes()[..]);
    let opened = open(sealed.bytes()).unwrap();
    assert_eq!(opened.vouched(), vouched);
    assert_eq!((opened.signatures(), opened.sig()), (Some(&signatures), SIG.as_bytes()));
    assert_eq!(opened.digest(), None, "what was submitted is not in it");
    assert_eq!(sealed.sig(), SIG.as_bytes());
    let again = entry_of(opened.record(), opened.sig(), opened.log_part());
    assert_eq!(again.as_ref(), Ok(&sealed));
    assert!(entry_of(opened.record(), b"[]", opened.log_part()).is_err());
}

#[test]
fn only_the_exact_lists_open() {
    let twice = format!("{},{}", &SIG[1..SIG.len() - 1], &SIG[1..SIG.len() - 1]);
    for (bend, from, to, code, path) in [
        ("no place", "\"/access/query\",\"/input\"", "", "bad-envelope", "/log"),
        ("an unknown place", "/access/query", "/access/quary", "bad-envelope", "/log/disclosed"),
        (
            "another order",
            "\"/access/query\",\"/input\"",
            "\"/input\",\"/access/query\"",
            "bad-envelope",
            "/log/disclosed",
        ),
        ("a place twice", "/access/query", "/input", "bad-envelope", "/log/disclosed"),
        ("a longer place", "/access/query", "/access/query/x", "bad-envelope", "/log/disclosed"),
        ("no end of the places", "\"/input\"],\"sub", "\"/input\",\"sub", "bad-envelope", "/log/secret"),
        ("no secret places", "[\"/input\"],\"sub", "[],\"sub", "bad-envelope", "/log"),
        ("white space before the signatures", "\"sig\":", "\"sig\": ", "not-canonical", "/sig"),
        ("no signature", SIG, "[]", "bad-signatures", "/sig"),
        ("one key twice", &SIG[1..SIG.len() - 1], &twice, "bad-signatures", "/sig/1/kid"),
        ("signatures of another name", "\"sig\"", "\"sik\"", "bad-envelope", ""),
        ("something after them", "\"}]}", "\"}],\"x\":1}", "trailing-bytes", "/sig"),
        ("a broken record before them", "03.118Z", "03.118z", "bad-time", "/record/time"),
        ("white space in the record before them", ",\"type\"", ", \"type\"", "not-canonical", "/record"),
    ] {
        let whole = full_entry();
        assert!(whole.contains(from), "{bend} bends nothing");
        let bent = whole.replacen(from, to, 1);
        let refusal = open(bent.as_bytes()).unwrap_err();
        assert_eq!((refusal.code(), refusal.path()), (code, path), "{bend}: {refusal}");
    }
}

#[test]
fn an_entry_is_utf8_throughout() {
    for (part, path) in [("open", "/log/submitter"), ("requested", "/record")] {
        let whole = entry();
        let at = whole.find(part).unwrap();
        let mut bytes = whole.into_bytes();
        bytes[at] = 0xff;
        let refusal = open(&bytes).unwrap_err();
        assert_eq!((refusal.code(), refusal.path()), ("invalid-utf8", path));
    }
}

#[test]
fn no_beginning_of_an_entry_opens_and_no_byte_more() {
    for whole in [entry(), full_entry()] {
        for end in 0..whole.len() {
            assert!(open(&whole.as_bytes()[..end]).is_err(), "{end}");
        }
        assert!(open(format!("{whole}\n").as_bytes()).is_err());
        assert!(open(whole.as_bytes()).is_ok());
    }
}

#[test]
fn a_refusal_points_to_the_byte_in_the_entry() {
    let bent = entry().replace("08:14:03.118Z", "08:14:03.118z");
    let refusal: Refusal = open(bent.as_bytes()).unwrap_err();
    assert!(bent[refusal.offset()..].starts_with("\"2026-11-23T08:14:03.118z"));
    let bent = entry().replace(",\"type\"", ", \"type\"");
    let refusal = open(bent.as_bytes()).unwrap_err();
    assert!(bent[refusal.offset()..].starts_with(" \"type\""));
}
