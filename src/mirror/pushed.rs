//! Logs that push to a mirror: which may, and how each of them stands.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use follower::mirror::log::MirroredLog;
use follower::mirror::push::Pushes;
use follower::mirror::service::Mirror;
use follower::witness::enrolled::{Enrolled, EnrolledLog};
use follower::witness::keeper::OriginId;

use super::standing::Board;
use crate::cli::{Failure, read_input};

/// Where a log comes from that nobody reads.
pub(super) const PLACE: &str = "pushed by the log";
/// How often what was pushed is noted.
const LOOK_AFTER: Duration = Duration::from_secs(1);

/// The list at this path (C2SP tlog-list).
pub(super) fn list(path: &Path) -> Result<Enrolled, Failure> {
    Enrolled::parse(&read_input(path)?)
        .map_err(|error| Failure::could_not_tell(format!("{}: {error}", path.display())))
}

/// What may be pushed to this mirror; what was pending when it ended is pending again.
pub(super) async fn open(mirror: &Arc<Mirror>, list: &Enrolled) -> Arc<Pushes> {
    let pushes = Pushes::new(mirror.clone(), list.clone());
    pushes.resume().await;
    Arc::new(pushes)
}

/// Notes how the logs stand that are pushed and not read, until it is dropped.
pub(super) async fn look_after(mirror: Arc<Mirror>, board: Arc<Board>, logs: Vec<EnrolledLog>) {
    let mut ticks = tokio::time::interval(LOOK_AFTER);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let copies = logs.iter().filter_map(|log| mirror.log(&OriginId::of(log.origin())).cloned());
        let (board, copies): (_, Vec<_>) = (board.clone(), copies.collect());
        // A copy that is being written may be waited for.
        let noted =
            tokio::task::spawn_blocking(move || copies.iter().for_each(|copy| note(&board, copy))).await;
        if noted.is_err() {
            return;
        }
    }
}

fn note(board: &Board, copy: &MirroredLog) {
    let (shown, held) = (copy.shown().map(|shown| shown.head()), copy.next().ok());
    let pending = copy.pending().into_iter().max();
    board.pushed(copy.origin(), shown, held, pending, &jiff::Timestamp::now().to_string());
}
