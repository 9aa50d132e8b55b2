//! `deedbook payload`: one content beside a running log, opened, and checked against its digest.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use ::record::disclosure::{self, Opened};
use ::record::{Sd, visible_lines};
use client::Http;
use client::payload::{Payload, PayloadError, payload};
use serde::Serialize;

use crate::cli::{Failure, Verdict};
use crate::print::{Printer, Table, count, json_line, safe, text_line};
use crate::trust::HttpArgs;

/// Show the content that a record names by its digest
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    deedbook payload 6Ij7tM-a5iVPGboS5tmvVA6ElWY7IXAe6dgJU0xk3a8 --url http://127.0.0.1:2026\n  \
    deedbook payload 6Ij7tM-a5iVPGboS5tmvVA6ElWY7IXAe6dgJU0xk3a8 --url http://127.0.0.1:2026 --out input.json\n\n\
    The digest is the `sd` in the record. What comes back has that digest, or it is not shown. On the terminal what could\n\
    act on it is spelled out; --out writes the bytes as they were. Looking is noted in a log under tokens.\n\
    Exit codes: 0 shown, 1 it was erased, or the log shows another content, 2 could not tell.")]
pub(crate) struct Args {
    /// The digest
    #[arg(allow_hyphen_values = true)]
    sd: Sd,
    /// URL prefix of the running log
    #[arg(long, visible_alias = "log", value_name = "URL", env = "DEEDBOOK_URL")]
    url: String,
    /// A new file for the bytes
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    http: HttpArgs,
}

/// What is said of a content.
#[derive(Serialize)]
struct Shown<'a> {
    sd: String,
    name: &'a str,
    bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a Path>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_base64: Option<String>,
}

pub(crate) async fn run(args: Args, printer: Printer) -> Result<Verdict, Failure> {
    let http = Http::new(&args.url, &args.http.options()?).map_err(Failure::could_not_tell)?;
    let opened = opened(payload(&http, &args.sd).await, &args.sd)?;
    if let Some(path) = &args.out {
        write(path, opened.content())?;
    }
    let text = std::str::from_utf8(opened.content()).ok();
    let shown = Shown {
        sd: args.sd.to_string(),
        name: opened.name(),
        bytes: opened.content().len(),
        file: args.out.as_deref(),
        content: text.filter(|_| args.out.is_none()),
        content_base64: (text.is_none() && args.out.is_none())
            .then(|| tlog::encoding::base64(opened.content())),
    };
    let about =
        format!("{}, {} bytes, has the digest {}", safe(shown.name), count(shown.bytes as u64), shown.sd);
    match (printer.json, &shown) {
        (true, _) => json_line(&shown),
        (false, Shown { file: Some(path), .. }) => {
            printer.told("written", &format!("{about}: {}", path.display()), &Table::default(), &shown);
        }
        (false, Shown { content: Some(text), .. }) => text_line(&visible_lines(text)),
        (false, _) => text_line(&format!("{about}; it is not text: --out FILE writes it")),
    }
    Ok(Verdict::Holds)
}

/// The content, if it was shown and is the one that was asked for.
fn opened(answer: Result<Payload, PayloadError>, sd: &Sd) -> Result<Opened, Failure> {
    match answer {
        Ok(Payload::Shown(text)) => disclosure::verify(&text, sd).map_err(|error| {
            Failure::does_not_hold(format!("what stands under {sd} is no disclosure: {error}"))
        }),
        Ok(Payload::Erased) => Err(Failure::does_not_hold(format!(
            "the content {sd} was erased; the record that names it, and its proof, stand as before"
        ))),
        Ok(Payload::Hidden) => Err(Failure::could_not_tell(format!(
            "no content {sd} is beside this log: it was never handed in"
        ))),
        Ok(Payload::Withheld) => Err(Failure::could_not_tell(format!(
            "the log does not show the content {sd} to this token: to look takes the role investigator, auditor or admin, \
             and what holds a secret is shown to admins only"
        ))),
        Err(error @ PayloadError::OtherDigest(_)) => Err(Failure::does_not_hold(error)),
        Err(error) => Err(Failure::could_not_tell(error)),
    }
}

/// Puts the bytes into a new file, for its owner alone.
fn write(path: &Path, content: &[u8]) -> Result<(), Failure> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()))
        .map_err(|error| Failure::could_not_tell(format!("{}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Typed;
    use clap::Parser;

    /// One digest in 64 begins with a hyphen.
    #[test]
    fn a_digest_that_looks_like_an_option_is_a_digest() {
        let sd = format!("-v{}", "A".repeat(41));
        for words in [["payload", &sd, "--url", "u"], ["payload", "--url", "u", &sd]] {
            let typed = Typed::<Args>::try_parse_from(words).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!((typed.args.sd.to_string(), typed.args.url.as_str()), (sd.clone(), "u"));
        }
    }
}
