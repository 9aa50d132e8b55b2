//! The algebra of a tiled transparency log: hashes, proofs, tiles, notes, checkpoints; no I/O
