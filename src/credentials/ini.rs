//! The grammar of the AWS files, as the Go SDK reads them: there is no syntax error, what is not recognised is skipped.
//!
//! Two differences: a byte order mark is dropped, and a value that is one lone quote stands for itself.

use std::collections::BTreeMap;
use std::fmt;

const BLANK: [char; 2] = [' ', '\t'];
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Properties by name, the names in lower case.
pub(crate) type Section = BTreeMap<String, Value>;

/// A file's sections by the text between their brackets, a type and a name joined by one space: `profile ci`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ini {
    pub(crate) sections: BTreeMap<String, Section>,
}

/// What a property is set to: a text, or, when the text is empty, perhaps a block of sub-properties.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Value {
    /// The line it begins on, from 1.
    pub(crate) line: usize,
    pub(crate) text: String,
    pub(crate) nested: Section,
}

/// Reads a whole file.
pub(crate) fn parse(text: &str) -> Ini {
    let mut reader = Reader::default();
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    for (index, line) in text.split('\n').enumerate() {
        reader.take(index + 1, line);
    }
    Ini { sections: reader.sections }
}

/// The sections so far, and which of them and which key the next line belongs to.
#[derive(Default)]
struct Reader {
    sections: BTreeMap<String, Section>,
    section: String,
    key: String,
}

impl Reader {
    fn take(&mut self, number: usize, line: &str) {
        let text = line.trim_start_matches(BLANK);
        if line.trim().is_empty() || text.starts_with(['#', ';']) {
            return;
        }
        if let Some(name) = header(line) {
            // A section without a name is none: what follows it is dropped.
            if !name.is_empty() {
                self.sections.entry(name.clone()).or_default();
            }
            self.section = name;
            self.key.clear();
            return;
        }
        let Some(section) = self.sections.get_mut(&self.section) else { return };
        let property = |key: &str, value: &str| (key.to_owned(), Value::new(number, value));
        let set = if line.starts_with(BLANK) {
            let last = if self.key.is_empty() { None } else { section.get_mut(&self.key) };
            match (split(text), last) {
                (Some((key, value)), Some(parent)) if parent.text.is_empty() => {
                    parent.nested.insert(key, Value::new(number, value));
                    return;
                }
                // With nothing to belong to it is a property like any other, and only then has comments.
                (Some((key, value)), _) => property(&key, without_comment(value).trim()),
                (None, Some(parent)) if !parent.text.is_empty() => {
                    parent.text.push('\n');
                    parent.text.push_str(text);
                    return;
                }
                (None, _) => return,
            }
        } else {
            match split(without_comment(line)) {
                Some((key, value)) => property(&key, value),
                None => return,
            }
        };
        self.key.clone_from(&set.0);
        section.insert(set.0, set.1);
    }
}

/// `[type name]` in a line, or `None` when it is no section header.
fn header(line: &str) -> Option<String> {
    let line = line.split(['#', ';']).next()?.trim();
    let inside = line.strip_prefix('[')?.strip_suffix(']')?.trim();
    Some(match inside.split_once(BLANK) {
        Some((kind, name)) => format!("{kind} {}", name.trim_start_matches(BLANK)),
        None => inside.to_owned(),
    })
}

/// The line up to the first `#` or `;` that has a blank before it.
fn without_comment(line: &str) -> &str {
    let mut rest = line;
    for mark in [" #", " ;", "\t#", "\t;"] {
        rest = rest.split_once(mark).map_or(rest, |(before, _)| before);
    }
    rest
}

/// Key and value of a line with `=` or `:` in it, whichever comes first; one pair of quotes around the value is dropped.
fn split(line: &str) -> Option<(String, &str)> {
    let (key, value) = line.split_once(['=', ':'])?;
    let value = value.trim();
    let unquoted = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
    Some((key.trim().to_lowercase(), unquoted.unwrap_or(value)))
}

impl Value {
    fn new(line: usize, text: &str) -> Self {
        Self { line, text: text.to_owned(), nested: Section::new() }
    }
}

/// Never the text: it may be a secret.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Value").field("line", &self.line).field("nested", &self.nested).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
