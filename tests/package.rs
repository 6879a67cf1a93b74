//! The published crate contains what its own tests need.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Returns the files in a folder and in those below it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

#[test]
fn the_crate_contains_the_sources_the_tests_and_the_fixtures() {
    // The published crate itself: if something were missing, another test would fail.
    if Path::new("Cargo.toml.orig").exists() {
        return;
    }
    let mut cargo = Command::new(env!("CARGO"));
    let output = cargo.args(["package", "--list", "--allow-dirty", "--offline", "--quiet"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let packed = String::from_utf8(output.stdout).unwrap();
    let packed: BTreeSet<&Path> = packed.lines().map(Path::new).collect();
    let of_rust = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rs");
    let not_published = |path: &PathBuf| path.starts_with("tests/bench");
    let mut needed = files(Path::new("src"));
    needed.extend(files(Path::new("tests/fixtures")));
    needed.extend(files(Path::new("tests")).into_iter().filter(|path| of_rust(path) && !not_published(path)));
    let missing: Vec<_> = needed.iter().filter(|path| !packed.contains(path.as_path())).collect();
    assert!(missing.is_empty(), "not in the crate: {missing:?}");
    for unwanted in ["tests/bench", ".github/workflows", ".ci"] {
        assert!(!packed.iter().any(|path| path.starts_with(unwanted)), "{unwanted} is in the crate");
    }
}
