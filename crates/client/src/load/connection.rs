//! One connection that is kept alive, as lean as hyper makes it.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::Load;
use crate::http;

/// Bytes of an answer, at most, for each entry that was sent.
const ANSWER_BYTES_MAX: usize = 16 * 1024;

/// Where requests go, prepared once.
pub(super) struct Target {
    address: String,
    host: HeaderValue,
    uri: Uri,
    content_type: HeaderValue,
    authorization: Option<HeaderValue>,
    answer_bytes_max: usize,
}

/// A request that came to nothing.
pub(super) enum Broken {
    /// No connection.
    Connect,
    /// The connection broke before the answer was whole.
    Io,
    /// No answer in time.
    Timeout,
}

impl Broken {
    pub(super) const fn words(&self) -> &'static str {
        match self {
            Self::Connect => "no connection",
            Self::Io => "connection broken",
            Self::Timeout => "no answer in time",
        }
    }

    /// Whether what was sent may be in the log all the same.
    pub(super) const fn may_be_logged(&self) -> bool {
        matches!(self, Self::Io | Self::Timeout)
    }
}

/// An answer.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Bytes,
}

impl Target {
    /// `None` unless the URL is one that can be used.
    pub(super) fn new(load: &Load) -> Option<Self> {
        let url = &load.url;
        let (host, port) = (url.host_str()?, url.port_or_known_default()?);
        let (path, content_type) = if load.payload.is_raw() {
            ("add", "application/octet-stream")
        } else {
            ("v1/records", "application/x-ndjson")
        };
        let prefix = url.path().trim_end_matches('/');
        (url.scheme() == "http").then_some(())?;
        Some(Self {
            address: format!("{host}:{port}"),
            host: format!("{host}:{port}").try_into().ok()?,
            uri: format!("{prefix}/{path}").try_into().ok()?,
            content_type: HeaderValue::from_static(content_type),
            authorization: load.token.as_ref().map(http::Bearer::header),
            answer_bytes_max: ANSWER_BYTES_MAX * usize::try_from(load.per_request).ok()?,
        })
    }
}

/// A connection that is made again when it broke.
#[derive(Default)]
pub(super) struct Connection(Option<http1::SendRequest<Full<Bytes>>>);

impl Connection {
    pub(super) async fn post(
        &mut self,
        target: &Target,
        body: Bytes,
        timeout: Duration,
    ) -> Result<Answer, Broken> {
        let answer = match tokio::time::timeout(timeout, self.exchange(target, body)).await {
            Ok(answer) => answer,
            Err(_) => Err(Broken::Timeout),
        };
        if answer.is_err() {
            self.0 = None;
        }
        answer
    }

    async fn exchange(&mut self, target: &Target, body: Bytes) -> Result<Answer, Broken> {
        let mut sender = match self.0.take().filter(|sender| !sender.is_closed()) {
            Some(sender) => sender,
            None => connect(target).await?,
        };
        sender.ready().await.map_err(|_| Broken::Io)?;
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = target.uri.clone();
        request.headers_mut().insert(HOST, target.host.clone());
        request.headers_mut().insert(CONTENT_TYPE, target.content_type.clone());
        if let Some(authorization) = &target.authorization {
            request.headers_mut().insert(AUTHORIZATION, authorization.clone());
        }
        let (head, body) = sender.send_request(request).await.map_err(|_| Broken::Io)?.into_parts();
        let body = Limited::new(body, target.answer_bytes_max).collect().await.map_err(|_| Broken::Io)?;
        let retry_after = head.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        self.0 = Some(sender);
        Ok(Answer {
            status: head.status,
            retry_after: retry_after.and_then(http::retry_after),
            body: body.to_bytes(),
        })
    }
}

async fn connect(target: &Target) -> Result<http1::SendRequest<Full<Bytes>>, Broken> {
    let stream = TcpStream::connect(&target.address).await.map_err(|_| Broken::Connect)?;
    // Requests are whole when they are written; waiting for more only delays them.
    stream.set_nodelay(true).map_err(|_| Broken::Connect)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|_| Broken::Connect)?;
    // Ends with the connection; how it ends is seen by whoever uses it.
    tokio::spawn(async move { drop(connection.await) });
    Ok(sender)
}
