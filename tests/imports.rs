//! The rooms of `src/` and which of them each may import: imports go one way, between rooms and between files.

mod graph;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use graph::{Graph, Module};

/// A room, and the rooms it may name: only rooms listed before it.
const ROOMS: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("go", &[]),
    ("files", &["base"]),
    ("config", &["base", "go"]),
    ("sigv4", &["base", "go"]),
    ("object", &["base", "go"]),
    ("cache_config", &["base", "go", "object"]),
    ("transfer", &["base"]),
    ("http", &["base", "files", "go", "object"]),
    ("layout", &["base", "files", "go", "cache_config", "object"]),
    ("aws", &["base", "config", "files", "go", "http", "object", "sigv4"]),
    ("credentials", &["aws", "base", "config", "files", "go", "http", "sigv4"]),
    ("s3", &["aws", "base", "config", "credentials", "go", "http", "object", "sigv4"]),
    ("store", &["aws", "base", "config", "credentials", "files", "go", "http", "object", "s3", "transfer"]),
    ("bucket", &["base", "config", "object", "transfer"]),
    (
        "ops",
        &[
            "aws",
            "base",
            "bucket",
            "config",
            "credentials",
            "files",
            "go",
            "layout",
            "cache_config",
            "object",
            "s3",
            "sigv4",
            "store",
            "transfer",
        ],
    ),
    ("serve", &["base", "cache_config", "go", "http", "layout", "ops", "store"]),
    // Pages of documentation, which link to each other.
    ("guide", &[]),
    // The program: what it names as `crate::` is its own, of the library it sees the public items.
    (
        "cli",
        &[
            "args",
            "commands",
            "flags",
            "logger",
            "output",
            "progress",
            "run",
            "session",
            "signals",
            "suggest",
            "variables",
        ],
    ),
];

pub(crate) fn rust_files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let (directories, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let mut files: Vec<PathBuf> =
        files.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect();
    files.extend(directories.iter().flat_map(|directory| rust_files(directory)));
    files
}

/// Returns the rooms that the file names as `crate::room`, on any line.
fn named(text: &str) -> Vec<String> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let after = code.flat_map(|line| line.split("crate::").skip(1)).map(|rest| {
        rest.chars().take_while(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '_').collect::<String>()
    });
    after.filter(|room| !room.is_empty()).collect()
}

#[test]
fn imports_go_one_way() {
    let mut unused: BTreeSet<(&str, &str)> = BTreeSet::new();
    for (at, (room, allowed)) in ROOMS.iter().enumerate().filter(|(_, (room, _))| *room != "cli") {
        let listed = |other: &&str| ROOMS[..at].iter().any(|(before, _)| before == other);
        assert!(allowed.iter().all(listed), "{room} may only name rooms listed before it");
        unused.extend(allowed.iter().map(|other| (*room, *other)));
    }
    for path in rust_files(Path::new("src")) {
        let room = path.iter().nth(1).unwrap().to_str().unwrap();
        if room == "lib.rs" || room == "build.rs" {
            continue;
        }
        let (_, allowed) =
            ROOMS.iter().find(|(name, _)| *name == room).unwrap_or_else(|| panic!("{room}: a new room?"));
        for other in named(&fs::read_to_string(&path).unwrap()) {
            assert!(other == room || allowed.contains(&other.as_str()), "{} imports {other}", path.display());
            unused.retain(|pair| *pair != (room, other.as_str()));
        }
    }
    assert!(unused.is_empty(), "these need not be allowed: {unused:?}");
}

/// Returns the modules that a module imports, directly or through others.
fn reached<'a>(imports: &'a BTreeMap<Module, BTreeSet<Module>>, module: &'a str) -> BTreeSet<&'a str> {
    let (mut reached, mut open) = (BTreeSet::new(), vec![module]);
    while let Some(module) = open.pop() {
        open.extend(imports[module].iter().map(String::as_str).filter(|next| reached.insert(*next)));
    }
    reached
}

/// Importing what a `mod.rs` re-exports counts as importing the file that declares it; re-exporting counts as nothing.
#[test]
fn files_of_a_room_form_no_circle() {
    let imports = Graph::of(&rust_files(Path::new("src"))).imports();
    assert!(imports["http/client/fault"].contains("http/transport/tunnel"), "a re-export is not followed");
    let mut circles = Vec::new();
    for (module, imported) in &imports {
        let back = imported.iter().filter(|imported| reached(&imports, imported).contains(module.as_str()));
        circles.extend(back.map(|imported| format!("{module} imports {imported}")));
    }
    assert!(circles.is_empty(), "these imports form circles: {circles:#?}");
}

#[test]
fn only_http_names_its_crates_and_no_file_is_too_long() {
    for path in rust_files(Path::new("src")) {
        let text = fs::read_to_string(&path).unwrap();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        let names_them = ["ureq::", "rustls::", "httparse::"].iter().any(|name| code.contains(name));
        assert!(path.starts_with("src/http") || !names_them, "{} names ureq, rustls or httparse", path.display());
        assert!(path.ends_with("tests.rs") || text.lines().count() <= 400, "{} is too long", path.display());
    }
}
