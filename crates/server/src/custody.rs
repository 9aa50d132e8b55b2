//! What stands beside the log and who keeps it: sealed content, the keys that the log has announced, the log's own clerk.

use parking_lot::RwLock;
use record::{
    Logged, Payload, Places, Ready, Signatures,
    findings::{Held, Signers},
    model::Record,
};
use sequencer::{
    beside::{self, Announce, Digest, Info, Rows},
    reader::{ReadError, Reader},
};
use vault::{Belongs, Fresh, OpenError, Vault};

use crate::{
    clerk::Clerk,
    problem::{Code, Problem, sentence},
};

/// What stands beside a log of records, and who keeps it.
pub struct Custody {
    pub(crate) vault: Vault,
    pub(crate) clerk: Clerk,
    /// Fields that stand beside the log too.
    pub(crate) sensitive: Places,
    signers: RwLock<Signers>,
    /// Held while keys of the log change.
    pub(crate) changing: tokio::sync::Mutex<()>,
}

/// What stands beside the log cannot be taken up.
#[derive(Debug, thiserror::Error)]
pub enum CustodyError {
    /// The log cannot be read.
    #[error("the log cannot be read: {0}")]
    Read(#[from] ReadError),
    /// An entry that announced a key is no record.
    #[error("entry {index}, which announced a key, cannot be read: {why}")]
    Announced {
        /// Index of the entry.
        index: u64,
        /// Why.
        why: String,
    },
    /// A content key that was to be destroyed is still there.
    #[error("a content key that is to be destroyed cannot be: {0}")]
    Vault(#[from] vault::VaultError),
}

/// Content that is to be sealed before its record is submitted.
pub(crate) struct Unsealed {
    pub(crate) payloads: Vec<Payload>,
    pub(crate) belongs: Belongs,
}

impl Custody {
    /// Who keeps content in this vault. `sensitive` names fields that stand beside the log too.
    pub fn new(vault: Vault, clerk: Clerk, sensitive: Places) -> Self {
        let (signers, changing) = (RwLock::default(), tokio::sync::Mutex::default());
        Self { vault, clerk, sensitive, signers, changing }
    }

    /// Finishes what was decided before the log was opened, and learns the keys that it has announced. Blocks.
    pub(crate) fn begin(&self, reader: &Reader) -> Result<(), CustodyError> {
        self.vault.finish(&reader.destructions()?)?;
        for index in reader.announced()? {
            let entry = reader.entry(index)?;
            let why = |why: &dyn std::fmt::Display| CustodyError::Announced { index, why: why.to_string() };
            let entry = entry.ok_or_else(|| why(&"it is not there"))?;
            let logged = Logged::read(index, &entry).map_err(|refusal| why(&refusal))?;
            self.signers.write().take(&logged.seen());
        }
        Ok(())
    }

    /// Checks the signatures of many records together, which is faster than one by one. For each record, in order; nothing
    /// where none is signed.
    pub(crate) fn check_together<'r>(&self, records: impl Iterator<Item = &'r Ready> + Clone) -> Vec<Held> {
        if !records.clone().any(|ready| ready.signatures().is_some()) {
            return vec![];
        }
        let signatures = |ready: &'r Ready| ready.signatures().map(Signatures::as_slice).unwrap_or_default();
        let signed: Vec<_> =
            records.map(|ready| (ready.submission().canonical(), signatures(ready))).collect();
        self.signers.read().check_together(&signed)
    }

    /// Refuses a record whose signatures, or whose change of a key, would be a finding. `held` is what is known of its
    /// signatures already.
    pub(crate) fn check_signatures(
        &self,
        ready: &Ready,
        held: &Held,
        origin: &str,
    ) -> Result<(), Box<Problem>> {
        let canonical = ready.submission().canonical();
        let signatures = ready.signatures().map(Signatures::as_slice).unwrap_or_default();
        if signatures.is_empty() && !record::announces_key(&ready.submission().record_type()) {
            return Ok(());
        }
        let record = Record::read(canonical)?;
        if !signatures.is_empty() && record.aud.as_ref().is_none_or(|aud| *aud != *origin) {
            let detail = format!(
                "A signed record names the log that it is for, so that nobody replays it into another: put `aud` = \
                 {origin:?} into it and sign again."
            );
            return Err(Problem::new(Code::BadSignature, detail).path("/aud"));
        }
        let received = record.time;
        let seen = record::findings::Seen {
            index: u64::MAX,
            received,
            record: &record,
            canonical,
            rewritten: !ready.disclosed().is_empty(),
            signatures,
        };
        match self.signers.read().look_held(&seen, Some(held)).into_iter().next() {
            None => Ok(()),
            Some(finding) => {
                let detail = sentence(&format!("{} ({})", finding.why, finding.rule));
                Err(Problem::new(Code::BadSignature, detail).path("/sig"))
            }
        }
    }

    /// Takes note of the keys that an entry announces, once it is durable.
    pub(crate) fn logged(&self, index: u64, entry: &[u8]) {
        if let Ok(logged) = Logged::read(index, entry) {
            self.signers.write().take(&logged.seen());
        }
    }

    /// Seals the content of a record, and names what is committed with it. Blocks.
    pub(crate) fn seal(&self, unsealed: &Unsealed) -> Result<Vec<beside::Payload>, Box<Problem>> {
        let mut sealed = Vec::with_capacity(unsealed.payloads.len());
        for payload in &unsealed.payloads {
            let mut fresh = [0; 32];
            getrandom::fill(&mut fresh).map_err(|error| Problem::internal(&error))?;
            let belongs = Belongs { secret: payload.secret, ..unsealed.belongs.clone() };
            let payload = self.vault.seal(&payload.text, &belongs, Fresh::new(fresh));
            sealed.push(payload.map_err(|error| Problem::internal(&error))?);
        }
        Ok(sealed)
    }

    /// The salt of a content's disclosure; `None` where the content is gone. Blocks.
    pub(crate) fn salt(&self, reader: &Reader, digest: Digest) -> Result<Option<String>, Box<Problem>> {
        let internal = |error: &dyn std::error::Error| Problem::internal(error);
        let Some(info) = reader.payload(digest).map_err(|error| internal(&error))? else { return Ok(None) };
        let Some(mut opener) = self.opener(digest, &info)? else { return Ok(None) };
        let piece = reader.payload_piece(digest, 0).map_err(|error| internal(&error))?;
        let Some(piece) = piece else { return Ok(None) };
        let text = opener.next(&piece).map_err(|error| internal(&error))?;
        Ok(std::str::from_utf8(&text).ok().and_then(record::disclosure::salt_in))
    }

    /// Begins to open a content; `None` if its key is gone.
    pub(crate) fn opener(&self, digest: Digest, info: &Info) -> Result<Option<vault::Opener>, Box<Problem>> {
        match self.vault.opener(digest, info) {
            Ok(opener) => Ok(Some(opener)),
            Err(OpenError::Gone { .. }) => Ok(None),
            Err(error) => Err(Problem::internal(&error)),
        }
    }
}

/// What a record decides beside itself when it is committed.
pub(crate) fn decisions(record: &Record<'_>) -> Rows {
    let mut rows = Rows::default();
    if let Some(announce) = Announce::by(record) {
        rows.decisions.push(std::sync::Arc::new(announce));
    }
    rows
}
