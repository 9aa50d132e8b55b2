//! The test vectors under `tests/data/vectors`, found from wherever a test runs.
//!
//! Paths are given from that folder, with forward slashes: `vectors::bytes("tessera-testlog/testdata/log/checkpoint.15")`.

use std::path::{Path, PathBuf};

/// `tests/data` of this repository.
pub fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data")
}

/// Where the vector `name` lies; a folder or a file.
///
/// # Panics
/// When there is none.
pub fn path(name: &str) -> PathBuf {
    let path = data().join("vectors").join(name);
    assert!(path.exists(), "no vector {name} in {}: is this checkout whole?", data().display());
    path
}

/// The vector's bytes.
///
/// # Panics
/// When it cannot be read.
pub fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).unwrap_or_else(|error| panic!("vector {name}: {error}"))
}

/// The vector as text.
///
/// # Panics
/// When it cannot be read or is not UTF-8.
pub fn text(name: &str) -> String {
    String::from_utf8(bytes(name)).unwrap_or_else(|error| panic!("vector {name} is not UTF-8: {error}"))
}

/// The vector as JSON.
///
/// # Panics
/// When it cannot be read or is not JSON.
pub fn json(name: &str) -> serde_json::Value {
    serde_json::from_slice(&bytes(name)).unwrap_or_else(|error| panic!("vector {name} is not JSON: {error}"))
}

/// The files in the folder `name` and below, sorted, as names for [`bytes`].
///
/// # Panics
/// When the folder cannot be read or is empty: a table of vectors with no row proves nothing.
pub fn files(name: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![name.trim_end_matches('/').to_owned()];
    while let Some(folder) = folders.pop() {
        let entries =
            std::fs::read_dir(path(&folder)).unwrap_or_else(|error| panic!("vectors {folder}: {error}"));
        for entry in entries {
            let entry = entry.unwrap_or_else(|error| panic!("vectors {folder}: {error}"));
            let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() { folders.push(name) } else { found.push(name) }
        }
    }
    assert!(!found.is_empty(), "no vector below {name}");
    found.sort_unstable();
    found
}

#[cfg(test)]
mod tests {
    #[test]
    fn finds_the_test_log_of_tessera() {
        let checkpoint = super::text("tessera-testlog/testdata/log/checkpoint.15");
        assert!(checkpoint.contains('\u{2014}'), "a signed note has a signature line:\n{checkpoint}");
        assert!(
            super::files("tessera-testlog")
                .contains(&"tessera-testlog/testdata/log/checkpoint.15".to_owned())
        );
    }

    #[test]
    #[should_panic(expected = "no vector nowhere/none")]
    fn says_which_vector_is_missing() {
        super::bytes("nowhere/none");
    }
}
