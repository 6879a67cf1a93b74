//! The result for GitHub Actions: outputs for the steps that follow, and a table on the page of the job.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;

use s3_build_cache::error::printable;
use serde_json::Value;

use crate::output::human;

/// Appends the result of `export`, `import` or `run` to the files that GitHub's variables name. Logs a warning if a
/// file cannot be written. `warnings` is the number of warnings so far, and `body` holds the command's fields of the
/// JSON result.
pub(crate) fn append(command: &str, outcome: &str, warnings: usize, body: &Value) {
    if !["export", "import", "run"].contains(&command) {
        return;
    }
    if let Some(outputs) = outputs(command, outcome, body) {
        append_to("GITHUB_OUTPUT", &outputs);
    }
    append_to("GITHUB_STEP_SUMMARY", &table(command, outcome, warnings, body));
}

fn append_to(variable: &str, text: &str) {
    let Some(file) = std::env::var_os(variable).filter(|file| !file.is_empty()) else { return };
    let mut options = OpenOptions::new();
    // A FIFO that nobody reads must not block.
    options.append(true).create(true).custom_flags(libc::O_NONBLOCK);
    let written = options.open(file).and_then(|mut file| {
        // The text before may end without a line break, and a table needs an empty line before it.
        let start = if file.metadata()?.len() > 0 { "\n\n" } else { "" };
        file.write_all(format!("{start}{text}").as_bytes())
    });
    if let Err(error) = written {
        log::warn!("cannot write to the file in {variable}: {error}");
    }
}

/// Returns the outputs of a command that reads caches. Names are separated by `;`, which they never contain, and are
/// escaped, so that they cannot end the line.
fn outputs(command: &str, outcome: &str, body: &Value) -> Option<String> {
    let (hit, names) = match command {
        "import" => (matches!(outcome, "restored" | "dry-run"), field(body, "names", "")),
        "run" => (field(body, "manifests", "found").as_u64() > Some(0), field(body, "manifests", "names")),
        _ => return None,
    };
    Some(format!("cache-hit={hit}\nmatched-names={}\n", printable(&words(names).join(";"))))
}

/// The columns of a table, and where the values are in the body: a field, and one in it.
type Columns = &'static [(&'static str, &'static str, &'static str)];

const OF_TRANSFER: Columns = &[
    ("layers", "layers", ""),
    ("blobs", "blobs", "total"),
    ("transferred", "blobs", "transferred"),
    ("bytes", "bytes", ""),
];
const OF_RUN: Columns = &[
    ("hits", "manifests", "found"),
    ("misses", "manifests", "missed"),
    ("layers served", "blobs", "served"),
    ("bytes down", "bytes", "down"),
    ("blobs received", "blobs", "uploaded"),
    ("bytes up", "bytes", "up"),
];
const OF_ALL: Columns = &[("names", "names", ""), ("seconds", "seconds", "")];

/// Returns the result as one row.
fn table(command: &str, outcome: &str, warnings: usize, body: &Value) -> String {
    let mut caches = words(field(body, "caches", ""));
    for target in field(body, "targets", "").as_array().into_iter().flatten() {
        caches.push(field(target, "cache", "").as_str().unwrap_or_default());
    }
    let mut table = ["| command | cache | outcome |".to_owned(), "\n|---|---|---|".to_owned(), "\n|".to_owned()];
    let [head, rule, row] = &mut table;
    for text in [command, &caches.join(", "), outcome] {
        cell(row, text);
    }
    for (label, name, inner) in if command == "run" { OF_RUN } else { OF_TRANSFER }.iter().chain(OF_ALL) {
        let text = match field(body, name, inner) {
            value @ Value::Array(_) => words(value).join(", "),
            value if *name == "bytes" => human::size(value.as_u64().unwrap_or_default()),
            value => value.to_string(),
        };
        let _ = write!(head, " {label} |");
        rule.push_str("---|");
        cell(row, &text);
    }
    format!("{} warnings |{}---|{} {warnings} |\n\n", table[0], table[1], table[2])
}

/// Returns a field of the body, or the field `inner` of it, or null if it does not exist.
fn field<'a>(body: &'a Value, name: &str, inner: &str) -> &'a Value {
    let value = body.get(name).filter(|_| inner.is_empty()).or_else(|| body.get(name)?.get(inner));
    value.unwrap_or(&Value::Null)
}

fn words(array: &Value) -> Vec<&str> {
    let mut words = Vec::new();
    for word in array.as_array().into_iter().flatten() {
        words.push(word.as_str().unwrap_or_default());
    }
    words
}

/// Adds a cell in which everything that may be markup is escaped.
fn cell(row: &mut String, text: &str) {
    row.push(' ');
    for c in printable(text).chars() {
        if c.is_ascii_alphanumeric() || !c.is_ascii() || matches!(c, ' ' | '.' | ',' | '-' | '/') {
            row.push(c);
        } else {
            let _ = write!(row, "&#{};", u32::from(c));
        }
    }
    row.push_str(" |");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_name_cannot_add_an_output() {
        let body = json!({"names": ["a\ncache-hit=true", "b<<c\r", "d\u{2028}e"]});
        let outputs = outputs("import", "miss", &body).unwrap();
        assert_eq!(outputs, "cache-hit=false\nmatched-names=a\\ncache-hit=true;b<<c\\r;d\\u{2028}e\n");
    }

    #[test]
    fn only_commands_that_read_have_outputs() {
        let body = json!({"names": ["a"], "manifests": {"found": 2, "missed": 1, "names": ["b", "c"]}});
        for (command, outcome, expected) in [
            ("import", "restored", Some("cache-hit=true\nmatched-names=a\n")),
            ("import", "dry-run", Some("cache-hit=true\nmatched-names=a\n")),
            ("import", "failed", Some("cache-hit=false\nmatched-names=a\n")),
            ("run", "finished", Some("cache-hit=true\nmatched-names=b;c\n")),
            ("export", "exported", None),
        ] {
            assert_eq!(outputs(command, outcome, &body).as_deref(), expected, "{command} {outcome}");
        }
        assert_eq!(outputs("run", "failed", &json!({})).as_deref(), Some("cache-hit=false\nmatched-names=\n"));
    }

    #[test]
    fn text_in_the_table_is_no_markup() {
        let body = json!({"targets": [{"cache": "s3://b|<img>/"}], "names": ["*x*\n| y", "größe"], "seconds": 1.5});
        let table = table("import", "miss", 2, &body);
        assert_eq!(table.lines().count(), 4, "{table}");
        for part in ["s3&#58;//b&#124;&#60;img&#62;/", "&#42;x&#42;&#92;n&#124; y, größe", " 1.5 | 2 |\n\n"] {
            assert!(table.contains(part), "{part}: {table}");
        }
        let columns = table.lines().map(|line| line.matches('|').count()).collect::<Vec<_>>();
        assert_eq!(columns, [11, 11, 11, 0]);
    }
}
