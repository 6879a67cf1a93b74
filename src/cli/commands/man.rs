//! The command `man`, and the manual page, which is made from the tables of commands and flags.

use std::fmt::Write as _;

use s3_build_cache::program::s3_attributes;
use s3_build_cache::{Error, Result};

use crate::commands::command::{Command, Help, Run};
use crate::commands::help::{ABOUT, EXAMPLE, MIRROR, PRECEDENCE, mirror, usage, variables};
use crate::flags::{FLAGS, Flag, Raw};
use crate::output::exit;

pub(super) const COMMAND: Command = Command {
    name: "man",
    summary: "print the manual page",
    aliases: &["manual"],
    flags: &[],
    help: Help {
        about: "Print the manual page, in roff.",
        usage: "",
        is_listed: false,
        arguments: &[],
        global: &[],
        notes: "",
        examples: &["s3-build-cache man | man -l -", "s3-build-cache man > ~/.local/share/man/man1/s3-build-cache.1"],
    },
    run: Run::Text(run),
};

fn run(raw: &Raw, commands: &'static [Command]) -> Result<String> {
    match raw.positional.first() {
        None => Ok(page(commands)),
        Some(_) => Err(Error::usage("unexpected argument: man takes none")
            .with_hint("s3-build-cache help COMMAND shows the help of one command")),
    }
}

fn page(commands: &[Command]) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let mut page = format!(".TH S3-BUILD-CACHE 1 \"\" \"s3-build-cache {version}\"\n.nh\n.ad l\n");
    let about = ABOUT.trim_end_matches('.').replacen('K', "k", 1);
    let _ = write!(page, ".SH NAME\ns3-build-cache \\- {}\n.SH SYNOPSIS\n.nf\n", text(&about));
    for command in commands {
        let _ = writeln!(page, "{}", text(&usage(command)));
    }
    page.push_str(".fi\n.SH COMMANDS\n");
    for command in commands {
        section(&mut page, command);
    }
    page.push_str(".SH GLOBAL OPTIONS\n");
    for flag in FLAGS.iter().filter(|flag| flag.global) {
        item(&mut page, &label(flag), flag.help);
    }
    page.push_str(".SH ATTRIBUTES\n");
    for about in s3_attributes() {
        item(&mut page, about.name, about.help);
    }
    let _ = writeln!(page, ".SH ENVIRONMENT\n{}", text(PRECEDENCE));
    for (name, help) in variables() {
        item(&mut page, name, help);
    }
    let _ = writeln!(page, ".PP\n{}", text(MIRROR));
    for (name, help) in mirror() {
        item(&mut page, &name, help);
    }
    page.push_str(".SH EXIT STATUS\n");
    for (status, meaning) in exit::MEANINGS {
        item(&mut page, status, meaning);
    }
    let _ = write!(page, ".SH EXAMPLE\n.nf\n{}\n.fi\n", text(EXAMPLE));
    page
}

fn section(page: &mut String, command: &Command) {
    let Help { about, arguments, notes, examples, .. } = command.help;
    let _ = write!(page, ".SS {}\n{}\n", text(&usage(command)), text(about));
    for argument in arguments {
        item(page, argument.name, argument.help);
    }
    for (flag, help) in command.own_flags() {
        item(page, &label(flag), help);
    }
    if !notes.is_empty() {
        let _ = write!(page, ".PP\n{}\n", text(notes));
    }
    let _ = write!(page, ".PP\nFor example:\n.PP\n.nf\n{}\n.fi\n", text(&examples.join("\n")));
}

/// Returns the names of a flag, with its value.
fn label(flag: &Flag) -> String {
    let short = flag.short.map_or_else(String::new, |letter| format!("-{letter}, "));
    short + &flag.usage()
}

fn item(page: &mut String, label: &str, help: &str) {
    let _ = write!(page, ".TP\n.B {}\n{}\n", text(label), text(help).replace('\n', "\n.br\n"));
}

/// Escapes text for roff: every character stands for itself.
fn text(plain: &str) -> String {
    let mut escaped = String::new();
    for (at, line) in plain.lines().enumerate() {
        if at > 0 {
            escaped.push('\n');
        }
        // These begin a request.
        if line.starts_with(['.', '\'']) {
            escaped.push_str("\\&");
        }
        for c in line.chars() {
            match c {
                '\\' => escaped.push_str("\\e"),
                '-' => escaped.push_str("\\-"),
                '\'' => escaped.push_str("\\(aq"),
                '^' => escaped.push_str("\\(ha"),
                '~' => escaped.push_str("\\(ti"),
                c if c.is_ascii() => escaped.push(c),
                c => {
                    let _ = write!(escaped, "\\[u{:04X}]", u32::from(c));
                }
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::COMMANDS;

    #[test]
    fn every_command_and_flag_is_on_the_page() {
        let page = page(COMMANDS);
        for flag in FLAGS {
            assert!(page.contains(&text(&label(flag))), "{}", flag.long);
        }
        for command in COMMANDS {
            assert!(page.contains(&text(&usage(command))), "{}", command.name);
        }
    }

    #[test]
    fn every_variable_is_on_the_page() {
        let page = page(COMMANDS);
        for (name, _) in variables() {
            assert!(page.contains(&format!(".B {name}\n")), "{name}");
        }
    }

    #[test]
    fn text_for_roff_is_escaped() {
        assert_eq!(text("a-b \\\n.c\n'd \u{2713}"), "a\\-b \\e\n\\&.c\n\\&\\(aqd \\[u2713]");
    }
}
