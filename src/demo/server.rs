//! The demo's server, and the log as everybody sees it: over HTTP, by its URL and its key.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use ::record::{Handed, Places};
use client::audit::Silent;
use client::copy::Copy;
use client::follow::{self, Changes};
use client::http::Http;
use client::submit::{Outcome, Submitter, Wait, batch_len};
use client::{HttpOptions, Receipt, Source};
use tlog::policy::{Policy, VerifiedCheckpoint};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::admission::Admission;
use crate::audit::cores;
use crate::cli::{Failure, Verdict};
use crate::fsck::off_thread;
use crate::place::{OpenLog, Settings, Wanted};
use crate::print::Printer;
use crate::progress::Bar;
use crate::serve::{self, Stop};

/// The log as everybody sees it: a URL and a key.
pub(super) struct Running {
    pub(super) origin: String,
    pub(super) url: String,
    pub(super) vkey: String,
    pub(super) policy: Policy,
    pub(super) source: Source,
    submitter: Submitter,
}

impl Running {
    /// Submits, and keeps the receipts: each was verified on the way.
    pub(super) async fn submit(&self, records: &[Handed], printer: Printer) -> Result<Vec<Receipt>, Failure> {
        let bar = Bar::new(printer, "records");
        let mut receipts = Vec::with_capacity(records.len());
        let mut rest = records;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(batch_len(rest));
            for outcome in self.submitter.submit(now).await.map_err(Failure::does_not_hold)? {
                match outcome {
                    Outcome::Logged { receipt, .. } => receipts.push(receipt),
                    Outcome::Rejected(problem) => return Err(Failure::does_not_hold(problem)),
                }
            }
            bar.at(receipts.len() as u64, records.len() as u64);
            rest = later;
        }
        Ok(receipts)
    }

    /// The public checkpoint, once it reaches this size.
    pub(super) async fn published(&self, size: u64) -> Result<VerifiedCheckpoint, Failure> {
        let patience = Instant::now() + Duration::from_secs(30);
        loop {
            let shown =
                follow::checkpoint(&self.source, &self.policy).await.map_err(Failure::does_not_hold)?;
            if shown.signed().size() >= size {
                return Ok(shown);
            }
            if Instant::now() > patience {
                return Err(Failure::does_not_hold("the log did not publish what it took"));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// A way to the log over HTTP.
    pub(super) fn http(&self) -> &Http {
        &self.submitter.http
    }

    /// Proves that the entry of a receipt is in the log of now, at its index and as it was: the number of hashes that
    /// it took, and of entries.
    pub(super) async fn proven_again(&self, receipt: &Receipt) -> Result<(usize, u64), Failure> {
        let now = follow::checkpoint(&self.source, &self.policy).await.map_err(Failure::does_not_hold)?;
        let head = now.signed().head();
        let proof = follow::inclusion(&self.source, receipt.index, head).await;
        let proof = proof.map_err(Failure::does_not_hold)?;
        if proof.leaf.to_string() != receipt.leaf_hash {
            return Err(Failure::does_not_hold("the entry is not the one of its receipt"));
        }
        Ok((proof.path.len(), head.size))
    }

    pub(super) async fn copy_to(&self, directory: &Path) -> Result<u64, Failure> {
        let copy = Copy {
            source: self.source.clone(),
            policy: self.policy.clone(),
            changes: Changes::Refused,
            directory: directory.to_owned(),
            threads: cores(),
        };
        let copied = copy.run(&Silent).await.map_err(Failure::does_not_hold)?;
        Ok(copied.counted.entries)
    }
}

/// The server, on tasks of its own.
pub(super) struct Server {
    task: JoinHandle<Result<Verdict, Failure>>,
    stop: oneshot::Sender<()>,
}

impl Server {
    pub(super) async fn start(
        data: &Path,
        listen: SocketAddr,
        mut stop: Stop,
    ) -> Result<(Self, Running), Failure> {
        let listener = TcpListener::bind(listen).await;
        let listener =
            listener.map_err(|error| Failure::could_not_tell(format!("cannot listen: {error}")))?;
        let url = format!("http://{}", listener.local_addr().map_err(Failure::could_not_tell)?);
        let data = data.to_owned();
        let settings = Settings {
            publish_every: Duration::from_millis(200),
            cache_bytes: 64 << 20,
            admission: Admission::Open,
            sensitive: Places::NONE,
            witnesses: None,
        };
        let log = off_thread(move || OpenLog::open(&data, &Wanted::default(), &settings)).await??;
        let key = log.app.log().reader().vkey().clone();
        let http = Http::new(&url, &HttpOptions::default()).map_err(Failure::could_not_tell)?;
        let policy = Policy::log_only(key.clone()).map_err(Failure::could_not_tell)?;
        let running = Running {
            origin: log.app.origin().to_owned(),
            vkey: key.to_string(),
            policy: policy.clone(),
            source: Source::Http(http.clone()),
            submitter: Submitter { http, policy, wait: Wait::Durable },
            url,
        };
        let (sender, told) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let until = async move {
                tokio::select! {
                    () = stop.wait() => {}
                    _ = told => {}
                }
            };
            serve::serve(log, listener, None, None, until).await
        });
        Ok((Self { task, stop: sender }, running))
    }

    /// Ends it, or waits until somebody does.
    pub(super) async fn end(self, leave_running: bool) -> Result<(), Failure> {
        if !leave_running {
            drop(self.stop);
            return self.task.await.map_err(Failure::could_not_tell)?.map(drop);
        }
        let ended = self.task.await;
        drop(self.stop);
        ended.map_err(Failure::could_not_tell)?.map(drop)
    }
}
