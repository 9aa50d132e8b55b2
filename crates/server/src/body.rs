//! Reading what a caller sends, within bounds, and saying which bound was passed.

use std::time::Duration;

use axum::{
    body::Body,
    extract::{FromRequestParts, Query, rejection::QueryRejection},
    http::{HeaderMap, header, request::Parts},
};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{
    app::App,
    limits::{BODIES_BYTES_MAX, COPIED_BODY_BYTES_MAX, INLINE_WORK_BYTES_MAX},
    problem::{Code, Problem},
};

/// Room for large bodies, of all requests together. What is taken is what has arrived: announcing costs nothing.
pub(crate) struct Room(Semaphore);

impl Default for Room {
    fn default() -> Self {
        Self(Semaphore::new(BODIES_BYTES_MAX >> 10))
    }
}

/// A body that has arrived, and the room it takes for as long as this is held.
pub(crate) struct Received<'a> {
    pub(crate) bytes: Bytes,
    _room: Option<SemaphorePermit<'a>>,
}

/// Reads a whole body of at most `limit` bytes.
pub(crate) async fn read(app: &App, body: Body, limit: usize) -> Result<Received<'_>, Box<Problem>> {
    read_within(app.timeouts.body, &app.room, body, limit).await
}

/// The same, in this time, in the room of whoever serves.
pub(crate) async fn read_within(
    within: Duration,
    room: &Room,
    body: Body,
    limit: usize,
) -> Result<Received<'_>, Box<Problem>> {
    // What announces itself as too large is refused before it is sent.
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large(limit));
    }
    let late = |_| {
        let detail = format!("The body did not arrive within {} seconds.", within.as_secs_f32());
        Problem::new(Code::BodyTimeout, detail)
    };
    tokio::time::timeout(within, collect(room, body, limit)).await.map_err(late)?
}

async fn collect(room: &Room, mut body: Body, limit: usize) -> Result<Received<'_>, Box<Problem>> {
    let first = next(&mut body).await?.unwrap_or_default();
    if first.len() > limit {
        return Err(too_large(limit));
    }
    if body.is_end_stream() {
        // Most bodies are here: in one piece.
        return Ok(Received { bytes: own(first), _room: None });
    }
    let mut held = None;
    let mut bytes = BytesMut::from(first);
    while let Some(part) = next(&mut body).await? {
        if bytes.len() + part.len() > limit {
            return Err(too_large(limit));
        }
        bytes.extend_from_slice(&part);
        room.hold(&mut held, bytes.capacity())?;
    }
    Ok(Received { bytes: bytes.freeze(), _room: held })
}

/// The next piece of a body; `None` at its end.
pub(crate) async fn next(body: &mut Body) -> Result<Option<Bytes>, Box<Problem>> {
    while let Some(frame) = body.frame().await {
        let broken = |_| Problem::new(Code::BadRequest, "The body broke off before its end.");
        if let Ok(data) = frame.map_err(broken)?.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

fn too_large(limit: usize) -> Box<Problem> {
    Problem::new(Code::TooLarge, format!("The body is over {limit} bytes; send less at once.")).limit(limit)
}

impl Room {
    /// Makes what is held enough for `bytes`. Small bodies need none.
    pub(crate) fn hold<'a>(
        &'a self,
        held: &mut Option<SemaphorePermit<'a>>,
        bytes: usize,
    ) -> Result<(), Box<Problem>> {
        let has = held.as_ref().map_or(0, SemaphorePermit::num_permits);
        let lacks = bytes.div_ceil(1 << 10).saturating_sub(has);
        if bytes <= INLINE_WORK_BYTES_MAX || lacks == 0 {
            return Ok(());
        }
        let more = self.0.try_acquire_many(u32::try_from(lacks).unwrap_or(u32::MAX)).map_err(|_| {
            let detail =
                "The server holds as many large bodies as it can; try again later, or send less at once.";
            Problem::new(Code::Busy, detail)
        })?;
        match held {
            Some(held) => held.merge(more),
            None => *held = Some(more),
        }
        Ok(())
    }
}

/// Reads a body that is JSON, of at most `limit` bytes.
pub(crate) async fn json<T: DeserializeOwned>(
    app: &App,
    headers: &HeaderMap,
    body: Body,
    limit: usize,
) -> Result<T, Box<Problem>> {
    if media_type(headers) != "application/json" {
        return Err(Problem::new(Code::UnsupportedMediaType, "Send application/json."));
    }
    let body = read(app, body, limit).await?;
    serde_json::from_slice(&body.bytes)
        .map_err(|error| Problem::new(Code::BadRequest, format!("The body is not what this takes: {error}.")))
}

/// A small body in memory of its own size. As it arrives it is a part of the connection's read buffer, and would keep
/// all of that as long as it waits in the log's pool or belongs to its edge.
fn own(body: Bytes) -> Bytes {
    if body.len() <= COPIED_BODY_BYTES_MAX { Bytes::copy_from_slice(&body) } else { body }
}

/// The media type of a body, in lower case and without parameters; empty if none is named.
pub(crate) fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Query parameters; unknown ones are refused by `deny_unknown_fields` on the type.
pub(crate) struct Params<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Box<Problem>;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(params)) => Ok(Self(params)),
            Err(QueryRejection::FailedToDeserializeQueryString(error)) => {
                let cause =
                    std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
                Err(Problem::new(Code::BadQuery, format!("The query string is not understood: {cause}.")))
            }
            Err(_) => Err(Problem::new(Code::BadQuery, "The query string is not understood.")),
        }
    }
}

/// For routes that take no query parameter.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// A number in a query: decimal digits in their only spelling.
pub(crate) fn decimal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let text = String::deserialize(deserializer)?;
    tlog::encoding::parse_decimal(&text).map_err(serde::de::Error::custom)
}

/// The same, where it may be left out.
pub(crate) fn maybe_decimal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    decimal(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use std::{
        collections::VecDeque,
        convert::Infallible,
        pin::Pin,
        task::{Context, Poll},
    };

    use hyper::body::Frame;

    use super::*;

    /// A body that arrives in these parts.
    struct Parts(VecDeque<Bytes>);

    impl hyper::body::Body for Parts {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Ready(self.0.pop_front().map(|part| Ok(Frame::data(part))))
        }
    }

    async fn arrive(room: &Room, parts: usize, bytes: usize) -> Result<Received<'_>, Box<Problem>> {
        let parts = std::iter::repeat_n(Bytes::from(vec![7; bytes]), parts).collect();
        collect(room, Body::new(Parts(parts)), 1 << 20).await
    }

    #[tokio::test]
    async fn a_large_body_takes_room_while_it_is_held() {
        let room = Room(Semaphore::new(64));
        let one = arrive(&room, 3, 10 << 10).await.unwrap();
        assert_eq!(one.bytes, vec![7; 30 << 10]);
        assert!(room.0.available_permits() <= 34);
        let busy = arrive(&room, 4, 12 << 10).await.map(|_| ()).unwrap_err();
        assert_eq!(busy.status().as_u16(), 503);
        let small = arrive(&room, 4, 1 << 10).await.unwrap();
        assert_eq!(small.bytes.len(), 4 << 10, "small ones go on");
        drop(one);
        assert_eq!(room.0.available_permits(), 64);
        arrive(&room, 4, 12 << 10).await.unwrap();
        let roomy = Room::default();
        let over = arrive(&roomy, 3, 1 << 19).await.map(|_| ()).unwrap_err();
        assert_eq!(over.status().as_u16(), 413);
    }

    #[test]
    fn large_bodies_share_the_room_and_give_it_back() {
        let room = Room::default();
        let (mut one, mut other, mut small) = (None, None, None);
        room.hold(&mut one, BODIES_BYTES_MAX / 2).unwrap();
        room.hold(&mut one, BODIES_BYTES_MAX - 1024).unwrap();
        let busy = room.hold(&mut other, 20 << 10).unwrap_err();
        assert_eq!(busy.status().as_u16(), 503);
        room.hold(&mut small, INLINE_WORK_BYTES_MAX).unwrap();
        assert!(small.is_none(), "small bodies take no room");
        drop(one);
        room.hold(&mut other, BODIES_BYTES_MAX).unwrap();
    }
}
