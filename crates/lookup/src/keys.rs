//! Under which keys an entry is found. Total, deterministic, versioned and frozen.
//!
//! A key is SHA-256 over the kind's number, a zero byte and the value; of that the lookups keep the first eight bytes. The
//! verifiable map that may come on top of this needs the mapping never to change: what is added gets a new number, and
//! [`VERSION`] moves.

use record::{
    Logged,
    findings::Rule,
    model::{Actor, Masked, Mode, Record},
};
use sha2::{Digest as _, Sha256};

/// Version of the mapping. Another one means that lookups are made anew.
pub const VERSION: u32 = 2;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident $number:literal $word:literal,)*) => {
        /// What an entry is looked up by. The numbers are never used for anything else.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Kind {
            $($(#[$doc])* $name = $number,)*
        }

        impl Kind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The word in a query.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }
        }
    };
}

kinds! {
    /// On whose behalf: `iss|sub` of the principal.
    Principal 1 "principal",
    /// What a principal is called.
    Name 2 "name",
    /// `sub` of the principal, whoever vouches for it.
    User 3 "user",
    /// The agent that acts.
    Agent 4 "agent",
    /// Anybody who acts: the agent, each actor of the chain, both ends of a delegation.
    Actor 5 "actor",
    /// The session.
    Session 6 "session",
    /// The tool.
    Tool 7 "tool",
    /// Who offers the tool.
    Server 8 "server",
    /// What a call is about, where that stands in the record.
    Target 9 "target",
    /// Who approved or denied.
    Approver 10 "approver",
    /// Who or what approves.
    Approval 11 "approval",
    /// How a call ended.
    Outcome 12 "outcome",
    /// A rule that the entry breaks.
    Finding 13 "finding",
    /// The program that wrote the record.
    Producer 14 "producer",
    /// What happened.
    Type 15 "type",
    /// The trace id: 32 hexadecimal digits.
    Trace 16 "trace",
    /// The call's name within its session.
    Action 17 "action",
    /// The record's id.
    Record 18 "record",
    /// The id of the record that an approval binds.
    Bound 19 "bound",
    /// Whose a key is that comes, changes or goes.
    Party 20 "party",
    /// A key that comes, changes or goes: its id, and that of the key that it replaces.
    Key 21 "key",
}

impl Kind {
    /// The kind of this word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == word)
    }
}

/// The first eight bytes of a key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub [u8; 8]);

impl Key {
    /// The key of a value.
    pub fn new(kind: Kind, value: &str) -> Self {
        let digest = Sha256::new().chain_update([kind as u8, 0]).chain_update(value).finalize();
        Self(*digest.first_chunk().unwrap_or(&[0; 8]))
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({:016x})", u64::from_be_bytes(self.0))
    }
}

/// Everything an entry is found by, but what was found in it; each once, in the order of kinds and values.
pub fn of_entry(logged: &Logged<'_>) -> Vec<(Kind, String)> {
    let mut keys = Vec::with_capacity(16);
    each(logged, |kind, value| keys.push((kind, value.to_owned())));
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// The same one by one, in no order; a key may come more than once.
pub(crate) fn each(logged: &Logged<'_>, mut take: impl FnMut(Kind, &str)) {
    Keys(&mut take).of(logged.record());
}

/// The key of a rule that an entry breaks.
pub fn of_finding(rule: Rule) -> (Kind, String) {
    (Kind::Finding, rule.as_str().to_owned())
}

/// A principal as it is looked up: who vouches, a bar, and the name there.
pub fn principal(iss: &str, sub: &str) -> String {
    format!("{iss}|{sub}")
}

/// Where each key goes.
struct Keys<'t>(&'t mut dyn FnMut(Kind, &str));

impl Keys<'_> {
    fn push(&mut self, kind: Kind, value: &str) {
        (self.0)(kind, value);
    }

    fn maybe(&mut self, kind: Kind, value: Option<&str>) {
        if let Some(value) = value {
            self.push(kind, value);
        }
    }

    fn of(&mut self, record: &Record<'_>) {
        self.push(Kind::Record, &record.id.to_string());
        self.push(Kind::Type, record.kind.as_str());
        self.maybe(Kind::Producer, record.producer.as_ref().map(|producer| producer.id.as_str()));
        self.maybe(Kind::Session, record.session.as_ref().map(|session| session.id.as_str()));
        self.maybe(Kind::Trace, record.trace.as_ref().and_then(|trace| trace.id()));
        self.maybe(Kind::Outcome, record.outcome.as_ref().map(|outcome| outcome.status.as_str()));
        self.of_people(record);
        self.of_action(record);
        if let Some(change) = &record.key {
            self.maybe(Kind::Party, change.party.as_ref().map(|party| party.sub.as_str()));
            self.push(Kind::Key, &change.kid);
            self.maybe(Kind::Key, change.replaces.as_deref());
        }
        if let Some(approval) = &record.approval {
            self.maybe(Kind::Approver, approval.approver.as_ref().map(|party| party.sub.as_str()));
            self.maybe(Kind::Approval, approval.mode.map(Mode::as_str));
            self.maybe(Kind::Bound, approval.binds.as_ref().map(|binds| binds.record.to_string()).as_deref());
        }
    }

    fn of_people(&mut self, record: &Record<'_>) {
        if let Some(who) = &record.principal {
            self.push(Kind::Principal, &principal(&who.iss, &who.sub));
            self.push(Kind::User, &who.sub);
            self.maybe(Kind::Name, who.name.as_ref().and_then(Masked::plain));
        }
        if let Some(agent) = &record.agent {
            self.push(Kind::Agent, &agent.sub);
            self.push(Kind::Actor, &agent.sub);
        }
        let token = record.token.as_ref().and_then(|token| token.act.as_ref());
        for actor in [record.act.as_ref(), token].into_iter().flatten().flat_map(Actor::chain) {
            self.push(Kind::Actor, &actor.sub);
        }
        if let Some(delegation) = &record.delegation {
            self.push(Kind::Actor, &delegation.from.sub);
            self.push(Kind::Actor, &delegation.to.sub);
        }
    }

    fn of_action(&mut self, record: &Record<'_>) {
        let Some(action) = &record.action else { return };
        self.push(Kind::Action, &action.id);
        self.maybe(Kind::Tool, action.tool.as_deref());
        self.maybe(Kind::Server, action.server.as_deref());
        self.maybe(Kind::Target, action.target.as_ref().and_then(Masked::plain));
    }
}
