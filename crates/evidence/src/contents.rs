//! Where records hold the digest of a content, and what the content is held against.

use record::Sd;
use serde_json::Value;

/// A digest in a record, and what the record says of the content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// Where: a JSON pointer (RFC 6901) into the record.
    pub(crate) path: String,
    /// The member that the content is of.
    pub(crate) name: String,
    pub(crate) sd: Sd,
    pub(crate) bytes: Option<u64>,
    pub(crate) media: Option<String>,
}

/// Members in which a digest says which content is meant, and is not in the place of one.
const REFERENCES: [&str; 2] = ["/approval/binds", "/erased"];

/// All digests in a record, in the order of its canonical form.
pub(crate) fn places(canonical: &[u8]) -> Vec<Place> {
    let mut places = Vec::new();
    if let Ok(value) = serde_json::from_slice::<Value>(canonical) {
        walk(&value, "", "", &mut places);
    }
    places
}

/// Goes no deeper than a record that was read, which is bounded.
fn walk(value: &Value, path: &str, name: &str, places: &mut Vec<Place>) {
    match value {
        Value::Object(members) => {
            let sd = members.get("sd").and_then(Value::as_str).and_then(|text| text.parse().ok());
            if let Some(sd) = sd.filter(|_| !REFERENCES.contains(&path) && !name.is_empty()) {
                places.push(Place {
                    path: path.to_owned(),
                    name: name.to_owned(),
                    sd,
                    bytes: members.get("bytes").and_then(Value::as_u64),
                    media: members.get("media").and_then(Value::as_str).map(str::to_owned),
                });
            }
            for (name, value) in members {
                walk(value, &format!("{path}/{}", name.replace('~', "~0").replace('/', "~1")), name, places);
            }
        }
        Value::Array(elements) => {
            for (n, element) in elements.iter().enumerate() {
                walk(element, &format!("{path}/{n}"), name, places);
            }
        }
        _ => {}
    }
}

impl Place {
    /// Whether a content disclosed under that name may stand here. What was executed, and what an approver was shown, may
    /// be the very content that was requested.
    pub(crate) fn may_be_named(&self, name: &str) -> bool {
        self.name == name || matches!(self.path.as_str(), "/executed" | "/approval/shown")
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
        (!fits).then(|| format!("the record says {}, and the content is not that", media))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SD: &str = "6Ij7TIMoEIH_YZL0jVqD3xi4UhDQbUV3LVxiL2tIKzA";

    #[test]
    fn digests_in_the_place_of_content_are_found_and_references_are_not() {
        let record = format!(
            r#"{{"action":{{"target":{{"sd":"{SD}"}}}},"approval":{{"binds":{{"sd":"{SD}"}},"shown":{{"sd":"{SD}"}}}},"erased":{{"sd":"{SD}"}},"input":{{"bytes":3,"media":"text/plain","sd":"{SD}"}},"sd":"{SD}","x-a/b":[{{"sd":"{SD}"}}]}}"#
        );
        let found = places(record.as_bytes());
        let paths: Vec<&str> = found.iter().map(|place| place.path.as_str()).collect();
        assert_eq!(paths, ["/action/target", "/approval/shown", "/input", "/x-a~1b/0"]);
        assert!(found[2].may_be_named("input") && !found[2].may_be_named("output"));
        assert!(found[1].may_be_named("input"));
    }

    #[test]
    fn length_and_media_are_held_against_the_content() {
        let place = |bytes, media: &str| Place {
            path: "/input".into(),
            name: "input".into(),
            sd: Sd::of("x"),
            bytes,
            media: Some(media.into()),
        };
        assert_eq!(place(Some(2), "application/json").contradicts(b"{}"), None);
        assert!(place(Some(3), "application/json").contradicts(b"{}").unwrap().contains("3 bytes"));
        assert!(place(None, "application/json; charset=utf-8").contradicts(b"{").is_some());
        assert!(place(None, "text/plain").contradicts(b"\xff").is_some());
        assert_eq!(place(None, "image/png").contradicts(b"\xff"), None);
    }
}
