//! A disk that fills up, and one that cannot be written to.
//!
//! The disks are in the memory of a mount namespace of their own, which is gone with the process that holds it. Where
//! such a namespace is not allowed (it takes root), the tests say so and pass.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::{ask, audit, hammer, is_a_sentence, keeps, log_of};
use crate::run::Ran;
use crate::served::Served;

/// A disk of its own for a server.
pub(crate) struct Disk {
    holder: Child,
    path: PathBuf,
}

impl Disk {
    /// An empty disk of this size (as `mount -t tmpfs` has it), seen at `path`; `None` where this is not allowed.
    pub(crate) fn new(path: &Path, size: &str) -> Option<Self> {
        std::fs::create_dir_all(path).unwrap();
        let script = format!("mount -t tmpfs -o size={size} none \"$0\" && echo up && exec sleep 600");
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "--", "sh", "-c", &script]).arg(path);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut holder = command.spawn().ok()?;
        let mut line = String::new();
        BufReader::new(holder.stdout.take()?).read_line(&mut line).ok()?;
        let disk = Self { holder, path: path.to_owned() };
        if line == "up\n" {
            return Some(disk);
        }
        eprintln!("skipped: a disk of its own cannot be mounted here (it takes root)");
        None
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A command that sees the disk.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--mount", "--target", &self.holder.id().to_string(), "--", program]);
        command
    }

    pub(crate) fn remount(&self, options: &str) {
        let mut mount = self.command("mount");
        let status = mount.args(["-o", &format!("remount,{options}")]).arg(&self.path).status().unwrap();
        assert!(status.success(), "remount with {options}");
    }

    /// A server on the disk, or why there is none.
    fn serve(&self, data: &Path) -> Result<Served, Ran> {
        Served::try_start(self.command(env!("CARGO_BIN_EXE_deedbook")), data, &["--open", "--kind", "raw"])
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

#[test]
fn a_full_disk_stops_the_log_and_costs_nothing_that_was_acknowledged() {
    let home = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::new(&home.path().join("disk"), "24m") else { return };
    let (data, list) = (disk.path.join("data"), home.path().join("acks"));
    let served = disk.serve(&data).unwrap_or_else(|ran| panic!("{ran:#?}"));
    let big = ["--entry-bytes", "20000"];
    let ran = hammer(&served.url, &list, &[&big[..], &["--seconds", "6"]].concat()).expect(0).json();
    let load = &ran["load"];
    assert!(load["acknowledged"].as_u64().unwrap() > 50, "{load}");
    assert!(load["statuses"]["503"].as_u64().unwrap() > 0, "{load}");
    let statuses: Vec<_> = load["statuses"].as_object().unwrap().keys().collect();
    assert_eq!(statuses, ["200", "503"], "{load}");

    // It says so, and can still be read.
    let (status, why) = ask(&served, "GET", "/readyz", "");
    assert_eq!(status, 503, "{why}");
    assert!(why.contains("stopped after a failure"), "{why}");
    assert_eq!(ask(&served, "POST", "/add", "one more").0, 503);
    assert_eq!(ask(&served, "GET", "/checkpoint", "").0, 200);
    served.stop();

    // Opened again while the disk is full: it works, or it says why not.
    match disk.serve(&data) {
        Ok(served) => drop(served),
        Err(ran) => {
            is_a_sentence(&ran);
            assert!(ran.out.contains("No space left"), "{ran:#?}");
        }
    }

    disk.remount("size=200m");
    let served = disk.serve(&data).unwrap_or_else(|ran| panic!("{ran:#?}"));
    assert_eq!(served.said["read_only"], serde_json::Value::Null);
    let kept = keeps(&served, &list).expect(0).json();
    assert_eq!(kept["promises"]["kept"], load["acknowledged"], "{kept}");
    let more = home.path().join("more");
    hammer(&served.url, &more, &[&big[..], &["--requests", "20"]].concat()).expect(0);
    keeps(&served, &more).expect(0);
    audit(&served, &home.path().join("state")).expect(0);
}

#[test]
fn a_disk_that_cannot_be_written_to_is_told_before_anything_is_served() {
    let home = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::new(&home.path().join("disk"), "64m") else { return };
    let (old, new) = (disk.path.join("old"), disk.path.join("new"));
    disk.serve(&old).unwrap_or_else(|ran| panic!("{ran:#?}")).stop();
    disk.remount("ro");
    for data in [old, new] {
        let Err(ran) = disk.serve(&data) else { panic!("{} is served", data.display()) };
        let ran = ran.expect(2);
        is_a_sentence(&ran);
        assert!(ran.out.contains("Read-only file system"), "{}", ran.out);
        assert!(ran.out.contains(data.to_str().unwrap()), "{}", ran.out);
    }
}

/// Root may write everywhere, so a test that runs as root gives up that power first.
#[test]
fn a_directory_that_may_not_be_written_to_is_told_before_anything_is_served() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    log_of(&data, 5);
    let closed = home.path().join("closed");
    std::fs::create_dir(&closed).unwrap();
    for (data, locked) in [(data.clone(), data.join("store")), (closed.join("data"), closed)] {
        std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o555)).unwrap();
        if locked.join("db").exists() {
            std::fs::set_permissions(locked.join("db"), std::fs::Permissions::from_mode(0o444)).unwrap();
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_deedbook"));
        if rustix::process::geteuid().is_root() {
            command = Command::new("setpriv");
            command.args(["--bounding-set", "-dac_override,-dac_read_search", "--"]);
            command.arg(env!("CARGO_BIN_EXE_deedbook"));
        }
        let Err(ran) = Served::try_start(command, &data, &["--open"]) else {
            panic!("{} is served", data.display())
        };
        let ran = ran.expect(2);
        is_a_sentence(&ran);
        assert!(
            ran.out.contains("Permission denied") && ran.out.contains(data.to_str().unwrap()),
            "{}",
            ran.out
        );
        std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
}
