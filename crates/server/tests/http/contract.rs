//! The description of the API, as something to hold answers against.

use std::sync::LazyLock;

use serde_json::Value;

use crate::asking::Answer;

/// `/openapi.json`, as the code makes it.
pub(crate) static DESCRIPTION: LazyLock<Value> =
    LazyLock::new(|| serde_json::to_value(server::openapi::description()).unwrap());

/// What no caller is to learn: inner causes, places in files, paths.
const SECRETS: [&str; 10] =
    ["dbk_", "injected fault", "panicked", "/tmp", ".rs:", "os error", "sled", "JoinError", "/home", "src/"];

/// Panics unless the description announces this answer to this request, and a problem is one in all its parts.
pub(crate) fn check(method: &str, target: &str, answer: &Answer) {
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{method} {target}: {answer:?}");
    let content_type = answer.header("content-type").unwrap_or_default();
    if content_type == "application/problem+json" {
        check_problem(method, target, answer);
    } else {
        let says_how = ["/readyz"].contains(&target);
        assert!(
            answer.status < 400 || says_how,
            "{method} {target}: an error that is no problem: {answer:?}"
        );
    }
    let path = target.split('?').next().unwrap();
    let Some(item) = described(path) else {
        assert_eq!(answer.status, 404, "{method} {target} is not described, and answered");
        return;
    };
    let asked = if method == "HEAD" { "get".to_owned() } else { method.to_ascii_lowercase() };
    let Some(operation) = item.get(&asked) else {
        assert_eq!(answer.status, 405, "{method} {target} is not described, and answered");
        return;
    };
    let declared = &operation["responses"][answer.status.to_string()]["content"];
    let declared: Vec<&str> =
        declared.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    let essence = |text: &str| text.split(';').next().unwrap().trim().to_owned();
    assert!(
        declared.iter().any(|declared| essence(declared) == essence(content_type)),
        "{method} {target} answered {} {content_type:?}; declared for this status: {declared:?}",
        answer.status
    );
}

fn check_problem(method: &str, target: &str, answer: &Answer) {
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{target}");
    assert_eq!(answer.header("content-encoding"), None, "{target}");
    if method == "HEAD" {
        return;
    }
    let problem = answer.json();
    assert_eq!(problem["status"], answer.status, "{target}: {problem}");
    follows_schema(&problem);
    for secret in SECRETS {
        assert!(!answer.text().contains(secret), "{target} tells {secret:?}: {problem}");
    }
    let retry = answer.header("retry-after");
    assert_eq!(retry.is_some(), answer.status == 503, "{target}: Retry-After {retry:?}");
}

/// Whether a problem has the members that its schema demands and no others, each of its type.
pub(crate) fn follows_schema(problem: &Value) {
    let schema = &DESCRIPTION["components"]["schemas"]["Problem"];
    for required in schema["required"].as_array().unwrap() {
        assert!(problem.get(required.as_str().unwrap()).is_some(), "no {required} in {problem}");
    }
    for (name, value) in problem.as_object().unwrap() {
        let types = &schema["properties"][name]["type"];
        let found = match value {
            Value::String(_) => "string",
            Value::Number(number) if number.is_u64() => "integer",
            other => panic!("{name} is {other}"),
        };
        let allowed = types == found || types.as_array().is_some_and(|types| types.contains(&found.into()));
        assert!(allowed, "{name} is {value}, the schema says {types}");
    }
}

/// The described path that a path belongs to.
fn described(path: &str) -> Option<&'static Value> {
    let paths = DESCRIPTION["paths"].as_object().unwrap();
    paths.get(path).or_else(|| paths.iter().find(|(template, _)| fits(template, path)).map(|(_, item)| item))
}

/// Whether a path is of a template; a `{path}` at the end of a tile's stands for several segments.
fn fits(template: &str, path: &str) -> bool {
    let Some((before, rest)) = template.split_once('{') else { return template == path };
    let Some((name, after)) = rest.split_once('}') else { return false };
    let filled = path.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
    filled.is_some_and(|value| !value.is_empty() && (name == "path" || !value.contains('/')))
}
