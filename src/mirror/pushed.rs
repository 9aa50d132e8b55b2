//! Logs that push to a mirror: which may, and how each of them stands.

use std::sync::Arc;
use std::time::Duration;

use follower::mirror::log::MirroredLog;
use follower::mirror::push::Pushes;
use follower::mirror::service::Mirror;
use follower::witness::enrolled::{Enrolled, EnrolledLog};
use follower::witness::keeper::OriginId;
use server::limits::Timeouts;
use server::mirror::{Metrics, Push};
use server::{SystemClock, mirror};
use tlog::key::KeyName;

use super::plan::Plan;
use super::standing::Board;

/// Where a log comes from that nobody reads.
const PLACE: &str = "pushed by the log";
/// How often what was pushed is noted.
const LOOK_AFTER: Duration = Duration::from_secs(1);

/// The mirror as it is served. What was pending when it ended, of logs that may be pushed, is pending again.
pub(super) async fn app(plan: &Plan, mirror: &Arc<Mirror>, board: &Arc<Board>) -> Arc<mirror::App> {
    let push = match &plan.pushed {
        Some(list) => Some(push(plan, mirror, list).await),
        None => None,
    };
    mirror::App::new(mirror.clone(), plan.entries, board.clone(), Metrics::new(), push)
}

async fn push(plan: &Plan, mirror: &Arc<Mirror>, list: &Enrolled) -> Push {
    // A log that is read under a policy is under it when it is pushed.
    let policies = plan.logs.iter().map(|log| (log.origin.clone(), log.policy.clone()));
    let pushes = Arc::new(Pushes::new(mirror.clone(), list.clone()).under(policies));
    pushes.resume().await;
    Push::new(pushes, Arc::new(SystemClock), Timeouts::default())
}

impl Plan {
    /// The logs that may be pushed and are not read.
    pub(super) fn only_pushed(&self) -> Vec<EnrolledLog> {
        let pushed = self.pushed.iter().flat_map(Enrolled::logs);
        pushed.filter(|log| self.logs.iter().all(|read| read.origin != *log.origin())).cloned().collect()
    }

    /// Whether a log may be pushed.
    pub(super) fn is_pushed(&self, origin: &KeyName) -> bool {
        self.pushed.iter().flat_map(Enrolled::logs).any(|log| log.origin() == origin)
    }

    /// All logs, and where they come from.
    pub(super) fn places(&self) -> Vec<(KeyName, String)> {
        let read = self.logs.iter().map(|log| (log.origin.clone(), log.source.to_string()));
        let pushed = self.only_pushed().into_iter().map(|log| (log.origin().clone(), PLACE.to_owned()));
        read.chain(pushed).collect()
    }
}

/// Notes how the logs stand that are pushed and not read, until it is dropped.
pub(super) async fn look_after(mirror: Arc<Mirror>, board: Arc<Board>, logs: Vec<EnrolledLog>) {
    let mut ticks = tokio::time::interval(LOOK_AFTER);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let copies = logs.iter().filter_map(|log| mirror.log(&OriginId::of(log.origin())).cloned());
        let (board, copies): (_, Vec<_>) = (board.clone(), copies.collect());
        let forks: Vec<OriginId> =
            mirror.keeper().contradictions().into_iter().map(|fork| fork.origin).collect();
        // A copy that is being written may be waited for.
        let noted =
            tokio::task::spawn_blocking(move || copies.iter().for_each(|copy| note(&board, copy, &forks)))
                .await;
        if noted.is_err() {
            return;
        }
    }
}

fn note(board: &Board, copy: &MirroredLog, forks: &[OriginId]) {
    let (shown, held) = (copy.shown().map(|shown| shown.head()), copy.next().ok());
    let pending = copy.pending().into_iter().max();
    let forked = forks.contains(&OriginId::of(copy.origin()));
    board.pushed(copy.origin(), shown, held, pending, forked, &jiff::Timestamp::now().to_string());
}
