//! Keeps the tables in the guides and in `README.md` equal to those of the program. Each is between the comments
//! `<!-- table: NAME -->` and `<!-- end -->`.

use std::fmt::Write as _;
use std::fs;

use s3_build_cache::program::s3_attributes;

use crate::commands::COMMANDS;
use crate::commands::command::Command;
use crate::commands::help::{mirror, usage, variables};
use crate::flags::{FLAGS, Flag};
use crate::output::exit;

#[test]
fn tables_in_the_guides_are_those_of_the_program() {
    let guides = [
        ("README.md", "summaries", summaries()),
        ("src/guide/attributes.md", "attributes", attributes()),
        ("src/guide/commands.md", "commands", COMMANDS.iter().map(section).collect::<Vec<_>>().join("\n\n")),
        ("src/guide/commands.md", "global-options", table("option", FLAGS.iter().filter(|it| it.global).map(option))),
        ("src/guide/environment.md", "environment", table("variable", variables().map(code))),
        (
            "src/guide/environment.md",
            "options",
            table("variable", mirror().iter().map(|(name, help)| code((name, help)))),
        ),
        ("src/guide/errors.md", "exit-status", table("status", exit::MEANINGS.iter().copied())),
    ];
    let mut stale = String::new();
    for (file, name, expected) in guides {
        let text = fs::read_to_string(format!("{}/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let start = format!("<!-- table: {name} -->\n\n");
        let found = text.split_once(&start).and_then(|(_, rest)| Some(rest.split_once("<!-- end -->")?.0));
        if found.map(str::trim_end) != Some(&expected) {
            let _ = write!(stale, "\n{file}: paste this below <!-- table: {name} -->\n\n{expected}\n\n<!-- end -->\n");
        }
    }
    assert!(stale.is_empty(), "{stale}");
}

/// Returns the commands that do the work, without `run`, which has a section of its own.
fn summaries() -> String {
    let main = COMMANDS.iter().filter(|command| command.help.is_listed && command.name != "run");
    table("command", main.map(|command| (format!("`{}`", command.name), command.summary)))
}

fn attributes() -> String {
    let mut rows = "| attribute | meaning | default |\n|---|---|---|".to_owned();
    for about in s3_attributes() {
        let (meaning, default) = about.help.split_once("; default: ").unwrap_or((about.help, ""));
        let _ = write!(rows, "\n| `{}` | {} | {} |", about.name, plain(meaning), plain(default));
    }
    rows
}

/// Returns the section of a command: what it does, its usage, its arguments and options, its notes and its examples.
fn section(command: &Command) -> String {
    let mut section =
        format!("## {}\n\n{}\n\n```text\n{}\n```", command.name, plain(command.help.about), usage(command));
    let arguments = command.help.arguments.iter().map(|argument| (format!("`{}`", argument.name), argument.help));
    let rows: Vec<_> = arguments.chain(command.own_flags().map(|(flag, help)| (label(flag), help))).collect();
    if !rows.is_empty() {
        let _ = write!(section, "\n\n{}", table("argument or option", rows));
    }
    if !command.help.notes.is_empty() {
        let _ = write!(section, "\n\n{}", plain(command.help.notes));
    }
    let _ = write!(section, "\n\n```sh\n{}\n```", command.help.examples.join("\n"));
    section
}

fn table<'a>(label: &str, rows: impl IntoIterator<Item = (impl AsRef<str>, &'a str)>) -> String {
    let mut table = format!("| {label} | meaning |\n|---|---|");
    for (label, meaning) in rows {
        let _ = write!(table, "\n| {} | {} |", label.as_ref(), plain(meaning));
    }
    table
}

fn code((label, meaning): (&str, &'static str)) -> (String, &'static str) {
    (format!("`{label}`"), meaning)
}

fn option(flag: &Flag) -> (String, &'static str) {
    (label(flag), flag.help)
}

/// Returns the names of a flag, with its value.
fn label(flag: &Flag) -> String {
    let short = flag.short.map_or_else(String::new, |letter| format!("`-{letter}`, "));
    format!("{short}`{}`", flag.usage())
}

/// Escapes what Markdown would take for markup. Options are code, or rustdoc would turn their dashes into one.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let option =
            rest.strip_prefix("--").unwrap_or_default().chars().take_while(|c| c.is_ascii_lowercase() || *c == '-');
        let length = match option.count() {
            0 => c.len_utf8(),
            letters => 2 + letters,
        };
        let (start, end) = rest.split_at(length);
        match c {
            _ if length > c.len_utf8() => plain.extend(["`", start, "`"]),
            '|' | '[' | '*' | '<' => plain.extend(["\\", start]),
            '\n' => plain.push_str("<br>"),
            _ => plain.push_str(start),
        }
        rest = end;
    }
    plain
}
