//! Following a log: the newest checkpoint, verified, and proven to continue the last one seen.

use std::fmt;

use bytes::Bytes;
use futures::future::try_join_all;
use serde::Serialize;
use tlog::bundle::BundleError;
use tlog::checkpoint::SignedCheckpoint;
use tlog::plan::{ConsistencyPlan, ConsistencyProof, InclusionPlan, InclusionProof, PlanError};
use tlog::policy::{Policy, PolicyError, VerifiedCheckpoint};
use tlog::tile::{Bundle, Tile};
use tlog::{Hash, Head};

use crate::keys::{Followed, History, KeysError, follow_keys};
use crate::source::{Source, SourceError};

/// Why a log was not followed.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// Something is wrong with the log, and the evidence is inside.
    #[error(transparent)]
    DoesNotHold(#[from] Broken),
    /// It could not be told.
    #[error(transparent)]
    CouldNotTell(#[from] SourceError),
}

/// What is wrong with a log. Each case stands on its own, without the log.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Broken {
    /// The checkpoint is not one to be believed.
    #[error("checkpoint: {0}")]
    Checkpoint(#[from] PolicyError),
    /// The log's key history is not one to be believed.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The log shows fewer entries than it did.
    #[error("the log went back: it shows fewer entries than it did\n{0}")]
    WentBack(Box<Evidence>),
    /// Two checkpoints, both signed, of which the later does not continue the earlier: the log was forked.
    #[error("the log was forked: two signed checkpoints do not belong to one history\n{0}")]
    Fork(Box<Evidence>),
    /// A tile is not there, though the size that was signed implies it.
    #[error("{0}: not there, though the signed size implies it")]
    MissingTile(Tile),
    /// Tiles are not those of the tree that was signed.
    #[error("{0}")]
    Tiles(#[from] PlanError),
    /// A bundle is not there, though the size that was signed implies it.
    #[error("{0}: not there, though the signed size implies it")]
    MissingBundle(Bundle),
    /// A bundle is none, or not of as many entries as it should have.
    #[error("{bundle}: {cause}")]
    Bundle {
        /// Which one.
        bundle: Bundle,
        /// What is wrong with it.
        #[source]
        cause: BundleError,
    },
    /// The entries of a bundle are not those that were signed.
    #[error("{0}: the entries are not those that were signed")]
    Entries(Bundle),
}

/// Two signed checkpoints that contradict each other, and what was computed from the log's own tiles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The checkpoint that was seen first.
    pub seen: SignedCheckpoint,
    /// The checkpoint that is shown now.
    pub shown: SignedCheckpoint,
    /// Root over the first `seen.size()` entries of the tree that is shown now, where it could be computed.
    pub root_then: Option<Hash>,
    /// The consistency proof that the tiles make: from that root to the root of `shown`.
    pub proof: Vec<Hash>,
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "--- seen before\n{}", String::from_utf8_lossy(self.seen.bytes()).trim_end())?;
        write!(f, "--- shown now\n{}", String::from_utf8_lossy(self.shown.bytes()).trim_end())?;
        if let Some(root) = self.root_then {
            write!(f, "\n--- the tree shown now has, at size {}, the root {root}", self.seen.size())?;
        }
        Ok(())
    }
}

/// `{"seen": note, "shown": note, "root_then": base64 or null, "proof": [base64]}`
impl Serialize for Evidence {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        let mut map = serializer.serialize_struct("Evidence", 4)?;
        map.serialize_field("seen", &String::from_utf8_lossy(self.seen.bytes()))?;
        map.serialize_field("shown", &String::from_utf8_lossy(self.shown.bytes()))?;
        map.serialize_field("root_then", &self.root_then.map(|root| root.to_string()))?;
        map.serialize_field("proof", &self.proof.iter().map(Hash::to_string).collect::<Vec<_>>())?;
        map.end()
    }
}

/// The log's present checkpoint, if the policy is satisfied by it.
///
/// # Errors
/// [`Broken::Checkpoint`], or it could not be read.
pub async fn checkpoint(source: &Source, policy: &Policy) -> Result<VerifiedCheckpoint, FollowError> {
    let bytes = source.checkpoint().await?;
    Ok(policy.verify(bytes).map_err(Broken::from)?)
}

/// Whether a change of the log's key is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changes {
    /// Where the log announced it as it should.
    Followed,
    /// No: the keys of the policy are the only ones.
    Refused,
}

/// What a policy comes to for a log as it is now.
#[derive(Debug, Clone)]
pub struct Trust {
    /// The policy, and the keys that were followed.
    pub followed: Followed,
    /// The history that led there, if it took one.
    pub history: Option<History>,
    shown: Bytes,
}

impl Trust {
    /// What the log showed as its checkpoint, not verified.
    pub fn shown(&self) -> &Bytes {
        &self.shown
    }

    /// The checkpoint that the log showed, if it is to be believed.
    ///
    /// # Errors
    /// [`Broken::Checkpoint`].
    pub fn checkpoint(&self) -> Result<VerifiedCheckpoint, FollowError> {
        Ok(self.followed.policy.verify(self.shown.clone()).map_err(Broken::from)?)
    }
}

/// Whom to believe of a log, for whoever trusts `policy` and has followed what is `known` before.
///
/// The history is fetched only if the log's present checkpoint is not signed by a key that counts: for as long as the log
/// signs with the old key too, nothing changes. What was known is held against what the log says now. Whether the
/// checkpoint is to be believed in the end, [`Trust::checkpoint`] tells.
///
/// # Errors
/// [`Broken::Keys`] for a history that does not show what it should; or it could not be read.
pub async fn trust(
    source: &Source,
    policy: &Policy,
    known: Option<History>,
    changes: Changes,
) -> Result<Trust, FollowError> {
    let follow = |history: &History| follow_keys(policy, history).map_err(Broken::from);
    let followed = match &known {
        Some(known) => follow(known)?,
        None => Followed { policy: policy.clone(), steps: vec![] },
    };
    let shown = source.checkpoint().await?;
    let already = Trust { followed, history: known, shown };
    let verified = already.followed.policy.verify(already.shown.clone());
    let other_key =
        matches!(verified, Err(PolicyError::NoLogSignature { .. } | PolicyError::Superseded { .. }));
    if !other_key || changes == Changes::Refused {
        return Ok(already);
    }
    let Some(document) = source.keys().await? else { return Ok(already) };
    let told = History::parse(&document).map_err(Broken::from)?;
    let history = already.history.map_or_else(|| told.clone(), |known| known.and(&told));
    Ok(Trust { followed: follow(&history)?, history: Some(history), shown: already.shown })
}

/// Proves from the log's tiles that the checkpoint `shown` continues the one that was `seen`.
///
/// Both must have been verified, and be of one origin. The proof's hashes are handed back.
///
/// # Errors
/// [`Broken::WentBack`] and [`Broken::Fork`] with both notes inside; [`Broken::Tiles`] and [`Broken::MissingTile`] when
/// the tiles are not those of the tree that was signed, so that nothing can be proven; or they could not be read.
pub async fn prove_growth(
    source: &Source,
    seen: &SignedCheckpoint,
    shown: &SignedCheckpoint,
) -> Result<Vec<Hash>, FollowError> {
    let evidence =
        |root_then, proof| Box::new(Evidence { seen: seen.clone(), shown: shown.clone(), root_then, proof });
    if shown.size() < seen.size() {
        return Err(Broken::WentBack(evidence(None, vec![])).into());
    }
    if shown.size() == seen.size() {
        let same = shown.root() == seen.root();
        return if same {
            Ok(vec![])
        } else {
            Err(Broken::Fork(evidence(Some(shown.root()), vec![])).into())
        };
    }
    let proof = consistency(source, seen.size(), shown.head()).await?;
    if proof.old == seen.head() {
        Ok(proof.hashes)
    } else {
        Err(Broken::Fork(evidence(Some(proof.old.root), proof.hashes)).into())
    }
}

/// Which root the tree with this head has at a smaller size, proven from the log's tiles. The head must have been verified.
///
/// # Errors
/// [`Broken::Tiles`] and [`Broken::MissingTile`] when the tiles are not those of that tree; or they could not be read.
pub async fn consistency(source: &Source, old: u64, head: Head) -> Result<ConsistencyProof, FollowError> {
    let plan = ConsistencyPlan::new(old, head).map_err(Broken::from)?;
    Ok(plan.finish(&tiles(source, plan.tiles()).await?).map_err(Broken::from)?)
}

/// The log's present checkpoint: satisfies the policy and continues the one that was `seen`, if there is one.
///
/// # Errors
/// As [`checkpoint`] and [`prove_growth`].
pub async fn advance(
    source: &Source,
    policy: &Policy,
    seen: Option<&SignedCheckpoint>,
) -> Result<VerifiedCheckpoint, FollowError> {
    let shown = checkpoint(source, policy).await?;
    if let Some(seen) = seen {
        prove_growth(source, seen, shown.signed()).await?;
    }
    Ok(shown)
}

/// The proof that entry `index` is in the tree with this head, made from the log's tiles and checked.
///
/// # Errors
/// [`Broken::Tiles`] and [`Broken::MissingTile`]; or the tiles could not be read.
pub async fn inclusion(source: &Source, index: u64, head: Head) -> Result<InclusionProof, FollowError> {
    let plan = InclusionPlan::new(index, head).map_err(Broken::from)?;
    Ok(plan.finish(&tiles(source, plan.tiles()).await?).map_err(Broken::from)?)
}

/// All of these tiles, fetched at once.
pub(crate) async fn tiles(source: &Source, tiles: &[Tile]) -> Result<Vec<Bytes>, FollowError> {
    try_join_all(tiles.iter().map(async |tile| {
        source.tile(*tile).await?.ok_or_else(|| FollowError::from(Broken::MissingTile(*tile)))
    }))
    .await
}
