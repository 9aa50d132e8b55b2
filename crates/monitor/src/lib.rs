//! A monitor: follows any number of logs, hashes every entry, remembers every head it was shown by whomever, and finds out
//! who contradicts himself.
//!
//! * [`heard`]: a head that its log signed. Nobody else's word is heard.
//! * [`watch`]: what is known of one log, and what follows from each thing that happens. Pure: time, heads, proofs and
//!   entries come in, what is to be done comes out.
//! * [`event`]: what a monitor tells, a closed set.
//! * [`keep`]: a watch on the disk, so that after a kill it goes on exactly where it was.
//! * [`gossip`]: heads handed on, below HTTP.
//! * [`metrics`]: what Prometheus reads.
//! * [`run`]: a watch joined with the clock, the log, other monitors and whoever listens.
//!
//! Out of scope: an HTTP server (crate `server`), the command line, configuration.

pub mod event;
#[doc(hidden)]
pub mod fuzzing;
pub mod gossip;
pub mod heard;
pub mod keep;
pub mod metrics;
pub mod run;
pub mod watch;
