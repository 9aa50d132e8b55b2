//! Cargo, and programs from the registry that verbs need: installed into `target/tools`, at pinned versions.

use std::path::PathBuf;
use std::process::Command;

use crate::peers::{repository, shown, target_dir};

/// A program that `cargo install` makes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tool {
    /// Name of the package and of the program.
    pub(crate) name: &'static str,
    /// The version that is installed; another one that is there already is replaced.
    pub(crate) version: &'static str,
}

impl Tool {
    /// Where it is, installed if need be; or why it could not be.
    pub(crate) fn install(self) -> Result<PathBuf, String> {
        let root = target_dir().join("tools");
        let program = root.join("bin").join(self.name);
        if version_of(&program).as_deref() == Some(self.version) {
            return Ok(program);
        }
        let mut install = cargo();
        install.args(["install", self.name, "--locked", "--version", self.version, "--root"]).arg(&root);
        run(&mut install).map(|()| program)
    }
}

/// The last word of what `PROGRAM --version` says.
fn version_of(program: &PathBuf) -> Option<String> {
    let said = Command::new(program).arg("--version").output().ok()?.stdout;
    Some(String::from_utf8_lossy(&said).split_whitespace().last()?.to_owned())
}

/// The cargo that started this program, at the root of the repository.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(repository());
    cargo
}

/// Runs a command with this program's own input and output; what to say when it fails.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let ended = command.status().map_err(|why| format!("cannot run `{}`: {why}", shown(command)))?;
    if ended.success() { Ok(()) } else { Err(format!("`{}` ended with {ended}", shown(command))) }
}

/// Runs a command; what it wrote to standard output, or what to say when it fails.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|why| format!("cannot run `{}`: {why}", shown(command)))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("`{}` failed: {}", shown(command), String::from_utf8_lossy(&output.stderr).trim()))
}
