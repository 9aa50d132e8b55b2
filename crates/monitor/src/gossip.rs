//! Heads handed on between monitors and to them, below HTTP: the texts, the answers, and who may say how much. The protocol
//! is written down in docs/gossip.md.

use std::collections::BTreeMap;
use std::net::IpAddr;

use bytes::Bytes;
use parking_lot::Mutex;
use tlog::note::Note;

use crate::event::Millis;
use crate::heard::{HearError, Heard, NOTE_BYTES_MAX};
use crate::run::LogHandle;
use crate::watch::{Memory, Taken, Whom};

/// Heads of one list, at most.
pub const HEADS_MAX: usize = 64;
/// Bytes of a list that is read, at most: some of the largest heads, and all of usual ones. What comes after the last whole head
/// below it is dropped.
pub const LIST_BYTES_MAX: usize = 8 * NOTE_BYTES_MAX;
/// Fork proofs of one log that are named, at most: one for each split view that is kept, and for each witness of a policy.
pub const FORKS_MAX: usize = 256;
/// Fork proofs that are fetched in one exchange, at most.
pub const FETCHED_MAX: usize = 4;
/// Notes of one address that are taken at once, after it was quiet.
pub const BURST: u64 = 40;
/// Notes of one address that are taken each second.
pub const PER_SECOND: u64 = 10;
/// Addresses that are remembered.
const ADDRESSES_MAX: usize = 4_096;

/// The heads that a monitor hands on: what it has proven, what contradicts that, and what it cannot connect.
pub fn heads(memory: &Memory) -> Vec<&Heard> {
    let own = memory.proven().into_iter().chain(memory.verified());
    let doubtful = memory.others().chain(memory.waiting().iter().map(|waiting| &waiting.heard));
    let mut heads: Vec<&Heard> = vec![];
    for heard in own.chain(doubtful) {
        if heads.len() < HEADS_MAX && heads.iter().all(|each| each.head() != heard.head()) {
            heads.push(heard);
        }
    }
    heads
}

/// A list of heads: their notes, with a blank line between two of them. Empty if there is none. Has at most
/// [`LIST_BYTES_MAX`] bytes: a head for which there is no room is left out.
pub fn encode<'h>(heads: impl IntoIterator<Item = &'h Heard>) -> String {
    let mut list = String::new();
    for heard in heads {
        let note = heard.bytes();
        if list.len() + 1 + note.len() > LIST_BYTES_MAX {
            continue;
        }
        if !list.is_empty() {
            list.push('\n');
        }
        list.push_str(&String::from_utf8_lossy(&note));
    }
    list
}

/// The notes of a list, as far as it is one; none of them is verified. A checkpoint has no blank line in its text, so blocks
/// of lines are, in turns, the text of a note and the signatures below it.
pub fn decode(list: &[u8]) -> Vec<Bytes> {
    let list = String::from_utf8_lossy(list.get(..LIST_BYTES_MAX).unwrap_or(list));
    let blocks: Vec<_> = list.split("\n\n").collect();
    let notes = blocks.chunks_exact(2).take(HEADS_MAX).map(|two| {
        let lines = two[1].trim_end_matches('\n');
        format!("{}\n\n{lines}\n", two[0])
    });
    notes.filter(|note| Note::parse(note.as_bytes()).is_ok()).map(Bytes::from).collect()
}

/// What is answered to a head that somebody hands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It belongs to the history that is known here.
    Known,
    /// It is remembered, and waits to be connected.
    Waits,
    /// It belongs to another history, and the proof is kept.
    Contradicts,
    /// It is no checkpoint.
    Malformed(String),
    /// No such log is watched here.
    NotWatched(String),
    /// It is not signed by the log.
    NotSigned(String),
    /// Whoever handed it in has handed in too many.
    TooMany,
    /// The monitor has too much to do.
    Busy,
}

/// Where heads are handed in and asked for.
pub struct Desk {
    logs: Vec<LogHandle>,
    rates: Mutex<Rates>,
}

impl Desk {
    /// For these logs.
    pub fn new(logs: impl IntoIterator<Item = LogHandle>) -> Self {
        Self { logs: logs.into_iter().collect(), rates: Mutex::default() }
    }

    /// Takes a note that somebody at this address hands in, of at most [`NOTE_BYTES_MAX`] bytes: whoever serves this reads no
    /// more.
    pub async fn post(&self, now: Millis, from: IpAddr, note: &[u8]) -> Answer {
        if !self.rates.lock().admit(now, from) {
            return Answer::TooMany;
        }
        let Some(origin) = std::str::from_utf8(note).ok().and_then(|text| text.lines().next()) else {
            return Answer::Malformed("the checkpoint is not UTF-8 text, or has no lines".to_owned());
        };
        let Some(log) = self.logs.iter().find(|log| log.trust().origin().as_str() == origin) else {
            return Answer::NotWatched("the checkpoint is of a log that is not watched here".to_owned());
        };
        match log.trust().hear(note) {
            Ok(heard) => match log.hand_in(heard, Whom::Client(from.to_string())).await {
                Some(Taken::Known) => Answer::Known,
                Some(Taken::Waits) => Answer::Waits,
                Some(Taken::Contradicts) => Answer::Contradicts,
                Some(Taken::Full) => Answer::TooMany,
                None => Answer::Busy,
            },
            Err(error @ HearError::NotACheckpoint(_)) => Answer::Malformed(error.to_string()),
            Err(error @ HearError::OtherLog { .. }) => Answer::NotWatched(error.to_string()),
            Err(error @ (HearError::BadSignature(_) | HearError::NotSigned { .. })) => {
                Answer::NotSigned(error.to_string())
            }
        }
    }

    /// The list of heads of the log whose origin has this SHA-256, in lowercase hexadecimal digits.
    pub fn list(&self, origin: &str) -> Option<String> {
        let id = origin.parse().ok()?;
        let log = self.logs.iter().find(|log| log.id() == id)?;
        Some(encode(heads(&log.memory())))
    }

    /// Names of the fork proofs that are kept of that log, a line each.
    pub fn forks(&self, origin: &str) -> Option<String> {
        let id = origin.parse().ok()?;
        let log = self.logs.iter().find(|log| log.id() == id)?;
        Some(log.memory().proofs().iter().take(FORKS_MAX).flat_map(|name| [*name, "\n"]).collect())
    }

    /// One of them. Blocks on the disk.
    pub fn fork(&self, origin: &str, name: &str) -> Option<String> {
        let id = origin.parse().ok()?;
        self.logs.iter().find(|log| log.id() == id)?.proof(name)
    }
}

/// How much each address may still say. Bounded: where too many addresses are remembered, the one goes that was quiet longest.
#[derive(Debug, Default)]
pub struct Rates {
    addresses: BTreeMap<IpAddr, Bucket>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// Thousandths of notes.
    left: u64,
    at: Millis,
}

impl Rates {
    /// Whether a note from this address is taken now.
    pub fn admit(&mut self, now: Millis, from: IpAddr) -> bool {
        if !self.addresses.contains_key(&from) && self.addresses.len() >= ADDRESSES_MAX {
            let quiet =
                self.addresses.iter().min_by_key(|(_, bucket)| bucket.at).map(|(address, _)| *address);
            quiet.and_then(|address| self.addresses.remove(&address));
        }
        let full = Bucket { left: BURST * 1_000, at: now };
        let bucket = self.addresses.entry(from).or_insert(full);
        let since = now.saturating_sub(bucket.at);
        bucket.left = bucket.left.saturating_add(since.saturating_mul(PER_SECOND)).min(BURST * 1_000);
        // A clock that was set back is followed: nobody waits until it is where it was.
        bucket.at = now;
        let admitted = bucket.left >= 1_000;
        bucket.left -= if admitted { 1_000 } else { 0 };
        admitted
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_address_has_so_much_to_say_and_takes_nothing_from_another() {
        let mut rates = Rates::default();
        let [one, other] = [[10, 0, 0, 1], [10, 0, 0, 2]].map(IpAddr::from);
        assert_eq!((0..1_000).filter(|_| rates.admit(0, one)).count() as u64, BURST);
        assert!(rates.admit(0, other));
        assert_eq!((0..1_000).filter(|_| rates.admit(1_000, one)).count() as u64, PER_SECOND);
        // A clock that goes back starves nobody.
        assert_eq!((0..1_000).filter(|_| rates.admit(3_600_000, one)).count() as u64, BURST);
        assert!(!rates.admit(2_000, one));
        assert!(rates.admit(2_200, one));
        for number in 0..20_000_u32 {
            rates.admit(2_000, IpAddr::from(number.to_be_bytes()));
        }
        assert_eq!(rates.addresses.len(), ADDRESSES_MAX);
    }

    proptest! {
        #[test]
        fn no_list_panics(list: Vec<u8>, text in "([a-z]\n){0,3}\n?(— a b\n\n?){0,3}") {
            decode(&list);
            decode(text.as_bytes());
        }
    }
}
