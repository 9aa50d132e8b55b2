//! What a mirror (C2SP tlog-mirror) holds and remembers, below HTTP.
//!
//! * [`files`]: the files of one log, in the layout of C2SP tlog-tiles, written so that they last.
//! * [`log`]: the full copy of one log: entries that were proven come in, and once all of a checkpoint are durable it is
//!   cosigned and shown.
//! * [`push`]: what others push to it.
//! * [`service`]: all logs of a mirror, with the heads that it may cosign, kept as a witness keeps them.
//!
//! A mirror's cosignature says more than a witness's: that the mirror holds every entry of the checkpoint and serves it. So a
//! head goes two steps. It becomes *pending* by the decision of a witness ([`tlog::witness::decide`]), and that is durable in the
//! [`Keeper`](super::witness::keeper::Keeper) before anything is built on it; nothing is signed then. It becomes the mirror's
//! *checkpoint* when all its entries and tiles are on the disk and lead to its root.

pub mod files;
pub mod log;
pub mod push;
pub mod service;
