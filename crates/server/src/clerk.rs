//! What the log itself writes: who looked, who may, what was erased and held. Signed with its own service key.
//!
//! The [`Clerk`] is a producer like any other, [`PRODUCER`], whose key is announced in the log before its first record. Nobody
//! else may submit in its name, and nobody else may submit records of its types (see `submit`).
//!
//! Looking is noted by reader, kind of look and minute, so that looking does not drown the log: see `looks`.

mod draft;
pub(crate) mod looks;

use std::sync::Arc;

use ed25519_dalek::SigningKey;
use record::{Disclosure, Payload, Place, PublicKey, Signatures, Vouched, model::Record, signature};
use sequencer::{
    beside::Rows,
    ids::{Identity, Outcome},
    pool::Submission,
};
use serde_json::json;
use tlog::integrate::Entry;
use tokio::sync::OnceCell;
use vault::Belongs;
use zeroize::Zeroizing;

pub(crate) use draft::{About, Draft};
use looks::Looks;

use crate::{
    app::App,
    custody::{self, Unsealed},
    problem::{Code, Problem},
    submit::wait_for_commit,
};

/// The producer of what the log itself writes.
pub const PRODUCER: &str = "deedbook";
/// The submitter that is noted for it. No token has this name.
pub const SUBMITTER: &str = "deedbook";

/// Writes the log's own records.
pub struct Clerk {
    key: SigningKey,
    announced: OnceCell<()>,
    pub(crate) looks: Looks,
}

/// A record of the log's own that is in the log.
pub(crate) struct Written {
    pub(crate) index: u64,
}

impl Clerk {
    /// A clerk with this service key.
    pub fn new(seed: &Zeroizing<[u8; 32]>) -> Self {
        Self { key: SigningKey::from_bytes(seed), announced: OnceCell::new(), looks: Looks::default() }
    }

    /// The public half of its key.
    pub fn public_key(&self) -> PublicKey {
        PublicKey::of(&self.key)
    }

    /// Writes a record, and what is committed with it; answers when it is durable.
    pub(crate) async fn write(
        &self,
        app: &Arc<App>,
        draft: Draft,
        rows: impl FnOnce(&Record<'_>) -> Result<Rows, Box<Problem>> + Send + 'static,
    ) -> Result<Written, Box<Problem>> {
        self.announced.get_or_try_init(|| self.announce(app)).await?;
        self.put(app, draft, rows).await
    }

    /// Says once, before the first record, whose key this is and what its records cover.
    async fn announce(&self, app: &Arc<App>) -> Result<(), Box<Problem>> {
        for draft in [Draft::coverage(&self.public_key()), Draft::key(&self.public_key())] {
            let Some(key) = draft.once() else { continue };
            let there = app.read(move |reader| reader.find(&key)).await?;
            if there.map_err(|error| Problem::internal(&error))?.is_none() {
                self.put(app, draft, |_| Ok(Rows::default())).await?;
            }
        }
        Ok(())
    }

    async fn put(
        &self,
        app: &Arc<App>,
        draft: Draft,
        rows: impl FnOnce(&Record<'_>) -> Result<Rows, Box<Problem>> + Send + 'static,
    ) -> Result<Written, Box<Problem>> {
        let (key, keeper) = (self.key.clone(), app.clone());
        let submission = app.read(move |_| sealed(&keeper, &key, &draft, rows)).await??;
        let entry = submission.entry.bytes().clone();
        let answer = wait_for_commit(app, vec![submission]).await?;
        match answer.outcomes.first() {
            Some(Outcome::Logged { index }) => {
                app.custody()?.logged(*index, &entry);
                Ok(Written { index: *index })
            }
            _ => Err(Problem::new(Code::Internal, "The log's own record was taken for another one.")),
        }
    }
}

/// A draft as it goes to the log: signed if it is to be, in its envelope, its content sealed beside it. Blocks.
fn sealed(
    app: &App,
    key: &SigningKey,
    draft: &Draft,
    rows: impl FnOnce(&Record<'_>) -> Result<Rows, Box<Problem>>,
) -> Result<Submission, Box<Problem>> {
    let disclosure = draft.content.as_ref().map(disclose).transpose()?;
    let named = disclosure.as_ref().map(|(disclosure, bytes)| {
        json!({"sd": disclosure.sd().to_string(), "bytes": bytes, "media": "text/plain"})
    });
    let json = draft.json(app.origin(), app.now(), named).to_string();
    let submission = record::Submission::parse(json.as_bytes())?;
    let record = Record::read(submission.canonical())?;
    let mut rows = rows(&record)?;
    rows.decisions.extend(custody::decisions(&record).decisions);
    if let Some((disclosure, _)) = disclosure {
        let place = draft.content.as_ref().map_or(Place::AccessQuery, |(place, _)| *place);
        let (sd, text) = (disclosure.sd(), disclosure.into_text());
        let payloads = vec![Payload { place, sd, text, secret: false }];
        rows.payloads = app.custody()?.seal(&Unsealed { payloads, belongs: Belongs::to(&record) })?;
    }
    let sign = || Signatures::new(vec![signature::sign(key, submission.canonical())]);
    let signatures = draft.is_signed().then(sign).transpose()?;
    let received = app.received();
    let vouched = Vouched::asserted(&received, SUBMITTER, random()?);
    let entry = record::seal(&submission, signatures.as_ref(), &vouched)?;
    let entry = Entry::new(entry.into_bytes()).map_err(|error| Problem::internal(&error))?;
    let identity = Identity { key: submission.key(), digest: submission.digest() };
    let mut submission = sequencer::pool::Submission::new(entry, Some(identity));
    submission.rows = rows;
    Ok(submission)
}

/// The disclosure of a text, and the bytes of the text.
fn disclose((place, text): &(Place, String)) -> Result<(Disclosure, usize), Box<Problem>> {
    let made = Disclosure::make(random()?, place.member(), text.as_bytes());
    Ok((made.map_err(|error| Problem::internal(&error))?, text.len()))
}

fn random<const N: usize>() -> Result<[u8; N], Box<Problem>> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| Problem::internal(&error))?;
    Ok(bytes)
}
