//! `deedbook mirror push`: a log brought to a mirror that takes it (C2SP tlog-mirror), by whoever may read the log.

use std::path::PathBuf;

use client::follow;
use client::push::{Push, PushError, Pushed};
use client::{Http, HttpOptions, Source};
use serde::Serialize;
use tlog::key::VerifierKey;
use tlog::witness::Cosignature;

use crate::cli::{Failure, Verdict};
use crate::print::{Printer, Table, count, safe, things};
use crate::progress::Bar;
use crate::trust::{HttpArgs, TrustArgs, text};
use crate::whole_log::failure;

/// Bring a log to a mirror that takes what is pushed, and have it cosigned there
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    deedbook mirror push --log http://127.0.0.1:2026 --vkey-file log.vkey --to https://mirror.example.org/m1 --mirror-keys mirror.vkeys\n\n\
    The mirror must have the log on its list (deedbook mirror run --pushed); mirrors of others that speak C2SP tlog-mirror will do.\n\
    Only what the mirror lacks is sent, each part with the proof that it belongs to the checkpoint. What was broken off is taken\n\
    up by the next push. Exit codes: 0 the mirror has all of it and has cosigned, 1 the log's files are not what it signed, or the\n\
    mirror's cosignature does not hold, 2 could not tell.")]
pub(super) struct Args {
    /// The log: a URL prefix, or a directory in the same layout
    #[arg(long, value_name = "PLACE")]
    log: String,
    /// The mirror's URL prefix for submissions
    #[arg(long, value_name = "URL")]
    to: String,
    /// A public key of the mirror (name+id+base64); may be given several times
    #[arg(long = "mirror-vkey", value_name = "VKEY", required_unless_present = "mirror_keys")]
    mirror_vkeys: Vec<VerifierKey>,
    /// A file with them, one a line, such as deedbook mirror keys prints
    #[arg(long, value_name = "FILE")]
    mirror_keys: Option<PathBuf>,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    http: HttpArgs,
}

#[derive(Serialize)]
struct Told {
    origin: String,
    size: u64,
    root: String,
    entries: u64,
    requests: u64,
    /// Signature lines, as on a checkpoint.
    cosignatures: Vec<String>,
}

pub(super) async fn run(args: Args, printer: Printer) -> Result<Verdict, Failure> {
    let options = args.http.options()?;
    let source = Source::open(&args.log, &options).map_err(Failure::could_not_tell)?;
    // The token is the log's: the mirror is shown none.
    let mirror =
        Http::new(&args.to, &HttpOptions { token: None, ..options }).map_err(Failure::could_not_tell)?;
    let policy = args.trust.follow(args.trust.required()?, &source).await?;
    let checkpoint = follow::checkpoint(&source, &policy).await.map_err(failure)?;
    let signed = checkpoint.signed();
    let keys = policy.logs().iter().map(|log| log.key.clone()).filter(|key| key.name() == signed.origin());
    let (log_keys, mirror_keys): (Vec<_>, _) = (keys.collect(), args.mirror_keys()?);
    let push = Push {
        source: &source,
        checkpoint: signed,
        log_keys: &log_keys,
        mirror: &mirror,
        mirror_keys: &mirror_keys,
    };
    let bar = Bar::new(printer, "entries");
    let pushed = push.run(&bar).await;
    bar.finish();
    let pushed = pushed.map_err(|error| match error {
        PushError::Log(error) => failure(error),
        // In these stand words of the mirror's choice.
        PushError::Answer(_) => Failure::does_not_hold(safe(&error.to_string())),
        error => Failure::could_not_tell(safe(&error.to_string())),
    })?;
    let told = Told {
        origin: signed.origin().to_string(),
        size: signed.size(),
        root: signed.root().to_string(),
        entries: pushed.entries,
        requests: pushed.requests,
        cosignatures: pushed.cosignatures.iter().map(line).collect(),
    };
    let headline =
        format!("the mirror has {} at size {}, and has cosigned it", told.origin, count(told.size));
    printer.result(Verdict::Holds, &headline, &table(&told, &pushed), &told);
    Ok(Verdict::Holds)
}

fn line(cosignature: &Cosignature) -> String {
    cosignature.line().to_string().trim_end().to_owned()
}

fn table(told: &Told, pushed: &Pushed) -> Table {
    let by = |cosignature: &Cosignature| format!("{} at {}", cosignature.key().name(), cosignature.time());
    let requests = things(told.requests, "request", "requests");
    Table::default()
        .row("root", &told.root)
        .row("sent", format!("{} in {requests}", things(told.entries, "entry", "entries")))
        .row("cosigned", pushed.cosignatures.iter().map(by).collect::<Vec<_>>().join("\n"))
}

impl Args {
    fn mirror_keys(&self) -> Result<Vec<VerifierKey>, Failure> {
        let mut keys = self.mirror_vkeys.clone();
        if let Some(path) = &self.mirror_keys {
            for line in text(path)?.lines().map(str::trim).filter(|line| !line.is_empty()) {
                let failed = |error| Failure::could_not_tell(format!("{}: {error}", path.display()));
                keys.push(line.parse().map_err(failed)?);
            }
        }
        Ok(keys)
    }
}
