//! Secrets that are found, and everything that looks a little like one and is not. No token here was ever anybody's: the
//! random parts are made by a seeded generator.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use proptest::prelude::*;
use record::secret::{CONTENT_MEMBERS, Kind, find, find_in_bytes, find_in_fields};
use record::{Disclosure, Submission, fuzzing};
use serde_json::json;
use testkit::{Chance, airline, sample};

use crate::record_with;

const DIGITS_AND_LETTERS: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE64URL: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";
const BASE64: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz+/";
const HEX: &str = "0123456789abcdef";
const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// `count` characters of `alphabet`, without a pattern; with letters of both cases and a digit where it has them.
fn random(alphabet: &str, count: usize) -> String {
    let characters: Vec<char> = alphabet.chars().collect();
    let mut chance = Chance::seeded(count as u64);
    (0..count).map(|n| characters[(n * 23 + 7 + chance.below(5) as usize) % characters.len()]).collect()
}

fn jwt(header: &str) -> String {
    let payload = BASE64_URL_SAFE_NO_PAD.encode(r#"{"sub":"u-1842"}"#);
    format!("{}.{payload}.{}", BASE64_URL_SAFE_NO_PAD.encode(header), random(BASE64URL, 43))
}

fn pem(label: &str) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", random(BASE64, 64))
}

/// One of each kind, with the name of the kind.
fn secrets() -> Vec<(Kind, String)> {
    let alnum = |mark: &str, count| format!("{mark}{}", random(DIGITS_AND_LETTERS, count));
    let url = |mark: &str, count| format!("{mark}{}", random(BASE64URL, count));
    let hex = |mark: &str, count| format!("{mark}{}", random(HEX, count));
    let base64 = |mark: &str, count| format!("{mark}{}", random(BASE64, count));
    let of = |issuer| move |token: String| (Kind::ApiKey(issuer), token);
    let mut all = Vec::new();
    all.extend(
        [
            jwt(r#"{"alg":"HS256","typ":"JWT"}"#),
            jwt(r#"{"typ":"JWT","alg":"RS256","kid":"a"}"#),
            jwt(r#"{ "alg" : "ES256" }"#),
            jwt("{\n  \"alg\": \"EdDSA\"\n}"),
            jwt("{\r\n\"alg\":\"EdDSA\"}"),
            jwt("{\t\"\\u0061lg\":\"EdDSA\"}"),
            // JWE (RFC 7516), with and without an encrypted key.
            format!("{}.{}", jwt(r#"{"alg":"RSA-OAEP","enc":"A256GCM"}"#), "AAAA.BBBB"),
            format!(
                "{}..{}.{}.{}",
                BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"dir","enc":"A256GCM"}"#),
                random(BASE64URL, 16),
                random(BASE64URL, 80),
                random(BASE64URL, 22)
            ),
        ]
        .map(|token| (Kind::Jwt, token)),
    );
    all.extend(
        [
            pem("PRIVATE KEY"),
            pem("RSA PRIVATE KEY"),
            pem("EC PRIVATE KEY"),
            pem("ENCRYPTED PRIVATE KEY"),
            pem("OPENSSH PRIVATE KEY"),
            pem("PRIVATE KEY").replace('\n', "\\n"),
            pem("PRIVATE KEY").replace('\n', "\r\n"),
            pem("RSA PRIVATE KEY").replacen(
                '\n',
                "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0123456789ABCDEF\n\n",
                1,
            ),
            pem("PGP PRIVATE KEY BLOCK").replacen('\n', "\nVersion: GnuPG v2\nComment: mine\n\n", 1),
            format!("AGE-SECRET-KEY-1{}", random(UPPER, 58)),
            format!("untrusted comment: minisign secret key\nRWRTY0Iy{}", random(BASE64, 204)),
            format!(
                "PRIVATE+KEY+log.example/audit+0a1b2c3d+{}",
                BASE64_STANDARD.encode(std::array::from_fn::<u8, 33, _>(|n| n as u8 * 7))
            ),
        ]
        .map(|token| (Kind::PrivateKey, token)),
    );
    all.extend(
        [
            format!("Bearer {}", random(BASE64URL, 43)),
            format!("bearer  {}", random(DIGITS_AND_LETTERS, 32)),
            format!("BEARER {}==", random(BASE64, 42)),
            format!("Bearer {}", random(HEX, 32)),
            "Bearer 0198f0c2-7d1e-7c3a-9a54-1f2f6f1f9b10".into(),
            format!("Authorization: Bearer {}", random(BASE64URL, 30)),
            format!("authorization: token {}", random(HEX, 40)),
            format!("AUTHORIZATION={}", random(DIGITS_AND_LETTERS, 40)),
            format!("Proxy-Authorization: Basic {}", BASE64_STANDARD.encode("alice:pass")),
            format!("{{\"Authorization\":\"Basic {}\"}}", BASE64_STANDARD.encode("alice:correct horse")),
            format!("{{\\\"Authorization\\\": \\\"Bearer {}\\\"}}", random(BASE64URL, 43)),
            format!("curl -H 'authorization: ApiKey {}'", random(BASE64URL, 40)),
        ]
        .map(|token| (Kind::Authorization, token)),
    );
    all.push((Kind::DeedbookToken, url("dbk_", 43)));
    all.extend(
        [
            alnum("sk-", 48),
            format!("sk-{}T3BlbkFJ{}", random(DIGITS_AND_LETTERS, 20), random(DIGITS_AND_LETTERS, 20)),
            format!("sk-proj-{}T3BlbkFJ{}", random(BASE64URL, 74), random(BASE64URL, 74)),
            url("sk-svcacct-", 120),
            format!("sk-ant-api03-{}AA", random(BASE64URL, 93)),
            format!("sk-ant-admin01-{}AA", random(BASE64URL, 93)),
            hex("sk-or-v1-", 64),
            hex("sk-", 32),
        ]
        .map(of("a model's provider (sk-)")),
    );
    all.extend([alnum("xai-", 80)].map(of("xAI")));
    all.extend([alnum("gsk_", 52)].map(of("Groq")));
    all.extend([alnum("pplx-", 48)].map(of("Perplexity")));
    all.extend([format!("hf_{}", random(LETTERS, 34))].map(of("Hugging Face")));
    all.extend(["ghp_", "gho_", "ghu_", "ghs_", "ghr_"].map(|mark| alnum(mark, 36)).map(of("GitHub")));
    let fine_grained =
        format!("github_pat_{}_{}", random(DIGITS_AND_LETTERS, 22), random(DIGITS_AND_LETTERS, 59));
    all.extend([fine_grained].map(of("GitHub")));
    all.extend(
        [
            url("glpat-", 20),
            url("gldt-", 20),
            url("glrt-", 20),
            url("glcbt-64_", 20),
            url("glsoat-", 20),
            hex("glptt-", 40),
            url("glpat-", 27) + ".01.0w1a2b3c4",
        ]
        .map(of("GitLab")),
    );
    all.extend([alnum("npm_", 36)].map(of("npm")));
    all.extend([url("pypi-AgEIcHlwaS5vcmc", 100)].map(of("PyPI")));
    all.extend([hex("rubygems_", 48)].map(of("RubyGems")));
    all.extend([url("dckr_pat_", 27), url("dckr_oat_", 32)].map(of("Docker")));
    all.extend([hex("pul-", 40)].map(of("Pulumi")));
    let secret = random(BASE64, 40);
    all.extend(
        [
            format!("AKIA{},{secret}", random(UPPER, 16)),
            format!("{{\"AccessKeyId\":\"ASIA{}\",\"x\":\"{secret}\"}}", random(UPPER, 16)),
            format!("aws_secret_access_key = {secret}"),
            format!("AWS_SECRET_ACCESS_KEY={secret}"),
            format!("\"SecretAccessKey\": \"{secret}\""),
            format!("\\\"secretAccessKey\\\":\\\"{secret}\\\""),
            base64("ABSK", 120),
        ]
        .map(of("AWS")),
    );
    all.extend([url("AIza", 35), url("GOCSPX-", 28), url("ya29.a0", 60)].map(of("Google")));
    all.extend(["dop_v1_", "doo_v1_", "dor_v1_"].map(|mark| hex(mark, 64)).map(of("DigitalOcean")));
    all.extend([hex("dapi", 32)].map(of("Databricks")));
    all.extend([url("hvs.", 95), url("hvb.", 140)].map(of("HashiCorp Vault")));
    all.extend(
        [
            format!("xoxb-123456789012-1234567890123-{}", random(DIGITS_AND_LETTERS, 24)),
            format!("xoxp-12345678901-12345678901-123456789012-{}", random(HEX, 32)),
            format!("xoxe.xoxp-1-{}", random(DIGITS_AND_LETTERS, 160)),
            format!("xoxe-1-{}", random(DIGITS_AND_LETTERS, 146)),
            format!("xapp-1-A0123456789-1234567890123-{}", random(HEX, 64)),
        ]
        .map(of("Slack")),
    );
    all.extend([url("SG.", 22) + &url(".", 43)].map(of("SendGrid")));
    all.extend(
        [
            alnum("sk_live_", 24),
            alnum("sk_test_", 99),
            alnum("rk_live_", 24),
            alnum("rk_test_", 24),
            base64("whsec_", 32),
        ]
        .map(of("Stripe")),
    );
    all.extend([hex("shpat_", 32), hex("shpss_", 32)].map(of("Shopify")));
    all.extend([alnum("lin_api_", 40)].map(of("Linear")));
    all.extend([url("ATATT3", 186)].map(of("Atlassian")));
    all.extend([hex("sntryu_", 64)].map(of("Sentry")));
    all.extend([alnum("glsa_", 32) + "_0a1b2c3d"].map(of("Grafana")));
    all
}

#[test]
fn each_secret_is_found_wherever_it_stands() {
    for (kind, secret) in secrets() {
        for (before, after) in [
            ("", ""),
            ("token=", "&x=1"),
            ("see \"", "\", please"),
            ("é\n", "\n"),
            ("(", ")"),
            ("{\"k\":\"", "\"}"),
        ] {
            let text = format!("{before}{secret}{after}");
            let found = find(&text);
            assert_eq!(found.map(|found| found.kind), Some(kind), "{text}");
            let at = found.unwrap().at;
            assert!((before.len()..before.len() + secret.len()).contains(&at), "{at} in {text}");
            assert_eq!(
                find_in_bytes(&[b"\xff\x00", text.as_bytes(), b"\xff"].concat()).map(|found| found.kind),
                Some(kind)
            );
        }
    }
}

/// The same with letters before it, one character fewer, or nothing but a placeholder: no secret.
#[test]
fn what_is_nearly_a_secret_is_none() {
    let cut = |token: String| token[..token.len() - 1].to_owned();
    let alnum = |mark: &str, count| format!("{mark}{}", random(DIGITS_AND_LETTERS, count));
    let hex = |mark: &str, count| format!("{mark}{}", random(HEX, count));
    let url = |mark: &str, count| format!("{mark}{}", random(BASE64URL, count));
    let secret = random(BASE64, 40);
    let key_id = format!("AKIA{}", random(UPPER, 16));
    let table: Vec<(&str, String)> = vec![
        ("words", "sk-learn, task-force, desk-research-and-development-department, risk-based".into()),
        ("a package", "pip install sk-learn-contrib-extension-package-for-everyone-2024".into()),
        ("a word before the mark", alnum("task-", 48)),
        ("a number before the mark", alnum("4ghp_", 36)),
        ("sk- and a UUID", "sk-0198f0c2-7d1e-7c3a-9a54-1f2f6f1f9b10".into()),
        ("sk- too short", hex("sk-", 31)),
        ("sk- with letters alone", format!("sk-{}", random(LETTERS, 40))),
        ("sk-proj- and words", "sk-proj-is-the-mark-that-keys-of-projects-begin-with-as-we-said".into()),
        ("a placeholder", format!("sk-{}", "x".repeat(48))),
        ("another placeholder", "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx".into()),
        ("a placeholder of digits", "sk_live_1234123412341234123412341234".into()),
        ("GitHub, one character fewer", cut(alnum("ghp_", 36))),
        ("GitHub, fine-grained, one fewer", alnum("github_pat_", 81)),
        (
            "GitHub's own words",
            "github_pat_is_the_mark_of_a_fine_grained_personal_access_token_as_github_documents_it_today"
                .into(),
        ),
        ("GitLab, one fewer", cut(url("glpat-", 20))),
        ("GitLab's words", "glpat-is-the-default-prefix-of-tokens".into()),
        ("npm, one fewer", cut(alnum("npm_", 36))),
        ("npm, one more", alnum("npm_", 37)),
        ("npm's configuration", "npm_config_registry_of_the_organisation_for_all".into()),
        ("Google, one fewer", cut(url("AIza", 35))),
        ("Google, words of that length", "AIza_aaaaa_bbbbbbbb_cccc_dd_eeeeee_ffff".into()),
        ("Google, one more", url("AIza", 36)),
        ("Hugging Face, one more", format!("hf_{}", random(LETTERS, 35))),
        ("a function", "hf_transfer_enabled_for_this_session_by_default".into()),
        ("Slack's words", "xoxb-tokens-belong-to-bots-and-xoxp-tokens-to-users".into()),
        ("Slack, a short one", "xoxb-1234567890".into()),
        ("Stripe's published key", alnum("pk_live_", 24)),
        ("Stripe, too short", alnum("sk_live_", 15)),
        ("a table", "dbk_internal_accounts_backup_2024_eu_west".into()),
        ("an AWS key id alone", key_id.clone()),
        ("an AWS key id and a SHA-1", format!("{key_id} {}", random(HEX, 40))),
        ("an AWS key id, too long", format!("{key_id}A {secret}")),
        ("an AWS key id, the secret far away", format!("{key_id}{}{secret}", " ".repeat(257))),
        ("an AWS secret without a mark", secret.clone()),
        ("the name of the variable", "set aws_secret_access_key to the secret, never in a file".into()),
        ("a longer name", format!("aws_secret_access_key{secret}")),
        ("the variable and a digest", format!("aws_secret_access_key={}", random(HEX, 40))),
        ("the variable and 41 characters", format!("aws_secret_access_key={}", random(BASE64, 41))),
        ("SendGrid, one fewer", url("SG.", 22) + &url(".", 42)),
        ("an abbreviation", "SG. stands for Singapore".into()),
        ("a version", "hvs.2024.11.3".into()),
        ("Databricks' word", "dapi_documentation_and_examples_for_all_versions".into()),
        ("Databricks, one more", hex("dapi", 33)),
        ("age, one fewer", format!("AGE-SECRET-KEY-1{}", random(UPPER, 57))),
        ("age, the public key", format!("age1{}", random("qpzry9x8gf2tvdw0s3jn54khce6mua7l", 58))),
        ("a public key", pem("PUBLIC KEY")),
        ("a certificate", pem("CERTIFICATE")),
        ("a public key of OpenPGP", pem("PGP PUBLIC KEY BLOCK")),
        ("a signature of OpenPGP", pem("PGP SIGNATURE")),
        ("the line alone", "refuse what holds -----BEGIN PRIVATE KEY----- in a field".into()),
        ("the line and a placeholder", format!("-----BEGIN PRIVATE KEY-----\n{}\n", "X".repeat(64))),
        ("the line, cut", format!("-----BEGIN PRIVATE KEY\n{}", random(BASE64, 64))),
        ("a vkey", "log.example/audit+0a1b2c3d+AQ1yh0qnH0cPSrEWnZWVLDKhRDhWjGBhbB1l6X6YGPoz".into()),
        ("the mark of a skey", "PRIVATE+KEY+<name>+<hash>+<key>".into()),
        ("a skey without a name", format!("PRIVATE+KEY++0a1b2c3d+{}", random(BASE64, 44))),
        ("a skey, cut", format!("PRIVATE+KEY+a+0a1b2c3d+{}", random(BASE64, 43))),
        ("minisign's public key", format!("RWQf6LRCGA9i5{}", random(BASE64, 43))),
        ("a header that is no object", jwt(r#"["alg"]"#)),
        ("an object without alg", jwt(r#"{"typ":"JWT","algorithm":"HS256"}"#)),
        ("alg inside only", jwt(r#"{"a":{"alg":"HS256"}}"#)),
        ("JSON with alg twice", jwt(r#"{"alg":"HS256","alg":"none"}"#)),
        ("a header alone", BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#)),
        ("two parts", jwt(r#"{"alg":"HS256"}"#).rsplit_once('.').unwrap().0.to_owned()),
        (
            "three parts, a short end",
            jwt(r#"{"alg":"HS256"}"#).rsplit_once('.').unwrap().0.to_owned() + ".md",
        ),
        (
            "an empty middle and three parts",
            format!("{}..{}", BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#), random(BASE64URL, 43)),
        ),
        ("no JSON", format!("eyJhbGci.eyJzdWIi.{}", random(BASE64URL, 43))),
        ("behind base64url, of which it is a part", format!("AAAA-{}", jwt(r#"{"alg":"HS256"}"#))),
        ("within something longer", format!("x{}", jwt(r#"{"alg":"HS256"}"#))),
        ("a disclosure", Disclosure::make([7; 16], "input", b"{\"alg\":1}").unwrap().into_text()),
        (
            "words after Bearer",
            "the bearer of this letter, a Bearer Authentication-based scheme, bearer token".into(),
        ),
        (
            "a placeholder after Bearer",
            "Bearer <token>, Bearer $TOKEN, Bearer ********************, Bearer YOUR_TOKEN_GOES_HERE".into(),
        ),
        ("a short word after Bearer", "Bearer abc123".into()),
        ("no space after Bearer", format!("Bearer{}", random(BASE64URL, 43))),
        (
            "a scheme of Authorization",
            "Authorization: Bearer, Authorization: none, authorization: required".into(),
        ),
        ("Authorization and a reference", "authorization: 0198f0c2-7d1e-7c3a-9a54-1f2f6f1f9b10".into()),
        ("Authorization and a digest", format!("authorization={}", random(HEX, 64))),
        ("Authorization and an algorithm", format!("authorization: sha256:{}", random(HEX, 64))),
        ("Authorization, details", format!("authorization_details: {}", random(BASE64URL, 43))),
        ("Authorization, no colon", format!("authorization {}", random(BASE64URL, 43))),
        ("Basic without a password", format!("Authorization: Basic {}", BASE64_STANDARD.encode("no colon"))),
        ("a scheme nobody knows", format!("authorization: human {}", random(BASE64URL, 43))),
        (
            "a Digest, which is no password",
            "Authorization: Digest username=\"Mufasa\", realm=\"a\", nonce=\"dcd98b7102dd2f0e\"".into(),
        ),
        (
            "a user's identity",
            "spiffe://acme.example/agent/crm https://idp.acme.example u-1842 alice@acme.example".into(),
        ),
        (
            "a call's id",
            "toolu_01A09q90qw90lq917835lq9 call_oIHazX6yQrB8hUwl4cRilFKj chatcmpl-9nKZ6XxV2bJd8QmR4tY7uW1pS3"
                .into(),
        ),
        ("a traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into()),
        ("an e-mail's subject", "RE: [JIRA] (SG-2231) sk-SK locale, AKIA logistics, ASIA office".into()),
        ("a locale", "sk-SK;q=0.8,en-US;q=0.5".into()),
        (
            "an image",
            "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk".into(),
        ),
    ];
    for (bend, text) in table {
        assert_eq!(find(&text), None, "{bend}: {text}");
        assert_eq!(find(&format!("\"{text}\"")), None, "{bend}: {text}");
    }
}

#[test]
fn the_first_of_several_is_told() {
    let (a, b) = (format!("npm_{}", random(DIGITS_AND_LETTERS, 36)), jwt(r#"{"alg":"HS256"}"#));
    assert_eq!(
        find(&format!("task-1 {a} {b}")).map(|found| (found.kind, found.at)),
        Some((Kind::ApiKey("npm"), 7))
    );
    assert_eq!(find(&format!("{b} {a}")).map(|found| (found.kind, found.at)), Some((Kind::Jwt, 0)));
}

fn in_record(member: &str) -> Vec<u8> {
    Submission::parse(record_with(&format!("{member},")).as_bytes()).unwrap().canonical().to_vec()
}

#[test]
fn fields_are_looked_at_in_all_depths_and_names_too() {
    let token = format!("ghp_{}", random(DIGITS_AND_LETTERS, 36));
    let escaped = token.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect::<Vec<_>>().concat();
    for (place, member, pointer) in [
        ("a member", format!("\"x-a\":\"{token}\""), "/x-a"),
        ("inside", format!("\"a\":{{\"b\":[1,{{\"c\":\"see {token}.\"}}]}}"), "/a/b/1/c"),
        ("a name", format!("\"{token}\":1"), ""),
        ("a name inside", format!("\"a\":[{{\"{token}\":1}}]"), "/a/0"),
        ("a value under such a name", format!("\"a\":{{\"{token}\":{{\"b\":\"{token}\"}}}}"), "/a"),
        ("escaped", format!("\"a\":\"{escaped}\""), "/a"),
        ("after an escape", format!("\"a\":\"x\\n{token}\""), "/a"),
        ("after an escape of six", format!("\"a\":\"x\\u001f{token}\""), "/a"),
        ("after a quote", format!("\"a\":\"{{\\\"k\\\":\\\"{token}\\\"}}\""), "/a"),
        ("a name with slashes", format!("\"a/b\":{{\"~\":\"{token}\"}}"), "/a~1b/~0"),
        ("a private key", format!("\"a\":\"{}\"", pem("PRIVATE KEY").replace('\n', "\\n")), "/a"),
        ("beside content", format!("\"input\":{{\"content\":\"x\",\"media\":\"{token}\"}}"), "/input/media"),
        (
            "under another content",
            format!("\"x\":{{\"input\":{{\"content\":\"{token}\"}}}}"),
            "/x/input/content",
        ),
        ("no content of that name", format!("\"input\":{{\"contents\":\"{token}\"}}"), "/input/contents"),
    ] {
        let found = find_in_fields(&in_record(&member), &CONTENT_MEMBERS);
        assert_eq!(found.as_ref().map(|found| found.0.as_str()), Some(pointer), "{place}");
        let shown = format!("{found:?} {}", found.as_ref().unwrap().1);
        assert!(!shown.contains(&token[4..]), "{shown}");
    }
}

/// As it stands, not canonical: the function does not depend on who calls it.
#[test]
fn an_escape_hides_nothing_in_json_that_is_not_canonical() {
    let token = format!("ghp_{}", random(DIGITS_AND_LETTERS, 36));
    let escaped = token.replace("ghp", "\\u0067\\u0068\\u0070");
    let found = find_in_fields(format!("{{\"a\": \"{escaped}\"}}").as_bytes(), &[]);
    assert_eq!(found, Some(("/a".into(), Kind::ApiKey("GitHub"))));
    let no_json = format!("{{\"a\": \"{token}");
    assert_eq!(find_in_fields(no_json.as_bytes(), &[]), Some((String::new(), Kind::ApiKey("GitHub"))));
}

#[test]
fn content_stops_no_record() {
    let token = format!("ghp_{}", random(DIGITS_AND_LETTERS, 36));
    let member = |side: &str, name: &str| format!("\"{side}\":{{\"{name}\":\"{token}\"}}");
    for side in ["input", "output"] {
        for name in ["content", "content_base64url"] {
            let record = in_record(&member(side, name));
            assert_eq!(find_in_fields(&record, &CONTENT_MEMBERS), None);
            assert_eq!(
                find_in_fields(&record, &[]),
                Some((format!("/{side}/{name}"), Kind::ApiKey("GitHub")))
            );
        }
    }
    let structured = in_record(&format!("\"input\":{{\"content\":{{\"a\":[\"{token}\"],\"{token}\":0}}}}"));
    assert_eq!(find_in_fields(&structured, &CONTENT_MEMBERS), None, "content that is a JSON value");
    let later = in_record(&format!("{},\"x\":\"{token}\"", member("input", "content")));
    assert_eq!(find_in_fields(&later, &CONTENT_MEMBERS).map(|found| found.0), Some("/x".into()));
}

#[test]
fn honest_records_hold_no_secret_not_even_in_content() {
    let mut count = 0;
    for (line, record) in airline::lines().zip(airline::records()) {
        let told = record.to_string();
        assert_eq!(find_in_fields(told.as_bytes(), &[]), None, "{told}");
        assert_eq!(find(&told), None, "{told}");
        assert_eq!(find(line), None, "{line}");
        count += 1;
    }
    assert_eq!(count, airline::RECORDS);
    let mut chance = Chance::seeded(11);
    for n in 0..20_000 {
        let record = sample::typical_record(n, &mut chance);
        assert_eq!(find_in_fields(&record, &[]), None, "{}", String::from_utf8_lossy(&record));
        assert_eq!(find_in_bytes(&record), None);
    }
}

/// Every secret in a text that was made to be slow: time must grow with length alone. Quadratic, this would take hours.
#[test]
fn marks_without_secrets_do_not_add_up() {
    for repeated in [
        "eyJ",
        "-eyJ",
        "eyJ.",
        "eyJ..",
        "sk-",
        "AKIA",
        "xoxb-",
        "-----BEGIN PRIVATE KEY-----",
        "PRIVATE+KEY+",
        "Bearer a1",
        "authorization: ",
        "hvs.",
    ] {
        let text = repeated.repeat((1 << 20) / repeated.len());
        assert_eq!(find(&text), None, "{repeated}");
    }
}

/// Random strings that audit records are full of.
fn honest() -> impl Strategy<Value = String> {
    let digest = any::<[u8; 32]>();
    prop_oneof![
        digest.prop_map(|bytes| BASE64_URL_SAFE_NO_PAD.encode(bytes)),
        digest.prop_map(|bytes| BASE64_STANDARD.encode(bytes)),
        digest.prop_map(|bytes| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()),
        any::<[[u8; 32]; 2]>().prop_map(|bytes| BASE64_URL_SAFE_NO_PAD.encode(bytes.concat())),
        any::<[[u8; 32]; 2]>().prop_map(|bytes| BASE64_STANDARD.encode(bytes.concat())),
        any::<u128>().prop_map(|bits| {
            let h = format!("{bits:032x}");
            format!("{}-{}-{}-{}-{}", &h[..8], &h[8..12], &h[12..16], &h[16..20], &h[20..])
        }),
        (any::<u32>(), any::<[u8; 32]>()).prop_map(|(id, key)| format!(
            "log.example+{id:08x}+{}",
            BASE64_STANDARD.encode([&[1][..], &key].concat())
        )),
        "[a-z]{2,8}(-[a-z]{2,10}){1,6}",
        "[a-z]{2,8}(_[a-z0-9]{2,10}){1,6}",
        "(sk|hf|xox|eyJ|AIza|dbk|npm|ghp|whsec|glpat)[-_.][a-z]{2,10}([-_.][a-z]{2,10}){0,5}",
    ]
}

/// Pieces of text in which marks and secrets turn up.
fn texts() -> impl Strategy<Value = String> {
    let pieces = secrets().into_iter().map(|(_, secret)| secret).collect::<Vec<_>>();
    let cut = proptest::sample::select(pieces.clone()).prop_flat_map(|secret| {
        (0..=secret.len()).prop_map(move |to| secret.get(..to).unwrap_or_default().to_owned())
    });
    let piece = prop_oneof![2 => honest(), 2 => cut, 1 => proptest::sample::select(pieces), 1 => any::<String>(), 2 => "[ .\\-_=:\"\n]{1,3}"];
    proptest::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_048))]

    #[test]
    fn what_records_are_full_of_is_no_secret(texts in proptest::collection::vec(honest(), 1..20)) {
        for text in &texts {
            prop_assert_eq!(find(text), None, "{}", text);
        }
        let joined = texts.join(" ");
        prop_assert_eq!(find(&joined), None, "{}", joined);
    }

    #[test]
    fn nearly_a_secret_in_any_bytes(text in texts(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        fuzzing::secret(text.as_bytes());
        let mut bytes = text.into_bytes();
        if !bytes.is_empty() {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        fuzzing::secret(&bytes);
    }

    #[test]
    fn any_bytes_for_secrets(data in proptest::collection::vec(any::<u8>(), 0..300)) {
        fuzzing::secret(&data);
    }
}

/// One digest in some hundred thousand has the mark of a key in it; it is no key where a record names a digest.
#[test]
fn a_digest_is_no_secret_whatever_it_looks_like() {
    let digest = "sk-aB3dE5gH7jK9mN1pQ2rS4tU6vW8xY0zA1bC3dE5k";
    assert!(digest.parse::<record::Sd>().is_ok() && find(digest).is_some(), "a digest that looks like a key");
    let found = |record: serde_json::Value| {
        find_in_fields(&testkit::canonical(&record), &record::secret::CONTENT_MEMBERS).map(|(at, _)| at)
    };
    for honest in [
        json!({"input": {"sd": digest}}),
        json!({"approval": {"binds": {"sd": digest, "record": "x"}}}),
        json!({"hold": {"sds": [digest, digest]}}),
        json!({"key": {"kid": digest, "public": digest, "replaces": digest}}),
        json!({"closed": {"last_sha256": digest}}),
    ] {
        assert_eq!(found(honest.clone()), None, "{honest}");
    }
    let longer = format!("{digest}AAAAAAAA");
    for (secret, at) in [
        (json!({"purpose": digest}), "/purpose"),
        (json!({"input": {"sd": longer}}), "/input/sd"),
        (json!({"input": {"sd": {"x": digest}}}), "/input/sd/x"),
        (json!({"hold": {"sds": [digest, longer]}}), "/hold/sds/0"),
        (json!({"x-sd": digest}), "/x-sd"),
        (json!({digest: {"sd": digest}}), ""),
    ] {
        assert_eq!(found(secret.clone()).as_deref(), Some(at), "{secret}");
    }
}
