//! Logs that are served under tokens, and who has one.

use std::{io, sync::Arc};

use parking_lot::Mutex;
use server::access::{Access, Bindings, Keep, Moment, NewToken, Role, Tokens};

use crate::{
    asking::Answer,
    served::{Served, Setup},
};

/// A list of tokens that is kept in memory, or not, when it is told so.
#[derive(Clone, Default)]
pub(crate) struct KeptInMemory {
    pub(crate) text: Arc<Mutex<Option<Vec<u8>>>>,
    pub(crate) full: Arc<std::sync::atomic::AtomicBool>,
}

impl Keep for KeptInMemory {
    fn read(&self) -> io::Result<Option<Vec<u8>>> {
        Ok(self.text.lock().clone())
    }

    fn replace(&self, text: &[u8]) -> io::Result<()> {
        if self.full.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(io::Error::other("injected fault"));
        }
        *self.text.lock() = Some(text.to_vec());
        Ok(())
    }
}

/// A token for each role.
pub(crate) struct Bearers {
    tokens: Vec<(Role, String)>,
    pub(crate) kept: KeptInMemory,
}

impl Bearers {
    pub(crate) fn of(&self, role: Role) -> &str {
        let has = self.tokens.iter().find(|(of, _)| *of == role);
        &has.unwrap().1
    }
}

impl Setup {
    /// The same under tokens.
    pub(crate) fn under_tokens(self) -> (Self, Bearers) {
        let kept = KeptInMemory::default();
        let tokens = Tokens::open(Box::new(kept.clone())).unwrap();
        let bearers = Role::ALL.map(|role| (role, make(&tokens, &[role], None))).into();
        (Self { access: Access::Tokens(tokens), ..self }, Bearers { tokens: bearers, kept })
    }
}

/// A token that is bound to nobody in particular, named after its first role.
pub(crate) fn make(tokens: &Tokens, roles: &[Role], expires: Option<u64>) -> String {
    let new = NewToken {
        name: format!("the {}", roles[0]),
        roles: roles.iter().copied().collect(),
        bindings: roles.contains(&Role::Submitter).then_some(Bindings::ANY),
        expires: expires.map(|ms| Moment::from_ms(ms.cast_signed())),
    };
    let now = Moment::from_ms(testkit::sample::START_MS.cast_signed());
    tokens.make(&new, now).unwrap().secret.text().to_owned()
}

impl Served {
    pub(crate) fn tokens(&self) -> &Tokens {
        match self.app.access() {
            Access::Tokens(tokens) => tokens,
            Access::Open => panic!("this log is served open"),
        }
    }

    /// One request by the bearer of a token; of nobody if it is empty.
    pub(crate) async fn ask_as(&self, token: &str, method: &str, target: &str, body: &[u8]) -> Answer {
        let bearer = format!("Bearer {token}");
        let json = ("content-type", "application/json");
        let headers = [json, ("authorization", bearer.as_str())];
        let headers = if token.is_empty() { &headers[..1] } else { &headers[..] };
        self.ask(method, target, headers, body).await
    }

    pub(crate) async fn get_as(&self, token: &str, target: &str) -> Answer {
        self.ask_as(token, "GET", target, b"").await
    }
}
