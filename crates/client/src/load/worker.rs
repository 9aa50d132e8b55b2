//! A worker: one request after the other over one connection.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use hyper::StatusCode;
use record::RecordId;
use serde::Deserialize;
use tlog::{Hash, encoding};

use super::Shared;
use super::acks::Ack;
use super::connection::{Answer, Connection};
use super::payload::{Payload, RawMaker, RecordMaker};

/// Wait before a broken connection is made again.
const PAUSE: Duration = Duration::from_millis(50);
/// Longest wait that a log may ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(10);

pub(super) struct Worker {
    number: u32,
    shared: Arc<Shared>,
    maker: Maker,
    connection: Connection,
}

enum Maker {
    Raw(RawMaker),
    Records(RecordMaker),
}

/// What one request carries.
struct Sent {
    body: Bytes,
    what: What,
}

enum What {
    Raw { number: u64, leaf: Hash },
    Records(Vec<RecordId>),
}

impl What {
    fn entries(&self) -> u64 {
        match self {
            Self::Raw { .. } => 1,
            Self::Records(ids) => ids.len() as u64,
        }
    }
}

/// How a request ended.
enum End {
    Acknowledged {
        acks: Vec<Ack>,
        duplicates: u64,
    },
    /// Not now; again after this.
    Later(Duration),
    /// Not at all.
    Never,
}

#[derive(Deserialize)]
struct Reply<'a> {
    #[serde(borrow)]
    items: Vec<Item<'a>>,
}

#[derive(Deserialize)]
struct Item<'a> {
    status: &'a str,
    index: Option<u64>,
    #[serde(borrow)]
    id: Option<&'a str>,
    #[serde(borrow)]
    leaf_hash: Option<&'a str>,
    #[serde(borrow)]
    problem: Option<Problem<'a>>,
}

#[derive(Deserialize)]
struct Problem<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: std::borrow::Cow<'a, str>,
}

impl Worker {
    pub(super) fn new(number: u32, shared: Arc<Shared>) -> Self {
        let maker = match &shared.load.payload {
            Payload::Raw { run, bytes } => Maker::Raw(RawMaker::new(*run, *bytes)),
            Payload::Records { run, time } => Maker::Records(RecordMaker::new(*run, time)),
        };
        Self { number, shared, maker, connection: Connection::default() }
    }

    pub(super) async fn run(mut self) {
        while let Some(due) = self.shared.next_due() {
            tokio::time::sleep_until(due.into()).await;
            let sent = self.make();
            self.send(&sent, due).await;
        }
    }

    /// Sends until it is acknowledged, refused for good, or the time is up.
    async fn send(&mut self, sent: &Sent, due: Instant) {
        let open_loop = self.shared.load.rate.is_some();
        let end = self.shared.start + self.shared.load.duration;
        let mut unknown = false;
        loop {
            let began = if open_loop { due } else { Instant::now() };
            let (target, timeout) = (&self.shared.target, self.shared.load.timeout);
            let wait = match self.connection.post(target, sent.body.clone(), timeout).await {
                Ok(answer) => {
                    let took = began.elapsed();
                    match self.judge(&answer, sent) {
                        End::Acknowledged { acks, duplicates } => {
                            return self.shared.tally.success(self.number, took, &acks, duplicates);
                        }
                        End::Later(wait) => wait,
                        End::Never => return,
                    }
                }
                Err(broken) => {
                    self.shared.tally.error(self.number, broken.words());
                    unknown |= broken.may_be_logged();
                    // Whether a raw entry got in is not known, and sending it again could put it in twice.
                    if matches!(sent.what, What::Raw { .. }) {
                        return tokio::time::sleep(PAUSE).await;
                    }
                    PAUSE
                }
            };
            if Instant::now() + wait >= end {
                return;
            }
            tokio::time::sleep(wait).await;
            if std::mem::take(&mut unknown) {
                self.shared.tally.resent(self.number, sent.what.entries());
            }
        }
    }

    fn judge(&self, answer: &Answer, sent: &Sent) -> End {
        let tally = &self.shared.tally;
        tally.status(self.number, answer.status.as_u16());
        if answer.status == StatusCode::TOO_MANY_REQUESTS || answer.status.is_server_error() {
            return End::Later(
                answer.retry_after.unwrap_or(PAUSE).min(RETRY_AFTER_MAX).max(Duration::from_millis(1)),
            );
        }
        if answer.status != StatusCode::OK {
            tally.error(self.number, &format!("refused with status {}", answer.status.as_u16()));
            return End::Never;
        }
        let acks = match &sent.what {
            What::Raw { number, leaf } => {
                let ack = |index| Ack { index, leaf: *leaf, id: u128::from(*number) };
                index_of(&answer.body).map(|index| (vec![ack(index)], 0))
            }
            What::Records(ids) => self.acks_of(&answer.body, ids),
        };
        let Some((acks, duplicates)) = acks else {
            tally.error(self.number, "an answer that cannot be read");
            return End::Never;
        };
        End::Acknowledged { acks, duplicates }
    }

    /// One item a record, in order, and how many are duplicates. What the log states is written down; whether it is true
    /// is seen afterwards.
    fn acks_of(&self, body: &[u8], ids: &[RecordId]) -> Option<(Vec<Ack>, u64)> {
        let reply: Reply<'_> = serde_json::from_slice(body).ok()?;
        if reply.items.len() != ids.len() {
            return None;
        }
        let (mut acks, mut duplicates) = (Vec::with_capacity(ids.len()), 0);
        for (item, sent) in reply.items.iter().zip(ids) {
            if !matches!(item.status, "logged" | "duplicate") {
                let kind = item.problem.as_ref().map_or("", |problem| &*problem.kind);
                self.shared.tally.error(self.number, &format!("record rejected: {kind}"));
                continue;
            }
            let id: RecordId = item.id?.parse().ok()?;
            if id != *sent {
                return None;
            }
            duplicates += u64::from(item.status == "duplicate");
            let leaf = encoding::parse_base64_array(item.leaf_hash?).ok()?;
            let id = u128::from_be_bytes(id.to_bytes());
            acks.push(Ack { index: item.index?, leaf: Hash::from_bytes(leaf), id });
        }
        Some((acks, duplicates))
    }

    fn make(&self) -> Sent {
        let count = self.shared.load.per_request;
        let first = self.shared.made.fetch_add(count, Ordering::Relaxed);
        match &self.maker {
            Maker::Raw(maker) => {
                let body = maker.entry(first);
                let leaf = Hash::leaf(&body);
                Sent { body: body.into(), what: What::Raw { number: first, leaf } }
            }
            Maker::Records(maker) => {
                let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
                let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
                let ids: Vec<_> = (first..first + count).map(|number| maker.id(number, now)).collect();
                let mut body = Vec::new();
                for id in &ids {
                    maker.record(*id, &mut body);
                    body.push(b'\n');
                }
                Sent { body: body.into(), what: What::Records(ids) }
            }
        }
    }
}

/// The first line is the index, in decimal.
fn index_of(body: &[u8]) -> Option<u64> {
    encoding::parse_decimal(std::str::from_utf8(body).ok()?.lines().next()?).ok()
}
