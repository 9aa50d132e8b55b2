//! Erasing content and holding it: `POST /v1/erasures`, `/v1/holds`. For admins.
//!
//! What is erased is content beside the log, never a record: its digest and every proof stay as they were.

use bytes::Bytes;
use record::Sd;
use reqwest::StatusCode;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::form_urlencoded::byte_serialize;

use crate::http::{Answer, Http, HttpError};
use crate::submit::Problem;

/// Bytes of an answer, at most: ten thousand contents, and the holds that keep them.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// Of what the content is erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// One content.
    Content(Sd),
    /// All content of a session.
    Session(String),
    /// All content of a principal, and with it the key that it is sealed under.
    Principal(Principal),
}

/// A human or service on whose behalf agents act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// Who vouches for `sub`.
    pub iss: String,
    /// Its name there.
    pub sub: String,
}

/// What was erased.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// Contents that were erased.
    pub erased: Vec<OneErased>,
    /// Contents that are kept.
    pub kept: Vec<OneKept>,
    /// Whether every key was destroyed that what was erased was sealed under.
    pub key_destroyed: bool,
    /// Whether there is more than one request erases.
    pub more: bool,
}

/// A content that was erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OneErased {
    /// Its digest.
    pub sd: String,
    /// Index of the entry that says so.
    pub index: u64,
}

/// A content that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OneKept {
    /// Its digest.
    pub sd: String,
    /// The holds that keep it.
    pub holds: Vec<String>,
}

/// A hold that is to be placed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NewHold {
    /// Its name, used once.
    pub id: String,
    /// On which ground.
    pub ground: String,
    /// Contents, by their digests.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sds: Vec<String>,
    /// Or all content of a session, also what is still to come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Or all content of a principal, also what is still to come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<Principal>,
}

/// A change that is in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// Index of the entry that says so.
    pub index: u64,
}

/// All holds, as they are listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holds {
    /// Every hold, also those that were released.
    pub holds: Vec<Hold>,
}

/// A hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Its name.
    pub id: String,
    /// What it covers.
    pub scopes: Vec<Scope>,
    /// Who placed it.
    pub placed: Who,
    /// Who released it; it holds nothing since.
    pub released: Option<Who>,
}

/// What a hold covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// These contents, by their digests.
    Contents(Vec<String>),
    /// All content of a session.
    Session(String),
    /// All content of a principal.
    Principal(Principal),
}

/// Who placed or released a hold, why, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// Who.
    pub by: String,
    /// On which ground.
    pub ground: String,
    /// When, by the log's clock.
    pub at: String,
    /// Index of the entry that says so.
    pub index: u64,
}

/// Why something was not erased, held or released.
#[derive(Debug, thiserror::Error)]
pub enum CareError {
    /// No useful answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// It may not be: something is held, erased already, or there already.
    #[error("{}", .0.detail)]
    Held(Box<Problem>),
    /// The log does not do it.
    #[error("the log answers {}: {}", .0.status, .0.detail)]
    Refused(Box<Problem>),
    /// The answer is none.
    #[error("the log's answer cannot be read: {0}")]
    Answer(String),
}

/// Erases content, as much of it as the log erases at one request.
///
/// # Errors
/// See [`CareError`]. What was erased before an error stays erased; asking again is harmless.
pub async fn erase(http: &Http, whose: &Whose, ground: &str) -> Result<Erased, CareError> {
    let mut asked = json!({"ground": ground});
    match whose {
        Whose::Content(sd) => asked["sd"] = sd.to_string().into(),
        Whose::Session(session) => asked["session"] = session.as_str().into(),
        Whose::Principal(who) => asked["principal"] = json!({"iss": who.iss, "sub": who.sub}),
    }
    post(http, "v1/erasures", &asked).await
}

/// Places a hold.
///
/// # Errors
/// See [`CareError`].
pub async fn place_hold(http: &Http, hold: &NewHold) -> Result<Recorded, CareError> {
    let asked = serde_json::to_value(hold).map_err(|error| CareError::Answer(error.to_string()))?;
    post(http, "v1/holds", &asked).await
}

/// Releases a hold.
///
/// # Errors
/// See [`CareError`].
pub async fn release_hold(http: &Http, id: &str, ground: &str) -> Result<Recorded, CareError> {
    post(http, &format!("v1/holds/{}/release", segment(id)), &json!({"ground": ground})).await
}

/// Lists the holds.
///
/// # Errors
/// See [`CareError`].
pub async fn holds(http: &Http) -> Result<Holds, CareError> {
    let body = http.get("v1/holds", ANSWER_BYTES_MAX).await?;
    let none = || CareError::Answer("there are no holds at all: it is a log of raw entries".to_owned());
    read(&body.ok_or_else(none)?)
}

async fn post<T: DeserializeOwned>(http: &Http, path: &str, asked: &Value) -> Result<T, CareError> {
    let body = Bytes::from(asked.to_string());
    decided(&http.post(path, "application/json", body, ANSWER_BYTES_MAX).await?)
}

fn decided<T: DeserializeOwned>(answer: &Answer) -> Result<T, CareError> {
    if answer.status == StatusCode::OK {
        return read(&answer.body);
    }
    match serde_json::from_slice::<Problem>(&answer.body) {
        Ok(problem) if answer.status == StatusCode::CONFLICT => Err(CareError::Held(Box::new(problem))),
        Ok(problem) => Err(CareError::Refused(Box::new(problem))),
        Err(_) => Err(CareError::Answer(format!("status {} without a problem", answer.status))),
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, CareError> {
    serde_json::from_slice(body).map_err(|error| CareError::Answer(error.to_string()))
}

/// A text as one segment of a path (RFC 3986, section 3.3).
fn segment(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status: StatusCode::from_u16(status).unwrap(), body: body.to_owned().into() }
    }

    #[test]
    fn a_name_stays_one_segment_of_the_path() {
        assert_eq!(segment("case 7/2026?a=b#c%00+"), "case%207%2F2026%3Fa%3Db%23c%2500%2B");
        assert_eq!(segment("../é"), "..%2F%C3%A9");
    }

    #[test]
    fn what_is_held_is_told_apart_from_what_is_refused_and_from_what_is_no_answer() {
        let problem =
            r#"{"type":"urn:deedbook:problem:held","status":409,"title":"t","detail":"held by \"case-7\""}"#;
        let held = decided::<Recorded>(&answer(409, problem)).unwrap_err();
        assert!(matches!(&held, CareError::Held(_)) && held.to_string() == "held by \"case-7\"", "{held}");
        let refused = decided::<Recorded>(&answer(403, &problem.replace("409", "403"))).unwrap_err();
        assert_eq!(refused.to_string(), "the log answers 403: held by \"case-7\"");
        for (status, body) in [(200, "{}"), (200, "no"), (502, "no"), (409, "no")] {
            let none = decided::<Recorded>(&answer(status, body)).unwrap_err();
            assert!(matches!(none, CareError::Answer(_)), "{status} {body}: {none}");
        }
        assert_eq!(decided::<Recorded>(&answer(200, r#"{"index": 7}"#)).unwrap().index, 7);
    }
}
