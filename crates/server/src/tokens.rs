//! `/v1/tokens`: tokens made, listed and revoked, by an admin.

use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    extract::{Path, State, rejection::PathRejection},
    http::HeaderMap,
};
use sequencer::beside::Rows;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    access::{Access, Caller, ListError, Made, NewToken, Token, TokenId, Tokens, TokensError},
    app::App,
    body::{self, Nothing, Params},
    clerk::{Draft, looks::Look},
    limits::TOKEN_BODY_BYTES_MAX,
    problem::{Code, Problem},
};

/// A token that was made just now
#[derive(Serialize, Deserialize, ToSchema)]
pub struct MadeText {
    /// The token: what its bearer shows. It is kept nowhere and cannot be shown again.
    pub token: String,
    /// What the log keeps of it.
    pub about: Token,
}

/// All tokens
#[derive(Serialize, Deserialize, ToSchema)]
pub struct TokensText {
    /// Every token, oldest first; the revoked and expired ones too, as long as there is room.
    pub tokens: Vec<Token>,
}

impl From<Made> for MadeText {
    fn from(made: Made) -> Self {
        Self { token: made.secret.text().to_owned(), about: Token::clone(&made.token) }
    }
}

/// Make a token
///
/// The answer holds the token, once: the log keeps only its SHA-256.
#[utoipa::path(
    post,
    path = crate::routes::TOKENS,
    tag = "tokens",
    request_body(content = NewToken, example = json!({"name": "crm-runtime", "roles": ["submitter"], "bindings": {"producers": ["crm-runtime/host-7"], "agents": ["spiffe://acme.example/agent/crm"], "principals": "*"}, "expires": "2027-11-23T00:00:00.000Z"})),
    responses(
        (status = 200, description = "The token, and what the log keeps of it", body = MadeText),
        (status = 400, description = "There cannot be such a token, or there is a query parameter", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "This log is served open: it has no tokens", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "The body did not arrive in time", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The log has as many valid tokens as it can hold", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The log takes no entries, and so cannot record it: there is no token", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is over its limit", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Not application/json", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(Nothing {}): Params<Nothing>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<MadeText>, Box<Problem>> {
    tokens(&app)?;
    let new: NewToken = body::json(&app, &headers, body, TOKEN_BODY_BYTES_MAX).await?;
    let made = change(&app, move |tokens, app| tokens.make(&new, app.now())).await?;
    tracing::info!(id = %made.token.id, name = made.token.name, by = caller.submitter(), "a token was made");
    if let Err(problem) = recorded(&app, Draft::granted(&made.token, &caller.reader())).await {
        // Nobody has seen it yet: a token that the log does not know of is none.
        let id = made.token.id;
        change(&app, move |tokens, app| tokens.revoke(id, app.now())).await?;
        return Err(problem);
    }
    Ok(Json(made.into()))
}

/// List all tokens
///
/// What the log keeps of each; never the tokens themselves.
#[utoipa::path(
    get,
    path = crate::routes::TOKENS,
    tag = "tokens",
    responses(
        (status = 200, description = "Every token, oldest first", body = TokensText),
        (status = 400, description = "There is a query parameter, and it takes none", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "That somebody looks cannot be written into the log, so nobody may", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "This log is served open: it has no tokens", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(Nothing {}): Params<Nothing>,
) -> Result<Json<TokensText>, Box<Problem>> {
    tokens(&app)?;
    app.look(&caller, Look::Administration, Some("tokens")).await?;
    let list = tokens(&app)?.list();
    Ok(Json(TokensText { tokens: list.tokens().map(|token| Token::clone(token)).collect() }))
}

/// Revoke a token
///
/// From the answer on it is refused. To revoke it again changes nothing but is recorded again.
#[utoipa::path(
    delete,
    path = crate::routes::TOKEN,
    tag = "tokens",
    params(("id" = String, Path, description = "The token's id: eight hexadecimal digits")),
    responses(
        (status = 200, description = "The token as it is now", body = Token),
        (status = 400, description = "There is a query parameter, and it takes none", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The token is revoked, but the log takes no entries and could not record it: ask again later", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no token with this id, or this log is served open", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn revoke(
    State(app): State<Arc<App>>,
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
    Params(Nothing {}): Params<Nothing>,
) -> Result<Json<Token>, Box<Problem>> {
    tokens(&app)?;
    let id: Option<TokenId> = id.ok().and_then(|Path(id)| id.parse().ok());
    let id = id.ok_or(ListError::Unknown)?;
    let token = change(&app, move |tokens, app| tokens.revoke(id, app.now())).await?;
    tracing::info!(id = %token.id, name = token.name, by = caller.submitter(), "a token was revoked");
    // It is revoked first and recorded then: where the record fails, to revoke it again records it.
    recorded(&app, Draft::revoked(&token, &caller.reader())).await?;
    Ok(Json(Token::clone(&token)))
}

/// Puts a change of who may into the log; a log of raw entries has no records.
async fn recorded(app: &Arc<App>, draft: Draft) -> Result<(), Box<Problem>> {
    let Some(custody) = &app.custody else { return Ok(()) };
    custody.clerk.write(app, draft, |_| Ok(Rows::default())).await.map(drop)
}

fn tokens(app: &App) -> Result<&Tokens, Box<Problem>> {
    match &app.access {
        Access::Tokens(tokens) => Ok(tokens),
        Access::Open => Err(Problem::new(
            Code::NotFound,
            "This log is served open: it asks for no tokens, and makes none.",
        )),
    }
}

/// Changes the tokens on a thread that may wait for the disk.
async fn change<T: Send + 'static>(
    app: &Arc<App>,
    change: impl FnOnce(&Tokens, &App) -> Result<T, TokensError> + Send + 'static,
) -> Result<T, Box<Problem>> {
    let app = app.clone();
    let changing = move || change(tokens(&app)?, &app).map_err(Box::<Problem>::from);
    tokio::task::spawn_blocking(changing).await.map_err(|error| Problem::internal(&error))?
}
