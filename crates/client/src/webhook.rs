//! A webhook: one POST an event, authenticated as Standard Webhooks (standardwebhooks.com, version 1) has it.
//!
//! ```text
//! webhook-id: <id of the event>
//! webhook-timestamp: <seconds since 1970>
//! webhook-signature: v1,<base64(HMAC-SHA256(secret, id "." timestamp "." body))>
//! ```
//!
//! Whoever receives it checks the signature over the bytes as they arrived, refuses a timestamp that is minutes off, and
//! drops an id that he knows: what was not answered with a 2xx is sent again.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::header::CONTENT_TYPE;
use sha2::Sha256;
use tlog::encoding;
use url::Url;

use crate::http::{BadUrl, HttpError, HttpOptions, connections, refused};

/// How a secret begins that is written in base64.
const BASE64_SECRET: &str = "whsec_";

/// Where events are sent, and the secret that they are authenticated with. Cheap to clone.
#[derive(Clone)]
pub struct Webhook {
    url: Url,
    secret: Arc<[u8]>,
    client: reqwest::Client,
}

impl Webhook {
    /// A webhook at a URL. The secret is a text: `whsec_` and base64, or else its own bytes.
    ///
    /// # Errors
    /// No `http` or `https` URL; a secret that is empty, or no base64.
    pub fn new(url: &str, secret: &str, timeout: Duration, options: &HttpOptions) -> Result<Self, HttpError> {
        let syntax = || BadUrl::Syntax { url: url.to_owned() };
        let parsed = Url::parse(url).map_err(|_| syntax())?;
        if !matches!(parsed.scheme(), "http" | "https") || parsed.host_str().is_none() {
            return Err(syntax().into());
        }
        let secret = match secret.strip_prefix(BASE64_SECRET) {
            Some(base64) => encoding::parse_base64(base64).map_err(|_| BadUrl::Secret)?,
            None => secret.as_bytes().to_vec(),
        };
        if secret.is_empty() {
            return Err(BadUrl::Secret.into());
        }
        let options = HttpOptions { timeout, token: None, ..options.clone() };
        Ok(Self { client: connections(&parsed, &options)?, url: parsed, secret: secret.into() })
    }

    /// Where it is.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Sends one event, once. Redirects are not followed.
    ///
    /// # Errors
    /// It was not answered in time, or not with a 2xx.
    pub async fn tell(&self, id: &str, seconds: u64, body: Bytes) -> Result<(), HttpError> {
        let request = self.client.post(self.url.clone()).header(CONTENT_TYPE, "application/json");
        let request = request
            .header("webhook-id", id)
            .header("webhook-timestamp", seconds.to_string())
            .header("webhook-signature", self.signature(id, seconds, &body));
        let unreachable = |cause| HttpError::Unreachable { url: self.url.to_string(), cause };
        let response = request.body(body).send().await.map_err(unreachable)?;
        if response.status().is_success() { Ok(()) } else { Err(refused(response).await) }
    }

    fn signature(&self, id: &str, seconds: u64, body: &[u8]) -> String {
        // A key of any length will do.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.secret) else { return String::new() };
        mac.update(format!("{id}.{seconds}.").as_bytes());
        mac.update(body);
        format!("v1,{}", encoding::base64(&mac.finalize().into_bytes()))
    }
}

/// Never the secret.
impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Webhook({})", self.url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification of Standard Webhooks.
    #[test]
    fn the_signature_is_the_one_of_the_specification() {
        let hook = |secret: &str| {
            Webhook::new("http://localhost/hook?a=b", secret, Duration::from_secs(1), &HttpOptions::default())
        };
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let told = hook(secret).unwrap();
        assert_eq!(
            told.signature("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
        assert_eq!(told.url().query(), Some("a=b"));
        assert!(!format!("{told:?}").contains("MfKQ"), "{told:?}");
        for bad in ["", "whsec_", "whsec_?"] {
            assert!(hook(bad).is_err(), "{bad:?}");
        }
        assert!(hook("any other text").is_ok());
    }
}
