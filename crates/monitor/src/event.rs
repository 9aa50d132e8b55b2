//! What a monitor tells: a closed set of events, each one line of JSON.
//!
//! ```json
//! {"id": "022673309084deb1-1795852800000-17", "number": 17, "time": "2026-11-28T08:00:00Z", "log": "log.example.org/agents",
//!  "event": "incident", "incident": "split-view", "subject": "513 eNZ0…", "since": "…", "times": 1,
//!  "again": false, "detail": "…", "proof": "<name of a fork proof>", "guilty": ["<vkey>"]}
//! ```
//!
//! The id is the beginning of the SHA-256 of the origin, the moment at which the monitor was started, and a number that goes up
//! by one: an event may be told more than once, and whoever hears it drops an id that he knows.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z.
pub type Millis = u64;

/// Something that a monitor tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Names it, for good.
    pub id: String,
    /// Goes up by one with each event of a log, as long as what the monitor remembers is there.
    pub number: u64,
    /// When (RFC 3339).
    pub time: String,
    /// Name of the log.
    pub log: String,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum What {
    /// The monitor was started, and has verified so many entries of the log before.
    Started {
        /// Entries.
        size: u64,
    },
    /// Every entry up to this head was hashed, and it continues all that was seen before.
    Verified {
        /// Number of entries.
        size: u64,
        /// Root hash, base64.
        root: String,
        /// How many of them are new.
        entries: u64,
    },
    /// Something is wrong; told again at every start and at an interval, as long as it is.
    Incident(Told),
    /// It is not any more. That it was stays known.
    Over(Told),
    /// A finding of a record log: what a rule found in an entry.
    Finding(Found),
    /// Events that were dropped, because too many waited for somebody who does not listen.
    Lost {
        /// How many.
        count: u64,
    },
}

/// An incident as it is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// What kind.
    pub incident: Kind,
    /// Which one of its kind: a head, a path, a key; may be empty.
    pub subject: String,
    /// When it began (RFC 3339).
    pub since: String,
    /// How often it was seen.
    pub times: u64,
    /// Whether it was told before.
    pub again: bool,
    /// A sentence.
    pub detail: String,
    /// Name of the fork proof that was kept.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub proof: Option<String>,
    /// Keys that are shown to have signed what cannot both be true.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub guilty: Vec<String>,
}

/// What can be wrong with a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Two heads that the log signed exclude each other; a fork proof is kept.
    SplitView,
    /// A witness cosigned both of two heads that exclude each other.
    TwoHistoriesCosigned,
    /// An entry, a bundle or a tile is not what was signed.
    Tampered,
    /// The log has shown a smaller head than before, for longer than the publication delay.
    WentBack,
    /// A head that the log signed is not in the history that it shows, after the publication delay.
    Unconnected,
    /// The checkpoint that the log shows is not one to be believed.
    Checkpoint,
    /// The log cannot be read, for longer than the publication delay.
    Unreachable,
    /// The log has not grown for as long as was said to be too long.
    StandsStill,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 8] = [
        Self::SplitView,
        Self::TwoHistoriesCosigned,
        Self::Tampered,
        Self::WentBack,
        Self::Unconnected,
        Self::Checkpoint,
        Self::Unreachable,
        Self::StandsStill,
    ];

    /// The word for it, stable.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SplitView => "split-view",
            Self::TwoHistoriesCosigned => "two-histories-cosigned",
            Self::Tampered => "tampered",
            Self::WentBack => "went-back",
            Self::Unconnected => "unconnected",
            Self::Checkpoint => "checkpoint",
            Self::Unreachable => "unreachable",
            Self::StandsStill => "stands-still",
        }
    }

    /// Whether it says that the log, or a witness, does not keep its promise. The others say that it could not be told, or
    /// that nothing happens.
    pub const fn is_grave(self) -> bool {
        !matches!(self, Self::Unreachable | Self::StandsStill)
    }
}

/// A finding as it is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Word of the rule.
    pub rule: String,
    /// Index of the entry that shows it.
    pub index: u64,
    /// Id of the record there.
    pub record: String,
    /// The session, where the record names one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub session: Option<String>,
    /// The agent that acted, where the record names one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub agent: Option<String>,
    /// On whose behalf, where the record says it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub principal: Option<String>,
    /// A sentence.
    pub detail: String,
    /// Indices of the other entries that it rests on.
    pub rests_on: Vec<u64>,
}

impl What {
    /// Whether somebody should look: told to webhooks.
    pub fn is_alert(&self) -> bool {
        !matches!(self, Self::Started { .. } | Self::Verified { .. })
    }
}

/// A moment as RFC 3339 has it.
pub fn rfc3339(at: Millis) -> String {
    let at = i64::try_from(at).ok().and_then(|at| Timestamp::from_millisecond(at).ok());
    at.unwrap_or_default().to_string()
}
