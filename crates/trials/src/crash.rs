//! A server that is killed under load, again and again on one directory.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use client::audit::{Scope, Silent};
use sequencer::Kind;
use testkit::Chance;
use tlog::checkpoint::SignedCheckpoint;

use crate::ledger::{Ledger, Pace, Totals};
use crate::onlooker::Onlooker;
use crate::served::{self, Program, Served};
use crate::{Say, TrialError};

/// Longest time under load before a kill.
const LIFE_MAX_MS: u64 = 600;
/// Time for the load to go on after the server is up again: what was under way at the kill is sent again.
const AFTERWARDS: Duration = Duration::from_millis(700);
/// One kill in so many is followed by another while the log is being opened.
const KILLED_WHILE_OPENING: u64 = 5;
/// Rounds that share a line.
const GROUP: u32 = 10;

/// A campaign of kills.
pub struct Crash {
    /// The server.
    pub program: Program,
    /// A directory for the log and the books; nothing is in it yet.
    pub home: PathBuf,
    /// What the log takes.
    pub kind: Kind,
    /// Kills in all.
    pub kills: u32,
    /// Decides when.
    pub seed: u64,
}

/// What came of it: everything held.
#[derive(Clone, Copy, Debug)]
pub struct Crashed {
    /// Kills.
    pub kills: u32,
    /// Of these, while the log was being opened.
    pub while_opening: u32,
    /// What the users counted.
    pub totals: Totals,
    /// Size of the log at the end.
    pub size: u64,
    /// Entries that were proven at the end.
    pub kept: u64,
    /// The longest time from the start of a process to its first word.
    pub slowest_opening: Duration,
}

impl Crash {
    /// Runs it.
    ///
    /// # Errors
    /// The first broken promise, or what kept the campaign from going on.
    pub async fn run(&self, say: &mut Say<'_>) -> Result<Crashed, TrialError> {
        let mut chance = Chance::seeded(self.seed);
        let mut course = Course::begin(self, &mut chance)?;
        while course.kills < self.kills {
            let next_line = (course.kills / GROUP + 1) * GROUP;
            while course.kills < next_line.min(self.kills) {
                course.round(&mut chance).await?;
            }
            say(&format!(
                "{} kills: {} acknowledged, {} sent again, {} of them there already; size {}, all kept",
                course.kills,
                course.ledger.totals.acknowledged,
                course.ledger.totals.resent,
                course.ledger.totals.duplicates,
                course.size
            ));
        }
        course.finish().await
    }
}

/// A campaign under way.
struct Course<'a> {
    plan: &'a Crash,
    data: PathBuf,
    address: std::net::SocketAddr,
    served: Served,
    ledger: Ledger,
    kills: u32,
    while_opening: u32,
    size: u64,
    slowest_opening: Duration,
}

impl<'a> Course<'a> {
    fn begin(plan: &'a Crash, chance: &mut Chance) -> Result<Self, TrialError> {
        let (data, address) = (plan.home.join("data"), served::port(chance)?);
        let served = plan.program.start(&data, plan.kind, address)?.up().map_err(TrialError::failed)?;
        let ledger = Ledger::new(plan.home.join("books"), plan.kind, &served.vkey, chance.next_u64() >> 32)?;
        Ok(Self {
            plan,
            data,
            address,
            served,
            ledger,
            kills: 0,
            while_opening: 0,
            size: 0,
            slowest_opening: Duration::ZERO,
        })
    }

    /// Load, a kill in the middle of it, the log opened again, and everything that was promised demanded.
    async fn round(&mut self, chance: &mut Chance) -> Result<(), TrialError> {
        let life = Duration::from_millis(chance.below(LIFE_MAX_MS));
        let url = self.served.url.clone();
        let pace = Pace { workers: 8, per_request: 1 + chance.below(12), rate: 400.0 };
        let load = self.ledger.load(&url, pace, life + AFTERWARDS)?;
        let list = load.acks.clone();
        let onlooker = Onlooker::start(&url, self.ledger.policy())?;
        let loading = tokio::spawn(async move { load.run(&Silent).await });
        tokio::time::sleep(life).await;
        let seen = self.kill_and_open(&onlooker, chance).await?;
        let loaded = loading.await.map_err(TrialError::failed)?.map_err(TrialError::failed)?;
        drop(onlooker);
        self.ledger.enter(&loaded)?;
        self.ledger.hold(&url, &list).await?;
        self.ledger.continues(&url, seen.as_ref()).await?;
        self.size = self.ledger.audit(&url, Scope::Incremental).await?;
        Ok(())
    }

    /// The last checkpoint that was seen before.
    async fn kill_and_open(
        &mut self,
        onlooker: &Onlooker,
        chance: &mut Chance,
    ) -> Result<Option<SignedCheckpoint>, TrialError> {
        let start = || self.plan.program.start(&self.data, self.plan.kind, self.address);
        self.served.kill();
        self.kills += 1;
        let seen = onlooker.seen();
        if self.kills < self.plan.kills && chance.one_in(KILLED_WHILE_OPENING) {
            let starting = start()?;
            tokio::time::sleep(Duration::from_millis(chance.below(120))).await;
            starting.kill();
            self.kills += 1;
            self.while_opening += 1;
        }
        let began = Instant::now();
        let starting = start()?;
        let served = tokio::task::spawn_blocking(move || starting.up()).await.map_err(TrialError::failed)?;
        self.served = served.map_err(|words| {
            TrialError::broken(format!("after kill {} the log does not open: {words}", self.kills))
        })?;
        self.slowest_opening = self.slowest_opening.max(began.elapsed());
        match &self.served.read_only {
            None => Ok(seen),
            Some(why) => Err(TrialError::broken(format!("after kill {}: {why}", self.kills))),
        }
    }

    /// A clean stop, a clean start, and the whole list and the whole log once more.
    async fn finish(mut self) -> Result<Crashed, TrialError> {
        self.served.stop()?;
        let start = self.plan.program.start(&self.data, self.plan.kind, self.address)?;
        self.served = start.up().map_err(TrialError::broken)?;
        let checked = self.ledger.hold(&self.served.url, &self.ledger.all()).await?;
        let size = self.ledger.audit(&self.served.url, Scope::Full).await?;
        self.served.stop()?;
        Ok(Crashed {
            kills: self.kills,
            while_opening: self.while_opening,
            totals: self.ledger.totals,
            size,
            kept: checked.kept,
            slowest_opening: self.slowest_opening,
        })
    }
}
