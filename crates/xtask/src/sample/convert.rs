//! From conversations to audit records: what is taken over, what is derived, what is invented.
//!
//! A conversation becomes a session: `session.opened`, then for each call `action.requested`, `approval.decided`
//! where the customer said yes, `action.completed`, and `session.closed`. The README beside the records
//! describes every field; here is only how it is filled.

use super::policy::{self, Approval};
use super::raw::{Conversation, Exchange, Message, PairingError};
use super::shape::{action, argument, content, sha256};
use record::{Handed, Place, Places, Refusal, Salts};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use testkit::{canonical, stamp};

/// Who speaks for these records, and what their ids are derived from.
const PRODUCER: &str = "tau-bench-airline/converter";
/// The agent of all conversations.
const AGENT: &str = "tau-bench:airline-agent";
/// Under which issuer the customers' ids hold; also names where the tools ran.
const ISSUER: &str = "tau-bench:airline";
/// The time the airline's policy gives as now: 2024-05-15 15:00:00 EST.
const START_MS: u64 = 1_715_803_200_000;
/// Invented: from one message to the next.
const MESSAGE_MS: u64 = 5_000;
/// Invented: from the end of a conversation to the next one.
const PAUSE_MS: u64 = 60_000;

/// Why a source cannot be converted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConvertError {
    /// A call and its result do not fit together.
    #[error("conversation {conversation}: {source}")]
    Pairing { conversation: usize, source: PairingError },
    /// The table of tools does not say what this one does.
    #[error(
        "conversation {conversation}: nobody said whether the tool {tool} reads or writes; add it to the table"
    )]
    UnknownTool { conversation: usize, tool: String },
    /// The reason for naming the task's user as the principal does not hold any more.
    #[error("conversation {conversation} is about {task}, but a call names {called}: who is the principal?")]
    OtherUser { conversation: usize, task: String, called: String },
    /// The conversation does not begin with the airline's policy.
    #[error("conversation {conversation}: the first message is not the policy with the rule on confirmation")]
    NoPolicy { conversation: usize },
    /// No log would take the record.
    #[error("conversation {conversation}: {source}")]
    Refused { conversation: usize, source: Refusal },
}

/// A record, and what is sent to a log: the record with the disclosures of its content.
pub(crate) struct Line {
    pub(crate) record: Vec<u8>,
    pub(crate) sent: Vec<u8>,
}

/// A record that was added: its id, and the digests of its contents.
struct Added {
    id: String,
    sds: BTreeMap<Place, String>,
}

/// The records of all conversations in canonical form (RFC 8785), in order of time and id.
pub(crate) fn convert(conversations: &[Conversation]) -> Result<Vec<Line>, ConvertError> {
    let first = coverage();
    let (mut records, mut start_ms) = (vec![Line { sent: first.clone(), record: first }], START_MS);
    for (number, conversation) in conversations.iter().enumerate() {
        let mut session =
            Session { number, conversation, start_ms, first: records.len(), records: &mut records };
        session.write()?;
        start_ms = session.message_ms(conversation.messages.len()) + PAUSE_MS;
    }
    Ok(records)
}

/// What this converter promises: it goes before everything else.
fn coverage() -> Vec<u8> {
    let ms = START_MS - PAUSE_MS;
    canonical(&json!({
        "coverage": {
            "agents": [AGENT],
            "cannot_see": ["what was said but for answers with a yes", "what a tool does beside its result"],
            "records": ["session.*", "action.*", "approval.decided"],
        },
        "delivery": "backfill",
        "id": stamp::uuid_v7(ms, bits(&format!("{PRODUCER} coverage"))),
        "producer": {"id": PRODUCER, "seq": 1},
        "time": stamp::rfc3339(ms),
        "time_note": "invented",
        "type": "coverage.declared",
        "v": 1,
    }))
}

/// A record and its disclosures as they are sent, in canonical form: the text of a disclosure needs no escapes.
fn sent<'t>(record: &[u8], disclosures: impl Iterator<Item = &'t str>) -> Vec<u8> {
    let disclosures: Vec<&str> = disclosures.collect();
    if disclosures.is_empty() {
        return record.to_vec();
    }
    let list = format!("{{\"disclosures\":[\"{}\"],\"record\":", disclosures.join("\",\""));
    [list.as_bytes(), record, b"}"].concat()
}

/// Ten bytes that follow from a place alone.
fn bits(place: &str) -> [u8; 10] {
    let digest: [u8; 32] = Sha256::digest(place).into();
    std::array::from_fn(|at| digest[at])
}

/// One conversation on its way into `records`.
struct Session<'a> {
    number: usize,
    conversation: &'a Conversation,
    start_ms: u64,
    /// Where this session begins in `records`.
    first: usize,
    records: &'a mut Vec<Line>,
}

impl Session<'_> {
    fn write(&mut self) -> Result<(), ConvertError> {
        let conversation = self.number;
        let exchanges =
            self.conversation.exchanges().map_err(|source| ConvertError::Pairing { conversation, source })?;
        self.check_user(&exchanges)?;
        self.open(&exchanges)?;
        let mut uses: BTreeMap<usize, u32> = BTreeMap::new();
        for (ordinal, exchange) in exchanges.iter().enumerate() {
            let tool = &exchange.call.function.name;
            let effect = policy::effect(tool)
                .ok_or_else(|| ConvertError::UnknownTool { conversation, tool: tool.clone() })?;
            let approval = policy::approval(tool, effect, exchange.user);
            let action = action(exchange, ordinal + 1, effect.name(), ISSUER);
            let request = self.request(exchange, &action, &approval)?;
            let decided = match approval {
                Approval::Human { message, answer } => {
                    let nth = uses.entry(message).or_default();
                    *nth += 1;
                    Some(self.decide(exchange, &action, &request, message, answer, *nth)?.id)
                }
                Approval::Unknown | Approval::NotRequired => None,
            };
            self.complete(exchange, &action, decided)?;
        }
        self.close()
    }

    /// The principal is the user of the benchmark's task; no call may speak of another one.
    fn check_user(&self, exchanges: &[Exchange<'_>]) -> Result<(), ConvertError> {
        let task = self.conversation.user_id();
        let other = exchanges.iter().filter_map(|e| argument(e, "user_id")).find(|called| called != task);
        other.map_or(Ok(()), |called| {
            Err(ConvertError::OtherUser { conversation: self.number, task: task.to_owned(), called })
        })
    }

    fn open(&mut self, exchanges: &[Exchange<'_>]) -> Result<(), ConvertError> {
        let rules = match self.conversation.messages.first() {
            Some(Message::System { content }) if content.contains(policy::RULE) => content,
            _ => return Err(ConvertError::NoPolicy { conversation: self.number }),
        };
        let fields = json!({
            "approval_policy": {
                "mode": "human",
                "source": {"bytes": rules.len(), "message": 0, "sha256": sha256(rules.as_bytes())},
                "text": policy::RULE,
                "tools": policy::NEEDS_A_YES,
            },
            "principal_note": {"basis": self.principal_basis(exchanges), "simulated": true},
            "purpose": "help the user book, modify or cancel flight reservations",
            "x-source": {
                "conversation": self.number,
                "task": self.conversation.task_id,
                "trial": self.conversation.trial,
            },
        });
        self.push("session.opened", self.message_ms(0), fields).map(drop)
    }

    /// What in the conversation shows who the customer is, the strongest first.
    fn principal_basis(&self, exchanges: &[Exchange<'_>]) -> &'static str {
        let user = self.conversation.user_id();
        let looked_up =
            |e: &Exchange<'_>| e.call.function.name == "get_user_details" && policy::status(e.result) == "ok";
        let said = |m: &Message| matches!(m, Message::User { content } if content.contains(user));
        if exchanges.iter().any(looked_up) {
            "looked_up"
        } else if self.conversation.messages.iter().any(said) {
            "said_by_user"
        } else if exchanges.iter().any(|e| e.result.contains(user)) {
            "in_a_result"
        } else {
            "task_only"
        }
    }

    fn request(
        &mut self,
        exchange: &Exchange<'_>,
        action: &Value,
        approval: &Approval<'_>,
    ) -> Result<Added, ConvertError> {
        let approval = match approval {
            Approval::Human { message, .. } => {
                json!({"evidence": {"message": message}, "identity": "asserted", "mode": "human"})
            }
            Approval::Unknown => json!({"mode": "unknown"}),
            Approval::NotRequired => json!({"mode": "autonomous_not_required"}),
        };
        let fields = json!({
            "action": action,
            "approval": approval,
            "input": content(&exchange.call.function.arguments),
            "x-source": {"conversation": self.number, "message": exchange.call_at},
        });
        self.push("action.requested", self.call_ms(exchange), fields)
    }

    fn decide(
        &mut self,
        exchange: &Exchange<'_>,
        action: &Value,
        request: &Added,
        message: usize,
        answer: &str,
        nth: u32,
    ) -> Result<Added, ConvertError> {
        let before = message.saturating_sub(1);
        let shown = self.conversation.messages[before].words();
        // The request names what went in; the approval is for exactly that.
        let fields = json!({
            "action": action,
            "approval": {
                "answer": content(answer),
                "approver": self.principal(),
                "binds": {"record": request.id, "sd": request.sds.get(&Place::Input)},
                "decision": "approved",
                "evidence": {
                    "message": message,
                    "rule": "the word yes in the last user message before the call",
                    "shown": before,
                    "use": nth,
                },
                "identity": "asserted",
                "mode": "human",
                "shown": content(shown),
            },
            "x-source": {"conversation": self.number, "message": message},
        });
        self.push("approval.decided", self.call_ms(exchange) + 1, fields)
    }

    fn complete(
        &mut self,
        exchange: &Exchange<'_>,
        action: &Value,
        decided: Option<String>,
    ) -> Result<(), ConvertError> {
        let mut fields = json!({
            "action": action,
            "outcome": {"status": policy::status(exchange.result)},
            "output": content(exchange.result),
            "x-source": {"conversation": self.number, "message": exchange.result_at},
        });
        if let Some(decided) = decided {
            fields["approval"] = json!({"identity": "asserted", "mode": "human", "ref": decided});
        }
        self.push("action.completed", self.message_ms(exchange.result_at), fields).map(drop)
    }

    fn close(&mut self) -> Result<(), ConvertError> {
        let messages = &self.conversation.messages;
        let reason = match messages.last() {
            Some(Message::User { content }) if content.contains("###STOP###") => "user_done",
            Some(Message::Tool { name, .. }) if name == "transfer_to_human_agents" => "transferred",
            _ => "cut_off",
        };
        let last = self.records.last().map(|line| sha256(&line.record));
        let fields = json!({
            "closed": {"last_sha256": last, "reason": reason, "records": self.place() - 1},
            "x-source": {"conversation": self.number, "message": messages.len().saturating_sub(1)},
        });
        self.push("session.closed", self.message_ms(messages.len()), fields).map(drop)
    }

    /// Adds what every record carries, puts its content into disclosures, and appends the record.
    fn push(&mut self, record_type: &str, ms: u64, fields: Value) -> Result<Added, ConvertError> {
        let id = stamp::uuid_v7(ms, self.id_bits());
        let mut record = json!({
            "agent": {"model": "gpt-4o", "sub": AGENT},
            "delivery": "backfill",
            "id": id,
            "principal": self.principal(),
            "producer": {"id": PRODUCER, "seq": self.records.len() + 1},
            "session": {"id": self.id(), "seq": self.place()},
            "time": stamp::rfc3339(ms),
            "time_note": "invented",
            "type": record_type,
            "v": 1,
        });
        if let (Value::Object(record), Value::Object(fields)) = (&mut record, fields) {
            record.extend(fields);
        }
        // The salts are no secret here: everybody has the conversations. They follow from the place, as the ids do.
        let salts = Salts::of_seed(Sha256::digest(format!("{PRODUCER} salts {id}")).into());
        let handed = Handed::parse(&canonical(&record).into());
        let ready = handed.and_then(|handed| handed.ready(Places::NONE, &salts, |_| Ok::<_, Refusal>(())));
        let refused = |source| ConvertError::Refused { conversation: self.number, source };
        let (ready, ()) = ready.map_err(refused)?;
        let bytes = ready.submission().canonical().to_vec();
        let payloads = ready.payloads().iter();
        let sds = payloads.clone().map(|payload| (payload.place, payload.sd.to_string())).collect();
        self.records
            .push(Line { sent: sent(&bytes, payloads.map(|payload| payload.text.as_str())), record: bytes });
        Ok(Added { id, sds })
    }

    /// Ten bytes that follow from the place of the next record alone.
    fn id_bits(&self) -> [u8; 10] {
        bits(&format!("{PRODUCER} {} {}", self.id(), self.place()))
    }

    fn id(&self) -> String {
        format!("airline-trial{}-task{:02}", self.conversation.trial, self.conversation.task_id)
    }

    /// The number of the next record in this session, from 1.
    fn place(&self) -> usize {
        self.records.len() - self.first + 1
    }

    fn principal(&self) -> Value {
        json!({"iss": ISSUER, "sub": self.conversation.user_id()})
    }

    fn message_ms(&self, at: usize) -> u64 {
        self.start_ms + at as u64 * MESSAGE_MS
    }

    /// A second after the message before the result, so that several calls in one message would stay in order.
    fn call_ms(&self, exchange: &Exchange<'_>) -> u64 {
        self.message_ms(exchange.result_at - 1) + 1_000
    }
}
