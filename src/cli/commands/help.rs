//! The command `help`, and the help texts, which are made from the tables of commands and flags.

use std::fmt::Write as _;

use s3_build_cache::program::{VARIABLES, s3_attributes};
use s3_build_cache::{Error, Result};

use crate::commands::command::{Argument, Command, Help, Run};
use crate::flags::{self, FLAGS, Flag, Raw, Values};
use crate::output::{exit, human};
use crate::variables::{ATTRIBUTES, variable};

pub(super) const COMMAND: Command = Command {
    name: "help",
    summary: "show the options and examples of a command, or explain a topic",
    aliases: &["usage"],
    flags: &[],
    help: Help {
        about: "List the commands, show the options and examples of one, or explain a topic.",
        usage: "[COMMAND|TOPIC]",
        is_listed: false,
        arguments: &[Argument {
            name: "TOPIC",
            help: "attributes: what --cache-to and --cache-from take\n\
                   environment: which variables are read\n\
                   examples: the examples of all commands\n\
                   exit-status: what each exit status means",
            values: Values::HelpTopic,
        }],
        global: &[],
        notes: "",
        examples: &["s3-build-cache help export", "s3-build-cache help attributes"],
    },
    run: Run::Text(run),
};

/// A topic that `help` explains besides the commands.
struct Topic {
    name: &'static str,
    text: fn(&[Command]) -> String,
}

const TOPICS: [Topic; 4] = [
    Topic { name: "attributes", text: |_| attributes() },
    Topic { name: "environment", text: |_| environment() },
    Topic { name: "examples", text: examples },
    Topic { name: "exit-status", text: |_| columns(exit::MEANINGS, "") },
];

/// What the program does.
pub(super) const ABOUT: &str = "Keep Docker's build cache in S3, with every Docker driver.";
pub(super) const EXAMPLE: &str = "s3-build-cache run -- \\\n  \
     docker buildx build --cache-from type=s3,region=eu-west-1,bucket=my-cache .\n\
     s3-build-cache export cache --cache-to \\\n  type=s3,region=eu-west-1,bucket=my-cache\n\
     s3-build-cache du type=s3,region=eu-west-1,bucket=my-cache";

/// How the environment relates to the attributes.
pub(super) const PRECEDENCE: &str = "An attribute overrides its variable. Empty variables count as unset. A value that \
                                     is not UTF-8 is an error.";
/// How the variables of options work.
pub(super) const MIRROR: &str = "These variables set the options of their names for the commands that take them. The command \
                                 line overrides them. A switch takes true or false, VERBOSE also a number; an option that \
                                 can be repeated takes one value per line.";
/// The variables that the program reads besides those of the library's settings.
const OWN_VARIABLES: &[(&str, &str)] = &[
    ("HOME", "the home directory, which contains .aws"),
    ("NO_COLOR", "do not color the output"),
    (ATTRIBUTES, "attributes of every type=s3 cache that its string leaves open"),
    ("GITHUB_OUTPUT", "a file that import and run append cache-hit and matched-names to"),
    ("GITHUB_STEP_SUMMARY", "a file that export, import and run append a table to"),
    ("BUILDX_BUILDER", "the builder, for run as for buildx"),
    ("BUILDKIT_HOST", "the address of BuildKit, for run as for buildctl"),
];

/// The width of a terminal.
const COLUMNS: usize = 80;

fn run(raw: &Raw, commands: &'static [Command]) -> Result<String> {
    let Some(name) = raw.positional.first() else { return Ok(overview(commands)) };
    let name = name.to_string_lossy();
    if let Some(command) = commands.iter().find(|command| command.name == name) {
        return Ok(page(command));
    }
    if let Some(topic) = TOPICS.iter().find(|topic| topic.name == name) {
        return Ok((topic.text)(commands));
    }
    let names: Vec<&str> = commands.iter().map(|command| command.name).collect();
    let hint = format!("the commands are {}; the topics are {}", human::list(&names), human::list(&topics()));
    Err(Error::usage(format!("no help for {name:?}")).with_hint(hint))
}

/// Returns the names of the topics.
pub(super) fn topics() -> [&'static str; TOPICS.len()] {
    TOPICS.map(|topic| topic.name)
}

fn attributes() -> String {
    let rows: Vec<_> = s3_attributes().iter().map(|about| (about.name, about.help)).collect();
    let intro = "Attributes are one string: type=s3,region=eu-west-1,bucket=my-cache,name=app;main. Quote a field that \
                 contains a comma: \"secret_access_key=a,b\".";
    format!("{}\n{}", wrapped(intro, 0), columns(&rows, "  "))
}

fn environment() -> String {
    let rows: Vec<_> = variables().collect();
    let (rows, mirror) = (columns(&rows, "  "), columns(&mirror(), "  "));
    format!("{}\n{rows}\n{}\n{mirror}", wrapped(PRECEDENCE, 0), wrapped(MIRROR, 0))
}

fn examples(commands: &[Command]) -> String {
    let mut all = String::new();
    for command in commands {
        let _ = writeln!(all, "{}: {}\n{}", command.name, command.summary, indented(&command.help.examples.join("\n")));
    }
    all
}

/// Returns every environment variable that the program reads, with its meaning.
pub(super) fn variables() -> impl Iterator<Item = (&'static str, &'static str)> {
    VARIABLES.iter().chain(OWN_VARIABLES).copied()
}

/// Returns the variables that set options, and what they do.
pub(super) fn mirror() -> Vec<(String, &'static str)> {
    let mut rows = Vec::new();
    for flag in FLAGS {
        if let Some(variable) = variable(flag) {
            rows.push((variable, flag.help));
        }
    }
    rows
}

/// Returns the help of the program: its commands and its global flags.
pub(crate) fn overview(commands: &[Command]) -> String {
    let summaries: Vec<_> = commands.iter().map(|command| (command.name, command.summary)).collect();
    let global: Vec<_> = FLAGS.iter().filter(|flag| flag.global).map(|flag| row(flag, flag.help)).collect();
    format!(
        "{ABOUT}\n\nUsage: s3-build-cache COMMAND [ARGUMENTS] [OPTIONS]\n\nCommands:\n{}\nGlobal options:\n{}\nExamples:\n{}\n\
         s3-build-cache help COMMAND shows the options and examples of a command.\n\
         s3-build-cache help TOPIC: {}.\n",
        columns(&summaries, "  "),
        columns(&global, "  "),
        indented(EXAMPLE),
        human::list(&topics())
    )
}

/// Returns the help of one command.
pub(crate) fn page(command: &Command) -> String {
    let Help { about, arguments, notes, examples, global, .. } = command.help;
    let own: Vec<_> = command.own_flags().map(|(flag, help)| row(flag, help)).collect();
    let usage = usage(command);
    let usage = match usage.split_once(" -- ") {
        _ if own.is_empty() => usage,
        Some((before, rest)) => format!("{before} [OPTIONS] -- {rest}"),
        None => format!("{usage} [OPTIONS]"),
    };
    let mut page = format!("{}\nUsage: {usage}\n", wrapped(about, 0));
    if !arguments.is_empty() {
        let arguments: Vec<_> = arguments.iter().map(|it| (it.name, it.help)).collect();
        let _ = write!(page, "\n{}", columns(&arguments, "  "));
    }
    if !own.is_empty() {
        let _ = write!(page, "\nOptions:\n{}", columns(&own, "  "));
    }
    if !global.is_empty() {
        let names: Vec<String> = global.iter().filter_map(|name| flags::named(name)).map(shortest).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let _ = write!(page, "\nAlso {}: see s3-build-cache --help\n", human::list(&names));
    }
    if !notes.is_empty() {
        let _ = write!(page, "\n{}", wrapped(notes, 0));
    }
    let title = if examples.len() == 1 { "Example" } else { "Examples" };
    let _ = write!(page, "\n{title}:\n{}", indented(&examples.join("\n")));
    page
}

/// Returns the command line of a command: `s3-build-cache export DIR --cache-to ATTRS...`.
pub(super) fn usage(command: &Command) -> String {
    format!("s3-build-cache {} {}", command.name, command.help.usage).trim_end().to_owned()
}

/// Returns a flag as the help lists it, and what it does: `-j, --jobs N`.
fn row<'a>(flag: &Flag, help: &'a str) -> (String, &'a str) {
    let short = flag.short.map_or_else(|| "    ".to_owned(), |letter| format!("-{letter}, "));
    (short + &flag.usage(), help)
}

fn shortest(flag: &Flag) -> String {
    flag.short.map_or_else(|| format!("--{}", flag.long), |letter| format!("-{letter}"))
}

/// Returns lines of a label and a text each; the texts are aligned.
fn columns(rows: &[(impl AsRef<str>, &str)], indent: &str) -> String {
    let width = rows.iter().map(|(label, _)| label.as_ref().chars().count()).max().unwrap_or_default() + 2;
    let mut lines = String::new();
    for (label, text) in rows {
        let label = label.as_ref();
        let _ = write!(lines, "{indent}{label:width$}{}", wrapped(text, indent.len() + width));
    }
    lines
}

/// Returns the lines of the text that fit to the right of `indent` columns. The first line is not indented.
fn wrapped(text: &str, indent: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split(' ') {
            if !line.is_empty() && indent + line.chars().count() + 1 + word.chars().count() > COLUMNS {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines.join(&format!("\n{}", " ".repeat(indent))) + "\n"
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::COMMANDS;

    #[test]
    fn help_fits_a_terminal() {
        let topics = TOPICS.map(|topic| (topic.text)(COMMANDS));
        for text in COMMANDS.iter().map(page).chain([overview(COMMANDS)]).chain(topics) {
            for line in text.lines() {
                assert!(line.chars().count() <= COLUMNS && line.trim_end() == line, "{line:?}");
            }
        }
    }

    #[test]
    fn every_command_and_flag_is_in_the_help_that_it_belongs_to() {
        let all = overview(COMMANDS);
        for flag in FLAGS.iter().filter(|flag| flag.global) {
            assert!(all.contains(&format!("--{} ", flag.long)), "{}", flag.long);
        }
        for command in COMMANDS {
            assert!(all.contains(&format!("\n  {} ", command.name)), "{}", command.name);
            for (flag, _) in command.own_flags() {
                assert!(page(command).contains(&format!("--{} ", flag.long)), "{}", flag.long);
            }
        }
    }

    #[test]
    fn every_topic_is_explained_and_listed() {
        let lines = page(&COMMAND);
        for topic in topics() {
            let raw = Raw { positional: vec![topic.into()], ..Raw::default() };
            assert!(run(&raw, COMMANDS).is_ok_and(|text| !text.is_empty()), "{topic}");
            assert!(lines.contains(&format!(" {topic}: ")), "{topic}");
        }
        let all = overview(COMMANDS);
        assert!(all.ends_with("help TOPIC: attributes, environment, examples and exit-status.\n"), "{all}");
    }

    #[test]
    fn text_is_wrapped_and_line_feeds_are_kept() {
        let long = "word ".repeat(20);
        let text = wrapped(&format!("a\n{}", long.trim_end()), 40);
        assert_eq!(text.lines().count(), 4, "{text}");
        assert!(text.starts_with("a\n    ") && text.ends_with("word\n"), "{text}");
    }
}
