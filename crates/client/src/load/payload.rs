//! What is sent: entries that are all different, cheap to make, and can be made again from their number or id.

use std::fmt::Write as _;

use record::RecordId;
use serde::{Deserialize, Serialize};

/// Bytes of a raw entry, at least: the run and the number.
pub const ENTRY_BYTES_MIN: usize = 36;
/// Characters of a SHA-256 in base64url without padding.
const DIGEST_CHARS: usize = 43;
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// What the entries of one run are made of. Kept at the head of the list of acknowledgements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Payload {
    /// `<run, 16 hexadecimal digits> <number, 19 digits>` and filler, for `POST /add`.
    Raw {
        /// Tells runs apart.
        run: u64,
        /// Bytes of each entry.
        bytes: usize,
    },
    /// Typical audit records in canonical form, for `POST /v1/records`.
    Records {
        /// Tells runs apart.
        run: u64,
        /// `time` of each record.
        time: String,
    },
}

impl Payload {
    /// Whether it is for `POST /add`.
    pub fn is_raw(&self) -> bool {
        matches!(self, Self::Raw { .. })
    }
}

/// Makes raw entries.
#[derive(Debug, Clone)]
pub(crate) struct RawMaker {
    run: u64,
    bytes: usize,
}

impl RawMaker {
    pub(crate) fn new(run: u64, bytes: usize) -> Self {
        Self { run, bytes: bytes.max(ENTRY_BYTES_MIN) }
    }

    /// Entry `number` of the run.
    pub(crate) fn entry(&self, number: u64) -> Vec<u8> {
        let mut entry = String::with_capacity(self.bytes);
        // A string takes what is written.
        let _ = write!(entry, "{:016x} {number:019}", self.run);
        let mut entry = entry.into_bytes();
        let mut state = number ^ self.run;
        while entry.len() < self.bytes {
            entry.push(ALPHABET[(next(&mut state) >> 58) as usize]);
        }
        entry
    }
}

/// Makes records: one text, in which the id and what follows from it are replaced.
#[derive(Debug, Clone)]
pub(crate) struct RecordMaker {
    run: u64,
    producer: String,
    text: String,
    id: usize,
    digests: [usize; 2],
}

impl RecordMaker {
    pub(crate) fn new(run: u64, time: &str) -> Self {
        let id = "#".repeat(36);
        let digest = "?".repeat(DIGEST_CHARS);
        let producer = format!("hammer/{run:016x}");
        let text = format!(
            r#"{{"action":{{"effect":"write","id":"call-20481","server":"mcp:crm","target":"contact/20481","tool":"crm.update_contact"}},"agent":{{"model":"m-4","sub":"agent:hammer","version":"3.1.0"}},"approval":{{"mode":"policy"}},"id":"{id}","input":{{"bytes":812,"media":"application/json","sd":"{digest}"}},"outcome":{{"ms":1204,"status":"ok"}},"output":{{"bytes":64,"media":"application/json","sd":"{digest}"}},"principal":{{"iss":"https://idp.example.com","sub":"alice"}},"producer":{{"id":"{producer}"}},"scope":"crm:read crm:write","session":{{"id":"session-{run:016x}"}},"time":"{time}","type":"action.completed","v":1}}"#
        );
        let at = |what: &str, from: usize| text[from..].find(what).map_or(0, |at| from + at);
        let first = at(&digest, 0);
        let (id_at, second) = (at(&id, 0), at(&digest, first + DIGEST_CHARS));
        Self { run, producer, text, id: id_at, digests: [first, second] }
    }

    /// `producer.id` of the run's records.
    pub(crate) fn producer(&self) -> &str {
        &self.producer
    }

    /// The id of record `number` of the run, made at this time: a UUIDv7 (RFC 9562 section 5.7).
    pub(crate) fn id(&self, number: u64, now_ms: u64) -> RecordId {
        let time = u128::from(now_ms & 0xffff_ffff_ffff) << 80;
        let high = u128::from(0x7000 | (number & 0xfff)) << 64;
        let low = 1 << 63 | (self.run & 0x3f_ffff) << 40 | (number & 0xff_ffff_ffff);
        RecordId::from_bytes((time | high | u128::from(low)).to_be_bytes())
    }

    /// Appends the record with this id, in canonical form.
    pub(crate) fn record(&self, id: RecordId, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(self.text.as_bytes());
        let record = &mut out[start..];
        let bytes = id.to_bytes();
        put_uuid(&mut record[self.id..self.id + 36], bytes);
        let mut state = u64::from_be_bytes([
            bytes[0], bytes[1], bytes[2], bytes[3], bytes[12], bytes[13], bytes[14], bytes[15],
        ]);
        for at in self.digests {
            for characters in record[at..at + DIGEST_CHARS].chunks_mut(10) {
                let mut bits = next(&mut state);
                for character in characters {
                    *character = ALPHABET[(bits & 63) as usize];
                    bits >>= 6;
                }
            }
            // 43 characters have two bits more than 32 bytes.
            record[at + DIGEST_CHARS - 1] = ALPHABET[(next(&mut state) & 0b11_1100) as usize];
        }
    }
}

fn put_uuid(out: &mut [u8], bytes: [u8; 16]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut at = 0;
    for byte in bytes {
        if matches!(at, 8 | 13 | 18 | 23) {
            out[at] = b'-';
            at += 1;
        }
        out[at] = DIGITS[usize::from(byte >> 4)];
        out[at + 1] = DIGITS[usize::from(byte & 15)];
        at += 2;
    }
}

/// SplitMix64: what a filler needs of chance, and the same every time.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut bits = *state;
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn raw_entries_are_all_different_of_one_length_and_repeatable() {
        let maker = RawMaker::new(7, 64);
        let entries: BTreeSet<_> = (0..1_000).map(|number| maker.entry(number)).collect();
        assert_eq!(entries.len(), 1_000);
        assert!(entries.iter().all(|entry| entry.len() == 64));
        assert_eq!(maker.entry(5), RawMaker::new(7, 64).entry(5));
        assert_ne!(maker.entry(5), RawMaker::new(8, 64).entry(5));
        assert_eq!(RawMaker::new(u64::MAX, 0).entry(u64::MAX >> 1).len(), ENTRY_BYTES_MIN);
    }

    #[test]
    fn records_are_canonical_and_follow_from_their_id() {
        let maker = RecordMaker::new(u64::MAX, "2026-11-24T08:00:00.000Z");
        let mut ids = BTreeSet::new();
        for number in [0, 1, 4_095, 4_096, 1 << 39] {
            let id = maker.id(number, 1_795_420_800_000);
            let mut text = vec![];
            maker.record(id, &mut text);
            let parsed = record::Submission::parse(&text).unwrap();
            assert_eq!(parsed.canonical(), text, "canonical as it is sent");
            assert_eq!(parsed.id(), id);
            record::model::Record::read(&text).unwrap();
            let uuid: uuid::Uuid = id.to_string().parse().unwrap();
            assert_eq!((uuid.get_version_num(), uuid.get_variant()), (7, uuid::Variant::RFC4122));
            assert!((550..850).contains(&text.len()), "{} bytes", text.len());
            ids.insert((id, text));
        }
        assert_eq!(ids.len(), 5);
    }
}
