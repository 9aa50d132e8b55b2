//! The only crate with an HTTP server: the public log API (C2SP tlog-tiles), the record API, metrics and health; and a
//! [`witness`] (C2SP tlog-witness) and a [`mirror`] (C2SP tlog-mirror), each of which is a server of its own.
//!
//! A handler converts what came in, asks the log, and converts the answer; decisions are below this crate. What a
//! caller may send is bounded in [`limits`], what it is told when something is wrong is in [`problem`], where each
//! thing is served is in [`routes`], who may do what in [`rights`], what is counted in [`metrics`].

pub mod access;
mod add;
mod app;
mod body;
pub mod care;
pub mod clerk;
mod connection;
mod counting;
mod custody;
mod evidence;
mod following;
pub mod gossip;
mod guard;
mod health;
mod index;
pub mod limits;
mod log_keys;
pub mod metrics;
pub mod mirror;
pub mod openapi;
mod patient;
mod payloads;
mod places;
pub mod problem;
mod proofs;
mod read_record;
mod resources;
pub mod rights;
pub mod routes;
mod schema;
mod search;
mod sessions;
mod submit;
mod tls;
pub mod tokens;
pub mod witness;

pub use app::{App, Clock, Config, SystemClock};
pub use clerk::Clerk;
pub use connection::{Capacity, serve};
pub use custody::{Custody, CustodyError};
pub use following::Following;
pub use tls::{Tls, TlsError};
