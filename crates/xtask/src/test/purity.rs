//! That tlog runs in a browser, as far as this machine can tell: no clock, no chance, no system; checked for wasm32 where
//! the standard library for it is installed.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::Outcome;
use crate::background::Background;
use crate::peers::repository;
use crate::tools::{cargo, output, run};

const WASM: &str = "wasm32-unknown-unknown";

/// How long rustup may take to fetch a standard library.
const ADD_PATIENCE: Duration = Duration::from_mins(2);

/// Packages that ask the system for something, or a browser. None may be among what tlog uses on wasm32.
const IMPURE: [&str; 9] =
    ["getrandom", "rand", "libc", "rustix", "js-sys", "wasm-bindgen", "web-time", "tokio", "windows-sys"];

/// Calls that compile for wasm32-unknown-unknown and fail there. Chance is not among them: without getrandom in the tree, what
/// would call it is not compiled.
const CALLS: [&str; 7] = [
    "Instant::now",
    "SystemTime::now",
    "std::fs",
    "std::net",
    "process::Command",
    "std::thread::spawn",
    "std::env::var",
];

/// The tree of dependencies, and the text of each package in it.
pub(super) fn check() -> Outcome {
    match packages().and_then(|packages| clean(&packages)) {
        Ok(what) => Outcome::Passed(what),
        Err(why) => Outcome::Failed(why),
    }
}

/// Builds for wasm32, without code, where its standard library is or can be had.
pub(super) fn check_wasm() -> Outcome {
    let there = has_standard_library() || (add_target().unwrap_or(false) && has_standard_library());
    if !there {
        return Outcome::Skipped(format!("no standard library for it here: rustup target add {WASM}"));
    }
    match run(cargo().args(["check", "--locked", "--package", "tlog", "--target", WASM])) {
        Ok(()) => Outcome::Passed(String::new()),
        Err(why) => Outcome::Failed(why),
    }
}

fn has_standard_library() -> bool {
    let libraries = output(Command::new("rustc").args(["--print", "target-libdir", "--target", WASM]));
    libraries.is_ok_and(|directory| Path::new(directory.trim()).is_dir())
}

/// Asks rustup for it; whether that ended well, and in time.
fn add_target() -> io::Result<bool> {
    let directory = tempfile::tempdir()?;
    let mut rustup = Command::new("rustup");
    rustup.args(["target", "add", WASM]);
    let mut adding = Background::start(&rustup, directory.path().join("said"))?;
    Ok(adding.wait(ADD_PATIENCE)?.is_some_and(|ended| ended.success()))
}

/// A package that tlog is made of on wasm32: its name and where its manifest is.
struct Package {
    name: String,
    directory: PathBuf,
}

/// What runs there: neither tests, nor build scripts, nor macros.
fn packages() -> Result<Vec<Package>, String> {
    let mut tree = cargo();
    tree.args(["tree", "--locked", "--package", "tlog", "--edges", "normal,no-proc-macro", "--target", WASM]);
    let names = output(tree.args(["--prefix", "none", "--format", "{p}"]))?;
    let mut named: Vec<_> = names.lines().filter_map(name_and_version).collect();
    named.sort_unstable();
    named.dedup();
    let metadata = output(cargo().args(["metadata", "--locked", "--format-version", "1"]))?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata).map_err(|why| why.to_string())?;
    named.into_iter().map(|(name, version)| locate(&metadata, name, version)).collect()
}

/// `name v1.2.3 (...)`, as cargo tree prints it.
fn name_and_version(line: &str) -> Option<(&str, &str)> {
    let mut words = line.split_whitespace();
    Some((words.next()?, words.next()?.strip_prefix('v')?))
}

fn locate(metadata: &serde_json::Value, name: &str, version: &str) -> Result<Package, String> {
    let all = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let package = all.iter().find(|package| package["name"] == name && package["version"] == version);
    let manifest = package.and_then(|package| package["manifest_path"].as_str());
    let directory = manifest.and_then(|manifest| Path::new(manifest).parent());
    match directory {
        Some(directory) => Ok(Package { name: name.to_owned(), directory: directory.to_owned() }),
        None => Err(format!("cargo metadata does not know {name} {version}")),
    }
}

fn clean(packages: &[Package]) -> Result<String, String> {
    if let Some(impure) = packages.iter().find(|package| IMPURE.contains(&package.name.as_str())) {
        return Err(format!("tlog needs {} on {WASM}", impure.name));
    }
    let mut files = 0;
    for package in packages {
        for file in rust_files(&package.directory.join("src")) {
            let text = std::fs::read_to_string(&file).map_err(|why| format!("{}: {why}", file.display()))?;
            if let Some(call) = call_in(&text) {
                return Err(format!("{} has {call}", file.display()));
            }
            files += 1;
        }
    }
    if files == 0 {
        return Err(format!("no source was found from {}", repository().display()));
    }
    Ok(format!("{} packages, {files} files", packages.len()))
}

/// The first such call outside of comments and of a test module at the end.
fn call_in(text: &str) -> Option<&'static str> {
    let code = text.split("#[cfg(test)]").next()?.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.into_iter().find_map(|line| CALLS.into_iter().find(|call| line.contains(call)))
}

/// All Rust files in a folder and below it, but for modules of tests.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let mut files = Vec::new();
    for path in entries.map(|entry| entry.path()) {
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|ext| ext == "rs") && !path.ends_with("tests.rs") {
            files.push(path);
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_found_in_code_alone() {
        assert_eq!(call_in("let now = Instant::now();"), Some("Instant::now"));
        assert_eq!(call_in("use std::fs;\n"), Some("std::fs"));
        assert_eq!(call_in("//! no std::fs, no Instant::now\nfn f() {}\n"), None);
        assert_eq!(call_in("fn f() {}\n#[cfg(test)]\nmod tests { use std::fs; }\n"), None);
    }

    #[test]
    fn lines_of_cargo_tree_are_read() {
        assert_eq!(name_and_version("sha2 v0.11.1"), Some(("sha2", "0.11.1")));
        assert_eq!(name_and_version("tlog v0.1.0 (/somewhere/crates/tlog)"), Some(("tlog", "0.1.0")));
        assert_eq!(name_and_version("sha2 v0.11.1 (*)"), Some(("sha2", "0.11.1")));
        assert_eq!(name_and_version(""), None);
    }
}
