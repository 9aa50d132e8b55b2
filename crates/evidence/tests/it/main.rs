//! Evidence files, from small logs to pages: made, bent, redacted, told.

mod bends;
mod desk;
mod disclosures;
mod gathering;
mod golden;
mod page;
mod trust;
