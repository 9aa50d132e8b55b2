//! `POST /v1/records`: records in, each answered on its own, with all it takes to check the answer offline.

mod answer;
mod prepare;
mod speaks;

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use record::Framing;
use sequencer::{
    Kind,
    ids::Outcome,
    pool::{Answer, Submission},
    reader::Reader,
};
use serde::Deserialize;
use tlog::checkpoint::SignedCheckpoint;
use utoipa::{IntoParams, ToSchema};

pub(crate) use answer::{Answered, proof_text};
use prepare::Circumstances;

use crate::{
    access::Caller,
    app::App,
    body::{self, Params},
    limits::{BODY_BYTES_MAX, INLINE_WORK_BYTES_MAX},
    problem::{Code, Problem},
};

/// When the answer is sent
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Wait {
    /// When the records survive a power cut and are under a checkpoint that the log has signed.
    #[default]
    Durable,
    /// When that, and a checkpoint that contains them is served to everybody.
    Published,
    /// When that, and a checkpoint that contains them has enough cosignatures for the log's own policy. For logs that ask
    /// witnesses.
    Witnessed,
}

/// Parameters of a submission
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SubmitParams {
    /// What to wait for.
    #[serde(default)]
    #[param(inline)]
    wait: Wait,
    /// Whether each item carries its receipt, a C2SP tlog-proof.
    #[serde(default)]
    proof: bool,
    /// Whether each item carries the whole entry instead of its `log` part.
    #[serde(default)]
    entry: bool,
}

/// Submit records
///
/// One JSON object, a JSON array of objects, or NDJSON. Each record is answered on its own and in order: `logged`,
/// `duplicate` (the same bytes were logged before under this producer and id; the first entry stands) or `rejected`.
/// An answer carries what the server added (`log`), so that the entry can be rebuilt and its receipt checked offline.
/// A single object that is refused is answered with the problem itself. Safe to repeat: the pair of `producer.id` and
/// `id` is the idempotency key.
#[utoipa::path(
    post,
    path = crate::routes::RECORDS,
    tag = "records",
    params(SubmitParams),
    request_body(
        content(
            (serde_json::Value = "application/json", example = json!({"id": "0198f0c2-7d1e-7c3a-9a54-1f2f6f1f9b10", "type": "action.requested", "time": "2026-11-23T08:14:03.118Z", "producer": {"id": "crm-runtime/host-7"}, "session": {"id": "s-71c2"}, "agent": {"sub": "spiffe://acme.example/agent/crm"}, "action": {"id": "toolu_01", "tool": "crm.update_contact"}})),
            (String = "application/x-ndjson"),
        ),
        description = "An audit record: `id` (a lowercase UUID), `type`, `time` (RFC 3339, UTC, milliseconds), and what its type needs (docs/record.md has the fields and an example of each type). I-JSON; unknown fields are kept. Content in an unsigned record (`content`, `content_base64url`) is kept beside the log, up to 16 MiB each, and its digest put in its place. A record may be wrapped: `{\"record\": {…}, \"sig\": […], \"disclosures\": […]}`; then it is never changed and names its content by `sd`."
    ),
    responses(
        (status = 200, description = "Each record's own answer", body = Answered),
        (status = 400, description = "The query is wrong, or the body broke off", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "This log takes raw entries, not records", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "The body did not arrive in time", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "A single object: other bytes stand under its id", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body, a single record, or the number of records is over its limit", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Neither application/json nor application/x-ndjson", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "A single object: the token does not speak for whom the record names, or only the log or an admin writes such records", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A single object that is not a record, or whose signature does not hold; or a body that is not an array", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The log is busy or not writing, or what is durable was not published, or not witnessed, in time: the type says which; see Retry-After", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn submit(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(params): Params<SubmitParams>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Box<Problem>> {
    if app.reader.identity().kind != Kind::Records {
        let detail = "This log takes raw entries (POST /add); records have logs of their own.";
        return Err(Problem::new(Code::NotFound, detail));
    }
    if params.wait == Wait::Witnessed && app.witnesses.is_none() {
        let detail = "This log asks no witnesses; wait for `published` or `durable`.";
        return Err(Problem::new(Code::BadQuery, detail));
    }
    let framed_by_lines = framed_by_lines(&headers)?;
    let arrived = body::read(&app, body, BODY_BYTES_MAX).await?;
    let body = arrived.bytes.clone();
    let framing = match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
        _ if framed_by_lines => Framing::Ndjson,
        Some(b'[') => Framing::Array,
        _ => Framing::Object,
    };
    let received = app.received();
    let large = body.len() > INLINE_WORK_BYTES_MAX;
    let work = {
        let app = app.clone();
        move || {
            let custody = app.custody()?;
            let origin = app.origin();
            let circumstances = Circumstances { received: &received, caller: &caller, origin, custody };
            prepare::prepare(&body, framing, &circumstances)
        }
    };
    let mut prepared = if large { app.read(move |_| work()).await?? } else { work()? };
    if framing == Framing::Object {
        prepared.refuse_single()?;
    }
    if prepared.has_content() {
        let keeper = app.clone();
        let seal = move || prepared.seal(keeper.custody()?).map(|()| prepared);
        prepared = app.read(move |_| seal()).await??;
    }
    let announcing = prepared.announcing();
    let answer = match prepared.take_submissions() {
        none if none.is_empty() => None,
        some if announcing.is_empty() => Some(wait_for_commit(&app, some).await?),
        some => Some(announce(&app, some, announcing).await?),
    };
    let covering = Covering::of(&app, answer.as_ref(), params.wait).await?;
    let reads_store = params.proof || answer.as_ref().is_some_and(has_duplicates);
    let making = {
        let app = app.clone();
        move |reader: &Reader| {
            answer::make(reader, app.custody()?, prepared, answer.as_ref(), &covering, params.into())
        }
    };
    let answered = if large || reads_store { app.read(making).await?? } else { making(&app.reader)? };
    if framing == Framing::Object {
        answered.refuse_single()?;
    }
    let json = HeaderValue::from_static("application/json");
    Ok(([(header::CONTENT_TYPE, json)], answered.to_json()?).into_response())
}

/// Commits records of which some change the keys of the log, and takes note of these in the order of the log, also if the
/// caller goes away meanwhile.
async fn announce(
    app: &Arc<App>,
    submissions: Vec<Submission>,
    announcing: Vec<(usize, Bytes)>,
) -> Result<Answer, Box<Problem>> {
    let app = app.clone();
    let noted = tokio::spawn(async move {
        let custody = app.custody()?;
        let _one_by_one = custody.changing.lock().await;
        let answer = wait_for_commit(&app, submissions).await?;
        for (place, entry) in announcing {
            if let Some(Outcome::Logged { index }) = answer.outcomes.get(place) {
                custody.logged(*index, &entry);
            }
        }
        Ok(answer)
    });
    noted.await.map_err(|error| Problem::internal(&error))?
}

/// A duplicate is answered from the entry that stands, which has to be read.
fn has_duplicates(answer: &Answer) -> bool {
    answer.outcomes.iter().any(|outcome| matches!(outcome, Outcome::Duplicate { .. }))
}

fn framed_by_lines(headers: &HeaderMap) -> Result<bool, Box<Problem>> {
    match &*body::media_type(headers) {
        "application/json" => Ok(false),
        "application/x-ndjson" => Ok(true),
        other => {
            let named = if other.is_empty() { "no content type".into() } else { format!("{other:?}") };
            let detail = format!("The request has {named}; send application/json or application/x-ndjson.");
            Err(Problem::new(Code::UnsupportedMediaType, detail))
        }
    }
}

/// Hands entries to the log and waits until they are durable.
pub(crate) async fn wait_for_commit(app: &App, submissions: Vec<Submission>) -> Result<Answer, Box<Problem>> {
    let waiting = app.log.submit(submissions)?;
    match waiting.await {
        Ok(reply) => Ok(reply?),
        // The writer is gone without an answer: whether it committed is not known.
        Err(_) => Err(sequencer::pool::Refusal::Unknown.into()),
    }
}

/// A checkpoint that contains every entry of the answer: the commit's own, a published one, or one with enough cosignatures.
struct Covering {
    checkpoint: SignedCheckpoint,
    /// Whether it has enough of them; `None` where the log asks for none.
    witnessed: Option<bool>,
}

impl Covering {
    async fn of(app: &App, answer: Option<&Answer>, wait: Wait) -> Result<Self, Box<Problem>> {
        let Some(answer) = answer else { return Ok(Self::judged(app, app.reader.published())) };
        let needed = answer.outcomes.iter().map(Outcome::index).max().map_or(0, |index| index + 1);
        let covers = |checkpoint: &SignedCheckpoint| checkpoint.size() >= needed;
        let patience = app.timeouts.publish;
        let there = match wait {
            Wait::Durable => {
                let checkpoint = answer.committed.checkpoint.clone();
                return Ok(Self { checkpoint, witnessed: app.is_witnessed_by_nobody() });
            }
            Wait::Published => {
                let mut watching = app.reader.watch_published();
                let there = tokio::time::timeout(patience, watching.wait_for(covers)).await;
                there.ok().and_then(Result::ok).map(|it| it.clone())
            }
            Wait::Witnessed => {
                let mut watching = app.reader.watch_witnessed();
                let covering = |it: &Option<SignedCheckpoint>| it.as_ref().is_some_and(covers);
                let there = tokio::time::timeout(patience, watching.wait_for(covering)).await;
                there.ok().and_then(Result::ok).and_then(|it| it.clone())
            }
        };
        there.map(|there| Self::judged(app, there)).ok_or_else(|| too_late(wait, patience))
    }

    fn judged(app: &App, checkpoint: SignedCheckpoint) -> Self {
        Self { witnessed: app.is_witnessed(&checkpoint), checkpoint }
    }
}

/// What was waited for did not happen; the records are durable all the same.
fn too_late(wait: Wait, patience: Duration) -> Box<Problem> {
    let seconds = patience.as_secs_f32();
    let (code, what) = match wait {
        Wait::Witnessed => {
            (Code::NotWitnessed, "too few witnesses have cosigned a checkpoint that contains them")
        }
        _ => (Code::NotPublished, "no checkpoint that contains them was published"),
    };
    let detail = format!(
        "The records are durable in the log, but {what} within {seconds} seconds. Submit them again to get their receipts."
    );
    Problem::new(code, detail)
}
