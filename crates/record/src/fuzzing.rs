//! What holds for any bytes at all: one function per entrance, each panicking where a promise breaks.
//!
//! For fuzz targets and for the property tests; not part of the interface.

use bytes::Bytes;

use crate::disclosure::{self, Disclosure, DisclosureWriter, Form, Sd};
use crate::envelope::{Entry, Grade, Vouched, entry_of, seal, seal_into};
use crate::findings::{Finding, Fold, Parameters, Seen};
use crate::handed::Handed;
use crate::model::Record;
use crate::opened::open;
use crate::place::{Place, Places};
use crate::refusal::Refusal;
use crate::salts::{SEED_BYTES, Salts};
use crate::signature::Signatures;
use crate::split::{Framing, split as split_body};
use crate::story::{Story, Told};
use crate::submission::{Submission, fast, slow};
use crate::{canonical, limits, secret};

/// Both ways to the canonical form agree on `data`; what is accepted is a fixed point and survives the envelope.
pub fn submission(data: &[u8]) {
    let parsed = Submission::parse(data);
    assert_eq!(
        parsed.as_ref().map(|s| s.canonical().to_vec()).ok(),
        slow(data).ok(),
        "parse and slow path differ"
    );
    let Ok(parsed) = parsed.map_err(|refusal| is_sound(&refusal, data)) else {
        assert_eq!(fast(data), None, "the scanner accepts what the parser refuses");
        return;
    };
    assert_eq!(fast(data).is_some(), parsed.canonical() == data, "the scanner is not exact");
    assert_eq!(Submission::parse(parsed.canonical()).as_ref(), Ok(&parsed), "not a fixed point");
    assert_eq!(canonical(data).as_deref(), Ok(parsed.canonical()), "records and other JSON differ");
    let vouched = Vouched {
        received: "2026-11-23T08:14:03.201Z",
        submitter: "op\"en",
        principal: Grade::Verified,
        agent: Grade::Asserted,
        disclosed: Places::NONE,
        secret: Places::NONE,
        salt: *b"0123456789abcdef",
    };
    let Ok(entry) = seal(&parsed, None, &vouched) else {
        assert!(parsed.canonical().len() + 256 > limits::ENTRY_BYTES_MAX, "a small record does not fit");
        return;
    };
    assert_eq!(
        entry_of(entry.record(), entry.sig(), entry.log_part()).as_ref(),
        Ok(&entry),
        "rebuilding gives another entry"
    );
    self::entry(entry.bytes());
    assert!(open(entry.bytes()).is_ok_and(|opened| opened.record() == parsed.canonical()
        && opened.key() == parsed.key()
        && opened.digest() == Some(parsed.digest())
        && opened.producer() == parsed.producer()));
}

/// What opens as an entry is made of its parts again, byte for byte.
pub fn entry(data: &[u8]) {
    let Ok(opened) = open(data).map_err(|refusal| is_sound(&refusal, data)) else { return };
    let submission = Submission::parse(opened.record());
    assert!(submission.is_ok(), "an entry holds no record: {submission:?}");
    let Ok(submission) = submission else { return };
    assert_eq!(submission.canonical(), opened.record(), "the record in an entry is not canonical");
    let mut sealed = b"before"[..].into();
    let shape = seal_into(&submission, opened.signatures(), &opened.vouched(), &mut sealed);
    assert!(shape.is_ok_and(|shape| shape.len == data.len()), "the parts do not seal");
    assert_eq!(&sealed[6..], data, "sealing the parts gives other bytes");
    assert_eq!(
        entry_of(opened.record(), opened.sig(), opened.log_part()).map(Entry::into_bytes),
        Ok(data.to_vec().into())
    );
    // An entry is one level deeper than its record.
    let whole = canonical(data)
        .or_else(|refusal| if refusal.code() == "too-deep" { Ok(data.to_vec()) } else { Err(refusal) });
    assert_eq!(whole.as_deref(), Ok(data), "an entry is not canonical JSON");
    assert_eq!(canonical(opened.log_part()).as_deref(), Ok(opened.log_part()));
}

/// Ranges are in order and apart, and hold what a full parser finds in the same body.
pub fn split(data: &[u8]) {
    for framing in [Framing::Object, Framing::Array, Framing::Ndjson] {
        let Ok(ranges) = split_body(data, framing, usize::MAX).map_err(|refusal| is_sound(&refusal, data))
        else {
            assert_eq!(framing, Framing::Array, "without a bound, only an array can be refused");
            assert!(!canonical(data).is_ok_and(|json| json.starts_with(b"[")), "an array is refused");
            continue;
        };
        let ends = ranges.iter().map(|range| range.end);
        let next_starts = ranges.iter().skip(1).map(|range| range.start).chain([data.len()]);
        assert!(ends.zip(next_starts).all(|(end, next)| end <= next), "ranges overlap");
        if let Some(fewer) = ranges.len().checked_sub(1) {
            let refusal =
                split_body(data, framing, fewer).map_err(|refusal| (refusal.code(), refusal.limit()));
            assert_eq!(refusal, Err(("too-many", Some(fewer))));
        }
        if framing == Framing::Array
            && let Ok(whole) = canonical(data)
        {
            let parts: Result<Vec<_>, _> =
                ranges.iter().map(|range| canonical(&data[range.clone()])).collect();
            let joined = parts.map(|parts| [b"[".as_slice(), &parts.join(&b','), b"]"].concat());
            assert_eq!(joined, Ok(whole), "the parts are not the array's elements");
        }
        if framing == Framing::Ndjson {
            let lines = data.split(|&b| b == b'\n').map(trim).filter(|line| !line.is_empty());
            assert!(lines.eq(ranges.iter().map(|range| &data[range.clone()])), "the parts are not the lines");
        }
    }
}

/// A list of signatures prints canonically and reads back as the same.
pub fn signatures(data: &[u8]) {
    let Ok(list) = Signatures::parse(data).map_err(|refusal| is_sound(&refusal, data)) else { return };
    let printed = list.canonical();
    assert_eq!(canonical(data).as_deref(), Ok(printed.as_bytes()), "another canonical form");
    assert_eq!(Signatures::parse(printed.as_bytes()).as_ref(), Ok(&list), "not a fixed point");
    assert_eq!(Signatures::new(list.iter().copied().collect()), Ok(list));
}

/// Each line that is a record is folded, in order: the fold gives the same twice, rests on what came before alone, and
/// every session can be told.
pub fn findings(data: &[u8]) {
    let lines: Vec<Vec<u8>> =
        data.split(|&byte| byte == b'\n').filter_map(|line| canonical(line).ok()).collect();
    let records: Vec<(&[u8], Record<'_>)> =
        lines.iter().filter_map(|line| Some((&line[..], Record::read(line).ok()?))).collect();
    let found = folded(&records);
    assert_eq!(found.0, folded(&records).0, "the fold says something else the second time");
    for finding in &found.0 {
        assert!(!finding.why.is_empty() && !finding.why.contains('\n'), "{finding:?}");
        assert!(finding.rests_on.iter().all(|&index| index < finding.index), "{finding:?}");
        assert!(finding.rests_on.is_sorted(), "{finding:?}");
    }
    let half = folded(&records[..records.len() / 2]);
    assert!(found.0.starts_with(&half.0), "a finding went away");
    for (_, record) in &records {
        let Some(session) = record.session.as_ref() else { continue };
        let Some(verdict) = found.1.verdict(&session.id) else { continue };
        let all = (0..).zip(&records).map(|(index, (_, record))| Told {
            index,
            received: record.time,
            principal: Grade::Asserted,
            agent: Grade::Asserted,
            record,
        });
        let (told, elsewhere): (Vec<Told<'_>>, Vec<Told<'_>>) =
            all.partition(|told| told.record.session.as_ref().is_some_and(|of| of.id == session.id));
        let here: Vec<Finding> = found
            .0
            .iter()
            .filter(|found| found.session.as_deref() == Some(session.id.as_str()))
            .cloned()
            .collect();
        let story = Story::of(&session.id, &told, &elsewhere, &here, &verdict);
        assert_eq!(
            story.map(|story| story.all_findings().count()),
            Some(here.len()),
            "a finding is not told"
        );
    }
}

fn folded(records: &[(&[u8], Record<'_>)]) -> (Vec<Finding>, Fold) {
    let mut fold = Fold::new(Parameters { gap_patience: 2, ..Parameters::default() });
    let mut found = Vec::new();
    for (index, (canonical, record)) in (0..).zip(records) {
        let seen =
            Seen { index, received: record.time, record, canonical, rewritten: false, signatures: &[] };
        found.extend(fold.take(&seen));
    }
    (found, fold)
}

/// What is handed in becomes an entry that opens as what it was; handed in again with the same seed it is the same, and
/// every disclosure that was made is the one that the record names.
pub fn handed(data: &[u8]) {
    let data = Bytes::copy_from_slice(data);
    let Ok(handed) = Handed::parse(&data).map_err(|refusal| is_sound(&refusal, &data)) else { return };
    let again = Handed::parse(&handed.canonical());
    assert!(again.is_ok_and(|again| again.canonical() == handed.canonical()
        && again.digest() == handed.digest()
        && again.key() == handed.key()));
    let sensitive: Places = [Place::Purpose, Place::PrincipalName].into_iter().collect();
    let ready =
        || handed.clone().ready(sensitive, &Salts::of_seed([7; SEED_BYTES]), |_| Ok::<(), Refusal>(()));
    let Ok((first, ())) = ready() else { return };
    let again = ready().map(|(ready, ())| ready.submission().clone());
    assert_eq!(again.as_ref(), Ok(first.submission()), "the same seed makes another record");
    let record = Record::read(first.submission().canonical());
    assert!(record.is_ok(), "what is ready is not understood: {record:?}");
    let Ok(record) = record else { return };
    for payload in first.payloads() {
        let opened = disclosure::verify(&payload.text, &payload.sd);
        assert!(opened.is_ok_and(|opened| opened.name() == payload.place.member()), "{payload:?}");
        let named = payload.place.of(&record).and_then(|held| held.sd().map(str::to_owned));
        assert_eq!(named, Some(payload.sd.to_string()), "{payload:?}");
    }
    let vouched = Vouched {
        received: "2026-11-23T08:14:03.201Z",
        submitter: "open",
        principal: Grade::Asserted,
        agent: Grade::Asserted,
        disclosed: first.disclosed(),
        secret: first.secret(),
        salt: *b"0123456789abcdef",
    };
    let Ok(entry) = seal(first.submission(), first.signatures(), &vouched) else { return };
    self::entry(entry.bytes());
    let salts = Salts::of_seed([7; SEED_BYTES]);
    assert_eq!(handed.entry(entry.log_part(), &salts).as_ref(), Ok(&entry), "rebuilding gives another entry");
    let opened = open(entry.bytes());
    assert!(
        opened.is_ok_and(|opened| opened.vouched() == vouched && opened.signatures() == first.signatures())
    );
}

/// The first byte chooses: the rest is content that is disclosed whole and in pieces, or the JSON of a disclosure.
pub fn disclosure(data: &[u8]) {
    let Some((&choice, data)) = data.split_first() else { return };
    if choice & 1 == 0 {
        content(usize::from(choice >> 1), data);
        return;
    }
    if let Ok(text) = std::str::from_utf8(data) {
        opened(text);
    }
    opened(&crate::base64url::encode(data));
}

/// What is made opens as what went in, is made the same from pieces, and has one form.
fn content(piece: usize, content: &[u8]) {
    let made = Disclosure::make([7; 16], "input", content);
    assert!(made.is_ok(), "{made:?}");
    let Ok(made) = made else { return };
    let opened = disclosure::verify(made.text(), &made.sd());
    assert!(
        opened.as_ref().is_ok_and(|opened| opened.content() == content
            && opened.name() == "input"
            && opened.salt() == [7; 16]
            && opened.is_as_made_here(made.text())),
        "{opened:?}"
    );
    let form = Form::of(content);
    for (form, fits) in [(form, true), (if form == Form::Text { Form::Bytes } else { Form::Text }, false)] {
        let written = written(form, piece.max(1), content);
        assert_eq!(written.ok(), fits.then(|| (made.text().to_owned(), made.sd())), "in pieces of {piece}");
    }
}

fn written(form: Form, piece: usize, content: &[u8]) -> Result<(String, Sd), disclosure::DisclosureError> {
    let (mut text, mut part) = (String::new(), String::new());
    let mut writer = DisclosureWriter::new([7; 16], "input", form, &mut part)?;
    for piece in content.chunks(piece) {
        text.push_str(&std::mem::take(&mut part));
        writer.write(piece, &mut part)?;
    }
    let sd = writer.finish(&mut part)?;
    Ok((text + &part, sd))
}

/// What opens is made again as the same content; and is JSON of three by the parser of records, too.
fn opened(text: &str) {
    let Ok(opened) = disclosure::open(text).map_err(|error| assert!(error.to_string().len() > 20)) else {
        return;
    };
    let made = Disclosure::make([7; 16], opened.name(), opened.content());
    assert!(made.is_ok(), "{made:?}");
    let Ok(made) = made else { return };
    let again = disclosure::open(made.text());
    assert!(again.is_ok_and(|again| again.content() == opened.content() && again.name() == opened.name()));
    let json = crate::base64url::decode(text.as_bytes()).unwrap_or_default();
    assert!(
        json.len() > limits::TEXT_BYTES_MAX || canonical(&json).is_ok_and(|json| json.starts_with(b"[\""))
    );
    assert!(disclosure::verify(text, &Sd::of(text)).is_ok());
}

/// A secret stays one whatever lines stand around it and wherever the text before it is cut; fields say the same as the
/// text in them, under any escapes.
pub fn secret(data: &[u8]) {
    let found = secret::find_in_bytes(data);
    if let Some(secret::Found { kind, at }) = found {
        assert!(at < data.len());
        let alone = secret::find_in_bytes(&data[at..]);
        assert_eq!(alone, Some(secret::Found { kind, at: 0 }), "another secret without what stood before it");
        let between = [b"x sk-learn\n", data, b"\n0"].concat();
        assert_eq!(
            secret::find_in_bytes(&between).map(|found| (found.kind, found.at)),
            Some((kind, at + 11))
        );
    }
    for end in memchr::memchr_iter(b'\n', data) {
        // A secret may go on over the end of a line, but none is lost that ends before it or begins after it.
        let (line, rest) = (secret::find_in_bytes(&data[..end]), secret::find_in_bytes(&data[end + 1..]));
        let first = line.map(|found| found.at).or(rest.map(|found| end + 1 + found.at));
        assert!(
            first.is_none_or(|first| found.is_some_and(|found| found.at <= first)),
            "lost between two lines"
        );
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut plain = b"{\"a\":[0,".to_vec();
    crate::json::string::print(text, &mut plain);
    plain.extend_from_slice(b"]}");
    let escaped: Vec<_> = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
    let escaped = format!("{{\"a\":[0,\"{}\"]}}", escaped.concat());
    let expected = secret::find(text).map(|found| ("/a/1".to_owned(), found.kind));
    if crate::json::string::noncharacter(data).is_none() {
        assert_eq!(secret::find_in_fields(&plain, &[]), expected, "in a canonical string");
        assert_eq!(secret::find_in_fields(escaped.as_bytes(), &[]), expected, "under escapes");
        assert_eq!(secret::find_in_fields(&plain, &["/a"]), None, "passed over");
    }
    // Whatever the bytes are.
    let _ = secret::find_in_fields(data, &secret::CONTENT_MEMBERS);
}

fn trim(mut line: &[u8]) -> &[u8] {
    while let [b' ' | b'\t' | b'\r', rest @ ..] | [rest @ .., b' ' | b'\t' | b'\r'] = line {
        line = rest;
    }
    line
}

/// A refusal points into the text and can be read aloud.
fn is_sound(refusal: &Refusal, data: &[u8]) {
    assert!(refusal.offset() <= data.len(), "{refusal:?} points beyond the text");
    assert!(refusal.to_string().len() > refusal.code().len());
    assert!(refusal.path().is_empty() || refusal.path().starts_with('/'), "{refusal:?}");
}
