//! A disk whose power can be cut: an ext4 file system in an image file, mounted through a loop device.
//!
//! What a process has written and not synced is in the page cache of the mounted file system; the image file holds what
//! reached the device. A copy of the image, taken while the device is quiet, is what a machine would find after its
//! power failed at that moment. (What a real disk keeps in a cache of its own without being told to flush it is not
//! seen this way: a loop device answers when the bytes are in the image file.)

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::TrialError;

/// Size of the file system.
const DISK_BYTES: u64 = 512 << 20;
/// Mount options: the journal is not to commit by itself within a trial, or it would save what nobody synced.
const MOUNT_OPTIONS: &str = "loop,commit=300";
/// Copies tried until one is taken in which nothing was written meanwhile.
const COPIES_MAX: u32 = 50;

/// A disk that is plugged in. Unmounted when it is dropped.
pub struct Disk {
    home: PathBuf,
}

impl Disk {
    /// An empty disk, in a directory of its own.
    ///
    /// # Errors
    /// What a person has to know when this machine does not allow it.
    pub fn fresh(home: &Path) -> Result<Self, TrialError> {
        let disk = Self { home: home.to_owned() };
        fs::create_dir_all(disk.path()).map_err(TrialError::failed)?;
        let image = fs::File::create(disk.image()).map_err(TrialError::failed)?;
        image.set_len(DISK_BYTES).map_err(TrialError::failed)?;
        run(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(disk.image()))?;
        disk.mount()?;
        Ok(disk)
    }

    /// Where it is mounted.
    pub fn path(&self) -> PathBuf {
        self.home.join("mounted")
    }

    fn image(&self) -> PathBuf {
        self.home.join("disk.img")
    }

    fn mount(&self) -> Result<(), TrialError> {
        run(Command::new("mount").args(["-o", MOUNT_OPTIONS]).arg(self.image()).arg(self.path()))
    }

    fn unmount(&self) -> Result<(), TrialError> {
        run(Command::new("umount").arg(self.path()))
    }

    /// Copies what has reached the device by now. Whoever writes to it should have been stopped: the copy is taken
    /// again as long as the kernel still writes.
    ///
    /// # Errors
    /// The kernel does not cease to write, or the copy fails.
    pub fn copy(&self) -> Result<(), TrialError> {
        let device = self.device()?;
        for _ in 0..COPIES_MAX {
            let before = Activity::of(&device)?;
            run(Command::new("cp").arg("--sparse=always").arg(self.image()).arg(self.home.join("copy.img")))?;
            if before.in_flight == 0 && before == Activity::of(&device)? {
                return Ok(());
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        Err(TrialError::failed("the kernel does not cease to write to the disk"))
    }

    /// The power fails and comes back: the disk is the copy, mounted anew.
    ///
    /// # Errors
    /// Somebody still uses the disk, or the copy cannot be mounted.
    pub fn become_the_copy(&self) -> Result<(), TrialError> {
        self.unmount()?;
        fs::rename(self.home.join("copy.img"), self.image()).map_err(TrialError::failed)?;
        self.mount()
    }

    /// Name of the loop device, such as `loop0`.
    fn device(&self) -> Result<String, TrialError> {
        let mounts = fs::read_to_string("/proc/mounts").map_err(TrialError::failed)?;
        let path = fs::canonicalize(self.path()).map_err(TrialError::failed)?;
        let path = path.to_string_lossy();
        let device = mounts.lines().rev().find_map(|line| {
            let mut words = line.split(' ');
            let device = words.next()?.strip_prefix("/dev/")?;
            (words.next()? == path).then(|| device.to_owned())
        });
        device.ok_or_else(|| TrialError::failed(format!("{path} is not mounted")))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = self.unmount();
    }
}

/// What a device has done.
#[derive(PartialEq)]
struct Activity {
    writes: u64,
    flushes: u64,
    in_flight: u64,
}

impl Activity {
    /// Fields 5, 9 and 16 of Documentation/block/stat.rst.
    fn of(device: &str) -> Result<Self, TrialError> {
        let stat = fs::read_to_string(format!("/sys/block/{device}/stat")).map_err(TrialError::failed)?;
        let fields: Vec<u64> = stat.split_whitespace().filter_map(|field| field.parse().ok()).collect();
        match fields[..] {
            [_, _, _, _, writes, _, _, _, in_flight, ..] => {
                Ok(Self { writes, in_flight, flushes: fields.get(15).copied().unwrap_or(0) })
            }
            _ => Err(TrialError::failed(format!("{device} does not say what it does: {stat}"))),
        }
    }
}

/// Runs a command to its end.
fn run(command: &mut Command) -> Result<(), TrialError> {
    let failed = |why: &dyn std::fmt::Display| TrialError::failed(format!("{}: {why}", words(command)));
    match Command::new(command.get_program()).args(command.get_args()).output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(failed(&String::from_utf8_lossy(&output.stderr).trim())),
        Err(error) => Err(failed(&error)),
    }
}

fn words(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}
