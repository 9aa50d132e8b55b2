//! Where records hold the digest of a content, and what the content is held against.

use record::{Held, Logged, Place, Sd};

use crate::make::{Choice, Show};

/// A digest in a record, and what the record says of the content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    /// Where.
    pub(crate) place: Place,
    pub(crate) sd: Sd,
    pub(crate) bytes: Option<u64>,
    pub(crate) media: Option<String>,
    /// Whether the log saw what looks like a secret in it.
    pub(crate) secret: bool,
}

/// All digests of contents that a record names, in the order of their places.
pub(crate) fn named(logged: &Logged<'_>) -> Vec<Named> {
    let secret = logged.opened().secret();
    let held = Place::ALL.iter().filter_map(|&place| Some((place, place.of(logged.record())?)));
    let named = held.filter_map(|(place, held)| {
        let media = match held {
            Held::Content(content) => content.media.as_ref().map(ToString::to_string),
            Held::Field(_) => None,
        };
        let sd = held.sd()?.parse().ok()?;
        Some(Named { place, sd, bytes: held.bytes(), media, secret: secret.has(place) })
    });
    named.collect()
}

impl Named {
    /// Whether a content disclosed under that name may stand here. What was executed, and what an approver was shown, may
    /// be the very content that was requested.
    pub(crate) fn may_be_named(&self, name: &str) -> bool {
        self.place.member() == name || matches!(self.place, Place::Executed | Place::ApprovalShown)
    }

    /// Whether it may be what a choice asks for.
    pub(crate) fn is_wanted(&self, show: &Show) -> bool {
        match show {
            Show::All => !self.secret,
            Show::Nothing => false,
            Show::Some(chosen) => chosen.iter().any(|choice| match choice {
                Choice::Digest(sd) => *sd == self.sd,
                Choice::Name(name) => !self.secret && self.may_be_named(name),
            }),
        }
    }

    /// What is wrong with the content, by the record's own words.
    pub(crate) fn contradicts(&self, content: &[u8]) -> Option<String> {
        if let Some(said) = self.bytes.filter(|said| *said != content.len() as u64) {
            return Some(format!("the record says {said} bytes, and the content has {}", content.len()));
        }
        let media = self.media.as_deref()?;
        let kind = media.split(';').next().unwrap_or_default().trim();
        let fits = match kind {
            "application/json" => serde_json::from_slice::<serde::de::IgnoredAny>(content).is_ok(),
            _ if kind.starts_with("text/") => std::str::from_utf8(content).is_ok(),
            _ => true,
        };
        (!fits).then(|| format!("the record says {media}, and the content is not that"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(place: Place, bytes: Option<u64>, media: &str) -> Named {
        Named { place, sd: Sd::of("x"), bytes, media: Some(media.into()), secret: false }
    }

    #[test]
    fn a_content_stands_where_its_name_says() {
        let input = at(Place::Input, None, "text/plain");
        assert!(input.may_be_named("input") && !input.may_be_named("output"));
        assert!(at(Place::ApprovalShown, None, "text/plain").may_be_named("input"));
        assert!(at(Place::Executed, None, "text/plain").may_be_named("input"));
    }

    #[test]
    fn length_and_media_are_held_against_the_content() {
        let place = |bytes, media| at(Place::Input, bytes, media);
        assert_eq!(place(Some(2), "application/json").contradicts(b"{}"), None);
        assert!(place(Some(3), "application/json").contradicts(b"{}").unwrap().contains("3 bytes"));
        assert!(place(None, "application/json; charset=utf-8").contradicts(b"{").is_some());
        assert!(place(None, "text/plain").contradicts(b"\xff").is_some());
        assert_eq!(place(None, "image/png").contradicts(b"\xff"), None);
    }
}
