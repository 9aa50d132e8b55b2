//! What a submitter keeps of one record: enough to show offline, later, that it is in the log.
//!
//! A receipts file has one line a record:
//!
//! ```json
//! {"index": 7, "id": "<uuid>", "leaf_hash": "<base64>", "log": {…}, "proof": "<tlog-proof>"}
//! ```
//!
//! `log` is what the log added to the record to make the entry; `proof` is a C2SP tlog-proof. Where the log put digests in
//! the place of content, `salts` holds the salts of their disclosures by the places in the record
//! (`{"/input": "<base64url>"}`): keep them as you keep the content. What was submitted, `log`, salts and proof together,
//! and a key one trusts, are all that [`Receipt::verify`] needs.

use std::collections::BTreeMap;

use record::{Entry, Handed, Refusal, Salts};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tlog::Hash;
use tlog::encoding::{self, EncodingError};
use tlog::policy::Policy;
use tlog::tlog_proof::{TlogProof, TlogProofError, VerifiedReceipt};

/// Bytes of one line of a receipts file, at most.
pub const LINE_BYTES_MAX: usize = 1 << 20;

/// A receipt as it was received or read; nothing in it is verified yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// Position of the entry in the log.
    pub index: u64,
    /// The record's id.
    pub id: String,
    /// Hash of the entry, base64.
    pub leaf_hash: String,
    /// What the log added: a JSON object.
    pub log: Value,
    /// Salts of the disclosures that the log made, base64url, by their places.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub salts: BTreeMap<String, String>,
    /// The text of a C2SP tlog-proof.
    pub proof: String,
}

/// Why a receipt does not show that a record is in the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// The line is no receipt.
    #[error("this is not a receipt: {0}")]
    Format(String),
    /// It is for another record.
    #[error("the receipt is for the record {receipt}, this is {record}")]
    OtherRecord {
        /// Id in the receipt.
        receipt: String,
        /// Id of the record.
        record: String,
    },
    /// Record and `log` part make no entry.
    #[error("the record and the log's part of it make no entry: {0}")]
    Entry(#[from] Refusal),
    /// The stated leaf hash is no hash.
    #[error("the leaf hash: {0}")]
    Hash(#[from] EncodingError),
    /// The entry has another hash than the log stated: record or `log` part was altered.
    #[error(
        "the entry has the hash {computed}, the receipt says {stated}: the record, or the log's part of it, is not what was logged"
    )]
    OtherHash {
        /// Hash in the receipt.
        stated: Hash,
        /// Hash of the entry as it was rebuilt.
        computed: Hash,
    },
    /// Index and proof do not say the same.
    #[error("the receipt says index {stated}, its proof says {proven}")]
    OtherIndex {
        /// Index in the receipt.
        stated: u64,
        /// Index in the proof.
        proven: u64,
    },
    /// The proof cannot be read, or does not show it.
    #[error(transparent)]
    Proof(#[from] TlogProofError),
}

impl Receipt {
    /// Reads one line of a receipts file.
    ///
    /// # Errors
    /// [`ReceiptError::Format`].
    pub fn parse(line: &str) -> Result<Self, ReceiptError> {
        if line.len() > LINE_BYTES_MAX {
            return Err(ReceiptError::Format(format!("it has more than {LINE_BYTES_MAX} bytes")));
        }
        serde_json::from_str(line).map_err(|error| ReceiptError::Format(error.to_string()))
    }

    /// The line, without its end.
    pub fn to_line(&self) -> String {
        // Strings and numbers alone: printing cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Checks offline that this record, with the log's part, is the entry at this index of a log that the policy trusts.
    ///
    /// # Errors
    /// The first of the steps that does not hold.
    pub fn verify(&self, record: &Handed, policy: &Policy) -> Result<VerifiedReceipt, ReceiptError> {
        let id = record.id().to_string();
        if id != self.id {
            return Err(ReceiptError::OtherRecord { receipt: self.id.clone(), record: id });
        }
        let entry = entry_of(record, &self.log, &self.salts()?)?;
        let (stated, computed) = (self.stated_hash()?, Hash::leaf(entry.bytes()));
        if stated != computed {
            return Err(ReceiptError::OtherHash { stated, computed });
        }
        let proof = TlogProof::parse(self.proof.clone())?;
        if proof.index() != self.index {
            return Err(ReceiptError::OtherIndex { stated: self.index, proven: proof.index() });
        }
        Ok(proof.verify(computed, policy)?)
    }

    fn salts(&self) -> Result<Salts, ReceiptError> {
        let salts = self.salts.iter().map(|(place, salt)| (place.as_str(), salt.as_str()));
        Salts::given(salts).ok_or_else(|| ReceiptError::Format("its salts are none".to_owned()))
    }

    fn stated_hash(&self) -> Result<Hash, EncodingError> {
        encoding::parse_base64_array(&self.leaf_hash).map(Hash::from_bytes)
    }
}

/// Rebuilds the entry from what was submitted, the log's part of it and the salts of its disclosures.
///
/// # Errors
/// A part that no entry can have.
pub fn entry_of(record: &Handed, log: &Value, salts: &Salts) -> Result<Entry, Refusal> {
    let log = record::canonical(log.to_string().as_bytes())?;
    record.entry(&log, salts)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::fuzzing;
    use crate::testlog::signer;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::{Index, select};
    use record::{Submission, Vouched, seal};
    use testkit::Chance;
    use tlog::checkpoint::Checkpoint;
    use tlog::plan::InclusionPlan;
    use tlog::{integrate, policy};

    /// Records and the receipts that an honest log gives for them, all under one checkpoint.
    pub(crate) fn honest(count: u64) -> (Vec<Handed>, Vec<Receipt>, Policy) {
        let mut chance = Chance::seeded(1);
        let records: Vec<_> = (0..count)
            .map(|i| Handed::parse(&testkit::sample::typical_record(i, &mut chance).into()).unwrap())
            .collect();
        let submissions: Vec<_> =
            records.iter().map(|record| Submission::parse(&record.canonical()).unwrap()).collect();
        let vouched = |i: usize| Vouched::asserted("2026-11-23T08:14:03.201Z", "open", [i as u8; 16]);
        let sealed: Vec<_> = submissions
            .iter()
            .enumerate()
            .map(|(i, record)| seal(record, None, &vouched(i)).unwrap())
            .collect();
        let entries: Vec<_> =
            sealed.iter().map(|entry| integrate::Entry::new(entry.bytes().clone()).unwrap()).collect();
        let growth = integrate::Edge::default().integrate(&entries).unwrap();
        let signer = signer(testkit::keys::LOG);
        let head = growth.edge.head();
        let signed = Checkpoint::new(signer.name().clone(), head).unwrap().sign(&signer).unwrap();
        let receipt = |(i, entry): (usize, &Entry)| {
            let plan = InclusionPlan::new(i as u64, head).unwrap();
            let tiles: Vec<_> = plan.tiles().iter().map(|tile| growth.edge.tile(*tile).unwrap()).collect();
            let proof = TlogProof::new(i as u64, plan.finish(&tiles).unwrap().path, &signed).unwrap();
            Receipt {
                index: i as u64,
                id: records[i].id().to_string(),
                leaf_hash: Hash::leaf(entry.bytes()).to_string(),
                log: serde_json::from_slice(entry.log_part()).unwrap(),
                salts: BTreeMap::new(),
                proof: proof.to_string(),
            }
        };
        let receipts = sealed.iter().enumerate().map(receipt).collect();
        let policy = policy::Policy::log_only(signer.verifier_key().clone()).unwrap();
        (records, receipts, policy)
    }

    #[test]
    fn an_honest_receipt_verifies_and_survives_its_file() {
        let (records, receipts, policy) = honest(9);
        for (record, receipt) in records.iter().zip(&receipts) {
            let read = Receipt::parse(&receipt.to_line()).unwrap();
            assert_eq!(&read, receipt);
            assert_eq!(read.verify(record, &policy).unwrap().index(), receipt.index);
        }
    }

    #[test]
    fn each_bent_part_is_refused_for_its_own_reason() {
        let (records, receipts, policy) = honest(9);
        let other_policy = Policy::log_only(signer(testkit::keys::OTHER_LOG).verifier_key().clone()).unwrap();
        let bent = |bend: &dyn Fn(&mut Receipt)| {
            let mut receipt = receipts[4].clone();
            bend(&mut receipt);
            assert_ne!(receipt, receipts[4], "nothing was bent");
            receipt.verify(&records[4], &policy).unwrap_err()
        };
        assert!(matches!(receipts[5].verify(&records[4], &policy), Err(ReceiptError::OtherRecord { .. })));
        let salt = |r: &mut Receipt| r.log["salt"] = "AAAAAAAAAAAAAAAAAAAAAA".into();
        assert!(matches!(bent(&salt), ReceiptError::OtherHash { .. }));
        let graded = |r: &mut Receipt| r.log["principal"] = "verified".into();
        assert!(matches!(bent(&graded), ReceiptError::OtherHash { .. }));
        let invented = |r: &mut Receipt| r.log["more"] = "x".into();
        assert!(matches!(bent(&invented), ReceiptError::Entry(_)));
        let stated = |r: &mut Receipt| r.leaf_hash.clone_from(&receipts[3].leaf_hash);
        assert!(matches!(bent(&stated), ReceiptError::OtherHash { .. }));
        assert!(matches!(bent(&|r| r.leaf_hash.truncate(20)), ReceiptError::Hash(_)));
        assert!(matches!(bent(&|r| r.index = 3), ReceiptError::OtherIndex { stated: 3, proven: 4 }));
        let proof = |r: &mut Receipt| r.proof.clone_from(&receipts[3].proof);
        assert!(matches!(bent(&proof), ReceiptError::OtherIndex { .. }));
        let both = |r: &mut Receipt| {
            r.index = 3;
            r.proof.clone_from(&receipts[3].proof);
        };
        assert!(matches!(bent(&both), ReceiptError::Proof(TlogProofError::Proof(_))));
        assert!(matches!(
            receipts[4].verify(&records[4], &other_policy),
            Err(ReceiptError::Proof(TlogProofError::Policy(_)))
        ));
    }

    #[test]
    fn a_record_altered_afterwards_has_no_receipt() {
        let (records, receipts, policy) = honest(2);
        let text = String::from_utf8(records[1].canonical().to_vec()).unwrap();
        let altered = Handed::parse(&text.replacen("\"type\":\"", "\"type\":\"not.", 1).into()).unwrap();
        assert!(matches!(receipts[1].verify(&altered, &policy), Err(ReceiptError::OtherHash { .. })));
    }

    proptest! {
        #[test]
        fn lines_come_back_or_are_refused(
            at: Index,
            byte in prop_oneof![any::<u8>(), select(br#"{}[]",:\u0e19.-n "#.to_vec())],
            any in vec(any::<u8>(), 0..80),
        ) {
            let line = honest(1).1[0].to_line();
            fuzzing::receipt(line.as_bytes());
            let mut bent = line.into_bytes();
            let at = at.index(bent.len());
            bent[at] = byte;
            fuzzing::receipt(&bent);
            fuzzing::receipt(&any);
        }
    }
}
