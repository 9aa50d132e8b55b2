//! The description of the API against the server it describes. That every answer of every other test is declared is
//! checked where those answers are read: see [`crate::contract`].

use std::collections::BTreeSet;

use serde_json::{Value, json};
use server::access::Role;

use crate::{
    asking::Problem,
    contract::{DESCRIPTION, follows_schema},
    records::record,
    served::Setup,
};

const METHODS: [&str; 5] = ["get", "post", "put", "delete", "patch"];

/// Path, method and operation of all that is described.
fn operations() -> Vec<(String, String, Value)> {
    let mut all = vec![];
    for (path, item) in DESCRIPTION["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(METHODS.contains(&method.as_str()), "{method} {path}");
            all.push((path.clone(), method.clone(), operation.clone()));
        }
    }
    all
}

/// Every value of the description, from the top down.
fn walk<'a>(value: &'a Value, visit: &mut dyn FnMut(&'a Value)) {
    visit(value);
    match value {
        Value::Object(members) => members.values().for_each(|member| walk(member, visit)),
        Value::Array(values) => values.iter().for_each(|value| walk(value, visit)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_served_is_what_the_code_describes() {
    let served = Setup::records().serve().await;
    let answer = served.get("/openapi.json").await;
    assert_eq!(answer.json(), *DESCRIPTION);
}

#[test]
fn every_route_is_described_and_nothing_else() {
    let routes: BTreeSet<String> = server::routes::ALL.iter().map(|route| route.replace("{*", "{")).collect();
    let described: BTreeSet<String> = DESCRIPTION["paths"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(described, routes);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_described_operation_is_answered_by_its_own_route() {
    let (records, bearers) = Setup::records().under_tokens();
    let (records, raw) = (records.serve().await, Setup::raw().serve().await);
    let (admin, submitter) = (bearers.of(Role::Admin), bearers.of(Role::Submitter));
    let id = records.tokens().list().tokens().next().unwrap().id.to_string();
    let mut one = record(0);
    one["input"] = serde_json::json!({"content": "hello"});
    let one = one.to_string();
    let logged = records.ask_as(submitter, "POST", "/v1/records?wait=published", one.as_bytes()).await;
    assert_eq!(logged.status, 200);
    let entry: Value =
        serde_json::from_str(records.get_as(admin, "/v1/records/0").await.json()["entry"].as_str().unwrap())
            .unwrap();
    let sd = entry["record"]["input"]["sd"].as_str().unwrap().to_owned();
    assert_eq!(records.get_as(admin, "/v1/records?at_least=1").await.status, 200);
    for (path, method, _) in operations() {
        let target =
            path.replace("{record}", "0").replace("{path}", "entries/000.p/1").replace("{digest}", &sd);
        let target = target.replace("/sessions/{id}", "/sessions/s-1");
        let target = target.replace("/holds/{id}", "/holds/h").replace("{id}", &id);
        let target = match target.as_str() {
            "/v1/proofs/inclusion" => "/v1/proofs/inclusion?index=0".to_owned(),
            "/v1/proofs/consistency" => "/v1/proofs/consistency?old=1".to_owned(),
            other => other.to_owned(),
        };
        let served = if target == "/add" { &raw } else { &records };
        let token =
            if (target.as_str(), method.as_str()) == ("/v1/records", "post") { submitter } else { admin };
        let body: &[u8] = match target.as_str() {
            "/v1/tokens" => br#"{"name":"a","roles":["auditor"]}"#,
            "/v1/erasures" => br#"{"ground":"g","session":"s-none"}"#,
            "/v1/holds" => br#"{"id":"h","ground":"g","session":"s"}"#,
            "/v1/evidence" => br#"{"session":"s-1"}"#,
            "/v1/holds/h/release" => br#"{"ground":"g"}"#,
            _ => b"[]",
        };
        let answer = served.ask_as(token, &method.to_uppercase(), &target, body).await;
        assert_eq!(answer.status, 200, "{method} {target}");
    }
}

#[test]
fn its_structure_is_that_of_openapi_3_1() {
    assert_eq!(DESCRIPTION["openapi"].as_str().map(|version| &version[..4]), Some("3.1."));
    for member in ["title", "version"] {
        assert!(DESCRIPTION["info"][member].is_string(), "{member}");
    }
    let tags: BTreeSet<_> =
        DESCRIPTION["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations() {
        let place = format!("{method} {path}");
        assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{place}: an id twice");
        assert!(operation["summary"].is_string(), "{place}: no summary");
        for tag in operation["tags"].as_array().unwrap() {
            assert!(tags.contains(tag.as_str().unwrap()), "{place}: {tag} is no tag");
        }
        check_parameters(&place, &path, &operation);
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.contains_key("200"), "{place}");
        for (status, response) in responses {
            assert!(
                status.parse::<u16>().is_ok_and(|status| (200..600).contains(&status)),
                "{place}: {status}"
            );
            assert!(response["description"].is_string(), "{place}: {status}");
            let content = response["content"].as_object().unwrap();
            assert!(content.values().all(|media| media["schema"].is_object()), "{place}: {status}");
        }
    }
}

/// A name in the path is a parameter, and the other way round.
fn check_parameters(place: &str, path: &str, operation: &Value) {
    let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
    let named = |within: &str| -> BTreeSet<String> {
        let parameters = parameters.iter().filter(|parameter| parameter["in"] == within);
        parameters.map(|parameter| parameter["name"].as_str().unwrap().to_owned()).collect()
    };
    let in_path: BTreeSet<String> =
        path.split('{').skip(1).map(|part| part.split('}').next().unwrap().to_owned()).collect();
    assert_eq!(named("path"), in_path, "{place}");
    for parameter in &parameters {
        assert!(parameter["schema"].is_object(), "{place}: {parameter}");
        assert!(parameter["in"] != "path" || parameter["required"] == true, "{place}: {parameter}");
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let (mut references, mut leading) = (0, BTreeSet::new());
    walk(&DESCRIPTION, &mut |value| {
        if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            references += 1;
            let pointer = reference.strip_prefix('#').unwrap_or_else(|| panic!("{reference} leads outside"));
            assert!(DESCRIPTION.pointer(pointer).is_some(), "{reference} leads nowhere");
            leading.insert(reference.to_owned());
        }
    });
    assert!(references > 10);
    for schema in DESCRIPTION["components"]["schemas"].as_object().unwrap().keys() {
        assert!(leading.contains(&format!("#/components/schemas/{schema}")), "nothing leads to {schema}");
    }
}

#[test]
fn the_problem_has_exactly_the_members_that_the_schema_names() {
    let schema = &DESCRIPTION["components"]["schemas"]["Problem"];
    let members: BTreeSet<_> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    let expected = ["type", "title", "status", "detail", "code", "path", "offset", "limit", "index"];
    assert_eq!(members, expected.into_iter().collect());
    let required: BTreeSet<_> =
        schema["required"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert_eq!(required, ["type", "title", "status", "detail"].into_iter().collect());
}

#[test]
fn every_kind_of_problem_has_one_status_and_one_title() {
    let mut names = BTreeSet::new();
    for code in server::problem::Code::ALL {
        let problem = server::problem::Problem::new(code, "what happened");
        let json = serde_json::to_value(&problem).unwrap();
        follows_schema(&json);
        assert_eq!((&json["status"], &json["title"]), (&json!(code.status().as_u16()), &json!(code.title())));
        assert_eq!(Problem::of(json).kind, code.name());
        assert!(code.status().is_client_error() || code.status().is_server_error());
        assert!(names.insert(code.name()), "{} twice", code.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_record_is_is_served_as_a_schema_with_an_example_of_each_type() {
    let (served, raw) = (Setup::records().serve().await, Setup::raw().serve().await);
    let answer = served.get("/v1/schema").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/schema+json")));
    assert_eq!(answer.json(), *::record::model::schema());
    assert!(answer.json()["examples"].as_array().unwrap().len() > 20);
    assert!(served.get("/").await.text().contains("/v1/schema"));
    assert_eq!(raw.get("/v1/schema").await.status, 404);
    assert!(!raw.get("/").await.text().contains("/v1/schema"));
}
