//! Tessera's load tool: its command line, and what its log says went wrong.

use std::fmt;
use std::process::Command;

use crate::contender::{Contender, Running};
use crate::peers::Peers;

/// How hard it hammers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hammer {
    /// Writers at once, each with a connection.
    pub(crate) writers: u64,
    /// Readers of either kind (random entries; the log from its start).
    pub(crate) readers: u64,
    /// After this many seconds it ends, with exit code 1 as it always does at its time limit.
    pub(crate) seconds: u64,
}

impl Hammer {
    /// Small leaves, none twice, writes not throttled.
    pub(crate) fn command(self, peers: &Peers, contender: &Contender, running: &Running) -> Command {
        let mut command = Command::new(&peers.hammer);
        command.args(["--show_ui=false", "--dup_chance=0", "--leaf_min_size=0", "--max_write_ops=100000"]);
        command.arg(format!("--num_writers={}", self.writers));
        command.arg(format!("--num_readers_random={}", self.readers));
        command.arg(format!("--num_readers_full={}", self.readers));
        command.arg(format!("--max_runtime={}s", self.seconds));
        command.arg(format!("--log_url={}", contender.read_url(running)));
        command.arg(format!("--write_log_url={}", running.base()));
        let vkey = std::fs::read_to_string(&running.vkey).unwrap_or_default();
        command.arg(format!("--log_public_key={}", vkey.trim()));
        command
    }
}

/// What is in its log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    /// Requests that were told to come again (429, 502, 503, 504).
    pub(crate) pushed_back: u64,
    /// Requests that failed otherwise.
    pub(crate) failed: u64,
    /// The first such failure, or why it broke off: an inconsistent checkpoint, an unreadable key.
    pub(crate) first: Option<String>,
    /// Whether it ran until its time was up, rather than break off.
    pub(crate) complete: bool,
}

impl Findings {
    /// klog lines begin with a letter for the severity: W carries a failed request (in the form `(N x) …` when it
    /// repeats) or the count of those pushed back, E and F what is worse.
    pub(crate) fn read(said: &str) -> Findings {
        let mut findings =
            Findings { complete: said.contains("Max runtime reached; exiting"), ..Findings::default() };
        for line in
            said.lines().filter(|line| line.starts_with(['W', 'E', 'F']) || line.starts_with("panic:"))
        {
            let words = line.split_once("] ").map_or(line, |(_, words)| words);
            let counted = |end: &str| words.split_once(end).and_then(|(count, _)| count.parse::<u64>().ok());
            if let Some(count) = counted(" requests received pushback") {
                findings.pushed_back += count;
                continue;
            }
            let repeated = words.strip_prefix('(').and_then(|rest| rest.split_once(" x)")?.0.parse().ok());
            findings.failed += repeated.unwrap_or(1);
            findings.first.get_or_insert_with(|| words.chars().take(300).collect());
        }
        findings
    }

    /// It ran to its end and every request was served or told to come again.
    pub(crate) fn clean(&self) -> bool {
        self.complete && self.failed == 0
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed, {} pushed back", self.failed, self.pushed_back)?;
        match &self.first {
            Some(first) => write!(f, ", first failure: {first}"),
            None if !self.complete => write!(f, ", broke off"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: &str = "I1124 03:00:10.000000    1 hammer.go:153] Max runtime reached; exiting\n";

    #[test]
    fn pushback_is_counted_and_forgiven() {
        let findings =
            Findings::read(&format!("W1124 03:00 1 a.go:120] 17 requests received pushback from log\n{END}"));
        assert_eq!((findings.pushed_back, findings.clean()), (17, true));
    }

    #[test]
    fn failures_are_counted_with_their_repeats() {
        let said = format!(
            "W1124 03:00 1 a.go:134] (3 x) failed to write leaf: EOF\nE1124 03:00 1 h.go:1] bad\n{END}"
        );
        let findings = Findings::read(&said);
        assert_eq!((findings.failed, findings.clean()), (4, false));
        assert_eq!(findings.first.as_deref(), Some("(3 x) failed to write leaf: EOF"));
    }

    #[test]
    fn breaking_off_is_not_clean() {
        assert!(!Findings::read("").clean());
        assert!(!Findings::read("F1124 03:00 1 h.go:105] Last Good Checkpoint:\n").clean());
        assert!(Findings::read(END).clean());
    }
}
