//! Typical audit records in any number, for benchmarks and load: as long, as varied and as compressible as the
//! real thing, not real.

use crate::{Chance, stamp};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use std::fmt::Write;

/// The first record's time: 2026-11-23T08:00:00Z. Record `n` is `n` times [`STEP_MS`] later.
pub const START_MS: u64 = 1_795_420_800_000;
/// Milliseconds between two records.
pub const STEP_MS: u64 = 3;
/// Records in a session.
pub const SESSION_LENGTH: u64 = 16;

const PEOPLE: [&str; 24] = [
    "alice", "bruno", "chidi", "dagny", "emeka", "farah", "goran", "hanna", "ismail", "jin", "karla",
    "lucas", "mei", "noor", "olivia", "pavel", "quentin", "rosa", "samir", "tove", "uma", "viktor",
    "wanjiru", "yusuf",
];
const AGENTS: [(&str, &str, &str); 6] = [
    ("crm", "3.1.0", "m-4"),
    ("billing", "1.14.2", "m-4"),
    ("support-desk", "2.0.7", "m-4-mini"),
    ("code-review", "0.9.30", "m-5"),
    ("travel", "5.2.1", "m-4"),
    ("procurement", "1.0.0", "m-5"),
];
const TOOLS: [(&str, &str, &str, &str); 12] = [
    ("crm.read_contact", "mcp:crm", "contact", "read"),
    ("crm.update_contact", "mcp:crm", "contact", "write"),
    ("crm.search_accounts", "mcp:crm", "account", "read"),
    ("invoices.list", "mcp:billing", "invoice", "read"),
    ("invoices.issue", "mcp:billing", "invoice", "write"),
    ("tickets.read", "mcp:helpdesk", "ticket", "read"),
    ("tickets.reply", "mcp:helpdesk", "ticket", "write"),
    ("repo.read_file", "mcp:git", "file", "read"),
    ("repo.open_pull_request", "mcp:git", "pull-request", "write"),
    ("calendar.find_slots", "mcp:calendar", "calendar", "read"),
    ("mail.send", "mcp:mail", "message", "write"),
    ("orders.approve", "mcp:procurement", "order", "write"),
];

/// Of whom and what a record speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cast {
    /// Its time, in milliseconds since 1970.
    pub ms: u64,
    /// Number of the session; its id is `s-` and this in hexadecimal digits.
    pub session: u64,
    /// Number of the record in its session, from 1.
    pub seq: u64,
    /// Number of the person: [`user`].
    pub person: u64,
    /// Number of the agent: [`agent`].
    pub agent: u64,
    /// Number of the host that the agent runs on, which with it is the producer.
    pub host: u64,
    /// Number of the record at its producer.
    pub produced: u64,
    /// Number of the tool: [`tool`].
    pub tool: u64,
    /// Whether calls that change something name an approval by a human, which is no record of this run.
    pub approved: bool,
}

/// Number of tools that there are.
pub const TOOL_COUNT: u64 = TOOLS.len() as u64;

/// `sub` of a person.
pub fn user(person: u64) -> String {
    format!("u-{}", 1_800 + person)
}

/// `sub` of an agent.
pub fn agent(agent: u64) -> String {
    format!("agent:acme.example/{}", numbered(AGENTS[agent as usize % AGENTS.len()].0, agent, AGENTS.len()))
}

/// Name of a tool.
pub fn tool(tool: u64) -> &'static str {
    TOOLS[tool as usize % TOOLS.len()].0
}

/// Name of the call that record `n` is about.
pub fn action(n: u64) -> String {
    format!("call_{:016x}", Chance::seeded(!(n / 2)).next_u64())
}

/// The `n`th of few names: those after the first round get its number.
fn numbered(name: &str, n: u64, names: usize) -> String {
    match n / names as u64 {
        0 => name.to_owned(),
        round => format!("{name}-{round}"),
    }
}

impl Cast {
    /// Of record `n` of a typical run: 24 people, 6 agents, 12 tools, all as likely.
    fn typical(n: u64) -> Self {
        let session = n / SESSION_LENGTH;
        let mut by_session = Chance::seeded(session);
        Self {
            ms: START_MS + n * STEP_MS,
            session,
            seq: n % SESSION_LENGTH + 1,
            person: by_session.below(PEOPLE.len() as u64),
            agent: by_session.below(AGENTS.len() as u64),
            host: by_session.below(12),
            produced: n,
            tool: Chance::seeded(!(n / 2)).below(TOOL_COUNT),
            approved: true,
        }
    }
}

/// Record `n` of a run, about 700 bytes, in canonical form (RFC 8785).
///
/// Two by two: an even `n` is a call (`action.requested`), the odd one after it what came of it
/// (`action.completed`). Who, which session and which call follow from `n` alone, so records made by many
/// threads fit together; the id and the digests come from `chance`. Ids are UUIDv7 and ascend with `n`.
/// Content is named by its salted digest (`sd`), as most records carry it.
///
/// ```
/// let record = testkit::sample::typical_record(41, &mut testkit::Chance::seeded(1));
/// assert!((550..850).contains(&record.len()));
/// ```
pub fn typical_record(n: u64, chance: &mut Chance) -> Vec<u8> {
    record_of(n, &Cast::typical(n), chance)
}

/// Record `n` of a run in which somebody else chooses of whom it speaks. Both records of a call need the same cast, but for
/// the numbers of the records.
pub fn record_of(n: u64, cast: &Cast, chance: &mut Chance) -> Vec<u8> {
    let mut text = String::with_capacity(850);
    write_record(&mut text, n, cast, chance).expect("a string takes what is written");
    text.into_bytes()
}

/// Records `from` to `from + count` as NDJSON, a line feed after each.
pub fn typical_ndjson(from: u64, count: u64, chance: &mut Chance) -> Vec<u8> {
    let mut lines = Vec::new();
    for n in from..from + count {
        lines.extend(typical_record(n, chance));
        lines.push(b'\n');
    }
    lines
}

/// Members in the order of the canonical form, one statement each.
fn write_record(text: &mut String, n: u64, cast: &Cast, chance: &mut Chance) -> std::fmt::Result {
    let requested = n.is_multiple_of(2);
    let (_, version, model) = AGENTS[cast.agent as usize % AGENTS.len()];
    let run = Chance::seeded(cast.session).below(100_000);
    let mut by_call = Chance::seeded(!(n / 2));
    let (tool, server, kind, effect) = TOOLS[cast.tool as usize % TOOLS.len()];
    let (call, target) = (by_call.next_u64(), by_call.below(90_000));
    let approval = approval_id(START_MS + (n & !1) * STEP_MS, &mut by_call);
    let id = stamp::uuid_v7(cast.ms, chance.bytes());

    let sub = agent(cast.agent);
    write!(text, r#"{{"action":{{"effect":"{effect}","id":"call_{call:016x}","#)?;
    write!(text, r#""server":"{server}","target":"{kind}/{target}","tool":"{tool}"}},"#)?;
    write!(text, r#""agent":{{"model":"{model}","run":"run-{run}","sub":"{sub}","version":"{version}"}},"#)?;
    match effect {
        "write" if cast.approved => write!(text, r#""approval":{{"mode":"human","ref":"{approval}"}},"#)?,
        _ => write!(text, r#""approval":{{"mode":"autonomous_not_required"}},"#)?,
    }
    write!(text, r#""id":"{id}","#)?;
    if requested {
        write_content(text, "input", 60 + call % 900, chance)?;
    } else {
        let status = if call.is_multiple_of(25) { "error" } else { "ok" };
        write!(text, r#""outcome":{{"ms":{},"status":"{status}"}},"#, 20 + call % 1_700)?;
        write_content(text, "output", 200 + call % 6_000, chance)?;
    }
    let name = numbered(PEOPLE[cast.person as usize % PEOPLE.len()], cast.person, PEOPLE.len());
    let runtime = sub.rsplit('/').next().unwrap_or_default();
    write!(text, r#""principal":{{"iss":"https://idp.acme.example","name":"{name}@acme.example","#)?;
    write!(
        text,
        r#""sub":"{}"}},"producer":{{"id":"{runtime}-runtime/host-{}","seq":{}}},"#,
        user(cast.person),
        cast.host,
        cast.produced
    )?;
    write!(text, r#""scope":"{kind}:read {kind}:write","#)?;
    write!(
        text,
        r#""session":{{"id":"s-{:x}","seq":{}}},"time":"{}","#,
        cast.session,
        cast.seq,
        stamp::rfc3339(cast.ms)
    )?;
    write!(text, r#""type":"action.{}","v":1}}"#, if requested { "requested" } else { "completed" })
}

/// The id of the approval that a call made at `ms` rests on: some seconds older.
fn approval_id(ms: u64, chance: &mut Chance) -> String {
    stamp::uuid_v7(ms - 2_000 - chance.below(30_000), chance.bytes())
}

/// Content beside the tree: its length, media type and salted digest (43 characters of base64url).
fn write_content(text: &mut String, member: &str, bytes: u64, chance: &mut Chance) -> std::fmt::Result {
    write!(text, r#""{member}":{{"bytes":{bytes},"media":"application/json","sd":""#)?;
    text.push_str(&digest(chance));
    text.write_str(r#""},"#)
}

/// 256 bits in base64url.
fn digest(chance: &mut Chance) -> String {
    let bits: [u8; 32] = chance.bytes();
    BASE64_URL_SAFE_NO_PAD.encode(bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical;
    use serde_json::Value;
    use std::collections::BTreeSet;

    fn records(from: u64, count: u64, seed: u64) -> Vec<Vec<u8>> {
        let mut chance = Chance::seeded(seed);
        (from..from + count).map(|n| typical_record(n, &mut chance)).collect()
    }

    #[test]
    fn records_are_canonical_and_about_700_bytes() {
        let records = records(0, 2_000, 1);
        for record in &records {
            let value: Value = serde_json::from_slice(record).unwrap();
            assert_eq!(&canonical(&value), record, "{}", String::from_utf8_lossy(record));
        }
        let mean = records.iter().map(Vec::len).sum::<usize>() / records.len();
        assert!((680..760).contains(&mean), "{mean} bytes on average");
    }

    #[test]
    fn ids_are_uuids_that_ascend_and_repeat_only_with_the_seed() {
        let ids = |seed| -> Vec<String> {
            let id = |record: &Vec<u8>| {
                let value: Value = serde_json::from_slice(record).unwrap();
                value["id"].as_str().unwrap().to_owned()
            };
            records(1_000_000, 500, seed).iter().map(id).collect()
        };
        let first = ids(1);
        assert!(first.is_sorted(), "{first:?}");
        assert!(first.iter().all(|id| uuid::Uuid::parse_str(id).unwrap().get_version_num() == 7));
        assert_eq!(first, ids(1));
        assert!(BTreeSet::from_iter(first).is_disjoint(&BTreeSet::from_iter(ids(2))));
    }

    #[test]
    fn a_call_and_what_came_of_it_name_the_same_action() {
        let parse = |record: &Vec<u8>| serde_json::from_slice::<Value>(record).unwrap();
        let records: Vec<Value> = records(40, 40, 1).iter().map(parse).collect();
        for pair in records.chunks(2) {
            assert_eq!([&pair[0]["type"], &pair[1]["type"]], ["action.requested", "action.completed"]);
            for member in ["action", "agent", "approval", "principal"] {
                assert_eq!(pair[0][member], pair[1][member]);
            }
            assert_eq!(pair[0]["session"]["id"], pair[1]["session"]["id"]);
        }
        assert!(records.iter().any(|record| record["approval"]["ref"].is_string()), "no call was approved");
    }

    #[test]
    fn ndjson_is_the_same_records_a_line_each() {
        let lines = typical_ndjson(7, 3, &mut Chance::seeded(9));
        let wanted = records(7, 3, 9).join(&b'\n');
        assert_eq!(lines.strip_suffix(b"\n"), Some(&wanted[..]));
    }
}
