//! A whole network in one process: logs, witnesses, monitors, clients, and all that is between them. Time, network and stores
//! are arguments, and one seed decides everything: the same seed leads to the same bytes.
//!
//! What decides here is the program's own: a witness is [`follower`]'s service over a store in memory, a log asks by
//! [`witnessing`]'s decisions, a monitor is [`monitor`]'s watch with its gossip. Only what joins them with sockets, threads and
//! disks is another: messages that are lost, held, repeated and swapped, and kills between any two steps.
//!
//! Each [`Scenario`] is a bad day, and says what must hold at its end: who has noticed, how soon, with which evidence. Besides,
//! on every day and at every moment: nobody honest is accused, no two histories are witnessed as long as enough witnesses are
//! honest, no honest witness and no log goes back, and no monitor tells what it may forget.
//!
//! Not simulated: sockets and what is parsed before a request is one, a log's own store (`crates/sequencer/tests/it/simulation.rs`),
//! changes of keys, rules over records.
#![allow(clippy::expect_used, reason = "names, keys and policies here are constants")]

mod cast;
mod client;
mod lies;
mod notary;
mod onlooker;
mod operator;
mod outcomes;
mod scenarios;
mod serving;
mod timers;
mod tree;
mod watcher;
mod weather;
mod wire;
mod world;

pub use scenarios::{Course, SCENARIOS, Scenario};
