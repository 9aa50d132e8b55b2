//! The whole network under one seed: each bad day, over several seeds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "in tests a panic is the report")]

mod days;

use trials::network::Scenario;

/// Lives through a bad day by so many seeds.
fn holds(name: &str, seeds: u64) {
    let scenario = Scenario::named(name).unwrap();
    for seed in 0..seeds {
        if let Err(error) = scenario.run(seed) {
            panic!("{name}, seed {seed}: {error}\nagain: cargo xtask simulate --only {name} --seed {seed}");
        }
    }
}

#[test]
fn the_same_seed_leads_to_the_same_bytes() {
    for name in ["honest", "two-logs", "witness-killed", "flood"] {
        let lived = |seed| Scenario::named(name).unwrap().run(seed).unwrap().transcript;
        let first = lived(3);
        assert!(first.len() > 10_000, "{name}: little happened");
        assert!(first == lived(3), "{name}");
        assert!(first != lived(4), "{name}");
    }
}

#[test]
fn each_bad_day_is_here() {
    let here = include_str!("main.rs").to_owned() + include_str!("days.rs");
    for scenario in trials::network::SCENARIOS {
        assert!(here.contains(&format!("holds(\"{}\"", scenario.name)), "{}", scenario.name);
    }
}
