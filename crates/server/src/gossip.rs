//! The HTTP side of a monitor: heads handed in and asked for (docs/gossip.md), and what it counts.

use std::{future::Future, net::IpAddr, pin::Pin, sync::Arc, time::Duration};

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
};

/// How long a body may take to arrive.
const BODY_PATIENCE: Duration = Duration::from_secs(10);

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
pub fn router(desk: Arc<dyn Desk>) -> Router {
    Router::new()
        .route("/gossip/checkpoint", post(hand_in))
        .route("/gossip/{origin}/checkpoints", get(list))
        .route("/gossip/{origin}/forks", get(forks))
        .route("/gossip/{origin}/forks/{name}", get(fork))
        .layer(Extension(Arc::new(Room::default())))
        .with_state(desk)
}

/// `GET /metrics`, made anew for each request.
pub fn metrics(text: impl Fn() -> String + Clone + Send + Sync + 'static) -> Router {
    let answer = move || {
        let text = text();
        async move {
            ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text)
        }
    };
    Router::new().route("/metrics", get(answer))
}

async fn hand_in(
    State(desk): State<Arc<dyn Desk>>,
    Extension(room): Extension<Arc<Room>>,
    from: Option<Extension<CallerAddress>>,
    body: Body,
) -> Response {
    let Some(Extension(CallerAddress(from))) = from else {
        return plain((500, "it is not known from where this comes".to_owned()));
    };
    let note = body::read_within(BODY_PATIENCE, &room, body, desk.note_bytes_max()).await;
    plain(match note {
        Ok(note) => desk.post(from, note.bytes.clone()).await,
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
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}
