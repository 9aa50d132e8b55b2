//! From what somebody hands in to a record with its content beside it.

use bytes::Bytes;
use ed25519_dalek::SigningKey;
use record::disclosure::{self, Disclosure};
use record::limits::{CONTENT_BYTES_MAX, RECORD_BYTES_MAX, TEXT_BYTES_MAX};
use record::model::Record;
use record::{
    Handed, Place, Places, Ready, Refusal, SEED_BYTES, Salts, Submission, Vouched, seal, signature,
};
use sha2::{Digest, Sha256};

const SEED: [u8; SEED_BYTES] = [9; SEED_BYTES];

fn requested(rest: &str) -> String {
    format!(
        r#"{{"action":{{"id":"t1","target":"contact/42","tool":"crm.update"}},"agent":{{"sub":"agent:crm"}},"id":"0198f0c2-7d1e-7c3a-9a54-1f2f6f1f9b10","purpose":"tidy up","session":{{"id":"s1"}},"time":"2026-11-23T08:14:03.118Z","type":"action.requested"{rest}}}"#
    )
}

fn ready_with(json: &str, sensitive: Places) -> Result<Ready, Refusal> {
    let handed = Handed::parse(&Bytes::copy_from_slice(json.as_bytes()))?;
    handed.ready(sensitive, &Salts::of_seed(SEED), |_| Ok::<(), Refusal>(())).map(|(ready, ())| ready)
}

fn ready(json: &str) -> Result<Ready, Refusal> {
    ready_with(json, Places::NONE)
}

fn refused(json: &str) -> (&'static str, String) {
    let refusal = ready(json).unwrap_err();
    (refusal.code(), refusal.path().to_owned())
}

#[test]
fn a_record_without_content_stays_as_it_is() {
    let json = requested("");
    let ready = ready(&json).unwrap();
    let plain = Submission::parse(json.as_bytes()).unwrap();
    assert_eq!(ready.submission(), &plain);
    assert_eq!(ready.digest(), plain.digest());
    assert!(ready.disclosed().is_empty() && ready.secret().is_empty() && ready.payloads().is_empty());
}

#[test]
fn content_makes_way_for_the_digest_of_its_disclosure() {
    let json = requested(r#","input":{"content":"{\"x\": 1}\n","media":"text/plain","x-kept":true}"#);
    let ready = ready(&json).unwrap();
    let [payload] = ready.payloads() else { panic!("{ready:?}") };
    let opened = disclosure::verify(&payload.text, &payload.sd).unwrap();
    assert_eq!((opened.name(), opened.content()), ("input", &b"{\"x\": 1}\n"[..]));
    let text = std::str::from_utf8(ready.submission().canonical()).unwrap();
    let expected =
        format!(r#""input":{{"bytes":9,"media":"text/plain","sd":"{}","x-kept":true}}"#, payload.sd);
    assert!(text.contains(&expected), "{text}");
    assert_eq!(ready.disclosed(), Places::NONE.with(Place::Input));
    // A retry is compared with what was handed in.
    let sent = record::canonical(json.as_bytes()).unwrap();
    assert_eq!(ready.digest(), <[u8; 32]>::from(Sha256::digest(sent)));
    assert_ne!(ready.digest(), ready.submission().digest());
}

#[test]
fn each_form_of_content_is_kept_to_the_byte() {
    for (form, content) in [
        (r#""content":"plain""#, b"plain".to_vec()),
        (r#""content":"""#, vec![]),
        (r#""content":{"b":1,"a":[1.50,null]}"#, br#"{"a":[1.5,null],"b":1}"#.to_vec()),
        (r#""content_base64url":"_-8A""#, vec![0xff, 0xef, 0]),
        (r#""bytes":5,"content":"plain""#, b"plain".to_vec()),
    ] {
        let ready = ready(&requested(&format!(",\"input\":{{{form}}}"))).unwrap();
        let payload = &ready.payloads()[0];
        let opened = disclosure::verify(&payload.text, &payload.sd).unwrap();
        assert_eq!(opened.content(), content, "{form}");
        let record = Record::read(ready.submission().canonical()).unwrap();
        assert_eq!(record.input.unwrap().bytes, Some(content.len() as u64), "{form}");
    }
}

#[test]
fn content_that_is_not_as_it_says_is_refused_by_its_place() {
    for (form, code) in [
        (r#""bytes":4,"content":"plain""#, "bad-field"),
        (r#""content_base64url":"_-8A=""#, "bad-field"),
        (r#""content_base64url":7"#, "bad-field"),
        (r#""content":"a","content_base64url":"YQ""#, "bad-field"),
        (r#""content":"a","sd":"6Ij7T2m3f0X9fJx9m0cN1n3rJ7wq2xkQm4k5t6u7v8w""#, "bad-field"),
        (r#""media":"text/plain""#, "bad-field"),
        (r#""content":null"#, "bad-field"),
    ] {
        let json = requested(&format!(",\"input\":{{{form}}}"));
        assert_eq!(refused(&json), (code, "/input".to_owned()), "{form}");
    }
}

#[test]
fn every_place_has_its_own_salt() {
    let json =
        requested(r#","executed":{"content":"same"},"input":{"content":"same"},"output":{"content":"same"}"#);
    let ready = ready(&json).unwrap();
    let salts: Vec<Vec<u8>> = ready
        .payloads()
        .iter()
        .map(|payload| disclosure::open(&payload.text).unwrap().salt().to_vec())
        .collect();
    assert_eq!(salts.len(), 3);
    assert!(salts[0] != salts[1] && salts[1] != salts[2] && salts[0] != salts[2]);
    let handed = Handed::parse(&Bytes::from(json)).unwrap();
    let (other, ()) =
        handed.ready(Places::NONE, &Salts::of_seed([1; SEED_BYTES]), |_| Ok::<(), Refusal>(())).unwrap();
    assert_ne!(other.payloads()[0].sd, ready.payloads()[0].sd);
    assert_eq!(other.digest(), ready.digest());
}

#[test]
fn a_sensitive_field_stands_beside_the_log_and_others_do_not() {
    let sensitive: Places = [Place::Purpose, Place::PrincipalName].into_iter().collect();
    let ready = ready_with(&requested(""), sensitive).unwrap();
    let [payload] = ready.payloads() else { panic!("{ready:?}") };
    assert_eq!(payload.place, Place::Purpose);
    let record = Record::read(ready.submission().canonical()).unwrap();
    assert_eq!(record.purpose.as_ref().unwrap().plain(), None);
    assert_eq!(record.action.unwrap().target.unwrap().plain(), Some("contact/42"));
    assert_eq!(ready.disclosed(), Places::NONE.with(Place::Purpose));
}

#[test]
fn a_secret_in_content_marks_it_and_in_a_field_refuses_it() {
    let token = "sk-aB3dE5gH7jK9mN1pQ2rS4tU6vW8xY0zA1bC3dE5fG7hJ9kL2";
    let ready =
        ready(&requested(&format!(r#","input":{{"content":"key: {token}"}},"output":{{"content":"ok"}}"#)));
    let ready = ready.unwrap();
    assert_eq!(ready.secret(), Places::NONE.with(Place::Input));
    assert!(!std::str::from_utf8(ready.submission().canonical()).unwrap().contains(token));
    let field = requested(&format!(r#","x-deep":{{"a":[{{"b":"{token}"}}]}}"#));
    assert_eq!(refused(&field), ("secret", "/x-deep/a/0/b".to_owned()));
    let large = format!(r#","input":{{"content":"{}"}},"x-deep":"{token}""#, "x".repeat(RECORD_BYTES_MAX));
    assert_eq!(refused(&requested(&large)), ("secret", "/x-deep".to_owned()));
}

#[test]
fn content_may_fill_its_limit_and_not_more() {
    let largest = "x".repeat(CONTENT_BYTES_MAX);
    let ready = ready(&requested(&format!(r#","input":{{"content":"{largest}"}}"#))).unwrap();
    assert!(ready.submission().canonical().len() < 1_000);
    assert_eq!(disclosure::open(&ready.payloads()[0].text).unwrap().content().len(), CONTENT_BYTES_MAX);
    let over = requested(&format!(r#","input":{{"content":"{largest}x"}}"#));
    let refusal = self::ready(&over).unwrap_err();
    assert_eq!((refusal.code(), refusal.path()), ("too-large", "/input"));
    assert_eq!(refusal.limit(), Some(CONTENT_BYTES_MAX));
}

#[test]
fn what_is_no_content_stays_within_its_limits() {
    let long = requested(&format!(r#","x-long":"{}""#, "x".repeat(RECORD_BYTES_MAX)));
    assert_eq!(refused(&long).0, "too-large");
    let many = requested(&format!(r#","x-many":[{}0]"#, "[],".repeat(TEXT_BYTES_MAX / 2)));
    let refusal = ready(&many).unwrap_err();
    assert_eq!((refusal.code(), refusal.limit()), ("too-large", Some(TEXT_BYTES_MAX)));
}

#[test]
fn a_signed_record_is_never_changed() {
    let key = SigningKey::from_bytes(&[7; 32]);
    let disclosed = Disclosure::make([1; 16], "input", b"hello").unwrap();
    let sd = disclosed.sd();
    let json = requested(&format!(r#","input":{{"bytes":5,"sd":"{sd}"}}"#));
    let json = String::from_utf8(record::canonical(json.as_bytes()).unwrap()).unwrap();
    let sig = record::Signatures::new(vec![signature::sign(&key, json.as_bytes())]).unwrap();
    let sig = sig.canonical();
    let fast = ready(&format!(r#"{{"record":{json},"sig":{sig}}}"#)).unwrap();
    assert_eq!(fast.submission().canonical(), json.as_bytes());
    assert_eq!(fast.signatures().map(record::Signatures::canonical), Some(sig.clone()));
    assert_eq!(fast.digest(), fast.submission().digest());
    assert!(fast.payloads().is_empty());
    // In any order and with white space, and with its disclosure.
    let text = disclosed.text();
    let slow = ready(&format!(r#" {{ "disclosures":["{text}"], "sig":{sig}, "record":{json} }}"#)).unwrap();
    assert_eq!(slow.submission(), fast.submission());
    assert_eq!((slow.payloads()[0].place, slow.payloads()[0].sd), (Place::Input, sd));
    assert!(slow.disclosed().is_empty(), "the producer disclosed, not the log");

    let content = requested(r#","input":{"content":"hello"}"#);
    let content = String::from_utf8(record::canonical(content.as_bytes()).unwrap()).unwrap();
    let refusal = format!(r#"{{"record":{content},"sig":{sig}}}"#);
    assert_eq!(refused(&refusal), ("bad-field", "/input".to_owned()));
    let large = requested(&format!(r#","input":{{"content":"{}"}}"#, "x".repeat(RECORD_BYTES_MAX)));
    assert_eq!(refused(&format!(r#"{{"record":{large},"sig":{sig}}}"#)).0, "too-large");
}

#[test]
fn a_disclosure_that_comes_along_is_one_that_the_record_names() {
    let made = |name: &str, content: &[u8]| Disclosure::make([1; 16], name, content).unwrap();
    let wrap = |sd: &str, bytes: u64, text: &str| {
        let json = requested(&format!(r#","input":{{"bytes":{bytes},"sd":"{sd}"}}"#));
        format!(r#"{{"record":{json},"disclosures":["{text}"]}}"#)
    };
    let input = made("input", b"hello");
    assert!(ready(&wrap(&input.sd().to_string(), 5, input.text())).is_ok());
    let other_salt = Disclosure::make([2; 16], "input", b"hello").unwrap();
    let output = made("output", b"hello");
    for (bend, sd, bytes, text) in [
        ("another salt", input.sd().to_string(), 5, other_salt.text()),
        ("of another place", output.sd().to_string(), 5, output.text()),
        ("another length", input.sd().to_string(), 6, input.text()),
        ("cut", input.sd().to_string(), 5, &input.text()[..20]),
        ("nothing", input.sd().to_string(), 5, ""),
    ] {
        assert_eq!(refused(&wrap(&sd, bytes, text)), ("bad-field", "/disclosures/0".to_owned()), "{bend}");
    }
}

#[test]
fn what_stands_beside_the_record_is_known() {
    let json = requested("");
    for (bend, text, code, path) in [
        ("another member", format!(r#"{{"record":{json},"more":1}}"#), "bad-field", ""),
        ("signatures that are none", format!(r#"{{"record":{json},"sig":[]}}"#), "bad-signatures", "/sig"),
        (
            "disclosures that are no array",
            format!(r#"{{"record":{json},"disclosures":"x"}}"#),
            "wrong-type",
            "/disclosures",
        ),
        (
            "a disclosure that is no string",
            format!(r#"{{"record":{json},"disclosures":[1]}}"#),
            "wrong-type",
            "/disclosures",
        ),
        (
            "more disclosures than places",
            format!(r#"{{"record":{json},"disclosures":[{}1]}}"#, "1,".repeat(9)),
            "too-many",
            "/disclosures",
        ),
        ("a record that is none", r#"{"record":{"id":"x"}}"#.to_owned(), "bad-id", "/record/id"),
        ("a record that is no object", r#"{"record":7}"#.to_owned(), "wrong-type", "/record"),
    ] {
        assert_eq!(refused(&text), (code, path.to_owned()), "{bend}");
    }
    assert!(ready(&format!(r#"{{"record":{json}}}"#)).is_ok(), "neither list has to be there");
    let own = json.replace("\"purpose\"", "\"record\":{},\"purpose\"");
    assert!(ready(&own).is_ok(), "a record may have a member of that name");
}

#[test]
fn whoever_looks_may_refuse() {
    let handed = Handed::parse(&Bytes::from(requested(r#","input":{"content":"x"}"#))).unwrap();
    let tool = |record: &Record<'_>| record.action.as_ref().map(|action| action.id.to_string());
    let (_, seen) = handed
        .clone()
        .ready(Places::NONE, &Salts::of_seed(SEED), |record| Ok::<_, Refusal>(tool(record)))
        .unwrap();
    assert_eq!(seen.as_deref(), Some("t1"));
    let canonical = Refusal::clone(&ready("{}").unwrap_err());
    let refused = handed.ready(Places::NONE, &Salts::of_seed(SEED), |_| Err::<(), _>(canonical.clone()));
    assert_eq!(refused.unwrap_err(), canonical);
}

#[test]
fn a_submitter_rebuilds_its_entry_from_the_salts_it_was_told() {
    let json = requested(r#","input":{"content":"{\"x\":1}"},"output":{"content":"done"}"#);
    let handed = Handed::parse(&Bytes::from(json)).unwrap();
    let sensitive = Places::NONE.with(Place::Purpose);
    let salts = Salts::of_seed(SEED);
    let (ready, ()) = handed.clone().ready(sensitive, &salts, |_| Ok::<(), Refusal>(())).unwrap();
    let vouched = Vouched {
        received: "2026-11-23T08:14:03.201Z",
        submitter: "open",
        principal: record::Grade::Asserted,
        agent: record::Grade::Asserted,
        disclosed: ready.disclosed(),
        secret: ready.secret(),
        salt: [3; 16],
    };
    let entry = seal(ready.submission(), None, &vouched).unwrap();
    let told: Vec<(&str, String)> =
        ready.disclosed().iter().map(|place| (place.pointer(), salts.text_of(place).unwrap())).collect();
    assert_eq!(told.len(), 3);
    let told = |n| Salts::given(told[..n].iter().map(|(place, salt)| (*place, salt.as_str()))).unwrap();
    assert_eq!(handed.entry(entry.log_part(), &told(3)).as_ref(), Ok(&entry));
    let missing = handed.entry(entry.log_part(), &told(2)).unwrap_err();
    assert_eq!((missing.code(), missing.path()), ("bad-field", "/purpose"));
    assert!(Salts::given([("/nowhere", "AAAAAAAAAAAAAAAAAAAAAA")]).is_none());
    assert!(Salts::given([("/input", "AAAA")]).is_none());
}
