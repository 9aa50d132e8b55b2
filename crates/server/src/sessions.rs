//! `GET /v1/sessions/{id}`: one session as a story.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
};
use lookup::{Entry, Lookups, Order, Query, keys::Kind};
use record::{
    Logged,
    findings::Verdict,
    story::{Story, Told},
};
use sequencer::reader::Reader;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    access::Caller,
    app::App,
    body::{Nothing, Params},
    clerk::looks::Look,
    limits::SESSION_RECORDS_MAX,
    problem::{Code, Problem},
    search,
};

/// A session, told
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionText {
    /// Entries of the log that the story speaks for.
    size: u64,
    /// Entries whose findings are known; fewer than `size` only soon after a start.
    findings_size: u64,
    /// The session: who asked, which agents acted under what authority, each call with its approvals and outcome, what was
    /// found, and how complete it is (`COMPLETE`, `GAPS`, `CANNOT TELL`).
    #[schema(value_type = Object)]
    story: Story,
}

/// Tell a session
///
/// From the log's own records, with the log's own findings: whoever wants to believe neither reads the log and computes
/// both (`deedbook session`), or asks for an evidence file. Noted in the log (`access.read`).
#[utoipa::path(
    get,
    path = crate::routes::SESSION,
    tag = "records",
    params(("id" = String, Path, description = "The session's id")),
    responses(
        (status = 200, description = "The session", body = SessionText),
        (status = 400, description = "There is a query parameter", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No record names such a session (yet), or this log takes raw entries", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The session has more records than one answer tells; search for them instead", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "That somebody looks cannot be written into the log, so nobody may", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn session(
    State(app): State<Arc<App>>,
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
    Params(Nothing {}): Params<Nothing>,
) -> Result<Json<SessionText>, Box<Problem>> {
    let lookups = app.lookups()?.clone();
    let id = id.map_or_else(|_| String::new(), |Path(id)| id);
    app.look(&caller, Look::Session, Some(&id)).await?;
    app.read(move |reader| tell(&lookups, reader, &id)).await?.map(Json)
}

fn tell(lookups: &Lookups, reader: &Reader, id: &str) -> Result<SessionText, Box<Problem>> {
    let unknown = || Problem::new(Code::NotFound, format!("No record names the session {id:?} (yet)."));
    let (entries, size) = all_of(lookups, reader, id)?;
    let logged: Vec<&Logged<'_>> = entries.iter().filter_map(Entry::logged).collect();
    let told: Vec<_> = logged.iter().map(|logged| logged.told()).collect();
    let elsewhere = decided_elsewhere(lookups, reader, id, &told, size)?;
    let elsewhere: Vec<_> = elsewhere.iter().filter_map(Entry::logged).map(Logged::told).collect();
    let findings = lookups.findings_of(logged.iter().map(|logged| logged.index()));
    let findings_size = lookups.findings_size();
    let verdict = match lookups.verdict(id) {
        Some(verdict) if findings_size >= size => verdict,
        _ => Verdict::CannotTell(vec!["the log has not judged all of its records yet; ask again".into()]),
    };
    let story = Story::of(id, &told, &elsewhere, &findings, &verdict).ok_or_else(unknown)?;
    Ok(SessionText { size, findings_size, story })
}

/// Entries that decide about calls of a session, and came under another one.
fn decided_elsewhere(
    lookups: &Lookups,
    reader: &Reader,
    id: &str,
    own: &[Told<'_>],
    size: u64,
) -> Result<Vec<Entry>, Box<Problem>> {
    let mut indexes = lookups.decisions(id);
    indexes.retain(|index| *index < size && own.binary_search_by_key(index, |told| told.index).is_err());
    if own.len() + indexes.len() > SESSION_RECORDS_MAX {
        return Err(too_large());
    }
    let read = reader.entries_at(&indexes, &|index, bytes| Some(Entry::read(index, bytes)));
    Ok(read.map_err(|error| Problem::internal(&error))?.into_iter().flatten().collect())
}

/// All entries of a session, oldest first, and the size that they are all of.
fn all_of(lookups: &Lookups, reader: &Reader, id: &str) -> Result<(Vec<Entry>, u64), Box<Problem>> {
    let all = vec![(Kind::Session, id.to_owned())];
    let query = Query { all, order: Order::Oldest, ..Query::default() };
    search::every(lookups, reader, query, SESSION_RECORDS_MAX, |entry| entry)?.ok_or_else(too_large)
}

fn too_large() -> Box<Problem> {
    let detail = format!(
        "The session has more than {SESSION_RECORDS_MAX} records; search for them page by page instead."
    );
    Problem::new(Code::TooLarge, detail).limit(SESSION_RECORDS_MAX)
}
