//! `GET /v1/records/{index or id}`: one record, with its receipt if asked.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Path, State, rejection::PathRejection},
};
use record::{RecordId, RecordKey};
use sequencer::{Kind, reader::Reader};
use serde::{Deserialize, Serialize};
use tlog::checkpoint::SignedCheckpoint;
use utoipa::{IntoParams, ToSchema};

use crate::{
    access::Caller,
    app::App,
    body::Params,
    clerk::looks::Look,
    problem::{Code, Problem},
    submit::proof_text,
};

/// Parameters of a look at one record
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RecordParams {
    /// With an id: the `producer.id` of the record (needed where several producers use the same id).
    producer: Option<String>,
    /// Whether to send the receipt, a C2SP tlog-proof under a checkpoint that enough witnesses have cosigned, or else under the
    /// published one (or, for a record that is not published yet, under the newest one that was signed).
    #[serde(default)]
    proof: bool,
}

/// One record of the log
#[derive(Serialize, ToSchema)]
pub(crate) struct Found {
    /// Index of the entry.
    index: u64,
    /// The record's id; absent on a log of raw entries.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// SHA-256(0x00 ‖ entry), base64.
    leaf_hash: String,
    /// The entry as text, or if it is none (raw logs only), absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<String>,
    /// The entry in base64, where it is not text.
    #[serde(skip_serializing_if = "Option::is_none")]
    entry_base64: Option<String>,
    /// A checkpoint that contains it: a signed note.
    checkpoint: String,
    /// Whether that has enough cosignatures for the log's own policy. Absent where the log asks no witnesses.
    #[serde(skip_serializing_if = "Option::is_none")]
    witnessed: Option<bool>,
    /// The receipt: a C2SP tlog-proof.
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<String>,
}

/// Get one record
///
/// By index, or by id. What comes back is the entry as the tree hashes it: the record in its envelope.
#[utoipa::path(
    get,
    path = crate::routes::RECORD,
    tag = "records",
    params(("record" = String, Path, description = "An index in decimal, or a record's id (a lowercase UUID)"), RecordParams),
    responses(
        (status = 200, description = "The record", body = Found),
        (status = 400, description = "Neither an index nor an id, or an unknown parameter", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "That somebody looks cannot be written into the log, so nobody may", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such record (yet)", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "Several producers have a record with this id; name one with `producer`", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn record(
    State(app): State<Arc<App>>,
    caller: Option<Extension<Caller>>,
    name: Result<Path<String>, PathRejection>,
    Params(params): Params<RecordParams>,
) -> Result<Json<Found>, Box<Problem>> {
    // What is no text names nothing either.
    let name = name.map_or_else(|_| String::new(), |Path(name)| name);
    let parsed = Name::parse(&name)?;
    if let Some(Extension(caller)) = &caller {
        app.look(caller, Look::Record, Some(&name)).await?;
    }
    let asked = app.clone();
    app.read(move |reader| find(&asked, reader, &parsed, &params)).await?.map(Json)
}

enum Name {
    Index(u64),
    Id(RecordId),
}

impl Name {
    fn parse(text: &str) -> Result<Self, Box<Problem>> {
        if let Ok(index) = tlog::encoding::parse_decimal(text) {
            return Ok(Self::Index(index));
        }
        let neither = || {
            Problem::new(
                Code::BadRequest,
                "Name a record by its index in decimal or by its id, a lowercase UUID.",
            )
        };
        text.parse().map(Self::Id).map_err(|_| neither())
    }
}

fn find(app: &App, reader: &Reader, name: &Name, params: &RecordParams) -> Result<Found, Box<Problem>> {
    let index = match name {
        Name::Index(_) if params.producer.is_some() => {
            return Err(Problem::new(Code::BadQuery, "`producer` goes with an id; an index needs none."));
        }
        Name::Index(index) => *index,
        Name::Id(id) => index_of(reader, *id, params.producer.as_deref())?,
    };
    let gone = || Problem::new(Code::NotFound, format!("The log holds no entry {index} (yet)."));
    let entry = reader.entry(index).map_err(|error| Problem::internal(&error))?.ok_or_else(gone)?;
    let checkpoint = covering(reader, index);
    let id = match reader.identity().kind {
        Kind::Raw => None,
        Kind::Records => {
            Some(record::open(&entry).map_err(|error| Problem::internal(&error))?.id().to_string())
        }
    };
    let text = std::str::from_utf8(&entry).ok().map(String::from);
    Ok(Found {
        index,
        id,
        leaf_hash: tlog::Hash::leaf(&entry).to_string(),
        entry_base64: text.is_none().then(|| tlog::encoding::base64(&entry)),
        entry: text,
        checkpoint: String::from_utf8_lossy(checkpoint.bytes()).into_owned(),
        witnessed: app.is_witnessed(&checkpoint),
        proof: params.proof.then(|| proof_text(reader, index, &checkpoint)).transpose()?,
    })
}

/// A checkpoint that contains an entry: one that enough witnesses have cosigned, else the published one, else the newest.
fn covering(reader: &Reader, index: u64) -> SignedCheckpoint {
    let covers = |checkpoint: &SignedCheckpoint| index < checkpoint.size();
    let witnessed = reader.witnessed().filter(covers);
    let published = || Some(reader.published()).filter(covers);
    witnessed.or_else(published).unwrap_or_else(|| reader.committed().checkpoint.clone())
}

fn index_of(reader: &Reader, id: RecordId, producer: Option<&str>) -> Result<u64, Box<Problem>> {
    let unknown = || Problem::new(Code::NotFound, format!("The log holds no record with the id {id} (yet)."));
    if let Some(producer) = producer {
        let row = reader.find(&RecordKey::new(id, producer)).map_err(|error| Problem::internal(&error))?;
        return row.map(|row| row.index).ok_or_else(unknown);
    }
    let rows = reader.find_id(id.to_bytes(), 2).map_err(|error| Problem::internal(&error))?;
    match rows[..] {
        [] => Err(unknown()),
        [row] => Ok(row.index),
        [first, ..] => {
            let detail =
                format!("Several producers have a record with the id {id}; name one with `producer`.");
            Err(Problem::new(Code::Ambiguous, detail).index(first.index))
        }
    }
}
