//! Evidence files, from small logs to pages: made, bent, redacted, told.
#![allow(clippy::unwrap_used, reason = "helpers of tests may unwrap as tests do")]

mod bends;
mod desk;
mod disclosures;
mod gathering;
mod golden;
mod leads;
mod page;
mod properties;
mod trust;
