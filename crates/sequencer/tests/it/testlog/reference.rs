//! The tree by the RFC's own definitions, sharing no line with the code under test: SHA-256 and recursion.

use sha2::{Digest as _, Sha256};

pub type Digest = [u8; 32];

pub fn sha256(parts: &[&[u8]]) -> Digest {
    let mut hasher = Sha256::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize().into()
}

/// MTH and PATH of RFC 6962 section 2.1. Perfect subtrees are remembered, else a check would take minutes.
pub struct Reference {
    /// `perfect[h][i]`: the root over leaves `i << h .. (i + 1) << h`.
    perfect: Vec<Vec<Digest>>,
}

impl Reference {
    pub fn new() -> Self {
        Self { perfect: vec![vec![]] }
    }

    pub fn push(&mut self, entry: &[u8]) {
        self.perfect[0].push(sha256(&[&[0], entry]));
        let mut height = 0;
        while self.perfect[height].len().is_multiple_of(2) {
            let [.., left, right] = &self.perfect[height][..] else { unreachable!() };
            let root = sha256(&[&[1], left, right]);
            height += 1;
            if self.perfect.len() == height {
                self.perfect.push(vec![]);
            }
            self.perfect[height].push(root);
        }
    }

    /// The root over the first `size` leaves.
    pub fn root(&self, size: u64) -> Digest {
        self.mth(0, size)
    }

    /// The hash of entry `index`.
    pub fn leaf(&self, index: u64) -> Digest {
        self.perfect[0][index as usize]
    }

    /// Item `item` of level `level` of the tiles.
    pub fn tile_item(&self, level: u8, item: u64) -> Digest {
        self.perfect[8 * usize::from(level)][item as usize]
    }

    /// The inclusion path of `index` in the tree of `size` leaves.
    pub fn path(&self, index: u64, size: u64) -> Vec<Digest> {
        let (mut start, mut end, mut path) = (0, size, vec![]);
        while end - start > 1 {
            let middle = start + split(end - start);
            if index < middle {
                path.push(self.mth(middle, end));
                end = middle;
            } else {
                path.push(self.mth(start, middle));
                start = middle;
            }
        }
        path.reverse();
        path
    }

    fn mth(&self, start: u64, end: u64) -> Digest {
        let count = end - start;
        if count == 0 {
            return sha256(&[]);
        }
        if count.is_power_of_two() {
            return self.perfect[count.ilog2() as usize][(start / count) as usize];
        }
        let middle = start + split(count);
        sha256(&[&[1], &self.mth(start, middle), &self.mth(middle, end)])
    }
}

/// The largest power of two below `n`.
fn split(n: u64) -> u64 {
    1 << (n - 1).ilog2()
}
