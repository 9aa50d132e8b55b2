//! The verification of a file: under the caller's policy, without anything else.

mod answer;
mod disclosed;
mod judged;
mod signed;

pub(crate) use judged::parameters;
use record::Logged;
use tlog::policy::{Policy, VerifiedCheckpoint};
use tlog::{Hash, group};

use crate::form::{Evidence, Role};
use crate::report::{Listed, Report, Verified};
use crate::sentence::{About, Sentences, things};
use crate::sessions::session_of;

impl Evidence {
    /// Checks the file under a policy that the caller has from elsewhere. Without one, the file is checked under its own
    /// keys, which proves only that it agrees with itself, and the report says so.
    pub fn verify(&self, trusted: Option<&Policy>) -> Report {
        let mut say = Sentences::default();
        let verified = signed::checkpoint(self, trusted, &mut say)
            .filter(|checkpoint| self.includes(checkpoint, &mut say))
            .map(|checkpoint| self.look(&checkpoint, trusted.is_some(), &mut say));
        Report { asked: self.asked().clone(), made: self.made().clone(), sentences: say.0, verified }
    }

    /// Whether every entry is in the tree, at its index.
    fn includes(&self, checkpoint: &VerifiedCheckpoint, say: &mut Sentences) -> bool {
        let entries = &self.document.entries;
        let leaves: Vec<_> =
            entries.iter().map(|carried| (carried.index, Hash::leaf(carried.entry.as_bytes()))).collect();
        let proven = group::verify(&leaves, &self.hashes, checkpoint.signed().head());
        match proven {
            Ok(()) => say.holds(
                About::Inclusion,
                format!(
                    "{} in that log, each at its index and as it was logged: nothing in them was altered",
                    things(leaves.len(), "entry is", "entries are")
                ),
            ),
            Err(error) => say.wrong(
                About::Inclusion,
                format!("the entries are not shown to be in that log, so none is shown: {error}"),
            ),
        }
        proven.is_ok()
    }

    /// Reads what is proven.
    fn look(&self, checkpoint: &VerifiedCheckpoint, trusted: bool, say: &mut Sentences) -> Verified {
        let signed = checkpoint.signed();
        let whole = self.document.entries.len() as u64 == signed.size();
        let read = self.read(say);
        answer::check(self, &read, signed.size(), whole, say);
        let disclosed = disclosed::check(self, &read, say);
        let judged = judged::judge(self.asked(), &read, whole, say);
        let witnesses = checkpoint.witnesses().iter();
        Verified {
            origin: signed.origin().to_string(),
            size: signed.size(),
            root: signed.root().to_string(),
            key: checkpoint.log_key().to_string(),
            witnesses: witnesses.map(|w| (w.key().name().to_string(), w.time().seconds())).collect(),
            trusted,
            whole,
            entries: self.document.entries.len(),
            records: read.iter().map(|(role, logged)| Listed::of(*role, logged)).collect(),
            findings: judged.findings,
            contents: disclosed.contents,
            shown: disclosed.shown,
            sessions: judged.sessions,
        }
    }

    /// The entries that are records known here.
    fn read(&self, say: &mut Sentences) -> Vec<(Role, Logged<'_>)> {
        let mut read = Vec::with_capacity(self.document.entries.len());
        for carried in &self.document.entries {
            match Logged::read(carried.index, carried.entry.as_bytes()) {
                Ok(logged) => read.push((carried.role, logged)),
                Err(refusal) => say.cannot_tell(
                    About::Records,
                    format!("the entry at {} is no record that is known here: {refusal}", carried.index),
                ),
            }
        }
        read
    }
}

impl Listed {
    fn of(role: Role, logged: &Logged<'_>) -> Self {
        Self {
            index: logged.index(),
            role,
            kind: logged.record().kind.to_string(),
            id: logged.record().id.to_string(),
            time: logged.record().time.to_string(),
            received: logged.received().to_string(),
            session: session_of(logged).map(str::to_owned),
            signatures: logged.signatures().len(),
        }
    }
}
