//! A server whose machine loses its power under load, again and again.

use std::path::PathBuf;
use std::time::Duration;

use client::audit::{Scope, Silent};
use sequencer::Kind;
use testkit::Chance;

use crate::disk::Disk;
use crate::ledger::{Ledger, Pace, Totals, first_of};
use crate::onlooker::Onlooker;
use crate::served::{self, Program, Served};
use crate::{Say, TrialError};

/// Longest time under load before a cut.
const LIFE_MAX_MS: u64 = 1_500;
/// For so long the load would have gone on.
const AFTERWARDS: Duration = Duration::from_millis(300);
/// Cuts that one log lives through before another begins on an empty disk.
const CUTS_OF_A_LOG: u32 = 5;
/// The load before a cut, and the short one afterwards that shows that the log takes entries again.
const PACE: Pace = Pace { workers: 16, per_request: 8, rate: 1_000.0 };
const SHORT: Duration = Duration::from_millis(50);

/// A campaign of power cuts.
pub struct Powercut {
    /// The server.
    pub program: Program,
    /// A directory for the disk and the books; nothing is in it yet.
    pub home: PathBuf,
    /// Cuts in all.
    pub cuts: u32,
    /// Decides when.
    pub seed: u64,
}

/// What the cuts did.
#[derive(Clone, Debug, Default)]
pub struct Fates {
    /// Cuts after which everything held.
    pub sound: u32,
    /// Cuts after which acknowledged entries were gone, or the history was another one.
    pub lost: u32,
    /// Most acknowledged entries that one cut took.
    pub lost_max: u64,
    /// Cuts after which the log would not open.
    pub unopened: u32,
    /// Cuts after which it opened for reading only, because it knew that it had been further.
    pub read_only: u32,
    /// The first trouble, in words.
    pub first_trouble: Option<String>,
    /// What the users of all logs counted.
    pub totals: Totals,
}

impl Fates {
    /// Cuts in all.
    pub fn cuts(&self) -> u32 {
        self.sound + self.lost + self.unopened + self.read_only
    }
}

/// What one cut did.
enum Fate {
    Sound,
    Lost(u64, String),
    Unopened(String),
    ReadOnly(String),
}

impl Powercut {
    /// Runs it. A log that is not sound after a cut is counted, and another one begun.
    ///
    /// # Errors
    /// What kept the campaign from going on.
    pub async fn run(&self, say: &mut Say<'_>) -> Result<Fates, TrialError> {
        let mut chance = Chance::seeded(self.seed);
        let mut fates = Fates::default();
        let mut logs = 0;
        while fates.cuts() < self.cuts {
            let kind = if logs % 2 == 0 { Kind::Records } else { Kind::Raw };
            let mut log = Life::begin(self, kind, logs, &mut chance)?;
            logs += 1;
            let mut cuts = 0;
            while cuts < CUTS_OF_A_LOG && fates.cuts() < self.cuts {
                cuts += 1;
                let after = Duration::from_millis(20 + chance.below(LIFE_MAX_MS));
                let fate = log.cut(after).await?;
                let words = fates.count(fate);
                say(&format!(
                    "cut {} (log {logs}, {kind}, after {:.2} s of load, {} acknowledged in its life): {words}",
                    fates.cuts(),
                    after.as_secs_f64(),
                    log.ledger.totals.acknowledged,
                ));
                if words != "sound" {
                    break;
                }
            }
            fates.totals.acknowledged += log.ledger.totals.acknowledged;
            fates.totals.resent += log.ledger.totals.resent;
        }
        Ok(fates)
    }
}

impl Fates {
    /// Counts a fate and puts it in words.
    fn count(&mut self, fate: Fate) -> String {
        let words = match fate {
            Fate::Sound => {
                self.sound += 1;
                return "sound".to_owned();
            }
            Fate::Lost(entries, what) => {
                self.lost += 1;
                self.lost_max = self.lost_max.max(entries);
                format!("LOST {entries} acknowledged entries: {what}")
            }
            Fate::Unopened(what) => {
                self.unopened += 1;
                format!("DOES NOT OPEN: {what}")
            }
            Fate::ReadOnly(what) => {
                self.read_only += 1;
                format!("OPENS READ-ONLY: {what}")
            }
        };
        self.first_trouble.get_or_insert_with(|| words.clone());
        words
    }
}

/// One log on one disk, through several cuts.
struct Life<'a> {
    plan: &'a Powercut,
    kind: Kind,
    address: std::net::SocketAddr,
    ledger: Ledger,
    // Dropped before the disk that it uses.
    served: Served,
    disk: Disk,
}

impl<'a> Life<'a> {
    fn begin(plan: &'a Powercut, kind: Kind, number: u32, chance: &mut Chance) -> Result<Self, TrialError> {
        let disk = Disk::fresh(&plan.home.join("disk"))?;
        let address = served::port(chance)?;
        let served = plan.program.start(&disk.path().join("data"), kind, address)?.up();
        let served = served.map_err(TrialError::failed)?;
        let books = plan.home.join(format!("books-{number}"));
        let ledger = Ledger::new(books, kind, &served.vkey, chance.next_u64() >> 32)?;
        Ok(Self { plan, kind, address, ledger, served, disk })
    }

    /// Load, a cut in the middle of it, and everything that was promised demanded of what is left.
    async fn cut(&mut self, after: Duration) -> Result<Fate, TrialError> {
        let url = self.served.url.clone();
        let load = self.ledger.load(&url, PACE, after + AFTERWARDS)?;
        let onlooker = Onlooker::start(&url, self.ledger.policy())?;
        let loading = tokio::spawn(async move { load.run(&Silent).await });
        tokio::time::sleep(after).await;
        self.served.freeze()?;
        let copied = tokio::task::block_in_place(|| self.disk.copy());
        self.served.kill();
        let loaded = loading.await.map_err(TrialError::failed)?.map_err(TrialError::failed)?;
        let seen = onlooker.seen();
        drop(onlooker);
        copied?;
        self.ledger.enter(&loaded)?;
        self.disk.become_the_copy()?;
        let data = self.disk.path().join("data");
        match self.plan.program.start(&data, self.kind, self.address)?.up() {
            Ok(served) => self.served = served,
            Err(words) => return Ok(Fate::Unopened(words)),
        }
        if let Some(why) = self.served.read_only.clone() {
            return Ok(Fate::ReadOnly(why));
        }
        let checked = self.ledger.check(&url, &self.ledger.all()).await?;
        if !checked.holds() || checked.kept < checked.acknowledged {
            return Ok(Fate::Lost(checked.acknowledged - checked.kept, first_of(&checked.broken)));
        }
        match self.go_on(&url, seen.as_ref()).await {
            Ok(()) => Ok(Fate::Sound),
            Err(TrialError::Broken(what)) => Ok(Fate::Lost(0, what)),
            Err(failed) => Err(failed),
        }
    }

    /// The log continues what was seen of it, and takes entries as before.
    async fn go_on(
        &mut self,
        url: &str,
        seen: Option<&tlog::checkpoint::SignedCheckpoint>,
    ) -> Result<(), TrialError> {
        self.ledger.continues(url, seen).await?;
        let load = self.ledger.load(url, PACE, SHORT)?;
        let list = load.acks.clone();
        let loaded = load.run(&Silent).await.map_err(TrialError::failed)?;
        if loaded.acknowledged == 0 {
            return Err(TrialError::broken("the log takes no entries after the cut"));
        }
        self.ledger.enter(&loaded)?;
        self.ledger.hold(url, &list).await?;
        self.ledger.audit(url, Scope::Full).await.map(drop)
    }
}
