//! The words that all scripts are made of.

use crate::commands::command::Command;
use crate::commands::help;
use crate::flags::{FLAGS, Flag, Values};

/// Returns the global flags and what they do.
pub(super) fn global_flags() -> impl Iterator<Item = (&'static Flag, &'static str)> {
    FLAGS.iter().filter(|flag| flag.global).map(|flag| (flag, flag.help))
}

/// Returns the flag's spellings: `-j` and `--jobs`.
pub(super) fn spellings(flag: &Flag) -> impl Iterator<Item = String> {
    flag.short.map(|letter| format!("-{letter}")).into_iter().chain([format!("--{}", flag.long)])
}

/// Returns the words that a value can be, if they are known.
pub(super) fn words(values: Values, commands: &[Command]) -> Vec<&'static str> {
    match values {
        Values::OneOf(words) => words.to_vec(),
        Values::HelpTopic => commands.iter().map(|command| command.name).chain(help::topics()).collect(),
        Values::Any | Values::Directory | Values::File | Values::CommandLine => Vec::new(),
    }
}

/// Returns the text on one line.
pub(super) fn one_line(text: &str) -> String {
    text.lines().map(|line| line.trim_end_matches(';')).collect::<Vec<_>>().join("; ")
}
