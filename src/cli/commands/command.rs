//! One row of the table of commands.

use std::process::ExitCode;

use s3_build_cache::Result;
use serde_json::Value;

use crate::flags::{self, Flag, Raw, Values};

/// One command of the program.
pub(crate) struct Command {
    pub(crate) name: &'static str,
    /// What the command does, in one line of the overview.
    pub(crate) summary: &'static str,
    /// Names of the command in other tools.
    pub(crate) aliases: &'static [&'static str],
    /// The flags that the command takes besides the global ones.
    pub(crate) flags: &'static [Takes],
    pub(crate) help: Help,
    pub(crate) run: Run,
}

/// A flag that a command takes.
pub(crate) struct Takes {
    /// The name, without the two dashes.
    pub(crate) flag: &'static str,
    /// What the flag does for this command; `None` for the description in the table of flags.
    pub(crate) help: Option<&'static str>,
}

/// The texts of a command's help. They are wrapped when they are shown; a line feed is kept.
pub(crate) struct Help {
    /// What the command does, in one or two sentences.
    pub(crate) about: &'static str,
    /// The arguments in the usage line: `DIR --cache-to ATTRS...`.
    pub(crate) usage: &'static str,
    /// Whether messages that list the commands name it.
    pub(crate) is_listed: bool,
    pub(crate) arguments: &'static [Argument],
    /// The names of the global flags that have an effect on this command.
    pub(crate) global: &'static [&'static str],
    /// A paragraph after the flags.
    pub(crate) notes: &'static str,
    pub(crate) examples: &'static [&'static str],
}

/// A positional argument.
pub(crate) struct Argument {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    pub(crate) values: Values,
}

/// How a command runs.
pub(crate) enum Run {
    /// Checks the arguments, does the work, and reports the result itself. An error that it returns has not been
    /// reported yet.
    Task {
        run: fn(Raw) -> Result<ExitCode>,
        /// Returns the command's part of the JSON result if nothing was done.
        nothing_done: fn() -> Value,
    },
    /// Returns a text that is made from the table of commands.
    Text(fn(&Raw, &'static [Command]) -> Result<String>),
}

impl Takes {
    /// Returns a flag as the table of flags describes it.
    pub(crate) const fn flag(flag: &'static str) -> Self {
        Self { flag, help: None }
    }

    /// Returns a flag with a description for this command.
    pub(crate) const fn with_help(flag: &'static str, help: &'static str) -> Self {
        Self { flag, help: Some(help) }
    }
}

impl Command {
    /// Returns whether the command takes the flag with this name, given without its dashes.
    pub(crate) fn takes(&self, flag: &str) -> bool {
        self.flags.iter().any(|takes| takes.flag == flag)
    }

    /// Returns the command's own flags and what they do.
    pub(crate) fn own_flags(&self) -> impl Iterator<Item = (&'static Flag, &'static str)> {
        self.flags.iter().filter_map(|takes| {
            let flag = flags::named(takes.flag)?;
            Some((flag, takes.help.unwrap_or(flag.help)))
        })
    }

    /// Returns whether the first argument of the command begins a command line, which is not parsed.
    pub(crate) fn takes_a_command_line(&self) -> bool {
        self.help.arguments.iter().any(|argument| matches!(argument.values, Values::CommandLine))
    }

    /// Returns whether the flag has an effect on the command.
    pub(crate) fn has_effect(&self, flag: &Flag) -> bool {
        self.takes(flag.long) || self.help.global.contains(&flag.long)
    }
}
