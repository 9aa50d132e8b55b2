//! The page at `/`: what this server is, for somebody who opens it in a browser.

use std::sync::Arc;

use axum::{extract::State, response::Html};

use crate::{app::App, routes};

/// What this is
#[utoipa::path(get, path = routes::INDEX, tag = "operations", responses((status = 200, description = "A short page", body = String, content_type = "text/html")))]
pub(crate) async fn index(State(app): State<Arc<App>>) -> Html<String> {
    let published = app.reader.published();
    let takes_records = app.reader.identity().kind == sequencer::Kind::Records;
    let links: String = [
        (routes::CHECKPOINT, "the signed checkpoint"),
        (routes::LOG, "origin, kind, key and limits"),
        (routes::LOG_KEYS, "how its keys followed each other"),
        (routes::SCHEMA, "what a record is, as JSON Schema"),
        (routes::OPENAPI, "the API, as OpenAPI 3.1"),
        (routes::METRICS, "metrics"),
        (routes::READYZ, "readiness"),
    ]
    .into_iter()
    .filter(|(path, _)| takes_records || *path != routes::SCHEMA)
    .fold(String::new(), |links, (path, what)| {
        links + &format!("<li><a href=\"{path}\">{path}</a> {what}</li>\n")
    });
    Html(format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>Deedbook</title>\n<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem;\
         color-scheme:light dark}}code{{overflow-wrap:anywhere}}</style>\n\
         <h1>Deedbook</h1>\n<p>A transparency log for what AI agents do: <code>{}</code>, {} entries published.</p>\n\
         <ul>\n{links}</ul>\n<p>Public key: <code>{}</code></p>\n\
         <p>Check it yourself: <code>deedbook audit URL --vkey KEY</code></p>\n</html>\n",
        escape(&app.reader.identity().origin),
        published.size(),
        escape(&app.reader.vkey().to_string()),
    ))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
