//! A run of neighbouring bundles, hashed and compared with their level-0 tiles.

use bytes::Bytes;
use tlog::Hash;
use tlog::bundle::BundleError;
use tlog::hash::root_of;
use tlog::tile::{Bundle, WIDTH};

use super::finding::{Finding, Findings};
use super::levels::{Item, Suspect};
use super::tree::{Counted, Visit};
use crate::source::SourceError;

/// A bundle and the level-0 tile beside it, as they are served; `None` for what is not there.
pub(super) struct Pair {
    pub(super) bundle: Option<Bytes>,
    pub(super) tile: Option<Bytes>,
}

/// What came of a span: one item for each bundle, in order.
#[derive(Default)]
pub(super) struct Checked {
    pub(super) items: Vec<Item>,
    pub(super) findings: Findings,
    pub(super) counted: Counted,
}

/// Checks bundles, each read by `read` as it is needed. `visit` sees every entry with its hash.
pub(super) fn check(
    bundles: impl Iterator<Item = Bundle>,
    mut read: impl FnMut(Bundle) -> Result<Pair, SourceError>,
    visit: Option<&dyn Visit>,
) -> Result<Checked, SourceError> {
    let mut checked = Checked::default();
    let mut leaves = Vec::with_capacity(WIDTH as usize);
    for bundle in bundles {
        let pair = read(bundle)?;
        let item = checked.check(bundle, &pair, &mut leaves, visit);
        checked.items.push(item);
    }
    Ok(checked)
}

impl Checked {
    fn check(
        &mut self,
        bundle: Bundle,
        pair: &Pair,
        leaves: &mut Vec<Hash>,
        visit: Option<&dyn Visit>,
    ) -> Item {
        let hashed = self.hash(bundle, pair.bundle.as_ref(), leaves, visit);
        let tile = self.tile(bundle, pair.tile.as_ref());
        match (hashed, tile) {
            (true, Some(tile)) => self.compare(bundle, leaves, tile),
            (true, None) => Item::sure(root_of(leaves)),
            (false, Some(tile)) => {
                Item { hash: bundle.tile().hashes(tile).map(|hashes| root_of(&hashes)), suspect: None }
            }
            (false, None) => Item { hash: None, suspect: None },
        }
    }

    /// The leaf hashes of a bundle; `false` after a finding if it is not a bundle of that many entries.
    fn hash(
        &mut self,
        bundle: Bundle,
        bytes: Option<&Bytes>,
        leaves: &mut Vec<Hash>,
        visit: Option<&dyn Visit>,
    ) -> bool {
        let Some(bytes) = bytes else {
            self.findings.add(Finding::missing_bundle(bundle));
            return false;
        };
        if let Err(error) = hash_entries(bundle, bytes, leaves, visit) {
            self.findings.add(Finding::bundle(bundle, error));
            return false;
        }
        self.counted.entries += leaves.len() as u64;
        self.counted.bytes += bytes.len() as u64;
        true
    }

    fn tile<'a>(&mut self, bundle: Bundle, bytes: Option<&'a Bytes>) -> Option<&'a Bytes> {
        let tile = bundle.tile();
        let finding = match bytes {
            Some(bytes) if bytes.len() == tile.bytes() => {
                self.counted.tiles += 1;
                return Some(bytes);
            }
            Some(bytes) => Finding::tile_length(tile, bytes.len()),
            None => Finding::missing_tile(tile),
        };
        self.findings.add(finding);
        None
    }

    /// Compares the hashes of the entries with the tile, byte for byte.
    fn compare(&mut self, bundle: Bundle, leaves: &[Hash], tile: &[u8]) -> Item {
        let differs = |(_, (leaf, served)): &(usize, (&Hash, &[u8]))| leaf.as_bytes() != *served;
        let mut wrong = leaves.iter().zip(tile.chunks_exact(Hash::LEN)).enumerate().filter(differs);
        let root = root_of(leaves);
        let Some((at, (leaf, served))) = wrong.next() else { return Item::sure(root) };
        let further = wrong.count() as u64;
        // The length was checked.
        let Some(served) = Hash::from_slice(served) else { return Item::sure(root) };
        let finding = self.findings.add(Finding::entry(bundle, at, served, *leaf, further));
        let hashes = bundle.tile().hashes(tile).unwrap_or_default();
        let suspect = Suspect { served: root_of(&hashes), finding, tile: bundle.tile(), with_entry: true };
        Item { hash: Some(root), suspect: Some(suspect) }
    }
}

/// Hashes the entries where they lie; nothing is copied.
fn hash_entries(
    bundle: Bundle,
    mut rest: &[u8],
    leaves: &mut Vec<Hash>,
    visit: Option<&dyn Visit>,
) -> Result<(), BundleError> {
    leaves.clear();
    let wanted = usize::from(bundle.width());
    while leaves.len() < wanted {
        let short = BundleError::Short { at: leaves.len(), wanted };
        let (length, after) = rest.split_first_chunk().ok_or(short)?;
        let (entry, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length))).ok_or(short)?;
        let leaf = Hash::leaf(entry);
        if let Some(visit) = visit {
            visit.entry(bundle.first() + leaves.len() as u64, entry, leaf);
        }
        leaves.push(leaf);
        rest = after;
    }
    if rest.is_empty() { Ok(()) } else { Err(BundleError::Long { bytes: rest.len() }) }
}
