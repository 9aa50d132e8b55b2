//! `deedbook key`: the log's public key, to be handed to whoever is to check the log.

use std::path::PathBuf;

use sequencer::directory;
use serde::Serialize;
use tlog::key::VerifierKey;

use crate::cli::{Failure, Verdict};
use crate::print::{Printer, json_line, text_line};

/// Show the log's public key (vkey)
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  deedbook key --data /var/lib/deedbook > log.vkey\n\n\
    Hand it to auditors on a way they trust: a key that they take from the log itself proves nothing. The private key\n\
    is DIR/log.key; it is never shown.")]
pub(crate) struct Args {
    /// The log's directory
    #[arg(long, value_name = "DIR", env = "DEEDBOOK_DATA", default_value = crate::serve::DATA)]
    data: PathBuf,
}

#[derive(Serialize)]
struct Key<'a> {
    vkey: &'a str,
    origin: &'a str,
}

pub(crate) fn run(args: &Args, printer: Printer) -> Result<Verdict, Failure> {
    let vkey = directory::read_vkey(&args.data).map_err(Failure::could_not_tell)?;
    let key = VerifierKey::parse(&vkey)
        .map_err(|error| Failure::could_not_tell(format!("{}/log.vkey: {error}", args.data.display())))?;
    if printer.json {
        json_line(&Key { vkey: &vkey, origin: key.name().as_str() });
    } else {
        text_line(&vkey);
    }
    Ok(Verdict::Holds)
}
