//! What a submission is answered with.

use std::collections::BTreeMap;

use bytes::Bytes;
use record::{Sd, model::Record};
use sequencer::{
    beside::Digest,
    ids::Outcome,
    pool::Answer,
    reader::{ReadError, Reader},
};
use serde::Serialize;
use serde_json::value::RawValue;
use tlog::{checkpoint::SignedCheckpoint, tlog_proof::TlogProof};
use utoipa::ToSchema;

use super::{
    Covering, SubmitParams,
    prepare::{Prepared, Sealed},
};
use crate::{
    custody::Custody,
    problem::{Code, Problem},
};

/// The answer to a submission
#[derive(Serialize, ToSchema)]
pub(crate) struct Answered {
    /// Size of the tree that the checkpoint speaks for.
    size: u64,
    /// A checkpoint that contains every record of this answer: a signed note.
    checkpoint: String,
    /// Whether it has enough cosignatures for the log's own policy. Absent where the log asks no witnesses.
    #[serde(skip_serializing_if = "Option::is_none")]
    witnessed: Option<bool>,
    /// One answer a record, in the order submitted.
    items: Vec<Item>,
}

/// The answer to one record
#[derive(Serialize, ToSchema)]
#[serde(tag = "status", rename_all = "lowercase")]
pub(crate) enum Item {
    /// It is a new entry.
    Logged(Receipt),
    /// The same bytes were logged before under this producer and id; the first entry stands.
    Duplicate(Receipt),
    /// It was not logged.
    Rejected {
        /// Why.
        problem: Box<Problem>,
    },
}

/// Where a record is in the log, and what it takes to check that offline
#[derive(Serialize, ToSchema)]
pub(crate) struct Receipt {
    /// Index of the entry.
    pub(crate) index: u64,
    /// The record's id.
    pub(crate) id: String,
    /// SHA-256(0x00 ‖ entry), base64.
    pub(crate) leaf_hash: String,
    /// What the server added to the record. With it the entry can be rebuilt: see RECORD section 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub(crate) log: Option<Box<RawValue>>,
    /// The whole entry, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) entry: Option<String>,
    /// Where the log put digests in the place of content: the salts of their disclosures, base64url, by the places in the
    /// record. With what was submitted they make the record as it is in the entry. Absent where the content was erased.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, String>)]
    pub(crate) salts: BTreeMap<&'static str, String>,
    /// The receipt: a C2SP tlog-proof.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) proof: Option<String>,
}

/// What goes into each item.
#[derive(Clone, Copy)]
pub(crate) struct Wanted {
    proof: bool,
    entry: bool,
}

impl From<SubmitParams> for Wanted {
    fn from(params: SubmitParams) -> Self {
        Self { proof: params.proof, entry: params.entry }
    }
}

impl Answered {
    /// A request of one object is refused as a whole.
    pub(crate) fn refuse_single(&self) -> Result<(), Box<Problem>> {
        match self.items.first() {
            Some(Item::Rejected { problem }) => Err(problem.clone()),
            _ => Ok(()),
        }
    }

    pub(crate) fn to_json(&self) -> Result<Vec<u8>, Box<Problem>> {
        let mut json = Vec::with_capacity(512 + 420 * self.items.len());
        serde_json::to_writer(&mut json, self).map_err(|error| Problem::internal(&error))?;
        Ok(json)
    }
}

/// Puts the answer together. Reads the store for duplicates and proofs.
pub(crate) fn make(
    reader: &Reader,
    custody: &Custody,
    prepared: Prepared,
    answer: Option<&Answer>,
    covering: &Covering,
    wanted: Wanted,
) -> Result<Answered, Box<Problem>> {
    let checkpoint = &covering.checkpoint;
    let mut outcomes = answer.map(|answer| &answer.outcomes[..]).unwrap_or_default().iter();
    let mut items = Vec::with_capacity(prepared.items.len());
    for item in prepared.items {
        items.push(match item {
            Err(problem) => Item::Rejected { problem },
            Ok(sealed) => {
                let outcome =
                    outcomes.next().ok_or_else(|| Problem::new(Code::Internal, "The log gave no answer."))?;
                let id = sealed.id.to_string();
                match *outcome {
                    Outcome::Logged { index } => {
                        let Sealed { entry, log, leaf, salts, .. } = sealed;
                        let parts = Parts { entry, log, leaf, salts };
                        Item::Logged(receipt(reader, index, id, parts, checkpoint, wanted)?)
                    }
                    Outcome::Duplicate { index } => {
                        let parts = Parts::stored(reader, custody, index)?;
                        Item::Duplicate(receipt(reader, index, id, parts, checkpoint, wanted)?)
                    }
                    Outcome::Conflict { index } => Item::Rejected { problem: id_taken(&id, index) },
                }
            }
        });
    }
    let checkpoint_text = text(checkpoint.bytes())?;
    let witnessed = covering.witnessed;
    Ok(Answered { size: checkpoint.size(), checkpoint: checkpoint_text, witnessed, items })
}

/// An entry and what an answer needs of it.
struct Parts {
    entry: Bytes,
    log: Bytes,
    leaf: tlog::Hash,
    salts: BTreeMap<&'static str, String>,
}

impl Parts {
    /// The entry that stands for a duplicate.
    fn stored(reader: &Reader, custody: &Custody, index: u64) -> Result<Self, Box<Problem>> {
        let entry = reader.entry(index).map_err(|error| Problem::internal(&error))?;
        let entry =
            entry.ok_or_else(|| Problem::new(Code::Internal, "The log does not hold the entry it names."))?;
        let opened = record::open(&entry).map_err(|error| Problem::internal(&error))?;
        let log = Bytes::copy_from_slice(opened.log_part());
        let leaf = tlog::Hash::leaf(&entry);
        let salts = salts_of(reader, custody, &opened)?;
        Ok(Self { entry, log, leaf, salts })
    }
}

/// The salts of the disclosures that the log made for an entry; of all or, where one is gone, of none.
fn salts_of(
    reader: &Reader,
    custody: &Custody,
    entry: &record::Opened<'_>,
) -> Result<BTreeMap<&'static str, String>, Box<Problem>> {
    let mut salts = BTreeMap::new();
    if entry.disclosed().is_empty() {
        return Ok(salts);
    }
    let record = Record::read(entry.record())?;
    for place in entry.disclosed().iter() {
        let sd = place.of(&record).and_then(|held| held.sd()?.parse::<Sd>().ok());
        let digest = sd.map(|sd| Digest(sd.to_bytes()));
        let salt = digest.map(|digest| custody.salt(reader, digest)).transpose()?.flatten();
        let Some(salt) = salt else { return Ok(BTreeMap::new()) };
        salts.insert(place.pointer(), salt);
    }
    Ok(salts)
}

fn id_taken(id: &str, index: u64) -> Box<Problem> {
    let detail = format!(
        "Entry {index} stands under the id {id} of this producer, and holds other bytes. A record is never replaced: \
         give this one an id of its own."
    );
    Problem::new(Code::IdTaken, detail).index(index)
}

fn receipt(
    reader: &Reader,
    index: u64,
    id: String,
    parts: Parts,
    checkpoint: &SignedCheckpoint,
    wanted: Wanted,
) -> Result<Receipt, Box<Problem>> {
    let log = (!wanted.entry).then(|| text(&parts.log)).transpose()?;
    let log = log.map(RawValue::from_string).transpose().map_err(|error| Problem::internal(&error))?;
    let entry = wanted.entry.then(|| text(&parts.entry)).transpose()?;
    let proof = wanted.proof.then(|| proof_text(reader, index, checkpoint)).transpose()?;
    Ok(Receipt { index, id, leaf_hash: parts.leaf.to_string(), log, entry, salts: parts.salts, proof })
}

/// The receipt of an entry under a checkpoint, as a C2SP tlog-proof.
pub(crate) fn proof_text(
    reader: &Reader,
    index: u64,
    checkpoint: &SignedCheckpoint,
) -> Result<String, Box<Problem>> {
    let proof = reader.inclusion(index, checkpoint.head());
    let proof = proof.map_err(|error: ReadError| Problem::internal(&error))?;
    let proof = TlogProof::new(index, proof.path, checkpoint).map_err(|error| Problem::internal(&error))?;
    text(&proof.to_bytes())
}

/// Bytes that are text, or the server has made a mistake.
fn text(bytes: &[u8]) -> Result<String, Box<Problem>> {
    std::str::from_utf8(bytes).map(Into::into).map_err(|error| Problem::internal(&error))
}
