//! `deedbook demo --network`: a log, two witnesses and three monitors, each a process of its own; then the log lies.
//!
//! Whoever plays here is this program, started with the words that are shown. What they know of each other goes over
//! sockets on loopback.

mod cast;
mod chapters;
mod crossing;
mod stage;

use serde::Serialize;

use super::{Home, Teller};
use crate::cli::{Failure, Verdict};
use crate::print::Printer;
use crate::serve::Stop;
use chapters::{Chapters, Split, Witnessed};
use stage::Stage;

/// What came of it.
#[derive(Debug, Serialize)]
struct Shown {
    log: String,
    vkey: String,
    witnesses: Vec<String>,
    witnessed: Witnessed,
    split: Split,
    /// How the monitors ended: 1 is something wrong and not over.
    monitors: Vec<Option<i32>>,
}

pub(super) async fn run(home: Home, printer: Printer) -> Result<Verdict, Failure> {
    let mut stop = Stop::new()?;
    let teller = Teller { printer };
    let stage = Stage::at(home.path())?;
    // Whatever ends the story ends those who play in it.
    let shown = tokio::select! {
        shown = tell(&teller, &stage) => shown?,
        () = stop.wait() => return Err(Failure::could_not_tell("stopped before the end")),
    };
    if printer.json {
        crate::print::json_line(&shown);
    }
    if let Home::Named(path) = &home {
        let path = path.display();
        teller.step("Try it yourself", &[
            format!("deedbook verify fork-proof {path}/split.fork-proof"),
            format!("deedbook verify {path}/calls.ndjson.receipts.ndjson --records {path}/calls.ndjson --policy {path}/policy.txt"),
        ]);
    }
    Ok(Verdict::Holds)
}

async fn tell(teller: &Teller, stage: &Stage) -> Result<Shown, Failure> {
    let chapters = Chapters { teller, stage };
    let mut network = chapters.begun().await?;
    let witnessed = chapters.witnessed(&mut network).await?;
    let (mut network, twin) = chapters.forked(network).await?;
    let split = chapters.caught(&mut network, &twin).await?;
    chapters.refused(&twin).await?;
    let witnesses = network.witnesses.iter().map(|(key, _)| key.clone()).collect();
    let (log, vkey) = (network.origin.clone(), network.vkey.clone());
    let monitors = network.end(twin).await?;
    chapters.proven().await?;
    Ok(Shown { log, vkey, witnesses, witnessed, split, monitors })
}
