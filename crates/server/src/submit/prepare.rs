//! From a request body to entries: cut, checked, sealed, hashed.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use record::{Framing, Handed, Ready, RecordId, SEED_BYTES, Salts, Vouched, findings::Held};
use sequencer::{beside::Rows, ids::Identity, pool::Submission};
use tlog::{Hash, integrate::Entry};
use vault::Belongs;

use super::speaks::{self, Grades};
use crate::{
    access::Caller,
    custody::{self, Custody, Unsealed},
    limits::RECORDS_PER_REQUEST_MAX,
    problem::{Code, Problem},
};

/// The records of a request, in order: ready to be logged, or refused.
pub(crate) struct Prepared {
    pub(crate) items: Vec<Result<Sealed, Box<Problem>>>,
    submissions: Vec<Submission>,
    /// Content that is to be sealed, by the submission that it goes with.
    unsealed: Vec<(usize, Unsealed)>,
}

/// A record in its envelope.
pub(crate) struct Sealed {
    pub(crate) id: RecordId,
    pub(crate) leaf: Hash,
    /// The whole entry.
    pub(crate) entry: Bytes,
    /// The canonical `log` part.
    pub(crate) log: Bytes,
    /// Salts of the disclosures that were made, by their places.
    pub(crate) salts: BTreeMap<&'static str, String>,
    /// Whether it changes the keys of the log.
    pub(crate) announces: bool,
}

/// What a request brings beside its body.
pub(crate) struct Circumstances<'a> {
    pub(crate) received: &'a str,
    pub(crate) caller: &'a Caller,
    pub(crate) origin: &'a str,
    pub(crate) custody: &'a Custody,
}

impl Prepared {
    /// What the log is to take; leaves none behind.
    pub(crate) fn take_submissions(&mut self) -> Vec<Submission> {
        std::mem::take(&mut self.submissions)
    }

    /// The submissions that change the keys of the log: their places, and their entries.
    pub(crate) fn announcing(&self) -> Vec<(usize, Bytes)> {
        let logged = self.items.iter().filter_map(|item| item.as_ref().ok()).enumerate();
        logged
            .filter(|(_, sealed)| sealed.announces)
            .map(|(place, sealed)| (place, sealed.entry.clone()))
            .collect()
    }

    /// Whether content is to be sealed first.
    pub(crate) fn has_content(&self) -> bool {
        !self.unsealed.is_empty()
    }

    /// Seals the content that came with the records. Blocks: an owner's first content makes a key.
    pub(crate) fn seal(&mut self, custody: &Custody) -> Result<(), Box<Problem>> {
        for (place, unsealed) in std::mem::take(&mut self.unsealed) {
            self.submissions[place].rows.payloads = custody.seal(&unsealed)?;
        }
        Ok(())
    }

    /// A request of one object is refused as a whole.
    pub(crate) fn refuse_single(&mut self) -> Result<(), Box<Problem>> {
        match self.items.pop() {
            Some(Ok(sealed)) => {
                self.items.push(Ok(sealed));
                Ok(())
            }
            Some(Err(problem)) => Err(problem),
            None => Err(Problem::new(Code::BadRecord, "The body is empty; send a JSON object.")),
        }
    }
}

/// Cuts the body and prepares each record; one that is refused does not spoil the others.
pub(crate) fn prepare(
    body: &Bytes,
    framing: Framing,
    circumstances: &Circumstances<'_>,
) -> Result<Prepared, Box<Problem>> {
    let ranges = record::split(body, framing, RECORDS_PER_REQUEST_MAX)?;
    let mut chance = vec![0; CHANCE_BYTES * ranges.len()];
    getrandom::fill(&mut chance).map_err(|error| Problem::internal(&error))?;
    let out = BytesMut::with_capacity(body.len().min(RECORDS_BYTES_EXPECTED) + 256 * ranges.len());
    let mut sealing = Sealing { out, circumstances };
    let read: Vec<_> = ranges
        .into_iter()
        .zip(chance.as_chunks::<CHANCE_BYTES>().0)
        .map(|(range, chance)| circumstances.read(&body.slice(range), chance))
        .collect();
    let readable = read.iter().filter_map(|read| read.as_ref().ok());
    let mut held = circumstances.custody.check_together(readable.map(|read| &read.ready)).into_iter();
    let sealed: Vec<_> = read
        .into_iter()
        .map(|read| read.and_then(|read| sealing.seal(read, &held.next().unwrap_or_default())))
        .collect();
    let out = sealing.out.freeze();
    let mut prepared = Prepared {
        items: Vec::with_capacity(sealed.len()),
        submissions: Vec::with_capacity(sealed.len()),
        unsealed: vec![],
    };
    for place in sealed {
        let item = place.and_then(|place| prepared.take(place, &out));
        prepared.items.push(item);
    }
    Ok(prepared)
}

/// Chance for one record: the salt of its entry, and the seed of the salts of its disclosures.
const CHANCE_BYTES: usize = 16 + SEED_BYTES;
/// Room that is made for the entries of a request from the start; a larger body holds content, which goes elsewhere.
const RECORDS_BYTES_EXPECTED: usize = 8 << 20;

/// Writes all entries of a request into one buffer.
struct Sealing<'a> {
    out: BytesMut,
    circumstances: &'a Circumstances<'a>,
}

struct Place {
    start: usize,
    shape: record::EntryShape,
    id: RecordId,
    identity: Identity,
    rows: Rows,
    unsealed: Option<Unsealed>,
    salts: BTreeMap<&'static str, String>,
}

/// A record that can be understood and may be submitted by whoever does.
struct Read {
    ready: Ready,
    seen: Seen,
    salts: Salts,
    /// The salt of its entry.
    salt: [u8; 16],
}

/// What is to be known of a record, as it goes into the envelope.
struct Seen {
    grades: Grades,
    rows: Rows,
    belongs: Option<Belongs>,
}

impl Prepared {
    fn take(&mut self, place: Place, out: &Bytes) -> Result<Sealed, Box<Problem>> {
        let bytes = out.slice(place.start..place.start + place.shape.len);
        let log = bytes.slice(place.shape.log);
        let entry = Entry::new(bytes.clone()).map_err(|error| Problem::internal(&error))?;
        let leaf = entry.leaf();
        let announces = !place.rows.decisions.is_empty();
        let mut submission = Submission::new(entry, Some(place.identity));
        submission.rows = place.rows;
        self.unsealed.extend(place.unsealed.map(|unsealed| (self.submissions.len(), unsealed)));
        self.submissions.push(submission);
        Ok(Sealed { id: place.id, leaf, entry: bytes, log, salts: place.salts, announces })
    }
}

impl Circumstances<'_> {
    fn read(&self, json: &Bytes, chance: &[u8; CHANCE_BYTES]) -> Result<Read, Box<Problem>> {
        let Circumstances { caller, custody, .. } = *self;
        let (salt, seed) = split(chance);
        let salts = Salts::of_seed(seed);
        let handed = Handed::parse(json)?;
        let has_content = |record: &record::model::Record<'_>| {
            record::Place::ALL.iter().any(|place| place.of(record).is_some_and(|held| held.sd().is_some()))
        };
        let (ready, seen) = handed.ready(custody.sensitive, &salts, |record| {
            let grades = speaks::for_those_named(caller, record)?;
            let belongs = has_content(record).then(|| Belongs::to(record));
            Ok::<_, Box<Problem>>(Seen { grades, rows: custody::decisions(record), belongs })
        })?;
        Ok(Read { ready, seen, salts, salt })
    }
}

impl Sealing<'_> {
    fn seal(&mut self, read: Read, held: &Held) -> Result<Place, Box<Problem>> {
        let Circumstances { received, caller, origin, custody } = *self.circumstances;
        let Read { mut ready, seen, salts, salt } = read;
        custody.check_signatures(&ready, held, origin)?;
        let vouched = Vouched {
            received,
            submitter: caller.submitter(),
            principal: seen.grades.principal,
            agent: seen.grades.agent,
            disclosed: ready.disclosed(),
            secret: ready.secret(),
            salt,
        };
        let start = self.out.len();
        let shape = record::seal_into(ready.submission(), ready.signatures(), &vouched, &mut self.out)?;
        let identity = Identity { key: ready.submission().key(), digest: ready.digest() };
        let told = |place: record::Place| Some((place.pointer(), salts.text_of(place)?));
        let salts = ready.disclosed().iter().filter_map(told).collect();
        let payloads = ready.take_payloads();
        let belongs = seen.belongs.filter(|_| !payloads.is_empty());
        let unsealed = belongs.map(|belongs| Unsealed { payloads, belongs });
        let id = ready.submission().id();
        Ok(Place { start, shape, id, identity, rows: seen.rows, unsealed, salts })
    }
}

fn split(chance: &[u8; CHANCE_BYTES]) -> ([u8; 16], [u8; SEED_BYTES]) {
    let (mut salt, mut seed) = ([0; 16], [0; SEED_BYTES]);
    salt.copy_from_slice(&chance[..16]);
    seed.copy_from_slice(&chance[16..]);
    (salt, seed)
}
