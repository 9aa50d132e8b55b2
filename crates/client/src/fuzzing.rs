//! What holds for any bytes at all: for fuzz targets and property tests; not part of the interface.

use bytes::Bytes;
use record::Handed;
use tlog::key::Signer;
use tlog::policy::Policy;

use crate::receipt::Receipt;

/// A record that no log has seen.
const RECORD: &[u8] =
    br#"{"id":"0190d5a4-0000-7000-8000-000000000000","time":"2026-11-23T08:14:03.201Z","type":"x"}"#;

/// Lines of a receipts file: what can be read comes back from its own line, and shows nothing about a strange record.
pub fn receipt(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(receipt) = Receipt::parse(text) else { return };
    assert_eq!(
        Receipt::parse(&receipt.to_line()).as_ref(),
        Ok(&receipt),
        "a receipt comes back from its line"
    );
    let (Ok(record), Ok(name)) = (Handed::parse(&Bytes::from_static(RECORD)), "log.example".parse()) else {
        return;
    };
    let Ok(policy) = Policy::log_only(Signer::from_seed(name, &[7; 32]).verifier_key().clone()) else {
        return;
    };
    assert!(receipt.verify(&record, &policy).is_err(), "nobody signed for this record");
    let own = Receipt { id: record.id().to_string(), ..receipt };
    assert!(own.verify(&record, &policy).is_err(), "nobody signed for this record");
}
