//! `POST /v1/evidence`: one file that answers a question and is checked without the log.
//!
//! The log finds what belongs into it by its lookups, so the size of the log does not matter. What the file may leave out,
//! whoever holds it cannot know: `deedbook evidence` reads the whole log instead of believing it.

mod answer;
mod contents;

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use evidence::{Evidence, LogKey, Made, MakeError, Material, Question, Range, Show};
use lookup::{Lookups, Query};
use sequencer::{beside::Rows, reader::Reader};
use serde::{Deserialize, Serialize};
use tlog::{
    checkpoint::SignedCheckpoint,
    policy::{Policy, VerifiedCheckpoint},
};
use utoipa::ToSchema;

use crate::{
    access::{Access, Caller},
    app::App,
    body::{self, Nothing, Params},
    clerk::Draft,
    limits::{EVIDENCE_BODY_BYTES_MAX, LOOKUP_WAIT_MAX},
    problem::{Code, Problem, sentence},
    search::SearchParams,
};

/// What a file is to answer, and what it is to show
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewEvidence {
    /// A session, by its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session: Option<String>,
    /// Or entries, by their indexes: pairs of the first and the last of a range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Vec<u64>>>)]
    entries: Option<Vec<Range>>,
    /// Or records, by their ids.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    records: Option<Vec<String>>,
    /// Or what a search finds: parameters of `GET /v1/records` that say what must hold, and their values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    query: Option<BTreeMap<String, String>>,
    /// Which contents are shown: `all`, `none` (as where this is left out), or names and digests with commas between. What
    /// looks like a secret is shown where its digest is named, to admins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    disclose: Option<String>,
}

/// A question that was understood.
enum Asked {
    Plain(Question),
    Search(Question, Box<Query>),
}

impl Asked {
    const fn question(&self) -> &Question {
        match self {
            Self::Plain(question) | Self::Search(question, _) => question,
        }
    }
}

/// Make an evidence file
///
/// One file with the records that were asked for, what their findings rest on, the contents that were chosen, and proofs under
/// the published checkpoint: see docs/evidence.md. `deedbook verify` checks it with the log's key and no network. Noted
/// in the log (`access.exported`).
#[utoipa::path(
    post,
    path = crate::routes::EVIDENCE,
    tag = "records",
    request_body(content = NewEvidence, example = json!({"session": "s-71c2", "disclose": "input,output"})),
    responses(
        (status = 200, description = "The file", body = Object, content_type = "application/vnd.deedbook.evidence+json"),
        (status = 400, description = "Not one of session, entries, records and query, or one that cannot be asked", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "The published log does not hold what was asked for, a content that was chosen is not beside it, or this log takes raw entries", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "The body did not arrive in time", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "More entries or bytes of content than one file holds, or the body is over its limit", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Not application/json", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The log has not looked through all of its published entries yet; or that somebody takes this away cannot be written into it", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn evidence(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    Params(Nothing {}): Params<Nothing>,
    body: Body,
) -> Result<Response, Box<Problem>> {
    app.custody()?;
    let new: NewEvidence = body::json(&app, &headers, body, EVIDENCE_BODY_BYTES_MAX).await?;
    let (asked, show) = (new.asked()?, new.show()?);
    let lookups = app.lookups()?.clone();
    let note = format!("{}; shown: {}", asked.question(), new.disclose.as_deref().unwrap_or("none"));
    let _turn = app.evidence_turns.acquire().await.map_err(|error| Problem::internal(&error))?;
    // What is published meanwhile is not looked through: the file speaks for this size.
    let published = app.reader.published();
    ready(&lookups, published.size()).await?;
    let making = Making { app: app.clone(), lookups, published, asked, show, caller: caller.clone() };
    let file = app.read(move |reader| making.file(reader)).await??;
    app.note_export(&caller, &note).await?;
    let content_type = HeaderValue::from_static(evidence::MEDIA_TYPE);
    Ok(([(header::CONTENT_TYPE, content_type)], file.to_bytes()).into_response())
}

/// Waits until all published entries are looked through.
async fn ready(lookups: &Lookups, size: u64) -> Result<(), Box<Problem>> {
    if lookups.wait_for(size, LOOKUP_WAIT_MAX).await && lookups.findings_size() >= size {
        return Ok(());
    }
    let seen = lookups.size().min(lookups.findings_size());
    let detail = format!("{seen} of {size} published entries are looked through so far; ask again later.");
    Err(Problem::new(Code::Busy, detail))
}

impl NewEvidence {
    fn asked(&self) -> Result<Asked, Box<Problem>> {
        let bad = |detail: String| Problem::new(Code::BadRequest, detail);
        let asked = match (&self.session, &self.entries, &self.records, &self.query) {
            (Some(session), None, None, None) => Asked::Plain(Question::Session(session.clone())),
            (None, Some(ranges), None, None) => {
                if let Some(Range(from, to)) = ranges.iter().find(|range| range.0 > range.1) {
                    return Err(bad(format!(
                        "A range names its smaller index first, not {from} and then {to}."
                    )));
                }
                Asked::Plain(Question::entries(ranges.clone()))
            }
            (None, None, Some(ids), None) => Asked::Plain(Question::records(ids.clone())),
            (None, None, None, Some(pairs)) => {
                let query = SearchParams::of(pairs)?;
                Asked::Search(Question::Query(pairs.clone()), Box::new(query))
            }
            _ => return Err(bad("Ask for one of `session`, `entries`, `records` and `query`.".into())),
        };
        asked.question().check().map_err(|why| bad(format!("The question is none: {why}.")))?;
        Ok(asked)
    }

    fn show(&self) -> Result<Show, Box<Problem>> {
        let text = self.disclose.as_deref().unwrap_or("none");
        text.parse().map_err(|why| Problem::new(Code::BadRequest, format!("`disclose`: {why}.")))
    }
}

/// Everything that it takes to make a file.
struct Making {
    app: Arc<App>,
    lookups: Lookups,
    /// What the log has published and looked through.
    published: SignedCheckpoint,
    asked: Asked,
    show: Show,
    caller: Caller,
}

impl Making {
    /// Makes the file. Blocks.
    fn file(self, reader: &Reader) -> Result<Evidence, Box<Problem>> {
        let checkpoint = self.checkpoint(reader)?;
        let head = checkpoint.signed().head();
        let gathered =
            answer::Finding { lookups: &self.lookups, reader, size: head.size }.gather(&self.asked)?;
        let contents =
            contents::Contents { app: &self.app, reader, sees_secrets: self.caller.sees_secrets() };
        let disclosures = contents.at_hand(&gathered.wanted(&self.show))?;
        let proofs = gathered.entries.iter().map(|(index, ..)| reader.inclusion(*index, head));
        let proofs = proofs.collect::<Result<_, _>>().map_err(|error| Problem::internal(&error))?;
        let made = Evidence::make(Material {
            asked: self.asked.question().clone(),
            checkpoint: &checkpoint,
            keys: LogKey::up_to(reader.keys_since(), checkpoint.signed()).unwrap_or_default(),
            policy: None,
            entries: gathered.entries,
            proofs,
            disclosures,
            show: self.show,
            made: Made {
                by: concat!("deedbook ", env!("CARGO_PKG_VERSION"), " (the log itself)").to_owned(),
                looked_at: head.size,
                time: self.app.now().to_string(),
            },
        });
        made.map_err(|error| match error {
            MakeError::NothingToShow(_) => Problem::new(Code::NotFound, sentence(&error.to_string())),
            MakeError::Form(_) => Problem::new(Code::TooLarge, sentence(&error.to_string())),
            error => Problem::internal(&error),
        })
    }

    /// What the log has published, verified as anybody does.
    fn checkpoint(&self, reader: &Reader) -> Result<VerifiedCheckpoint, Box<Problem>> {
        let verified = reader.keys_since().iter().rev().find_map(|(_, key)| {
            let policy = Policy::log_only(key.clone()).ok()?;
            policy.verify(self.published.bytes().clone()).ok()
        });
        verified.ok_or_else(|| {
            Problem::internal(&std::io::Error::other("no key of the log signed what it published"))
        })
    }
}

impl App {
    /// Notes that somebody takes something away, before he is given it. Where nobody is asked who he is, nobody is noted.
    async fn note_export(self: &Arc<Self>, caller: &Caller, what: &str) -> Result<(), Box<Problem>> {
        let (Access::Tokens(_), Some(custody)) = (&self.access, &self.custody) else { return Ok(()) };
        let draft = Draft::exported(&caller.reader(), "evidence", what.to_owned());
        custody.clerk.write(self, draft, |_| Ok(Rows::default())).await.map(drop)
    }
}
