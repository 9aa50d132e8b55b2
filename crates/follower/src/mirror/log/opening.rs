//! What a mirror finds of a log when it starts.

use std::io;

use bytes::Bytes;
use tlog::{
    Hash, bundle,
    checkpoint::Checkpoint,
    integrate::{Edge, Entry, IntegrateError},
    key::{KeyName, VerifierKey},
    note::{Note, OpenError as NoteError},
    tile::{Bundle, Resource, WIDTH},
};

use super::{OpenError, Shown, reading, writing::Writing};
use crate::{mirror::files::Files, witness::keeper::Held};

/// Names that are made to last together.
const NAMES_AT_ONCE: usize = 1_024;

/// The checkpoint in the files: cosigned by this mirror, and no further than what the keeper remembers.
pub(super) fn shown<'a>(
    origin: &KeyName,
    files: &dyn Files,
    held: Option<&Held>,
    keys: impl IntoIterator<Item = &'a VerifierKey>,
) -> Result<Option<Shown>, OpenError> {
    let Some(bytes) = files.read("checkpoint")? else { return Ok(None) };
    let damaged = |cause: &dyn std::fmt::Display| OpenError::Checkpoint {
        origin: origin.clone(),
        cause: cause.to_string(),
    };
    let note = Note::parse(&bytes).map_err(|error| damaged(&error))?;
    let keys: Vec<&VerifierKey> = keys.into_iter().collect();
    let opened = note.open(keys);
    // What this mirror signed was changed after that.
    if let Err(error @ NoteError::BadSignature { .. }) = &opened {
        return Err(damaged(error));
    }
    let checkpoint = Checkpoint::parse(note.text()).map_err(|error| damaged(&error))?;
    if checkpoint.origin() != origin {
        return Err(OpenError::WrongOrigin { origin: origin.clone(), found: checkpoint.origin().clone() });
    }
    opened.map_err(|cause| OpenError::NotOurs { origin: origin.clone(), cause })?;
    let (head, held) = (checkpoint.head(), held.map(Held::head));
    if held.is_none_or(|held| held.size < head.size || (held.size == head.size && held.root != head.root)) {
        let (origin, held) = (origin.clone(), held.map(|held| held.size));
        return Err(OpenError::Forgot { origin, shown: head.size, held });
    }
    Ok(Some(Shown { head, note: bytes }))
}

/// The edge of what is held: of the checkpoint, and of what was kept beyond it. `None` where the files do not lead to the
/// checkpoint.
pub(super) fn edge(files: &dyn Files, shown: Option<&Shown>) -> io::Result<Option<Edge>> {
    edge_of(files, shown)?.map(|edge| beyond(files, edge)).transpose()
}

/// The edge of the checkpoint alone.
pub(super) fn edge_of(files: &dyn Files, shown: Option<&Shown>) -> io::Result<Option<Edge>> {
    let Some(shown) = shown else { return Ok(Some(Edge::default())) };
    let size = shown.head.size;
    Ok(restore(|resource| reading::read(files, resource, size), size)?
        .filter(|edge| edge.head() == shown.head))
}

/// The edge at this size from what is read; whether it is that of the log, its root tells. `None` if something is missing.
pub(super) fn restore(
    read: impl Fn(Resource) -> io::Result<Option<Bytes>>,
    size: u64,
) -> io::Result<Option<Edge>> {
    let mut runs = vec![];
    if let Some(last) = Bundle::at(size / WIDTH, size) {
        let Some(bytes) = read(Resource::Bundle(last))? else { return Ok(None) };
        runs.push((last.first(), bytes));
    }
    let restored = Edge::restore(size, &runs, |tile| {
        let bytes = read(Resource::Tile(tile)).map_err(Restoring::Files)?;
        bytes.ok_or(Restoring::Missing)
    });
    match restored {
        Ok(edge) => Ok(Some(edge)),
        Err(Restoring::Files(error)) => Err(error),
        Err(Restoring::Missing) => Ok(None),
    }
}

enum Restoring {
    Files(io::Error),
    Missing,
}

impl From<IntegrateError> for Restoring {
    fn from(_: IntegrateError) -> Self {
        Self::Missing
    }
}

/// Goes on from a checkpoint with what was kept behind it: bundle after bundle as long as each agrees with its hashes. Were it
/// other than it was, the root would tell in the end.
fn beyond(files: &dyn Files, mut edge: Edge) -> io::Result<Edge> {
    // What is read here may not last yet: before anything is built on it, its names are made to.
    let mut writing = Writing::new(files);
    while let Some((first, entries)) = kept(files, edge.size())? {
        let over = (edge.size() - first) as usize;
        let new = entries.into_iter().skip(over).map(Entry::new).collect::<Result<Vec<_>, _>>();
        let Some(growth) = new.ok().and_then(|new| edge.integrate(&new).ok()) else { break };
        writing.names.extend(growth.bundles.iter().map(|(bundle, _)| bundle.to_string()));
        for (tile, bytes) in &growth.tiles {
            match tile.level() {
                0 => writing.names.push(tile.to_string()),
                // Written after those below it, so perhaps not at all.
                _ => writing.put(Resource::Tile(*tile), bytes.clone()),
            }
        }
        if let Some(last) = Bundle::at(growth.edge.size() / WIDTH, growth.edge.size()) {
            writing.names.extend([last.to_string(), last.tile().to_string()]);
        }
        if writing.names.len() > NAMES_AT_ONCE {
            std::mem::replace(&mut writing, Writing::new(files)).finish()?;
        }
        edge = growth.edge;
    }
    writing.finish()?;
    Ok(edge)
}

/// The entries of the bundle with this index in it, if more of it was kept than comes before; and the index of its first one.
fn kept(files: &dyn Files, next: u64) -> io::Result<Option<(u64, Vec<Bytes>)>> {
    let Some(full) = Bundle::at(next / WIDTH, next + 1).map(Bundle::full) else { return Ok(None) };
    let names = files.list(&format!("{full}.p"))?;
    let mut widths: Vec<u64> = names.iter().filter_map(|name| name.parse().ok()).collect();
    widths.retain(|width| (1..WIDTH).contains(width));
    widths.push(WIDTH);
    widths.sort_unstable_by(|a, b| b.cmp(a));
    for width in widths.into_iter().filter(|width| full.first() + width > next) {
        let Some(bundle) = Bundle::at(full.index(), full.first() + width) else { continue };
        let (bytes, tile) = (files.read(&bundle.to_string())?, files.read(&bundle.tile().to_string())?);
        let Some((bytes, tile)) = bytes.zip(tile) else { continue };
        let hashes = bundle.tile().hashes(&tile).unwrap_or_default();
        let Ok(entries) = bundle::decode(&bytes, usize::from(bundle.width())) else { continue };
        if hashes.len() == entries.len()
            && hashes.iter().zip(&entries).all(|(hash, entry)| *hash == Hash::leaf(entry))
        {
            return Ok(Some((bundle.first(), entries)));
        }
    }
    Ok(None)
}
