//! The lookups as a whole, against the definition of what they should say.
#![allow(clippy::unwrap_used, reason = "helpers of tests may unwrap as tests do")]

mod filters;
mod golden;
mod log;
mod reference;
mod trouble;
