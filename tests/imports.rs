//! The rooms of `src/` and which of them each may import: imports go one way, between rooms and between files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A room, and the rooms it may name. Whoever comes later may name those before, never the other way round.
const ROOMS: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("files", &["base"]),
    ("config", &["base"]),
    ("sigv4", &["base"]),
    ("object", &["base"]),
    ("cache_config", &["base", "object"]),
    ("transfer", &["base"]),
    ("http", &["base", "files", "object"]),
    ("layout", &["base", "files", "cache_config", "object"]),
    ("credentials", &["base", "config", "files", "http", "object", "sigv4"]),
    ("s3", &["base", "config", "credentials", "http", "object", "sigv4"]),
    ("store", &["base", "config", "credentials", "files", "http", "object", "s3", "transfer"]),
    ("bucket", &["base", "config"]),
    (
        "ops",
        &["base", "bucket", "config", "credentials", "layout", "cache_config", "object", "s3", "store", "transfer"],
    ),
    // The program: what it names as `crate::` is its own, of the library it sees the public items.
    (
        "cli",
        &[
            "args", "doctor", "exit", "export", "help", "human", "import", "json", "logger", "output", "progress",
            "session", "signals", "suggest",
        ],
    ),
];

fn rust_files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let (directories, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let mut files: Vec<PathBuf> =
        files.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect();
    files.extend(directories.iter().flat_map(|directory| rust_files(directory)));
    files
}

/// The rooms that the file names as `crate::room`, in whatever line.
fn named(text: &str) -> Vec<String> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let after = code.flat_map(|line| line.split("crate::").skip(1)).map(|rest| {
        rest.chars().take_while(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '_').collect::<String>()
    });
    after.filter(|room| !room.is_empty()).collect()
}

#[test]
fn imports_go_one_way() {
    for path in rust_files(Path::new("src")) {
        let room = path.iter().nth(1).unwrap().to_str().unwrap();
        if room == "lib.rs" || room == "build.rs" {
            continue;
        }
        let (_, allowed) =
            ROOMS.iter().find(|(name, _)| *name == room).unwrap_or_else(|| panic!("{room}: a new room?"));
        for other in named(&fs::read_to_string(&path).unwrap()) {
            assert!(other == room || allowed.contains(&other.as_str()), "{} imports {other}", path.display());
        }
    }
}

#[test]
fn only_http_names_its_crates_and_no_file_is_too_long() {
    for path in rust_files(Path::new("src")) {
        let text = fs::read_to_string(&path).unwrap();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        let names_them = code.contains("ureq::") || code.contains("rustls::");
        assert!(path.starts_with("src/http") || !names_them, "{} names ureq or rustls", path.display());
        assert!(path.ends_with("tests.rs") || text.lines().count() <= 400, "{} is too long", path.display());
    }
}

/// Rooms whose files still import each other in a circle. None should be added.
const CIRCULAR: &[&str] = &["credentials", "http", "ops", "s3"];

/// The files of a room by module path, such as `write::blob`, each with its code; tests are left out.
fn modules(room: &Path) -> BTreeMap<String, String> {
    let files = rust_files(room).into_iter().filter_map(|path| {
        let module = path.strip_prefix(room).unwrap().with_extension("");
        let parts: Vec<&str> = module.iter().map(|part| part.to_str().unwrap()).collect();
        let parts = parts.strip_suffix(&["mod"]).unwrap_or(&parts);
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap().lines();
        let code = code.filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        (!parts.contains(&"tests")).then(|| (parts.join("::"), code))
    });
    files.collect()
}

/// Expands the import tree at the start of `text`, such as `a::{b, c::D}`, and returns what follows it.
fn expand<'a>(before: &str, text: &'a str, paths: &mut Vec<String>) -> &'a str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_' && c != ':').unwrap_or(text.len());
    let (path, mut rest) = text.split_at(end);
    let path = format!("{before}{path}");
    if !path.ends_with("::") || !rest.starts_with('{') {
        paths.push(path.trim_end_matches(':').to_owned());
        return rest;
    }
    while let Some(next) = rest.strip_prefix(['{', ',']) {
        let next = next.trim_start();
        rest = if next.starts_with('}') { next } else { expand(&path, next, paths) }.trim_start();
    }
    rest.strip_prefix('}').unwrap_or(rest)
}

/// Returns the modules of the room that `code` names, through the items that `mod.rs` exports if need be.
fn imports(code: &str, room: &str, modules: &BTreeMap<String, String>) -> BTreeSet<String> {
    let mut exports = Vec::new();
    for line in modules.get("").into_iter().flat_map(|code| code.split("use ").skip(1)) {
        expand("", line, &mut exports);
    }
    let mut paths = Vec::new();
    for line in code.split("crate::").skip(1) {
        expand("", line, &mut paths);
    }
    let inside = paths.iter().filter_map(|path| path.strip_prefix(room));
    let named = inside.filter_map(|path| {
        let item = path.split("::").next()?;
        let export = exports.iter().find(|export| export.rsplit("::").next() == Some(item));
        let path = if modules.contains_key(item) { path } else { export? };
        (0..=path.len()).rev().filter_map(|end| path.get(..end)).find(|path| modules.contains_key(*path))
    });
    named.filter(|module| !module.is_empty()).map(str::to_owned).collect()
}

#[test]
fn files_of_a_room_do_not_import_each_other_in_a_circle() {
    for (room, _) in ROOMS.iter().filter(|(room, _)| !CIRCULAR.contains(room)) {
        let modules = modules(&Path::new("src").join(room));
        let prefix = if *room == "cli" { String::new() } else { format!("{room}::") };
        let mut left: BTreeMap<&String, BTreeSet<String>> =
            modules.iter().map(|(module, code)| (module, imports(code, &prefix, &modules))).collect();
        for (module, imports) in &mut left {
            imports.remove(*module);
        }
        // Removes the files that import none of the others until only circles, and what depends on them, are left.
        while let Some(done) = left.iter().find(|(_, imports)| imports.is_empty()).map(|(module, _)| (*module).clone())
        {
            left.remove(&done);
            for imports in left.values_mut() {
                imports.remove(&done);
            }
        }
        assert!(left.is_empty(), "{room}: {left:?}");
    }
}
