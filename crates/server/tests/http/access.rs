//! Who may submit and who may look: every row of the table, with every token and with none.

use server::access::Role::{self, Admin, Auditor, Investigator, Submitter};

use crate::{bearers::make, contract::DESCRIPTION, records::record, served::Setup};

const READERS: &[Role] = &[Investigator, Auditor, Admin];

/// What may be asked of a log of records, how, and by whom; nobody in the list is everybody.
const ASKED: [(&str, &str, &[Role]); 28] = [
    ("GET", "/checkpoint", &[]),
    ("GET", "/tile/0/000.p/1", &[]),
    ("GET", "/tile/entries/000.p/1", READERS),
    ("HEAD", "/tile/entries/000.p/1", READERS),
    ("GET", "/v1/proofs/inclusion?index=0", &[]),
    ("GET", "/v1/proofs/consistency?old=1", &[]),
    ("GET", "/v1/log", &[]),
    ("GET", "/v1/log/keys", &[]),
    ("GET", "/v1/records/0", READERS),
    ("HEAD", "/v1/records/0", READERS),
    ("POST", "/v1/records", &[Submitter]),
    ("GET", "/v1/tokens", &[Admin]),
    ("POST", "/v1/tokens", &[Admin]),
    ("DELETE", "/v1/tokens/00000000", &[Admin]),
    ("GET", "/v1/schema", &[]),
    ("GET", "/v1/records", READERS),
    ("GET", "/v1/sessions/s-1", READERS),
    ("POST", "/v1/evidence", READERS),
    ("GET", "/v1/payloads/aAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", READERS),
    ("POST", "/v1/erasures", &[Admin]),
    ("GET", "/v1/holds", READERS),
    ("POST", "/v1/holds", &[Admin]),
    ("POST", "/v1/holds/h/release", &[Admin]),
    ("GET", "/metrics", &[]),
    ("GET", "/healthz", &[]),
    ("GET", "/readyz", &[]),
    ("GET", "/openapi.json", &[]),
    ("GET", "/", &[]),
];

fn body_of(method: &str, target: &str) -> Vec<u8> {
    match (method, target) {
        ("POST", "/v1/records") => body(0),
        ("POST", "/v1/evidence") => br#"{"session":"s-1"}"#.to_vec(),
        ("POST", "/v1/erasures") => br#"{"ground":"g","session":"s-none"}"#.to_vec(),
        ("POST", "/v1/holds") => br#"{"id":"h","ground":"g","session":"s"}"#.to_vec(),
        ("POST", "/v1/holds/h/release") => br#"{"ground":"g"}"#.to_vec(),
        _ => vec![],
    }
}

/// Whether a target is of a route, whose segments in braces are anything.
fn is_of(target: &str, route: &str) -> bool {
    let (target, _) = target.split_once('?').unwrap_or((target, ""));
    let (open, _) = route.split_once("{*").unwrap_or((route, ""));
    if open.len() < route.len() {
        return target.starts_with(open);
    }
    let (target, route): (Vec<_>, Vec<_>) = (target.split('/').collect(), route.split('/').collect());
    target.len() == route.len() && target.iter().zip(&route).all(|(a, b)| b.starts_with('{') || a == b)
}

#[test]
fn nothing_in_the_table_is_left_out_here() {
    for right in &server::rights::TABLE {
        let is_asked = |(method, target, _): &(&str, &str, &[Role])| {
            *method == right.method.as_str() && is_of(target, right.route)
        };
        let raw_only = right.route == server::routes::ADD;
        assert!(raw_only || ASKED.iter().any(is_asked), "{} {}", right.method, right.route);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_lets_in_whom_the_table_names_and_nobody_else() {
    let (setup, bearers) = Setup::records().under_tokens();
    let served = setup.serve().await;
    let first = served.ask_as(bearers.of(Submitter), "POST", "/v1/records?wait=published", &body(0)).await;
    assert_eq!(first.status, 200, "{first:?}");
    for (method, target, roles) in ASKED {
        let body = body_of(method, target);
        let nobody = served.ask_as("", method, target, &body).await;
        assert_eq!(nobody.status == 401, !roles.is_empty(), "{method} {target} without a token: {nobody:?}");
        for role in Role::ALL {
            let answer = served.ask_as(bearers.of(role), method, target, &body).await;
            let let_in = roles.is_empty() || roles.contains(&role);
            assert_eq!(answer.status == 403, !let_in, "{method} {target} as {role}: {answer:?}");
            assert!(answer.status != 401, "{method} {target} as {role}");
            if let_in && !matches!(method, "DELETE") && target != "/v1/tokens" {
                // A content that nobody handed in, and a hold that is placed or released already.
                let other = if target.starts_with("/v1/payloads/") { 404 } else { 409 };
                let once = target.starts_with("/v1/payloads/")
                    || method == "POST" && target.starts_with("/v1/holds");
                assert!(
                    answer.status == 200 || once && answer.status == other,
                    "{method} {target} as {role}: {answer:?}"
                );
            }
            if method != "HEAD" && !let_in {
                let problem = answer.problem(403);
                assert_eq!(problem.kind, "role-missing");
                assert!(
                    roles.iter().all(|role| problem.detail.contains(role.as_str())),
                    "{}",
                    problem.detail
                );
                assert_eq!(answer.header("www-authenticate"), Some("Bearer error=\"insufficient_scope\""));
            }
        }
    }
}

fn body(number: u64) -> Vec<u8> {
    record(number).to_string().into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_raw_log_is_read_by_everybody_and_written_by_submitters() {
    let (setup, bearers) = Setup::raw().under_tokens();
    let served = setup.serve().await;
    assert_eq!(served.ask_as("", "POST", "/add", b"x").await.problem(401).kind, "no-token");
    assert_eq!(
        served.ask_as(bearers.of(Admin), "POST", "/add", b"x").await.problem(403).kind,
        "role-missing"
    );
    assert_eq!(served.ask_as(bearers.of(Submitter), "POST", "/add", b"x").await.text(), "0\n");
    served.published(1).await;
    for target in ["/tile/entries/000.p/1", "/v1/records/0", "/tile/0/000.p/1"] {
        assert_eq!(served.get(target).await.status, 200, "{target}");
    }
    let bundle = served.get("/tile/entries/000.p/1").await;
    assert_eq!(bundle.header("access-control-allow-origin"), Some("*"));
    assert_eq!(bundle.header("cache-control"), Some("public, max-age=604800, immutable"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_role_is_needed_for_is_kept_by_no_cache_and_shown_to_no_other_origin() {
    let (setup, bearers) = Setup::records().under_tokens();
    let served = setup.serve().await;
    served.ask_as(bearers.of(Submitter), "POST", "/v1/records?wait=published", &body(0)).await;
    let auditor = bearers.of(Auditor);
    for target in ["/tile/entries/000.p/1", "/v1/records/0"] {
        let answer = served.get_as(auditor, target).await;
        assert_eq!(answer.header("cache-control"), Some("private, no-store"), "{target}");
        assert_eq!(answer.header("access-control-allow-origin"), None, "{target}");
    }
    for (target, status) in [("/tile/entries/000.p/1", 401), ("/tile/entries/001", 404)] {
        let token = if status == 404 { auditor } else { "" };
        let answer = served.get_as(token, target).await;
        assert_eq!((answer.status, answer.header("cache-control")), (status, Some("no-store")), "{target}");
        assert_eq!(answer.header("access-control-allow-origin"), None, "{target}");
    }
    let tile = served.get_as(auditor, "/tile/0/000.p/1").await;
    assert_eq!(tile.header("access-control-allow-origin"), Some("*"), "hash tiles are public as ever");
    assert_eq!(tile.header("cache-control"), Some("public, max-age=604800, immutable"));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_spelling_of_a_bundles_path_leads_nowhere() {
    let (setup, bearers) = Setup::records().under_tokens();
    let served = setup.serve().await;
    served.ask_as(bearers.of(Submitter), "POST", "/v1/records?wait=published", &body(0)).await;
    for target in [
        "/tile/%65ntries/000.p/1",
        "/tile//entries/000.p/1",
        "/tile/./entries/000.p/1",
        "/tile/0/../entries/000.p/1",
        "/tile/Entries/000.p/1",
        "/tile/entries%2f000.p/1",
        "//tile/entries/000.p/1",
    ] {
        assert_eq!(served.get(target).await.problem(404).kind, "not-found", "{target}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guessed_an_expired_and_a_revoked_token_are_refused_and_counted() {
    let (setup, bearers) = Setup::records().under_tokens();
    let clock = setup.clock.clone();
    let served = setup.serve().await;
    let start = testkit::sample::START_MS;
    let brief = make(served.tokens(), &[Auditor], Some(start + 1_000));
    let asked = "/v1/records/999";
    assert_eq!(served.get_as(&brief, asked).await.status, 404, "let in: there is no record yet");
    clock.set(start + 1_000);
    let revoked = make(served.tokens(), &[Auditor], None);
    let id = served.tokens().list().tokens().last().unwrap().id;
    assert_eq!(
        served.ask_as(bearers.of(Admin), "DELETE", &format!("/v1/tokens/{id}"), b"").await.status,
        200
    );
    let guess = server::access::Secret::new(&[9; 32]);
    let auditor = bearers.of(Auditor).to_owned();
    for (token, kind, word) in [
        (guess.text(), "bad-token", "does not know"),
        (&auditor[..51], "bad-token", "copied whole"),
        (&auditor.to_uppercase(), "bad-token", "does not know"),
        ("", "no-token", "Authorization: Bearer"),
        (&brief, "bad-token", "expired"),
        (&revoked, "bad-token", "revoked"),
    ] {
        let answer = served.get_as(token, asked).await;
        let problem = answer.problem(401);
        assert_eq!(problem.kind, kind, "{token}");
        assert!(problem.detail.contains(word), "{}", problem.detail);
        let challenge = if token.is_empty() { "Bearer" } else { "Bearer error=\"invalid_token\"" };
        assert_eq!(answer.header("www-authenticate"), Some(challenge));
    }
    let metrics = served.get("/metrics").await;
    for line in [
        r#"deedbook_denied_total{why="none"} 1"#,
        r#"deedbook_denied_total{why="unknown"} 3"#,
        r#"deedbook_denied_total{why="expired"} 1"#,
        r#"deedbook_denied_total{why="revoked"} 1"#,
        r#"deedbook_http_requests_total{route="/v1/records/{record}",status="401"} 6"#,
    ] {
        assert!(metrics.text().lines().any(|each| each == line), "{line} is not in\n{}", metrics.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_taken_from_one_authorization_field_and_from_nowhere_else() {
    let (setup, bearers) = Setup::records().under_tokens();
    let served = setup.serve().await;
    let token = bearers.of(Auditor);
    let asked = "/tile/entries/000.p/200";
    let bearer = format!("Bearer {token}");
    for headers in [
        &[("authorization", bearer.as_str()), ("authorization", bearer.as_str())][..],
        &[("authorization", token)],
        &[("cookie", token)],
        &[("x-authorization", bearer.as_str())],
    ] {
        assert_eq!(served.ask("GET", asked, headers, b"").await.status, 401, "{headers:?}");
    }
    assert_eq!(served.get(&format!("/v1/records/999?access_token={token}")).await.status, 401);
    let lower = format!("bearer {token}");
    assert_eq!(served.ask("GET", asked, &[("authorization", &lower)], b"").await.status, 404, "let in");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_somebody_without_a_token_is_not_waited_for() {
    let (setup, _) = Setup::records().under_tokens();
    let served = setup.serve().await;
    let head = "POST /v1/records HTTP/1.1\r\nhost: log.test\r\ncontent-type: application/json\r\n\
                content-length: 30000000\r\nconnection: close\r\n\r\n";
    let answer = crate::asking::Answer::parse(&served.exchange(head.as_bytes()).await, "POST");
    assert_eq!(answer.problem(401).kind, "no-token");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_says_which_token_submitted_it() {
    let (setup, bearers) = Setup::records().under_tokens();
    let served = setup.serve().await;
    let answer = served.ask_as(bearers.of(Submitter), "POST", "/v1/records", &body(0)).await;
    assert_eq!(answer.json()["items"][0]["log"]["submitter"], "the submitter");
    let open = Setup::records().serve().await.submit("", record(0).to_string()).await;
    assert_eq!(open.json()["items"][0]["log"]["submitter"], "open");
}

#[test]
fn the_table_has_a_row_for_every_operation_and_the_description_says_who_may() {
    for right in &server::rights::TABLE {
        let path = right.route.replace("{*", "{");
        let operation = &DESCRIPTION["paths"][&path][right.method.as_str().to_lowercase()];
        assert!(operation.is_object(), "{} {path} is in the table and nowhere else", right.method);
        let needs = operation["description"].as_str().unwrap_or_default();
        if let server::rights::Who::Roles(roles) = right.who {
            assert!(roles.iter().all(|role| needs.contains(role.as_str())), "{path}: {needs}");
            for status in ["401", "403"] {
                assert!(operation["responses"][status].is_object(), "{path}: {status}");
            }
            assert_eq!(operation["security"][1]["token"], serde_json::json!([]), "{path}");
        }
    }
    for (path, item) in DESCRIPTION["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let mut rows = server::rights::TABLE.iter();
            let has = rows.any(|right| {
                right.route.replace("{*", "{") == *path && right.method.as_str().eq_ignore_ascii_case(method)
            });
            assert!(has, "{method} {path} is not in the table");
        }
    }
    assert_eq!(DESCRIPTION["components"]["securitySchemes"]["token"]["scheme"], "bearer");
}
