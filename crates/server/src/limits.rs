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
/// Bytes of a request's line and header fields.
pub const HEADER_BYTES_MAX: usize = 32 << 10;
/// Time for the header of a request to arrive, counted from the first moment the connection is idle.
pub const HEADER_TIME_MAX: Duration = Duration::from_secs(30);
/// Bodies of at most this many bytes are copied out of the connection's read buffer.
pub const COPIED_BODY_BYTES_MAX: usize = 16 << 10;
/// Time for the body of a request to arrive.
pub const BODY_TIME_MAX: Duration = Duration::from_secs(30);
/// Time to wait for a record to be published, before the answer says that it is durable and not published yet.
pub const PUBLISH_WAIT_MAX: Duration = Duration::from_secs(30);
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
