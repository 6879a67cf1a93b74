//! Explains why an existing AWS file lacks a profile, or a profile lacks credentials. The file format has no syntax
//! errors: unrecognised content is silently skipped.

mod keys;

use crate::aws::ini::{BLANK, BYTE_ORDER_MARK, header, lines, split, without_comment};
use crate::aws::remarks::keys::{GIVE_CREDENTIALS, ID, SECRET, is_known, meant};
use crate::base::shown;

/// Lines beyond this limit are not examined: the first ones explain enough.
const MAX_LINES: usize = 10_000;

/// One of the two files, which differ in their headings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileKind {
    Config,
    Credentials,
}

/// How well a remark explains the problem, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    /// Something meant for the profile is not read.
    Reason,
    /// Something is not read.
    Ignored,
    /// Something is read but has no meaning here.
    Unknown,
}

/// A line of an AWS file that does not have its intended effect. Only headings are quoted.
#[derive(Debug, PartialEq)]
pub(super) struct Remark {
    pub(super) weight: Weight,
    pub(super) line: usize,
    pub(super) why: String,
    pub(super) fix: String,
}

/// Returns the line that best explains why `profile` is missing from a file or has no credentials there.
pub(super) fn remark(text: &str, kind: FileKind, profile: &str) -> Option<Remark> {
    let mut walk = Walk { kind, profile, heading: None, parent: None, found: None };
    if let Some(remark) = encoding(text).or_else(|| other_format(text, &walk.right_heading(profile))) {
        return Some(remark);
    }
    for (number, line) in lines(text).take(MAX_LINES) {
        walk.take(number, line);
    }
    if walk.heading.is_none() && walk.found.is_none() && !text.trim().is_empty() {
        walk.add(Weight::Ignored, 1, "the file has only comments", "remove the # from the lines that should apply");
    }
    walk.found
}

/// Detects an encoding that makes every line unreadable.
fn encoding(text: &str) -> Option<Remark> {
    let zeros = text.bytes().filter(|byte| *byte == 0).count();
    let remark = |line, why: &str, fix: &str| {
        Some(Remark { weight: Weight::Reason, line, why: why.to_owned(), fix: fix.to_owned() })
    };
    // ASCII text in UTF-16 is half zeros.
    if zeros > 0 && zeros >= text.chars().count() / 3 {
        return remark(1, "the file is UTF-16, not UTF-8", "save it as UTF-8 (PowerShell: Out-File -Encoding ascii)");
    }
    let (line, _) = text.split('\n').enumerate().find(|(_, line)| line.trim_end().contains('\r'))?;
    remark(line + 1, "the line ends with CR alone", "save the file with Unix (LF) or Windows (CRLF) line endings")
}

/// Detects a file in the format of another tool or of AWS's console.
fn other_format(text: &str, heading: &str) -> Option<Remark> {
    let text = text.trim_start_matches(|c: char| c == BYTE_ORDER_MARK || c.is_whitespace());
    let first = text.lines().next().unwrap_or_default().to_ascii_lowercase();
    let behind = |open: char| text.strip_prefix(open).map(|rest| rest.trim_start().chars().next());
    let (format, fix) = if matches!(behind('{'), Some(Some('"' | '}'))) || matches!(behind('['), Some(Some('{'))) {
        ("JSON", "")
    } else if first.contains(',') && (first.contains("access key id") || first.contains("secret access key")) {
        ("CSV", " (or run aws configure import --csv file://…)")
    } else {
        return None;
    };
    let fix = format!("write its keys as lines {heading}, {ID} = … and {SECRET} = …{fix}");
    Some(Remark { weight: Weight::Reason, line: 1, why: format!("the file is {format}"), fix })
}

/// The parser's state at a line, as far as remarks need it.
struct Walk<'a> {
    kind: FileKind,
    profile: &'a str,
    heading: Option<String>,
    /// The line of the previous setting if it has no value: indented lines belong to it.
    parent: Option<usize>,
    found: Option<Remark>,
}

impl Walk<'_> {
    fn add(&mut self, weight: Weight, line: usize, why: &str, fix: &str) {
        if self.found.as_ref().is_none_or(|found| weight < found.weight) {
            self.found = Some(Remark { weight, line, why: why.to_owned(), fix: fix.to_owned() });
        }
    }

    fn take(&mut self, number: usize, line: &str) {
        if let Some(name) = header(line) {
            self.parent = None;
            self.heading(number, &name);
            self.heading = Some(name);
        } else if let Some(why) = broken_heading(line) {
            let fix =
                format!("write a heading like {} and nothing else on that line", self.right_heading(self.profile));
            self.add(Weight::Reason, number, why, &fix);
        } else {
            match &self.heading {
                None => {
                    let fix = format!("write {} above it", self.right_heading(self.profile));
                    self.add(Weight::Reason, number, "the line is before the first [section] and is ignored", &fix);
                }
                Some(heading) if is_of(self.kind, heading, self.profile) => self.setting(number, line),
                Some(_) => {}
            }
        }
    }

    fn heading(&mut self, number: usize, name: &str) {
        let bare = bare_name(name);
        let known = match self.kind {
            FileKind::Config => ["profile ", "sso-session ", "services "].iter().any(|kind| name.starts_with(kind)),
            FileKind::Credentials => !name.starts_with("profile "),
        };
        if is_of(self.kind, name, self.profile) {
            return;
        }
        let (weight, meant) = if bare.is_empty() || bare.eq_ignore_ascii_case(self.profile) {
            (Weight::Reason, self.profile)
        } else if known || name.eq_ignore_ascii_case("default") {
            return;
        } else {
            (Weight::Ignored, bare)
        };
        let why = format!("[{}] is not the heading of a profile in this file", shown(name));
        let fix = format!("there it must be {}", self.right_heading(meant));
        self.add(weight, number, &why, &fix);
    }

    fn right_heading(&self, profile: &str) -> String {
        match self.kind {
            FileKind::Config if profile != "default" => format!("[profile {}]", shown(profile)),
            _ => format!("[{}]", shown(profile)),
        }
    }

    fn setting(&mut self, number: usize, line: &str) {
        let indented = line.starts_with(BLANK);
        let Some((key, value)) = split(if indented { line } else { without_comment(line) }) else {
            return self.add(
                Weight::Ignored,
                number,
                "the line is neither a [heading] nor KEY = VALUE",
                "write KEY = VALUE",
            );
        };
        let meant = meant(&key, value);
        if let (true, Some(parent)) = (indented, self.parent) {
            if let Some(name) = meant.or_else(|| GIVE_CREDENTIALS.iter().find(|name| **name == key).copied()) {
                let why = format!("{name} is indented and so belongs to line {parent}");
                self.add(Weight::Reason, number, &why, "remove the blanks before it");
            }
            return;
        }
        self.parent = value.is_empty().then_some(number);
        if let Some(name) = meant {
            self.add(Weight::Reason, number, "the line sets no known key", &format!("write {name} = …"));
        } else if value.is_empty() && [ID, SECRET].contains(&&*key) {
            self.add(Weight::Reason, number, &format!("{key} has no value"), "write the value on the same line");
        } else if !is_known(&key) {
            let fix = format!("write {ID} = … and {SECRET} = …, or another source of credentials");
            self.add(Weight::Unknown, number, "the line sets no known key", &fix);
        }
    }
}

/// Returns whether the parser would assign a heading to the profile.
fn is_of(kind: FileKind, heading: &str, profile: &str) -> bool {
    match (kind, heading.strip_prefix("profile ")) {
        (FileKind::Credentials, None) => heading == profile,
        (FileKind::Credentials, Some(_)) => false,
        (FileKind::Config, None) => heading == profile && profile.eq_ignore_ascii_case("default"),
        (FileKind::Config, Some(name)) => {
            name == profile || ['"', '\''].iter().any(|quote| name == format!("{quote}{profile}{quote}"))
        }
    }
}

/// Returns the name in a heading, however it is written: `Profile: "ci"`.
fn bare_name(heading: &str) -> &str {
    let (word, rest) = heading.split_at_checked("profile".len()).unwrap_or(("", heading));
    let name = if word.eq_ignore_ascii_case("profile") { rest } else { heading };
    name.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ':' | '=' | '-' | '_' | '/' | '.'))
}

/// Returns what is wrong with a line that resembles a heading but is not one.
fn broken_heading(line: &str) -> Option<&'static str> {
    let line = line.trim();
    let (before, inside) = line.split_once('[')?;
    // A bracket may be part of a value.
    if before.contains(['=', ':', '"', '\'', '{']) || (!before.is_empty() && !inside.contains(']')) {
        return None;
    }
    Some(match inside.split_once(']') {
        _ if !before.is_empty() => "the line has something before the [heading], perhaps an invisible character",
        Some(_) => "the line has something after the [heading] that is not a comment (# or ;)",
        None => "the line is a [heading] without a closing ]",
    })
}

#[cfg(test)]
mod tests;
