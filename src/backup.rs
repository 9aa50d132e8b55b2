//! `deedbook backup`: a running log into a directory, proven before it says done.
//!
//! ```text
//! DEST/public/    the log in the layout of C2SP tlog-tiles: any static web server can serve it, any auditor can check it
//!                 and, if it has had several keys, with its key history
//! DEST/private/   what nobody else may have: the signing key, and the log's own files beside it (directory 0700, files 0600)
//! ```

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use client::Source;
use client::copy::{Copied, Copy, CopyError};
use client::http::Http;
use serde::Serialize;
use tlog::key::Signer;

use crate::audit::{bytes, cores};
use crate::cli::{Failure, Verdict};
use crate::keyring::Keyring;
use crate::print::{Printer, Table, count, things};
use crate::progress::Bar;
use crate::trust::{HttpArgs, TrustArgs, change};

/// Files of a log's directory that a backup holds in private; all but the head, the tokens and the key history must be
/// there. A key that still signs beside a new one is not among them: it is about to be destroyed everywhere.
const PRIVATE: [&str; 6] = [KEY, VKEY, "log.json", HEAD, TOKENS, KEYS];
const KEY: &str = "log.key";
const VKEY: &str = "log.vkey";
const HEAD: &str = "head";
/// How the log's keys followed each other: not there while it has had only one.
const KEYS: &str = "log.keys";
/// Digests of tokens: none is there while a log was only ever served open.
const TOKENS: &str = "tokens.json";

/// Copy a running log to a directory, and prove the copy
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    deedbook backup --url http://127.0.0.1:2026 --data /var/lib/deedbook --token-file backup.token /backup/deedbook\n\n\
    Run again it copies what is new; what was kept is hashed again. DEST/private holds the signing key: keep it as\n\
    you keep the original. DEST/public may be served to anybody who may read the log.")]
pub(crate) struct Args {
    /// Where the backup goes; made if it is not there
    dest: PathBuf,
    /// URL prefix of the running log
    #[arg(long, value_name = "URL", env = "DEEDBOOK_URL")]
    url: String,
    /// The log's directory, for its key
    #[arg(long, value_name = "DIR", env = "DEEDBOOK_DATA")]
    data: PathBuf,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    http: HttpArgs,
}

#[derive(Debug, Serialize)]
struct BackedUp {
    public: PathBuf,
    private: PathBuf,
    private_files: Vec<&'static str>,
    #[serde(flatten)]
    copied: Copied,
}

pub(crate) async fn run(args: Args, printer: Printer) -> Result<Verdict, Failure> {
    let (key, vkey) = (args.read(KEY)?, args.read(VKEY)?);
    // The operator's own directory says which log it is, unless a policy asks for more.
    let policy = match args.trust.policy()? {
        Some(policy) => policy,
        None => Keyring::read(&args.data)?.policy().clone(),
    };
    check_key(&key, &vkey)?;
    // Before the log is looked at: whoever looks is a record in it, and a head that knows of more than the copy would make
    // what is restored read-only.
    let head = args.head()?;
    let copy = Copy {
        source: Source::Http(Http::new(&args.url, &args.http.options()?).map_err(Failure::could_not_tell)?),
        policy,
        changes: args.trust.changes(),
        directory: args.dest.join("public"),
        threads: cores(),
    };
    let bar = Bar::new(printer, "entries");
    let copied = copy.run(&bar).await;
    bar.finish();
    let copied = copied.map_err(|error| match error {
        CopyError::DoesNotHold(_) => Failure::does_not_hold(error),
        _ => Failure::could_not_tell(error),
    })?;
    let private = args.dest.join("private");
    let private_files = copy_private(&args.data, &private, head.as_deref())?;
    let backed_up = BackedUp { public: copy.directory, private, private_files, copied };
    printer.result(Verdict::Holds, &backed_up.headline(), &backed_up.table(), &backed_up);
    Ok(Verdict::Holds)
}

impl Args {
    fn read(&self, name: &str) -> Result<Vec<u8>, Failure> {
        let path = self.data.join(name);
        fs::read(&path).map_err(|error| {
            Failure::could_not_tell(format!("{}: {error}; is --data the log's directory?", path.display()))
        })
    }

    /// What the log has published last; nothing while it has published nothing.
    fn head(&self) -> Result<Option<Vec<u8>>, Failure> {
        let path = self.data.join(HEAD);
        match fs::read(&path) {
            Ok(head) => Ok(Some(head)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::could_not_tell(format!("{}: {error}", path.display()))),
        }
    }
}

/// A key that does not sign for this log would make a backup that cannot be restored.
fn check_key(key: &[u8], vkey: &[u8]) -> Result<(), Failure> {
    let signer = Signer::from_skey(String::from_utf8_lossy(key).trim_end())
        .map_err(|error| Failure::could_not_tell(format!("{KEY}: {error}")))?;
    if signer.verifier_key().to_string() == String::from_utf8_lossy(vkey).trim_end() {
        Ok(())
    } else {
        Err(Failure::does_not_hold(format!("{KEY} and {VKEY} do not belong together")))
    }
}

fn copy_private(data: &Path, private: &Path, head: Option<&[u8]>) -> Result<Vec<&'static str>, Failure> {
    let failed =
        |path: &Path, error: io::Error| Failure::could_not_tell(format!("{}: {error}", path.display()));
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(private)
        .map_err(|error| failed(private, error))?;
    let mut copied = vec![];
    for name in PRIVATE {
        let read = match (name, head) {
            (HEAD, Some(head)) => Ok(head.to_vec()),
            (HEAD, None) => Err(io::ErrorKind::NotFound.into()),
            _ => fs::read(data.join(name)),
        };
        match read {
            Ok(bytes) => {
                let path = private.join(name);
                write_private(&path, &bytes).map_err(|error| failed(&path, error))?;
                copied.push(name);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && matches!(name, HEAD | TOKENS | KEYS) => {
            }
            Err(error) => return Err(failed(&data.join(name), error)),
        }
    }
    fs::File::open(private)
        .and_then(|directory| directory.sync_all())
        .map_err(|error| failed(private, error))?;
    Ok(copied)
}

/// Whole, durable, and never readable by others, not even for a moment.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_added_extension("new");
    let _ = fs::remove_file(&temporary);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}

impl BackedUp {
    fn headline(&self) -> String {
        format!("a copy of {} at size {}, read back and proven", self.copied.origin, count(self.copied.size))
    }

    fn table(&self) -> Table {
        let copied = &self.copied;
        Table::default()
            .row("public", self.public.display())
            .row("private", format!("{} ({}; keep it secret)", self.private.display(), self.private_files.join(", ")))
            .row("root", &copied.root)
            .maybe("key", copied.keys.last().map(change))
            .maybe("continues", copied.continues.map(|size| format!("the copy of size {}", count(size))))
            .row(
                "files",
                format!(
                    "{} written, {} kept, {} replaced",
                    count(copied.written),
                    count(copied.kept),
                    count(copied.replaced)
                ),
            )
            .row(
                "proved",
                format!(
                    "the log's signature; {}from the directory: {} ({}) and {}, which lead to the signed root; the \
                     signing key is the one of this log",
                    if copied.continues.is_some() { "that it continues the copy before; " } else { "" },
                    things(copied.counted.entries, "entry", "entries"),
                    bytes(copied.counted.bytes),
                    things(copied.counted.tiles, "tile", "tiles")
                ),
            )
    }
}
