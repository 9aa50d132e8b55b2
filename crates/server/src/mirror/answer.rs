//! The resources of the logs, readiness and metrics.

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, Uri, header},
    response::{IntoResponse as _, Response},
};
use follower::{mirror::log::MirroredLog, witness::keeper::OriginId};
use tlog::tile::Resource;

use super::{App, Entries, Standing, routes};
use crate::{
    health,
    problem::{Code, Problem},
    resources::{not_found, respond_bundle, respond_checkpoint, respond_tile},
};

/// The mirror's checkpoint of a log.
pub(super) async fn checkpoint(
    State(app): State<Arc<App>>,
    Path(origin): Path<String>,
) -> Result<Response, Box<Problem>> {
    let shown = app.log(&origin)?.shown();
    let none = || Problem::new(Code::NotFound, "This mirror holds no whole copy of that log yet.");
    Ok(respond_checkpoint(shown.ok_or_else(none)?.note().clone()))
}

/// A hash tile or an entry bundle.
pub(super) async fn tile(
    State(app): State<Arc<App>>,
    Path((origin, _)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Box<Problem>> {
    let log = app.log(&origin)?.clone();
    // The path as it was sent: one with escapes or with a query is another spelling.
    let path = uri.path_and_query().map_or("", |target| target.as_str());
    let below = path.strip_prefix('/').and_then(|path| path.strip_prefix(&origin)?.strip_prefix('/'));
    let resource = below.and_then(|path| Resource::parse(path).ok()).ok_or_else(not_found)?;
    let is_bundle = matches!(resource, Resource::Bundle(_));
    if is_bundle {
        app.may_have_entries(&uri, &headers)?;
    }
    let read = tokio::task::spawn_blocking(move || log.read(resource)).await;
    let read = read.map_err(|error| Problem::internal(&error))?;
    let bytes = read.map_err(|error| Problem::internal(&error))?.ok_or_else(not_found)?;
    let mut response = if is_bundle { respond_bundle(bytes, &headers).await? } else { respond_tile(bytes) };
    if is_bundle && app.entries != Entries::Everybody {
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
        return Ok(response);
    }
    Ok(crate::routes::open_to_all_origins(response).await)
}

/// How the keys of a log followed each other, if they did.
pub(super) async fn log_keys(
    State(app): State<Arc<App>>,
    Path(origin): Path<String>,
) -> Result<Response, Box<Problem>> {
    let log = app.log(&origin)?.clone();
    let read = tokio::task::spawn_blocking(move || log.read_file(&crate::routes::LOG_KEYS[1..])).await;
    let read = read.map_err(|error| Problem::internal(&error))?.map_err(|error| Problem::internal(&error))?;
    let none = || Problem::new(Code::NotFound, "No change of that log's key is known here.");
    let document = read.ok_or_else(none)?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], document).into_response())
}

/// Whether it keeps what logs show. What is wrong with a log is a warning: its copy is served on.
pub(super) async fn readyz(State(app): State<Arc<App>>) -> Response {
    let standings = app.standings.all();
    let told = |standing: &Standing| Some(format!("{}: {}", standing.origin, standing.problem.as_ref()?));
    let why = standings.iter().filter(|standing| standing.cannot_keep).find_map(told);
    let why = app.mirror.keeper().stopped().or(why);
    health::readiness(why, standings.iter().filter_map(told).collect())
}

/// Metrics as Prometheus text.
pub(super) async fn metrics(State(app): State<Arc<App>>) -> Result<Response, Box<Problem>> {
    let text = app.metrics.text(&app.mirror, &app.standings.all());
    text.map(health::open_metrics).map_err(|error| Problem::internal(&error))
}

impl App {
    fn log(&self, origin: &str) -> Result<&Arc<MirroredLog>, Box<Problem>> {
        let id: OriginId =
            origin.parse().map_err(|error| Problem::new(Code::NotFound, format!("{error}.")))?;
        self.mirror
            .log(&id)
            .ok_or_else(|| Problem::new(Code::NotFound, "This mirror has no copy of that log."))
    }

    fn may_have_entries(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Box<Problem>> {
        let why = match self.entries {
            Entries::Everybody => return Ok(()),
            Entries::ThisMachine if names_this_machine(uri, headers) => return Ok(()),
            Entries::ThisMachine => "It hands them out on its own machine only, under a name of that.",
            Entries::Nobody => "It hands out checkpoints and hash tiles.",
        };
        let detail = format!("{why} Its operator can choose otherwise ({}).", routes::SERVE_ENTRIES);
        Err(Problem::new(Code::Withheld, detail))
    }
}

/// Whether a request was sent to this machine by its own name. A page of another site that has its name lead here would send that
/// name, as does a proxy that hands on what it was asked. A request that names nobody, or several, names nobody of ours.
fn names_this_machine(uri: &Uri, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let of_target = uri.authority().is_none_or(|authority| is_this_machine(authority.as_str()));
    of_target && host.to_str().is_ok_and(is_this_machine)
}

fn is_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_this_machine() {
        for (host, ours) in [
            ("127.0.0.1:2029", true),
            ("127.0.0.1", true),
            ("localhost:2029", true),
            ("LOCALHOST", true),
            ("[::1]:2029", true),
            ("[::1]", true),
            ("mirror.example.org", false),
            ("localhost.example.org:2029", false),
            ("192.0.2.7:2029", false),
            ("127.0.0.1.example.org", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static(host))]);
            assert_eq!(names_this_machine(&Uri::from_static("/x"), &headers), ours, "{host}");
        }
        let names = |target: &'static str, hosts: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(header::HOST, HeaderValue::from_static(host));
            }
            names_this_machine(&Uri::from_static(target), &headers)
        };
        assert!(!names("/x", &[]), "nobody is named");
        assert!(!names("/x", &["localhost", "localhost"]) && !names("/x", &["localhost", "m.test"]));
        assert!(names("http://localhost:1/x", &["localhost:1"]));
        assert!(
            !names("http://m.test/x", &["localhost:1"])
                && !names("http://localhost@m.test/x", &["localhost"])
        );
    }

    #[test]
    fn entries_are_for_this_machine_unless_somebody_says_otherwise() {
        for (listen, public, entries) in [
            ("127.0.0.1:1", false, Entries::ThisMachine),
            ("[::1]:1", false, Entries::ThisMachine),
            ("127.0.0.1:1", true, Entries::Everybody),
            ("0.0.0.0:1", false, Entries::Nobody),
            ("[::]:1", false, Entries::Nobody),
            ("192.0.2.7:1", true, Entries::Everybody),
        ] {
            assert_eq!(Entries::of(listen.parse().unwrap(), public), entries, "{listen} {public}");
        }
    }
}
