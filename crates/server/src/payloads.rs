//! `GET /v1/payloads/{digest}`: content beside the log, to those who may see it.

use std::{io, sync::Arc};

use axum::{
    body::Body,
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use record::Sd;
use sequencer::{
    beside::{Digest, Info},
    reader::Reader,
};
use tokio::sync::mpsc;
use vault::Opener;

use crate::{
    access::Caller,
    app::App,
    body::{Nothing, Params},
    clerk::looks::Look,
    limits::PAYLOAD_CHUNK_BYTES,
    problem::{Code, Problem},
};

/// Get content
///
/// The disclosure (RFC 9901) whose digest a record names: base64url of `[salt, name, value]`, as text. Its SHA-256 is the
/// digest. Content that holds what looks like a secret is shown to admins only.
#[utoipa::path(
    get,
    path = crate::routes::PAYLOAD,
    tag = "content",
    params(("digest" = String, Path, description = "The `sd` of the record: 43 characters of base64url")),
    responses(
        (status = 200, description = "The disclosure", body = String, content_type = "text/plain"),
        (status = 400, description = "Not a digest, or there is a query parameter", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The content holds what looks like a secret, and the token has not the role admin", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such content is beside this log: it was never handed in, or this is a log of raw entries", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "That somebody looks cannot be written into the log, so nobody may", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "The content was erased; `index` is the entry that says so", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn payload(
    State(app): State<Arc<App>>,
    caller: Caller,
    digest: Result<Path<String>, PathRejection>,
    Params(Nothing {}): Params<Nothing>,
) -> Result<Response, Box<Problem>> {
    app.custody()?;
    let digest = digest.map_or_else(|_| String::new(), |Path(digest)| digest);
    let digest = parse(&digest)?;
    let (keeper, looker) = (app.clone(), caller.clone());
    let (info, opener) = app.read(move |reader| find(&keeper, reader, &looker, digest)).await??;
    let length = info.length;
    app.look(&caller, Look::Payload, Some(&digest.to_string())).await?;
    let (first, mut rest) = (Chunks { reader: app.reader.clone(), digest, opener, info, next: 0 }, None);
    // The first part decides the answer: what is wrong with it is told by its status.
    let (first, begun) = app
        .read(move |_| {
            let mut chunks = first;
            (chunks.next(), chunks)
        })
        .await?;
    let first = first.transpose()?.unwrap_or_default();
    if !begun.is_done() {
        rest = Some(send(begun));
    }
    let body = match rest {
        None => Body::from(first),
        Some(rest) => {
            Body::from_stream(futures::stream::unfold((Some(first), rest), |(first, mut rest)| async {
                match first {
                    Some(first) => Some((Ok(first), (None, rest))),
                    None => rest.recv().await.map(|part| (part, (None, rest))),
                }
            }))
        }
    };
    let length = HeaderValue::from(length);
    let plain = HeaderValue::from_static("text/plain; charset=us-ascii");
    Ok(([(header::CONTENT_TYPE, plain), (header::CONTENT_LENGTH, length)], body).into_response())
}

/// A digest as records name it.
pub(crate) fn parse(text: &str) -> Result<Digest, Box<Problem>> {
    let sd = text.parse::<Sd>().map_err(|error| Problem::new(Code::BadRequest, format!("{error}.")))?;
    Ok(Digest(sd.to_bytes()))
}

/// The content, if this caller may see it.
fn find(app: &App, reader: &Reader, caller: &Caller, digest: Digest) -> Result<(Info, Opener), Box<Problem>> {
    let internal = |error: &dyn std::error::Error| Problem::internal(error);
    let erased = |index: Option<u64>| {
        let problem = Problem::new(Code::Erased, format!("The content {digest} was erased."));
        index.map_or(problem.clone(), |index| problem.index(index))
    };
    let Some(info) = reader.payload(digest).map_err(|error| internal(&error))? else {
        return Err(match reader.erasure(digest).map_err(|error| internal(&error))? {
            Some(erasure) => erased(Some(erasure.who.index)),
            None => Problem::new(Code::NotFound, format!("No content {digest} is beside this log.")),
        });
    };
    if info.secret && !caller.sees_secrets() {
        let detail = "This content holds what looks like a secret; it is shown to admins only.";
        return Err(Problem::new(Code::RoleMissing, detail));
    }
    let opener = app.custody()?.opener(digest, &info)?.ok_or_else(|| erased(None))?;
    Ok((info, opener))
}

/// Reads and opens a content in parts.
struct Chunks {
    reader: Reader,
    digest: Digest,
    opener: Opener,
    info: Info,
    next: u32,
}

impl Chunks {
    fn is_done(&self) -> bool {
        self.next == self.info.pieces
    }

    /// The next part; `None` after the last. Blocks.
    fn next(&mut self) -> Option<Result<Bytes, Box<Problem>>> {
        let mut part = Vec::new();
        while !self.is_done() && part.len() < PAYLOAD_CHUNK_BYTES {
            match self.piece() {
                Ok(text) => part.extend_from_slice(&text),
                Err(problem) => return Some(Err(problem)),
            }
        }
        (!part.is_empty()).then(|| Ok(part.into()))
    }

    fn piece(&mut self) -> Result<Vec<u8>, Box<Problem>> {
        let piece = self.reader.payload_piece(self.digest, self.next);
        let piece = piece.map_err(|error| Problem::internal(&error))?;
        // One that was erased while it is sent ends in the middle, short of the length that was announced.
        let gone = || Problem::new(Code::Erased, format!("The content {} was erased.", self.digest));
        let text = self.opener.next(&piece.ok_or_else(gone)?).map_err(|error| Problem::internal(&error))?;
        self.next += 1;
        Ok(text)
    }
}

/// Sends the parts as fast as they are taken.
fn send(mut chunks: Chunks) -> mpsc::Receiver<Result<Bytes, io::Error>> {
    let (parts, taken) = mpsc::channel(2);
    tokio::task::spawn_blocking(move || {
        while let Some(part) = chunks.next() {
            let part = part.map_err(|problem| io::Error::other(problem.to_string()));
            let broken = part.is_err();
            if parts.blocking_send(part).is_err() || broken {
                return;
            }
        }
    });
    taken
}
