//! What a witness (C2SP tlog-witness) knows and remembers.
//!
//! * [`enrolled`]: the logs whose checkpoints it answers for, from a list.
//! * [`keeper`]: the last checkpoint of each that it answered for, kept before the answer is given, and never one that is
//!   smaller; and what shows that a log contradicts itself.
//! * [`ration`]: how often each log is cosigned for.
//! * [`service`]: a witness as it answers requests, below HTTP.

pub mod enrolled;
pub mod keeper;
pub mod ration;
pub mod service;
