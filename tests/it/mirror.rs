//! `deedbook mirror` as a process of its own: copies that are the log byte for byte, whatever happens to the log, the disk and the
//! process.

mod bad_days;
mod both;
mod copies;
mod entries;
mod histories;
mod made;
mod old_store;
pub(crate) mod process;
mod pushed;
mod restoring;
