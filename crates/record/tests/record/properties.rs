//! Properties: any spelling of a record has one canonical form, told by an oracle that works otherwise; nothing panics.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use record::{Submission, canonical, fuzzing};

use crate::RECORD;

/// A JSON value of the test's own.
#[derive(Debug, Clone)]
enum Json {
    Null,
    Bool(bool),
    Integer(i64),
    Double(f64),
    Text(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// The oracle: RFC 8785 by its words, character by character.
fn expected(json: &Json) -> String {
    match json {
        Json::Null => "null".into(),
        Json::Bool(value) => value.to_string(),
        Json::Integer(value) => value.to_string(),
        Json::Double(value) => ecmascript(*value),
        Json::Text(text) => quoted(text),
        Json::Array(values) => format!("[{}]", values.iter().map(expected).collect::<Vec<_>>().join(",")),
        Json::Object(members) => {
            let mut members = members.clone();
            members.sort_by_key(|(name, _)| name.encode_utf16().collect::<Vec<_>>());
            let members: Vec<_> =
                members.iter().map(|(n, v)| format!("{}:{}", quoted(n), expected(v))).collect();
            format!("{{{}}}", members.join(","))
        }
    }
}

fn quoted(text: &str) -> String {
    let escaped: String = text
        .chars()
        .map(|c| match c {
            '"' => "\\\"".into(),
            '\\' => "\\\\".into(),
            '\u{8}' => "\\b".into(),
            '\t' => "\\t".into(),
            '\n' => "\\n".into(),
            '\u{c}' => "\\f".into(),
            '\r' => "\\r".into(),
            c if c < ' ' => format!("\\u{:04x}", u32::from(c)),
            c => c.to_string(),
        })
        .collect();
    format!("\"{escaped}\"")
}

/// ECMA-262, Number::toString, from as many digits as Rust's shortest spelling has. Of two such spellings equally near
/// ECMAScript takes the even one, as Rust does for a given count of digits, and not for the shortest.
fn ecmascript(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let shortest = format!("{:e}", value.abs());
    let decimals = shortest.split('e').next().unwrap().len().saturating_sub(2);
    let spelled =
        Some(format!("{:.decimals$e}", value.abs())).filter(|nearest| nearest.parse() == Ok(value.abs()));
    let spelled = spelled.unwrap_or(shortest);
    let (mantissa, exponent) = spelled.split_once('e').unwrap();
    let digits = mantissa.replace('.', "");
    let zeros = |count: usize| "0".repeat(count);
    // ECMA-262's n is how many of the digits stand before the decimal point; its k is how many there are.
    let (n, k) = (exponent.parse::<isize>().unwrap() + 1, digits.len());
    let body = match usize::try_from(n) {
        Ok(n @ 1..=21) if k <= n => digits + &zeros(n - k),
        Ok(n @ 1..=21) => format!("{}.{}", &digits[..n], &digits[n..]),
        _ if (-5..=0).contains(&n) => format!("0.{}{digits}", zeros(n.unsigned_abs())),
        _ => {
            let (first, rest) = digits.split_at(1);
            let dot = if rest.is_empty() { "" } else { "." };
            format!("{first}{dot}{rest}e{}{}", if n > 0 { "+" } else { "-" }, (n - 1).abs())
        }
    };
    if value < 0.0 { format!("-{body}") } else { body }
}

/// Chance for the spelling, from a seed (xorshift).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// Any spelling that means `json`: white space, escapes, the order of members, the notation of numbers.
fn spelled(json: &Json, chance: &mut Chance) -> String {
    let space = space(chance);
    let value = match json {
        Json::Integer(value) if chance.below(3) == 0 => format!("{value}.0"),
        Json::Integer(value) if chance.below(3) == 0 => {
            format!("{}e-1", value * 10)
        }
        Json::Double(value) if chance.below(2) == 0 => format!("{value:.16E}"),
        Json::Text(text) => spelled_text(text, chance),
        Json::Array(values) => {
            let parts: Vec<_> = values.iter().map(|value| spelled(value, chance)).collect();
            format!("[{space}{}]", parts.join(","))
        }
        Json::Object(members) => {
            let mut members = members.clone();
            for at in (1..members.len()).rev() {
                members.swap(at, chance.below(at as u64 + 1) as usize);
            }
            let part = |(name, value): &(String, Json)| {
                let name = spelled_text(name, chance);
                format!("{name}{}:{}", self::space(chance), spelled(value, chance))
            };
            format!("{{{space}{}}}", members.iter().map(part).collect::<Vec<_>>().join(&format!(",{space}")))
        }
        other => expected(other),
    };
    format!("{space}{value}{}", self::space(chance))
}

fn space(chance: &mut Chance) -> &'static str {
    ["", "", " ", "\n", "\t\r\n  "][chance.below(5) as usize]
}

fn spelled_text(text: &str, chance: &mut Chance) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        let mut units = [0; 2];
        match chance.below(4) {
            0 => out.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}"))),
            1 => out.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04X}"))),
            2 if c == '/' => out.push_str("\\/"),
            _ => {
                let quoted = quoted(&c.to_string());
                out.push_str(&quoted[1..quoted.len() - 1]);
            }
        }
    }
    out.push('"');
    out
}

fn text() -> impl Strategy<Value = String> {
    let c = prop_oneof![
        4 => proptest::char::range('a', 'd'),
        2 => proptest::sample::select(vec!['"', '\\', '/', '\n', '\0', '\u{1f}', '\u{7f}', '\u{2028}']),
        1 => proptest::sample::select(vec!['é', '€', '\u{d7ff}', '\u{e000}', '\u{fffd}', '😀', '\u{10fffd}']),
        1 => any::<char>().prop_filter("I-JSON has no noncharacters", |c| {
            let c = u32::from(*c);
            c & 0xfffe != 0xfffe && !(0xfdd0..=0xfdef).contains(&c)
        }),
    ];
    vec(c, 0..12).prop_map(String::from_iter)
}

/// Doubles that I-JSON takes, by this crate's rule.
fn double() -> impl Strategy<Value = f64> {
    prop_oneof![any::<f64>(), -1e6..1e6, (-1e-9..1e-9)].prop_filter("in range", |value| {
        let out_of_range = value.abs() > 9_007_199_254_740_991.0 && value.abs() < 1e21;
        value.is_finite() && !(*value == 0.0 && value.is_sign_negative()) && !out_of_range
    })
}

fn json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        (-9_007_199_254_740_991_i64..=9_007_199_254_740_991).prop_map(Json::Integer),
        (-100_i64..100).prop_map(Json::Integer),
        double().prop_map(Json::Double),
        text().prop_map(Json::Text),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![vec(inner.clone(), 0..6).prop_map(Json::Array), members(inner).prop_map(Json::Object)]
    })
}

fn members(value: impl Strategy<Value = Json>) -> impl Strategy<Value = Vec<(String, Json)>> {
    vec((text(), value), 0..6).prop_map(|members| {
        let mut seen = std::collections::HashSet::new();
        members.into_iter().filter(|(name, _)| seen.insert(name.clone())).collect()
    })
}

prop_compose! {
    fn record()(
        id in any::<u128>(),
        producer in proptest::option::of(text().prop_filter("named", |name| !name.is_empty())),
        kind in text().prop_filter("named", |name| !name.is_empty()),
        millis in 0..1000_u32,
        mut rest in members(json()),
    ) -> Json {
        rest.retain(|(name, _)| !["id", "type", "time", "producer"].contains(&name.as_str()));
        let h = format!("{id:032x}");
        let id = format!("{}-{}-{}-{}-{}", &h[..8], &h[8..12], &h[12..16], &h[16..20], &h[20..]);
        rest.push(("id".into(), Json::Text(id)));
        rest.push(("type".into(), Json::Text(kind)));
        rest.push(("time".into(), Json::Text(format!("2026-11-23T08:14:03.{millis:03}Z"))));
        if let Some(name) = producer {
            let more = ("seq".into(), Json::Integer(millis.into()));
            rest.push(("producer".into(), Json::Object(vec![more, ("id".into(), Json::Text(name))])));
        }
        Json::Object(rest)
    }
}

/// A text with a few bytes changed, put in or taken out.
fn bent(text: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        3 => proptest::sample::select(br#"{}[]",:\/u0aed19.+-eEtfn "#.to_vec()),
        1 => any::<u8>(),
    ];
    (text, vec((any::<proptest::sample::Index>(), 0..3_u8, byte), 1..4)).prop_map(|(mut text, bends)| {
        for (at, kind, byte) in bends {
            let at = at.index(text.len().max(1));
            match kind {
                0 if at < text.len() => text[at] = byte,
                1 if at < text.len() => drop(text.remove(at)),
                _ => text.insert(at.min(text.len()), byte),
            }
        }
        text
    })
}

fn sealed(record: &Json) -> Vec<u8> {
    let log = r#"{"agent":"asserted","principal":"verified","received":"2026-11-23T08:14:03.201Z","salt":"AAECAwQFBgcICQoLDA0ODw","submitter":"open"}"#;
    format!("{{\"log\":{log},\"record\":{}}}", expected(record)).into_bytes()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_spelling_has_the_one_canonical_form(json in json(), seed in 1..u64::MAX) {
        let expected = expected(&json);
        let spelled = spelled(&json, &mut Chance(seed));
        let printed = canonical(spelled.as_bytes()).map(|bytes| String::from_utf8(bytes).unwrap());
        prop_assert_eq!(printed.as_ref(), Ok(&expected), "{}", spelled);
        prop_assert_eq!(canonical(expected.as_bytes()), Ok(expected.into_bytes()));
    }

    #[test]
    fn any_spelling_of_a_record_is_one_submission(record in record(), seed in 1..u64::MAX) {
        let expected = expected(&record);
        let spelled = spelled(&record, &mut Chance(seed));
        let submission = Submission::parse(spelled.as_bytes()).map_err(|r| TestCaseError::fail(r.to_string()))?;
        prop_assert_eq!(submission.canonical(), expected.as_bytes());
        prop_assert_eq!(Submission::parse(expected.as_bytes()), Ok(submission));
        fuzzing::submission(expected.as_bytes());
        fuzzing::submission(spelled.as_bytes());
        fuzzing::entry(&sealed(&record));
    }

    #[test]
    fn doubles_print_as_the_oracle_says(value in double()) {
        prop_assert_eq!(canonical(format!("{value:e}").as_bytes()), Ok(ecmascript(value).into_bytes()));
    }

    #[test]
    fn nearly_a_record(text in bent(record().prop_map(|record| expected(&record).into_bytes()))) {
        fuzzing::submission(&text);
    }

    #[test]
    fn nearly_the_smallest_record(text in bent(Just(RECORD.as_bytes().to_vec()))) {
        fuzzing::submission(&text);
    }

    #[test]
    fn nearly_an_entry(entry in bent(record().prop_map(|record| sealed(&record)))) {
        fuzzing::entry(&entry);
    }

    #[test]
    fn nearly_handed_in(text in bent(select(handed_in()))) {
        fuzzing::handed(&text);
    }

    #[test]
    fn bodies_and_nearly_bodies(records in vec(json(), 0..6), seed in 1..u64::MAX) {
        let array = spelled(&Json::Array(records.clone()), &mut Chance(seed));
        fuzzing::split(array.as_bytes());
        let lines: Vec<_> = records.iter().map(expected).collect();
        fuzzing::split(lines.join("\n").as_bytes());
    }

    #[test]
    fn nearly_an_array(body in bent(vec(json(), 0..6).prop_map(|values| expected(&Json::Array(values)).into_bytes()))) {
        fuzzing::split(&body);
    }

    #[test]
    fn any_bytes(data in vec(any::<u8>(), 0..200)) {
        fuzzing::submission(&data);
        fuzzing::entry(&data);
        fuzzing::split(&data);
    }

    #[test]
    fn any_bytes_that_look_like_json(data in vec(proptest::sample::select(br#"{}[]",:\/u0aed19.+-eEtfn "#.to_vec()), 0..60)) {
        fuzzing::submission(&data);
        fuzzing::entry(&data);
        fuzzing::split(&data);
    }
}

/// Records as they are handed in: with content, wrapped, with something beside them.
fn handed_in() -> Vec<Vec<u8>> {
    let examples = record::model::examples().map(|(_, json)| json.to_owned());
    let content = RECORD
        .replace("action.requested\"}", "x-note\",\"input\":{\"content\":\"a\\nb\"},\"purpose\":\"p\"}");
    let wrapped = format!("{{\"record\":{content},\"disclosures\":[]}}");
    examples.chain([content, wrapped]).map(String::into_bytes).collect()
}
