//! The one thread that writes: batch by batch, each all or nothing.

use std::{
    any::Any,
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use store::{Batch, CommitError, Key, StoreError};
use tlog::{
    Hash, bundle,
    checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint},
    integrate::{Entry, Growth, IntegrateError},
};

use crate::{
    beside::{self, Gathered},
    ids::{self, Identity, IdsError, Outcome},
    keys::LogKeys,
    log::{Commit, Committed, Kind, Shared, Status},
    pool::{Answer, Group, Refusal},
    reader::PART_ENTRIES,
};

/// Why a batch could not be committed. Every one is fatal to the writer: what is stored is the truth, and only
/// opening the log anew reads it.
#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error(transparent)]
    Ids(#[from] IdsError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Integrate(#[from] IntegrateError),
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error(transparent)]
    Commit(#[from] CommitError),
    #[error("the writer panicked: {0}")]
    Panic(String),
}

/// Commits batches until the pool is closed and empty, or one fails. Once the log may sign nothing more, those who wait are
/// refused; a commit that is under way then comes to its end.
pub(crate) fn run(shared: &Shared, keys: &LogKeys) {
    while let Some(mut groups) = shared.pool.take() {
        if let Status::ReadOnly(standing) = &**shared.status.load() {
            refuse(groups, &Refusal::NotWriting(standing.to_string()));
            continue;
        }
        // sled panics where it might answer an error: those who wait are to be answered all the same. What is shared
        // is either as before the commit or as after it.
        let done = catch_unwind(AssertUnwindSafe(|| step(shared, keys, &mut groups)));
        match done.unwrap_or_else(|panic| Err(WriteError::Panic(text_of(&*panic)))) {
            Ok((outcomes, committed)) => answer(shared, groups, outcomes, committed),
            Err(error) => {
                shared.fail(&error.to_string());
                refuse(groups, &Refusal::Unknown);
                break;
            }
        }
    }
    // Only after a failure is anything left: nobody will commit it.
    while let Some(groups) = shared.pool.take() {
        refuse(groups, &Refusal::Unknown);
    }
}

fn step(
    shared: &Shared,
    keys: &LogKeys,
    groups: &mut Vec<Group>,
) -> Result<(Vec<Outcome>, Arc<Committed>), WriteError> {
    let started = Instant::now();
    let before = shared.committed.load_full();
    let Admitted { outcomes, id_pages, rows } = admit(shared, groups, before.edge.size())?;
    let submissions = groups.iter().flat_map(|group| &group.submissions);
    let new: Vec<Entry> = submissions
        .zip(&outcomes)
        .filter(|(_, outcome)| matches!(outcome, Outcome::Logged { .. }))
        .map(|(submission, _)| submission.entry.clone())
        .collect();
    let mut after = before.clone();
    let mut store_took = Duration::ZERO;
    if !new.is_empty() {
        let growth = before.edge.integrate(&new)?;
        let checkpoint = keys.sign(&Checkpoint::new(keys.origin().clone(), growth.edge.head())?)?;
        let store_started = Instant::now();
        after = commit(shared, &before.checkpoint, growth, id_pages, rows, checkpoint)?;
        store_took = store_started.elapsed();
    }
    let count =
        |wanted: fn(&Outcome) -> bool| outcomes.iter().filter(|outcome| wanted(outcome)).count() as u64;
    shared.observer.committed(&Commit {
        entries: new.len() as u64,
        bytes: new.iter().map(|entry| entry.bytes().len() as u64).sum(),
        duplicates: count(|outcome| matches!(outcome, Outcome::Duplicate { .. })),
        conflicts: count(|outcome| matches!(outcome, Outcome::Conflict { .. })),
        size: after.edge.size(),
        took: started.elapsed(),
        store_took,
    });
    Ok((outcomes, after))
}

/// What becomes of the submissions of a batch, and what is written for them beside the tree.
struct Admitted {
    outcomes: Vec<Outcome>,
    id_pages: Vec<(Key, Bytes)>,
    rows: Batch,
}

/// Decides each submission. A group that must not be committed as a whole is answered and taken out, and the others are
/// decided as if it had never come.
fn admit(shared: &Shared, groups: &mut Vec<Group>, next: u64) -> Result<Admitted, WriteError> {
    loop {
        let submissions = groups.iter().flat_map(|group| &group.submissions);
        let identities: Vec<Option<Identity>> = submissions.map(|submission| submission.identity).collect();
        let (outcomes, id_pages) = match shared.identity.kind {
            Kind::Records => ids::admit(&*shared.store, &identities, next)?,
            Kind::Raw => (in_a_row(next, identities.len()), vec![]),
        };
        let Gathered { rows, refused } = beside::gather(&*shared.store, groups, &outcomes)?;
        if refused.is_empty() {
            return Ok(Admitted { outcomes, id_pages, rows });
        }
        for (place, refusal) in refused.into_iter().rev() {
            let _ = groups.remove(place).reply.send(Err(refusal));
        }
    }
}

/// The commit point. The signature was made before it and leaves this thread only after it.
fn commit(
    shared: &Shared,
    before: &SignedCheckpoint,
    growth: Growth,
    id_pages: Vec<(Key, Bytes)>,
    beside: Batch,
    checkpoint: SignedCheckpoint,
) -> Result<Arc<Committed>, WriteError> {
    let (edge, mut batch) = to_batch(growth, id_pages);
    batch.puts.extend(beside.puts);
    batch.deletes.extend(beside.deletes);
    shared.store.commit(Some(before.bytes()), batch, checkpoint.bytes().clone())?;
    let committed = Arc::new(Committed { checkpoint, edge });
    shared.committed.store(committed.clone());
    Ok(committed)
}

/// Everything that a growth writes and deletes, and the edge it leads to.
pub(crate) fn to_batch(growth: Growth, id_pages: Vec<(Key, Bytes)>) -> (tlog::integrate::Edge, Batch) {
    let mut puts = id_pages;
    let mut cuts = BTreeMap::new();
    for (tile, bytes) in growth.tiles {
        let key = Key::Tile { level: tile.level(), index: tile.index() };
        cuts.insert(key, (0..bytes.len()).step_by(PART_ENTRIES * Hash::LEN).skip(1).collect());
        puts.push((key, bytes));
    }
    for (bundle, bytes) in growth.bundles {
        let key = Key::Bundle { index: bundle.index() };
        cuts.insert(key, bundle::cuts(&bytes, PART_ENTRIES));
        puts.push((key, bytes));
    }
    puts.extend(growth.run.map(|(first, bytes)| (Key::Run { first }, bytes)));
    let deletes = growth.retired_runs.into_iter().map(|first| Key::Run { first }).collect();
    (growth.edge, Batch { puts, deletes, cuts })
}

fn in_a_row(first: u64, count: usize) -> Vec<Outcome> {
    (first..).take(count).map(|index| Outcome::Logged { index }).collect()
}

/// Answers all groups. Many are woken from one of the threads that they run on: woken from here, each would go through a
/// queue that all threads share, while the next batch waits.
fn answer(shared: &Shared, groups: Vec<Group>, outcomes: Vec<Outcome>, committed: Arc<Committed>) {
    match &shared.runtime {
        Some(runtime) if groups.len() > 1 => {
            drop(runtime.spawn(async move { answer_each(groups, outcomes, &committed) }));
        }
        _ => answer_each(groups, outcomes, &committed),
    }
}

/// Answers each group with its part of the outcomes. A submitter that is gone is not waited for.
fn answer_each(groups: Vec<Group>, outcomes: Vec<Outcome>, committed: &Arc<Committed>) {
    let mut outcomes = outcomes.into_iter();
    for group in groups {
        let outcomes = outcomes.by_ref().take(group.submissions.len()).collect();
        let _ = group.reply.send(Ok(Answer { outcomes, committed: committed.clone() }));
    }
}

fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it does not say why").into()
}

fn refuse(groups: Vec<Group>, refusal: &Refusal) {
    for group in groups {
        let _ = group.reply.send(Err(refusal.clone()));
    }
}
