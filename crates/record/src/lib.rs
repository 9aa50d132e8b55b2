//! The audit record: strict I-JSON, canonical bytes, envelope; no I/O
