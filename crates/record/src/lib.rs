//! What an audit record is: strict I-JSON in, canonical bytes out, and the envelope that makes it an entry of the log.
//!
//! A **record** is a JSON object with `id` (a lowercase UUID), `type` (a non-empty string) and `time` (RFC 3339, UTC,
//! milliseconds); whatever else it carries is kept. An **entry** is what the tree hashes: the record together with what
//! the server vouches for, both in the canonical form of RFC 8785 (JCS):
//!
//! ```text
//! {"log":{"agent":"asserted","principal":"verified","received":"2026-11-23T08:14:03.201Z",
//!         "salt":"AAECAwQFBgcICQoLDA0ODw","submitter":"open"},"record":{...}}        (without the white space)
//! ```
//!
//! The road of a record: [`split()`] cuts a request body into texts, [`Handed::parse`] checks one text, with or without
//! signatures; [`Handed::ready`] understands it and puts its content beside it; [`seal`] puts what is left into the
//! envelope; [`Logged::read`] takes an entry apart again and understands it. A submitter who got the `log` part in an answer
//! rebuilds its entry with [`Handed::entry`] and needs nobody for that.
//!
//! # The JSON that is accepted
//!
//! RFC 8259, narrowed by I-JSON (RFC 7493), narrowed once more wherever the canonical form would silently say something
//! else than the text did:
//!
//! * UTF-8 without a byte order mark; no lone surrogates and no noncharacters, written out or escaped; no two equal
//!   member names, compared after unescaping; nothing but white space after the value; containers nest at most
//!   [`limits::DEPTH_MAX`] deep, the outermost counted.
//! * A number is read as the nearest IEEE 754 double and written as ECMAScript writes it (RFC 8785, section 3.2.2.3).
//!   Refused are: integers beyond ±(2^53 - 1), whether written as one (`9007199254740992`) or turning into one in
//!   canonical form (`1e20`, which becomes twenty-one digits; `1e21` stays `1e+21` and passes); what a double cannot
//!   hold (`1e400`, and `1e-400`, which would become 0); more than 17 significant digits, more than any double has; and
//!   `-0`, which RFC 8785 would write as `0`. Such values belong into a string.
//!
//! # Two ways to the same bytes
//!
//! Most producers send canonical bytes already, so a text is first walked once by a scanner that can only say "canonical
//! and a record" or "I cannot tell". Only then a strict parser builds the value, names what is wrong or sorts and prints
//! it; and what was printed goes through the same scanner. Nothing enters an entry that the scanner has not passed.
//!
//! This crate has no I/O, no clock and no randomness: time of arrival and salt are arguments.

mod admit;
mod base64url;
pub mod disclosure;
mod envelope;
mod fields;
pub mod findings;
#[doc(hidden)]
pub mod fuzzing;
mod handed;
mod id;
mod json;
pub mod limits;
mod logged;
pub mod model;
mod opened;
mod place;
mod ready;
mod refusal;
mod salts;
mod scan;
pub mod secret;
pub mod signature;
mod split;
pub mod story;
mod submission;
mod time;
mod visible;

pub use admit::admit;
pub use disclosure::{Disclosure, DisclosureError, DisclosureWriter, Sd};
pub use envelope::{Entry, EntryShape, Grade, Vouched, entry_of, is_submitter, seal, seal_into};
pub use handed::Handed;
pub use id::{RecordId, RecordKey};
pub use json::canonical;
pub use logged::Logged;
pub use model::announces_key;
pub use opened::{Opened, open};
pub use place::{Held, Place, Places};
pub use ready::{Payload, Ready};
pub use refusal::{Cause, Refusal};
pub use salts::{SEED_BYTES, Salts};
pub use signature::{KeyId, PublicKey, PublicKeyError, Signature, Signatures};
pub use split::{Framing, split};
pub use submission::Submission;
pub use visible::{visible, visible_lines};
