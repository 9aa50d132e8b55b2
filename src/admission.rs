//! Whom a log's server lets in: everybody, or whoever shows a token; and the first token of all.

use std::path::{Path, PathBuf};

use sequencer::DataDirectory;
use server::access::{Access, Moment, NewToken, Role, Secret, Tokens};
use server::{Clock as _, SystemClock};
use zeroize::Zeroizing;

use crate::cli::Failure;

/// Whom a log is to be served to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// To whoever reaches it.
    Open,
    /// To whoever shows a token.
    Tokens,
}

/// The name of the first token.
const FIRST_ADMIN: &str = "first-admin";

impl Admission {
    /// What the server is given; and where the first admin token lies, if it was made just now. Blocks.
    pub(crate) fn access(self, directory: &DataDirectory) -> Result<(Access, Option<PathBuf>), Failure> {
        if self == Self::Open {
            return Ok((Access::Open, None));
        }
        let tokens = tokens(directory)?;
        let first = if tokens.is_new() { Some(make_first_admin(&tokens, directory)?) } else { None };
        Ok((Access::Tokens(tokens), first))
    }
}

/// The tokens of the log in a directory.
pub(crate) fn tokens(directory: &DataDirectory) -> Result<Tokens, Failure> {
    let file = directory.tokens_file();
    let named = file.path().to_owned();
    Tokens::open(Box::new(file)).map_err(|error| named_failure(&named, &error))
}

pub(crate) fn named_failure(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::could_not_tell(format!("{}: {error}", path.display()))
}

pub(crate) fn now() -> Moment {
    Moment::from_ms(SystemClock.now_ms())
}

/// Puts the first admin token into a file, not onto the terminal: what a service prints is kept in a journal, for many
/// to read. The file first: a token in the list whose secret is nowhere would lock everybody out.
fn make_first_admin(tokens: &Tokens, directory: &DataDirectory) -> Result<PathBuf, Failure> {
    let file = directory.admin_token_file();
    let failed = |error: &dyn std::fmt::Display| named_failure(file.path(), error);
    let mut random = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *random).map_err(|error| failed(&error))?;
    let secret = Secret::new(&random);
    let line = Zeroizing::new(format!("{}\n", secret.text()));
    file.replace(line.as_bytes()).map_err(Failure::could_not_tell)?;
    let first =
        NewToken { name: FIRST_ADMIN.to_owned(), roles: [Role::Admin].into(), bindings: None, expires: None };
    tokens.add(&first, &secret, now()).map_err(|error| failed(&error))?;
    Ok(file.path().to_owned())
}
