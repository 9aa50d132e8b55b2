//! docs/threat-model.md names the tests that show what it says.

use std::path::Path;

const PAGE: &str = include_str!("../../docs/threat-model.md");
const DAYS: &str = "crates/trials/tests/network/days.rs";

/// The tests that the page names: file and function.
fn named() -> Vec<(&'static str, &'static str)> {
    let spans = PAGE.split('`').skip(1).step_by(2);
    spans.filter_map(|span| span.split_once("::")).filter(|(file, _)| file.contains('/')).collect()
}

/// The functions of a file that are tests.
fn tests_of(file: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
    let is_test = |line: &str| line.starts_with("#[test]") || line.starts_with("#[tokio::test");
    let mut lines = text.lines().map(str::trim);
    let mut tests = vec![];
    while lines.any(is_test) {
        let mut rest = lines.by_ref().filter_map(|line| line.split_once("fn "));
        tests.extend(rest.next().and_then(|(_, name)| name.split_once('(')).map(|(name, _)| name.to_owned()));
    }
    tests
}

#[test]
fn every_test_that_the_page_names_is_there() {
    let named = named();
    assert!(named.len() > 50, "{named:?}");
    for (file, name) in named {
        assert!(tests_of(file).iter().any(|test| test == name), "{file} has no test {name}");
    }
}

#[test]
fn every_bad_day_of_the_network_is_on_the_page() {
    let named = named();
    let days = tests_of(DAYS);
    assert!(days.len() > 20, "{days:?}");
    for day in days {
        assert!(named.contains(&(DAYS, &day)), "{day} is not on the page");
    }
}

/// Whoever can lie has a row with what he can do, who notices, and what shows it, where anybody does.
#[test]
fn every_row_says_who_notices_and_nobody_is_left_out() {
    let (_, section) = PAGE.split_once("\n## Who can lie\n").unwrap();
    let rows = section.split("\n## ").next().unwrap().lines().filter(|line| line.starts_with("| "));
    let rows: Vec<Vec<_>> = rows.skip(1).map(|row| row.split(" | ").collect()).collect();
    for row in &rows {
        assert_eq!(row.len(), 4, "{row:?}");
        let shown =
            row[3].contains("::") || row[2].contains("nobody") || row[2].contains("it can only speak");
        assert!(shown || row[1] == "read everything", "nothing shows it: {row:?}");
    }
    for who in ["submitter", "operator", "network", "disk", "signing key", "token", "witness", "monitor"] {
        assert!(rows.iter().any(|row| row[0].contains(who)), "{who} has no row");
    }
}
