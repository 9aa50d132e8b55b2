//! What a mirror takes: the decision on an upload, on each package, and on the end.

use super::{Info, OVERLAP_MAX, Package, PackageError, Proven, ReadError, Reason, Refusal, Span, Upload};
use crate::{Hash, Head};

/// What a mirror knows of a log, as decisions need it. It may be a moment old; what is decided holds all the same, but for
/// [`Taking::finish`], which is decided where the mirror's checkpoint is replaced.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// The mirror's own checkpoint, which it serves and has cosigned, if there is one yet.
    pub mirror: Option<Head>,
    /// The checkpoints that it was shown and still knows, each consistent with all others.
    pub pending: &'a [Head],
    /// Index of the first entry that it does not have, durably.
    pub next: u64,
}

impl Standing<'_> {
    /// Every checkpoint that is known.
    fn known(&self) -> impl Iterator<Item = Head> {
        self.mirror.into_iter().chain(self.pending.iter().copied())
    }

    /// The one of this size.
    fn of_size(&self, size: u64) -> Option<Head> {
        self.known().find(|head| head.size == size)
    }

    /// Size of the mirror's own.
    fn mirrored(&self) -> u64 {
        self.mirror.map_or(0, |head| head.size)
    }

    /// That a checkpoint of this size would not take the mirror back.
    fn not_behind(&self, end: u64) -> Result<(), Refusal> {
        let mirror = self.mirrored();
        if end < mirror {
            return Err(Refusal::new(Reason::Behind { end, mirror, info: self.info(end) }));
        }
        Ok(())
    }

    /// Where to go on: with the same tree as long as something of it is missing, so that no proof is made twice.
    fn info(&self, end: u64) -> Info {
        let same = self.of_size(end).is_some() && end > self.next;
        let newest = self.known().map(|head| head.size).max().unwrap_or(0);
        Info::new(if same { end } else { newest }, self.next)
    }
}

/// Decides whether a mirror takes the packages of an upload (C2SP tlog-mirror, add-entries). The checks and their order are
/// those of the specification; [`Reason`] lists them. `None` stands for a log that it does not mirror.
///
/// # Errors
/// Why it does not.
pub fn decide(upload: &Upload, standing: Option<&Standing<'_>>) -> Result<Taking, Refusal> {
    let (start, end) = (upload.start(), upload.end());
    let refuse = |reason| Err(Refusal::new(reason));
    let Some(standing) = standing else {
        return refuse(Reason::UnknownOrigin { origin: upload.origin().clone() });
    };
    if standing.known().next().is_none() {
        return refuse(Reason::NoCheckpoint { origin: upload.origin().clone() });
    }
    let Some(tree) = standing.of_size(end) else {
        return refuse(Reason::UnknownSize { end, info: standing.info(end) });
    };
    standing.not_behind(end)?;
    if start > standing.next {
        return refuse(Reason::Gap { start, info: standing.info(end) });
    }
    let have = end.min(standing.next) - start;
    if have > OVERLAP_MAX {
        return refuse(Reason::Overlap { have, info: standing.info(end) });
    }
    Ok(Taking { tree, due: Span::from(start, end), taken: 0 })
}

/// An upload that is being taken. Made by [`decide`] only.
#[derive(Debug)]
pub struct Taking {
    tree: Head,
    /// The package that comes next; `None` after the last.
    due: Option<Span>,
    /// Packages taken.
    taken: u64,
}

/// What becomes of an upload whose body has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// All packages are here: the copy is to be finished up to the tree, then [`Taking::finish`] is asked.
    Whole,
    /// Some packages are here; the answer is a 202 that says where to go on.
    Partly(Info),
    /// Nothing is here.
    Nothing(Refusal),
}

impl Taking {
    /// The checkpoint that all packages are proven by.
    pub fn tree(&self) -> Head {
        self.tree
    }

    /// Packages that were taken.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// Verifies the next package. What comes back is to be kept, durably, before the next one is verified; entries of it
    /// that are there already stay as they are. `before` are the leaf hashes of the entries before it in its bundle, as the
    /// mirror has them.
    ///
    /// # Errors
    /// The request is over; what was taken before stays.
    pub fn prove(&mut self, package: Package, before: &[Hash]) -> Result<Proven, Refusal> {
        let span = package.span();
        if self.due != Some(span) {
            return Err(Refusal::new(PackageError::NotDue { span }.into()));
        }
        let proven = package.prove(before, self.tree).map_err(|error| Refusal::new(error.into()))?;
        self.due = Span::from(span.end(), self.tree.size);
        self.taken += 1;
        Ok(proven)
    }

    /// What becomes of the upload once no more of it can be read: its packages are all here, its body is over, or it is
    /// `spoiled` by what cannot be read. Of a package that is not whole nothing counts.
    pub fn end(&self, spoiled: Option<ReadError>, standing: &Standing<'_>) -> End {
        let size = self.tree.size;
        match (self.due, self.taken) {
            (None, _) if size <= standing.next => End::Whole,
            (Some(_), 0) => End::Nothing(spoiled.map_or(Refusal::new(Reason::Nothing), Refusal::from)),
            _ => End::Partly(standing.info(size)),
        }
    }

    /// The head that the mirror's checkpoint now becomes, all whose entries it has ([`End::Whole`]): to be asked under the
    /// lock under which it is replaced, of what is known then. It may be the head that is there: then it is cosigned once
    /// more for the sake of the time.
    ///
    /// # Errors
    /// [`Reason::Behind`]: the mirror has gone further meanwhile. [`Reason::UnknownSize`]: it does not know the checkpoint any
    /// more, because it was shown many others.
    pub fn finish(&self, standing: &Standing<'_>) -> Result<Head, Refusal> {
        let end = self.tree.size;
        standing.not_behind(end)?;
        let forgotten = || Refusal::new(Reason::UnknownSize { end, info: standing.info(end) });
        standing.of_size(end).filter(|known| *known == self.tree).ok_or_else(forgotten)
    }
}
