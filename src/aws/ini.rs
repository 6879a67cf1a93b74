//! Parses the AWS files with the Go SDK's grammar: there are no syntax errors, and unrecognised lines are skipped.
//!
//! There are three differences: a byte order mark is dropped, a value that is a single quote is kept, and the command
//! of `credential_process` keeps its quotes, ` #` and ` ;` as in the AWS CLI, because they belong to the shell.

use std::collections::BTreeMap;
use std::fmt;

pub(super) const BLANK: [char; 2] = [' ', '\t'];
/// The key whose value is a shell command.
const COMMAND: &str = "credential_process";
pub(super) const BYTE_ORDER_MARK: char = '\u{feff}';

/// Properties by lower-case name.
pub(crate) type Section = BTreeMap<String, Value>;

/// A file's sections, keyed by the text between their brackets: a type and a name joined by one space, such as `profile
/// ci`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ini {
    pub(crate) sections: BTreeMap<String, Section>,
}

/// The value of a property: a text or, if the text is empty, possibly a block of sub-properties.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Value {
    /// The line where the value begins, counted from 1.
    pub(crate) line: usize,
    pub(crate) text: String,
    pub(crate) nested: Section,
}

/// Parses a whole file.
pub(crate) fn parse(text: &str) -> Ini {
    let mut reader = Reader::default();
    for (number, line) in lines(text) {
        reader.take(number, line);
    }
    Ini { sections: reader.sections }
}

/// Returns the lines that are not just comments, numbered from 1.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let all = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text).split('\n').enumerate();
    all.map(|(index, line)| (index + 1, line))
        .filter(|(_, line)| !line.trim().is_empty() && !line.trim_start_matches(BLANK).starts_with(['#', ';']))
}

/// The sections parsed so far, and the section and key that the next line belongs to.
#[derive(Default)]
struct Reader {
    sections: BTreeMap<String, Section>,
    section: String,
    key: String,
}

impl Reader {
    fn take(&mut self, number: usize, line: &str) {
        let text = line.trim_start_matches(BLANK);
        if let Some(name) = header(line) {
            // A section without a name is ignored, along with its contents.
            if !name.is_empty() {
                self.sections.entry(name.clone()).or_default();
            }
            self.section = name;
            self.key.clear();
            return;
        }
        let Some(section) = self.sections.get_mut(&self.section) else { return };
        let set = if line.starts_with(BLANK) {
            let last = if self.key.is_empty() { None } else { section.get_mut(&self.key) };
            match (split(text), last) {
                (Some((key, value)), Some(parent)) if parent.text.is_empty() => {
                    parent.nested.insert(key, Value::new(number, value));
                    return;
                }
                // Without a parent, it is an ordinary property, and only then may have comments.
                (Some((key, _)), _) if key == COMMAND => (key, command(text)),
                (Some((key, value)), _) => (key, without_comment(value).trim()),
                (None, Some(parent)) if !parent.text.is_empty() => {
                    parent.text.push('\n');
                    parent.text.push_str(text);
                    return;
                }
                (None, _) => return,
            }
        } else {
            match split(without_comment(line)) {
                Some((key, _)) if key == COMMAND => (key, command(line)),
                Some(property) => property,
                None => return,
            }
        };
        self.key.clone_from(&set.0);
        section.insert(set.0, Value::new(number, set.1));
    }
}

/// Parses a `[type name]` header, or returns `None` if the line is not one.
pub(super) fn header(line: &str) -> Option<String> {
    let line = line.split(['#', ';']).next()?.trim();
    let inside = line.strip_prefix('[')?.strip_suffix(']')?.trim();
    Some(match inside.split_once(BLANK) {
        Some((kind, name)) => format!("{kind} {}", name.trim_start_matches(BLANK)),
        None => inside.to_owned(),
    })
}

/// Cuts the line at the first `#` or `;` that follows a blank.
pub(super) fn without_comment(line: &str) -> &str {
    let mut rest = line;
    for mark in [" #", " ;", "\t#", "\t;"] {
        rest = rest.split_once(mark).map_or(rest, |(before, _)| before);
    }
    rest
}

/// Returns the command on a line verbatim, because its quotes and comments belong to the shell. A value that consists
/// only of a comment is empty.
fn command(line: &str) -> &str {
    let value = line.split_once(['=', ':']).map_or("", |(_, value)| value);
    let text = value.trim();
    if value.starts_with(BLANK) && text.starts_with(['#', ';']) { "" } else { text }
}

/// Splits a line at its first `=` or `:` into a key and a value, and strips one pair of quotes around the value.
pub(super) fn split(line: &str) -> Option<(String, &str)> {
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

/// Omits the text, which may be a secret.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Value").field("line", &self.line).field("nested", &self.nested).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
