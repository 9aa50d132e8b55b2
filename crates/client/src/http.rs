//! HTTP, as every other module uses it: bounded bodies, limited time, retries with patience, nothing else.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, LOCATION, RETRY_AFTER,
};
use reqwest::{Method, RequestBuilder, Response, StatusCode, redirect};
use tokio::sync::Semaphore;
use url::Url;

use error::is_in_vain;
pub(crate) use error::problem_of;

mod bearer;
mod body;
mod error;

pub use bearer::Bearer;
pub use error::{BadUrl, HttpError};

/// Redirects that a read follows, at most; a submission follows none.
pub const REDIRECTS_MAX: usize = 5;
/// Longest wait that a log may ask for before a request is tried again.
pub const RETRY_AFTER_MAX: Duration = Duration::from_mins(1);
/// Wait after the first failure; it doubles with each further one.
const BACKOFF: Duration = Duration::from_millis(200);
/// Bytes of an error's body that are read, at most.
pub(crate) const PROBLEM_BYTES_MAX: usize = 64 * 1024;

/// How to talk to a log.
#[derive(Clone)]
pub struct HttpOptions {
    /// Shown to the log, if there is one; to nobody else.
    pub token: Option<Bearer>,
    /// The only authorities whose word for an `https` log's name is taken; those of the system, if there are none.
    pub authorities: Option<Authorities>,
    /// Time for one attempt, from connecting to the last byte.
    pub timeout: Duration,
    /// How often a request is tried while the log is unreachable or busy.
    pub attempts: u32,
    /// Requests in flight, at most.
    pub at_once: usize,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self { token: None, authorities: None, timeout: Duration::from_secs(30), attempts: 6, at_once: 16 }
    }
}

/// A log's URL prefix and the connections to it. Cheap to clone.
#[derive(Clone)]
pub struct Http {
    prefix: Url,
    client: reqwest::Client,
    token: Option<Bearer>,
    attempts: u32,
    permits: Arc<Semaphore>,
}

/// Certificates of authorities (X.509).
#[derive(Clone)]
pub struct Authorities(Vec<reqwest::Certificate>);

impl Authorities {
    /// Reads a file of certificates in PEM (RFC 7468).
    ///
    /// # Errors
    /// There is no certificate in it, or one that is none.
    pub fn from_pem(pem: &[u8]) -> Result<Self, BadUrl> {
        let read = reqwest::Certificate::from_pem_bundle(pem).map_err(|_| BadUrl::Certificates)?;
        if read.is_empty() { Err(BadUrl::Certificates) } else { Ok(Self(read)) }
    }
}

/// What came back from a submission.
#[derive(Debug, Clone)]
pub struct Answer {
    /// 200 to 499 without 429: the log has made up its mind.
    pub status: StatusCode,
    /// The whole body.
    pub body: Bytes,
}

/// An answer as it came, whatever it says.
#[derive(Debug, Clone)]
pub struct AsItCame {
    /// The status code.
    pub status: u16,
    /// `Content-Type`, if it is text.
    pub content_type: Option<String>,
    /// What `Retry-After` asks for.
    pub retry_after: Option<Duration>,
    /// The body; of one that is too long, one byte more than was allowed.
    pub body: Bytes,
}

impl Http {
    /// Prepares connections to the log at `prefix`, which may end in a slash or not. Connects to nothing yet.
    ///
    /// # Errors
    /// A prefix that is no `http` or `https` URL, or that carries a query or fragment.
    pub fn new(prefix: &str, options: &HttpOptions) -> Result<Self, HttpError> {
        let prefix = parse_prefix(prefix)?;
        Ok(Self {
            client: connections(&prefix, options)?,
            prefix,
            token: options.token.clone(),
            attempts: options.attempts.max(1),
            permits: Arc::new(Semaphore::new(options.at_once.max(1))),
        })
    }

    /// The prefix, ending in a slash.
    pub fn prefix(&self) -> &Url {
        &self.prefix
    }

    /// Reads the resource at `path` below the prefix. Only the status 404 means that it is not there (`None`).
    ///
    /// At most one byte more than `limit` is kept of a longer body, so that a reader who knows the length sees that it
    /// is wrong, and nobody fills this program's memory. Redirects are followed; the token goes to the log's own origin
    /// alone, and to nobody once the way has left it.
    ///
    /// # Errors
    /// No answer, or no useful one, after all attempts.
    pub async fn get(&self, path: &str, limit: usize) -> Result<Option<Bytes>, HttpError> {
        let url = self.url(path)?;
        self.patiently(&url, async || {
            let response = self.follow(&url).await?;
            match response.status() {
                StatusCode::NOT_FOUND => Ok(None),
                StatusCode::OK => body::read(response, limit).await.map(Some),
                _ => Err(refused(response).await),
            }
        })
        .await
    }

    /// Posts `body` to `path` below the prefix, and again while the log is unreachable or busy: only for what may be
    /// sent twice, unless there is one attempt. Redirects are not followed.
    ///
    /// # Errors
    /// No answer, or no useful one, after all attempts; an answer of more than `limit` bytes.
    pub async fn post(
        &self,
        path: &str,
        content_type: &'static str,
        body: Bytes,
        limit: usize,
    ) -> Result<Answer, HttpError> {
        let request = |url| {
            let request = self.client.request(Method::POST, url);
            request.header(CONTENT_TYPE, content_type).body(body.clone())
        };
        self.decided(path, request, limit).await
    }

    /// The same with the body packed (gzip).
    ///
    /// # Errors
    /// As [`post`](Self::post).
    pub async fn post_packed(
        &self,
        path: &str,
        content_type: &'static str,
        body: &[u8],
        limit: usize,
    ) -> Result<Answer, HttpError> {
        let packed = body::gzip(body);
        let request = |url| {
            let request = self.client.request(Method::POST, url).header(CONTENT_TYPE, content_type);
            request.header(CONTENT_ENCODING, "gzip").body(packed.clone())
        };
        self.decided(path, request, limit).await
    }

    /// Posts `body` to `path` below the prefix once, without a content type, and brings home whatever the answer is. Redirects
    /// are not followed.
    ///
    /// # Errors
    /// There was no answer, or its body broke off.
    pub async fn post_once(&self, path: &str, body: Bytes, limit: usize) -> Result<AsItCame, HttpError> {
        let url = self.url(path)?;
        let unreachable = |cause| HttpError::Unreachable { url: url.to_string(), cause };
        let response = self.client.post(url.clone()).body(body).send().await.map_err(unreachable)?;
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        Ok(AsItCame {
            status: response.status().as_u16(),
            content_type: header(CONTENT_TYPE).map(str::to_owned),
            retry_after: header(RETRY_AFTER).and_then(retry_after),
            body: body::read(response, limit).await?,
        })
    }

    /// Deletes what is at `path` below the prefix. Redirects are not followed.
    ///
    /// # Errors
    /// As [`post`](Self::post).
    pub async fn delete(&self, path: &str, limit: usize) -> Result<Answer, HttpError> {
        self.decided(path, |url| self.client.request(Method::DELETE, url), limit).await
    }

    /// Asks for something to be done, and brings home what was decided.
    async fn decided(
        &self,
        path: &str,
        request: impl Fn(Url) -> RequestBuilder,
        limit: usize,
    ) -> Result<Answer, HttpError> {
        let url = self.url(path)?;
        self.patiently(&url, async || {
            let response = self.send(&url, request(url.clone()), true).await?;
            let status = response.status();
            if status.is_redirection() {
                return Err(refused(response).await);
            }
            let url = response.url().to_string();
            let body = body::read(response, limit).await?;
            if body.len() > limit {
                Err(HttpError::TooLarge { url, limit })
            } else {
                Ok(Answer { status, body })
            }
        })
        .await
    }

    fn url(&self, path: &str) -> Result<Url, HttpError> {
        self.prefix.join(path).map_err(|_| BadUrl::Syntax { url: path.to_owned() }.into())
    }

    /// Tries until there is an answer, with a longer wait after each failure.
    async fn patiently<T>(
        &self,
        url: &Url,
        once: impl AsyncFn() -> Result<T, HttpError>,
    ) -> Result<T, HttpError> {
        let mut attempt = 1;
        loop {
            // One attempt, body included, so that a connection that breaks in the middle is a failure like any other.
            // The semaphore is never closed.
            let permit = self.permits.acquire().await.ok();
            let failure = match once().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            drop(permit);
            let Some(wait) = failure.wait(attempt).filter(|_| attempt < self.attempts) else {
                return Err(failure);
            };
            tracing::debug!(%url, attempt, ?wait, %failure, "trying again");
            tokio::time::sleep(wait).await;
            attempt += 1;
        }
    }

    /// Reads what is at a URL, or wherever that leads to.
    async fn follow(&self, start: &Url) -> Result<Response, HttpError> {
        let (mut url, mut at_home) = (start.clone(), true);
        for _ in 0..=REDIRECTS_MAX {
            let request = self.client.get(url.clone()).header(ACCEPT_ENCODING, "gzip, identity");
            let response = self.send(&url, request, at_home).await?;
            let Some(next) = redirected(&response)? else { return Ok(response) };
            // Scheme, host and port: neither a neighbour nor the same host without TLS is the log. And who has left it
            // does not come back as its caller.
            at_home &= next.origin() == self.prefix.origin();
            url = next;
        }
        Err(HttpError::Redirects { url: start.to_string() })
    }

    /// Sends one request; shows the token only at home.
    async fn send(&self, url: &Url, request: RequestBuilder, at_home: bool) -> Result<Response, HttpError> {
        let request = match &self.token {
            Some(token) if at_home => request.header(AUTHORIZATION, token.header()),
            _ => request,
        };
        let unreachable = |cause| HttpError::Unreachable { url: url.to_string(), cause };
        let response = request.send().await.map_err(unreachable)?;
        if !is_busy(response.status()) {
            return Ok(response);
        }
        let wait =
            response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).and_then(retry_after);
        let status = response.status();
        let body = body::read(response, PROBLEM_BYTES_MAX).await.unwrap_or_default();
        let (url, problem) = (url.to_string(), problem_of(&body));
        Err(match problem {
            Some(what) if is_in_vain(&body) => HttpError::InVain { url, what },
            problem => HttpError::Busy { url, status, wait, problem },
        })
    }
}

/// Where an answer says that the resource is instead (RFC 9110 section 15.4); `None` if it says no such thing.
fn redirected(response: &Response) -> Result<Option<Url>, HttpError> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let next = location.and_then(|location| response.url().join(location).ok());
    let next = next.filter(|next| matches!(next.scheme(), "http" | "https"));
    next.map(Some).ok_or_else(|| HttpError::Redirects { url: response.url().to_string() })
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Http({})", self.prefix)
    }
}

fn parse_prefix(prefix: &str) -> Result<Url, BadUrl> {
    let syntax = || BadUrl::Syntax { url: prefix.to_owned() };
    let mut url = Url::parse(prefix).map_err(|_| syntax())?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(syntax());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(BadUrl::Query { url: prefix.to_owned() });
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

pub(crate) fn connections(prefix: &Url, options: &HttpOptions) -> Result<reqwest::Client, HttpError> {
    // Whoever came first has decided; any provider will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("deedbook/", env!("CARGO_PKG_VERSION")))
        .timeout(options.timeout)
        .pool_max_idle_per_host(options.at_once)
        .redirect(redirect::Policy::none());
    if let Some(Authorities(certificates)) = &options.authorities {
        builder = builder.tls_certs_only(certificates.clone());
    } else if prefix.scheme() == "http" {
        // No certificates needed: a machine that has none can still read a log over plain HTTP.
        builder = builder.tls_certs_only([]);
    }
    builder.build().map_err(|cause| HttpError::Unreachable { url: prefix.to_string(), cause })
}

/// Statuses that say "not now" rather than "no".
fn is_busy(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error()
}

pub(crate) async fn refused(response: Response) -> HttpError {
    let (url, status) = (response.url().to_string(), response.status());
    let problem = problem_of(&body::read(response, PROBLEM_BYTES_MAX).await.unwrap_or_default());
    HttpError::Refused { url, status, problem }
}

/// `Retry-After` (RFC 9110 section 10.2.3): seconds, or a date.
pub(crate) fn retry_after(value: &str) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(value.trim()).ok()?.timestamp();
    let now = jiff::Timestamp::try_from(SystemTime::now()).ok()?;
    Some(Duration::from_secs(u64::try_from(date.as_second() - now.as_second()).unwrap_or(0)))
}

impl HttpError {
    /// How long to wait before attempt `attempt + 1`; `None` if trying again is of no use.
    fn wait(&self, attempt: u32) -> Option<Duration> {
        let backoff = BACKOFF * 2_u32.saturating_pow(attempt - 1);
        match self {
            Self::Unreachable { cause, .. } => (!cause.is_builder()).then_some(backoff),
            Self::Busy { wait, .. } => {
                let wait = wait.unwrap_or(backoff);
                (wait <= RETRY_AFTER_MAX).then(|| wait.max(Duration::from_millis(10)))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
