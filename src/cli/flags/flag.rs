//! One row of the table of flags.

use s3_build_cache::Result;

use crate::flags::raw::Raw;

/// One flag of the program.
pub(crate) struct Flag {
    /// The name, without the two dashes.
    pub(crate) long: &'static str,
    pub(crate) short: Option<char>,
    pub(crate) effect: Effect,
    /// What the flag does. A command that takes the flag may describe it more precisely.
    pub(crate) help: &'static str,
    /// Whether all commands take the flag. The others are listed by each command that takes them.
    pub(crate) global: bool,
    /// Whether it can be given several times, and adds up.
    pub(crate) repeats: bool,
    /// Whether a variable can set it. Not if a command would then write, delete or allow what it otherwise does not:
    /// that is decided for each run.
    pub(crate) mirrored: bool,
    /// Names of the flag in other tools. `no-progress=quiet` suggests this flag with the value `quiet`.
    pub(crate) aliases: &'static [&'static str],
}

/// The effect of a flag on the raw arguments.
pub(crate) enum Effect {
    Switch(fn(&mut Raw)),
    Value {
        /// The name of the value in the help, in capitals.
        name: &'static str,
        values: Values,
        /// Parses the value and sets it.
        set: fn(&mut Raw, String) -> Result<()>,
    },
}

/// The values of a flag or an argument that a shell can complete.
#[derive(Clone, Copy)]
pub(crate) enum Values {
    Any,
    OneOf(&'static [&'static str]),
    Directory,
    File,
    /// A program and its arguments. Nothing after it is an option of ours.
    CommandLine,
    /// What `help` explains: a command or a topic.
    HelpTopic,
}

impl Flag {
    /// Returns the name of the flag's value, if it takes one.
    pub(crate) fn value_name(&self) -> Option<&'static str> {
        match self.effect {
            Effect::Switch(_) => None,
            Effect::Value { name, .. } => Some(name),
        }
    }

    /// Returns the long form with the name of its value: `--jobs N`.
    pub(crate) fn usage(&self) -> String {
        let value = self.value_name().map_or_else(String::new, |name| format!(" {name}"));
        format!("--{}{value}", self.long)
    }

    /// Returns the values to complete, if the flag takes a value.
    pub(crate) fn values(&self) -> Option<Values> {
        match self.effect {
            Effect::Switch(_) => None,
            Effect::Value { values, .. } => Some(values),
        }
    }
}
