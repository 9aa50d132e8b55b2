//! Where the entries may be found that a file needs beside its answer.

/// What an entry that may be needed has to do with the answer. Each leads to all entries that it may be, and to others:
/// which of them are needed is decided when they are shown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lead {
    /// What became of the key with this id.
    Key(String),
    /// The keys of this agent, approver or producer.
    KeysOf(String),
    /// What this producer declared to record.
    Coverage(String),
    /// The opening of this session, and the authority that was handed on and taken back in it.
    Authority(String),
    /// Whatever speaks of this call of a session; without a session, its name is empty.
    Call {
        /// The session's id.
        session: String,
        /// The call's.
        id: String,
    },
    /// Approvals that bind the record with this id.
    Bound(String),
    /// The record with this id.
    Record(String),
    /// The erasure of the content with this digest.
    Erasure(String),
    /// The entry at this index.
    Entry(u64),
}
