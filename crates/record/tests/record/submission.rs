//! What a submission tells about its record.

use bytes::Bytes;
use record::{RecordKey, Submission};

use crate::{RECORD, record_with};

#[test]
fn a_canonical_record_is_taken_as_it_is() {
    let submission = Submission::parse(RECORD.as_bytes()).unwrap();
    assert_eq!(submission.canonical(), RECORD.as_bytes());
    assert_eq!(submission.id().to_string(), "0198f0c2-7d1e-7c3a-9a54-1f2f6f1f9b10");
    assert_eq!(submission.record_type(), "action.requested");
    assert_eq!(submission.time(), "2026-11-23T08:14:03.118Z");
    assert_eq!(submission.producer(), "");
    assert_eq!(submission.key(), RecordKey::new(submission.id(), ""));
}

#[test]
fn shared_bytes_stay_shared_when_canonical() {
    let body = Bytes::from_static(RECORD.as_bytes());
    let submission = Submission::parse_shared(&body).unwrap();
    assert_eq!(submission.canonical().as_ptr(), body.as_ptr());
    assert_eq!(submission, Submission::parse(RECORD.as_bytes()).unwrap());
    let spelled = Bytes::from(format!(" {RECORD}"));
    assert_eq!(Submission::parse_shared(&spelled).unwrap(), submission);
}

#[test]
fn every_spelling_of_a_record_is_the_same_submission() {
    let canonical = r#"{"id":"0198f0c2-7d1e-7c3a-9a54-1f2f6f1f9b10","n":[1,0.5],"producer":{"id":"a\"\n/😀","seq":7},"time":"2026-11-23T08:14:03.118Z","type":"x\\y"}"#;
    let submission = Submission::parse(canonical.as_bytes()).unwrap();
    assert_eq!(submission.canonical(), canonical.as_bytes());
    assert_eq!(submission.producer(), "a\"\n/😀");
    assert_eq!(submission.record_type(), "x\\y");
    assert_eq!(submission.key(), RecordKey::new(submission.id(), "a\"\n/😀"));
    for spelled in [
        r#"{"type":"x\\y","time":"2026-11-23T08:14:03.118Z","producer":{"seq":7.0,"id":"a\"\n\/\ud83d\ude00"},"n":[1,5e-1],"id":"0198f0c2-7d1e-7c3a-9a54-1f2f6f1f9b10"}"#,
        r#"{"\u0069d":"0198f0c2-7d1e-7c3a-9a54-1f2f6f1f9b1\u0030","n":[10e-1,0.50],"producer":{"id":"a\u0022\u000A/😀","seq":7},"time":"2026-11-23T08:14:03.118\u005A","type":"x\u005cy"}"#,
    ] {
        assert_eq!(Submission::parse(spelled.as_bytes()).as_ref(), Ok(&submission), "{spelled}");
    }
}

#[test]
fn the_digest_is_sha256_of_the_canonical_form() {
    let digest = |text: &str| Submission::parse(text.as_bytes()).unwrap().digest();
    let start: [u8; 4] = digest(RECORD)[..4].try_into().unwrap();
    // From coreutils' sha256sum.
    assert_eq!(format!("{:08x}", u32::from_be_bytes(start)), "489a9f9b");
    assert_eq!(digest(RECORD), digest(&format!("{RECORD}\n")));
    assert_ne!(digest(RECORD), digest(&record_with("\"a\":1,")));
}

#[test]
fn unknown_fields_are_kept() {
    let submission = Submission::parse(record_with(r#""x-note":{"b":null,"a":[]},"#).as_bytes()).unwrap();
    assert!(submission.canonical().ends_with(br#""type":"action.requested","x-note":{"a":[],"b":null}}"#));
}
