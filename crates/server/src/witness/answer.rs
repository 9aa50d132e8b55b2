//! The three routes of the protocol.

use std::{sync::Arc, time::Instant};

use axum::{
    body::Body,
    extract::{Path, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use follower::witness::{keeper::OriginId, service::Reply};
use tokio::sync::SemaphorePermit;

use super::App;
use crate::{
    body::{self, Received},
    limits::{RETRY_AFTER, WITNESS_BODY_BYTES_MAX},
    problem::{Code, Problem},
};

/// Cosigns a checkpoint.
pub(super) async fn add_checkpoint(
    State(app): State<Arc<App>>,
    body: Body,
) -> Result<Response, Box<Problem>> {
    let body = app.read(body).await?;
    let Some(_place) = app.place() else { return Ok(respond(busy())) };
    let started = Instant::now();
    let reply = app.witness.add_checkpoint(&body.bytes, app.clock.timestamp()).await;
    if reply.status == StatusCode::OK.as_u16() {
        app.metrics.cosigned(started.elapsed());
    }
    Ok(respond(reply))
}

/// Cosigns a subtree: much work, and nothing to wait for.
pub(super) async fn sign_subtree(State(app): State<Arc<App>>, body: Body) -> Result<Response, Box<Problem>> {
    let body = app.read(body).await?;
    let (working, bytes) = (app.clone(), body.bytes.clone());
    match app.subtrees.work(move || working.witness.sign_subtree(&bytes)).await {
        None => Ok(respond(busy())),
        Some(reply) => reply.map(respond),
    }
}

/// What was cosigned last of a log.
pub(super) async fn checkpoint(
    State(app): State<Arc<App>>,
    Path(origin): Path<String>,
) -> Result<Response, Box<Problem>> {
    let log: OriginId = origin.parse().map_err(|error| Problem::new(Code::NotFound, format!("{error}.")))?;
    let note = app
        .witness
        .checkpoint(&log)
        .ok_or_else(|| Problem::new(Code::NotFound, "This witness has cosigned nothing of that log."))?;
    Ok((headers("text/plain; charset=utf-8"), note).into_response())
}

impl App {
    async fn read(&self, body: Body) -> Result<Received<'_>, Box<Problem>> {
        body::read_within(self.timeouts.body, &self.room, body, WITNESS_BODY_BYTES_MAX).await
    }

    /// A place among the requests that are worked on, taken once the body is here: who sends slowly keeps nobody out.
    fn place(&self) -> Option<SemaphorePermit<'_>> {
        self.places.try_acquire().ok()
    }
}

fn busy() -> Reply {
    Reply {
        status: StatusCode::SERVICE_UNAVAILABLE.as_u16(),
        content_type: "text/plain; charset=utf-8",
        body: "the witness works on as many requests as it can; ask again later\n".into(),
        retry_after: Some(RETRY_AFTER.as_secs()),
    }
}

fn headers(content_type: &'static str) -> [(header::HeaderName, HeaderValue); 2] {
    [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ]
}

/// An answer that was decided below.
pub(crate) fn respond(reply: Reply) -> Response {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, headers(reply.content_type), reply.body).into_response();
    if let Some(seconds) = reply.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
