//! Names and signing seeds for tests. They stand in a public repository: nothing they sign means anything.
//!
//! A seed is the 32 bytes of an Ed25519 private key (RFC 8032 section 5.1.5); a name is the key name of a signed
//! note, for a log its origin (C2SP signed-note, tlog-checkpoint).

/// A signer for tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TestKey {
    /// The key name: no space, no plus sign.
    pub name: &'static str,
    /// The private seed.
    pub seed: [u8; 32],
}

/// The log of records that most tests write to.
pub const LOG: TestKey = TestKey { name: "deedbook.test/records", seed: seed(1) };
/// A log of raw entries.
pub const RAW_LOG: TestKey = TestKey { name: "deedbook.test/raw", seed: seed(2) };
/// A log that has nothing to do with [`LOG`].
pub const OTHER_LOG: TestKey = TestKey { name: "other.test/log", seed: seed(3) };
/// Says that it is [`LOG`], and holds another key.
pub const IMPOSTOR: TestKey = TestKey { name: LOG.name, seed: seed(4) };
/// Witnesses, as many as a quorum of two out of three needs.
pub const WITNESSES: [TestKey; 3] = [
    TestKey { name: "witness-a.test", seed: seed(5) },
    TestKey { name: "witness-b.test", seed: seed(6) },
    TestKey { name: "witness-c.test", seed: seed(7) },
];

/// The seed of which each byte is `number`: plain to recognise in a dump.
pub const fn seed(number: u8) -> [u8; 32] {
    [number; 32]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_signer_has_its_own_seed_and_a_name_fit_for_a_note() {
        let all = [&[LOG, RAW_LOG, OTHER_LOG, IMPOSTOR][..], &WITNESSES].concat();
        let seeds: BTreeSet<_> = all.iter().map(|key| key.seed).collect();
        assert_eq!(seeds.len(), all.len());
        assert!(all.iter().all(|key| !key.name.is_empty() && !key.name.contains([' ', '+', '\n'])));
        assert_eq!(IMPOSTOR.name, LOG.name);
    }
}
