//! The tokens of a log that is served: read by every request, changed one at a time, kept before a change counts.

use std::{io, sync::Arc};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use zeroize::Zeroizing;

use super::{BadList, ListError, Moment, NewToken, Secret, Token, TokenId, TokenList};

/// Where the list of tokens is kept.
pub trait Keep: Send + Sync {
    /// The text that was kept last; `None` if there never was one.
    ///
    /// # Errors
    /// It cannot be read, or others can read it.
    fn read(&self) -> io::Result<Option<Vec<u8>>>;

    /// Keeps a text instead, so that after a power cut there is the old one or the new one, and never a part.
    ///
    /// # Errors
    /// It was not kept.
    fn replace(&self, text: &[u8]) -> io::Result<()>;
}

/// The tokens of a log.
pub struct Tokens {
    list: ArcSwap<TokenList>,
    /// Held while the list changes.
    keep: Mutex<Box<dyn Keep>>,
    new: bool,
}

/// Why the tokens cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    /// What is kept is no list.
    #[error("the list of tokens cannot be used: {0}")]
    Bad(#[from] BadList),
    /// The list does not change so.
    #[error(transparent)]
    List(#[from] ListError),
    /// It cannot be read or kept.
    #[error("the list of tokens: {0}")]
    Io(#[from] io::Error),
}

/// A token that was made just now. Its secret is nowhere else.
#[derive(Debug)]
pub struct Made {
    /// What its bearer shows.
    pub secret: Secret,
    /// What the log keeps of it.
    pub token: Arc<Token>,
}

impl Tokens {
    /// Reads the list. Blocks.
    ///
    /// # Errors
    /// It cannot be read, or is none.
    pub fn open(keep: Box<dyn Keep>) -> Result<Self, TokensError> {
        let kept = keep.read()?;
        let list = kept.as_deref().map(TokenList::parse).transpose()?;
        Ok(Self {
            new: list.is_none(),
            list: ArcSwap::from_pointee(list.unwrap_or_default()),
            keep: Mutex::new(keep),
        })
    }

    /// Whether there was no list when this was opened.
    pub fn is_new(&self) -> bool {
        self.new
    }

    /// All tokens as they are now.
    pub fn list(&self) -> arc_swap::Guard<Arc<TokenList>> {
        self.list.load()
    }

    /// Makes a token with a secret of its own. Blocks.
    ///
    /// # Errors
    /// There cannot be such a token, or it cannot be kept.
    pub fn make(&self, new: &NewToken, now: Moment) -> Result<Made, TokensError> {
        loop {
            let mut random = Zeroizing::new([0; 32]);
            getrandom::fill(&mut *random).map_err(io::Error::other)?;
            let secret = Secret::new(&random);
            match self.add(new, &secret, now) {
                Err(TokensError::List(ListError::IdTaken)) => {}
                other => return other.map(|token| Made { secret, token }),
            }
        }
    }

    /// Adds a token whose secret is there already. Blocks.
    ///
    /// # Errors
    /// As [`make`](Self::make); and another token has its id.
    pub fn add(&self, new: &NewToken, secret: &Secret, now: Moment) -> Result<Arc<Token>, TokensError> {
        self.change(|list| list.with(new.clone(), secret.digest(), now))
    }

    /// Revokes a token: from now on it is refused. Blocks.
    ///
    /// # Errors
    /// There is no such token, or that it is revoked cannot be kept.
    pub fn revoke(&self, id: TokenId, now: Moment) -> Result<Arc<Token>, TokensError> {
        self.change(|list| list.without(id, now))
    }

    /// Kept first: what a caller is told holds after a power cut too.
    fn change(
        &self,
        change: impl FnOnce(&TokenList) -> Result<(TokenList, Arc<Token>), ListError>,
    ) -> Result<Arc<Token>, TokensError> {
        let keep = self.keep.lock();
        let (list, token) = change(&self.list.load())?;
        keep.replace(&list.to_text())?;
        self.list.store(Arc::new(list));
        Ok(token)
    }
}

impl Keep for sequencer::directory::PrivateFile {
    fn read(&self) -> io::Result<Option<Vec<u8>>> {
        Self::read(self).map_err(io::Error::other)
    }

    fn replace(&self, text: &[u8]) -> io::Result<()> {
        Self::replace(self, text).map_err(io::Error::other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Bindings, Denied, Role};

    /// A file in memory, which fails when it is told to.
    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<(Option<Vec<u8>>, bool)>>);

    impl Keep for Memory {
        fn read(&self) -> io::Result<Option<Vec<u8>>> {
            Ok(self.0.lock().0.clone())
        }

        fn replace(&self, text: &[u8]) -> io::Result<()> {
            let mut inside = self.0.lock();
            if inside.1 {
                return Err(io::Error::other("injected fault"));
            }
            inside.0 = Some(text.to_vec());
            Ok(())
        }
    }

    fn new() -> NewToken {
        NewToken {
            name: "a".into(),
            roles: [Role::Submitter].into(),
            bindings: Some(Bindings::ANY),
            expires: None,
        }
    }

    #[test]
    fn what_was_made_and_revoked_is_still_so_when_the_list_is_opened_again() {
        let (file, now) = (Memory::default(), Moment::from_ms(0));
        let tokens = Tokens::open(Box::new(file.clone())).unwrap();
        assert!(tokens.is_new());
        let [one, other] = [(); 2].map(|()| tokens.make(&new(), now).unwrap());
        assert_ne!(one.secret.text(), other.secret.text());
        tokens.revoke(one.token.id, now).unwrap();
        let again = Tokens::open(Box::new(file)).unwrap();
        assert!(!again.is_new());
        let bearer = |made: &Made| again.list().bearer_of(made.secret.text().as_bytes(), now);
        assert_eq!(bearer(&one), Err(Denied::Revoked));
        assert_eq!(bearer(&other).unwrap(), other.token);
    }

    #[test]
    fn what_cannot_be_kept_does_not_count() {
        let (file, now) = (Memory::default(), Moment::from_ms(0));
        let tokens = Tokens::open(Box::new(file.clone())).unwrap();
        let made = tokens.make(&new(), now).unwrap();
        file.0.lock().1 = true;
        assert!(matches!(tokens.make(&new(), now), Err(TokensError::Io(_))));
        assert!(matches!(tokens.revoke(made.token.id, now), Err(TokensError::Io(_))));
        assert_eq!(tokens.list().tokens().count(), 1);
        assert!(tokens.list().bearer_of(made.secret.text().as_bytes(), now).is_ok());
    }

    #[test]
    fn a_list_that_cannot_be_read_lets_nobody_in() {
        let file = Memory::default();
        file.replace(b"{}").unwrap();
        let error = Tokens::open(Box::new(file)).map(drop).unwrap_err();
        assert!(error.to_string().contains("missing field"), "{error}");
    }
}
