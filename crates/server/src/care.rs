//! Erasing content and holding it: `POST /v1/erasures`, `/v1/holds`. For admins, with a ground, and recorded.
//!
//! The record that says so and what it does are one commit. A hold wins: what it covers is not erased, whoever asks and
//! however.

use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    extract::{Path, State, rejection::PathRejection},
    http::HeaderMap,
};
use record::model::Record;
use sequencer::{
    beside::{Hold, PlaceHold, ReleaseHold, Rows, Subject},
    reader::Reader,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    access::Caller,
    app::App,
    body::{self, Nothing, Params},
    clerk::{About, Draft, looks::Look},
    limits::{CARE_BODY_BYTES_MAX, GROUND_BYTES_MAX},
    payloads,
    problem::{Code, Problem},
};

mod erasing;

/// A human or service on whose behalf agents act
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PrincipalText {
    /// Who vouches for `sub`.
    pub iss: String,
    /// Its name there.
    pub sub: String,
}

/// What is to be erased
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewErasure {
    /// On which ground.
    pub ground: String,
    /// One content, by its digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sd: Option<String>,
    /// Or all content of a session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Or all content of a principal; with the last of it the key goes that it is sealed under, so that copies of the
    /// store and backups hold nothing that can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<PrincipalText>,
}

/// What was erased
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct ErasedText {
    /// Digests of the contents that were erased, each with the index of the entry that says so.
    pub erased: Vec<OneErased>,
    /// Contents that are kept, and the holds that keep them; ten thousand at most are named.
    pub kept: Vec<OneKept>,
    /// Whether every key was destroyed that what was erased was sealed under: nobody reads it in copies of the store any
    /// more. A key goes with the last content under it.
    pub key_destroyed: bool,
    /// Whether there is more than one request erases: ask again.
    pub more: bool,
}

/// A content that was erased
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct OneErased {
    /// Its digest.
    pub sd: String,
    /// Index of the entry that says so.
    pub index: u64,
}

/// A content that is kept
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct OneKept {
    /// Its digest.
    pub sd: String,
    /// The holds that keep it.
    pub holds: Vec<String>,
}

/// A hold that is to be placed
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewHold {
    /// Its name, used once.
    pub id: String,
    /// On which ground.
    pub ground: String,
    /// Contents, by their digests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sds: Vec<String>,
    /// Or all content of a session, also what is still to come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Or all content of a principal, also what is still to come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<PrincipalText>,
}

/// Why a hold is released
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// On which ground.
    pub ground: String,
}

/// A change that is in the log
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RecordedText {
    /// Index of the entry that says so.
    pub index: u64,
}

/// All holds
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct HoldsText {
    /// Every hold, also those that were released.
    #[schema(value_type = Vec<Object>)]
    pub holds: Vec<Hold>,
}

/// Erase content
///
/// One content, or all of a session or a principal. Each erasure is a record (`payload.erased`), in one commit with it.
/// What a hold covers is kept and named.
#[utoipa::path(
    post,
    path = crate::routes::ERASURES,
    tag = "content",
    request_body(content = NewErasure, example = json!({"ground": "erasure request 2026-118", "principal": {"iss": "https://idp.acme.example", "sub": "u-1842"}})),
    responses(
        (status = 200, description = "What was erased, and what is kept", body = ErasedText),
        (status = 400, description = "Not one of sd, session and principal, no ground, or a query parameter", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such content is beside this log", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "A hold covers the content, or it was erased already", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "The body did not arrive in time", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is over its limit", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Not application/json", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The log takes no entries; nothing was erased", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn erase(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    Params(Nothing {}): Params<Nothing>,
    body: Body,
) -> Result<Json<ErasedText>, Box<Problem>> {
    let asked: NewErasure = asked(&app, &headers, body).await?;
    let about = about(&caller, &asked.ground)?;
    match (&asked.sd, &asked.session, &asked.principal) {
        (Some(sd), None, None) => erasing::content(&app, payloads::parse(sd)?, &about).await.map(Json),
        (None, Some(session), None) => {
            erasing::all(&app, Subject::Session(session.clone()).tag(), &about).await.map(Json)
        }
        (None, None, Some(PrincipalText { iss, sub })) => {
            let principal = Subject::Principal { iss: iss.clone(), sub: sub.clone() };
            erasing::all(&app, principal.tag(), &about).await.map(Json)
        }
        _ => {
            let detail = "Name what is to be erased: one of `sd`, `session` and `principal`.";
            Err(Problem::new(Code::BadRequest, detail))
        }
    }
}

/// Place a hold
///
/// What it covers is not erased until it is released. The hold is a record (`hold.placed`), in one commit with it.
#[utoipa::path(
    post,
    path = crate::routes::HOLDS,
    tag = "content",
    request_body(content = NewHold, example = json!({"id": "case-7", "ground": "litigation 7/2026", "session": "s-71c2"})),
    responses(
        (status = 200, description = "It holds", body = RecordedText),
        (status = 400, description = "There cannot be such a hold, or there is a query parameter", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "There is or was a hold of this name, or what it names was erased already", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "The body did not arrive in time", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is over its limit", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Not application/json", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The log takes no entries; nothing is held", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn place_hold(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    Params(Nothing {}): Params<Nothing>,
    body: Body,
) -> Result<Json<RecordedText>, Box<Problem>> {
    let new: NewHold = asked(&app, &headers, body).await?;
    let about = about(&caller, &new.ground)?;
    named("id", &new.id)?;
    if matches!(new.id.as_str(), "." | "..") {
        let detail = "`id` is to be another name: this one cannot stand in the path of a release.";
        return Err(Problem::new(Code::BadRequest, detail));
    }
    let principal = new.principal.as_ref().map(|who| (who.iss.as_str(), who.sub.as_str()));
    let draft = Draft::held(&new.id, &new.sds, new.session.as_deref(), principal, &about);
    let rows = |record: &Record<'_>| {
        let hold = Hold::placed_by(record).ok_or_else(unspoken)?;
        Ok(Rows { decisions: vec![Arc::new(PlaceHold(hold))], ..Rows::default() })
    };
    let index = app.custody()?.clerk.write(&app, draft, rows).await?.index;
    Ok(Json(RecordedText { index }))
}

/// Release a hold
///
/// What it covered may be erased again. A record too (`hold.released`); the hold stays in the list, as history.
#[utoipa::path(
    post,
    path = crate::routes::HOLD_RELEASE,
    tag = "content",
    params(("id" = String, Path, description = "The hold's name")),
    request_body(content = Release, example = json!({"ground": "case closed"})),
    responses(
        (status = 200, description = "It is released", body = RecordedText),
        (status = 400, description = "No ground, or a query parameter", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "There is no such hold, or it was released already", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "The body did not arrive in time", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is over its limit", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Not application/json", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The log takes no entries; the hold holds", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn release_hold(
    State(app): State<Arc<App>>,
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    Params(Nothing {}): Params<Nothing>,
    body: Body,
) -> Result<Json<RecordedText>, Box<Problem>> {
    let release: Release = asked(&app, &headers, body).await?;
    let about = about(&caller, &release.ground)?;
    let id = id.map_or_else(|_| String::new(), |Path(id)| id);
    named("id", &id)?;
    let rows = |record: &Record<'_>| {
        let release = ReleaseHold::by(record).ok_or_else(unspoken)?;
        Ok(Rows { decisions: vec![Arc::new(release)], ..Rows::default() })
    };
    let index = app.custody()?.clerk.write(&app, Draft::released(&id, &about), rows).await?.index;
    Ok(Json(RecordedText { index }))
}

/// List the holds
#[utoipa::path(
    get,
    path = crate::routes::HOLDS,
    tag = "content",
    responses(
        (status = 200, description = "Every hold, also those that were released", body = HoldsText),
        (status = 503, description = "That somebody looks cannot be written into the log, so nobody may", body = Problem, content_type = "application/problem+json"),
        (status = 400, description = "There is a query parameter", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn holds(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(Nothing {}): Params<Nothing>,
) -> Result<Json<HoldsText>, Box<Problem>> {
    app.custody()?;
    app.look(&caller, Look::Administration, Some("holds")).await?;
    let holds = app.read(Reader::holds).await?.map_err(|error| Problem::internal(&error))?;
    Ok(Json(HoldsText { holds }))
}

async fn asked<T: serde::de::DeserializeOwned>(
    app: &App,
    headers: &HeaderMap,
    body: Body,
) -> Result<T, Box<Problem>> {
    app.custody()?;
    body::json(app, headers, body, CARE_BODY_BYTES_MAX).await
}

/// Who asks, and on which ground.
fn about(caller: &Caller, ground: &str) -> Result<About, Box<Problem>> {
    named("ground", ground)?;
    Ok(About { by: caller.reader(), ground: ground.to_owned() })
}

/// A name or a ground that is fit to stand in a record.
fn named(what: &str, text: &str) -> Result<(), Box<Problem>> {
    if !text.trim().is_empty() && text.len() <= GROUND_BYTES_MAX && !text.chars().any(char::is_control) {
        return Ok(());
    }
    let detail = format!("`{what}` is needed: 1 to {GROUND_BYTES_MAX} bytes without control characters.");
    Err(Problem::new(Code::BadRequest, detail))
}

fn unspoken() -> Box<Problem> {
    Problem::new(Code::Internal, "The log's own record does not say what it is to.")
}
