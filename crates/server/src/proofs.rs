//! Proofs for clients that do not read tiles.

use std::sync::Arc;

use axum::{Json, extract::State};
use sequencer::reader::{ReadError, Reader};
use serde::{Deserialize, Serialize};
use tlog::{Head, plan::PlanError};
use utoipa::{IntoParams, ToSchema};

use crate::{
    app::App,
    body::{self, Params},
    problem::{Code, Problem},
};

/// Parameters of an inclusion proof
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct InclusionParams {
    /// Index of the entry.
    #[serde(deserialize_with = "body::decimal")]
    index: u64,
    /// Size of the tree; the published one if left out.
    #[serde(default, deserialize_with = "body::maybe_decimal")]
    size: Option<u64>,
}

/// Parameters of a consistency proof
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ConsistencyParams {
    /// Size of the older tree.
    #[serde(deserialize_with = "body::decimal")]
    old: u64,
    /// Size of the newer tree; the published one if left out.
    #[serde(default, deserialize_with = "body::maybe_decimal")]
    new: Option<u64>,
}

/// Size and root of a tree
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct HeadText {
    /// Number of entries.
    size: u64,
    /// Root hash, base64.
    #[schema(value_type = String)]
    root: HashText,
}

/// A hash that is written as base64.
#[derive(Clone, Copy, Debug)]
struct HashText(tlog::Hash);

impl Serialize for HashText {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl From<Head> for HeadText {
    fn from(head: Head) -> Self {
        Self { size: head.size, root: HashText(head.root) }
    }
}

/// An inclusion proof (RFC 9162 section 2.1.3)
#[derive(Serialize, ToSchema)]
pub(crate) struct InclusionText {
    /// Index of the entry.
    index: u64,
    /// Size of the tree.
    size: u64,
    /// SHA-256(0x00 ‖ entry), base64.
    #[schema(value_type = String)]
    leaf_hash: HashText,
    /// Root of the tree, base64.
    #[schema(value_type = String)]
    root: HashText,
    /// The siblings, the leaf's own first; base64.
    #[schema(value_type = Vec<String>)]
    path: Vec<HashText>,
}

/// A consistency proof (RFC 9162 section 2.1.4)
#[derive(Serialize, ToSchema)]
pub(crate) struct ConsistencyText {
    /// The older tree.
    old: HeadText,
    /// The newer tree.
    new: HeadText,
    /// The hashes of the proof, base64.
    #[schema(value_type = Vec<String>)]
    hashes: Vec<HashText>,
}

/// Prove that an entry is in a tree
///
/// The tree may have any size up to the newest one. Compare the root with a signed checkpoint.
#[utoipa::path(
    get,
    path = crate::routes::INCLUSION,
    tag = "proofs",
    params(InclusionParams),
    responses(
        (status = 200, description = "The proof", body = InclusionText),
        (status = 400, description = "The index is not in a tree of that size, the log is not that large, or a parameter is wrong", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn inclusion(
    State(app): State<Arc<App>>,
    Params(params): Params<InclusionParams>,
) -> Result<Json<InclusionText>, Box<Problem>> {
    app.read(move |reader| {
        let head = head_at(reader, params.size)?;
        let proof = reader.inclusion(params.index, head).map_err(question)?;
        Ok(Json(InclusionText {
            index: params.index,
            size: head.size,
            leaf_hash: HashText(proof.leaf),
            root: HashText(head.root),
            path: proof.path.into_iter().map(HashText).collect(),
        }))
    })
    .await?
}

/// Prove that a tree continues an older one
///
/// Both may have any size up to the newest one. Compare the roots with signed checkpoints.
#[utoipa::path(
    get,
    path = crate::routes::CONSISTENCY,
    tag = "proofs",
    params(ConsistencyParams),
    responses(
        (status = 200, description = "The proof", body = ConsistencyText),
        (status = 400, description = "The older tree is larger, the log is not that large, or a parameter is wrong", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn consistency(
    State(app): State<Arc<App>>,
    Params(params): Params<ConsistencyParams>,
) -> Result<Json<ConsistencyText>, Box<Problem>> {
    app.read(move |reader| {
        let new = head_at(reader, params.new)?;
        let proof = reader.consistency(params.old, new).map_err(question)?;
        let hashes = proof.hashes.into_iter().map(HashText).collect();
        Ok(Json(ConsistencyText { old: proof.old.into(), new: new.into(), hashes }))
    })
    .await?
}

/// The head at a size, the published one if none is named.
fn head_at(reader: &Reader, size: Option<u64>) -> Result<Head, Box<Problem>> {
    let Some(size) = size else { return Ok(reader.published().head()) };
    let newest = reader.committed().head().size;
    if size > newest {
        return Err(Problem::new(
            Code::BadQuery,
            format!("The log has {newest} entries; there is no tree of size {size}."),
        ));
    }
    reader.head_at(size).map_err(question)
}

/// A question that makes no sense is the caller's; anything else is ours.
fn question(error: ReadError) -> Box<Problem> {
    match error {
        ReadError::Plan(PlanError::Question(question)) => {
            Problem::new(Code::BadQuery, format!("{question}."))
        }
        other => Problem::internal(&other),
    }
}
