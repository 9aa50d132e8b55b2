//! The demo's story, chapter by chapter: each does something, has it checked, and tells what came of it.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use ::record::Handed;
use client::audit::{Audit, Report, Scope, Silent};
use client::follow::{self, Changes};
use client::{Receipt, Source};
use serde::Serialize;
use serde_json::Value;
use tlog::policy::{Policy, VerifiedCheckpoint};

use super::server::Running;
use super::{SAMPLE, Teller, cannot_write, kept, tamper};
use crate::audit::cores;
use crate::cli::Failure;
use crate::print::{count, things};
use crate::record::read_records;
use crate::session;
use crate::whole_log::WholeLog;

/// The shortest session of the sample in which the customer's yes stands before one change, and before another it does not.
pub(super) const SESSION: &str = "airline-trial0-task15";

/// Requests in flight.
pub(super) const AT_ONCE: usize = 8;

/// What came of it.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    log: String,
    url: String,
    vkey: String,
    records: u64,
    sessions: usize,
    session: ::record::story::Story,
    receipt: Receipt,
    earlier: u64,
    later: u64,
    consistency_hashes: usize,
    evidence: kept::Kept,
    erased: kept::Forgotten,
    audited: u64,
    altered_index: u64,
    caught: String,
}

/// Everything that a chapter needs.
pub(super) struct Chapters<'a> {
    pub(super) teller: &'a Teller,
    pub(super) log: &'a Running,
    pub(super) home: &'a Path,
}

/// Records and what the log gave for them.
struct Logged {
    records: Vec<Handed>,
    receipts: Vec<Receipt>,
    sessions: usize,
    /// What the log was when half of them were in it.
    earlier: VerifiedCheckpoint,
}

impl Chapters<'_> {
    pub(super) async fn tell(&self) -> Result<Shown, Failure> {
        self.made();
        let logged = self.filled().await?;
        let session = self.told().await?;
        let receipt = self.proven(&logged)?;
        let (later, consistency_hashes) = self.grown(&logged).await?;
        let evidence = self.kept().await?;
        let erased = self.forgotten(&session, &receipt, &evidence).await?;
        let audited = self.copied().await?;
        let caught = self.caught(receipt.index).await?;
        Ok(Shown {
            log: self.log.origin.clone(),
            url: self.log.url.clone(),
            vkey: self.log.vkey.clone(),
            records: logged.records.len() as u64,
            sessions: logged.sessions,
            session,
            earlier: logged.earlier.signed().size(),
            later,
            consistency_hashes,
            evidence,
            erased,
            audited,
            altered_index: receipt.index,
            caught,
            receipt,
        })
    }

    fn made(&self) {
        self.teller.step(
            "A log is made and served",
            &[
                format!("{} on {}", self.log.origin, self.log.url),
                format!(
                    "its public key, which auditors get from you and not from the log:\n{}",
                    self.log.vkey
                ),
            ],
        );
    }

    async fn filled(&self) -> Result<Logged, Failure> {
        let records = read_records(&bytes::Bytes::from_static(SAMPLE)).map_err(Failure::could_not_tell)?;
        let half = records.len() / 2;
        let start = Instant::now();
        let mut receipts = self.log.submit(&records[..half], self.teller.printer).await?;
        let earlier = self.log.published(half as u64).await?;
        receipts.extend(self.log.submit(&records[half..], self.teller.printer).await?);
        let rate = records.len() as f64 / start.elapsed().as_secs_f64();
        let (sessions, customers) = (distinct(&records, "/session/id"), distinct(&records, "/principal/sub"));
        self.teller.step("Real records go in, over HTTP", &[
            format!(
                "{} of {}: an airline's agent, acting for {customers} customers",
                things(records.len() as u64, "record", "records"),
                things(sessions as u64, "session", "sessions"),
            ),
            "what was said and what came back is sealed beside the log; in it stand salted digests".to_owned(),
            format!(
                "each was answered once it was durable, and each answer was checked before it was believed ({rate:.0}/s)"
            ),
        ]);
        Ok(Logged { records, receipts, sessions, earlier })
    }

    async fn told(&self) -> Result<::record::story::Story, Failure> {
        let log = self.log.whole().await?;
        let mut story = session::story(&log, SESSION, self.teller.printer).await?;
        session::contents::fill(&mut story, &log.source, AT_ONCE).await?;
        self.teller.step(
            &format!("One session, told from the log: {SESSION} is {}", story.verdict),
            &session::page::authority(&story),
        );
        for call in &story.calls {
            self.teller.step(&session::page::heading(call), &session::page::lines_of(call));
        }
        Ok(story)
    }

    /// The request that the customer said yes to.
    fn proven(&self, logged: &Logged) -> Result<Receipt, Failure> {
        let at = logged.records.iter().position(is_shown).unwrap_or_default();
        let record = &logged.records[at];
        let receipt =
            logged.receipts.get(at).cloned().ok_or_else(|| Failure::could_not_tell("no receipt"))?;
        self.write("record.json", &record.canonical())?;
        self.write("receipt.ndjson", format!("{}\n", receipt.to_line()).as_bytes())?;
        receipt.verify(record, &self.log.policy).map_err(Failure::does_not_hold)?;
        self.teller.step(
            "The change that the customer agreed to, and its receipt, checked with no log in sight",
            &[
                format!("its receipt, a C2SP tlog-proof:\n{}", receipt.proof.trim_end()),
                format!(
                    "holds: this record is entry {} of {}, under a root that the log has signed",
                    receipt.index, self.log.origin
                ),
            ],
        );
        Ok(receipt)
    }

    async fn grown(&self, logged: &Logged) -> Result<(u64, usize), Failure> {
        let later = self.log.published(logged.receipts.len() as u64).await?;
        let (earlier, later) = (logged.earlier.signed(), later.signed());
        let proof = follow::prove_growth(&self.log.source, earlier, later).await;
        let hashes = proof.map_err(Failure::does_not_hold)?.len();
        self.teller.step(
            "What it was, it still is",
            &[format!(
                "the log of {} is the beginning of the log of {}: {} prove it",
                things(earlier.size(), "entry", "entries"),
                count(later.size()),
                things(hashes as u64, "hash", "hashes")
            )],
        );
        Ok((later.size(), hashes))
    }

    async fn copied(&self) -> Result<u64, Failure> {
        let copy = self.home.join("copy");
        let copied = self.log.copy_to(&copy).await?;
        let audited = audit(&copy, &self.log.policy).await?;
        if !audited.holds() {
            return Err(Failure::does_not_hold("the copy does not stand its audit"));
        }
        self.teller.step(
            "Anybody may copy it, and audit the copy",
            &[format!(
                "{}: every one hashed, {} recomputed, up to the root that was signed",
                things(copied, "entry", "entries"),
                things(audited.counted.tiles, "tile", "tiles")
            )],
        );
        Ok(audited.counted.entries)
    }

    async fn caught(&self, index: u64) -> Result<String, Failure> {
        let copy = self.home.join("copy");
        let altered = tamper::alter(&copy, index)?;
        let caught = audit(&copy, &self.log.policy).await?;
        let finding = caught.findings.first.first().filter(|finding| finding.index == Some(index));
        let Some(finding) = finding else {
            return Err(Failure::does_not_hold("the audit did not find what was altered"));
        };
        self.teller.step(
            "Now somebody edits the log: one byte of one entry, in the copy",
            &[altered, format!("deedbook audit:\n{finding}"), format!("caught, at index {index}")],
        );
        Ok(finding.to_string())
    }

    /// Writes a file that stays if somebody named a place for it.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        std::fs::write(self.home.join(name), bytes).map_err(|error| cannot_write(self.home, &error))
    }
}

impl Running {
    /// The log as whoever reads all of it sees it now.
    pub(super) async fn whole(&self) -> Result<WholeLog, Failure> {
        WholeLog::at(self.source.clone(), &self.policy).await
    }
}

fn parsed(record: &Handed) -> Value {
    serde_json::from_slice(&record.record()).unwrap_or_default()
}

fn distinct(records: &[Handed], pointer: &str) -> usize {
    let all = records.iter().filter_map(|record| Some(parsed(record).pointer(pointer)?.as_str()?.to_owned()));
    all.collect::<BTreeSet<_>>().len()
}

fn is_shown(record: &Handed) -> bool {
    let record = parsed(record);
    record["type"] == "action.requested"
        && record["session"]["id"] == SESSION
        && record["approval"]["mode"] == "human"
}

async fn audit(directory: &Path, policy: &Policy) -> Result<Report, Failure> {
    let source = Source::directory(directory).map_err(Failure::could_not_tell)?;
    let audit = Audit {
        source,
        policy: policy.clone(),
        changes: Changes::Refused,
        state: None,
        scope: Scope::Full,
        threads: cores(),
    };
    audit.run(&Silent).await.map_err(Failure::could_not_tell)
}
