//! The story of a network of trust, chapter by chapter: each does something, waits until it has happened, and tells it.

use std::time::Instant;

use serde::Serialize;
use serde_json::Value;

use super::super::{SAMPLE, Teller, cannot_write, chapters::SESSION};
use super::cast::{ASKING, GOSSIP_EVERY, Network, Twin, text};
use super::stage::Stage;
use crate::cli::Failure;
use crate::print::things;

/// Records after those in which the two histories differ.
const AFTERWARDS: usize = 40;
/// The call that the operator would like to hide: nobody approved it.
const HIDDEN: &str = "call-3";
const PROOF: &str = "split.fork-proof";

/// A receipt that witnesses stand behind.
#[derive(Debug, Serialize)]
pub(super) struct Witnessed {
    records: usize,
    cosignatures: usize,
}

/// How the lie came out.
#[derive(Debug, Serialize)]
pub(super) struct Split {
    /// Milliseconds from the first lie until all monitors had told it.
    after_ms: u64,
    gossip_every_ms: u64,
    guilty: Vec<String>,
    proof: String,
}

/// Everything that a chapter needs.
pub(super) struct Chapters<'a> {
    pub(super) teller: &'a Teller,
    pub(super) stage: &'a Stage,
}

impl Chapters<'_> {
    pub(super) async fn begun(&self) -> Result<Network, Failure> {
        let network = Network::start(self.stage).await?;
        let policy = self.stage.read("policy.txt")?;
        self.teller.step(
            "Two witnesses, a log and three monitors start, each a process of its own",
            &[
                "deedbook witness run --data w1 --name w1.example, and w2; deedbook witness enrol".to_owned(),
                format!("deedbook serve --data log {ASKING}"),
                format!(
                    "deedbook monitor --data m1 --log http://{} --policy policy.txt, and m2, m3; they exchange heads \
                     every {GOSSIP_EVERY} s",
                    network.address
                ),
                format!("the policy, which everybody has from somebody he trusts:\n{}", policy.trim_end()),
            ],
        );
        Ok(network)
    }

    /// Records go in; what comes back is under both witnesses, and all monitors have verified it.
    pub(super) async fn witnessed(&self, network: &mut Network) -> Result<Witnessed, Failure> {
        let shared = Histories::of_the_sample()?.shared;
        self.stage.write("calls.ndjson", &shared.concat())?;
        let record = format!("record calls.ndjson --url http://{} --policy policy.txt", network.address);
        self.stage.done(&record).await?;
        let verify = "verify calls.ndjson.receipts.ndjson --records calls.ndjson --policy policy.txt";
        let verified = self.stage.done(verify).await?;
        let receipts = self.stage.read("calls.ndjson.receipts.ndjson")?;
        let receipt: Value =
            serde_json::from_str(receipts.lines().last().unwrap_or_default()).unwrap_or_default();
        let proof = text(&receipt, "proof")?;
        let signed: Vec<&str> = proof.lines().filter_map(signer).collect();
        for monitor in &mut network.monitors {
            monitor.says(|event| is_verified(event, shared.len() as u64)).await?;
        }
        self.teller.step(
            "Records go in, and witnesses stand behind every receipt",
            &[
                format!("deedbook {verify}\n{}", verified.trim_end()),
                format!("the last one is signed by {}", signed.join(", ")),
                format!(
                    "the three monitors have hashed all {}, and follow one history",
                    things(shared.len() as u64, "entry", "entries")
                ),
            ],
        );
        Ok(Witnessed { records: shared.len(), cosignatures: signed.len() - 1 })
    }

    /// The operator goes on with two histories; in one of them something did not happen.
    pub(super) async fn forked(&self, network: Network) -> Result<(Network, Twin), Failure> {
        let (mut network, twin) = network.fork(self.stage).await?;
        let histories = Histories::of_the_sample()?;
        self.stage.write("honest.ndjson", &histories.honest.concat())?;
        let honest = format!("record honest.ndjson --url http://{} --policy policy.txt", network.address);
        self.stage.done(&honest).await?;
        let finding = network.monitors[0]
            .says(|event| event["event"] == "finding" && event["session"] == SESSION)
            .await?;
        self.teller.step(
            "The operator makes a second history, with the log's own key",
            &[
                "the log is stopped, its directory copied, and both are started; the third monitor is led to the twin"
                    .to_owned(),
                format!(
                    "the log goes on; what a monitor finds in it:\n{} at entry {}: {}",
                    text(&finding, "rule")?,
                    finding["index"],
                    text(&finding, "detail")?
                ),
            ],
        );
        Ok((network, twin))
    }

    /// One monitor is shown the twin. Nothing that it has seen contradicts it; what the others have seen does.
    pub(super) async fn caught(&self, network: &mut Network, twin: &Twin) -> Result<Split, Failure> {
        let histories = Histories::of_the_sample()?;
        self.stage.write("other.ndjson", &histories.other.concat())?;
        let since = Instant::now();
        self.stage.done(&format!("record other.ndjson --url {} --policy bare.txt", twin.url)).await?;
        let mut alarm = Value::Null;
        for monitor in &mut network.monitors {
            alarm = monitor.says(|event| event["incident"] == "split-view").await?;
        }
        let after_ms = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
        let name = text(&alarm, "proof")?;
        let kept = self.stage.find("m3/logs", &format!("{name}.fork-proof"))?;
        std::fs::copy(&kept, self.stage.path(PROOF)).map_err(|error| cannot_write(&kept, &error))?;
        let guilty = alarm["guilty"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let guilty: Vec<String> = guilty.map(str::to_owned).collect();
        self.teller.step(
            "The third monitor is shown that this never happened",
            &[
                format!(
                    "the twin is given the same {}, without the {} of that call",
                    things(histories.honest.len() as u64, "record", "records"),
                    histories.honest.len() - histories.other.len()
                ),
                "it continues all that this monitor ever saw: alone, it could not know".to_owned(),
                format!(
                    "but they exchange heads. After {:.1} s all three tell, each with a proof of its own:\n\
                     split-view: {}\nguilty: {}",
                    after_ms as f64 / 1_000.0,
                    text(&alarm, "detail")?,
                    guilty.join(", ")
                ),
            ],
        );
        Ok(Split { after_ms, gossip_every_ms: GOSSIP_EVERY * 1_000, guilty, proof: name })
    }

    /// Whoever demands the witnesses is not fooled at all: they have not cosigned the twin.
    pub(super) async fn refused(&self, twin: &Twin) -> Result<(), Failure> {
        let (code, said) = self.stage.run(&format!("audit {} --policy policy.txt", twin.url)).await?;
        if code != Some(1) {
            return Err(Failure::does_not_hold(format!(
                "the twin passed where witnesses are demanded: {said}"
            )));
        }
        self.teller.step(
            "Whoever demands the witnesses was never fooled",
            &[format!("deedbook audit {} --policy policy.txt\n{}", twin.url, said.trim_end())],
        );
        Ok(())
    }

    /// Nothing runs any more; a file is enough.
    pub(super) async fn proven(&self) -> Result<(), Failure> {
        let verify = format!("verify fork-proof {PROOF} --policy policy.txt");
        let said = self.stage.done(&verify).await?;
        self.teller.step(
            "All of them have ended. What is left is a file that convinces anybody",
            &[format!("deedbook {verify}\n{}", said.trim_end())],
        );
        Ok(())
    }
}

/// The sample's lines: what happens before, what happens then, and what the operator would rather show.
struct Histories {
    shared: Vec<&'static str>,
    honest: Vec<&'static str>,
    other: Vec<&'static str>,
}

impl Histories {
    fn of_the_sample() -> Result<Self, Failure> {
        let sample = std::str::from_utf8(SAMPLE).map_err(Failure::could_not_tell)?;
        let lines: Vec<&str> = sample.split_inclusive('\n').collect();
        let first = lines.iter().position(|line| is_hidden(line));
        let first = first.ok_or_else(|| Failure::could_not_tell("the sample has no such call"))?;
        let honest: Vec<_> = lines.iter().copied().skip(first).take(AFTERWARDS).collect();
        let other = honest.iter().copied().filter(|line| !is_hidden(line)).collect();
        Ok(Self { shared: lines[..first].to_vec(), honest, other })
    }
}

/// Whether a record is of the call that is hidden.
fn is_hidden(line: &str) -> bool {
    let value: Value = serde_json::from_str(line).unwrap_or_default();
    let record = value.get("record").unwrap_or(&value);
    record["session"]["id"] == SESSION && record["action"]["id"] == HIDDEN
}

fn is_verified(event: &Value, size: u64) -> bool {
    event["event"] == "verified" && event["size"].as_u64() >= Some(size)
}

/// Who signed a line of a note.
fn signer(line: &str) -> Option<&str> {
    line.strip_prefix("— ")?.split(' ').next()
}
