//! The figures as Markdown: every round, then medians and how the contenders stand to one another.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use super::BenchError;
use super::growth::{Figures, Latency};
use super::load::Load;

/// With more than so many cores at work on something else, a turn is said to be disturbed.
const OTHERS: f64 = 0.2;

/// One contender's turn in one round.
pub(super) struct Round {
    pub(super) number: u32,
    pub(super) contender: String,
    /// The median cost of an fdatasync just before this round.
    pub(super) fsync: Duration,
    pub(super) figures: Figures,
}

/// Standard output, and the file that the person asked for.
pub(super) struct Out {
    file: Option<File>,
}

impl Out {
    pub(super) fn new(path: Option<&Path>) -> Result<Out, BenchError> {
        let file = path.map(File::create).transpose();
        Ok(Out { file: file.map_err(|why| BenchError::Io("make the file for the tables".into(), why))? })
    }

    pub(super) fn say(&mut self, text: &str) -> Result<(), BenchError> {
        let failed = |why| BenchError::Io("write the tables".into(), why);
        writeln!(io::stdout(), "{text}").map_err(failed)?;
        self.file.as_mut().map_or(Ok(()), |file| writeln!(file, "{text}")).map_err(failed)
    }
}

/// A heading, all rounds, and the medians.
pub(super) fn table(title: &str, seconds: u64, rounds: &[Round]) -> String {
    let mut text = format!("## {title}, {seconds} s a turn\n\n");
    text.push_str(
        "| round | contender | adds/s | p50 | p99 | server CPU s per 1,000 adds | cores: load tool | cores: others \
         | peak memory | fdatasync p50 | remarks |\n|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|---|\n",
    );
    for Round { number, contender, fsync, figures } in rounds {
        let latency = figures.latency.unwrap_or_default();
        let _ = writeln!(
            text,
            "| {number} | {contender} | {:.0} | {} | {} | {:.4} | {:.2} | {:.2} | {:.0} MB | {} | {} |",
            figures.rate(),
            time(latency.p50),
            time(latency.p99),
            figures.cpu_per_thousand(),
            cores(figures.load_cpu, figures.time),
            cores(figures.others_cpu, figures.time),
            figures.server.peak_rss as f64 / 1e6,
            time(*fsync),
            figures.remarks,
        );
    }
    text + "\n" + &medians(rounds) + &disturbed(rounds)
}

/// What a load is called in its heading.
pub(super) fn title(load: Load) -> String {
    match load {
        Load::Hammer(writers) => {
            format!("Tessera's load tool, {writers} writers, small leaves, no duplicates")
        }
        Load::Wrk(connections) => format!("wrk, POST /add, {connections} connections"),
        Load::Single => "One add after the other on an idle server".to_owned(),
    }
}

/// The median of each contender, and ours or anybody's as a share of the others'.
fn medians(rounds: &[Round]) -> String {
    let mut by_contender: BTreeMap<&str, Vec<&Figures>> = BTreeMap::new();
    for round in rounds {
        by_contender.entry(&round.contender).or_default().push(&round.figures);
    }
    let of =
        |figures: &[&Figures], what: fn(&Figures) -> f64| median(figures.iter().map(|f| what(f)).collect());
    let rate = |name: &str| by_contender.get(name).map(|figures| of(figures, Figures::rate));
    let (tessera, idle) = (rate("tessera"), rate("idle"));
    let mut text = "| contender | median adds/s | of tessera's | of idle's | median server CPU s per 1,000 adds | median \
                    p50 | median p99 | highest memory |\n|---|---:|---:|---:|---:|---:|---:|---:|\n"
        .to_owned();
    for (contender, figures) in &by_contender {
        let own = of(figures, Figures::rate);
        let share = |other: Option<f64>| match other.filter(|other| *other > 0.0) {
            Some(other) => format!("{:.2}", own / other),
            None => "-".to_owned(),
        };
        let (p50, p99) = (of(figures, |f| latency(f, |l| l.p50)), of(figures, |f| latency(f, |l| l.p99)));
        let memory = figures.iter().map(|f| f.server.peak_rss).max().unwrap_or_default();
        let _ = writeln!(
            text,
            "| {contender} | {own:.0} | {} | {} | {:.4} | {} | {} | {:.0} MB |",
            share(tessera),
            share(idle),
            of(figures, Figures::cpu_per_thousand),
            time(Duration::from_secs_f64(p50)),
            time(Duration::from_secs_f64(p99)),
            memory as f64 / 1e6,
        );
    }
    text
}

fn latency(figures: &Figures, which: fn(Latency) -> Duration) -> f64 {
    figures.latency.map_or(0.0, |latency| which(latency).as_secs_f64())
}

/// The middle one, or the mean of the two middle ones; zero of none.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => values[odd / 2],
        even => f64::midpoint(values[even / 2 - 1], values[even / 2]),
    }
}

/// How many cores were kept busy.
fn cores(cpu_seconds: f64, time: Duration) -> f64 {
    if time.is_zero() { 0.0 } else { cpu_seconds / time.as_secs_f64() }
}

/// A warning when other processes had more than [`OTHERS`] cores in a turn.
fn disturbed(rounds: &[Round]) -> String {
    let much = |round: &&Round| cores(round.figures.others_cpu, round.figures.time) > OTHERS;
    match rounds.iter().filter(much).count() {
        0 => String::new(),
        turns => format!(
            "\n**In {turns} of {} turns other processes used more than {OTHERS} cores: do not rely on these figures.**\n",
            rounds.len()
        ),
    }
}

fn time(time: Duration) -> String {
    if time.is_zero() { "-".to_owned() } else { format!("{:.2} ms", time.as_secs_f64() * 1e3) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::background::Cost;

    fn round(number: u32, contender: &str, adds: u64) -> Round {
        let server = Cost { cpu_seconds: 1.0, peak_rss: 50_000_000 };
        let figures = Figures { adds, time: Duration::from_secs(10), server, ..Figures::default() };
        Round { number, contender: contender.to_owned(), fsync: Duration::from_micros(310), figures }
    }

    #[test]
    fn every_round_is_shown_and_shares_are_of_medians() {
        let adds = [("tessera", [10, 20, 900]), ("idle", [40, 50, 1])];
        let rounds: Vec<Round> = adds
            .into_iter()
            .flat_map(|(who, adds)| {
                (1..).zip(adds).map(move |(number, adds)| round(number, who, adds * 1000))
            })
            .collect();
        let text = table(&title(Load::Wrk(256)), 10, &rounds);
        assert_eq!(text.lines().filter(|line| line.ends_with("| 0.31 ms |  |")).count(), 6);
        assert!(
            text.contains("| 3 | tessera | 90000 | - | - | 0.0011 | 0.00 | 0.00 | 50 MB | 0.31 ms |  |"),
            "{text}"
        );
        assert!(text.contains("| idle | 4000 | 2.00 | 1.00 |"), "{text}");
        assert!(text.contains("| tessera | 2000 | 1.00 | 0.50 |"), "{text}");
    }

    #[test]
    fn a_turn_beside_a_busy_neighbour_is_not_passed_over() {
        let mut rounds = [round(1, "idle", 1), round(2, "idle", 1)];
        assert!(!table("alone", 10, &rounds).contains("do not rely"));
        rounds[1].figures.others_cpu = 5.0;
        let text = table("beside others", 10, &rounds);
        assert!(text.contains("In 1 of 2 turns"), "{text}");
    }

    #[test]
    fn the_median_is_the_middle() {
        let close = |values: &[f64], expected: f64| (median(values.to_vec()) - expected).abs() < 1e-9;
        assert!(close(&[3.0, 1.0, 2.0], 2.0) && close(&[4.0, 1.0], 2.5) && close(&[], 0.0));
    }
}
