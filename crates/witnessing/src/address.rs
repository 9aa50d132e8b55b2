//! Where the witnesses of a policy are asked.

use client::{Authorities, Http, HttpError};
use tlog::{key::VerifierKey, policy::Policy};

use crate::http;

/// A policy that a log cannot work by.
#[derive(Debug, thiserror::Error)]
pub enum WitnessesError {
    /// It names no witness.
    #[error("the policy names no witness, so there is nobody to ask")]
    Nobody,
    /// It does not name the log's own key.
    #[error("the policy does not name this log's key: add the line \"log {vkey}\"")]
    OtherLog {
        /// The log's key.
        vkey: Box<VerifierKey>,
    },
    /// A witness without an address.
    #[error(
        "the policy gives no URL for the witness {name}: its line is to be \"witness <name> <vkey> <url>\""
    )]
    NoUrl {
        /// Name of the witness's key.
        name: String,
    },
    /// An address that is none.
    #[error("the witness {name}: {cause}")]
    Url {
        /// Name of the witness's key.
        name: String,
        /// What is wrong with it.
        #[source]
        cause: HttpError,
    },
}

/// One witness: the keys that the policy names at one address.
pub(crate) struct Address {
    /// Name of the first of them.
    pub(crate) name: String,
    pub(crate) keys: Vec<VerifierKey>,
    pub(crate) http: Http,
}

/// The witnesses by their addresses: one who has several keys is asked once, however its address is spelled.
pub(crate) fn addresses(
    policy: &Policy,
    authorities: Option<&Authorities>,
) -> Result<Vec<Address>, WitnessesError> {
    let mut addresses: Vec<Address> = vec![];
    for (key, url) in policy.witnesses() {
        let name = key.name().to_string();
        let url = url.ok_or_else(|| WitnessesError::NoUrl { name: name.clone() })?;
        let http = http::connect(url, authorities)
            .map_err(|cause| WitnessesError::Url { name: name.clone(), cause })?;
        match addresses.iter_mut().find(|address| address.http.prefix() == http.prefix()) {
            Some(known) => known.keys.push(key.clone()),
            None => addresses.push(Address { name, keys: vec![key.clone()], http }),
        }
    }
    if addresses.is_empty() { Err(WitnessesError::Nobody) } else { Ok(addresses) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{signer, vkey};

    #[test]
    fn one_address_is_asked_once_however_it_is_spelled() {
        for (urls, asked) in [
            (["http://w.test/", "http://w.test/", "http://w.test/"], 1),
            (["http://w.test/", "http://w.test", "http://W.test:80/"], 1),
            (["http://w.test/a", "http://w.test/a/", "http://w.test/b/"], 2),
            (["http://w.test/", "https://w.test/", "http://w.test:8080/"], 3),
        ] {
            let line = |place: usize| format!("witness w{place} {} {}\n", vkey(place), urls[place]);
            let lines: String = (0..3).map(line).collect();
            let text = format!("log {}\n{lines}quorum none\n", signer().verifier_key());
            let policy = Policy::parse(text.as_bytes()).unwrap();
            let addresses = addresses(&policy, None).unwrap();
            assert_eq!(addresses.len(), asked, "{urls:?}");
            assert_eq!(addresses.iter().map(|address| address.keys.len()).sum::<usize>(), 3);
            assert_eq!(addresses[0].name, vkey(0).name().to_string());
        }
    }
}
