//! A file made from material that was verified.

use record::Logged;
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use record::Sd;
use record::disclosure;
use tlog::group;
use tlog::plan::InclusionProof;
use tlog::policy::VerifiedCheckpoint;
use tlog::proof::ProofError;

use crate::contents::{Named, named};
use crate::form::{Carried, Document, Evidence, EvidenceError, LogKey, Made, Role};
use crate::question::Question;

/// What a file is made of.
#[derive(Debug)]
pub struct Material<'m> {
    /// What was asked.
    pub asked: Question,
    /// The checkpoint that everything is proven under.
    pub checkpoint: &'m VerifiedCheckpoint,
    /// The log's keys, oldest first, the first from size 0 on. The one that signs at the checkpoint's size must have signed
    /// it, though it need not be the one that it was verified by: a log signs with two keys while one makes way.
    pub keys: Vec<LogKey>,
    /// The text of the policy that the checkpoint satisfied, where it was one.
    pub policy: Option<String>,
    /// The entries, ascending by index, and what each is there for.
    pub entries: Vec<(u64, Role, Vec<u8>)>,
    /// A proof for each of them, in the same order.
    pub proofs: Vec<InclusionProof>,
    /// Disclosures that are at hand; which of them are shown is chosen.
    pub disclosures: Vec<String>,
    /// Which are shown.
    pub show: Show,
    /// By whom, when, from how much.
    pub made: Made,
}

/// Which contents are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Show {
    /// Each one that is at hand, but for what the log says looks like a secret.
    All,
    /// None.
    Nothing,
    /// These.
    Some(BTreeSet<Choice>),
}

/// A content that is chosen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Choice {
    /// Each one that is disclosed under this name, such as `input`, but for what looks like a secret.
    Name(String),
    /// The one with this digest.
    Digest(Sd),
}

/// Why no file was made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MakeError {
    /// An entry is not text, so it is none of a log of records.
    #[error("the entry at {0} is not text, and evidence files are of logs of records")]
    NotText(u64),
    /// Entries and proofs are not of one tree.
    #[error("the proofs do not show that the entries are in the log: {0}")]
    Proof(#[from] ProofError),
    /// A disclosure at hand cannot be read.
    #[error("disclosure {number}: {cause}")]
    Disclosure {
        /// Which one, counted from 1.
        number: usize,
        /// Why.
        #[source]
        cause: record::DisclosureError,
    },
    /// Something was chosen that is not there.
    #[error(
        "nothing is at hand that could be shown as {0}: no record in the file names such a content, or its disclosure is missing"
    )]
    NothingToShow(String),
    /// The parts do not make a file.
    #[error(transparent)]
    Form(#[from] EvidenceError),
}

impl Evidence {
    /// Makes a file. The same material makes the same bytes.
    ///
    /// # Errors
    /// See [`MakeError`].
    pub fn make(material: Material<'_>) -> Result<Self, MakeError> {
        let signed = material.checkpoint.signed();
        let hashes = group::make(&material.proofs, signed.head())?;
        let entries = material.entries.into_iter().map(|(index, role, entry)| {
            let entry = String::from_utf8(entry).map_err(|_| MakeError::NotText(index))?;
            Ok(Carried { role, entry, index })
        });
        let entries: Vec<Carried> = entries.collect::<Result<_, MakeError>>()?;
        let disclosures = chosen(&material.show, &material.disclosures, &entries)?;
        let document = Document {
            format: Document::format(),
            asked: material.asked,
            checkpoint: String::from_utf8_lossy(signed.bytes()).into_owned(),
            disclosures,
            entries,
            hashes: hashes.iter().map(ToString::to_string).collect(),
            keys: material.keys,
            made: material.made,
            policy: material.policy,
        };
        Ok(Self::of(document)?)
    }

    /// The same file with fewer contents shown: the records, their proof and all else stay as they are.
    ///
    /// # Errors
    /// [`MakeError::NothingToShow`].
    pub fn redact(&self, show: &Show) -> Result<Self, MakeError> {
        let mut document = self.document.clone();
        document.disclosures = chosen(show, &document.disclosures, &document.entries)?;
        Ok(Self::of(document)?)
    }
}

/// The disclosures that records in the file name and that are to be shown, by their digests.
fn chosen(show: &Show, at_hand: &[String], entries: &[Carried]) -> Result<Vec<String>, MakeError> {
    let mut by_sd: BTreeMap<Sd, Vec<Named>> = BTreeMap::new();
    for carried in entries {
        if let Ok(logged) = Logged::read(carried.index, carried.entry.as_bytes()) {
            named(&logged).into_iter().for_each(|one| by_sd.entry(one.sd).or_default().push(one));
        }
    }
    let mut found = BTreeMap::new();
    let mut used = BTreeSet::new();
    for (number, text) in (1..).zip(at_hand) {
        let sd = Sd::of(text);
        let Some(named) = by_sd.get(&sd).filter(|_| *show != Show::Nothing) else { continue };
        let opened =
            disclosure::verify(text, &sd).map_err(|cause| MakeError::Disclosure { number, cause })?;
        let by_name = Choice::Name(opened.name().to_owned());
        if show.shows(&by_name, &Choice::Digest(sd), named.iter().any(|one| one.secret)) {
            found.insert(sd, text.clone());
        }
        used.extend([by_name, Choice::Digest(sd)]);
    }
    if let Show::Some(chosen) = show
        && let Some(unused) = chosen.difference(&used).next()
    {
        return Err(MakeError::NothingToShow(unused.to_string()));
    }
    Ok(found.into_values().collect())
}

impl Show {
    /// What looks like a secret is shown where it is chosen by its digest, and never along with others.
    fn shows(&self, name: &Choice, digest: &Choice, secret: bool) -> bool {
        match self {
            Self::All => !secret,
            Self::Nothing => false,
            Self::Some(chosen) => chosen.contains(digest) || !secret && chosen.contains(name),
        }
    }
}

impl FromStr for Show {
    type Err = &'static str;

    /// `all`, `none`, or names and digests with commas between.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "all" => return Ok(Self::All),
            "none" => return Ok(Self::Nothing),
            _ => {}
        }
        let choice = |word: &str| match (word.parse(), word.is_empty()) {
            (_, true) => Err("what is shown is `all`, `none`, or names such as `input,output`"),
            (Ok(sd), _) => Ok(Choice::Digest(sd)),
            (Err(_), _) => Ok(Choice::Name(word.to_owned())),
        };
        text.split(',').map(|word| choice(word.trim())).collect::<Result<_, _>>().map(Self::Some)
    }
}

impl std::fmt::Display for Choice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => write!(f, "\"{}\"", record::visible(name)),
            Self::Digest(sd) => sd.fmt(f),
        }
    }
}
