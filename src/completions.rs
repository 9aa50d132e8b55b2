//! `deedbook completions` and `deedbook man`: what a shell and `man` want to know, from the definition itself.

use std::path::PathBuf;

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::cli::{Cli, Failure, Verdict};

/// Print completions for a shell
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  deedbook completions bash > ~/.local/share/bash-completion/completions/deedbook"
)]
pub(crate) struct Args {
    /// Which shell
    shell: Shell,
}

/// Write the manual pages into a directory
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  deedbook man ~/.local/share/man/man1")]
pub(crate) struct ManArgs {
    /// Where to; made if it is not there
    directory: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<Verdict, Failure> {
    let mut out = vec![];
    clap_complete::generate(args.shell, &mut Cli::command(), "deedbook", &mut out);
    std::io::Write::write_all(&mut std::io::stdout().lock(), &out).map_err(Failure::could_not_tell)?;
    Ok(Verdict::Holds)
}

pub(crate) fn man(args: &ManArgs) -> Result<Verdict, Failure> {
    let failed = |error| Failure::could_not_tell(format!("{}: {error}", args.directory.display()));
    std::fs::create_dir_all(&args.directory).map_err(failed)?;
    clap_mangen::generate_to(Cli::command(), &args.directory).map_err(failed)?;
    Ok(Verdict::Holds)
}
