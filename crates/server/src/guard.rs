//! Holds every request against the table of rights, before anything else sees it.
//!
//! A layer of its own, for the reason that [`crate::counting`] gives.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    extract::{FromRequestParts, MatchedPath, Request},
    http::{HeaderValue, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use futures::{
    FutureExt as _,
    future::{Either, Join, Map, join},
};
use tower::{Layer, Service};

use crate::{
    access::{Access, Caller, Denied, Role, any_of},
    app::App,
    problem::{Code, Problem},
    rights::{self, Who},
};

/// Puts [`Guard`] around a service.
#[derive(Clone)]
pub(crate) struct GuardLayer(pub(crate) Arc<App>);

/// A service that is asked only what its callers may ask.
#[derive(Clone)]
pub(crate) struct Guard<S> {
    inner: S,
    app: Arc<App>,
}

/// Whom an answer is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readers {
    Everybody,
    CallerAlone,
}

type Answer = Result<Response, Infallible>;
type Guarded<F> = Map<Join<Either<F, Ready<Answer>>, Ready<Readers>>, fn((Answer, Readers)) -> Answer>;

impl<S> Layer<S> for GuardLayer {
    type Service = Guard<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Guard { inner, app: self.0.clone() }
    }
}

impl<S> Service<Request> for Guard<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Guarded<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let (answer, readers) = match self.app.let_in(&mut request) {
            Ok(readers) => (Either::Left(self.inner.call(request)), readers),
            Err(refused) => (Either::Right(ready(Ok(refused.into_response()))), Readers::Everybody),
        };
        join(answer, ready(readers)).map(finish as fn((Answer, Readers)) -> Answer)
    }
}

/// What a role is needed for is not kept on the way, and not shown to pages of other origins.
fn finish((answer, readers): (Answer, Readers)) -> Answer {
    let mut response = answer?;
    if readers == Readers::CallerAlone {
        let succeeded = response.status().is_success();
        let headers = response.headers_mut();
        headers.remove(header::ACCESS_CONTROL_ALLOW_ORIGIN);
        // Problems say "no-store" of themselves.
        if succeeded {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
        }
    }
    Ok(response)
}

impl App {
    /// Finds out who asks, and whether he may; leaves the caller in the request.
    fn let_in(&self, request: &mut Request) -> Result<Readers, Box<Problem>> {
        // What no route takes has nothing to guard.
        let Some(route) = request.extensions().get::<MatchedPath>().cloned() else {
            return Ok(Readers::Everybody);
        };
        let (kind, path) = (self.reader.identity().kind, request.uri().path());
        let roles = match rights::of(kind, request.method(), route.as_str(), path) {
            None => return Err(not_with_this_method(route.as_str())),
            Some(Who::Everybody) => return Ok(Readers::Everybody),
            Some(Who::Roles(roles)) => roles,
        };
        let caller = self.access.let_in(request.headers(), roles, self.now()).map_err(|denied| {
            self.metrics.denied(denied);
            problem(denied, roles)
        })?;
        request.extensions_mut().insert(caller);
        Ok(match self.access {
            Access::Open => Readers::Everybody,
            Access::Tokens(_) => Readers::CallerAlone,
        })
    }
}

fn not_with_this_method(route: &str) -> Box<Problem> {
    let detail = "This path does not take this method; see /openapi.json.";
    Problem::new(Code::MethodNotAllowed, detail).allow(rights::methods(route))
}

fn problem(denied: Denied, roles: &[Role]) -> Box<Problem> {
    let needed = any_of(roles);
    let (code, detail) = match denied {
        Denied::None => (
            Code::NoToken,
            format!("This needs a token with the role {needed}: send it as `Authorization: Bearer TOKEN`."),
        ),
        Denied::Unknown => (
            Code::BadToken,
            "The log does not know this token; was it copied whole, and is it of this log?".into(),
        ),
        Denied::Expired => {
            (Code::BadToken, "This token has expired; ask an admin of the log for another one.".into())
        }
        Denied::Revoked => {
            (Code::BadToken, "This token was revoked; ask an admin of the log for another one.".into())
        }
        Denied::Role => (
            Code::RoleMissing,
            format!(
                "This token is not for that: it lacks the role {needed}. Ask an admin of the log for one."
            ),
        ),
    };
    Problem::new(code, detail)
}

/// On routes that need a role, the caller is known before the handler runs.
impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Box<Problem>;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let caller = parts.extensions.get::<Self>().cloned();
        caller.ok_or_else(|| Problem::new(Code::Internal, "The server does not know who asks."))
    }
}
