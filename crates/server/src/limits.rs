//! Every bound on what comes from outside. An answer that refuses something names the bound.

use std::time::Duration;

/// Bytes of a request body for `POST /v1/records`.
pub const BODY_BYTES_MAX: usize = 32 << 20;
/// Records in one request.
pub const RECORDS_PER_REQUEST_MAX: usize = 10_000;
/// Bytes of one entry; for `POST /add`, of the body.
pub const ENTRY_BYTES_MAX: usize = tlog::bundle::ENTRY_BYTES_MAX;
/// Header fields of a request.
pub const HEADERS_MAX: usize = 64;
/// Bytes of a request's target and header fields.
pub const HEADER_BYTES_MAX: usize = 32 << 10;
/// Bytes of large request bodies (over [`INLINE_WORK_BYTES_MAX`]) that are held at one time, of all requests together.
pub const BODIES_BYTES_MAX: usize = 256 << 20;
/// Time for the header of a request to arrive, counted from the first moment the connection is idle.
pub const HEADER_TIME_MAX: Duration = Duration::from_secs(30);
/// Bodies of at most this many bytes are copied out of the connection's read buffer.
pub const COPIED_BODY_BYTES_MAX: usize = 16 << 10;
/// Time for the body of a request to arrive.
pub const BODY_TIME_MAX: Duration = Duration::from_secs(30);
/// Time to wait for a record to be published, before the answer says that it is durable and not published yet.
pub const PUBLISH_WAIT_MAX: Duration = Duration::from_secs(30);
/// Time for a caller to take in some part of an answer; one that takes nothing is cut off.
pub const STALL_TIME_MAX: Duration = Duration::from_secs(30);
/// Time that a connection is kept after its last answer, so that the caller can read it while it still sends.
pub const LINGER_TIME_MAX: Duration = Duration::from_secs(2);
/// What a caller is told to wait when the log is busy.
pub const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Time for requests under way to finish when the server shuts down.
pub const DRAIN_TIME_MAX: Duration = Duration::from_secs(20);
/// Descriptors that are never given to connections: the store, the log's files, standard streams.
pub const DESCRIPTORS_RESERVED: u64 = 128;
/// Connections over the limit that are told so at one time; any more are closed without a word.
pub const REFUSALS_AT_ONCE: usize = 64;
/// Bodies over this many bytes are taken apart on a thread that may take its time.
pub const INLINE_WORK_BYTES_MAX: usize = 16 << 10;
/// After this long without a publication the log is not ready.
pub const PUBLICATION_AGE_MAX: Duration = Duration::from_mins(1);
/// So many publications in a row may have too few cosignatures before readiness says so.
pub const UNMET_PUBLICATIONS_MAX: u64 = 3;

/// Time that a search waits for the lookups to answer for a size.
pub const LOOKUP_WAIT_MAX: Duration = Duration::from_secs(5);
/// Records of a session that is told in one answer.
pub const SESSION_RECORDS_MAX: usize = 10_000;
/// For so long the looks of one reader are counted in one record.
pub const LOOK_WINDOW: Duration = Duration::from_mins(1);
/// Bytes of queries that are kept of one reader and minute.
pub const LOOKED_QUERIES_BYTES_MAX: usize = 64 << 10;
/// Bytes of a request body that asks for an evidence file.
pub const EVIDENCE_BODY_BYTES_MAX: usize = 256 << 10;
/// Entries that are looked at for one evidence file.
pub const EVIDENCE_ENTRIES_MAX: usize = 20_000;
/// Bytes of disclosures in an evidence file that the log makes.
pub const EVIDENCE_CONTENT_BYTES_MAX: usize = 64 << 20;
/// Evidence files that are made at one time; others wait.
pub const EVIDENCE_AT_ONCE: usize = 2;
/// Bytes of a request body that asks for an erasure or a hold.
pub const CARE_BODY_BYTES_MAX: usize = 64 << 10;
/// Contents that one request erases.
pub const ERASED_AT_ONCE_MAX: usize = 10_000;
/// Bytes of a ground, or of a hold's name.
pub const GROUND_BYTES_MAX: usize = 1_024;
/// Bytes of content that are sent at a time.
pub const PAYLOAD_CHUNK_BYTES: usize = 64 << 10;

/// Bytes of a request body to a witness: 63 hashes, and some thirty ML-DSA-44 cosignatures.
pub const WITNESS_BODY_BYTES_MAX: usize = tlog::witness::BODY_LEN_MAX;
/// Checkpoints that a witness works on at one time; one more is told to come back.
pub const WITNESS_AT_ONCE: usize = 1_024;
/// Subtrees that a witness checks and cosigns at one time; others wait.
pub const SUBTREES_AT_ONCE: usize = 2;
/// Subtrees that wait or are worked on; one more is told to come back.
pub const SUBTREES_WAITING_MAX: usize = 64;

/// Bytes of a request that pushes entries, unpacked, that are read: more than three packages of the largest entries.
pub const UPLOAD_BYTES_MAX: usize = 64 << 20;
/// Bytes that are read behind the last package.
pub const UPLOAD_TAIL_BYTES_MAX: usize = 64 << 10;
/// Time for such a request to arrive.
pub const UPLOAD_TIME_MAX: Duration = Duration::from_mins(5);
/// Such requests that arrive at one time from one address, which may fill a quarter of the room for bodies.
pub const UPLOADS_OF_A_CALLER: usize = 4;
/// Pushed packages that are proven and written at one time; others wait.
pub const UPLOADS_AT_ONCE: usize = 4;

/// Tokens of a log.
pub const TOKENS_MAX: usize = 1_000;
/// Bytes of a token's name.
pub const TOKEN_NAME_BYTES_MAX: usize = 128;
/// Producers that a token is bound to; as many agents, and as many principals.
pub const BINDINGS_PER_TOKEN_MAX: usize = 256;
/// Bytes of a producer, agent or principal that a token is bound to.
pub const BINDING_BYTES_MAX: usize = 512;
/// Bytes of a request body for `POST /v1/tokens`.
pub const TOKEN_BODY_BYTES_MAX: usize = 1 << 20;

/// The limits of time above, in one value, so that tests need not wait as long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// [`HEADER_TIME_MAX`].
    pub header: Duration,
    /// [`BODY_TIME_MAX`].
    pub body: Duration,
    /// [`UPLOAD_TIME_MAX`].
    pub upload: Duration,
    /// [`STALL_TIME_MAX`].
    pub stall: Duration,
    /// [`LINGER_TIME_MAX`].
    pub linger: Duration,
    /// [`PUBLISH_WAIT_MAX`].
    pub publish: Duration,
    /// [`PUBLICATION_AGE_MAX`].
    pub publication_age: Duration,
    /// [`DRAIN_TIME_MAX`].
    pub drain: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            header: HEADER_TIME_MAX,
            body: BODY_TIME_MAX,
            upload: UPLOAD_TIME_MAX,
            stall: STALL_TIME_MAX,
            linger: LINGER_TIME_MAX,
            publish: PUBLISH_WAIT_MAX,
            publication_age: PUBLICATION_AGE_MAX,
            drain: DRAIN_TIME_MAX,
        }
    }
}
