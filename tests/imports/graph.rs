//! Which file of `src/` imports which.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// A module, as its path below `src/`: `http/client` for both `http/client.rs` and `http/client/mod.rs`.
pub(super) type Module = String;

/// The code of each module, without comments, its tests and its re-exports.
pub(super) struct Graph {
    code: BTreeMap<Module, String>,
    /// What a module re-exports: the name, and the path it stands for.
    exports: BTreeMap<Module, BTreeMap<String, String>>,
}

impl Graph {
    pub(super) fn of(files: &[impl AsRef<Path>]) -> Self {
        let mut graph = Self { code: BTreeMap::new(), exports: BTreeMap::new() };
        for file in files {
            let path = file.as_ref().strip_prefix("src").unwrap().with_extension("");
            let path = if path.ends_with("mod") { path.parent().unwrap() } else { &path };
            if path.iter().any(|part| part == "tests") {
                continue;
            }
            let text = fs::read_to_string(file).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            let code: Vec<_> = code.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
            graph.code.insert(path.to_str().unwrap().to_owned(), code.join("\n"));
        }
        let modules: Vec<Module> = graph.code.keys().cloned().collect();
        for module in modules {
            let (code, exports) = without_exports(&graph.code[&module]);
            let exports = exports.iter().flat_map(paths).filter_map(|path| {
                let name = path.rsplit("::").next()?.to_owned();
                Some((name, graph.absolute(&module, &path)?))
            });
            let exports = exports.collect();
            graph.exports.insert(module.clone(), exports);
            graph.code.insert(module, code);
        }
        graph
    }

    /// The modules that each module imports.
    pub(super) fn imports(&self) -> BTreeMap<Module, BTreeSet<Module>> {
        let imports = self.code.iter().map(|(module, code)| {
            let uses = statements(code).flat_map(paths);
            let inline = code.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
            let inline = inline.filter(|path| path.starts_with("crate::") || path.starts_with("super::"));
            let named = uses.chain(inline.map(str::to_owned)).filter_map(|path| self.absolute(module, &path));
            let named = named.filter_map(|path| self.file_of(&path, 0)).filter(|file| file != module);
            (module.clone(), named.collect())
        });
        imports.collect()
    }

    /// Turns the path that a module writes into one below `src/`. `None` if it leads out of the crate.
    fn absolute(&self, module: &str, path: &str) -> Option<String> {
        let mut at: Vec<&str> = module.split('/').collect();
        let mut parts: Vec<&str> = path.split("::").collect();
        match *parts.first()? {
            "crate" => at.clear(),
            "super" => {}
            "self" => {}
            child if self.code.contains_key(&format!("{module}/{child}")) => parts.insert(0, "self"),
            _ => return None,
        }
        for part in parts {
            match part {
                "super" => drop(at.pop()),
                "crate" | "self" => {}
                part => at.push(part),
            }
        }
        Some(at.join("/"))
    }

    /// The module that declares what the path names, seen through re-exports.
    fn file_of(&self, path: &str, depth: usize) -> Option<Module> {
        let cuts = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        let module = cuts.map(|at| &path[..at]).rfind(|module| self.code.contains_key(*module))?;
        let rest = path[module.len()..].trim_start_matches('/');
        let (name, below) = rest.split_once('/').unwrap_or((rest, ""));
        match self.exports[module].get(name) {
            Some(target) if depth < 8 => self.file_of(format!("{target}/{below}").trim_end_matches('/'), depth + 1),
            _ => Some(module.to_owned()),
        }
    }
}

/// Separates the `pub use` statements from the rest.
fn without_exports(code: &str) -> (String, Vec<String>) {
    let (mut rest, mut exports) = (String::new(), Vec::new());
    for statement in code.split_inclusive(';') {
        match statement.rfind("\nuse ").is_none().then(|| statement.find("pub")).flatten() {
            Some(at) if is_export(&statement[at..]) => {
                let tree = statement[at..].split_once("use ").unwrap().1.trim_end_matches(';');
                exports.push(tree.to_owned());
                rest.push_str(&statement[..at]);
            }
            _ => rest.push_str(statement),
        }
    }
    (rest, exports)
}

fn is_export(text: &str) -> bool {
    let head = text.split("use ").next().unwrap_or_default().trim();
    text.contains("use ") && (head == "pub" || (head.starts_with("pub(") && head.ends_with(')')))
}

/// The trees of the `use` statements.
fn statements(code: &str) -> impl Iterator<Item = &str> {
    let starts = code.match_indices("use ").filter(|(at, _)| *at == 0 || code[..*at].ends_with(['\n', ' ']));
    starts.filter_map(|(at, _)| code[at + 4..].split(';').next())
}

/// The paths of a tree such as `crate::{a, b::{c, d as e}}`.
fn paths(tree: impl AsRef<str>) -> Vec<String> {
    let tree = tree.as_ref().trim();
    let Some((start, rest)) = tree.split_once('{') else {
        return vec![tree.split(" as ").next().unwrap_or_default().trim().to_owned()];
    };
    let (mut depth, mut found, mut from) = (0, Vec::new(), 0);
    let body = &rest[..rest.rfind('}').unwrap_or(rest.len())];
    for (at, c) in body.char_indices().chain([(body.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                found.push(&body[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    let branches = found.into_iter().filter(|branch| !branch.trim().is_empty());
    branches.flat_map(|branch| paths(format!("{start}{}", branch.trim()))).collect()
}
