//! What the operator reads: metrics, liveness, readiness, and the page at `/`.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::json;
use testkit::keys::TestKey;

use crate::{
    records::{altered, record},
    served::{Setup, signer},
};

/// Metrics by name, with their types, from OpenMetrics text; panics where the text is none.
pub(crate) fn parse(text: &str) -> (BTreeMap<String, String>, BTreeMap<String, f64>) {
    let body = text.strip_suffix("# EOF\n").expect("ends with # EOF");
    let (mut types, mut samples, mut helped) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
    for line in body.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let mut words = comment.splitn(3, ' ');
            let (keyword, name, rest) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
            match keyword {
                "TYPE" => assert!(types.insert(name.to_owned(), rest.to_owned()).is_none(), "{name} twice"),
                "HELP" => assert!(helped.insert(name.to_owned()) && !rest.is_empty()),
                "UNIT" => assert!(name.ends_with(&format!("_{rest}")), "{name} is not in {rest}"),
                other => panic!("{other} is no keyword"),
            }
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        let name = series.split('{').next().unwrap();
        let family =
            ["_total", "_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix));
        let declared = types.contains_key(name) || family.is_some_and(|family| types.contains_key(family));
        assert!(declared, "{line} has no TYPE before it");
        assert!(series == name || series.ends_with('}'), "{line}");
        let before = samples.insert(series.to_owned(), value.parse::<f64>().unwrap());
        assert!(before.is_none(), "{series} twice");
    }
    assert_eq!(helped.len(), types.len());
    (types, samples)
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_openmetrics_text_and_count_what_happened() {
    let served = Setup::records().serve().await;
    served.submit("?wait=published", json!([record(0), record(1), record(0), altered(0)]).to_string()).await;
    served.get("/v1/records/7").await;
    served.get("/nowhere").await;
    let answer = served.get("/metrics").await;
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(answer.header("content-type"), Some(content_type));
    let (types, samples) = parse(answer.text());
    for (name, kind) in [
        ("http_requests", "counter"),
        ("entries", "counter"),
        ("entries_bytes", "counter"),
        ("duplicates", "counter"),
        ("conflicts", "counter"),
        ("commits", "counter"),
        ("commit_seconds", "histogram"),
        ("store_commit_seconds", "histogram"),
        ("size", "gauge"),
        ("published_size", "gauge"),
        ("published_age_seconds", "gauge"),
        ("failed", "gauge"),
        ("clock_went_back", "counter"),
        ("refused_connections", "counter"),
        ("connections", "gauge"),
        ("pool_entries", "gauge"),
        ("lookup_size", "gauge"),
        ("lookup_findings_size", "gauge"),
    ] {
        assert_eq!(types.get(&format!("deedbook_{name}")).map(String::as_str), Some(kind), "{name}");
    }
    assert_eq!(types.len(), 18, "a metric that this test does not know: {types:?}");
    for (series, value) in [
        ("deedbook_entries_total", 2.0),
        ("deedbook_duplicates_total", 1.0),
        ("deedbook_conflicts_total", 1.0),
        ("deedbook_size", 2.0),
        ("deedbook_published_size", 2.0),
        ("deedbook_failed", 0.0),
        ("deedbook_pool_entries", 0.0),
        ("deedbook_commit_seconds_count", 1.0),
        ("deedbook_http_requests_total{route=\"/v1/records\",status=\"200\"}", 1.0),
        ("deedbook_http_requests_total{route=\"/v1/records/{record}\",status=\"404\"}", 1.0),
        ("deedbook_http_requests_total{route=\"other\",status=\"404\"}", 1.0),
    ] {
        let found = samples.get(series).unwrap_or_else(|| panic!("no {series} in {samples:?}"));
        assert!((found - value).abs() < 0.1, "{series} is {found}, not {value}");
    }
    assert!(samples["deedbook_connections"] >= 1.0, "the one that asks; others may not be gone yet");
    assert!(samples["deedbook_published_age_seconds"] < 30.0);
    assert!(samples["deedbook_entries_bytes_total"] > 300.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_callers_invent_makes_no_new_series() {
    let served = Setup::records().serve().await;
    let series = async || parse(served.get("/metrics").await.text()).1.len();
    served.get("/x").await;
    served.get("/v1/records/5").await;
    let before = (series().await, series().await).1;
    for n in 0..50 {
        served.get(&format!("/x{n}")).await;
        served.get(&format!("/v1/records/{n}")).await;
    }
    assert_eq!(series().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_takes_entries_is_alive_and_ready() {
    let served = Setup::records().serve().await;
    let health = served.get("/healthz").await;
    assert_eq!((health.status, health.text()), (200, "ok\n"));
    let ready = served.get("/readyz").await;
    assert_eq!((ready.status, ready.json()), (200, json!({"ready": true})));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_says_what_it_is_and_what_it_takes() {
    let served = Setup { publish_every: Duration::from_millis(250), ..Setup::raw() }.serve().await;
    let said = served.get("/v1/log").await.json();
    let key = signer(testkit::keys::RAW_LOG).verifier_key().to_string();
    let limits = json!({"entry_bytes": 65535, "body_bytes": 33_554_432, "records_per_request": 10000, "publish_every_ms": 250});
    assert_eq!(
        said,
        json!({"origin": testkit::keys::RAW_LOG.name, "kind": "raw", "vkey": key, "size": 0, "limits": limits})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_the_origin_and_runs_none_of_it() {
    let name = "evil.test/<script>alert('1')</script>&\"";
    let key = TestKey { name, seed: testkit::keys::seed(9) };
    let served = Setup { key, ..Setup::records() }.serve().await;
    let answer = served.get("/").await;
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    let page = answer.text();
    assert!(!page.contains("<script"), "{page}");
    assert!(page.contains("evil.test/&lt;script&gt;"), "{page}");
    assert!(page.contains("&amp;&quot;"), "{page}");
    for route in
        ["/checkpoint", "/v1/log", "/v1/log/keys", "/v1/schema", "/openapi.json", "/metrics", "/readyz"]
    {
        assert!(page.contains(&format!("href=\"{route}\"")), "{route}");
        assert_eq!(served.get(route).await.status, 200, "{route}");
    }
}
