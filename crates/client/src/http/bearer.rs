//! The token that a log is shown.

use reqwest::header::HeaderValue;

use super::BadUrl;

/// A token, ready to be sent as `Authorization: Bearer …` (RFC 6750 section 2.1). Never shown by `Debug`, and marked so
/// that nothing below shows it either.
#[derive(Clone)]
pub struct Bearer(HeaderValue);

impl Bearer {
    /// A token as it was handed out.
    ///
    /// # Errors
    /// It is empty, or holds characters that no header can carry.
    pub fn new(token: &str) -> Result<Self, BadUrl> {
        let sent = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        let mut value =
            HeaderValue::try_from(format!("Bearer {token}")).ok().filter(|_| sent).ok_or(BadUrl::Token)?;
        value.set_sensitive(true);
        Ok(Self(value))
    }

    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl std::fmt::Debug for Bearer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bearer")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_never_shown() {
        let bearer = Bearer::new("dbk_secret").unwrap();
        assert_eq!(bearer.header(), "Bearer dbk_secret");
        for shown in [format!("{bearer:?}"), format!("{:?}", bearer.header())] {
            assert!(!shown.contains("secret"), "{shown}");
        }
        for bad in ["", "x y", "x\ny", "x\u{e9}"] {
            assert_eq!(Bearer::new(bad).unwrap_err(), BadUrl::Token, "{bad:?}");
        }
    }
}
