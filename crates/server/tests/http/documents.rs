//! docs/http-api.md against the code: it names every route, parameter of a search, kind of problem and limit.

use server::{limits, problem::Code, routes};

use crate::contract::DESCRIPTION;

const PAGE: &str = include_str!("../../../../docs/http-api.md");

/// What stands under a heading.
fn section(heading: &str) -> &'static str {
    let (_, after) = PAGE.split_once(&format!("\n## {heading}\n")).unwrap();
    after.split("\n## ").next().unwrap()
}

#[test]
fn every_route_is_in_the_table() {
    let table = PAGE.split("\n## ").next().unwrap();
    for route in routes::ALL {
        let spelled = match route {
            routes::TILE => "/tile/entries/...",
            routes::RECORD => "/v1/records/{index or id}",
            other => other,
        };
        // With its method, without it beside another one, or with parameters.
        let named = [format!("{spelled}`"), format!("{spelled}?...`")].iter().any(|end| table.contains(end));
        assert!(named, "{route} is not in the table of docs/http-api.md");
    }
}

#[test]
fn every_parameter_of_a_search_is_told() {
    let told = section("GET /v1/records: search");
    let parameters = DESCRIPTION["paths"][routes::RECORDS]["get"]["parameters"].as_array().unwrap();
    assert!(parameters.len() > 20);
    for parameter in parameters {
        let name = parameter["name"].as_str().unwrap();
        let told = told.lines().any(|line| line.starts_with('|') && line.contains(&format!("`{name}`")));
        assert!(told, "{name} is not told in docs/http-api.md");
    }
}

#[test]
fn every_kind_of_problem_is_told_with_its_status() {
    let told = section("Problems");
    for code in Code::ALL {
        let row = format!("| `{}` | {} |", code.name(), code.status().as_u16());
        assert_eq!(told.matches(&row).count(), 1, "{row} in docs/http-api.md");
    }
}

#[test]
fn limits_are_told_as_they_are() {
    let told = section("Limits");
    for limit in [
        limits::BODY_BYTES_MAX,
        limits::RECORDS_PER_REQUEST_MAX,
        limits::ENTRY_BYTES_MAX,
        limits::HEADER_BYTES_MAX,
        limits::BODIES_BYTES_MAX,
        limits::CARE_BODY_BYTES_MAX,
        limits::EVIDENCE_BODY_BYTES_MAX,
        limits::EVIDENCE_ENTRIES_MAX,
        limits::EVIDENCE_CONTENT_BYTES_MAX,
        limits::ERASED_AT_ONCE_MAX,
        limits::SESSION_RECORDS_MAX,
        limits::GROUND_BYTES_MAX,
        limits::TOKEN_BODY_BYTES_MAX,
        lookup::LIMIT_MAX,
        record::limits::CONTENT_BYTES_MAX,
        record::limits::TEXT_BYTES_MAX,
    ] {
        let spelled = thousands(limit);
        assert!(told.contains(&spelled), "{spelled} is not told in docs/http-api.md");
    }
    for time in [limits::LOOKUP_WAIT_MAX, limits::BODY_TIME_MAX, limits::DRAIN_TIME_MAX] {
        assert!(told.contains(&format!("| {} s |", time.as_secs())), "{time:?}");
    }
}

/// Digits in groups of three.
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<_> =
        digits.as_bytes().rchunks(3).rev().map(|group| str::from_utf8(group).unwrap()).collect();
    groups.join(",")
}
