//! The HTTP side of a monitor: heads handed in and asked for (docs/gossip.md), and what it counts.

mod metrics;

use std::{future::Future, net::IpAddr, pin::Pin, sync::Arc};

pub use axum::Router;
use axum::{
    Extension,
    body::Body,
    extract::{Path, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use bytes::Bytes;

use crate::{
    body::{self, Room},
    connection::CallerAddress,
    counting::CountingLayer,
    health,
    limits::{BODY_TIME_MAX, RETRY_AFTER},
    problem::Problem,
    routes::METRICS,
};

pub use metrics::Metrics;

const CHECKPOINT: &str = "/gossip/checkpoint";
const CHECKPOINTS: &str = "/gossip/{origin}/checkpoints";
const FORKS: &str = "/gossip/{origin}/forks";
const FORK: &str = "/gossip/{origin}/forks/{name}";

/// Every route of a monitor.
static ROUTES: [&str; 5] = [CHECKPOINT, CHECKPOINTS, FORKS, FORK, METRICS];

/// A status and a text for whoever reads it.
pub type Answer = (u16, String);

/// Whoever takes heads and hands them on.
pub trait Desk: Send + Sync {
    /// Bytes of a note, at most.
    fn note_bytes_max(&self) -> usize;

    /// Takes a note from this address.
    fn post(&self, from: IpAddr, note: Bytes) -> Pin<Box<dyn Future<Output = Answer> + Send + '_>>;

    /// The heads of the log whose origin has this SHA-256; `None` if it is not watched.
    fn list(&self, origin: &str) -> Option<String>;

    /// Names of the fork proofs of that log, a line each.
    fn forks(&self, origin: &str) -> Option<String>;

    /// One of them. May block.
    fn fork(&self, origin: &str, name: &str) -> Option<String>;
}

/// `POST /gossip/checkpoint`, `GET /gossip/{origin}/checkpoints`, and fork proofs below `/gossip/{origin}/forks`.
pub fn router(desk: Arc<dyn Desk>, metrics: &Metrics) -> Router {
    Router::new()
        .route(CHECKPOINT, post(hand_in))
        .route(CHECKPOINTS, get(list))
        .route(FORKS, get(forks))
        .route(FORK, get(fork))
        .layer(Extension(Arc::new(Room::default())))
        .layer(CountingLayer(metrics.requests()))
        .with_state(desk)
}

/// `GET /metrics`: what was counted here, and this text, which ends the page and is made anew for each request.
pub fn metrics(metrics: &Arc<Metrics>, text: impl Fn() -> String + Clone + Send + Sync + 'static) -> Router {
    let counted = metrics.clone();
    let answer = move || {
        let page = counted.text().map(|counted| counted + &text());
        async move { page.map(health::open_metrics).map_err(|error| Problem::internal(&error)) }
    };
    Router::new().route(METRICS, get(answer)).layer(CountingLayer(metrics.requests()))
}

async fn hand_in(
    State(desk): State<Arc<dyn Desk>>,
    Extension(room): Extension<Arc<Room>>,
    from: Option<Extension<CallerAddress>>,
    body: Body,
) -> Response {
    let Some(Extension(from)) = from else {
        return plain((500, "it is not known from where this comes".to_owned()));
    };
    let note = body::read_within(BODY_TIME_MAX, &room, body, desk.note_bytes_max()).await;
    plain(match note {
        Ok(note) => desk.post(from.counted(), note.bytes.clone()).await,
        Err(problem) => (problem.status().as_u16(), problem.detail().to_owned()),
    })
}

async fn list(State(desk): State<Arc<dyn Desk>>, Path(origin): Path<String>) -> Response {
    plain(found(desk.list(&origin)))
}

async fn forks(State(desk): State<Arc<dyn Desk>>, Path(origin): Path<String>) -> Response {
    plain(found(desk.forks(&origin)))
}

async fn fork(State(desk): State<Arc<dyn Desk>>, Path((origin, name)): Path<(String, String)>) -> Response {
    let read = tokio::task::spawn_blocking(move || desk.fork(&origin, &name)).await;
    plain(found(read.ok().flatten()))
}

fn found(text: Option<String>) -> Answer {
    let none =
        || (404, "there is no such thing here: the log is not watched, or no such proof is kept".to_owned());
    text.map_or_else(none, |text| (200, text))
}

/// A text, which nobody may keep: the next one may differ.
fn plain((status, mut text): Answer) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    let mut response = (status, headers, text).into_response();
    if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER.as_secs()));
    }
    response
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use tower::ServiceExt as _;

    use super::*;

    /// Knows nothing, and has too much to do.
    struct Busy;

    impl Desk for Busy {
        fn note_bytes_max(&self) -> usize {
            100
        }

        fn post(&self, from: IpAddr, _: Bytes) -> Pin<Box<dyn Future<Output = Answer> + Send + '_>> {
            Box::pin(async move { (503, from.to_string()) })
        }

        fn list(&self, _: &str) -> Option<String> {
            None
        }

        fn forks(&self, _: &str) -> Option<String> {
            None
        }

        fn fork(&self, _: &str, _: &str) -> Option<String> {
            None
        }
    }

    async fn text(response: Response) -> String {
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        String::from_utf8(bytes.into()).unwrap()
    }

    #[tokio::test]
    async fn what_holds_for_every_request_holds_here_and_both_listeners_count_together() {
        let counted = Metrics::new();
        let (desk, page) = (router(Arc::new(Busy), &counted), metrics(&counted, || "# EOF\n".to_owned()));
        let mut note = Request::post(CHECKPOINT).body(Body::from("note")).unwrap();
        note.extensions_mut().insert(CallerAddress::of("2001:db8::9".parse().unwrap()));
        let busy = desk.clone().oneshot(note).await.unwrap();
        assert_eq!(
            (busy.status().as_u16(), &busy.headers()[header::RETRY_AFTER]),
            (503, &"1".parse().unwrap())
        );
        assert_eq!(busy.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(text(busy).await, "2001:db8::\n", "all of the network is one caller");
        let long = "x".repeat(crate::limits::HEADER_BYTES_MAX);
        let long = Request::get("/gossip/0/forks").header("x-long", long).body(Body::empty()).unwrap();
        assert_eq!(desk.oneshot(long).await.unwrap().status(), 431);
        let shown = page.oneshot(Request::get(METRICS).body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(shown.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        let shown = text(shown).await;
        for line in [
            r#"deedbook_monitor_http_requests_total{route="/gossip/checkpoint",status="503"} 1"#,
            r#"deedbook_monitor_http_requests_total{route="/gossip/{origin}/forks",status="431"} 1"#,
            "deedbook_monitor_connections 0",
        ] {
            assert!(shown.lines().any(|each| each == line), "{line} is not in\n{shown}");
        }
        assert!(shown.ends_with("# EOF\n") && shown.matches("# EOF").count() == 1, "{shown}");
    }
}
