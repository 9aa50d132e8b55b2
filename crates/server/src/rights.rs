//! Who may do what: one table. What is not in it nobody may.
//!
//! It holds for logs that are served under tokens; on a log that is served open everybody may do all of it, and there
//! are no tokens to manage. No role includes another: where admins may do what auditors may, the row says so.

use axum::http::Method;
use sequencer::Kind;

use crate::{
    access::Role::{self, Admin, Auditor, Investigator, Submitter},
    routes,
};

/// Who may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Everybody, without a token.
    Everybody,
    /// Bearers of a token with one of these roles. The answer is theirs alone: no cache keeps it, and no page of
    /// another origin reads it.
    Roles(&'static [Role]),
}

/// A row of the table. The first one that fits a request counts.
#[derive(Clone, Debug)]
pub struct Right {
    /// The method; GET stands for HEAD too.
    pub method: Method,
    /// The route.
    pub route: &'static str,
    /// How the path begins.
    pub below: &'static str,
    /// The kind of log; both if none is named.
    pub kind: Option<Kind>,
    /// Who may.
    pub who: Who,
}

const EVERYBODY: Who = Who::Everybody;
/// An entry shows every identity in it.
const READERS: Who = Who::Roles(&[Investigator, Auditor, Admin]);
const SUBMITTERS: Who = Who::Roles(&[Submitter]);
const ADMINS: Who = Who::Roles(&[Admin]);

/// The table. A log of raw entries is read by generic tools, which have no token; whoever keeps metrics to himself does
/// so in front of the server, as before.
pub static TABLE: [Right; 28] = [
    on(Method::GET, routes::CHECKPOINT, EVERYBODY),
    on_records(Method::GET, routes::TILE, "/tile/entries/", READERS),
    on(Method::GET, routes::TILE, EVERYBODY),
    on(Method::GET, routes::INCLUSION, EVERYBODY),
    on(Method::GET, routes::CONSISTENCY, EVERYBODY),
    on(Method::GET, routes::LOG, EVERYBODY),
    on(Method::GET, routes::LOG_KEYS, EVERYBODY),
    on(Method::POST, routes::RECORDS, SUBMITTERS),
    on(Method::GET, routes::RECORDS, READERS),
    on(Method::GET, routes::SESSION, READERS),
    on(Method::POST, routes::EVIDENCE, READERS),
    on(Method::GET, routes::SCHEMA, EVERYBODY),
    on_records(Method::GET, routes::RECORD, "/", READERS),
    on(Method::GET, routes::RECORD, EVERYBODY),
    on(Method::POST, routes::ADD, SUBMITTERS),
    on(Method::GET, routes::TOKENS, ADMINS),
    on(Method::POST, routes::TOKENS, ADMINS),
    on(Method::DELETE, routes::TOKEN, ADMINS),
    on(Method::GET, routes::PAYLOAD, READERS),
    on(Method::POST, routes::ERASURES, ADMINS),
    on(Method::GET, routes::HOLDS, READERS),
    on(Method::POST, routes::HOLDS, ADMINS),
    on(Method::POST, routes::HOLD_RELEASE, ADMINS),
    on(Method::GET, routes::METRICS, EVERYBODY),
    on(Method::GET, routes::HEALTHZ, EVERYBODY),
    on(Method::GET, routes::READYZ, EVERYBODY),
    on(Method::GET, routes::OPENAPI, EVERYBODY),
    on(Method::GET, routes::INDEX, EVERYBODY),
];

const fn on(method: Method, route: &'static str, who: Who) -> Right {
    Right { method, route, below: "", kind: None, who }
}

const fn on_records(method: Method, route: &'static str, below: &'static str, who: Who) -> Right {
    Right { method, route, below, kind: Some(Kind::Records), who }
}

/// Who may do this on a log of this kind; `None` if the route does not take the method.
pub(crate) fn of(kind: Kind, method: &Method, route: &str, path: &str) -> Option<Who> {
    let method = if method == Method::HEAD { &Method::GET } else { method };
    let fits = |right: &&Right| {
        right.route == route
            && right.method == *method
            && path.starts_with(right.below)
            && right.kind.is_none_or(|of| of == kind)
    };
    TABLE.iter().find(fits).map(|right| right.who)
}

/// The methods that a route takes, as `Allow` lists them (RFC 9110 section 10.2.1).
pub(crate) fn methods(route: &str) -> String {
    let mut methods: Vec<&str> = vec![];
    for right in TABLE.iter().filter(|right| right.route == route) {
        let also = if right.method == Method::GET { &["GET", "HEAD"][..] } else { &[right.method.as_str()] };
        methods.extend(also.iter().filter(|method| !methods.contains(method)).copied().collect::<Vec<_>>());
    }
    methods.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_in_the_table_nobody_may() {
        let records = |method, route, path| of(Kind::Records, &method, route, path);
        assert_eq!(records(Method::GET, "/new", "/new"), None);
        assert_eq!(records(Method::POST, routes::CHECKPOINT, "/checkpoint"), None);
        assert_eq!(records(Method::DELETE, routes::RECORD, "/v1/records/0"), None);
    }

    #[test]
    fn entries_are_for_readers_where_they_are_records() {
        let tile = |kind, path| of(kind, &Method::GET, routes::TILE, path);
        assert_eq!(tile(Kind::Records, "/tile/entries/000"), Some(READERS));
        assert_eq!(tile(Kind::Records, "/tile/entries/x001/000.p/3"), Some(READERS));
        assert_eq!(tile(Kind::Records, "/tile/0/000"), Some(EVERYBODY));
        assert_eq!(tile(Kind::Raw, "/tile/entries/000"), Some(EVERYBODY));
        assert_eq!(of(Kind::Records, &Method::HEAD, routes::RECORD, "/v1/records/0"), Some(READERS));
        assert_eq!(of(Kind::Raw, &Method::GET, routes::RECORD, "/v1/records/0"), Some(EVERYBODY));
    }

    #[test]
    fn methods_are_listed_once_each() {
        assert_eq!(methods(routes::TILE), "GET,HEAD");
        assert_eq!(methods(routes::TOKENS), "GET,HEAD,POST");
        assert_eq!(methods(routes::TOKEN), "DELETE");
    }
}
