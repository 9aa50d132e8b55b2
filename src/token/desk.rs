//! Where tokens are made: at a running log over HTTP, or in the directory of a stopped one.

use client::http::{Answer, Http};
use client::{HttpError, HttpOptions};
use sequencer::DataDirectory;
use serde::de::DeserializeOwned;
use server::access::{NewToken, Token, TokenId, Tokens, TokensError};
use server::limits::TOKENS_MAX;
use server::tokens::{MadeText, TokensText};

use super::PlaceArgs;
use crate::admission::{now, tokens};
use crate::cli::Failure;
use crate::fsck::off_thread;

/// Bytes of a list of tokens, at most: more than any that is listed by name.
const ANSWER_BYTES_MAX: usize = TOKENS_MAX * 512 * 1024;

pub(super) enum Desk {
    Running(Http),
    /// The tokens, and the hold on the directory as long as they are changed.
    Stopped(Tokens, DataDirectory),
}

impl Desk {
    pub(super) fn of(place: &PlaceArgs) -> Result<Self, Failure> {
        if let Some(data) = &place.data {
            let directory = DataDirectory::open_existing(data).map_err(Failure::could_not_tell)?;
            return Ok(Self::Stopped(tokens(&directory)?, directory));
        }
        let url = place.url.as_deref().ok_or_else(|| {
            Failure::could_not_tell(
                "which log? Name a running one with --url, or the directory of a stopped one with --data",
            )
        })?;
        // Once: a token that was made and whose answer was lost is another token when it is made again.
        let options = HttpOptions { attempts: 1, ..place.http.options()? };
        Http::new(url, &options).map(Self::Running).map_err(Failure::could_not_tell)
    }

    pub(super) async fn create(self, new: NewToken) -> Result<MadeText, Failure> {
        match self {
            Self::Running(http) => {
                let body = serde_json::to_vec(&new).map_err(Failure::could_not_tell)?;
                decided(http.post("v1/tokens", "application/json", body.into(), ANSWER_BYTES_MAX).await)
            }
            Self::Stopped(tokens, held) => {
                changed(held, move || tokens.make(&new, now()).map(MadeText::from)).await
            }
        }
    }

    pub(super) async fn list(self) -> Result<TokensText, Failure> {
        match self {
            Self::Running(http) => {
                let answer =
                    http.get("v1/tokens", ANSWER_BYTES_MAX).await.map_err(Failure::could_not_tell)?;
                let none = || {
                    Failure::could_not_tell(
                        "the log has no tokens: it is served open, or it is another kind of server",
                    )
                };
                read(&answer.ok_or_else(none)?)
            }
            Self::Stopped(tokens, _) => {
                Ok(TokensText { tokens: tokens.list().tokens().map(|token| Token::clone(token)).collect() })
            }
        }
    }

    pub(super) async fn revoke(self, id: TokenId) -> Result<Token, Failure> {
        match self {
            Self::Running(http) => decided(http.delete(&format!("v1/tokens/{id}"), ANSWER_BYTES_MAX).await),
            Self::Stopped(tokens, held) => {
                changed(held, move || tokens.revoke(id, now()).map(|token| Token::clone(&token))).await
            }
        }
    }
}

/// Changes the list of a stopped log, which stays held until that is done.
async fn changed<T: Send + 'static>(
    held: DataDirectory,
    change: impl FnOnce() -> Result<T, TokensError> + Send + 'static,
) -> Result<T, Failure> {
    let result = off_thread(change).await;
    drop(held);
    result?.map_err(Failure::could_not_tell)
}

/// What the log decided: done, or its own words why not.
fn decided<T: DeserializeOwned>(answer: Result<Answer, HttpError>) -> Result<T, Failure> {
    let answer = answer.map_err(Failure::could_not_tell)?;
    if answer.status.is_success() {
        return read(&answer.body);
    }
    let problem: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let words = problem["detail"].as_str().unwrap_or("it does not say why");
    Err(Failure::could_not_tell(format!("the log answers {}: {words}", answer.status)))
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(body)
        .map_err(|error| Failure::could_not_tell(format!("the log's answer cannot be read: {error}")))
}
