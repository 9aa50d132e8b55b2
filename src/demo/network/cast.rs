//! Who plays: a log, its twin, two witnesses and three monitors.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::Value;

use super::super::cannot_write;
use super::crossing::Crossing;
use super::stage::{Player, Stage};
use crate::cli::Failure;

/// Seconds between two exchanges of the monitors.
pub(super) const GOSSIP_EVERY: u64 = 1;
/// How the log is told to ask its witnesses.
pub(super) const ASKING: &str = "--policy policy.txt --when-unwitnessed hold";
const SERVE: &str = "serve --open --json --publish-every 0.2";
const WITNESS: &str = "witness run --json --listen 127.0.0.1:0";
const MONITOR: &str = "monitor --poll 0.3 --gossip-listen 127.0.0.1:0";

/// All that run.
pub(super) struct Network {
    pub(super) log: Player,
    pub(super) address: SocketAddr,
    pub(super) origin: String,
    pub(super) vkey: String,
    /// Key and process of each witness.
    pub(super) witnesses: Vec<(String, Player)>,
    pub(super) monitors: Vec<Player>,
    /// The way on which the third monitor reaches the log.
    pub(super) crossing: Crossing,
}

/// The log's other history, which its operator shows to one and hides from the others.
pub(super) struct Twin {
    player: Player,
    pub(super) url: String,
    pub(super) address: SocketAddr,
}

impl Network {
    /// Starts all of them. Files: `log.vkey`; `policy.txt`, which demands both witnesses; `bare.txt`, which demands none.
    pub(super) async fn start(stage: &Stage) -> Result<Self, Failure> {
        let mut log = stage.start("log", &format!("{SERVE} --data log --listen 127.0.0.1:0"))?;
        let said = log.says(is_serving).await?;
        let (address, origin, vkey) = (address(&said)?, text(&said, "origin")?, text(&said, "vkey")?);
        // A policy names the log's key, so there has to be one first.
        log.end().await?;
        stage.write("log.vkey", &format!("{vkey}\n"))?;
        stage.write("bare.txt", &format!("log {vkey}\nquorum none\n"))?;
        let (mut witnesses, mut lines) = (vec![], vec![]);
        for name in ["w1", "w2"] {
            let mut witness = stage.start(name, &format!("{WITNESS} --data {name} --name {name}.example"))?;
            let said = witness.says(|said| said["vkeys"].is_array()).await?;
            let key = said["vkeys"][0].as_str().unwrap_or_default().to_owned();
            lines.push(format!("witness {name} {key} {}\n", text(&said, "url")?));
            let enrol = format!("witness enrol --data {name} --vkey-file log.vkey --contact the-demo");
            stage.done(&enrol).await?;
            witnesses.push((key, witness));
        }
        let lines = lines.concat();
        let policy = format!("log {vkey} http://{address}\n{lines}group both all w1 w2\nquorum both\n");
        stage.write("policy.txt", &policy)?;
        let log = serve(stage, address).await?;
        let crossing = Crossing::to(address).await?;
        let mut network = Self { log, address, origin, vkey, witnesses, monitors: vec![], crossing };
        network.watch(stage).await?;
        Ok(network)
    }

    /// The third demands no witnesses: whoever does cannot be shown what they have not seen.
    async fn watch(&mut self, stage: &Stage) -> Result<(), Failure> {
        let (log, crossing) = (format!("http://{}", self.address), self.crossing.url.clone());
        let mut peers = vec![];
        let all = [("m1", &log, "policy.txt"), ("m2", &log, "policy.txt"), ("m3", &crossing, "bare.txt")];
        for (name, place, policy) in all {
            let monitor = stage.start(
                name,
                &format!(
                    "{MONITOR} --gossip-every {GOSSIP_EVERY} --data {name} --log {place} --policy {policy}{}",
                    peers.concat()
                ),
            )?;
            peers.push(format!(" --peer {}", monitor.notes_after("gossip on ").await?));
            self.monitors.push(monitor);
        }
        Ok(())
    }

    /// The log is stopped, copied with its key, and started twice: two histories with one beginning. The third
    /// monitor is led to the twin before either has grown.
    pub(super) async fn fork(mut self, stage: &Stage) -> Result<(Self, Twin), Failure> {
        self.log.end().await?;
        copy(&stage.path("log"), &stage.path("twin"))?;
        self.log = serve(stage, self.address).await?;
        let mut player = stage.start("twin", &format!("{SERVE} --data twin --listen 127.0.0.1:0"))?;
        let said = player.says(is_serving).await?;
        let twin = Twin { player, url: text(&said, "url")?, address: address(&said)? };
        self.crossing.turn(twin.address);
        Ok((self, twin))
    }

    /// Ends all of them: the exit codes of the monitors.
    pub(super) async fn end(self, twin: Twin) -> Result<Vec<Option<i32>>, Failure> {
        let mut codes = vec![];
        for monitor in self.monitors {
            codes.push(monitor.end().await?);
        }
        let witnesses = self.witnesses.into_iter().map(|(_, witness)| witness);
        for player in [self.log, twin.player].into_iter().chain(witnesses) {
            player.end().await?;
        }
        Ok(codes)
    }
}

/// The log, where it was before.
async fn serve(stage: &Stage, address: SocketAddr) -> Result<Player, Failure> {
    let mut log = stage.start("log", &format!("{SERVE} --data log --listen {address} {ASKING}"))?;
    log.says(is_serving).await?;
    Ok(log)
}

fn is_serving(said: &Value) -> bool {
    said["url"].is_string()
}

fn address(said: &Value) -> Result<SocketAddr, Failure> {
    let url = text(said, "url")?;
    url.trim_start_matches("http://")
        .parse()
        .map_err(|_| Failure::could_not_tell(format!("{url} is no address")))
}

/// A member that has to be there.
pub(super) fn text(value: &Value, name: &str) -> Result<String, Failure> {
    let missing = || Failure::could_not_tell(format!("{value} has no {name}"));
    value[name].as_str().map(str::to_owned).ok_or_else(missing)
}

/// Copies a directory with all that is in it, keys too, each to be read by whom it was.
fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    let failed = |error: &std::io::Error| cannot_write(to, error);
    std::fs::create_dir_all(to).map_err(|error| failed(&error))?;
    for entry in std::fs::read_dir(from).map_err(|error| failed(&error))? {
        let entry = entry.map_err(|error| failed(&error))?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to)?;
        } else {
            std::fs::copy(&from, &to).map_err(|error| failed(&error))?;
        }
    }
    let kept = std::fs::metadata(from).and_then(|from| std::fs::set_permissions(to, from.permissions()));
    kept.map_err(|error| failed(&error))
}
