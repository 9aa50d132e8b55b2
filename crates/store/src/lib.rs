//! Bytes at keys plus one head: sled, memory, a faulty wrapper, a conformance suite
