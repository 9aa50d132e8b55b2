//! Chance that repeats: one seed, one course of a test.

/// A seeded generator (SplitMix64), the same on every machine. It tells its seed when a test fails.
///
/// Good enough to choose sizes, orders and faults; never a source of keys.
#[derive(Debug)]
pub struct Chance {
    seed: u64,
    state: u64,
}

const SEED_VARIABLE: &str = "DEEDBOOK_SEED";

impl Chance {
    /// The course that belongs to `seed`.
    pub fn seeded(seed: u64) -> Self {
        Self { seed, state: seed }
    }

    /// The course named by the environment variable `DEEDBOOK_SEED` (decimal, or `0x` and hex), or that of
    /// `seed` where it is not set.
    ///
    /// # Panics
    /// When the variable is set to something that is no number.
    pub fn from_env_or(seed: u64) -> Self {
        let Ok(text) = std::env::var(SEED_VARIABLE) else { return Self::seeded(seed) };
        Self::seeded(parse(&text).unwrap_or_else(|| panic!("{SEED_VARIABLE}={text} is not a 64-bit number")))
    }

    /// The seed this course began with.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, each as likely as the next (the bias is under `bound`/2^64).
    ///
    /// # Panics
    /// When `bound` is 0: there is no such number.
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "no number is below 0");
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// True once in `times` on average.
    pub fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// One of `choices`.
    ///
    /// # Panics
    /// When there is none.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len() as u64) as usize]
    }

    /// `N` bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// Fills `bytes`.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next_u64().to_le_bytes()[..chunk.len()]);
        }
    }

    /// Puts `values` into another order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, values: &mut [T]) {
        for last in (1..values.len()).rev() {
            values.swap(last, self.below(last as u64 + 1) as usize);
        }
    }

    /// A course of its own for a thread or a task, decided by this one.
    pub fn fork(&mut self) -> Self {
        Self::seeded(self.next_u64())
    }
}

impl Drop for Chance {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("chance: the seed was {:#018x}", self.seed);
        }
    }
}

fn parse(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Chance, parse};

    #[test]
    fn equals_the_published_outputs_of_splitmix64() {
        let mut chance = Chance::seeded(1_234_567);
        let outputs: Vec<u64> = (0..5).map(|_| chance.next_u64()).collect();
        let published = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
            4_593_380_528_125_082_431,
            16_408_922_859_458_223_821,
        ];
        assert_eq!(outputs, published);
    }

    #[test]
    fn below_reaches_each_number_and_none_beyond() {
        let mut chance = Chance::seeded(1);
        let mut seen = [0_u32; 7];
        for _ in 0..7_000 {
            seen[chance.below(7) as usize] += 1;
        }
        assert!(seen.iter().all(|&times| (850..1_150).contains(&times)), "{seen:?}");
    }

    #[test]
    fn fill_and_shuffle_lose_nothing() {
        let mut chance = Chance::seeded(2);
        let bytes: [u8; 13] = chance.bytes();
        assert!(bytes[8..].iter().any(|&byte| byte != 0), "the last short piece was left empty");
        let mut order: Vec<u32> = (0..100).collect();
        chance.shuffle(&mut order);
        assert_ne!(order, (0..100).collect::<Vec<u32>>());
        order.sort_unstable();
        assert_eq!(order, (0..100).collect::<Vec<u32>>());
    }

    #[test]
    fn a_fork_goes_its_own_way_and_repeats() {
        let course = |seed| {
            let mut chance = Chance::seeded(seed);
            let mut fork = chance.fork();
            (chance.next_u64(), fork.next_u64())
        };
        assert_eq!(course(3), course(3));
        assert_ne!(course(3).0, course(3).1);
    }

    #[test]
    fn seeds_are_read_as_they_are_printed() {
        let printed = format!("{:#018x}", Chance::seeded(0xbeef).seed());
        assert_eq!(parse(&printed), Some(0xbeef));
        assert_eq!(parse("48879"), Some(0xbeef));
        assert_eq!(parse("beef"), None);
    }
}
