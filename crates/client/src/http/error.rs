//! Why a request came to nothing.

use std::time::Duration;

use reqwest::StatusCode;

/// Why a request came to nothing. None of these says anything about the log's honesty.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The URL or the token cannot be used; whoever typed it is at fault.
    #[error(transparent)]
    Url(#[from] BadUrl),
    /// No connection, a broken one, or no answer in time.
    #[error("{url}: no answer: {}", root_cause(.cause))]
    Unreachable {
        /// What was asked for.
        url: String,
        /// Why.
        #[source]
        cause: reqwest::Error,
    },
    /// The log said "not now" (429 or 5xx) until patience ran out.
    #[error("{url}: the log is busy or broken (status {status}){}", told(.problem.as_deref()))]
    Busy {
        /// What was asked for.
        url: String,
        /// 429 or 5xx.
        status: StatusCode,
        /// `Retry-After`, if it was sent.
        wait: Option<Duration>,
        /// The problem's own words.
        problem: Option<String>,
    },
    /// The log did what was asked, and what it was asked to wait for did not happen in time.
    #[error("{url}: {what}")]
    InVain {
        /// What was asked for.
        url: String,
        /// In the log's own words.
        what: String,
    },
    /// The log said "no".
    #[error("{url}: refused with status {status}{}", told(.problem.as_deref()))]
    Refused {
        /// What was asked for.
        url: String,
        /// Neither 200 nor 404, nor one of those that are tried again.
        status: StatusCode,
        /// The problem's own words.
        problem: Option<String>,
    },
    /// Led on and on, or to where no log can be.
    #[error("{url}: this leads in circles, or to somewhere that is no URL of a log")]
    Redirects {
        /// What was asked for, or what led astray.
        url: String,
    },
    /// A content coding that was not asked for, or broken gzip.
    #[error("{url}: the body's content coding cannot be undone")]
    BadCoding {
        /// What was asked for.
        url: String,
    },
    /// A body of more bytes than such an answer can have.
    #[error("{url}: the answer has more than {limit} bytes")]
    TooLarge {
        /// What was asked for.
        url: String,
        /// Bytes allowed.
        limit: usize,
    },
}

/// A URL, token or certificate that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    /// Not a URL with a scheme and a host.
    #[error("{url:?} is not the URL of a log; it should look like https://log.example.org/prefix/")]
    Syntax {
        /// As it was given.
        url: String,
    },
    /// The secret of a webhook.
    #[error("the secret of a webhook is a text, or whsec_ and base64; this one is empty, or no base64")]
    Secret,
    /// A prefix with `?` or `#`.
    #[error("{url:?} cannot be the prefix of a log: leave out what comes after the path")]
    Query {
        /// As it was given.
        url: String,
    },
    /// A token with characters that no header can carry.
    #[error("the token is empty or holds characters that cannot be sent; copy it again, without line breaks")]
    Token,
    /// No certificates in PEM.
    #[error("there is no certificate in PEM in it (-----BEGIN CERTIFICATE-----), or one that cannot be read")]
    Certificates,
}

/// The innermost cause: "connection refused" rather than "error sending request".
fn root_cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "it took too long".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

fn told(problem: Option<&str>) -> String {
    problem.map(|problem| format!(": {problem}")).unwrap_or_default()
}

/// Kinds of problems (RFC 9457) that say that all is done but what was waited for: asking again at once is waiting once more.
const IN_VAIN: [&str; 2] = ["urn:deedbook:problem:not-published", "urn:deedbook:problem:not-witnessed"];

/// Whether a problem is one of those.
pub(super) fn is_in_vain(body: &[u8]) -> bool {
    let problem: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    problem.is_some_and(|problem| problem["type"].as_str().is_some_and(|kind| IN_VAIN.contains(&kind)))
}

/// `detail` or `title` of a problem (RFC 9457), or the first line of a short text.
pub(crate) fn problem_of(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    let words = match serde_json::from_str::<serde_json::Value>(text) {
        Ok(problem) => {
            ["detail", "title"].iter().find_map(|key| problem.get(key)?.as_str().map(str::to_owned))?
        }
        Err(_) => text.lines().next()?.to_owned(),
    };
    let words: String = words.chars().filter(|c| !c.is_control()).take(300).collect();
    let words = record::visible(&words);
    (!words.is_empty()).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_log_says_is_shown_safely() {
        let evil = r#"{"detail": "no\u001b[2J such \u202erecord\n"}"#;
        assert_eq!(problem_of(evil.as_bytes()).as_deref(), Some("no[2J such \\u{202e}record"));
        assert_eq!(
            problem_of("<h1>\u{200b}no</h1>\nmore".as_bytes()).as_deref(),
            Some("<h1>\\u{200b}no</h1>")
        );
        assert_eq!(problem_of(br#"{"title": "busy"}"#).as_deref(), Some("busy"));
        assert_eq!(problem_of(b""), None);
    }
}
