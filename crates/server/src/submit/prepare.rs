//! From a request body to entries: cut, checked, sealed, hashed.

use bytes::{Bytes, BytesMut};
use record::{Framing, RecordId, Vouched};
use sequencer::{ids::Identity, pool::Submission};
use tlog::{Hash, integrate::Entry};

use super::speaks;
use crate::{
    access::Caller,
    limits::RECORDS_PER_REQUEST_MAX,
    problem::{Code, Problem},
};

/// The records of a request, in order: ready to be logged, or refused.
pub(crate) struct Prepared {
    pub(crate) items: Vec<Result<Sealed, Box<Problem>>>,
    submissions: Vec<Submission>,
}

/// A record in its envelope.
pub(crate) struct Sealed {
    pub(crate) id: RecordId,
    pub(crate) leaf: Hash,
    /// The whole entry.
    pub(crate) entry: Bytes,
    /// The canonical `log` part.
    pub(crate) log: Bytes,
}

impl Prepared {
    /// What the log is to take; leaves none behind.
    pub(crate) fn take_submissions(&mut self) -> Vec<Submission> {
        std::mem::take(&mut self.submissions)
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
    received: &str,
    caller: &Caller,
) -> Result<Prepared, Box<Problem>> {
    let ranges = record::split(body, framing, RECORDS_PER_REQUEST_MAX)?;
    let mut salts = vec![0; 16 * ranges.len()];
    getrandom::fill(&mut salts).map_err(|error| Problem::internal(&error))?;
    let out = BytesMut::with_capacity(body.len() + 256 * ranges.len());
    let mut sealing = Sealing { out, received, caller };
    let sealed: Vec<_> = ranges
        .into_iter()
        .zip(salts.as_chunks::<16>().0)
        .map(|(range, salt)| sealing.seal(&body.slice(range), *salt))
        .collect();
    let out = sealing.out.freeze();
    let mut submissions = Vec::with_capacity(sealed.len());
    let mut items = Vec::with_capacity(sealed.len());
    for place in sealed {
        items.push(place.and_then(|place| {
            let bytes = out.slice(place.start..place.start + place.shape.len);
            let log = bytes.slice(place.shape.log);
            let entry = Entry::new(bytes.clone()).map_err(|error| Problem::internal(&error))?;
            let leaf = entry.leaf();
            submissions.push(Submission::new(entry, Some(place.identity)));
            Ok(Sealed { id: place.id, leaf, entry: bytes, log })
        }));
    }
    Ok(Prepared { items, submissions })
}

/// Writes all entries of a request into one buffer.
struct Sealing<'a> {
    out: BytesMut,
    received: &'a str,
    caller: &'a Caller,
}

struct Place {
    start: usize,
    shape: record::EntryShape,
    id: RecordId,
    identity: Identity,
}

impl Sealing<'_> {
    fn seal(&mut self, json: &Bytes, salt: [u8; 16]) -> Result<Place, Box<Problem>> {
        let submission = record::Submission::parse_shared(json)?;
        let named = record::admit(&submission)?;
        let grades = speaks::for_those_named(self.caller, &named)?;
        let vouched = Vouched {
            received: self.received,
            submitter: self.caller.submitter(),
            principal: grades.principal,
            agent: grades.agent,
            disclosed: record::Places::NONE,
            secret: record::Places::NONE,
            salt,
        };
        let start = self.out.len();
        let shape = record::seal_into(&submission, None, &vouched, &mut self.out)?;
        let identity = Identity { key: submission.key(), digest: submission.digest() };
        Ok(Place { start, shape, id: submission.id(), identity })
    }
}
