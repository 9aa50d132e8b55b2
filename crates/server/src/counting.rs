//! Counting requests, by their route and their status.
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
    response::Response,
};
use futures::{
    FutureExt as _,
    future::{Join, Map, join},
};
use tower::{Layer, Service};

use crate::{metrics::Metrics, routes::COUNTED};

/// Puts [`Counting`] around a service.
#[derive(Clone)]
pub(crate) struct CountingLayer(pub(crate) Arc<Metrics>);

/// A service whose answers are counted.
#[derive(Clone)]
pub(crate) struct Counting<S> {
    inner: S,
    metrics: Arc<Metrics>,
}

/// Whom an answer is to be counted for: the place of the route in [`COUNTED`].
pub(crate) struct Asked {
    route: usize,
    metrics: Arc<Metrics>,
}

type Answer = Result<Response, Infallible>;
type Counted<F> = Map<Join<F, Ready<Asked>>, fn((Answer, Asked)) -> Answer>;

impl<S> Layer<S> for CountingLayer {
    type Service = Counting<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Counting { inner, metrics: self.0.clone() }
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
        let route = matched.and_then(|path| COUNTED.iter().position(|known| *known == path));
        let asked = Asked { route: route.unwrap_or(COUNTED.len() - 1), metrics: self.metrics.clone() };
        join(self.inner.call(request), ready(asked)).map(count as fn((Answer, Asked)) -> Answer)
    }
}

fn count((answer, asked): (Answer, Asked)) -> Answer {
    let response = answer?;
    asked.metrics.request(asked.route, response.status().as_u16());
    Ok(response)
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, http::StatusCode, routing::get};
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn requests_are_counted_by_route_and_status_and_unknown_paths_as_other() {
        let metrics = Metrics::new();
        let router = Router::new()
            .route(crate::routes::ADD, get(|| async { StatusCode::OK }))
            .route(crate::routes::TILE, get(|| async { StatusCode::NOT_FOUND }))
            .fallback(|| async { StatusCode::NOT_FOUND })
            .layer(CountingLayer(metrics.clone()));
        for path in ["/add", "/add", "/tile/0/000", "/nowhere"] {
            let request = Request::builder().uri(path).body(Body::empty()).unwrap();
            router.clone().oneshot(request).await.unwrap();
        }
        let text = metrics.text(0).unwrap();
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
