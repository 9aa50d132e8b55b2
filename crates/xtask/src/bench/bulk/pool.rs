//! Bodies of typical records that are made once and sent often, each time with new ids.
//!
//! Making a record costs the load tool about as much as taking it costs the log, so a connection makes a few bodies
//! before it starts and from then on overwrites only the ids: 36 characters each, everything else stands.

use std::time::SystemTime;

use testkit::{Chance, sample, stamp};

/// Bodies of one connection.
const BODIES: u64 = 4;

/// What stands before the id of a record, and nowhere else in it: only that member follows on the end of another object.
const BEFORE_ID: &[u8] = br#"},"id":""#;

const ID_CHARS: usize = 36;

/// The bodies of one connection.
pub(crate) struct Pool {
    bodies: Vec<Body>,
    sent: usize,
    /// Tells the ids of this connection from those of all others.
    connection: u16,
    /// Records numbered so far.
    numbered: u64,
}

/// NDJSON, and where in it the ids are.
struct Body {
    lines: Vec<u8>,
    ids: Vec<usize>,
}

impl Pool {
    /// Makes the bodies of a connection.
    pub(crate) fn new(connection: u16, per_request: u64) -> Pool {
        let mut chance = Chance::seeded(u64::from(connection));
        let first = u64::from(connection) * BODIES * per_request;
        let bodies = (0..BODIES).map(|body| {
            Body::new(sample::typical_ndjson(first + body * per_request, per_request, &mut chance))
        });
        Pool { bodies: bodies.collect(), sent: 0, connection, numbered: 0 }
    }

    /// The next body, with ids that no other has.
    pub(crate) fn next(&mut self) -> &[u8] {
        let at = self.sent % self.bodies.len();
        self.sent += 1;
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_millis() as u64;
        let body = &mut self.bodies[at];
        for id in &body.ids {
            let fresh = fresh_id(now, self.numbered, self.connection);
            self.numbered += 1;
            body.lines[*id..*id + ID_CHARS].copy_from_slice(fresh.as_bytes());
        }
        &body.lines
    }
}

impl Body {
    fn new(lines: Vec<u8>) -> Body {
        let ids = lines.windows(BEFORE_ID.len()).enumerate();
        let ids = ids.filter(|(_, window)| *window == BEFORE_ID).map(|(at, _)| at + BEFORE_ID.len());
        Body { ids: ids.collect(), lines }
    }
}

/// A UUIDv7 of this moment; within one millisecond the ids of a connection ascend.
fn fresh_id(now: u64, number: u64, connection: u16) -> String {
    let mut bits = [0; 10];
    bits[..2].copy_from_slice(&((number >> 48) as u16).to_be_bytes());
    bits[2..8].copy_from_slice(&(number & 0xffff_ffff_ffff).to_be_bytes()[2..]);
    bits[8..].copy_from_slice(&connection.to_be_bytes());
    stamp::uuid_v7(now, bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_record_of_every_body_and_connection_has_its_own_id_and_stays_canonical() {
        let mut ids = BTreeSet::new();
        for connection in [1, 2] {
            let mut pool = Pool::new(connection, 10);
            for _ in 0..2 * BODIES {
                let mut before = String::new();
                for line in String::from_utf8(pool.next().to_vec()).unwrap().lines() {
                    let record: serde_json::Value = serde_json::from_str(line).unwrap();
                    assert_eq!(testkit::canonical(&record), line.as_bytes());
                    let id = record["id"].as_str().unwrap().to_owned();
                    assert!(id > before, "{id} after {before}");
                    before.clone_from(&id);
                    assert!(ids.insert(id));
                }
            }
        }
        assert_eq!(ids.len() as u64, 2 * 2 * BODIES * 10);
    }
}
