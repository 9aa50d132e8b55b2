//! More clients than the server has descriptors for.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use client::audit::Scope;
use client::http::{Http, HttpOptions};
use sequencer::Kind;
use testkit::Chance;

use crate::ledger::Ledger;
use crate::served::{self, Program, Served};
use crate::{Say, TrialError};

/// Connections that one process of clients makes; each needs a descriptor.
const CLIENTS_OF_A_PROCESS: u32 = 10_000;
/// Time for one request: the crowd is let in one after the other.
const TIMEOUT_S: u32 = 60;

/// A crowd.
pub struct Crowd {
    /// `deedbook`: the server, and its load tool for the clients.
    pub binary: PathBuf,
    /// A directory for the log and the lists; nothing is in it yet.
    pub home: PathBuf,
    /// Clients, each with a connection.
    pub connections: u32,
    /// Descriptors that the server may open.
    pub descriptors: u64,
    /// For how long requests are begun.
    pub seconds: u32,
}

/// What came of it: everything held.
#[derive(Clone, Debug, Default)]
pub struct Crowded {
    /// Answers by HTTP status.
    pub statuses: BTreeMap<String, u64>,
    /// Requests without an answer, by kind: connections that were refused or closed.
    pub unanswered: BTreeMap<String, u64>,
    /// Entries that were acknowledged, and are all in the log.
    pub acknowledged: u64,
    /// Most descriptors that the server was seen to have open.
    pub descriptors_max: usize,
    /// Most memory that the server ever held, in bytes.
    pub memory_max: u64,
}

impl Crowd {
    /// Runs it.
    ///
    /// # Errors
    /// The server died, is not ready afterwards, answered something else than 200, 429 or 503, or broke a promise.
    pub async fn run(&self, say: &mut Say<'_>) -> Result<Crowded, TrialError> {
        let address = served::port(&mut Chance::seeded(u64::from(std::process::id())))?;
        let program =
            Program::deedbook(&self.binary, Duration::from_secs(1)).with_descriptors(self.descriptors);
        let served = program.start(&self.home.join("data"), Kind::Raw, address)?.up();
        let mut served = served.map_err(TrialError::failed)?;
        let mut crowded = Crowded::default();
        let clients = self.start_clients(&served.url, &served.vkey)?;
        say(&format!("{} clients in {} processes", self.connections, clients.len()));
        for (client, _) in &clients {
            self.watch(client.id(), &mut served, &mut crowded).await?;
        }
        let ledger = Ledger::new(self.home.join("books"), Kind::Raw, &served.vkey, 0)?;
        self.is_ready(&served.url).await?;
        for (client, list) in clients {
            crowded.add(client)?;
            crowded.acknowledged += ledger.hold(&served.url, &list).await?.kept;
        }
        ledger.audit(&served.url, Scope::Full).await?;
        crowded.memory_max = served.memory_max();
        served.stop()?;
        crowded.judge()
    }

    /// So many processes of `deedbook hammer` as the descriptors of one demand.
    fn start_clients(&self, url: &str, vkey: &str) -> Result<Vec<(Child, PathBuf)>, TrialError> {
        let processes = self.connections.div_ceil(CLIENTS_OF_A_PROCESS).max(1);
        let start = |number: u32| {
            let workers = self.connections / processes + u32::from(number < self.connections % processes);
            let list = self.home.join(format!("acks-{number}"));
            let mut hammer = Command::new(&self.binary);
            hammer.args(["hammer", "--json", "--no-verify", "--what", "raw", "--url", url, "--vkey", vkey]);
            hammer.args(["--workers", &workers.to_string(), "--seconds", &self.seconds.to_string()]);
            hammer.args(["--timeout", &TIMEOUT_S.to_string(), "--acks"]).arg(&list);
            let child = hammer.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
            child.map(|child| (child, list)).map_err(TrialError::failed)
        };
        (0..processes).map(start).collect()
    }

    /// Looks at the server until one process of clients has ended.
    async fn watch(&self, client: u32, served: &mut Served, crowded: &mut Crowded) -> Result<(), TrialError> {
        let stat = format!("/proc/{client}/stat");
        let ended = |text: &str| text.rsplit_once(')').is_none_or(|(_, rest)| rest.starts_with(" Z"));
        while !ended(&std::fs::read_to_string(&stat).unwrap_or_default()) {
            if !served.runs() {
                return Err(TrialError::broken("the server died"));
            }
            crowded.descriptors_max = crowded.descriptors_max.max(served.descriptors());
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        Ok(())
    }

    /// The crowd has gone; the server says that it is ready.
    async fn is_ready(&self, url: &str) -> Result<(), TrialError> {
        let http = Http::new(url, &HttpOptions::default()).map_err(TrialError::failed)?;
        match http.get("readyz", 64 << 10).await {
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err(TrialError::broken("the server does not say whether it is ready")),
            Err(error) => Err(TrialError::broken(format!("the server is not ready: {error}"))),
        }
    }
}

impl Crowded {
    /// Adds what one process of clients counted.
    fn add(&mut self, client: Child) -> Result<(), TrialError> {
        let output = client.wait_with_output().map_err(TrialError::failed)?;
        let said: serde_json::Value = serde_json::from_slice(&output.stdout).map_err(TrialError::failed)?;
        for (name, counts) in [("statuses", &mut self.statuses), ("errors", &mut self.unanswered)] {
            let object = said["load"][name].as_object();
            let object = object.ok_or_else(|| TrialError::failed(format!("no {name} in {said}")))?;
            for (kind, count) in object {
                *counts.entry(kind.clone()).or_default() += count.as_u64().unwrap_or(0);
            }
        }
        Ok(())
    }

    /// Only these answers may have come, and some entries must have been let in.
    fn judge(self) -> Result<Self, TrialError> {
        if let Some((status, count)) =
            self.statuses.iter().find(|(status, _)| !matches!(status.as_str(), "200" | "429" | "503"))
        {
            return Err(TrialError::broken(format!("{count} answers with the status {status}")));
        }
        let refused = |kind: &str| matches!(kind, "no connection" | "connection broken");
        if let Some((kind, count)) = self.unanswered.iter().find(|(kind, _)| !refused(kind)) {
            return Err(TrialError::broken(format!("{count} times: {kind}")));
        }
        if self.acknowledged == 0 {
            return Err(TrialError::broken("nobody of the crowd was let in"));
        }
        Ok(self)
    }
}

/// Whether a process of clients can have this many descriptors here.
pub fn allowed_here() -> bool {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit.maximum.is_none_or(|maximum| maximum >= u64::from(CLIENTS_OF_A_PROCESS) + 64)
}
