//! Questions to a log of a [`World`], and how long each kind of them takes to be answered.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::Value;
use testkit::{Chance, sample};

use super::super::single::percentile;
use super::world::{NEVER, PEOPLE, World};
use crate::loopback::Connection;

/// One question to so many is asked before, and not counted: the store reads its inner pages when they are first needed.
const UNCOUNTED: usize = 5;

/// A kind of question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Question {
    /// The newest 50 of a person, as often as he is spoken of.
    Newest,
    /// The newest 50 of a person, each as often.
    NewestUniform,
    /// The oldest 50 of a person.
    Oldest,
    /// 50 of a person from somewhere in the log on, newest first.
    Deep,
    /// Person, tool and outcome together, newest first.
    Three,
    /// The same from somewhere on.
    ThreeDeep,
    /// Two keys of many records each that never meet.
    Never,
    /// One record by its call.
    Action,
    /// What broke a rule, newest first.
    Finding,
    /// An ordinary session, told.
    Session,
    /// The long session, told.
    LongSession,
}

impl Question {
    pub(crate) const ALL: [Question; 11] = [
        Question::Newest,
        Question::NewestUniform,
        Question::Oldest,
        Question::Deep,
        Question::Three,
        Question::ThreeDeep,
        Question::Never,
        Question::Action,
        Question::Finding,
        Question::Session,
        Question::LongSession,
    ];

    const fn words(self) -> &'static str {
        match self {
            Question::Newest => "newest 50 of a person, by use",
            Question::NewestUniform => "newest 50 of a person, uniformly",
            Question::Oldest => "oldest 50 of a person, by use",
            Question::Deep => "50 of a person from anywhere on",
            Question::Three => "newest 50 by person, tool, outcome",
            Question::ThreeDeep => "50 by person, tool, outcome from anywhere on",
            Question::Never => "two frequent keys that never meet",
            Question::Action => "both records of a call",
            Question::Finding => "newest 50 that break a rule",
            Question::Session => "session of 8 calls, told",
            Question::LongSession => "session of 1,000 calls, told",
        }
    }

    /// What the project promises: so long at most, of 99 in a hundred.
    pub(crate) const fn target(self) -> Option<Duration> {
        match self {
            Question::Newest | Question::NewestUniform => Some(Duration::from_millis(5)),
            Question::Three => Some(Duration::from_millis(20)),
            Question::LongSession => Some(Duration::from_millis(50)),
            _ => None,
        }
    }

    /// Another question of the kind: a path.
    fn path(self, world: &World, records: u64, chance: &mut Chance) -> String {
        let n = chance.below(records);
        let cast = world.cast(n, 0);
        let user = sample::user(cast.person);
        let tool = sample::tool(cast.tool);
        let anywhere = chance.below(records);
        match self {
            Question::Newest => format!("/v1/records?user={user}"),
            Question::NewestUniform => {
                format!("/v1/records?user={}", sample::user(chance.below(PEOPLE)))
            }
            Question::Oldest => format!("/v1/records?user={user}&order=oldest"),
            Question::Deep => format!("/v1/records?user={user}&cursor={anywhere}"),
            Question::Three => format!("/v1/records?user={user}&tool={tool}&outcome=ok"),
            Question::ThreeDeep => {
                format!("/v1/records?user={user}&tool={tool}&outcome=ok&cursor={anywhere}")
            }
            Question::Never => {
                format!("/v1/records?user={}&tool={}", sample::user(NEVER.0), sample::tool(NEVER.1))
            }
            Question::Action => format!("/v1/records?action={}", sample::action(n)),
            Question::Finding => "/v1/records?finding=approval_missing".to_owned(),
            Question::Session => format!("/v1/sessions/s-{:x}", cast.session),
            Question::LongSession => format!("/v1/sessions/{}", World::long_session()),
        }
    }

    /// Whether an answer can be right.
    fn fits(self, answer: &Value) -> bool {
        let records = answer["records"].as_array().map(Vec::len);
        match self {
            Question::Never => records == Some(0),
            Question::Action => records == Some(2),
            Question::Session | Question::LongSession => answer["story"].is_object(),
            Question::Newest | Question::Oldest => records.is_some_and(|count| count > 0),
            _ => records.is_some_and(|count| count <= 50),
        }
    }
}

/// How long one kind of question took to be answered.
#[derive(Debug, Serialize)]
pub(crate) struct Answered {
    question: &'static str,
    asked: usize,
    /// Records of an answer, mean.
    records: f64,
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
    target_ms: Option<f64>,
    met: Option<bool>,
}

/// Asks `count` questions of a kind, one after the other on one connection, and some before that.
pub(crate) fn ask(
    address: SocketAddr,
    world: &World,
    records: u64,
    question: Question,
    count: usize,
) -> Result<Answered, String> {
    let mut connection = Connection::open(address).map_err(|why| format!("cannot connect: {why}"))?;
    let mut chance = Chance::seeded(question as u64 + 1);
    let (mut times, mut found) = (Vec::with_capacity(count), 0);
    let before = count / UNCOUNTED;
    for n in 0..before + count {
        let path = question.path(world, records, &mut chance);
        let began = Instant::now();
        let answer = connection.get(&path).map_err(|why| format!("GET {path}: {why}"))?;
        let took = began.elapsed();
        let value: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        if answer.status != 200 || !question.fits(&value) {
            let start: String = answer.body.chars().take(300).collect();
            return Err(format!("GET {path}: status {}: {start}", answer.status));
        }
        if n >= before {
            times.push(took);
            found += value["records"].as_array().map_or(0, Vec::len);
        }
    }
    times.sort_unstable();
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let p99 = percentile(&times, 99);
    Ok(Answered {
        question: question.words(),
        asked: count,
        records: found as f64 / count.max(1) as f64,
        p50_ms: ms(percentile(&times, 50)),
        p99_ms: ms(p99),
        max_ms: ms(times.last().copied().unwrap_or_default()),
        target_ms: question.target().map(ms),
        met: question.target().map(|target| p99 < target),
    })
}

impl Answered {
    /// The head of the table that [`Answered::line`] writes a line of.
    pub(crate) const HEAD: &'static str =
        "| question | asked | records, mean | p50 | p99 | max | target |\n|---|---:|---:|---:|---:|---:|---|";

    pub(crate) fn line(&self) -> String {
        let target = self.target_ms.zip(self.met).map_or(String::new(), |(target, met)| {
            format!("p99 < {target:.0} ms: {}", if met { "met" } else { "**missed**" })
        });
        format!(
            "| {} | {} | {:.1} | {:.2} ms | {:.2} ms | {:.2} ms | {target} |",
            self.question, self.asked, self.records, self.p50_ms, self.p99_ms, self.max_ms
        )
    }
}
