//! Of whom a large log speaks: few people ask for most, many for little, and so with agents and tools.

use testkit::{Chance, sample, sample::Cast};

/// People. The one with number 0 asks for most: each gets a share as one over its rank.
pub(crate) const PEOPLE: u64 = 20_000;
/// Agents, ranked as people are.
const AGENTS: u64 = 40;
/// Sessions that are under way at the same time, each on a host of its own. An agent stays on its hosts.
const LANES: u64 = 128;
/// Calls of an ordinary session.
const CALLS: u64 = 8;
/// One call in so many names an approval that is not in the log, and earns a finding.
const UNAPPROVED: u64 = 50;

/// The long session: so many calls, and one call in so many belongs to it while it lasts.
pub(crate) const LONG_CALLS: u64 = 1_000;
const LONG_SHARE: u64 = 16;
const LONG_SESSION: u64 = 0xa11_dade;
const LONG_PERSON: u64 = 7;

/// A person and a tool, each of many records, that never meet.
pub(crate) const NEVER: (u64, u64) = (0, 0);

/// The casts of a log of so many records. Who and which session follow from a record's number alone.
#[derive(Debug)]
pub(crate) struct World {
    /// First call while the long session lasts.
    long_from: u64,
    people: Ranks,
    agents: Ranks,
    tools: Ranks,
}

impl World {
    /// For a log of about so many records.
    pub(crate) fn new(records: u64) -> World {
        let long_from = (records / 2).saturating_sub(LONG_CALLS * LONG_SHARE) / 2;
        let ranks = Ranks::new;
        World { long_from, people: ranks(PEOPLE), agents: ranks(AGENTS), tools: ranks(sample::TOOL_COUNT) }
    }

    /// Of whom record `n` speaks; it is made at `ms`.
    pub(crate) fn cast(&self, n: u64, ms: u64) -> Cast {
        let (call, after) = (n / 2, n % 2);
        let since = call.saturating_sub(self.long_from);
        let long = call >= self.long_from && since < LONG_CALLS * LONG_SHARE;
        if long && since.is_multiple_of(LONG_SHARE) {
            let produced = 2 * (since / LONG_SHARE) + after;
            return self.of(LONG_SESSION, LONG_PERSON, LANES, produced, produced + 1, call, ms);
        }
        // Calls of the long session come in between, and take nothing from the others.
        let ordinary = call - since.div_ceil(LONG_SHARE).min(LONG_CALLS);
        let (lane, nth) = (ordinary % LANES, ordinary / LANES);
        let session = nth / CALLS * LANES + lane;
        let person = self.people.draw(&mut Chance::seeded(session));
        self.of(session, person, lane, 2 * nth + after, 2 * (nth % CALLS) + after + 1, call, ms)
    }

    #[allow(clippy::too_many_arguments, reason = "each is another number of the record")]
    fn of(&self, session: u64, person: u64, host: u64, produced: u64, seq: u64, call: u64, ms: u64) -> Cast {
        let mut by_call = Chance::seeded(call ^ (1 << 63));
        let tool = self.tools.draw(&mut by_call);
        Cast {
            ms,
            session,
            seq,
            person,
            agent: self.agents.draw(&mut Chance::seeded(!host)),
            host,
            produced,
            tool: if (person, tool) == NEVER { 1 } else { tool },
            approved: by_call.one_in(UNAPPROVED),
        }
    }

    /// Records `from` to `from + count` as NDJSON, all made at `ms`.
    pub(crate) fn ndjson(&self, from: u64, count: u64, ms: u64) -> Vec<u8> {
        let mut chance = Chance::seeded(from);
        let mut lines = Vec::with_capacity(800 * count as usize);
        for n in from..from + count {
            lines.extend(sample::record_of(n, &self.cast(n, ms), &mut chance));
            lines.push(b'\n');
        }
        lines
    }

    /// The id of the long session.
    pub(crate) fn long_session() -> String {
        format!("s-{LONG_SESSION:x}")
    }
}

/// Numbers of which each is drawn as one over its rank (Zipf's law).
#[derive(Debug)]
struct Ranks {
    /// Sums of the shares, up to each number.
    sums: Vec<f64>,
}

impl Ranks {
    fn new(count: u64) -> Ranks {
        let mut sum = 0.0;
        let share = |rank: u64| {
            sum += 1.0 / rank as f64;
            sum
        };
        Ranks { sums: (1..=count).map(share).collect() }
    }

    fn draw(&self, chance: &mut Chance) -> u64 {
        const STEPS: u64 = 1 << 53;
        let all = self.sums.last().copied().unwrap_or_default();
        let drawn = chance.below(STEPS) as f64 / STEPS as f64 * all;
        self.sums.partition_point(|sum| *sum <= drawn).min(self.sums.len() - 1) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, HashMap};

    #[test]
    fn sessions_are_whole_and_the_long_one_is_long() {
        let records = 100_000;
        let world = World::new(records);
        let mut sessions: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        let mut produced: HashMap<u64, u64> = HashMap::new();
        for n in 0..records {
            let cast = world.cast(n, 0);
            sessions.entry(cast.session).or_default().push(cast.seq);
            let next = produced.entry(cast.host).or_default();
            assert_eq!(cast.produced, *next, "a producer leaves out a number at {n}");
            *next += 1;
            assert_ne!((cast.person, cast.tool), NEVER);
        }
        let long = sessions.remove(&LONG_SESSION).unwrap();
        assert_eq!(long, (1..=2 * LONG_CALLS).collect::<Vec<_>>());
        let whole = (1..=2 * CALLS).collect::<Vec<_>>();
        assert!(sessions.values().filter(|seqs| **seqs == whole).count() > sessions.len() - 130);
    }

    #[test]
    fn the_first_has_most_and_the_last_has_some() {
        let world = World::new(100_000);
        let mut counts = vec![0_u64; PEOPLE as usize];
        for session in 0..400_000 {
            counts[world.people.draw(&mut Chance::seeded(session)) as usize] += 1;
        }
        // One over its rank, of the sum of all: 10.5.
        assert!((36_000..40_500).contains(&counts[0]), "{}", counts[0]);
        assert!(counts[PEOPLE as usize / 2..].iter().filter(|count| **count > 0).count() > 5_000);
    }
}
