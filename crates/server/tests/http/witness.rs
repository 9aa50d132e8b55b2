//! A witness over real sockets: the answers of the protocol, what is around them, many at once, and what it remembers.

mod around;
mod cases;
mod remembers;
pub(crate) mod served;
mod vectors;
