//! What every verb has in common: the frame of the command line, exit codes, failures.
//!
//! A verb's `Args` is what was typed. The verb turns it into what is needed (keys read, places opened), and only then
//! does its work. Exit codes: 0 holds, 1 does not hold, 2 could not tell (also a usage error, as clap has it).

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::print::Printer;
use crate::{
    audit, backup, completions, demo, erase, evidence, fsck, hammer, hold, key, lookup, monitor, payload,
    rebuild, record, restore, search, serve, session, token, verify, witness,
};

/// A transparency log for what AI agents do.
#[derive(Debug, Parser)]
#[command(
    name = "deedbook",
    version,
    about,
    arg_required_else_help = true,
    after_help = "Exit codes: 0 holds or done; 1 does not hold; 2 could not tell (network, usage, missing key)."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) options: Options,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// Options of every verb.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Options {
    /// Print JSON instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Show no progress bar (there is none unless standard error is a terminal)
    #[arg(long, global = true)]
    pub(crate) no_progress: bool,
    /// Say more on standard error; twice for everything (RUST_LOG overrides it)
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// The verbs, each in a file of its own.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    Demo(demo::Args),
    Serve(serve::Args),
    Record(record::Args),
    Verify(verify::Args),
    Audit(audit::Args),
    Monitor(Box<monitor::Args>),
    Search(Box<search::Args>),
    Session(session::Args),
    Evidence(evidence::Args),
    Payload(payload::Args),
    Erase(erase::Args),
    Hold(hold::Args),
    Backup(backup::Args),
    Restore(restore::Args),
    Fsck(fsck::Args),
    Rebuild(rebuild::Args),
    Lookup(lookup::Args),
    Key(key::Args),
    Token(token::Args),
    Witness(witness::Args),
    Hammer(hammer::Args),
    Completions(completions::Args),
    Man(completions::ManArgs),
}

impl Options {
    /// Diagnostics go to standard error, warnings and worse unless asked for more.
    pub(crate) fn start_tracing(self) {
        let level = ["warn", "info", "debug"][usize::from(self.verbose.min(2))];
        let filter = tracing_subscriber::EnvFilter::try_from_default_env()
            .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
            .init();
    }

    pub(crate) fn printer(self) -> Printer {
        Printer { json: self.json, bars: !self.no_progress && std::io::stderr().is_terminal() }
    }
}

/// How a verb ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// What was asked holds, or was done.
    Holds,
    /// It could not be told.
    CouldNotTell,
    /// It does not hold.
    DoesNotHold,
}

impl Verdict {
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::DoesNotHold => "does not hold",
            Self::CouldNotTell => "could not tell",
        }
    }

    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Holds => 0,
            Self::DoesNotHold => 1,
            Self::CouldNotTell => 2,
        }
    }
}

impl From<Verdict> for ExitCode {
    fn from(verdict: Verdict) -> Self {
        Self::from(verdict.code())
    }
}

/// Why a verb could not do its work, in a sentence for the person who typed it.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) verdict: Verdict,
    pub(crate) words: String,
}

impl Failure {
    pub(crate) fn could_not_tell(words: impl std::fmt::Display) -> Self {
        Self { verdict: Verdict::CouldNotTell, words: words.to_string() }
    }

    pub(crate) fn does_not_hold(words: impl std::fmt::Display) -> Self {
        Self { verdict: Verdict::DoesNotHold, words: words.to_string() }
    }
}

/// Reads a small file that somebody named, or standard input for `-`.
pub(crate) fn read_input(path: &std::path::Path) -> Result<Vec<u8>, Failure> {
    let read = if path.as_os_str() == "-" {
        let mut bytes = vec![];
        std::io::Read::read_to_end(&mut std::io::stdin().lock(), &mut bytes).map(|_| bytes)
    } else {
        std::fs::read(path)
    };
    read.map_err(|error| Failure::could_not_tell(format!("{}: {error}", path.display())))
}

/// What was typed, with options of every verb moved to the front where they stand among the words that name the verb. There
/// they never are in the way: a verb that can also stand alone, with options of its own, takes no part after an option.
pub(crate) fn in_order(typed: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut typed = typed.into_iter();
    let program = typed.next();
    let (mut options, mut others) = (vec![], vec![]);
    let mut naming = true;
    for word in typed {
        let bytes = word.as_encoded_bytes();
        naming &= is_everywhere(bytes) || !bytes.starts_with(b"-");
        if naming && is_everywhere(bytes) { options.push(word) } else { others.push(word) }
    }
    program.into_iter().chain(options).chain(others).collect()
}

/// Whether a word is one of [`Options`].
fn is_everywhere(word: &[u8]) -> bool {
    let verbose =
        word.strip_prefix(b"-").is_some_and(|rest| !rest.is_empty() && rest.iter().all(|byte| *byte == b'v'));
    verbose || matches!(word, b"--json" | b"--no-progress" | b"--verbose")
}

/// What somebody typed: a verb's name, then its options.
#[cfg(test)]
#[derive(Debug, Parser)]
pub(crate) struct Typed<A: Args> {
    #[command(flatten)]
    pub(crate) args: A,
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound_and_every_verb_shows_an_example() {
        let command = Cli::command();
        command.clone().debug_assert();
        for verb in command.get_subcommands() {
            let name = verb.get_name();
            let help = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains(&format!("deedbook {name}")), "{name} shows no example");
            assert!(verb.get_about().is_some(), "{name} says nothing about itself");
        }
    }

    #[test]
    fn options_of_every_verb_stand_anywhere_before_the_verbs_own() {
        let ordered = |typed: &str| {
            let words = in_order(typed.split(' ').map(Into::into));
            words.join(OsStr::new(" ")).into_string().unwrap()
        };
        for (typed, expected) in [
            ("d verify --json fork-proof f", "d --json verify fork-proof f"),
            (
                "d -vv key --no-progress --verbose rotate --json",
                "d -vv --no-progress --verbose --json key rotate",
            ),
            ("d verify --entry --json f", "d verify --entry --json f"),
            ("d verify -- --json", "d verify -- --json"),
            ("d -x --json", "d -x --json"),
            ("d", "d"),
        ] {
            assert_eq!(ordered(typed), expected);
        }
        for words in ["d verify --json fork-proof f", "d key -v rotate", "d verify fork-proof --json f"] {
            Cli::try_parse_from(in_order(words.split(' ').map(Into::into)))
                .unwrap_or_else(|error| panic!("{error}"));
        }
        for option in Options::augment_args(clap::Command::new("d")).get_arguments() {
            let long = option.get_long().map(|long| format!("--{long}"));
            let short = option.get_short().map(|short| format!("-{short}"));
            for word in long.into_iter().chain(short) {
                assert!(is_everywhere(word.as_bytes()), "{word} is an option of every verb");
            }
        }
    }

    #[test]
    fn the_worst_verdict_wins() {
        let worst = [Verdict::Holds, Verdict::DoesNotHold, Verdict::CouldNotTell].into_iter().max();
        assert_eq!(worst, Some(Verdict::DoesNotHold));
        assert_eq!(
            [Verdict::Holds, Verdict::DoesNotHold, Verdict::CouldNotTell].map(Verdict::code),
            [0, 1, 2]
        );
    }
}
