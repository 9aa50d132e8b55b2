//! What holds for every request: its header is within limits, it is counted by its route and status, and no browser
//! takes the answer for something else than its content type says.
//!
//! A layer of its own rather than a middleware function: those put every request's future, and a copy of the service
//! behind it, on the heap, which is felt in a server whose other work for a request is small.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use futures::{
    FutureExt as _,
    future::{Either, Join, Map, join},
};
use tower::{Layer, Service};

use crate::{
    limits::{HEADER_BYTES_MAX, HEADERS_MAX},
    metrics::Requests,
    problem::{Code, Problem},
};

/// Puts [`Counting`] around a service.
#[derive(Clone)]
pub(crate) struct CountingLayer(pub(crate) Arc<Requests>);

/// A service whose answers are counted.
#[derive(Clone)]
pub(crate) struct Counting<S> {
    inner: S,
    requests: Arc<Requests>,
}

/// Whom an answer is to be counted for: the place of the route, or the place after their end.
pub(crate) struct Asked {
    route: usize,
    requests: Arc<Requests>,
}

type Answer = Result<Response, Infallible>;
type Counted<F> = Map<Join<Either<F, Ready<Answer>>, Ready<Asked>>, fn((Answer, Asked)) -> Answer>;

impl<S> Layer<S> for CountingLayer {
    type Service = Counting<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Counting { inner, requests: self.0.clone() }
    }
}

impl<S> Service<Request> for Counting<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Counted<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let matched = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
        let asked = Asked { route: self.requests.place(matched), requests: self.requests.clone() };
        let answer = match header_within_limits(&request) {
            Ok(()) => Either::Left(self.inner.call(request)),
            Err(problem) => Either::Right(ready(Ok(problem.into_response()))),
        };
        join(answer, ready(asked)).map(finish as fn((Answer, Asked)) -> Answer)
    }
}

fn finish((answer, asked): (Answer, Asked)) -> Answer {
    let mut response = answer?;
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    asked.requests.count(asked.route, response.status().as_u16());
    Ok(response)
}

fn header_within_limits(request: &Request) -> Result<(), Box<Problem>> {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    let fields = request.headers();
    let bytes: usize = fields.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    let over = |limit: usize, of: &str| {
        let detail = format!("A request may have {limit} {of}; leave some of it out.");
        Err(Problem::new(Code::HeaderTooLarge, detail).limit(limit))
    };
    if fields.len() > HEADERS_MAX {
        return over(HEADERS_MAX, "header fields");
    }
    if target + bytes > HEADER_BYTES_MAX {
        return over(HEADER_BYTES_MAX, "bytes in its target and header fields");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, http::StatusCode, routing::get};
    use tower::ServiceExt as _;

    use super::*;
    use crate::metrics::Metrics;

    #[tokio::test]
    async fn requests_are_counted_by_route_and_status_and_unknown_paths_as_other() {
        let metrics = Metrics::new();
        let router = Router::new()
            .route(crate::routes::ADD, get(|| async { StatusCode::OK }))
            .route(crate::routes::TILE, get(|| async { StatusCode::NOT_FOUND }))
            .fallback(|| async { StatusCode::NOT_FOUND })
            .layer(CountingLayer(metrics.requests()));
        for path in ["/add", "/add", "/tile/0/000", "/nowhere"] {
            let request = Request::builder().uri(path).body(Body::empty()).unwrap();
            router.clone().oneshot(request).await.unwrap();
        }
        let text = metrics.encode().unwrap();
        for line in [
            r#"deedbook_http_requests_total{route="/add",status="200"} 2"#,
            r#"deedbook_http_requests_total{route="/tile/{*path}",status="404"} 1"#,
            r#"deedbook_http_requests_total{route="/checkpoint",status="200"} 0"#,
            r#"deedbook_http_requests_total{route="other",status="404"} 1"#,
        ] {
            assert!(text.lines().any(|each| each == line), "{line} is not in\n{text}");
        }
    }
}
