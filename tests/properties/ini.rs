//! The AWS config and credentials files.

use crate::aws::{Ini, Section, Value, parse_ini};

/// The key whose value keeps its quotes.
const COMMAND: &str = "credential_process";

/// The reader agrees with a second implementation, the result survives being written plainly and is not larger than the
/// file, and no value is shown.
pub fn ini(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let read = parse_ini(&text);
    assert!(read == by_the_line(&text), "{text:?}");
    // A letter may take one more byte in lower case.
    assert!(length(&read) <= 2 * text.len());
    if can_be_printed(&read) {
        assert!(without_places(parse_ini(&print(&read))) == without_places(read.clone()), "{text:?}");
    }
    let mut other = read.clone();
    values(&mut other, &|value| "another".clone_into(&mut value.text));
    assert_eq!(format!("{read:?}"), format!("{other:?}"));
}

/// The kind of a line on its own.
enum Line<'a> {
    Skipped,
    Heading(String),
    /// The key and value of `key=value`. The value keeps its quotes, and also its comment if the line is indented or
    /// contains a command.
    Pair(String, &'a str),
    Words(&'a str),
}

fn by_the_line(text: &str) -> Ini {
    let mut ini = Ini::default();
    let (mut heading, mut parent) = (String::new(), None::<String>);
    for (line, number) in text.strip_prefix('\u{feff}').unwrap_or(text).split('\n').zip(1..) {
        let indented = is_blank(line.as_bytes().first());
        let section = ini.sections.get_mut(&heading);
        match (classify(line, indented), section, indented) {
            (Line::Heading(name), ..) => {
                if !name.is_empty() {
                    ini.sections.entry(name.clone()).or_default();
                }
                (heading, parent) = (name, None);
            }
            (Line::Pair(key, value), Some(section), true) => {
                match parent.as_ref().and_then(|parent| section.get_mut(parent)).filter(|value| value.text.is_empty()) {
                    Some(parent) => _ = parent.nested.insert(key, value_of(number, unquoted(value.trim()))),
                    None if key == COMMAND => parent = Some(set(section, key, value_of(number, command(value)))),
                    None => parent = Some(set(section, key, value_of(number, before_comment(unquoted(value)).trim()))),
                }
            }
            (Line::Pair(key, value), Some(section), false) => {
                let text = if key == COMMAND { command(value) } else { unquoted(value) };
                parent = Some(set(section, key, value_of(number, text)));
            }
            (Line::Words(words), Some(section), true) => {
                let value = parent.as_ref().and_then(|parent| section.get_mut(parent));
                if let Some(value) = value.filter(|value| !value.text.is_empty()) {
                    value.text = format!("{}\n{words}", value.text);
                }
            }
            _ => {}
        }
        // A property without a name cannot start a block.
        parent = parent.filter(|parent| !parent.is_empty());
    }
    ini
}

fn classify(line: &str, indented: bool) -> Line<'_> {
    let bytes = line.as_bytes();
    let first = bytes.iter().position(|byte| !is_blank(Some(byte))).unwrap_or(bytes.len());
    if line.chars().all(char::is_whitespace) || matches!(bytes.get(first), Some(b'#' | b';')) {
        return Line::Skipped;
    }
    let end = bytes.iter().position(|byte| matches!(byte, b'#' | b';')).unwrap_or(bytes.len());
    let bracketed = part(line, 0, end).trim();
    if bracketed.len() > 1 && bracketed.starts_with('[') && bracketed.ends_with(']') {
        let inside = part(bracketed, 1, bracketed.len() - 1).trim();
        let Some(blank) = inside.bytes().position(|byte| is_blank(Some(&byte))) else {
            return Line::Heading(inside.to_owned());
        };
        let name = part(inside, blank, inside.len()).trim_start_matches([' ', '\t']);
        return Line::Heading(format!("{} {name}", part(inside, 0, blank)));
    }
    let whole = part(line, first, bytes.len());
    let line = if indented { whole } else { before_comment(line) };
    match line.bytes().position(|byte| matches!(byte, b'=' | b':')) {
        Some(at) => match part(line, 0, at).trim().to_lowercase() {
            key if key == COMMAND => Line::Pair(key, part(whole, at + 1, whole.len())),
            key => Line::Pair(key, part(line, at + 1, line.len()).trim()),
        },
        None => Line::Words(line),
    }
}

fn set(section: &mut Section, key: String, value: Value) -> String {
    section.insert(key.clone(), value);
    key
}

fn value_of(line: usize, text: &str) -> Value {
    Value { line, text: text.to_owned(), nested: Section::new() }
}

fn is_blank(byte: Option<&u8>) -> bool {
    matches!(byte, Some(b' ' | b'\t'))
}

fn before_comment(line: &str) -> &str {
    let mark = |pair: &[u8]| is_blank(pair.first()) && matches!(pair.last(), Some(b'#' | b';'));
    part(line, 0, line.as_bytes().windows(2).position(mark).unwrap_or(line.len()))
}

/// Returns a command as written, unless the whole value is a comment.
fn command(value: &str) -> &str {
    let text = value.trim();
    match (value.as_bytes(), text.as_bytes()) {
        ([b' ' | b'\t', ..], [b'#' | b';', ..]) => "",
        _ => text,
    }
}

fn unquoted(value: &str) -> &str {
    match value.as_bytes() {
        [b'"', .., b'"'] | [b'\'', .., b'\''] => part(value, 1, value.len() - 1),
        _ => value,
    }
}

fn part(text: &str, start: usize, end: usize) -> &str {
    text.get(start..end).unwrap_or_default()
}

fn length(ini: &Ini) -> usize {
    let section = |section: &Section| section.iter().map(|(key, value)| key.len() + value.text.len()).sum::<usize>();
    let nested = |all: &Section| all.values().map(|value| section(&value.nested)).sum::<usize>();
    ini.sections.iter().map(|(name, all)| name.len() + section(all) + nested(all)).sum()
}

/// Prints the same file plainly: sorted, with every text but a command in quotes.
fn print(ini: &Ini) -> String {
    let mut out = String::new();
    for (name, section) in &ini.sections {
        out.push_str(&format!("[{name}]\n"));
        for (key, value) in section {
            let (first, more) = value.text.split_once('\n').map_or((&*value.text, None), |(a, b)| (a, Some(b)));
            out.push_str(&match first {
                _ if key == COMMAND => format!("{key}={first}\n"),
                "" => format!("{key}=\n"),
                _ => format!("{key}=\"{first}\"\n"),
            });
            more.into_iter().flat_map(|more| more.split('\n')).for_each(|line| out.push_str(&format!("  {line}\n")));
            for (key, value) in &value.nested {
                out.push_str(&format!("  {key} = \"{}\"\n", value.text));
            }
        }
    }
    out
}

/// Returns whether no name has another meaning at the start of a line. A name can have one if it was indented, or
/// followed white space other than blanks and tabs.
fn can_be_printed(ini: &Ini) -> bool {
    let plain = |key: &String| before_comment(key) == key && !key.starts_with(['[', '#', ';']);
    let nested = |value: &Value| value.nested.keys().all(|key| !key.starts_with(['#', ';']));
    ini.sections.values().all(|section| section.keys().all(plain) && section.values().all(nested))
}

fn without_places(mut ini: Ini) -> Ini {
    values(&mut ini, &|value| value.line = 0);
    ini
}

fn values(ini: &mut Ini, change: &dyn Fn(&mut Value)) {
    for value in ini.sections.values_mut().flat_map(Section::values_mut) {
        change(value);
        value.nested.values_mut().for_each(change);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn short_files(text in "([\\[\\]a-bA \t=:#;\"'\r\u{a0}x.]{0,12}\n){0,12}") {
            super::ini(text.as_bytes());
            super::ini(format!("[default]\n{text}").as_bytes());
        }

        #[test]
        fn commands(text in "((\u{20}{0,1}credential_process[ =]{1,2}|[ab=])?[a \t=#;\"'\\\\x]{0,8}\n){0,6}") {
            super::ini(format!("[default]\n{text}").as_bytes());
        }
    }
}
