//! The heads that may be cosigned once all of them is held. They have a lock of their own, under which nothing is read or
//! written: whoever asks for them does not wait for the disk.

use parking_lot::Mutex;
use tlog::{Head, note::SignatureLine, witness::ToCosign};

/// Heads that may be pending at one time; the smallest makes way for another.
pub const PENDING_MAX: usize = 16;

/// A head that may be cosigned once all of it is held.
pub(super) struct Pending {
    pub(super) allowed: ToCosign,
    /// Cosignatures by others that were verified.
    pub(super) witnesses: Vec<SignatureLine>,
}

impl Pending {
    fn head(&self) -> Head {
        self.allowed.head()
    }
}

/// All of them, ascending in size.
#[derive(Default)]
pub(super) struct PendingHeads(Mutex<Vec<Pending>>);

impl PendingHeads {
    /// One more. Where it is there already, the cosignatures that were on it stay.
    pub(super) fn expect(&self, allowed: ToCosign, mut witnesses: Vec<SignatureLine>) {
        let (mut all, head) = (self.0.lock(), allowed.head());
        if let Some(before) = all.iter().find(|pending| pending.head() == head) {
            add_missing(&mut witnesses, &before.witnesses);
        }
        all.retain(|pending| pending.head().size != head.size);
        all.push(Pending { allowed, witnesses });
        all.sort_by_key(|pending| pending.head().size);
        if all.len() > PENDING_MAX {
            all.remove(0);
        }
    }

    pub(super) fn heads(&self) -> Vec<Head> {
        self.0.lock().iter().map(Pending::head).collect()
    }

    pub(super) fn of_size(&self, size: u64) -> Option<Head> {
        self.heads().into_iter().find(|head| head.size == size)
    }

    /// Takes this one out.
    pub(super) fn take(&self, head: Head) -> Option<Pending> {
        let mut all = self.0.lock();
        let at = all.iter().position(|pending| pending.head() == head)?;
        Some(all.remove(at))
    }

    /// Nothing smaller than this may be finished any more.
    pub(super) fn forget_before(&self, size: u64) {
        self.0.lock().retain(|pending| pending.head().size >= size);
    }
}

/// Adds those lines of which the key has none there yet.
pub(super) fn add_missing(lines: &mut Vec<SignatureLine>, more: &[SignatureLine]) {
    for line in more {
        if !lines.iter().any(|there| there.name() == line.name() && there.id() == line.id()) {
            lines.push(line.clone());
        }
    }
}
